#include "train/tabbed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "data/text.h"
#include "metrics/names.h"

enum { ID, TEXT, NUMBER_BYTES = 20 };

typedef struct {
    const char *path;
    bool number;
    int64_t line;
    kin_tabbed *to;
    int64_t used[2];
    kin_names seen;
} reading;

static void put(reading *r, int what, const char *bytes, size_t size)
{
    kin_tabbed *t = r->to;
    memcpy(t->bytes[what] + r->used[what], bytes, size);
    r->used[what] += (int64_t)size;
    t->start[what][t->id.count + 1] = r->used[what];
}

static kin_status put_id(reading *r, const char *id, size_t size)
{
    bool word = size > 0;
    for (size_t i = 0; i < size; i++) word &= (unsigned char)id[i] > ' ' && id[i] != 127;
    KIN_REQUIRE(word, KIN_DATA, "%s line %lld: the id is empty or holds a blank or control "
                "character", r->path, (long long)r->line);
    const int64_t known = r->seen.count;
    const int32_t place = kin_names_add(&r->seen, id, (int64_t)size);
    KIN_REQUIRE(place >= 0, KIN_MEMORY, "%s: no memory for its ids", r->path);
    KIN_REQUIRE(place == known, KIN_DATA, "%s line %lld: the id '%.*s' came before", r->path,
                (long long)r->line, size > 80 ? 80 : (int)size, id);
    put(r, ID, id, size);
    return KIN_OK;
}

static kin_status read_line(reading *r, const char *line, size_t size)
{
    bool blank = true;
    for (size_t i = 0; i < size && blank; i++) blank = (unsigned char)line[i] <= ' ';
    if (blank) return KIN_OK;
    const char *tab = memchr(line, '\t', size);
    KIN_REQUIRE(!memchr(line, 0, size) && kin_utf8_valid(line, (int64_t)size), KIN_DATA,
                "%s line %lld: is not text in UTF-8", r->path, (long long)r->line);
    KIN_REQUIRE(tab || r->number, KIN_DATA, "%s line %lld: has no tab, expected id<TAB>text",
                r->path, (long long)r->line);
    char number[NUMBER_BYTES + 1];
    const int digits = snprintf(number, sizeof number, "%lld", (long long)r->line);
    if (tab) KIN_TRY(put_id(r, line, (size_t)(tab - line)));
    else KIN_TRY(put_id(r, number, (size_t)digits));
    const char *text = tab ? tab + 1 : line;
    put(r, TEXT, text, (size_t)(line + size - text));
    r->to->id.count = ++r->to->text.count;
    return KIN_OK;
}

static kin_status take_room(reading *r, size_t size, int64_t lines)
{
    kin_tabbed *t = r->to;
    for (int i = 0; i < 2; i++) {
        t->bytes[i] = malloc(size + (i == ID ? (size_t)lines * NUMBER_BYTES : 0) + 1);
        t->start[i] = calloc((size_t)lines + 1, sizeof *t->start[i]);
        KIN_REQUIRE(t->bytes[i] && t->start[i], KIN_MEMORY, "%s: no memory for %lld lines",
                    r->path, (long long)lines);
    }
    t->id = (kin_texts){ .bytes = t->bytes[ID], .start = t->start[ID] };
    t->text = (kin_texts){ .bytes = t->bytes[TEXT], .start = t->start[TEXT] };
    return KIN_OK;
}

static kin_status read_all(reading *r, const char *bytes, size_t size)
{
    int64_t lines = 1;
    for (size_t i = 0; i < size; i++) lines += bytes[i] == '\n';
    KIN_REQUIRE(lines < INT32_MAX, KIN_DATA, "%s: more than 2^31 lines", r->path);
    KIN_TRY(take_room(r, size, lines));
    for (const char *at = bytes, *end = bytes + size; at < end;) {
        const char *feed = memchr(at, '\n', (size_t)(end - at)), *stop = feed ? feed : end;
        size_t length = (size_t)(stop - at);
        if (length && at[length - 1] == '\r') length--;
        r->line++;
        KIN_TRY(read_line(r, at, length));
        at = feed ? feed + 1 : end;
    }
    return KIN_OK;
}

kin_status kin_tabbed_read(kin_tabbed *tabbed, const char *path, bool number)
{
    reading r = { .path = path, .number = number, .to = tabbed };
    char *bytes;
    size_t size;
    *tabbed = (kin_tabbed){ .id.count = 0 };
    KIN_TRY(kin_file_read(path, &bytes, &size));
    const kin_status status = read_all(&r, bytes, size);
    kin_names_free(&r.seen);
    free(bytes);
    if (status) kin_tabbed_free(tabbed);
    return status;
}

void kin_tabbed_free(kin_tabbed *t)
{
    for (int i = 0; i < 2; i++) {
        free(t->bytes[i]);
        free(t->start[i]);
    }
    *t = (kin_tabbed){ .id.count = 0 };
}
