/* static: the mean of the tokens' vectors, normalised to length 1.
 *
 *     x = mean over the tokens t of w_t E[t]        E: V x D, w: none, fixed or learned
 *     y = x,  or  x W + b,  or  gelu(x W1 + b1) W2 + b2
 *     embedding = y / |y|
 *
 * Order is ignored, which makes it hundreds of times cheaper than a transformer and strong enough
 * for retrieval by topic. Token weights let frequent words count less; they are multiplied into the
 * table when the model is saved. Rarity of a token: ln(1 + documents / (1 + documents with it)),
 * divided by its mean over the vocabulary.
 *
 * Source: Tissier, Aarsen 2025, "Train 400x faster static embedding models"; before it Wieting et
 * al. 2016, "Towards universal paraphrastic sentence embeddings".
 * Other names: StaticEmbedding (sentence-transformers), EmbeddingBag mean, bag of words. */
#include <math.h>

#include "autograd/op.h"
#include "encoders/encoder.h"

enum { DIM, WEIGHTS, RARITY, PROJECTION, HIDDEN, OUTPUT, INIT_SCALE, INIT_RARITY };
enum { WEIGHTS_NONE, WEIGHTS_FIXED, WEIGHTS_LEARNED };
enum { PROJECTION_NONE, PROJECTION_LINEAR, PROJECTION_MLP };

static int64_t width(const double *h)
{
    return (int64_t)(h[PROJECTION] != PROJECTION_NONE && h[OUTPUT] > 0 ? h[OUTPUT] : h[DIM]);
}

static int64_t hidden(const double *h)
{
    return (int64_t)(h[HIDDEN] > 0 ? h[HIDDEN] : h[DIM]);
}

static kin_plan matrix(const char *name, int64_t in, int64_t out)
{
    return (kin_plan){ .name = name, .rows = in, .cols = out, .fill = KIN_FILL_NORMAL,
                       .scale = 1 / sqrt((double)in), .decay = true };
}

static kin_plan bias(const char *name, int64_t out)
{
    return (kin_plan){ .name = name, .rows = 1, .cols = out, .fill = KIN_FILL_VALUE };
}

static int plan(const double *h, int64_t vocab, kin_plan *p)
{
    const int64_t dim = (int64_t)h[DIM];
    int n = 0;
    p[n++] = (kin_plan){ .name = "table", .rows = vocab, .cols = dim, .fill = KIN_FILL_NORMAL,
                         .scale = h[INIT_SCALE], .rarity = h[INIT_RARITY], .sparse = true,
                         .decay = true };
    if (h[WEIGHTS] != WEIGHTS_NONE)
        p[n++] = (kin_plan){ .name = "weights", .rows = vocab, .cols = 1, .fill = KIN_FILL_VALUE,
                             .scale = 1, .rarity = h[RARITY],
                             .frozen = h[WEIGHTS] == WEIGHTS_FIXED };
    if (h[PROJECTION] == PROJECTION_LINEAR) {
        p[n++] = matrix("linear", dim, width(h));
        p[n++] = bias("linear_bias", width(h));
    } else if (h[PROJECTION] == PROJECTION_MLP) {
        p[n++] = matrix("hidden", dim, hidden(h));
        p[n++] = bias("hidden_bias", hidden(h));
        p[n++] = matrix("linear", hidden(h), width(h));
        p[n++] = bias("linear_bias", width(h));
    }
    return n;
}

static kin_tensor *forward(kin_tape *tape, const double *h, kin_tensor *const *p,
                           const kin_bags *bags)
{
    const bool weighted = h[WEIGHTS] != WEIGHTS_NONE;
    kin_tensor *x = kin_embedding_bag(tape, p[0], weighted ? p[1] : NULL, bags);
    p += weighted ? 2 : 1;
    if (h[PROJECTION] == PROJECTION_MLP) {
        x = kin_gelu(tape, kin_bias(tape, kin_matmul(tape, x, p[0]), p[1]));
        p += 2;
    }
    if (h[PROJECTION] != PROJECTION_NONE) x = kin_bias(tape, kin_matmul(tape, x, p[0]), p[1]);
    return kin_l2_normalize(tape, x);
}

static int fold(double *h, int *weight)
{
    if (h[WEIGHTS] == WEIGHTS_NONE) return -1;
    h[WEIGHTS] = WEIGHTS_NONE;
    *weight = 1;
    return 0;
}

static bool plain(const double *h)
{
    return h[WEIGHTS] == WEIGHTS_NONE && h[PROJECTION] == PROJECTION_NONE;
}

const kin_encoder kin_encoder_static = {
    .entry = {
        .name = "static",
        .summary = "Mean of token vectors, with optional token weights and projection.",
        .hypers = {
            [DIM] = { "dim", 256, 1, 16384, "numbers in a token's vector", KIN_INTEGER, NULL },
            [WEIGHTS] = { "weights", 0, 0, 2, "weights of the tokens in the mean", 0,
                          "none|fixed|learned" },
            [RARITY] = { "rarity", 1, 0, 4, "token weights are, or start at, rarity to this power",
                         0, NULL },
            [PROJECTION] = { "projection", 0, 0, 2, "what follows the mean", 0,
                             "none|linear|mlp" },
            [HIDDEN] = { "hidden", 0, 0, 65536, "hidden width of the mlp; 0: dim", KIN_INTEGER,
                         NULL },
            [OUTPUT] = { "output", 0, 0, 16384, "width after the projection; 0: dim", KIN_INTEGER,
                         NULL },
            [INIT_SCALE] = { "init_scale", 1, 1e-6, 1e3,
                             "standard deviation of the first token vectors", 0, NULL },
            [INIT_RARITY] = { "init_rarity", 0, 0, 4,
                              "first token vectors are multiplied by rarity to this power", 0,
                              NULL },
        },
    },
    .plan = plan, .width = width, .forward = forward, .fold = fold, .plain = plain,
};
