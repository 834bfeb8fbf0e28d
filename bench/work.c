#include "bench/work.h"

#include <math.h>
#include "autograd/op.h"

const bench_work bench_works[] = {
    [ONE_WAY] = { "infonce", { { "temperature", 0.05 } }, KIN_ONE_WAY, .flops = 6, .exps = 1 },
    [BOTH_WAYS] = { "infonce", { { "temperature", 0.05 } }, KIN_BOTH_WAYS, .flops = 8, .exps = 2 },
    [KEPT] = { "infonce", { { "temperature", 0.05 } }, KIN_BOTH_WAYS, .kept = true, .flops = 6,
               .exps = 1 },
    [VIEWS] = { "infonce", { { "temperature", 0.05 } }, KIN_VIEWS, .flops = 4 * 4, .exps = 4 },
    [SIGMOID] = { "sigmoid", { { "scale", 20 }, { "bias", -10 } }, KIN_ONE_WAY, .flops = 6,
                  .exps = 1 },
    [CIRCLE] = { "circle", { { "margin", 0.4 }, { "gamma", 80 } }, .classes = 256, .flops = 4,
                 .exps = 1 },
    [TRIPLET] = { "triplet", { { "margin", 0.2 }, { "mining", 0 } }, .classes = 64, .flops = 4 },
    [NTXENT] = { "ntxent", { { "temperature", 0.05 } }, .classes = 256, .flops = 4, .exps = 1 },
    [SUPCON] = { "infonce", { { "temperature", 0.1 } }, .classes = 256, .flops = 4, .exps = 1 },
    [MULTI] = { "multi_similarity", { { "alpha", 2 }, { "beta", 50 }, { "base", 0.5 } },
                .classes = 256, .flops = 4, .exps = 1 },
    [UNIFORMITY] = { "uniformity", { { "t", 2 } }, .spread = true, .flops = 1, .exps = 0.5 },
};

static kin_status set_hyper(kin_loss_setting *s, const char *name, double value)
{
    const kin_entry *entry = kin_losses.items[s->loss];
    const int place = kin_hyper_find(entry, name);
    KIN_REQUIRE(place >= 0, KIN_USAGE, "loss %s has no setting %s", entry->name, name);
    s->hypers[place] = value;
    return KIN_OK;
}

kin_status bench_choose_loss(kin_loss_setting *s, const bench_work *w)
{
    KIN_TRY(kin_loss_default(s, w->loss));
    s->direction = w->direction;
    for (int i = 0; i < 3 && w->hypers[i].name; i++)
        KIN_TRY(set_hyper(s, w->hypers[i].name, w->hypers[i].value));
    return KIN_OK;
}

void bench_tower_weights(int64_t in, int64_t hidden, int64_t out, bench_weight w[TOWER_WEIGHTS])
{
    w[0] = (bench_weight){ in, hidden, 1 / sqrt((double)in) };
    w[1] = (bench_weight){ 1, hidden, 0 };
    w[2] = (bench_weight){ hidden, out, 1 / sqrt((double)hidden) };
    w[3] = (bench_weight){ 1, out, 0 };
}

kin_tensor *bench_tower(kin_tape *tape, kin_tensor w[TOWER_WEIGHTS], kin_tensor *x)
{
    x = kin_relu(tape, kin_bias(tape, kin_matmul(tape, x, &w[0]), &w[1]));
    return kin_bias(tape, kin_matmul(tape, x, &w[2]), &w[3]);
}
