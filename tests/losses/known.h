/* Known: reads tests/known/<loss>.txt (see make.py beside it) into problems and their answers. */
#ifndef KIN_TESTS_LOSSES_KNOWN_H
#define KIN_TESTS_LOSSES_KNOWN_H

#include "tests/losses/fused.h"

enum { KNOWN_ROWS = 12, KNOWN_DIMENSION = 4, KNOWN_NUMBERS = KNOWN_ROWS * KNOWN_DIMENSION };

typedef struct {
    char name[80], rows[4], columns[8];
    bool same;
    problem p;
    double q[KNOWN_NUMBERS], k[KNOWN_NUMBERS];
    int32_t own[KNOWN_ROWS], label[KNOWN_ROWS];
    double value;
    double dq[KNOWN_NUMBERS], dk[KNOWN_NUMBERS], dh[KIN_HYPERS_MAX];
    unsigned parameters;                       /* bit i: dh[i] is known */
} known;

static double known_entry(char which, int i)
{
    const double x = sin(0.3 + 0.7 * i + 0.11 * i * i);
    switch (which) {
    case 'X': return x;
    case 'Y': return x + 0.3 * cos(1.3 * i + 0.05 * i * i);
    case 'Z': return sin(0.9 + 0.45 * i + 0.07 * i * i);
    case 'W': return cos(0.1 + 0.9 * i + 0.07 * i * i);
    default: abort();
    }
}

static int known_rows(char which) { return which == 'W' ? 3 : 6; }

static int64_t known_stack(const char *matrices, double *to)
{
    int64_t rows = 0;
    for (; *matrices; matrices++)
        for (int i = 0; i < known_rows(*matrices); i++, rows++)
            for (int d = 0; d < KNOWN_DIMENSION; d++)
                to[rows * KNOWN_DIMENSION + d] = known_entry(*matrices, i * KNOWN_DIMENSION + d);
    return rows;
}

/* Where the gradient of a matrix belongs: in dq or dk, behind the matrices stacked before it. */
static double *known_place(known *c, char which)
{
    for (int side = 0; side < 2; side++) {
        const char *stack = side ? c->columns : c->rows;
        const char *at = strchr(stack, which);
        if (!at || (side && c->same)) continue;
        int rows = 0;
        for (const char *before = stack; before < at; before++) rows += known_rows(*before);
        return (side ? c->dk : c->dq) + rows * KNOWN_DIMENSION;
    }
    abort();
}

static int known_hyper(const char *loss, const char *name)
{
    int place = 0;
    if (kin_list_find(&kin_losses, loss, &place) != KIN_OK) abort();
    place = kin_hyper_find(kin_losses.items[place], name);
    if (place < 0) abort();
    return place;
}

static void known_numbers(char *text, double *to)
{
    for (char *at = strtok(text, " \n"); at; at = strtok(NULL, " \n")) *to++ = strtod(at, NULL);
}

static void known_integers(char *text, int32_t *to)
{
    for (char *at = strtok(text, " \n"); at; at = strtok(NULL, " \n"))
        *to++ = (int32_t)strtol(at, NULL, 10);
}

static void known_line(known *c, char *text)
{
    char word[16], name[24];
    double number;
    int skip = 0;
    if (sscanf(text, "%15s%n", word, &skip) != 1) return;
    char *rest = text + skip;
    if (!strcmp(word, "case")) sscanf(rest, " %79[^\n]", c->name);
    if (!strcmp(word, "rows")) sscanf(rest, "%3s", c->rows);
    if (!strcmp(word, "columns")) sscanf(rest, "%7s", c->columns);
    c->same = !strcmp(c->columns, "same");
    if (!strcmp(word, "symmetric")) c->p.symmetric = true;
    if (!strcmp(word, "own")) known_integers(rest, c->own), c->p.relation.own = c->own;
    if (!strcmp(word, "label")) known_integers(rest, c->label), c->p.relation.by_label = true;
    if (!strcmp(word, "value")) c->value = strtod(rest, NULL);
    if (sscanf(rest, "%23s %lf", name, &number) < 1) return;
    if (!strcmp(word, "hyper")) c->p.hypers[known_hyper(c->p.loss, name)] = number;
    if (!strcmp(word, "learn")) c->p.learn |= 1u << known_hyper(c->p.loss, name);
    if (!strcmp(word, "gradient")) known_numbers(rest + 2, known_place(c, name[0]));
    if (!strcmp(word, "parameter")) {
        c->dh[known_hyper(c->p.loss, name)] = number;
        c->parameters |= 1u << known_hyper(c->p.loss, name);
    }
}

static void known_finish(known *c)
{
    c->p.dimension = KNOWN_DIMENSION;
    c->p.rows = known_stack(c->rows, c->q);
    c->p.columns = c->same ? c->p.rows : known_stack(c->columns, c->k);
    c->p.q = c->q, c->p.k = c->same ? NULL : c->k;
    c->p.relation.self = c->same;
    if (c->p.relation.by_label) c->p.relation.row_label = c->p.relation.col_label = c->label;
}

/* Calls each for every case of a loss; returns how many, 0 when the file cannot be read. */
static int known_each(const char *loss, void (*each)(const known *, void *), void *context)
{
    char path[512], *text = NULL;
    size_t size = 0;
    int cases = 0;
    static known c;
    snprintf(path, sizeof path, "%s/tests/known/%s.txt", KIN_SOURCE, loss);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    for (bool more = true; more;) {
        more = getline(&text, &size, file) > 0;
        const bool ends = !more || !strncmp(text, "case", 4);
        if (ends && c.rows[0]) known_finish(&c), each(&c, context), cases++;
        if (ends) c = (known){ .p.loss = loss };
        if (more && text[0] != '#') known_line(&c, text);
    }
    free(text);
    fclose(file);
    return cases;
}

#endif
