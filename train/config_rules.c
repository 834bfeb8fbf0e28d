/* Which losses can be trained, and which settings of the section go together. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/encoder.h"
#include "losses/loss.h"
#include "train/config_parts.h"

enum { NUMBERS_MOST = 64 };

static const kin_loss *loss_at(int place)
{
    return kin_loss_of(kin_losses.items[place]);
}

/* The key that chose the losses. */
static const char *chooser(const kin_config *c)
{
    return kin_config_sums(c) ? "loss.sum" : "loss.name";
}

/* ---- what a batch of pairs carries ----------------------------------------------------------- */

/* Pairs, classes or scores: what a store may hold. */
enum { EVERY_STORE = KIN_PAIRS | KIN_LABELS | KIN_PROXIES | KIN_TARGETS };

static const struct { int bit; const char *what; } needs[] = {
    { KIN_TARGETS, "a target for each pair of texts, how alike they should be" },
    { KIN_PROXIES, "a learned proxy for each class" },
    { KIN_TRIPLETS, "triplets" },
    { KIN_MARKED, "pairs marked positive or negative (loss.negatives = drawn makes some)" },
    { KIN_LABELS, "several texts of each class in a batch, by label" },
    { KIN_PAIRS, "pairs of texts that belong together" },
};

/* A loss that takes targets cannot do without; one that takes what a batch carries can do without
 * the rest. */
static const char *lacking(const kin_loss *loss, int carried)
{
    const int takes = loss->takes ? loss->takes : KIN_PAIRS | KIN_LABELS;
    const bool targets = takes & KIN_TARGETS;
    if ((takes & carried) && (!targets || (carried & KIN_TARGETS))) return NULL;
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (loss->takes & needs[i].bit) return needs[i].what;
    return "something else";
}

/* Whether a query has negatives that were drawn, from the batch or from all documents. */
static bool draws(const kin_config *c) { return !kin_config_is(c, "loss.negatives", "shared"); }

static bool draws_from_corpus(const kin_config *c)
{
    return draws(c) && !kin_config_is(c, "loss.negatives", "drawn");
}

const char *kin_config_lacks(const kin_config *c, int loss, int carried)
{
    if (draws(c)) carried |= KIN_MARKED;
    return lacking(loss_at(loss), carried);
}

/* ---- how scores are read --------------------------------------------------------------------- */

/* Asks the loss, and tells its answer of this key. */
static bool allowed(resolving *r, const kin_loss_setting *s, const char *key)
{
    const kin_config *c = r->config;
    char reason[400];
    if (kin_loss_check_choices(s) == KIN_OK) return true;
    snprintf(reason, sizeof reason, "%s", kin_message());
    kin_fail(KIN_USAGE, "%s is '%s'%s%s%s: %s", key, kin_config_text(c, key),
             s->cells ? " and loss.negatives is '" : "",
             s->cells ? kin_config_text(c, "loss.negatives") : "", s->cells ? "'" : "", reason);
    config_complain(r, config_where(c, key));
    return false;
}

/* One choice at a time, so that each is told where it was made. */
static void check_choices(resolving *r, int loss)
{
    static const kin_cells cells;
    const kin_config *c = r->config;
    const kin_loss_setting plain = {
        .loss = loss, .cells = draws(c) ? &cells : NULL,
    };
    if (!allowed(r, &plain, chooser(c))) return;
    for (const kin_hyper *h = kin_loss_choices; h->name; h++) {
        kin_loss_setting s = plain;
        char key[CONFIG_KEY_MAX];
        snprintf(key, sizeof key, "loss.%s", h->name);
        *kin_loss_choice(&s, h->name) = (int)kin_config_number(c, key);
        allowed(r, &s, key);
    }
}

static void check_loss(resolving *r, const kin_config_loss *l)
{
    const kin_config *c = r->config;
    const char *what = kin_config_lacks(c, l->loss, EVERY_STORE);
    if (!what) {
        check_choices(r, l->loss);
        return;
    }
    kin_fail(KIN_USAGE, "%s is '%s', which needs %s; no store carries that", chooser(c), l->name,
             what);
    config_complain(r, config_where(c, chooser(c)));
}

kin_status kin_config_carried(const kin_config *c, int carried, const char *data)
{
    for (int i = 0; i < kin_config_losses(c); i++) {
        kin_config_loss l;
        kin_config_loss_at(c, i, &l);
        const char *what = kin_config_lacks(c, l.loss, carried);
        const char *where = config_where(c, chooser(c));
        KIN_REQUIRE(!what, KIN_USAGE, "%s%s%s is '%s', which needs %s; a run trains on %s here, "
                    "which do not carry that", where ? where : "", where ? ": " : "", chooser(c),
                    l.name, what, data);
    }
    return KIN_OK;
}

static const char *cannot_draw(const kin_loss *loss)
{
    if (loss->form == KIN_COMPOSED) return "compares whole batches";
    if (loss->each_side) return "compares queries with queries and documents with documents";
    return NULL;
}

static void check_drawn(resolving *r)
{
    const kin_config *c = r->config;
    const bool drawn = draws(c);
    const char *negatives = kin_config_text(c, "loss.negatives");
    if (drawn != (kin_config_number(c, "loss.drawn") > 0)) {
        if (drawn)
            kin_fail(KIN_USAGE, "loss.negatives is '%s', but loss.drawn, how many for each "
                     "query, is 0", negatives);
        else
            kin_fail(KIN_USAGE, "loss.drawn is %s, but loss.negatives is 'shared': expected "
                     "'drawn'", kin_config_text(c, "loss.drawn"));
        config_complain(r, config_where(c, drawn ? "loss.negatives" : "loss.drawn"));
    }
    for (int i = 0; drawn && i < kin_config_losses(c); i++) {
        kin_config_loss l;
        kin_config_loss_at(c, i, &l);
        const char *reason = cannot_draw(loss_at(l.loss));
        if (!reason) continue;
        kin_fail(KIN_USAGE, "loss.negatives is '%s', but '%s' %s", negatives, l.name, reason);
        config_complain(r, config_where(c, "loss.negatives"));
    }
}

/* ---- an encoder that takes numbers ----------------------------------------------------------- */

static void refuse_with(resolving *r, const char *key, const char *value, const char *why)
{
    kin_fail(KIN_USAGE, "%s is '%s', but %s", key, value, why);
    config_complain(r, config_where(r->config, key));
}

/* All documents are columns only where they are a table, which is embedded at once. */
static void check_corpus(resolving *r)
{
    const kin_config *c = r->config;
    const char *negatives = kin_config_text(c, "loss.negatives");
    if (!draws_from_corpus(c)) return;
    if (!kin_encoder_at(kin_config_entry(c, "encoder"))->rows)
        refuse_with(r, "loss.negatives", negatives, "the encoder would have to embed every "
                    "document in each step: expected shared or drawn, or encoder.name = id");
    else if (kin_config_number(c, "batch.chunk") > 0)
        refuse_with(r, "loss.negatives", negatives, "batch.chunk embeds documents in parts");
    else if (kin_config_number(c, "encoder.momentum") > 0)
        refuse_with(r, "loss.negatives", negatives, "encoder.momentum has a copy embed them");
}

static void check_numbers(resolving *r)
{
    const kin_config *c = r->config;
    if (!kin_encoder_at(kin_config_entry(c, "encoder"))->rows) return;
    if (!kin_config_is(c, "encoder.towers", "separate"))
        refuse_with(r, "encoder.name", kin_config_text(c, "encoder.name"), "encoder.towers is "
                    "'shared': users and items have tables of their own, expected separate");
    static const char *const prefixes[] = { "encoder.query_prefix", "encoder.document_prefix" };
    for (int i = 0; i < 2; i++)
        if (*kin_config_text(c, prefixes[i]))
            refuse_with(r, prefixes[i], kin_config_text(c, prefixes[i]), "numbers have no prefix");
    if (kin_config_number(c, "eval.hybrid") != 0)
        refuse_with(r, "eval.hybrid", "true", "numbers have no words for BM25");
}

static void check_from(resolving *r)
{
    const char *file = kin_config_text(r->config, "tokenizer.file");
    if (*file && *kin_config_text(r->config, "encoder.from"))
        refuse_with(r, "tokenizer.file", file, "encoder.from has a tokenizer of its own");
}

static void check_hybrid(resolving *r)
{
    const kin_config *c = r->config;
    if (kin_config_number(c, "eval.hybrid") != 0 && kin_config_is(c, "eval.seen", "remove"))
        refuse_with(r, "eval.hybrid", "true", "BM25 ranks every document: expected eval.seen = "
                    "keep");
}

/* ---- loss.dims ------------------------------------------------------------------------------- */

/* Every word a number in range; -1 and a message when one is not. */
static int count_numbers(const kin_config *c, const kin_hyper *h, const char *key)
{
    char text[CONFIG_VALUE_MAX], *rest = NULL;
    int n = 0;
    snprintf(text, sizeof text, "%s", kin_config_text(c, key));
    for (char *w = strtok_r(text, " ,\t", &rest); w; w = strtok_r(NULL, " ,\t", &rest), n++) {
        double value;
        if (kin_hyper_parse(h, key, w, &value)) return -1;
    }
    if (n <= KIN_DIMS_MAX) return n;
    kin_fail(KIN_USAGE, "%s has %d numbers, expected at most %d", key, n, KIN_DIMS_MAX);
    return -1;
}

static void check_dims(resolving *r)
{
    static const kin_hyper share = { "weight", 1, 1e-6, 1e6, "", 0, NULL };
    const kin_config *c = r->config;
    double hypers[KIN_HYPERS_MAX];
    kin_config_hypers(c, "encoder", hypers);
    const int64_t width = kin_encoder_at(kin_config_entry(c, "encoder"))->width(hypers);
    const kin_hyper dim = { "dim", 1, 1, (double)width, "", KIN_INTEGER, NULL };
    const int dims = count_numbers(c, &dim, "loss.dims");
    if (dims < 0) config_complain(r, config_where(c, "loss.dims"));
    const int weights = count_numbers(c, &share, "loss.dim_weights");
    if (weights < 0) config_complain(r, config_where(c, "loss.dim_weights"));
    if (dims < 0 || weights <= 0 || dims == weights) return;
    kin_fail(KIN_USAGE, "loss.dim_weights has %d numbers, expected %d, one for each of loss.dims",
             weights, dims);
    config_complain(r, config_where(c, "loss.dim_weights"));
}

/* ---- what is trained, what falls ------------------------------------------------------------- */

/* Whether the word of loss.learn is a learnable setting of one of the losses. */
static bool learnable(const kin_config *c, const char *word)
{
    for (int i = 0; i < kin_config_losses(c); i++) {
        kin_config_loss l;
        kin_config_loss_at(c, i, &l);
        const kin_entry *e = kin_losses.items[l.loss];
        for (int h = 0; e->hypers[h].name; h++) {
            char key[CONFIG_KEY_MAX];
            config_loss_key(c, i, e->hypers[h].name, key);
            if ((e->hypers[h].flags & KIN_LEARNABLE) && !strcmp(key + 5, word)) return true;
        }
    }
    return false;
}

static void check_learned(resolving *r)
{
    const kin_config *c = r->config;
    char names[CONFIG_VALUE_MAX], *rest = NULL;
    kin_config_loss first;
    kin_config_loss_at(c, 0, &first);
    snprintf(names, sizeof names, "%s", kin_config_text(c, "loss.learn"));
    for (char *n = strtok_r(names, " ,\t", &rest); n; n = strtok_r(NULL, " ,\t", &rest)) {
        if (learnable(c, n)) continue;
        if (kin_config_sums(c))
            kin_fail(KIN_USAGE, "loss.learn: '%.40s' is not a learnable TERM.SETTING of loss.sum",
                     n);
        else
            kin_fail(KIN_USAGE, "loss.learn: '%.40s' is not a learnable setting of '%s'", n,
                     first.name);
        config_complain(r, config_where(c, "loss.learn"));
    }
}

static void check_learned_count(resolving *r, const kin_config_loss *l)
{
    int learned = 0;
    for (int h = 0; h < KIN_HYPERS_MAX; h++) learned += l->learned[h];
    if (learned <= KIN_LEARNED_MAX) return;
    kin_fail(KIN_USAGE, "loss.learn names %d settings of '%s', expected at most %d of a loss",
             learned, l->name, KIN_LEARNED_MAX);
    config_complain(r, config_where(r->config, "loss.learn"));
}

static void check_temperature(resolving *r)
{
    const kin_config *c = r->config;
    kin_config_loss l = { 0 };
    if (kin_config_number(c, "loss.final_temperature") <= 0) return;
    for (int i = 0; i < kin_config_losses(c); i++) {
        kin_config_loss_at(c, i, &l);
        const int h = kin_hyper_find(kin_losses.items[l.loss], "temperature");
        if (h >= 0 && !l.learned[h]) return;
    }
    kin_fail(KIN_USAGE, "loss.final_temperature: '%s' has no temperature that is not learned",
             l.name);
    config_complain(r, config_where(c, "loss.final_temperature"));
}

/* ---- the momentum tower ---------------------------------------------------------------------- */

static void check_momentum(resolving *r)
{
    const kin_config *c = r->config;
    const bool both = kin_config_is(c, "loss.direction", "both_ways");
    if (kin_config_number(c, "encoder.momentum") <= 0) return;
    if (kin_config_number(c, "loss.direction") >= KIN_VIEWS)
        kin_fail(KIN_USAGE, "loss.direction is '%s', but with encoder.momentum the columns come "
                 "from another tower: expected one_way or both_ways",
                 kin_config_text(c, "loss.direction"));
    else if (kin_config_is(c, "encoder.towers", "separate") && !both)
        kin_fail(KIN_USAGE, "encoder.momentum with encoder.towers = separate leaves the documents' "
                 "tower untrained unless loss.direction is both_ways");
    else
        return;
    config_complain(r, config_where(c, "encoder.momentum"));
}

void config_check_losses(resolving *r)
{
    const kin_config *c = r->config;
    for (int i = 0; i < kin_config_losses(c); i++) {
        kin_config_loss l;
        kin_config_loss_at(c, i, &l);
        check_loss(r, &l);
        check_learned_count(r, &l);
    }
    for (int i = 0; i < c->items; i++)
        if (!strcmp(c->item[i].key, "loss.name")) r->config->item[i].hidden = kin_config_sums(c);
    check_drawn(r);
    check_corpus(r);
    check_numbers(r);
    check_from(r);
    check_hybrid(r);
    check_dims(r);
    check_learned(r);
    check_temperature(r);
    check_momentum(r);
}
