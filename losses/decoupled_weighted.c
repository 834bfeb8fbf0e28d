/* decoupled_weighted -- the decoupled loss with more weight on matches that are far.
 *
 *     v_i      = log sum_n exp(s_in / t) - w_i s_ip / t,     n over the negatives of both views
 *     w_i      = 2 - B softmax_i(s_ip / u),                  over the B matches of the batch
 *
 * Rows and columns are two views; the negatives of row i are all other rows and columns. A match
 * that is farther than the others gets a weight above 1. The weights add
 * 1/t (sum_i softmax_i s_ip - mean_i s_ip) to the decoupled loss, and that is how they are formed.
 * hold keeps them constant in the derivative, as some code has it.
 *
 * Yeh et al. 2021, arXiv:2110.06848 (u = 0.5). Other names: DCLW. */
#include "losses/composed.h"

enum { TEMPERATURE, SIGMA, HOLD };

/* Row i of both views stacked has row B + i as its own; the second view has no anchors. */
static kin_status relate(kin_tape *tape, kin_loss_setting *part, int64_t rows)
{
    int32_t *own = kin_keep_host(tape, 2 * (size_t)rows * sizeof *own);
    if (!own) return kin_tape_status(tape);
    for (int64_t i = 0; i < 2 * rows; i++) own[i] = i < rows ? (int32_t)(rows + i) : -1;
    part->relation = (kin_relation){ .own = own, .self = true };
    return KIN_OK;
}

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *s, kin_tensor *rows,
                           kin_tensor *columns)
{
    const double *h = s->hypers;
    kin_loss_setting part = part_of(s, "decoupled");
    part.hypers[0] = h[TEMPERATURE];
    if (relate(tape, &part, rows->rows) != KIN_OK) return kin_empty(tape);
    kin_tensor *q = kin_l2_normalize(tape, rows), *k = kin_l2_normalize(tape, columns);
    kin_tensor *both = kin_concat_rows(tape, q, k), *match = kin_row_dots(tape, q, k);
    kin_tensor *value = kin_loss_apply(tape, &part, both, both, NULL);
    kin_tensor *soft = kin_soft_mean(tape, match, h[SIGMA], h[HOLD] > 0);
    kin_tensor *more = kin_add(tape, soft, kin_scale(tape, kin_mean(tape, match), -1));
    return kin_add(tape, value, kin_scale(tape, more, 1 / h[TEMPERATURE]));
}

KIN_LOSS(decoupled_weighted,
    .entry.summary = "The decoupled loss with more weight on matches that are far.",
    .entry.hypers = {
        { "temperature", 0.1, 0.001, 10, "what scores are divided by", 0, NULL },
        { "sigma", 0.5, 0.001, 10, "temperature of the weights", 0, NULL },
        { "hold", 0, 0, 1, "keep the weights constant in the derivative", KIN_BOOLEAN, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS, .needs = KIN_NEGATIVE, .compose = compose)
