/* Every fused path against the oracle's plain loops: odd shapes, every kind of relation, panels,
 * kept and recomputed scores, bounded and looked-at scores, every instruction set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/fused.h"

/* In float a score is good to 1e-7. Exponents multiply that by their steepness, so that where
 * large numbers cancel (1 - p) it is the steepness that the error is relative to. */
static double steepness(const problem *p)
{
    static const char *const tempered[] = { "infonce", "decoupled", "supcon", "ntxent" };
    for (int i = 0; i < 4; i++)
        if (!strcmp(p->loss, tempered[i])) return 1 / p->hypers[0];
    if (!strcmp(p->loss, "multi_similarity")) return p->hypers[1];
    if (!strcmp(p->loss, "uniformity")) return 2 * p->hypers[0];
    return !strcmp(p->loss, "circle") ? 3 * p->hypers[1] : 1;
}

static double tolerance(const problem *p)
{
    return sizeof(real) == 8 ? 1e-11 : 2e-5 * fmax(1, steepness(p) / 100);
}

static machine m;
static double worst;
static int compared;
static char what[200];

static void compare(const problem *p)
{
    answer a = fused(&m, p), b = oracle(p);
    const double d = answers_apart(p, &a, &b, fmax(1e-2, 1e-3 * steepness(p))) / tolerance(p);
    if (!(d <= 1))
        printf("%s %s: %dx%dx%d symmetric %d dot %d panel %d memory %zu: %.1e of %.1e, value %.9g, "
               "oracle %.9g\n", p->loss, what, (int)p->rows, (int)p->columns, (int)p->dimension,
               p->symmetric, p->dot, (int)p->panel, p->memory, d * tolerance(p), tolerance(p),
               a.value, b.value);
    assert_int_equal(a.status, KIN_OK);
    assert_true(d <= 1);
    if (p->accuracy && b.report.valid > 0)
        assert_true(fabs(a.report.accuracy - b.report.accuracy) < 1e-9);
    worst = fmax(worst, d * tolerance(p));
    compared++;
    answer_free(&a), answer_free(&b);
}

/* Both sweeps a few columns at a time. */
static void by_tiles(problem p)
{
    const kin_backend before = *m.backend;
    const size_t whole = (size_t)(p.rows * p.columns) * sizeof(real);
    m.backend->tile_columns = 16, m.backend->tile_scores = 64;
    p.symmetric = true, p.accuracy = false, p.panel = 0;
    for (int kept = 0; kept < 3; kept++) {
        p.memory = whole * (size_t)kept / 2;
        compare(&p);
    }
    *m.backend = before;
}

/* All ways of forming the scores. */
static void every_way(problem p)
{
    by_tiles(p);
    static const int64_t panels[] = { 0, 1, 7, 64 };
    for (int way = 0; way < 4; way++) {
        p.panel = panels[way];
        for (p.symmetric = false;; p.symmetric = true) {
            const size_t whole = (size_t)(p.rows * p.columns) * sizeof(real);
            const size_t memory[] = { 0, whole / 2, whole };
            for (int k = 0; k < (p.symmetric ? 3 : 1); k++) {
                p.memory = memory[k];
                compare(&p);
            }
            if (p.symmetric) break;
        }
    }
}

static const struct { const char *loss; double hypers[5]; unsigned learn; } settings[] = {
    { "infonce", { 0.05 }, 1 },           /* bounded: 2 / t = 40 */
    { "infonce", { 0.02 }, 1 },           /* looks: 2 / t = 100 */
    { "sigmoid", { 10, -10 }, 3 },
    { "circle", { 0.4, 80 }, 0 },
    { "circle", { 0.25, 4 }, 0 },
    { "infonce", { 0.05, 0.2, 0.1 }, 1 }, /* margin, smoothing */
    { "triplet", { 0.2 }, 0 },            /* margin, mining, distance, soft, window */
    { "triplet", { 0.2, 0, 1, 1 }, 0 },
    { "triplet", { 0.2, 0, 2, 0, 1 }, 0 },
    { "triplet", { 0.2, 0, 0, 0, 2 }, 0 },
    { "triplet", { 0.2, 1, 0, 0 }, 0 },
    { "triplet", { 0.2, 1, 1, 1 }, 0 },
    { "triplet", { 0.2, 2, 0 }, 0 },
    { "triplet", { 0.2, 2, 2, 1 }, 0 },
    { "decoupled", { 0.1 }, 1 },
    { "supcon", { 0.1, 0.07 }, 0 },       /* temperature, base temperature, inside */
    { "supcon", { 0.02, 0, 1 }, 0 },
    { "ntxent", { 0.07 }, 0 },
    { "cosine_contrastive", { 0.3, 30 }, 0 },
    { "multi_similarity", { 2, 50, 0.5, 0, 0.1 }, 0 },
    { "multi_similarity", { 2, 20, 0.3, 1, 0.1 }, 0 },    /* with mining */
    { "contrastive", { 1.2, 0.3, 0, 1 }, 0 },             /* margins, distance, power, apart */
    { "contrastive", { 0.9, 0.2, 1, 0, 1 }, 0 },
    { "uniformity", { 2 }, 0 },           /* bounded */
    { "uniformity", { 30 }, 0 },          /* looks */
};
enum { SETTINGS = sizeof settings / sizeof *settings };

static problem problem_of(int setting)
{
    problem p = { .loss = settings[setting].loss, .learn = settings[setting].learn,
                  .accuracy = true };
    memcpy(p.hypers, settings[setting].hypers, sizeof settings[setting].hypers);
    return p;
}

/* Queries near their documents, so that there are hits and misses. */
static double *near_rows(uint64_t seed, const double *x, int64_t rows, int64_t columns, int64_t d)
{
    double *y = normals(seed, columns * d);
    for (int64_t i = 0; i < rows * d && i < columns * d; i++) y[i] = (double)(float)(y[i] + x[i]);
    return y;
}

static void test_pairs(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {
        { 1, 1, 3 }, { 1, 5, 3 }, { 2, 2, 2 }, { 7, 7, 5 }, { 65, 65, 8 }, { 33, 600, 8 },
        { 90, 90, 4 } };
    for (int s = 0; s < SETTINGS; s++)
        for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++) {
            const int64_t rows = shapes[i][0], columns = shapes[i][1], d = shapes[i][2];
            problem p = problem_of(s);
            p.rows = rows, p.columns = columns, p.dimension = d;
            double *q = normals(1, rows * d), *k = near_rows(2, q, rows, columns, d);
            p.q = q, p.k = k;
            strcpy(what, "pairs");
            every_way(p);
            free(q), free(k);
        }
}

/* Duplicates by label and by text, own[] out of order with rows that have no positive, cells that
 * are ignored one by one. */
static void some_keys(int64_t rows, int64_t columns, uint64_t labels)
{
    const int64_t d = 6;
    double *q = normals(3, rows * d), *k = near_rows(4, q, rows, columns, d);
    int32_t *own = numbers(5, rows, (uint64_t)columns);
    int32_t *row_label = numbers(6, rows, labels), *col_label = numbers(7, columns, labels);
    int32_t *row_text = numbers(8, rows, labels + 3), *col_text = numbers(9, columns, labels + 3);
    int32_t *ignored_row = numbers(10, 3 * rows, (uint64_t)rows);
    int32_t *ignored_col = numbers(11, 3 * rows, (uint64_t)columns);
    own[rows / 3] = -1;
    for (int keys = 0; keys < 32; keys += keys < 16 ? 1 : 5)
        for (int s = 0; s < SETTINGS; s++) {
            problem p = problem_of(s);
            p.rows = rows, p.columns = columns, p.dimension = d, p.q = q, p.k = k;
            if (keys & 1) p.relation.row_label = row_label, p.relation.col_label = col_label;
            if (keys & 2) p.relation.row_text = row_text, p.relation.col_text = col_text;
            if (keys & 4) p.relation.own = own;
            if (keys & 8) p.relation.by_label = true;
            if (keys & 16) {
                p.relation.ignored = 3 * rows;
                p.relation.ignored_row = ignored_row, p.relation.ignored_col = ignored_col;
            }
            if (p.relation.by_label && (!p.relation.row_label || p.relation.own)) continue;
            snprintf(what, sizeof what, "keys %d", keys);
            p.symmetric = keys & 1;
            p.panel = 16;
            compare(&p);
            p.symmetric = !p.symmetric;
            p.memory = 1 << 20;
            compare(&p);
        }
    free(q), free(k), free(own), free(row_label), free(col_label), free(row_text), free(col_text);
    free(ignored_row), free(ignored_col);
}

static void test_keys(void **state)
{
    (void)state;
    some_keys(37, 53, 9);
    some_keys(4, 6, 2);                        /* columns that lack negatives */
    some_keys(3, 9, 3);
}

/* Self-similarity by label: several positives, none, all equal, all different, one text twice. */
static void test_self(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 1, 2, 12, 66 };
    static const uint64_t labels[] = { 1, 2, 7, 1000000 };
    for (int s = 0; s < SETTINGS; s++)
        for (int i = 0; i < 16; i++) {
            const int64_t rows = sizes[i / 4], d = 5;
            double *q = normals(10, rows * d);
            int32_t *label = numbers(11, rows, labels[i % 4]), *text = numbers(12, rows, 30);
            problem p = problem_of(s);
            p.rows = p.columns = rows, p.dimension = d, p.q = q;
            p.relation = (kin_relation){ .by_label = true, .row_label = label, .col_label = label,
                                         .self = true };
            if (i & 1) p.relation.row_text = p.relation.col_text = text;
            snprintf(what, sizeof what, "self, %d labels", (int)labels[i % 4]);
            every_way(p);
            free(q), free(label), free(text);
        }
}

/* Both views in one matrix: row i's other view is its only positive. Then its positive is a row
 * that has another positive itself. */
static void test_two_views(void **state)
{
    (void)state;
    const int64_t rows = 26, d = 4;
    double *q = normals(13, rows * d);
    int32_t other[26];
    for (int s = 0; s < 2 * SETTINGS; s++) {
        problem p = problem_of(s / 2);
        for (int i = 0; i < rows; i++) other[i] = (i + (s & 1 ? 5 : 13)) % 26;
        p.rows = p.columns = rows, p.dimension = d, p.q = q;
        p.relation = (kin_relation){ .own = other, .self = true };
        strcpy(what, "two views");
        every_way(p);
    }
    free(q);
}

/* Dot products of small whole numbers are exact in any order: ties, also far beyond the bound. */
static void test_ties(void **state)
{
    (void)state;
    const int64_t rows = 40, d = 3;
    double *q = zeros(rows * d);
    int32_t *raw = numbers(14, rows * d, 5), *label = numbers(15, rows, 6);
    for (int64_t i = 0; i < rows * d; i++) q[i] = (raw[i] - 2) / 4.0;
    for (int s = 0; s < SETTINGS; s++) {
        problem p = problem_of(s);
        if (!strcmp(p.loss, "triplet") && p.hypers[2] == 0) p.hypers[2] = 2;
        p.rows = p.columns = rows, p.dimension = d, p.q = q, p.dot = true;
        p.relation = (kin_relation){ .by_label = true, .row_label = label, .col_label = label,
                                     .self = true };
        strcpy(what, "ties");
        every_way(p);
    }
    free(q), free(raw), free(label);
}

/* Zero rows have cosine 0 with all and get no gradient. */
static void test_zero_rows(void **state)
{
    (void)state;
    const int64_t rows = 9, d = 4;
    double *q = normals(16, rows * d), *k = near_rows(17, q, rows, rows, d);
    for (int64_t x = 0; x < d; x++) q[3 * d + x] = k[3 * d + x] = k[5 * d + x] = 0;
    for (int s = 0; s < SETTINGS; s++) {
        problem p = problem_of(s);
        p.rows = p.columns = rows, p.dimension = d, p.q = q, p.k = k;
        strcpy(what, "zero rows");
        every_way(p);
        answer a = fused(&m, &p);
        for (int64_t x = 0; x < d; x++) assert_true(a.dq[3 * d + x] == 0 && a.dk[5 * d + x] == 0);
        answer_free(&a);
    }
    free(q), free(k);
}

/* Losses that order a batch of pairs carry sums over all of it: they must not lose digits on the
 * way. */
enum { PAIRS = 2048 };

typedef struct {
    real score[PAIRS], target[PAIRS];
    int64_t start[2];
    int32_t place[PAIRS];
    int8_t kind[PAIRS];
    kin_cells cells;
} ordered_batch;

static void fill_ordered(ordered_batch *b)
{
    double *s = normals(18, PAIRS);
    int32_t *grade = numbers(19, PAIRS, 1000);
    for (int i = 0; i < PAIRS; i++) {
        b->score[i] = (real)(float)(0.3 * s[i]), b->target[i] = (real)grade[i];
        b->place[i] = 0, b->kind[i] = 1;
    }
    b->start[0] = 0, b->start[1] = PAIRS;
    b->cells = (kin_cells){ .rows = 1, .start = b->start, .row = b->place, .col = b->place,
                            .kind = b->kind };
    free(s), free(grade);
}

/* By its formula, over all pairs of pairs. */
static double ordered_formula(const ordered_batch *b, double scale, double *slope)
{
    double sum = 1;
    for (int k = 0; k < PAIRS; k++)
        for (int l = 0; l < PAIRS; l++) {
            if (!(b->target[k] < b->target[l])) continue;
            const double e = exp(scale * ((double)b->score[k] - (double)b->score[l]));
            sum += e, slope[k] += e, slope[l] -= e;
        }
    for (int k = 0; k < PAIRS; k++) slope[k] *= scale / sum;
    return log(sum);
}

static void test_ordered_pairs(void **state)
{
    (void)state;
    const double bound = sizeof(real) == 8 ? 1e-10 : 2e-7;
    static ordered_batch b;
    kin_loss_report report;
    kin_loss_setting s;
    assert_int_equal(machine_open(&m, 1), KIN_OK);
    assert_int_equal(kin_loss_default(&s, "cosent"), KIN_OK);
    fill_ordered(&b);
    kin_tensor scores = { .rows = 1, .cols = PAIRS, .value = b.score, .needs_grad = true };
    kin_tensor target = { .rows = 1, .cols = PAIRS, .value = b.target };
    s.cells = &b.cells, s.target = &target;
    double *slope = zeros(PAIRS), *got = zeros(PAIRS);
    const double value = ordered_formula(&b, s.hypers[0], slope);
    kin_tape_reset(m.tape, 1, 0, true);
    kin_tensor *loss = kin_loss_apply_scores(m.tape, &s, &scores, &report);
    assert_int_equal(kin_tape_backward(m.tape, loss), KIN_OK);
    from_real(scores.grad, PAIRS, got);
    const double off = apart(got, slope, PAIRS, 0);
    printf("%d pairs: value off by %.1e, slopes by %.1e\n", PAIRS,
           fabs(report.value / value - 1), off);
    assert_true(fabs(report.value / value - 1) <= bound && off <= bound);
    kin_tape_reset(m.tape, 1, 0, true);
    free(slope), free(got);
    machine_close(&m);
}

static const kin_score_kernels *kernels(int loss) { return m.backend->score(m.backend, loss); }

/* Runs all of the above in one variant, where this machine has it. */
static void run_variant(const char *isa)
{
    setenv("KIN_ISA", isa, 1);
    if (machine_open(&m, 2) != KIN_OK) {
        printf("%s: not on this machine (%s)\n", isa, kin_message());
    } else {
        compared = 0, worst = 0;
        for (int i = 0; i < kin_losses.count; i++) {
            if (composed(kin_losses.items[i]->name)) continue;
            assert_string_equal(kernels(i)->variant, isa);
            assert_int_equal(kernels(i)->hypers, kin_hyper_count(kin_losses.items[i]));
        }
        test_pairs(NULL), test_keys(NULL), test_self(NULL), test_two_views(NULL), test_ties(NULL);
        test_zero_rows(NULL);
        printf("%s: %d comparisons, worst %.1e\n", isa, compared, worst);
        assert_true(compared > 1000);
    }
    machine_close(&m);
    unsetenv("KIN_ISA");
}

static void test_plain(void **state) { (void)state; run_variant("plain"); }
static void test_avx2(void **state) { (void)state; if (sizeof(real) == 4) run_variant("avx2"); }
static void test_avx512(void **state) { (void)state; if (sizeof(real) == 4) run_variant("avx512"); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain), cmocka_unit_test(test_avx2), cmocka_unit_test(test_avx512),
        cmocka_unit_test(test_ordered_pairs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
