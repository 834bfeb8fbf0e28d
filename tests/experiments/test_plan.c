/* Plans: what a file means, and that a mistake is one sentence with file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/file.h"
#include "experiments/plan.h"
#include "optim/schedule.h"

static char folder[64];

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(kin_file_write(path, text, strlen(text)), KIN_OK);
}

static int open_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/kin-plan-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    put("base.ini", "[data]\nstore = x.h5\n[batch]\nsize = 100\n");
    put("hot.ini", "[data]\nstore = x.h5\n[loss]\ntemperature = 0.05\n");
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    return kin_folder_remove(folder) == KIN_OK ? 0 : 1;
}

static kin_status read_plan(kin_ablation **plan, const char *text)
{
    char path[128];
    put("p.ini", text);
    snprintf(path, sizeof path, "%s/p.ini", folder);
    return kin_ablation_read(plan, path);
}

static kin_ablation *good(const char *text)
{
    kin_ablation *plan;
    if (read_plan(&plan, text) != KIN_OK) fail_msg("%s", kin_message());
    return plan;
}

#define HEAD "[plan]\nbase = base.ini\nseeds = 1, 2\n"

/* The value of a key in a run. */
static void run_has(const kin_ablation *p, int row, int setting, int seed, const char *key,
                         const char *value)
{
    kin_config *c;
    const kin_status status = kin_ablation_config(p, row, setting, seed, "/r", &c);
    if (status != KIN_OK) fail_msg("%s", kin_message());
    assert_string_equal(kin_config_text(c, key), value);
    kin_config_free(c);
}

static void rows_and_settings(void **state)
{
    (void)state;
    kin_ablation *p = good(HEAD "steps = 50\njobs = 3\n[set]\nencoder.dim = 32\n"
                       "[rows]\nloss.name = infonce, circle\nbatch.size = 50, 200\n"
                       "[tune]\noptim.lr = 0.01 .. 1 log 3\nloss.temperature = 0.05, 0.1\n"
                       "[tune circle]\nloss.margin = 0.2 .. 0.4 linear 5\n");
    assert_int_equal(p->rows, 4);
    assert_int_equal(p->jobs, 3);
    assert_string_equal(p->row[0].label, "infonce 50");
    assert_string_equal(p->row[1].folder, "infonce-200");
    assert_string_equal(p->row[3].label, "circle 200");
    assert_int_equal(p->row[0].settings, 6);             /* lr, temperature */
    assert_int_equal(p->row[2].settings, 15);            /* lr, margin: circle has no temperature */
    assert_int_equal(kin_ablation_runs(p), 2 * (6 + 1) + 2 * (15 + 1));
    run_has(p, 1, 3, 1, "optim.lr", "0.1");
    run_has(p, 1, 3, 1, "loss.temperature", "0.1");
    run_has(p, 1, 3, 1, "run.seed", "2");
    run_has(p, 1, 0, 0, "batch.size", "200");
    run_has(p, 1, 0, 0, "encoder.dim", "32");
    run_has(p, 1, 0, 0, "schedule.steps", "50");
    run_has(p, 1, 0, 0, "eval.final", "validation");
    run_has(p, 3, 14, 0, "loss.margin", "0.4");
    run_has(p, 3, 14, 0, "optim.lr", "1");
    run_has(p, 3, 1, 0, "loss.margin", "0.25");
    kin_ablation_free(p);
}

static void budgets(void **state)
{
    (void)state;
    kin_ablation *p = good(HEAD "pairs = 1001\n[rows]\nbatch.size = 10, 100\n");
    run_has(p, 0, 0, 0, "schedule.steps", "101");
    run_has(p, 1, 0, 0, "schedule.steps", "11");
    run_has(p, 1, 0, 0, "eval.final", "test");
    kin_ablation_free(p);
    p = good(HEAD "seconds = 2.5\n[set]\nschedule.name = cosine\n");
    assert_int_equal(p->rows, 1);
    assert_string_equal(p->row[0].label, "p");
    run_has(p, 0, 0, 0, "schedule.seconds", "2.5");
    run_has(p, 0, 0, 0, "schedule.steps", "0");
    kin_ablation_free(p);
    p = good(HEAD "[rows]\nschedule.epochs = 1 .. 3 linear 2\n");
    run_has(p, 1, 0, 0, "schedule.epochs", "3");
    kin_ablation_free(p);
}

/* [set WORD] and [tune WORD] come before [set] and [tune] where the word is. */
static void words(void **state)
{
    (void)state;
    kin_ablation *p = good(HEAD "[set]\noptim.lr = 0.3\n[set circle]\nloss.margin = 0.4\n"
                       "optim.beta1 = 0\n"
                       "[rows]\nloss.name + loss.direction = infonce both_ways, circle one_way\n"
                       "[tune]\noptim.beta1 = 0.5, 0.9\n[tune infonce]\noptim.lr = 0.1, 0.2\n");
    assert_string_equal(p->row[0].label, "infonce both_ways");
    assert_int_equal(p->row[0].settings, 4);
    assert_int_equal(p->row[1].settings, 1);
    run_has(p, 0, 3, 0, "optim.lr", "0.2");
    run_has(p, 0, 3, 0, "optim.beta1", "0.9");
    run_has(p, 0, 3, 0, "loss.direction", "both_ways");
    run_has(p, 1, 0, 0, "optim.lr", "0.3");
    run_has(p, 1, 0, 0, "optim.beta1", "0");
    run_has(p, 1, 0, 0, "loss.margin", "0.4");
    kin_ablation_free(p);
}

static void everything_of_a_list(void **state)
{
    (void)state;
    kin_ablation *p = good(HEAD "[rows]\nloss.name = *\n");
    assert_true(p->rows > 10 && p->left_out_count > 2);
    bool infonce = false;
    for (int r = 0; r < p->rows; r++) infonce |= !strcmp(p->row[r].label, "infonce");
    assert_true(infonce);
    assert_non_null(strstr(p->left_out[0], "needs"));
    kin_ablation_free(p);
    p = good(HEAD "[rows]\nschedule.name = *\nencoder.towers = *\n");
    assert_int_equal(p->rows, 2 * kin_schedules.count);
    kin_ablation_free(p);
}

static void values(void **state)
{
    (void)state;
    kin_ablation *p = good(HEAD "columns = recall@10, map\nmeasure = ndcg@10\norder = plan\n"
                       "[rows]\nloss.sum = alignment:1 uniformity:0.5, infonce\n"
                       "encoder.dim = 16 .. 64 log 3\n");
    assert_int_equal(p->rows, 6);
    assert_string_equal(p->row[1].label, "alignment:1 uniformity:0.5 32");
    assert_int_equal(p->columns, 3);
    assert_false(p->by_score);
    kin_ablation_free(p);
    p = good("[plan]\nbase = base.ini\nseeds = 3 .. 6\nfolder = out\n"
             "[rows]\nbatch.size = 2 .. 4\n");
    assert_int_equal(p->seeds, 4);
    assert_int_equal(p->seed[3], 6);
    assert_int_equal(p->rows, 3);
    assert_non_null(strstr(p->folder, "/out"));
    kin_ablation_free(p);
    p = good(HEAD "measure = centroid\n[rows]\n"
             "loss.name + loss.mining = triplet hard, triplet all, circle -\n");
    assert_string_equal(p->row[2].label, "circle");
    assert_string_equal(p->measure, "centroid");         /* no store says otherwise */
    run_has(p, 0, 0, 0, "loss.mining", "hard");
    run_has(p, 2, 0, 0, "loss.name", "circle");
    kin_ablation_free(p);
}

static const char *const wrong[][2] = {
    { "[plan]\nseeds = 1\n", "p.ini: plan.base is missing" },
    { "[plan]\nbase = base.ini\n", "p.ini: plan.seeds is missing" },
    { HEAD "sedes = 1\n", "p.ini:4: unknown key plan.sedes; did you mean seeds?" },
    { HEAD "seeds = 3\n", "p.ini:4: plan.seeds was set before, in line 3" },
    { "[plan]\nseeds = 1, -1\n", "p.ini:2: plan.seeds" },
    { "[plan]\nseeds = 1, 1\n", "p.ini:2: run.seed: the value '1' stands twice" },
    { HEAD "steps = 10\npairs = 5\n",
      "p.ini:5: plan.pairs: the budget is stated before, in line 4" },
    { HEAD "steps = 1.5\n", "p.ini:4: plan.steps" },
    { HEAD "measure = mrr@11\n",
      "p.ini:4: plan.measure: 'mrr@11' is not a measure; did you mean mrr@10" },
    { HEAD "columns = map, mop\n",
      "p.ini:4: plan.columns: 'mop' is not a measure; did you mean map" },
    { HEAD "order = best\n", "p.ini:4: plan.order is 'best'" },
    { HEAD "keep = none\n", "p.ini:4: plan.keep is 'none', expected all or scores" },
    { HEAD "jobs = many\n", "p.ini:4: plan.jobs" },
    { HEAD "[rws]\n", "" },
    { HEAD "[rws]\nx.y = 1\n", "p.ini:5: [rws] is not a section of a plan; did you mean [rows]" },
    { HEAD "[rows circle]\nloss.margin = 1\n", "p.ini:5: [rows circle]: rows have no word" },
    { HEAD "[rows]\nloss.nme = infonce\n",
      "p.ini:5: unknown key loss.nme; did you mean loss.name?" },
    { HEAD "[rows]\nloss.name = infonce, cirle\n",
      "p.ini:5: there is no loss called \"cirle\"; perhaps circle (row 'cirle')" },
    { HEAD "[rows]\nloss.name = infonce,,circle\n", "p.ini:5: loss.name: a value is missing" },
    { HEAD "[rows]\nloss.name =\n", "p.ini:5: loss.name has no value" },
    { HEAD "[rows]\nloss.name = cosent\n", "p.ini:5: loss.name is 'cosent', which needs" },
    { HEAD "[rows]\nloss.temperature = 0.01 .. 50 log 3\n",
      "p.ini:5: loss.temperature is \"50\", expected a number from 0.001 to 10" },
    { HEAD "[rows]\nloss.temperature = 0.5 .. 0.1 log 3\n",
      "p.ini:5: loss.temperature: '0.5 .. 0.1 log 3' does not rise" },
    { HEAD "[rows]\nloss.temperature = 0 .. 0.1 log 3\n",
      "p.ini:5: loss.temperature: '0 .. 0.1 log 3', a log range begins above 0" },
    { HEAD "[rows]\nloss.temperature = 0.1 .. 0.5\n",
      "p.ini:5: loss.temperature: '0.1 .. 0.5', expected how many" },
    { HEAD "[rows]\nloss.temperature = 0.1 .. 0.5 loog 3\n",
      "p.ini:5: loss.temperature: 'loog', expected log or linear" },
    { HEAD "[rows]\nloss.temperature = 0.1 .. 0.5 log 1\n", "p.ini:5: loss.temperature: 1 values" },
    { HEAD "[rows]\nloss.temperature = *\n",
      "p.ini:5: loss.temperature = * is for keys with a list" },
    { HEAD "[rows]\nencoder.dim = 2 .. 3 linear 4\n",
      "p.ini:5: encoder.dim: the value '2' stands twice" },
    { HEAD "[rows]\nloss.name + loss.margin = circle\n",
      "p.ini:5: loss.name: 'circle' has 1 of the 2 values" },
    { HEAD "[rows]\nloss.name + = circle\n", "p.ini:5: expected [section] or key" },
    { HEAD "[rows]\nloss.name + loss.name = a b\n",
      "p.ini:5: loss.name stands twice before the =" },
    { HEAD "[rows]\nloss.name = infonce\n[tune]\nloss.name = circle\n",
      "p.ini:7: loss.name was given before, in line 5" },
    { HEAD "[rows]\nrun.seed = 1, 2\n", "p.ini:5: run.seed follows from plan.seeds" },
    { HEAD "steps = 3\n[rows]\nschedule.epochs = 1, 2\n",
      "p.ini:6: schedule.epochs: the length of every run is the plan's budget" },
    { HEAD "[tune]\nloss.scale = 5, 10\n", "p.ini:5: loss.scale is a setting of" },
    { HEAD "[tune circle]\nloss.margin = 0.1\n", "p.ini:5: no row has the value 'circle'" },
    { HEAD "[rows]\nloss.name = infonce, circle\n[tune circle]\nloss.marge = 1\n",
      "p.ini:7: unknown key loss.marge; did you mean loss.margin?" },
    { HEAD "[set]\nbase = x\n", "p.ini:5: 'base' is not a key of a run file" },
    { "[plan]\nbase = hot.ini\nseeds = 1\n[rows]\nloss.name = infonce, circle\n",
      "hot.ini:4: loss.temperature is a setting of" },
    { "[plan]\nbase = none.ini\nseeds = 1\n", "none.ini" },
    { HEAD "[rows]\nbatch.size = 2 .. 150\nencoder.dim = 2 .. 100\n",
      "p.ini:6: the table would have" },
};

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kin_ablation *plan = NULL;
        const kin_status status = read_plan(&plan, wrong[i][0]);
        if (!*wrong[i][1]) {                             /* an empty section harms nobody */
            assert_int_equal(status, KIN_OK);
            kin_ablation_free(plan);
            continue;
        }
        if (status == KIN_OK) fail_msg("accepted: %s", wrong[i][0]);
        assert_true(status == KIN_USAGE || status == KIN_DATA);
        if (!strstr(kin_message(), wrong[i][1]))
            fail_msg("'%s' lacks '%s'", kin_message(), wrong[i][1]);
        assert_null(strchr(kin_message(), '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_settings), cmocka_unit_test(budgets), cmocka_unit_test(words),
        cmocka_unit_test(everything_of_a_list), cmocka_unit_test(values),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
