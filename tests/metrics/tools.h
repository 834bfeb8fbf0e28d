/* What the tests of metrics/ share: cmocka, ids made of a letter and a number, random numbers. */
#ifndef KIN_TESTS_METRICS_TOOLS_H
#define KIN_TESTS_METRICS_TOOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "core/hash.h"
#include "core/status.h"
#include "data/texts.h"

#define assert_ok(call) \
    do { \
        if ((call) != KIN_OK) fail_msg("%s", kin_message()); \
    } while (0)

#define assert_fails(call, expected, part) \
    do { \
        assert_int_equal((call), (expected)); \
        if (!strstr(kin_message(), (part))) fail_msg("message is: %s", kin_message()); \
    } while (0)

/* Differs by at most so much; cmocka's own compares floats. */
#define assert_near(a, b, most) \
    do { \
        double near_a_ = (a), near_b_ = (b); \
        if (!(near_a_ - near_b_ <= (most) && near_b_ - near_a_ <= (most))) \
            fail_msg("%s is %.17g, expected %.17g", #a, near_a_, near_b_); \
    } while (0)

/* count texts, the first words of line, which blanks part. Freed by texts_free. */
static inline kin_texts texts_split(const char *line, char blank)
{
    size_t size = strlen(line);
    char *bytes = malloc(size + 1);
    int64_t *start = malloc(sizeof *start * (size + 2)), count = 0, used = 0;
    start[0] = 0;
    for (size_t i = 0; i <= size; i++) {
        if (line[i] && line[i] != blank) bytes[used++] = line[i];
        else start[++count] = used;
    }
    return (kin_texts){count, bytes, start};
}

/* "d0", "d1", ... */
static inline kin_texts texts_numbered(char letter, int count)
{
    char *bytes = malloc((size_t)count * 12 + 1);
    int64_t *start = malloc(sizeof *start * ((size_t)count + 1)), used = 0;
    for (int i = 0; i < count; i++) {
        start[i] = used;
        used += sprintf(bytes + used, "%c%d", letter, i);
    }
    start[count] = used;
    return (kin_texts){count, bytes, start};
}

static inline void texts_free(kin_texts *texts)
{
    free((char *)texts->bytes);
    free((int64_t *)texts->start);
}

/* A number in [0, 1) that depends on i alone. */
static inline double unit_of(uint64_t i) { return (double)(kin_mix64(i * 2 + 1) >> 11) * 0x1p-53; }

#endif
