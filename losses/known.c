/* tests/known/make.py says what the lines of a case mean. */
#include "losses/known.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 18, NUMBERS = 4 * ROWS, CELLS = 96 };

typedef struct {
    char name[80], rows[4], columns[8];
    kin_loss_setting setting;
    bool scores;                               /* rows are scores, and there are no columns */
    unsigned learns;                           /* bit i: hyperparameter i is a parameter */
    int32_t own[ROWS], label[ROWS], row_key[ROWS], col_key[ROWS];
    int32_t row[CELLS], col[CELLS];            /* cells one by one */
    int8_t kind[CELLS];
    int64_t start[CELLS + 1];
    kin_cells cells;
    int targets;
    double target[ROWS * ROWS];
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

/* ---- the inputs: small matrices given by formulas -------------------------------------------- */

static const struct { char name; int rows, cols; } matrices[] = {
    { 'X', 6, 4 }, { 'Y', 6, 4 }, { 'Z', 6, 4 }, { 'W', 3, 4 }, { 'P', 3, 4 },
    { 'A', 5, 2 }, { 'U', 6, 2 }, { 'V', 3, 2 }, { 'R', 3, 2 },
};

/* Of a row of two numbers, in degrees. */
static double angle(char which, int row)
{
    static const double u[] = { 0, 10, 20, 50, 60, 80 }, v[] = { 0, 50, 100 }, r[] = { 5, 40, 120 };
    return which == 'A' ? 20 * row : which == 'U' ? u[row] : which == 'V' ? v[row] : r[row];
}

/* A lies on an ellipse, U, V and R on the circle. */
static double point(char which, int i)
{
    const double at = angle(which, i / 2) * (3.141592653589793 / 180);
    const double wide = which == 'A' ? 2 : 1, high = which == 'A' ? 0.5 : 1;
    return i % 2 ? high * sin(at) : wide * cos(at);
}

static double entry(char which, int i)
{
    const double x = sin(0.3 + 0.7 * i + 0.11 * i * i);
    switch (which) {
    case 'A': case 'U': case 'V': case 'R': return point(which, i);
    case 'X': return x;
    case 'Y': return x + 0.3 * cos(1.3 * i + 0.05 * i * i);
    case 'Z': return sin(0.9 + 0.45 * i + 0.07 * i * i);
    case 'P': return cos(0.8 * i);
    default: return cos(0.1 + 0.9 * i + 0.07 * i * i);         /* W */
    }
}

static int place_of(char which)
{
    int i = 0;
    while (matrices[i].name != which && i < (int)(sizeof matrices / sizeof *matrices) - 1) i++;
    return i;
}

static int rows_of(char which) { return matrices[place_of(which)].rows; }
static int cols_of(char which) { return matrices[place_of(which)].cols; }

/* Whether these are matrices of one width, and few enough rows. */
static bool stackable(const char *which)
{
    const int cols = cols_of(*which);
    int rows = 0;
    for (; *which; rows += rows_of(*which++))
        if (matrices[place_of(*which)].name != *which || cols_of(*which) != cols) return false;
    return rows <= ROWS;
}

static bool same(const known_case *c) { return !strcmp(c->columns, "same"); }

static kin_tensor stack(const char *which, real *values, const char *name)
{
    kin_tensor t = { .cols = cols_of(*which), .value = values, .needs_grad = true, .name = name };
    for (; *which; which++) {
        const int n = rows_of(*which) * (int)t.cols;
        for (int i = 0; i < n; i++) values[t.rows * t.cols + i] = (real)entry(*which, i);
        t.rows += rows_of(*which);
    }
    return t;
}

/* ---- reading a case -------------------------------------------------------------------------- */

/* Where the gradient of a matrix belongs: behind the matrices stacked before it. */
static double *gradient_of(known_case *c, char which)
{
    for (int side = 0; side < 2; side++) {
        const char *stacked = side ? c->columns : c->rows, *at = strchr(stacked, which);
        if (!at || !which || (side && same(c))) continue;
        int rows = 0;
        for (; stacked < at; stacked++) rows += rows_of(*stacked);
        return (side ? c->dk : c->dq) + rows * cols_of(which);
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

/* cell ROW I J KIND: rows ascending from 0, I and J as stacked. */
static bool read_cell(known_case *c, const char *rest)
{
    int row, i, j, kind;
    const int64_t n = c->cells.rows ? c->start[c->cells.rows] : 0;
    if (sscanf(rest, "%d %d %d %d", &row, &i, &j, &kind) != 4 || n >= CELLS) return false;
    if (row < c->cells.rows - 1 || row > c->cells.rows) return false;
    c->row[n] = i, c->col[n] = j, c->kind[n] = (int8_t)kind;
    c->cells = (kin_cells){ .rows = row + 1, .start = c->start, .row = c->row, .col = c->col,
                            .kind = c->kind };
    c->start[row + 1] = n + 1;
    c->setting.cells = &c->cells;
    return true;
}

static bool read_choice(known_case *c, const char *word, const char *rest, bool *good)
{
    const kin_hyper *h = kin_loss_choices;
    char name[24] = "";
    double place = 0;
    while (h->name && strcmp(h->name, word)) h++;
    if (!h->name) return false;
    *good = sscanf(rest, "%23s", name) == 1 && kin_hyper_parse(h, word, name, &place) == KIN_OK;
    *kin_loss_choice(&c->setting, word) = (int)place;
    return true;
}

static bool read_integers(const char *text, int32_t *to)
{
    double numbers[ROWS];
    const int n = read_numbers(text, numbers, ROWS);
    for (int i = 0; i < n; i++) to[i] = (int32_t)numbers[i];
    return n > 0;
}

/* Lengths, of weight 1 each. */
static bool read_dims(kin_loss_setting *s, const char *rest)
{
    double numbers[KIN_DIMS_MAX];
    const int n = read_numbers(rest, numbers, KIN_DIMS_MAX);
    for (int i = 0; i < n; i++) s->dims[i] = (int)numbers[i], s->dim_weight[i] = 1;
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
    const int n = rows_of(*rest) * cols_of(*rest);
    return read_numbers(rest + 1, to, n) == n;
}

static bool read_line(known_case *c, const char *line)
{
    char word[16];
    int skip = 0;
    if (sscanf(line, "%15s%n", word, &skip) != 1) return true;
    const char *rest = line + skip;
    if (!strcmp(word, "case")) return sscanf(rest, " %79[^\n]", c->name) == 1;
    if (!strcmp(word, "rows")) return sscanf(rest, "%3s", c->rows) == 1 && stackable(c->rows);
    if (!strcmp(word, "columns"))
        return sscanf(rest, "%7s", c->columns) == 1 && (same(c) || stackable(c->columns));
    bool good;
    if (read_choice(c, word, rest, &good)) return good;
    if (!strcmp(word, "scores")) return c->scores = true;
    if (!strcmp(word, "cell")) return read_cell(c, rest);
    if (!strcmp(word, "target"))
        return (c->targets += read_numbers(rest, c->target + c->targets, ROWS)) > 0;
    if (!strcmp(word, "value")) return read_numbers(rest, &c->value, 1) == 1;
    if (!strcmp(word, "gradient")) return read_gradient(c, rest);
    kin_relation *r = &c->setting.relation;
    if (!strcmp(word, "own")) return r->own = c->own, read_integers(rest, c->own);
    if (!strcmp(word, "label")) {
        r->row_label = r->col_label = c->label;
        return r->by_label = read_integers(rest, c->label);
    }
    if (!strcmp(word, "row_key")) return r->row_label = c->row_key, read_integers(rest, c->row_key);
    if (!strcmp(word, "col_key")) return r->col_label = c->col_key, read_integers(rest, c->col_key);
    if (!strcmp(word, "dims")) return read_dims(&c->setting, rest);
    if (!strcmp(word, "extra")) return (r->extra = strtol(rest, NULL, 10)) > 0;
    return read_hyper(c, word, rest);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* Largest difference, relative to the largest entry of b, which is at least floor; NaN shows. No a
 * (no gradient came): zeros. */
static double apart(const real *a, const double *b, int64_t n, double floor)
{
    double worst = 0, largest = floor;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((a ? (double)a[i] : 0) - b[i]);
        largest = fmax(largest, fabs(b[i]));
        if (!(d <= worst)) worst = d;
    }
    return worst == 0 ? 0 : worst / largest;
}

/* The tensors of a case in memory. */
typedef struct {
    real q[NUMBERS], k[NUMBERS], t[ROWS * ROWS], parameter[KIN_HYPERS_MAX];
    kin_tensor rows, columns, target, learned[KIN_HYPERS_MAX];
} inputs;

static void prepare(known_case *c, inputs *in)
{
    const kin_entry *e = kin_losses.items[c->setting.loss];
    *in = (inputs){ .rows.rows = 0 };
    in->rows = stack(c->rows, in->q, "rows");
    if (!same(c) && !c->scores) in->columns = stack(c->columns, in->k, "columns");
    c->setting.relation.self = same(c);
    for (int i = 0; i < c->targets; i++) in->t[i] = (real)c->target[i];
    const int64_t height = c->setting.cells ? 1 : in->rows.rows;
    in->target = (kin_tensor){ .rows = height, .cols = c->targets / height, .value = in->t };
    if (c->targets) c->setting.target = &in->target;
    for (int i = 0; i < KIN_HYPERS_MAX; i++) {
        if (!(c->learns >> i & 1)) continue;
        in->parameter[i] = (real)kin_loss_learned_start(e, i, c->setting.hypers[i]);
        in->learned[i] = (kin_tensor){ .rows = 1, .cols = 1, .value = &in->parameter[i],
                                       .needs_grad = true, .name = e->hypers[i].name };
        c->setting.learned[i] = &in->learned[i];
    }
}

static kin_tensor *apply(kin_tape *tape, known_case *c, inputs *in, kin_loss_report *got)
{
    if (c->scores) return kin_loss_apply_scores(tape, &c->setting, &in->rows, got);
    return kin_loss_apply(tape, &c->setting, &in->rows, same(c) ? &in->rows : &in->columns, got);
}

/* The numbers in the tape's memory, until it is reset. */
static void move(kin_tape *tape, kin_tensor *t)
{
    kin_backend *backend = kin_tape_backend(tape);
    const size_t bytes = sizeof(real) * (size_t)(t->rows * t->cols);
    real *value = bytes ? kin_keep(tape, bytes) : NULL;
    if (value) backend->upload(backend, value, t->value, bytes);
    t->value = value;
}

static void move_inputs(kin_tape *tape, inputs *in)
{
    move(tape, &in->rows);
    move(tape, &in->columns);
    move(tape, &in->target);
    for (int i = 0; i < KIN_HYPERS_MAX; i++) move(tape, &in->learned[i]);
}

static double gradient_apart(kin_tape *tape, const kin_tensor *t, const double *want, double floor)
{
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t n = t->rows * t->cols;
    real got[NUMBERS];
    if (t->grad) backend->download(backend, got, t->grad, sizeof *got * (size_t)n);
    return apart(t->grad ? got : NULL, want, n, floor);
}

static kin_status compare(kin_tape *tape, known_case *c, kin_loss_check_report report, void *state)
{
    inputs in;
    kin_loss_report got;
    prepare(c, &in);
    kin_tape_reset(tape, 0, 0, true);
    move_inputs(tape, &in);
    KIN_TRY(kin_tape_backward(tape, apply(tape, c, &in, &got)));
    const real value = (real)got.value;
    double worst = fmax(apart(&value, &c->value, 1, 0), gradient_apart(tape, &in.rows, c->dq, 0));
    worst = fmax(worst, gradient_apart(tape, &in.columns, c->dk, 0));
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (c->learns >> i & 1)
            worst = fmax(worst, gradient_apart(tape, &in.learned[i], &c->dh[i],
                                               sizeof(real) == 8 ? 0 : 1));
    kin_tape_reset(tape, 0, 0, true);                       /* lets go of the tensors above */
    report(state, &(kin_loss_check_line){ kin_losses.items[c->setting.loss]->name, c->name, "",
                                          worst, KIN_KNOWN_BOUND });
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
