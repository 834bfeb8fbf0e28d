/* Report: one HTML page of a plan's outcome, with its pictures inside, for a screen of any size and
 * for paper. Pictures are drawn by gnuplot; without it the page says so and has the tables
 * alone. */
#ifndef KIN_EXPERIMENTS_REPORT_H
#define KIN_EXPERIMENTS_REPORT_H

#include <stdio.h>
#include "experiments/outcome.h"

/* report.html in the plan's folder. */
kin_status kin_report_save(const kin_outcome *outcome, const char *path);

/* For report*.c: text with what HTML means by < > & " escaped, by itself and as a table's cell
 * ("td", "th"); a table with its title (NULL: none), whose head row is begun. */
void kin_report_text(FILE *page, const char *text);
void kin_report_cell(FILE *page, const char *tag, const char *text);
void kin_report_table(FILE *page, const char *title);
void kin_report_table_end(FILE *page);

/* report_tables.c: what stands below the main table and its pictures. */
kin_status kin_report_tables(FILE *page, const kin_outcome *outcome);

/* report_words.c: settings that rows differ in and those that all share; what the columns are. */
kin_status kin_report_settings(FILE *page, const kin_outcome *outcome);
void kin_report_measures(FILE *page, const kin_outcome *outcome);

/* report_examples.c: the queries that the best row answers otherwise than a baseline. */
kin_status kin_report_examples(FILE *page, const kin_outcome *outcome);

/* report_pictures.c, and those of report_sweep.c and report_geometry.c: <figure>s. */
kin_status kin_report_pictures(FILE *page, const kin_outcome *outcome);
kin_status kin_report_sweep(FILE *page, const kin_outcome *outcome);
kin_status kin_report_geometry(FILE *page, const kin_outcome *outcome);

#endif
