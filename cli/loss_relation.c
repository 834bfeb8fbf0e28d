/* Loss, relation: what the columns are to the rows, from the arrays that were given. */
#include <string.h>

#include "cli/loss.h"

static kin_status check_count(const loss_call *c, int which, int64_t expected, const char *of)
{
    const loss_array *a = &c->array[which];
    return a->file.rows == expected ? KIN_OK
           : loss_refuse(a, "%lld labels, one for each row of %s", (long long)expected, of);
}

static const char *columns_path(const loss_call *c)
{
    return loss_given(c, LOSS_SCORE) ? c->array[LOSS_SCORE].path
           : loss_given(c, LOSS_DOCUMENT) ? c->array[LOSS_DOCUMENT].path
           : c->array[LOSS_QUERY].path;
}

static const char *rows_path(const loss_call *c)
{
    return c->array[loss_given(c, LOSS_SCORE) ? LOSS_SCORE : LOSS_QUERY].path;
}

/* Columns that are documents or queries: those that came beside them are left out. */
static int64_t own_columns(const loss_call *c)
{
    return c->setting.relation.extra ? c->setting.relation.extra : c->columns;
}

/* ---- labels --------------------------------------------------------------------------------- */

static kin_status relate_proxies(loss_call *c)
{
    int32_t *own;
    KIN_TRY(check_count(c, LOSS_LABEL, c->rows, rows_path(c)));
    KIN_TRY(loss_integers(c, LOSS_LABEL, 0, c->columns - 1, &own));
    c->setting.relation.own = own;
    return KIN_OK;
}

/* Columns beside the batch are nobody's. */
static kin_status widen(loss_call *c, int32_t **labels, int32_t fresh)
{
    const int64_t own = own_columns(c);
    int32_t *wide = loss_room(c, c->columns, sizeof *wide);
    if (!wide) return KIN_MEMORY;
    for (int64_t j = 0; j < c->columns; j++) wide[j] = j < own ? (*labels)[j] : fresh;
    *labels = wide;
    return KIN_OK;
}

static kin_status relate_labels(loss_call *c)
{
    const bool two = loss_given(c, LOSS_DOCUMENT_LABEL);
    int32_t *rows, *columns, count;
    KIN_TRY(check_count(c, LOSS_LABEL, c->rows, rows_path(c)));
    if (two)
        KIN_TRY(check_count(c, LOSS_DOCUMENT_LABEL, own_columns(c), columns_path(c)));
    else if (own_columns(c) != c->rows)
        return kin_fail(KIN_DATA, "%s: labels of %lld rows, but there are %lld columns; give a "
                        "second --label for these", c->array[LOSS_LABEL].path, (long long)c->rows,
                        (long long)own_columns(c));
    KIN_TRY(loss_labels(c, LOSS_LABEL, two ? LOSS_DOCUMENT_LABEL : -1, &rows, &columns, &count));
    if (!two) columns = rows;
    if (own_columns(c) < c->columns) KIN_TRY(widen(c, &columns, count));
    kin_relation *r = &c->setting.relation;
    r->by_label = true;
    r->row_label = rows, r->col_label = columns;
    return KIN_OK;
}

/* ---- cells one by one ----------------------------------------------------------------------- */

typedef struct {
    int64_t *start;
    int32_t *row, *col;
    int8_t *kind;
    int64_t rows, count, extra;
} list;

static kin_status list_make(loss_call *c, list *l, int64_t rows, int64_t cells)
{
    *l = (list){ .start = loss_room(c, rows + 1, sizeof *l->start),
                 .row = loss_room(c, cells, sizeof *l->row),
                 .col = loss_room(c, cells, sizeof *l->col),
                 .kind = loss_room(c, cells, sizeof *l->kind) };
    return l->start && l->row && l->col && l->kind ? KIN_OK : KIN_MEMORY;
}

static void put(list *l, int32_t row, int32_t col, int kind)
{
    l->row[l->count] = row, l->col[l->count] = col, l->kind[l->count++] = (int8_t)kind;
}

static void end_row(list *l) { l->start[++l->rows] = l->count; }

static void use(loss_call *c, list *l)
{
    c->cells = (kin_cells){ .rows = l->rows, .start = l->start, .row = l->row, .col = l->col,
                            .kind = l->kind, .extra = l->extra };
    c->setting.cells = &c->cells;
}

/* Rows of so many cells each, which a target has in the same order. */
static kin_status use_rows(loss_call *c, list *l, int64_t each)
{
    const loss_array *t = &c->array[LOSS_TARGET];
    use(c, l);
    if (!t->path) return KIN_OK;
    if (t->file.rows != l->rows || t->file.cols != each)
        return loss_refuse(t, "(%lld, %lld), a number for each cell of a row", (long long)l->rows,
                           (long long)each);
    c->target = t->file.values, c->target_rows = 1, c->target_cols = l->count;
    return KIN_OK;
}

static kin_status relate_triplets(loss_call *c)
{
    const loss_array *a = &c->array[LOSS_TRIPLET];
    const int64_t last = (c->rows < c->columns ? c->rows : c->columns) - 1;
    const int64_t n = a->file.rows;
    const bool documents = loss_given(c, LOSS_DOCUMENT);
    int32_t *t;
    list l;
    KIN_TRY(loss_integers(c, LOSS_TRIPLET, 0, documents ? INT32_MAX : last, &t));
    KIN_TRY(list_make(c, &l, n, 3 * n));
    for (int64_t i = 0; i < n; i++, t += 3) {
        KIN_REQUIRE(t[0] < c->rows && t[1] < c->columns && t[2] < c->columns, KIN_DATA,
                    "%s: row %lld (counted from 0) is (%d, %d, %d), expected less than (%lld, "
                    "%lld, %lld)", a->path, (long long)i, (int)t[0], (int)t[1], (int)t[2],
                    (long long)c->rows, (long long)c->columns, (long long)c->columns);
        put(&l, t[0], t[1], 1);
        put(&l, t[0], t[2], -1);
        if (c->swap) put(&l, t[1], t[2], -1);
        end_row(&l);
    }
    return use_rows(c, &l, c->swap ? 3 : 2);
}

/* Row i: its document and its own negatives, which stand behind the documents. */
static kin_status relate_own_negatives(loss_call *c)
{
    const loss_array *a = &c->array[LOSS_NEGATIVE], *k = &c->array[LOSS_DOCUMENT];
    const int64_t each = a->file.cols, documents = k->file.rows;
    list l;
    if (loss_given(c, LOSS_LABEL) || loss_given(c, LOSS_POSITIVE) || a->file.rows != c->rows)
        return loss_refuse(a, "M x D, or B x M x D with a negative list for each of the %lld rows "
                           "and without labels", (long long)c->rows);
    if (documents != c->rows)
        return loss_refuse(k, "%lld rows, the positives of %s", (long long)c->rows, rows_path(c));
    KIN_TRY(list_make(c, &l, c->rows, c->rows * (each + 1)));
    for (int64_t i = 0; i < c->rows; i++) {
        put(&l, (int32_t)i, (int32_t)i, 1);
        for (int64_t m = 0; m < each; m++)
            put(&l, (int32_t)i, (int32_t)(documents + i * each + m), -1);
        end_row(&l);
    }
    l.extra = 1;
    return use_rows(c, &l, each + 1);
}

/* ---- pairs ---------------------------------------------------------------------------------- */

typedef struct { int64_t count; const int32_t *row, *col; const int8_t *kind; } pairs;

/* The order of the pairs by their row, else by their place. */
static kin_status order_by_row(loss_call *c, const pairs *p, int64_t **order)
{
    int64_t *next = loss_room(c, c->rows + 1, sizeof *next);
    *order = loss_room(c, p->count, sizeof **order);
    if (!next || !*order) return KIN_MEMORY;
    for (int64_t n = 0; n < p->count; n++) next[p->row[n] + 1]++;
    for (int64_t i = 1; i <= c->rows; i++) next[i] += next[i - 1];
    for (int64_t n = 0; n < p->count; n++) (*order)[next[p->row[n]]++] = n;
    return KIN_OK;
}

/* Each pair is a row of its own; pairs of one query are one row where a row must have a positive
 * and a negative to count. */
static kin_status relate_cells(loss_call *c, const pairs *p)
{
    const bool joined = c->loss->needs == (KIN_POSITIVE | KIN_NEGATIVE);
    const real *given = c->array[LOSS_TARGET].file.values;
    real *target = loss_room(c, p->count, sizeof *target);
    int64_t *order = NULL;
    list l;
    KIN_TRY(list_make(c, &l, p->count, p->count));
    if (!target) return KIN_MEMORY;
    if (joined) KIN_TRY(order_by_row(c, p, &order));
    for (int64_t n = 0; n < p->count; n++) {
        const int64_t at = order ? order[n] : n;
        if (n && !(joined && p->row[at] == l.row[n - 1])) end_row(&l);
        put(&l, p->row[at], p->col[at], p->kind[at]);
        if (given) target[n] = given[at];
    }
    end_row(&l);
    use(c, &l);
    if (given) c->target = target, c->target_rows = 1, c->target_cols = p->count;
    return KIN_OK;
}

static bool target_per_pair(const loss_call *c)
{
    return loss_given(c, LOSS_TARGET) && !c->array[LOSS_TARGET].file.cols;
}

static kin_status check_targets(const loss_call *c, int64_t expected)
{
    const loss_array *t = &c->array[LOSS_TARGET];
    if (!loss_given(c, LOSS_TARGET) || (target_per_pair(c) && t->file.rows == expected))
        return KIN_OK;
    return loss_refuse(t, "%lld numbers, one for each pair", (long long)expected);
}

static kin_status read_pairs(loss_call *c, pairs *p, bool *told)
{
    const loss_array *a = &c->array[LOSS_POSITIVE];
    const int64_t n = a->file.rows, cols = a->file.cols;
    int32_t *ids, *row = loss_room(c, n, sizeof *row), *col = loss_room(c, n, sizeof *col);
    int8_t *kind = loss_room(c, n, sizeof *kind);
    if (!row || !col || !kind) return KIN_MEMORY;
    KIN_TRY(loss_integers(c, LOSS_POSITIVE, -1, INT32_MAX, &ids));
    for (int64_t i = 0; i < n; i++, ids += cols) {
        KIN_REQUIRE(ids[0] >= 0 && ids[0] < c->rows && ids[1] >= 0 && ids[1] < own_columns(c),
                    KIN_DATA, "%s: row %lld (counted from 0) is the pair (%d, %d), expected 0 to "
                    "%lld and 0 to %lld", a->path, (long long)i, (int)ids[0], (int)ids[1],
                    (long long)c->rows - 1, (long long)own_columns(c) - 1);
        KIN_REQUIRE(cols < 3 || ids[2] <= 1, KIN_DATA, "%s: row %lld (counted from 0) says %d of "
                    "its pair, expected 1 (positive), 0 or -1 (negative)", a->path, (long long)i,
                    (int)ids[2]);
        row[i] = ids[0], col[i] = ids[1];
        kind[i] = cols < 3 || ids[2] > 0 ? 1 : -1;
    }
    *p = (pairs){ n, row, col, kind };
    *told = cols == 3;
    return KIN_OK;
}

static kin_status no_own(loss_call *c)
{
    int32_t *own = loss_room(c, c->rows, sizeof *own);
    if (!own) return KIN_MEMORY;
    for (int64_t i = 0; i < c->rows; i++) own[i] = -1;
    c->setting.relation.own = own;
    return KIN_OK;
}

static kin_status relate_pairs(loss_call *c)
{
    pairs p;
    bool told = false;
    KIN_TRY(read_pairs(c, &p, &told));
    if (told || target_per_pair(c)) {
        if (loss_given(c, LOSS_SCORE) || loss_given(c, LOSS_NEGATIVE))
            return loss_refuse(&c->array[LOSS_POSITIVE], "rows (i, j): pairs with a word of their "
                               "own go with neither --score nor --negative");
        KIN_TRY(check_targets(c, p.count));
        return relate_cells(c, &p);
    }
    KIN_TRY(no_own(c));
    kin_relation *r = &c->setting.relation;
    r->more = p.count, r->more_row = p.row, r->more_col = p.col;
    return KIN_OK;
}

/* Row i's positive is column i. */
static kin_status relate_diagonal(loss_call *c)
{
    if (c->setting.relation.self) return no_own(c);
    if (own_columns(c) < c->rows)
        return kin_fail(KIN_DATA, "%s: %lld columns for %lld rows of %s, expected column i for row "
                        "i, or --label", columns_path(c), (long long)own_columns(c),
                        (long long)c->rows, rows_path(c));
    return KIN_OK;
}

/* A target for each of the pairs (i, i). */
static kin_status relate_targets(loss_call *c)
{
    int32_t *place = loss_room(c, c->rows, sizeof *place);
    int8_t *kind = loss_room(c, c->rows, sizeof *kind);
    if (!place || !kind) return KIN_MEMORY;
    if (!loss_given(c, LOSS_DOCUMENT))
        return loss_refuse(&c->array[LOSS_TARGET], "B x N numbers, as --document is missing");
    KIN_TRY(check_targets(c, c->rows));
    KIN_TRY(relate_diagonal(c));
    for (int64_t i = 0; i < c->rows; i++) place[i] = (int32_t)i, kind[i] = 1;
    const pairs p = { c->rows, place, place, kind };
    return relate_cells(c, &p);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static kin_status measure(loss_call *c)
{
    const kin_npy *score = &c->array[LOSS_SCORE].file, *q = &c->array[LOSS_QUERY].file;
    const kin_npy *k = &c->array[LOSS_DOCUMENT].file, *n = &c->array[LOSS_NEGATIVE].file;
    const kin_npy *proxy = &c->array[LOSS_PROXY].file;
    const bool given = loss_given(c, LOSS_SCORE);
    c->rows = given ? score->rows : q->rows;
    c->columns = given ? score->cols : proxy->rows ? proxy->rows : k->rows ? k->rows : q->rows;
    c->setting.relation.self = given ? c->self : !proxy->rows && !k->rows;
    if (n->rows) {
        if (!n->depth) c->setting.relation.extra = c->columns;
        c->columns += n->rows * (n->depth ? n->cols : 1);
    }
    KIN_REQUIRE(c->rows <= INT32_MAX && c->columns <= INT32_MAX, KIN_DATA,
                "%s: %lld rows against %lld columns, expected at most %d of each", rows_path(c),
                (long long)c->rows, (long long)c->columns, INT32_MAX);
    if (c->self && c->rows != c->columns)
        return loss_refuse(&c->array[LOSS_SCORE], "as many rows as columns with --self");
    return KIN_OK;
}

kin_status loss_relate(loss_call *c)
{
    const loss_array *t = &c->array[LOSS_TARGET];
    KIN_TRY(measure(c));
    if (loss_given(c, LOSS_TRIPLET)) return relate_triplets(c);
    if (c->array[LOSS_NEGATIVE].file.depth) return relate_own_negatives(c);
    if (target_per_pair(c) && !loss_given(c, LOSS_POSITIVE)) return relate_targets(c);
    if (loss_given(c, LOSS_PROXY)) KIN_TRY(relate_proxies(c));
    else if (loss_given(c, LOSS_LABEL)) KIN_TRY(relate_labels(c));
    else if (loss_given(c, LOSS_POSITIVE)) KIN_TRY(relate_pairs(c));
    else KIN_TRY(relate_diagonal(c));
    if (c->setting.cells || !loss_given(c, LOSS_TARGET)) return KIN_OK;
    if (t->file.rows != c->rows || t->file.cols != c->columns)
        return loss_refuse(t, "(%lld, %lld), a number for each score", (long long)c->rows,
                           (long long)c->columns);
    c->target = t->file.values, c->target_rows = c->rows, c->target_cols = c->columns;
    return KIN_OK;
}
