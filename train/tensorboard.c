/* TensorBoard: see tensorboard.h. */
#include "train/tensorboard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "encoders/folder.h"

struct kin_events {
    FILE *file;
    char path[KIN_PATH_MAX];
};

/* ---- records --------------------------------------------------------------------------------- */

uint32_t kin_crc32c(const void *bytes, size_t size)
{
    const unsigned char *b = bytes;
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= b[i];
        for (int k = 0; k < 8; k++) crc = (crc >> 1) ^ (0x82F63B78u & -(crc & 1));
    }
    return ~crc;
}

static void put_little(unsigned char *to, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(value >> (8 * i));
}

static uint32_t masked(const void *bytes, size_t size)
{
    const uint32_t crc = kin_crc32c(bytes, size);
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

static kin_status put_record(kin_events *e, const unsigned char *bytes, size_t size)
{
    unsigned char head[12], tail[4];
    put_little(head, size, 8);
    put_little(head + 8, masked(head, 8), 4);
    put_little(tail, masked(bytes, size), 4);
    fwrite(head, 1, sizeof head, e->file);
    fwrite(bytes, 1, size, e->file);
    fwrite(tail, 1, sizeof tail, e->file);
    KIN_REQUIRE(!fflush(e->file) && !ferror(e->file), KIN_RUNTIME, "%s: %s", e->path,
                strerror(errno));
    return KIN_OK;
}

/* ---- protocol buffers ------------------------------------------------------------------------ */

enum { VARINT = 0, EIGHT_BYTES = 1, LENGTH = 2, FOUR_BYTES = 5 };

typedef struct {
    unsigned char bytes[512];
    size_t size;
} message;

static void put_varint(message *m, uint64_t value)
{
    for (; value >= 128; value >>= 7) m->bytes[m->size++] = (unsigned char)(value | 128);
    m->bytes[m->size++] = (unsigned char)value;
}

static void put_key(message *m, unsigned field, unsigned kind)
{
    put_varint(m, (uint64_t)field << 3 | kind);
}

static void put_fixed(message *m, unsigned field, const void *value, int bytes)
{
    uint64_t bits = 0;
    if (bytes == 8) {
        memcpy(&bits, value, 8);
    } else {
        uint32_t word;
        memcpy(&word, value, 4);
        bits = word;
    }
    put_key(m, field, bytes == 8 ? EIGHT_BYTES : FOUR_BYTES);
    put_little(m->bytes + m->size, bits, bytes);
    m->size += (size_t)bytes;
}

static void put_bytes(message *m, unsigned field, const void *bytes, size_t size)
{
    put_key(m, field, LENGTH);
    put_varint(m, size);
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

/* Event { wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7 } */
static message event(int64_t step)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    const double wall = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    message m = { .size = 0 };
    put_fixed(&m, 1, &wall, 8);
    put_key(&m, 2, VARINT);
    put_varint(&m, (uint64_t)step);
    return m;
}

kin_status kin_events_scalar(kin_events *e, int64_t step, const char *tag, double value)
{
    const float number = (float)value;
    message point = { .size = 0 }, summary = { .size = 0 }, m = event(step);
    put_bytes(&point, 1, tag, strnlen(tag, 200));
    put_fixed(&point, 2, &number, 4);
    put_bytes(&summary, 1, point.bytes, point.size);
    put_bytes(&m, 5, summary.bytes, summary.size);
    return put_record(e, m.bytes, m.size);
}

/* ---- the file -------------------------------------------------------------------------------- */

static kin_status put_start(kin_events *e, int64_t step)
{
    message version = event(0);
    put_bytes(&version, 3, "brain.Event:2", 13);
    KIN_TRY(put_record(e, version.bytes, version.size));
    if (!step) return KIN_OK;
    const unsigned char start[] = { 1 << 3 | VARINT, 1 };        /* SessionLog { status = START } */
    message session = event(step + 1);
    put_bytes(&session, 7, start, sizeof start);
    return put_record(e, session.bytes, session.size);
}

kin_status kin_events_open(kin_events **out, const char *folder, int64_t step)
{
    *out = NULL;
    KIN_TRY(kin_folder_make(folder));
    kin_events *e = calloc(1, sizeof *e);
    KIN_REQUIRE(e, KIN_MEMORY, "no memory for an event file");
    snprintf(e->path, sizeof e->path, "%s/events.out.tfevents.%010ld.kin.%ld.v2", folder,
             (long)time(NULL), (long)getpid());
    e->file = fopen(e->path, "ab");
    kin_status status = KIN_OK;
    if (!e->file) status = kin_fail(KIN_RUNTIME, "%s: %s", e->path, strerror(errno));
    if (!status) status = put_start(e, step);
    if (status) {
        kin_events_close(e);
        return status;
    }
    *out = e;
    return KIN_OK;
}

void kin_events_close(kin_events *e)
{
    if (!e) return;
    if (e->file) fclose(e->file);
    free(e);
}
