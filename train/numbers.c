/* Numbers: how many users and items the store of a run has, for an encoder that looks them up. */
#include <stdio.h>

#include "data/numbers.h"
#include "train/trainer.h"

static const char *const row_names[2] = { "users", "items" };       /* by kin_role */

static const kin_encoder *encoder_of(const kin_trainer *t)
{
    return kin_encoder_at(kin_config_entry(t->config, "encoder"));
}

bool kin_trainer_takes_numbers(const kin_trainer *t) { return encoder_of(t)->rows != NULL; }

/* The largest number of the texts, if it is above *most. */
static kin_status look_at(const kin_trainer *t, const char *what, int64_t count,
                          const int32_t *text, int64_t stride, int64_t *most)
{
    const kin_texts *texts = &t->store->texts;
    for (int64_t i = 0; i < count; i++) {
        const int32_t at = text[stride * i];
        const int64_t size = kin_text_size(texts, at);
        const int32_t number = kin_number_read(kin_text(texts, at), size);
        KIN_REQUIRE(number >= 0, KIN_DATA, "%s: %s '%.*s' is not a whole number, which "
                    "encoder.name = %s looks up", t->store->path, what,
                    size < 40 ? (int)size : 40, kin_text(texts, at), encoder_of(t)->entry.name);
        if (number > *most) *most = number;
    }
    return KIN_OK;
}

static kin_status check_rows(const kin_trainer *t, int role)
{
    char key[64];
    snprintf(key, sizeof key, "encoder.%s", row_names[role]);
    const double rows = kin_config_number(t->config, key);
    KIN_REQUIRE(rows == 0 || rows >= (double)t->rows[role], KIN_USAGE,
                "%s is %.0f, but %s has number %ld", key, rows, t->store->path,
                (long)t->rows[role] - 1);
    return KIN_OK;
}

kin_status kin_trainer_count_rows(kin_trainer *t)
{
    const kin_store *s = t->store;
    int64_t most[2] = { 0, 0 };
    if (!kin_trainer_takes_numbers(t)) return KIN_OK;
    KIN_TRY(look_at(t, "query", s->queries, s->query_text, 1, &most[KIN_QUERY]));
    KIN_TRY(look_at(t, "query", s->pairs, s->pair + KIN_PAIR_LEFT, 3, &most[KIN_QUERY]));
    KIN_TRY(look_at(t, "document", s->documents, s->document_text, 1, &most[KIN_DOCUMENT]));
    KIN_TRY(look_at(t, "document", s->pairs, s->pair + KIN_PAIR_RIGHT, 3, &most[KIN_DOCUMENT]));
    for (int role = 0; role < 2; role++) {
        t->rows[role] = most[role] + 1;
        KIN_TRY(check_rows(t, role));
    }
    return KIN_OK;
}

void kin_trainer_encoder(const kin_trainer *t, double *hypers)
{
    kin_config_hypers(t->config, "encoder", hypers);
    if (!kin_trainer_takes_numbers(t)) return;
    for (int role = 0; role < 2; role++) {
        double *rows = &hypers[kin_hyper_find(&encoder_of(t)->entry, row_names[role])];
        if (*rows == 0) *rows = (double)t->rows[role];
    }
}

kin_status kin_trainer_number_tokens(kin_trainer *t)
{
    double hypers[KIN_HYPERS_MAX];
    kin_trainer_encoder(t, hypers);
    for (int role = 0; role < 2; role++) {
        const int64_t rows = encoder_of(t)->rows(hypers, (kin_role)role);
        KIN_TRY(kin_numbers_all(&t->store->texts, rows, &t->tokens.own[role]));
        t->tokens.of[role] = &t->tokens.own[role];
    }
    return KIN_OK;
}
