/* Corpus: documents with their index, in one file beside a model (RUN/index.kin). It holds ids and
 * texts, so that whoever searches needs the model and this file alone. For train/. */
#ifndef KIN_TRAIN_CORPUS_H
#define KIN_TRAIN_CORPUS_H

#include "data/store.h"
#include "encoders/model.h"
#include "mining/index.h"
#include "train/run.h"

typedef struct {
    kin_index_file *file;
    kin_index *index;
    kin_texts id, text;                      /* of document i; point into the file */
    char model[KIN_SUM_TEXT];                /* xxh64 of the model's weights, in hexadecimal */
    uint64_t store;                          /* checksum of the store it was made of */
} kin_corpus;

/* KIN_DATA where the file is damaged or its parts do not fit together. */
kin_status kin_corpus_open(kin_corpus *corpus, kin_backend *backend, const char *path);
void kin_corpus_close(kin_corpus *corpus);   /* a zeroed one is fine */

/* Writes index, ids, texts, model and store of the corpus; file is not read. */
kin_status kin_corpus_save(const kin_corpus *corpus, const char *path);

/* The weights' checksum of the model of a run or model folder. */
kin_status kin_corpus_model(const char *run, char text[KIN_SUM_TEXT]);

/* Embeddings of the texts which[i] (NULL: all) as documents, in backend memory that the caller
 * releases. */
kin_status kin_corpus_embed(const kin_model *model, const kin_texts *texts, const int32_t *which,
                            int64_t count, real **rows);

#endif
