/* Shuffle: a batch with its rows and columns in another order, and all that knows them by their
 * places. */
#ifndef KIN_TESTS_LOSSES_SHUFFLE_H
#define KIN_TESTS_LOSSES_SHUFFLE_H

#include "tests/losses/fused.h"

static const char *name_of(const kin_loss_batch *b)
{
    return kin_losses.items[b->setting.loss]->name;
}

static int64_t size_of(const kin_tensor *x) { return x->rows * x->cols; }

static double longest(const kin_tensor *x)
{
    double most = 0;
    for (int64_t i = 0; i < x->rows; i++) {
        double squares = 0;
        for (int64_t j = 0; j < x->cols; j++)
            squares += (double)x->value[i * x->cols + j] * (double)x->value[i * x->cols + j];
        most = fmax(most, squares);
    }
    return sqrt(most);
}

/* How large a score may be, at least 1. */
static double reach_of(const kin_loss_batch *b)
{
    if (b->setting.similarity != KIN_DOT) return 1;
    return fmax(1, longest(&b->rows) * longest(b->columns.value ? &b->columns : &b->rows));
}

enum { MOST = 64 };

typedef struct { int32_t to[MOST]; int64_t n; } order;
typedef struct {
    order rows, columns;
    int32_t own[MOST], key[4][MOST], more[2][MOST], ignored[2][2 * MOST], cell[2][4 * MOST];
    real target[MOST * MOST];
    kin_cells cells;
} shuffled;

static order turned(int64_t n, int64_t by)
{
    order o = { .n = n };
    for (int64_t i = 0; i < n; i++) o.to[i] = (int32_t)((n - i + by) % n);
    return o;
}

static void move_rows(kin_tensor *x, const order *o)
{
    real *old = malloc(sizeof *old * (size_t)size_of(x));
    memcpy(old, x->value, sizeof *old * (size_t)size_of(x));
    for (int64_t i = 0; i < x->rows; i++)
        memcpy(x->value + o->to[i] * x->cols, old + i * x->cols, sizeof *old * (size_t)x->cols);
    free(old);
}

static void move_cells(real *to, const real *from, const shuffled *s)
{
    for (int64_t i = 0; i < s->rows.n; i++)
        for (int64_t j = 0; j < s->columns.n; j++)
            to[s->rows.to[i] * s->columns.n + s->columns.to[j]] = from[i * s->columns.n + j];
}

static const int32_t *move_key(int32_t *to, const int32_t *key, const order *o)
{
    for (int64_t i = 0; key && i < o->n; i++) to[o->to[i]] = key[i];
    return key ? to : NULL;
}

static const int32_t *rename_places(int32_t *to, const int32_t *places, int64_t n, const order *o)
{
    for (int64_t i = 0; i < n; i++) to[i] = o->to[places[i]];
    return to;
}

static void move_relation(kin_loss_batch *b, shuffled *s)
{
    kin_relation *r = &b->setting.relation;
    if (!r->by_label && !composed(name_of(b))) {
        for (int64_t i = 0; i < s->rows.n; i++) {
            const int32_t own = r->own ? r->own[i] : (int32_t)i;
            s->own[s->rows.to[i]] = own < 0 ? -1 : s->columns.to[own];
        }
        r->own = s->own;
    }
    r->row_label = move_key(s->key[0], r->row_label, &s->rows);
    r->col_label = move_key(s->key[1], r->col_label, &s->columns);
    r->row_text = move_key(s->key[2], r->row_text, &s->rows);
    r->col_text = move_key(s->key[3], r->col_text, &s->columns);
    r->more_row = rename_places(s->more[0], r->more_row, r->more, &s->rows);
    r->more_col = rename_places(s->more[1], r->more_col, r->more, &s->columns);
    r->ignored_row = rename_places(s->ignored[0], r->ignored_row, r->ignored, &s->rows);
    r->ignored_col = rename_places(s->ignored[1], r->ignored_col, r->ignored, &s->columns);
}

/* Everything that knows a row or a column by its place follows. */
static void shuffle(kin_loss_batch *b, shuffled *s)
{
    const bool tied = !b->scores && (!b->columns.value || composed(name_of(b)));
    s->rows = turned(b->rows.rows, 2);
    s->columns = b->scores ? turned(b->rows.cols, 3) : turned(b->columns.rows, 3);
    if (tied || b->setting.relation.self) s->columns = s->rows;
    move_relation(b, s);
    if (b->setting.cells) {
        s->cells = b->cells;
        const int64_t n = b->cells.start[b->cells.rows];
        s->cells.row = rename_places(s->cell[0], b->cells.row, n, &s->rows);
        s->cells.col = rename_places(s->cell[1], b->cells.col, n, &s->columns);
        b->setting.cells = &s->cells;
    } else if (b->target.value) {
        move_cells(s->target, b->target.value, s);
        b->target.value = s->target;
    }
    if (b->scores) {
        static real moved[MOST * MOST];
        move_cells(moved, b->rows.value, s);
        memcpy(b->rows.value, moved, sizeof *moved * (size_t)size_of(&b->rows));
        return;
    }
    move_rows(&b->rows, &s->rows);
    if (b->columns.value) move_rows(&b->columns, &s->columns);
}

/* Largest difference of a row and its new place. */
static double moved_apart(const kin_tensor *x, const order *o, const double *old, const double *new)
{
    double worst = 0;
    for (int64_t i = 0; i < x->rows; i++)
        for (int64_t k = 0; k < x->cols; k++)
            worst = fmax(worst, fabs(old[i * x->cols + k] - new[o->to[i] * x->cols + k]));
    return worst;
}

#endif
