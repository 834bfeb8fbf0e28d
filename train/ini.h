/* Ini: reads the text of a run file and hands over one setting at a time, with its line. */
#ifndef KIN_TRAIN_INI_H
#define KIN_TRAIN_INI_H

#include <stddef.h>
#include "core/status.h"

/* key is "section.key", "section.key+key" for keys that go together, "section word.key" in a
 * section with a word. The strings live until the call returns. */
typedef kin_status kin_ini_setting(void *state, const char *key, const char *value, int line);

/* name is the file's, for messages. Stops at the first error. */
kin_status kin_ini_parse(const char *text, size_t size, const char *name,
                         kin_ini_setting *setting, void *state);

/* A value as it must be written to be read back: in double quotes where blanks, comment marks or
 * quotes ask for it. out has room for 2 * strlen(value) + 3 bytes. */
void kin_ini_quote(const char *value, char *out);

#endif
