/* Bags forward and backward against loops in double: empty bags, repeated tokens, one token that
 * is everywhere, tables from 1 row to more than two digits of the sort. */
#include "tests/cpu/common.h"

typedef struct {
    int64_t rows, table_rows, cols;
    int longest;                     /* tokens in a bag */
    bool common;                     /* a third of the tokens are number 0 */
} shape;

static const shape shapes[] = {
    { 1, 1, 1, 1, false }, { 7, 5, 3, 9, false }, { 40, 300, 33, 30, true },
    { 200, 5000, 64, 70, true }, { 3, 4500000, 1, 200, false }, { 33, 70000, 17, 5, false },
    { 5, 10, 4, 0, false }, { 60, 90, 1100, 12, true },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, ROOM = 1 << 20 };

static uint64_t draw(uint32_t which, int64_t i, uint64_t n)
{
    return kin_random_below(5, KIN_STREAM_TEST, which, (uint64_t)i, n);
}

static kin_bags make_bags(const shape *s, uint32_t which)
{
    int64_t *start = malloc((size_t)(s->rows + 1) * sizeof *start);
    start[0] = 0;
    for (int64_t i = 0; i < s->rows; i++) {
        start[i + 1] = start[i] + (int64_t)draw(which, i, (uint64_t)s->longest + 1);
    }
    if (s->longest == 1) start[1] = 1;
    const int64_t tokens = start[s->rows];
    int32_t *ids = malloc((size_t)(tokens + 1) * sizeof *ids);
    for (int64_t i = 0; i < tokens; i++) {
        ids[i] = (int32_t)draw(which + 100, i, (uint64_t)s->table_rows);
        if (s->common && draw(which + 200, i, 3) == 0) ids[i] = 0;
    }
    return (kin_bags){ s->rows, tokens, ids, start };
}

static void look_forward(const kin_bags *bags, int64_t cols, const real *table, const real *weight,
                         const real *y)
{
    for (int64_t i = 0; i < bags->rows; i++) {
        const int64_t count = bags->start[i + 1] - bags->start[i];
        for (int64_t j = 0; j < cols; j++) {
            double want = 0, size = 0;
            for (int64_t t = bags->start[i]; t < bags->start[i + 1]; t++) {
                const double w = weight ? (double)weight[bags->ids[t]] : 1;
                want += w * (double)table[bags->ids[t] * cols + j];
                size += fabs(w * (double)table[bags->ids[t] * cols + j]);
            }
            if (count > 0) want /= (double)count, size /= (double)count;
            assert_near((double)y[i * cols + j], want, 3 * tiny * size);
        }
    }
}

/* out as a dense table, in double, beside the dense truth and the size of what was summed. */
static void look_backward(const shape *s, const kin_bags *bags, const real *table,
                          const real *weight, const real *dy, const kin_sparse *out,
                          const real *old, const real *dweight)
{
    const int64_t cols = s->cols;
    int64_t at = 0;
    bool *seen = calloc((size_t)s->table_rows, sizeof *seen);
    for (int64_t t = 0; t < bags->tokens; t++) seen[bags->ids[t]] = true;
    for (int32_t id = 0; id < s->table_rows; id++) {
        if (!seen[id]) {
            if (dweight) assert_true(dweight[id] == old[id]);
            continue;
        }
        assert_true(at < out->count && out->id[at] == id);
        double *want = calloc((size_t)cols, sizeof *want), sum = 0, size = 0, most = 0;
        for (int64_t i = 0; i < bags->rows; i++) {
            const double share = 1 / (double)(bags->start[i + 1] - bags->start[i]);
            for (int64_t t = bags->start[i]; t < bags->start[i + 1]; t++) {
                for (int64_t j = 0; bags->ids[t] == id && j < cols; j++) {
                    want[j] += share * (double)dy[i * cols + j];
                    most += fabs(share * (double)dy[i * cols + j]);
                }
            }
        }
        const double w = weight ? (double)weight[id] : 1;
        for (int64_t j = 0; j < cols; j++) {
            assert_near((double)out->value[at * cols + j], w * want[j], 2 * tiny * fabs(w) * most);
            sum += want[j] * (double)table[id * cols + j];
            size += most * fabs((double)table[id * cols + j]);
        }
        if (dweight) {
            assert_near((double)dweight[id], (double)old[id] + sum,
                        2 * tiny * (size + fabs((double)old[id])));
        }
        free(want);
        at++;
    }
    assert_int_equal(at, out->count);
    free(seen);
}

/* Summing and moving in one pass does what two passes do, bit for bit, with and without a mean of
 * past gradients; rows that no token touches rest. */
static void one_pass(kin_backend *b, const shape *s, const kin_sparse *g, const real *table)
{
    const kin_adam a = { .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .rate = 0.1, .root = 0.5,
                         .keep = 0.99, .scale = 1 };
    const size_t n = (size_t)(s->table_rows * s->cols), bytes = n * sizeof(real);
    for (int mean = 0; mean < 2; mean++) {
        real *two[3], *one[3];
        for (int k = 0; k < 3; k++) {
            two[k] = calloc(n, sizeof(real)), one[k] = calloc(n, sizeof(real));
            if (k == 0) memcpy(two[k], table, bytes), memcpy(one[k], table, bytes);
        }
        b->adam_rows(b, g, s->cols, &a, two[0], mean ? two[1] : NULL, two[2]);
        double squares;
        b->bag_adam(b, g, s->cols, &a, one[0], mean ? one[1] : NULL, one[2], &squares);
        for (int k = 0; k < 3; k++) assert_memory_equal(one[k], two[k], bytes);
        const double want = b->sum_squares(b, g->count * s->cols, g->value);
        assert_near(squares, want, 1e-12 * want);
        for (int k = 0; k < 3; k++) free(two[k]), free(one[k]);
    }
}

/* Returns how many numbers it left in out. */
static int64_t one_shape(kin_backend *b, const shape *s, bool weighted, bool look, real *out)
{
    const kin_bags bags = make_bags(s, (uint32_t)s->rows);
    real *table = numbers(s->table_rows * s->cols, 30), *dy = numbers(s->rows * s->cols, 31);
    real *weight = weighted ? numbers(s->table_rows, 32) : NULL;
    real *old = numbers(s->table_rows, 33), *dweight = numbers(s->table_rows, 33);
    real *y = out;
    b->bag(b, &bags, s->cols, table, weight, y);
    if (look) look_forward(&bags, s->cols, table, weight, y);

    const int64_t most = bags.tokens < s->table_rows ? bags.tokens : s->table_rows;
    kin_sparse sparse = {
        .id = malloc((size_t)(most + 1) * sizeof(int32_t)), .value = out + s->rows * s->cols,
        .bags = bags, .dy = dy, .weight = weight,
        .work = b->alloc(b, b->bag_work(b, bags.tokens, s->table_rows)),
    };
    b->bag_rows(b, s->table_rows, &sparse);
    b->bag_sum(b, s->cols, table, &sparse, weighted ? dweight : NULL);
    assert_true(sparse.count <= most);
    if (look) {
        look_backward(s, &bags, table, weight, dy, &sparse, old, weighted ? dweight : NULL);
    }
    const int64_t used = s->rows * s->cols + sparse.count * s->cols;
    real *end = out + used;
    for (int64_t i = 0; i < 100 && i < s->table_rows; i++) end[i] = dweight[i];
    if (look) one_pass(b, s, &sparse, table);
    b->release(b, sparse.work);
    free(table), free(dy), free(weight), free(old), free(dweight), free(sparse.id);
    free((void *)(uintptr_t)bags.ids), free((void *)(uintptr_t)bags.start);
    return used + 100;
}

static void bags_check(kin_backend *b, bool look, real *out)
{
    int64_t used = 0;
    for (int s = 0; s < SHAPES; s++) {
        for (int weighted = 0; weighted < 2; weighted++) {
            used += one_shape(b, &shapes[s], weighted, look, out + used);
            assert_true(used < ROOM);
        }
    }
}

static void test_bags(void **state)
{
    (void)state;
    for_each_cpu(bags_check, ROOM);
}

RUN(TEST(test_bags))
