/* The JSON writer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "data/json.h"
#include "data/text.h"

static void append(kin_json_out *out, const char *bytes, size_t size)
{
    if (out->failed) return;
    if (out->size + size + 1 > out->room) {
        size_t room = 2 * (out->size + size) + 256;
        char *grown = realloc(out->bytes, room);
        if (!grown) {
            out->failed = true;
            return;
        }
        out->bytes = grown;
        out->room = room;
    }
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

static void new_line(kin_json_out *out)
{
    append(out, "\n", 1);
    for (int i = 0; i < out->indent * out->depth; i++) append(out, " ", 1);
}

/* In quotes; runs of harmless characters at once. */
static void append_string(kin_json_out *out, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;
    append(out, "\"", 1);
    while (at < end) {
        const unsigned char *run = at;
        bool valid = true;
        char code[8];
        while (at < end && *at >= 0x20 && *at != '"' && *at != '\\' && valid) {
            const unsigned char *before = at;
            kin_utf8_read(&at, end, &valid);
            if (!valid) at = before;
        }
        append(out, (const char *)run, (size_t)(at - run));
        if (at == end) break;
        if (!valid) append(out, "\xef\xbf\xbd", 3);
        else if (*at >= 0x20) append(out, code, (size_t)sprintf(code, "\\%c", *at));
        else if (*at == '\n') append(out, "\\n", 2);
        else if (*at == '\t') append(out, "\\t", 2);
        else append(out, code, (size_t)sprintf(code, "\\u%04x", *at));
        at++;
    }
    append(out, "\"", 1);
}

static void misuse(kin_json_out *out, const char *what)
{
    if (!out->misuse) out->misuse = what;
}

/* Comma, new line and key, as the place asks for. */
static void begin_value(kin_json_out *out, const char *key)
{
    bool inside = out->depth > 0;
    bool object = inside && out->closer[out->depth - 1] == '}';
    if (object != (key != NULL)) misuse(out, key ? "a key outside an object" : "a missing key");
    if (!inside && out->size > 0) misuse(out, "a second value at the top");
    if (out->members) append(out, ",", 1);
    if (inside && out->indent > 0) new_line(out);
    else if (out->members) append(out, " ", 1);
    if (key) {
        append_string(out, key, strlen(key));
        append(out, ": ", 2);
    }
    out->members = true;
}

void kin_json_open(kin_json_out *out, const char *key, char bracket)
{
    begin_value(out, key);
    if (out->depth == KIN_JSON_DEPTH) {
        misuse(out, "too many levels");
        return;
    }
    append(out, &bracket, 1);
    out->closer[out->depth++] = bracket == '{' ? '}' : ']';
    out->members = false;
}

void kin_json_close(kin_json_out *out)
{
    if (out->depth == 0) {
        misuse(out, "a bracket closed that was not open");
        return;
    }
    out->depth--;
    if (out->members && out->indent > 0) new_line(out);
    append(out, &out->closer[out->depth], 1);
    out->members = true;
}

void kin_json_put_bytes(kin_json_out *out, const char *key, const char *bytes, size_t size)
{
    begin_value(out, key);
    append_string(out, bytes, size);
}

void kin_json_put_string(kin_json_out *out, const char *key, const char *string)
{
    kin_json_put_bytes(out, key, string, strlen(string));
}

/* printf writes the locale's decimal point (some have more than one byte), JSON wants a point. */
static void put_digits(kin_json_out *out, const char *key, double number, int digits)
{
    char text[40];
    if (!isfinite(number)) {
        kin_json_put_null(out, key);
        return;
    }
    int size = snprintf(text, sizeof text, "%.*g", digits, number), kept = 0;
    for (int i = 0; i < size; i++) {
        bool plain = strchr("+-0123456789e", text[i]) != NULL;
        if (plain) text[kept++] = text[i];
        else if (kept > 0 && text[kept - 1] != '.') text[kept++] = '.';
    }
    begin_value(out, key);
    append(out, text, (size_t)kept);
}

void kin_json_put_number(kin_json_out *out, const char *key, double number)
{
    put_digits(out, key, number, 9);
}

void kin_json_put_exact(kin_json_out *out, const char *key, double number)
{
    put_digits(out, key, number, 17);
}

void kin_json_put_whole(kin_json_out *out, const char *key, int64_t number)
{
    char text[24];
    begin_value(out, key);
    append(out, text, (size_t)sprintf(text, "%lld", (long long)number));
}

void kin_json_put_boolean(kin_json_out *out, const char *key, bool truth)
{
    begin_value(out, key);
    append(out, truth ? "true" : "false", truth ? 4 : 5);
}

void kin_json_put_null(kin_json_out *out, const char *key)
{
    begin_value(out, key);
    append(out, "null", 4);
}

kin_status kin_json_finish(kin_json_out *out)
{
    if (out->depth > 0) misuse(out, "a bracket left open");
    append(out, "\n", 1);
    KIN_REQUIRE(!out->failed, KIN_MEMORY, "no memory for %zu bytes of JSON", out->size);
    out->bytes[out->size] = 0;
    KIN_REQUIRE(!out->misuse, KIN_RUNTIME, "JSON was written with %s", out->misuse);
    return KIN_OK;
}

kin_status kin_json_save(kin_json_out *out, const char *path)
{
    kin_status status = kin_json_finish(out);
    if (status == KIN_OK) status = kin_file_write(path, out->bytes, out->size);
    kin_json_discard(out);
    return status;
}

void kin_json_discard(kin_json_out *out)
{
    free(out->bytes);
    *out = (kin_json_out){0};
}
