/* npy: an accepted array lies within its file and reads the same after being written back. */
#include "tests/fuzz/fuzz.h"
#include "data/npy.h"

static void seeds(void)
{
    static const kin_dtype dtypes[] = {KIN_F32, KIN_F64, KIN_I32, KIN_I64};
    static const double values[6];
    for (int i = 0; i < 4; i++) {
        CHECK(kin_npy_write(in_folder("s.npy"), dtypes[i], 2, i % 2 ? 3 : 0, values) == KIN_OK);
        add_seed_file(in_folder("s.npy"));
    }
    const kin_npy deep = {.dtype = KIN_F32, .rows = 1, .cols = 2, .depth = 3};
    CHECK(kin_npy_write_like(in_folder("s.npy"), &deep, values) == KIN_OK);
    add_seed_file(in_folder("s.npy"));
    static const char second[] = "\x93NUMPY\x02\x00\x44\x00\x00\x00"
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }          \n\0\0\0\0";
    add_seed(second, sizeof second - 1);
}

static size_t bytes_of(const kin_npy *a)
{
    return kin_dtype_bytes(a->dtype) * (size_t)a->rows * (size_t)(a->cols > 0 ? a->cols : 1)
           * (size_t)(a->depth > 0 ? a->depth : 1);
}

static void check(const kin_npy *a)
{
    const char *values = a->values;
    CHECK(a->rows >= 0 && a->cols >= 0 && a->depth >= 0);
    CHECK(values >= a->map.bytes && values + bytes_of(a) == a->map.bytes + a->map.size);
    CHECK((uintptr_t)values % kin_dtype_bytes(a->dtype) == 0);
    sum_bytes(values, bytes_of(a));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_npy array, again;
    const char *path = write_bytes(in_folder("a.npy"), bytes, size), *copy = in_folder("b.npy");
    if (!accepted(kin_npy_map(&array, path), KIN_DATA)) return 0;
    check(&array);
    CHECK(kin_npy_write_like(copy, &array, array.values) == KIN_OK);
    CHECK(kin_npy_map(&again, copy) == KIN_OK);
    check(&again);
    CHECK(again.dtype == array.dtype && again.rows == array.rows && again.cols == array.cols
          && again.depth == array.depth);
    CHECK(memcmp(again.values, array.values, bytes_of(&array)) == 0);
    kin_npy_unmap(&array);
    kin_npy_unmap(&again);
    return 0;
}
