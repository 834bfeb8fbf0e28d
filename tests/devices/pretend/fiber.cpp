/* The switch of stacks, and what the sanitizers must be told: the address sanitizer, which stack is
 * in use; the thread sanitizer, which thread runs. The switch orders no memory: barriers do. */
#include "fiber.h"
#include <sys/mman.h>
#include <unistd.h>
#ifdef PRETEND_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef PRETEND_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#ifdef __x86_64__

/* swapcontext without its system calls: 15 ns instead of 700. */
extern "C" void kin_pretend_switch(void **save, void *load);
asm(R"(
.pushsection .text
.type kin_pretend_switch, @function
.globl kin_pretend_switch
.hidden kin_pretend_switch
kin_pretend_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size kin_pretend_switch, . - kin_pretend_switch
.popsection
)");

static void prepare(pretend::Fiber &fiber, void (*entry)())
{
    void **top = (void **)(fiber.stack + fiber.bytes);
    *--top = nullptr;                        /* a return address for debuggers to stop at */
    *--top = (void *)entry;
    for (int registers = 0; registers < 6; registers++) *--top = nullptr;
    fiber.pointer = top;
}

static void swap(pretend::Fiber &from, pretend::Fiber &to)
{
    kin_pretend_switch(&from.pointer, to.pointer);
}

#else
#include <ucontext.h>

static void prepare(pretend::Fiber &fiber, void (*entry)())
{
    ucontext_t *context = new ucontext_t;
    getcontext(context);
    context->uc_stack.ss_sp = fiber.stack;
    context->uc_stack.ss_size = fiber.bytes;
    context->uc_link = nullptr;
    makecontext(context, entry, 0);
    fiber.pointer = context;
}

static void swap(pretend::Fiber &from, pretend::Fiber &to)
{
    if (!from.pointer) from.pointer = new ucontext_t;
    swapcontext((ucontext_t *)from.pointer, (ucontext_t *)to.pointer);
}
#endif

namespace pretend {

#ifdef PRETEND_ASAN
constexpr size_t STACK = 512 << 10;
#else
constexpr size_t STACK = 128 << 10;
#endif

[[maybe_unused]] static Fiber *left;         /* the fiber that was left last */

void make_fiber(Fiber &fiber, void (*entry)())
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *map = (char *)mmap(nullptr, STACK + page, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) _exit(71);
    mprotect(map, page, PROT_NONE);
    fiber = { map + page, STACK, nullptr, nullptr, nullptr };
    prepare(fiber, entry);
#ifdef PRETEND_TSAN
    fiber.tsan = __tsan_create_fiber(0);
#endif
}

static void arrived([[maybe_unused]] void *fake)
{
#ifdef PRETEND_ASAN
    const void *stack;
    size_t bytes;
    __sanitizer_finish_switch_fiber(fake, &stack, &bytes);
    left->stack = (char *)stack, left->bytes = bytes;    /* the host's are learnt here */
#endif
}

void fiber_entered() { arrived(nullptr); }

void switch_fiber(Fiber &from, Fiber &to)
{
#ifdef PRETEND_ASAN
    left = &from;
    __sanitizer_start_switch_fiber(&from.asan, to.stack, to.bytes);
#endif
#ifdef PRETEND_TSAN
    if (!from.tsan) from.tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to.tsan, __tsan_switch_to_fiber_no_sync);
#endif
    swap(from, to);
    arrived(from.asan);
}

} // namespace pretend
