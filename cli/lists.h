/* Every list of replaceable things, for `kin list` and `kin describe`. */
#ifndef KIN_CLI_LISTS_H
#define KIN_CLI_LISTS_H

#include "core/entry.h"

extern const kin_list *const lists[];        /* ends with NULL */

/* The list of a kind ("loss" or "losses"); an unknown kind fails. */
kin_status lists_find(const char *kind, const kin_list **list);

/* The head comment of a listed file, without its comment marks, or NULL. */
const char *lists_head(const char *kind, const char *name);

#endif
