/* Page: what `kin describe` prints of listed things. */
#ifndef KIN_CLI_PAGE_H
#define KIN_CLI_PAGE_H

#include "core/entry.h"

/* Head comment, settings and, of a loss, what it takes, reduces by and measures with. */
void page_print_entry(const kin_list *list, const kin_entry *entry);

/* All of a kind as Markdown: a table, then each entry as above, losses by what they take. */
void page_print(const kin_list *list);

#endif
