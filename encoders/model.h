/* Model: a network with its tokenizer, prefixes and token limit: everything between a text and its
 * embedding, and its folder on disk.
 *
 * The folder is what sentence-transformers and model2vec load: model.safetensors with the tensor
 * "embeddings" (V x D, float32), tokenizer.json, config.json, modules.json,
 * config_sentence_transformers.json and a README.md. What those two cannot express (a projection,
 * two towers, a token limit) is in kin's own part of config.json and further tensors; such a folder
 * has no modules.json, because what it said would not be true. */
#ifndef KIN_ENCODERS_MODEL_H
#define KIN_ENCODERS_MODEL_H

#include "data/texts.h"
#include "data/tokenizer.h"
#include "encoders/encoder.h"

typedef struct {
    kin_network *network;
    kin_tokenizer *tokenizer;   /* NULL: the encoder takes features or numbers */
    char *prefix[2];            /* put before a text, by kin_role; never NULL */
    int64_t max_tokens;         /* a text's further tokens are dropped; 0: no limit */
} kin_model;

/* Whether sentence-transformers gives the same embeddings from the folder: one tower, a plain
 * table, no token limit. (Prefixes are its prompts.) */
bool kin_model_is_bag(const kin_model *model);

/* What the model card says beside what the model itself knows. NULL members are left out. */
typedef struct {
    const char *data;           /* what it was trained on */
    const char *recipe;         /* the resolved run file */
    const char *results;        /* a table in Markdown */
} kin_card;

/* Writes the folder under a temporary name, then renames it over an older one. */
kin_status kin_model_save(const kin_model *model, const char *folder, const kin_card *card);

/* Writes the folder's README.md anew. */
kin_status kin_model_save_card(const kin_model *model, const char *folder, const kin_card *card);

/* KIN_DATA names the file and what is wrong with it. model.safetensors carries the xxh64 of its
 * tensors, of config.json and of tokenizer.json, so that no change of a folder that kin saved goes
 * unnoticed. */
kin_status kin_model_load(kin_model **model, kin_backend *backend, const char *folder);
void kin_model_free(kin_model *model);          /* with network, tokenizer and prefixes */

/* The xxh64 of a file of the folder, in hexadecimal. */
enum { KIN_SUM_TEXT = 20 };
kin_status kin_model_sum(const char *folder, const char *name, char text[KIN_SUM_TEXT]);

/* Texts are embedded in blocks of at most KIN_EMBED_ROWS; an embedding has the same bits in any
 * block. A text without tokens is a zero vector before any projection. */
#define KIN_EMBED_ROWS 1024

typedef struct kin_encoding kin_encoding;       /* a tape and room for one block */

kin_status kin_encoding_new(kin_encoding **encoding, const kin_model *model);
void kin_encoding_free(kin_encoding *encoding);

/* Tokens of all texts in a role: prefix included, cut at max_tokens. Free with kin_tokens_free.
 * KIN_USAGE of a model that takes features. */
kin_status kin_model_tokens(const kin_model *model, kin_pool *pool, kin_role role,
                            const kin_texts *texts, kin_tokens *tokens);

/* Embeddings of count texts (which: their places, NULL: first .. first + count - 1) to out
 * (count x D, backend memory). */
kin_status kin_encoding_run(kin_encoding *encoding, kin_role role, const kin_tokens *tokens,
                            const int32_t *which, int64_t first, int64_t count, real *out);

/* The same of items that are features: rows of `features` (host memory, F numbers each). */
kin_status kin_encoding_run_features(kin_encoding *encoding, const float *features,
                                     const int32_t *which, int64_t first, int64_t count,
                                     real *out);

#endif
