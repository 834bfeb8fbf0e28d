/* Learning a WordPiece vocabulary, as Hugging Face's WordPieceTrainer does: from the characters of
 * the texts' words upwards, the most frequent pair of neighbouring tokens becomes a token, until
 * there are enough (Sennrich et al. 2016's merges, with "##" in front of what is not at a word's
 * beginning). For the files wordpiece*.c. */
#ifndef KIN_DATA_WORDPIECE_H
#define KIN_DATA_WORDPIECE_H

#include <stdbool.h>
#include <stdint.h>
#include "core/pool.h"
#include "core/status.h"
#include "data/text.h"
#include "data/texts.h"
#include "data/tokenizer.h"

/* ---- distinct strings, numbered in the order in which they came ------------------------------ */

typedef struct {
    int64_t count;
    char *bytes;
    int64_t *start;              /* count + 1: string i = bytes[start[i] .. start[i+1]) */
    int64_t bytes_room, count_room;
    uint32_t *slots;             /* hash table: number + 1, or 0 */
    uint64_t mask;
} kin_strings;

/* Number of a string, which is added when it is new; -1: no memory. {0} is an empty table. */
int64_t kin_strings_add(kin_strings *strings, const char *bytes, int64_t size);
int64_t kin_strings_find(const kin_strings *strings, const char *bytes, int64_t size);   /* or -1 */
void kin_strings_free(kin_strings *strings);

/* ---- words and how often they occur ---------------------------------------------------------- */

typedef struct {
    kin_strings words;           /* ascending by bytes */
    int64_t *times;
} kin_word_counts;

/* Words of more than KIN_WORD_CHARS characters are left out: no token could serve them. */
kin_status kin_word_counts_make(kin_word_counts *counts, kin_pool *pool, const kin_texts *texts,
                                const int32_t *which, int64_t count, const kin_text_rule *rule);
void kin_word_counts_free(kin_word_counts *counts);

/* ---- pairs of tokens ------------------------------------------------------------------------- */

typedef struct {
    uint64_t key;                /* left << 32 | right */
    int64_t count;               /* occurrences in the texts */
    int64_t queued;              /* count with which it waits in the heap, or 0 */
    int32_t words;               /* list of the words that hold it (or once did), or -1 */
    bool grown;                  /* is in the list of pairs to be queued */
} kin_pair;

typedef struct { int64_t count; uint64_t key; int32_t pair; } kin_pair_entry;
typedef struct { int32_t word, next; } kin_pair_link;

/* All pairs, and a heap that gives the most frequent one (of equals the smaller key). */
typedef struct {
    int64_t count, room;
    kin_pair *pair;
    int32_t *slots;              /* hash table: place + 1, or 0 */
    uint64_t mask;
    kin_pair_entry *heap;
    int64_t heap_size, heap_room;
    kin_pair_link *links;
    int64_t link_count, link_room;
    int32_t link_free;           /* list of links given back, or -1 */
    int32_t *grown;              /* pairs that grew since they were queued */
    int64_t grown_count, grown_room;
    bool failed;                 /* memory ran short */
} kin_pairs;

void kin_pairs_start(kin_pairs *pairs);
void kin_pairs_free(kin_pairs *pairs);
/* The pair occurs times more often (or less, when negative) in this word. */
void kin_pairs_change(kin_pairs *pairs, int32_t left, int32_t right, int64_t times, int32_t word);
void kin_pairs_queue(kin_pairs *pairs);              /* puts those that grew into the heap */
int32_t kin_pairs_pop(kin_pairs *pairs);             /* place of the best pair, or -1 */
/* Takes the list of words away from the pair: its first link, or -1. */
int32_t kin_pairs_take_words(kin_pairs *pairs, int32_t pair);
/* Gives back a link; returns the next one, or -1. */
int32_t kin_pairs_drop_link(kin_pairs *pairs, int32_t link);

/* ---- learning -------------------------------------------------------------------------------- */

/* Adds merged tokens to tokens (which holds the special ones and the alphabet) until there are
 * vocab_size of them or no pair occurs min_frequency times. */
kin_status kin_wordpiece_learn(kin_strings *tokens, const kin_word_counts *counts, int vocab_size,
                               int64_t min_frequency);

#endif
