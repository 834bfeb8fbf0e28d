/* Every task runs once, on any number of threads, and calls from tasks run in place. */
#include "tests/core/common.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/file.h"
#include "core/pool.h"

typedef struct {
    kin_pool *pool;
    _Atomic int runs[1000];
    _Atomic int thread_runs[8];
    _Atomic int inner;
} record;

static void note(void *context, int64_t task, int thread)
{
    record *r = context;
    assert_in_range(thread, 0, kin_pool_threads(r->pool) - 1);
    r->runs[task]++;
    r->thread_runs[thread]++;
}

static void each_task_once(void **state)
{
    static const int64_t sizes[] = { 0, 1, 2, 3, 7, 100, 1000 };
    static record r;
    (void)state;
    for (int threads = 1; threads <= 8; threads++) {
        assert_int_equal(kin_pool_new(&r.pool, threads), KIN_OK);
        assert_int_equal(kin_pool_threads(r.pool), threads);
        for (int round = 0; round < 60; round++) {
            const int64_t n = sizes[round % 7];
            memset(r.runs, 0, sizeof r.runs);
            kin_pool_run(r.pool, n, note, &r);
            for (int64_t i = 0; i < 1000; i++) assert_int_equal(r.runs[i], i < n);
            if (round % 20 == 19) usleep(300);              /* let the workers fall asleep */
        }
        kin_pool_free(r.pool);
    }
    kin_pool_free(NULL);
}

static void wait_a_little(void *context, int64_t task, int thread)
{
    note(context, task, thread);
    usleep(2000);
}

static void workers_take_part(void **state)
{
    static record r;
    (void)state;
    kin_pool_new(&r.pool, 4);
    kin_pool_run(r.pool, 100, wait_a_little, &r);
    for (int i = 0; i < 4; i++) assert_true(r.thread_runs[i] > 0);
    kin_pool_free(r.pool);
}

typedef struct {
    record *r;
    int thread;
} nested;

static void inner(void *context, int64_t task, int thread)
{
    const nested *n = context;
    (void)task;
    assert_int_equal(thread, n->thread);
    n->r->inner++;
}

static void outer(void *context, int64_t task, int thread)
{
    nested n = { context, thread };
    (void)task;
    kin_pool_run(n.r->pool, 5, inner, &n);
}

static void nested_runs(void **state)
{
    static record r;
    (void)state;
    kin_pool_new(&r.pool, 3);
    kin_pool_run(r.pool, 20, outer, &r);
    assert_int_equal(r.inner, 100);
    kin_pool_free(r.pool);
}

static void without_pool(void **state)
{
    static record r;
    (void)state;
    kin_pool_run(NULL, 10, note, &r);
    for (int i = 0; i < 10; i++) assert_int_equal(r.runs[i], 1);
    assert_int_equal(kin_pool_threads(NULL), 1);
}

static void *caller(void *argument)
{
    record *r = argument;
    for (int i = 0; i < 50; i++) kin_pool_run(r->pool, 1000, note, r);
    return NULL;
}

static void two_callers(void **state)
{
    static record r;
    pthread_t other;
    (void)state;
    kin_pool_new(&r.pool, 2);
    assert_int_equal(pthread_create(&other, NULL, caller, &r), 0);
    caller(&r);
    pthread_join(other, NULL);
    for (int i = 0; i < 1000; i++) assert_int_equal(r.runs[i], 100);
    kin_pool_free(r.pool);
}

static void bad_counts(void **state)
{
    kin_pool *pool;
    (void)state;
    assert_int_equal(kin_pool_new(&pool, -1), KIN_USAGE);
    assert_int_equal(kin_pool_new(&pool, 1000000), KIN_USAGE);
    assert_int_equal(kin_pool_new(&pool, 0), KIN_OK);
    assert_int_equal(kin_pool_threads(pool), kin_threads_default());
    assert_true(kin_threads_default() >= 1);
    kin_pool_free(pool);
}

/* ---- quotas: a pretended /sys/fs/cgroup ----------------------------------------------------- */

static char root[] = "/tmp/kin-quota-XXXXXX";

static void put(const char *name, const char *text)
{
    char path[300], folder[300];
    snprintf(path, sizeof path, "%s/%s", root, name);
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(kin_folder_make(folder), KIN_OK);
    assert_int_equal(kin_file_write(path, text, strlen(text)), KIN_OK);
}

static double quota(const char *membership)
{
    char path[300];
    put("membership", membership);
    snprintf(path, sizeof path, "%s/membership", root);
    return kin_quota_read(path, root);
}

static void quotas(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    put("two/inner/cpu.max", "max 100000\n");
    assert_true(quota("0::/two/inner\n") == 0);
    put("two/cpu.max", "250000 100000\n");                  /* the parent's counts too */
    assert_true(quota("0::/two/inner\n") == 2.5);
    put("two/inner/cpu.max", "50000 100000\n");
    assert_true(quota("0::/two/inner\n") == 0.5);
    assert_true(quota("0::/elsewhere\n") == 0);
    put("cpu.max", "300000 100000\n");                      /* a container sees itself as root */
    assert_true(quota("0::/elsewhere\n") == 3);
    put("cpu,cpuacct/one/cpu.cfs_quota_us", "-1\n");
    put("cpu,cpuacct/one/cpu.cfs_period_us", "100000\n");
    assert_true(quota("5:cpuset:/x\n4:cpu,cpuacct:/one\n") == 0);
    put("cpu,cpuacct/one/cpu.cfs_quota_us", "150000\n");
    assert_true(quota("5:cpuset:/x\n4:cpu,cpuacct:/one\n") == 1.5);
    assert_true(quota("rubbish\n") == 0);
    assert_true(kin_quota_read("/no/such/file", root) == 0);
    kin_folder_remove(root);
}

RUN(TEST(each_task_once), TEST(workers_take_part), TEST(nested_runs), TEST(without_pool),
    TEST(two_callers), TEST(bad_counts), TEST(quotas))
