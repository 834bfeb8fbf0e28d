/* Bench: one case is one piece of work on inputs that any program can make, so that peers are
 * timed on the same numbers. `kin bench CASE` times it; with --serve it repeats on request, for a
 * driver that takes turns between two programs. */
#ifndef KIN_BENCH_BENCH_H
#define KIN_BENCH_BENCH_H

#include <stdbool.h>
#include "core/backend.h"

typedef struct bench_case bench_case;

typedef struct {
    const bench_case *kind;
    kin_backend *backend;
    void *state;
    size_t own_bytes;        /* inputs, their gradients, parameters and optimizer state not yet
                                touched when the base of the memory reading is taken */
    double flops;            /* the least a repetition needs */
    const char *dump;        /* folder for the arrays of the first repetition; NULL: none */
} bench;

/* GROWS: size[0] is a batch size, and any other will do. JUDGED: the loss is a share of what the case
 * knows to be right. */
struct bench_case {
    const char *name, *summary;
    kin_status (*open)(bench *);
    kin_status (*repeat)(bench *, double *loss);
    void (*close)(bench *);
    int64_t size[5];         /* the case's own: rows, dimension, ... */
    enum { BENCH_PLAIN, BENCH_GROWS, BENCH_JUDGED } sort;
};

extern const bench_case *const bench_cases[];      /* ends with NULL */

/* What a case dumps: "dq.npy", "dk.npy"; ends with NULL. */
extern const char *const bench_arrays[];

/* Writes array `which` of bench_arrays when the case dumps. */
kin_status bench_dump(const bench *b, int which, int64_t rows, int64_t cols, const real *values);

/* The inputs, the same numbers in float and in double: u(seed, i) is uniform in [-0.5, 0.5). */
float bench_uniform(uint64_t seed, uint64_t i);
void bench_fill(uint64_t seed, int64_t n, real *x);

/* q = u(1, i), k = 0.7 q + 0.7 u(2, i) */
void bench_pairs(int64_t n, real *q, real *k);

/* Token bags with a Zipf law over `vocabulary` tokens, 1 .. 2 length - 1 tokens a bag. Allocates
 * start and ids. */
kin_status bench_bags(uint64_t seed, int64_t vocabulary, int64_t rows, int64_t length,
                      int64_t **start, int32_t **ids);

/* Both sides' bags of batch t, the documents' behind the queries': start has 2 rows + 1 numbers,
 * ids as many as there are tokens. Allocates both. */
typedef struct { int64_t *start; int32_t *ids; int64_t tokens; } bench_sides;
kin_status bench_both_bags(int t, int64_t vocabulary, int64_t rows, int64_t length,
                           bench_sides *out);

/* Numbers first .. first + n - 1 of weight number `weight`, as a run would start with them. */
void bench_normals(uint32_t weight, double deviation, int64_t first, int64_t n, real *x);

/* The products that a loss over rows x rows scores of d-dimensional embeddings takes, once: a BLAS
 * library keeps buffers that grow with the shapes it has seen; they are not the case's memory. */
kin_status bench_warm_products(kin_backend *backend, int64_t rows, int64_t d);

#endif
