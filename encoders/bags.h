/* Bags: token ids of chosen texts brought together in backend memory, for a forward pass. */
#ifndef KIN_ENCODERS_BAGS_H
#define KIN_ENCODERS_BAGS_H

#include "core/backend.h"
#include "data/tokenizer.h"

/* Room for some bags and their tokens; it grows when a batch needs more, which stops soon. */
typedef struct {
    kin_backend *backend;
    int64_t rows, tokens;            /* used */
    int64_t row_room, token_room;
    int32_t *host_ids, *ids;         /* the same, on the host and in backend memory */
    int64_t *host_start, *start;     /* rows + 1 */
    int64_t grown;                   /* how often memory was taken */
} kin_bag_room;

void kin_bag_room_init(kin_bag_room *room, kin_backend *backend);
void kin_bag_room_free(kin_bag_room *room);

void kin_bag_room_clear(kin_bag_room *room);

/* Makes room for so many more bags and tokens. */
kin_status kin_bag_room_reserve(kin_bag_room *room, int64_t rows, int64_t tokens);

/* One more bag, which must fit. */
void kin_bag_room_put(kin_bag_room *room, const int32_t *ids, int64_t count);

/* Copies all to the backend. */
kin_bags kin_bag_room_send(kin_bag_room *room);

#endif
