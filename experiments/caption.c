/* The caption of a table: all that a reader must know, made from the plan and the numbers. */
#include <inttypes.h>
#include <math.h>
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

static kin_status tell_length(FILE *f, const kin_outcome *o)
{
    double least = INFINITY, most = 0;
    for (int i = 0; i < o->systems; i++) {
        kin_spent spent;
        if (o->system[i].row < 0) continue;
        KIN_TRY(kin_outcome_spent(o, &o->system[i], &spent));
        least = fmin(least, spent.steps), most = fmax(most, spent.steps);
    }
    if (most <= 0) return KIN_OK;
    fprintf(f, "A run has %.0f", least);
    if (most > least) fprintf(f, " to %.0f", most);
    fprintf(f, " steps. ");
    return KIN_OK;
}

static kin_status tell_budget(FILE *f, const kin_outcome *o)
{
    static const char *const unit[] = { "", "steps", "pairs", "seconds of training" };
    const kin_ablation *p = o->cells->plan;
    if (p->budget == KIN_BUDGET_BASE) return tell_length(f, o);
    fprintf(f, "Every run has the same budget, %.10g %s. ", p->amount, unit[p->budget]);
    return KIN_OK;
}

/* Which of a run's models is judged. */
static kin_status tell_model(FILE *f, const kin_ablation *p)
{
    kin_config *c;
    int count;
    const char *const *measures = kin_goal_measures(p->goal, &count);
    KIN_TRY(kin_ablation_config(p, 0, 0, 0, "run", &c));
    const bool last = kin_config_is(c, "data.validation", "trained")
                      || !(kin_config_number(c, "eval.every") > 0);
    if (last)
        fprintf(f, "The model after the last step is judged. ");
    else
        fprintf(f, "Of each run the model is judged that was best on the validation %s, by %s. ",
                kin_ablation_unit(p), p->goal == KIN_GOAL_RANKING
                ? kin_config_text(c, "eval.best_by") : measures[kin_goal_headline(p->goal)]);
    kin_config_free(c);
    return KIN_OK;
}

enum { NAMED = 6 };

/* The best row, and those that the test cannot tell from it. */
static void tell_best(FILE *f, const kin_outcome *o)
{
    const kin_system *best = NULL;
    int like = 0;
    for (int i = 0; i < o->systems; i++) {
        const kin_system *s = &o->system[i];
        if (!best || s->spread[0].mean > best->spread[0].mean) best = s;
        like += s->best;
    }
    if (!best || o->pairs < 1) return;
    fprintf(f, "Best by %s: %s (%.4f)", o->cells->plan->measure, best->label,
            best->spread[0].mean);
    if (like < 2) {
        fprintf(f, ", ahead of every other row.\n");
        return;
    }
    fprintf(f, "; not found to differ from it: ");
    for (int i = 0, told = 0; i < o->systems && told < NAMED; i++)
        if (o->system[i].best && &o->system[i] != best)
            fprintf(f, "%s%s", told++ ? ", " : "", o->system[i].label);
    if (like - 1 > NAMED) fprintf(f, " and %d more", like - 1 - NAMED);
    fprintf(f, ".\n");
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
    fprintf(f, " (column tried), of equal scores the first; only the chosen ones were judged on "
               "the test %s. ", kin_ablation_unit(p));
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
    fprintf(f, o->lettered ? "Rows that share a letter were not found to differ. "
                           : "There are too many groups for letters. ");
    fprintf(f, "Bold: not found to differ from the best. Brackets of rows that differ may overlap: "
               "the test compares two rows on the same %s. ", unit);
    if (p->columns > 1) fprintf(f, "Other columns than %s were not tested. ", p->measure);
}

static kin_status tell_all(FILE *f, const kin_outcome *o)
{
    const kin_ablation *p = o->cells->plan;
    const char *slash = strrchr(p->path, '/');
    fprintf(f, "%s on %" PRId64 " test %s", p->measure, o->queries, kin_ablation_unit(p));
    if (p->goal == KIN_GOAL_RANKING) fprintf(f, " against %" PRId64 " documents", o->documents);
    if (p->goal == KIN_GOAL_LABELS) fprintf(f, " of %" PRId64 " classes", o->classes);
    fprintf(f, ". ");
    tell_best(f, o);
    tell_varied(f, p);
    KIN_TRY(tell_budget(f, o));
    KIN_TRY(tell_model(f, p));
    fputc('\n', f);
    tell_seeds(f, p);
    fputc('\n', f);
    tell_tuning(f, p);
    fputc('\n', f);
    tell_statistics(f, o);
    fprintf(f, "\nRun again with: kin ablate %s", slash ? slash + 1 : p->path);
    return KIN_OK;
}

/* Sentences end with a blank; at the end of a paragraph it goes. */
static void trim(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != ' ' || from[1] != '\n') *to++ = *from;
    *to = 0;
}

kin_status kin_outcome_caption(const kin_outcome *o, char **caption)
{
    size_t size;
    *caption = NULL;
    FILE *f = open_memstream(caption, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "no memory for a caption");
    kin_status status = tell_all(f, o);
    if (fclose(f) && !status) status = kin_fail(KIN_MEMORY, "no memory for a caption");
    if (!status) trim(*caption);
    else free(*caption);
    return status;
}
