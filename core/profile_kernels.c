/* Profile: the kernels of a backend, counted. */
#include "core/profile_inside.h"

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
    const double m = (double)q->m, n = (double)q->n, k = (double)q->k, began = kin_profile_now();
    p->of->product(p->of, q);
    kin_profile_count(p, kinds[2 * !!q->transpose_a + !!q->transpose_b], began, 2 * m * n * k,
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

static void fold(kin_backend *backend, int64_t n, real *s, int64_t ld)
{
    const double cells = (double)n * (double)n;
    COUNT(vector, cells / 2, 2 * cells, b->fold(b, n, s, ld));
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

static void encode(kin_backend *backend, kin_codes *codes, int64_t first, int64_t rows,
                   const int32_t *which, int64_t cols, const real *x, int64_t ldx)
{
    const double n = (double)rows * (double)cols;
    COUNT(search, 0, n, b->encode(b, codes, first, rows, which, cols, x, ldx));
}

static void encode_queries(kin_backend *backend, int64_t queries, int64_t cols, const real *x,
                           int64_t ldx, uint8_t *code, float *scale)
{
    const double n = (double)queries * (double)cols;
    COUNT(search, 0, n, b->encode_queries(b, queries, cols, x, ldx, code, scale));
}

/* How many products there are depends on where a query looks: they are not counted. */
static kin_status scan(kin_backend *backend, kin_arena *work, const kin_scan *s)
{
    kin_status status;
    COUNT(search, 0, 0, status = b->scan(b, work, s));
    return status;
}

static kin_status scan_self(kin_backend *backend, kin_arena *work, const kin_scan *s)
{
    kin_status status;
    COUNT(search, 0, 0, status = b->scan_self(b, work, s));
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

const kin_backend kin_profile_kernels = {
    .failure = failure, .alloc = take, .release = release, .upload = upload,
    .download = download, .copy = copy, .zero = zero, .narrow = narrow, .product = product,
    .sum = sum, .sum_squares = sum_squares, .sums = sums, .add = add, .scale = scale,
    .fill = fill, .multiply = multiply, .add_row = add_row, .sum_rows = sum_rows,
    .row_dots = row_dots, .scale_rows = scale_rows, .add_block = add_block, .fold = fold,
    .element = element, .element_back = element_back, .normalize = normalize,
    .normalize_back = normalize_back, .dropout = dropout, .bag = bag, .bag_work = bag_work,
    .bag_rows = bag_rows, .bag_sum = bag_sum, .bag_adam = bag_adam, .adam = adam,
    .adam_rows = adam_rows, .adam_table = adam_table, .search = search, .encode = encode,
    .encode_queries = encode_queries, .scan = scan, .scan_self = scan_self,
    .cell_dots = cell_dots, .cell_sums = cell_sums,
};
