/* kin loss: value and gradients of a loss on arrays that the user gives. */
#include <stdlib.h>

#include "cli/device.h"
#include "cli/loss.h"

static const char *const names[LOSS_ARRAYS] = {
    [LOSS_QUERY] = "query", [LOSS_DOCUMENT] = "document", [LOSS_NEGATIVE] = "negative",
    [LOSS_PROXY] = "proxy", [LOSS_SCORE] = "score", [LOSS_TARGET] = "target",
    [LOSS_LABEL] = "label", [LOSS_DOCUMENT_LABEL] = "label", [LOSS_POSITIVE] = "positive",
    [LOSS_TRIPLET] = "triplet",
};

bool loss_given(const loss_call *c, int which) { return c->array[which].path != NULL; }

void *loss_room(loss_call *c, int64_t count, size_t bytes)
{
    enum { MOST = sizeof c->block / sizeof *c->block };
    void *block = c->blocks < MOST ? calloc((size_t)count + 1, bytes) : NULL;
    if (block) c->block[c->blocks++] = block;
    else kin_fail(KIN_MEMORY, "no memory for %lld numbers of %zu bytes", (long long)count, bytes);
    return block;
}

static kin_status compute(loss_call *c, const char *folder)
{
    device d;
    KIN_TRY(device_open_for(&d, c->args));
    const kin_status status = loss_compute(c, d.backend, folder);
    device_close(&d);
    KIN_TRY(status);
    return loss_print(c, args_has(c->args, "json"));
}

static kin_status run_in(loss_call *c)
{
    bool in_double;
    const char *folder = args_get(c->args, "grad");
    KIN_TRY(loss_read_settings(c));
    KIN_TRY(loss_open_arrays(c, &in_double));
    if (folder) KIN_TRY(loss_check_folder(c, folder));
    if (in_double && sizeof(real) != sizeof(double)) return args_go_double(c->args);
    KIN_TRY(loss_relate(c));
    return compute(c, folder);
}

static kin_status run(const args *a)
{
    loss_call *c = calloc(1, sizeof *c);
    KIN_REQUIRE(c, KIN_MEMORY, "no memory");
    c->args = a;
    for (int i = 0; i < LOSS_ARRAYS; i++) c->array[i].option = names[i];
    const kin_status status = run_in(c);
    loss_close_arrays(c);
    for (int i = 0; i < c->blocks; i++) free(c->block[i]);
    free(c);
    return status;
}

static const verb_option options[] = {
    { "query", "Q.npy", "B x D: the rows" },
    { "document", "K.npy", "N x D: the columns; row i's positive is document i" },
    { "label", "Y.npy", "B labels: equal ones are positives; a second --label: of the documents" },
    { "positive", "P.npy", "rows (i, j): positives among all columns; rows (i, j, 1 or 0): no "
                           "others count" },
    { "triplet", "T.npy", "rows (anchor, positive, negative)" },
    { "negative", "N.npy", "M x D: further columns; B x M x D: each row's own negatives" },
    { "proxy", "C.npy", "C x D: the columns; --label says which is whose" },
    { "target", "T.npy", "how alike: B x N, or for each pair, or for each cell of each row" },
    { "score", "S.npy", "B x N scores in place of query and document" },
    { "self", NULL, "with --score: rows and columns are the same points" },
    { "swap", "true", "with --triplet: also the positive against the negative" },
    { "similarity", "WORD", "own (default), cosine, dot, euclidean, snr or angle" },
    { "reduce", "WORD", "own (default), mean_valid, mean_nonzero, mean_rows, sum or per_pair" },
    { "direction", "WORD", "one_way (default), both_ways, views or joint" },
    { "symmetric", "true", "the same as --direction both_ways" },
    { "learn", "NAMES", "hyperparameters whose derivative is wanted, with blanks between" },
    { "grad", "DIR", "write each gradient there, under its input's file name" },
    DEVICE_OPTIONS,
    { NULL, NULL, NULL }
};

const verb verb_loss = {
    .name = "loss", .summary = "value and gradients of a loss on your own arrays",
    .usage = "NAME --query Q.npy [--document K.npy] [--label Y.npy] ... [--KEY VALUE ...]",
    .options = options, .least = 1, .most = 1, .run = run, .setting = loss_setting_name,
    .details = "Arrays are NumPy files: float32, computed in float, or float64, in double; labels\n"
               "and pairs are int32 or int64, places count from 0. A name that ends in .txt is a\n"
               "text file, a row a line, computed in double. Without documents the columns\n"
               "are the queries themselves. KEY is a hyperparameter of the loss, --margin 0.4;\n"
               "'kin describe loss NAME' lists them. A triplet is a row of its own, and so is a\n"
               "pair that says what it is, unless the loss needs a positive and a negative in\n"
               "each row: then all pairs of a query are one.",
};
