/* JSON: what is accepted is written back and then reads as the same tree. */
#include "tests/fuzz/fuzz.h"
#include "data/json.h"

static void seeds(void)
{
    add_seed_text("{\"a\": [1, -2.5e3, 0], \"b\": {\"c\": null, \"d\": [true, false, []]}}");
    add_seed_text("[\"\\u00e9\\ud83d\\ude00\\n\\\"\", {}, -0, 1E-7, 123456789012345678]");
    add_seed_text(" \"t\xc3\xa4xt\" ");
    add_seed_text("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
}

/* The value that comes next (NULL at the end of its parent's), and what is open around it. */
typedef struct {
    const kin_json *parent[KIN_JSON_DEPTH + 1], *at;
    int depth;
} walk;

static void put(kin_json_out *out, const kin_json *value)
{
    switch (value->kind) {
    case KIN_JSON_NULL: kin_json_put_null(out, value->key); break;
    case KIN_JSON_BOOLEAN: kin_json_put_boolean(out, value->key, value->truth); break;
    case KIN_JSON_NUMBER: kin_json_put_exact(out, value->key, value->number); break;
    case KIN_JSON_STRING: kin_json_put_string(out, value->key, value->string); break;
    case KIN_JSON_ARRAY: kin_json_open(out, value->key, '['); break;
    case KIN_JSON_OBJECT: kin_json_open(out, value->key, '{'); break;
    }
}

static bool has_members(const kin_json *value)
{
    return value->kind == KIN_JSON_ARRAY || value->kind == KIN_JSON_OBJECT;
}

/* Without recursion, as the reader itself. */
static void put_tree(kin_json_out *out, const kin_json *root)
{
    walk w = {.at = root};
    while (w.at || w.depth > 0) {
        if (!w.at) {
            kin_json_close(out);
            w.at = w.parent[--w.depth]->next;
        } else {
            put(out, w.at);
            const bool deeper = has_members(w.at);
            if (deeper) {
                CHECK(w.depth < KIN_JSON_DEPTH);
                w.parent[w.depth++] = w.at;
            }
            w.at = deeper ? w.at->first : w.at->next;
        }
    }
}

static kin_json_out print(const kin_json_tree *tree)
{
    kin_json_out out = {0};
    put_tree(&out, kin_json_root(tree));
    CHECK(kin_json_finish(&out) == KIN_OK);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_json_tree *tree, *again;
    if (!accepted(kin_json_parse(&tree, "a.json", (const char *)bytes, size), KIN_DATA)) return 0;
    kin_json_out first = print(tree);
    CHECK(kin_json_parse(&again, "b.json", first.bytes, first.size) == KIN_OK);
    kin_json_out second = print(again);
    CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    kin_json_discard(&first);
    kin_json_discard(&second);
    kin_json_free(tree);
    kin_json_free(again);
    return 0;
}
