/* Hyperparameters as text, and names looked up with a suggestion when they are not found. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "core/entry.h"

enum { LONGEST_NAME = 63, NEAREST = 3, MANY = 256 };

int kin_hyper_count(const kin_entry *entry)
{
    int count = 0;
    while (entry->hypers[count].name) count++;
    return count;
}

int kin_hyper_find(const kin_entry *entry, const char *name)
{
    for (int i = 0; entry->hypers[i].name; i++) {
        if (strcmp(entry->hypers[i].name, name) == 0) return i;
    }
    return -1;
}

void kin_hyper_defaults(const kin_entry *entry, double *values)
{
    for (int i = 0; entry->hypers[i].name; i++) values[i] = entry->hypers[i].value;
}

/* Place of text among "a|b|c", or -1. */
static int choice_place(const char *choices, const char *text)
{
    const size_t length = strlen(text);
    int place = 0;
    for (const char *at = choices;; place++) {
        const size_t size = strcspn(at, "|");
        if (size == length && memcmp(at, text, size) == 0) return place;
        if (at[size] == '\0') return -1;
        at += size + 1;
    }
}

static kin_status parse_number(const kin_hyper *hyper, const char *where, const char *text,
                               double *value)
{
    const bool whole = hyper->flags & KIN_INTEGER;
    char *end = NULL;
    errno = 0;
    const double number = strtod(text, &end);
    const bool read = end != text && *end == '\0' && !isspace((unsigned char)*text)
                      && !(errno == ERANGE && fabs(number) > 1);
    const bool right = read && number >= hyper->min && number <= hyper->max
                       && (!whole || number == floor(number));
    KIN_REQUIRE(right, KIN_USAGE, "%s is \"%s\", expected a %snumber from %.9g to %.9g", where,
                text, whole ? "whole " : "", hyper->min, hyper->max);
    *value = number;
    return KIN_OK;
}

kin_status kin_hyper_parse(const kin_hyper *hyper, const char *where, const char *text,
                           double *value)
{
    if (hyper->choices) {
        const int place = choice_place(hyper->choices, text);
        KIN_REQUIRE(place >= 0, KIN_USAGE, "%s is \"%s\", expected one of %s", where, text,
                    hyper->choices);
        *value = place;
        return KIN_OK;
    }
    if (hyper->flags & KIN_BOOLEAN) {
        const int place = choice_place("false|true", text);
        KIN_REQUIRE(place >= 0, KIN_USAGE, "%s is \"%s\", expected true or false", where, text);
        *value = place;
        return KIN_OK;
    }
    return parse_number(hyper, where, text, value);
}

static void print_choice(const char *choices, int place, char *text, int size)
{
    for (; place > 0 && strchr(choices, '|'); place--) choices = strchr(choices, '|') + 1;
    snprintf(text, (size_t)size, "%.*s", (int)strcspn(choices, "|"), choices);
}

void kin_hyper_print(const kin_hyper *hyper, double value, char *text, int size)
{
    if (hyper->choices) {
        print_choice(hyper->choices, (int)value, text, size);
        return;
    }
    if (hyper->flags & KIN_BOOLEAN) {
        snprintf(text, (size_t)size, "%s", value != 0 ? "true" : "false");
        return;
    }
    for (int digits = 6; digits <= 17; digits++) {              /* the shortest that reads back */
        snprintf(text, (size_t)size, "%.*g", digits, value);
        if (strtod(text, NULL) == value) return;
    }
}

void kin_hyper_range(const kin_hyper *hyper, char *text, int size)
{
    char low[40], high[40];
    if (hyper->choices || (hyper->flags & KIN_BOOLEAN)) {
        snprintf(text, (size_t)size, "%s", hyper->choices ? hyper->choices : "false|true");
        return;
    }
    kin_hyper_print(hyper, hyper->min, low, sizeof low);
    kin_hyper_print(hyper, hyper->max, high, sizeof high);
    snprintf(text, (size_t)size, "%s .. %s", low, high);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static bool alike(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions, changes and swaps of neighbours that turn a into b; case does not count. */
static int edit_distance(const char *a, const char *b)
{
    int table[LONGEST_NAME + 1][LONGEST_NAME + 1];
    const int m = (int)strnlen(a, LONGEST_NAME), n = (int)strnlen(b, LONGEST_NAME);
    for (int i = 0; i <= m; i++) table[i][0] = i;
    for (int j = 0; j <= n; j++) table[0][j] = j;
    for (int i = 1; i <= m; i++) {
        for (int j = 1; j <= n; j++) {
            int best = table[i - 1][j - 1] + !alike(a[i - 1], b[j - 1]);
            best = least(best, least(table[i - 1][j], table[i][j - 1]) + 1);
            if (i > 1 && j > 1 && alike(a[i - 1], b[j - 2]) && alike(a[i - 2], b[j - 1])) {
                best = least(best, table[i - 2][j - 2] + 1);
            }
            table[i][j] = best;
        }
    }
    return table[m][n];
}

/* Distance if it is small for names of this length, 1 at most where the other begins with the
 * name; else -1. */
static int near_distance(const char *name, const char *other)
{
    const int length = (int)strlen(name), limit = least((length + 2) / 3, length - 1);
    const bool begins = length >= 2 && strncasecmp(name, other, (size_t)length) == 0;
    if (!begins && abs((int)strlen(other) - length) > limit) return -1;     /* spares the table */
    const int distance = edit_distance(name, other);
    return begins ? least(distance, 1) : distance <= limit ? distance : -1;
}

const char *kin_nearest(const char *name, const char *const *names, int n)
{
    const char *nearest = NULL;
    int best = 0;
    for (int i = 0; i < n; i++) {
        const int distance = near_distance(name, names[i]);
        if (distance >= 0 && (!nearest || distance < best)) {
            nearest = names[i];
            best = distance;
        }
    }
    return nearest;
}

/* Writes "a, b or c" of the nearest entries, or of all when none is near. */
static void suggest(const kin_list *list, const char *name, char *text, size_t size)
{
    const char *left[MANY], *chosen[MANY];
    int n = 0, count = 0;
    for (; n < list->count && n < MANY; n++) left[n] = list->items[n]->name;
    while (count < NEAREST && n > 0) {
        const char *nearest = kin_nearest(name, left, n);
        if (!nearest) break;
        chosen[count++] = nearest;
        for (int i = 0; i < n; i++) {
            if (left[i] == nearest) left[i] = left[--n];
        }
    }
    if (count == 0) {
        for (; count < n; count++) chosen[count] = left[count];
    }
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        const size_t used = strlen(text);
        const char *between = i == 0 ? "" : i == count - 1 ? " or " : ", ";
        snprintf(text + used, size - used, "%s%s", between, chosen[i]);
    }
}

kin_status kin_list_find(const kin_list *list, const char *name, int *index)
{
    char nearest[512];
    for (int i = 0; i < list->count; i++) {
        if (strcmp(list->items[i]->name, name) == 0) {
            *index = i;
            return KIN_OK;
        }
    }
    suggest(list, name, nearest, sizeof nearest);
    return kin_fail(KIN_USAGE, "there is no %s called \"%s\"; perhaps %s", list->kind, name,
                    nearest);
}
