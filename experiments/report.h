/* Report: one HTML page of a plan's outcome, with its pictures inside, for a screen of any size and
 * for paper. Pictures are drawn by gnuplot; without it the page says so and has the tables
 * alone. */
#ifndef KIN_EXPERIMENTS_REPORT_H
#define KIN_EXPERIMENTS_REPORT_H

#include <stdio.h>
#include "experiments/outcome.h"

/* report.html in the plan's folder. */
kin_status kin_report_save(const kin_outcome *outcome, const char *path);

/* For report*.c: text with what HTML means by < > & " escaped. */
void kin_report_text(FILE *out, const char *text);

/* report_pictures.c: <figure>s. */
kin_status kin_report_pictures(FILE *out, const kin_outcome *outcome);

#endif
