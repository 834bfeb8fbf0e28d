/* Names: strings with a number each, counted from 0 in order of their first appearance. */
#ifndef KIN_METRICS_NAMES_H
#define KIN_METRICS_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include "core/status.h"
#include "data/texts.h"

typedef struct {
    char *bytes;
    int64_t *start;                /* count + 1 once there is a name */
    int32_t *slot;                 /* hash table: number + 1, 0 is free */
    int64_t count, slots, bytes_room, start_room;
} kin_names;

/* The number of a name, which is added when it is new; -1 when memory is short. A names that is all
 * zero is an empty one. */
int32_t kin_names_add(kin_names *names, const char *bytes, int64_t size);
int32_t kin_names_find(const kin_names *names, const char *bytes, int64_t size);   /* or -1 */

kin_texts kin_names_texts(const kin_names *names);     /* borrowed until the next add */
void kin_names_free(kin_names *names);

#endif
