/* Pool: workers that spin for a moment after each job, because the next one usually follows at
 * once, and then sleep. The caller works too, and never waits for a worker that did not join. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/pool.h"

enum { SPIN_NANOSECONDS = 30000, POLLS_PER_LOOK = 32, MAX_THREADS = 1024 };

/* state: job number in the high half, the open flag, and below it how many workers are inside. */
#define OPEN ((uint64_t)1 << 31)
#define INSIDE (OPEN - 1)
#define ONE_JOB ((uint64_t)1 << 32)

typedef struct {
    struct kin_pool *pool;
    int index;
} seat;

struct kin_pool {
    _Alignas(64) _Atomic uint64_t state;
    _Alignas(64) _Atomic int64_t next;          /* first task nobody has taken */
    _Alignas(64) int64_t tasks;                 /* the job: constant while it is open */
    kin_task task;
    void *context;
    int threads;
    pthread_t *handles;                         /* threads - 1 */
    seat *seats;
    _Atomic int sleepers;                       /* workers that need a wake-up */
    _Atomic bool caller_sleeps, stop;
    pthread_mutex_t job_lock;                   /* one job at a time */
    pthread_mutex_t sleep_lock;
    pthread_cond_t job_began, workers_left;
};

static _Thread_local kin_pool *current_pool;    /* the pool whose task this thread is running */
static _Thread_local int current_thread;

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

typedef bool (*condition)(kin_pool *pool, uint64_t seen);

static bool job_waits(kin_pool *pool, uint64_t seen)
{
    const uint64_t state = atomic_load(&pool->state);
    return ((state & OPEN) && state / ONE_JOB != seen) || atomic_load(&pool->stop);
}

static bool all_left(kin_pool *pool, uint64_t seen)
{
    (void)seen;
    return (atomic_load(&pool->state) & INSIDE) == 0;
}

/* True when the condition came true while spinning. */
static bool spin(kin_pool *pool, condition holds, uint64_t seen)
{
    const int64_t end = nanoseconds() + SPIN_NANOSECONDS;
    do {
        for (int i = 0; i < POLLS_PER_LOOK; i++) {
            if (holds(pool, seen)) return true;
            relax();
        }
    } while (nanoseconds() < end);
    return false;
}

static void work(kin_pool *pool, int thread)
{
    current_pool = pool;
    current_thread = thread;
    for (;;) {
        const int64_t task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (task >= pool->tasks) break;
        pool->task(pool->context, task, thread);
    }
    current_pool = NULL;
}

/* Enters the open job unless it is the one seen last; returns its number, or `seen`. */
static uint64_t join(kin_pool *pool, uint64_t seen)
{
    uint64_t state = atomic_load(&pool->state);
    while ((state & OPEN) && state / ONE_JOB != seen) {
        if (atomic_compare_exchange_weak(&pool->state, &state, state + 1)) return state / ONE_JOB;
    }
    return seen;
}

static void leave(kin_pool *pool)
{
    atomic_fetch_sub(&pool->state, 1);
    if (atomic_load(&pool->caller_sleeps)) {
        pthread_mutex_lock(&pool->sleep_lock);
        pthread_cond_signal(&pool->workers_left);
        pthread_mutex_unlock(&pool->sleep_lock);
    }
}

static void *worker(void *argument)
{
    const seat *own = argument;
    kin_pool *pool = own->pool;
    uint64_t seen = 0;
    while (!atomic_load(&pool->stop)) {
        if (!spin(pool, job_waits, seen)) {
            pthread_mutex_lock(&pool->sleep_lock);
            atomic_fetch_add(&pool->sleepers, 1);
            while (!job_waits(pool, seen)) pthread_cond_wait(&pool->job_began, &pool->sleep_lock);
            atomic_fetch_sub(&pool->sleepers, 1);
            pthread_mutex_unlock(&pool->sleep_lock);
        }
        const uint64_t job = join(pool, seen);
        if (job == seen) continue;
        seen = job;
        work(pool, own->index);
        leave(pool);
    }
    return NULL;
}

static void wake_workers(kin_pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0) return;
    pthread_mutex_lock(&pool->sleep_lock);
    pthread_cond_broadcast(&pool->job_began);
    pthread_mutex_unlock(&pool->sleep_lock);
}

static void await_workers(kin_pool *pool)
{
    atomic_fetch_and(&pool->state, ~OPEN);
    if (spin(pool, all_left, 0)) return;
    pthread_mutex_lock(&pool->sleep_lock);
    atomic_store(&pool->caller_sleeps, true);
    while (!all_left(pool, 0)) pthread_cond_wait(&pool->workers_left, &pool->sleep_lock);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->sleep_lock);
}

static void run_in_place(int64_t tasks, kin_task task, void *context, int thread)
{
    for (int64_t i = 0; i < tasks; i++) task(context, i, thread);
}

void kin_pool_run(kin_pool *pool, int64_t tasks, kin_task task, void *context)
{
    if (current_pool || !pool) {
        run_in_place(tasks, task, context, pool && pool == current_pool ? current_thread : 0);
        return;
    }
    pthread_mutex_lock(&pool->job_lock);
    if (pool->threads == 1 || tasks <= 1) {
        current_pool = pool;
        current_thread = 0;
        run_in_place(tasks, task, context, 0);
        current_pool = NULL;
    } else {
        pool->tasks = tasks;
        pool->task = task;
        pool->context = context;
        atomic_store(&pool->next, 0);
        atomic_fetch_add(&pool->state, ONE_JOB | OPEN);      /* publishes the job */
        wake_workers(pool);
        work(pool, 0);
        await_workers(pool);
    }
    pthread_mutex_unlock(&pool->job_lock);
}

static void stop_workers(kin_pool *pool, int started)
{
    pthread_mutex_lock(&pool->sleep_lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->job_began);
    pthread_mutex_unlock(&pool->sleep_lock);
    for (int i = 0; i < started; i++) pthread_join(pool->handles[i], NULL);
}

void kin_pool_free(kin_pool *pool)
{
    if (!pool) return;
    stop_workers(pool, pool->threads - 1);
    pthread_mutex_destroy(&pool->job_lock);
    pthread_mutex_destroy(&pool->sleep_lock);
    pthread_cond_destroy(&pool->job_began);
    pthread_cond_destroy(&pool->workers_left);
    free(pool->handles);
    free(pool->seats);
    free(pool);
}

/* Signals are the main thread's. Returns 0 or the error. */
static int start_worker(kin_pool *pool, int i)
{
    sigset_t all, before;
    pool->seats[i] = (seat){ pool, i + 1 };
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&pool->handles[i], NULL, worker, &pool->seats[i]);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static kin_pool *make_pool(int threads)
{
    kin_pool *pool = aligned_alloc(_Alignof(kin_pool), sizeof *pool);
    if (!pool) return NULL;
    memset(pool, 0, sizeof *pool);
    pool->threads = threads;
    pool->handles = calloc((size_t)threads, sizeof *pool->handles);
    pool->seats = calloc((size_t)threads, sizeof *pool->seats);
    pthread_mutex_init(&pool->job_lock, NULL);
    pthread_mutex_init(&pool->sleep_lock, NULL);
    pthread_cond_init(&pool->job_began, NULL);
    pthread_cond_init(&pool->workers_left, NULL);
    return pool;
}

kin_status kin_pool_new(kin_pool **out, int threads)
{
    *out = NULL;
    KIN_REQUIRE(threads >= 0 && threads <= MAX_THREADS, KIN_USAGE,
                "threads is %d, expected 0 to %d", threads, MAX_THREADS);
    kin_pool *pool = make_pool(threads > 0 ? threads : kin_threads_default());
    if (!pool || !pool->handles || !pool->seats) {
        if (pool) pool->threads = 1;
        kin_pool_free(pool);
        return kin_fail(KIN_MEMORY, "pool: no memory for %d threads", threads);
    }
    for (int i = 0; i < pool->threads - 1; i++) {
        const int error = start_worker(pool, i);
        if (error == 0) continue;
        const int wanted = pool->threads;
        pool->threads = i + 1;
        kin_pool_free(pool);
        return kin_fail(KIN_RUNTIME, "pool: thread %d of %d did not start: %s", i + 1, wanted,
                        strerror(error));
    }
    *out = pool;
    return KIN_OK;
}

int kin_pool_threads(const kin_pool *pool)
{
    return pool ? pool->threads : 1;
}
