/* id: a vector for each user and each item, by its number, normalised to length 1.
 *
 *     user u:  x = U[u] / |U[u]|, while training dropout(x)        U: users x D
 *     item i:  y = V[i] / |V[i]|                                   V: items x D
 *
 * What matrix factorisation and its contrastive kin learn from interactions alone ('kin describe
 * importer interactions'). A text is not read but is a whole number, the row of the user's or
 * item's own table; a text that is none, or is beyond the table, is a zero vector. Dropout comes
 * after the norm, so that a training score can exceed 1, as in SimpleX; compare by loss.similarity
 * = dot, or the cosine would take the length out again.
 *
 * Encoders that take numbers have no tokenizer, and two towers always. */
#include "autograd/op.h"
#include "encoders/encoder.h"

enum { DIM, DROPOUT, INIT_SCALE, USERS, ITEMS };

static int64_t width(const double *h) { return (int64_t)h[DIM]; }

static int64_t rows(const double *h, kin_role role)
{
    return (int64_t)h[role == KIN_QUERY ? USERS : ITEMS];
}

static int plan(const double *h, int64_t vocab, kin_plan *p)
{
    p[0] = (kin_plan){ .name = "table", .rows = vocab, .cols = (int64_t)h[DIM],
                       .fill = KIN_FILL_NORMAL, .scale = h[INIT_SCALE], .sparse = true,
                       .decay = true };
    return 1;
}

static kin_tensor *forward(kin_tape *tape, const double *h, kin_tensor *const *p,
                           const kin_bags *bags)
{
    (void)h;
    return kin_l2_normalize(tape, kin_embedding_bag(tape, p[0], NULL, bags));
}

static kin_tensor *all(kin_tape *tape, kin_tensor *const *p)
{
    return kin_l2_normalize(tape, p[0]);
}

static kin_tensor *finish(kin_tape *tape, const double *h, kin_role role, kin_tensor *x)
{
    return role == KIN_QUERY ? kin_dropout(tape, x, h[DROPOUT]) : x;
}

static int fold(double *h, int *weight)
{
    (void)h, (void)weight;
    return -1;
}

static bool plain(const double *h)
{
    (void)h;
    return true;
}

const kin_encoder kin_encoder_id = {
    .entry = {
        .name = "id",
        .summary = "A vector for each user and each item, by its number.",
        .hypers = {
            [DIM] = { "dim", 64, 1, 16384, "numbers in a vector", KIN_INTEGER, NULL },
            [DROPOUT] = { "dropout", 0, 0, 0.9, "share of a user's numbers set to 0 while training",
                          0, NULL },
            [INIT_SCALE] = { "init_scale", 1e-4, 1e-6, 1e3,
                             "standard deviation of the first vectors", 0, NULL },
            [USERS] = { "users", 0, 0, 2147483647, "rows of the users' table; 0: as the store has",
                        KIN_INTEGER, NULL },
            [ITEMS] = { "items", 0, 0, 2147483647, "rows of the items' table; 0: as the store has",
                        KIN_INTEGER, NULL },
        },
    },
    .plan = plan, .width = width, .forward = forward, .fold = fold, .plain = plain,
    .rows = rows, .all = all, .finish = finish,
};
