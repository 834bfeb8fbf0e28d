/* Profile, inside: what its files share. */
#ifndef KIN_CORE_PROFILE_INSIDE_H
#define KIN_CORE_PROFILE_INSIDE_H

#include "core/profile.h"
#include "core/score.h"

/* KERNEL(name shown): places in the table. */
#define EACH_KERNEL(KERNEL)                                                                      \
    KERNEL(copy, "copy") KERNEL(zero, "zero") KERNEL(transfer, "upload, download")               \
    KERNEL(product_nn, "product A B") KERNEL(product_nt, "product A B'")                         \
    KERNEL(product_tn, "product A' B") KERNEL(product_tt, "product A' B'") KERNEL(sum, "sums")    \
    KERNEL(vector, "vectors") KERNEL(element, "elements") KERNEL(normalize, "normalize")         \
    KERNEL(normalize_back, "normalize back") KERNEL(dropout, "dropout") KERNEL(bag, "bag")       \
    KERNEL(bag_rows, "bag: sort") KERNEL(bag_sum, "bag back")                                    \
    KERNEL(bag_adam, "bag back and Adam") KERNEL(adam, "Adam") KERNEL(search, "search")          \
    KERNEL(cells, "loss: row") KERNEL(look, "loss: look") KERNEL(add, "loss: add")               \
    KERNEL(slope, "loss: slope") KERNEL(finish, "loss: close") KERNEL(best, "accuracy")

#define KERNEL(id, text) K_##id,
enum { EACH_KERNEL(KERNEL) KERNELS, HOST = 8 };
#undef KERNEL

struct kin_profile {
    kin_backend backend, *of;
    kin_score_kernels score;
    const kin_score_kernels *of_score;       /* of the loss that was asked for last */
    kin_profile_row row[KERNELS + HOST];     /* of the host: the first is other work */
    int host, hosts;                         /* the one at hand, how many */
    bool counts;
    double began, in_kernels;                /* the host's present work: since, and kernels of it */
    double total;
    int64_t steps;
};

static inline kin_profile *profile_of(kin_backend *b) { return b->state; }

double kin_profile_now(void);                /* in seconds */

/* A call of this kernel that began then. */
void kin_profile_count(kin_profile *p, int kernel, double began, double flops, double numbers);

/* The functions of a backend that counts, but for score. */
extern const kin_backend kin_profile_kernels;

/* Runs CALL on the backend below, `b`, and counts it. */
#define COUNT(kernel, flops, numbers, call)                                                      \
    kin_profile *p = profile_of(backend);                                                        \
    kin_backend *b = p->of;                                                                      \
    const double began = kin_profile_now();                                                      \
    call;                                                                                        \
    kin_profile_count(p, K_##kernel, began, flops, numbers)

#endif
