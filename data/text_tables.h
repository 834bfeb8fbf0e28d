/* Tables of text.c. */
#ifndef KIN_DATA_TEXT_TABLES_H
#define KIN_DATA_TEXT_TABLES_H

#include <stdint.h>

typedef enum {
    KIN_CHAR_OTHER,
    KIN_CHAR_GONE,               /* Cc, Cf, Co and U+FFFD: removed by cleaning */
    KIN_CHAR_MARK,               /* Mn: removed with the accents */
    KIN_CHAR_PUNCTUATION,        /* P* */
    KIN_CHAR_WAITING             /* has a combining class, but stays: its order is canonical */
} kin_char_kind;

/* Characters first to last, ascending; ASCII and what is KIN_CHAR_OTHER is not listed. */
typedef struct { int32_t first, last; kin_char_kind kind; } kin_char_range;

extern const kin_char_range kin_char_ranges[];
extern const int kin_char_range_count;

/* Capitals of Unicode 16 and 17, which utf8proc may not know yet: lower case = c + distance. */
typedef struct { int32_t first, last, distance; } kin_char_case;

extern const kin_char_case kin_char_cases[];
extern const int kin_char_case_count;

/* Where beyond U+FFFF Unicode 9.0 has canonical decompositions. */
typedef struct { int32_t first, last; } kin_char_span;

extern const kin_char_span kin_char_decomposed[];
extern const int kin_char_decomposed_count;

#endif
