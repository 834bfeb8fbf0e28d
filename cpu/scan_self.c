/* Rows against one another: a block of rows times another serves the lists of both. Blocks meet as
 * the players of a tournament do (each once with each other, in rounds where nobody plays twice),
 * so that tasks of a round share no list and each list sees the others in one order. */
#include <math.h>
#include "cpu/internal.h"
#include "cpu/lists.h"

enum { BLOCK = 1024, BYTES = 16384 };

typedef struct {
    const kin_scan *s;
    kin_scan_way way;
    kin_short_lists lists;
    int64_t blocks, players, round;      /* players: even */
} job;

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rows of block `left` as queries against those of `right`. */
static void meet(job *j, int64_t left, int64_t right, bool both)
{
    const kin_scan *s = j->s;
    const int64_t depth = s->codes->depth, rows = s->codes->rows;
    const int64_t step = depth * KIN_STRIP > BYTES ? KIN_STRIP
                                                   : BYTES / (depth * KIN_STRIP) * KIN_STRIP;
    const int64_t end = at_most((right + 1) * BLOCK, rows);
    const int64_t last = at_most((left + 1) * BLOCK, s->queries);
    for (int64_t row = right * BLOCK; row < end; row += step) {
        kin_scan_block b = { .codes = s->codes, .first = row, .end = at_most(row + step, end),
                             .lists = &j->lists, .both = both };
        for (int64_t at = left * BLOCK; at < last; at += j->way.queries) {
            b.queries = (int)at_most(j->way.queries, last - at);
            for (int i = 0; i < j->way.queries; i++) {
                const int64_t who = at + (i < b.queries ? i : 0);
                kin_cpu_put_query(&b, i, s, who, who);
            }
            j->way.run(&b);
        }
    }
}

static void alone_task(void *context, int64_t block, int thread)
{
    job *j = context;
    (void)thread;
    for (int64_t i = block * BLOCK; i < at_most((block + 1) * BLOCK, j->s->codes->rows); i++) {
        j->lists.count[i] = 0;
        j->lists.least[i] = i < j->s->queries ? -INFINITY : INFINITY;
    }
    meet(j, block, block, false);
}

/* The last player stays, the others go round. */
static void pair_task(void *context, int64_t task, int thread)
{
    job *j = context;
    const int64_t n = j->players - 1;
    const int64_t a = task ? (j->round + task) % n : n, b = (j->round + n - task) % n;
    (void)thread;
    if (a < j->blocks && b < j->blocks) meet(j, a < b ? a : b, a < b ? b : a, true);
}

static void write_task(void *context, int64_t block, int thread)
{
    job *j = context;
    (void)thread;
    for (int64_t i = block * BLOCK; i < at_most((block + 1) * BLOCK, j->s->queries); i++)
        kin_cpu_write_list(j->s, &j->lists, i, i);
}

kin_status kin_cpu_scan_self(kin_backend *backend, kin_arena *work, const kin_scan *s)
{
    if (s->queries == 0 || s->k == 0) return KIN_OK;
    KIN_TRY(kin_cpu_check_scan(s));
    kin_cpu *cpu = cpu_of(backend);
    job j = { .s = s, .way = cpu->scan, .blocks = (s->codes->rows + BLOCK - 1) / BLOCK };
    j.players = (j.blocks + 1) / 2 * 2;
    const size_t mark = kin_arena_mark(work);
    const kin_status status = kin_cpu_take_lists(&j.lists, work, s->k, s->codes->rows);
    if (!status) {
        kin_pool_run(backend->pool, j.blocks, alone_task, &j);
        for (j.round = 0; j.round < j.players - 1; j.round++)
            kin_pool_run(backend->pool, j.players / 2, pair_task, &j);
        kin_pool_run(backend->pool, j.blocks, write_task, &j);
    }
    cpu->scans += !status;
    kin_arena_rewind(work, mark);
    return status;
}
