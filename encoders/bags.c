/* Bags: see bags.h. */
#include "encoders/bags.h"

#include <stdlib.h>
#include <string.h>

void kin_bag_room_init(kin_bag_room *r, kin_backend *backend)
{
    *r = (kin_bag_room){ .backend = backend };
}

static void release_all(kin_bag_room *r)
{
    free(r->host_ids);
    free(r->host_start);
    r->backend->release(r->backend, r->ids);
    r->backend->release(r->backend, r->start);
}

void kin_bag_room_free(kin_bag_room *r)
{
    if (!r->backend) return;
    release_all(r);
    *r = (kin_bag_room){ 0 };
}

void kin_bag_room_clear(kin_bag_room *r)
{
    r->rows = r->tokens = 0;
    if (r->host_start) r->host_start[0] = 0;
}

/* A fresh room with what is in the old one; the old one stays when memory is short. */
static kin_status grow(kin_bag_room *r, int64_t rows, int64_t tokens)
{
    kin_backend *b = r->backend;
    kin_bag_room n = *r;
    const size_t id_bytes = (size_t)tokens * sizeof(int32_t);
    const size_t start_bytes = (size_t)(rows + 1) * sizeof(int64_t);
    n.host_ids = malloc(id_bytes);
    n.host_start = malloc(start_bytes);
    n.ids = b->alloc(b, id_bytes);
    n.start = b->alloc(b, start_bytes);
    if (!n.host_ids || !n.host_start || !n.ids || !n.start) {
        release_all(&n);
        return kin_fail(KIN_MEMORY, "no memory for %ld bags of %ld tokens", (long)rows,
                        (long)tokens);
    }
    n.host_start[0] = 0;
    if (r->rows) {
        memcpy(n.host_start, r->host_start, (size_t)(r->rows + 1) * sizeof(int64_t));
        memcpy(n.host_ids, r->host_ids, (size_t)r->tokens * sizeof(int32_t));
    }
    release_all(r);
    *r = n;
    r->row_room = rows;
    r->token_room = tokens;
    r->grown++;
    return KIN_OK;
}

kin_status kin_bag_room_reserve(kin_bag_room *r, int64_t rows, int64_t tokens)
{
    rows += r->rows;
    tokens += r->tokens;
    if (rows <= r->row_room && tokens <= r->token_room && r->host_start) return KIN_OK;
    if (rows < r->row_room) rows = r->row_room;
    tokens += tokens / 2 + 64;              /* batches differ in length */
    if (tokens < r->token_room) tokens = r->token_room;
    return grow(r, rows, tokens);
}

void kin_bag_room_put(kin_bag_room *r, const int32_t *ids, int64_t count)
{
    if (count) memcpy(r->host_ids + r->tokens, ids, (size_t)count * sizeof *ids);
    r->tokens += count;
    r->host_start[++r->rows] = r->tokens;
}

kin_bags kin_bag_room_send(kin_bag_room *r)
{
    kin_backend *b = r->backend;
    b->upload(b, r->ids, r->host_ids, (size_t)r->tokens * sizeof(int32_t));
    b->upload(b, r->start, r->host_start, (size_t)(r->rows + 1) * sizeof(int64_t));
    return (kin_bags){ .rows = r->rows, .tokens = r->tokens, .ids = r->ids, .start = r->start };
}
