/* Tabbed: a file of lines "id<TAB>text": documents to add, questions to ask. For train/. */
#ifndef KIN_TRAIN_TABBED_H
#define KIN_TRAIN_TABBED_H

#include <stdbool.h>
#include "core/status.h"
#include "data/texts.h"

typedef struct {
    kin_texts id, text;
    char *bytes[2];                    /* what these point into */
    int64_t *start[2];
} kin_tabbed;

/* Blank lines are passed over. number: a line without a tab is a text, its id the number of its
 * line; else it is an error. KIN_DATA names file and line where an id is empty or holds a blank or
 * control character, where bytes are not UTF-8, and where an id comes twice. */
kin_status kin_tabbed_read(kin_tabbed *tabbed, const char *path, bool number);
void kin_tabbed_free(kin_tabbed *tabbed);          /* a zeroed one is fine */

#endif
