/* A finished run at work: embedding a file, searching. */
#include "tests/train/fixture.h"
#include "data/npy.h"

static kin_pool *pool;
static kin_backend *backend;

static int open_run(void **state)
{
    if (open_folder(state)) return -1;
    expect_ok(train("run", "", 2, NULL, NULL, NULL));
    return kin_pool_new(&pool, 2) || kin_cpu_new(&backend, pool) ? -1 : 0;
}

static int close_run(void **state)
{
    backend->free(backend);
    kin_pool_free(pool);
    return close_folder(state);
}

static void write_lines(const char *name, int first, int count)
{
    kin_writer *w;
    expect_ok(kin_writer_open(&w, in_folder("%s", name)));
    for (int d = first; d < first + count; d++) {
        char text[256];
        make_document(d, text);
        kin_writer_printf(w, "%s\n", text);
    }
    expect_ok(kin_writer_commit(w));
}

/* A line has the same bits in a long file, in a short one, and in the model folder's name. */
static void test_embed(void **state)
{
    (void)state;
    kin_embed_report report;
    kin_npy all, some;
    write_lines("all.txt", 0, DOCUMENTS);
    write_lines("some.txt", 100, 7);
    expect_ok(kin_embed_file(in_folder("run"), "document", in_folder("all.txt"),
                             in_folder("all.npy"), backend, &report));
    assert_int_equal(report.texts, DOCUMENTS);
    assert_int_equal(report.width, 16);
    expect_ok(kin_embed_file(in_folder("run/model"), "document", in_folder("some.txt"),
                             in_folder("some.npy"), backend, &report));
    expect_ok(kin_npy_map(&all, in_folder("all.npy")));
    expect_ok(kin_npy_map(&some, in_folder("some.npy")));
    assert_int_equal(some.rows, 7);
    assert_memory_equal(some.values, (const float *)all.values + 100 * 16, 7 * 16 * sizeof(float));
    kin_npy_unmap(&all);
    kin_npy_unmap(&some);
}

/* Empty lines are texts, a missing line feed at the end is none. */
static void test_lines(void **state)
{
    (void)state;
    static const char text[] = "bako\r\n\n  \nbako";
    kin_embed_report report;
    kin_npy rows;
    expect_ok(kin_file_write(in_folder("odd.txt"), text, strlen(text)));
    expect_ok(kin_embed_file(in_folder("run"), "query", in_folder("odd.txt"), in_folder("odd.npy"),
                             backend, &report));
    assert_int_equal(report.texts, 4);
    assert_int_equal(report.empty, 2);
    expect_ok(kin_npy_map(&rows, in_folder("odd.npy")));
    const float *x = rows.values;
    assert_memory_equal(x, x + 48, 16 * sizeof *x);
    for (int i = 16; i < 48; i++) assert_true(x[i] == 0);
    kin_npy_unmap(&rows);
    expect_ok(kin_file_write(in_folder("none.txt"), "", 0));
    expect_ok(kin_embed_file(in_folder("run"), "query", in_folder("none.txt"),
                             in_folder("none.npy"), backend, &report));
    assert_int_equal(report.texts, 0);
}

static void test_embed_refuses(void **state)
{
    (void)state;
    kin_embed_report report;
    char out[512];
    snprintf(out, sizeof out, "%s", in_folder("x.npy"));
    expect_failure(kin_embed_file(in_folder("run"), "reader", in_folder("all.txt"), out, backend,
                                  &report), KIN_USAGE, "reader");
    expect_failure(kin_embed_file(in_folder("run"), "query", in_folder("absent.txt"), out, backend,
                                  &report), KIN_DATA, "absent.txt");
    expect_failure(kin_embed_file(in_folder("absent"), "query", in_folder("all.txt"), out, backend,
                                  &report), KIN_DATA, "absent");
    expect_failure(kin_embed_file(in_folder("run/eval"), "query", in_folder("all.txt"), out,
                                  backend, &report), KIN_DATA, "neither a run");
    assert_false(kin_file_exists(out));
}

/* A document's own text finds it, and its scores fall. */
static void test_search(void **state)
{
    (void)state;
    kin_search *search;
    kin_hit hits[300];
    char text[256], id[16];
    int found;
    expect_ok(kin_search_open(&search, in_folder("run"), NULL, backend, NULL));
    assert_int_equal(kin_search_documents(search), DOCUMENTS);
    for (int d = 0; d < DOCUMENTS; d += 31) {
        make_document(d, text);
        snprintf(id, sizeof id, "d%d", d);
        expect_ok(kin_search_query(search, text, 5, hits, &found));
        assert_int_equal(found, 5);
        assert_true(fabs(hits[0].score - 1) < 1e-5);
        assert_int_equal(hits[0].rank, 1);
        assert_int_equal(hits[0].id_bytes, strlen(id));
        assert_memory_equal(hits[0].id, id, strlen(id));
        assert_memory_equal(hits[0].text, text, strlen(text));
        for (int i = 1; i < 5; i++) assert_true(hits[i].score <= hits[i - 1].score);
    }
    expect_ok(kin_search_query(search, text, 300, hits, &found));
    assert_int_equal(found, DOCUMENTS);
    expect_ok(kin_search_query(search, "  ", 5, hits, &found));
    assert_int_equal(found, 0);
    kin_search_close(search);
    expect_failure(kin_search_open(&search, in_folder("run/model"), NULL, backend, NULL), KIN_DATA,
                   "run.ini");
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embed), cmocka_unit_test(test_lines),
        cmocka_unit_test(test_embed_refuses), cmocka_unit_test(test_search),
    };
    return cmocka_run_group_tests(tests, open_run, close_run);
}
