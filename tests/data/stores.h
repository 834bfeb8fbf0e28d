/* What the tests of stores, importers and samplers share: a temporary folder, files in it, and a
 * look at the last message. */
#ifndef KIN_TESTS_DATA_STORES_H
#define KIN_TESTS_DATA_STORES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "core/status.h"

static char test_folder[256];

/* Path of a file in the temporary folder; four at a time. */
static const char *in_folder(const char *name)
{
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", test_folder, name);
    return path[next];
}

static int make_test_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(test_folder, sizeof test_folder, "%s/kin-test-XXXXXX", base ? base : "/tmp");
    return mkdtemp(test_folder) ? 0 : -1;
}

static int remove_test_folder(void **state)
{
    (void)state;
    return kin_folder_remove(test_folder) == KIN_OK ? 0 : -1;
}

static inline void expect_ok(kin_status status)
{
    if (status != KIN_OK) fail_msg("%s", kin_message());
}

/* The call failed with this status and its message holds these words. */
static inline void expect_failure(kin_status status, kin_status expected, const char *words)
{
    assert_int_equal(status, expected);
    if (!strstr(kin_message(), words))
        fail_msg("the message \"%s\" lacks \"%s\"", kin_message(), words);
}

static inline const char *write_bytes(const char *name, const void *bytes, size_t size)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

#endif
