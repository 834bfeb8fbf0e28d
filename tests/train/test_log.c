/* metrics.jsonl and TensorBoard's files: what is kept on resuming, and records byte for byte. */
#include "tests/train/fixture.h"

#include <dirent.h>
#include "train/log.h"
#include "train/tensorboard.h"

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/kin-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static void test_crc(void **state)
{
    (void)state;
    unsigned char bytes[32] = { 0 };
    assert_int_equal(kin_crc32c("123456789", 9), 0xE3069283u);
    assert_int_equal(kin_crc32c(bytes, 32), 0x8A9136AAu);          /* RFC 3720 B.4 */
    memset(bytes, 0xFF, 32);
    assert_int_equal(kin_crc32c(bytes, 32), 0x62A8AB43u);
}

static void write_line(kin_log *log, int64_t step, double loss)
{
    kin_log_begin(log, step);
    kin_log_put(log, "train/loss", loss);
    kin_log_put(log, "train/tau", NAN);
    expect_ok(kin_log_end(log));
}

static void expect_text(const char *expected)
{
    char *text;
    size_t size;
    expect_ok(kin_file_read(in_folder("metrics.jsonl"), &text, &size));
    assert_string_equal(text, expected);
    free(text);
}

static void test_lines(void **state)
{
    (void)state;
    kin_log *log;
    expect_ok(kin_log_open(&log, folder, 0, false));
    write_line(log, 5, 0.25);
    write_line(log, 10, 1.0 / 3);
    write_line(log, 15, 2);
    kin_log_close(log);
    expect_text("{\"step\":5,\"train/loss\":0.25}\n{\"step\":10,\"train/loss\":0.333333333}\n"
                "{\"step\":15,\"train/loss\":2}\n");
    expect_ok(kin_log_open(&log, folder, 12, false));
    write_line(log, 15, 3);
    kin_log_close(log);
    expect_text("{\"step\":5,\"train/loss\":0.25}\n{\"step\":10,\"train/loss\":0.333333333}\n"
                "{\"step\":15,\"train/loss\":3}\n");
}

/* A line that was torn by a crash is dropped. */
static void test_torn(void **state)
{
    (void)state;
    kin_log *log;
    static const char torn[] = "{\"step\":5,\"train/loss\":1}\n{\"step\":6,\"train/lo";
    expect_ok(kin_file_write(in_folder("metrics.jsonl"), torn, strlen(torn)));
    expect_ok(kin_log_open(&log, folder, 100, false));
    kin_log_close(log);
    expect_text("{\"step\":5,\"train/loss\":1}\n");
}

static uint64_t little(const unsigned char *b, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--) value = value << 8 | b[i];
    return value;
}

static uint32_t unmasked(uint32_t masked)
{
    const uint32_t rotated = masked - 0xa282ead8u;
    return rotated >> 17 | rotated << 15;
}

static void find_events(char path[600])
{
    DIR *d = opendir(in_folder("tb"));
    path[0] = 0;
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        if (strstr(e->d_name, "tfevents")) snprintf(path, 600, "%s", in_folder("tb/%s", e->d_name));
    closedir(d);
}

/* Every record's two checksums, and the scalar as a protocol buffer has it. */
static void test_events(void **state)
{
    (void)state;
    kin_events *events;
    char path[600], *text;
    size_t size, at = 0;
    expect_ok(kin_events_open(&events, in_folder("tb"), 0));
    expect_ok(kin_events_scalar(events, 300, "train/loss", 0.5));
    kin_events_close(events);
    find_events(path);
    expect_ok(kin_file_read(path, &text, &size));
    const unsigned char *bytes = (const unsigned char *)text, *last = NULL;
    int records = 0;
    while (at < size) {
        const uint64_t length = little(bytes + at, 8);
        assert_int_equal(unmasked((uint32_t)little(bytes + at + 8, 4)), kin_crc32c(bytes + at, 8));
        last = bytes + at + 12;
        assert_int_equal(unmasked((uint32_t)little(last + length, 4)), kin_crc32c(last, length));
        at += 16 + length;
        records++;
    }
    assert_int_equal(at, size);
    assert_int_equal(records, 2);
    static const unsigned char tail[] = { 0x10, 0xAC, 0x02, 0x2A, 19, 0x0A, 17, 0x0A, 10,
        't', 'r', 'a', 'i', 'n', '/', 'l', 'o', 's', 's', 0x15, 0, 0, 0, 0x3F };
    assert_int_equal(last[0], 0x09);                     /* the time of day, eight bytes */
    assert_memory_equal(last + 9, tail, sizeof tail);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc), cmocka_unit_test(test_lines), cmocka_unit_test(test_torn),
        cmocka_unit_test(test_events),
    };
    return cmocka_run_group_tests(tests, make_folder, close_folder);
}
