/* Values and gradients of independent implementations (tests/known): in double to 1e-9, and that
 * float is what double is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "losses/known.h"
#include "tests/losses/fused.h"

typedef struct { int cases, off; } tally;

static void count(void *state, const kin_loss_check_line *got)
{
    tally *t = state;
    t->cases++;
    t->off += !(got->error <= got->bound);
    printf("%-8s %-44s %.1e\n", got->loss, got->what, got->error);
}

static void test_known_values(void **state)
{
    (void)state;
    machine m;
    int off = 0;
    assert_int_equal(machine_open(&m, 2), KIN_OK);
    for (int i = 0; i < kin_losses.count; i++) {
        tally t = { 0, 0 };
        assert_int_equal(kin_known_check(m.tape, i, NULL, count, &t), KIN_OK);
        assert_true(t.cases > 0);
        off += t.off;
    }
    assert_int_equal(off, 0);
    machine_close(&m);
}

/* One changed digit of a value, of a gradient or of a hyperparameter must show. */
static void test_changed_digits_show(void **state)
{
    (void)state;
    machine m;
    int infonce;
    assert_int_equal(machine_open(&m, 1), KIN_OK);
    assert_int_equal(kin_list_find(&kin_losses, "infonce", &infonce), KIN_OK);
    static const char *const places[] = { "value ", "gradient Y ", "hyper temperature 0." };
    for (int i = 0; i < 3; i++) {
        char *text = strdup(kin_known_text("infonce"));
        char *digit = strstr(text, places[i]) + strlen(places[i]);
        digit += strspn(digit, "-0.");
        *digit = *digit == '4' ? '6' : '4';
        tally t = { 0, 0 };
        assert_int_equal(kin_known_check(m.tape, infonce, text, count, &t), KIN_OK);
        assert_int_equal(t.off, 1);
        free(text);
    }
    machine_close(&m);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    machine m;
    tally t = { 0, 0 };
    assert_int_equal(machine_open(&m, 1), KIN_OK);
    static const char *const texts[] = { "", "# nothing\n",
                                         "case a\nrows X\ncolumns Y\nhyper heat 3\n",
                                         "case a\nrows X\ncolumns Y\ngradient Z 1 2\n",
                                         "case a\nrows K\ncolumns Y\n",
                                         "case a\nrows X\ncolumns YA\n",
                                         "case a\nrows X\ncolumns XYZW\n",
                                         "case a\nrows X\ncolumns Y\ngradient X 1 2\n" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(kin_known_check(m.tape, 0, texts[i], count, &t), KIN_DATA);
    machine_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_known_values),
                                        cmocka_unit_test(test_changed_digits_show),
                                        cmocka_unit_test(test_nonsense_is_refused) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
