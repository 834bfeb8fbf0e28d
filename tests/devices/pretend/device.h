/* What the files of the pretend device share. */
#ifndef KIN_PRETEND_DEVICE_H
#define KIN_PRETEND_DEVICE_H

#include <mutex>
#include <string>
#include <utility>
#include <vector>
#include "counters.h"
#include "cuda_runtime.h"

namespace pretend {

/* For globals: they are never destroyed, because the host may end in any order. */
template <class T> T &lasting() { return *new T; }

/* ---- state.cpp: seed, failures, counters -------------------------------------------------- */

extern kin_pretend_counts counts;

/* Every call of the runtime holds the device. */
extern std::recursive_mutex device;
using Hold = std::lock_guard<std::recursive_mutex>;

uint64_t random_bits();
uint32_t below(uint32_t n);                  /* 0 .. n-1 */
bool injected();                             /* one more call that can fail: is it the one? */
cudaError_t fail(cudaError_t);               /* remembers it for cudaGetLastError */
int device_count();
size_t memory_limit();

/* ---- trap.cpp: the end of a program that a device would not have run ----------------------- */

/* What is being done: the names stand in the sentence of a trap. */
enum { NO_THREAD = -1, NO_BLOCK = -2 };
struct Now {
    const char *work;                        /* the stream's work, or NULL: the host runs */
    const Launch *launch;                    /* the kernel, or NULL */
    int thread;                              /* its thread, or one of these */
    pthread_t host;                          /* the host thread that runs the work */
};
extern Now now;

[[noreturn]] void trap(const char *format, ...) __attribute__((format(printf, 1, 2)));
void watch_faults();                         /* (again) installs the signal handlers */

/* Kernels seen so far, by the order of their first launches. */
struct Kernel {
    const void *code;
    std::string name;
    int64_t launches, runs;                  /* asked for; made */
    size_t shared_most;                      /* dynamic shared memory that may be asked for */
    std::vector<bool> touched;               /* parts of the shared segment that it uses */
};
Kernel &kernel_of(const void *code);

/* symbols.cpp: "sum_rows<4>"; offset: how far behind its beginning the address lies. */
std::string symbol_of(const void *address, size_t *offset = nullptr);

/* ---- memory.cpp ---------------------------------------------------------------------------- */

/* A NaN as float and in either half as bf16, a huge number as double, a negative one as an integer.
 * Signalling, so that arithmetic changes a bit of it: a quiet NaN goes through "x[n] -= ..."
 * unchanged, and a stray write would leave no trace. */
constexpr uint32_t POISON = 0xffbfffbf;
void poison(void *from, size_t bytes);       /* whole words */
bool poisoned(const void *from, size_t bytes);

void *allocate(size_t bytes);                /* NULL: no room */
bool release(void *);                        /* false: not an allocation's begin */
bool on_device(const void *, size_t bytes);  /* inside one living allocation */
bool near_device(const void *);              /* somewhere in device memory, living or not */
bool usable(const void *);                   /* near device memory or in pinned memory */
bool on_fault(const void *address);          /* true: go on, it is readable now */
void close_memory();
void check_slack();                          /* of what was opened since memory was closed */

/* ---- streams.cpp --------------------------------------------------------------------------- */

/* false: there is no such stream */
bool enqueue(cudaStream_t, const char *name, std::function<void()> work);

/* ---- launch.cpp, block.cpp ----------------------------------------------------------------- */

void run_block(const Launch &, uint64_t block);

} // namespace pretend

#endif
