/* Index files: 64 bytes of header, a table of sections of 48 bytes each, then the sections, each
 * from a multiple of 64 on, zeros between them. Numbers are little-endian.
 *
 *     header    "kinindex", version (u32), sections (u32), bytes of the file (u64), xxh64 of header
 *               and table where this number is 0 (u64), zeros
 *     section   name (15 bytes and a zero), offset, bytes, xxh64 of them (u64 each), a zero (u64)
 *
 * "settings" says which index it is, "rows" holds its rows in float as it keeps them; others belong
 * to the kind of index (ivf.lists) or to whoever saved it. Bytes for int8 are made anew. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "core/hash.h"
#include "mining/inside.h"

enum { VERSION = 1, HEADER = 64, ENTRY = 48, ALIGN = 64, MOST = 32, NAME = 16 };
static const char magic[8] = "kinindex";

typedef struct {
    char name[NAME];
    uint64_t offset, size, sum, zero;
} entry;

typedef struct {
    char magic[8];
    uint32_t version, sections;
    uint64_t size, sum, zero[4];
} header;

typedef struct {
    header head;
    entry entry[MOST];
} table;

static size_t aligned(size_t n) { return (n + ALIGN - 1) / ALIGN * ALIGN; }
static size_t table_size(uint32_t sections) { return HEADER + (size_t)ENTRY * sections; }

/* ---- writing -------------------------------------------------------------------------------- */

struct kin_section_writer {
    const char *path;
    table table;
    const void *bytes[MOST];
    void *own[MOST];                 /* to be freed */
};

kin_status kin_section_put(kin_section_writer *w, const char *name, const void *bytes, size_t size)
{
    const uint32_t i = w->table.head.sections;
    KIN_REQUIRE(i < MOST && strlen(name) < NAME && *name, KIN_USAGE,
                "%s: section '%s': %d sections at most, names of 1 to 15 bytes", w->path, name,
                MOST);
    for (uint32_t e = 0; e < i; e++)
        KIN_REQUIRE(strcmp(w->table.entry[e].name, name), KIN_USAGE, "%s: two sections '%s'",
                    w->path, name);
    entry *e = &w->table.entry[i];
    strcpy(e->name, name);
    e->size = size;
    e->sum = kin_xxh64(bytes, size, 0);
    w->bytes[i] = bytes;
    w->table.head.sections++;
    return KIN_OK;
}

kin_status kin_section_copy(kin_section_writer *w, const char *name, const void *bytes, size_t size)
{
    void *copy = malloc(size + 1);
    KIN_REQUIRE(copy, KIN_MEMORY, "%s: no memory for %zu bytes", w->path, size);
    if (size) memcpy(copy, bytes, size);
    const uint32_t i = w->table.head.sections;
    const kin_status status = kin_section_put(w, name, copy, size);
    if (status) free(copy);
    else w->own[i] = copy;
    return status;
}

kin_status kin_section_put_rows(kin_section_writer *w, const char *name, const kin_index *index,
                                int64_t rows, const real *x)
{
    const size_t n = (size_t)rows * (size_t)index->stride;
    real *host = malloc(n * sizeof *host + 1);
    KIN_REQUIRE(host, KIN_MEMORY, "%s: no memory for %lld rows", w->path, (long long)rows);
    if (n) index->backend->download(index->backend, host, x, n * sizeof *host);
    float *floats = (float *)(void *)host;        /* in place: a float is no longer than a real */
    for (size_t i = 0; i < n; i++) {
        const float v = (float)host[i];
        memcpy(floats + i, &v, sizeof v);
    }
    const uint32_t i = w->table.head.sections;
    const kin_status status = kin_section_put(w, name, floats, n * sizeof *floats);
    if (status) free(host);
    else w->own[i] = host;
    return status;
}

static void place_sections(kin_section_writer *w)
{
    header *h = &w->table.head;
    size_t at = aligned(table_size(h->sections));
    for (uint32_t i = 0; i < h->sections; i++) {
        w->table.entry[i].offset = at;
        at = aligned(at + w->table.entry[i].size);
    }
    memcpy(h->magic, magic, sizeof magic);
    h->version = VERSION;
    h->size = at;
    h->sum = 0;
    h->sum = kin_xxh64(&w->table, table_size(h->sections), 0);
}

static kin_status put_padded(kin_writer *out, const void *bytes, size_t size)
{
    static const char zeros[ALIGN];
    KIN_TRY(kin_writer_put(out, bytes, size));
    return kin_writer_put(out, zeros, aligned(size) - size);
}

static kin_status write_all(kin_section_writer *w)
{
    kin_writer *out;
    place_sections(w);
    KIN_TRY(kin_writer_open(&out, w->path));
    put_padded(out, &w->table, table_size(w->table.head.sections));
    for (uint32_t i = 0; i < w->table.head.sections; i++)
        put_padded(out, w->bytes[i], w->table.entry[i].size);
    return kin_writer_commit(out);                   /* tells of a failed put */
}

/* ---- settings ------------------------------------------------------------------------------- */

typedef struct {
    char kind[32];
    int64_t similarity, width, rows, hypers;
    uint64_t seed;
    struct { char name[24]; double value; } hyper[KIN_HYPERS_MAX];
} settings;

static size_t settings_size(int64_t hypers)
{
    return offsetof(settings, hyper) + (size_t)hypers * sizeof ((settings *)0)->hyper[0];
}

static kin_status put_settings(const kin_index *index, kin_section_writer *w)
{
    const kin_entry *e = &index->kind->entry;
    settings s = { .similarity = index->setting.similarity, .width = index->setting.width,
                   .rows = index->rows, .hypers = kin_hyper_count(e), .seed = index->setting.seed };
    snprintf(s.kind, sizeof s.kind, "%s", e->name);
    for (int64_t h = 0; h < s.hypers; h++) {
        snprintf(s.hyper[h].name, sizeof s.hyper[h].name, "%s", e->hypers[h].name);
        s.hyper[h].value = index->setting.hypers[h];
    }
    return kin_section_copy(w, "settings", &s, settings_size(s.hypers));
}

static kin_status put_all(const kin_index *index, kin_section_writer *w,
                          const kin_index_note *notes, int count)
{
    KIN_REQUIRE(index->state || !index->kind->save, KIN_USAGE, "%s: the index was not built",
                w->path);
    KIN_TRY(put_settings(index, w));
    KIN_TRY(kin_section_put_rows(w, "rows", index, index->rows, index->values));
    if (index->kind->save) KIN_TRY(index->kind->save(index, w));
    for (int i = 0; i < count; i++)
        KIN_TRY(kin_section_put(w, notes[i].name, notes[i].bytes, notes[i].size));
    return kin_backend_check(index->backend);
}

kin_status kin_index_save(const kin_index *index, const char *path, const kin_index_note *notes,
                          int count)
{
    kin_section_writer *w = calloc(1, sizeof *w);
    KIN_REQUIRE(w, KIN_MEMORY, "%s: no memory to write it", path);
    w->path = path;
    kin_status status = put_all(index, w, notes, count);
    if (!status) status = write_all(w);
    for (int i = 0; i < MOST; i++) free(w->own[i]);
    free(w);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct kin_index_file {
    kin_map map;
    char *path;
    table table;
};

static kin_status check_section(const kin_index_file *f, const entry *e, size_t at)
{
    const char *bytes = f->map.bytes;
    const bool named = *e->name && memchr(e->name, 0, NAME) && !e->zero;
    KIN_REQUIRE(named && e->offset == at && e->size <= f->map.size - at
                && aligned(e->size) <= f->map.size - at, KIN_DATA,
                "%s: damaged: section '%.15s' lies where it cannot", f->path, e->name);
    for (size_t i = at + e->size; i < at + aligned(e->size); i++)
        KIN_REQUIRE(!bytes[i], KIN_DATA, "%s: damaged: byte %zu is not 0", f->path, i);
    KIN_REQUIRE(kin_xxh64(bytes + at, e->size, 0) == e->sum, KIN_DATA,
                "%s: damaged: the checksum of section '%.15s' differs", f->path, e->name);
    for (const entry *other = f->table.entry; other < e; other++)
        KIN_REQUIRE(strcmp(other->name, e->name), KIN_DATA, "%s: two sections '%.15s'", f->path,
                    e->name);
    return KIN_OK;
}

static kin_status check_file(kin_index_file *f)
{
    const size_t size = f->map.size;
    header *h = &f->table.head;
    KIN_REQUIRE(size >= HEADER && !memcmp(f->map.bytes, magic, sizeof magic), KIN_DATA,
                "%s: is not an index file of kin", f->path);
    memcpy(h, f->map.bytes, HEADER);
    KIN_REQUIRE(h->version == VERSION, KIN_DATA, "%s: index file of version %u, expected %d",
                f->path, h->version, VERSION);
    KIN_REQUIRE(h->size == size, KIN_DATA, "%s: %zu bytes, its header says %llu: truncated or "
                "damaged", f->path, size, (unsigned long long)h->size);
    KIN_REQUIRE(h->sections <= MOST && aligned(table_size(h->sections)) <= size, KIN_DATA,
                "%s: damaged: %u sections, %d at most", f->path, h->sections, MOST);
    memcpy(&f->table, f->map.bytes, table_size(h->sections));
    const uint64_t sum = h->sum;
    h->sum = 0;
    KIN_REQUIRE(kin_xxh64(&f->table, table_size(h->sections), 0) == sum, KIN_DATA,
                "%s: damaged: the checksum of its header differs", f->path);
    size_t at = aligned(table_size(h->sections));
    for (size_t i = table_size(h->sections); i < at; i++)
        KIN_REQUIRE(!f->map.bytes[i], KIN_DATA, "%s: damaged: byte %zu is not 0", f->path, i);
    for (uint32_t i = 0; i < h->sections; i++) {
        KIN_TRY(check_section(f, &f->table.entry[i], at));
        at += aligned(f->table.entry[i].size);
    }
    KIN_REQUIRE(at == size, KIN_DATA, "%s: damaged: %zu bytes behind its sections", f->path,
                size - at);
    return KIN_OK;
}

kin_status kin_index_file_open(kin_index_file **out, const char *path)
{
    kin_index_file *f = *out = calloc(1, sizeof *f);
    KIN_REQUIRE(f && (f->path = strdup(path)), KIN_MEMORY, "%s: no memory to read it", path);
    kin_status status = kin_file_map(path, &f->map);
    if (!status) status = check_file(f);
    if (status) {
        kin_index_file_close(f);
        *out = NULL;
    }
    return status;
}

void kin_index_file_close(kin_index_file *f)
{
    if (!f) return;
    kin_file_unmap(&f->map);
    free(f->path);
    free(f);
}

const char *kin_index_file_path(const kin_index_file *f) { return f->path; }

kin_status kin_index_file_note(const kin_index_file *f, const char *name, kin_index_note *note)
{
    for (uint32_t i = 0; i < f->table.head.sections; i++) {
        const entry *e = &f->table.entry[i];
        if (strcmp(e->name, name)) continue;
        *note = (kin_index_note){ e->name, f->map.bytes + e->offset, (size_t)e->size };
        return KIN_OK;
    }
    return kin_fail(KIN_DATA, "%s: there is no section '%s'", f->path, name);
}

kin_status kin_section_get(const kin_index_file *f, const char *name, size_t size,
                           const void **bytes)
{
    kin_index_note note = { .size = 0 };
    KIN_TRY(kin_index_file_note(f, name, &note));
    KIN_REQUIRE(note.size == size, KIN_DATA, "%s: section '%s' has %zu bytes, expected %zu",
                f->path, name, note.size, size);
    *bytes = note.bytes;
    return KIN_OK;
}

kin_status kin_section_rows(const kin_index_file *f, const char *name, kin_index *index,
                            int64_t rows, real *to)
{
    size_t n, size;
    const void *bytes = NULL;
    const bool fits = !__builtin_mul_overflow((size_t)rows, (size_t)index->stride, &n)
                      && !__builtin_mul_overflow(n, sizeof(float), &size);
    KIN_REQUIRE(fits, KIN_DATA, "%s: too many rows", f->path);
    KIN_TRY(kin_section_get(f, name, size, &bytes));
    const float *floats = bytes;
    const real *from = (const real *)bytes;
    real *wide = NULL;
    if (sizeof(real) != sizeof(float)) {
        wide = malloc(n * sizeof *wide + 1);
        KIN_REQUIRE(wide, KIN_MEMORY, "%s: no memory for %lld rows", f->path, (long long)rows);
        for (size_t i = 0; i < n; i++) wide[i] = (real)floats[i];
        from = wide;
    }
    if (n) index->backend->upload(index->backend, to, from, n * sizeof *to);
    free(wide);
    kin_status status = kin_backend_check(index->backend);
    if (!status)
        status = kin_index_check_rows(index, rows, index->stride, to, name, KIN_DATA);
    return status == KIN_DATA ? kin_fail_in(status, "%s", f->path) : status;
}

/* ---- loading -------------------------------------------------------------------------------- */

static kin_status read_hypers(const kin_index_file *f, const settings *s, kin_index_setting *to)
{
    const kin_entry *e = kin_indexes.items[to->kind];
    KIN_REQUIRE(s->hypers == kin_hyper_count(e), KIN_DATA, "%s: index %s has %lld settings, "
                "expected %d", f->path, e->name, (long long)s->hypers, kin_hyper_count(e));
    for (int h = 0; h < (int)s->hypers; h++) {
        const kin_hyper *k = &e->hypers[h];
        const double v = s->hyper[h].value;
        const bool whole = !(k->flags & KIN_INTEGER || k->choices) || v == rint(v);
        KIN_REQUIRE(memchr(s->hyper[h].name, 0, sizeof s->hyper[h].name)
                    && !strcmp(s->hyper[h].name, k->name), KIN_DATA,
                    "%s: setting '%.23s' of index %s, expected %s", f->path, s->hyper[h].name,
                    e->name, k->name);
        KIN_REQUIRE(v >= k->min && v <= k->max && whole, KIN_DATA,
                    "%s: %s is %g, expected %g .. %g", f->path, k->name, v, k->min, k->max);
        to->hypers[h] = v;
    }
    return KIN_OK;
}

static kin_status read_settings(const kin_index_file *f, settings *s, kin_index_setting *to)
{
    kin_index_note note = { .size = 0 };
    KIN_TRY(kin_index_file_note(f, "settings", &note));
    const bool sized = note.size >= settings_size(0) && note.size <= sizeof *s;
    KIN_REQUIRE(sized, KIN_DATA, "%s: its settings have %zu bytes", f->path, note.size);
    memset(s, 0, sizeof *s);
    memcpy(s, note.bytes, note.size);
    const bool good = memchr(s->kind, 0, sizeof s->kind) && s->hypers >= 0
                      && s->hypers <= KIN_HYPERS_MAX && note.size == settings_size(s->hypers)
                      && s->width > 0 && s->width <= INT32_MAX && s->rows >= 0
                      && s->rows <= INT32_MAX - KIN_STRIP && s->similarity >= KIN_COSINE
                      && s->similarity <= KIN_EUCLIDEAN;
    KIN_REQUIRE(good, KIN_DATA, "%s: its settings are none: %lld rows of %lld numbers, similarity "
                "%lld", f->path, (long long)s->rows, (long long)s->width, (long long)s->similarity);
    *to = (kin_index_setting){ .similarity = (int)s->similarity, .width = s->width,
                               .seed = s->seed };
    const kin_status known = kin_list_find(&kin_indexes, s->kind, &to->kind);
    if (known) return kin_fail_in(KIN_DATA, "%s", f->path);
    return read_hypers(f, s, to);
}

static kin_status fill(kin_index *index, const kin_index_file *f, int64_t rows)
{
    kin_index_note note = { .size = 0 };
    KIN_TRY(kin_index_file_note(f, "rows", &note));
    KIN_REQUIRE((uint64_t)rows <= note.size, KIN_DATA, "%s: %lld rows in %zu bytes", f->path,
                (long long)rows, note.size);        /* before memory is asked for */
    KIN_REQUIRE(rows == 0 || (uint64_t)index->stride <= note.size / (uint64_t)rows, KIN_DATA,
                "%s: %lld rows of %lld numbers in %zu bytes", f->path, (long long)rows,
                (long long)index->stride, note.size);
    KIN_TRY(kin_index_reserve(index, rows));
    KIN_TRY(kin_section_rows(f, "rows", index, rows, index->values));
    index->rows = rows;
    kin_arena_reset(index->work);
    return index->kind->load(index, f);
}

kin_status kin_index_load(kin_index **out, kin_backend *backend, const kin_index_file *f)
{
    settings s;
    kin_index_setting setting;
    *out = NULL;
    KIN_TRY(read_settings(f, &s, &setting));
    KIN_TRY(kin_index_new(out, backend, &setting));
    kin_status status = fill(*out, f, s.rows);
    if (status == KIN_USAGE && backend->scan)        /* what nobody may ask for, no file may say */
        status = kin_fail_in(KIN_DATA, "%s", f->path);
    kin_arena_reset((*out)->work);
    if (status) {
        kin_index_free(*out);
        *out = NULL;
    }
    return status;
}
