/* What the fuzz targets share. A target is one file: seeds() makes small valid files with kin's own
 * writers, LLVMFuzzerTestOneInput reads what became of them. Whatever the bytes are, the reader may
 * only succeed or refuse with the status that it promises; what it accepts must hold what its
 * header says, and must read the same after being written back.
 *
 * Files live in a folder below $TMPDIR (or /dev/shm), which goes when the program exits. With
 * KIN_FUZZ_SEEDS=FOLDER in the environment the program only writes its seeds there. */
#ifndef KIN_TESTS_FUZZ_FUZZ_H
#define KIN_TESTS_FUZZ_FUZZ_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "core/status.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t room);         /* libFuzzer's own */

static void seeds(void);

/* A claim that must hold whatever the input is. */
#define CHECK(claim)                                                                        \
    do {                                                                                    \
        if (!(claim)) {                                                                     \
            fprintf(stderr, "%s:%d: does not hold: %s\nlast message: %s\n", __FILE__,       \
                    __LINE__, #claim, kin_message());                                       \
            abort();                                                                        \
        }                                                                                   \
    } while (0)

static kin_status fuzz_first;      /* the first answer to an input, */
static int fuzz_said;              /* and how many there were: a seed must not be refused */

/* True for success; a failure must have the promised status and say something. */
static inline bool accepted(kin_status status, kin_status promised)
{
    CHECK(status == KIN_OK || (status == promised && *kin_message()));
    if (!fuzz_said++) fuzz_first = status;
    return status == KIN_OK;
}

/* ---- files ----------------------------------------------------------------------------------- */

static char fuzz_folder[256];

static void fuzz_leave(void)
{
    kin_folder_remove(fuzz_folder);
}

/* Path of a file in the folder; eight at a time. */
static inline const char *in_folder(const char *name)
{
    static char path[8][512];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", fuzz_folder, name);
    return path[next];
}

static inline const char *write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    CHECK(file);
    CHECK(fwrite(bytes, 1, size, file) == size);
    CHECK(fclose(file) == 0);
    return path;
}

static inline void check_same_file(const char *a, const char *b)
{
    kin_map x, y;
    CHECK(kin_file_map(a, &x) == KIN_OK && kin_file_map(b, &y) == KIN_OK);
    CHECK(x.size == y.size && memcmp(x.bytes, y.bytes, x.size) == 0);
    kin_file_unmap(&x);
    kin_file_unmap(&y);
}

/* Reads every byte, so that the sanitizer sees whether they are there. */
static inline uint64_t sum_bytes(const void *bytes, size_t size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i++) sum += ((const unsigned char *)bytes)[i];
    return sum;
}

/* ---- seeds ----------------------------------------------------------------------------------- */

/* A seed that is refused is none. */
static inline void add_seed(const void *bytes, size_t size)
{
    static int count;
    char path[512];
    snprintf(path, sizeof path, "%s/seed-%d", getenv("KIN_FUZZ_SEEDS"), count++);
    write_bytes(path, bytes, size);
    fuzz_said = 0;
    LLVMFuzzerTestOneInput(bytes, size);
    CHECK(fuzz_first == KIN_OK);
}

static inline void add_seed_text(const char *text)
{
    add_seed(text, strlen(text));
}

static inline void add_seed_file(const char *path)
{
    char *bytes;
    size_t size;
    CHECK(kin_file_read(path, &bytes, &size) == KIN_OK);
    add_seed(bytes, size);
    free(bytes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *base = getenv("TMPDIR");
    (void)argc, (void)argv;
    snprintf(fuzz_folder, sizeof fuzz_folder, "%s/kin-fuzz-XXXXXX", base ? base : "/dev/shm");
    CHECK(mkdtemp(fuzz_folder));
    atexit(fuzz_leave);
    if (!getenv("KIN_FUZZ_SEEDS")) return 0;
    seeds();
    exit(0);
}

#endif
