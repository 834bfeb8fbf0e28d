/* A folder of files as one input: each part is two bytes of length, least byte first, and then the
 * bytes. The mutator changes one part and leaves the others alone. Before including: PARTS, how many
 * there are, TENSORS, the one that is a safetensors file, and wanted, the tensors in it. */
#ifndef KIN_TESTS_FUZZ_PARTS_H
#define KIN_TESTS_FUZZ_PARTS_H

#include "tests/fuzz/fuzz.h"

enum { PART_MAX = 65535, WANTED = (int)(sizeof wanted / sizeof *wanted) };

typedef struct {
    const void *bytes;
    size_t size;
} part;

/* What is missing at the end is empty. */
static inline void cut_parts(const uint8_t *bytes, size_t size, part parts[PARTS])
{
    const uint8_t *end = bytes + size;
    for (int i = 0; i < PARTS; i++) {
        size_t length = 0;
        if (end - bytes >= 2) length = bytes[0] | (size_t)bytes[1] << 8, bytes += 2;
        if (length > (size_t)(end - bytes)) length = (size_t)(end - bytes);
        parts[i] = (part){bytes, length};
        bytes += length;
    }
}

/* The size of the input, or 0 when there is no room. */
static inline size_t join_parts(const part parts[PARTS], uint8_t *out, size_t room)
{
    size_t used = 0;
    for (int i = 0; i < PARTS; i++) {
        if (parts[i].size > PART_MAX || room - used < parts[i].size + 2) return 0;
        out[used++] = (uint8_t)parts[i].size;
        out[used++] = (uint8_t)(parts[i].size >> 8);
        memcpy(out + used, parts[i].bytes, parts[i].size);
        used += parts[i].size;
    }
    return used;
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    static uint8_t changed[PART_MAX], joined[PARTS * (PART_MAX + 2)];
    part parts[PARTS];
    cut_parts(bytes, size, parts);
    part *one = &parts[seed % PARTS];
    memcpy(changed, one->bytes, one->size);
    one->bytes = changed;
    const unsigned kind = seed % PARTS == TENSORS ? seed / PARTS % 8 : 0;
    if (kind == 7) one->size = random_tensors(changed, seed / PARTS / 8, wanted, WANTED);
    else one->size = LLVMFuzzerMutate(changed, one->size, PART_MAX);
    if (kind > 1) mend_length(changed, one->size);
    const size_t used = join_parts(parts, joined, room < sizeof joined ? room : sizeof joined);
    memcpy(bytes, joined, used);
    return used ? used : size;
}

static inline void write_parts(const char *folder, const char *const names[], const part *parts,
                               int count)
{
    char path[512];
    if (!kin_file_exists(folder)) CHECK(kin_folder_make(folder) == KIN_OK);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        write_bytes(path, parts[i].bytes, parts[i].size);
    }
}

/* A seed of the files of a folder; those that are not there are empty. by: used instead of the file
 * in the place `replaced` unless its bytes are NULL. */
static inline void add_seed_parts(const char *folder, const char *const names[], int replaced,
                                  part by)
{
    static uint8_t joined[PARTS * (PART_MAX + 2)];
    char path[512], *bytes[PARTS] = {NULL};
    part parts[PARTS];
    for (int i = 0; i < PARTS; i++) {
        parts[i] = (part){"", 0};
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (i == replaced && by.bytes) parts[i] = by;
        else if (kin_file_read(path, &bytes[i], &parts[i].size) == KIN_OK)
            parts[i].bytes = bytes[i];
    }
    const size_t size = join_parts(parts, joined, sizeof joined);
    CHECK(size > 0);
    add_seed(joined, size);
    for (int i = 0; i < PARTS; i++) free(bytes[i]);
}

#endif
