/* Arrange: cells one by one. */
#include <stdlib.h>
#include <string.h>
#include "losses/arrange.h"
#include "losses/rows/rows.h"

typedef struct { int32_t label, at; } tagged;

static int by_label(const void *a, const void *b)
{
    const tagged *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* The first of the n sorted labels that is not below this one. */
static int64_t first_of(const tagged *sorted, int64_t n, int32_t label)
{
    int64_t from = 0, to = n;
    while (from < to) {
        const int64_t middle = (from + to) / 2;
        if (sorted[middle].label < label) from = middle + 1;
        else to = middle;
    }
    return from;
}

/* What a row's positives are written to; cells NULL: they are only counted. */
typedef struct {
    const kin_relation *relation;
    int64_t rows, columns;
    tagged *sorted;               /* columns by label */
    const int64_t *more;          /* of each row, its first further positive; or NULL */
    const int32_t *more_col;
    int32_t *row, *col;
    int64_t count;
} lister;

static void put(lister *l, int64_t i, int64_t j)
{
    if (l->relation->self && i == j) return;
    if (l->row) l->row[l->count] = (int32_t)i, l->col[l->count] = (int32_t)j;
    l->count++;
}

static void list_row(lister *l, int64_t i)
{
    const kin_relation *r = l->relation;
    const int64_t own = r->by_label ? -1 : r->own ? r->own[i] : i;
    if (r->by_label) {
        const int32_t label = r->row_label[i];
        for (int64_t n = first_of(l->sorted, l->columns, label);
             n < l->columns && l->sorted[n].label == label; n++)
            put(l, i, l->sorted[n].at);
    }
    if (own >= 0) put(l, i, own);
    for (int64_t n = l->more ? l->more[i] : 0; l->more && n < l->more[i + 1]; n++)
        if (l->more_col[n] != own) put(l, i, l->more_col[n]);
}

static kin_status sort_columns(kin_tape *tape, lister *l)
{
    const kin_relation *r = l->relation;
    l->sorted = kin_keep_host(tape, (size_t)l->columns * sizeof *l->sorted);
    if (!l->sorted) return kin_tape_status(tape);
    KIN_TRY(kin_rows_list_more(tape, r, l->rows, &l->more, &l->more_col));
    for (int64_t j = 0; r->by_label && j < l->columns; j++)
        l->sorted[j] = (tagged){ r->col_label[j], (int32_t)j };
    if (r->by_label) qsort(l->sorted, (size_t)l->columns, sizeof *l->sorted, by_label);
    return KIN_OK;
}

kin_status kin_arrange_positives(kin_tape *tape, kin_arranged *a)
{
    lister l = { .relation = &a->setting.relation, .rows = a->rows->rows,
                 .columns = a->columns->rows };
    KIN_TRY(sort_columns(tape, &l));
    kin_cells *cells = kin_keep_host(tape, sizeof *cells);
    int64_t *start = kin_keep_host(tape, (size_t)(l.rows + 1) * sizeof *start);
    if (!cells || !start) return kin_tape_status(tape);
    for (int64_t i = 0; i < l.rows; i++) {
        start[i] = l.count;
        list_row(&l, i);
    }
    start[l.rows] = l.count;
    const size_t count = (size_t)l.count;
    int32_t *row = kin_keep_host(tape, (count + 1) * sizeof *row);
    int32_t *col = kin_keep_host(tape, (count + 1) * sizeof *col);
    int8_t *kind = kin_keep_host(tape, count + 1);
    if (!row || !col || !kind) return kin_tape_status(tape);
    l.row = row, l.col = col, l.count = 0;
    for (int64_t i = 0; i < l.rows; i++) list_row(&l, i);
    memset(kind, 1, count);
    *cells = (kin_cells){ .rows = l.rows, .start = start, .row = row, .col = col, .kind = kind };
    a->setting.cells = cells;
    return KIN_OK;
}

kin_status kin_arrange_one_row(kin_tape *tape, kin_arranged *a)
{
    const kin_cells *given = a->setting.cells;
    kin_cells *one = kin_keep_host(tape, sizeof *one);
    int64_t *start = kin_keep_host(tape, 2 * sizeof *start);
    if (!one || !start) return kin_tape_status(tape);
    start[0] = 0, start[1] = given->start[given->rows];
    *one = *given;
    one->rows = 1, one->start = start;
    a->setting.cells = one;
    return KIN_OK;
}

/* Each pair once, as i < j; kept in place. */
static int64_t drop_mirrored(const kin_cells *c, int32_t *row, int32_t *col)
{
    int64_t pairs = 0;
    for (int64_t n = 0; n < c->start[c->rows]; n++) {
        if (c->row[n] >= c->col[n]) continue;
        row[pairs] = c->row[n];
        col[pairs++] = c->col[n];
    }
    return pairs;
}

/* Rows 0 .. pairs-1 are the first of each pair and know the second as their own; rows behind them
 * are the second. What is of the same class is ignored by its label. */
static kin_status relate_pairs(kin_tape *tape, kin_arranged *a, const int32_t *index, int64_t pairs)
{
    kin_relation *r = &a->setting.relation;
    const size_t bytes = 2 * (size_t)pairs * sizeof(int32_t);
    int32_t *own = kin_keep_host(tape, bytes), *joined = kin_keep_host(tape, bytes);
    int32_t *label = kin_keep_host(tape, bytes);
    if (!own || !joined || !label) return kin_tape_status(tape);
    for (int64_t n = 0; n < 2 * pairs; n++) {
        own[n] = n < pairs ? index[pairs + n] : -1;
        joined[n] = (int32_t)(n % pairs);
        label[n] = r->row_label[index[n]];
    }
    *r = (kin_relation){ .own = own, .row_label = label, .col_label = r->col_label };
    a->joined = joined;
    return KIN_OK;
}

kin_status kin_arrange_join_pairs(kin_tape *tape, kin_arranged *a)
{
    const kin_relation *r = &a->setting.relation;
    if (!r->by_label || !r->self) {
        kin_tape_fail(tape, KIN_USAGE, "loss %s: it needs labels and one set of rows, each against "
                      "all others", a->loss->entry.name);
        return kin_tape_status(tape);
    }
    KIN_TRY(kin_arrange_positives(tape, a));
    const kin_cells *cells = a->setting.cells;
    const int64_t most = cells->start[cells->rows] / 2 + 1;
    int32_t *row = kin_keep_host(tape, (size_t)most * sizeof *row);
    int32_t *col = kin_keep_host(tape, (size_t)most * sizeof *col);
    int32_t *index = kin_keep_host(tape, 2 * (size_t)most * sizeof *index);
    if (!row || !col || !index) return kin_tape_status(tape);
    const int64_t pairs = drop_mirrored(cells, row, col);
    memcpy(index, row, (size_t)pairs * sizeof *index);
    memcpy(index + pairs, col, (size_t)pairs * sizeof *index);
    a->setting.cells = NULL;
    if (pairs < 1) return KIN_OK;                    /* no row has a positive */
    KIN_TRY(relate_pairs(tape, a, index, pairs));
    a->rows = kin_gather_rows(tape, a->rows, index, 2 * pairs);
    return kin_tape_status(tape);
}
