/* Arrange: views, flips and similarities. */
#include <string.h>
#include "losses/arrange.h"

static int32_t *room(kin_tape *tape, int64_t n)
{
    return kin_keep_host(tape, (size_t)n * sizeof(int32_t));
}

/* ---- flip ----------------------------------------------------------------------------------- */

/* Positives as a list of cells: a column may have several rows of its own. */
static kin_status list_own(kin_tape *tape, kin_relation *r, int64_t rows)
{
    const int64_t most = rows + r->more;
    int32_t *row = room(tape, most), *col = room(tape, most), *none = room(tape, rows);
    int64_t n = 0;
    if (!row || !col || !none) return kin_tape_status(tape);
    for (int64_t i = 0; i < rows; i++) {
        none[i] = -1;
        if (r->own && r->own[i] < 0) continue;
        row[n] = (int32_t)i;
        col[n++] = r->own ? r->own[i] : (int32_t)i;
    }
    for (int64_t i = 0; i < r->more; i++) row[n] = r->more_row[i], col[n++] = r->more_col[i];
    *r = (kin_relation){ .own = none, .more = n, .more_row = row, .more_col = col,
                         .row_label = r->row_label, .col_label = r->col_label,
                         .row_text = r->row_text, .col_text = r->col_text, .self = r->self,
                         .ignored = r->ignored, .ignored_row = r->ignored_row,
                         .ignored_col = r->ignored_col, .extra = r->extra };
    return KIN_OK;
}

/* Targets of rows x columns as targets of columns x rows. */
static kin_status flip_target(kin_tape *tape, kin_arranged *a)
{
    kin_backend *backend = kin_tape_backend(tape);
    kin_tensor *t = a->setting.target;
    if (!t) return KIN_OK;
    const size_t bytes = (size_t)(t->rows * t->cols) * sizeof(real);
    real *from = kin_keep_host(tape, bytes), *to = kin_keep_host(tape, bytes);
    real *sent = kin_keep(tape, bytes);
    if (!from || !to || !sent) return kin_tape_status(tape);
    backend->download(backend, from, t->value, bytes);
    for (int64_t i = 0; i < t->rows; i++)
        for (int64_t j = 0; j < t->cols; j++) to[j * t->rows + i] = from[i * t->cols + j];
    backend->upload(backend, sent, to, bytes);
    a->setting.target = kin_tape_input(tape, t->cols, t->rows, sent);
    return kin_tape_status(tape);
}

kin_status kin_arrange_flip(kin_tape *tape, kin_arranged *a)
{
    kin_relation *r = &a->setting.relation;
    const int64_t rows = a->rows->rows, columns = a->columns->rows;
    if (!r->by_label) {
        KIN_TRY(list_own(tape, r, rows));
        int32_t *none = room(tape, columns);
        if (!none) return kin_tape_status(tape);
        for (int64_t j = 0; j < columns; j++) none[j] = -1;
        r->own = none;
    }
    *r = (kin_relation){ .own = r->own, .by_label = r->by_label, .self = r->self,
                         .row_label = r->col_label, .col_label = r->row_label,
                         .row_text = r->col_text, .col_text = r->row_text,
                         .more = r->more, .more_row = r->more_col, .more_col = r->more_row,
                         .ignored = r->ignored, .ignored_row = r->ignored_col,
                         .ignored_col = r->ignored_row };
    kin_tensor *tensor = a->rows;
    a->rows = a->columns;
    a->columns = tensor;
    a->setting.still = 0;
    return flip_target(tape, a);
}

/* ---- views ---------------------------------------------------------------------------------- */

static kin_status stack_keys(kin_tape *tape, const int32_t **a, const int32_t **b, int64_t n,
                             int64_t m)
{
    if (!*a) return KIN_OK;
    int32_t *both = room(tape, n + m);
    if (!both) return kin_tape_status(tape);
    memcpy(both, *a, (size_t)n * sizeof *both);
    memcpy(both + n, *b, (size_t)m * sizeof *both);
    *a = *b = both;
    return KIN_OK;
}

/* Row i and its column i are each other's positive. */
static kin_status stack_own(kin_tape *tape, kin_arranged *a)
{
    kin_relation *r = &a->setting.relation;
    const int64_t rows = a->rows->rows, columns = a->columns->rows;
    int32_t *own = room(tape, rows + columns);
    if (!own) return kin_tape_status(tape);
    for (int64_t i = 0; i < rows + columns; i++) own[i] = -1;
    for (int64_t i = 0; i < rows; i++) {
        const int32_t j = r->own ? r->own[i] : (int32_t)i;
        own[i] = j < 0 ? -1 : (int32_t)rows + j;
        if (j >= 0 && own[rows + j] < 0) own[rows + j] = (int32_t)i;
    }
    r->own = own;
    return KIN_OK;
}

static kin_status join(kin_tape *tape, kin_arranged *a, int64_t rows, int64_t columns)
{
    int32_t *joined = room(tape, rows + columns);
    if (!joined) return kin_tape_status(tape);
    for (int64_t i = 0; i < rows + columns; i++) {
        const int32_t own = a->setting.relation.own ? a->setting.relation.own[i] : -1;
        joined[i] = i >= rows && own >= 0 ? own : (int32_t)i;
    }
    a->joined = joined;
    return KIN_OK;
}

static kin_status stack(kin_tape *tape, kin_arranged *a)
{
    kin_relation *r = &a->setting.relation;
    const int64_t rows = a->rows->rows, columns = a->columns->rows;
    KIN_TRY(stack_keys(tape, &r->row_label, &r->col_label, rows, columns));
    KIN_TRY(stack_keys(tape, &r->row_text, &r->col_text, rows, columns));
    if (!r->by_label) KIN_TRY(stack_own(tape, a));
    if (a->setting.direction == KIN_JOINT) KIN_TRY(join(tape, a, rows, columns));
    r->self = true;
    a->rows = a->columns = kin_concat_rows(tape, a->rows, a->columns);
    a->setting.direction = KIN_ONE_WAY;
    a->setting.still = 0;
    return kin_tape_status(tape);
}

/* ---- similarity ----------------------------------------------------------------------------- */

/* side: 0 rows, 1 columns. */
static kin_tensor *similar(kin_tape *tape, int similarity, int side, kin_tensor *x)
{
    switch (similarity) {
    case KIN_COSINE: return kin_l2_normalize(tape, x);
    case KIN_EUCLIDEAN: return kin_euclidean(tape, x, side);
    case KIN_SNR: return kin_snr(tape, x, side);
    case KIN_ANGLE:
        x = kin_l2_normalize(tape, x);
        return side == 0 ? kin_rotate_halves(tape, x) : x;
    default: return x;
    }
}

static void normalize(kin_tape *tape, kin_arranged *a)
{
    const bool same = a->rows == a->columns;
    a->rows = kin_l2_normalize(tape, a->rows);
    a->columns = same ? a->rows : kin_l2_normalize(tape, a->columns);
}

/* Whether both sides of the product are made alike. */
static bool even(int similarity) { return similarity == KIN_COSINE || similarity == KIN_DOT; }

kin_arranged kin_arrange_begin(const kin_loss_setting *setting, kin_tensor *rows,
                               kin_tensor *columns)
{
    kin_arranged a = { .loss = kin_loss_of(kin_losses.items[setting->loss]), .setting = *setting,
                       .rows = rows, .columns = columns };
    kin_loss_setting *s = &a.setting;
    if (!s->similarity) s->similarity = a.loss->similarity;
    if (!s->similarity) s->similarity = KIN_COSINE;
    if (!s->reduce) s->reduce = a.loss->reduce;
    return a;
}

kin_status kin_arrange(kin_tape *tape, kin_arranged *a)
{
    if (a->loss->columns) KIN_TRY(kin_arrange_flip(tape, a));
    if (a->setting.direction >= KIN_VIEWS) KIN_TRY(stack(tape, a));
    if (a->loss->positives_only && !a->setting.cells) KIN_TRY(kin_arrange_positives(tape, a));
    if (a->loss->whole && a->setting.cells) KIN_TRY(kin_arrange_one_row(tape, a));
    const int similarity = a->setting.similarity;
    if (a->loss->normalizes) normalize(tape, a);
    kin_tensor *rows = a->rows;
    a->same = a->rows == a->columns && similarity != KIN_SNR;
    a->rows = similar(tape, similarity, 0, rows);
    a->columns = rows == a->columns && even(similarity) ? a->rows
                 : similar(tape, similarity, 1, a->columns);
    if (a->loss->joins_pairs) KIN_TRY(kin_arrange_join_pairs(tape, a));
    return kin_tape_status(tape);
}
