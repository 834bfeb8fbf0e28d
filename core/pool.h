/* Pool: our threads. Work is cut into a number of tasks that depends on the problem alone, never
 * on the number of threads, so that sums are formed in the same order on 1, 2 or 8 threads. */
#ifndef KIN_CORE_POOL_H
#define KIN_CORE_POOL_H

#include <stdint.h>
#include "core/status.h"

typedef struct kin_pool kin_pool;

/* thread: 0 .. threads-1, for work space that a thread may keep to itself. */
typedef void (*kin_task)(void *context, int64_t task, int thread);

kin_status kin_pool_new(kin_pool **pool, int threads);   /* threads 0: kin_threads_default() */
void kin_pool_free(kin_pool *pool);
int kin_pool_threads(const kin_pool *pool);

/* Runs task 0 .. tasks-1, returns when all are done. Which thread runs a task is not fixed. Calls
 * from inside a task run the tasks in place. pool NULL: the caller's thread runs all. */
void kin_pool_run(kin_pool *pool, int64_t tasks, kin_task task, void *context);

/* CPUs that the quotas of this process's cgroups (versions 1 and 2) allow, 0 when there is none.
 * membership: /proc/self/cgroup, mount: /sys/fs/cgroup, or a test's own. */
double kin_quota_read(const char *membership, const char *mount);

/* As many as the affinity mask and the cgroup's CPU quota allow, at least 1. */
int kin_threads_default(void);

#endif
