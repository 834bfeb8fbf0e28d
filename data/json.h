/* JSON: a strict reader (a file becomes a tree) and a small writer. The reader takes what RFC 8259
 * allows and nothing else: valid UTF-8, no duplicate keys, no NUL characters, at most
 * KIN_JSON_DEPTH levels, no recursion. Every message names the file and the line or the key. */
#ifndef KIN_DATA_JSON_H
#define KIN_DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/status.h"

#define KIN_JSON_DEPTH 32                       /* levels of nesting */
#define KIN_JSON_BYTES ((size_t)100000000)      /* largest file */
#define KIN_JSON_VALUES 2000000                 /* most values in one file */

/* ---- reading -------------------------------------------------------------------------------- */

typedef enum {
    KIN_JSON_NULL, KIN_JSON_BOOLEAN, KIN_JSON_NUMBER, KIN_JSON_STRING, KIN_JSON_ARRAY,
    KIN_JSON_OBJECT
} kin_json_kind;

/* A value. Members of arrays and objects are a list in the order of the file:
 *     for (const kin_json *m = object->first; m; m = m->next) ... m->key ... */
typedef struct kin_json {
    kin_json_kind kind;
    bool whole;                                 /* a number without fraction and exponent */
    int32_t line;                               /* where it begins, counted from 1 */
    int32_t count;                              /* members */
    const char *key;                            /* NULL unless it is an object's member */
    union {
        double number;
        bool truth;
        const char *string;                     /* UTF-8, ends with NUL, contains none */
        const struct kin_json *first;           /* first member, or NULL */
    };
    const struct kin_json *next;
} kin_json;

typedef struct kin_json_tree kin_json_tree;     /* owns the values */

/* KIN_DATA: the file cannot be read or is not strict JSON. name is used in messages. */
kin_status kin_json_read(kin_json_tree **tree, const char *path);
kin_status kin_json_parse(kin_json_tree **tree, const char *name, const char *bytes, size_t size);
/* The same of part of a file: lines are counted from `line`. */
kin_status kin_json_parse_from(kin_json_tree **tree, const char *name, int32_t line,
                               const char *bytes, size_t size);
void kin_json_free(kin_json_tree *tree);

const char *kin_json_name(const kin_json_tree *tree);
const kin_json *kin_json_root(const kin_json_tree *tree);

/* Member called key, or NULL; looks at one member after the other. */
const kin_json *kin_json_get(const kin_json *object, const char *key);

/* Member that must be there with this kind (KIN_DATA otherwise). */
kin_status kin_json_need(const kin_json_tree *tree, const kin_json *object, const char *key,
                         kin_json_kind kind, const kin_json **value);
kin_status kin_json_need_string(const kin_json_tree *tree, const kin_json *object, const char *key,
                                const char **value);
kin_status kin_json_need_number(const kin_json_tree *tree, const kin_json *object, const char *key,
                                double *value);
/* A whole number from low to high (both at most 2^53 in size). */
kin_status kin_json_need_whole(const kin_json_tree *tree, const kin_json *object, const char *key,
                               int64_t low, int64_t high, int64_t *value);
kin_status kin_json_need_boolean(const kin_json_tree *tree, const kin_json *object,
                                 const char *key, bool *value);

/* ---- writing -------------------------------------------------------------------------------- */

/* Text that grows as values are put. Start with {0}, or {.indent = 2} for one member a line.
 * key: NULL inside arrays and at the top. Errors are kept until kin_json_finish:
 *     kin_json_out out = {0};
 *     kin_json_open(&out, NULL, '{');
 *     kin_json_put_number(&out, "loss", 0.25);
 *     kin_json_close(&out);
 *     KIN_TRY(kin_json_finish(&out));  ... out.bytes, out.size ...
 *     kin_json_discard(&out); */
typedef struct {
    int indent;
    char *bytes;                                /* ends with NUL after kin_json_finish */
    size_t size;
    size_t room;                                /* the rest is the writer's own */
    int depth;
    char closer[KIN_JSON_DEPTH];
    bool members, failed;
    const char *misuse;
} kin_json_out;

void kin_json_open(kin_json_out *out, const char *key, char bracket);   /* '{' or '[' */
void kin_json_close(kin_json_out *out);
void kin_json_put_string(kin_json_out *out, const char *key, const char *string);
/* Bytes that are not UTF-8 become U+FFFD, one each. */
void kin_json_put_bytes(kin_json_out *out, const char *key, const char *bytes, size_t size);
void kin_json_put_number(kin_json_out *out, const char *key, double number);   /* 9 digits */
void kin_json_put_exact(kin_json_out *out, const char *key, double number);    /* 17 digits */
void kin_json_put_whole(kin_json_out *out, const char *key, int64_t number);
void kin_json_put_boolean(kin_json_out *out, const char *key, bool truth);
void kin_json_put_null(kin_json_out *out, const char *key);
/* NaN and infinity, which JSON lacks, are written as null. */

/* Ends the text with a newline; KIN_MEMORY when memory ran short, KIN_RUNTIME when brackets or keys
 * were misused. The text stays until kin_json_discard. */
kin_status kin_json_finish(kin_json_out *out);
/* Finishes, writes the file (as kin_file_write) and discards. */
kin_status kin_json_save(kin_json_out *out, const char *path);
void kin_json_discard(kin_json_out *out);                               /* {0} again */

#endif
