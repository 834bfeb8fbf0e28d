/* Files appear whole or not at all; every failure names the path. */
#include "tests/core/common.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "core/file.h"

static char root[] = "/tmp/kin-file-XXXXXX";

static const char *in_root(const char *name)
{
    static char path[2][300];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

static int open_root(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int close_root(void **state)
{
    (void)state;
    return kin_folder_remove(root) == KIN_OK && !kin_file_exists(root) ? 0 : -1;
}

static void assert_content(const char *path, const char *want, size_t size)
{
    char *bytes;
    size_t got;
    kin_map map;
    assert_int_equal(kin_file_read(path, &bytes, &got), KIN_OK);
    assert_int_equal(got, size);
    assert_memory_equal(bytes, want, size);
    assert_int_equal(bytes[size], '\0');
    free(bytes);
    assert_int_equal(kin_file_map(path, &map), KIN_OK);
    assert_int_equal(map.size, size);
    assert_memory_equal(map.bytes, want, size);
    kin_file_unmap(&map);
    kin_file_unmap(&map);
}

static void round_trips(void **state)
{
    enum { SIZE = 300001 };
    char *large = malloc(SIZE);
    (void)state;
    for (int i = 0; i < SIZE; i++) large[i] = (char)(i * 31);
    assert_int_equal(kin_file_write(in_root("large"), large, SIZE), KIN_OK);
    assert_content(in_root("large"), large, SIZE);
    assert_int_equal(kin_file_write(in_root("empty"), NULL, 0), KIN_OK);
    assert_content(in_root("empty"), "", 0);
    assert_int_equal(kin_file_write(in_root("large"), "new", 3), KIN_OK);
    assert_content(in_root("large"), "new", 3);
    free(large);
}

static void writers(void **state)
{
    kin_writer *writer;
    (void)state;
    kin_file_write(in_root("w"), "old", 3);
    assert_int_equal(kin_writer_open(&writer, in_root("w")), KIN_OK);
    assert_int_equal(kin_writer_put(writer, "a\0b", 3), KIN_OK);
    assert_int_equal(kin_writer_printf(writer, "%d.%s", 7, "x"), KIN_OK);
    assert_content(in_root("w"), "old", 3);                 /* until the commit */
    assert_int_equal(kin_writer_commit(writer), KIN_OK);
    assert_content(in_root("w"), "a\0b7.x", 6);
    kin_writer_open(&writer, in_root("w"));
    kin_writer_put(writer, "never", 5);
    kin_writer_abandon(writer);
    assert_content(in_root("w"), "a\0b7.x", 6);
    kin_writer_abandon(NULL);
    char temporary[300];
    snprintf(temporary, sizeof temporary, "%s.tmp-%ld", in_root("w"), (long)getpid());
    assert_false(kin_file_exists(temporary));
}

/* A pipe or device must not be replaced by a file. */
static void devices_stay_devices(void **state)
{
    (void)state;
    struct stat about;
    assert_int_equal(mkfifo(in_root("pipe"), 0600), 0);
    const pid_t child = fork();
    if (child == 0) {
        const int file = open(in_root("pipe"), O_RDONLY);
        char text[8] = "";
        _exit(read(file, text, 7) == 5 && strcmp(text, "hello") == 0 ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(kin_file_write(in_root("pipe"), "hello", 5), KIN_OK);
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    stat(in_root("pipe"), &about);
    assert_true(S_ISFIFO(about.st_mode));
}

static void failures_name_the_path(void **state)
{
    char *bytes;
    size_t size;
    kin_map map;
    kin_writer *writer;
    (void)state;
    assert_int_equal(kin_file_read(in_root("absent"), &bytes, &size), KIN_DATA);
    assert_non_null(strstr(kin_message(), in_root("absent")));
    assert_non_null(strstr(kin_message(), "No such file"));
    assert_int_equal(kin_file_map(in_root("absent"), &map), KIN_DATA);
    assert_int_equal(kin_file_read(root, &bytes, &size), KIN_DATA);
    assert_non_null(strstr(kin_message(), "folder"));
    assert_int_equal(kin_file_map(root, &map), KIN_DATA);
    assert_int_equal(kin_writer_open(&writer, in_root("no/such/folder")), KIN_RUNTIME);
    assert_null(writer);
    assert_int_equal(kin_writer_open(&writer, root), KIN_RUNTIME);
    assert_non_null(strstr(kin_message(), "folder"));
}

/* /dev/full fails as a full disk does; the first error is the one that commit tells. */
static void full_disk(void **state)
{
    kin_writer *writer;
    static char much[200000];
    (void)state;
    if (!kin_file_exists("/dev/full")) skip();
    assert_int_equal(kin_writer_open(&writer, "/dev/full"), KIN_OK);
    assert_int_equal(kin_writer_put(writer, much, sizeof much), KIN_RUNTIME);
    assert_int_equal(kin_writer_put(writer, much, 1), KIN_RUNTIME);
    assert_int_equal(kin_writer_printf(writer, "x"), KIN_RUNTIME);
    assert_int_equal(kin_writer_commit(writer), KIN_RUNTIME);
    assert_non_null(strstr(kin_message(), "No space left"));
}

static void folders(void **state)
{
    (void)state;
    assert_int_equal(kin_folder_make(in_root("a/b/c")), KIN_OK);
    assert_int_equal(kin_folder_make(in_root("a/b/c/")), KIN_OK);
    assert_true(kin_file_exists(in_root("a/b/c")));
    kin_file_write(in_root("a/file"), "x", 1);
    assert_int_equal(kin_folder_make(in_root("a/file")), KIN_RUNTIME);
    assert_int_equal(kin_folder_make(in_root("a/file/below")), KIN_RUNTIME);
    assert_int_equal(kin_folder_make(""), KIN_USAGE);
    kin_folder_make(in_root("outside"));
    kin_file_write(in_root("outside/kept"), "x", 1);
    assert_int_equal(symlink(in_root("outside"), in_root("a/link")), 0);
    assert_int_equal(kin_folder_remove(in_root("a")), KIN_OK);
    assert_false(kin_file_exists(in_root("a")));
    assert_true(kin_file_exists(in_root("outside/kept")));
    assert_int_equal(kin_folder_remove(in_root("a")), KIN_OK);
}

static void paths(void **state)
{
    char path[16];
    (void)state;
    kin_path_join(path, sizeof path, "runs", "x");
    assert_string_equal(path, "runs/x");
    kin_path_join(path, sizeof path, "runs/", "x");
    assert_string_equal(path, "runs/x");
    kin_path_join(path, sizeof path, "", "x");
    assert_string_equal(path, "x");
    kin_path_join(path, sizeof path, "runs", "/x");
    assert_string_equal(path, "/x");
    assert_int_equal(kin_path_join(path, sizeof path, "0123456789", "01234"), KIN_USAGE);
    assert_int_equal(kin_path_join(path, sizeof path, "0123456789", "0123"), KIN_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_trips), TEST(writers), TEST(devices_stay_devices),
        TEST(failures_name_the_path), TEST(full_disk), TEST(folders), TEST(paths),
    };
    return cmocka_run_group_tests(tests, open_root, close_root);
}
