/* The loss file KIN_LOSS_ID as device code: its functions, its row and its hyper, in a namespace of
 * their own, where words like max mean core/words.h's. Device code may be called from device code
 * alone, so what the file declares static becomes device code too. */
#ifndef KIN_CUDA_LOOPS_LOSS_H
#define KIN_CUDA_LOOPS_LOSS_H

#include "cuda/launch.h"

#define KIN_PASTE_(a, b) a##_##b
#define KIN_PASTE(a, b) KIN_PASTE_(a, b)
#define KIN_TEXT_(x) #x
#define KIN_TEXT(x) KIN_TEXT_(x)

/* Its place in the list, and so in kin_cuda.losses. */
#define LOSS(name) PLACE_##name,
enum {
#include "losses/losses.def"
    PLACES
};

#define KIN_LOSS(name_, ...)
#define _Static_assert static_assert              /* C11 spells it so */
#define static static __device__ __attribute__((unused))

namespace KIN_PASTE(kin_loss, KIN_LOSS_ID) {

/* A heap sort of whole words, for losses that sort their rows. */
static void qsort(void *items, size_t n, size_t bytes, int (*order)(const void *, const void *))
{
    const size_t words = bytes / sizeof(uint32_t);
    uint32_t *const at = (uint32_t *)items;
    for (size_t start = n / 2, end = n; end > 1;) {
        if (start > 0) {
            start--;
        } else {
            end--;
            for (size_t w = 0; w < words; w++) {
                const uint32_t x = at[end * words + w];
                at[end * words + w] = at[w], at[w] = x;
            }
        }
        for (size_t root = start, child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && order(at + child * words, at + (child + 1) * words) < 0) child++;
            if (order(at + root * words, at + child * words) >= 0) break;
            for (size_t w = 0; w < words; w++) {
                const uint32_t x = at[root * words + w];
                at[root * words + w] = at[child * words + w], at[child * words + w] = x;
            }
        }
    }
}

#include KIN_TEXT(losses/KIN_LOSS_ID.c)

}

#undef static

using namespace KIN_PASTE(kin_loss, KIN_LOSS_ID);

static inline const kin_loss *loss_of(kin_backend *backend)
{
    return cuda_of(backend)->losses[KIN_PASTE(PLACE, KIN_LOSS_ID)];
}

static inline hyper hyper_of(const kin_scores *t)
{
    hyper h;
    memcpy(&h, t->hypers, sizeof h);
    return h;
}

#endif
