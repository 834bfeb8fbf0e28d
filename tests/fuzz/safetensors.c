/* safetensors: accepted tensors lie within the file, are found by name, convert to floats, and read
 * the same after being written back. The mutator makes the header's length right again, because
 * damage behind a wrong length would never be looked at. */
#include "tests/fuzz/fuzz.h"
#include "data/safetensors.h"
#include "tests/fuzz/tensors.h"

static void add_plain(const char *header, size_t value_bytes)
{
    char file[512];
    add_seed(file, plain_tensors(file, header, value_bytes));
}

static void seeds(void)
{
    static const double values[12] = {1, 2, 3};
    const kin_safetensor tensors[] = {
        {.name = "a", .dtype = KIN_F32, .rank = 2, .shape = {2, 3}, .values = values},
        {.name = "b", .dtype = KIN_F64, .rank = 1, .shape = {2}, .values = values},
        {.name = "c", .dtype = KIN_U8, .rank = 0, .values = values},
        {.name = "d", .dtype = KIN_BF16, .rank = 3, .shape = {1, 0, 5}, .values = values},
    };
    const kin_safetensor_note note = {"made by", "kin"};
    CHECK(kin_safetensors_write(in_folder("s"), tensors, 4, &note, 1) == KIN_OK);
    add_seed_file(in_folder("s"));
    add_plain("{}", 0);
    add_plain("{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]},"
              "\"b\":{\"dtype\":\"BF16\",\"shape\":[1,3],\"data_offsets\":[4,10]}}", 10);
    add_plain("{\"__metadata__\":{\"x\":\"y\"},\"t\":{\"shape\":[],\"dtype\":\"BOOL\","
              "\"data_offsets\":[0,1]}}", 1);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    static const tensor_like like[] = {{"a", 2, 3}, {"b", 1, 2}, {"c", 0, 5}};
    if (seed % 16 == 1 && room >= 1024) return random_tensors(bytes, seed / 16, like, 3);
    size = LLVMFuzzerMutate(bytes, size, room);
    if (seed % 4 && size > 8) mend_length(bytes, size);
    return size;
}

static void check(const kin_safetensors *file, const kin_safetensor *t)
{
    size_t bytes = kin_dtype_bytes(t->dtype);
    CHECK(t->rank >= 0 && t->rank <= KIN_RANK_MAX);
    for (int i = 0; i < t->rank; i++) bytes *= (size_t)t->shape[i];
    CHECK(bytes == t->bytes);
    CHECK(kin_safetensors_find(file, t->name) == t);
    sum_bytes(t->values, t->bytes);
    const size_t n = t->bytes / kin_dtype_bytes(t->dtype);
    float *floats = malloc(n * sizeof *floats + 1);
    if (accepted(kin_safetensors_floats(file, t, floats), KIN_DATA))
        CHECK(kin_floats_bad(floats, (int64_t)n) == -1);
    free(floats);
}

static void check_same(const kin_safetensor *a, const kin_safetensor *b)
{
    CHECK(b && a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes);
    CHECK(memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0);
    CHECK(memcmp(a->values, b->values, a->bytes) == 0);
}

/* Some names that can be read kin does not write: the empty one, and very long ones. */
static void write_back(const kin_safetensors *file)
{
    kin_safetensors *again;
    const int count = kin_safetensors_count(file);
    const char *path = in_folder("b.safetensors");
    if (!count) return;
    const kin_safetensor *all = kin_safetensors_at(file, 0);
    if (!accepted(kin_safetensors_write(path, all, count, NULL, 0), KIN_USAGE)) return;
    CHECK(kin_safetensors_open(&again, path) == KIN_OK);
    CHECK(kin_safetensors_count(again) == count);
    for (int i = 0; i < count; i++)
        check_same(&all[i], kin_safetensors_find(again, all[i].name));
    kin_safetensors_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_safetensors *file;
    const char *path = write_bytes(in_folder("a.safetensors"), bytes, size);
    if (!accepted(kin_safetensors_open(&file, path), KIN_DATA)) return 0;
    for (int i = 0; i < kin_safetensors_count(file); i++)
        check(file, kin_safetensors_at(file, i));
    kin_safetensors_note(file, "made by");
    write_back(file);
    kin_safetensors_close(file);
    return 0;
}
