/* Relate: what the columns are to the rows, counted on the host before any score is formed. */
#include <string.h>
#include "losses/rows/rows.h"

/* Host copies of one side's arrays. */
typedef struct {
    int64_t count;
    int32_t *match, *label, *text;
    real *positives, *negatives, *weight;
} side;

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

static void weigh(side *s, int needs)
{
    for (int64_t i = 0; i < s->count; i++) {
        const bool lacks = ((needs & KIN_POSITIVE) && s->positives[i] < 1) ||
                           ((needs & KIN_NEGATIVE) && s->negatives[i] < 1);
        s->weight[i] = !lacks;
    }
}

static void report(const side *rows, kin_loss_report *counts)
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

static kin_status copy_keys(kin_tape *tape, const kin_relation *relation, side s[2])
{
    for (int k = 0; k < 2; k++) {
        const size_t n = (size_t)s[k].count;
        s[k].match = kin_keep_host(tape, 3 * n * sizeof(int32_t));
        s[k].positives = kin_keep_host(tape, 3 * n * sizeof(real));
        if (!s[k].match || !s[k].positives) return kin_tape_status(tape);
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

static kin_status upload(kin_tape *tape, const side *s, bool keyed, kin_score_side *to)
{
    kin_backend *backend = kin_tape_backend(tape);
    const size_t n = (size_t)s->count;
    int32_t *keys = kin_keep(tape, 3 * n * sizeof(int32_t));
    real *counts = kin_keep(tape, 3 * n * sizeof(real));
    if (!keys || !counts) return kin_tape_status(tape);
    backend->upload(backend, keys, s->match, 3 * n * sizeof(int32_t));
    backend->upload(backend, counts, s->positives, 3 * n * sizeof(real));
    to->match = keys;
    to->label = keyed ? keys + n : NULL;
    to->text = keyed ? keys + 2 * n : NULL;
    to->positives = counts;
    to->negatives = counts + n;
    to->weight = counts + 2 * n;
    return KIN_OK;
}

kin_status kin_rows_relate(kin_tape *tape, const kin_relation *relation, int needs,
                           kin_scores *scores, kin_loss_report *counts)
{
    side s[2] = { { .count = scores->side[0].count }, { .count = scores->side[1].count } };
    const bool keyed = relation->row_label || relation->row_text || relation->self;
    KIN_TRY(copy_keys(tape, relation, s));
    KIN_TRY(count_all(tape, relation, s, keyed));
    weigh(&s[0], needs);
    weigh(&s[1], needs);
    report(&s[0], counts);
    scores->self = relation->self;
    KIN_TRY(upload(tape, &s[0], keyed, &scores->side[0]));
    return upload(tape, &s[1], keyed, &scores->side[1]);
}
