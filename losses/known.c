/* tests/known/make.py says what the lines of a case mean. */
#include "losses/known.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12, DIMENSION = 4, NUMBERS = ROWS * DIMENSION };

typedef struct {
    char name[80], rows[4], columns[8];
    kin_loss_setting setting;
    unsigned learns;                           /* bit i: hyperparameter i is a parameter */
    int32_t own[ROWS], label[ROWS];
    double value, dq[NUMBERS], dk[NUMBERS], dh[KIN_HYPERS_MAX];
} known_case;

static const struct { const char *loss, *text; } built_in[] = {
#include "known.inc"                 /* made by cmake/heads.cmake from tests/known */
    { NULL, NULL }
};

const char *kin_known_text(const char *loss)
{
    for (int i = 0; built_in[i].loss; i++)
        if (!strcmp(built_in[i].loss, loss)) return built_in[i].text;
    return NULL;
}

/* ---- the inputs: four small matrices given by formulas --------------------------------------- */

static double entry(char which, int i)
{
    const double x = sin(0.3 + 0.7 * i + 0.11 * i * i);
    switch (which) {
    case 'X': return x;
    case 'Y': return x + 0.3 * cos(1.3 * i + 0.05 * i * i);
    case 'Z': return sin(0.9 + 0.45 * i + 0.07 * i * i);
    default: return cos(0.1 + 0.9 * i + 0.07 * i * i);         /* W */
    }
}

static int rows_of(char which) { return which == 'W' ? 3 : 6; }

static bool same(const known_case *c) { return !strcmp(c->columns, "same"); }

static kin_tensor stack(const char *matrices, real *values, const char *name)
{
    kin_tensor t = { .cols = DIMENSION, .value = values, .needs_grad = true, .name = name };
    for (; *matrices; matrices++) {
        const int n = rows_of(*matrices) * DIMENSION;
        for (int i = 0; i < n; i++) values[t.rows * DIMENSION + i] = (real)entry(*matrices, i);
        t.rows += rows_of(*matrices);
    }
    return t;
}

/* ---- reading a case -------------------------------------------------------------------------- */

/* Where the gradient of a matrix belongs: behind the matrices stacked before it. */
static double *gradient_of(known_case *c, char which)
{
    for (int side = 0; side < 2; side++) {
        const char *matrices = side ? c->columns : c->rows, *at = strchr(matrices, which);
        if (!at || !which || (side && same(c))) continue;
        int rows = 0;
        for (; matrices < at; matrices++) rows += rows_of(*matrices);
        return (side ? c->dk : c->dq) + rows * DIMENSION;
    }
    return NULL;
}

static int read_numbers(const char *text, double *to, int room)
{
    char *end;
    int n = 0;
    for (double x = strtod(text, &end); end != text && n < room; x = strtod(text, &end)) {
        to[n++] = x;
        text = end;
    }
    return n;
}

static bool read_integers(const char *text, int32_t *to)
{
    double numbers[ROWS];
    const int n = read_numbers(text, numbers, ROWS);
    for (int i = 0; i < n; i++) to[i] = (int32_t)numbers[i];
    return n > 0;
}

/* hyper, learn and parameter lines: "NAME NUMBER". */
static bool read_hyper(known_case *c, const char *word, const char *rest)
{
    char name[24];
    double number = 0;
    const int given = sscanf(rest, "%23s %lf", name, &number);
    const int place = given < 1 ? -1 : kin_hyper_find(kin_losses.items[c->setting.loss], name);
    if (place < 0) return false;
    if (!strcmp(word, "hyper")) c->setting.hypers[place] = number;
    if (!strcmp(word, "learn")) c->learns |= 1u << place;
    if (!strcmp(word, "parameter")) c->dh[place] = number;
    return true;
}

static bool read_gradient(known_case *c, const char *rest)
{
    rest += strspn(rest, " ");
    double *to = gradient_of(c, *rest);
    if (!to) return false;
    const int n = rows_of(*rest) * DIMENSION;
    return read_numbers(rest + 1, to, n) == n;
}

static bool read_line(known_case *c, const char *line)
{
    char word[16];
    int skip = 0;
    if (sscanf(line, "%15s%n", word, &skip) != 1) return true;
    const char *rest = line + skip;
    if (!strcmp(word, "case")) return sscanf(rest, " %79[^\n]", c->name) == 1;
    if (!strcmp(word, "rows")) return sscanf(rest, "%3s", c->rows) == 1;
    if (!strcmp(word, "columns")) return sscanf(rest, "%7s", c->columns) == 1;
    if (!strcmp(word, "symmetric")) return c->setting.direction = KIN_BOTH_WAYS, true;
    if (!strcmp(word, "value")) return read_numbers(rest, &c->value, 1) == 1;
    if (!strcmp(word, "gradient")) return read_gradient(c, rest);
    kin_relation *r = &c->setting.relation;
    if (!strcmp(word, "own")) return r->own = c->own, read_integers(rest, c->own);
    if (!strcmp(word, "label")) {
        r->row_label = r->col_label = c->label;
        return r->by_label = read_integers(rest, c->label);
    }
    return read_hyper(c, word, rest);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* Largest difference, relative to the largest entry of b, which is at least floor; NaN shows. */
static double apart(const real *a, const double *b, int64_t n, double floor)
{
    double worst = 0, largest = floor;
    for (int64_t i = 0; i < n; i++) {
        const double d = a ? fabs((double)a[i] - b[i]) : INFINITY;
        largest = fmax(largest, fabs(b[i]));
        if (!(d <= worst)) worst = d;
    }
    return worst / largest;
}

static kin_status compare(kin_tape *tape, known_case *c, kin_loss_check_report report, void *state)
{
    const kin_entry *e = kin_losses.items[c->setting.loss];
    real q[NUMBERS], k[NUMBERS], values[KIN_HYPERS_MAX];
    kin_tensor rows = stack(c->rows, q, "rows"), columns = { .rows = 0 };
    kin_tensor learned[KIN_HYPERS_MAX] = { { .rows = 0 } };
    if (!same(c)) columns = stack(c->columns, k, "columns");
    c->setting.relation.self = same(c);
    for (int i = 0; i < KIN_HYPERS_MAX; i++) {
        if (!(c->learns >> i & 1)) continue;
        values[i] = (real)kin_loss_learned_start(e, i, c->setting.hypers[i]);
        learned[i] = (kin_tensor){ .rows = 1, .cols = 1, .value = &values[i], .needs_grad = true,
                                   .name = e->hypers[i].name };
        c->setting.learned[i] = &learned[i];
    }
    kin_loss_report got;
    kin_tape_reset(tape, 0, 0, true);
    KIN_TRY(kin_tape_backward(tape, kin_loss_apply(tape, &c->setting, &rows,
                                                   same(c) ? &rows : &columns, &got)));
    const real value = (real)got.value;
    const int64_t nq = rows.rows * DIMENSION, nk = columns.rows * DIMENSION;
    double worst = fmax(apart(&value, &c->value, 1, 0), apart(rows.grad, c->dq, nq, 0));
    if (!same(c)) worst = fmax(worst, apart(columns.grad, c->dk, nk, 0));
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (c->learns >> i & 1)
            worst = fmax(worst, apart(learned[i].grad, &c->dh[i], 1, sizeof(real) == 8 ? 0 : 1));
    kin_tape_reset(tape, 0, 0, true);                       /* lets go of the tensors above */
    report(state, &(kin_loss_check_line){ e->name, c->name, "", worst, KIN_KNOWN_BOUND });
    return KIN_OK;
}

static void begin(known_case *c, int loss)
{
    *c = (known_case){ .setting.loss = loss };
    kin_hyper_defaults(kin_losses.items[loss], c->setting.hypers);
}

kin_status kin_known_check(kin_tape *tape, int loss, const char *text,
                           kin_loss_check_report report, void *state)
{
    const char *name = kin_losses.items[loss]->name;
    known_case c;
    int cases = 0;
    if (!text) text = kin_known_text(name);
    KIN_REQUIRE(text, KIN_DATA, "loss %s has no known values", name);
    begin(&c, loss);
    for (int line = 1; *text; line++) {
        char copy[4096];
        const size_t length = strcspn(text, "\n");
        const bool next = !strncmp(text, "case ", 5);
        KIN_REQUIRE(length < sizeof copy, KIN_DATA, "known values of %s, line %d: too long", name,
                    line);
        memcpy(copy, text, length);
        copy[length] = 0;
        if (next && *c.rows) KIN_TRY(compare(tape, &c, report, state));
        if (next) begin(&c, loss), cases++;
        KIN_REQUIRE(*copy == '#' || read_line(&c, copy), KIN_DATA,
                    "known values of %s, line %d: '%.40s' makes no sense", name, line, copy);
        text += length + (text[length] == '\n');
    }
    KIN_REQUIRE(cases, KIN_DATA, "known values of %s: no case", name);
    return compare(tape, &c, report, state);
}
