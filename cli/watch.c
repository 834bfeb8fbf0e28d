#include "cli/watch.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/print.h"
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

static void estimate(void *state, const kin_estimate *e)
{
    watcher *w = state;
    if (w->quiet) return;
    finish_line(w);
    fprintf(stderr, "data: %" PRId64 " documents, %" PRId64 " pairs, queries %" PRId64 " train, %"
            PRId64 " validation, %" PRId64 " test\n", e->documents, e->pairs, e->train_queries,
            e->validation_queries, e->test_queries);
    if (e->vocabulary)                                        /* numbers have none */
        fprintf(stderr, "texts: %" PRId64 ", tokens %" PRId64 " of a vocabulary of %" PRId64 "; %"
                PRId64 " empty, %" PRId64 " cut, %" PRId64 " unknown tokens\n", e->texts,
                e->tokens, e->vocabulary, e->empty, e->cut, e->unknown);
    fprintf(stderr, "run: %" PRId64 " parameters, %" PRId64 " steps (%" PRId64 " an epoch, %"
            PRId64 " pairs of a short last batch dropped), %d threads\n", e->parameters, e->steps,
            e->steps_per_epoch, e->dropped, e->threads);
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
    snprintf(line + n, sizeof line - (size_t)n, "pos %.3g neg %.0f %s | %.1fk ex/s | data %.0f%% | "
             "mem %.0fM peak %.0fM | ETA %02d:%02d", p->positives, p->negatives,
             p->drawn ? "drawn" : "in batch", p->per_second / 1000, 100 * p->waiting,
             p->memory_mb, p->peak_mb, (int)(p->left / 60), (int)fmod(p->left, 60));
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
    for (int i = 0; i <= KIN_NDCG20; i++)
        if (i <= KIN_NDCG10 || i >= KIN_RECALL20)
            fprintf(stderr, " %s %.4f", kin_measure_names[i], marks->mean[i]);
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

/* The columns of the table: texts are searched, items recommended. */
static const struct { int count, digits; kin_measure measure[6]; } columns[] = {
    { 6, 3, { KIN_MRR10, KIN_RECALL1, KIN_RECALL10, KIN_RECALL100, KIN_NDCG10, KIN_MAP } },
    { 6, 4, { KIN_RECALL20, KIN_NDCG20, KIN_RECALL10, KIN_NDCG10, KIN_MRR10, KIN_RECALL100 } },
};

static void print_row(FILE *out, const char *name, const kin_marks *marks, int kind)
{
    if (!marks->present) return;
    const int digits = columns[kind].digits;
    fprintf(out, "%-10s", name);
    for (int i = 0; i < columns[kind].count; i++) {
        const kin_measure m = columns[kind].measure[i];
        fprintf(out, " %*.*f [%.*f %.*f]", digits + 3, digits, marks->mean[m], digits,
                marks->interval[m].low, digits, marks->interval[m].high);
    }
    fputc('\n', out);
}

void watch_print_table(FILE *out, const kin_results *r)
{
    const int kind = r->bm25.present ? 0 : 1;
    fprintf(out, "%" PRId64 " %s queries, %" PRId64 " documents; mean and 95 %% interval (bootstrap "
            "over queries)\n%-10s", r->queries, r->split, r->documents, "");
    for (int i = 0; i < columns[kind].count; i++)
        fprintf(out, "  %-*s", 10 + 3 * columns[kind].digits,
                kin_measure_names[columns[kind].measure[i]]);
    fputc('\n', out);
    print_row(out, "model", &r->model, kind);
    print_row(out, "bm25", &r->bm25, kind);
    print_row(out, "untrained", &r->untrained, kind);
    if (r->model.present && r->bm25.present)
        fprintf(out, "model minus bm25, mrr@10: %+.3f, p = %.2g (paired randomisation); better on %"
                PRId64 " queries, worse on %" PRId64 ", equal on %" PRId64 "\n",
                r->against_bm25.difference, r->against_bm25.p, r->against_bm25.wins,
                r->against_bm25.losses, r->against_bm25.ties);
    fprintf(out, "alignment %.3f, uniformity %.3f, cosine of positives %.3f, of random documents "
            "%.3f%s\n", r->shape.alignment, r->shape.uniformity, r->shape.positive_cosine,
            r->shape.cosine, r->shape.collapsed ? "; WARNING: the embeddings have collapsed" : "");
    fprintf(out, "trained %.1f s on %" PRId64 " pairs, peak memory %.0f MB; the model is that of step %"
            PRId64 "\n", r->train_seconds, r->pairs, r->peak_mb, r->step);
}
