/* Safetensors files: what is written is read back; what is damaged is refused or harmless. */
#include "tests/data/stores.h"
#include <math.h>
#include "core/rng.h"
#include "data/safetensors.h"

static const float table[6] = {1, -2, 0.5f, 3, 1e-30f, 7};
static const int64_t ids[2] = {-1, 1LL << 40};
static const unsigned char flags[3] = {0, 1, 1};
static const double weight[1] = {0.1};

static const kin_safetensor written[] = {
    {.name = "flags", .dtype = KIN_BOOL, .rank = 1, .shape = {3}, .values = flags},
    {.name = "embeddings", .dtype = KIN_F32, .rank = 2, .shape = {2, 3}, .values = table},
    {.name = "none", .dtype = KIN_F32, .rank = 2, .shape = {0, 3}},
    {.name = "ids", .dtype = KIN_I64, .rank = 1, .shape = {2}, .values = ids},
    {.name = "weight", .dtype = KIN_F64, .rank = 0, .values = weight},
};
enum { WRITTEN = sizeof written / sizeof written[0] };

static const char *write_sample(void)
{
    static const kin_safetensor_note notes[] = {{"format", "pt"}, {"maker", "kin \"x\""}};
    const char *path = in_folder("sample.safetensors");
    expect_ok(kin_safetensors_write(path, written, WRITTEN, notes, 2));
    return path;
}

static void tensors_are_read_back(void **state)
{
    (void)state;
    static const size_t bytes[] = {3, 24, 0, 16, 8};
    kin_safetensors *file = NULL;
    float values[6];
    expect_ok(kin_safetensors_open(&file, write_sample()));
    assert_int_equal(kin_safetensors_count(file), WRITTEN);
    for (int i = 0; i < WRITTEN; i++) {
        const kin_safetensor *t = kin_safetensors_find(file, written[i].name);
        assert_non_null(t);
        assert_int_equal(t->dtype, written[i].dtype);
        assert_int_equal(t->rank, written[i].rank);
        assert_memory_equal(t->shape, written[i].shape, sizeof(int64_t) * (size_t)t->rank);
        assert_int_equal(t->bytes, bytes[i]);
        if (bytes[i] > 0) assert_memory_equal(t->values, written[i].values, bytes[i]);
        assert_int_equal((uintptr_t)t->values % kin_dtype_bytes(t->dtype), 0);
    }
    expect_ok(kin_safetensors_floats(file, kin_safetensors_find(file, "embeddings"), values));
    assert_memory_equal(values, table, sizeof table);
    expect_ok(kin_safetensors_floats(file, kin_safetensors_find(file, "weight"), values));
    assert_true(values[0] == 0.1f);
    assert_string_equal(kin_safetensors_note(file, "maker"), "kin \"x\"");
    assert_null(kin_safetensors_note(file, "nothing"));
    assert_null(kin_safetensors_find(file, "nothing"));
    kin_safetensors_close(file);
}

static void values_begin_on_a_multiple_of_64(void **state)
{
    (void)state;
    for (int extra = 0; extra < 70; extra++) {
        char filler[80];
        char *bytes = NULL;
        size_t size = 0;
        memset(filler, 'x', (size_t)extra);
        filler[extra] = 0;
        const kin_safetensor_note note = {"filler", filler};
        const char *path = in_folder("aligned.safetensors");
        expect_ok(kin_safetensors_write(path, &written[1], 1, &note, 1));
        expect_ok(kin_file_read(path, &bytes, &size));
        size_t header = (unsigned char)bytes[0] | (size_t)(unsigned char)bytes[1] << 8;
        assert_int_equal((8 + header) % 64, 0);
        assert_int_equal(size, 8 + header + sizeof table);
        free(bytes);
    }
}

static void needs_are_checked(void **state)
{
    (void)state;
    kin_safetensors *file = NULL;
    const kin_safetensor *t = NULL;
    float values[6];
    expect_ok(kin_safetensors_open(&file, write_sample()));
    expect_ok(kin_safetensors_need(file, "embeddings", 2, 3, &t));
    expect_ok(kin_safetensors_need(file, "embeddings", -1, -1, &t));
    expect_ok(kin_safetensors_need(file, "ids", -1, 0, &t));
    expect_failure(kin_safetensors_floats(file, t, values), KIN_DATA, "has dtype I64");
    expect_failure(kin_safetensors_need(file, "embeddings", 3, 3, &t), KIN_DATA,
                   "\"embeddings\" is 2x3, expected 3x3");
    expect_failure(kin_safetensors_need(file, "embeddings", 2, 0, &t), KIN_DATA, "2 dimensions");
    expect_failure(kin_safetensors_need(file, "other", 2, 3, &t), KIN_DATA, "no tensor \"other\"");
    kin_safetensors_close(file);
}

/* ---- files by hand --------------------------------------------------------------------------- */

static kin_status open_header(const char *header, size_t values, kin_safetensors **file)
{
    char bytes[2000] = {0};
    size_t size = strlen(header);
    bytes[0] = (char)(size & 255);
    bytes[1] = (char)(size >> 8);
    memcpy(bytes + 8, header, size);
    return kin_safetensors_open(file, write_bytes("hand.safetensors", bytes, 8 + size + values));
}

static void wrong_headers_are_refused(void **state)
{
    (void)state;
#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
    static const struct { const char *header; size_t values; const char *message; } bad[] = {
        {"", 0, "does not begin with '{'"}, {"[]", 0, "does not begin"}, {" {}", 0, "begin"},
        {"{}x", 0, "does not end with '}'"}, {"{}\n", 0, "does not end"}, {"{", 0, "does not end"},
        {"{}", 4, "the tensors end at 0, the values have 4 bytes"}, {"{}}", 0, "end of the file"},
        {"{" A "," A "}", 4, "occurs twice"}, {"{" A "}", 3, "lies at 0 to 4"},
        {"{" A "}", 8, "end at 4"}, {"{\"a\":1}", 0, "found a number, expected an object"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"x\":1}}", 0, "\"x\" is not a string"},
        {"{\"__metadata__\":{\"xxh64:a\":\"0\"}}", 0, "no such tensor"},
        {"{\"__metadata__\":{\"xxh64:a\":\"0\"}," A "}", 4, "\"a\" is damaged"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype \"F31\""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "no key \"data_offsets\""},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":1}}", 4, "4 keys"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "shape and dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "in shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "in shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]}}", 4, "in shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
         "9 numbers in shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
         "shape and dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}}", 0,
         "in shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "lies at 4 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "lies at 0 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", 4, "3 numbers"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "data_offsets"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
         "begins at 0"},
        {"{" A ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}", 6,
         "begins at 2"},
        {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,6]}}", 6, "begins at 5"},
        {"{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]}}", 4, "begins at"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        kin_safetensors *file = NULL;
        expect_failure(open_header(bad[i].header, bad[i].values, &file), KIN_DATA, bad[i].message);
        expect_failure(KIN_DATA, KIN_DATA, "hand.safetensors");
        assert_null(file);
    }
    kin_safetensors *file = NULL;
    expect_ok(open_header("{" A "}     ", 4, &file));
    kin_safetensors_close(file);
}

static void wrong_lengths_are_refused(void **state)
{
    (void)state;
    kin_safetensors *file = NULL;
    static const char huge[] = "\377\377\377\377\377\377\377\377{}";
    for (size_t size = 0; size < 10; size++) {
        const char *path = write_bytes("short.safetensors", huge, size);
        assert_int_equal(kin_safetensors_open(&file, path), KIN_DATA);
    }
    const char *path = write_bytes("short.safetensors", "\001\341\365\005\0\0\0\0{}", 10);
    expect_failure(kin_safetensors_open(&file, path), KIN_DATA, "length is 100000001");
}

static void half_floats_are_read(void **state)
{
    (void)state;
    static const struct { unsigned short bits; float half, wide; } known[] = {
        {0x0000, 0, 0}, {0x3c00, 1, 0.0078125f}, {0xc000, -2, -2}, {0x0001, 0x1p-24f, 0x1p-133f},
        {0x03ff, 1023 * 0x1p-24f, 255 * 0x1p-127f}, {0x7bff, 65504, 0x1.fep120f}};
    static const char *const headers[] = {
        "{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}",
        "{\"a\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        for (int wide = 0; wide < 2; wide++) {
            char bytes[200] = {0};
            kin_safetensors *file = NULL;
            float value;
            size_t size = strlen(headers[wide]);
            bytes[0] = (char)size;
            memcpy(bytes + 8, headers[wide], size);
            memcpy(bytes + 8 + size, &known[i].bits, 2);
            const char *path = write_bytes("half.safetensors", bytes, 8 + size + 2);
            expect_ok(kin_safetensors_open(&file, path));
            expect_ok(kin_safetensors_floats(file, kin_safetensors_at(file, 0), &value));
            assert_true(value == (wide ? known[i].wide : known[i].half));
            kin_safetensors_close(file);
        }
    }
}

static void values_that_are_not_finite_are_named(void **state)
{
    (void)state;
    float values[6] = {0, 1, 2, 3, NAN, INFINITY}, copy[6];
    kin_safetensor t = written[1];
    kin_safetensors *file = NULL;
    t.values = values;
    expect_ok(kin_safetensors_write(in_folder("nan.safetensors"), &t, 1, NULL, 0));
    expect_ok(kin_safetensors_open(&file, in_folder("nan.safetensors")));
    expect_failure(kin_safetensors_floats(file, kin_safetensors_at(file, 0), copy), KIN_DATA,
                   "value 4 of tensor \"embeddings\" is not finite");
    kin_safetensors_close(file);
    assert_int_equal(kin_floats_bad(values, 4), -1);
    assert_int_equal(kin_floats_bad(values + 5, 1), 0);
}

static void bad_tensors_are_not_written(void **state)
{
    (void)state;
    kin_safetensor t[2] = {written[1], written[1]};
    const char *path = in_folder("unwritten.safetensors");
    t[0].name = "__metadata__";
    expect_failure(kin_safetensors_write(path, t, 1, NULL, 0), KIN_USAGE, "__metadata__");
    t[0].name = "a\377";
    expect_failure(kin_safetensors_write(path, t, 1, NULL, 0), KIN_USAGE, "name");
    t[0] = written[1];
    t[0].shape[0] = -1;
    expect_failure(kin_safetensors_write(path, t, 1, NULL, 0), KIN_USAGE,
                   "length -1 in dimension 0");
    t[0].shape[0] = t[0].shape[1] = 1LL << 32;
    expect_failure(kin_safetensors_write(path, t, 1, NULL, 0), KIN_USAGE, "dimension 1");
    assert_false(kin_file_exists(path));
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* A file that did not exist before: overwriting one waits for the disk. */
static const char *write_new(const char *name, const void *bytes, size_t size)
{
    remove(in_folder(name));
    return write_bytes(name, bytes, size);
}

/* Reads all that a file claims to hold. */
static uint64_t touch(const kin_safetensors *file)
{
    uint64_t sum = 0;
    for (int i = 0; i < kin_safetensors_count(file); i++) {
        const kin_safetensor *t = kin_safetensors_at(file, i);
        for (size_t k = 0; k < t->bytes; k++) sum += ((const unsigned char *)t->values)[k];
    }
    return sum;
}

static void every_flipped_bit_is_refused_or_harmless(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t size = 0;
    int taken = 0;
    expect_ok(kin_file_read(write_sample(), &bytes, &size));
    size_t header = 8 + ((unsigned char)bytes[0] | (size_t)(unsigned char)bytes[1] << 8);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        kin_safetensors *file = NULL;
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        kin_status status = kin_safetensors_open(&file, write_new("bit", bytes, size));
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        assert_true(status == KIN_OK || status == KIN_DATA);
        if (status == KIN_OK) {
            assert_true(bit / 8 < header);       /* a flipped bit of a value never passes */
            touch(file);
            taken++;
        }
        kin_safetensors_close(file);
    }
    assert_in_range(taken, 1, 4 * header);
    free(bytes);
}

static void every_cut_and_every_longer_file_is_refused(void **state)
{
    (void)state;
    char *bytes = NULL;
    size_t size = 0;
    kin_safetensors *file = NULL;
    expect_ok(kin_file_read(write_sample(), &bytes, &size));
    for (size_t cut = 0; cut < size; cut += 1 + cut / 100)
        assert_int_equal(kin_safetensors_open(&file, write_new("cut", bytes, cut)), KIN_DATA);
    assert_int_equal(kin_safetensors_open(&file, write_new("cut", bytes, size + 1)), KIN_DATA);
    free(bytes);
}

/* Rows multiplied on the way into the file, across the pieces that are written at a time. */
static void rows_are_scaled(void **state)
{
    enum { R = 5, C = 7001 };
    (void)state;
    float *values = malloc(sizeof *values * R * C), scale[R] = { 1, 0.5f, -2, 0, 3 };
    for (int i = 0; i < R * C; i++) values[i] = (float)(i % 97) - 40;
    const kin_safetensor t = { .name = "x", .dtype = KIN_F32, .rank = 2, .shape = { R, C },
                               .values = values, .row_scale = scale };
    expect_ok(kin_safetensors_write(in_folder("scaled.safetensors"), &t, 1, NULL, 0));
    kin_safetensors *file;
    expect_ok(kin_safetensors_open(&file, in_folder("scaled.safetensors")));
    const float *read = kin_safetensors_at(file, 0)->values;
    for (int i = 0; i < R * C; i++) assert_true(read[i] == values[i] * scale[i / C]);
    kin_safetensors_close(file);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_read_back),
        cmocka_unit_test(values_begin_on_a_multiple_of_64),
        cmocka_unit_test(needs_are_checked),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(half_floats_are_read), cmocka_unit_test(rows_are_scaled),
        cmocka_unit_test(values_that_are_not_finite_are_named),
        cmocka_unit_test(bad_tensors_are_not_written),
        cmocka_unit_test(every_flipped_bit_is_refused_or_harmless),
        cmocka_unit_test(every_cut_and_every_longer_file_is_refused),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
