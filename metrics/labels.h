/* Labels: how well items of a class find each other, from lists of their nearest neighbours.
 *
 * With items that the classes were learned from (the training items):
 *     centroid     1 when the class with the nearest mean is the item's own
 *     knn@1        1 when the nearest training item is of the item's class
 *     knn@5        the same for the class that most of the five nearest have; when several have
 *                  most, that whose first one is nearest
 * Among the judged items themselves, each against all others; R: how many others are of its class:
 *     recall@1     1 when the nearest is of its class
 *     r_precision  share of its class among the R nearest
 *     map@r        mean over the ranks 1 .. R of: precision up to there where the item is of its
 *                  class, else 0 (Musgrave, Belongie, Lim 2020, "A metric learning reality check")
 * Items that are alone in their class have no R: the last three are means over the others.
 *
 * Order in a list: score descending, of equal scores the item that comes first. */
#ifndef KIN_METRICS_LABELS_H
#define KIN_METRICS_LABELS_H

#include "metrics/ranking.h"

#define KIN_EACH_LABEL_MEASURE(X)      \
    X(CENTROID, "centroid")            \
    X(KNN1, "knn@1")                   \
    X(KNN5, "knn@5")                   \
    X(PEER_RECALL1, "recall@1")        \
    X(R_PRECISION, "r_precision")      \
    X(MAP_R, "map@r")

typedef enum {
#define X(field, name) KIN_##field,
    KIN_EACH_LABEL_MEASURE(X)
#undef X
    KIN_LABEL_MEASURES
} kin_label_measure;

extern const char *const kin_label_measure_names[KIN_LABEL_MEASURES];

enum { KIN_NEIGHBOURS = 5 };           /* training items that are asked for */

typedef struct {
    int64_t items;
    const int32_t *label;              /* items, borrowed */
    int64_t alone;                     /* items without another of their class */
    int64_t deepest;                   /* the largest R */
    int64_t *others;                   /* items: R */
    int32_t *class;                    /* items: the class of the nearest mean, or -1 */
    double *value[KIN_LABEL_MEASURES]; /* items each; NaN where there is none */
    double mean[KIN_LABEL_MEASURES];   /* NaN before it is judged */
} kin_label_scores;

/* Scores of items with these labels (0 .. labels - 1), nothing judged yet. */
kin_status kin_label_scores_new(kin_label_scores **scores, int64_t items, const int32_t *label,
                                int64_t labels);
void kin_label_scores_free(kin_label_scores *scores);  /* NULL is fine */

/* near: for each item a list of up to KIN_NEIGHBOURS training items. */
void kin_label_judge_train(kin_label_scores *scores, const kin_run *near,
                           const int32_t *train_label);

/* class: of each item, the one whose mean is nearest, or -1. */
void kin_label_judge_centroids(kin_label_scores *scores, const int32_t *class);

/* peers: for each item a list of judged items, of deepest + 1 or all there are; it may be in it
 * itself. */
void kin_label_judge_peers(kin_label_scores *scores, const kin_run *peers);

/* Means and the values of the items that have one: returns how many; out: items. */
int64_t kin_label_values(const kin_label_scores *scores, kin_label_measure measure, double *out);

#endif
