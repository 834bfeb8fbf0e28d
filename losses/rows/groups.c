/* Groups: which rows are merged before they are closed, and in what order (core/score.h). */
#include "losses/rows/rows.h"

/* Chains of the rows of each group: next[i] follows row i, -1 nothing. last: a row for each leader. */
static void chain(const int32_t *leader, int64_t rows, int32_t *next, int32_t *last)
{
    for (int64_t i = 0; i < rows; i++) {
        if (leader[i] != i) next[last[leader[i]]] = (int32_t)i;
        last[leader[i]] = (int32_t)i;
        next[i] = -1;
    }
}

/* One level: of each chain the second row joins the first, the fourth the third, and so on; those
 * that joined leave it. */
static int64_t join_neighbours(const int32_t *leader, int64_t rows, int32_t *next, int32_t *to,
                               int32_t *from)
{
    int64_t n = 0;
    for (int32_t first = 0; first < rows; first++) {
        if (leader[first] != first) continue;
        for (int32_t row = first; row >= 0 && next[row] >= 0; row = next[row]) {
            to[n] = row;
            from[n++] = next[row];
            next[row] = next[next[row]];
        }
    }
    return n;
}

/* Rows of a group count together. */
static void merge_counts(const kin_groups *g, kin_keys *side)
{
    for (int64_t n = 0; n < g->start[g->levels]; n++) {
        side->positives[g->to[n]] += side->positives[g->from[n]];
        side->negatives[g->to[n]] += side->negatives[g->from[n]];
    }
    for (int64_t i = 0; i < side->count; i++) {
        side->positives[i] = side->positives[g->leader[i]];
        side->negatives[i] = side->negatives[g->leader[i]];
    }
}

kin_status kin_rows_group(kin_tape *tape, kin_rows_run *run, const int32_t *joined)
{
    enum { LISTS = 5 };
    const int64_t rows = run->keys[0].count;
    const size_t bytes = (size_t)rows * sizeof(int32_t);
    kin_groups *groups = kin_keep_host(tape, sizeof *groups);
    int32_t *host = kin_keep_host(tape, LISTS * bytes), *sent = kin_keep(tape, 3 * bytes);
    if (!groups || !host || !sent) return kin_tape_status(tape);
    int32_t *leader = host, *to = leader + rows, *from = to + rows, *next = from + rows;
    for (int64_t i = 0; i < rows; i++) leader[i] = joined ? joined[i] : 0;
    *groups = (kin_groups){ .leader = leader, .to = to, .from = from };
    chain(leader, rows, next, next + rows);
    for (int64_t n = 0, joins = 1; joins > 0; n += joins) {
        joins = join_neighbours(leader, rows, next, to + n, from + n);
        if (joins > 0) groups->start[++groups->levels] = n + joins;
    }
    merge_counts(groups, &run->keys[0]);
    kin_tape_backend(tape)->upload(kin_tape_backend(tape), sent, host, 3 * bytes);
    groups->leader = sent, groups->to = sent + rows, groups->from = sent + 2 * rows;
    run->groups = groups;
    return KIN_OK;
}
