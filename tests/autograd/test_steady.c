/* After its first steps a tape allocates nothing: no call of malloc and no block of the backend,
 * for steps of the same shapes, and for smaller ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include "autograd/op.h"
#include "tests/devices/both.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static long taken;              /* calls that ask for memory */
static long blocks;             /* that the backend gave */

/* Stands in front of libc's own; sanitizers bring theirs, and then only blocks are counted. */
#if !defined(SANITIZED) && defined(__GLIBC__)
enum { COUNTS = 1 };
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    taken++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    taken++;
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    taken++;
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    taken++;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    taken++;
    *out = __libc_memalign(alignment, size);
    return *out != NULL ? 0 : ENOMEM;
}
#else
enum { COUNTS = 0 };
#endif

static void *(*alloc)(kin_backend *b, size_t bytes);

static void *counted_alloc(kin_backend *b, size_t bytes)
{
    blocks++;
    return alloc(b, bytes);
}

enum { B = 64, V = 100, D = 24, TOKENS = 5 };

static real numbers[4][V * D];
static int32_t ids[B * TOKENS];
static int64_t start[B + 1];

static void make_inputs(void)
{
    for (int i = 0; i < 4 * V * D; i++)
        numbers[i / (V * D)][i % (V * D)] = (real)kin_random_normal(1, KIN_STREAM_TEST, 0,
                                                                    (uint64_t)i);
    for (int i = 0; i < B * TOKENS; i++) ids[i] = (i * 37 + i / 7) % V;
    for (int i = 0; i <= B; i++) start[i] = (int64_t)i * TOKENS;
}

/* Two towers over a shared table, as a trainer would write them. */
static void train_step(kin_tape *tape, uint32_t step, int rows)
{
    kin_tensor table = { .rows = V, .cols = D, .value = numbers[0], .needs_grad = true };
    kin_tensor weight = { .rows = V, .cols = 1, .value = numbers[1], .needs_grad = true };
    kin_tensor matrix = { .rows = D, .cols = D, .value = numbers[2], .needs_grad = true };
    kin_tensor row = { .rows = 1, .cols = D, .value = numbers[3], .needs_grad = true };
    const kin_bags bags[2] = { { rows, rows * TOKENS, ids, start },
                               { rows / 2, rows / 2 * TOKENS, ids, start } };
    kin_tensor *y[2];
    table.name = weight.name = matrix.name = row.name = "parameter";
    kin_tape_reset(tape, 1, step, true);
    for (int i = 0; i < 2; i++) {
        y[i] = kin_embedding_bag(tape, &table, &weight, &bags[i]);
        y[i] = kin_gelu(tape, kin_bias(tape, kin_matmul(tape, y[i], &matrix), &row));
        y[i] = kin_l2_normalize(tape, kin_dropout(tape, y[i], 0.1));
    }
    kin_tensor *scores = kin_matmul_nt(tape, y[0], y[1]);
    assert_int_equal(kin_tape_backward(tape, kin_mean(tape, kin_tanh(tape, scores))), KIN_OK);
    assert_non_null(kin_tensor_dense_gradient(tape, &table));
    assert_true(matrix.grad != NULL && row.grad != NULL && weight.grad != NULL);
    kin_tape_reset(tape, 1, step, true);
}

static void test_no_allocation(void **state)
{
    (void)state;
    kin_tape *tape;
    make_inputs();
    alloc = backend.alloc;
    backend.alloc = counted_alloc;
    assert_int_equal(kin_tape_new(&tape, &backend), KIN_OK);
    train_step(tape, 0, B);
    assert_true(blocks > 0);
    train_step(tape, 1, B);
    const long taken_before = taken, blocks_before = blocks;
    if (COUNTS) assert_true(taken_before > 0);
    for (uint32_t step = 2; step < 50; step++) train_step(tape, step, step % 3 == 0 ? B / 2 : B);
    const long taken_after = taken, blocks_after = blocks;
    assert_int_equal(taken_after - taken_before, 0);
    assert_int_equal(blocks_after - blocks_before, 0);
    kin_tape_free(tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_allocation) };
    return RUN_ON_BOTH(tests);
}
