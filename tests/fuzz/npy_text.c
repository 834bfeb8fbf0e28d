/* Arrays that were typed: what is accepted has rows of one length and reads the same after it was
 * written back. */
#include "tests/fuzz/fuzz.h"
#include "data/npy.h"

static void seeds(void)
{
    add_seed_text("# two rows\n1 -2.5e3\n.5,7\n");
    add_seed_text("1\r\n\n-3\n9223372036854775807");
}

static void check(const char *path, bool whole)
{
    kin_npy a, again;
    if (!accepted(kin_npy_read_text(&a, path, whole, true), KIN_DATA)) return;
    const int64_t each = a.cols ? a.cols : 1;
    CHECK(a.rows > 0 && a.cols != 1 && a.dtype == (whole ? KIN_I64 : KIN_F64));
    sum_bytes(a.values, (size_t)(a.rows * each) * 8);
    if (!whole) {
        CHECK(kin_npy_write_like(in_folder("b.txt"), &a, a.values) == KIN_OK);
        CHECK(kin_npy_read_text(&again, in_folder("b.txt"), false, true) == KIN_OK);
        CHECK(again.rows == a.rows && again.cols == a.cols);
        for (int64_t i = 0; i < a.rows * each; i++) {
            const double x = ((const double *)a.values)[i], y = ((const double *)again.values)[i];
            CHECK(x == y || (x != x && y != y));
        }
        kin_npy_unmap(&again);
    }
    kin_npy_unmap(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = write_bytes(in_folder("a.txt"), bytes, size);
    check(path, false);
    check(path, true);
    return 0;
}
