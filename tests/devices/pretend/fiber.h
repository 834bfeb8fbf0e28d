/* Fibers: several stacks on one host thread. */
#ifndef KIN_PRETEND_FIBER_H
#define KIN_PRETEND_FIBER_H

#include <cstddef>

#if defined __SANITIZE_ADDRESS__
#define PRETEND_ASAN 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define PRETEND_ASAN 1
#endif
#endif

namespace pretend {

struct Fiber {
    char *stack;                             /* NULL: this is the host's own */
    size_t bytes;
    void *pointer;                           /* of the stack, while others run; or a ucontext */
    void *asan, *tsan;                       /* the sanitizers' handles */
};

void make_fiber(Fiber &, void (*entry)());   /* entry never returns */
void switch_fiber(Fiber &from, Fiber &to);
void fiber_entered();                        /* what entry calls first */

} // namespace pretend

#endif
