/* After the first steps a training step asks for no memory: not malloc, not the backend. */
#include "tests/train/fixture.h"

#include <errno.h>

#include "data/import.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static volatile long taken;

#if !defined(SANITIZED) && defined(__GLIBC__)
enum { COUNTS = 1 };
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}
#else
enum { COUNTS = 0 };
#endif

typedef struct { long at_step_2, worst; int64_t worst_step; } counts;

static void count(void *state, const kin_progress *p)
{
    counts *c = state;
    if (p->step == 2) c->at_step_2 = taken;
    if (p->step > 2 && taken > c->at_step_2 && !c->worst_step) {
        c->worst = taken - c->at_step_2;
        c->worst_step = p->step;
    }
}

static void expect_steady(const char *run, const char *settings, int threads)
{
    counts c = { 0 };
    const kin_watch watch = { .state = &c, .progress = count };
    expect_ok(train(run, settings, threads, NULL, &watch, NULL));
    if (c.worst_step)
        fail_msg("%s: %ld allocations by step %ld", settings, c.worst, (long)c.worst_step);
}

static void test_steady(void **state)
{
    (void)state;
    if (!COUNTS) skip();
    expect_steady("a", "schedule.steps=60 eval.every=0", 2);
    expect_steady("b", "schedule.steps=30 eval.every=0 encoder.weights=learned "
                       "encoder.projection=mlp encoder.towers=separate loss.learn=temperature", 1);
    expect_steady("c", "schedule.steps=30 eval.every=0 loss.name=triplet log.every=1", 2);
    expect_steady("d", "schedule.steps=30 eval.every=0 batch.chunk=7 encoder.projection=mlp "
                       "batch.token_dropout=0.2", 2);
    expect_steady("e", "schedule.steps=30 eval.every=0 batch.chunk=7 encoder.momentum=0.9 "
                       "loss.sum=infonce,uniformity:0.5 loss.learn=infonce.temperature", 1);
    expect_steady("f", "schedule.steps=30 eval.every=0 loss.negatives=drawn loss.drawn=9 "
                       "loss.direction=one_way log.every=1", 2);
    expect_steady("g", "schedule.steps=40 eval.every=0 negatives.source=model negatives.every=0 "
                       "negatives.count=2 negatives.mask=relative_margin:0.1", 2);
}

/* Columns of which each step pushes others, and more or fewer of them. */
static void test_steady_numbers(void **state)
{
    (void)state;
    if (!COUNTS) skip();
    int index;
    char settings[600];
    kin_import_report report;
    kin_import_setting setting = { .source = in_folder("data"), .out = in_folder("numbers.h5") };
    expect_ok(kin_folder_make(in_folder("data")));
    FILE *f = fopen(in_folder("data/train.txt"), "w");
    for (int u = 0; u < 50; u++)
        for (int i = 0; i < 9; i++) fprintf(f, "%d %d\n", u, (u * i + 3 * i) % 70);
    assert_int_equal(fclose(f), 0);
    expect_ok(kin_list_find(&kin_importers, "interactions", &index));
    expect_ok(kin_import_run(index, &setting, &report));
    snprintf(settings, sizeof settings, "schedule.steps=60 eval.every=0 data.store=%s "
             "encoder.name=id encoder.towers=separate encoder.dropout=0.1 encoder.init_scale=0.1 "
             "loss.name=cosine_contrastive loss.similarity=dot loss.margin=0.2 loss.drawn=20 "
             "loss.negatives=corpus loss.direction=one_way batch.distinct=false optim.dense=true "
             "optim.clip=1", in_folder("numbers.h5"));
    expect_steady("n", settings, 2);
}

/* The counter counts. */
static void test_counter(void **state)
{
    (void)state;
    if (!COUNTS) skip();
    const long before = taken;
    void *volatile block = malloc(10);
    free(block);
    assert_true(taken > before);
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter), cmocka_unit_test(test_steady),
        cmocka_unit_test(test_steady_numbers),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
