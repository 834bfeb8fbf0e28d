/* NumPy files: rows are streamed out and mapped back; what NumPy would not have written is
 * refused. */
#include "tests/data/stores.h"
#include "data/npy.h"

static void rows_are_read_back(void **state)
{
    (void)state;
    const float rows[6] = {1, 2, 3, 4, 5, 6};
    kin_npy_writer *writer = NULL;
    kin_npy array;
    const char *path = in_folder("rows.npy");
    expect_ok(kin_npy_open(&writer, path, KIN_F32, 3, 2));
    expect_ok(kin_npy_put(writer, rows, 1));
    expect_ok(kin_npy_put(writer, rows, 0));
    expect_ok(kin_npy_put(writer, rows + 2, 2));
    assert_false(kin_file_exists(path));
    expect_ok(kin_npy_commit(writer));
    expect_ok(kin_npy_map(&array, path));
    assert_true(array.dtype == KIN_F32 && array.rows == 3 && array.cols == 2);
    assert_memory_equal(array.values, rows, sizeof rows);
    assert_int_equal((uintptr_t)array.values % 64, 0);
    kin_npy_unmap(&array);
}

/* Byte for byte what numpy.save writes for numpy.array([[1, -2]], dtype='<i8'). */
static void the_bytes_are_those_of_numpy(void **state)
{
    (void)state;
    static const char header[] = "\223NUMPY\001\000v\000{'descr': '<i8', 'fortran_order': False, "
                                 "'shape': (1, 2), }";
    const int64_t values[2] = {1, -2};
    char want[128 + sizeof values], *bytes = NULL;
    size_t size = 0;
    memset(want, ' ', 128);
    memcpy(want, header, sizeof header - 1);
    want[127] = '\n';
    memcpy(want + 128, values, sizeof values);
    expect_ok(kin_npy_write(in_folder("one.npy"), KIN_I64, 1, 2, values));
    expect_ok(kin_file_read(in_folder("one.npy"), &bytes, &size));
    assert_int_equal(size, sizeof want);
    assert_memory_equal(bytes, want, size);
    free(bytes);
}

static void every_kind_and_one_dimension(void **state)
{
    (void)state;
    static const kin_dtype dtypes[] = {KIN_F32, KIN_F64, KIN_I32, KIN_I64};
    const char zeros[64] = {0};
    kin_npy array;
    for (int i = 0; i < 4; i++) {
        for (int cols = 0; cols < 3; cols++) {
            for (int rows = 0; rows < 3; rows++) {
                expect_ok(kin_npy_write(in_folder("a.npy"), dtypes[i], rows, cols, zeros));
                expect_ok(kin_npy_map(&array, in_folder("a.npy")));
                assert_true(array.dtype == dtypes[i] && array.rows == rows && array.cols == cols);
                kin_npy_unmap(&array);
            }
        }
    }
}

static void the_number_of_rows_is_kept(void **state)
{
    (void)state;
    const double rows[4] = {1, 2, 3, 4};
    kin_npy_writer *writer = NULL;
    expect_ok(kin_npy_open(&writer, in_folder("few.npy"), KIN_F64, 2, 2));
    expect_ok(kin_npy_put(writer, rows, 1));
    expect_failure(kin_npy_put(writer, rows, 2), KIN_RUNTIME, "2 rows after 1, 2 were announced");
    expect_failure(kin_npy_commit(writer), KIN_RUNTIME, "1 rows were written, 2 announced");
    assert_false(kin_file_exists(in_folder("few.npy")));
    expect_ok(kin_npy_open(&writer, in_folder("few.npy"), KIN_F64, 2, 2));
    kin_npy_abandon(writer);
    kin_npy_abandon(NULL);
    expect_failure(kin_npy_open(&writer, in_folder("x.npy"), KIN_U8, 2, 2), KIN_USAGE, "U8");
    expect_failure(kin_npy_open(&writer, in_folder("x.npy"), KIN_F32, -1, 2), KIN_USAGE, "shape (-1, 2)");
    expect_failure(kin_npy_open(&writer, in_folder("x.npy"), KIN_F32, 1LL << 62, 1LL << 62),
                   KIN_USAGE, "not possible");
}

/* ---- files by hand --------------------------------------------------------------------------- */

/* A file of 128 bytes and values; the header is text, then blanks. */
static kin_status map_header(const char *text, size_t values, kin_npy *array)
{
    char bytes[400];
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, "\223NUMPY\001\000v\000", 10);
    memcpy(bytes + 10, text, strlen(text));
    memset(bytes + 128, 0, sizeof bytes - 128);
    bytes[127] = '\n';
    return kin_npy_map(array, write_bytes("hand.npy", bytes, 128 + values));
}

static void dictionaries_as_python_writes_them(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t rows, cols, depth; size_t bytes; } good[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 2, 3, 0, 24},
        {"{'shape':(2,3),'descr':'<f4','fortran_order':False}", 2, 3, 0, 24},
        {" { 'descr' : '<f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) } ", 2, 3, 0, 24},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 6, 0, 0, 24},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 0, 3, 0, 0},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", 1, 2, 3, 24},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        kin_npy array;
        expect_ok(map_header(good[i].text, good[i].bytes, &array));
        assert_true(array.rows == good[i].rows && array.cols == good[i].cols);
        assert_true(array.depth == good[i].depth);
        kin_npy_unmap(&array);
    }
}

static void wrong_headers_are_refused(void **state)
{
    (void)state;
#define D "'descr': '<f4', "
#define F "'fortran_order': False, "
    static const struct { const char *text, *message; } bad[] = {
        {"", "expected '{'"}, {"{", "descr, fortran_order and shape"}, {"{}", "and shape"},
        {"{" D F "}", "and shape"}, {"{" D F "'shape': (6, )", "',' or '}'"},
        {"{" D F "'shape': (), }", "one to three"}, {"{" D F "'shape': (6), }", "','"},
        {"{" D F "'shape': (1, 2, 3, 1), }", "one to three"},
        {"{" D F "'shape': (2, 0), }", "columns"}, {"{" D F "'shape': (2, 3, 0), }", "columns"},
        {"{" D F "'shape': (2 3), }", "','"}, {"{" D F "'shape': (1, 2 3), }", "','"},
        {"{" D F "'shape': (-6,), }", "a length"}, {"{" D F "'shape': (6.,), }", "','"},
        {"{" D F "'shape': (99999999999999999999,), }", "','"},
        {"{" D F "'shape': (9999999999999999, 9999999999), }", "not possible"},
        {"{" D F "'shape': (7,), }", "24 bytes of values, its shape asks for 28"},
        {"{" D F "'shape': (5,), }", "24 bytes of values, its shape asks for 20"},
        {"{" D F D "'shape': (6,), }", "once each"}, {"{" D F "'other': (6,), }", "once each"},
        {"{" D "'fortran_order': True, 'shape': (6,), }", "expected rows (in NumPy"},
        {"{" D "'fortran_order': 0, 'shape': (6,), }", "expected False or True"},
        {"{'descr': '>f4', " F "'shape': (6,), }", "numbers of type '>f4', expected '<f4'"},
        {"{'descr': '|O', " F "'shape': (6,), }", "numbers of type '|O', expected '<f4'"},
        {"{'descr': 'much too long a name', " F "'shape': (6,), }", "kin reads: expected '<f4'"},
        {"{'descr': '", "kin reads: expected '<f4'"},
        {"{'descr': [('a', '<f4')], " F "'shape': (6,), }", "'<f4'"},
        {"{" D F "'shape': (6,), } x", "blanks"}, {"{" D F "'shape': (6,), }}", "blanks"},
        {"{" D F "'shape': (__import__('os'),), }", "a length"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        kin_npy array;
        expect_failure(map_header(bad[i].text, 24, &array), KIN_DATA, bad[i].message);
        expect_failure(KIN_DATA, KIN_DATA, "hand.npy");
    }
}

/* A file that did not exist before: overwriting one waits for the disk. */
static const char *write_new(const char *name, const void *bytes, size_t size)
{
    remove(in_folder(name));
    return write_bytes(name, bytes, size);
}

static void every_flipped_bit_and_every_cut_is_refused_or_harmless(void **state)
{
    (void)state;
    const float rows[6] = {1, 2, 3, 4, 5, 6};
    char *bytes = NULL;
    size_t size = 0;
    kin_npy array;
    expect_ok(kin_npy_write(in_folder("flip.npy"), KIN_F32, 2, 3, rows));
    expect_ok(kin_file_read(in_folder("flip.npy"), &bytes, &size));
    for (size_t bit = 0; bit < 8 * 128; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        kin_status status = kin_npy_map(&array, write_new("bit.npy", bytes, size));
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        if (status == KIN_OK) {
            const size_t cols = array.cols > 0 ? (size_t)array.cols : 1;
            const size_t depth = array.depth > 0 ? (size_t)array.depth : 1;
            assert_int_equal(kin_dtype_bytes(array.dtype) * (size_t)array.rows * cols * depth,
                             sizeof rows);
            kin_npy_unmap(&array);
        } else {
            assert_int_equal(status, KIN_DATA);
        }
    }
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(kin_npy_map(&array, write_new("cut.npy", bytes, cut)), KIN_DATA);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read_back),
        cmocka_unit_test(the_bytes_are_those_of_numpy),
        cmocka_unit_test(every_kind_and_one_dimension),
        cmocka_unit_test(the_number_of_rows_is_kept),
        cmocka_unit_test(dictionaries_as_python_writes_them),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
