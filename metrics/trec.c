#include "metrics/trec.h"

#include <stdbool.h>
#include "core/file.h"

static const char *id_bytes(const kin_texts *ids, int64_t i) { return ids->bytes + ids->start[i]; }
static int id_size(const kin_texts *ids, int64_t i)
{
    return (int)(ids->start[i + 1] - ids->start[i]);
}

/* Bytes of 128 and above are letters of other scripts and may stay. */
static bool is_blank(char c) { return (unsigned char)c <= ' '; }

static kin_status check_ids(const char *path, const char *kind, const kin_texts *ids)
{
    for (int64_t i = 0; i < ids->count; i++) {
        int size = id_size(ids, i);
        KIN_REQUIRE(size > 0, KIN_DATA, "%s: %s %lld has an empty id", path, kind, (long long)i);
        for (int c = 0; c < size; c++)
            KIN_REQUIRE(!is_blank(id_bytes(ids, i)[c]), KIN_DATA,
                        "%s: the id \"%.*s\" of a %s holds a blank or control character", path,
                        size, id_bytes(ids, i), kind);
    }
    return KIN_OK;
}

/* Opens a file for judgements whose ids can stand in it. */
static kin_status open_file(kin_writer **writer, const char *path, const kin_judgements *judgements)
{
    KIN_TRY(check_ids(path, "query", &judgements->query_id));
    KIN_TRY(check_ids(path, "document", &judgements->document_id));
    return kin_writer_open(writer, path);
}

static bool is_relevant(const kin_judgements *judgements, int64_t row)
{
    for (int64_t i = judgements->start[row]; i < judgements->start[row + 1]; i++)
        if (judgements->grade[i] > 0) return true;
    return false;
}

static kin_status write_list(kin_writer *writer, const kin_run *run,
                             const kin_judgements *judgements, const char *tag, int64_t row)
{
    const kin_texts *queries = &judgements->query_id, *documents = &judgements->document_id;
    int32_t query = judgements->query[row];
    int64_t first = run->start[row], n = run->start[row + 1] - first;
    for (int64_t i = 0; i < n && i < KIN_RUN_DEPTH; i++) {
        int32_t document = run->document[first + i];
        KIN_TRY(kin_writer_printf(writer, "%.*s Q0 %.*s %lld %.9g %s\n", id_size(queries, query),
                                  id_bytes(queries, query), id_size(documents, document),
                                  id_bytes(documents, document), (long long)i + 1,
                                  (double)run->score[first + i], tag));
    }
    return KIN_OK;
}

static kin_status close_file(kin_writer *writer, kin_status status)
{
    if (status == KIN_OK) return kin_writer_commit(writer);
    kin_writer_abandon(writer);
    return status;
}

kin_status kin_trec_write_run(const char *path, const kin_run *run,
                              const kin_judgements *judgements, const char *tag)
{
    KIN_REQUIRE(run->rows == judgements->rows, KIN_USAGE,
                "%s: %lld lists for %lld queries", path, (long long)run->rows,
                (long long)judgements->rows);
    bool word = *tag != 0;
    for (const char *c = tag; *c; c++) word &= !is_blank(*c);
    KIN_REQUIRE(word, KIN_USAGE, "%s: the tag \"%s\" is not one word", path, tag);
    kin_writer *writer;
    KIN_TRY(open_file(&writer, path, judgements));
    kin_status status = KIN_OK;
    for (int64_t r = 0; r < run->rows && status == KIN_OK; r++)
        status = write_list(writer, run, judgements, tag, r);
    return close_file(writer, status);
}

static kin_status write_grades(kin_writer *writer, const kin_judgements *judgements, int64_t row)
{
    const kin_texts *queries = &judgements->query_id, *documents = &judgements->document_id;
    int32_t query = judgements->query[row];
    for (int64_t i = judgements->start[row]; i < judgements->start[row + 1]; i++) {
        int32_t document = judgements->document[i];
        KIN_TRY(kin_writer_printf(writer, "%.*s 0 %.*s %d\n", id_size(queries, query),
                                  id_bytes(queries, query), id_size(documents, document),
                                  id_bytes(documents, document), judgements->grade[i]));
    }
    return KIN_OK;
}

kin_status kin_trec_write_qrels(const char *path, const kin_judgements *judgements)
{
    kin_writer *writer;
    KIN_TRY(open_file(&writer, path, judgements));
    kin_status status = KIN_OK;
    for (int64_t r = 0; r < judgements->rows && status == KIN_OK; r++)
        if (is_relevant(judgements, r)) status = write_grades(writer, judgements, r);
    return close_file(writer, status);
}
