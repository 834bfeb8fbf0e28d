/* Rows of a matrix in an HDF5 file: what was written is gathered in any order; other files and
 * datasets are refused by name. */
#include "tests/data/stores.h"

#include "data/rows.h"

enum { R = 40000, C = 7 };

static float number(int64_t row, int64_t col) { return (float)(row % 1013) - 0.5f * (float)col; }

static void fill(void *context, int64_t first, int64_t count, float *values)
{
    (void)context;
    for (int64_t i = 0; i < count * C; i++) values[i] = number(first + i / C, i % C);
}

static void rows_are_gathered(void **state)
{
    static const int64_t which[] = { 0, R - 1, 17, 17, 16384, 16383, 1, 39000, 2, 3, 4, 5 };
    enum { N = sizeof which / sizeof *which };
    float out[N * C];
    kin_rows r;
    (void)state;
    expect_ok(kin_rows_write(in_folder("rows.h5"), "x", R, C, fill, NULL));
    expect_ok(kin_rows_open(&r, in_folder("rows.h5"), "x"));
    assert_int_equal(r.rows, R);
    assert_int_equal(r.cols, C);
    kin_rows_gather(&r, N, which, out);
    for (int i = 0; i < N * C; i++) assert_true(out[i] == number(which[i / C], i % C));
    kin_rows_close(&r);
}

static void wrong_files_are_refused(void **state)
{
    kin_rows r;
    (void)state;
    expect_ok(kin_rows_write(in_folder("rows.h5"), "x", 3, C, fill, NULL));
    expect_failure(kin_rows_open(&r, in_folder("rows.h5"), "y"), KIN_DATA, "has no dataset y");
    expect_failure(kin_rows_open(&r, in_folder("none.h5"), "x"), KIN_DATA, "none.h5");
    write_text("text.h5", "no HDF5");
    expect_failure(kin_rows_open(&r, in_folder("text.h5"), "x"), KIN_DATA, "not an HDF5 file");
    expect_failure(kin_rows_write(in_folder("nowhere/x.h5"), "x", 3, C, fill, NULL), KIN_RUNTIME,
                 "cannot be written");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_gathered), cmocka_unit_test(wrong_files_are_refused),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
