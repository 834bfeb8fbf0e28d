/* Tokenizer: text to token ids by BERT's rules and WordPiece, the same ids as Hugging Face's
 * `tokenizers` gives for the same tokenizer.json (without special tokens around the text, as static
 * models want it).
 *
 * A text goes through: added tokens cut out of the raw text ("[UNK]" written out is the token),
 * text.h's normalisation and words, then greedy longest match of each word against the vocabulary:
 * pieces after a word's first carry the prefix "##"; a word with a part that nothing matches, or of
 * more than KIN_WORD_CHARS characters, is one [UNK]. */
#ifndef KIN_DATA_TOKENIZER_H
#define KIN_DATA_TOKENIZER_H

#include <stdint.h>
#include "core/pool.h"
#include "core/status.h"
#include "data/texts.h"

typedef struct kin_tokenizer kin_tokenizer;

typedef struct {
    int vocab_size;          /* tokens at most, [PAD] and [UNK] included */
    int min_frequency;       /* pairs seen less often are not merged */
    int limit_alphabet;      /* most characters kept; the rarest go first */
    int lowercase;           /* 0 or 1 */
    int strip_accents;       /* 0, 1, or -1: as lowercase */
} kin_tokenizer_setting;

/* 30000, 2, 1000, 1, -1 */
extern const kin_tokenizer_setting kin_tokenizer_defaults;

/* Learns a vocabulary from texts (those listed in which, or all when which is NULL; a text listed
 * twice counts twice). [PAD] is 0 and [UNK] is 1. Each character kept, and all printable ASCII, is
 * a token as a word's first letter and as a later one, so that few words can become [UNK]. The same
 * vocabulary for any number of threads. KIN_USAGE: a setting out of range. */
kin_status kin_tokenizer_train(kin_tokenizer **tokenizer, kin_pool *pool, const kin_texts *texts,
                               const int32_t *which, int64_t count,
                               const kin_tokenizer_setting *setting);

/* tokenizer.json: BertNormalizer, BertPreTokenizer, WordPiece. KIN_DATA: not such a file. */
kin_status kin_tokenizer_load(kin_tokenizer **tokenizer, const char *path);
kin_status kin_tokenizer_save(const kin_tokenizer *tokenizer, const char *path);
void kin_tokenizer_free(kin_tokenizer *tokenizer);

int kin_tokenizer_size(const kin_tokenizer *tokenizer);               /* V */
int kin_tokenizer_unknown(const kin_tokenizer *tokenizer);            /* id of [UNK] */
const char *kin_tokenizer_token(const kin_tokenizer *tokenizer, int id);
int kin_tokenizer_find(const kin_tokenizer *tokenizer, const char *token);   /* id, or -1 */

/* Ids of one text; writes the first room of them and returns how many there are, at most
 * max_tokens when that is > 0. Allocates nothing; any number of threads may share the tokenizer. */
int64_t kin_tokenizer_encode(const kin_tokenizer *tokenizer, const char *text, int64_t bytes,
                             int64_t max_tokens, int32_t *ids, int64_t room);

/* Token ids of many texts: those of text i are ids[start[i] .. start[i+1]). */
typedef struct {
    int64_t count;
    int64_t *start;          /* count + 1 */
    int32_t *ids;
    int64_t empty;           /* texts that give no token (the prefix apart) */
    int64_t cut;             /* texts cut to max_tokens */
    int64_t unknown;         /* [UNK] among the ids */
} kin_tokens;

/* Ids of all texts, each with prefix (or NULL) put in front. max_tokens 0: no limit. */
kin_status kin_tokenizer_encode_all(const kin_tokenizer *tokenizer, kin_pool *pool,
                                    const kin_texts *texts, const char *prefix,
                                    int64_t max_tokens, kin_tokens *out);
void kin_tokens_free(kin_tokens *tokens);                              /* frees the members */

#endif
