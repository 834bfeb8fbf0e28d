/* Run files and command line: defaults, order, references, paths, and errors with their place. */
#include "tests/train/fixture.h"
#include "train/config.h"

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/kin-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static kin_status load(kin_config **c, const char *text)
{
    const char *path = in_folder("a.ini");
    expect_ok(kin_file_write(path, text, strlen(text)));
    expect_ok(kin_config_new(c));
    KIN_TRY(kin_config_load(*c, path));
    return kin_config_resolve(*c);
}

static const char least[] = "[data]\nstore = x.h5\n[run]\ndir = out\n";

static void test_defaults(void **state)
{
    (void)state;
    kin_config *c;
    expect_ok(load(&c, least));
    assert_true(kin_config_number(c, "batch.size") == 1024);
    assert_true(kin_config_number(c, "loss.temperature") == 0.05);
    assert_true(kin_config_is(c, "encoder.name", "static"));
    assert_true(kin_config_is(c, "encoder.towers", "shared"));
    assert_string_equal(kin_config_text(c, "data.store"), in_folder("x.h5"));
    assert_string_equal(kin_config_text(c, "run.dir"), in_folder("out"));
    kin_config_free(c);
}

static void test_order(void **state)
{
    (void)state;
    kin_config *c;
    double hypers[KIN_HYPERS_MAX];
    expect_ok(load(&c, "[data]\nstore = x.h5\n[run]\ndir = out\nseed = 3\n[optim]\nlr = 0.5\n"
                       "[loss]\nname = triplet\n[encoder]\nquery_prefix = \"q: \"\n"));
    expect_ok(kin_config_set(c, "optim.lr", "0.25"));
    expect_ok(kin_config_set(c, "run.dir", "here"));
    expect_ok(kin_config_resolve(c));
    assert_true(kin_config_number(c, "optim.lr") == 0.25);
    assert_true(kin_config_number(c, "run.seed") == 3);
    assert_string_equal(kin_config_text(c, "encoder.query_prefix"), "q: ");
    assert_true(kin_config_is(c, "loss.name", "triplet"));
    kin_config_hypers(c, "optim", hypers);
    assert_true(hypers[0] == 0.25);
    char cwd[400], expected[500];
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(expected, sizeof expected, "%s/here", cwd);
    assert_string_equal(kin_config_text(c, "run.dir"), expected);
    kin_config_free(c);
}

static void test_references(void **state)
{
    (void)state;
    kin_config *c;
    expect_ok(load(&c, "[data]\nstore = x.h5\n[run]\ndir = r-${optim.lr}-${batch.size}\n"
                       "[optim]\nlr = 0.5\n[encoder]\noutput = ${encoder.dim}\ndim = 48\n"));
    assert_string_equal(kin_config_text(c, "run.dir"), in_folder("r-0.5-1024"));
    assert_true(kin_config_number(c, "encoder.output") == 48);
    kin_config_free(c);
    expect_failure(load(&c, "[data]\nstore = ${run.dir}\n[run]\ndir = ${data.store}\n"), KIN_USAGE,
                   "circle");
    kin_config_free(c);
    expect_failure(load(&c, "[data]\nstore = ${no.such}\n[run]\ndir = r\n"), KIN_USAGE, "no.such");
    kin_config_free(c);
    expect_failure(load(&c, "[data]\nstore = x\n[run]\ndir = r\n[encoder]\nquery_prefix = $\n"
                            "document_prefix = ${encoder.query_prefix}{data.store}\n"),
                   KIN_USAGE, "a.ini:7: references put together a new one, ${data.store}");
    kin_config_free(c);
}

/* Seven keys of a hundred references each, the last to nothing: 10^14 without a limit. */
static void test_references_are_counted(void **state)
{
    (void)state;
    static const char *const keys[] = { "tokenizer.file", "encoder.query_prefix",
                                        "encoder.document_prefix", "loss.learn", "batch.repeat",
                                        "run.dir", "data.store" };
    char *value = calloc(1, 4096);
    kin_config *c;
    expect_ok(kin_config_new(&c));
    for (int i = 0; i < 7; i++) {
        expect_ok(kin_config_set(c, keys[i], value));
        *value = 0;
        for (int k = 0; k < 100; k++) sprintf(value + strlen(value), "${%s}", keys[i]);
    }
    expect_failure(kin_config_resolve(c), KIN_USAGE, "more than 1000 references in one value");
    kin_config_free(c);
    free(value);
}

static void test_settings_are_counted(void **state)
{
    (void)state;
    kin_config *c;
    char *text = malloc(1 << 20);
    size_t n = (size_t)sprintf(text, "[a]\n");
    for (int i = 0; n < (1 << 20) - 16; i++) n += (size_t)sprintf(text + n, "k%d=\n", i);
    expect_failure(load(&c, text), KIN_USAGE, "a.ini:1002: more than 1000 different settings");
    kin_config_free(c);
    free(text);
}

static void test_errors(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "[loss]\ntemprature = 1\n", "a.ini:6: unknown key loss.temprature; did you mean "
                                      "loss.temperature?" },
        { "[loss]\nlambda = 1\n", "a.ini:6: loss.lambda is a setting of" },
        { "[batch]\nsize = 1\n", "a.ini:6: " }, { "[batch]\nsize = 2.5\n", "a.ini:6: " },
        { "[batch]\nsize = many\n", "a.ini:6: " }, { "[optim]\nlr = nan\n", "a.ini:6: " },
        { "[loss]\nname = infonec\n", "infonce" }, { "[eval]\nevery = 1.5\n", "eval.every" },
        { "[loss]\nlearn = margin\n", "learnable" }, { "[quux]\na = 1\n", "unknown key quux.a" },
        { "[loss]\nname = sigmoid\nfinal_temperature = 0.1\nlearn = temperature\n",
          "final_temperature" },
        { "[schedule]\nepochs = 0\n", "no length" }, { "[encoder]\ntowers = two\n", "towers" },
        { "[data]\nstore = y\n", "was set before" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kin_config *c;
        char text[400];
        snprintf(text, sizeof text, "%s%s", least, wrong[i][0]);
        expect_failure(load(&c, text), KIN_USAGE, wrong[i][1]);
        kin_config_free(c);
    }
}

/* What is said of losses that cannot be, word for word behind the place. */
static void test_loss_errors(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "name = online_contrastive\n",
          "a.ini:6: loss.name is 'online_contrastive', which needs pairs marked positive or "
          "negative (loss.negatives = drawn makes some); no store carries that" },
        { "sum = infonce online_contrastive:2\n",
          "a.ini:6: loss.sum is 'online_contrastive', which needs pairs marked" },
        { "sum = infonce:1 circel:1\n",
          "a.ini:6: loss.sum: there is no loss called \"circel\"; perhaps circle" },
        { "sum = infonce infonce:2\n", "a.ini:6: loss.sum names 'infonce' twice" },
        { "sum = infonce:0 circle:0\n",
          "a.ini:6: loss.sum: every weight is 0, so nothing is learned" },
        { "sum = infonce:x\n", "a.ini:6: loss.sum: the weight of 'infonce' is \"x\"" },
        { "name = circle\nsum = infonce\n", "loss.name is 'circle'" },
        { "sum = infonce uniformity\nuniformity.tt = 3\n",
          "a.ini:7: unknown key loss.uniformity.tt; did you mean loss.uniformity.t?" },
        { "sum = infonce uniformity\nuniformity.t = 0\n", "a.ini:7: loss.uniformity.t is" },
        { "sum = infonce uniformity\ncircle.margin = 0\n",
          "a.ini:7: loss.circle.margin: 'circle' is no term of loss.sum: take it out" },
        { "sum = infonce uniformity\ntemperature = 1\n",
          "a.ini:7: loss.temperature: with loss.sum the settings of a term bear its name: "
          "loss.infonce.temperature" },
        { "infonce.temperature = 1\n",
          "a.ini:6: loss.infonce.temperature is for a term of loss.sum, which is not set; a "
          "loss alone has loss.temperature" },
        { "sum = infonce uniformity\nlearn = temperature\n",
          "a.ini:7: loss.learn: 'temperature' is not a learnable TERM.SETTING of loss.sum" },
        { "direction = views\nsymmetric = true\n",
          "a.ini:7: loss.symmetric = true means loss.direction = both_ways, but" },
        { "symmetric = maybe\n", "a.ini:6: loss.symmetric is \"maybe\", expected true or false" },
        { "name = vicreg\ndirection = views\n",
          "a.ini:7: loss.direction is 'views': loss vicreg: its rows cannot be stacked with "
          "its columns" },
        { "name = snr\nsimilarity = dot\n",
          "a.ini:7: loss.similarity is 'dot': loss snr: it has a similarity of its own" },
        { "name = uniformity\nreduce = sum\n",
          "a.ini:7: loss.reduce is 'sum': loss uniformity: the whole batch is one row" },
        { "dims = 300\n", "a.ini:6: loss.dims is \"300\", expected a whole number from 1 to 256" },
        { "dims = 8 x\n", "a.ini:6: loss.dims is" },
        { "dims = 1 2 3 4 5 6 7 8 9\n", "a.ini:6: loss.dims has 9 numbers, expected at most 8" },
        { "dims = 16 8\ndim_weights = 1\n",
          "a.ini:7: loss.dim_weights has 1 numbers, expected 2, one for each of loss.dims" },
        { "negatives = drawn\n",
          "a.ini:6: loss.negatives is 'drawn', but loss.drawn, how many for each query, is 0" },
        { "drawn = 3\n",
          "a.ini:6: loss.drawn is 3, but loss.negatives is 'shared': expected 'drawn'" },
        { "name = byol\nnegatives = drawn\ndrawn = 3\n",
          "a.ini:7: loss.negatives is 'drawn', but 'byol' compares whole batches" },
        { "negatives = drawn\ndrawn = 3\ndirection = both_ways\n",
          "a.ini:8: loss.direction is 'both_ways' and loss.negatives is 'drawn': loss "
          "infonce: cells one by one are read one way" },
        { "direction = joint\n[encoder]\nmomentum = 0.9\n",
          "a.ini:8: loss.direction is 'joint', but with encoder.momentum the columns come "
          "from another tower: expected one_way or both_ways" },
        { "[encoder]\nmomentum = 0.9\ntowers = separate\n",
          "a.ini:7: encoder.momentum with encoder.towers = separate leaves the documents' "
          "tower untrained" },
        { "[encoder]\nmomentum = 1\n", "a.ini:7: encoder.momentum is" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kin_config *c;
        char text[400];
        snprintf(text, sizeof text, "%s[loss]\n%s", least, wrong[i][0]);
        expect_failure(load(&c, text), KIN_USAGE, wrong[i][1]);
        kin_config_free(c);
    }
}

/* A sum on the command line takes the place of a file's name, but not the other way round. */
static void test_sum_or_name(void **state)
{
    (void)state;
    kin_config *c;
    char text[400];
    snprintf(text, sizeof text, "%s[loss]\nname = circle\n", least);
    expect_ok(load(&c, text));
    expect_ok(kin_config_set(c, "loss.sum", "infonce alignment:2"));
    expect_ok(kin_config_resolve(c));
    assert_int_equal(kin_config_losses(c), 2);
    kin_config_free(c);
    snprintf(text, sizeof text, "%s[loss]\nsum = infonce alignment:2\n", least);
    expect_ok(load(&c, text));
    expect_ok(kin_config_set(c, "loss.name", "circle"));
    expect_failure(kin_config_resolve(c), KIN_USAGE, "loss.name is 'circle' (--loss.name), but "
                   "loss.sum takes its place: leave one of them out, or loss.sum empty");
    expect_ok(kin_config_set(c, "loss.sum", ""));
    expect_ok(kin_config_resolve(c));
    assert_true(kin_config_is(c, "loss.name", "circle"));
    kin_config_free(c);
}

/* The short form is the other key: later places win, one place cannot say both. */
static void test_short_form(void **state)
{
    (void)state;
    kin_config *c;
    expect_ok(load(&c, "[data]\nstore = x.h5\n[run]\ndir = out\n[loss]\nsymmetric = true\n"));
    assert_true(kin_config_is(c, "loss.direction", "both_ways"));
    expect_ok(kin_config_set(c, "loss.direction", "views"));
    expect_ok(kin_config_resolve(c));
    assert_true(kin_config_is(c, "loss.direction", "views"));
    expect_failure(kin_config_set(c, "loss.symmetric", "true"), KIN_USAGE, "--loss.symmetric: "
                   "loss.symmetric = true means loss.direction = both_ways, but --loss.direction "
                   "says views");
    char *text = kin_config_print(c);
    assert_null(strstr(text, "symmetric"));
    free(text);
    kin_config_free(c);
}

/* The blocks of run files that a page shows are accepted; how many there are. */
static int read_page(const char *page)
{
    char line[400], text[2000] = "";
    int blocks = 0;
    FILE *f = fopen(page, "r");
    assert_non_null(f);
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, f) != NULL;
        const bool empty = more && *line == '\n', code = more && !strncmp(line, "    ", 4);
        if (code || (empty && *text)) strcat(text, code ? line + 4 : line);
        if (code || empty || !*text) continue;
        kin_config *c;
        char whole[2400];
        snprintf(whole, sizeof whole, "%s%s", least, text);
        if (*text == '[' && blocks++ >= 0) {
            expect_ok(load(&c, whole));
            kin_config_free(c);
        }
        *text = 0;
    }
    fclose(f);
    return blocks;
}

static void test_documented(void **state)
{
    (void)state;
    assert_int_equal(read_page(KIN_SOURCE "/docs/training.md"), 11);
    assert_int_equal(read_page(KIN_SOURCE "/docs/negatives.md"), 3);
}

static void test_all_errors_at_once(void **state)
{
    (void)state;
    kin_config *c;
    expect_failure(load(&c, "[data]\nstore = x\n[run]\ndir = r\n[schedule]\nseconds = 9\n"
                            "[eval]\npatience = 2\n"), KIN_USAGE, "a.ini:8: eval.patience is 2");
    kin_config_free(c);
    expect_failure(load(&c, "[batch]\nsize = 0\n[optim]\nlr = -1\n[lozz]\nx = 1\n"), KIN_USAGE,
                   "a.ini:2");
    assert_non_null(strstr(kin_message(), "a.ini:4"));
    assert_non_null(strstr(kin_message(), "lozz.x"));
    assert_non_null(strstr(kin_message(), "data.store is missing"));
    kin_config_free(c);
    expect_ok(kin_config_new(&c));
    expect_ok(kin_config_set(c, "run.thread", "2"));
    expect_failure(kin_config_resolve(c), KIN_USAGE, "--run.thread: unknown key");
    kin_config_free(c);
    expect_ok(kin_config_new(&c));
    expect_failure(kin_config_load(c, in_folder("absent.ini")), KIN_DATA, "absent.ini");
    kin_config_free(c);
}

/* Printed and read again, every kind of value is the same. */
static void test_round_trip(void **state)
{
    (void)state;
    kin_config *a, *b;
    expect_ok(load(&a, "[data]\nstore = x # y.h5\n[run]\ndir = out\n[optim]\nlr = 0.1\neps = 1e-9\n"
                       "[encoder]\nquery_prefix = \" # \\\"q\\\" \"\nprojection = mlp\n"
                       "[loss]\nsymmetric = true\n[schedule]\nwarmup = 100\n"));
    char *text = kin_config_print(a);
    assert_non_null(text);
    expect_ok(load(&b, text));
    assert_null(kin_config_differs(a, b));
    assert_string_equal(kin_config_text(b, "encoder.query_prefix"), " # \"q\" ");
    free(text);
    expect_ok(kin_config_set(b, "log.every", "3"));
    expect_ok(kin_config_set(b, "run.threads", "7"));
    expect_ok(kin_config_resolve(b));
    assert_null(kin_config_differs(a, b));
    expect_ok(kin_config_set(b, "encoder.dim", "8"));
    expect_ok(kin_config_resolve(b));
    assert_string_equal(kin_config_differs(a, b), "encoder.dim");
    kin_config_free(a);
    kin_config_free(b);
}

static void test_keys(void **state)
{
    (void)state;
    kin_config_key *keys;
    int count, found = 0;
    expect_ok(kin_config_keys(&keys, &count));
    for (int i = 0; i < count; i++) {
        assert_true(*keys[i].help && *keys[i].range);
        found += !strcmp(keys[i].section, "loss") && !strcmp(keys[i].name, "temperature");
        found += !strcmp(keys[i].section, "run") && !strcmp(keys[i].name, "threads");
    }
    assert_true(found >= 2);
    free(keys);
    assert_string_equal(kin_config_alias("lr"), "optim.lr");
    assert_null(kin_config_alias("nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_order),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_references_are_counted),
        cmocka_unit_test(test_settings_are_counted), cmocka_unit_test(test_errors),
        cmocka_unit_test(test_documented), cmocka_unit_test(test_loss_errors),
        cmocka_unit_test(test_sum_or_name),
        cmocka_unit_test(test_short_form),
        cmocka_unit_test(test_all_errors_at_once), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, make_folder, close_folder);
}
