/* What the files of this room share. */
#ifndef KIN_CPU_INTERNAL_H
#define KIN_CPU_INTERNAL_H

#include <stdbool.h>
#include "cpu/cpu.h"
#include "cpu/loops.h"

/* ---- features.c ----------------------------------------------------------------------------- */

typedef struct {
    char vendor[16], model[64], names[256];
    bool avx2, avx512, vnni, amx;     /* the CPU and the system have all that a variant needs */
    bool half_units;             /* AVX-512 runs in two halves: AVX2 code is as fast or faster */
} kin_cpu_features;

const kin_cpu_features *kin_features(void);

/* Asks the system for room for AMX's tiles, which it gives to a process that asks. */
bool kin_may_use_amx(void);

/* ---- blas.c --------------------------------------------------------------------------------- */

typedef struct {
    void (*gemm)(int order, int transpose_a, int transpose_b, int m, int n, int k, real alpha,
                 const real *a, int lda, const real *b, int ldb, real beta, real *c, int ldc);
    char path[256], core[32], config[256], note[512];
    bool was_loaded;
} kin_blas;

/* Opens the library on the first call; gemm is NULL when there is none or KIN_BLAS=none. */
const kin_blas *kin_blas_open(void);

/* ---- the backend ---------------------------------------------------------------------------- */

/* Of products whose A lies as it is multiplied and whose C has KIN_OWN_ROWS rows and
 * KIN_OWN_COLUMNS columns at least: none, A B' with rows no longer than KIN_OWN_DEPTH, or all. */
typedef enum { KIN_OWN_NONE, KIN_OWN_DOTS, KIN_OWN_ALL } kin_own;
enum { KIN_OWN_ROWS = 48, KIN_OWN_COLUMNS = 16, KIN_OWN_DEPTH = 512 };

typedef struct {
    kin_backend backend;
    const kin_loops *loops;
    const kin_element_loops *const *elements;
    const kin_blas *blas;        /* gemm NULL: all products are our own */
    kin_own own;                 /* which products are our own also beside OpenBLAS */
    int64_t owned;               /* how many were */
    kin_scan_way scan, scan_few; /* few: fewer queries than scan has at a time */
    int64_t scans;               /* how many there were */
    real *room;                  /* for our own products: KIN_PRODUCT_ROOM numbers a thread */
} kin_cpu;

static inline kin_cpu *cpu_of(kin_backend *backend)
{
    return backend->state;
}

/* Place i of a block of a scan: the query, and its list. */
static inline void kin_cpu_put_query(kin_scan_block *b, int i, const kin_scan *s, int64_t query,
                                     int64_t list)
{
    b->who[i] = (int32_t)list;
    b->code[i] = s->code + query * s->codes->depth;
    b->scale[i] = s->scale[query];
}

/* Asks the cache for `cols` numbers of each array, from `at` on, to be written. m: or NULL. */
static inline void kin_cpu_fetch(int64_t at, int64_t cols, const real *p, const real *m,
                                 const real *v)
{
    for (int64_t k = at; k < at + cols; k += 64 / (int64_t)sizeof *p) {
        __builtin_prefetch(p + k, 1);
        __builtin_prefetch(v + k, 1);
        if (m) __builtin_prefetch(m + k, 1);
    }
}

/* The kernels, by file. */
void kin_cpu_cell_dots(kin_backend *, int64_t cells, const int32_t *row, const int32_t *col,
                       int64_t cols, const real *a, const real *b, real *y);
void kin_cpu_cell_sums(kin_backend *, int64_t rows, const int64_t *start, const int32_t *cell,
                       const real *slope, const int32_t *other, int64_t cols, const real *b,
                       real *x);

void kin_cpu_product(kin_backend *, const kin_product *);
void kin_cpu_tile(kin_cpu *, const kin_product *, int thread);       /* one tile, in this thread */

double kin_cpu_sum(kin_backend *, int64_t n, const real *x);
double kin_cpu_sum_squares(kin_backend *, int64_t n, const real *x);
void kin_cpu_sums(kin_backend *, int count, const kin_sum_request *, double *results);
void kin_cpu_add(kin_backend *, int64_t n, real a, const real *x, real *y);
void kin_cpu_scale(kin_backend *, int64_t n, real a, real *y);
void kin_cpu_fill(kin_backend *, int64_t n, real value, real *y);
void kin_cpu_multiply(kin_backend *, int64_t n, const real *a, const real *b, real *y);
void kin_cpu_add_row(kin_backend *, int64_t rows, int64_t cols, const real *row, const real *x,
                     real *y);
void kin_cpu_sum_rows(kin_backend *, int64_t rows, int64_t cols, const real *x, real *row);
void kin_cpu_row_dots(kin_backend *, int64_t rows, int64_t cols, const real *a, const real *b,
                      real *y);
void kin_cpu_scale_rows(kin_backend *, int64_t rows, int64_t cols, const real *factor,
                        const real *x, real *y);
void kin_cpu_add_block(kin_backend *, int64_t rows, int64_t cols, real a, const real *x,
                       int64_t ldx, real *y, int64_t ldy);
void kin_cpu_fold(kin_backend *, int64_t n, real *s, int64_t ld);
void kin_cpu_element(kin_backend *, int op, int64_t n, const real *x, real *y);
void kin_cpu_element_back(kin_backend *, int op, int add, int64_t n, const real *x, const real *y,
                          const real *dy, real *dx);
void kin_cpu_normalize(kin_backend *, int64_t rows, int64_t cols, const real *x, real *y,
                       real *inverse);
void kin_cpu_normalize_back(kin_backend *, int64_t rows, int64_t cols, const real *y,
                            const real *inverse, const real *dy, real *dx);
void kin_cpu_dropout(kin_backend *, int64_t first, int64_t n, real rate, uint64_t seed,
                     uint32_t step, int add, const real *x, real *y);
void kin_cpu_adam(kin_backend *, int count, const kin_move *);
void kin_cpu_adam_rows(kin_backend *, const kin_sparse *g, int64_t cols, const kin_adam *, real *p,
                       real *m, real *v);

void kin_cpu_adam_table(kin_backend *, const kin_sparse *g, int64_t rows, int64_t cols,
                        const kin_adam *, real *p, real *m, real *v);

void kin_cpu_bag(kin_backend *, const kin_bags *, int64_t cols, const real *table,
                 const real *weight, real *y);
size_t kin_cpu_bag_work(kin_backend *, int64_t tokens, int64_t table_rows);
void kin_cpu_bag_rows(kin_backend *, int64_t table_rows, kin_sparse *g);
void kin_cpu_bag_sum(kin_backend *, int64_t cols, const real *table, kin_sparse *g, real *dweight);
void kin_cpu_bag_adam(kin_backend *, const kin_sparse *g, int64_t cols, const kin_adam *, real *p,
                      real *m, real *v, double *squares);

kin_status kin_cpu_search(kin_backend *, kin_arena *work, int64_t queries, int64_t documents,
                          int64_t cols, const real *q, const real *d, int64_t k, int32_t *index,
                          real *score);

void kin_cpu_encode(kin_backend *, kin_codes *codes, int64_t first, int64_t rows,
                    const int32_t *which, int64_t cols, const real *x, int64_t ldx);
void kin_cpu_encode_queries(kin_backend *, int64_t queries, int64_t cols, const real *x,
                            int64_t ldx, uint8_t *code, float *scale);
kin_status kin_cpu_scan(kin_backend *, kin_arena *work, const kin_scan *);
kin_status kin_cpu_scan_self(kin_backend *, kin_arena *work, const kin_scan *);
/* of both scans: whether it can be done, room for lists, and list i as the answer to query q */
kin_status kin_cpu_check_scan(const kin_scan *);
kin_status kin_cpu_take_lists(kin_short_lists *lists, kin_arena *work, int64_t k, int64_t count);
void kin_cpu_write_list(const kin_scan *, kin_short_lists *lists, int64_t i, int64_t q);

#endif
