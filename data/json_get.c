/* The members of a JSON tree by name and kind. */
#include <math.h>
#include <string.h>
#include "data/json.h"

const kin_json *kin_json_get(const kin_json *object, const char *key)
{
    if (object->kind != KIN_JSON_OBJECT) return NULL;
    const kin_json *member = object->first;
    while (member && strcmp(member->key, key) != 0) member = member->next;
    return member;
}

static const char *kind_name(kin_json_kind kind)
{
    static const char *const names[] = {"null", "a boolean", "a number", "a string", "an array",
                                        "an object"};
    return names[kind];
}

kin_status kin_json_need(const kin_json_tree *tree, const kin_json *object, const char *key,
                         kin_json_kind kind, const kin_json **value)
{
    const char *name = kin_json_name(tree);
    KIN_REQUIRE(object->kind == KIN_JSON_OBJECT, KIN_DATA,
                "%s line %d: found %s, expected an object with the key \"%s\"", name,
                (int)object->line, kind_name(object->kind), key);
    const kin_json *member = kin_json_get(object, key);
    KIN_REQUIRE(member, KIN_DATA, "%s: the object at line %d has no key \"%s\"", name,
                (int)object->line, key);
    KIN_REQUIRE(member->kind == kind, KIN_DATA, "%s line %d: \"%s\" is %s, expected %s", name,
                (int)member->line, key, kind_name(member->kind), kind_name(kind));
    *value = member;
    return KIN_OK;
}

kin_status kin_json_need_string(const kin_json_tree *tree, const kin_json *object, const char *key,
                                const char **value)
{
    const kin_json *member = NULL;
    KIN_TRY(kin_json_need(tree, object, key, KIN_JSON_STRING, &member));
    *value = member->string;
    return KIN_OK;
}

kin_status kin_json_need_number(const kin_json_tree *tree, const kin_json *object, const char *key,
                                double *value)
{
    const kin_json *member = NULL;
    KIN_TRY(kin_json_need(tree, object, key, KIN_JSON_NUMBER, &member));
    *value = member->number;
    return KIN_OK;
}

kin_status kin_json_need_whole(const kin_json_tree *tree, const kin_json *object, const char *key,
                               int64_t low, int64_t high, int64_t *value)
{
    const kin_json *member = NULL;
    KIN_TRY(kin_json_need(tree, object, key, KIN_JSON_NUMBER, &member));
    double number = member->number;
    bool good = member->whole && fabs(number) <= 0x1p53 && number >= (double)low
             && number <= (double)high;
    KIN_REQUIRE(good, KIN_DATA, "%s line %d: \"%s\" is %.17g, expected a whole number from %lld "
                "to %lld", kin_json_name(tree), (int)member->line, key, number, (long long)low,
                (long long)high);
    *value = (int64_t)number;
    return KIN_OK;
}

kin_status kin_json_need_boolean(const kin_json_tree *tree, const kin_json *object,
                                 const char *key, bool *value)
{
    const kin_json *member = NULL;
    KIN_TRY(kin_json_need(tree, object, key, KIN_JSON_BOOLEAN, &member));
    *value = member->truth;
    return KIN_OK;
}
