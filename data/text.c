#include "data/text.h"

#include <string.h>
#include <utf8proc.h>
#include "data/text_tables.h"

#define REPLACEMENT 0xfffd
#define QUEUE ((int)(sizeof ((kin_words *)0)->queue / sizeof(int32_t)))

/* ---- UTF-8 ----------------------------------------------------------------------------------- */

/* Bytes that follow a lead byte, and the smallest character that needs them; -1: no lead byte. */
static int followers(unsigned char lead, int32_t *smallest)
{
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    int n = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2
          : lead < 0xf5 ? 3 : -1;
    *smallest = n < 0 ? 0 : least[n];
    return n;
}

int32_t kin_utf8_read(const unsigned char **next, const unsigned char *end, bool *valid)
{
    const unsigned char *p = *next;
    int32_t smallest;
    int n = followers(*p, &smallest);
    *next = p + 1;
    *valid = false;
    if (n < 0 || end - p <= n) return REPLACEMENT;
    int32_t c = n == 0 ? *p : *p & (0x3f >> n);
    for (int i = 1; i <= n; i++) {
        if ((p[i] & 0xc0) != 0x80) return REPLACEMENT;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < smallest || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return REPLACEMENT;
    *next = p + 1 + n;
    *valid = true;
    return c;
}

int kin_utf8_write(int32_t c, char *out)
{
    int n = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const int lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[n] | c >> 6 * n);
    for (int i = 1; i <= n; i++) out[i] = (char)(0x80 | (c >> 6 * (n - i) & 0x3f));
    return n + 1;
}

bool kin_utf8_valid(const char *bytes, int64_t size)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + size;
    bool valid = true;
    while (valid && p < end) kin_utf8_read(&p, end, &valid);
    return valid;
}

/* ---- what a character is --------------------------------------------------------------------- */

enum { LETTER, SPACE, PUNCTUATION, GONE, CONTROL_SPACE, HIGH };

/* ASCII; CONTROL_SPACE is removed by cleaning, and white space without it. */
#define L LETTER
#define S SPACE
#define P PUNCTUATION
#define G GONE
#define C CONTROL_SPACE
static const unsigned char ascii[128] = {
    G, G, G, G, G, G, G, G, G, S, S, C, C, S, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G, G,
    S, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, L, L, L, L, L, L, L, L, L, L, P, P, P, P, P, P,
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, P,
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, G,
};
#undef L
#undef S
#undef P
#undef G
#undef C

static kin_char_kind kind_of(int32_t c)
{
    int low = 0, high = kin_char_range_count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (kin_char_ranges[middle].last < c) low = middle + 1;
        else high = middle;
    }
    bool inside = low < kin_char_range_count && kin_char_ranges[low].first <= c;
    return inside ? kin_char_ranges[low].kind : KIN_CHAR_OTHER;
}

bool kin_char_is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680
        || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f
        || c == 0x205f || c == 0x3000;
}

bool kin_char_is_punctuation(int32_t c)
{
    return c < 128 ? ascii[c] == PUNCTUATION : kind_of(c) == KIN_CHAR_PUNCTUATION;
}

static bool is_gone(int32_t c)
{
    if (c < 128) return ascii[c] == GONE || ascii[c] == CONTROL_SPACE;
    return kind_of(c) == KIN_CHAR_GONE;
}

/* CJK ideographs as the tokenizers library has them: the last block but two begins at 2B920. */
static bool is_ideograph(int32_t c)
{
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf)
        || (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b81f)
        || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff)
        || (c >= 0x2f800 && c <= 0x2fa1f);
}

static int32_t lower(int32_t c)
{
    for (int i = 0; i < kin_char_case_count; i++) {
        const kin_char_case *known = &kin_char_cases[i];
        if (c >= known->first && c <= known->last) return c + known->distance;
    }
    return utf8proc_tolower(c);
}

/* ---- the walk -------------------------------------------------------------------------------- */

void kin_words_start(kin_words *words, const kin_text_rule *rule, const char *text, int64_t bytes)
{
    words->size = 0;
    words->chars = 0;
    words->rule = rule;
    words->next = (const unsigned char *)text;
    words->end = words->next + bytes;
    words->head = words->ready = words->tail = 0;
}

static int class_of(int32_t c)
{
    return utf8proc_get_property(c)->combining_class;
}

/* Puts a character at the end of the queue, unless it is an accent. Characters of a combining class
 * wait for a starter, sorted by class (the canonical order). When more of them wait than a word may
 * have, their order no longer matters. */
static void push(kin_words *words, int32_t c)
{
    kin_char_kind kind = words->rule->accents && c >= 0x300 ? kind_of(c) : KIN_CHAR_OTHER;
    bool classed = kind == KIN_CHAR_MARK || kind == KIN_CHAR_WAITING;
    int class = classed ? class_of(c) : 0;
    if (class == 0 || words->tail >= QUEUE - 8) words->ready = words->tail;
    if (kind == KIN_CHAR_MARK) return;
    int place = words->tail++;
    for (; class > 0 && place > words->ready && class_of(words->queue[place - 1]) > class; place--)
        words->queue[place] = words->queue[place - 1];
    words->queue[place] = words->rule->lowercase ? lower(c) : c;
    if (class == 0) words->ready = words->tail;
}

static bool is_decomposed(int32_t c)
{
    if (c < 0x10000) return c >= 0xc0;
    bool found = false;
    for (int i = 0; i < kin_char_decomposed_count; i++)
        found |= c >= kin_char_decomposed[i].first && c <= kin_char_decomposed[i].last;
    return found;
}

static void push_decomposed(kin_words *words, int32_t c)
{
    if (!words->rule->accents || !is_decomposed(c)) {
        push(words, c);
        /* the one character whose lower case is two */
        if (c == 0x130 && words->rule->lowercase) push(words, 0x307);
        return;
    }
    utf8proc_int32_t part[8];
    int boundary = 0;
    int64_t parts = utf8proc_decompose_char(c, part, 8, UTF8PROC_DECOMPOSE, &boundary);
    for (int64_t i = 0; i < parts && i < 8; i++) push(words, part[i]);
}

/* Reads one character of the text into the queue, which is empty but for characters that wait. */
static void fill(kin_words *words)
{
    int waiting = words->tail - words->head;
    memmove(words->queue, words->queue + words->head, sizeof(int32_t) * (size_t)waiting);
    words->ready -= words->head;
    words->head = 0;
    words->tail = waiting;
    bool valid;
    int32_t c = kin_utf8_read(&words->next, words->end, &valid);
    if (words->rule->clean) {
        if (is_gone(c)) return;
        if (kin_char_is_space(c)) c = ' ';
    }
    bool apart = words->rule->chinese && is_ideograph(c);
    if (apart) push(words, ' ');
    push_decomposed(words, c);
    if (apart) push(words, ' ');
}

/* Takes one character that is ready; true: the word is complete. */
static bool take(kin_words *words)
{
    int32_t c = words->queue[words->head];
    bool space = kin_char_is_space(c), apart = !space && kin_char_is_punctuation(c);
    if (apart && words->chars > 0) return true;
    words->head++;
    if (space) return words->chars > 0;
    if (words->chars++ < KIN_WORD_CHARS)
        words->size += kin_utf8_write(c, words->word + words->size);
    return apart;
}

static int ascii_kind(const kin_words *words, unsigned char c)
{
    int kind = c < 128 ? ascii[c] : HIGH;
    if (kind == CONTROL_SPACE) return words->rule->clean ? GONE : SPACE;
    return kind == GONE && !words->rule->clean ? LETTER : kind;
}

/* The short way for ASCII while the queue is empty; true: the word is complete. */
static bool take_ascii(kin_words *words)
{
    const bool fold = words->rule->lowercase;
    while (words->next < words->end) {
        unsigned char c = *words->next;
        int kind = ascii_kind(words, c);
        if (kind == HIGH) return false;
        if (kind == PUNCTUATION && words->chars > 0) return true;
        words->next++;
        if (kind == SPACE && words->chars > 0) return true;
        if (kind == SPACE || kind == GONE) continue;
        if (fold && c >= 'A' && c <= 'Z') c += 'a' - 'A';
        if (words->chars++ < KIN_WORD_CHARS) words->word[words->size++] = (char)c;
        if (kind == PUNCTUATION) return true;
    }
    return false;
}

bool kin_words_next(kin_words *words)
{
    words->size = 0;
    words->chars = 0;
    for (;;) {
        bool idle = words->head == words->tail;
        if (words->head < words->ready) {
            if (take(words)) return true;
        } else if (words->next < words->end) {
            if (idle && *words->next < 128) {
                if (take_ascii(words)) return true;
            } else {
                fill(words);
            }
        } else if (!idle) {
            words->ready = words->tail;
        } else {
            return words->chars > 0;
        }
    }
}
