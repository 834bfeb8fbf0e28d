/* Wrong things where a file or folder is read: exit code 3, the path is named, nothing is
 * touched. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "campaign.h"

typedef struct {
    const char *words;                   /* @ stands for the path */
    bool folder;                         /* a folder is read there */
    unsigned content;                    /* codes when it can be read but holds the wrong thing */
    unsigned nothing;                    /* codes for the path "" */
} slot;

static const slot slots[] = {
    { "import pairs @ --out new.h5", false, CODE(3), CODE(3) },
    { "import pairs pairs.tsv --validation @ --out new.h5", false, CODE(3), CODE(3) },
    { "import wordnet @ --out new.h5", true, CODE(3), CODE(3) },
    { "train @", false, CODE(2), CODE(3) },
    { "train run.ini --data.store @", false, CODE(3), CODE(2) },
    { "train run.ini --tokenizer.file @", false, CODE(3), CODE(0) },
    { "embed @ lines.txt --out out.npy", true, CODE(3), CODE(3) },
    { "embed run @ --out out.npy", false, CODE(0) | CODE(3), CODE(3) },
    { "search @ thing7", true, CODE(3), CODE(3) },
    { "search run thing7 --index @", false, CODE(3), CODE(3) },
    { "search run --queries @ --out out.npy", false, CODE(0) | CODE(3), CODE(3) },
    { "index @ --out out.npy", true, CODE(3), CODE(3) },
    { "eval @ --split validation", true, CODE(3), CODE(3) },
    { "train part/run.ini --resume=@", true, CODE(3), CODE(0) },
    { "loss infonce --query @ --document k.npy", false, CODE(3), CODE(3) },
    { "loss infonce --query q.npy --document @ --grad grad", false, CODE(3), CODE(3) },
    { "loss circle --query q.npy --label @", false, CODE(3), CODE(3) },
    { "loss sigmoid --score @ --json", false, CODE(3), CODE(3) },
};

static const char *in_box(const world *w, const char *name)
{
    static char path[PATH_ROOM * 2];
    snprintf(path, sizeof path, "%s/%s", w->box, name);
    return path;
}

/* The words of the slot with the path in its place; also after '='. */
static void say_slot(invocation *v, const slot *s, const char *path)
{
    char *copy = strdup(s->words), *rest = NULL, *text = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *at = strchr(word, '@');
        if (!at) {
            say(v, word);
            continue;
        }
        *at = 0;
        if (asprintf(&text, "%s%s%s", word, path, at + 1) < 0) abort();
        say(v, text);
        free(text);
    }
    free(copy);
}

/* What an accepted wrong thing may write. */
static void allow(invocation *v, const slot *s)
{
    v->success_grows = strstr(s->words, "out.npy") ? "out.npy"
                     : strstr(s->words, "part/") ? "part"
                     : strstr(s->words, "train") ? "fresh" : "";
}

static bool use(invocation *v, const slot *s, const char *path, unsigned codes, const char *named)
{
    say_slot(v, s, path);
    expect(v, codes, named);
    allow(v, s);
    return true;
}

static bool missing_file(const world *w, dice *d, invocation *v)
{
    static const char *const names[] = { "nowhere", "nowhere/at/all", "no.file", "no file", "~",
                                         "pairs.tsv.gz", "*.tsv", "https://example.org/x" };
    (void)w;
    const char *name = PICK(d, names);
    return use(v, &PICK(d, slots), name, CODE(3), name);
}

static bool wrong_kind(const world *w, dice *d, invocation *v)
{
    const slot *s = &PICK(d, slots);
    const char *path = s->folder ? "pairs.tsv" : "other";
    (void)w;
    return use(v, s, path, CODE(3), path);
}

static bool folder_of_others(const world *w, dice *d, invocation *v)
{
    static const char *const names[] = { "other", ".", "run/checkpoints", "/", "run/tb" };
    const slot *s;
    (void)w;
    do s = &PICK(d, slots); while (!s->folder);
    const char *name = PICK(d, names);
    return use(v, s, name, CODE(3), name);
}

static bool through_a_file(const world *w, dice *d, invocation *v)
{
    (void)w;
    return use(v, &PICK(d, slots), "pairs.tsv/x", CODE(3), "pairs.tsv");
}

static bool path_too_long(const world *w, dice *d, invocation *v)
{
    static const size_t lengths[] = { 256, 300, 4095, 4096, 4097, 5000, 100000 };
    const size_t n = PICK(d, lengths);
    const bool parts = roll(d, 2);
    char *path = malloc(n + 1);
    (void)w;
    if (!path) abort();
    for (size_t i = 0; i < n; i++) path[i] = parts && i % 100 == 99 ? '/' : 'p';
    path[n] = 0;
    use(v, &PICK(d, slots), path, CODE(3) | CODE(2), "ppppp");
    free(path);
    return true;
}

static bool strange_name(const world *w, dice *d, invocation *v)
{
    static const char *const names[] = { "\xff\xfe\xfd", "a\nb", "kin: x\nkin: y", "\x1b[31mred",
                                         "%s%s%n", "\t", " ", "caf\xc3\xa9", "\x7f", "a\rb" };
    const slot *s = &PICK(d, slots);
    const bool setting = strstr(s->words, "--data.") || strstr(s->words, "--tokenizer.");
    (void)w;                             /* a setting that run.ini could not hold is usage */
    return use(v, s, PICK(d, names), setting ? CODE(3) | CODE(2) : CODE(3), "");
}

static bool no_path(const world *w, dice *d, invocation *v)
{
    const slot *s = &PICK(d, slots);
    (void)w;
    return use(v, s, "", s->nothing, "");
}

static bool link_to_nothing(const world *w, dice *d, invocation *v)
{
    const bool loop = roll(d, 2);
    const char *name = loop ? "loop" : "dangling";
    if (symlink(loop ? "loop" : "nowhere", in_box(w, name))) return false;
    return use(v, &PICK(d, slots), name, CODE(3), name);
}

/* ---- files with the wrong thing in them ------------------------------------------------------ */

static bool use_content(const world *w, dice *d, invocation *v, const char *bytes, size_t size)
{
    const slot *s;
    do s = &PICK(d, slots); while (s->folder);
    if (!file_store(in_box(w, "wrong.file"), bytes, size)) return false;
    use(v, s, "wrong.file", s->content, "wrong.file");
    if (s->content == CODE(2)) also_named(v, "data.store");
    return true;
}

static bool empty_file(const world *w, dice *d, invocation *v)
{
    static const char *const texts[] = { "", "\n", "\n\n\n\n", " ", "\xef\xbb\xbf", "\r\n", "\t" };
    const char *text = PICK(d, texts);
    return use_content(w, d, v, text, strlen(text));
}

static bool binary_file(const world *w, dice *d, invocation *v)
{
    char bytes[5000];
    const size_t n = 16 + roll(d, sizeof bytes - 16);
    for (size_t i = 0; i < n; i++) bytes[i] = (char)roll(d, 256);
    return use_content(w, d, v, bytes, n);
}

static bool magic_file(const world *w, dice *d, invocation *v)
{
    static const struct { const char *bytes; size_t size; } magics[] = {
        { "\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0", 16 }, { "\x89kin store\r\n\x1a\n", 15 },
        { "\x93NUMPY\x01\0v\0{'descr': '<f4'", 26 }, { "PK\x03\x04", 4 }, { "\x1f\x8b\x08", 3 },
        { "\x7f" "ELF", 4 }, { "{}", 2 }, { "[]", 2 }, { "{\"model\": {}}", 13 }, { "null", 4 },
        { "<html>", 6 }, { "\xff\xfe" "a\0\t\0b\0\n\0", 10 }
    };
    const size_t which = roll(d, sizeof magics / sizeof *magics);
    return use_content(w, d, v, magics[which].bytes, magics[which].size);
}

/* Text in which one byte is no UTF-8, or is NUL. */
static bool no_utf8(const world *w, dice *d, invocation *v)
{
    static const char *const bad[] = { "\xff", "\xc3(", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                       "\xc0\xaf", "\xe2\x82", "\x80" };
    char text[400];
    int n = 0;
    for (int i = 0; i < 8; i++) n += sprintf(text + n, "a question %d\ta document %d\n", i, i);
    const char *piece = PICK(d, bad);
    const size_t at = roll(d, (uint64_t)n - 8), size = roll(d, 6) ? strlen(piece) : 1;
    memcpy(text + at, size == 1 && !roll(d, 4) ? "" : piece, size);
    return use_content(w, d, v, text, (size_t)n);
}

static bool wrong_columns(const world *w, dice *d, invocation *v)
{
    static const char *const lines[] = {
        "one column\n", "a\tb\tc\td\n", "a\tb\t1.5\n", "a\tb\t-1\n", "a\tb\t99999999999\n", "\tb\n",
        "a\t\n", "a\tb\t\n", "a,b\n", "\t\t\n", "a\tb\t1\t\n", "a\tb\tone\n", "a\tb\t 1\n"
    };
    char text[600];
    int n = 0;
    const int good = (int)roll(d, 9);
    for (int i = 0; i < good; i++) n += sprintf(text + n, "question %d\tanswer %d\n", i, i);
    n += sprintf(text + n, "%s", PICK(d, lines));
    if (!file_store(in_box(w, "wrong.tsv"), text, (size_t)n)) return false;
    return use(v, &slots[roll(d, 2)], "wrong.tsv", CODE(3), "wrong.tsv line");
}

static bool long_line(const world *w, dice *d, invocation *v)
{
    const slot *s = &PICK(d, slots);
    if (symlink(w->big, in_box(w, "big.txt"))) return false;
    return use(v, s, "big.txt", s->folder ? CODE(3) : s->content, "big.txt");
}

/* ---- what is not a plain file ---------------------------------------------------------------- */

static bool device_file(const world *w, dice *d, invocation *v)
{
    static const char *const names[] = { "/dev/null", "/dev/zero", "/dev/urandom", "/dev/full" };
    const slot *s = &PICK(d, slots);
    const char *name = PICK(d, names);
    const bool null = !strcmp(name, "/dev/null");
    (void)w;
    use(v, s, name, null && !s->folder ? s->content : CODE(3), name);
    if (s->content == CODE(2)) also_named(v, "data.store");
    return true;
}

static bool fifo(const world *w, dice *d, invocation *v)
{
    const slot *s = &PICK(d, slots);
    snprintf(v->fifo, sizeof v->fifo, "%.4000s/pipe", w->box);
    if (mkfifo(v->fifo, 0644)) return false;
    return use(v, s, "pipe", s->folder ? CODE(3) : s->content, "pipe");
}

static bool no_permission(const world *w, dice *d, invocation *v)
{
    static const char *const locked[] = { "pairs.tsv", "val.tsv", "pairs.h5", "run.ini", "run",
                                          "tokenizer.json", "lines.txt", "run/model", "run/run.ini",
                                          "run/model/model.safetensors", "run/model/config.json",
                                          "run/model/tokenizer.json" };
    static const char *const uses[] = {
        "import pairs @ --out /dev/null", "import pairs pairs.tsv --validation @ --out /dev/null",
        "embed run lines.txt --out /dev/null", "search run thing7", "eval run --split validation",
        "train run.ini",
    };
    if (!w->other_user) return false;
    static const struct { int use, file; } fits[] = {
        { 0, 0 }, { 1, 1 }, { 2, 4 }, { 2, 6 }, { 2, 7 }, { 2, 9 }, { 2, 10 }, { 2, 11 }, { 3, 2 },
        { 3, 4 }, { 3, 7 }, { 3, 8 }, { 3, 9 }, { 4, 2 }, { 4, 8 }, { 4, 10 }, { 5, 2 }, { 5, 3 }
    };
    const size_t which = roll(d, sizeof fits / sizeof *fits);
    const char *file = locked[fits[which].file];
    const slot s = { uses[fits[which].use], false, CODE(3), CODE(3) };
    if (chmod(in_box(w, file), 0)) return false;
    v->nobody = true;
    use(v, &s, file, CODE(3), file);
    also_named(v, "run");
    note(v, "%s has no permissions", file);
    return true;
}

const mistake mistakes_files[] = {
    { "missing file", 3, missing_file }, { "file for folder", 2, wrong_kind },
    { "another folder", 1, folder_of_others }, { "through a file", 1, through_a_file },
    { "path too long", 1, path_too_long }, { "strange name", 2, strange_name },
    { "empty path", 1, no_path }, { "link to nothing", 1, link_to_nothing },
    { "empty file", 2, empty_file }, { "binary file", 2, binary_file },
    { "file of another kind", 2, magic_file }, { "no UTF-8", 2, no_utf8 },
    { "wrong columns", 2, wrong_columns }, { "very long line", 1, long_line },
    { "device", 2, device_file }, { "FIFO", 2, fifo }, { "no permission", 2, no_permission },
    { NULL, 0, NULL }
};
