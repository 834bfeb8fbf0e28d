/* Formulas: losses by plain double loops over one row, from what was published and without a word
 * of core/cell.h. */
#ifndef KIN_TESTS_LOSSES_FORMULAS_H
#define KIN_TESTS_LOSSES_FORMULAS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "losses/loss.h"

#pragma GCC diagnostic ignored "-Wunused-function"          /* not every test needs all of it */

static double *zeros(int64_t n) { return calloc((size_t)(n > 0 ? n : 1), sizeof(double)); }

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

/* The mean over positives of -log softmax; decoupled: positives are not in the sum. */
static double softmax_row(const line *l, bool decoupled)
{
    const double t = l->h[0];
    double top = -INFINITY, sum = 0, match = 0, mean = 0;
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j] && !(decoupled && l->kind[j] > 0)) top = fmax(top, l->s[j] / t);
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j] && !(decoupled && l->kind[j] > 0)) sum += exp(l->s[j] / t - top);
    for (int64_t j = 0; j < l->n; j++) {
        if (!l->kind[j]) continue;
        const double p = decoupled && l->kind[j] > 0 ? 0 : exp(l->s[j] / t - top) / sum;
        const double own = l->kind[j] > 0 ? 1 / (double)l->positives : 0;
        l->ds[j] = (p - own) / t;
        match += own * l->s[j] / t;
        mean += p * l->s[j] / t;
    }
    l->dh[0] = mean - match;                                /* d / d log(1/t) */
    return log(sum) + top - match;
}

static double decoupled_row(const line *l) { return softmax_row(l, true); }

/* temperature, base temperature, inside */
static double supcon_row(const line *l)
{
    const double t = l->h[0], scale = l->h[1] > 0 ? t / l->h[1] : 1;
    double value = softmax_row(l, false), top = -INFINITY, own = 0, mean = 0;
    for (int64_t j = 0; j < l->n; j++) {
        if (l->kind[j] <= 0) continue;
        top = fmax(top, l->s[j] / t);
        mean += l->s[j] / t / (double)l->positives;
    }
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j] > 0) own += exp(l->s[j] / t - top);
    if (l->h[2] > 0) value += mean - top - log(own / (double)l->positives);
    for (int64_t j = 0; j < l->n; j++) {
        if (l->h[2] > 0 && l->kind[j] > 0)
            l->ds[j] += (1 / (double)l->positives - exp(l->s[j] / t - top) / own) / t;
        l->ds[j] *= scale;
    }
    return scale * value;
}

static double ntxent_row(const line *l)
{
    const double t = l->h[0];
    double value = 0;
    for (int64_t p = 0; p < l->n; p++) {
        double top = l->s[p] / t, sum = 0;
        if (l->kind[p] <= 0) continue;
        for (int64_t j = 0; j < l->n; j++)
            if (l->kind[j] < 0) top = fmax(top, l->s[j] / t);
        for (int64_t j = 0; j < l->n; j++)
            if (l->kind[j] < 0 || j == p) sum += exp(l->s[j] / t - top);
        for (int64_t j = 0; j < l->n; j++)
            if (l->kind[j] < 0 || j == p)
                l->ds[j] += (exp(l->s[j] / t - top) / sum - (j == p)) / t;
        value += log(sum) + top - l->s[p] / t;
    }
    *l->elements = *l->above = (double)l->positives;
    return value;
}

/* margin, negative weight */
static double cosine_contrastive_row(const line *l)
{
    const double share = l->h[1] > 0 ? l->h[1] / fmax(1, (double)l->negatives) : 1;
    double value = 0;
    for (int64_t j = 0; j < l->n; j++) {
        const double own = 1 / (double)l->positives;
        if (l->kind[j] > 0 && l->s[j] < 1) value += own * (1 - l->s[j]), l->ds[j] = -own;
        if (l->kind[j] < 0 && l->s[j] > l->h[0]) {
            value += share * (l->s[j] - l->h[0]);
            l->ds[j] = share;
        }
    }
    return value;
}

/* log(1 + sum exp(steep (s - base))) / steep over one kind, for positives of -s + base. */
static double soft_count(const line *l, int kind, const int *kept, double steep)
{
    double top = 0, sum = 0;
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j] == kind && kept[j]) top = fmax(top, -kind * steep * (l->s[j] - l->h[2]));
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j] == kind && kept[j]) sum += exp(-kind * steep * (l->s[j] - l->h[2]) - top);
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j] == kind && kept[j])
            l->ds[j] = -kind * exp(-kind * steep * (l->s[j] - l->h[2]) - top) / (exp(-top) + sum);
    return (top + log(exp(-top) + sum)) / steep;
}

/* alpha, beta, base, mining, epsilon */
static double multi_similarity_row(const line *l)
{
    double worst = INFINITY, hardest = -INFINITY;
    int *kept = calloc((size_t)l->n, sizeof *kept);
    for (int64_t j = 0; j < l->n; j++) {
        if (l->kind[j] > 0) worst = fmin(worst, l->s[j]);
        if (l->kind[j] < 0) hardest = fmax(hardest, l->s[j]);
    }
    for (int64_t j = 0; j < l->n; j++)
        kept[j] = l->h[3] < 1 || (l->kind[j] > 0 ? l->s[j] - l->h[4] < hardest
                                                 : l->s[j] + l->h[4] > worst);
    const double value = soft_count(l, 1, kept, l->h[0]) + soft_count(l, -1, kept, l->h[1]);
    free(kept);
    return value;
}

/* margin, positive margin, distance, power, apart; the whole batch is one line */
static double contrastive_row(const line *l)
{
    double value = 0, above[2] = { 0, 0 }, *over = zeros(l->n), *turn = zeros(l->n);
    const double pairs = fmax(1, (double)(l->positives + l->negatives));
    for (int64_t j = 0; j < l->n; j++) {
        const double d = distance_of(l->s[j], l->h[2] > 0 ? 2 : 0, &turn[j]);
        if (l->kind[j]) over[j] = fmax(0, l->kind[j] > 0 ? d - l->h[1] : l->h[0] - d);
        above[l->kind[j] > 0] += over[j] > 0;
    }
    for (int64_t j = 0; j < l->n; j++) {
        const double share = l->h[4] > 0 ? 1 / fmax(1, above[l->kind[j] > 0]) : 1 / pairs;
        value += share * (l->h[3] > 0 ? over[j] * over[j] / 2 : over[j]);
        l->ds[j] = share * turn[j] * l->kind[j] * (l->h[3] > 0 ? over[j] : over[j] > 0);
    }
    free(over), free(turn);
    return value;
}

/* t; all pairs of one side are one line, and it does not matter who is whose */
static double uniformity_row(const line *l)
{
    double top = -INFINITY, sum = 0, pairs = 0;
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j]) top = fmax(top, -l->h[0] * (2 - 2 * l->s[j]));
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j]) sum += exp(-l->h[0] * (2 - 2 * l->s[j]) - top), pairs++;
    for (int64_t j = 0; j < l->n; j++)
        if (l->kind[j]) l->ds[j] = 2 * l->h[0] * exp(-l->h[0] * (2 - 2 * l->s[j]) - top) / sum;
    return pairs > 0 ? log(sum / pairs) + top : 0;
}

/* needs: KIN_POSITIVE | KIN_NEGATIVE of a row that counts. The mean is over rows that count, over
 * those above 0, or over all. */
static const struct {
    const char *name;
    double (*row)(const line *);
    int needs;
    bool nonzero, per_row, mirrored, whole;
} formulas[] = {
    { "infonce", infonce_row, .needs = KIN_POSITIVE | KIN_NEGATIVE },
    { "sigmoid", sigmoid_row, .per_row = true, .mirrored = true },
    { "circle", circle_row, .needs = KIN_POSITIVE | KIN_NEGATIVE, .nonzero = true },
    { "triplet", triplet_row, .needs = KIN_POSITIVE | KIN_NEGATIVE, .nonzero = true },
    { "decoupled", decoupled_row, .needs = KIN_POSITIVE | KIN_NEGATIVE },
    { "supcon", supcon_row, .needs = KIN_POSITIVE | KIN_NEGATIVE },
    { "ntxent", ntxent_row, .needs = KIN_POSITIVE | KIN_NEGATIVE },
    { "cosine_contrastive", cosine_contrastive_row, .needs = KIN_POSITIVE },
    { "multi_similarity", multi_similarity_row, .per_row = true },
    { "contrastive", contrastive_row, .mirrored = true, .whole = true },
    { "uniformity", uniformity_row, .needs = KIN_NEGATIVE, .mirrored = true, .whole = true },
};

/* -1: the oracle does not know the loss. */
static int formula_of(const char *name)
{
    for (int i = 0; i < (int)(sizeof formulas / sizeof *formulas); i++)
        if (strcmp(formulas[i].name, name) == 0) return i;
    return -1;
}

#endif
