/* mlp: a multilayer perceptron over an item's features.
 *
 *     x_0 = features,   x_k = f(x_{k-1} W_k + b_k),   y = x_L W + b        k = 1 .. L
 *     embedding = y / |y|
 *
 * For data that are numbers and not texts: pictures, measurements, the output of another network.
 * With layers = 0 it is a linear map. Dropout follows each hidden layer.
 *
 * Source: Rumelhart, Hinton, Williams 1986, "Learning representations by back-propagating errors".
 * Other names: feed-forward network, dense layers, projection head. */
#include <math.h>

#include "autograd/op.h"
#include "encoders/encoder.h"

enum { DIM, LAYERS, HIDDEN, ACTIVATION, DROPOUT };
enum { GELU, RELU, TANH };
enum { LAYERS_MAX = 3 };

static const char *const matrix_names[LAYERS_MAX] = { "hidden1", "hidden2", "hidden3" };
static const char *const bias_names[LAYERS_MAX] = { "hidden1_bias", "hidden2_bias",
                                                     "hidden3_bias" };

static int64_t width(const double *h)
{
    return (int64_t)h[DIM];
}

/* Rows keep their size through a layer whose activation is 0 for half of them (He et al. 2015). */
static int plan_layer(kin_plan *p, const char *matrix, const char *bias, int64_t in, int64_t out,
                      double gain)
{
    p[0] = (kin_plan){ .name = matrix, .rows = in, .cols = out, .fill = KIN_FILL_NORMAL,
                       .scale = sqrt(gain / (double)in), .decay = true };
    p[1] = (kin_plan){ .name = bias, .rows = 1, .cols = out, .fill = KIN_FILL_VALUE };
    return 2;
}

static int plan(const double *h, int64_t features, kin_plan *p)
{
    const int layers = (int)h[LAYERS];
    int64_t in = features;
    int n = 0;
    for (int k = 0; k < layers; k++) {
        n += plan_layer(p + n, matrix_names[k], bias_names[k], in, (int64_t)h[HIDDEN],
                        h[ACTIVATION] == TANH ? 1 : 2);
        in = (int64_t)h[HIDDEN];
    }
    return n + plan_layer(p + n, "output", "output_bias", in, width(h), 1);
}

static kin_tensor *activate(kin_tape *tape, int which, kin_tensor *x)
{
    return which == GELU ? kin_gelu(tape, x) : which == RELU ? kin_relu(tape, x)
                                                             : kin_tanh(tape, x);
}

static kin_tensor *forward(kin_tape *tape, const double *h, kin_tensor *const *p, kin_tensor *x)
{
    for (int k = 0; k < (int)h[LAYERS]; k++, p += 2) {
        x = kin_bias(tape, kin_matmul(tape, x, p[0]), p[1]);
        x = activate(tape, (int)h[ACTIVATION], x);
        if (h[DROPOUT] > 0) x = kin_dropout(tape, x, h[DROPOUT]);
    }
    return kin_l2_normalize(tape, kin_bias(tape, kin_matmul(tape, x, p[0]), p[1]));
}

static int fold(double *h, int *weight)
{
    (void)h;
    (void)weight;
    return -1;
}

static bool plain(const double *h)
{
    (void)h;
    return false;
}

const kin_encoder kin_encoder_mlp = {
    .entry = {
        .name = "mlp",
        .summary = "Layers of neurons over features, for items that are numbers and not texts.",
        .hypers = {
            [DIM] = { "dim", 128, 1, 16384, "width of the embeddings", KIN_INTEGER, NULL },
            [LAYERS] = { "layers", 1, 0, LAYERS_MAX, "hidden layers", KIN_INTEGER, NULL },
            [HIDDEN] = { "hidden", 512, 1, 65536, "their width", KIN_INTEGER, NULL },
            [ACTIVATION] = { "activation", GELU, 0, TANH, "what follows each hidden layer", 0,
                             "gelu|relu|tanh" },
            [DROPOUT] = { "dropout", 0, 0, 0.9, "share of a hidden layer that a step leaves out", 0,
                          NULL },
        },
    },
    .plan = plan, .width = width, .forward_features = forward, .fold = fold, .plain = plain,
};
