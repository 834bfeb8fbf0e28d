#include "core/profile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
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
#define KERNEL(id, text) text,
static const char *const names[] = { EACH_KERNEL(KERNEL) };
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

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static kin_profile *profile_of(kin_backend *b) { return b->state; }

static void count(kin_profile *p, int kernel, double began, double flops, double numbers)
{
    if (!p->counts) return;
    kin_profile_row *r = &p->row[kernel];
    const double spent = now() - began;
    r->calls++;
    r->seconds += spent;
    p->in_kernels += spent;
    r->flops += flops;
    r->bytes += numbers * sizeof(real);
}

/* Runs CALL on the backend below, `b`, and counts it. */
#define COUNT(kernel, flops, numbers, call)                                                      \
    kin_profile *p = profile_of(backend);                                                        \
    kin_backend *b = p->of;                                                                      \
    const double began = now();                                                                  \
    call;                                                                                        \
    count(p, K_##kernel, began, flops, numbers)

/* ---- memory --------------------------------------------------------------------------------- */

static kin_status failure(kin_backend *backend)
{
    return kin_backend_check(profile_of(backend)->of);
}

static void *take(kin_backend *backend, size_t bytes)
{
    kin_backend *b = profile_of(backend)->of;
    return b->alloc(b, bytes);
}

static void release(kin_backend *backend, void *block)
{
    kin_backend *b = profile_of(backend)->of;
    b->release(b, block);
}

static void upload(kin_backend *backend, void *to, const void *from, size_t bytes)
{
    COUNT(transfer, 0, 2 * (double)bytes / sizeof(real), b->upload(b, to, from, bytes));
}

static void download(kin_backend *backend, void *to, const void *from, size_t bytes)
{
    COUNT(transfer, 0, 2 * (double)bytes / sizeof(real), b->download(b, to, from, bytes));
}

static void copy(kin_backend *backend, void *to, const void *from, size_t bytes)
{
    COUNT(copy, 0, 2 * (double)bytes / sizeof(real), b->copy(b, to, from, bytes));
}

static void zero(kin_backend *backend, void *to, size_t bytes)
{
    COUNT(zero, 0, (double)bytes / sizeof(real), b->zero(b, to, bytes));
}

/* ---- products, sums, vectors ---------------------------------------------------------------- */

static void narrow(kin_backend *backend, int64_t n, const real *x, kin_narrow to)
{
    COUNT(vector, 0, (to.low ? 2 : 1.5) * (double)n, b->narrow(b, n, x, to));
}

static void product(kin_backend *backend, const kin_product *q)
{
    static const int kinds[] = { K_product_nn, K_product_nt, K_product_tn, K_product_tt };
    kin_profile *p = profile_of(backend);
    const double m = (double)q->m, n = (double)q->n, k = (double)q->k, began = now();
    p->of->product(p->of, q);
    count(p, kinds[2 * !!q->transpose_a + !!q->transpose_b], began, 2 * m * n * k,
          m * k + k * n + (q->beta != 0 ? 2 : 1) * m * n);
}

static double sum(kin_backend *backend, int64_t n, const real *x)
{
    double result;
    COUNT(sum, (double)n, (double)n, result = b->sum(b, n, x));
    return result;
}

static double sum_squares(kin_backend *backend, int64_t n, const real *x)
{
    double result;
    COUNT(sum, 2 * (double)n, (double)n, result = b->sum_squares(b, n, x));
    return result;
}

static void sums(kin_backend *backend, int n, const kin_sum_request *of, double *results)
{
    double numbers = 0, flops = 0;
    for (int i = 0; i < n; i++) {
        numbers += (double)of[i].n;
        flops += (of[i].squares ? 2 : 1) * (double)of[i].n;
    }
    COUNT(sum, flops, numbers, b->sums(b, n, of, results));
}

static void add(kin_backend *backend, int64_t n, real a, const real *x, real *y)
{
    COUNT(vector, 2 * (double)n, 3 * (double)n, b->add(b, n, a, x, y));
}

static void scale(kin_backend *backend, int64_t n, real a, real *y)
{
    COUNT(vector, (double)n, 2 * (double)n, b->scale(b, n, a, y));
}

static void fill(kin_backend *backend, int64_t n, real value, real *y)
{
    COUNT(vector, 0, (double)n, b->fill(b, n, value, y));
}

static void multiply(kin_backend *backend, int64_t n, const real *x, const real *z, real *y)
{
    COUNT(vector, 2 * (double)n, 4 * (double)n, b->multiply(b, n, x, z, y));
}

static void add_row(kin_backend *backend, int64_t rows, int64_t cols, const real *row,
                    const real *x, real *y)
{
    const double n = (double)rows * (double)cols;
    COUNT(vector, n, 2 * n, b->add_row(b, rows, cols, row, x, y));
}

static void sum_rows(kin_backend *backend, int64_t rows, int64_t cols, const real *x, real *row)
{
    const double n = (double)rows * (double)cols;
    COUNT(vector, n, n, b->sum_rows(b, rows, cols, x, row));
}

static void row_dots(kin_backend *backend, int64_t rows, int64_t cols, const real *x,
                     const real *z, real *y)
{
    const double n = (double)rows * (double)cols;
    COUNT(vector, 2 * n, 2 * n, b->row_dots(b, rows, cols, x, z, y));
}

static void scale_rows(kin_backend *backend, int64_t rows, int64_t cols, const real *factor,
                       const real *x, real *y)
{
    const double n = (double)rows * (double)cols;
    COUNT(vector, 2 * n, 3 * n, b->scale_rows(b, rows, cols, factor, x, y));
}

static void add_block(kin_backend *backend, int64_t rows, int64_t cols, real a, const real *x,
                      int64_t ldx, real *y, int64_t ldy)
{
    const double n = (double)rows * (double)cols;
    COUNT(vector, 2 * n, 3 * n, b->add_block(b, rows, cols, a, x, ldx, y, ldy));
}

static void element(kin_backend *backend, int op, int64_t n, const real *x, real *y)
{
    COUNT(element, (double)n, 2 * (double)n, b->element(b, op, n, x, y));
}

static void element_back(kin_backend *backend, int op, int more, int64_t n, const real *x,
                         const real *y, const real *dy, real *dx)
{
    COUNT(element, 2 * (double)n, (more ? 4 : 3) * (double)n,
          b->element_back(b, op, more, n, x, y, dy, dx));
}

static void normalize(kin_backend *backend, int64_t rows, int64_t cols, const real *x, real *y,
                      real *inverse)
{
    const double n = (double)rows * (double)cols;
    COUNT(normalize, 3 * n, 2 * n, b->normalize(b, rows, cols, x, y, inverse));
}

static void normalize_back(kin_backend *backend, int64_t rows, int64_t cols, const real *y,
                           const real *inverse, const real *dy, real *dx)
{
    const double n = (double)rows * (double)cols;
    COUNT(normalize_back, 5 * n, (dx == dy ? 3 : 4) * n,
          b->normalize_back(b, rows, cols, y, inverse, dy, dx));
}

static void dropout(kin_backend *backend, int64_t first, int64_t n, real rate, uint64_t seed,
                    uint32_t step, int adds, const real *x, real *y)
{
    COUNT(dropout, (double)n, 2 * (double)n, b->dropout(b, first, n, rate, seed, step, adds, x, y));
}

/* ---- tables and optimizers ------------------------------------------------------------------ */

static void bag(kin_backend *backend, const kin_bags *bags, int64_t cols, const real *table,
                const real *weight, real *y)
{
    const double tokens = (double)bags->tokens, d = (double)cols;
    COUNT(bag, 2 * tokens * d, (tokens + (double)bags->rows) * d,
          b->bag(b, bags, cols, table, weight, y));
}

static size_t bag_work(kin_backend *backend, int64_t tokens, int64_t table_rows)
{
    kin_backend *b = profile_of(backend)->of;
    return b->bag_work(b, tokens, table_rows);
}

static void bag_rows(kin_backend *backend, int64_t table_rows, kin_sparse *g)
{
    COUNT(bag_rows, 0, 8 * (double)g->bags.tokens, b->bag_rows(b, table_rows, g));
}

/* Numbers that Adam reads and writes for each of p, m (or none) and v. */
static double moved(const real *m) { return m ? 6 : 4; }

static void bag_sum(kin_backend *backend, int64_t cols, const real *table, kin_sparse *g,
                    real *dweight)
{
    const double tokens = (double)g->bags.tokens, d = (double)cols;
    COUNT(bag_sum, 2 * tokens * d, (tokens + (double)g->count) * d,
          b->bag_sum(b, cols, table, g, dweight));
}

static void bag_adam(kin_backend *backend, const kin_sparse *g, int64_t cols, const kin_adam *a,
                     real *x, real *m, real *v, double *squares)
{
    const double tokens = (double)g->bags.tokens, rows = (double)g->count, d = (double)cols;
    COUNT(bag_adam, (2 * tokens + 12 * rows) * d, (tokens + moved(m) * rows) * d,
          b->bag_adam(b, g, cols, a, x, m, v, squares));
}

static void adam(kin_backend *backend, int n, const kin_move *moves)
{
    double numbers = 0, moments = 0;
    for (int i = 0; i < n; i++) {
        numbers += (double)moves[i].n;
        moments += (1 + moved(moves[i].m)) * (double)moves[i].n;
    }
    COUNT(adam, 12 * numbers, moments, b->adam(b, n, moves));
}

static void adam_rows(kin_backend *backend, const kin_sparse *g, int64_t cols, const kin_adam *a,
                      real *x, real *m, real *v)
{
    const double n = (double)g->count * (double)cols;
    COUNT(adam, 12 * n, (1 + moved(m)) * n, b->adam_rows(b, g, cols, a, x, m, v));
}

static void adam_table(kin_backend *backend, const kin_sparse *g, int64_t rows, int64_t cols,
                       const kin_adam *a, real *x, real *m, real *v)
{
    const double n = (double)rows * (double)cols;
    COUNT(adam, 12 * n, moved(m) * n + (double)(g->count * cols),
          b->adam_table(b, g, rows, cols, a, x, m, v));
}

static kin_status search(kin_backend *backend, kin_arena *work, int64_t queries, int64_t documents,
                         int64_t cols, const real *q, const real *d, int64_t k, int32_t *index,
                         real *score)
{
    const double n = (double)queries, m = (double)documents, w = (double)cols;
    kin_status status;
    COUNT(search, 2 * n * m * w, (n + m) * w, status = b->search(b, work, queries, documents, cols,
                                                                 q, d, k, index, score));
    return status;
}

static void cell_dots(kin_backend *backend, int64_t n, const int32_t *row, const int32_t *col,
                      int64_t cols, const real *a, const real *x, real *y)
{
    const double w = (double)n * (double)cols;
    COUNT(cells, 2 * w, 2 * w, b->cell_dots(b, n, row, col, cols, a, x, y));
}

static void cell_sums(kin_backend *backend, int64_t rows, const int64_t *start,
                      const int32_t *cell, const real *slope, const int32_t *other, int64_t cols,
                      const real *from, real *x)
{
    const double w = (double)rows * (double)cols;
    COUNT(cells, 2 * w, 2 * w, b->cell_sums(b, rows, start, cell, slope, other, cols, from, x));
}

/* ---- loops over scores ---------------------------------------------------------------------- */

static double cells(const kin_scores *t) { return (double)t->rows * (double)t->columns; }

static size_t score_work(kin_backend *backend, int64_t rows, int64_t columns)
{
    kin_profile *p = profile_of(backend);
    return p->of_score->work(p->of, rows, columns);
}

static void score_rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    COUNT(cells, (slopes ? 7 : 4) * cells(t), (slopes ? 2 : 1) * cells(t),
          p->of_score->rows(b, t, slopes));
}

static void score_read(kin_backend *backend, const kin_scores *t)
{
    COUNT(cells, 4 * cells(t), cells(t), p->of_score->read(b, t));
}

static void score_unite(kin_backend *backend, const kin_scores *t, const int32_t *leader)
{
    COUNT(finish, 0, 0, p->of_score->unite(b, t, leader));
}

static void score_push(kin_backend *backend, const kin_scores *t)
{
    COUNT(slope, 4 * cells(t), 2 * cells(t), p->of_score->push(b, t));
}

static void score_open(kin_backend *backend, const kin_scores *t, int side)
{
    COUNT(finish, 0, 0, p->of_score->open(b, t, side));
}

static void score_look(kin_backend *backend, const kin_scores *t)
{
    COUNT(look, 2 * cells(t), cells(t), p->of_score->look(b, t));
}

static void score_add(kin_backend *backend, const kin_scores *t)
{
    COUNT(add, 5 * cells(t), cells(t), p->of_score->add(b, t));
}

static void score_close(kin_backend *backend, const kin_scores *t, int side)
{
    COUNT(finish, 0, 0, p->of_score->close(b, t, side));
}

static void score_slope(kin_backend *backend, const kin_scores *t)
{
    COUNT(slope, 6 * cells(t), 2 * cells(t), p->of_score->slope(b, t));
}

static void score_pull(kin_backend *backend, const kin_scores *t, real *pull)
{
    COUNT(best, cells(t), cells(t), p->of_score->pull(b, t, pull));
}

static void score_best(kin_backend *backend, const kin_scores *t, real *hit)
{
    COUNT(best, cells(t), cells(t), p->of_score->best(b, t, hit));
}

static const kin_score_kernels *score(kin_backend *backend, int loss)
{
    kin_profile *p = profile_of(backend);
    p->of_score = p->of->score(p->of, loss);
    p->score = (kin_score_kernels){
        .variant = p->of_score->variant, .fields = p->of_score->fields,
        .hypers = p->of_score->hypers, .work = score_work, .rows = score_rows,
        .read = score_read, .unite = score_unite, .push = score_push,
        .open = score_open, .look = score_look, .add = score_add, .close = score_close,
        .slope = score_slope, .pull = score_pull, .best = score_best,
    };
    return &p->score;
}

/* ---- the profile ---------------------------------------------------------------------------- */

kin_status kin_profile_new(kin_profile **out, kin_backend *of)
{
    kin_profile *p = *out = calloc(1, sizeof *p);
    KIN_REQUIRE(p, KIN_MEMORY, "no memory for a profile");
    p->of = of;
    p->backend = (kin_backend){
        .name = of->name, .pool = of->pool, .state = p, .failure = of->failure ? failure : NULL,
        .tile_scores = of->tile_scores, .tile_columns = of->tile_columns,
        .narrow = of->narrow ? narrow : NULL, .planes = of->planes,
        .alloc = take, .release = release,
        .upload = upload, .download = download, .copy = copy, .zero = zero, .product = product,
        .sum = sum, .sum_squares = sum_squares, .sums = sums, .add = add, .scale = scale,
        .fill = fill, .multiply = multiply, .add_row = add_row, .sum_rows = sum_rows,
        .row_dots = row_dots, .scale_rows = scale_rows, .add_block = add_block,
        .element = element,
        .element_back = element_back, .normalize = normalize, .normalize_back = normalize_back,
        .dropout = dropout, .bag = bag, .bag_work = bag_work, .bag_rows = bag_rows,
        .bag_sum = bag_sum, .bag_adam = bag_adam, .adam = adam, .adam_rows = adam_rows,
        .adam_table = of->adam_table ? adam_table : NULL,
        .search = search, .cell_dots = cell_dots, .cell_sums = cell_sums,
        .score = score,
    };
    for (int i = 0; i < KERNELS; i++) p->row[i].name = names[i];
    p->row[p->host = KERNELS].name = "other host work";
    p->hosts = 1;
    return KIN_OK;
}

void kin_profile_free(kin_profile *profile) { free(profile); }

kin_backend *kin_profile_backend(kin_profile *profile) { return &profile->backend; }

/* What passed since the last call, apart from kernels, goes to the host's present work. */
static void settle(kin_profile *p)
{
    const double at = now(), passed = at - p->began;
    p->row[p->host].seconds += passed - p->in_kernels;
    p->total += passed;
    p->in_kernels = 0;
    p->began = at;
}

void kin_profile_run(kin_profile *p, bool counts)
{
    if (!p || p->counts == counts) return;
    if (counts) p->began = now(), p->in_kernels = 0;
    else settle(p);
    p->counts = counts;
}

void kin_profile_host(kin_profile *p, const char *what)
{
    if (!p || !p->counts) return;
    settle(p);
    for (p->host = KERNELS; what && p->host < KERNELS + p->hosts; p->host++)
        if (!strcmp(p->row[p->host].name, what)) break;
    if (p->host == KERNELS + HOST) p->host = KERNELS;
    if (p->host == KERNELS + p->hosts) p->row[KERNELS + p->hosts++].name = what;
    p->row[p->host].calls++;
}

void kin_profile_step(kin_profile *p)
{
    if (p && p->counts) p->steps++;
}

int64_t kin_profile_steps(const kin_profile *p) { return p->steps; }

static int by_seconds(const void *a, const void *b)
{
    const double x = ((const kin_profile_row *)a)->seconds;
    const double y = ((const kin_profile_row *)b)->seconds;
    return (x < y) - (x > y);
}

int kin_profile_rows(kin_profile *p, kin_profile_row *rows, int most, double *total)
{
    int n = 0;
    if (p->counts) settle(p);
    *total = p->total;
    for (int i = 0; i < KERNELS + p->hosts && n < most; i++)
        if (p->row[i].seconds > 0) rows[n++] = p->row[i];
    qsort(rows, (size_t)n, sizeof *rows, by_seconds);
    return n;
}
