/* Cells: what a loss does to the scores of one row, over the functions of the loss file that was
 * included before. All of it is inlined, so that the compiler sees straight-line code per score.
 *
 * Flags are constants wherever these loops are called:
 *     keyed   how a cell is known: by its match alone, by its class (match, none but i = j being
 *             ignored), also by label and text, by a list of kinds
 *     one     a cell's term is the same for its row and its column, so it is computed once
 *     stored  the term is written over the score, or found there */
#ifndef KIN_CPU_LOOPS_CELLS_H
#define KIN_CPU_LOOPS_CELLS_H

#ifdef __clang__
#pragma clang diagnostic ignored "-Wpass-failed"          /* it may choose not to vectorise */
#endif

enum { FIELDS = sizeof(row) / sizeof(real), FIELDS_MAX = 8 };
_Static_assert(FIELDS <= FIELDS_MAX, "a row has more statistics than get and put move");
_Static_assert(sizeof(hyper) <= sizeof(real) * KIN_HYPERS_MAX, "too many hyperparameters");

/* ---- statistics: a struct in the loss, in memory one array per field, so columns are lanes - */

INLINE row get(const real *stats, int64_t stride, int64_t i)
{
    row r;
    real *field = (real *)&r;
    field[0] = stats[i];
    if (FIELDS > 1) field[1 % FIELDS] = stats[stride + i];
    if (FIELDS > 2) field[2 % FIELDS] = stats[2 * stride + i];
    if (FIELDS > 3) field[3 % FIELDS] = stats[3 * stride + i];
    if (FIELDS > 4) field[4 % FIELDS] = stats[4 * stride + i];
    if (FIELDS > 5) field[5 % FIELDS] = stats[5 * stride + i];
    if (FIELDS > 6) field[6 % FIELDS] = stats[6 * stride + i];
    if (FIELDS > 7) field[7 % FIELDS] = stats[7 * stride + i];
    return r;
}

INLINE void put(real *stats, int64_t stride, int64_t i, row r)
{
    const real *field = (const real *)&r;
    stats[i] = field[0];
    if (FIELDS > 1) stats[stride + i] = field[1 % FIELDS];
    if (FIELDS > 2) stats[2 * stride + i] = field[2 % FIELDS];
    if (FIELDS > 3) stats[3 * stride + i] = field[3 % FIELDS];
    if (FIELDS > 4) stats[4 * stride + i] = field[4 % FIELDS];
    if (FIELDS > 5) stats[5 * stride + i] = field[5 % FIELDS];
    if (FIELDS > 6) stats[6 * stride + i] = field[6 % FIELDS];
    if (FIELDS > 7) stats[7 * stride + i] = field[7 % FIELDS];
}

/* ---- a line: a row of the tile, or its part in one block of columns ------------------------ */

typedef struct {
    real *score;
    const int32_t *match, *label, *text;          /* of its columns */
    int32_t my_match, my_label, my_text, me;      /* of the row; me: the column that is itself */
    const int8_t *kind;                           /* of its scores, in place of all these */
    const real *y;                                /* their targets, or NULL */
    const real *held;                             /* the scores, unless a check holds others */
    int32_t n, extra, mine, rows;                 /* column extra + mine + k rows is its own */
} line;

enum { BY_MATCH, BY_CLASS, BY_KEY, BY_KIND,       /* keyed */
       NEGATIVE, POSITIVE };                      /* what is left of it for one cell */

/* What follows, for each column j of the line; `how` is what at() must be told. By match alone
 * there is one positive at most: around it nothing need be asked. */
#define EACH_CELL(l, keyed, ...)                                             \
    do {                                                                     \
        const bool split = (keyed) == BY_MATCH;                              \
        const bool met = split && (l).my_match >= 0 && (l).my_match < (l).n; \
        const int32_t place = met ? (l).my_match : (l).n;                    \
        {                                                                    \
            const int how = split ? NEGATIVE : (keyed);                      \
            EACH_COLUMN(j, 0, place) __VA_ARGS__                             \
        }                                                                    \
        if (met) {                                                           \
            const int how = POSITIVE;                                        \
            const int32_t j = place;                                         \
            __VA_ARGS__                                                      \
        }                                                                    \
        if (split) {                                                         \
            const int how = NEGATIVE;                                        \
            EACH_COLUMN(j, place + 1, (l).n) __VA_ARGS__                     \
        }                                                                    \
    } while (0)

/* The tile's row i, n columns of it from its column `from` on. */
INLINE line line_at(const kin_scores *t, int64_t i, int64_t from, int32_t n, int keyed)
{
    const kin_score_side *rows = &t->side[0], *columns = &t->side[1];
    const int64_t at = t->row + i, column = t->column + from;
    const bool listed = keyed == BY_KIND && t->start;
    const int64_t first = listed ? t->start[i] : i * t->columns + from;
    line l = { .score = t->score + (listed ? first : i * t->stride + from), .n = n,
               .extra = (int32_t)(t->extra - column), .mine = (int32_t)at,
               .rows = (int32_t)rows->count, .y = t->target ? t->target + first : NULL };
    l.held = l.y ? l.y : l.score;
    if (keyed == BY_KIND) {
        l.kind = t->kind + first;
        if (t->start) l.n = (int32_t)(t->start[i + 1] - first), l.mine = 0, l.rows = 1;
    } else if (keyed == BY_KEY || keyed == BY_CLASS) {
        l.match = columns->match + column, l.my_match = rows->match[at];
        l.label = columns->label + column, l.my_label = rows->label[at];
        l.text = columns->text + column, l.my_text = rows->text[at];
        l.me = t->self ? (int32_t)(at - column) : -1;
    } else {
        l.my_match = rows->match[at] - (int32_t)column;
    }
    return l;
}

INLINE cell at(line l, int32_t j, int keyed)
{
    cell c = { .s = l.score[j], .pos = keyed == POSITIVE, .any = 1 };
    c.extra = (j >= l.extra) & ((j - l.extra - l.mine) % l.rows == 0);
    if (loss.takes & KIN_TARGETS) c.y = l.y[j];
    if (loss.holds) c.held = l.held[j];
    if (keyed == BY_KIND) {
        c.pos = l.kind[j] > 0;
        c.any = l.kind[j] != 0;
    } else if (keyed == BY_KEY || keyed == BY_CLASS) {
        const int other = j != l.me;
        c.pos = (l.match[j] == l.my_match) & other;
        c.any = other;
        if (keyed == BY_KEY)
            c.any = c.pos | ((l.label[j] != l.my_label) & (l.text[j] != l.my_text) & other);
    }
    c.neg = c.any ^ c.pos;
    return c;
}

INLINE row look_row(line l, row r, hyper h, int keyed)
{
    EACH_CELL(l, keyed, r = look(r, at(l, j, how), h););
    return r;
}

INLINE row look_both(line l, row r, real *stats, int64_t stride, hyper h, int keyed)
{
    EACH_CELL(l, keyed, {
        const cell c = at(l, j, how);
        r = look(r, c, h);
        put(stats, stride, j, look(get(stats, stride, j), c, h));
    });
    return r;
}

INLINE row add_row(line l, row r, hyper h, int keyed, int stored)
{
    const row peak = r;
    EACH_CELL(l, keyed, {
        cell c = at(l, j, how);
        c.e = term(c, peak, h);
        r = add(r, c, h);
        if (stored) l.score[j] = c.e;
    });
    return r;
}

INLINE row add_both(line l, row r, real *stats, int64_t stride, hyper h, int keyed, int one,
                    int stored)
{
    const row peak = r;
    EACH_CELL(l, keyed, {
        cell c = at(l, j, how);
        const row k = get(stats, stride, j);
        c.e = term(c, peak, h);
        r = add(r, c, h);
        if (!one) c.e = term(c, k, h);
        put(stats, stride, j, add(k, c, h));
        if (stored) l.score[j] = c.e;
    });
    return r;
}

INLINE void slope_row(line l, row r, real scale, hyper h, int keyed, int stored)
{
    EACH_CELL(l, keyed, {
        cell c = at(l, j, how);
        c.e = stored ? c.s : term(c, r, h);
        l.score[j] = scale * slope(c, r, h);
    });
}

INLINE void slope_both(line l, row r, real scale, const real *stats, int64_t stride,
                       const real *weight, real column_scale, hyper h, int keyed, int one,
                       int stored)
{
    EACH_CELL(l, keyed, {
        cell c = at(l, j, how);
        const row k = get(stats, stride, j);
        c.e = stored ? c.s : term(c, r, h);
        const real of_row = slope(c, r, h);
        if (!one) c.e = term(c, k, h);
        l.score[j] = scale * of_row + column_scale * weight[j] * slope(c, k, h);
    });
}

#endif
