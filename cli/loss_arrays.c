/* Loss, arrays: the files, each looked at by itself. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/loss.h"

static const char *type_name(kin_dtype dtype)
{
    switch (dtype) {
    case KIN_F32: return "float32";
    case KIN_F64: return "float64";
    case KIN_I32: return "int32";
    default: return "int64";
    }
}

kin_status loss_refuse(const loss_array *a, const char *expected, ...)
{
    char shape[KIN_NPY_SHAPE], text[256];
    va_list arguments;
    va_start(arguments, expected);
    vsnprintf(text, sizeof text, expected, arguments);
    va_end(arguments);
    return kin_fail(KIN_DATA, "%s: %s of shape %s, expected %s", a->path,
                    type_name(a->file.dtype), kin_npy_shape(&a->file, shape), text);
}

/* ---- kinds and shapes ----------------------------------------------------------------------- */

static int rank(const kin_npy *a) { return a->depth ? 3 : a->cols ? 2 : 1; }

static int64_t size_of(const kin_npy *a)
{
    return a->rows * (a->cols ? a->cols : 1) * (a->depth ? a->depth : 1);
}

static bool is_real(const kin_npy *a) { return a->dtype == KIN_F32 || a->dtype == KIN_F64; }

static kin_status check_shape(const loss_array *a, int which)
{
    static const struct { const char *expected; int least, most; } shapes[LOSS_ARRAYS] = {
        [LOSS_QUERY] = { "B x D floating-point numbers", 2, 2 },
        [LOSS_DOCUMENT] = { "N x D floating-point numbers", 2, 2 },
        [LOSS_NEGATIVE] = { "M x D or B x M x D floating-point numbers", 2, 3 },
        [LOSS_PROXY] = { "C x D floating-point numbers", 2, 2 },
        [LOSS_SCORE] = { "B x N floating-point numbers", 2, 2 },
        [LOSS_TARGET] = { "B x N floating-point numbers, or one for each pair", 1, 2 },
        [LOSS_LABEL] = { "one whole number for each row", 1, 1 },
        [LOSS_DOCUMENT_LABEL] = { "one whole number for each document", 1, 1 },
        [LOSS_POSITIVE] = { "rows (i, j) or (i, j, 1 or 0) of whole numbers", 2, 2 },
        [LOSS_TRIPLET] = { "rows (anchor, positive, negative) of whole numbers", 2, 2 },
    };
    const int64_t cols = a->file.cols;
    bool good = is_real(&a->file) == (which < LOSS_NUMBERS) && a->file.rows > 0 &&
                rank(&a->file) >= shapes[which].least && rank(&a->file) <= shapes[which].most;
    if (which == LOSS_POSITIVE) good = good && (cols == 2 || cols == 3);
    if (which == LOSS_TRIPLET) good = good && cols == 3;
    return good ? KIN_OK : loss_refuse(a, "%s", shapes[which].expected);
}

static kin_status check_finite(const loss_array *a)
{
    const kin_npy *f = &a->file;
    const int64_t n = size_of(f), inner = f->depth ? f->depth : f->cols ? f->cols : 1;
    for (int64_t i = 0; i < n; i++) {
        const double x = f->dtype == KIN_F32 ? (double)((const float *)f->values)[i]
                                             : ((const double *)f->values)[i];
        if (isfinite(x)) continue;
        char where[96];
        const long long row = i / inner, column = i % inner;
        if (f->depth)
            snprintf(where, sizeof where, "row %lld, negative %lld, column %lld",
                     row / (long long)f->cols, row % (long long)f->cols, column);
        else
            snprintf(where, sizeof where, "row %lld, column %lld", row, column);
        return kin_fail(KIN_NUMERICAL, "%s: %s (counted from 0) is %g, expected finite numbers",
                        a->path, where, x);
    }
    return KIN_OK;
}

/* Embeddings that are compared have the same number of columns. */
static kin_status check_widths(const loss_call *c)
{
    const loss_array *q = &c->array[LOSS_QUERY];
    for (int i = LOSS_DOCUMENT; i <= LOSS_PROXY; i++) {
        const loss_array *a = &c->array[i];
        const int64_t width = a->file.depth ? a->file.depth : a->file.cols;
        if (a->path && width != q->file.cols)
            return loss_refuse(a, "%lld columns as in %s", (long long)q->file.cols, q->path);
    }
    return KIN_OK;
}

/* One precision for all. */
static kin_status check_precision(const loss_call *c, bool *in_double)
{
    const loss_array *first = NULL;
    for (int i = 0; i < LOSS_NUMBERS; i++) {
        const loss_array *a = &c->array[i];
        if (!a->path) continue;
        if (!first) first = a;
        if (a->file.dtype != first->file.dtype)
            return loss_refuse(a, "%s as in %s", type_name(first->file.dtype), first->path);
    }
    *in_double = first->file.dtype == KIN_F64;
    if (!*in_double && sizeof(real) == sizeof(double))
        return loss_refuse(first, "float64: kin64 computes in double, kin in both");
    return KIN_OK;
}

static kin_status open_array(loss_array *a, int which)
{
    const bool whole = which >= LOSS_NUMBERS;
    if (!kin_npy_is_text(a->path)) return kin_npy_map(&a->file, a->path);
    return kin_npy_read_text(&a->file, a->path, whole, whole || which == LOSS_TARGET);
}

kin_status loss_open_arrays(loss_call *c, bool *in_double)
{
    for (int i = 0; i < LOSS_ARRAYS; i++) {
        if (!c->array[i].path) continue;
        KIN_TRY(open_array(&c->array[i], i));
        KIN_TRY(check_shape(&c->array[i], i));
    }
    KIN_TRY(check_precision(c, in_double));
    KIN_TRY(check_widths(c));
    for (int i = 0; i < LOSS_NUMBERS; i++)
        if (c->array[i].path) KIN_TRY(check_finite(&c->array[i]));
    return KIN_OK;
}

void loss_close_arrays(loss_call *c)
{
    for (int i = 0; i < LOSS_ARRAYS; i++) kin_npy_unmap(&c->array[i].file);
}

/* ---- whole numbers -------------------------------------------------------------------------- */

static int64_t whole(const kin_npy *a, int64_t i)
{
    return a->dtype == KIN_I32 ? ((const int32_t *)a->values)[i] : ((const int64_t *)a->values)[i];
}

kin_status loss_integers(loss_call *c, int which, int64_t low, int64_t high, int32_t **numbers)
{
    const loss_array *a = &c->array[which];
    const int64_t n = size_of(&a->file), cols = a->file.cols ? a->file.cols : 1;
    *numbers = loss_room(c, n, sizeof **numbers);
    if (!*numbers) return KIN_MEMORY;
    for (int64_t i = 0; i < n; i++) {
        const int64_t x = whole(&a->file, i);
        KIN_REQUIRE(x >= low && x <= high, KIN_DATA, "%s: row %lld, column %lld (counted from 0) "
                    "is %lld, expected %lld to %lld", a->path, (long long)(i / cols),
                    (long long)(i % cols), (long long)x, (long long)low, (long long)high);
        (*numbers)[i] = (int32_t)x;
    }
    return KIN_OK;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int32_t place_of(const int64_t *sorted, int64_t n, int64_t x)
{
    const int64_t *found = bsearch(&x, sorted, (size_t)n, sizeof x, by_size);
    return (int32_t)(found - sorted);
}

kin_status loss_labels(loss_call *c, int a, int b, int32_t **of_a, int32_t **of_b, int32_t *count)
{
    const int which[2] = { a, b };
    int32_t **const to[2] = { of_a, of_b };
    int64_t n = 0, different = 0, total = 0;
    for (int k = 0; k < 2; k++) total += which[k] < 0 ? 0 : c->array[which[k]].file.rows;
    int64_t *all = loss_room(c, total, sizeof *all);
    if (!all) return KIN_MEMORY;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; which[k] >= 0 && i < c->array[which[k]].file.rows; i++)
            all[n++] = whole(&c->array[which[k]].file, i);
    qsort(all, (size_t)n, sizeof *all, by_size);
    for (int64_t i = 0; i < n; i++)
        if (!i || all[i] != all[different - 1]) all[different++] = all[i];
    for (int k = 0; k < 2; k++) {
        if (which[k] < 0) continue;
        const kin_npy *f = &c->array[which[k]].file;
        if (!(*to[k] = loss_room(c, f->rows, sizeof **to[k]))) return KIN_MEMORY;
        for (int64_t i = 0; i < f->rows; i++) (*to[k])[i] = place_of(all, different, whole(f, i));
    }
    *count = (int32_t)different;
    return KIN_OK;
}
