/* Import: from a source format to a store. An importer is one file of import/ that ends in its
 * descriptor, and one line in importers.def. */
#ifndef KIN_DATA_IMPORT_H
#define KIN_DATA_IMPORT_H

#include <stdint.h>
#include "core/entry.h"
#include "core/status.h"
#include "data/store.h"

typedef struct {
    const char *source;                /* file or folder to read; NULL: the importer's default */
    const char *validation;            /* a second file, or NULL */
    const char *test;                  /* a file of what is kept for testing, or NULL */
    const char *labels, *test_labels;  /* files of labels that belong to source and test, or NULL */
    double hypers[KIN_HYPERS_MAX];     /* in the order of the descriptor */
    const char *out;                   /* the store to write */
} kin_import_setting;

/* What was imported. The texts are whole sentences to be shown to the user, "" when there is
 * nothing to say. */
typedef struct {
    int64_t lines;                     /* lines or entries of the source */
    int64_t texts, documents;          /* distinct texts; documents */
    int64_t queries[KIN_SPLITS];       /* by kin_split */
    int64_t relations, pairs;
    int64_t labels, features;          /* classes of the queries; numbers of each, 0: texts */
    int64_t scores;                    /* relations that have one */
    int64_t duplicates;                /* entries dropped because an earlier one says the same */
    char notice[512];                  /* licence and origin */
    char warning[512];
} kin_import_report;

typedef struct {
    kin_entry entry;                   /* name, summary, options that are numbers */
    const char *argument;              /* what source is, for help: "FILE.tsv" */
    const char *source;                /* its default, or NULL when it must be given */
    bool validation;                   /* takes a second file */
    bool test, labels;                 /* takes a file for testing; needs files of labels */
    kin_status (*run)(const kin_import_setting *setting, kin_import_report *report);
} kin_importer;

extern const kin_list kin_importers;          /* importers.def, as kin_importer descriptors */

const kin_importer *kin_importer_at(int index);

/* Adds a sentence to the report's warning: the count and what it is of; nothing where it is 0. */
void kin_import_warn(kin_import_report *report, int64_t count, const char *sentence);

/* KIN_USAGE when the store to be written is this file, which is read. */
kin_status kin_import_apart(const char *path, const kin_import_setting *setting);

/* Runs an importer. The store is complete or not there at all. Errors: KIN_USAGE for a setting that
 * it does not take, KIN_DATA with file and line for what it cannot read. */
kin_status kin_import_run(int importer, const kin_import_setting *setting,
                          kin_import_report *report);

/* The same by name, with the default options. folder NULL: where the package puts WordNet. */
kin_status kin_import_wordnet(const char *folder, const char *out, kin_import_report *report);
kin_status kin_import_pairs(const char *file, const char *validation, const char *out,
                            kin_import_report *report);

#endif
