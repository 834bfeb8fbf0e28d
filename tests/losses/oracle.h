/* Oracle: the losses by plain double loops, one row at a time, from their published formulas and
 * without a word of core/cell.h: what the fused paths are compared with. */
#ifndef KIN_TESTS_LOSSES_ORACLE_H
#define KIN_TESTS_LOSSES_ORACLE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "losses/loss.h"
#include "tests/losses/formulas.h"

/* A loss on given embeddings. k NULL: the columns are the rows themselves. */
typedef struct {
    const char *loss;
    double hypers[KIN_HYPERS_MAX];
    unsigned learn;                     /* bit i: hyperparameter i is a parameter */
    bool symmetric, dot, accuracy;
    kin_relation relation;
    int64_t rows, columns, dimension;
    const double *q, *k;
    size_t memory;
    int64_t panel;
    int dims[KIN_DIMS_MAX];             /* leading coordinates: not the oracle's */
    double dim_weight[KIN_DIMS_MAX];
} problem;

typedef struct {
    kin_status status;
    double value;
    double *dq, *dk;                    /* with respect to the raw inputs; dk NULL without k */
    double dh[KIN_HYPERS_MAX];          /* with respect to the parameters */
    kin_loss_report report;
} answer;

static void answer_free(answer *a)
{
    free(a->dq);
    free(a->dk);
    *a = (answer){ 0 };
}

static int relation_of(const kin_relation *r, int64_t i, int64_t j)
{
    const bool label = r->row_label && r->row_label[i] == r->col_label[j];
    const bool text = r->row_text && r->row_text[i] == r->col_text[j];
    if (r->self && i == j) return 0;
    if (r->by_label ? label : j == (r->own ? r->own[i] : i)) return 1;
    for (int64_t n = 0; n < r->ignored; n++)
        if (r->ignored_row[n] == i && r->ignored_col[n] == j) return 0;
    return label || text ? 0 : -1;
}

/* ---- both directions of a score matrix ----------------------------------------------------- */

typedef struct {
    const problem *p;
    const double *s, *s0;               /* rows x columns */
    double *ds;
    answer *a;
} matrix;

static const kin_loss *loss_called(const char *name)
{
    int place;
    if (kin_list_find(&kin_losses, name, &place) != KIN_OK) abort();
    return kin_loss_of(kin_losses.items[place]);
}

/* Whether a loss is made of ops: it has no rows of scores. */
static bool composed(const char *name) { return loss_called(name)->form == KIN_COMPOSED; }

/* Line i of direction 0 (rows) or 1 (columns); adds its value, marks it in the report. */
static double do_line(const matrix *m, int direction, int64_t i, double *ds, double *dh,
                      double *counted)
{
    const problem *p = m->p;
    const int f = formula_of(p->loss);
    const int64_t n = direction ? p->rows : p->columns;
    double *s = zeros(n), *s0 = zeros(n);
    int *kind = calloc((size_t)n, sizeof *kind);
    double elements = 1, above = -1;
    line l = { .n = n, .s = s, .s0 = s0, .kind = kind, .h = p->hypers, .ds = ds, .dh = dh,
               .elements = &elements, .above = &above };
    for (int64_t j = 0; j < n; j++) {
        const int64_t at = direction ? j * p->columns + i : i * p->columns + j;
        s[j] = m->s[at], s0[j] = m->s0[at];
        kind[j] = relation_of(&p->relation, direction ? j : i, direction ? i : j);
        l.positives += kind[j] > 0;
        l.negatives += kind[j] < 0;
    }
    const int has = (l.positives > 0 ? KIN_POSITIVE : 0) | (l.negatives > 0 ? KIN_NEGATIVE : 0);
    const bool valid = (has & formulas[f].needs) == formulas[f].needs;
    const double value = valid ? formulas[f].row(&l) : 0;
    if (above < 0) above = value > 0;
    *counted = !valid ? 0 : formulas[f].nonzero ? above : elements;
    if (valid && direction == 0) {
        double best[2] = { -INFINITY, -INFINITY };
        for (int64_t j = 0; j < n; j++)
            if (kind[j]) best[kind[j] > 0] = fmax(best[kind[j] > 0], s[j]);
        m->a->report.valid++;
        m->a->report.positives += (double)l.positives;
        m->a->report.negatives += (double)l.negatives;
        m->a->report.accuracy += best[1] > best[0];
    }
    free(s), free(s0), free(kind);
    return value;
}

static void do_direction(const matrix *m, int direction, double share)
{
    const problem *p = m->p;
    const int64_t lines = direction ? p->columns : p->rows, n = direction ? p->rows : p->columns;
    double value = 0, divisor = 0, dh[KIN_HYPERS_MAX] = { 0 };
    double *ds = zeros(lines * n);
    for (int64_t i = 0; i < lines; i++) {
        double counted;
        double h[KIN_HYPERS_MAX] = { 0 };
        value += do_line(m, direction, i, ds + i * n, h, &counted);
        divisor += counted;
        for (int k = 0; k < KIN_HYPERS_MAX; k++) dh[k] += h[k];
    }
    if (formulas[formula_of(p->loss)].per_row) divisor = (double)lines;
    share = divisor > 0 ? share / divisor : 0;
    m->a->value += share * value;
    for (int k = 0; k < KIN_HYPERS_MAX; k++) m->a->dh[k] += share * dh[k];
    for (int64_t i = 0; i < lines; i++)
        for (int64_t j = 0; j < n; j++)
            m->ds[direction ? j * lines + i : i * n + j] += share * ds[i * n + j];
    free(ds);
}

/* All cells are those of one line. */
static void do_whole(const matrix *m)
{
    const problem *p = m->p;
    const int64_t n = p->rows * p->columns;
    int *kind = calloc((size_t)n + 1, sizeof *kind);
    double elements = 1, above = -1, dh[KIN_HYPERS_MAX] = { 0 };
    line l = { .n = n, .s = m->s, .s0 = m->s0, .kind = kind, .h = p->hypers, .ds = m->ds, .dh = dh,
               .elements = &elements, .above = &above };
    for (int64_t i = 0; i < n; i++) {
        kind[i] = relation_of(&p->relation, i / p->columns, i % p->columns);
        l.positives += kind[i] > 0;
        l.negatives += kind[i] < 0;
    }
    m->a->value = formulas[formula_of(p->loss)].row(&l);
    free(kind);
}

static double *unit_rows(const double *x, int64_t rows, int64_t d, bool raw, double *inverse)
{
    double *y = zeros(rows * d);
    for (int64_t i = 0; i < rows; i++) {
        double square = 0;
        for (int64_t k = 0; k < d; k++) square += x[i * d + k] * x[i * d + k];
        inverse[i] = raw ? 1 : sqrt(square) <= 1e-12 ? 0 : 1 / sqrt(square);
        for (int64_t k = 0; k < d; k++) y[i * d + k] = x[i * d + k] * inverse[i];
    }
    return y;
}

/* to += d / d raw, from d / d unit. */
static void raw_gradient(const double *unit, const double *inverse, const double *d_unit,
                         int64_t rows, int64_t d, bool raw, double *to)
{
    for (int64_t i = 0; i < rows; i++) {
        double dot = 0;
        for (int64_t k = 0; k < d; k++) dot += unit[i * d + k] * d_unit[i * d + k];
        for (int64_t k = 0; k < d; k++)
            to[i * d + k] += inverse[i] * (d_unit[i * d + k] - (raw ? 0 : dot * unit[i * d + k]));
    }
}

/* Value and gradients; frozen: a second problem whose scores give circle's weights, or NULL. */
static double *scores_of(const problem *p)
{
    const double *k = p->k ? p->k : p->q;
    double *iq = zeros(p->rows), *ik = zeros(p->columns);
    double *zq = unit_rows(p->q, p->rows, p->dimension, p->dot, iq);
    double *zk = unit_rows(k, p->columns, p->dimension, p->dot, ik);
    double *s = zeros(p->rows * p->columns);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++)
            for (int64_t x = 0; x < p->dimension; x++)
                s[i * p->columns + j] += zq[i * p->dimension + x] * zk[j * p->dimension + x];
    free(iq), free(ik), free(zq), free(zk);
    return s;
}

static void carry_back(const problem *p, const double *ds, answer *a)
{
    const int64_t d = p->dimension;
    const double *k = p->k ? p->k : p->q;
    double *iq = zeros(p->rows), *ik = zeros(p->columns);
    double *zq = unit_rows(p->q, p->rows, d, p->dot, iq);
    double *zk = unit_rows(k, p->columns, d, p->dot, ik);
    double *dq = zeros(p->rows * d), *dk = zeros(p->columns * d);
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++)
            for (int64_t x = 0; x < d; x++) {
                dq[i * d + x] += ds[i * p->columns + j] * zk[j * d + x];
                dk[j * d + x] += ds[i * p->columns + j] * zq[i * d + x];
            }
    a->dq = zeros(p->rows * d);
    a->dk = p->k ? zeros(p->columns * d) : NULL;
    raw_gradient(zq, iq, dq, p->rows, d, p->dot, a->dq);
    raw_gradient(zk, ik, dk, p->columns, d, p->dot, p->k ? a->dk : a->dq);
    free(iq), free(ik), free(zq), free(zk), free(dq), free(dk);
}

static answer oracle_frozen(const problem *p, const problem *frozen)
{
    answer a = { .report = { .rows = p->rows } };
    double *s = scores_of(p), *s0 = scores_of(frozen ? frozen : p);
    double *ds = zeros(p->rows * p->columns);
    const matrix m = { p, s, s0, ds, &a };
    const bool both = p->symmetric && !formulas[formula_of(p->loss)].mirrored;
    const bool whole = formulas[formula_of(p->loss)].whole;
    do_direction(&m, 0, whole ? 0 : both ? 0.5 : 1);             /* 0: for the report alone */
    if (both) do_direction(&m, 1, 0.5);
    if (whole) do_whole(&m);
    carry_back(p, ds, &a);
    const double valid = a.report.valid > 0 ? (double)a.report.valid : NAN;
    a.report.value = a.value;
    a.report.positives = a.report.valid > 0 ? a.report.positives / valid : 0;
    a.report.negatives = a.report.valid > 0 ? a.report.negatives / valid : 0;
    a.report.accuracy = p->accuracy ? a.report.accuracy / valid : NAN;
    free(s), free(s0), free(ds);
    return a;
}

/* One side of a problem against itself: everything but oneself is a negative. */
static answer oracle_side(const problem *p, int side)
{
    problem one = *p;
    one.rows = one.columns = side ? p->columns : p->rows;
    one.q = side ? p->k : p->q, one.k = NULL, one.symmetric = false;
    int32_t *none = calloc((size_t)one.rows, sizeof *none);
    for (int64_t i = 0; i < one.rows; i++) none[i] = -1;
    one.relation = (kin_relation){ .own = none, .self = true };
    answer a = oracle_frozen(&one, NULL);
    free(none);
    return a;
}

/* The mean of both sides; the report is that of the rows. */
static answer oracle_sides(const problem *p)
{
    answer a = oracle_side(p, 0);
    if (!p->k) return a;
    answer b = oracle_side(p, 1);
    for (int64_t i = 0; i < p->rows * p->dimension; i++) a.dq[i] /= 2;
    for (int64_t i = 0; i < p->columns * p->dimension; i++) b.dq[i] /= 2;
    a.dk = b.dq;
    a.value = a.report.value = (a.value + b.value) / 2;
    return a;
}

static answer oracle(const problem *p)
{
    return loss_called(p->loss)->each_side ? oracle_sides(p) : oracle_frozen(p, NULL);
}

#endif
