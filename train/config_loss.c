/* What a run file says about losses: the terms of a sum, and which settings go together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/encoder.h"
#include "losses/loss.h"
#include "train/config_parts.h"

static const char blanks[] = " ,\t";

/* ---- questions ------------------------------------------------------------------------------- */

bool kin_config_sums(const kin_config *c) { return c->terms > 0; }

int kin_config_losses(const kin_config *c) { return c->terms ? c->terms : 1; }

static int place_of(const kin_config *c, int i)
{
    return c->terms ? c->term[i].loss : kin_config_entry(c, "loss");
}

void config_loss_key(const kin_config *c, int i, const char *setting, char key[CONFIG_KEY_MAX])
{
    const char *term = c->terms ? kin_losses.items[place_of(c, i)]->name : "";
    snprintf(key, CONFIG_KEY_MAX, "loss.%s%s%s", term, c->terms ? "." : "", setting);
}

/* Whether loss.learn has this word. */
static bool learns(const kin_config *c, const char *word)
{
    char names[CONFIG_VALUE_MAX], *rest = NULL;
    snprintf(names, sizeof names, "%s", kin_config_text(c, "loss.learn"));
    for (char *n = strtok_r(names, blanks, &rest); n; n = strtok_r(NULL, blanks, &rest))
        if (!strcmp(n, word)) return true;
    return false;
}

void kin_config_loss_at(const kin_config *c, int i, kin_config_loss *loss)
{
    const kin_entry *e = kin_losses.items[place_of(c, i)];
    *loss = (kin_config_loss){ .loss = place_of(c, i), .name = e->name,
                               .weight = c->terms ? c->term[i].weight : 1 };
    for (int h = 0; e->hypers[h].name; h++) {
        char key[CONFIG_KEY_MAX];
        config_loss_key(c, i, e->hypers[h].name, key);
        loss->hypers[h] = kin_config_number(c, key);
        loss->learned[h] = learns(c, key + strlen("loss."));
    }
}

int kin_config_numbers(const kin_config *c, const char *key, double *values, int most)
{
    char text[CONFIG_VALUE_MAX], *rest = NULL;
    int n = 0;
    snprintf(text, sizeof text, "%s", kin_config_text(c, key));
    for (char *w = strtok_r(text, blanks, &rest); w && n < most; w = strtok_r(NULL, blanks, &rest))
        values[n++] = strtod(w, NULL);
    return n;
}

/* ---- loss.sum -------------------------------------------------------------------------------- */

/* "loss:weight"; without a weight: 1. */
static kin_status read_term(const kin_config *c, char *word, config_term *term)
{
    static const kin_hyper weight = { "weight", 1, -1e6, 1e6, "", 0, NULL };
    char *colon = strchr(word, ':');
    term->weight = 1;
    if (colon) *colon = 0;
    if (kin_list_find(&kin_losses, word, &term->loss)) return kin_fail_in(KIN_USAGE, "loss.sum");
    for (int i = 0; i < c->terms; i++)
        KIN_REQUIRE(c->term[i].loss != term->loss, KIN_USAGE, "loss.sum names '%s' twice", word);
    KIN_REQUIRE(c->terms < KIN_TERMS_MAX, KIN_USAGE, "loss.sum has more than %d losses",
                KIN_TERMS_MAX);
    char where[CONFIG_KEY_MAX];
    snprintf(where, sizeof where, "loss.sum: the weight of '%.40s'", word);
    return colon ? kin_hyper_parse(&weight, where, colon + 1, &term->weight) : KIN_OK;
}

/* A sum takes the place of a name that a file gives before it, and of no other. */
static kin_status check_name(const kin_config *c)
{
    const given *name = config_given(c, "loss.name"), *sum = config_given(c, "loss.sum");
    const bool later = name && !strncmp(sum->where, "--", 2) && strncmp(name->where, "--", 2);
    KIN_REQUIRE(!name || later, KIN_USAGE, "loss.name is '%.40s' (%.200s), but loss.sum takes its "
                "place: leave one of them out, or loss.sum empty", name->value, name->where);
    return KIN_OK;
}

static kin_status read_terms(kin_config *c, char *text)
{
    char *rest = NULL;
    bool pushes = false;
    for (char *w = strtok_r(text, blanks, &rest); w; w = strtok_r(NULL, blanks, &rest)) {
        KIN_TRY(read_term(c, w, &c->term[c->terms]));
        pushes |= c->term[c->terms++].weight != 0;
    }
    KIN_REQUIRE(pushes || !c->terms, KIN_USAGE,
                "loss.sum: every weight is 0, so nothing is learned");
    return c->terms ? check_name(c) : KIN_OK;
}

void config_read_sum(resolving *r)
{
    kin_config *c = r->config;
    char text[CONFIG_VALUE_MAX];
    c->terms = 0;
    kin_status status = config_expanded(c, "loss.sum", text);
    if (status) return;                          /* told when the item is made */
    status = read_terms(c, text);
    if (status) config_complain(r, config_where(c, "loss.sum"));
}

/* ---- keys that are none ---------------------------------------------------------------------- */

static int named(const char *name, size_t n)
{
    for (int i = 0; i < kin_losses.count; i++)
        if (strlen(kin_losses.items[i]->name) == n && !strncmp(kin_losses.items[i]->name, name, n))
            return i;
    return -1;
}

static bool is_term(const kin_config *c, int loss)
{
    for (int i = 0; i < c->terms; i++)
        if (c->term[i].loss == loss) return true;
    return false;
}

/* loss.SETTING in a sum of which a term has such a setting. */
static bool explain_short(const kin_config *c, const char *setting)
{
    for (int i = 0; i < c->terms; i++) {
        const kin_entry *e = kin_losses.items[c->term[i].loss];
        if (kin_hyper_find(e, setting) < 0) continue;
        kin_fail(KIN_USAGE, "loss.%s: with loss.sum the settings of a term bear its name: "
                 "loss.%s.%s", setting, e->name, setting);
        return true;
    }
    return false;
}

bool config_explain_loss_key(const kin_config *c, const char *key)
{
    if (strncmp(key, "loss.", 5)) return false;
    const char *dot = strchr(key + 5, '.');
    if (!dot) return explain_short(c, key + 5);
    const int loss = named(key + 5, (size_t)(dot - key - 5));
    if (loss < 0 || is_term(c, loss) || kin_hyper_find(kin_losses.items[loss], dot + 1) < 0)
        return false;
    if (c->terms)
        kin_fail(KIN_USAGE, "%s: '%s' is no term of loss.sum: take it out", key,
                 kin_losses.items[loss]->name);
    else
        kin_fail(KIN_USAGE, "%s is for a term of loss.sum, which is not set; a loss alone has "
                 "loss%s", key, dot);
    return true;
}
