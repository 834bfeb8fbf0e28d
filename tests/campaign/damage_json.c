/* Damage that knows JSON: numbers, strings and keys of a file are replaced, doubled or dropped. The
 * file may have other bytes around them: a safetensors file keeps its header's length right. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"

enum { TOKENS_MAX = 4096 };

typedef struct {
    size_t at, size;
    char kind;                           /* n number, s string, k key, w word */
} token;

static size_t string_size(const char *s, size_t left)
{
    for (size_t i = 1; i < left; i++) {
        if (s[i] == '\\') i++;
        else if (s[i] == '"') return i + 1;
    }
    return 0;
}

static size_t run_of(const char *s, size_t left, const char *set)
{
    size_t n = 0;
    while (n < left && s[n] && strchr(set, s[n])) n++;
    return n;
}

static int find_tokens(const char *text, size_t from, size_t size, token *tokens)
{
    int count = 0;
    for (size_t at = from; at < size && count < TOKENS_MAX;) {
        char kind = 0;
        size_t n = 0;
        if (text[at] == '"') {
            n = string_size(text + at, size - at);
            const size_t blank = n ? run_of(text + at + n, size - at - n, " \n") : 0;
            kind = n && at + n + blank < size && text[at + n + blank] == ':' ? 'k' : 's';
        } else if (strchr("-0123456789", text[at]) && text[at]) {
            n = run_of(text + at, size - at, "-+.eE0123456789");
            kind = 'n';
        } else if (text[at] && strchr("tfn", text[at])) {
            n = run_of(text + at, size - at, "truefalsn");
            kind = 'w';
        }
        if (n) tokens[count++] = (token){ at, n, kind };
        at += n ? n : 1;
    }
    return count;
}

static void splice(char **bytes, size_t *size, token t, const char *text)
{
    const size_t n = strlen(text);
    char *out = malloc(*size - t.size + n + 1);
    if (!out) abort();
    memcpy(out, *bytes, t.at);
    memcpy(out + t.at, text, n);
    memcpy(out + t.at + n, *bytes + t.at + t.size, *size - t.at - t.size);
    *size += n - t.size;
    free(*bytes);
    *bytes = out;
}

/* From a key to behind the comma that ends its member, or to before the bracket that closes. */
static token member(const char *text, size_t size, token key)
{
    int depth = 0;
    size_t at = key.at + key.size;
    for (; at < size; at++) {
        if (text[at] == '"') {
            const size_t n = string_size(text + at, size - at);
            at += n ? n - 1 : 0;
        }
        if (strchr("{[", text[at]) && text[at]) depth++;
        else if (strchr("}]", text[at]) && text[at] && depth-- == 0) break;
        else if (text[at] == ',' && !depth) {
            at++;
            break;
        }
    }
    return (token){ key.at, at - key.at, 'k' };
}

static const char *replacement(dice *d, char kind)
{
    static const char *const numbers[] = {
        "0", "-1", "1", "2", "1e308", "1e999", "-1e999", "NaN", "Infinity", "9007199254740993",
        "99999999999999999999999", "0.5", "1e-320", "00", "\"7\"", "null", "[]", "{}", "true",
        "2147483648", "4294967296", "-0"
    };
    static const char *const strings[] = {
        "\"\"", "\"x\"", "7", "null", "[]", "\"\\u0000\"", "\"\\ud800\"", "\"\xff\"", "\"\n\"",
        "\"../../../etc/passwd\"", "\"%s%n\"", "true", "\"[UNK]\"", "\"WordPiece\""
    };
    static const char *const words[] = { "true", "false", "null", "0", "\"true\"", "tru", "[]" };
    if (kind == 'n') return PICK(d, numbers);
    return kind == 'w' ? PICK(d, words) : PICK(d, strings);
}

static void edit_member(dice *d, char **bytes, size_t *size, token key, char *note, size_t room)
{
    const token whole = member(*bytes, *size, key);
    char *text = strndup(*bytes + whole.at, whole.size), *twice = NULL;
    if (!text || asprintf(&twice, "%s%s%s", text, text[whole.size - 1] == ',' ? "" : ",", text) < 0)
        abort();
    const int way = (int)roll(d, 3);
    splice(bytes, size, way == 2 ? key : whole, way == 0 ? "" : way == 1 ? twice : "\"renamed\"");
    snprintf(note, room, "key %.*s %s", (int)(key.size < 60 ? key.size : 60), text,
             way == 0 ? "dropped" : way == 1 ? "doubled" : "renamed");
    free(text);
    free(twice);
}

/* A file that begins with the length of its JSON keeps one that fits. */
static void mend_length(char *bytes, size_t size, size_t size_before, bool headed)
{
    uint64_t length;
    if (!headed || size < 8) return;
    memcpy(&length, bytes, 8);
    length += size - size_before;
    memcpy(bytes, &length, 8);
}

bool damage_json(dice *d, char **bytes, size_t *size, char *note, size_t room)
{
    static token tokens[TOKENS_MAX];
    const bool headed = *size > 9 && (*bytes)[8] == '{' && (*bytes)[7] == 0;
    uint64_t length = 0;
    if (headed) memcpy(&length, *bytes, 8);
    const size_t end = headed && length + 8 < *size ? (size_t)length + 8 : *size;
    const size_t before = *size;
    if (!end || (!headed && **bytes != '{' && **bytes != '[')) return false;
    const int count = find_tokens(*bytes, headed ? 8 : 0, end, tokens);
    if (!count) return false;
    const token t = tokens[roll(d, (uint64_t)count)];
    if (t.kind == 'k') {
        edit_member(d, bytes, size, t, note, room);
    } else {
        const char *text = replacement(d, t.kind);
        snprintf(note, room, "%.*s at byte %zu became %s", (int)(t.size < 60 ? t.size : 60),
                 *bytes + t.at, t.at, text);
        splice(bytes, size, t, text);
    }
    mend_length(*bytes, *size, before, headed);
    return true;
}
