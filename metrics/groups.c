/* What follows from many tests and few runs: Holm's correction, letters, the spread over seeds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "metrics/statistics.h"

static int compare_doubles(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* ---- spread -----------------------------------------------------------------------------------*/

static double mean_of(int n, const double *x)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    return sum / n;
}

kin_status kin_spread_of(kin_spread *spread, int n, const double *x)
{
    KIN_REQUIRE(n > 0, KIN_USAGE, "spread: %d numbers, expected at least 1", n);
    double *sorted = malloc((size_t)n * sizeof *sorted), squares = 0;
    KIN_REQUIRE(sorted, KIN_MEMORY, "spread: no memory for %d numbers", n);
    memcpy(sorted, x, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_doubles);
    spread->mean = mean_of(n, x);
    for (int i = 0; i < n; i++) squares += (x[i] - spread->mean) * (x[i] - spread->mean);
    spread->deviation = n > 1 ? sqrt(squares / (n - 1)) : 0;
    spread->middle = mean_of(n - 2 * (n / 4), sorted + n / 4);
    free(sorted);
    return KIN_OK;
}

/* ---- Holm -------------------------------------------------------------------------------------*/

typedef struct { double p; int place; } ranked_t;

static int compare_ranked(const void *left, const void *right)
{
    const ranked_t *a = left, *b = right;
    if (a->p < b->p || a->p > b->p) return a->p < b->p ? -1 : 1;
    return a->place - b->place;
}

kin_status kin_holm(double *p, int m)
{
    ranked_t *ranked = malloc((size_t)m * sizeof *ranked + 1);
    KIN_REQUIRE(ranked, KIN_MEMORY, "Holm's correction: no memory for %d tests", m);
    for (int i = 0; i < m; i++) ranked[i] = (ranked_t){p[i], i};
    qsort(ranked, (size_t)m, sizeof *ranked, compare_ranked);
    double most = 0;
    for (int i = 0; i < m; i++) {
        most = fmax(most, fmin(1, (m - i) * ranked[i].p));
        p[ranked[i].place] = most;
    }
    free(ranked);
    return KIN_OK;
}

/* ---- letters ----------------------------------------------------------------------------------*/

enum { COLUMNS_MAX = 2 * KIN_LETTERS };      /* before those within others are absorbed */

/* A column is a set of systems that may share a letter. */
typedef struct {
    int systems, count;
    bool *in;                      /* COLUMNS_MAX x systems */
} columns_t;

static bool *column_at(const columns_t *c, int i) { return c->in + (size_t)i * (size_t)c->systems; }

/* Every column that holds both becomes two, each without one of them. */
static kin_status insert(columns_t *c, int a, int b)
{
    const int before = c->count;
    for (int i = 0; i < before; i++) {
        bool *column = column_at(c, i);
        if (!column[a] || !column[b]) continue;
        KIN_REQUIRE(c->count < COLUMNS_MAX, KIN_RUNTIME,
                    "more than %d groups of systems that do not differ", KIN_LETTERS);
        bool *other = column_at(c, c->count++);
        memcpy(other, column, (size_t)c->systems * sizeof *other);
        column[a] = false;
        other[b] = false;
    }
    return KIN_OK;
}

static bool within(const columns_t *c, int inner, int outer)
{
    for (int s = 0; s < c->systems; s++)
        if (column_at(c, inner)[s] && !column_at(c, outer)[s]) return false;
    return true;
}

/* Drops columns that lie within another. */
static void absorb(columns_t *c)
{
    for (int i = 0; i < c->count; i++) {
        int k = 0;
        while (k < c->count && (k == i || !within(c, i, k))) k++;
        if (k == c->count) continue;
        c->count--;
        memmove(column_at(c, i), column_at(c, c->count), (size_t)c->systems * sizeof *c->in);
        i--;
    }
}

/* Compares columns as words of members, so that the one with the first system comes first. */
static bool earlier(const columns_t *c, int i, int k)
{
    for (int s = 0; s < c->systems; s++)
        if (column_at(c, i)[s] != column_at(c, k)[s]) return column_at(c, i)[s];
    return false;
}

static kin_status give_letters(const columns_t *c, kin_letters *letters)
{
    KIN_REQUIRE(c->count <= KIN_LETTERS, KIN_RUNTIME,
                "more than %d groups of systems that do not differ", KIN_LETTERS);
    int order[KIN_LETTERS];
    for (int i = 0; i < c->count; i++) {
        int at = i;
        for (; at && earlier(c, i, order[at - 1]); at--) order[at] = order[at - 1];
        order[at] = i;
    }
    memset(letters, 0, (size_t)c->systems * sizeof *letters);
    for (int i = 0; i < c->count; i++)
        for (int s = 0; s < c->systems; s++)
            if (column_at(c, order[i])[s])
                letters[s].text[strlen(letters[s].text)] = (char)(i < 26 ? 'a' + i : 'A' + i - 26);
    return KIN_OK;
}

kin_status kin_letters_of(kin_letters *letters, int systems, const bool *differ)
{
    columns_t c = {.systems = systems, .count = 1};
    c.in = malloc((size_t)COLUMNS_MAX * (size_t)systems * sizeof *c.in + 1);
    KIN_REQUIRE(c.in, KIN_MEMORY, "letters: no memory for %d systems", systems);
    for (int s = 0; s < systems; s++) c.in[s] = true;
    kin_status status = KIN_OK;
    for (int a = 0; a < systems && !status; a++) {
        for (int b = a + 1; b < systems && !status; b++) {
            if (!differ[(size_t)a * (size_t)systems + (size_t)b]) continue;
            status = insert(&c, a, b);
            absorb(&c);
        }
    }
    if (!status) status = give_letters(&c, letters);
    free(c.in);
    return status;
}
