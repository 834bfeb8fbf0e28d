/* A store gives back what was written, and nothing that is damaged gets through. */
#include "tests/data/stores.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "data/store.h"

static const int64_t text_start[] = {0, 3, 3, 8, 14};
static const int32_t document_text[] = {0, 2, 2};
static const int64_t document_start[] = {0, 2, 4, 6};
static const int32_t query_text[] = {3, 1};
static const int64_t query_start[] = {0, 2, 4};
static const uint8_t query_split[] = {KIN_TRAIN, KIN_TEST};
static const int32_t relation[] = {0, 1, 2, 0, 0, 0, 1, 2, 1};
static const int32_t pair[] = {3, 2, 1, 0, 2, 2};
static const int64_t source_start[] = {0, 1, 2}, source_name[] = {0, 1, 4};

static kin_store small(void)
{
    return (kin_store){
        .texts = {4, "oneseven\xC3\xA9lan5", text_start},
        .documents = 3, .document_text = document_text,
        .document_id = {3, "d1d2d3", document_start},
        .queries = 2, .query_text = query_text, .query_id = {2, "q1q2", query_start},
        .query_split = query_split,
        .relations = 3, .relation = relation,
        .pairs = 2, .pair = pair,
        .source = {2, "atwo", source_name}, .source_start = source_start,
    };
}

static void expect_texts(const kin_texts *found, const kin_texts *expected)
{
    assert_int_equal(found->count, expected->count);
    assert_memory_equal(found->start, expected->start, sizeof(int64_t) * (expected->count + 1));
    assert_memory_equal(found->bytes, expected->bytes, expected->start[expected->count]);
}

static void expect_contents(const kin_store *found, const kin_store *expected)
{
    expect_texts(&found->texts, &expected->texts);
    expect_texts(&found->document_id, &expected->document_id);
    expect_texts(&found->query_id, &expected->query_id);
    expect_texts(&found->source, &expected->source);
    assert_int_equal(found->documents, expected->documents);
    assert_int_equal(found->queries, expected->queries);
    assert_int_equal(found->relations, expected->relations);
    assert_int_equal(found->pairs, expected->pairs);
    assert_memory_equal(found->document_text, expected->document_text, 4 * expected->documents);
    assert_memory_equal(found->query_text, expected->query_text, 4 * expected->queries);
    assert_memory_equal(found->query_split, expected->query_split, expected->queries);
    assert_memory_equal(found->relation, expected->relation, 12 * expected->relations);
    assert_memory_equal(found->pair, expected->pair, 12 * expected->pairs);
    assert_memory_equal(found->source_start, expected->source_start,
                        8 * (expected->source.count + 1));
}

static void gives_back_what_was_written(void **state)
{
    (void)state;
    const kin_store contents = small();
    kin_store *store;
    const char *path = in_folder("small.h5");
    expect_ok(kin_store_write(path, &contents));
    expect_ok(kin_store_open(&store, path));
    expect_contents(store, &contents);
    assert_string_equal(store->path, path);
    assert_int_equal(((uintptr_t)store->pair - (uintptr_t)store->map.bytes) % 64, 0);
    kin_store_close(store);
    kin_store_close(NULL);
}

static void same_contents_same_bytes(void **state)
{
    (void)state;
    const kin_store contents = small();
    char *first, *second;
    size_t first_size, second_size;
    expect_ok(kin_store_write(in_folder("a.h5"), &contents));
    sleep(1);                          /* a time in the file would show */
    expect_ok(kin_store_write(in_folder("b.h5"), &contents));
    expect_ok(kin_file_read(in_folder("a.h5"), &first, &first_size));
    expect_ok(kin_file_read(in_folder("b.h5"), &second, &second_size));
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    free(first);
    free(second);
}

static void empty_and_unnamed_sources_are_fine(void **state)
{
    (void)state;
    const int64_t zero[1] = {0};
    const kin_texts none = {0, "", zero};
    const kin_store contents = {.texts = none, .document_id = none, .query_id = none};
    kin_store *store;
    expect_ok(kin_store_write(in_folder("empty.h5"), &contents));
    expect_ok(kin_store_open(&store, in_folder("empty.h5")));
    assert_int_equal(store->documents + store->queries + store->pairs + store->relations, 0);
    assert_int_equal(store->source.count, 1);
    assert_memory_equal(store->source.bytes, "pairs", 5);
    kin_store_close(store);
}

/* ---- contents that do not fit together ------------------------------------------------------- */

typedef struct {
    kin_store store;
    int32_t documents[3], relations[9], pairs[6];
    int64_t texts[5];
    uint8_t splits[2];
} editable;

static void edit(editable *e)
{
    e->store = small();
    memcpy(e->documents, document_text, sizeof document_text);
    memcpy(e->relations, relation, sizeof relation);
    memcpy(e->pairs, pair, sizeof pair);
    memcpy(e->texts, text_start, sizeof text_start);
    memcpy(e->splits, query_split, sizeof query_split);
    e->store.document_text = e->documents;
    e->store.relation = e->relations;
    e->store.pair = e->pairs;
    e->store.texts.start = e->texts;
    e->store.query_split = e->splits;
}

static void expect_refused(const editable *e, const char *words)
{
    expect_failure(kin_store_write(in_folder("wrong.h5"), &e->store), KIN_DATA, words);
    assert_false(kin_file_exists(in_folder("wrong.h5")));
}

static void wrong_contents_are_refused(void **state)
{
    (void)state;
    editable e;
    edit(&e);
    e.documents[1] = 4;
    expect_refused(&e, "text of document 1 is 4, expected 0 to 3");
    edit(&e);
    e.relations[3] = -1;
    expect_refused(&e, "query of relation 1 is -1, expected 0 to 1");
    edit(&e);
    e.relations[8] = -5;
    expect_refused(&e, "grade of relation 2 is -5");
    edit(&e);
    e.pairs[5] = 3;
    expect_refused(&e, "document of pair 1 is 3, expected 0 to 2");
    edit(&e);
    e.texts[2] = 9;
    expect_refused(&e, "text 2 goes from 9 to 8");
    edit(&e);
    e.texts[0] = 1;
    expect_refused(&e, "text 0 starts at 1");
    edit(&e);
    e.splits[1] = 3;
    expect_refused(&e, "split of query 1 is 3");
    edit(&e);
    e.store.document_id.bytes = "d1d d3";
    expect_refused(&e, "document id 1 is empty or holds a blank");
}

/* Two classes, three features an item, a score for each relation: each is given back, and refused
 * when it does not fit. */
static void labels_features_and_scores(void **state)
{
    (void)state;
    int32_t name[] = {0, 2}, label[] = {1, 0};
    float feature[] = {0, 1, -2.5f, 1e30f, 0.25f, 3}, score[] = {0, 0.5f, 1};
    kin_store *store;
    editable e;
    edit(&e);
    e.store.labels = 2, e.store.label_text = name, e.store.query_label = label;
    e.store.features = 3, e.store.feature = feature;
    e.store.relation_score = score;
    expect_ok(kin_store_write(in_folder("labels.h5"), &e.store));
    expect_ok(kin_store_open(&store, in_folder("labels.h5")));
    expect_contents(store, &e.store);
    assert_int_equal(kin_store_goal(store), KIN_GOAL_LABELS);
    assert_int_equal(store->labels, 2);
    assert_int_equal(store->features, 3);
    assert_memory_equal(store->label_text, name, sizeof name);
    assert_memory_equal(store->query_label, label, sizeof label);
    assert_memory_equal(store->feature, feature, sizeof feature);
    assert_memory_equal(store->relation_score, score, sizeof score);
    kin_store_close(store);
    label[1] = 2;
    expect_refused(&e, "label of query 1 is 2, expected 0 to 1");
    label[1] = 0, name[0] = 4;
    expect_refused(&e, "text of label 0 is 4, expected 0 to 3");
    name[0] = 0, feature[4] = NAN;
    expect_refused(&e, "feature 4 is nan");
    feature[4] = 0, score[2] = 1.5f;
    expect_refused(&e, "score of relation 2 is 1.5, expected 0 to 1");
    score[2] = 1, e.store.labels = 0;
    expect_refused(&e, "features without labels");
}

/* ---- damaged files --------------------------------------------------------------------------- */

static char *bytes;
static size_t size;

static void load_small(void)
{
    const kin_store contents = small();
    expect_ok(kin_store_write(in_folder("good.h5"), &contents));
    expect_ok(kin_file_read(in_folder("good.h5"), &bytes, &size));
}

static kin_status open_bytes(const void *from, size_t length)
{
    kin_store *store;
    const kin_status status = kin_store_open(&store, write_bytes("bad.h5", from, length));
    if (status == KIN_OK) kin_store_close(store);
    else assert_null(store);
    return status;
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    load_small();
    for (size_t length = 0; length < size; length += length < 600 ? 9 : 61)
        expect_failure(open_bytes(bytes, length), KIN_DATA,
                       length < 16 ? "not a kin store" : "truncated");
    char words[64];
    snprintf(words, sizeof words, "truncated: %zu bytes, expected %zu", size - 1, size);
    expect_failure(open_bytes(bytes, size - 1), KIN_DATA, words);
    expect_failure(open_bytes(bytes, size - 1), KIN_DATA, "bad.h5: ");
    free(bytes);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    load_small();
    for (size_t bit = 0; bit < 8 * size; bit += bit < 8 * 48 ? 1 : 67) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        expect_failure(open_bytes(bytes, size), KIN_DATA,
                       bit < 8 * 16 ? "not a kin store" : "checksum");
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    expect_ok(open_bytes(bytes, size));
    bytes = realloc(bytes, size + 1);
    bytes[size] = 0;
    expect_failure(open_bytes(bytes, size + 1), KIN_DATA, "too long");
    free(bytes);
}

static void what_is_not_a_store_is_refused(void **state)
{
    (void)state;
    kin_store *store;
    expect_failure(kin_store_open(&store, in_folder("nowhere.h5")), KIN_DATA, "No such file");
    expect_failure(kin_store_open(&store, test_folder), KIN_DATA, test_folder);
    expect_failure(open_bytes("\x89HDF\r\n\x1a\n and so on", 18), KIN_DATA, "not a kin store");
    expect_failure(open_bytes("", 0), KIN_DATA, "not a kin store");
}

/* A file that was verified, remembered (which takes an age of two seconds) and then changed is
 * verified again, even when its time is set back. */
static void a_changed_file_is_read_again(void **state)
{
    (void)state;
    kin_store *store;
    struct stat before;
    load_small();
    const char *path = write_bytes("bad.h5", bytes, size);
    sleep(3);
    for (int i = 0; i < 3; i++) {
        expect_ok(kin_store_open(&store, path));
        kin_store_close(store);
    }
    assert_int_equal(stat(path, &before), 0);
    bytes[size - 1] ^= 1;
    write_bytes("bad.h5", bytes, size);
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    expect_failure(kin_store_open(&store, path), KIN_DATA, "checksum differs");
    free(bytes);
}

/* ---- writing under difficulties -------------------------------------------------------------- */

static int entries(void)
{
    char command[600];
    snprintf(command, sizeof command, "ls -A '%s' | grep -c '^full'", test_folder);
    FILE *pipe = popen(command, "r");
    int count = -1;
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

/* A disk that takes no more: the child's files may not grow. */
static void full_disk_leaves_nothing(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const kin_store contents = small();
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        _exit(kin_store_write(in_folder("full.h5"), &contents) == KIN_OK ? 0 : 1);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result) && WEXITSTATUS(result) == 1);
    assert_int_equal(entries(), 0);
}

/* The limit kills the writer in the middle of its write instead. */
static void killed_writer_leaves_no_store(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        const kin_store contents = small();
        signal(SIGXFSZ, SIG_DFL);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, 1000});
        _exit(kin_store_write(in_folder("full.h5"), &contents) == KIN_OK ? 0 : 1);
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result));
    assert_false(kin_file_exists(in_folder("full.h5")));
}

static void a_folder_that_is_not_there(void **state)
{
    (void)state;
    const kin_store contents = small();
    assert_int_not_equal(kin_store_write(in_folder("no/such/store.h5"), &contents), KIN_OK);
    assert_non_null(strstr(kin_message(), "no/such/store.h5"));
}

int main(void)
{
    if (!kin_store_available()) {
        print_message("kin was built without HDF5: nothing to test\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_written),
        cmocka_unit_test(same_contents_same_bytes),
        cmocka_unit_test(empty_and_unnamed_sources_are_fine),
        cmocka_unit_test(wrong_contents_are_refused),
        cmocka_unit_test(labels_features_and_scores),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(what_is_not_a_store_is_refused),
        cmocka_unit_test(a_changed_file_is_read_again),
        cmocka_unit_test(full_disk_leaves_nothing),
        cmocka_unit_test(killed_writer_leaves_no_store),
        cmocka_unit_test(a_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
