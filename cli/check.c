/* kin check: gradients and known values of losses and ops, in double precision: kin hands that to
 * kin64, which is installed beside it. */
#include <stdio.h>
#include <string.h>

#include "autograd/gradcheck.h"
#include "cli/check_cache.h"
#include "cli/configure.h"
#include "cli/device.h"
#include "cli/lists.h"
#include "cli/print.h"
#include "losses/known.h"

#ifdef KIN_DOUBLE

typedef struct {
    int checks, failed;
    bool as_json;
    kin_json_out json;
} tally;

static void put_line(kin_json_out *json, const char *kind, const char *name, const char *what,
                     double error, double bound)
{
    kin_json_open(json, NULL, '{');
    kin_json_put_string(json, "kind", kind);
    kin_json_put_string(json, "name", name);
    kin_json_put_string(json, "what", what);
    kin_json_put_number(json, "worst", error);
    kin_json_put_number(json, "bound", bound);
    kin_json_close(json);
}

static void report(tally *t, const char *kind, const char *name, const char *what, double error,
                   double bound, const char *where)
{
    const bool good = error <= bound;
    t->checks++;
    t->failed += !good;
    put_line(&t->json, kind, name, what, error, bound);
    if (t->as_json) return;
    printf("%-4s %-13s %-44s worst %.2g (bound %.0e)%s%s%s\n", kind, name, what, error, bound,
           good ? "" : "  FAILED", good || !*where ? "" : " at ", good ? "" : where);
}

static kin_status check_op(kin_tape *tape, const kin_op *op, tally *t)
{
    kin_gradcheck worst;
    char where[96];
    KIN_TRY(kin_gradient_check_op(tape, op, &worst));
    snprintf(where, sizeof where, "input %d, row %ld, column %ld: %.9g, expected %.9g",
             worst.param, (long)worst.row, (long)worst.col, worst.gradient, worst.slope);
    report(t, "op", op->entry.name, "gradient", worst.error, KIN_GRADIENT_BOUND, where);
    return KIN_OK;
}

static void loss_line(void *state, const kin_loss_check_line *line)
{
    report(state, "loss", line->loss, line->what, line->error, line->bound, line->where);
}

static kin_status check_loss(kin_tape *tape, int loss, tally *t)
{
    KIN_TRY(kin_loss_check(tape, loss, loss_line, t));
    return kin_known_check(tape, loss, NULL, loss_line, t);
}

static kin_status check_all(kin_tape *tape, const char *name, tally *t)
{
    for (int i = 0; i < kin_ops.count; i++)
        if (!name || !strcmp(name, kin_ops.items[i]->name))
            KIN_TRY(check_op(tape, (const kin_op *)kin_ops.items[i], t));
    for (int i = 0; i < kin_losses.count; i++)
        if (!name || !strcmp(name, kin_losses.items[i]->name))
            KIN_TRY(check_loss(tape, i, t));
    return KIN_OK;
}

static kin_status unknown(const char *name)
{
    const char *names[128];
    int n = 0;
    for (int i = 0; i < kin_ops.count; i++) names[n++] = kin_ops.items[i]->name;
    for (int i = 0; i < kin_losses.count; i++) names[n++] = kin_losses.items[i]->name;
    const char *near = kin_nearest(name, names, n);
    return kin_fail(KIN_USAGE, "no loss or op is called '%s'%s%s", name,
                    near ? "; did you mean " : "", near ? near : "");
}

static kin_status check_lists(const args *a)
{
    device d;
    kin_tape *tape = NULL;
    tally t = { .as_json = args_has(a, "json"), .json = { .indent = 2 } };
    const char *name = a->count ? a->positional[0] : NULL;
    KIN_TRY(device_open_for(&d, a));
    kin_status status = kin_tape_new(&tape, d.backend);
    kin_json_open(&t.json, NULL, '[');
    if (status == KIN_OK) status = check_all(tape, name, &t);
    kin_json_close(&t.json);
    kin_tape_free(tape);
    device_close(&d);
    if (status == KIN_OK && !t.checks) status = unknown(name);
    if (status == KIN_OK && t.as_json) status = print_json(&t.json);
    kin_json_discard(&t.json);
    if (status != KIN_OK) return status;
    if (!t.as_json) printf("%d checks, %d failed\n", t.checks, t.failed);
    KIN_REQUIRE(!t.failed, KIN_CHECK, "%d of %d checks failed", t.failed, t.checks);
    return KIN_OK;
}

#else

static kin_status check_lists(const args *a) { return args_go_double(a); }

#endif

static kin_status run(const args *a)
{
    const bool cache = a->count && !strcmp(a->positional[0], "cache");
    if (cache) return check_cache(a);
    KIN_REQUIRE(a->count < 2, KIN_USAGE, "unexpected argument '%s'; usage: kin check %s",
                a->positional[1], verb_check.usage);
    KIN_TRY(configure_refuse(a, "kin check cache RUN.ini"));
    return check_lists(a);
}

const verb verb_check = {
    .name = "check", .summary = "check gradients and known values of any loss or op",
    .usage = "[NAME] | cache RUN.ini [--section.key VALUE ...]",
    .least = 0, .most = 2, .run_keys = true, .run = run,
    .details = "Compares every derivative with differences in double precision, and every loss\n"
               "with values from independent programs. Exit code 5 when one is off.\n"
               "With 'cache' and a run file: the run's own first steps, whole and in chunks of\n"
               "batch.chunk pairs; trains nothing. kin64 check cache does it in double precision.",
};
