/* What a tokenizer is made of, for the files tokenizer*.c. */
#ifndef KIN_DATA_TOKENIZER_INSIDE_H
#define KIN_DATA_TOKENIZER_INSIDE_H

#include "data/text.h"
#include "data/tokenizer.h"

/* ---- the vocabulary as a tree of bytes ------------------------------------------------------- */

/* From a node along a byte to the next node, where a token ends (or -1). Node 0 is none; tokens
 * begin at node 1, those behind "##" at node 2. */
typedef struct { uint32_t key; int32_t node, token; } kin_trie_edge;   /* key: node << 8 | byte */

typedef struct {
    int32_t nodes;
    kin_trie_edge *edges;        /* hash table of 2^bits slots; an empty one has key 0 */
    int bits;
} kin_trie;

/* KIN_DATA: an empty token, one that occurs twice, or too many bytes. name is for messages. */
kin_status kin_trie_build(kin_trie *trie, const char *name, const kin_texts *tokens);
void kin_trie_free(kin_trie *trie);

/* The longest token that text begins with, or -1; later: of those behind "##". */
int32_t kin_trie_match(const kin_trie *trie, bool later, const char *text, int size, int *length);

/* The token itself, or -1. */
int32_t kin_trie_find(const kin_trie *trie, const char *token, int64_t size);

/* ---- the tokenizer --------------------------------------------------------------------------- */

#define KIN_ADDED_MAX 64

typedef struct {
    kin_text_rule rule;
    int strip_accents;           /* as the file has it: 0, 1, or -1 (null) */
    int word_chars;              /* longer words are unknown; at most KIN_WORD_CHARS */
    int32_t unknown;
    int added_count;
    int32_t added[KIN_ADDED_MAX];   /* tokens that are cut out of the raw text */
} kin_tokenizer_model;

struct kin_tokenizer {
    kin_tokenizer_model model;
    kin_texts tokens;            /* each ends with a NUL that is not part of it */
    kin_trie trie;
    bool added_first[256];       /* bytes that added tokens begin with */
};

/* Copies tokens (id order); takes what model says on trust. */
kin_status kin_tokenizer_build(kin_tokenizer **tokenizer, const char *name, const kin_texts *tokens,
                               const kin_tokenizer_model *model);

/* A token's bytes. */
static inline const char *kin_tokenizer_bytes(const kin_tokenizer *tokenizer, int32_t id, int *size)
{
    const int64_t *start = tokenizer->tokens.start + id;
    *size = (int)(start[1] - start[0] - 1);
    return tokenizer->tokens.bytes + start[0];
}

#endif
