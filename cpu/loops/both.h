/* Both: rows and columns served by one tile, in both directions and in triangles. Part of score.c.
 *
 * A task has a block of columns to itself, whose statistics it carries through the tile's rows in
 * order; of each row it forms a part, and the parts are merged in order. No block mixes columns
 * that serve their rows alone (own) with others. */
#ifndef KIN_CPU_LOOPS_BOTH_H
#define KIN_CPU_LOOPS_BOTH_H

static int64_t blocks_of(int64_t columns) { return (columns + BLOCK - 1) / BLOCK; }

static int64_t own_columns(const kin_scores *t)
{
    return t->triangle && t->column == t->row ? t->rows : 0;
}

static int64_t all_blocks(const kin_scores *t)
{
    return blocks_of(own_columns(t)) + blocks_of(t->columns - own_columns(t));
}

typedef struct {
    int64_t block, from;       /* its first column, counted from the tile's first */
    int32_t n;
    bool own;
    real *stats;               /* of its columns */
    int64_t stride;
} part;

static part part_at(const kin_scores *t, int64_t block)
{
    const int64_t own = own_columns(t), own_blocks = blocks_of(own);
    part p = { .block = block, .own = block < own_blocks, .stride = t->side[1].count };
    p.from = p.own ? block * BLOCK : own + (block - own_blocks) * BLOCK;
    p.n = (int32_t)least(BLOCK, (p.own ? own : t->columns) - p.from);
    p.stats = t->side[1].stats + t->column + p.from;
    return p;
}

static real *parts_of(const kin_scores *t, int64_t block)
{
    return (real *)t->work + block * FIELDS * t->rows;
}

static size_t work(kin_backend *backend, int64_t rows_, int64_t columns)
{
    (void)backend;
    return sizeof(real) * FIELDS * (size_t)rows_ * (size_t)(blocks_of(columns) + 1);
}

/* The row has had parts of earlier tiles, in a triangle also as their column. */
static void merge_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    const kin_scores *t = k->t;
    const kin_score_side *side = &t->side[0];
    const int64_t blocks = all_blocks(t);
    for (int64_t i = task * CHUNK; i < least((task + 1) * CHUNK, t->rows); i++) {
        row r = get(parts_of(t, 0), t->rows, i);
        if (t->triangle || t->column > 0)
            r = merge(get(side->stats, side->count, t->row + i), r, k->h);
        for (int64_t b = 1; b < blocks; b++) r = merge(r, get(parts_of(t, b), t->rows, i), k->h);
        put(side->stats, side->count, t->row + i, r);
    }
}

static void run_blocks(kin_backend *backend, const kin_scores *t, kin_task task, bool merges)
{
    job k = job_of(t);
    kin_pool_run(backend->pool, all_blocks(t), task, &k);
    if (merges) kin_pool_run(backend->pool, (t->rows + CHUNK - 1) / CHUNK, merge_task, &k);
}

INLINE void look_block(const job *k, part p, int keyed)
{
    const kin_scores *t = k->t;
    const hyper h = k->h;
    real *parts = parts_of(t, p.block);
    for (int64_t i = 0; i < t->rows; i++) {
        const line l = line_at(t, i, p.from, p.n, keyed);
        const row r = open(t->top);
        put(parts, t->rows, i, p.own ? look_row(l, r, h, keyed)
                                     : look_both(l, r, p.stats, p.stride, h, keyed));
    }
}

static void look_at(const job *k, part p)
{
    if (loss.fast && !keyed_cells(k->t)) look_block(k, p, BY_MATCH);
    else if (loss.fast && k->t->distinct) look_block(k, p, BY_CLASS);
    else look_block(k, p, BY_KEY);
}

static void look_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const job *k = context;
    look_at(k, part_at(k->t, block));
}

/* Parts begin empty, or with what the first pass over all cells or over this part has seen. */
INLINE void add_block(const job *k, part p, bool looked, int keyed, int one, int stored)
{
    const kin_scores *t = k->t;
    const hyper h = k->h;
    real *parts = parts_of(t, p.block);
    for (int64_t i = 0; i < t->rows; i++) {
        const line l = line_at(t, i, p.from, p.n, keyed);
        row r = open(t->top);
        if (looks_first(t)) r = get(t->side[0].looked, t->side[0].count, t->row + i);
        else if (looked) r = get(parts, t->rows, i);
        put(parts, t->rows, i, p.own ? add_row(l, r, h, keyed, stored)
                                     : add_both(l, r, p.stats, p.stride, h, keyed, one, stored));
    }
}

INLINE void add_keyed(const job *k, part p, bool looked, int keyed)
{
    if (!one_term(k->t)) add_block(k, p, looked, keyed, 0, 0);
    else if (loss.keeps && k->t->kept) add_block(k, p, looked, keyed, 1, 1);
    else add_block(k, p, looked, keyed, 1, 0);
}

static void add_to(const job *k, part p, bool looked)
{
    if (loss.fast && !keyed_cells(k->t)) add_keyed(k, p, looked, BY_MATCH);
    else if (loss.fast && k->t->distinct) add_keyed(k, p, looked, BY_CLASS);
    else add_keyed(k, p, looked, BY_KEY);
}

/* A loss that looks as it goes needs fresh statistics for what it has looked at. */
static void add_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const job *k = context;
    const part p = part_at(k->t, block);
    if (!looks(k->t) || looks_first(k->t)) {
        add_to(k, p, false);
        return;
    }
    real room[FIELDS * BLOCK];
    part fresh = p;
    fresh.stats = room, fresh.stride = BLOCK;
    for (int64_t j = 0; j < BLOCK; j++) put(room, BLOCK, j, open(k->t->top));
    look_at(k, fresh);
    add_to(k, fresh, true);
    for (int64_t j = 0; j < p.n && !p.own; j++)
        put(p.stats, p.stride, j, merge(get(p.stats, p.stride, j), get(room, BLOCK, j), k->h));
}

INLINE void slope_block(const job *k, part p, int keyed, int one, int stored)
{
    const kin_scores *t = k->t;
    const kin_score_side *side = t->side;
    const real *weight = side[1].weight + t->column + p.from;
    for (int64_t i = 0; i < t->rows; i++) {
        const line l = line_at(t, i, p.from, p.n, keyed);
        const row r = get(side[0].stats, side[0].count, t->row + i);
        const real scale = t->scale[0] * side[0].weight[t->row + i];
        if (p.own) slope_row(l, r, scale, k->h, keyed, stored);
        else slope_both(l, r, scale, p.stats, p.stride, weight, t->scale[1], k->h, keyed, one,
                        stored);
    }
}

INLINE void slope_keyed(const job *k, part p, int keyed)
{
    if (!one_term(k->t)) slope_block(k, p, keyed, 0, 0);
    else if (loss.keeps && k->t->kept) slope_block(k, p, keyed, 1, 1);
    else slope_block(k, p, keyed, 1, 0);
}

static void slope_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const job *k = context;
    const part p = part_at(k->t, block);
    if (loss.fast && !keyed_cells(k->t)) slope_keyed(k, p, BY_MATCH);
    else if (loss.fast && k->t->distinct) slope_keyed(k, p, BY_CLASS);
    else slope_keyed(k, p, BY_KEY);
}

static void look_all(kin_backend *backend, const kin_scores *t)
{
    run_blocks(backend, t, look_task, true);
}

static void add_all(kin_backend *backend, const kin_scores *t)
{
    run_blocks(backend, t, add_task, true);
}

static void slope_all(kin_backend *backend, const kin_scores *t)
{
    run_blocks(backend, t, slope_task, false);
}

static void open_all(kin_backend *backend, const kin_scores *t, int side)
{
    (void)backend;
    const kin_score_side *s = &t->side[side];
    for (int64_t i = 0; i < s->count; i++) put(s->stats, s->count, i, open(t->top));
}

static void close_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    const kin_score_side *side = &k->t->side[k->side];
    for (int64_t i = task * CHUNK; i < least((task + 1) * CHUNK, side->count); i++)
        put(side->stats, side->count, i,
            finish(k->t, k->side, i, get(side->stats, side->count, i), k->h));
}

static void close_all(kin_backend *backend, const kin_scores *t, int side)
{
    job k = job_of(t);
    k.side = side;
    kin_pool_run(backend->pool, (t->side[side].count + CHUNK - 1) / CHUNK, close_task, &k);
}

#endif
