/* Rows in bytes and scans of them: each instruction set against plain sums of what the bytes say,
 * every way the work is divided, and how near a first look comes to the product. */
#include "tests/cpu/common.h"
#include "core/arena.h"
#include "cpu/internal.h"

typedef struct {
    int64_t queries, rows, cols, k, parts, probes;      /* probes 0: all parts */
    bool biased;
} shape;

static const shape shapes[] = {
    { 1, 1, 1, 1, 1, 0, false },      { 7, 33, 3, 5, 1, 0, true },
    { 13, 16, 130, 16, 1, 0, false }, { 50, 700, 17, 9, 1, 0, true },
    { 3, 900, 64, 40, 9, 2, false },  { 100, 2100, 10, 6, 31, 5, true },
    { 600, 90, 9, 2, 1, 0, false },   { 2, 40, 2100, 4, 1, 0, false },
    { 9, 50, 6, 60, 4, 4, true },     { 40, 112, 64, 7, 1, 0, false },
    { 33, 48, 130, 5, 1, 0, true },   { 17, 48, 192, 8, 1, 0, false },
    { 16, 112, 124, 9, 1, 0, false },
};
enum { SHAPES = 13, ROOM = 9000 };

/* ---- the bytes ------------------------------------------------------------------------------ */

typedef struct {
    const shape *s;
    kin_codes codes;
    int64_t *part;
    int32_t *which, *probe;
    real *x, *q;                      /* rows x ld; queries x cols */
    int64_t ld;
    uint8_t *code;
    float *scale;
} setting;

static void make_codes(kin_backend *b, setting *t)
{
    kin_codes *c = &t->codes;
    const int64_t n = c->rows;
    c->code = malloc((size_t)(n * c->depth));
    c->begin = malloc((size_t)n * 4);
    c->sum = malloc((size_t)n * 4);
    c->scale = malloc((size_t)n * 4);
    c->bias = malloc((size_t)n * 4);
    c->id = malloc((size_t)n * 4);
    b->encode(b, c, 0, n, t->which, t->s->cols, t->x, t->ld);
    t->code = malloc((size_t)(t->s->queries * c->depth));
    t->scale = malloc((size_t)t->s->queries * 4);
    b->encode_queries(b, t->s->queries, t->s->cols, t->q, t->s->cols, t->code, t->scale);
}

/* Rows go to the parts in turn, each part filled up with nobody. */
static void make_setting(kin_backend *b, const shape *s, setting *t)
{
    *t = (setting){ .s = s, .ld = s->cols + s->biased };
    t->x = numbers(s->rows * t->ld, 70);
    t->q = numbers(s->queries * s->cols, 71);
    for (int64_t c = 0; s->rows > 2 && c < t->ld; c++) t->x[t->ld + c] = 0;
    t->part = calloc((size_t)s->parts + 1, sizeof *t->part);
    t->which = malloc((size_t)(s->rows + s->parts * KIN_STRIP) * sizeof *t->which);
    for (int64_t p = 0; p < s->parts; p++) {
        int64_t at = t->part[p];
        for (int64_t i = p; i < s->rows; i += s->parts) t->which[at++] = (int32_t)i;
        while (at % KIN_STRIP) t->which[at++] = -1;
        t->part[p + 1] = at;
    }
    t->codes.rows = t->part[s->parts];
    t->codes.depth = (s->cols + 3) / 4 * 4;
    t->probe = malloc((size_t)(s->queries * s->probes + 1) * sizeof *t->probe);
    for (int64_t i = 0; i < s->queries; i++)
        for (int64_t p = 0; p < s->probes; p++)
            t->probe[i * s->probes + p] = (int32_t)((i * 7 + p) % s->parts);
    make_codes(b, t);
}

static void free_setting(setting *t)
{
    kin_codes *c = &t->codes;
    free(c->code), free(c->begin), free(c->sum), free(c->scale), free(c->bias), free(c->id);
    free(t->x), free(t->q), free(t->part), free(t->which), free(t->probe), free(t->code);
    free(t->scale);
}

static int byte_of(const setting *t, int64_t row, int64_t k)
{
    const kin_codes *c = &t->codes;
    return c->code[row / KIN_STRIP * KIN_STRIP * c->depth + k / 4 * 4 * KIN_STRIP
                   + row % KIN_STRIP * 4 + k % 4];
}

static int32_t dot(const setting *t, int64_t query, int64_t row)
{
    int32_t sum = 0;
    for (int64_t k = 0; k < t->codes.depth; k++)
        sum += (t->code[query * t->codes.depth + k] - 128) * byte_of(t, row, k);
    return sum;
}

static void look_codes(const setting *t)
{
    const kin_codes *c = &t->codes;
    for (int64_t row = 0; row < c->rows; row++) {
        const int64_t who = t->which[row];
        int64_t half[2] = { 0, 0 }, square[2] = { 0, 0 };
        assert_int_equal(c->id[row], who);
        for (int64_t k = 0; k < c->depth; k++) {
            const int code = byte_of(t, row, k);
            const double x = who >= 0 && k < t->s->cols ? (double)t->x[who * t->ld + k] : 0;
            assert_in_range(code + 63, 0, 126);
            half[k / 2 % 2] += code;
            square[k / 2 % 2] += code * code;
            assert_near(code * (double)c->scale[row], x, 0.5001 * (double)c->scale[row] + 1e-6);
        }
        for (int h = 0; h < 2; h++) {
            assert_true(square[h] <= 181 * 181);
            assert_int_equal(c->begin[2 * row + h], (int16_t)(-128 * half[h]));
        }
        assert_int_equal(c->sum[row], -128 * (half[0] + half[1]));
        if (who < 0) assert_true(isinf(c->bias[row]) && c->bias[row] < 0);
        else if (t->s->biased)
            assert_true(c->bias[row] == (float)t->x[who * t->ld + t->s->cols]);
    }
}

/* ---- scans ---------------------------------------------------------------------------------- */

typedef struct { double score; int32_t id; } hit;

static int by_rank(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool looks_at(const setting *t, int64_t query, int64_t row)
{
    const shape *s = t->s;
    int64_t p = 0;
    while (t->part[p + 1] <= row) p++;
    for (int64_t i = 0; i < s->probes; i++)
        if (t->probe[query * s->probes + i] == p) return true;
    return s->probes == 0;
}

/* Ranks agree with a full sort of the same sums; neighbours in rank may swap by a rounding. */
static void look_scan(const setting *t, const int32_t *index, const float *score)
{
    const shape *s = t->s;
    hit *all = malloc((size_t)t->codes.rows * sizeof *all);
    for (int64_t i = 0; i < s->queries; i++) {
        int64_t n = 0;
        for (int64_t r = 0; r < t->codes.rows; r++) {
            if (t->which[r] < 0 || !looks_at(t, i, r)) continue;
            all[n++] = (hit){ dot(t, i, r) * (double)t->codes.scale[r] * (double)t->scale[i]
                              + (double)t->codes.bias[r], t->which[r] };
        }
        qsort(all, (size_t)n, sizeof *all, by_rank);
        for (int64_t h = 0; h < s->k; h++) {
            const int32_t found = index[i * s->k + h];
            assert_int_equal(found < 0, h >= n);
            if (found < 0) continue;
            const double near = 1e-4 * (1 + fabs(all[h].score));
            assert_near((double)score[i * s->k + h], all[h].score, near);
            for (int64_t other = 0; other < h; other++)
                assert_true(index[i * s->k + other] != found);
        }
    }
    free(all);
}

static void scans_with(kin_backend *b, bool look, real *out)
{
    kin_arena *work;
    int64_t used = 0;
    int32_t *index = malloc(ROOM * sizeof *index);
    float *score = malloc(ROOM * sizeof *score);
    const int64_t before = cpu_of(b)->scans;
    assert_int_equal(kin_arena_new(&work, NULL), KIN_OK);
    for (int n = 0; n < SHAPES; n++) {
        const shape *s = &shapes[n];
        setting t;
        make_setting(b, s, &t);
        const kin_scan scan = { .codes = &t.codes, .parts = s->parts, .probes = s->probes,
                                .part = t.part, .probe = s->probes ? t.probe : NULL,
                                .queries = s->queries, .k = s->k, .code = t.code,
                                .scale = t.scale, .index = index, .score = score };
        assert_true(s->queries * s->k <= ROOM && used + 2 * s->queries * s->k <= 2 * ROOM);
        assert_int_equal(b->scan(b, work, &scan), KIN_OK);
        if (look) look_codes(&t);
        if (look) look_scan(&t, index, score);
        for (int64_t i = 0; i < s->queries * s->k; i++) {
            out[used++] = (real)index[i];
            out[used++] = (real)score[i];
        }
        free_setting(&t);
    }
    assert_int_equal(cpu_of(b)->scans - before, SHAPES);
    assert_int_equal(kin_arena_mark(work), 0);
    kin_arena_free(work);
    free(index), free(score);
}

/* Every way that this CPU has, the best of which is the one that is chosen: the same bits. */
static void scans(kin_backend *b, bool look, real *out)
{
    kin_cpu *cpu = cpu_of(b);
    const kin_scan_way ways[] = { cpu->loops->scan, cpu->loops->scan_vnni, cpu->loops->scan_amx };
    const bool has[] = { true, kin_features()->vnni, kin_may_use_amx() };
    int last = 0;
    for (int i = 1; i < 3; i++)
        if (has[i] && ways[i].run) last = i;
    assert_ptr_equal(cpu->scan.run, ways[last].run);
    scans_with(b, look, out);
    for (int i = 0; i <= last; i++) {
        if (!has[i]) continue;
        cpu->scan = cpu->scan_few = ways[i];
        scans_with(b, look, out + 2 * ROOM);
        assert_memory_equal(out, out + 2 * ROOM, 2 * ROOM * sizeof *out);
    }
}

static void test_scans(void **state)
{
    (void)state;
    for_each_cpu(scans, 4 * ROOM);
}

/* ---- rows against one another ---------------------------------------------------------------- */

static const shape graphs[] = {
    { 1, 1, 4, 1, 1, 0, false }, { 1100, 1100, 5, 3, 1, 0, true },
    { 3200, 3200, 8, 2, 1, 0, false }, { 2049, 2049, 3, 4, 1, 0, true },
};
enum { GRAPHS = 4 };

/* The same as each row asking for itself, but that who meets whom decides which of the two is the
 * query, and so how it is rounded. */
static void look_graph(kin_backend *b, kin_arena *work, const setting *t, const kin_scan *self,
                       const int32_t *index, const float *score)
{
    const shape *s = t->s;
    int32_t *plain = malloc((size_t)(s->rows * s->k) * sizeof *plain);
    float *best = malloc((size_t)(s->rows * s->k) * sizeof *best);
    int64_t same = 0;
    kin_scan scan = *self;
    scan.index = plain;
    scan.score = best;
    assert_int_equal(b->scan(b, work, &scan), KIN_OK);
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t h = 0; h < s->k; h++) {
            assert_in_range(index[i * s->k + h], 0, s->rows - 1);
            for (int64_t o = 0; o < s->k; o++)
                same += index[i * s->k + h] == plain[i * s->k + o];
            assert_near((double)score[i * s->k + h], (double)best[i * s->k + h], 0.3);
        }
    assert_true((double)same >= 0.9 * (double)(s->rows * s->k));
    free(plain), free(best);
}

static void graphs_of(kin_backend *b, bool look, real *out)
{
    kin_arena *work;
    int64_t used = 0;
    int32_t *index = malloc(ROOM * sizeof *index);
    float *score = malloc(ROOM * sizeof *score);
    assert_int_equal(kin_arena_new(&work, NULL), KIN_OK);
    for (int n = 0; n < GRAPHS; n++) {
        const shape *s = &graphs[n];
        setting t;
        make_setting(b, s, &t);
        for (int64_t i = 0; i < s->rows; i++)
            for (int64_t c = 0; c < s->cols; c++) t.q[i * s->cols + c] = t.x[i * t.ld + c];
        b->encode_queries(b, s->rows, s->cols, t.q, s->cols, t.code, t.scale);
        const kin_scan scan = { .codes = &t.codes, .parts = 1, .part = t.part, .queries = s->rows,
                                .k = s->k, .code = t.code, .scale = t.scale, .index = index,
                                .score = score };
        assert_true(s->rows * s->k <= ROOM);
        assert_int_equal(b->scan_self(b, work, &scan), KIN_OK);
        if (look) look_graph(b, work, &t, &scan, index, score);
        for (int64_t i = 0; i < s->rows * s->k; i++) out[used++] = (real)index[i];
        free_setting(&t);
    }
    kin_arena_free(work);
    free(index), free(score);
}

static void test_graphs(void **state)
{
    (void)state;
    for_each_cpu(graphs_of, 4 * ROOM);
}

/* Zeros, one large number among small ones, whole rows at the limit: nothing runs over. Where all
 * numbers are alike they are rounded alike, by up to half of 10. */
static void test_extremes(void **state)
{
    enum { ROWS = 4, COLS = 512 };
    const shape s = { ROWS, ROWS, COLS, ROWS, 1, 0, false };
    int32_t index[ROWS * ROWS];
    float score[ROWS * ROWS];
    kin_arena *work;
    kin_backend *b = open_cpu(1);
    setting t;
    (void)state;
    kin_arena_new(&work, NULL);
    make_setting(b, &s, &t);
    for (int i = 0; i < COLS; i++) {
        t.x[i] = 1;
        t.x[COLS + i] = i % 2 ? (real)-1e6 : (real)1e6;
        t.x[2 * COLS + i] = i == 7 ? 1000 : (real)1e-3;
        t.x[3 * COLS + i] = 0;
    }
    memcpy(t.q, t.x, ROWS * COLS * sizeof *t.q);
    b->encode(b, &t.codes, 0, ROWS, NULL, COLS, t.x, COLS);
    b->encode_queries(b, ROWS, COLS, t.q, COLS, t.code, t.scale);
    const kin_scan scan = { .codes = &t.codes, .parts = 1, .part = t.part, .queries = ROWS,
                            .k = ROWS, .code = t.code, .scale = t.scale, .index = index,
                            .score = score };
    assert_int_equal(b->scan(b, work, &scan), KIN_OK);
    const double itself[] = { 512, 512e12, 1e6 + 511e-6, 0 };
    for (int i = 0; i < ROWS; i++)
        for (int h = 0; h < ROWS; h++)
            if (index[i * ROWS + h] == i)
                assert_near((double)score[i * ROWS + h], itself[i], 0.1 * itself[i]);
    kin_arena_free(work);
    free_setting(&t);
    close_cpu(b);
}

RUN(TEST(test_scans), TEST(test_graphs), TEST(test_extremes))
