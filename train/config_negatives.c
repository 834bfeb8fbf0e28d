/* What mined negatives go with. */
#include "encoders/encoder.h"
#include "losses/loss.h"
#include "mining/policy.h"
#include "train/config_parts.h"

const char *kin_config_negatives(const kin_config *c)
{
    if (!kin_config_is(c, "negatives.source", "none")) return "negatives.source";
    if (*kin_config_text(c, "negatives.mask")) return "negatives.mask";
    return kin_config_number(c, "negatives.queue") > 0 ? "negatives.queue" : NULL;
}

static void refuse(resolving *r, const char *key, const char *expected)
{
    const kin_config *c = r->config;
    const char *own = kin_config_negatives(c);
    kin_fail(KIN_USAGE, "%s is '%s', but %s is '%s': expected %s", key, kin_config_text(c, key),
             own, kin_config_text(c, own), expected);
    config_complain(r, config_where(c, key));
}

/* Why a loss has no place for documents that belong to no query, or NULL. */
static const char *takes_none(const kin_loss *loss)
{
    if (loss->form == KIN_COMPOSED) return "compares row i with column i alone";
    if (loss->each_side) return "compares queries with queries and documents with documents";
    if (loss->positives_only) return "looks at positives alone";
    if (loss->columns) return "has the documents for anchors";
    return NULL;
}

static bool takes_columns(const kin_loss *loss)
{
    const int takes = loss->takes ? loss->takes : KIN_PAIRS | KIN_LABELS;
    return (takes & KIN_PAIRS) && !takes_none(loss);
}

/* One term of a sum at least must see them. */
static void check_terms(resolving *r)
{
    const kin_config *c = r->config;
    const char *key = kin_config_sums(c) ? "loss.sum" : "loss.name";
    for (int i = 0; i < kin_config_losses(c); i++) {
        kin_config_loss l;
        kin_config_loss_at(c, i, &l);
        const kin_loss *loss = kin_loss_of(kin_losses.items[l.loss]);
        if (takes_columns(loss)) continue;
        const char *reason = takes_none(loss);
        const char *asked = kin_config_negatives(c);
        kin_fail(KIN_USAGE, "%s is '%s', but %s %s", asked, kin_config_text(c, asked), l.name,
                 reason ? reason : "does not compare pairs");
        config_complain(r, config_where(c, key));
    }
}

static void check_policies(resolving *r)
{
    static const char *const keys[] = { "negatives.policy", "negatives.mask" };
    kin_policy_chain chain;
    const kin_config *c = r->config;
    for (int i = 0; i < 2; i++) {
        const char *text = kin_config_text(c, keys[i]);
        if (i && !*text) continue;
        const bool guided = *kin_config_text(c, "negatives.guide");
        kin_status status = kin_policy_read(&chain, keys[i], text);
        if (!status && (chain.needs & KIN_POLICY_GUIDE) && !guided)
            status = kin_fail(KIN_USAGE, "%s is '%s', but negatives.guide, a model, is missing",
                              keys[i], text);
        if (status) config_complain(r, config_where(c, keys[i]));
    }
}

void config_check_negatives(resolving *r)
{
    const kin_config *c = r->config;
    check_policies(r);
    const char *asked = kin_config_negatives(c);
    if (!asked) return;
    check_terms(r);
    if (!kin_config_is(c, "loss.negatives", "shared")) refuse(r, "loss.negatives", "shared");
    if (kin_config_number(c, "loss.direction") >= KIN_VIEWS)
        refuse(r, "loss.direction", "one_way or both_ways");
    const kin_encoder *e = kin_encoder_at(kin_config_entry(c, "encoder"));
    if (e->rows || e->forward_features)
        refuse(r, "encoder.name", "an encoder of texts");
}
