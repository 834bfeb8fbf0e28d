/* IDX: what is accepted, plain or gzip'ed, holds as many numbers as its sizes say, and reads the
 * same after being written back. */
#include "tests/fuzz/fuzz.h"
#include "data/idx.h"

static void seeds(void)
{
    static const char items[] = "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x03" "abcdef";
    static const char packed[] =
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\xe0\x60\x64\x60\x60\x60\x63\x67"
        "\x66\x67\x67\x67\x06\x00\xea\x46\x9c\x61\x0e\x00\x00\x00";
    kin_idx file;
    add_seed(items, sizeof items - 1);
    add_seed("\0\0\x08\x01\0\0\0\x02xy", 10);
    const kin_status status = kin_idx_read(&file, write_bytes(in_folder("s"), packed,
                                                              sizeof packed - 1));
    if (status == KIN_OK) add_seed(packed, sizeof packed - 1);         /* built with zlib */
    kin_idx_free(&file);
}

static void write_back(const kin_idx *idx, const char *path)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fputc(0, file) == 0 && fputc(0, file) == 0 && fputc(8, file) == 8);
    fputc(idx->dims, file);
    for (int i = 0; i < idx->dims; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            fputc((int)(idx->size[i] >> shift & 255), file);
    fwrite(idx->bytes, 1, (size_t)(idx->size[0] * idx->each), file);
    CHECK(fclose(file) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_idx idx, again;
    const kin_status status = kin_idx_read(&idx, write_bytes(in_folder("a"), bytes, size));
    if (status == KIN_RUNTIME) return 0;                               /* gzip, and no zlib */
    if (!accepted(status, KIN_DATA)) return 0;
    int64_t each = 1;
    CHECK(idx.dims >= 1 && idx.dims <= KIN_IDX_DIMS);
    for (int i = 1; i < idx.dims; i++) each *= idx.size[i];
    CHECK(each == idx.each && idx.size[0] > 0);
    sum_bytes(idx.bytes, (size_t)(idx.size[0] * each));
    write_back(&idx, in_folder("b"));
    CHECK(kin_idx_read(&again, in_folder("b")) == KIN_OK);
    CHECK(again.each == each && again.size[0] == idx.size[0]);
    CHECK(memcmp(again.bytes, idx.bytes, (size_t)(idx.size[0] * each)) == 0);
    kin_idx_free(&idx);
    kin_idx_free(&again);
    return 0;
}
