/* The caption of a table: all that a reader must know, made from the plan and the numbers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/outcome.h"

const char *kin_outcome_heading(const char *key, char text[96])
{
    const char *dot = strrchr(key, '.');
    const int n = dot && !strcmp(dot, ".name") ? (int)(dot - key) : (int)strlen(key);
    snprintf(text, 96, "%.*s", n, key);
    return text;
}

void kin_outcome_chosen(const kin_outcome *o, const kin_system *s, char *text, size_t size)
{
    const kin_ablation *p = o->cells->plan;
    size_t n = 0;
    text[0] = 0;
    if (s->row < 0 || p->row[s->row].settings == 1) return;
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        if (a->kind != KIN_AXIS_TUNE || !p->row[s->row].applies[i]) continue;
        const int v = kin_ablation_choice(p, &p->row[s->row], o->cells->chosen[s->row], i);
        for (int t = 0; t < a->ties && n < size; t++)
            if (kin_axis_gives(a->value[v * a->ties + t]))
                n += (size_t)snprintf(text + n, size - n, "%s%s = %s", n ? ", " : "", a->key[t],
                                      a->value[v * a->ties + t]);
    }
}

static void tell_keys(FILE *f, const kin_axis *a)
{
    for (int t = 0; t < a->ties; t++) fprintf(f, "%s%s", t ? " with " : "", a->key[t]);
}

/* As the plan says it; what * stands for is written out. */
static void tell_values(FILE *f, const kin_axis *a)
{
    bool left = false;
    for (int v = 0; v < a->count * a->ties; v++) left |= !kin_axis_gives(a->value[v]);
    if (!strchr(a->text, '*')) {
        fprintf(f, " (%s%s)", a->text, left ? "; - as in the run file" : "");
        return;
    }
    for (int v = 0; v < a->count; v++) fprintf(f, "%s%s", v ? ", " : " (", a->value[v * a->ties]);
    fputc(')', f);
}

static void tell_varied(FILE *f, const kin_ablation *p)
{
    bool any = false;
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        if (a->kind != KIN_AXIS_ROWS) continue;
        fprintf(f, any ? " and " : "Varied: ");
        tell_keys(f, a);
        tell_values(f, a);
        any = true;
    }
    fprintf(f, any ? ". " : "Nothing varied but the seed. ");
}

static void tell_budget(FILE *f, const kin_ablation *p)
{
    static const char *const unit[] = { "", "steps", "pairs", "seconds of training" };
    if (p->budget == KIN_BUDGET_BASE)
        fprintf(f, "The length of the runs is that of the run file. ");
    else
        fprintf(f, "Every run has the same budget, %.10g %s. ", p->amount, unit[p->budget]);
}

static void tell_seeds(FILE *f, const kin_ablation *p)
{
    fprintf(f, "Mean and, after the sign \xC2\xB1, standard deviation over %d seed%s (", p->seeds,
            p->seeds > 1 ? "s" : "");
    for (int i = 0; i < p->seeds; i++)
        fprintf(f, "%s%" PRId64, i ? ", " : "", p->seed[i]);
    fprintf(f, "): a seed sets the first values of the encoder, the order of the data and all else "
               "that is random in training; the split of the data is the same in all runs. ");
    if (p->seeds < 3)
        fprintf(f, "Fewer than three seeds say little about the spread between runs. ");
}

static void tell_tuning(FILE *f, const kin_ablation *p)
{
    int least = 0, most = 0;
    if (!kin_ablation_tunes(p)) {
        fprintf(f, "No setting was chosen by its score. ");
        return;
    }
    for (int r = 0; r < p->rows; r++) {
        const int n = p->row[r].settings;
        if (!r || n < least) least = n;
        if (n > most) most = n;
    }
    fprintf(f, "Each row's settings (");
    for (int i = 0, any = 0; i < p->axes; i++) {
        if (p->axis[i].kind != KIN_AXIS_TUNE) continue;
        fprintf(f, any++ ? "; " : "");
        tell_keys(f, &p->axis[i]);
        if (*p->axis[i].word) fprintf(f, " of %s", p->axis[i].word);
    }
    fprintf(f, ") were chosen by %s on the validation %s with seed %" PRId64 ", out of %d",
            p->measure, kin_ablation_unit(p), p->seed[0], least);
    if (most > least) fprintf(f, " to %d", most);
    fprintf(f, " (column tried); the test %s were seen by the chosen settings alone. ",
            kin_ablation_unit(p));
}

static void tell_statistics(FILE *f, const kin_outcome *o)
{
    const kin_ablation *p = o->cells->plan;
    const char *unit = kin_ablation_unit(p);
    fprintf(f, "In brackets: 95 %% interval by bootstrap over seeds and %s (%d resamples). ", unit,
            KIN_RESAMPLES);
    if (p->goal == KIN_GOAL_SCORES)
        fprintf(f, "A correlation is taken as the mean of what each pair adds to it. ");
    if (o->pairs < 1) return;
    fprintf(f, "Test: paired randomisation of the %s' %s, averaged over seeds (%d flips), for "
               "all %d pairs of rows, with Holm's correction, at the 5 %% level. ",
            unit, p->measure, KIN_FLIPS, o->pairs);
    fprintf(f, o->lettered ? "Rows that share a letter do not differ; "
                           : "There are too many groups for letters; ");
    fprintf(f, "bold: does not differ from the best. ");
}

char *kin_outcome_caption(const kin_outcome *o)
{
    const kin_ablation *p = o->cells->plan;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f) return NULL;
    const char *slash = strrchr(p->path, '/');
    fprintf(f, "%s on %" PRId64 " test %s", p->measure, o->queries, kin_ablation_unit(p));
    if (p->goal == KIN_GOAL_RANKING) fprintf(f, " against %" PRId64 " documents", o->documents);
    if (p->goal == KIN_GOAL_LABELS) fprintf(f, " of %" PRId64 " classes", o->classes);
    fprintf(f, ". ");
    tell_varied(f, p);
    tell_budget(f, p);
    tell_seeds(f, p);
    tell_tuning(f, p);
    tell_statistics(f, o);
    fprintf(f, "Run again with: kin ablate %s", slash ? slash + 1 : p->path);
    if (!fclose(f)) return text;
    free(text);
    return NULL;
}
