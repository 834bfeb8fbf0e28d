/* Draw: a picture from data and commands for gnuplot, its SVG taken into a page. For report*.c:
 *
 *     kin_drawing d;
 *     KIN_TRY(kin_draw_begin(&d, outcome, "curves", 420));
 *     fprintf(d.commands, "plot ...\n");
 *     return kin_draw_end(&d, page, "What is seen.");
 */
#ifndef KIN_EXPERIMENTS_DRAW_H
#define KIN_EXPERIMENTS_DRAW_H

#include <stdio.h>
#include "experiments/outcome.h"

typedef struct {
    const kin_outcome *outcome;
    const char *name;                  /* of the picture's files, which go again */
    int rows;                          /* that it shows, where it may be fewer than there are */
    char *text;
    size_t size;
    FILE *commands;
} kin_drawing;

/* Sets the size (760 x height), grid and borders. KIN_MEMORY. */
kin_status kin_draw_begin(kin_drawing *drawing, const kin_outcome *outcome, const char *name,
                          int height);

/* Draws it as a <figure>, or says that there is no gnuplot. What was begun is freed. */
kin_status kin_draw_end(kin_drawing *drawing, FILE *page, const char *caption);

void kin_draw_drop(kin_drawing *drawing);                      /* nothing is drawn */

void kin_draw_quoted(FILE *commands, const char *text);        /* between double quotes */

/* Rows of the table that a picture with a line for each can show: at most KIN_DRAWN of them, evenly
 * chosen, first and last among them. place: of each in outcome->system; returns how many. */
enum { KIN_DRAWN = 10 };
int kin_draw_rows(const kin_outcome *outcome, int place[KIN_DRAWN]);

/* The colour of a line: "#rrggbb". */
const char *kin_draw_colour(int line);

#endif
