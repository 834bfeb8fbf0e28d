/* Oracle: the losses by plain double loops, one row at a time, from their published formulas and
 * without a word of core/cell.h: what the fused paths are compared with. */
#ifndef KIN_TESTS_LOSSES_ORACLE_H
#define KIN_TESTS_LOSSES_ORACLE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "losses/loss.h"

#pragma GCC diagnostic ignored "-Wunused-function"          /* not every test needs all of it */

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

static double *zeros(int64_t n) { return calloc((size_t)(n > 0 ? n : 1), sizeof(double)); }

static int relation_of(const kin_relation *r, int64_t i, int64_t j)
{
    const bool label = r->row_label && r->row_label[i] == r->col_label[j];
    const bool text = r->row_text && r->row_text[i] == r->col_text[j];
    if (r->self && i == j) return 0;
    if (r->by_label ? label : j == (r->own ? r->own[i] : i)) return 1;
    return label || text ? 0 : -1;
}

static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double logistic(double x) { return 1 / (1 + exp(-x)); }

/* ---- rows: value, slopes ds and derivatives dh of one row; kind: 1, -1 or 0 ---------------- */

typedef struct {
    int64_t n;
    const double *s, *s0;               /* scores; s0: those that circle's weights come from */
    const int *kind;
    int64_t positives, negatives;
    const double *h;
    double *ds, *dh;
    double *elements, *above;           /* what a mean counts: 1 and value > 0, but for triplets */
} line;

static double infonce_row(const line *l)
{
    const double t = l->h[0], margin = l->h[1], smoothing = l->h[2];
    const double n = (double)(l->positives + l->negatives);
    double top = -INFINITY, sum = 0, match = 0, mean = 0;
    double *logit = zeros(l->n);
    for (int64_t j = 0; j < l->n; j++) {
        logit[j] = (l->s[j] - (l->kind[j] > 0 ? margin : 0)) / t;
        if (l->kind[j]) top = fmax(top, logit[j]);
    }
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j]) sum += exp(logit[j] - top);
    for (int64_t j = 0; j < l->n; j++) {
        if (!l->kind[j]) continue;
        const double p = exp(logit[j] - top) / sum;
        const double own = l->kind[j] > 0 ? 1 / (double)l->positives : 0;
        const double share = (1 - smoothing) * own + smoothing / n;
        l->ds[j] = (p - share) / t;
        match += share * logit[j];
        mean += p * logit[j];
    }
    l->dh[0] = mean - match;                                /* d / d log(1/t) */
    free(logit);
    return log(sum) + top - match;
}

static double sigmoid_row(const line *l)
{
    double value = 0;
    for (int64_t j = 0; j < l->n; j++) {
        if (!l->kind[j]) continue;
        const double x = -l->kind[j] * (l->h[0] * l->s[j] + l->h[1]);
        value += softplus(x);
        l->ds[j] = -l->kind[j] * l->h[0] * logistic(x);
        l->dh[0] += -l->kind[j] * l->h[0] * l->s[j] * logistic(x);      /* d / d log scale */
        l->dh[1] += -l->kind[j] * logistic(x);
    }
    return value;
}

/* Log of the sum of exp over one kind, with the weights of s0. */
static double circle_side(const line *l, int kind, double *logit, double *weight)
{
    const double m = l->h[0], g = l->h[1];
    double top = -INFINITY, sum = 0;
    for (int64_t j = 0; j < l->n; j++) {
        if (l->kind[j] != kind) continue;
        weight[j] = kind > 0 ? -g * fmax(0, 1 + m - l->s0[j]) : g * fmax(0, l->s0[j] + m);
        logit[j] = weight[j] * (kind > 0 ? l->s[j] - 1 + m : l->s[j] - m);
        top = fmax(top, logit[j]);
    }
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j] == kind) sum += exp(logit[j] - top);
    return top + log(sum);
}

static double circle_row(const line *l)
{
    double *logit = zeros(l->n), *weight = zeros(l->n);
    const double p = circle_side(l, 1, logit, weight), n = circle_side(l, -1, logit, weight);
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j])
            l->ds[j] = logistic(p + n) * exp(logit[j] - (l->kind[j] > 0 ? p : n)) * weight[j];
    free(logit), free(weight);
    return softplus(p + n);
}

static double distance_of(double s, double which, double *slope)
{
    if (which == 2) return *slope = -1, 1 - s;
    if (which == 1) return *slope = -2, fmax(0, 2 - 2 * s);
    const double d = sqrt(fmax(0, 2 - 2 * s));
    *slope = d > 0 ? -1 / d : 0;
    return d;
}

/* One triplet: adds its value, pushes both, counts it. */
static double one_triplet(const line *l, const double *d, const double *slope, int64_t p,
                          int64_t n, double share)
{
    const double x = l->h[0] + d[p] - d[n], push = l->h[3] > 0 ? logistic(x) : x > 0;
    const double value = l->h[3] > 0 ? softplus(x) : fmax(0, x);
    l->ds[p] += share * push * slope[p];
    l->ds[n] -= share * push * slope[n];
    *l->above += share * (value > 0);
    *l->elements += share;
    return share * value;
}

static bool in_window(const line *l, double gap)
{
    if (l->h[4] == 1) return gap <= 0;
    return l->h[4] == 0 || (gap > 0 && gap < l->h[0]);
}

/* The negatives of positive p in semihard mining: the nearest farther one, or else the farthest. */
static double semihard_distance(const line *l, const double *d, int64_t p)
{
    double best = INFINITY, farthest = -INFINITY;
    for (int64_t j = 0; j < l->n; j++) {
        if (l->kind[j] >= 0) continue;
        if (d[j] > d[p]) best = fmin(best, d[j]);
        farthest = fmax(farthest, d[j]);
    }
    return isinf(best) ? farthest : best;
}

static double triplet_row(const line *l)
{
    const int mining = (int)l->h[1];
    double *d = zeros(l->n), *slope = zeros(l->n), value = 0, far = -INFINITY, near = INFINITY;
    for (int64_t j = 0; j < l->n; j++) {
        d[j] = distance_of(l->s[j], l->h[2], &slope[j]);
        if (l->kind[j] > 0) far = fmax(far, d[j]);
        if (l->kind[j] < 0) near = fmin(near, d[j]);
    }
    *l->elements = *l->above = 0;
    for (int64_t p = 0; p < l->n; p++) {
        double ties = 0, chosen = mining == 2 ? semihard_distance(l, d, p) : near;
        if (l->kind[p] <= 0 || ((mining & 1) && d[p] != far)) continue;
        for (int64_t j = 0; j < l->n; j++) {
            ties += l->kind[j] < 0 && d[j] == chosen;
            if (mining == 0 && l->kind[j] < 0 && in_window(l, d[j] - d[p]))
                value += one_triplet(l, d, slope, p, j, 1);
        }
        if (mining & 1)
            for (int64_t j = 0, all = 0; j < l->n; j++, all = 0) {
                for (int64_t i = 0; i < l->n; i++) all += l->kind[i] > 0 && d[i] == far;
                if (l->kind[j] < 0 && d[j] == near)
                    value += one_triplet(l, d, slope, p, j, 1 / (ties * (double)all));
            }
        if (mining == 2)
            for (int64_t j = 0; j < l->n; j++)
                if (l->kind[j] < 0 && d[j] == chosen)
                    value += one_triplet(l, d, slope, p, j, 1 / ties);
    }
    free(d), free(slope);
    return value;
}

static const struct {
    const char *name;
    double (*row)(const line *);
    bool needs, nonzero, per_row, mirrored;
} formulas[] = {
    { "infonce", infonce_row, true, false, false, false },
    { "sigmoid", sigmoid_row, false, false, true, true },
    { "circle", circle_row, true, true, false, false },
    { "triplet", triplet_row, true, true, false, false },
};

/* -1: the oracle does not know the loss. */
static int formula_of(const char *name)
{
    for (int i = 0; i < (int)(sizeof formulas / sizeof *formulas); i++)
        if (strcmp(formulas[i].name, name) == 0) return i;
    return -1;
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
    return (const kin_loss *)(const void *)kin_losses.items[place];
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
    const bool valid = !formulas[f].needs || (l.positives > 0 && l.negatives > 0);
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
    do_direction(&m, 0, both ? 0.5 : 1);
    if (both) do_direction(&m, 1, 0.5);
    carry_back(p, ds, &a);
    const double valid = a.report.valid > 0 ? (double)a.report.valid : NAN;
    a.report.value = a.value;
    a.report.positives = a.report.valid > 0 ? a.report.positives / valid : 0;
    a.report.negatives = a.report.valid > 0 ? a.report.negatives / valid : 0;
    a.report.accuracy = p->accuracy ? a.report.accuracy / valid : NAN;
    free(s), free(s0), free(ds);
    return a;
}

static answer oracle(const problem *p) { return oracle_frozen(p, NULL); }

#endif
