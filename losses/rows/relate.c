/* Relate: what the columns are to the rows, counted on the host before any score is formed. */
#include <string.h>
#include "core/group.h"
#include "core/sorted.h"
#include "losses/rows/rows.h"

typedef kin_keys side;

enum { LABEL = 1, TEXT = 2 };
typedef struct { uint64_t key; int64_t times; } slot;          /* times 0: free */
typedef struct { slot *slots; int shift; } table;

static uint64_t key_of(const side *s, int64_t i, int which)
{
    const uint64_t label = which & LABEL ? (uint32_t)s->label[i] : 0;
    const uint64_t text = which & TEXT ? (uint32_t)s->text[i] : 0;
    return label << 32 | text;
}

static slot *find(const table *t, uint64_t key)
{
    const uint64_t last = ((uint64_t)1 << (64 - t->shift)) - 1;
    uint64_t at = (key * 0x9e3779b97f4a7c15u) >> t->shift;
    while (t->slots[at].times > 0 && t->slots[at].key != key) at = (at + 1) & last;
    return &t->slots[at];
}

static void fill(const table *t, const side *from, int which)
{
    memset(t->slots, 0, sizeof(slot) << (64 - t->shift));
    for (int64_t j = 0; j < from->count; j++) {
        slot *found = find(t, key_of(from, j, which));
        found->key = key_of(from, j, which);
        found->times++;
    }
}

/* negatives_i -= sign * how many of `from` have the same key as i. */
static void take_equal(side *s, const side *from, const table *t, int which, int sign)
{
    fill(t, from, which);
    for (int64_t i = 0; i < s->count; i++)
        s->negatives[i] -= (real)(sign * find(t, key_of(s, i, which))->times);
}

static void count_labels(side *s, const side *from, const table *t)
{
    fill(t, from, LABEL);
    for (int64_t i = 0; i < s->count; i++)
        s->positives[i] = (real)find(t, key_of(s, i, LABEL))->times;
}

static bool same(const side *rows, int64_t i, const side *columns, int64_t j)
{
    return rows->label[i] == columns->label[j] || rows->text[i] == columns->text[j];
}

/* Cells (i, own[i]) are positives, whether or not their keys are equal. */
static void count_pairs(side *rows, side *columns, bool keyed)
{
    for (int64_t i = 0; i < rows->count; i++) {
        const int64_t j = rows->match[i];
        if (j < 0) continue;
        const bool ignored = keyed && same(rows, i, columns, j);
        rows->positives[i]++, columns->positives[j]++;
        rows->negatives[i] -= !ignored, columns->negatives[j] -= !ignored;
    }
}

/* Cells (i, i) are nothing: they leave the positives, or the negatives if they were still there. */
static void drop_self(side *rows, side *columns)
{
    for (int64_t i = 0; i < rows->count; i++) {
        const bool positive = rows->match[i] == columns->match[i];
        const bool negative = !positive && !same(rows, i, columns, i);
        rows->positives[i] -= positive, columns->positives[i] -= positive;
        rows->negatives[i] -= negative, columns->negatives[i] -= negative;
    }
}

static void count_keys(const kin_relation *relation, side *s, const side *from, const table *t)
{
    const int known = (relation->row_label ? LABEL : 0) | (relation->row_text ? TEXT : 0);
    if (known & LABEL) take_equal(s, from, t, LABEL, 1);
    if (known & TEXT) take_equal(s, from, t, TEXT, 1);
    if (known == (LABEL | TEXT)) take_equal(s, from, t, LABEL | TEXT, -1);
    if (relation->by_label) count_labels(s, from, t);
}

static kin_status count_all(kin_tape *tape, const kin_relation *relation, side s[2], bool keyed)
{
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < s[k].count; i++)
            s[k].positives[i] = 0, s[k].negatives[i] = (real)s[1 - k].count;
    if (relation->row_label || relation->row_text) {
        table t = { .shift = 63 };
        const int64_t most = s[0].count > s[1].count ? s[0].count : s[1].count;
        while (((int64_t)1 << (64 - t.shift)) < 2 * most) t.shift--;
        t.slots = kin_keep_host(tape, sizeof(slot) << (64 - t.shift));
        if (!t.slots) return kin_tape_status(tape);
        count_keys(relation, &s[0], &s[1], &t);
        count_keys(relation, &s[1], &s[0], &t);
    }
    if (!relation->by_label) count_pairs(&s[0], &s[1], keyed);
    if (relation->self) drop_self(&s[0], &s[1]);
    return KIN_OK;
}

/* ---- further positives, one by one ---------------------------------------------------------- */

/* Cells (row[n], col[n]) by row, those of a row ascending and each once. */
static kin_status list_cells(kin_tape *tape, int64_t count, const int32_t *row,
                             const int32_t *column, int64_t rows, const int64_t **listed,
                             const int32_t **cols)
{
    *listed = NULL, *cols = NULL;
    if (!count) return KIN_OK;
    int64_t *start = kin_keep_host(tape, (size_t)(rows + 2) * sizeof *start);
    int32_t *col = kin_keep_host(tape, (size_t)count * sizeof *col);
    if (!start || !col) return kin_tape_status(tape);
    kin_group(row, count, rows, start, col);
    for (int64_t n = 0; n < count; n++) col[n] = column[col[n]];
    int64_t kept = 0;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t from = start[i], n = kin_sorted_unique(col + from, start[i + 1] - from);
        memmove(col + kept, col + from, (size_t)n * sizeof *col);
        start[i] = kept;
        kept += n;
    }
    start[rows] = kept;
    *listed = start, *cols = col;
    return KIN_OK;
}

kin_status kin_rows_list_more(kin_tape *tape, const kin_relation *r, int64_t rows,
                              const int64_t **listed, const int32_t **cols)
{
    return list_cells(tape, r->more, r->more_row, r->more_col, rows, listed, cols);
}

static bool is_further(const kin_rows_run *run, int64_t i, int64_t j)
{
    return run->more_start
           && kin_sorted_holds(run->more_col, run->more_start[i], run->more_start[i + 1],
                               (int32_t)j);
}

/* Cells that are ignored one by one are no negatives, if they were. */
static void count_ignored(kin_rows_run *run, bool keyed)
{
    side *rows = &run->keys[0], *columns = &run->keys[1];
    for (int64_t i = 0; run->ignored_start && i < rows->count; i++)
        for (int64_t n = run->ignored_start[i]; n < run->ignored_start[i + 1]; n++) {
            const int64_t j = run->ignored_col[n];
            const bool nothing = (run->scores.self && i == j)
                                 || (keyed && same(rows, i, columns, j));
            if (nothing || rows->match[i] == columns->match[j] || is_further(run, i, j)) continue;
            rows->negatives[i]--, columns->negatives[j]--;
        }
}

static void count_more(kin_rows_run *run, bool keyed)
{
    side *rows = &run->keys[0], *columns = &run->keys[1];
    for (int64_t i = 0; run->more_start && i < rows->count; i++)
        for (int64_t n = run->more_start[i]; n < run->more_start[i + 1]; n++) {
            const int64_t j = run->more_col[n];
            if (rows->match[i] == columns->match[j] || (run->scores.self && i == j)) continue;
            const bool ignored = keyed && same(rows, i, columns, j);
            rows->positives[i]++, columns->positives[j]++;
            rows->negatives[i] -= !ignored, columns->negatives[j] -= !ignored;
        }
}

void kin_rows_kinds(const kin_rows_run *run, int64_t row, int64_t count, int8_t *kind)
{
    const side *rows = &run->keys[0], *columns = &run->keys[1];
    const bool keyed = run->scores.side[0].label != NULL;
    for (int64_t i = row; i < row + count; i++, kind += columns->count) {
        for (int64_t j = 0; j < columns->count; j++)
            kind[j] = rows->match[i] == columns->match[j] ? 1
                      : keyed && same(rows, i, columns, j) ? 0 : -1;
        for (int64_t n = run->ignored_start ? run->ignored_start[i] : 0;
             run->ignored_start && n < run->ignored_start[i + 1]; n++)
            if (kind[run->ignored_col[n]] < 0) kind[run->ignored_col[n]] = 0;
        for (int64_t n = run->more_start ? run->more_start[i] : 0;
             run->more_start && n < run->more_start[i + 1]; n++)
            kind[run->more_col[n]] = 1;
        if (run->scores.self) kind[i] = 0;
    }
}

static bool equal(const int32_t *a, const int32_t *b, int64_t n)
{
    return a == b || (a && b && memcmp(a, b, (size_t)n * sizeof *a) == 0);
}

bool kin_rows_alike(const kin_rows_run *run)
{
    const kin_loss_setting *s = run->setting;
    const kin_relation *r = &s->relation;
    const int64_t n = run->scores.side[0].count;
    if (!run->q || run->q != run->k || run->loss->form != KIN_CELLS) return false;
    if (r->more || r->ignored || r->extra || s->target || s->want_accuracy) return false;
    if (!equal(r->row_label, r->col_label, n) || !equal(r->row_text, r->col_text, n)) return false;
    for (int64_t i = 0; r->own && !r->by_label && i < n; i++)
        if (r->own[i] >= 0 && r->own[r->own[i]] != i) return false;
    return true;
}

/* ---- what counts ---------------------------------------------------------------------------- */

void kin_rows_weigh(const kin_rows_run *run, side *s)
{
    const int needs = run->loss->needs;
    for (int64_t i = 0; i < s->count; i++) {
        const bool lacks = ((needs & KIN_POSITIVE) && s->positives[i] < 1) ||
                           ((needs & KIN_NEGATIVE) && s->negatives[i] < 1);
        s->weight[i] = lacks ? 0 : run->reduce == KIN_PER_PAIR ? s->positives[i] : 1;
    }
}

void kin_rows_report(const side *rows, kin_loss_report *counts)
{
    double positives = 0, negatives = 0;
    int64_t valid = 0;
    for (int64_t i = 0; i < rows->count; i++) {
        if (!(rows->weight[i] > 0)) continue;
        valid++;
        positives += (double)rows->positives[i];
        negatives += (double)rows->negatives[i];
    }
    counts->rows = rows->count;
    counts->valid = valid;
    counts->positives = valid > 0 ? positives / (double)valid : 0;
    counts->negatives = valid > 0 ? negatives / (double)valid : 0;
}

/* A key that nobody gave: 0 for all rows, 1 for all columns. */
static void copy_key(int32_t *to, const int32_t *from, int64_t n, int32_t otherwise)
{
    for (int64_t i = 0; i < n; i++) to[i] = from ? from[i] : otherwise;
}

/* Bytes of both sides' counts, and of their keys behind them. */
static size_t room_of(const side *s, int sides, bool keys)
{
    size_t n = 0;
    for (int k = 0; k < sides; k++) n += 3 * (size_t)s[k].count;
    return n * (sizeof(real) + (keys ? sizeof(int32_t) : 0));
}

static kin_status copy_keys(kin_tape *tape, const kin_relation *relation, side s[2])
{
    real *counts = kin_keep_host(tape, room_of(s, 2, true));
    if (!counts) return kin_tape_status(tape);
    int32_t *keys = (int32_t *)(counts + 3 * (s[0].count + s[1].count));
    for (int k = 0; k < 2; k++) {
        const size_t n = (size_t)s[k].count;
        s[k].match = keys, keys += 3 * n;
        s[k].positives = counts, counts += 3 * n;
        s[k].label = s[k].match + n, s[k].text = s[k].match + 2 * n;
        s[k].negatives = s[k].positives + n, s[k].weight = s[k].positives + 2 * n;
        copy_key(s[k].label, k ? relation->col_label : relation->row_label, s[k].count, k);
        copy_key(s[k].text, k ? relation->col_text : relation->row_text, s[k].count, k);
        for (int64_t i = 0; i < s[k].count; i++)
            s[k].match[i] = relation->by_label ? s[k].label[i]
                          : relation->own && k == 0 ? relation->own[i] : (int32_t)i;
    }
    return KIN_OK;
}

kin_status kin_rows_upload(kin_tape *tape, const side *s, int sides, bool keyed,
                           kin_score_side *to)
{
    kin_backend *backend = kin_tape_backend(tape);
    const size_t bytes = room_of(s, sides, s->match != NULL);
    real *counts = kin_keep(tape, bytes);
    if (!counts) return kin_tape_status(tape);
    backend->upload(backend, counts, s->positives, bytes);
    const int32_t *keys = (const int32_t *)((const char *)counts + room_of(s, sides, false));
    for (int k = 0; k < sides; k++, to++) {
        const int64_t n = s[k].count;
        to->match = s->match ? keys : NULL;
        to->label = keyed ? keys + n : NULL;
        to->text = keyed ? keys + 2 * n : NULL;
        to->positives = counts;
        to->negatives = counts + n;
        to->weight = counts + 2 * n;
        counts += 3 * n, keys += 3 * n;
    }
    return KIN_OK;
}

static real count_paired(const side *rows)
{
    real paired = 0;
    for (int64_t i = 0; i < rows->count; i++) paired += rows->positives[i] > 0;
    return paired;
}

kin_status kin_rows_relate(kin_tape *tape, kin_rows_run *run, const int32_t *joined,
                           kin_loss_report *counts)
{
    const kin_relation *relation = &run->setting->relation;
    kin_scores *scores = &run->scores;
    side *s = run->keys;
    const bool keyed = relation->row_label || relation->row_text || relation->self;
    for (int k = 0; k < 2; k++) s[k].count = scores->side[k].count;
    scores->self = relation->self;
    scores->distinct = !relation->row_text && (relation->by_label || !relation->row_label);
    scores->extra = relation->extra ? relation->extra : s[1].count;
    KIN_TRY(copy_keys(tape, relation, s));
    KIN_TRY(count_all(tape, relation, s, keyed));
    KIN_TRY(kin_rows_list_more(tape, relation, s[0].count, &run->more_start, &run->more_col));
    KIN_TRY(list_cells(tape, relation->ignored, relation->ignored_row, relation->ignored_col,
                       s[0].count, &run->ignored_start, &run->ignored_col));
    count_more(run, keyed);
    count_ignored(run, keyed);
    scores->paired = count_paired(&s[0]);
    kin_rows_weigh(run, &s[0]);
    kin_rows_weigh(run, &s[1]);
    kin_rows_report(&s[0], counts);
    if (run->loss->whole || joined) {
        KIN_TRY(kin_rows_group(tape, run, joined));
        kin_rows_weigh(run, &s[0]);
    }
    /* Loops that always ask for keys are given those that differ everywhere. */
    const bool asked = keyed || (run->loss->form == KIN_CELLS && !run->loss->fast);
    return kin_rows_upload(tape, s, 2, asked, scores->side);
}
