/* Encoder: how a bag of tokens, or a row of features, becomes an embedding. An encoder file
 * (static.c) says which parameters it needs and computes with them on a tape; the network below
 * owns the parameters, the initialisation and the towers, so that an encoder is those two functions
 * and a table of settings.
 *
 * Letters for shapes: B batch, D dimension, V vocabulary, T tokens, F features. */
#ifndef KIN_ENCODERS_ENCODER_H
#define KIN_ENCODERS_ENCODER_H

#include "autograd/tape.h"
#include "core/entry.h"

typedef enum { KIN_QUERY, KIN_DOCUMENT } kin_role;

typedef enum { KIN_FILL_VALUE, KIN_FILL_NORMAL } kin_fill;

/* A parameter before there is memory for it. */
typedef struct {
    const char *name;           /* "table" */
    int64_t rows, cols;
    kin_fill fill;              /* scale, or N(0, scale^2) */
    double scale;
    double rarity;              /* each row is also multiplied by rarity[row]^this */
    bool sparse;                /* its gradient touches few rows */
    bool decay;                 /* weight decay applies (biases and token weights: not) */
    bool frozen;                /* never trained */
} kin_plan;

#define KIN_PLAN_MAX 8

typedef struct kin_encoder {
    kin_entry entry;
    /* Returns the count. inputs: V, or F where it takes features. */
    int (*plan)(const double *hypers, int64_t inputs, kin_plan *plan);
    int64_t (*width)(const double *hypers);                             /* D of the embeddings */
    /* Unit rows (bags x D); p: the parameters in the order of plan. */
    kin_tensor *(*forward)(kin_tape *tape, const double *hypers, kin_tensor *const *p,
                           const kin_bags *bags);
    /* In place of forward, of an encoder that takes features: x is B x F. */
    kin_tensor *(*forward_features)(kin_tape *tape, const double *hypers, kin_tensor *const *p,
                                    kin_tensor *x);
    /* The place of a table whose rows must be multiplied by another parameter before it is saved
     * (weight: that one's place), or -1; hypers become those of the model that is saved. */
    int (*fold)(double *hypers, int *weight);
    /* Whether the model is its table "embeddings" alone: mean of rows, then norm 1. */
    bool (*plain)(const double *hypers);

    /* For an encoder that takes numbers in place of texts (id.c); NULL for one that takes tokens.
     * rows: how many numbers a tower knows, which is the vocab of its plan; all: the embeddings of
     * all of them; finish: what becomes of a role's embeddings on their way to the loss. */
    int64_t (*rows)(const double *hypers, kin_role role);
    kin_tensor *(*all)(kin_tape *tape, kin_tensor *const *p);
    kin_tensor *(*finish)(kin_tape *tape, const double *hypers, kin_role role, kin_tensor *x);
} kin_encoder;

extern const kin_list kin_encoders;             /* encoders.def, as kin_encoder descriptors */

const kin_encoder *kin_encoder_at(int place);

/* ---- network: an encoder with its parameters ------------------------------------------------- */

typedef struct {
    char name[48];              /* "table", or "query.table" and "document.table" */
    kin_tensor tensor;          /* value: backend memory */
    const real *scale;          /* folded: row i is multiplied by scale[i] when it is saved */
    bool sparse, decay, frozen, borrowed;
} kin_weight;

typedef struct {
    const kin_encoder *encoder;
    double hypers[KIN_HYPERS_MAX];
    int64_t vocab, width;                       /* V or F (0: rows says how many), and D */
    bool separate;                              /* queries and documents have their own tower */
    uint32_t stream;                            /* of its random numbers, this one and the next */
    int count, tower;                           /* weights in all, and of one tower */
    kin_weight weight[2 * KIN_PLAN_MAX];
    kin_backend *backend;                       /* borrowed */
} kin_network;

/* Bags of a batch of pairs. both holds the queries' bags, then the documents'. All three share one
 * array of ids. */
typedef struct {
    kin_bags queries, documents, both;
} kin_pair_bags;

/* Parameters with memory that is not filled yet. KIN_MEMORY names the parameter and its bytes. */
kin_status kin_network_new(kin_network **network, kin_backend *backend, int encoder,
                           const double *hypers, int64_t vocab, bool separate);
void kin_network_free(kin_network *network);

/* First values by counter-based random numbers, the same in both towers. rarity: how much rarer
 * than the average each token is (V numbers above 0); NULL: all 1. */
kin_status kin_network_init(kin_network *network, uint64_t seed, const float *rarity);

/* How many bytes the parameters take, without making them. */
int64_t kin_network_bytes(int encoder, const double *hypers, int64_t vocab, bool separate);

kin_tensor *kin_network_forward(kin_tape *tape, kin_network *network, kin_role role,
                                const kin_bags *bags);

/* The same for features x (B x F), rows first .. of a batch. */
kin_tensor *kin_network_forward_features(kin_tape *tape, kin_network *network, kin_tensor *x,
                                         int64_t first);

/* Of an encoder that takes numbers: the embeddings of all that a role has, in their order. */
kin_tensor *kin_network_forward_all(kin_tape *tape, kin_network *network, kin_role role);

/* Both sides of a batch. A shared tower runs once over all bags, so that its table has one sparse
 * gradient. */
void kin_network_forward_pairs(kin_tape *tape, kin_network *network, const kin_pair_bags *bags,
                               kin_tensor **queries, kin_tensor **documents);

/* Some rows of one side of a batch of `pairs`, first and following, with the random numbers that
 * kin_network_forward_pairs gives them. */
kin_tensor *kin_network_forward_rows(kin_tape *tape, kin_network *network, kin_role role,
                                     const kin_bags *bags, int64_t pairs, int64_t first);

/* The network as it is to be saved, for nothing else: token weights become the table's scale. All
 * numbers are borrowed from network, which must outlive it. */
kin_status kin_network_fold(kin_network **folded, kin_network *network);

#endif
