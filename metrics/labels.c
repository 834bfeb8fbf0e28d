#include "metrics/labels.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const kin_label_measure_names[KIN_LABEL_MEASURES] = {
#define X(field, name) name,
    KIN_EACH_LABEL_MEASURE(X)
#undef X
};

static kin_status count_others(kin_label_scores *s, int64_t labels)
{
    int64_t *count = calloc((size_t)labels + 1, sizeof *count);
    KIN_REQUIRE(count, KIN_MEMORY, "no memory for %lld classes", (long long)labels);
    for (int64_t i = 0; i < s->items; i++) count[s->label[i]]++;
    for (int64_t i = 0; i < s->items; i++) {
        s->others[i] = count[s->label[i]] - 1;
        s->alone += s->others[i] == 0;
        if (s->others[i] > s->deepest) s->deepest = s->others[i];
    }
    free(count);
    return KIN_OK;
}

kin_status kin_label_scores_new(kin_label_scores **out, int64_t items, const int32_t *label,
                                int64_t labels)
{
    kin_label_scores *s = *out = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the scores of %lld items", (long long)items);
    s->items = items;
    s->label = label;
    s->others = malloc(sizeof *s->others * (size_t)(items + 1));
    s->class = malloc(sizeof *s->class * (size_t)(items + 1));
    bool fine = s->others && s->class;
    for (int m = 0; m < KIN_LABEL_MEASURES; m++) {
        s->value[m] = malloc(sizeof(double) * (size_t)(items + 1));
        s->mean[m] = NAN;
        fine = fine && s->value[m];
        for (int64_t i = 0; i < items && fine; i++) s->value[m][i] = NAN;
    }
    for (int64_t i = 0; i < items && fine; i++) s->class[i] = -1;
    const kin_status status = fine ? count_others(s, labels)
                                   : kin_fail(KIN_MEMORY, "no memory for the scores of %lld items",
                                              (long long)items);
    if (status == KIN_OK) return KIN_OK;
    kin_label_scores_free(s);
    *out = NULL;
    return status;
}

void kin_label_scores_free(kin_label_scores *s)
{
    if (!s) return;
    for (int m = 0; m < KIN_LABEL_MEASURES; m++) free(s->value[m]);
    free(s->others);
    free(s->class);
    free(s);
}

int64_t kin_label_values(const kin_label_scores *s, kin_label_measure m, double *out)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->items; i++)
        if (!isnan(s->value[m][i])) out[n++] = s->value[m][i];
    return n;
}

static void take_mean(kin_label_scores *s, kin_label_measure m)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < s->items; i++) {
        if (isnan(s->value[m][i])) continue;
        sum += s->value[m][i];
        n++;
    }
    s->mean[m] = n ? sum / (double)n : NAN;
}

/* ---- against training items ------------------------------------------------------------------ */

/* The label that most of n have; of several, that which comes first. -1 of none. */
static int32_t vote(const int32_t *label, int64_t n)
{
    int64_t most = 0;
    int32_t winner = -1;
    for (int64_t i = 0; i < n; i++) {
        int64_t votes = 0;
        for (int64_t j = 0; j < n; j++) votes += label[j] == label[i];
        if (votes <= most) continue;
        most = votes;
        winner = label[i];
    }
    return winner;
}

void kin_label_judge_train(kin_label_scores *s, const kin_run *near, const int32_t *train_label)
{
    for (int64_t i = 0; i < s->items; i++) {
        int32_t label[KIN_NEIGHBOURS];
        const int64_t found = near->start[i + 1] - near->start[i];
        const int64_t n = found < KIN_NEIGHBOURS ? found : KIN_NEIGHBOURS;
        for (int64_t k = 0; k < n; k++) label[k] = train_label[near->document[near->start[i] + k]];
        s->value[KIN_KNN1][i] = n > 0 && label[0] == s->label[i];
        s->value[KIN_KNN5][i] = vote(label, n) == s->label[i];
    }
    take_mean(s, KIN_KNN1);
    take_mean(s, KIN_KNN5);
}

void kin_label_judge_centroids(kin_label_scores *s, const int32_t *class)
{
    memcpy(s->class, class, sizeof *class * (size_t)s->items);
    for (int64_t i = 0; i < s->items; i++)
        s->value[KIN_CENTROID][i] = class[i] == s->label[i];
    take_mean(s, KIN_CENTROID);
}

/* ---- among themselves ------------------------------------------------------------------------ */

static void judge_peer(kin_label_scores *s, int64_t item, const int32_t *list, int64_t found)
{
    const int64_t others = s->others[item];
    int64_t rank = 0, hits = 0;
    double precisions = 0, first = 0;
    if (others == 0) return;
    for (int64_t k = 0; k < found && rank < others; k++) {
        if (list[k] == item) continue;
        rank++;
        if (s->label[list[k]] != s->label[item]) continue;
        first += rank == 1;
        precisions += (double)++hits / (double)rank;
    }
    s->value[KIN_PEER_RECALL1][item] = first;
    s->value[KIN_R_PRECISION][item] = (double)hits / (double)others;
    s->value[KIN_MAP_R][item] = precisions / (double)others;
}

void kin_label_judge_peers(kin_label_scores *s, const kin_run *peers)
{
    for (int64_t i = 0; i < s->items; i++)
        judge_peer(s, i, peers->document + peers->start[i], peers->start[i + 1] - peers->start[i]);
    take_mean(s, KIN_PEER_RECALL1);
    take_mean(s, KIN_R_PRECISION);
    take_mean(s, KIN_MAP_R);
}
