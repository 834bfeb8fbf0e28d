#include "metrics/per_query.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"

#define SHOWN 60                   /* bytes of a value that a message quotes */

static bool is_control(char c) { return (unsigned char)c < ' ' || c == 127; }

/* ---- writing ----------------------------------------------------------------------------------*/

static kin_status write_line(kin_writer *writer, const char *path, const kin_ranking_scores *scores,
                             const kin_judgements *judgements, int64_t i)
{
    const kin_texts *ids = &judgements->query_id;
    const int32_t query = judgements->query[scores->row[i]];
    const char *id = ids->bytes + ids->start[query];
    const int size = (int)(ids->start[query + 1] - ids->start[query]);
    bool fine = size > 0;
    for (int c = 0; c < size; c++) fine &= !is_control(id[c]);
    KIN_REQUIRE(fine, KIN_DATA, "%s: the id \"%.*s\" of a query is empty or holds a control "
                "character", path, size < SHOWN ? size : SHOWN, id);
    kin_writer_put(writer, id, (size_t)size);
    for (int m = 0; m < KIN_MEASURES; m++)
        kin_writer_printf(writer, "\t%.17g", scores->value[m][i]);
    return kin_writer_put(writer, "\n", 1);
}

kin_status kin_per_query_write(const char *path, const kin_ranking_scores *scores,
                               const kin_judgements *judgements)
{
    kin_writer *writer;
    KIN_TRY(kin_writer_open(&writer, path));
    kin_status status = kin_writer_printf(writer, "query");
    for (int m = 0; m < KIN_MEASURES; m++)
        kin_writer_printf(writer, "\t%s", kin_measure_names[m]);
    if (!status) status = kin_writer_put(writer, "\n", 1);
    for (int64_t i = 0; i < scores->queries && !status; i++)
        status = write_line(writer, path, scores, judgements, i);
    if (!status) return kin_writer_commit(writer);
    kin_writer_abandon(writer);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------*/

/* The file's text, which the fields are cut from in place. */
typedef struct {
    const char *path;
    char *at, *end;
    int64_t line;
    kin_per_query *out;
    int64_t room;
} reader;

/* The next line without its end, which becomes a NUL; NULL behind the last. */
static char *next_line(reader *r)
{
    if (r->at >= r->end) return NULL;
    char *line = r->at, *end = memchr(line, '\n', (size_t)(r->end - line));
    if (!end) end = r->end;
    r->at = end + 1;
    r->line++;
    if (end > line && end[-1] == '\r') end[-1] = 0;
    *end = 0;
    return line;
}

/* Cuts the field that *at begins with; *at becomes the next one, or NULL. */
static char *take_field(char **at)
{
    char *field = *at, *tab = strchr(field, '\t');
    if (tab) *tab = 0;
    *at = tab ? tab + 1 : NULL;
    return field;
}

static kin_status check_word(const reader *r, const char *what, const char *word)
{
    bool fine = *word != 0;
    for (const char *c = word; *c; c++) fine &= !is_control(*c);
    KIN_REQUIRE(fine, KIN_DATA, "%s:%lld: the name of a %s is empty or holds a control character",
                r->path, (long long)r->line, what);
    return KIN_OK;
}

static kin_status read_header(reader *r)
{
    kin_per_query *out = r->out;
    char *at = next_line(r);
    KIN_REQUIRE(at && !strcmp(take_field(&at), "query") && at, KIN_DATA,
                "%s:1: expected a header: query, then the names of measures, with tabs between",
                r->path);
    while (at) {
        const char *name = take_field(&at);
        KIN_TRY(check_word(r, "measure", name));
        KIN_REQUIRE(kin_per_query_find(out, name) < 0, KIN_DATA, "%s:1: %.60s stands twice",
                    r->path, name);
        KIN_REQUIRE(out->columns < KIN_COLUMNS_MAX, KIN_DATA, "%s:1: more than %d measures",
                    r->path, KIN_COLUMNS_MAX);
        out->name[out->columns++] = name;
    }
    return KIN_OK;
}

static kin_status grow(reader *r)
{
    kin_per_query *out = r->out;
    if (out->queries < r->room) return KIN_OK;
    const int64_t room = 2 * r->room + 256;
    for (int c = 0; c < out->columns; c++) {
        double *more = realloc(out->value[c], (size_t)room * sizeof *more);
        KIN_REQUIRE(more, KIN_MEMORY, "%s: no memory for %lld queries", r->path, (long long)room);
        out->value[c] = more;
    }
    r->room = room;
    return KIN_OK;
}

static kin_status read_value(const reader *r, int column, const char *text)
{
    char *end;
    double *value = &r->out->value[column][r->out->queries];
    *value = strtod(text, &end);
    const bool number = (*text == '-' || (*text >= '0' && *text <= '9')) && !*end;
    KIN_REQUIRE(number && isfinite(*value), KIN_DATA, "%s:%lld: %s is '%.60s', expected a number",
                r->path, (long long)r->line, r->out->name[column], text);
    return KIN_OK;
}

static kin_status read_query(reader *r, char *at)
{
    kin_per_query *out = r->out;
    const char *id = take_field(&at);
    int columns = 0;
    KIN_TRY(check_word(r, "query", id));
    KIN_TRY(grow(r));
    for (; at && columns < out->columns; columns++)
        KIN_TRY(read_value(r, columns, take_field(&at)));
    KIN_REQUIRE(!at && columns == out->columns, KIN_DATA,
                "%s:%lld: %s numbers than the %d measures of the header", r->path,
                (long long)r->line, at ? "more" : "fewer", out->columns);
    const int32_t place = kin_names_add(&out->ids, id, (int64_t)strlen(id));
    KIN_REQUIRE(place >= 0, KIN_MEMORY, "%s: no memory for the names of queries", r->path);
    KIN_REQUIRE(place == out->queries, KIN_DATA, "%s:%lld: query '%.60s' stands twice", r->path,
                (long long)r->line, id);
    out->queries++;
    return KIN_OK;
}

static kin_status read_all(reader *r)
{
    KIN_TRY(read_header(r));
    for (char *line; (line = next_line(r));) KIN_TRY(read_query(r, line));
    KIN_REQUIRE(r->out->queries, KIN_DATA, "%s: has no queries", r->path);
    return KIN_OK;
}

kin_status kin_per_query_read(kin_per_query **scores, const char *path)
{
    size_t size;
    kin_per_query *out = *scores = calloc(1, sizeof *out);
    KIN_REQUIRE(out, KIN_MEMORY, "%s: no memory", path);
    kin_status status = kin_file_read(path, &out->text, &size);
    reader r = {.path = path, .at = out->text, .out = out};
    if (!status) r.end = out->text + size;
    if (!status && memchr(out->text, 0, size))
        status = kin_fail(KIN_DATA, "%s: holds a NUL byte: this is not a text file", path);
    if (!status) status = read_all(&r);
    if (!status) return KIN_OK;
    kin_per_query_free(out);
    *scores = NULL;
    return status;
}

void kin_per_query_free(kin_per_query *scores)
{
    if (!scores) return;
    for (int c = 0; c < scores->columns; c++) free(scores->value[c]);
    kin_names_free(&scores->ids);
    free(scores->text);
    free(scores);
}

int kin_per_query_find(const kin_per_query *scores, const char *measure)
{
    for (int c = 0; c < scores->columns; c++)
        if (!strcmp(scores->name[c], measure)) return c;
    return -1;
}
