#include "data/idx.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"

enum { BYTES = 8, HEAD = 4 + 4 * KIN_IDX_DIMS };
#define EACH_MOST 1000000          /* numbers of an item */

/* Gives up to `most` further bytes of the file; fewer at its end. */
typedef struct source source;
struct source {
    const char *path;
    kin_status (*read)(source *, uint8_t *to, size_t most, size_t *got);
    const uint8_t *at, *end;       /* of the file as it lies on the disk */
    void *stream;                  /* zlib's */
    size_t bound;                  /* most bytes that can come out of it */
    bool ended;
};

static kin_status read_plain(source *s, uint8_t *to, size_t most, size_t *got)
{
    *got = (size_t)(s->end - s->at) < most ? (size_t)(s->end - s->at) : most;
    memcpy(to, s->at, *got);
    s->at += *got;
    return KIN_OK;
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static bool is_gzip(const kin_map *file)
{
    return file->size >= 2 && (uint8_t)file->bytes[0] == 0x1F && (uint8_t)file->bytes[1] == 0x8B;
}

#ifdef KIN_ZLIB
#include <zlib.h>

enum { RATIO = 1040, GZIP_WINDOW = 15 + 16 };      /* deflate's most is 1032 */

static kin_status read_gzip(source *s, uint8_t *to, size_t most, size_t *got)
{
    z_stream *z = s->stream;
    *got = 0;
    while (*got < most && !s->ended) {
        const size_t left = (size_t)(s->end - s->at), step = 1 << 30;
        z->next_in = (Bytef *)(uintptr_t)s->at;
        z->avail_in = (uInt)(left < step ? left : step);
        z->next_out = to + *got;
        z->avail_out = (uInt)(most - *got < step ? most - *got : step);
        const int result = inflate(z, Z_NO_FLUSH);
        s->at = z->next_in;
        const size_t before = *got;
        *got = (size_t)(z->next_out - to);
        s->ended = result == Z_STREAM_END;
        const bool stuck = *got == before && s->at == s->end && !s->ended;
        KIN_REQUIRE((result == Z_OK || s->ended) && !stuck, KIN_DATA, "%s: damaged gzip data%s",
                    s->path, stuck || result == Z_BUF_ERROR ? ": it ends too early" : "");
    }
    return KIN_OK;
}

static kin_status open_gzip(source *s)
{
    z_stream *z = s->stream = calloc(1, sizeof *z);
    KIN_REQUIRE(z, KIN_MEMORY, "%s: no memory to read it", s->path);
    s->read = read_gzip;
    s->bound = (size_t)(s->end - s->at) * RATIO;
    const bool good = inflateInit2(z, GZIP_WINDOW) == Z_OK;
    if (!good) {
        free(z);
        s->stream = NULL;
    }
    KIN_REQUIRE(good, KIN_MEMORY, "%s: no memory to read it", s->path);
    return KIN_OK;
}

static void close_gzip(source *s)
{
    if (s->stream) inflateEnd(s->stream);
    free(s->stream);
}

#else

static kin_status open_gzip(source *s)
{
    return kin_fail(KIN_RUNTIME, "%s: this kin was built without zlib and reads no gzip: unpack it "
                    "with gunzip", s->path);
}

static void close_gzip(source *s) { (void)s; }

#endif

/* ---- the format ------------------------------------------------------------------------------ */

static int64_t big_endian(const uint8_t *at)
{
    return (int64_t)at[0] << 24 | (int64_t)at[1] << 16 | (int64_t)at[2] << 8 | at[3];
}

static kin_status read_sizes(kin_idx *idx, source *s, int64_t *total)
{
    uint8_t head[HEAD];
    size_t got;
    KIN_TRY(s->read(s, head, 4, &got));
    KIN_REQUIRE(got == 4 && head[0] == 0 && head[1] == 0, KIN_DATA,
                "%s: not an IDX file (it begins with two zero bytes)", s->path);
    KIN_REQUIRE(head[2] == BYTES, KIN_DATA, "%s: holds numbers of type 0x%02x, expected bytes, "
                "0x%02x", s->path, head[2], BYTES);
    KIN_REQUIRE(head[3] >= 1 && head[3] <= KIN_IDX_DIMS, KIN_DATA,
                "%s: %d dimensions, expected 1 to %d", s->path, head[3], KIN_IDX_DIMS);
    idx->dims = head[3];
    KIN_TRY(s->read(s, head, 4 * (size_t)idx->dims, &got));
    KIN_REQUIRE(got == 4 * (size_t)idx->dims, KIN_DATA, "%s: truncated before its sizes end",
                s->path);
    idx->each = 1;
    for (int i = 0; i < idx->dims; i++) {
        idx->size[i] = big_endian(head + 4 * i);
        KIN_REQUIRE(idx->size[i] > 0 && idx->size[i] < INT32_MAX, KIN_DATA,
                    "%s: dimension %d is %lld, expected 1 to 2^31 - 2", s->path, i + 1,
                    (long long)idx->size[i]);
        if (i > 0) idx->each *= idx->size[i];
        KIN_REQUIRE(idx->each <= EACH_MOST, KIN_DATA, "%s: %lld numbers an item, at most %d are "
                    "allowed", s->path, (long long)idx->each, EACH_MOST);
    }
    *total = idx->size[0] * idx->each;
    return KIN_OK;
}

/* What the file's own length allows bounds what is taken for it. */
static kin_status read_all(kin_idx *idx, source *s)
{
    int64_t total = 0;
    size_t got, beyond;
    uint8_t more;
    KIN_TRY(read_sizes(idx, s, &total));
    KIN_REQUIRE((uint64_t)total <= s->bound, KIN_DATA, "%s: its sizes ask for %lld bytes, which "
                "the file cannot hold", s->path, (long long)total);
    idx->bytes = malloc((size_t)total);
    KIN_REQUIRE(idx->bytes, KIN_MEMORY, "%s: no memory for %lld bytes", s->path,
                (long long)total);
    KIN_TRY(s->read(s, idx->bytes, (size_t)total, &got));
    KIN_REQUIRE(got == (size_t)total, KIN_DATA, "%s: truncated: %zu bytes, its sizes ask for %lld",
                s->path, got, (long long)total);
    KIN_TRY(s->read(s, &more, 1, &beyond));
    KIN_REQUIRE(beyond == 0 && s->at == s->end, KIN_DATA,
                "%s: too long: bytes follow the %lld that its sizes ask for", s->path,
                (long long)total);
    return KIN_OK;
}

kin_status kin_idx_read(kin_idx *idx, const char *path)
{
    kin_map file;
    *idx = (kin_idx){0};
    KIN_TRY(kin_file_map(path, &file));
    source s = {.path = path, .read = read_plain, .at = (const uint8_t *)file.bytes,
                .end = (const uint8_t *)file.bytes + file.size, .bound = file.size};
    kin_status status = is_gzip(&file) ? open_gzip(&s) : KIN_OK;
    if (status == KIN_OK) status = read_all(idx, &s);
    close_gzip(&s);
    kin_file_unmap(&file);
    if (status != KIN_OK) kin_idx_free(idx);
    return status;
}

void kin_idx_free(kin_idx *idx)
{
    free(idx->bytes);
    *idx = (kin_idx){0};
}
