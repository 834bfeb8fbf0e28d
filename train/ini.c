/* The grammar: blank lines; # and ; comments, also after a value when a blank stands before the
 * mark; [section] or [section word]; key = value, or key + key = value for keys that go together
 * (both for plans of experiments; a run file has no such keys). A value in double quotes keeps its
 * blanks and marks; inside, \" is a quote and \\ a backslash. Everything else is an error with its
 * line. */
#include "train/ini.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64, KEYS_MAX_BYTES = 400, FILE_MAX_BYTES = 1 << 20 };

typedef struct {
    const char *name;            /* of the file */
    int line;
    char section[2 * NAME_MAX_BYTES];
    kin_ini_setting *setting;
    void *state;
} reader;

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-';
}

static char *skip_blanks(char *s)
{
    while (blank(*s)) s++;
    return s;
}

/* Ends the text at its last character that is no blank. */
static void trim(char *s)
{
    size_t n = strlen(s);
    while (n && blank(s[n - 1])) n--;
    s[n] = 0;
}

static bool rest_is_comment(const char *s)
{
    while (blank(*s)) s++;
    return !*s || *s == '#' || *s == ';';
}

/* Takes a name from *at, moves *at behind it; false when there is none. A key may be several names
 * with dots between. */
static bool take_name(char **at, char *name, bool dots)
{
    size_t n = 0;
    while (name_character((*at)[n]) || (dots && n && (*at)[n] == '.')) n++;
    if (!n || n >= NAME_MAX_BYTES) return false;
    memcpy(name, *at, n);
    name[n] = 0;
    *at += n;
    return true;
}

/* The same for names with + between, which stay there without blanks. */
static bool take_names(char **at, char names[KEYS_MAX_BYTES])
{
    size_t n = 0;
    for (;;) {
        char name[NAME_MAX_BYTES];
        if (!take_name(at, name, true) || n + strlen(name) + 2 > KEYS_MAX_BYTES) return false;
        n += (size_t)snprintf(names + n, KEYS_MAX_BYTES - n, "%s", name);
        *at = skip_blanks(*at);
        if (**at != '+') return true;
        names[n++] = '+';
        *at = skip_blanks(*at + 1);
    }
}

static kin_status read_section(reader *r, char *s)
{
    char word[NAME_MAX_BYTES];
    s = skip_blanks(s + 1);
    KIN_REQUIRE(take_name(&s, r->section, false), KIN_USAGE, "%s:%d: expected [section]", r->name,
                r->line);
    s = skip_blanks(s);
    if (take_name(&s, word, false)) {
        const size_t n = strlen(r->section);
        snprintf(r->section + n, sizeof r->section - n, " %s", word);
        s = skip_blanks(s);
    }
    KIN_REQUIRE(*s == ']' && rest_is_comment(s + 1), KIN_USAGE,
                "%s:%d: expected ] after [%s and nothing more", r->name, r->line, r->section);
    return KIN_OK;
}

/* Unquotes in place; the text begins behind the opening quote. */
static kin_status read_quoted(const reader *r, char *s)
{
    char *to = s;
    for (; *s && *s != '"'; s++) {
        if (*s == '\\' && (s[1] == '"' || s[1] == '\\')) s++;
        *to++ = *s;
    }
    KIN_REQUIRE(*s == '"', KIN_USAGE, "%s:%d: the closing \" is missing", r->name, r->line);
    KIN_REQUIRE(rest_is_comment(s + 1), KIN_USAGE, "%s:%d: text after the closing \"", r->name,
                r->line);
    *to = 0;
    return KIN_OK;
}

static void drop_comment(char *s)
{
    for (char *c = s; *c; c++) {
        if ((*c == '#' || *c == ';') && (c == s || blank(c[-1]))) {
            *c = 0;
            return;
        }
    }
}

static kin_status read_setting(reader *r, char *s)
{
    char name[KEYS_MAX_BYTES], key[sizeof name + sizeof r->section];
    KIN_REQUIRE(take_names(&s, name), KIN_USAGE,
                "%s:%d: expected [section] or key = value, found '%.40s'", r->name, r->line, s);
    KIN_REQUIRE(*s == '=', KIN_USAGE, "%s:%d: expected = after '%s'", r->name, r->line, name);
    KIN_REQUIRE(*r->section, KIN_USAGE, "%s:%d: '%s' stands before the first [section]", r->name,
                r->line, name);
    s = skip_blanks(s + 1);
    if (*s == '"') {
        KIN_TRY(read_quoted(r, ++s));
    } else {
        drop_comment(s);
        trim(s);
    }
    snprintf(key, sizeof key, "%s.%s", r->section, name);
    return r->setting(r->state, key, s, r->line);
}

static kin_status read_line(reader *r, char *line)
{
    char *s = skip_blanks(line);
    if (rest_is_comment(s)) return KIN_OK;
    return *s == '[' ? read_section(r, s) : read_setting(r, s);
}

static kin_status read_lines(reader *r, char *text)
{
    while (*text) {
        char *end = strchr(text, '\n'), *next = end ? end + 1 : text + strlen(text);
        if (!end) end = next;
        if (end > text && end[-1] == '\r') end[-1] = 0;
        *end = 0;
        r->line++;
        KIN_TRY(read_line(r, text));
        text = next;
    }
    return KIN_OK;
}

kin_status kin_ini_parse(const char *text, size_t size, const char *name,
                         kin_ini_setting *setting, void *state)
{
    KIN_REQUIRE(size <= FILE_MAX_BYTES, KIN_USAGE, "%s: %zu bytes are too many for a run file",
                name, size);
    KIN_REQUIRE(!memchr(text, 0, size), KIN_USAGE, "%s: a NUL byte: this is not a text file", name);
    if (size >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) text += 3, size -= 3;
    char *copy = malloc(size + 1);
    KIN_REQUIRE(copy, KIN_MEMORY, "%s: no memory for %zu bytes", name, size);
    memcpy(copy, text, size);
    copy[size] = 0;
    reader r = { .name = name, .setting = setting, .state = state };
    const kin_status status = read_lines(&r, copy);
    free(copy);
    return status;
}

static bool needs_quotes(const char *s)
{
    const size_t n = strlen(s);
    return n && (blank(*s) || blank(s[n - 1]) || strpbrk(s, "\"#;\\\r"));
}

void kin_ini_quote(const char *value, char *out)
{
    if (!needs_quotes(value)) {
        memcpy(out, value, strlen(value) + 1);
        return;
    }
    *out++ = '"';
    for (; *value; value++) {
        if (*value == '"' || *value == '\\') *out++ = '\\';
        *out++ = *value;
    }
    *out++ = '"';
    *out = 0;
}
