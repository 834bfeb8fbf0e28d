/* Estimate: what a run will take, before it takes it. */
#include <math.h>
#include <string.h>

#include "train/machine.h"
#include "train/trainer.h"

/* MB of a run apart from what is there already. What grows with the batch is linear in it (its
 * tokens, its embeddings, their gradients), but a table's gradient has no more rows than the table
 * and the scores are no more than all. */
typedef struct {
    double weights, moments, slow, fixed;
    double chunk, chunk_pair;        /* pairs that are embedded at a time, 0: all; MB of each */
    double pair, token;              /* of each pair, and of each token's gradient row, if kept */
    double tokens, rows;             /* tokens of a pair; rows of all tables */
    double scores, kept;             /* of one score; most that loss.memory keeps */
} demand;

/* Numbers that one row of a batch holds between the table and the loss, and their gradients. */
static double numbers_per_row(const kin_plan *plan, int count, double width)
{
    double numbers = 2 * (double)plan[0].cols;                  /* the mean of the tokens */
    for (int i = 1; i < count; i++)
        if (!plan[i].sparse && plan[i].cols > 1) numbers += 2 * (double)plan[i].cols;
    return numbers + 3 * width;             /* the norm, its gradient, and that of the loss */
}

/* Numbers of a row between table and loss, or of one that is embedded in a chunk, which leaves its
 * embedding, the gradient of this, and that of the mean of its tokens. With a momentum tower either
 * side may be embedded once more, without gradient. */
static void count_rows(demand *d, const kin_plan *plan, int count, double width, double number,
                       bool momentum)
{
    const double all = numbers_per_row(plan, count, width);
    const double left = 4 * width + (double)plan[0].cols;
    d->chunk_pair = all * number;                       /* a chunk is of one side */
    d->pair = 2 * (d->chunk > 0 ? left : all) * number;
    if (momentum) d->pair += 2 * (d->chunk > 0 ? width : all / 2) * number;
}

/* What settings of the loss add to a pair: a list of cells on the host and the device, sorted
 * twice, with score, slope and term; leading coordinates, their unit rows and both gradients. */
static double loss_mb(const kin_trainer *t, double number)
{
    double dims[KIN_DIMS_MAX], mb = 0;
    const int n = kin_config_numbers(t->config, "loss.dims", dims, KIN_DIMS_MAX);
    const double each = kin_config_number(t->config, "loss.drawn");
    for (int i = 0; i < n; i++) mb += 2 * 4 * dims[i] * number;
    if (each > 0) mb += (each + 1) * (2 * 9 + 4 * 4 + 3 * sizeof(real)) / KIN_MB;
    return mb;
}

/* What evaluations take: a block of documents, the queries, their lists. */
static double evaluation_mb(const kin_trainer *t, int64_t width, double number)
{
    double queries = 0;
    for (int64_t i = 0; i < t->store->queries; i++)
        queries += t->store->query_split[i] != KIN_TRAIN;
    const double block = (double)kin_evaluate_block(t->store->documents, width);
    return (block + queries + 4 * KIN_EMBED_ROWS) * (double)width * number
           + queries * kin_config_number(t->config, "eval.depth") * 24e-6;
}

/* Rows of all tables; with negatives from the corpus all documents have their embedding beside. */
static double count_tables(const kin_trainer *t, const double *hypers, int64_t vocab, bool separate,
                           double *beside)
{
    const kin_encoder *encoder = kin_encoder_at(kin_config_entry(t->config, "encoder"));
    *beside = 0;
    if (!encoder->rows) return (double)vocab * (separate ? 2 : 1);
    const double items = (double)encoder->rows(hypers, KIN_DOCUMENT);
    const bool corpus = strncmp(kin_config_text(t->config, "loss.negatives"), "corpus", 6) == 0;
    if (corpus) *beside = items * (double)(encoder->width(hypers) + 1) * sizeof(real) / KIN_MB;
    return items + (double)encoder->rows(hypers, KIN_QUERY);
}

/* Documents' embeddings in the index, as bytes too; lists of candidates and negatives. A
 * queue, joined to the columns, with their gradient and made unit. */
static double negatives_mb(const kin_trainer *t, int64_t width, double number)
{
    const kin_config *c = t->config;
    const double documents = (double)t->store->documents, pairs = (double)t->store->pairs;
    const double cells = kin_config_number(c, "negatives.count")
                         + 2 * kin_config_number(c, "negatives.depth");
    const double queue = 4 * kin_config_number(c, "negatives.queue") * (double)width * number;
    if (kin_config_is(c, "negatives.source", "none")) return queue;
    const double rows = kin_config_is(c, "negatives.source", "model") ? 1.25 : 0;
    return queue + rows * documents * (double)width * number + pairs * (cells + 8) * 4 / KIN_MB;
}

/* What mined negatives add to a pair, which has two texts without them. */
static double texts_more(const kin_trainer *t)
{
    const bool none = kin_config_is(t->config, "negatives.source", "none");
    return none ? 1 : 1 + kin_config_number(t->config, "negatives.count") / 2;
}

static demand work_out(const kin_trainer *t, double tokens_per_pair)
{
    kin_plan plan[KIN_PLAN_MAX];
    double hypers[KIN_HYPERS_MAX];
    const int place = kin_config_entry(t->config, "encoder");
    const kin_encoder *encoder = kin_encoder_at(place);
    const int64_t vocab = kin_trainer_inputs(t);
    const bool separate = kin_config_is(t->config, "encoder.towers", "separate");
    kin_trainer_encoder(t, hypers);
    double beside;
    const double rows = count_tables(t, hypers, vocab, separate, &beside);
    const int count = encoder->plan(hypers, vocab, plan);
    const int64_t width = encoder->width(hypers);
    const double number = sizeof(real) / KIN_MB;
    const kin_optimizer_setting setting = kin_trainer_optimizer(t);
    demand d = { .weights = (double)kin_network_bytes(place, hypers, vocab, separate) / KIN_MB,
                 .chunk = kin_config_number(t->config, "batch.chunk"),
                 .token = kin_optimizer_sums(&setting) ? 0 : (double)plan[0].cols * number,
                 .tokens = tokens_per_pair,
                 .rows = rows, .scores = number,
                 .kept = kin_config_number(t->config, "loss.memory") };
    const bool momentum = kin_config_number(t->config, "encoder.momentum") > 0;
    count_rows(&d, plan, count, (double)width, number, momentum);
    d.pair += tokens_per_pair * 40 / KIN_MB + loss_mb(t, number);
    d.pair += 2 * (double)t->store->features * number;
    d.pair *= texts_more(t);
    d.tokens *= texts_more(t);
    d.slow = momentum ? d.weights : 0;
    d.moments = (kin_optimizer_keeps_mean(&setting) ? 2 : 1) * d.weights;
    d.fixed = 16 + beside + (t->split_count ? evaluation_mb(t, width, number) : 0);
    d.fixed += negatives_mb(t, width, number);
    return d;
}

static double need_mb(const demand *d, double batch)
{
    return d->weights + d->moments + d->slow + d->fixed + batch * d->pair
           + (d->chunk > 0 ? fmin(d->chunk, batch) * d->chunk_pair : 0)
           + fmin(batch * d->tokens, d->rows) * d->token + fmin(d->kept, batch * batch * d->scores);
}

/* The largest batch that takes no more than so many MB; 0: none. */
static int64_t largest_batch(const demand *d, int64_t most, double left)
{
    int64_t low = 0, high = most;
    while (low < high) {
        const int64_t middle = (low + high + 1) / 2;
        if (need_mb(d, (double)middle) <= left) low = middle;
        else high = middle - 1;
    }
    return low < 2 ? 0 : low;
}

kin_status kin_trainer_check_memory(kin_trainer *t)
{
    kin_batch_find_widest(t);
    const demand d = work_out(t, (double)t->widest_tokens / (double)t->size);
    const double limit = kin_config_number(t->config, "run.memory"), now = kin_memory_now();
    const double left = limit > 0 ? fmax(0, limit - now) : kin_memory_left();
    const double need = need_mb(&d, (double)t->size);
    t->expected_mb = now + need;
    if (need <= left) return KIN_OK;
    const int64_t fits = largest_batch(&d, t->size, left);
    if (fits)
        return kin_fail(KIN_MEMORY, "the run would take %.0f MB of memory and %.0f MB are left; "
                                    "batch.size = %ld would fit instead of %ld", need, left,
                        (long)fits, (long)t->size);
    return kin_fail(KIN_MEMORY, "the run would take %.0f MB of memory and %.0f MB are left; even "
                                "without a batch it takes %.0f MB: make encoder.dim, "
                                "tokenizer.vocab_size or loss.memory smaller", need, left,
                    need_mb(&d, 0));
}

/* ---- time ------------------------------------------------------------------------------------ */

/* Seconds of a step: forward and backward as measured, and what the optimizer reads and writes at a
 * rate that every machine reaches. */
static kin_status time_step(kin_trainer *t, double *seconds)
{
    const double rate = 8e9;
    double numbers = 0;
    KIN_TRY(kin_batch_fill(t, t->state.step < t->steps ? t->state.step : 0));
    const double before = kin_seconds();
    KIN_TRY(kin_trainer_forward(t, t->state.step, false));
    *seconds = kin_seconds() - before;
    for (int i = 0; i < t->model->network->count; i++) {
        const kin_tensor *w = &t->model->network->weight[i].tensor;
        numbers += (double)((w->sparse ? w->sparse->count : w->rows) * w->cols);
    }
    *seconds += 7 * sizeof(real) * numbers / rate;
    return KIN_OK;
}

static void count_queries(const kin_trainer *t, kin_estimate *e)
{
    for (int64_t i = 0; i < t->store->queries; i++) {
        const kin_split split = (kin_split)t->store->query_split[i];
        *(split == KIN_TRAIN ? &e->train_queries
          : split == KIN_VALIDATION ? &e->validation_queries : &e->test_queries) += 1;
    }
}

static kin_estimate describe(const kin_trainer *t, double seconds)
{
    static int64_t none;
    static const kin_tokens no_tokens = { .start = &none };
    const kin_tokens *tokens = t->store->features ? &no_tokens : t->tokens.of[KIN_DOCUMENT];
    kin_estimate e = {
        .goal = t->material.goal, .classes = t->store->labels, .features = t->store->features,
        .texts = t->store->texts.count, .documents = t->store->documents,
        .pairs = t->material.count, .vocabulary = t->model->network->vocab,
        .tokens = tokens->start[tokens->count], .empty = tokens->empty, .cut = tokens->cut,
        .unknown = tokens->unknown, .steps = t->steps, .steps_per_epoch = t->per_epoch,
        .dropped = t->sampler ? kin_sampler_dropped(t->sampler) : 0, .memory_mb = t->expected_mb,
        .available_mb = kin_memory_left(),
        .seconds = seconds * (double)(t->steps - t->state.step),
        .threads = kin_pool_threads(t->backend->pool),
    };
    count_queries(t, &e);
    for (int i = 0; i < t->model->network->count; i++)
        e.parameters += t->model->network->weight[i].tensor.rows
                        * t->model->network->weight[i].tensor.cols;
    return e;
}

kin_status kin_trainer_measure(kin_trainer *t)
{
    double seconds;
    if (t->negatives) t->negatives->stand_in = true;
    KIN_TRY(kin_batch_fill(t, t->widest));         /* takes the memory of all steps */
    KIN_TRY(kin_trainer_forward(t, t->widest, true));
    if (t->negatives) t->negatives->stand_in = false;
    KIN_TRY(time_step(t, &seconds));
    t->step_seconds = seconds;
    kin_trainer_pace(t);
    memset(&t->last, 0, sizeof t->last);
    if (t->watch && t->watch->estimate) {
        const kin_estimate e = describe(t, seconds);
        t->watch->estimate(t->watch->state, &e);
    }
    return KIN_OK;
}
