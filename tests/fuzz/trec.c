/* TREC files: a run and its judgements, apart by a byte 0xFF. What is accepted is written back;
 * that reads as the same files again and scores the same. */
#include "tests/fuzz/fuzz.h"
#include "metrics/trec.h"

static void seeds(void)
{
    add_seed_text("q1 Q0 d1 1 0.5 kin\nq1 Q0 d2 2 0.25 kin\nq2 Q0 d1 1 -3e-2 kin\n\xff"
                  "q1 0 d1 1\nq1 0 d3 0\nq2 0 d2 2\n");
    add_seed_text("a\tQ0\tx 7 1.5 t\r\na Q0 y 3 1.5 t\r\nz Q0 y 1 1 t\xff" "a 0 x -1\na 0 y 3\n");
}

static void check(const kin_trec *t)
{
    const kin_run *run = t->run;
    const int64_t documents = t->judgements->document_id.count;
    CHECK(run->rows == t->judgements->rows && run->start[0] == 0 && t->ignored >= 0);
    for (int64_t r = 0; r < run->rows; r++) {
        CHECK(run->start[r + 1] - run->start[r] <= KIN_RUN_DEPTH);
        for (int64_t i = run->start[r]; i < run->start[r + 1]; i++) {
            CHECK(run->document[i] >= 0 && run->document[i] < documents);
            CHECK(i == run->start[r] || run->score[i] <= run->score[i - 1]);
        }
    }
}

static void write(const kin_trec *t, const char *run, const char *qrels)
{
    CHECK(kin_trec_write_run(run, t->run, t->judgements, "kin") == KIN_OK);
    CHECK(kin_trec_write_qrels(qrels, t->judgements) == KIN_OK);
}

static size_t file_size(const char *path)
{
    kin_map map;
    CHECK(kin_file_map(path, &map) == KIN_OK);
    const size_t size = map.size;
    kin_file_unmap(&map);
    return size;
}

static kin_ranking_scores *judge(const kin_trec *t)
{
    kin_ranking_scores *scores = NULL;
    return accepted(kin_ranking_judge(&scores, t->run, t->judgements), KIN_DATA) ? scores : NULL;
}

/* Queries without a relevant document are not written, so the first copy may have fewer rows; their
 * lists are then strangers to it. Lines of one query may change places when the documents of another
 * are gone; lists are ordered by score and id. */
static void write_back(const kin_trec *t)
{
    kin_trec *again;
    const char *run = in_folder("b.run"), *qrels = in_folder("b.qrels");
    const char *run_too = in_folder("c.run"), *qrels_too = in_folder("c.qrels");
    write(t, run, qrels);
    CHECK(kin_trec_read(&again, run, qrels) == KIN_OK);
    check(again);
    write(again, run_too, qrels_too);
    CHECK(file_size(qrels) == file_size(qrels_too));
    if (again->ignored == 0) check_same_file(run, run_too);
    kin_ranking_scores *first = judge(t), *second = judge(again);
    CHECK(!first == !second);
    CHECK(!first || memcmp(first->mean, second->mean, sizeof first->mean) == 0);
    kin_ranking_scores_free(first);
    kin_ranking_scores_free(second);
    kin_trec_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_trec *trec;
    const uint8_t *cut = size ? memchr(bytes, 0xFF, size) : NULL, *end = bytes + size;
    if (!cut) return -1;
    const char *run = write_bytes(in_folder("a.run"), bytes, (size_t)(cut - bytes));
    const char *qrels = write_bytes(in_folder("a.qrels"), cut + 1, (size_t)(end - cut - 1));
    if (!accepted(kin_trec_read(&trec, run, qrels), KIN_DATA)) return 0;
    check(trec);
    write_back(trec);
    kin_trec_free(trec);
    return 0;
}
