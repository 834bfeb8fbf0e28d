/* wordnet: WordNet 3.0 (Fellbaum 1998) as retrieval. A document is a synset, "lemma, lemma:
 * definition"; a query is a quoted usage example of three or more words; the relevant document is
 * the synset that the example illustrates. Training pairs are (example, document) of the training
 * side and (lemmas, definition) of every synset.
 *
 * A synset's line: offset, lexicographer file, part of speech, number of lemmas (hexadecimal), each
 * lemma with a number, pointers, then "| gloss". Examples are what stands in quotes in the gloss.
 * The side is drawn by a hash of the synset: 1 in 20 test, 1 in 20 validation, the rest training.
 * Files are read as Latin-1, whose blanks are those of Unicode below 256. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "core/hash.h"
#include "data/builder.h"

enum { PARTS = 4, SYNSETS = 117659 };
static const char *const part_name[PARTS] = {"noun", "verb", "adj", "adv"};
static const char part_letter[PARTS] = {'n', 'v', 'a', 'r'};

static const char notice[] =
    "WordNet 3.0, copyright 2006 by Princeton University, used under the WordNet 3.0 licence: its "
    "text is in /usr/share/doc/wordnet-base/copyright, and copies of the data must carry it.";

typedef struct {
    const char *at, *end;
} span;

/* (lemmas, definition) of a synset; these pairs come after all the examples. */
typedef struct {
    int32_t lemmas, definition;
} naming;

typedef struct {
    kin_builder *builder;
    naming *names;                     /* of every document so far */
    int64_t documents, room;
    const char *path;                  /* the file being read */
    int64_t line;
    int part;
    int64_t offset;                    /* of the last synset of this file, -1 before the first */
    char *scratch;                     /* as long as the file */
} reading;

static bool is_blank(char c)
{
    const unsigned char u = (unsigned char)c;
    return (u >= 9 && u <= 13) || (u >= 28 && u <= 32) || u == 0x85 || u == 0xA0;
}

/* The next word of a span; empty at its end. */
static span next_word(span *rest)
{
    while (rest->at < rest->end && is_blank(*rest->at)) rest->at++;
    span word = {rest->at, rest->at};
    while (word.end < rest->end && !is_blank(*word.end)) word.end++;
    rest->at = word.end;
    return word;
}

static span find(span s, char c)
{
    const char *at = memchr(s.at, c, (size_t)(s.end - s.at));
    return (span){at ? at : s.end, s.end};
}

/* A number of exactly so many digits, or -1. */
static int64_t number(span word, int digits, int base)
{
    int64_t value = 0;
    if (word.end - word.at != digits) return -1;
    for (; word.at < word.end; word.at++) {
        const char *all = "0123456789abcdef", *digit = memchr(all, *word.at, (size_t)base);
        if (!digit) return -1;
        value = value * base + (digit - all);
    }
    return value;
}

static kin_status damaged(const reading *r, const char *what)
{
    return kin_fail(KIN_DATA, "%s line %lld: %s; is the file damaged?", r->path,
                    (long long)r->line, what);
}

/* ---- the pieces of a synset ------------------------------------------------------------------ */

/* A lemma without the marker of an adjective's position: "galore(ip)" is "galore". */
static span bare_lemma(span lemma)
{
    static const char *const markers[] = {"(a)", "(p)", "(ip)"};
    for (size_t i = 0; i < sizeof markers / sizeof *markers; i++) {
        const ptrdiff_t size = (ptrdiff_t)strlen(markers[i]);
        if (lemma.end - lemma.at >= size && memcmp(lemma.end - size, markers[i], (size_t)size) == 0)
            return (span){lemma.at, lemma.end - size};
    }
    return lemma;
}

/* Adds "lemma, lemma" to the pieces of a text, or says that there are too few fields. */
static bool add_lemmas(kin_builder *builder, span fields, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        span lemma = next_word(&fields);
        if (lemma.at == lemma.end) return false;
        next_word(&fields);
        lemma = bare_lemma(lemma);
        if (i > 0) kin_builder_piece(builder, ", ", 2);
        for (; lemma.at < lemma.end; lemma.at++)
            kin_builder_latin1(builder, *lemma.at == '_' ? " " : lemma.at, 1);
    }
    return true;
}

/* The next piece of a gloss outside quotes; rest moves behind the quotation that ends it. A quote
 * that is never closed belongs to the piece. */
static span next_plain(span *rest)
{
    const span open = find(*rest, '"');
    span close = open;
    if (open.at < open.end) {
        close.at++;
        close = find(close, '"');
    }
    const bool quoted = close.at < close.end;
    const span piece = {rest->at, quoted ? open.at : rest->end};
    rest->at = quoted ? close.at + 1 : rest->end;
    return piece;
}

/* Adds the gloss without its quotations, without blanks around it and semicolons behind it. */
static void add_definition(kin_builder *builder, char *room, span gloss)
{
    span whole = {room, room};
    while (gloss.at < gloss.end) {
        const span piece = next_plain(&gloss);
        const size_t size = (size_t)(piece.end - piece.at);
        memcpy(room + (whole.end - room), piece.at, size);
        whole.end += size;
    }
    while (whole.at < whole.end && is_blank(*whole.at)) whole.at++;
    while (whole.at < whole.end && (is_blank(whole.end[-1]) || whole.end[-1] == ';')) whole.end--;
    kin_builder_latin1(builder, whole.at, (size_t)(whole.end - whole.at));
}

static bool three_words(span s)
{
    int words = 0;
    while (words < 3) {
        const span word = next_word(&s);
        if (word.at == word.end) return false;
        words++;
    }
    return true;
}

/* ---- a synset -------------------------------------------------------------------------------- */

static kin_split side_of(int64_t offset, int part)
{
    const uint64_t key = (uint64_t)offset * PARTS + (uint64_t)part;
    const uint64_t draw = kin_mix64(key + 0x9E3779B97F4A7C15u) % 20;
    return draw == 0 ? KIN_TEST : draw == 1 ? KIN_VALIDATION : KIN_TRAIN;
}

/* One query, and for training one pair, for each quotation of three or more words. Two quotes with
 * nothing between them quote nothing: the second may open a quotation. */
static void add_examples(reading *r, span gloss, int32_t text, int32_t document)
{
    const kin_split side = side_of(r->offset, r->part);
    int count = 0;
    for (span open = find(gloss, '"'); open.at < open.end; open = find(open, '"')) {
        const span inside = {open.at + 1, open.end}, close = find(inside, '"');
        if (close.at == close.end) break;
        const span example = {inside.at, close.at};
        open.at = example.at == example.end ? close.at : close.at + 1;
        if (!three_words(example)) continue;
        char id[32];
        snprintf(id, sizeof id, "%c%08lld-%d", part_letter[r->part], (long long)r->offset, ++count);
        kin_builder_latin1(r->builder, example.at, (size_t)(example.end - example.at));
        const int32_t words = kin_builder_pieces(r->builder);
        const int32_t query = kin_builder_query(r->builder, words, id, side);
        kin_builder_relation(r->builder, query, document, 1);
        if (side == KIN_TRAIN) kin_builder_pair(r->builder, words, text, document);
    }
}

static kin_status remember(reading *r, int32_t lemmas, int32_t definition)
{
    if (r->documents == r->room) {
        const int64_t room = 2 * r->room + 1024;
        naming *larger = realloc(r->names, (size_t)room * sizeof *larger);
        KIN_REQUIRE(larger, KIN_MEMORY, "no memory for %lld synsets", (long long)room);
        r->names = larger;
        r->room = room;
    }
    r->names[r->documents++] = (naming){lemmas, definition};
    return KIN_OK;
}

/* The texts "lemmas", "definition" and "lemmas: definition", and the document of the last. */
static kin_status add_document(reading *r, span lemmas, int64_t count, span gloss)
{
    kin_builder *b = r->builder;
    char id[32];
    if (!add_lemmas(b, lemmas, count)) return damaged(r, "fewer lemmas than it says");
    const int32_t left = kin_builder_pieces(b);
    add_definition(b, r->scratch, gloss);
    const int32_t right = kin_builder_pieces(b);
    add_lemmas(b, lemmas, count);
    kin_builder_piece(b, ": ", 2);
    add_definition(b, r->scratch, gloss);
    const int32_t text = kin_builder_pieces(b);
    snprintf(id, sizeof id, "%c%08lld", part_letter[r->part], (long long)r->offset);
    const int32_t document = kin_builder_document(b, text, id);
    add_examples(r, gloss, text, document);
    return remember(r, left, right);
}

static kin_status read_synset(reading *r, span line)
{
    const span bar = find(line, '|');
    if (memchr(line.at, 0, (size_t)(line.end - line.at))) return damaged(r, "it holds a NUL byte");
    if (bar.at == bar.end) return damaged(r, "no \"|\" before a gloss");
    span fields = {line.at, bar.at};
    const int64_t offset = number(next_word(&fields), 8, 10);
    next_word(&fields);
    next_word(&fields);
    const int64_t count = number(next_word(&fields), 2, 16);
    if (offset < 0) return damaged(r, "it does not begin with an offset of 8 digits");
    if (offset <= r->offset) return damaged(r, "its offset is not above that of the line before");
    if (count < 1) return damaged(r, "no number of lemmas in its fourth field");
    r->offset = offset;
    KIN_TRY(add_document(r, fields, count, (span){bar.at + 1, bar.end}));
    return kin_builder_status(r->builder);
}

/* ---- the files ------------------------------------------------------------------------------- */

/* Lines that begin with two blanks are the licence. */
static kin_status read_lines(reading *r, span file)
{
    r->line = 0;
    r->offset = -1;
    while (file.at < file.end) {
        const span end = find(file, '\n');
        r->line++;
        if (end.at == end.end) return damaged(r, "the file ends within the line");
        const bool comment = end.at - file.at >= 2 && file.at[0] == ' ' && file.at[1] == ' ';
        if (!comment) KIN_TRY(read_synset(r, (span){file.at, end.at}));
        file.at = end.at + 1;
    }
    KIN_REQUIRE(r->offset >= 0, KIN_DATA, "%s: no synset in it; is the file damaged?", r->path);
    return KIN_OK;
}

static kin_status read_part(reading *r, const char *folder)
{
    char name[16], path[4096], *bytes = NULL;
    size_t size = 0;
    snprintf(name, sizeof name, "data.%s", part_name[r->part]);
    KIN_TRY(kin_path_join(path, sizeof path, folder, name));
    if (!kin_file_exists(path))
        return kin_fail(KIN_DATA, "WordNet is not installed: %s does not exist (apt-get install "
                        "wordnet-base, or name the folder of its data files)", path);
    KIN_TRY(kin_file_read(path, &bytes, &size));
    r->path = path;
    r->scratch = malloc(size + 1);
    const kin_status status = r->scratch ? read_lines(r, (span){bytes, bytes + size})
                                         : kin_fail(KIN_MEMORY, "%s: no memory to read it", path);
    free(r->scratch);
    free(bytes);
    return status;
}

static kin_status read_all(reading *r, const char *folder)
{
    kin_builder_source(r->builder, "example");
    for (r->part = 0; r->part < PARTS; r->part++) KIN_TRY(read_part(r, folder));
    kin_builder_source(r->builder, "lemmas");
    for (int64_t i = 0; i < r->documents; i++)
        kin_builder_pair(r->builder, r->names[i].lemmas, r->names[i].definition, (int32_t)i);
    return kin_builder_status(r->builder);
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {0};
    kin_status status = kin_builder_new(&r.builder);
    if (status == KIN_OK) status = read_all(&r, setting->source);
    if (status == KIN_OK) status = kin_builder_write(r.builder, setting->out, report);
    report->lines = r.documents;
    snprintf(report->notice, sizeof report->notice, "%s", notice);
    if (r.documents != SYNSETS)
        snprintf(report->warning, sizeof report->warning,
                 "WordNet 3.0 has %d synsets, these files have %lld: results do not compare",
                 SYNSETS, (long long)r.documents);
    kin_builder_free(r.builder);
    free(r.names);
    return status;
}

const kin_importer kin_importer_wordnet = {
    .entry = {.name = "wordnet",
              .summary = "WordNet 3.0 from the package wordnet-base: usage examples look for the "
                         "synset that they illustrate."},
    .argument = "[FOLDER]",
    .source = "/usr/share/wordnet",
    .run = run,
};
