/* align_uniform -- positives together, everything else spread evenly: both halves weighed openly.
 *
 *     v = w mean_i |q_i - k_i|^a + u (uniformity(q) + uniformity(k)) / 2
 *
 * A contrastive loss does both at once, in a proportion that its temperature hides. Terms and
 * sources: alignment, uniformity. DirectAU (Wang et al. 2022, arXiv:2206.12811) is the same with
 * w = 1 and u from 0.5 to 5.
 *
 * Wang and Isola 2020, arXiv:2005.10242. */
#include "losses/composed.h"

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *s, kin_tensor *rows,
                           kin_tensor *columns)
{
    kin_loss_setting align = part_of(s, "alignment"), spread = part_of(s, "uniformity");
    align.hypers[0] = s->hypers[2];
    spread.hypers[0] = s->hypers[3];
    kin_tensor *near = kin_loss_apply(tape, &align, rows, columns, NULL);
    kin_tensor *even = kin_loss_apply(tape, &spread, rows, columns, NULL);
    return kin_add(tape, kin_scale(tape, near, s->hypers[0]), kin_scale(tape, even, s->hypers[1]));
}

KIN_LOSS(align_uniform,
    .entry.summary = "Positives together, everything else spread evenly.",
    .entry.hypers = {
        { "align", 1, 0, 1000, "weight of alignment", 0, NULL },
        { "uniform", 1, 0, 1000, "weight of uniformity", 0, NULL },
        { "alpha", 2, 0.1, 10, "power of the distance in alignment", 0, NULL },
        { "t", 2, 0.01, 1000, "of uniformity: how near a pair must be to count", 0, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS | KIN_LABELS, .compose = compose)
