/* What the embeddings of the rows look like, and how that goes with the measure. */
#include <stdlib.h>

#include "experiments/outcome.h"
#include "metrics/correlation.h"

enum { SEED = 1 };                     /* of resamples */

const kin_shape_name kin_shape_names[KIN_SHAPES] = {
    [KIN_ALIGNMENT] = { "alignment", "alignment" },
    [KIN_UNIFORMITY] = { "uniformity", "uniformity" },
    [KIN_BOTH] = { "alignment_plus_uniformity", "their sum" },
    [KIN_TOLERANCE] = { "positive_cosine", "cosine of positives" },
    [KIN_RANDOM] = { "random_cosine", "of random pairs" },
    [KIN_RANK] = { "effective_rank", "effective rank" },
};

double kin_shape_of(const kin_results *r, kin_shape_number which)
{
    const double numbers[KIN_SHAPES] = {
        [KIN_ALIGNMENT] = r->shape.alignment, [KIN_UNIFORMITY] = r->shape.uniformity,
        [KIN_BOTH] = r->shape.alignment + r->shape.uniformity,
        [KIN_TOLERANCE] = r->shape.positive_cosine, [KIN_RANDOM] = r->shape.cosine,
        [KIN_RANK] = r->shape.rank,
    };
    return numbers[which];
}

static kin_status describe(kin_system *s)
{
    double number[KIN_SEEDS_MAX];
    for (int i = 0; i < KIN_SHAPES; i++) {
        for (int k = 0; k < s->seeds; k++)
            number[k] = kin_shape_of(&s->results[k], (kin_shape_number)i);
        KIN_TRY(kin_spread_of(&s->shape[i], s->seeds, number));
    }
    return KIN_OK;
}

/* Rows are what is drawn again: their queries and seeds are in the means. */
static kin_status relate(kin_outcome *o, kin_pool *pool, double *score, double *number)
{
    for (int i = 0; i < KIN_RELATIONS; i++) {
        double both[KIN_SCORE_MEASURES];
        kin_interval interval[KIN_SCORE_MEASURES];
        int n = 0;
        for (int k = 0; k < o->systems; k++) {
            if (o->system[k].row < 0) continue;
            score[n] = o->system[k].spread[0].mean;
            number[n++] = o->system[k].shape[i].mean;
        }
        KIN_TRY(kin_correlation(both, n, number, score));
        KIN_TRY(kin_correlation_bootstrap(interval, pool, SEED, KIN_RESAMPLES, KIN_LEVEL, n, number,
                                          score));
        o->relation[i] = (kin_relation){ both[KIN_SPEARMAN], interval[KIN_SPEARMAN] };
    }
    return KIN_OK;
}

kin_status kin_outcome_geometry(kin_outcome *o, kin_pool *pool)
{
    int rows = 0;
    for (int i = 0; i < o->systems; i++) {
        if (o->system[i].row < 0) continue;
        KIN_TRY(describe(&o->system[i]));
        rows++;
    }
    if (rows < KIN_RELATION_ROWS) return KIN_OK;
    double *numbers = malloc(2 * (size_t)rows * sizeof *numbers);
    KIN_REQUIRE(numbers, KIN_MEMORY, "no memory for %d rows", rows);
    const kin_status status = relate(o, pool, numbers, numbers + rows);
    free(numbers);
    o->related = status ? 0 : rows;
    return status;
}
