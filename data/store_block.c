#define XXH_INLINE_ALL
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>
#include "data/store_file.h"

/* Not text, so that a transfer that changes line ends or the eighth bit shows. */
static const char magic[16] = "\x89kin store\r\n\x1a\n";

/* Where the block's numbers lie, each 8 bytes, least byte first; two for each dataset's extent.
 * What lies between is zero. */
enum { VERSION = 16, LENGTH = 24, BODY_HASH = 32, EXTENTS = 40, BLOCK_HASH = KIN_STORE_BLOCK - 8 };
_Static_assert(EXTENTS + 16 * DATASETS <= BLOCK_HASH, "the block holds every dataset's extent");

static void put(char *block, size_t at, uint64_t value)
{
    for (int i = 0; i < 8; i++) block[at + (size_t)i] = (char)(value >> (8 * i));
}

static uint64_t get(const char *block, size_t at)
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--) value = value << 8 | (unsigned char)block[at + (size_t)i];
    return value;
}

void kin_block_seal(char *file, size_t size, const kin_extent extent[DATASETS])
{
    memset(file, 0, KIN_STORE_BLOCK);
    memcpy(file, magic, sizeof magic);
    put(file, VERSION, KIN_STORE_VERSION);
    put(file, LENGTH, size);
    put(file, BODY_HASH, XXH64(file + KIN_STORE_BLOCK, size - KIN_STORE_BLOCK, 0));
    for (size_t i = 0; i < DATASETS; i++) {
        put(file, EXTENTS + 16 * i, extent[i].offset);
        put(file, EXTENTS + 16 * i + 8, extent[i].rows);
    }
    put(file, BLOCK_HASH, XXH64(file, BLOCK_HASH, 0));
}

/* Files whose checksum this process has verified. A file that changed within the clock's coarse
 * steps would look the same, so only what is older than a second is remembered. */
enum { REMEMBERED = 16 };
static struct stat verified[REMEMBERED];
static int verified_next;
static pthread_mutex_t verified_lock = PTHREAD_MUTEX_INITIALIZER;

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool kin_file_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static bool was_verified(const struct stat *file)
{
    bool found = false;
    pthread_mutex_lock(&verified_lock);
    for (int i = 0; i < REMEMBERED; i++) found = found || kin_file_same(&verified[i], file);
    pthread_mutex_unlock(&verified_lock);
    return found;
}

static void remember(const struct stat *file)
{
    if (file->st_mtime + 1 >= time(NULL) || file->st_ctime + 1 >= time(NULL)) return;
    pthread_mutex_lock(&verified_lock);
    verified[verified_next] = *file;
    verified_next = (verified_next + 1) % REMEMBERED;
    pthread_mutex_unlock(&verified_lock);
}

static kin_status check_body(const char *path, const kin_map *file, const struct stat *identity)
{
    if (was_verified(identity)) return KIN_OK;
    const uint64_t expected = get(file->bytes, BODY_HASH);
    const uint64_t found = XXH64(file->bytes + KIN_STORE_BLOCK, file->size - KIN_STORE_BLOCK, 0);
    KIN_REQUIRE(found == expected, KIN_DATA,
                "%s: damaged: its checksum differs (xxh64 %016llx, expected %016llx)", path,
                (unsigned long long)found, (unsigned long long)expected);
    remember(identity);
    return KIN_OK;
}

kin_status kin_block_check(const char *path, const kin_map *file, const struct stat *identity,
                           uint64_t *checksum)
{
    const char *bytes = file->bytes;
    KIN_REQUIRE(file->size >= sizeof magic && memcmp(bytes, magic, sizeof magic) == 0, KIN_DATA,
                "%s: not a kin store (kin import makes one)", path);
    KIN_REQUIRE(file->size >= KIN_STORE_BLOCK, KIN_DATA,
                "%s: truncated: %zu bytes, expected more than %d", path, file->size,
                KIN_STORE_BLOCK);
    KIN_REQUIRE(get(bytes, BLOCK_HASH) == XXH64(bytes, BLOCK_HASH, 0), KIN_DATA,
                "%s: damaged: the checksum of the first %d bytes differs", path, KIN_STORE_BLOCK);
    KIN_REQUIRE(get(bytes, VERSION) == KIN_STORE_VERSION, KIN_DATA,
                "%s: store format version %llu, this kin reads version %d; import the data anew",
                path, (unsigned long long)get(bytes, VERSION), KIN_STORE_VERSION);
    const uint64_t length = get(bytes, LENGTH);
    KIN_REQUIRE(file->size >= length, KIN_DATA, "%s: truncated: %zu bytes, expected %llu", path,
                file->size, (unsigned long long)length);
    KIN_REQUIRE(file->size == length, KIN_DATA, "%s: too long: %zu bytes, expected %llu", path,
                file->size, (unsigned long long)length);
    *checksum = get(bytes, BODY_HASH);
    return check_body(path, file, identity);
}

/* ---- where the datasets lie ------------------------------------------------------------------ */

/* What lies in the file and what the arrays in memory are, which the map makes the same thing. */
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "stores are read in place, which needs a little-endian machine"
#endif

enum { U8 = sizeof(uint8_t), I32 = sizeof(int32_t), I64 = sizeof(int64_t), F32 = sizeof(float) };

static const struct { const char *name; uint64_t element, columns; } shapes[DATASETS] = {
#define X(place, name, type, columns) [place] = {name, type, columns},
    KIN_EACH_DATASET(X)
#undef X
};

kin_status kin_block_find(const char *path, const kin_map *file, kin_dataset set[DATASETS])
{
    for (size_t i = 0; i < DATASETS; i++) {
        const uint64_t offset = get(file->bytes, EXTENTS + 16 * i);
        const uint64_t rows = get(file->bytes, EXTENTS + 16 * i + 8);
        const uint64_t element = shapes[i].element, width = element * shapes[i].columns;
        set[i] = (kin_dataset){.data = "", .rows = 0};
        if (rows == 0) continue;
        KIN_REQUIRE(offset >= KIN_STORE_BLOCK && offset <= file->size && offset % element == 0 &&
                        rows <= (file->size - offset) / width,
                    KIN_DATA, "%s: dataset %s of %llu rows at byte %llu does not lie within the "
                    "file's %zu bytes", path, shapes[i].name, (unsigned long long)rows,
                    (unsigned long long)offset, file->size);
        set[i] = (kin_dataset){.data = file->bytes + offset, .rows = (int64_t)rows};
    }
    return KIN_OK;
}
