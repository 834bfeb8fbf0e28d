#include "losses/batch.h"

#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "losses/arrange.h"

/* ---- kinds ----------------------------------------------------------------------------------- */

typedef enum {
    OWN_COLUMN,              /* column i */
    SHARED,                  /* columns of several rows, rows without: as proxies have it */
    DUPLICATES,              /* the same, and keys of both sorts */
    LABELS,                  /* rows against columns */
    ONE_SET,                 /* rows against themselves, by label, one text twice */
    TWO_VIEWS,               /* row i and row B/2 + i */
    FURTHER,                 /* positives one by one */
    IGNORED,                 /* cells ignored one by one, positives among them */
    GIVEN_NEGATIVES,         /* columns behind the first B came beside the batch */
    LISTS,                   /* cells: each row's own few, some ignored */
    ONE_BY_ONE               /* cells: each by itself */
} relation;

enum { ZERO_ROWS = 1, ZERO_COLUMNS = 2, KEEPS = 4, GIVEN = 8, MAIN = 16, PANELS = 32 };

static const struct {
    const char *name;
    relation relation;
    int direction, similarity, reduce;
    unsigned flags;
} kinds[] = {
    { "pairs", OWN_COLUMN, 0, 0, 0, MAIN },
    { "pairs, both ways", OWN_COLUMN, KIN_BOTH_WAYS, 0, 0, MAIN },
    { "shared columns", SHARED, 0, 0, 0, MAIN },
    { "shared columns, both ways", SHARED, KIN_BOTH_WAYS, 0, 0, 0 },
    { "duplicates", DUPLICATES, 0, 0, 0, 0 },
    { "duplicates, both ways, kept", DUPLICATES, KIN_BOTH_WAYS, 0, 0, KEEPS },
    { "zero rows", OWN_COLUMN, 0, 0, 0, ZERO_ROWS },
    { "zero columns, both ways", OWN_COLUMN, KIN_BOTH_WAYS, 0, 0, ZERO_COLUMNS },
    { "labels", LABELS, 0, 0, 0, 0 },
    { "labels, both ways", LABELS, KIN_BOTH_WAYS, 0, 0, 0 },
    { "labels, one set", ONE_SET, 0, 0, 0, MAIN },
    { "labels, one set, both ways", ONE_SET, KIN_BOTH_WAYS, 0, 0, 0 },
    { "two views in one set", TWO_VIEWS, 0, 0, 0, 0 },
    { "further positives", FURTHER, 0, 0, 0, 0 },
    { "further positives, both ways", FURTHER, KIN_BOTH_WAYS, 0, 0, 0 },
    { "ignored cells", IGNORED, 0, 0, 0, 0 },
    { "ignored cells, both ways", IGNORED, KIN_BOTH_WAYS, 0, 0, 0 },
    { "given negatives", GIVEN_NEGATIVES, 0, 0, 0, 0 },
    { "views", OWN_COLUMN, KIN_VIEWS, 0, 0, 0 },
    { "views by label", LABELS, KIN_VIEWS, 0, 0, 0 },
    { "joint", OWN_COLUMN, KIN_JOINT, 0, 0, 0 },
    { "pairs in panels", SHARED, KIN_BOTH_WAYS, 0, 0, PANELS },
    { "labels, one set, in panels", ONE_SET, 0, 0, 0, PANELS },
    { "two views in one set, in panels", TWO_VIEWS, 0, 0, 0, PANELS },
    { "views in panels", OWN_COLUMN, KIN_VIEWS, 0, 0, PANELS },
    { "joint, in panels", OWN_COLUMN, KIN_JOINT, 0, 0, PANELS },
    { "lists of cells", LISTS, 0, 0, 0, MAIN },
    { "cells one by one", ONE_BY_ONE, 0, 0, 0, 0 },
    { "scores", DUPLICATES, 0, 0, 0, GIVEN },
    { "scores of cells", LISTS, 0, 0, 0, GIVEN },
    { "cosine", SHARED, KIN_BOTH_WAYS, KIN_COSINE, 0, 0 },
    { "dot", SHARED, KIN_BOTH_WAYS, KIN_DOT, 0, 0 },
    { "euclidean", SHARED, KIN_BOTH_WAYS, KIN_EUCLIDEAN, 0, 0 },
    { "snr", SHARED, KIN_BOTH_WAYS, KIN_SNR, 0, 0 },
    { "angle", SHARED, KIN_BOTH_WAYS, KIN_ANGLE, 0, 0 },
    { "mean_valid", ONE_SET, 0, 0, KIN_MEAN_VALID, 0 },
    { "mean_nonzero", ONE_SET, 0, 0, KIN_MEAN_NONZERO, 0 },
    { "mean_rows", ONE_SET, 0, 0, KIN_MEAN_ROWS, 0 },
    { "sum", ONE_SET, 0, 0, KIN_SUM, 0 },
    { "per_pair", ONE_SET, 0, 0, KIN_PER_PAIR, 0 },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

const char *kin_loss_batch_kind(int n) { return n < KINDS ? kinds[n].name : NULL; }
bool kin_loss_batch_kind_is_main(int n) { return kinds[n].flags & MAIN; }

/* ---- numbers --------------------------------------------------------------------------------- */

typedef struct {
    kin_loss_batch *batch;
    const kin_loss *loss;
    int kind;
    int64_t rows, columns, dimension;
    uint64_t seed;
    bool short_of_memory;
} maker;

static void *take(maker *m, int64_t count, size_t bytes)
{
    void *block = m->batch->blocks < KIN_BATCH_BLOCKS ? calloc((size_t)count + 1, bytes) : NULL;
    if (block) m->batch->block[m->batch->blocks++] = block;
    else m->short_of_memory = true;
    return block;
}

/* Numbers that float holds exactly, so that both precisions are given the same. */
static real *normals(maker *m, uint32_t stream, int64_t n)
{
    real *x = take(m, n, sizeof *x);
    for (int64_t i = 0; x && i < n; i++)
        x[i] = (real)(float)kin_random_normal(m->seed, KIN_STREAM_TEST, stream, (uint64_t)i);
    return x;
}

static int32_t below(const maker *m, uint32_t stream, int64_t i, int64_t most)
{
    return (int32_t)kin_random_below(m->seed, KIN_STREAM_TEST, stream, (uint64_t)i,
                                     (uint64_t)(most > 1 ? most : 1));
}

/* About three of a sort; entry `alone`, where there is one, is like no other. */
static int32_t *keys(maker *m, uint32_t stream, int64_t n, int64_t sorts, int64_t alone)
{
    int32_t *x = take(m, n, sizeof *x);
    for (int64_t i = 0; x && i < n; i++)
        x[i] = i == alone ? -7 : below(m, stream, i, sorts);
    return x;
}

static void zero_rows(kin_tensor *x)
{
    for (int64_t i = 2; i < x->rows; i += 5)
        memset(x->value + i * x->cols, 0, (size_t)x->cols * sizeof *x->value);
}

static kin_tensor tensor(const char *name, int64_t rows, int64_t cols, real *value)
{
    return (kin_tensor){ .rows = rows, .cols = cols, .value = value, .needs_grad = true,
                         .name = name };
}

/* ---- relations ------------------------------------------------------------------------------- */

/* Columns of several rows, and rows without one. */
static int32_t *shared(maker *m)
{
    int32_t *own = keys(m, 3, m->rows, m->columns, -1);
    if (own && m->rows > 3) own[m->rows / 2] = -1;
    return own;
}

static void list(maker *m, int64_t *n, int64_t row, int64_t col, int kind)
{
    ((int32_t *)m->batch->cells.row)[*n] = (int32_t)row;
    ((int32_t *)m->batch->cells.col)[*n] = (int32_t)(col % m->columns);
    ((int8_t *)m->batch->cells.kind)[(*n)++] = (int8_t)kind;
}

/* Row i's lists: two positives of every third row, none of the second, one cell ignored. */
static void list_row(maker *m, int64_t *n, int64_t i)
{
    if (i != 1) list(m, n, i, i, 1);
    if (i % 3 == 0) list(m, n, i, i + 1, 1);
    for (int64_t j = 2; j < 5; j++) list(m, n, i, i + j + below(m, 9, 5 * i + j, 2), -1);
    list(m, n, i, i + 6, 0);
}

static void make_cells(maker *m)
{
    kin_loss_batch *b = m->batch;
    const int64_t each = kinds[m->kind].relation == LISTS ? 6 : 1;
    const int64_t lines = each > 1 ? m->rows : 3 * m->rows;
    int64_t n = 0, *start = take(m, lines + 1, sizeof *start);
    b->cells = (kin_cells){ .rows = lines, .start = start,
                            .row = take(m, lines * each, sizeof *b->cells.row),
                            .col = take(m, lines * each, sizeof *b->cells.col),
                            .kind = take(m, lines * each, sizeof *b->cells.kind) };
    if (m->short_of_memory) return;
    for (int64_t i = 0; i < lines; i++) {
        if (each > 1) list_row(m, &n, i);
        else list(m, &n, i % m->rows, below(m, 9, i, m->columns), i % 3 ? -1 : 1);
        start[i + 1] = n;
    }
    b->setting.cells = &b->cells;
}

static void make_further(maker *m, kin_relation *r)
{
    int32_t *own = shared(m), *row = keys(m, 6, m->rows, m->rows, -1);
    r->own = own, r->more = m->rows;
    r->more_row = row, r->more_col = keys(m, 7, m->rows, m->columns, -1);
}

/* Some twice, some that are the row's own. */
static void make_ignored(maker *m, kin_relation *r)
{
    const int64_t count = 2 * m->rows;
    int32_t *row = keys(m, 6, count, m->rows, -1), *col = keys(m, 7, count, m->columns, -1);
    for (int64_t i = 0; row && col && i < count; i += 5)
        col[i] = row[i] < m->columns ? row[i] : 0;
    r->ignored = count, r->ignored_row = row, r->ignored_col = col;
}

static void make_views(maker *m, kin_relation *r)
{
    int32_t *own = take(m, m->rows, sizeof *own);
    for (int64_t i = 0; own && i < m->rows; i++) own[i] = (int32_t)((i + m->rows / 2) % m->rows);
    r->own = own, r->self = true;
}

static void make_relation(maker *m)
{
    kin_relation *r = &m->batch->setting.relation;
    const relation kind = kinds[m->kind].relation;
    const int64_t sorts = m->rows / 3 + 1;
    const bool one_set = kind == ONE_SET;
    if (kind == SHARED || kind == DUPLICATES) r->own = shared(m);
    if (kind == DUPLICATES || kind == LABELS || one_set) {
        r->row_label = keys(m, 4, m->rows, sorts, m->rows / 2);
        r->col_label = one_set ? r->row_label : keys(m, 5, m->columns, sorts, -1);
        r->by_label = kind != DUPLICATES;
        r->self = one_set;
    }
    if (kind == DUPLICATES || one_set) {
        r->row_text = keys(m, 10, m->rows, 3 * sorts, -1);
        r->col_text = one_set ? r->row_text : keys(m, 11, m->columns, 3 * sorts, -1);
    }
    if (kind == TWO_VIEWS) make_views(m, r);
    if (kind == FURTHER) make_further(m, r);
    if (kind == IGNORED) make_ignored(m, r);
    if (kind == GIVEN_NEGATIVES) r->extra = m->rows;
    if (kind == LISTS || kind == ONE_BY_ONE) make_cells(m);
}

/* ---- a batch --------------------------------------------------------------------------------- */

/* As many columns as rows where row i is compared with column i, or both are one. */
static void set_shape(maker *m)
{
    const relation kind = kinds[m->kind].relation;
    const bool square = kind == ONE_SET || kind == TWO_VIEWS || m->loss->form == KIN_COMPOSED ||
                        kinds[m->kind].direction >= KIN_VIEWS;
    if (kind == TWO_VIEWS) m->rows -= m->rows % 2;
    if (square) m->columns = m->rows;
}

static void make_inputs(maker *m)
{
    kin_loss_batch *b = m->batch;
    const kin_cells *cells = b->setting.cells;
    const bool self = b->setting.relation.self;
    b->scores = kinds[m->kind].flags & GIVEN;
    if (b->scores) {
        const int64_t rows = cells ? 1 : m->rows, cols = cells ? cells->start[cells->rows]
                                                               : m->columns;
        b->rows = tensor("scores", rows, cols, normals(m, 1, rows * cols));
        return;
    }
    b->rows = tensor("rows", m->rows, m->dimension, normals(m, 1, m->rows * m->dimension));
    if (!self)
        b->columns = tensor("columns", m->columns, m->dimension,
                            normals(m, 2, m->columns * m->dimension));
    if (m->short_of_memory) return;
    if (kinds[m->kind].flags & ZERO_ROWS) zero_rows(&b->rows);
    if (kinds[m->kind].flags & ZERO_COLUMNS) zero_rows(&b->columns);
}

/* Grades 0 to 1 in quarters, so that some are equal; row 1 has nothing but 0. */
static void make_target(maker *m)
{
    kin_loss_batch *b = m->batch;
    const kin_cells *cells = b->setting.cells;
    const int64_t rows = cells ? 1 : m->rows;
    const int64_t cols = cells ? cells->start[cells->rows] : m->columns;
    real *y = take(m, rows * cols, sizeof *y);
    for (int64_t i = 0; y && i < rows * cols; i++)
        y[i] = i / cols == 1 ? 0 : (real)below(m, 8, i, 5) / 4;
    b->target = tensor("target", rows, cols, y);
    b->target.needs_grad = false;
    b->setting.target = &b->target;
}

kin_tensor *kin_loss_batch_apply(kin_loss_batch *b, kin_tape *tape, kin_loss_report *report)
{
    if (b->scores) return kin_loss_apply_scores(tape, &b->setting, &b->rows, report);
    kin_tensor *columns = b->columns.value ? &b->columns : &b->rows;
    return kin_loss_apply(tape, &b->setting, &b->rows, columns, report);
}

static kin_status try_it(kin_loss_batch *b, kin_tape *tape)
{
    kin_tape_reset(tape, 1, 0, false);
    kin_loss_batch_apply(b, tape, NULL);
    const kin_status status = kin_tape_status(tape);
    kin_tape_reset(tape, 1, 0, true);
    return status;
}

kin_status kin_loss_batch_make(kin_loss_batch *b, kin_tape *tape, int loss, int kind, int64_t rows,
                               int64_t columns, int64_t dimension, uint64_t seed)
{
    maker m = { b, kin_loss_of(kin_losses.items[loss]), kind, rows, columns,
                dimension, seed, false };
    *b = (kin_loss_batch){ .kind = kinds[kind].name, .smooth = { true, true } };
    b->setting.loss = loss;
    b->setting.direction = kinds[kind].direction;
    b->setting.similarity = kinds[kind].similarity;
    b->setting.reduce = kinds[kind].reduce;
    kin_hyper_defaults(kin_losses.items[loss], b->setting.hypers);
    set_shape(&m);
    if (kinds[kind].flags & KEEPS) b->setting.memory = 1u << 20;
    if (kinds[kind].flags & PANELS) b->setting.panel = 1;
    if (kinds[kind].flags & ZERO_ROWS) b->smooth[0] = false;
    if (kinds[kind].flags & ZERO_COLUMNS) b->smooth[1] = false;
    make_relation(&m);
    if (!m.short_of_memory) make_inputs(&m);
    if (m.loss->takes & KIN_TARGETS) make_target(&m);
    kin_status status = m.short_of_memory ? kin_fail(KIN_MEMORY, "loss %s: no memory for a batch",
                                                     m.loss->entry.name)
                                          : try_it(b, tape);
    if (status != KIN_OK) kin_loss_batch_free(b);
    return status;
}

void kin_loss_batch_free(kin_loss_batch *b)
{
    for (int i = 0; i < b->blocks; i++) free(b->block[i]);
    b->blocks = 0;
}

/* The scores as the engine sees them: all, or those of the cells. */
static kin_status copy_scores(kin_loss_batch *b, kin_tape *tape, real *to)
{
    const kin_cells *cells = b->setting.cells;
    if (b->scores) {
        memcpy(to, b->rows.value, (size_t)(b->rows.rows * b->rows.cols) * sizeof *to);
        return KIN_OK;
    }
    kin_arranged a = kin_arrange_begin(&b->setting, &b->rows,
                                       b->columns.value ? &b->columns : &b->rows);
    kin_tape_reset(tape, 1, 0, false);
    KIN_TRY(kin_arrange(tape, &a));
    const kin_tensor *s = kin_matmul_nt(tape, a.rows, a.columns);
    KIN_TRY(kin_tape_status(tape));
    for (int64_t n = 0; cells && n < cells->start[cells->rows]; n++)
        to[n] = s->value[cells->row[n] * s->cols + cells->col[n]];
    if (!cells) memcpy(to, s->value, (size_t)(s->rows * s->cols) * sizeof *to);
    return KIN_OK;
}

kin_status kin_loss_batch_hold(kin_loss_batch *b, kin_tape *tape)
{
    const kin_cells *cells = b->setting.cells;
    int64_t rows = b->scores || !cells ? b->rows.rows : 1;
    int64_t cols = cells ? cells->start[cells->rows] : b->scores ? b->rows.cols
                   : b->columns.value ? b->columns.rows : b->rows.rows;
    if (b->setting.direction >= KIN_VIEWS) rows = cols = rows + cols;
    maker m = { .batch = b };
    real *held = b->target.value ? b->target.value : take(&m, rows * cols, sizeof *held);
    KIN_REQUIRE(held, KIN_MEMORY, "no memory for held scores");
    b->target = tensor("held scores", rows, cols, held);
    b->target.needs_grad = false;
    b->setting.target = &b->target;
    KIN_TRY(try_it(b, tape));
    return copy_scores(b, tape, held);
}

void kin_loss_batch_learn(kin_loss_batch *b)
{
    const kin_entry *entry = kin_losses.items[b->setting.loss];
    for (int i = 0; entry->hypers[i].name; i++) {
        if (!(entry->hypers[i].flags & KIN_LEARNABLE)) continue;
        b->parameter[i] = (real)kin_loss_learned_start(entry, i, b->setting.hypers[i]);
        b->learned[i] = tensor(entry->hypers[i].name, 1, 1, &b->parameter[i]);
        b->setting.learned[i] = &b->learned[i];
    }
}
