/* Token ids of many texts. The texts are cut into blocks; each block's ids are made apart and then
 * put one behind the other. */
#include <stdlib.h>
#include <string.h>
#include "data/tokenizer_inside.h"

#define BLOCK 1024               /* texts */

typedef struct {
    int32_t *ids;
    int64_t count, room;
    int64_t empty, cut, unknown;
    bool failed;
} block;

typedef struct {
    const kin_tokenizer *tokenizer;
    const kin_texts *texts;
    const char *prefix;
    int64_t prefix_size, max_tokens;
    block *blocks;
    int64_t *start;              /* while blocks are made: the number of text i's ids at i + 1 */
    int32_t *ids;
} job;

static bool make_room(block *b, int64_t more)
{
    if (b->count + more <= b->room) return true;
    int64_t room = 2 * b->room + more + 1024;
    int32_t *grown = realloc(b->ids, sizeof *grown * (size_t)room);
    if (!grown) return false;
    b->ids = grown;
    b->room = room;
    return true;
}

/* A text has at most one id for each of its bytes; asking for one more than max_tokens shows
 * whether it is cut. */
static bool encode_one(const job *j, block *b, const char *text, int64_t size, int64_t *count)
{
    int64_t most = j->max_tokens, limit = most > 0 ? most + 1 : 0;
    int64_t room = limit > 0 && limit < size ? limit : size;
    if (!make_room(b, room)) return false;
    int32_t *ids = b->ids ? b->ids + b->count : NULL;         /* an empty text needs no room */
    int64_t n = kin_tokenizer_encode(j->tokenizer, text, size, limit, ids, room);
    if (most > 0 && n > most) {
        n = most;
        b->cut++;
    }
    for (int64_t i = 0; i < n; i++) b->unknown += ids[i] == j->tokenizer->model.unknown;
    b->count += n;
    *count = n;
    return true;
}

static bool encode_prefixed(const job *j, block *b, const char *text, int64_t size, int64_t *count)
{
    int32_t one;
    char *joined = malloc((size_t)(j->prefix_size + size));
    if (!joined) return false;
    memcpy(joined, j->prefix, (size_t)j->prefix_size);
    memcpy(joined + j->prefix_size, text, (size_t)size);
    bool good = encode_one(j, b, joined, j->prefix_size + size, count);
    free(joined);
    b->empty += kin_tokenizer_encode(j->tokenizer, text, size, 1, &one, 1) == 0;
    return good;
}

static bool encode_text(const job *j, block *b, const char *text, int64_t size, int64_t *count)
{
    if (j->prefix_size > 0) return encode_prefixed(j, b, text, size, count);
    bool good = encode_one(j, b, text, size, count);
    b->empty += good && *count == 0;
    return good;
}

static int64_t block_end(const job *j, int64_t task)
{
    int64_t end = (task + 1) * BLOCK;
    return end < j->texts->count ? end : j->texts->count;
}

static void encode_block(void *context, int64_t task, int thread)
{
    job *j = context;
    block *b = &j->blocks[task];
    const int64_t *start = j->texts->start;
    (void)thread;
    for (int64_t i = task * BLOCK; i < block_end(j, task) && !b->failed; i++)
        b->failed = !encode_text(j, b, j->texts->bytes + start[i], start[i + 1] - start[i],
                                 &j->start[i + 1]);
}

static void copy_block(void *context, int64_t task, int thread)
{
    job *j = context;
    const block *b = &j->blocks[task];
    (void)thread;
    if (b->count > 0)
        memcpy(j->ids + j->start[task * BLOCK], b->ids, sizeof(int32_t) * (size_t)b->count);
}

static kin_status gather(job *j, kin_pool *pool, int64_t blocks, kin_tokens *out)
{
    for (int64_t b = 0; b < blocks; b++) {
        KIN_REQUIRE(!j->blocks[b].failed, KIN_MEMORY, "no memory for the token ids of %lld texts",
                    (long long)j->texts->count);
        out->empty += j->blocks[b].empty;
        out->cut += j->blocks[b].cut;
        out->unknown += j->blocks[b].unknown;
    }
    j->start[0] = 0;
    for (int64_t i = 0; i < out->count; i++) j->start[i + 1] += j->start[i];
    j->ids = out->ids = malloc(sizeof(int32_t) * (size_t)(j->start[out->count] + 1));
    KIN_REQUIRE(out->ids, KIN_MEMORY, "no memory for %lld token ids",
                (long long)j->start[out->count]);
    kin_pool_run(pool, blocks, copy_block, j);
    return KIN_OK;
}

kin_status kin_tokenizer_encode_all(const kin_tokenizer *tokenizer, kin_pool *pool,
                                    const kin_texts *texts, const char *prefix,
                                    int64_t max_tokens, kin_tokens *out)
{
    int64_t blocks = (texts->count + BLOCK - 1) / BLOCK;
    *out = (kin_tokens){.count = texts->count};
    job j = {.tokenizer = tokenizer, .texts = texts, .prefix = prefix, .max_tokens = max_tokens};
    j.prefix_size = prefix ? (int64_t)strlen(prefix) : 0;
    j.blocks = calloc((size_t)blocks + 1, sizeof *j.blocks);
    j.start = out->start = calloc((size_t)texts->count + 1, sizeof *out->start);
    kin_status status = KIN_OK;
    if (!j.blocks || !j.start) {
        status = kin_fail(KIN_MEMORY, "no memory for %lld texts", (long long)texts->count);
    } else {
        kin_pool_run(pool, blocks, encode_block, &j);
        status = gather(&j, pool, blocks, out);
    }
    for (int64_t b = 0; j.blocks && b < blocks; b++) free(j.blocks[b].ids);
    free(j.blocks);
    if (status != KIN_OK) kin_tokens_free(out);
    return status;
}

void kin_tokens_free(kin_tokens *tokens)
{
    free(tokens->start);
    free(tokens->ids);
    *tokens = (kin_tokens){0};
}
