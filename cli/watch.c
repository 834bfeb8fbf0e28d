#include "cli/watch.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/print.h"
#include "metrics/correlation.h"
#include "metrics/labels.h"
#include "train/machine.h"

static void finish_line(watcher *w)
{
    if (w->open_line) fputc('\n', stderr);
    w->open_line = false;
}

static void stage(void *state, const char *what)
{
    watcher *w = state;
    if (w->quiet) return;
    finish_line(w);
    print_safe(stderr, what);
    fputc('\n', stderr);
}

static void warning(void *state, const char *what)
{
    finish_line(state);
    fprintf(stderr, "warning: ");
    print_safe(stderr, what);
    fputc('\n', stderr);
}

static void tell_data(const kin_estimate *e)
{
    static const char *const what[] = { "queries", "items", "pairs with scores" };
    fprintf(stderr, "data: ");
    if (e->goal == KIN_GOAL_RANKING)
        fprintf(stderr, "%" PRId64 " documents, %" PRId64 " pairs, ", e->documents, e->pairs);
    if (e->goal == KIN_GOAL_LABELS) fprintf(stderr, "%" PRId64 " classes, ", e->classes);
    if (e->features) fprintf(stderr, "%" PRId64 " features an item, ", e->features);
    fprintf(stderr, "%s %" PRId64 " train, %" PRId64 " validation, %" PRId64 " test\n",
            what[e->goal], e->train_queries, e->validation_queries, e->test_queries);
    if (e->features || !e->vocabulary) return;
    fprintf(stderr, "texts: %" PRId64 ", tokens %" PRId64 " of a vocabulary of %" PRId64 "; %"
            PRId64 " empty, %" PRId64 " cut, %" PRId64 " unknown tokens\n", e->texts, e->tokens,
            e->vocabulary, e->empty, e->cut, e->unknown);
}

static void estimate(void *state, const kin_estimate *e)
{
    watcher *w = state;
    if (w->quiet) return;
    finish_line(w);
    tell_data(e);
    fprintf(stderr, "run: %" PRId64 " parameters, %" PRId64 " steps (%" PRId64 " an epoch",
            e->parameters, e->steps, e->steps_per_epoch);
    if (e->goal != KIN_GOAL_LABELS)
        fprintf(stderr, ", %" PRId64 " pairs of a short last batch dropped", e->dropped);
    fprintf(stderr, "), %d threads\n", e->threads);
    fprintf(stderr, "estimate: %.0f MB of %.0f MB available", e->memory_mb, e->available_mb);
    if (e->seconds > 0) fprintf(stderr, ", about %.0f s of training", e->seconds);
    fputc('\n', stderr);
}

static void progress(void *state, const kin_progress *p)
{
    watcher *w = state;
    const double now = kin_seconds();
    const bool last = p->step == p->steps;
    if (w->quiet || (!last && p->step > 1 && now - w->last < (w->terminal ? 0.2 : 10))) return;
    w->last = now;
    char line[512];
    int n = snprintf(line, sizeof line, "step %" PRId64 "/%" PRId64 " %.1f%% | loss %.4f ema %.4f "
                     "| lr %.2e | ", p->step, p->steps, 100 * (double)p->step / (double)p->steps,
                     p->loss, p->loss_average, p->rate);
    if (!isnan(p->temperature))
        n += snprintf(line + n, sizeof line - (size_t)n, "tau %.4g | ", p->temperature);
    n += snprintf(line + n, sizeof line - (size_t)n, "|g| %.3g | ", p->norm);
    if (!isnan(p->accuracy))
        n += snprintf(line + n, sizeof line - (size_t)n, "acc@1 %.3f | ", p->accuracy);
    n += snprintf(line + n, sizeof line - (size_t)n, "pos %.3g neg %.0f %s", p->positives,
                  p->negatives - p->mined - p->queued, p->drawn ? "drawn" : "in batch");
    if (p->mined > 0) n += snprintf(line + n, sizeof line - (size_t)n, " + %.0f mined", p->mined);
    if (p->queued > 0)
        n += snprintf(line + n, sizeof line - (size_t)n, " + %.0f queued", p->queued);
    snprintf(line + n, sizeof line - (size_t)n, " | %.1fk ex/s | data %.0f%% | mem %.0fM peak "
             "%.0fM | ETA %02d:%02d", p->per_second / 1000, 100 * p->waiting, p->memory_mb,
             p->peak_mb, (int)(p->left / 60), (int)fmod(p->left, 60));
    fprintf(stderr, w->terminal ? "\r%s\033[K" : "%s\n", line);
    w->open_line = w->terminal;
}

static void scores(void *state, int64_t step, const char *split, const char *what,
                   const kin_marks *marks)
{
    watcher *w = state;
    if (w->quiet) return;
    finish_line(w);
    fprintf(stderr, "%s at step %" PRId64 ", %s:", split, step, what);
    int count;
    const char *const *names = kin_goal_measures(marks->goal, &count);
    const bool ranking = marks->goal == KIN_GOAL_RANKING;
    for (int i = 0; i < count; i++)
        if (!ranking || i <= KIN_NDCG10 || i >= KIN_RECALL20)
            fprintf(stderr, " %s %.4f", names[i], marks->mean[i]);
    fputc('\n', stderr);
}

kin_watch watch_start(watcher *w, const args *a)
{
    const char *term = getenv("TERM");
    *w = (watcher){ .quiet = args_has(a, "quiet"),
                    .terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") };
    return (kin_watch){ w, stage, warning, estimate, progress, scores };
}

void watch_end(watcher *w)
{
    finish_line(w);
}

/* The columns of the table, by the measures of its goal; items are recommended, texts found. */
typedef struct { int count, digits, measure[6]; } columns;

static const columns *columns_of(const kin_results *r)
{
    static const columns recommended = {
        6, 4, { KIN_RECALL20, KIN_NDCG20, KIN_RECALL10, KIN_NDCG10, KIN_MRR10, KIN_RECALL100 }
    };
    static const columns of[] = {
        [KIN_GOAL_RANKING] = { 6, 3, { KIN_MRR10, KIN_RECALL1, KIN_RECALL10, KIN_RECALL100,
                                       KIN_NDCG10, KIN_MAP } },
        [KIN_GOAL_LABELS] = { KIN_LABEL_MEASURES, 3, { KIN_CENTROID, KIN_KNN1, KIN_KNN5,
                                                       KIN_PEER_RECALL1, KIN_R_PRECISION,
                                                       KIN_MAP_R } },
        [KIN_GOAL_SCORES] = { KIN_SCORE_MEASURES, 3, { KIN_SPEARMAN, KIN_PEARSON } },
    };
    return *r->baseline ? &of[r->goal] : &recommended;
}

static void print_row(FILE *out, const char *name, const kin_marks *marks, const columns *c)
{
    if (!marks->present) return;
    fprintf(out, "%-10s", name);
    for (int i = 0; i < c->count; i++) {
        const int m = c->measure[i];
        fprintf(out, " %*.*f [%.*f %.*f]", c->digits + 3, c->digits, marks->mean[m], c->digits,
                marks->interval[m].low, c->digits, marks->interval[m].high);
    }
    fputc('\n', out);
}

/* What stands beside model and BM25 where it was asked for. */
static void print_further(FILE *out, const kin_results *r, const columns *c)
{
    const kin_hybrid_results *h = &r->hybrid;
    const kin_fresh_results *f = &r->fresh;
    const char *measure = kin_measure_names[h->measure];
    if (h->present)
        fprintf(out, "rrf adds 1 / (60 + rank); weighted is %.2f of the model and %.2f of bm25, "
                "%s%s%s\nweighted minus bm25, %s: %+.3f, p = %.2g; better on %" PRId64 " queries, "
                "worse on %" PRId64 ", equal on %" PRId64 "\n", h->weight, 1 - h->weight,
                *h->chosen_on ? h->chosen_on : "for want of validation queries",
                *h->chosen_on ? "'s best by " : "", *h->chosen_on ? measure : "", measure,
                h->against_bm25.difference, h->against_bm25.p, h->against_bm25.wins,
                h->against_bm25.losses, h->against_bm25.ties);
    if (!f->present) return;
    fprintf(out, "%" PRId64 " queries by %" PRId64 " relevant documents that no query of an "
            "earlier part has (%" PRId64 " others left out)", f->queries, f->documents,
            f->left_out);
    if (f->weighted.present) fprintf(out, "; weighted: %.2f of the model", f->weight);
    fputc('\n', out);
    print_row(out, "model", &f->model, c);
    print_row(out, "bm25", &f->bm25, c);
    print_row(out, "rrf", &f->rrf, c);
    print_row(out, "weighted", &f->weighted, c);
}

void watch_print_table(FILE *out, const kin_results *r)
{
    static const struct { const char *judged, *among, *trained; } words[] = {
        [KIN_GOAL_RANKING] = { "queries", "documents", "pairs" },
        [KIN_GOAL_LABELS] = { "items", "items", "items" },
        [KIN_GOAL_SCORES] = { "pairs", "texts", "pairs" },
    };
    const columns *c = columns_of(r);
    const char *judged = words[r->goal].judged;
    int count;
    const char *const *names = kin_goal_measures(r->goal, &count);
    fprintf(out, "%" PRId64 " %s %s", r->queries, r->split, judged);
    if (r->goal == KIN_GOAL_RANKING) fprintf(out, ", %" PRId64 " documents", r->documents);
    if (r->goal == KIN_GOAL_LABELS) fprintf(out, ", %" PRId64 " classes", r->classes);
    fprintf(out, "; mean and 95 %% interval (bootstrap over %s)\n%-10s", judged, "");
    for (int i = 0; i < c->count; i++)
        fprintf(out, "  %-*s", 10 + 3 * c->digits, names[c->measure[i]]);
    fputc('\n', out);
    print_row(out, "model", &r->model, c);
    print_row(out, r->baseline, &r->bm25, c);
    print_row(out, "rrf", &r->hybrid.rrf, c);
    print_row(out, "weighted", &r->hybrid.weighted, c);
    print_row(out, "untrained", &r->untrained, c);
    if (r->model.present && r->bm25.present)
        fprintf(out, "model minus %s, %s: %+.3f, p = %.2g (paired randomisation); better on %"
                PRId64 " %s, worse on %" PRId64 ", equal on %" PRId64 "\n", r->baseline,
                names[kin_goal_headline(r->goal)], r->against_bm25.difference, r->against_bm25.p,
                r->against_bm25.wins, judged, r->against_bm25.losses, r->against_bm25.ties);
    print_further(out, r, c);
    fprintf(out, "alignment %.3f, uniformity %.3f, cosine of positives %.3f, of random %s "
            "%.3f%s\n", r->shape.alignment, r->shape.uniformity, r->shape.positive_cosine,
            words[r->goal].among, r->shape.cosine,
            r->shape.collapsed ? "; WARNING: the embeddings have collapsed" : "");
    fprintf(out, "trained %.1f s ", r->train_seconds);
    if (r->mining_seconds > 0)
        fprintf(out, "(%.0f%% of it mining) ", 100 * r->mining_seconds / r->train_seconds);
    fprintf(out, "on %" PRId64 " %s, peak memory %.0f MB; the model is that of step %" PRId64 "\n",
            r->pairs, words[r->goal].trained, r->peak_mb, r->step);
}
