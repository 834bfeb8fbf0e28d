/* Arrange: what may be asked of a loss. */
#include "losses/arrange.h"

#define REFUSE(...) return kin_tape_fail(tape, KIN_USAGE, __VA_ARGS__), kin_tape_status(tape)

static kin_status check_hypers(kin_tape *tape, const kin_loss_setting *setting,
                               const kin_loss *loss)
{
    int learned = 0;
    for (int i = 0; i < kin_hyper_count(&loss->entry); i++) {
        const kin_hyper *hyper = &loss->entry.hypers[i];
        const kin_tensor *parameter = setting->learned[i];
        const double value = setting->hypers[i];
        if (parameter && !(hyper->flags & KIN_LEARNABLE))
            REFUSE("loss %s: %s cannot be learned", loss->entry.name, hyper->name);
        if (parameter && ++learned > KIN_LEARNED_MAX)
            REFUSE("loss %s: %s is one too many to be learned, expected at most %d at a time",
                   loss->entry.name, hyper->name, KIN_LEARNED_MAX);
        if (parameter && (parameter->rows != 1 || parameter->cols != 1))
            REFUSE("loss %s: the parameter of %s is %lldx%lld, expected 1x1", loss->entry.name,
                   hyper->name, (long long)parameter->rows, (long long)parameter->cols);
        if (!parameter && !(value >= hyper->min && value <= hyper->max))
            REFUSE("loss %s: %s is %g, expected %g to %g", loss->entry.name, hyper->name, value,
                   hyper->min, hyper->max);
    }
    return KIN_OK;
}

/* Without a branch, so that it takes as long as reading them. */
static bool all_within(const int32_t *row, const int32_t *col, int64_t n, int64_t rows,
                       int64_t columns)
{
    int32_t least = 0, last_row = 0, last_col = 0;
    for (int64_t i = 0; i < n; i++) {
        least = row[i] < least ? row[i] : least;
        least = col[i] < least ? col[i] : least;
        last_row = row[i] > last_row ? row[i] : last_row;
        last_col = col[i] > last_col ? col[i] : last_col;
    }
    return n == 0 || (least == 0 && last_row < rows && last_col < columns);
}

/* The first of n cells that is not of rows x columns, or n. */
static int64_t first_outside(const int32_t *row, const int32_t *col, int64_t n, int64_t rows,
                             int64_t columns)
{
    int64_t i = 0;
    if (all_within(row, col, n, rows, columns)) return n;
    while (row[i] >= 0 && row[i] < rows && col[i] >= 0 && col[i] < columns) i++;
    return i;
}

static kin_status check_relation(kin_tape *tape, const kin_relation *r, const char *name,
                                 int64_t rows, int64_t columns)
{
    if (!r->row_label != !r->col_label || !r->row_text != !r->col_text)
        REFUSE("loss %s: labels (or texts) of rows and of columns go together", name);
    if (r->by_label && !r->row_label)
        REFUSE("loss %s: positives by label need labels", name);
    if (r->by_label && r->own)
        REFUSE("loss %s: positives come by label or by own, not both", name);
    if (r->self && rows != columns)
        REFUSE("loss %s: rows and columns are the same points, but there are %lld and %lld", name,
               (long long)rows, (long long)columns);
    if (!r->own && !r->by_label && columns < rows)
        REFUSE("loss %s: row i's positive is column i, but there are %lld rows and %lld columns",
               name, (long long)rows, (long long)columns);
    for (int64_t i = 0; r->own && i < rows; i++)
        if (r->own[i] < -1 || r->own[i] >= columns)
            REFUSE("loss %s: the positive of row %lld is column %d of %lld", name, (long long)i,
                   (int)r->own[i], (long long)columns);
    int64_t n = first_outside(r->more_row, r->more_col, r->more, rows, columns);
    if (n < r->more)
        REFUSE("loss %s: positive pair %lld is (%d, %d) of %lldx%lld", name, (long long)n,
               (int)r->more_row[n], (int)r->more_col[n], (long long)rows, (long long)columns);
    n = first_outside(r->ignored_row, r->ignored_col, r->ignored, rows, columns);
    if (n < r->ignored)
        REFUSE("loss %s: ignored pair %lld is (%d, %d) of %lldx%lld", name, (long long)n,
               (int)r->ignored_row[n], (int)r->ignored_col[n], (long long)rows,
               (long long)columns);
    return KIN_OK;
}

static kin_status check_cells(kin_tape *tape, const kin_cells *c, const char *name, int64_t rows,
                              int64_t columns, bool given)
{
    const int64_t count = c->start[c->rows];
    if (c->rows < 1 || count < 1 || count > INT32_MAX || c->start[0] != 0)
        REFUSE("loss %s: %lld cells in %lld rows", name, (long long)count, (long long)c->rows);
    for (int64_t r = 0; r < c->rows; r++)
        if (c->start[r] > c->start[r + 1])
            REFUSE("loss %s: the cells of row %lld end before they begin", name, (long long)r);
    if (given && rows * columns != count)
        REFUSE("loss %s: %lld scores for %lld cells", name, (long long)(rows * columns),
               (long long)count);
    const int64_t n = given ? count : first_outside(c->row, c->col, count, rows, columns);
    if (n < count)
        REFUSE("loss %s: cell %lld is (%d, %d) of %lldx%lld", name, (long long)n, (int)c->row[n],
               (int)c->col[n], (long long)rows, (long long)columns);
    return KIN_OK;
}

static kin_status check_target(kin_tape *tape, const kin_loss_setting *setting,
                               const kin_loss *loss, int64_t rows, int64_t columns)
{
    const kin_tensor *t = setting->target;
    const int64_t cells = setting->cells ? setting->cells->start[setting->cells->rows] : 0;
    const int64_t both = setting->direction >= KIN_VIEWS ? rows + columns : 0;
    const int64_t h = cells ? 1 : both ? both : rows, w = cells ? cells : both ? both : columns;
    if (!t && (loss->takes & KIN_TARGETS))
        REFUSE("loss %s: it needs a target for each score", loss->entry.name);
    if (t && (t->rows != h || t->cols != w))
        REFUSE("loss %s: targets are %lldx%lld, expected %lldx%lld", loss->entry.name,
               (long long)t->rows, (long long)t->cols, (long long)h, (long long)w);
    return KIN_OK;
}

#define DECLINE(...) return kin_fail(KIN_USAGE, __VA_ARGS__)

kin_status kin_loss_check_choices(const kin_loss_setting *s)
{
    const kin_loss *loss = kin_loss_of(kin_losses.items[s->loss]);
    const char *name = loss->entry.name;
    if (loss->only_similarity && s->similarity && s->similarity != loss->similarity)
        DECLINE("loss %s: it has a similarity of its own, which cannot be chosen", name);
    if (s->similarity < 0 || s->similarity >= KIN_SIMILARITIES)
        DECLINE("loss %s: there is no similarity %d", name, s->similarity);
    if (loss->whole && s->reduce && s->reduce != loss->reduce)
        DECLINE("loss %s: the whole batch is one row, so there is nothing to reduce", name);
    if (loss->form == KIN_COMPOSED && (s->reduce || (s->similarity && s->similarity != KIN_DOT)))
        DECLINE("loss %s: it is made of ops: no similarity, nothing to reduce", name);
    if (loss->form == KIN_COMPOSED && s->direction >= KIN_VIEWS)
        DECLINE("loss %s: its rows cannot be stacked with its columns", name);
    if (s->direction >= KIN_VIEWS && (s->relation.self || s->relation.extra || s->relation.more ||
                                        s->relation.ignored))
        DECLINE("loss %s: both views as rows and columns need plain pairs or labels", name);
    if (s->direction >= KIN_VIEWS && s->target && !loss->holds)
        DECLINE("loss %s: both views as rows and columns have no targets", name);
    if (s->direction >= KIN_VIEWS && loss->columns)
        DECLINE("loss %s: its anchors are the columns, so views cannot be stacked", name);
    if (s->cells && loss->columns)
        DECLINE("loss %s: its anchors are the columns, so it takes no cells one by one", name);
    if (s->direction != KIN_ONE_WAY && s->cells)
        DECLINE("loss %s: cells one by one are read one way", name);
    if (s->direction != KIN_ONE_WAY && s->target && !loss->holds &&
        (loss->form == KIN_ROW || s->relation.more || s->relation.ignored))
        DECLINE("loss %s: with targets it is read one way", name);
    if (s->direction == KIN_JOINT && loss->form != KIN_CELLS)
        DECLINE("loss %s: its rows cannot be merged", name);
    return KIN_OK;
}

/* A composed loss compares row i with column i, and no cell can be taken out of its sums. */
static kin_status check_composed(kin_tape *tape, const kin_loss_setting *s, const char *name,
                                 int64_t rows, int64_t columns)
{
    const kin_relation *r = &s->relation;
    if (rows != columns)
        REFUSE("loss %s: it compares row i with column i, but there are %lld rows and %lld columns",
               name, (long long)rows, (long long)columns);
    if (r->own || r->by_label || r->self || r->more || r->ignored || s->cells || s->target)
        REFUSE("loss %s: it compares row i with column i: no labels, lists of positives, cells or "
               "targets", name);
    return KIN_OK;
}

static kin_status check_dims(kin_tape *tape, const kin_loss_setting *s, const char *name,
                             int64_t dimension)
{
    for (int i = 0; i < KIN_DIMS_MAX && s->dims[i]; i++) {
        if (s->dims[i] < 1 || s->dims[i] > dimension)
            REFUSE("loss %s: %d coordinates are asked for of %lld", name, s->dims[i],
                   (long long)dimension);
        if (!(s->dim_weight[i] > 0 && s->dim_weight[i] <= 1e6))
            REFUSE("loss %s: the weight of %d coordinates is %g, expected above 0", name,
                   s->dims[i], s->dim_weight[i]);
    }
    return KIN_OK;
}

kin_status kin_arrange_check(kin_tape *tape, const kin_loss_setting *setting,
                             const kin_tensor *rows, const kin_tensor *columns,
                             const kin_tensor *given)
{
    KIN_TRY(kin_tape_status(tape));
    if (setting->loss < 0 || setting->loss >= kin_losses.count)
        REFUSE("loss: there is no loss %d", setting->loss);
    const kin_loss *loss = kin_loss_of(kin_losses.items[setting->loss]);
    const int64_t b = given ? given->rows : rows->rows, n = given ? given->cols : columns->rows;
    if (!given && (rows->cols != columns->cols || rows->cols < 1))
        REFUSE("loss %s: rows are %lldx%lld, columns are %lldx%lld", loss->entry.name,
               (long long)rows->rows, (long long)rows->cols, (long long)columns->rows,
               (long long)columns->cols);
    if (b < 1 || n < 1 || b > INT32_MAX || n > INT32_MAX)
        REFUSE("loss %s: %lld rows and %lld columns", loss->entry.name, (long long)b,
               (long long)n);
    if (given && (loss->form == KIN_COMPOSED || loss->columns || loss->joins_pairs))
        REFUSE("loss %s: it needs embeddings, not scores", loss->entry.name);
    if (given && setting->direction != KIN_ONE_WAY)
        REFUSE("loss %s: scores are read one way", loss->entry.name);
    if (setting->still < 0 || setting->still > n)
        REFUSE("loss %s: %lld of %lld columns need no gradient", loss->entry.name,
               (long long)setting->still, (long long)n);
    KIN_TRY(check_hypers(tape, setting, loss));
    if (kin_loss_check_choices(setting) != KIN_OK) REFUSE("%s", kin_message());
    KIN_TRY(check_dims(tape, setting, loss->entry.name, given ? 0 : rows->cols));
    if (loss->form == KIN_COMPOSED) return check_composed(tape, setting, loss->entry.name, b, n);
    if (loss->whole && loss->form == KIN_ROW && !setting->cells)
        REFUSE("loss %s: the whole batch is one row, so pairs are given to it one by one",
               loss->entry.name);
    if (setting->cells)
        KIN_TRY(check_cells(tape, setting->cells, loss->entry.name, b, n, given));
    else
        KIN_TRY(check_relation(tape, &setting->relation, loss->entry.name, b, n));
    return check_target(tape, setting, loss, b, n);
}
