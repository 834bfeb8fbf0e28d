/* eval/<split>/geometry.json: see kin_spreading in results.h. */
#include "data/json.h"
#include "train/results.h"

static void put_cosines(kin_json_out *out, const char *key, const kin_cosines *cosines)
{
    kin_json_open(out, key, '[');
    for (int i = 0; i < KIN_COSINE_BINS; i++) kin_json_put_whole(out, NULL, cosines->count[i]);
    kin_json_close(out);
}

kin_status kin_spreading_save(const kin_spreading *s, const char *path)
{
    kin_json_out out = { .indent = 0 };
    kin_json_open(&out, NULL, '{');
    put_cosines(&out, "positive", &s->positive);
    put_cosines(&out, "random", &s->random);
    kin_json_open(&out, "spectrum", '[');
    for (int i = 0; i < s->values; i++) kin_json_put_number(&out, NULL, s->spectrum[i]);
    kin_json_close(&out);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}

/* ---- reading --------------------------------------------------------------------------------- */

static kin_status read_cosines(const kin_json_tree *t, const char *key, kin_cosines *cosines)
{
    const kin_json *list;
    int n = 0;
    KIN_TRY(kin_json_need(t, kin_json_root(t), key, KIN_JSON_ARRAY, &list));
    KIN_REQUIRE(list->count == KIN_COSINE_BINS, KIN_DATA, "%s: %s has %d numbers, expected %d",
                kin_json_name(t), key, (int)list->count, KIN_COSINE_BINS);
    for (const kin_json *v = list->first; v; v = v->next) {
        KIN_REQUIRE(v->kind == KIN_JSON_NUMBER && v->whole && v->number >= 0 && v->number < 1e15,
                    KIN_DATA, "%s:%d: %s: expected counts", kin_json_name(t), (int)v->line, key);
        cosines->count[n++] = (int64_t)v->number;
    }
    return KIN_OK;
}

static kin_status read_spectrum(const kin_json_tree *t, kin_spreading *s)
{
    const kin_json *list;
    KIN_TRY(kin_json_need(t, kin_json_root(t), "spectrum", KIN_JSON_ARRAY, &list));
    KIN_REQUIRE(list->count <= KIN_SPECTRUM, KIN_DATA, "%s: spectrum has %d numbers, expected at "
                "most %d", kin_json_name(t), (int)list->count, KIN_SPECTRUM);
    for (const kin_json *v = list->first; v; v = v->next) {
        KIN_REQUIRE(v->kind == KIN_JSON_NUMBER && v->number >= 0 && v->number <= 1, KIN_DATA,
                    "%s:%d: spectrum: expected numbers from 0 to 1", kin_json_name(t),
                    (int)v->line);
        s->spectrum[s->values++] = v->number;
    }
    return KIN_OK;
}

kin_status kin_spreading_load(kin_spreading *s, const char *path)
{
    kin_json_tree *tree;
    *s = (kin_spreading){ .values = 0 };
    KIN_TRY(kin_json_read(&tree, path));
    kin_status status = read_cosines(tree, "positive", &s->positive);
    if (!status) status = read_cosines(tree, "random", &s->random);
    if (!status) status = read_spectrum(tree, s);
    kin_json_free(tree);
    return status;
}
