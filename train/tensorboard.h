/* TensorBoard: writes the event files that TensorBoard reads: records of a length, its checksum,
 * bytes and their checksum (CRC-32C, masked), the bytes being a protocol-buffer Event. */
#ifndef KIN_TRAIN_TENSORBOARD_H
#define KIN_TRAIN_TENSORBOARD_H

#include <stddef.h>
#include <stdint.h>
#include "core/status.h"

typedef struct kin_events kin_events;

/* Begins a new file in folder. step > 0: a run is resumed there, and the reader shall forget what
 * older files say about later steps. */
kin_status kin_events_open(kin_events **events, const char *folder, int64_t step);
void kin_events_close(kin_events *events);                       /* NULL is fine */

kin_status kin_events_scalar(kin_events *events, int64_t step, const char *tag, double value);

uint32_t kin_crc32c(const void *bytes, size_t size);             /* Castagnoli's, RFC 3720 B.4 */

#endif
