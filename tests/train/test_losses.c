/* Any listed loss in a run, by name, alone and in sums: it trains or is refused in words. */
#include "tests/train/fixture.h"
#include "losses/loss.h"
#include "train/config.h"

/* Means over the first and the last few steps: batches differ. */
typedef struct { double first, last; bool finite; int64_t steps; } course;

enum { FEW = 5 };

static void follow(void *state, const kin_progress *p)
{
    course *c = state;
    c->steps++;
    if (p->step <= FEW) c->first += p->loss / FEW;
    if (p->step > p->steps - FEW) c->last += p->loss / FEW;
    c->finite = (c->steps == 1 || c->finite) && isfinite(p->loss) && isfinite(p->norm);
}

static const kin_loss *loss_at(int i)
{
    return kin_loss_of(kin_losses.items[i]);
}

static bool takes_pairs(const kin_loss *l)
{
    return !l->takes || ((l->takes & KIN_PAIRS) && !(l->takes & KIN_TARGETS));
}

/* Three epochs: the batches of one differ more than they teach. */
static const char quick[] = "schedule.steps=66 eval.every=0 optim.lr=0.1 loss.direction=one_way "
                            "schedule.name=constant";

/* The same data and sampler, another word. */
static void test_every_loss(void **state)
{
    (void)state;
    int trained = 0;
    for (int i = 0; i < kin_losses.count; i++) {
        char text[256], run[64];
        course c = { 0 };
        const kin_watch watch = { .state = &c, .progress = follow };
        const char *name = kin_losses.items[i]->name;
        snprintf(text, sizeof text, "%s loss.name=%s", quick, name);
        snprintf(run, sizeof run, "every_%s", name);
        if (!takes_pairs(loss_at(i))) {
            expect_failure(train(run, text, 1, NULL, &watch, NULL), KIN_USAGE, "which needs ");
            continue;
        }
        expect_ok(train(run, text, 2, NULL, &watch, NULL));
        if (c.steps != 66 || !c.finite || !(c.last < c.first))
            fail_msg("%s went from %g to %g", name, c.first, c.last);
        trained++;
    }
    assert_true(trained >= 30);
}

/* What is said of losses that a store of pairs cannot train, word for word. */
static void test_losses_of_other_stores(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "loss.name=soft_target",
          "loss.name is 'soft_target', which needs a target for each pair of texts, how alike they "
          "should be; a run trains on pairs here, which do not carry that" },
        { "loss.name=lifted",
          "loss.name is 'lifted', which needs several texts of each class in a batch, by label; a "
          "run trains on pairs here, which do not carry that" },
        { "loss.sum=cosent", "loss.sum is 'cosent', which needs a target" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_failure(train("wrong", wrong[i][0], 1, NULL, NULL, NULL), KIN_USAGE, wrong[i][1]);
}

static void test_learned(void **state)
{
    (void)state;
    int learned = 0;
    for (int i = 0; i < kin_losses.count; i++) {
        const kin_entry *e = kin_losses.items[i];
        for (const kin_hyper *h = e->hypers; h->name; h++) {
            char text[256], run[64];
            course c = { 0 };
            const kin_watch watch = { .state = &c, .progress = follow };
            if (!(h->flags & KIN_LEARNABLE) || !takes_pairs(loss_at(i))) continue;
            snprintf(text, sizeof text, "%s schedule.steps=4 loss.name=%s loss.learn=%s", quick,
                     e->name, h->name);
            snprintf(run, sizeof run, "learn_%s_%s", e->name, h->name);
            expect_ok(train(run, text, 1, NULL, &watch, NULL));
            assert_true(c.finite);
            learned++;
        }
    }
    assert_true(learned >= 4);
}

static void test_choices(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "loss.direction=views", "loss.direction=joint", "loss.direction=both_ways",
        "loss.similarity=dot", "loss.similarity=euclidean", "loss.similarity=cosine",
        "loss.reduce=sum", "loss.name=ntxent loss.direction=views", "loss.dims=16,8,4",
        "loss.dims=16,8 loss.dim_weights=1,0.5 loss.direction=both_ways",
        "loss.name=vicreg loss.dims=16,4",
        "loss.negatives=drawn loss.drawn=8 loss.name=cosine_contrastive",
        "loss.negatives=drawn loss.drawn=40 loss.learn=temperature",
        "loss.negatives=drawn loss.drawn=10 loss.name=online_contrastive",
        "loss.negatives=drawn loss.drawn=5 loss.sum=infonce:1,cosine_contrastive:0.1",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char text[400], run[32];
        course c = { 0 };
        const kin_watch watch = { .state = &c, .progress = follow };
        snprintf(run, sizeof run, "choice%zu", i);
        snprintf(text, sizeof text, "schedule.steps=66 eval.every=0 optim.lr=0.1 %s", settings[i]);
        if (!strstr(text, "direction")) strcat(text, " loss.direction=one_way");
        expect_ok(train(run, text, 2, NULL, &watch, NULL));
        if (!c.finite || !(c.last < c.first))
            fail_msg("%s went from %g to %g", settings[i], c.first, c.last);
    }
}

/* ---- sums ------------------------------------------------------------------------------------ */

static double logged(const char *run, int line, const char *name)
{
    char text[2000], key[64];
    FILE *f = fopen(in_folder("%s/metrics.jsonl", run), "r");
    assert_non_null(f);
    for (int i = 0; i <= line; i++) assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(text, key);
    if (!at) fail_msg("no %s in %s", name, text);
    return atof(at + strlen(key));
}

static void test_sum(void **state)
{
    (void)state;
    static const char settings[] = "eval.every=0 loss.sum=alignment:1,uniformity:0.5 "
                                   "loss.uniformity.t=3 schedule.steps=10 loss.direction=one_way";
    expect_ok(train("sum", settings, 2, NULL, NULL, NULL));
    for (int line = 0; line < 2; line++) {
        const double all = logged("sum", line, "train/loss");
        const double parts = logged("sum", line, "loss/alignment")
                             + 0.5 * logged("sum", line, "loss/uniformity");
        assert_true(fabs(all - parts) < 1e-6);
    }
    /* what align_uniform is made of, and the file that was written says the same again */
    expect_ok(train("whole", "eval.every=0 loss.name=align_uniform loss.uniform=0.5 loss.t=3 "
                             "schedule.steps=10 loss.direction=one_way", 2, NULL, NULL, NULL));
    assert_true(fabs(logged("sum", 1, "train/loss") - logged("whole", 1, "train/loss")) < 1e-4);
    kin_config *c;
    expect_ok(kin_config_new(&c));
    expect_ok(kin_config_load(c, in_folder("sum/run.ini")));
    expect_ok(kin_config_resolve(c));
    assert_int_equal(kin_config_losses(c), 2);
    assert_true(kin_config_number(c, "loss.uniformity.t") == 3);
    expect_ok(kin_config_save(c, in_folder("again.ini")));
    expect_same_file(in_folder("sum/run.ini"), in_folder("again.ini"));
    kin_config_free(c);
}

/* A term without weight is reported and pushes nothing: the model is that without it. */
static void test_silent_term(void **state)
{
    (void)state;
    static const char same[] = "eval.every=0 schedule.steps=8 loss.direction=one_way";
    char text[300];
    snprintf(text, sizeof text, "%s loss.sum=infonce,uniformity:0", same);
    expect_ok(train("silent", text, 1, NULL, NULL, NULL));
    expect_ok(train("single", same, 1, NULL, NULL, NULL));
    expect_same_file(in_folder("silent/model/model.safetensors"),
                     in_folder("single/model/model.safetensors"));
    assert_true(logged("silent", 0, "loss/uniformity") < 0);
}

/* Drawn negatives are those of seed and step alone, and another seed has others. */
static void test_drawn_bits(void **state)
{
    (void)state;
    static const char s[] = "eval.every=0 schedule.steps=6 loss.direction=one_way "
                            "loss.negatives=drawn loss.drawn=3";
    expect_ok(train("drawn1", s, 1, NULL, NULL, NULL));
    expect_ok(train("drawn2", s, 3, NULL, NULL, NULL));
    expect_same_file(in_folder("drawn1/model/model.safetensors"),
                     in_folder("drawn2/model/model.safetensors"));
    assert_true(logged("drawn1", 0, "train/negatives") == 3);
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss), cmocka_unit_test(test_learned),
        cmocka_unit_test(test_losses_of_other_stores),
        cmocka_unit_test(test_choices), cmocka_unit_test(test_sum),
        cmocka_unit_test(test_silent_term), cmocka_unit_test(test_drawn_bits),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
