#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "data/import.h"

#define IMPORTER(name) extern const kin_importer kin_importer_##name;
#include "data/importers.def"
#undef IMPORTER

static const kin_entry *const items[] = {
#define IMPORTER(name) &kin_importer_##name.entry,
#include "data/importers.def"
#undef IMPORTER
};

const kin_list kin_importers = {"importer", items, sizeof items / sizeof *items};

const kin_importer *kin_importer_at(int index)
{
    return (const kin_importer *)(const void *)kin_importers.items[index];
}

void kin_import_warn(kin_import_report *report, int64_t count, const char *sentence)
{
    const size_t used = strlen(report->warning);
    if (count > 0)
        snprintf(report->warning + used, sizeof report->warning - used, "%s%lld %s",
                 used ? " " : "", (long long)count, sentence);
}

static bool same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return a && b && stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

kin_status kin_import_apart(const char *path, const kin_import_setting *setting)
{
    KIN_REQUIRE(!same_file(path, setting->out), KIN_USAGE, "import: %s is a file to read and "
                "cannot be the one to write", setting->out);
    return KIN_OK;
}

/* Each file that is given is one that the importer takes, and those that belong together are. */
static kin_status check_files(const kin_importer *importer, const kin_import_setting *s)
{
    const char *name = importer->entry.name;
    KIN_REQUIRE(importer->test || !s->test, KIN_USAGE, "import %s takes no test file", name);
    KIN_REQUIRE(importer->labels || !(s->labels || s->test_labels), KIN_USAGE,
                "import %s takes no file of labels", name);
    KIN_REQUIRE(!importer->labels || s->labels, KIN_USAGE,
                "import %s: the file of labels is missing (--labels FILE)", name);
    KIN_REQUIRE(!importer->labels || !s->test == !s->test_labels, KIN_USAGE,
                "import %s: --test and --test-labels belong together", name);
    return KIN_OK;
}

kin_status kin_import_run(int index, const kin_import_setting *setting, kin_import_report *report)
{
    const kin_importer *importer = kin_importer_at(index);
    kin_import_setting full = *setting;
    *report = (kin_import_report){0};
    if (!full.source) full.source = importer->source;
    KIN_REQUIRE(full.source, KIN_USAGE, "import %s: %s is missing", importer->entry.name,
                importer->argument);
    KIN_REQUIRE(full.out, KIN_USAGE, "import %s: the store to write is missing (--out FILE.h5)",
                importer->entry.name);
    KIN_REQUIRE(importer->validation || !full.validation, KIN_USAGE,
                "import %s takes no validation file: it has a split of its own",
                importer->entry.name);
    KIN_TRY(check_files(importer, &full));
    KIN_REQUIRE(!same_file(full.out, full.source) && !same_file(full.out, full.validation) &&
                    !same_file(full.out, full.test) && !same_file(full.out, full.labels) &&
                    !same_file(full.out, full.test_labels),
                KIN_USAGE, "import %s: %s is the file to read and cannot be the one to write",
                importer->entry.name, full.out);
    return importer->run(&full, report);
}

static kin_status run_by_name(const char *name, kin_import_setting *setting,
                              kin_import_report *report)
{
    int index = 0;
    KIN_TRY(kin_list_find(&kin_importers, name, &index));
    kin_hyper_defaults(kin_importers.items[index], setting->hypers);
    return kin_import_run(index, setting, report);
}

kin_status kin_import_wordnet(const char *folder, const char *out, kin_import_report *report)
{
    kin_import_setting setting = {.source = folder, .out = out};
    return run_by_name("wordnet", &setting, report);
}

kin_status kin_import_pairs(const char *file, const char *validation, const char *out,
                            kin_import_report *report)
{
    kin_import_setting setting = {.source = file, .validation = validation, .out = out};
    return run_by_name("pairs", &setting, report);
}
