#include "data/safetensors.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "core/file.h"
#include "data/json.h"

#define HEADER_MAX 100000000

static const struct { const char *name; size_t bytes; } dtypes[] = {
#define X(name, bytes) {#name, bytes},
    KIN_EACH_DTYPE(X)
#undef X
};
#define DTYPES ((int)(sizeof dtypes / sizeof dtypes[0]))

struct kin_safetensors {
    char *path;
    kin_map map;
    const char *values;              /* behind the header */
    size_t size;                     /* of the values */
    kin_json_tree *header;
    const kin_json *notes;           /* __metadata__, or NULL */
    kin_safetensor *tensors;
    const kin_safetensor **by_name;  /* sorted */
    int count;
};

const char *kin_dtype_name(kin_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t kin_dtype_bytes(kin_dtype dtype)
{
    return dtypes[dtype].bytes;
}

/* ---- reading the header ---------------------------------------------------------------------- */

static kin_status read_dtype(const kin_safetensors *f, const kin_json *entry, kin_safetensor *t)
{
    const char *name = NULL;
    KIN_TRY(kin_json_need_string(f->header, entry, "dtype", &name));
    for (int i = 0; i < DTYPES; i++) {
        if (strcmp(name, dtypes[i].name) != 0) continue;
        t->dtype = (kin_dtype)i;
        return KIN_OK;
    }
    return kin_fail(KIN_DATA, "%s: tensor \"%.80s\" has the unknown dtype \"%.20s\"", f->path,
                    t->name, name);
}

/* Whole numbers >= 0 in a list, at most room of them. */
static kin_status read_list(const kin_safetensors *f, const kin_json *entry, const char *key,
                            const char *tensor, int64_t *out, int room, int *count)
{
    const kin_json *list = NULL;
    KIN_TRY(kin_json_need(f->header, entry, key, KIN_JSON_ARRAY, &list));
    KIN_REQUIRE(list->count <= room, KIN_DATA, "%s: tensor \"%.80s\" has %d numbers in %s, at most "
                "%d are read", f->path, tensor, (int)list->count, key, room);
    *count = 0;
    for (const kin_json *m = list->first; m; m = m->next) {
        bool good = m->kind == KIN_JSON_NUMBER && m->whole && m->number >= 0
                 && m->number <= 0x1p53;
        KIN_REQUIRE(good, KIN_DATA, "%s: tensor \"%.80s\" has in %s what is not a whole number "
                    "from 0 to 2^53", f->path, tensor, key);
        out[(*count)++] = (int64_t)m->number;
    }
    return KIN_OK;
}

/* Bytes that the shape asks for; false when they do not fit a size. */
static bool shape_bytes(const kin_safetensor *t, size_t *bytes)
{
    *bytes = kin_dtype_bytes(t->dtype);
    for (int i = 0; i < t->rank; i++)
        if (__builtin_mul_overflow(*bytes, (size_t)t->shape[i], bytes)) return false;
    return true;
}

static kin_status read_tensor(const kin_safetensors *f, const kin_json *entry, kin_safetensor *t)
{
    int64_t offset[2] = {0, 0};
    int offsets = 0;
    size_t asked = 0;
    t->name = entry->key;
    KIN_TRY(read_dtype(f, entry, t));
    KIN_TRY(read_list(f, entry, "shape", t->name, t->shape, KIN_RANK_MAX, &t->rank));
    KIN_TRY(read_list(f, entry, "data_offsets", t->name, offset, 2, &offsets));
    KIN_REQUIRE(entry->count == 3, KIN_DATA, "%s: tensor \"%.80s\" has %d keys, expected dtype, "
                "shape and data_offsets", f->path, t->name, (int)entry->count);
    bool inside = offsets == 2 && offset[0] <= offset[1] && offset[1] <= (int64_t)f->size;
    KIN_REQUIRE(inside, KIN_DATA, "%s: tensor \"%.80s\" lies at %lld to %lld, the values have %zu "
                "bytes", f->path, t->name, (long long)offset[0], (long long)offset[1], f->size);
    t->bytes = (size_t)(offset[1] - offset[0]);
    t->values = f->values + offset[0];
    bool fits = shape_bytes(t, &asked) && asked == t->bytes;
    KIN_REQUIRE(fits, KIN_DATA, "%s: tensor \"%.80s\" has %zu bytes, which is not what its shape "
                "and dtype ask for", f->path, t->name, t->bytes);
    return KIN_OK;
}

static int by_place(const void *a, const void *b)
{
    const kin_safetensor *x = *(const kin_safetensor *const *)a;
    const kin_safetensor *y = *(const kin_safetensor *const *)b;
    const char *p = x->values, *q = y->values;
    if (p != q) return p < q ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b)
{
    const kin_safetensor *x = *(const kin_safetensor *const *)a;
    const kin_safetensor *y = *(const kin_safetensor *const *)b;
    return strcmp(x->name, y->name);
}

static const kin_safetensor **sorted(const kin_safetensors *f,
                                     int (*compare)(const void *, const void *))
{
    const kin_safetensor **list = malloc(sizeof *list * ((size_t)f->count + 1));
    for (int i = 0; list && i < f->count; i++) list[i] = &f->tensors[i];
    if (list) qsort(list, (size_t)f->count, sizeof *list, compare);
    return list;
}

/* Tensors must follow one another from the first byte of the values to the last. */
static kin_status check_places(const kin_safetensors *f)
{
    const kin_safetensor **list = sorted(f, by_place);
    KIN_REQUIRE(list, KIN_MEMORY, "%s: no memory for %d tensors", f->path, f->count);
    const char *end = f->values;
    kin_status status = KIN_OK;
    for (int i = 0; i < f->count && status == KIN_OK; i++) {
        const char *at = list[i]->values;
        if (at != end)
            status = kin_fail(KIN_DATA, "%s: tensor \"%.80s\" begins at %td, the one before ends "
                              "at %td", f->path, list[i]->name, at - f->values, end - f->values);
        end = at + list[i]->bytes;
    }
    if (status == KIN_OK && end != f->values + f->size)
        status = kin_fail(KIN_DATA, "%s: the tensors end at %td, the values have %zu bytes",
                          f->path, end - f->values, f->size);
    free(list);
    return status;
}

static kin_status check_notes(const kin_safetensors *f)
{
    if (!f->notes) return KIN_OK;
    KIN_REQUIRE(f->notes->kind == KIN_JSON_OBJECT, KIN_DATA, "%s: __metadata__ is not an object",
                f->path);
    for (const kin_json *m = f->notes->first; m; m = m->next)
        KIN_REQUIRE(m->kind == KIN_JSON_STRING, KIN_DATA, "%s: __metadata__ \"%.80s\" is not a "
                    "string", f->path, m->key);
    return KIN_OK;
}

/* The notes "xxh64:NAME", where there are any. */
static kin_status check_sums(const kin_safetensors *f)
{
    for (const kin_json *m = f->notes ? f->notes->first : NULL; m; m = m->next) {
        if (strncmp(m->key, "xxh64:", 6) != 0) continue;
        const kin_safetensor *t = kin_safetensors_find(f, m->key + 6);
        KIN_REQUIRE(t, KIN_DATA, "%s: there is an xxh64 of tensor \"%.80s\", but no such tensor",
                    f->path, m->key + 6);
        char sum[20];
        snprintf(sum, sizeof sum, "%016llx", (unsigned long long)XXH64(t->values, t->bytes, 0));
        KIN_REQUIRE(strcmp(sum, m->string) == 0, KIN_DATA, "%s: tensor \"%.80s\" is damaged: its "
                    "xxh64 is %s, written was %.20s", f->path, t->name, sum, m->string);
    }
    return KIN_OK;
}

static kin_status read_entries(kin_safetensors *f)
{
    const kin_json *root = kin_json_root(f->header);
    KIN_REQUIRE(root->kind == KIN_JSON_OBJECT, KIN_DATA, "%s: the header is not an object",
                f->path);
    f->notes = kin_json_get(root, "__metadata__");
    KIN_TRY(check_notes(f));
    f->tensors = calloc((size_t)root->count + 1, sizeof *f->tensors);
    KIN_REQUIRE(f->tensors, KIN_MEMORY, "%s: no memory for %d tensors", f->path, (int)root->count);
    for (const kin_json *m = root->first; m; m = m->next)
        if (m != f->notes) KIN_TRY(read_tensor(f, m, &f->tensors[f->count++]));
    KIN_TRY(check_places(f));
    f->by_name = sorted(f, by_name);
    KIN_REQUIRE(f->by_name, KIN_MEMORY, "%s: no memory for %d tensors", f->path, f->count);
    return check_sums(f);
}

static kin_status read_header(kin_safetensors *f)
{
    const unsigned char *p = (const unsigned char *)f->map.bytes;
    uint64_t size = 0;
    KIN_REQUIRE(f->map.size >= 8, KIN_DATA, "%s: %zu bytes are too few for a safetensors file",
                f->path, f->map.size);
    for (int i = 7; i >= 0; i--) size = size << 8 | p[i];
    KIN_REQUIRE(size <= HEADER_MAX && size <= f->map.size - 8, KIN_DATA, "%s: the header's length "
                "is %llu, the file has %zu bytes and %d are allowed", f->path,
                (unsigned long long)size, f->map.size, HEADER_MAX);
    f->values = f->map.bytes + 8 + size;
    f->size = f->map.size - 8 - (size_t)size;
    KIN_REQUIRE(size > 0 && f->map.bytes[8] == '{', KIN_DATA, "%s: the header does not begin with "
                "'{'", f->path);
    while (size > 1 && f->map.bytes[8 + size - 1] == ' ') size--;
    KIN_REQUIRE(f->map.bytes[8 + size - 1] == '}', KIN_DATA, "%s: the header does not end with '}' "
                "and blanks", f->path);
    KIN_TRY(kin_json_parse(&f->header, f->path, f->map.bytes + 8, (size_t)size));
    return read_entries(f);
}

kin_status kin_safetensors_open(kin_safetensors **file, const char *path)
{
    kin_safetensors *f = calloc(1, sizeof *f);
    *file = NULL;
    KIN_REQUIRE(f, KIN_MEMORY, "%s: no memory to read it", path);
    f->path = strdup(path);
    kin_status status = f->path ? kin_file_map(path, &f->map)
                                : kin_fail(KIN_MEMORY, "%s: no memory to read it", path);
    if (status == KIN_OK) status = read_header(f);
    if (status == KIN_OK) *file = f;
    else kin_safetensors_close(f);
    return status;
}

void kin_safetensors_close(kin_safetensors *file)
{
    if (!file) return;
    kin_json_free(file->header);
    kin_file_unmap(&file->map);
    free(file->tensors);
    free(file->by_name);
    free(file->path);
    free(file);
}

/* ---- what is in it --------------------------------------------------------------------------- */

int kin_safetensors_count(const kin_safetensors *file)
{
    return file->count;
}

const kin_safetensor *kin_safetensors_at(const kin_safetensors *file, int i)
{
    return &file->tensors[i];
}

const kin_safetensor *kin_safetensors_find(const kin_safetensors *file, const char *name)
{
    kin_safetensor wanted = {.name = name};
    const kin_safetensor *key = &wanted;
    const kin_safetensor **found = bsearch(&key, file->by_name, (size_t)file->count,
                                           sizeof *file->by_name, by_name);
    return found ? *found : NULL;
}

const char *kin_safetensors_note(const kin_safetensors *file, const char *key)
{
    const kin_json *note = file->notes ? kin_json_get(file->notes, key) : NULL;
    return note ? note->string : NULL;
}

kin_status kin_safetensors_need(const kin_safetensors *file, const char *name, int64_t rows,
                                int64_t cols, const kin_safetensor **tensor)
{
    const kin_safetensor *t = kin_safetensors_find(file, name);
    KIN_REQUIRE(t, KIN_DATA, "%s: there is no tensor \"%s\"", file->path, name);
    int rank = cols == 0 ? 1 : 2;
    KIN_REQUIRE(t->rank == rank, KIN_DATA, "%s: tensor \"%s\" has %d dimensions, expected %d",
                file->path, name, t->rank, rank);
    bool fits = (rows < 0 || t->shape[0] == rows) && (cols <= 0 || t->shape[1] == cols);
    KIN_REQUIRE(fits, KIN_DATA, "%s: tensor \"%s\" is %lldx%lld, expected %lldx%lld (-1: any)",
                file->path, name, (long long)t->shape[0], (long long)(rank == 2 ? t->shape[1] : 1),
                (long long)rows, (long long)(rank == 2 ? cols : 1));
    *tensor = t;
    return KIN_OK;
}

static float half_value(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 0 ? ldexp(fraction, -24)
                : exponent < 31 ? ldexp(fraction + 1024, exponent - 25)
                : fraction ? (double)NAN : (double)INFINITY;
    return (float)(bits >> 15 ? -size : size);
}

static float bfloat_value(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* Values may lie at any byte of the file. */
static float value_at(const kin_safetensor *t, size_t i)
{
    const char *at = (const char *)t->values + i * kin_dtype_bytes(t->dtype);
    double wide;
    uint16_t bits;
    if (t->dtype == KIN_F64) {
        memcpy(&wide, at, sizeof wide);
        return (float)wide;
    }
    memcpy(&bits, at, sizeof bits);
    return t->dtype == KIN_F16 ? half_value(bits) : bfloat_value(bits);
}

kin_status kin_safetensors_floats(const kin_safetensors *file, const kin_safetensor *tensor,
                                  float *out)
{
    bool known = tensor->dtype == KIN_F64 || tensor->dtype == KIN_F32 || tensor->dtype == KIN_F16
              || tensor->dtype == KIN_BF16;
    KIN_REQUIRE(known, KIN_DATA, "%s: tensor \"%.80s\" has dtype %s, expected F32, F64, F16 or "
                "BF16", file->path, tensor->name, kin_dtype_name(tensor->dtype));
    size_t n = tensor->bytes / kin_dtype_bytes(tensor->dtype);
    if (tensor->dtype == KIN_F32) memcpy(out, tensor->values, tensor->bytes);
    else for (size_t i = 0; i < n; i++) out[i] = value_at(tensor, i);
    int64_t bad = kin_floats_bad(out, (int64_t)n);
    KIN_REQUIRE(bad < 0, KIN_DATA, "%s: value %lld of tensor \"%.80s\" is not finite", file->path,
                (long long)bad, tensor->name);
    return KIN_OK;
}

int64_t kin_floats_bad(const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return i;
    return -1;
}
