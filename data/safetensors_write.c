/* Writing safetensors files. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>
#include "core/file.h"
#include "data/json.h"
#include "data/safetensors.h"
#include "data/text.h"

#define HEADER_MAX 100000000

static kin_status tensor_bytes(const char *path, const kin_safetensor *t, size_t *bytes)
{
    bool good = t->name && t->name[0] && strcmp(t->name, "__metadata__") != 0
             && kin_utf8_valid(t->name, (int64_t)strlen(t->name));
    KIN_REQUIRE(good, KIN_USAGE, "%s: \"%s\" cannot be a tensor's name", path,
                t->name ? t->name : "");
    KIN_REQUIRE(t->rank >= 0 && t->rank <= KIN_RANK_MAX, KIN_USAGE, "%s: tensor \"%s\" has %d "
                "dimensions, at most %d are possible", path, t->name, t->rank, KIN_RANK_MAX);
    *bytes = kin_dtype_bytes(t->dtype);
    for (int i = 0; i < t->rank; i++) {
        bool fits = t->shape[i] >= 0
                 && !__builtin_mul_overflow(*bytes, (size_t)t->shape[i], bytes);
        KIN_REQUIRE(fits && *bytes <= (size_t)1 << 53, KIN_USAGE, "%s: tensor \"%s\" has length "
                    "%lld in dimension %d", path, t->name, (long long)t->shape[i], i);
    }
    return KIN_OK;
}

/* The values as they stand in the file, piece by piece: to a writer, or into a checksum. */
typedef kin_status take_bytes(void *to, const void *bytes, size_t size);

static kin_status give_values(const kin_safetensor *t, size_t bytes, take_bytes *take, void *to)
{
    enum { PIECE = 16384 };
    float piece[PIECE];
    if (!bytes) return KIN_OK;
    if (!t->row_scale) return take(to, t->values, bytes);
    const size_t n = bytes / sizeof *piece, cols = n / (size_t)t->shape[0];
    const float *x = t->values;
    for (size_t at = 0; at < n; at += PIECE) {
        const size_t now = n - at < PIECE ? n - at : PIECE;
        for (size_t i = 0; i < now; i++) piece[i] = x[at + i] * t->row_scale[(at + i) / cols];
        KIN_TRY(take(to, piece, now * sizeof *piece));
    }
    return KIN_OK;
}

static kin_status take_sum(void *to, const void *bytes, size_t size)
{
    XXH64_update(to, bytes, size);
    return KIN_OK;
}

static kin_status take_written(void *to, const void *bytes, size_t size)
{
    return kin_writer_put(to, bytes, size);
}

static kin_status sum_values(const kin_safetensor *t, size_t bytes, uint64_t *sum)
{
    XXH64_state_t *state = XXH64_createState();
    KIN_REQUIRE(state, KIN_MEMORY, "no memory for a checksum");
    XXH64_reset(state, 0);
    const kin_status status = give_values(t, bytes, take_sum, state);
    *sum = XXH64_digest(state);
    XXH64_freeState(state);
    return status;
}

static kin_status put_entry(kin_json_out *out, const char *path, const kin_safetensor *t,
                            int64_t *offset)
{
    size_t bytes = 0;
    KIN_TRY(tensor_bytes(path, t, &bytes));
    kin_json_open(out, t->name, '{');
    kin_json_put_string(out, "dtype", kin_dtype_name(t->dtype));
    kin_json_open(out, "shape", '[');
    for (int i = 0; i < t->rank; i++) kin_json_put_whole(out, NULL, t->shape[i]);
    kin_json_close(out);
    kin_json_open(out, "data_offsets", '[');
    kin_json_put_whole(out, NULL, *offset);
    *offset += (int64_t)bytes;
    kin_json_put_whole(out, NULL, *offset);
    kin_json_close(out);
    kin_json_close(out);
    return KIN_OK;
}

static kin_status put_notes(kin_json_out *out, const char *path, const kin_safetensor *tensors,
                            int count, const kin_safetensor_note *notes, int note_count)
{
    char key[300], sum[20];
    kin_json_open(out, "__metadata__", '{');
    for (int i = 0; i < note_count; i++) kin_json_put_string(out, notes[i].key, notes[i].value);
    for (int i = 0; i < count; i++) {
        size_t bytes = 0;
        KIN_TRY(tensor_bytes(path, &tensors[i], &bytes));
        int size = snprintf(key, sizeof key, "xxh64:%s", tensors[i].name);
        KIN_REQUIRE(size < (int)sizeof key, KIN_USAGE, "%s: the tensor name \"%.40s...\" is too "
                    "long", path, tensors[i].name);
        uint64_t hash = 0;
        KIN_TRY(sum_values(&tensors[i], bytes, &hash));
        snprintf(sum, sizeof sum, "%016llx", (unsigned long long)hash);
        kin_json_put_string(out, key, sum);
    }
    kin_json_close(out);
    return KIN_OK;
}

/* Tensors of wide values come first, so that all are aligned as their dtype asks. */
static kin_status put_header(kin_json_out *out, const char *path, const kin_safetensor *tensors,
                             int count, const kin_safetensor_note *notes, int note_count)
{
    int64_t offset = 0;
    kin_json_open(out, NULL, '{');
    KIN_TRY(put_notes(out, path, tensors, count, notes, note_count));
    for (size_t width = 8; width > 0; width /= 2)
        for (int i = 0; i < count; i++)
            if (kin_dtype_bytes(tensors[i].dtype) == width)
                KIN_TRY(put_entry(out, path, &tensors[i], &offset));
    kin_json_close(out);
    KIN_TRY(kin_json_finish(out));
    out->size--;                     /* without the newline */
    KIN_REQUIRE(out->size <= HEADER_MAX - 64, KIN_USAGE, "%s: the header would have %zu bytes",
                path, out->size);
    return KIN_OK;
}

static kin_status put_values(kin_writer *writer, const char *path, const kin_safetensor *tensors,
                             int count)
{
    for (size_t width = 8; width > 0; width /= 2) {
        for (int i = 0; i < count; i++) {
            size_t bytes = 0;
            if (kin_dtype_bytes(tensors[i].dtype) != width) continue;
            KIN_TRY(tensor_bytes(path, &tensors[i], &bytes));
            KIN_TRY(give_values(&tensors[i], bytes, take_written, writer));
        }
    }
    return KIN_OK;
}

static kin_status put_file(kin_writer *writer, const char *path, const kin_json_out *header,
                           const kin_safetensor *tensors, int count)
{
    static const char blanks[64 + 1] = "                                "
                                       "                                ";
    size_t padding = (64 - (8 + header->size) % 64) % 64;
    uint64_t size = header->size + padding;
    unsigned char length[8];
    for (int i = 0; i < 8; i++) length[i] = (unsigned char)(size >> 8 * i);
    KIN_TRY(kin_writer_put(writer, length, sizeof length));
    KIN_TRY(kin_writer_put(writer, header->bytes, header->size));
    KIN_TRY(kin_writer_put(writer, blanks, padding));
    return put_values(writer, path, tensors, count);
}

kin_status kin_safetensors_write(const char *path, const kin_safetensor *tensors, int count,
                                 const kin_safetensor_note *notes, int note_count)
{
    kin_json_out header = {0};
    kin_writer *writer = NULL;
    kin_status status = put_header(&header, path, tensors, count, notes, note_count);
    if (status == KIN_OK) status = kin_writer_open(&writer, path);
    if (status == KIN_OK) {
        status = put_file(writer, path, &header, tensors, count);
        if (status == KIN_OK) status = kin_writer_commit(writer);
        else kin_writer_abandon(writer);
    }
    kin_json_discard(&header);
    return status;
}
