#include "data/npy.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; kin_dtype dtype; } descrs[] = {
    {"<f4", KIN_F32}, {"<f8", KIN_F64}, {"<i4", KIN_I32}, {"<i8", KIN_I64}};
#define DESCRS ((int)(sizeof descrs / sizeof descrs[0]))

#define HEADER_MAX 65536             /* NumPy's own are of 118 bytes */

/* What the values of an array of this shape take; of a, only dtype and lengths are read. */
static kin_status array_bytes(const char *path, kin_status status, const kin_npy *a, size_t *bytes)
{
    size_t width = kin_dtype_bytes(a->dtype);
    bool good = a->rows >= 0 && a->cols >= 0 && a->depth >= 0
             && !__builtin_mul_overflow(width, (size_t)a->rows, bytes)
             && !__builtin_mul_overflow(*bytes, a->cols > 0 ? (size_t)a->cols : 1, bytes)
             && !__builtin_mul_overflow(*bytes, a->depth > 0 ? (size_t)a->depth : 1, bytes)
             && *bytes <= (size_t)1 << 53;
    char shape[KIN_NPY_SHAPE];
    KIN_REQUIRE(good, status, "%s: an array of shape %s is not possible", path,
                kin_npy_shape(a, shape));
    return KIN_OK;
}

const char *kin_npy_shape(const kin_npy *a, char text[KIN_NPY_SHAPE])
{
    const long long rows = a->rows, cols = a->cols, depth = a->depth;
    if (depth > 0) snprintf(text, KIN_NPY_SHAPE, "(%lld, %lld, %lld)", rows, cols, depth);
    else if (cols > 0) snprintf(text, KIN_NPY_SHAPE, "(%lld, %lld)", rows, cols);
    else snprintf(text, KIN_NPY_SHAPE, "(%lld,)", rows);
    return text;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct kin_npy_writer {
    kin_writer *file;
    char *path;
    int64_t rows, done;
    size_t row_bytes;
    bool text;
    kin_dtype dtype;
    int64_t line;                    /* of text: numbers in a line */
};

bool kin_npy_is_text(const char *path)
{
    const size_t size = strlen(path);
    return size >= 4 && strcmp(path + size - 4, ".txt") == 0;
}

static kin_status put_header(kin_writer *file, const kin_npy *like)
{
    char text[128 - 10], shape[KIN_NPY_SHAPE];
    int i = 0;
    while (descrs[i].dtype != like->dtype) i++;
    int size = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }",
                        descrs[i].name, kin_npy_shape(like, shape));
    memset(text + size, ' ', sizeof text - (size_t)size);
    text[sizeof text - 1] = '\n';
    KIN_TRY(kin_writer_put(file, "\x93NUMPY\x01\x00\x76\x00", 10));
    return kin_writer_put(file, text, sizeof text);
}

static kin_status open_like(kin_npy_writer **writer, const char *path, const kin_npy *like)
{
    size_t bytes = 0;
    bool known = false;
    *writer = NULL;
    for (int i = 0; i < DESCRS; i++) known |= descrs[i].dtype == like->dtype;
    KIN_REQUIRE(known, KIN_USAGE, "%s: kin does not write npy files of %s", path,
                kin_dtype_name(like->dtype));
    KIN_TRY(array_bytes(path, KIN_USAGE, like, &bytes));
    kin_npy_writer *w = calloc(1, sizeof *w);
    KIN_REQUIRE(w, KIN_MEMORY, "%s: no memory to write it", path);
    w->rows = like->rows;
    w->row_bytes = like->rows > 0 ? bytes / (size_t)like->rows : 0;
    w->path = strdup(path);
    kin_status status = w->path ? kin_writer_open(&w->file, path)
                                : kin_fail(KIN_MEMORY, "%s: no memory to write it", path);
    w->text = kin_npy_is_text(path);
    w->dtype = like->dtype;
    w->line = like->depth ? like->depth : like->cols ? like->cols : 1;
    if (status == KIN_OK && !w->text) status = put_header(w->file, like);
    if (status == KIN_OK) *writer = w;
    else kin_npy_abandon(w);
    return status;
}

kin_status kin_npy_open(kin_npy_writer **writer, const char *path, kin_dtype dtype, int64_t rows,
                        int64_t cols)
{
    return open_like(writer, path, &(kin_npy){.dtype = dtype, .rows = rows, .cols = cols});
}

/* The fewest digits that are the same number when they are read. */
static kin_status put_number(kin_writer *file, kin_dtype dtype, const void *values, int64_t i,
                             char after)
{
    char text[32];
    if (dtype == KIN_I32)
        return kin_writer_printf(file, "%d%c", ((const int32_t *)values)[i], after);
    if (dtype == KIN_I64)
        return kin_writer_printf(file, "%lld%c", (long long)((const int64_t *)values)[i], after);
    const bool narrow = dtype == KIN_F32;
    const double x = narrow ? (double)((const float *)values)[i] : ((const double *)values)[i];
    for (int digits = narrow ? 6 : 15; digits <= (narrow ? 9 : 17); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (narrow ? (double)strtof(text, NULL) == x : strtod(text, NULL) == x) break;
    }
    return kin_writer_printf(file, "%s%c", text, after);
}

static kin_status put_text(kin_npy_writer *w, const void *values, int64_t rows)
{
    const int64_t n = rows * (int64_t)(w->row_bytes / kin_dtype_bytes(w->dtype));
    for (int64_t i = 0; i < n; i++)
        KIN_TRY(put_number(w->file, w->dtype, values, i, (i + 1) % w->line ? ' ' : '\n'));
    return KIN_OK;
}

kin_status kin_npy_put(kin_npy_writer *writer, const void *values, int64_t rows)
{
    KIN_REQUIRE(rows >= 0 && rows <= writer->rows - writer->done, KIN_RUNTIME,
                "%s: %lld rows after %lld, %lld were announced", writer->path, (long long)rows,
                (long long)writer->done, (long long)writer->rows);
    writer->done += rows;
    if (rows == 0) return KIN_OK;
    if (writer->text) return put_text(writer, values, rows);
    return kin_writer_put(writer->file, values, writer->row_bytes * (size_t)rows);
}

static void free_writer(kin_npy_writer *writer)
{
    free(writer->path);
    free(writer);
}

kin_status kin_npy_commit(kin_npy_writer *writer)
{
    kin_status status;
    if (writer->done == writer->rows) {
        status = kin_writer_commit(writer->file);
    } else {
        status = kin_fail(KIN_RUNTIME, "%s: %lld rows were written, %lld announced", writer->path,
                          (long long)writer->done, (long long)writer->rows);
        kin_writer_abandon(writer->file);
    }
    free_writer(writer);
    return status;
}

void kin_npy_abandon(kin_npy_writer *writer)
{
    if (!writer) return;
    kin_writer_abandon(writer->file);
    free_writer(writer);
}

kin_status kin_npy_write_like(const char *path, const kin_npy *like, const void *values)
{
    kin_npy_writer *writer = NULL;
    KIN_TRY(open_like(&writer, path, like));
    kin_status status = kin_npy_put(writer, values, like->rows);
    if (status == KIN_OK) return kin_npy_commit(writer);
    kin_npy_abandon(writer);
    return status;
}

kin_status kin_npy_write(const char *path, kin_dtype dtype, int64_t rows, int64_t cols,
                         const void *values)
{
    return kin_npy_write_like(path, &(kin_npy){.dtype = dtype, .rows = rows, .cols = cols}, values);
}

/* ---- reading: the header is the text of a Python dictionary ---------------------------------- */

typedef struct {
    const char *path, *at, *end;
    kin_npy *array;
    bool seen[3];                    /* descr, fortran_order, shape */
} reader;

static kin_status bad_header(const reader *r, const char *expected)
{
    return kin_fail(KIN_DATA, "%s: the header is not one that kin reads: expected %s at byte %td",
                    r->path, expected, r->at - r->array->map.bytes);
}

static void skip_blanks(reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n')) r->at++;
}

static bool take(reader *r, const char *text)
{
    skip_blanks(r);
    size_t size = strlen(text);
    if ((size_t)(r->end - r->at) < size || memcmp(r->at, text, size) != 0) return false;
    r->at += size;
    return true;
}

/* A type that NumPy knows and kin does not is told, with what to do about it. */
static kin_status bad_descr(reader *r)
{
    int length = 1;
    skip_blanks(r);
    const char *at = r->at;
    while (length < 12 && at + length < r->end && isgraph((unsigned char)at[length]) &&
           at[length] != '\'')
        length++;
    if (at + length >= r->end || *at != '\'' || at[length] != '\'')
        return bad_header(r, "'<f4', '<f8', '<i4' or '<i8'");
    return kin_fail(KIN_DATA, "%s: numbers of type %.*s, expected '<f4', '<f8', '<i4' or '<i8' "
                    "(in NumPy: x.astype(...))", r->path, length + 1, at);
}

static kin_status read_descr(reader *r)
{
    for (int i = 0; i < DESCRS; i++) {
        char quoted[8];
        snprintf(quoted, sizeof quoted, "'%s'", descrs[i].name);
        if (!take(r, quoted)) continue;
        r->array->dtype = descrs[i].dtype;
        return KIN_OK;
    }
    return bad_descr(r);
}

static kin_status read_length(reader *r, int64_t *length)
{
    skip_blanks(r);
    const char *start = r->at;
    *length = 0;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && r->at - start < 17; r->at++)
        *length = *length * 10 + (*r->at - '0');
    return r->at > start ? KIN_OK : bad_header(r, "a length");
}

static kin_status read_shape(reader *r)
{
    int64_t length[3] = {0, 0, 0};
    int rank = 0;
    bool comma = true;
    if (!take(r, "(")) return bad_header(r, "'('");
    while (!take(r, ")")) {
        if (rank == 3) return bad_header(r, "')': one to three dimensions");
        if (!comma) return bad_header(r, "','");
        KIN_TRY(read_length(r, &length[rank++]));
        comma = take(r, ",");
        if (!comma && rank == 1) return bad_header(r, "','");
    }
    if (rank == 0) return bad_header(r, "one to three dimensions");
    if ((rank > 1 && length[1] == 0) || (rank > 2 && length[2] == 0))
        return bad_header(r, "columns");
    r->array->rows = length[0];
    r->array->cols = length[1];
    r->array->depth = length[2];
    return KIN_OK;
}

static kin_status read_key(reader *r)
{
    static const char *const keys[] = {"'descr'", "'fortran_order'", "'shape'"};
    int key = 0;
    while (key < 3 && !take(r, keys[key])) key++;
    if (key == 3 || r->seen[key]) return bad_header(r, "descr, fortran_order and shape, once each");
    r->seen[key] = true;
    if (!take(r, ":")) return bad_header(r, "':'");
    if (key == 0) return read_descr(r);
    if (key == 2) return read_shape(r);
    if (take(r, "True"))
        return kin_fail(KIN_DATA, "%s: columns are stored one after the other (fortran_order), "
                        "expected rows (in NumPy: np.ascontiguousarray(x))", r->path);
    return take(r, "False") ? KIN_OK : bad_header(r, "False or True");
}

static kin_status read_dictionary(reader *r)
{
    if (!take(r, "{")) return bad_header(r, "'{'");
    while (!take(r, "}")) {
        KIN_TRY(read_key(r));
        skip_blanks(r);
        if (!take(r, ",") && (r->at == r->end || *r->at != '}')) return bad_header(r, "',' or '}'");
    }
    if (!r->seen[0] || !r->seen[1] || !r->seen[2])
        return bad_header(r, "descr, fortran_order and shape");
    skip_blanks(r);
    return r->at == r->end ? KIN_OK : bad_header(r, "blanks up to the values");
}

static kin_status read_array(kin_npy *array, const char *path)
{
    const unsigned char *p = (const unsigned char *)array->map.bytes;
    size_t size = array->map.size, asked = 0;
    bool npy = size >= 12 && memcmp(p, "\x93NUMPY", 6) == 0 && p[6] >= 1 && p[6] <= 3 && p[7] == 0;
    KIN_REQUIRE(npy, KIN_DATA, "%s: not a NumPy array file of version 1, 2 or 3", path);
    size_t begin = p[6] == 1 ? 10 : 12;
    size_t length = p[8] | (size_t)p[9] << 8;
    if (p[6] > 1) length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    KIN_REQUIRE(length <= HEADER_MAX && length <= size - begin, KIN_DATA, "%s: the header's length "
                "is %zu, the file has %zu bytes and %d are allowed", path, length, size,
                HEADER_MAX);
    const char *header = array->map.bytes + begin;
    reader r = {.path = path, .at = header, .end = header + length, .array = array};
    KIN_TRY(read_dictionary(&r));
    KIN_TRY(array_bytes(path, KIN_DATA, array, &asked));
    KIN_REQUIRE(asked == size - begin - length, KIN_DATA, "%s: %zu bytes of values, its shape asks "
                "for %zu", path, size - begin - length, asked);
    array->values = header + length;
    KIN_REQUIRE((begin + length) % kin_dtype_bytes(array->dtype) == 0, KIN_DATA, "%s: the values "
                "begin at byte %zu, which is not aligned", path, begin + length);
    return KIN_OK;
}

kin_status kin_npy_map(kin_npy *array, const char *path)
{
    *array = (kin_npy){.rows = 0};
    KIN_TRY(kin_file_map(path, &array->map));
    kin_status status = read_array(array, path);
    if (status != KIN_OK) kin_npy_unmap(array);
    return status;
}

void kin_npy_unmap(kin_npy *array)
{
    kin_file_unmap(&array->map);
    free(array->room);
    *array = (kin_npy){.rows = 0};
}
