/* Encoding: many texts to embeddings, a block at a time. */
#include <stdlib.h>

#include "data/numbers.h"
#include "encoders/bags.h"
#include "encoders/model.h"

/* A bag and a norm do not depend on the rows beside them. A matrix product may: fast kernels treat
 * rows in groups, and sum differently in groups of different kinds. Eight rows are one group, or
 * two of one kind, to all of them. So with a projection every block is filled up to eight rows. */
enum { PRODUCT_ROWS = 8 };

struct kin_encoding {
    const kin_model *model;
    kin_tape *tape;
    kin_bag_room bags;
    bool products;
    real *stage, *features;          /* PRODUCT_ROWS of them, on the host and in backend memory */
};

kin_status kin_model_tokens(const kin_model *m, kin_pool *pool, kin_role role,
                            const kin_texts *texts, kin_tokens *tokens)
{
    const kin_network *n = m->network;
    if (!m->tokenizer) {
        KIN_REQUIRE(n->encoder->rows, KIN_USAGE, "the model's encoder, '%s', takes features and no "
                    "text", n->encoder->entry.name);
        return kin_numbers_all(texts, n->encoder->rows(n->hypers, role), tokens);
    }
    return kin_tokenizer_encode_all(m->tokenizer, pool, texts, m->prefix[role], m->max_tokens,
                                    tokens);
}

kin_status kin_encoding_new(kin_encoding **out, const kin_model *model)
{
    kin_encoding *e = *out = calloc(1, sizeof *e);
    KIN_REQUIRE(e, KIN_MEMORY, "no memory to embed texts");
    e->model = model;
    kin_bag_room_init(&e->bags, model->network->backend);
    const kin_status status = kin_tape_new(&e->tape, model->network->backend);
    if (status) {
        kin_encoding_free(e);
        *out = NULL;
    }
    return status;
}

void kin_encoding_free(kin_encoding *e)
{
    if (!e) return;
    kin_bag_room_free(&e->bags);
    free(e->stage);
    e->model->network->backend->release(e->model->network->backend, e->features);
    kin_tape_free(e->tape);
    free(e);
}

static kin_status run_block(kin_encoding *e, kin_role role, const kin_tokens *tokens,
                            const int32_t *which, int64_t first, int64_t count, real *out)
{
    kin_network *network = e->model->network;
    const int64_t rows = e->products ? PRODUCT_ROWS : count;
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        const int64_t text = which ? which[i] : first + i;
        total += tokens->start[text + 1] - tokens->start[text];
    }
    kin_bag_room_clear(&e->bags);
    KIN_TRY(kin_bag_room_reserve(&e->bags, rows, total));
    for (int64_t i = 0; i < count; i++) {
        const int64_t text = which ? which[i] : first + i, from = tokens->start[text];
        kin_bag_room_put(&e->bags, tokens->ids + from, tokens->start[text + 1] - from);
    }
    for (int64_t i = count; i < rows; i++) kin_bag_room_put(&e->bags, NULL, 0);
    const kin_bags bags = kin_bag_room_send(&e->bags);
    kin_tape_reset(e->tape, 0, 0, false);
    kin_tensor *y = kin_network_forward(e->tape, network, role, &bags);
    KIN_TRY(kin_tape_status(e->tape));
    network->backend->copy(network->backend, out, y->value,
                           (size_t)(count * network->width) * sizeof(real));
    return kin_backend_check(network->backend);
}

kin_status kin_encoding_run(kin_encoding *e, kin_role role, const kin_tokens *tokens,
                            const int32_t *which, int64_t first, int64_t count, real *out)
{
    const kin_network *network = e->model->network;
    e->products = !network->encoder->plain(network->hypers);
    const int64_t block = e->products ? PRODUCT_ROWS : KIN_EMBED_ROWS;
    for (int64_t from = 0; from < count; from += block) {
        const int64_t rows = count - from < block ? count - from : block;
        KIN_TRY(run_block(e, role, tokens, which ? which + from : NULL, first + from, rows,
                          out + from * network->width));
    }
    return KIN_OK;
}

/* ---- features -------------------------------------------------------------------------------- */

static kin_status take_stage(kin_encoding *e)
{
    const kin_network *n = e->model->network;
    const size_t bytes = (size_t)(PRODUCT_ROWS * n->vocab) * sizeof(real);
    if (e->stage) return KIN_OK;
    e->stage = malloc(bytes);
    e->features = n->backend->alloc(n->backend, bytes);
    KIN_REQUIRE(e->stage && e->features, KIN_MEMORY, "no memory for %d rows of %ld features",
                PRODUCT_ROWS, (long)n->vocab);
    return KIN_OK;
}

static kin_status run_features(kin_encoding *e, const float *features, const int32_t *which,
                               int64_t first, int64_t count, real *out)
{
    kin_network *n = e->model->network;
    kin_backend *b = n->backend;
    const int64_t cols = n->vocab;
    for (int64_t i = 0; i < PRODUCT_ROWS; i++) {
        const float *from = features + (which && i < count ? which[i] : first + i) * cols;
        for (int64_t j = 0; j < cols; j++)
            e->stage[i * cols + j] = i < count ? (real)from[j] : 0;
    }
    b->upload(b, e->features, e->stage, (size_t)(PRODUCT_ROWS * cols) * sizeof(real));
    kin_tape_reset(e->tape, 0, 0, false);
    kin_tensor *x = kin_tape_input(e->tape, PRODUCT_ROWS, cols, e->features);
    kin_tensor *y = kin_network_forward_features(e->tape, n, x, 0);
    KIN_TRY(kin_tape_status(e->tape));
    b->copy(b, out, y->value, (size_t)(count * n->width) * sizeof(real));
    return kin_backend_check(b);
}

kin_status kin_encoding_run_features(kin_encoding *e, const float *features, const int32_t *which,
                                     int64_t first, int64_t count, real *out)
{
    const int64_t width = e->model->network->width;
    KIN_TRY(take_stage(e));
    for (int64_t from = 0; from < count; from += PRODUCT_ROWS) {
        const int64_t rows = count - from < PRODUCT_ROWS ? count - from : PRODUCT_ROWS;
        KIN_TRY(run_features(e, features, which ? which + from : NULL, first + from, rows,
                             out + from * width));
    }
    return KIN_OK;
}
