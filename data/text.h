/* Text: normalisation and words as BERT has them, character for character what Hugging Face's
 * BertNormalizer and BertPreTokenizer do:
 *
 *     clean         NUL, U+FFFD, control, format and private-use characters go; white space
 *                   becomes a blank
 *     chinese       a blank on either side of CJK ideographs
 *     accents       canonical decomposition (NFD), then non-spacing marks go
 *     lowercase     character by character
 *     words         cut at white space; each punctuation character is a word of its own
 *
 * Bytes that are not UTF-8 (RFC 3629: no surrogates, no long forms, at most U+10FFFF) are each read
 * as U+FFFD; cleaning removes them, so that "caf<E9>s" reads "cafs". */
#ifndef KIN_DATA_TEXT_H
#define KIN_DATA_TEXT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct { bool clean, chinese, accents, lowercase; } kin_text_rule;

#define KIN_WORD_CHARS 100               /* longer words become [UNK] */

/* One word after the other, without allocation:
 *     kin_words words;
 *     kin_words_start(&words, &rule, text, bytes);
 *     while (kin_words_next(&words)) ... words.word, words.size, words.chars ... */
typedef struct {
    int size;                            /* bytes of the word */
    int64_t chars;                       /* characters of the word; when there are more than */
    char word[4 * KIN_WORD_CHARS + 4];   /* KIN_WORD_CHARS, word holds only the first ones */

    const kin_text_rule *rule;           /* the rest is the walk's own */
    const unsigned char *next, *end;
    int head, ready, tail;               /* queue[head..ready) may leave, [ready..tail) may still
                                          * be reordered */
    int32_t queue[KIN_WORD_CHARS + 16];
} kin_words;

void kin_words_start(kin_words *words, const kin_text_rule *rule, const char *text, int64_t bytes);
bool kin_words_next(kin_words *words);

/* Reads one character and moves *next on, by one byte for a byte that is not UTF-8 (U+FFFD, and
 * *valid is false). *next < end. */
int32_t kin_utf8_read(const unsigned char **next, const unsigned char *end, bool *valid);
int kin_utf8_write(int32_t character, char *out);              /* 1 to 4 bytes */
bool kin_utf8_valid(const char *bytes, int64_t size);

bool kin_char_is_space(int32_t character);                     /* Unicode White_Space */
bool kin_char_is_punctuation(int32_t character);               /* ASCII punctuation and P* */

#endif
