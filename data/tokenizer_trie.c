/* The vocabulary as a tree of bytes: one walk over a word finds the longest token that it begins
 * with. */
#include <stdlib.h>
#include "data/tokenizer_inside.h"

#define NODES_MAX (1 << 24)      /* an edge's key has 24 bits for the node */

/* The slot that holds key, or the empty one where it belongs. */
static kin_trie_edge *slot_of(const kin_trie *trie, uint32_t key)
{
    const uint64_t mask = ((uint64_t)1 << trie->bits) - 1;
    uint64_t i = key * 0x9E3779B97F4A7C15u >> (64 - trie->bits);
    while (trie->edges[i].key != 0 && trie->edges[i].key != key) i = (i + 1) & mask;
    return &trie->edges[i];
}

static uint32_t edge_key(int32_t node, char byte)
{
    return (uint32_t)node << 8 | (unsigned char)byte;
}

/* A table at most half full; edges there are move into it. */
static kin_status resize(kin_trie *trie, int64_t edges)
{
    kin_trie old = *trie;
    for (trie->bits = 4; (int64_t)1 << trie->bits < 2 * edges;) trie->bits++;
    trie->edges = calloc((size_t)1 << trie->bits, sizeof *trie->edges);
    if (!trie->edges) {
        *trie = old;
        return kin_fail(KIN_MEMORY, "no memory for a vocabulary of %lld bytes", (long long)edges);
    }
    for (int64_t i = 0; old.edges && i < (int64_t)1 << old.bits; i++)
        if (old.edges[i].key != 0) *slot_of(trie, old.edges[i].key) = old.edges[i];
    free(old.edges);
    return KIN_OK;
}

static bool is_later(const char *token, int64_t size)
{
    return size > 2 && token[0] == '#' && token[1] == '#';
}

/* The last edge of a token's path, which is made where it is missing. size > 0. */
static kin_trie_edge *path_of(kin_trie *trie, const char *token, int64_t size)
{
    bool later = is_later(token, size);
    int32_t node = 1 + later;
    kin_trie_edge *edge = NULL;
    for (int64_t i = 2 * later; i < size; i++) {
        uint32_t key = edge_key(node, token[i]);
        edge = slot_of(trie, key);
        if (edge->key == 0) *edge = (kin_trie_edge){key, trie->nodes++, -1};
        node = edge->node;
    }
    return edge;
}

static kin_status add_all(kin_trie *trie, const char *name, const kin_texts *tokens)
{
    for (int64_t id = 0; id < tokens->count; id++) {
        const char *token = tokens->bytes + tokens->start[id];
        int64_t size = tokens->start[id + 1] - tokens->start[id];
        KIN_REQUIRE(size > 0, KIN_DATA, "%s: token %lld is empty", name, (long long)id);
        kin_trie_edge *last = path_of(trie, token, size);
        KIN_REQUIRE(last->token < 0, KIN_DATA, "%s: token \"%.*s\" occurs twice, as %d and %lld",
                    name, (int)(size < 80 ? size : 80), token, (int)last->token, (long long)id);
        last->token = (int32_t)id;
    }
    return KIN_OK;
}

kin_status kin_trie_build(kin_trie *trie, const char *name, const kin_texts *tokens)
{
    *trie = (kin_trie){.nodes = 3};
    int64_t most = tokens->start[tokens->count] - tokens->start[0] + 3;
    KIN_REQUIRE(most < NODES_MAX, KIN_DATA, "%s: the tokens have %lld bytes, fewer than %d are "
                "possible", name, (long long)most, NODES_MAX);
    KIN_TRY(resize(trie, most));
    kin_status status = add_all(trie, name, tokens);
    if (status == KIN_OK) status = resize(trie, trie->nodes);
    if (status != KIN_OK) kin_trie_free(trie);
    return status;
}

void kin_trie_free(kin_trie *trie)
{
    free(trie->edges);
    *trie = (kin_trie){0};
}

int32_t kin_trie_match(const kin_trie *trie, bool later, const char *text, int size, int *length)
{
    int32_t node = 1 + later, token = -1;
    for (int i = 0; i < size; i++) {
        const kin_trie_edge *edge = slot_of(trie, edge_key(node, text[i]));
        if (edge->key == 0) break;
        node = edge->node;
        if (edge->token < 0) continue;
        token = edge->token;
        *length = i + 1;
    }
    return token;
}

int32_t kin_trie_find(const kin_trie *trie, const char *token, int64_t size)
{
    bool later = is_later(token, size);
    int length = 0, rest = size < NODES_MAX ? (int)size - 2 * later : 0;
    int32_t id = kin_trie_match(trie, later, token + 2 * later, rest, &length);
    return rest > 0 && length == rest ? id : -1;
}
