/* Scores of queries: what is accepted holds finite numbers under different names, and reads the same
 * after it was written back. */
#include "tests/fuzz/fuzz.h"
#include <math.h>
#include "metrics/per_query.h"

static void seeds(void)
{
    add_seed_text("query\tmrr@10\tmap\nq1\t0.5\t0.33333333333333331\nq2\t0\t1e-05\n");
    add_seed_text("query\tx\r\na b\t-1\r\n\xc3\xa9\t7");
}

static void write_back(const kin_per_query *s, const char *path)
{
    FILE *file = fopen(path, "w");
    CHECK(file);
    fprintf(file, "query");
    for (int c = 0; c < s->columns; c++) fprintf(file, "\t%s", s->name[c]);
    for (int64_t q = 0; q < s->queries; q++) {
        const int64_t *start = s->ids.start + q;
        fprintf(file, "\n%.*s", (int)(start[1] - start[0]), s->ids.bytes + start[0]);
        for (int c = 0; c < s->columns; c++) fprintf(file, "\t%.17g", s->value[c][q]);
    }
    fprintf(file, "\n");
    CHECK(fclose(file) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_per_query *s, *again;
    if (!accepted(kin_per_query_read(&s, write_bytes(in_folder("a.tsv"), bytes, size)), KIN_DATA))
        return 0;
    CHECK(s->queries > 0 && s->columns > 0 && s->ids.count == s->queries);
    for (int c = 0; c < s->columns; c++) {
        CHECK(kin_per_query_find(s, s->name[c]) == c);
        for (int64_t q = 0; q < s->queries; q++) CHECK(isfinite(s->value[c][q]));
    }
    write_back(s, in_folder("b.tsv"));
    CHECK(kin_per_query_read(&again, in_folder("b.tsv")) == KIN_OK);
    CHECK(again->queries == s->queries && again->columns == s->columns);
    for (int c = 0; c < s->columns; c++) {
        CHECK(strcmp(s->name[c], again->name[c]) == 0);
        CHECK(memcmp(s->value[c], again->value[c], (size_t)s->queries * sizeof(double)) == 0);
    }
    kin_per_query_free(s);
    kin_per_query_free(again);
    return 0;
}
