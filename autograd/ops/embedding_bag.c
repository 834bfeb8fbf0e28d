/* embedding_bag -- a bag of tokens becomes the mean of their rows.
 *
 *     y_i = sum over t in bag i of weight_t table_t / n_i        n_i: tokens of bag i
 *     dtable_t += weight_t dy_i / n_i        dweight_t += (dy_i . table_t) / n_i
 *
 * table: V x D, weight: V x 1 or none (all 1), y: B x D; an empty bag gives zeros. The weights are
 * not part of n_i, so that they can be folded into the table.
 *
 * The table's gradient is row-sparse. All bags of a step that were taken from one table (queries
 * and documents, say) make one gradient: their lists are joined and summed in one go when the
 * rest of the backward pass is done. That is why table and weight must be parameters. */
#include "autograd/op.h"

static bool other_weight(const kin_tape *tape, const kin_tensor *table, const kin_tensor *weight)
{
    for (const kin_node *node = kin_tape_last(tape); node != NULL; node = node->before)
        if (node->op == &kin_op_embedding_bag && node->in[0] == table && node->in[1] != weight)
            return true;
    return false;
}

kin_tensor *kin_embedding_bag(kin_tape *tape, kin_tensor *table, kin_tensor *weight,
                              const kin_bags *bags)
{
    if (weight != NULL && (weight->rows != table->rows || weight->cols != 1))
        return kin_tape_fail(tape, KIN_USAGE, "embedding_bag: table is " KIN_SHAPE ", weight is "
                             KIN_SHAPE, KIN_DIMS(table), KIN_DIMS(weight));
    if (table->node != NULL || (weight != NULL && weight->node != NULL))
        return kin_tape_fail(tape, KIN_USAGE, "embedding_bag: %s is the result of an op, expected "
                             "a parameter", table->node != NULL ? table->name : weight->name);
    if (other_weight(tape, table, weight))
        return kin_tape_fail(tape, KIN_USAGE, "embedding_bag: two weights for %s in one step",
                             table->name);
    const int inputs = weight != NULL ? 2 : 1;
    kin_node *node = kin_node_new(tape, &kin_op_embedding_bag, bags->rows, table->cols, inputs,
                                  table, weight);
    kin_bags *saved = kin_keep_host(tape, sizeof *saved);
    if (saved == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->bag(backend, bags, table->cols, table->value, weight != NULL ? weight->value : NULL,
                 node->out->value);
    *saved = *bags;
    node->saved = saved;
    return node->out;
}

/* All bags of one table as one list, with their gradients below each other. */
typedef struct {
    kin_bags bags;
    int32_t *ids;
    int64_t *start;
    real *dy;
} joined;

static bool same_table(const kin_node *a, const kin_node *b)
{
    return a->op == b->op && a->in[0] == b->in[0] && a->out->grad != NULL;
}

/* Lists of starts begin at 0: those of a later list move up by the tokens before it. */
static void join_starts(kin_backend *backend, int64_t *to, const kin_bags *bags, int64_t shift)
{
    int64_t part[256];
    for (int64_t from = 0; from <= bags->rows; from += 256) {
        const int64_t left = bags->rows + 1 - from, n = left < 256 ? left : 256;
        backend->download(backend, part, bags->start + from, sizeof *part * (size_t)n);
        for (int64_t i = 0; i < n; i++) part[i] += shift;
        backend->upload(backend, to + from, part, sizeof *part * (size_t)n);
    }
}

static void join_one(kin_backend *backend, joined *all, const kin_node *node)
{
    const kin_bags *bags = node->saved;
    const int64_t cols = node->out->cols;
    backend->copy(backend, all->ids + all->bags.tokens, bags->ids,
                  sizeof *all->ids * (size_t)bags->tokens);
    join_starts(backend, all->start + all->bags.rows, bags, all->bags.tokens);
    backend->copy(backend, all->dy + all->bags.rows * cols, node->out->grad,
                  sizeof(real) * (size_t)(bags->rows * cols));
    all->bags.rows += bags->rows;
    all->bags.tokens += bags->tokens;
}

/* The bags of node's table, which is the newest of them; a single one is used where it lies. */
static bool join(kin_tape *tape, kin_node *node, joined *all)
{
    const kin_bags *first = node->saved;
    int64_t rows = 0, tokens = 0;
    for (kin_node *at = node; at != NULL; at = at->before) {
        if (!same_table(at, node)) continue;
        rows += ((const kin_bags *)at->saved)->rows;
        tokens += ((const kin_bags *)at->saved)->tokens;
    }
    *all = (joined){ .bags = *first, .dy = node->out->grad };
    if (rows == first->rows && tokens == first->tokens) return true;
    all->ids = kin_keep(tape, sizeof *all->ids * (size_t)tokens);
    all->start = kin_keep(tape, sizeof *all->start * (size_t)(rows + 1));
    all->dy = kin_keep(tape, sizeof *all->dy * (size_t)(rows * node->out->cols));
    if (all->dy == NULL) return false;
    all->bags = (kin_bags){ 0, 0, all->ids, all->start };
    for (kin_node *at = node; at != NULL; at = at->before)
        if (same_table(at, node)) join_one(kin_tape_backend(tape), all, at);
    return true;
}

/* Whether the rows' sums may be left to the optimizer: nobody else asks for them. The tape forms
 * them after all where one could come out infinite. */
static bool may_stay_open(kin_tape *tape, const kin_node *node)
{
    const kin_tensor *table = node->in[0];
    if (!kin_tape_leaves_sums(tape) || table->grad != NULL || !table->needs_grad) return false;
    return node->inputs < 2 || !node->in[1]->needs_grad;
}

/* Lists the rows that get a gradient. */
static kin_sparse *list_rows(kin_tape *tape, const kin_node *node, const joined *all, int64_t most)
{
    kin_tensor *table = node->in[0];
    kin_backend *backend = kin_tape_backend(tape);
    kin_sparse *sparse = kin_grad_sparse(tape, table, most);
    void *work = kin_keep(tape, backend->bag_work(backend, all->bags.tokens, table->rows));
    if (work == NULL) return NULL;
    sparse->bags = all->bags;
    sparse->dy = all->dy;
    sparse->weight = node->inputs > 1 ? node->in[1]->value : NULL;
    sparse->work = work;
    backend->bag_rows(backend, table->rows, sparse);
    return sparse;
}

static void sum(kin_tape *tape, const kin_node *node, kin_sparse *sparse, int64_t most)
{
    kin_tensor *table = node->in[0];
    kin_backend *backend = kin_tape_backend(tape);
    real *dweight = node->inputs > 1 ? kin_grad(tape, node->in[1]) : NULL;
    if (!kin_grad_sparse_values(tape, table, most)) return;
    backend->bag_sum(backend, table->cols, table->value, sparse, dweight);
    if (table->grad != NULL) kin_sparse_scatter(backend, sparse, table->cols, table->grad);
    if (table->grad != NULL || !table->needs_grad) table->sparse = NULL;
}

static bool newest(const kin_tape *tape, const kin_node *node)
{
    const kin_node *at = kin_tape_last(tape);
    while (!same_table(at, node)) at = at->before;
    return at == node;
}

static void backward(kin_tape *tape, kin_node *node)
{
    joined all;
    if (!newest(tape, node) || !join(tape, node, &all)) return;
    const int64_t tokens = all.bags.tokens, rows = node->in[0]->rows;
    const int64_t most = tokens < rows ? tokens : rows;
    kin_sparse *sparse = list_rows(tape, node, &all, most);
    if (sparse != NULL && !may_stay_open(tape, node)) sum(tape, node, sparse, most);
}

/* Duplicates inside a bag and across bags, an empty bag, a row that nobody touches. */
static kin_bags example_bags(kin_tape *tape, int which)
{
    static const int32_t ids[2][7] = { { 3, 0, 3, 1, 1, 1, 5 }, { 5, 4, 0, 0, 0, 0, 0 } };
    static const int64_t start[2][5] = { { 0, 2, 2, 6, 7 }, { 0, 1, 2, 2, 2 } };
    kin_backend *backend = kin_tape_backend(tape);
    int32_t *own_ids = kin_keep(tape, sizeof ids[0]);
    int64_t *own_start = kin_keep(tape, sizeof start[0]);
    if (own_start == NULL) return (kin_bags){ 0 };
    backend->upload(backend, own_ids, ids[which], sizeof ids[0]);
    backend->upload(backend, own_start, start[which], sizeof start[0]);
    return (kin_bags){ which == 0 ? 4 : 2, which == 0 ? 7 : 2, own_ids, own_start };
}

/* Without and with weights, two lists of bags from one table, and a table that another op uses. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    if (case_ >= 4) return NULL;
    const kin_bags first = example_bags(tape, 0), second = example_bags(tape, 1);
    kin_tensor *table = kin_example_input(tape, params, count, 0, 6, 3);
    kin_tensor *weight = NULL;
    if (case_ > 0) weight = kin_example_input(tape, params, count, 1, 6, 1);
    kin_tensor *y = kin_embedding_bag(tape, table, weight, &first);
    if (case_ < 2) return y;
    y = kin_concat_rows(tape, y, kin_embedding_bag(tape, table, weight, &second));
    return case_ == 2 ? y : kin_concat_rows(tape, table, y);
}

const kin_op kin_op_embedding_bag = {
    .entry = { "embedding_bag", "mean of the table's rows of each bag of tokens", { { 0 } } },
    .backward = backward,
    .example = example,
    .late = true,
    .carried = sizeof(kin_bags),
};
