/* The values of an axis: lists, ranges, everything a key allows. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/plan.h"
#include "losses/loss.h"
#include "train/config_keys.h"

enum { TEXT_MAX = 8192, NUMBER_MAX = 32 };

static kin_status add_value(kin_ablation *p, kin_axis *a, const char *const *parts)
{
    KIN_REQUIRE(a->count < KIN_VALUES_MAX, KIN_USAGE, "%s: more than %d values", a->key[0],
                KIN_VALUES_MAX);
    for (int i = 0; i < a->count; i++) {
        int same = 0;
        while (same < a->ties && !strcmp(a->value[i * a->ties + same], parts[same])) same++;
        KIN_REQUIRE(same < a->ties, KIN_USAGE, "%s: the value '%.60s' stands twice", a->key[0],
                    parts[0]);
    }
    const char **more = realloc(a->value, (size_t)(a->count + 1) * (size_t)a->ties * sizeof *more);
    KIN_REQUIRE(more, KIN_MEMORY, "no memory for a plan");
    a->value = more;
    for (int t = 0; t < a->ties; t++) {
        const char *kept = kin_ablation_keep(p, parts[t]);
        KIN_REQUIRE(kept, KIN_MEMORY, "no memory for a plan");
        more[a->count * a->ties + t] = kept;
    }
    a->count++;
    return KIN_OK;
}

bool kin_axis_gives(const char *value) { return strcmp(value, "-") != 0; }

static char *trim(char *s)
{
    while (isspace((unsigned char)*s)) s++;
    size_t n = strlen(s);
    while (n && isspace((unsigned char)s[n - 1])) n--;
    s[n] = 0;
    return s;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* Whether a key takes whole numbers only; what is known of it, first owner first. */
static kin_status key_is_whole(const char *key, bool *whole)
{
    kin_config_key *keys;
    int count;
    *whole = false;
    KIN_TRY(kin_config_keys(&keys, &count));
    const char *name = strrchr(key, '.') + 1;            /* of loss.TERM.SETTING the last word */
    for (int i = 0; i < count; i++)
        if (!strncmp(key, keys[i].section, strlen(keys[i].section)) && !strcmp(name, keys[i].name))
            *whole = keys[i].whole;
    free(keys);
    return KIN_OK;
}

typedef struct {
    char low[NUMBER_MAX], high[NUMBER_MAX];
    double a, b;
    bool logarithmic;
    int n;                             /* 0: steps of 1 */
} range;

static bool number_of(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && !*end && isfinite(*number);
}

/* "A .. B", "A .. B log N", "A .. B linear N". */
static kin_status read_range(const char *key, const char *text, range *r)
{
    char how[16] = "", more[2] = "";
    *r = (range){ .n = 0 };
    const int found = sscanf(text, "%31s .. %31s %15s %d %1s", r->low, r->high, how, &r->n, more);
    KIN_REQUIRE((found == 2 || found == 4) && number_of(r->low, &r->a) && number_of(r->high, &r->b),
                KIN_USAGE, "%s: '%.80s', expected A .. B log N, A .. B linear N, or A .. B for "
                "whole numbers", key, text);
    KIN_REQUIRE(r->a < r->b, KIN_USAGE, "%s: '%.80s' does not rise", key, text);
    if (found == 2) return KIN_OK;
    r->logarithmic = !strcmp(how, "log");
    KIN_REQUIRE(r->logarithmic || !strcmp(how, "linear"), KIN_USAGE,
                "%s: '%.15s', expected log or linear", key, how);
    KIN_REQUIRE(r->n >= 2 && r->n <= KIN_VALUES_MAX, KIN_USAGE, "%s: %d values, expected 2 to %d",
                key, r->n, KIN_VALUES_MAX);
    KIN_REQUIRE(!r->logarithmic || r->a > 0, KIN_USAGE, "%s: '%.80s', a log range begins above 0",
                key, text);
    return KIN_OK;
}

/* The ends are as they were written; between them 4 digits are enough to be read. */
static void print_point(const range *r, int i, bool whole, char text[NUMBER_MAX])
{
    const double at = (double)i / (r->n - 1);
    const double x = r->logarithmic ? r->a * pow(r->b / r->a, at) : r->a + (r->b - r->a) * at;
    if (i == 0 || i == r->n - 1) memcpy(text, i ? r->high : r->low, NUMBER_MAX);
    else snprintf(text, NUMBER_MAX, whole ? "%.0f" : "%.4g", x);
}

static kin_status expand_range(kin_ablation *p, kin_axis *a, const char *text)
{
    range r;
    bool whole;
    KIN_TRY(read_range(a->key[0], text, &r));
    KIN_TRY(key_is_whole(a->key[0], &whole));
    if (!r.n) {
        KIN_REQUIRE(whole && r.a == floor(r.a) && r.b == floor(r.b) && r.b - r.a < KIN_VALUES_MAX,
                    KIN_USAGE, "%s: '%.80s', expected how many: A .. B log N or A .. B linear N",
                    a->key[0], text);
        r.n = (int)(r.b - r.a) + 1;
    }
    for (int i = 0; i < r.n; i++) {
        char value[NUMBER_MAX];
        const char *parts[] = { value };
        print_point(&r, i, whole, value);
        KIN_TRY(add_value(p, a, parts));
    }
    return KIN_OK;
}

/* ---- * --------------------------------------------------------------------------------------- */

static kin_status leave_out(kin_ablation *p, const char *key, const char *name, const char *reason)
{
    char text[300];
    snprintf(text, sizeof text, "%s = %s needs %s", key, name, reason);
    const char **more = realloc(p->left_out, (size_t)(p->left_out_count + 1) * sizeof *more);
    KIN_REQUIRE(more, KIN_MEMORY, "no memory for a plan");
    p->left_out = more;
    more[p->left_out_count] = kin_ablation_keep(p, text);
    KIN_REQUIRE(more[p->left_out_count++], KIN_MEMORY, "no memory for a plan");
    return KIN_OK;
}

/* Every name of the list; of losses those that the batches of the plan's runs can feed. */
static kin_status expand_list(kin_ablation *p, kin_axis *a, const kin_list *list)
{
    kin_config *common = NULL;
    KIN_TRY(kin_ablation_common(p, "star", &common));
    kin_status status = kin_config_resolve(common);
    kin_goal goal = KIN_GOAL_RANKING;
    if (!status) kin_ablation_goal(common, &goal);
    const int carried = kin_goal_carries(goal);
    for (int i = 0; i < list->count && !status; i++) {
        const char *name = list->items[i]->name;
        const char *lacks = list == &kin_losses ? kin_config_lacks(common, i, carried) : NULL;
        status = lacks ? leave_out(p, a->key[0], name, lacks) : add_value(p, a, &name);
    }
    kin_config_free(common);
    return status;
}

static kin_status expand_choices(kin_ablation *p, kin_axis *a, char *choices)
{
    char *rest = NULL;
    for (char *c = strtok_r(choices, "|", &rest); c; c = strtok_r(NULL, "|", &rest)) {
        const char *parts[] = { c };
        KIN_TRY(add_value(p, a, parts));
    }
    return KIN_OK;
}

static kin_status expand_all(kin_ablation *p, kin_axis *a)
{
    const char *key = a->key[0];
    char section[64], choices[96] = "";
    kin_config_key *keys;
    int count;
    snprintf(section, sizeof section, "%.*s", (int)strcspn(key, "."), key);
    const kin_list *list = config_list_of(section);
    if (list && !strcmp(key + strlen(section), ".name")) return expand_list(p, a, list);
    KIN_TRY(kin_config_keys(&keys, &count));
    for (int i = 0; i < count; i++)
        if (!strcmp(keys[i].section, section) && !strcmp(keys[i].name, key + strlen(section) + 1))
            snprintf(choices, sizeof choices, "%s", keys[i].range);
    free(keys);
    KIN_REQUIRE(strchr(choices, '|'), KIN_USAGE, "%s = * is for keys with a list of names; give "
                "values or a range", key);
    return expand_choices(p, a, choices);
}

/* ---- lists ----------------------------------------------------------------------------------- */

/* The words of a value go to the keys in turn; the last key takes what is left. */
static kin_status add_tied(kin_ablation *p, kin_axis *a, char *text)
{
    const char *parts[KIN_TIED_MAX];
    char *at = text;
    for (int t = 0; t < a->ties; t++) {
        at += strspn(at, " \t");
        parts[t] = at;
        KIN_REQUIRE(*at, KIN_USAGE, "%s: '%.60s' has %d of the %d values that go together",
                    a->key[0], text, t, a->ties);
        if (t == a->ties - 1) break;
        char *end = at + strcspn(at, " \t");
        at = *end ? end + 1 : end;
        *end = 0;
    }
    return add_value(p, a, parts);
}

kin_status kin_axis_expand(kin_ablation *p, kin_axis *a)
{
    char text[TEXT_MAX], *rest = text;
    KIN_REQUIRE(strlen(a->text) < sizeof text, KIN_USAGE, "%s: the values are too long", a->key[0]);
    snprintf(text, sizeof text, "%s", a->text);
    if (a->kind == KIN_AXIS_SET) return add_tied(p, a, trim(text));
    while (rest) {
        char *item = rest, *comma = strchr(item, ',');
        if (comma) *comma = 0;
        rest = comma ? comma + 1 : NULL;
        item = trim(item);
        KIN_REQUIRE(*item, KIN_USAGE, "%s: a value is missing in '%.80s'", a->key[0], a->text);
        if (a->ties > 1)
            KIN_TRY(add_tied(p, a, item));
        else if (!strcmp(item, "*"))
            KIN_TRY(expand_all(p, a));
        else if (strstr(item, " .. "))
            KIN_TRY(expand_range(p, a, item));
        else
            KIN_TRY(add_tied(p, a, item));
    }
    return KIN_OK;
}
