/* Every kernel over vectors and rows against an obvious loop in double, on odd sizes. */
#include "tests/cpu/common.h"

static const int64_t sizes[] = { 0, 1, 3, 17, 63, 64, 65, 1000, 16384, 40001 };
enum { SIZES = 10, LONGEST = 40001 };

static void sums(kin_backend *b, bool look, real *out)
{
    real *x = numbers(LONGEST, 0);
    for (int s = 0; s < SIZES; s++) {
        const double sum = b->sum(b, sizes[s], x), squares = b->sum_squares(b, sizes[s], x);
        out[2 * s] = (real)sum;
        out[2 * s + 1] = (real)squares;
        double want = 0, want2 = 0, weight = 0;
        for (int64_t i = 0; look && i < sizes[s]; i++) {
            want += (double)x[i];
            want2 += (double)x[i] * (double)x[i];
            weight += fabs((double)x[i]);
        }
        if (look) assert_near(sum, want, 1e-13 * weight);
        if (look) assert_near(squares, want2, 1e-13 * want2);
    }
    x[777] = (real)NAN;
    assert_true(isnan(b->sum(b, 1000, x)) && isnan(b->sum_squares(b, 1000, x)));
    x[777] = (real)INFINITY;
    assert_true(isinf(b->sum_squares(b, 40001, x)));
    free(x);
}

static void test_sums(void **state)
{
    (void)state;
    for_each_cpu(sums, 2 * SIZES);
}

/* More numbers than the partial sums of one round have room for. */
static void test_long_sum(void **state)
{
    const int64_t n = 9000001;
    kin_backend *b = open_cpu(2);
    real *x = malloc((size_t)n * sizeof *x);
    (void)state;
    for (int64_t i = 0; i < n; i++) x[i] = (real)(i % 3 - 1);
    x[n - 1] += 5;
    double want = 0;
    for (int64_t i = 0; i < n; i++) want += (double)x[i];
    assert_near(b->sum(b, n, x), want, 0);
    free(x);
    close_cpu(b);
}

static void vectors(kin_backend *b, bool look, real *out)
{
    real *x = numbers(LONGEST, 1), *z = numbers(LONGEST, 2), *y = numbers(LONGEST, 3);
    for (int s = 0; s < SIZES; s++) {
        const int64_t n = sizes[s];
        memcpy(out, y, LONGEST * sizeof *y);
        b->add(b, n, (real)0.3, x, out);
        for (int64_t i = 0; look && i < LONGEST; i++) {
            const double more = i < n ? (double)(real)0.3 * (double)x[i] : 0;
            assert_near((double)out[i], (double)y[i] + more, 4 * tiny);
        }
        memcpy(out, y, LONGEST * sizeof *y);
        b->multiply(b, n, x, z, out);
        for (int64_t i = 0; look && i < LONGEST; i++) {
            const double more = i < n ? (double)x[i] * (double)z[i] : 0;
            assert_near((double)out[i], (double)y[i] + more, 20 * tiny);
        }
        memcpy(out, y, LONGEST * sizeof *y);
        b->fill(b, n, 7, out);
        for (int64_t i = 0; look && i < LONGEST; i++) assert_true(out[i] == (i < n ? 7 : y[i]));
    }
    b->multiply(b, LONGEST, x, z, out);
    free(x), free(y), free(z);
}

static void test_vectors(void **state)
{
    (void)state;
    for_each_cpu(vectors, LONGEST);
}

static const int shapes[][2] = { { 1, 1 }, { 5, 3 }, { 3, 17 }, { 130, 65 }, { 700, 129 },
                                 { 2, 20000 }, { 20000, 2 }, { 0, 5 } };
enum { SHAPES = 8, MOST = 700 * 129 };

static void rows(kin_backend *b, bool look, real *out)
{
    real *x = numbers(MOST, 4), *row = numbers(20000, 5);
    for (int s = 0; s < SHAPES; s++) {
        const int64_t m = shapes[s][0], n = shapes[s][1];
        memcpy(out, x, MOST * sizeof *x);
        b->add_row(b, m, n, row, s % 2 ? x : out, out);
        for (int64_t i = 0; look && i < m * n; i++) {
            assert_near((double)out[i], (double)x[i] + (double)row[i % n], 8 * tiny);
        }
        real *sum = out + MOST;
        memcpy(sum, row, 20000 * sizeof *row);
        b->sum_rows(b, m, n, x, sum);
        for (int64_t j = 0; look && j < n; j++) {
            double want = (double)row[j], weight = fabs(want);
            for (int64_t i = 0; i < m; i++) {
                want += (double)x[i * n + j];
                weight += fabs((double)x[i * n + j]);
            }
            assert_near((double)sum[j], want, tiny * weight);
        }
    }
    free(x), free(row);
}

static void test_rows(void **state)
{
    (void)state;
    for_each_cpu(rows, MOST + 20000);
}

static void check_row_by_row(int64_t m, int64_t n, const real *x, const real *z, const real *f,
                             const real *y, const real *dots)
{
    for (int64_t i = 0; i < m; i++) {
        double dot = 0, weight = 0;
        for (int64_t j = i * n; j < (i + 1) * n; j++) {
            const double product = (double)x[j] * (double)z[j];
            dot += product;
            weight += fabs(product);
            assert_near((double)y[j], (double)z[j] + (double)f[i] * (double)x[j], 20 * tiny);
        }
        assert_near((double)dots[i], dot, tiny * weight);
    }
}

static void row_by_row(kin_backend *b, bool look, real *out)
{
    real *x = numbers(MOST, 16), *z = numbers(MOST, 17), *f = numbers(20000, 18);
    for (int s = 0; s < SHAPES; s++) {
        const int64_t m = shapes[s][0], n = shapes[s][1];
        memcpy(out, z, MOST * sizeof *z);
        b->scale_rows(b, m, n, f, x, out);
        b->row_dots(b, m, n, x, z, out + MOST);
        if (look) check_row_by_row(m, n, x, z, f, out, out + MOST);
    }
    free(x), free(z), free(f);
}

static void test_row_by_row(void **state)
{
    (void)state;
    for_each_cpu(row_by_row, MOST + 20000);
}

/* The numbers between the rows of the block stay as they are. */
static void blocks(kin_backend *b, bool look, real *out)
{
    real *x = numbers(MOST, 19), *y = numbers(MOST, 20);
    for (int s = 0; s < SHAPES; s++) {
        const int64_t m = shapes[s][0], n = shapes[s][1];
        const int64_t cols = n < 1000 ? (n + 1) / 2 : n, ldx = cols < n ? cols + 1 : n;
        memcpy(out, y, MOST * sizeof *y);
        b->add_block(b, m, cols, (real)-0.5, x, ldx, out, n);
        for (int64_t i = 0; look && i < MOST; i++) {
            const bool in = i < m * n && i % n < cols;
            const double more = in ? -0.5 * (double)x[i / n * ldx + i % n] : 0;
            assert_near((double)out[i], (double)y[i] + more, 4 * tiny);
        }
    }
    free(x), free(y);
}

static void test_blocks(void **state)
{
    (void)state;
    for_each_cpu(blocks, MOST);
}

/* Squares beside other numbers, which stay. */
static void folds(kin_backend *b, bool look, real *out)
{
    static const int64_t squares[][2] = { { 1, 1 }, { 2, 5 }, { 31, 31 }, { 32, 40 }, { 33, 37 },
                                        { 100, 130 } };
    real *x = numbers(MOST, 21);
    int64_t used = 0;
    for (int s = 0; s < 6; s++) {
        const int64_t n = squares[s][0], ld = squares[s][1];
        const real *from = x + used;
        memcpy(out + used, from, (size_t)(n * ld) * sizeof *x);
        b->fold(b, n, out + used, ld);
        for (int64_t i = 0; look && i < n * ld; i++) {
            const bool in = i % ld < n;
            const double want = in ? (double)from[i] + (double)from[i % ld * ld + i / ld]
                                   : (double)from[i];
            assert_near((double)out[used + i], want, 2 * tiny);
        }
        used += n * ld;
    }
    assert_true(used <= MOST);
    free(x);
}

static void test_folds(void **state)
{
    (void)state;
    for_each_cpu(folds, MOST);
}

static void check_normal(int64_t m, int64_t n, const real *x, const real *y, const real *inverse,
                         const real *dy, const real *old, const real *dx)
{
    for (int64_t i = 0; i < m; i++, x += n, y += n, dy += n, old += n, dx += n) {
        double squares = 0, along = 0;
        for (int64_t j = 0; j < n; j++) squares += (double)x[j] * (double)x[j];
        const double norm = sqrt(squares), factor = norm <= 1e-12 ? 0 : 1 / norm;
        assert_near((double)inverse[i], factor, 2 * tiny * factor);
        for (int64_t j = 0; j < n; j++) {
            assert_near((double)y[j], (double)x[j] * factor, 2 * tiny);
            along += (double)dy[j] * (double)y[j];
        }
        for (int64_t j = 0; j < n; j++) {
            const double want = factor * ((double)dy[j] - along * (double)y[j]);
            assert_near((double)dx[j], (double)old[j] + want,
                        tiny * (4 + factor * (4 + 4 * fabs(along))));
        }
    }
}

static void normal(kin_backend *b, bool look, real *out)
{
    real *x = numbers(MOST, 6), *dy = numbers(MOST, 7), *old = numbers(MOST, 8);
    real *inverse = out + MOST, *dx = out + 2 * MOST;
    for (int s = 0; s < SHAPES; s++) {
        const int64_t m = shapes[s][0], n = shapes[s][1];
        for (int64_t j = 0; j < n && m > 2; j++) {
            x[n + j] = 0;                                /* a row of zeros */
            x[2 * n + j] *= (real)1e-14;                 /* and one that is too short */
        }
        b->normalize(b, m, n, x, out, inverse);
        memcpy(dx, old, MOST * sizeof *old);
        b->normalize_back(b, m, n, out, inverse, dy, dx);
        if (look) check_normal(m, n, x, out, inverse, dy, old, dx);
        if (look && m > 2 && n < 1000) assert_true(inverse[1] == 0 && inverse[2] == 0);
    }
    x[0] = (real)NAN;
    b->normalize(b, 1, 5, x, out, inverse);
    assert_true(isnan(out[1]));                          /* NaN must not pass as a zero row */
    out[0] = out[1] = out[2] = out[3] = out[4] = inverse[0] = 0;
    free(x), free(dy), free(old);
}

static void test_normal(void **state)
{
    (void)state;
    for_each_cpu(normal, 3 * MOST);
}

static kin_adam factors(void)
{
    return (kin_adam){ .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .rate = 0.01 / (1 - 0.81),
                       .root = sqrt(1 - 0.999 * 0.999), .keep = 0.99, .scale = 0.5 };
}

static void check_adam(int64_t n, const real *g, real *const before[3], real *const after[3])
{
    for (int64_t i = 0; i < n; i++) {
        const double x = 0.5 * (double)g[i];
        const double m = 0.9 * (double)before[1][i] + 0.1 * x;
        const double v = 0.999 * (double)before[2][i] + 0.001 * x * x;
        const double move = factors().rate * m / (sqrt(v) / factors().root + 1e-8);
        const double old = (double)before[1][i];
        assert_near((double)after[1][i], m, tiny * (fabs(m) + fabs(x) + fabs(old)));
        assert_near((double)after[2][i], v, 2 * tiny * v);
        const double p = 0.99 * (double)before[0][i] - move;
        assert_near((double)after[0][i], p, tiny * (2 * fabs((double)before[0][i]) + 8 * fabs(move)
                    + 8 * factors().rate * fabs(x) / (sqrt(v) / factors().root + 1e-8)));
    }
}

static void adam(kin_backend *b, bool look, real *out)
{
    const kin_adam a = factors();
    real *g = numbers(LONGEST, 9);
    real *before[3] = { numbers(LONGEST, 10), numbers(LONGEST, 11), numbers(LONGEST, 12) };
    real *after[3] = { out, out + LONGEST, out + 2 * LONGEST };
    for (int64_t i = 0; i < LONGEST; i++) before[2][i] *= before[2][i];
    for (int s = 0; s < SIZES; s++) {
        for (int k = 0; k < 3; k++) memcpy(after[k], before[k], LONGEST * sizeof(real));
        const kin_move move = { a, sizes[s], g, after[0], after[1], after[2] };
        b->adam(b, 1, &move);
        if (!look) continue;
        check_adam(sizes[s], g, before, after);
        for (int64_t i = sizes[s]; i < LONGEST; i++) assert_true(after[0][i] == before[0][i]);
    }
    free(g), free(before[0]), free(before[1]), free(before[2]);
}

static void test_adam(void **state)
{
    (void)state;
    for_each_cpu(adam, 3 * LONGEST);
}

/* Listed rows move as the dense kernel moves them, bit for bit; the others rest. */
static void adam_rows(kin_backend *b, bool look, real *out)
{
    enum { V = 301, D = 33 };
    const kin_adam a = factors();
    real *start = numbers(3 * V * D, 13), *dense = malloc(3 * V * D * sizeof *dense);
    real *value = numbers(V * D, 14), *g = calloc(V * D, sizeof *g);
    int32_t id[V];
    kin_sparse sparse = { .id = id, .value = value };
    for (int32_t row = 0; row < V; row += 1 + row % 3) id[sparse.count++] = row;
    for (int64_t i = 0; i < sparse.count; i++) {
        memcpy(g + id[i] * D, value + i * D, D * sizeof *g);
    }
    for (int64_t i = 2 * V * D; i < 3 * V * D; i++) start[i] *= start[i];
    memcpy(dense, start, 3 * V * D * sizeof *dense);
    memcpy(out, start, 3 * V * D * sizeof *out);
    for (int32_t row = 0; row < V; row++) {
        const int64_t at = row * D;
        real *p = dense + at;
        const kin_move move = { a, D, g + at, p, p + V * D, p + 2 * V * D };
        b->adam(b, 1, &move);
    }
    b->adam_rows(b, &sparse, D, &a, out, out + V * D, out + 2 * V * D);
    for (int64_t at = 0; look && at < 3 * V * D; at++) {
        bool listed = false;
        for (int64_t i = 0; i < sparse.count; i++) listed |= id[i] == at % (V * D) / D;
        assert_true(out[at] == (listed ? dense[at] : start[at]));
    }
    free(start), free(dense), free(value), free(g);
}

/* Every row moves as by a gradient that is written out, bit for bit. */
static void adam_table(kin_backend *b, bool look, real *out)
{
    enum { V = 611, D = 33 };
    const kin_adam a = factors();
    real *start = numbers(3 * V * D, 13), *dense = malloc(3 * V * D * sizeof *dense);
    real *value = numbers(V * D, 14), *g = calloc(V * D, sizeof *g);
    int32_t id[V], step[] = { V, 1, 3, 150 };
    for (int64_t i = 2 * V * D; i < 3 * V * D; i++) start[i] *= start[i];
    for (int gap = 0; gap < 4; gap++) {          /* none, all, some, few with long rests between */
        kin_sparse sparse = { .id = id, .value = value };
        memset(g, 0, V * D * sizeof *g);
        for (int32_t row = gap == 0 ? V : gap - 1; row < V; row += step[gap] + row % 2) {
            memcpy(g + row * D, value + sparse.count * D, D * sizeof *g);
            id[sparse.count++] = row;
        }
        memcpy(out, memcpy(dense, start, 3 * V * D * sizeof *out), 3 * V * D * sizeof *out);
        const kin_move move = { a, V * D, g, dense, dense + V * D, dense + 2 * V * D };
        b->adam(b, 1, &move);
        b->adam_table(b, &sparse, V, D, &a, out, out + V * D, out + 2 * V * D);
        if (look) assert_memory_equal(out, dense, 3 * V * D * sizeof *out);
    }
    free(start), free(dense), free(value), free(g);
}

static void test_adam_rows(void **state)
{
    (void)state;
    for_each_cpu(adam_rows, 3 * 301 * 33);
    for_each_cpu(adam_table, 3 * 611 * 33);
}

static void memory(void **state)
{
    kin_backend *b = open_cpu(1);
    char text[4] = "abc", back[4];
    (void)state;
    char *block = b->alloc(b, 3 << 20);
    assert_int_equal((uintptr_t)block % 64, 0);
    b->zero(b, block, 100);
    b->upload(b, block, text, 4);
    b->copy(b, block + 50, block, 4);
    b->download(b, back, block + 50, 4);
    assert_string_equal(back, "abc");
    assert_int_equal(block[4] | block[99], 0);
    b->release(b, block);
    assert_null(b->alloc(b, SIZE_MAX - 10));
    char *nothing = b->alloc(b, 0);
    assert_non_null(nothing);
    b->release(b, nothing);
    close_cpu(b);
}

RUN(TEST(test_sums), TEST(test_long_sum), TEST(test_vectors), TEST(test_rows),
    TEST(test_row_by_row), TEST(test_blocks), TEST(test_folds), TEST(test_normal), TEST(test_adam),
    TEST(test_adam_rows), TEST(memory))
