#include "data/json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "data/text.h"

#define BLOCK 1024
#define NUMBER_MAX 400                   /* longest number, in characters */

/* Values live in blocks, so that pointers to them stay good while the tree grows. */
typedef struct block {
    struct block *next;
    kin_json value[BLOCK];
} block;

struct kin_json_tree {
    char *name, *bytes;                  /* strings are unescaped in place */
    block *blocks;
    kin_json *root;
};

typedef struct { kin_json *value, *last; } level;

typedef struct {
    kin_json_tree *tree;
    char *at, *end;                      /* *end is NUL */
    int32_t line;
    int64_t values;
    int depth;
    level stack[KIN_JSON_DEPTH];
    locale_t locale;                     /* "C": numbers have a point whatever the user's locale */
} parser;

#define FAIL(p, ...) kin_fail_in(kin_fail(KIN_DATA, __VA_ARGS__), "%s line %d", (p)->tree->name, \
                                 (int)(p)->line)

/* ---- characters ------------------------------------------------------------------------------ */

static void skip_space(parser *p)
{
    for (;; p->at++) {
        if (*p->at == '\n') p->line++;
        else if (*p->at != ' ' && *p->at != '\t' && *p->at != '\r') return;
    }
}

static kin_status unexpected(parser *p, const char *expected)
{
    if (p->at == p->end) return FAIL(p, "the file ends, expected %s", expected);
    unsigned char c = (unsigned char)*p->at;
    if (c > ' ' && c < 0x7f) return FAIL(p, "found '%c', expected %s", c, expected);
    return FAIL(p, "found byte 0x%02x, expected %s", c, expected);
}

static kin_status hex4(parser *p, int32_t *out)
{
    int32_t value = 0;
    for (int i = 0; i < 4; i++, p->at++) {
        char c = *p->at;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                  : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return unexpected(p, "four hexadecimal digits after \\u");
        value = value * 16 + digit;
    }
    *out = value;
    return KIN_OK;
}

/* After "\u": one character, from two escapes when it is beyond U+FFFF. */
static kin_status read_unicode(parser *p, int32_t *out)
{
    int32_t low = 0;
    KIN_TRY(hex4(p, out));
    if (*out == 0) return FAIL(p, "a string holds the character NUL");
    if (*out < 0xd800 || *out > 0xdfff) return KIN_OK;
    bool pair = *out < 0xdc00 && p->at[0] == '\\' && p->at[1] == 'u';
    if (pair) {
        p->at += 2;
        KIN_TRY(hex4(p, &low));
        pair = low >= 0xdc00 && low <= 0xdfff;
    }
    if (!pair) return FAIL(p, "a string holds half of a surrogate pair");
    *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
    return KIN_OK;
}

static kin_status read_escape(parser *p, char **write)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *name = *p->at ? strchr(names, *p->at) : NULL;
    if (!name && *p->at != 'u') return unexpected(p, "one of \"\\/bfnrtu after \\");
    p->at++;
    if (name) {
        *(*write)++ = values[name - names];
        return KIN_OK;
    }
    int32_t c = 0;
    KIN_TRY(read_unicode(p, &c));
    *write += kin_utf8_write(c, *write);
    return KIN_OK;
}

/* at is behind the opening quote. The result is never longer than its source. */
static kin_status read_string(parser *p, const char **out)
{
    char *write = p->at;
    *out = write;
    while (*p->at != '"') {
        unsigned char c = (unsigned char)*p->at;
        if (c < 0x20) return unexpected(p, "a string's characters or its closing quote");
        if (c == '\\') {
            p->at++;
            KIN_TRY(read_escape(p, &write));
        } else if (c < 0x80) {
            *write++ = *p->at++;
        } else {
            const unsigned char *next = (const unsigned char *)p->at;
            bool valid;
            int32_t character = kin_utf8_read(&next, (const unsigned char *)p->end, &valid);
            if (!valid) return FAIL(p, "a string holds byte 0x%02x, which is not UTF-8", c);
            p->at += next - (const unsigned char *)p->at;
            write += kin_utf8_write(character, write);
        }
    }
    *write = 0;
    p->at++;
    return KIN_OK;
}

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9') at++;
    return at;
}

static kin_status read_number(parser *p, kin_json *value)
{
    const char *start = p->at, *at = start + (*start == '-');
    const char *digits = at;
    at = skip_digits(at);
    bool good = at > digits && (*digits != '0' || at == digits + 1);
    value->whole = true;
    if (good && *at == '.') {
        digits = at + 1;
        at = skip_digits(digits);
        good = at > digits;
        value->whole = false;
    }
    if (good && (*at == 'e' || *at == 'E')) {
        digits = at + 1 + (at[1] == '+' || at[1] == '-');
        at = skip_digits(digits);
        good = at > digits;
        value->whole = false;
    }
    if (!good || at - start > NUMBER_MAX)
        return FAIL(p, "\"%.20s\" is not a number as JSON has it", start);
    value->kind = KIN_JSON_NUMBER;
    value->number = strtod_l(start, NULL, p->locale);
    if (value->number == 0 && *start == '-') value->whole = false;     /* as others read -0 */
    if (!isfinite(value->number)) return FAIL(p, "the number %.20s is too large", start);
    p->at += at - start;
    return KIN_OK;
}

static kin_status read_word(parser *p, kin_json *value)
{
    static const struct { const char *text; int size; kin_json_kind kind; bool truth; } words[] = {
        {"null", 4, KIN_JSON_NULL, false}, {"true", 4, KIN_JSON_BOOLEAN, true},
        {"false", 5, KIN_JSON_BOOLEAN, false}};
    for (int i = 0; i < 3; i++) {
        if (strncmp(p->at, words[i].text, (size_t)words[i].size) != 0) continue;
        p->at += words[i].size;
        value->kind = words[i].kind;
        value->truth = words[i].truth;
        return KIN_OK;
    }
    return unexpected(p, "a value");
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* A new value at the end of the open array or object. */
static kin_status add_value(parser *p, const char *key, kin_json **out)
{
    if (p->values == KIN_JSON_VALUES) return FAIL(p, "more than %d values", KIN_JSON_VALUES);
    if (p->values % BLOCK == 0) {
        block *fresh = malloc(sizeof *fresh);
        KIN_REQUIRE(fresh, KIN_MEMORY, "%s: no memory for its values", p->tree->name);
        fresh->next = p->tree->blocks;
        p->tree->blocks = fresh;
    }
    kin_json *value = &p->tree->blocks->value[p->values++ % BLOCK];
    *value = (kin_json){.kind = KIN_JSON_NULL, .line = p->line, .key = key};
    *out = value;
    if (p->depth == 0) {
        p->tree->root = value;
        return KIN_OK;
    }
    level *top = &p->stack[p->depth - 1];
    if (top->last) top->last->next = value;
    else top->value->first = value;
    top->last = value;
    top->value->count++;
    return KIN_OK;
}

static kin_status read_value(parser *p, const char *key)
{
    kin_json *value = NULL;
    skip_space(p);
    KIN_TRY(add_value(p, key, &value));
    char c = *p->at;
    if (c == '-' || (c >= '0' && c <= '9')) return read_number(p, value);
    if (c == '"') {
        p->at++;
        value->kind = KIN_JSON_STRING;
        return read_string(p, &value->string);
    }
    if (c != '{' && c != '[') return read_word(p, value);
    if (p->depth == KIN_JSON_DEPTH)
        return FAIL(p, "more than %d levels of brackets", KIN_JSON_DEPTH);
    p->at++;
    value->kind = c == '{' ? KIN_JSON_OBJECT : KIN_JSON_ARRAY;
    value->first = NULL;
    p->stack[p->depth++] = (level){.value = value};
    return KIN_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const kin_json *x = *(const kin_json *const *)a, *y = *(const kin_json *const *)b;
    return strcmp(x->key, y->key);
}

static kin_status refuse_duplicates(parser *p, const kin_json *object)
{
    if (object->count < 2) return KIN_OK;
    const kin_json **sorted = malloc(sizeof *sorted * (size_t)object->count);
    KIN_REQUIRE(sorted, KIN_MEMORY, "%s: no memory to compare keys", p->tree->name);
    int32_t n = 0;
    for (const kin_json *m = object->first; m; m = m->next) sorted[n++] = m;
    qsort(sorted, (size_t)n, sizeof *sorted, compare_keys);
    kin_status status = KIN_OK;
    for (int32_t i = 1; i < n && status == KIN_OK; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            status = FAIL(p, "the key \"%.60s\" occurs twice in one object", sorted[i]->key);
    free(sorted);
    return status;
}

/* The next member of the open array or object, or its end. */
static kin_status step(parser *p)
{
    level *top = &p->stack[p->depth - 1];
    bool object = top->value->kind == KIN_JSON_OBJECT;
    skip_space(p);
    if (*p->at == (object ? '}' : ']')) {
        p->at++;
        p->depth--;
        return object ? refuse_duplicates(p, top->value) : KIN_OK;
    }
    if (top->last) {
        if (*p->at != ',') return unexpected(p, object ? "',' or '}'" : "',' or ']'");
        p->at++;
        skip_space(p);
    }
    if (!object) return read_value(p, NULL);
    const char *key = NULL;
    if (*p->at != '"') return unexpected(p, "a key in quotes");
    p->at++;
    KIN_TRY(read_string(p, &key));
    skip_space(p);
    if (*p->at != ':') return unexpected(p, "':'");
    p->at++;
    return read_value(p, key);
}

static kin_status read_tree(parser *p)
{
    KIN_TRY(read_value(p, NULL));
    while (p->depth > 0) KIN_TRY(step(p));
    skip_space(p);
    return p->at == p->end ? KIN_OK : unexpected(p, "the end of the file");
}

/* Takes bytes, which end with a NUL that size does not count. */
static kin_status parse(kin_json_tree **out, const char *name, int32_t line, char *bytes,
                        size_t size)
{
    kin_json_tree *tree = calloc(1, sizeof *tree);
    locale_t locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    kin_status status = KIN_OK;
    if (tree) tree->name = strdup(name);
    if (!tree || !tree->name || !locale) status = kin_fail(KIN_MEMORY, "%s: no memory", name);
    if (tree) tree->bytes = bytes;
    else free(bytes);
    if (status == KIN_OK) {
        parser p = {.tree = tree, .at = bytes, .end = bytes + size, .line = line,
                    .locale = locale};
        status = read_tree(&p);
    }
    if (locale) freelocale(locale);
    if (status != KIN_OK) kin_json_free(tree);
    else *out = tree;
    return status;
}

kin_status kin_json_parse_from(kin_json_tree **tree, const char *name, int32_t line,
                               const char *bytes, size_t size)
{
    *tree = NULL;
    KIN_REQUIRE(size <= KIN_JSON_BYTES, KIN_DATA, "%s: %zu bytes of JSON, at most %zu are read",
                name, size, KIN_JSON_BYTES);
    char *copy = malloc(size + 1);
    KIN_REQUIRE(copy, KIN_MEMORY, "%s: no memory for %zu bytes", name, size);
    memcpy(copy, bytes, size);
    copy[size] = 0;
    return parse(tree, name, line, copy, size);
}

kin_status kin_json_parse(kin_json_tree **tree, const char *name, const char *bytes, size_t size)
{
    return kin_json_parse_from(tree, name, 1, bytes, size);
}

kin_status kin_json_read(kin_json_tree **tree, const char *path)
{
    kin_map map;
    *tree = NULL;
    KIN_TRY(kin_file_map(path, &map));
    kin_status status = kin_json_parse(tree, path, map.bytes, map.size);
    kin_file_unmap(&map);
    return status;
}

void kin_json_free(kin_json_tree *tree)
{
    if (!tree) return;
    while (tree->blocks) {
        block *next = tree->blocks->next;
        free(tree->blocks);
        tree->blocks = next;
    }
    free(tree->name);
    free(tree->bytes);
    free(tree);
}

const char *kin_json_name(const kin_json_tree *tree)
{
    return tree->name;
}

const kin_json *kin_json_root(const kin_json_tree *tree)
{
    return tree->root;
}
