/* Known: values and gradients of losses that independent programs computed (tests/known/<loss>.txt,
 * which the build puts into the library), beside what the fused paths give. */
#ifndef KIN_LOSSES_KNOWN_H
#define KIN_LOSSES_KNOWN_H

#include "losses/check.h"

/* What every known value must hold to, relative to the largest entry: the numbers have 10 to 12
 * digits; in float, scores are good to 1e-7 and exponents multiply that by up to 600. */
#define KIN_KNOWN_BOUND (sizeof(real) == 8 ? 1e-9 : 1e-5)

/* Reports each case of a loss. text: cases in place of the built-in ones, or NULL. KIN_DATA when
 * there are none, or a line makes no sense. */
kin_status kin_known_check(kin_tape *tape, int loss, const char *text,
                           kin_loss_check_report report, void *state);

/* The built-in cases of a loss as text, or NULL. */
const char *kin_known_text(const char *loss);

#endif
