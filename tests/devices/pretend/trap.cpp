/* Traps: one sentence that names kernel, block, thread and byte, and the end of the program. */
#include <cstdarg>
#include <cstdio>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>
#include "device.h"

namespace pretend {

Now now = { nullptr, nullptr, NO_BLOCK, {} };

static bool on_working_thread() { return now.work && pthread_equal(now.host, pthread_self()); }

void trap(const char *format, ...)
{
    char what[500];
    std::string who = "the host";
    va_list list;
    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    if (on_working_thread() && now.launch) {
        who = "kernel " + kernel_of(now.launch->kernel).name;
        if (now.thread != NO_BLOCK)
            who += ", block " + std::to_string(blockIdx.x) + "," + std::to_string(blockIdx.y) +
                   "," + std::to_string(blockIdx.z);
        if (now.thread >= 0) who += ", thread " + std::to_string(now.thread);
    } else if (on_working_thread()) {
        who = now.work;
    }
    fprintf(stderr, "\npretend device: %s: %s\n", who.c_str(), what);
    fflush(stderr);
    _exit(70);
}

static const void *instruction_of(void *context)
{
#if defined __x86_64__
    return (const void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
    return (const void *)((ucontext_t *)context)->uc_mcontext.pc;
#else
    return context ? nullptr : nullptr;
#endif
}

static std::string place_of(void *context)
{
    size_t offset;
    const std::string name = symbol_of(instruction_of(context), &offset);
    return name + "+" + std::to_string(offset);
}

/* The kernels are compiled so that an index outside an array, a misaligned vector and an integer's
 * overflow end in an instruction that is none. */
static struct sigaction former_fault, former_illegal;

static void on_signal(int signal, siginfo_t *info, void *context)
{
    struct sigaction *former = signal == SIGSEGV ? &former_fault : &former_illegal;
    if (signal == SIGSEGV && near_device(info->si_addr)) {
        if (on_fault(info->si_addr)) return;
    } else if (on_working_thread() && signal == SIGSEGV) {
        trap("touched address %p, which is no device memory (in %s)", info->si_addr,
             place_of(context).c_str());
    } else if (on_working_thread()) {
        trap("an index outside an array, a misaligned vector or an integer's overflow (in %s; the "
             "undefined-behaviour sanitizer names the line)", place_of(context).c_str());
    }
    sigaction(signal, former, nullptr);      /* not ours: the instruction fails again */
}

static void watch(int signal, struct sigaction *former)
{
    struct sigaction action = {}, present;
    sigaction(signal, nullptr, &present);
    if ((present.sa_flags & SA_SIGINFO) && present.sa_sigaction == on_signal) return;
    *former = present;
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(signal, &action, nullptr);
}

/* A fiber that runs out of stack needs another one to say so. */
static void provide_stack()
{
    static auto &stacks = lasting<std::vector<std::vector<char>>>();     /* one for each thread */
    stack_t present;
    if (sigaltstack(nullptr, &present) != 0 || !(present.ss_flags & SS_DISABLE)) return;
    stacks.emplace_back(64 << 10);
    stack_t ours = {};
    ours.ss_sp = stacks.back().data();
    ours.ss_size = stacks.back().size();
    sigaltstack(&ours, nullptr);
}

void watch_faults()
{
    provide_stack();
    watch(SIGSEGV, &former_fault);
    watch(SIGILL, &former_illegal);
}

static auto &kernels = lasting<std::vector<Kernel *>>();          /* in order of their launches */

Kernel &kernel_of(const void *code)
{
    for (Kernel *k : kernels)
        if (k->code == code) return *k;
    kernels.push_back(new Kernel{ code, symbol_of(code), 0, 0, 48 << 10, {} });
    return *kernels.back();
}

} // namespace pretend

using namespace pretend;

int64_t kin_pretend_launches(int index, const char **name)
{
    Hold hold(device);
    if (index < 0 || (size_t)index >= kernels.size()) return -1;
    *name = kernels[(size_t)index]->name.c_str();
    return kernels[(size_t)index]->launches;
}
