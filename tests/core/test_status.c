/* Statuses, their exit codes and the thread's message. */
#include "tests/core/common.h"
#include <pthread.h>
#include "core/status.h"

static kin_status leave_early(kin_status first)
{
    KIN_TRY(first);
    KIN_REQUIRE(1 + 1 == 3, KIN_DATA, "sum is %d, expected %d", 2, 3);
    return KIN_OK;
}

static void messages(void **state)
{
    (void)state;
    assert_int_equal(leave_early(KIN_MEMORY), KIN_MEMORY);
    assert_int_equal(leave_early(KIN_OK), KIN_DATA);
    assert_string_equal(kin_message(), "sum is 2, expected 3");
    assert_int_equal(kin_fail_in(KIN_USAGE, "step %d", 7), KIN_USAGE);
    assert_string_equal(kin_message(), "step 7: sum is 2, expected 3");
    kin_fail(KIN_DATA, "<%s>", kin_message());                  /* an argument is the old message */
    assert_string_equal(kin_message(), "<step 7: sum is 2, expected 3>");
}

static void long_message_is_cut(void **state)
{
    char text[5000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    kin_fail(KIN_DATA, "%s", text);
    assert_in_range(strlen(kin_message()), 500, 2000);
    kin_fail_in(KIN_DATA, "%s", text);
    assert_in_range(strlen(kin_message()), 500, 2000);
}

static void *other_thread(void *argument)
{
    (void)argument;
    kin_fail(KIN_DATA, "not yours");
    return NULL;
}

static void message_belongs_to_thread(void **state)
{
    pthread_t thread;
    (void)state;
    kin_fail(KIN_DATA, "mine");
    assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(kin_message(), "mine");
}

static void codes_and_texts(void **state)
{
    (void)state;
    assert_int_equal(KIN_OK, 0);
    assert_int_equal(KIN_USAGE, 2);
    assert_int_equal(KIN_STOPPED, 75);
    assert_string_equal(kin_status_text(KIN_DATA), "data error");
    assert_string_equal(kin_status_text((kin_status)99), "unknown status");
}

RUN(TEST(messages), TEST(long_message_is_cut), TEST(message_belongs_to_thread),
    TEST(codes_and_texts))
