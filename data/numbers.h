/* Numbers: texts that are whole numbers, as encoders take them that look rows up in a table. */
#ifndef KIN_DATA_NUMBERS_H
#define KIN_DATA_NUMBERS_H

#include "data/tokenizer.h"

/* The whole number that a text is, white space around it apart, or -1: it is none, is negative or
 * is above 2^31 - 2. */
int32_t kin_number_read(const char *text, int64_t bytes);

/* The ids of texts: a number below rows is its own id; any other text has none and counts as
 * empty. Free with kin_tokens_free. */
kin_status kin_numbers_all(const kin_texts *texts, int64_t rows, kin_tokens *out);

#endif
