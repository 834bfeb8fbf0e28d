/* Folder: a folder that appears whole or not at all. Fill kin_folder_draft, then commit it. */
#ifndef KIN_ENCODERS_FOLDER_H
#define KIN_ENCODERS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include "core/status.h"

#define KIN_PATH_MAX 4096

/* Makes an empty folder beside `folder` for its new contents; draft is its path. */
kin_status kin_folder_draft(char draft[KIN_PATH_MAX], const char *folder);

/* The draft becomes `folder`; an older one is removed. On failure the older one is still there. */
kin_status kin_folder_commit(const char *draft, const char *folder);

bool kin_folder_is_draft(const char *name);            /* also of files: see core/file.h */

/* Removes drafts and replaced folders that earlier processes left in `parent`. */
void kin_folder_sweep(const char *parent);

#endif
