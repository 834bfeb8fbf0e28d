/* Checks the one loss of a list: its derivatives and its known values. Linked by howto.sh with a
 * tree that holds the loss of docs/how-to-add-a-loss.md alone. */
#include <stdio.h>

#include "core/pool.h"
#include "cpu/cpu.h"
#include "losses/known.h"

static int checks, failed;

static void report(void *state, const kin_loss_check_line *line)
{
    (void)state;
    checks++;
    if (line->error <= line->bound) return;
    failed++;
    printf("%s: %s is off by %g at %s\n", line->loss, line->what, line->error, line->where);
}

int main(void)
{
    kin_pool *pool;
    kin_backend *backend;
    kin_tape *tape;
    const bool made = !kin_pool_new(&pool, 1) && !kin_cpu_new(&backend, pool)
                   && !kin_tape_new(&tape, backend);
    if (!made || kin_loss_check(tape, 0, report, NULL)
        || kin_known_check(tape, 0, NULL, report, NULL)) {
        printf("%s\n", kin_message());
        return 1;
    }
    printf("%d checks, %d failed\n", checks, failed);
    return failed || checks < 2;
}
