/* Device memory: parts of one region of addresses that is closed to everyone. What a stream's work
 * touches is opened on the first touch and closed when the work is done, so that the host's touch
 * traps. The end of an allocation, rounded up to 16 bytes for vectors, meets a closed gap. */
#include <algorithm>
#include <map>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <unistd.h>
#include "device.h"

namespace pretend {

struct Allocation {
    char *pages, *begin;                     /* begin + bytes, rounded, is where the pages end */
    size_t room, bytes;
    bool living, open, filled;
};

constexpr size_t GAP = 64 << 10;             /* between allocations, in whole pages */
static char *region;
static size_t region_bytes, region_used;
/* By pages; dead ones stay, closed. */
static auto &allocations = lasting<std::map<const char *, Allocation>>();
static auto &living = lasting<std::map<const char *, Allocation *>>();      /* by begin */
static auto &opened = lasting<std::vector<Allocation *>>();

void poison(void *from, size_t bytes)
{
    std::fill_n((uint32_t *)from, bytes / 4, POISON);
}

/* Looks at redzones too. */
__attribute__((no_sanitize("address", "alignment"))) bool poisoned(const void *from, size_t bytes)
{
    const char *at = (const char *)from, *const end = at + bytes;
    for (; at < end && (uintptr_t)at % 4; at++)
        if (*at != (char)(POISON >> 8 * ((uintptr_t)at % 4))) return false;
    uint64_t other = 0;                      /* sixteen words at a time become vector code */
    for (; end - at >= 64 && !other; at += 64)
        for (int i = 0; i < 64; i += 8)
            other |= *(const uint64_t *)(at + i) ^ POISON * 0x100000001ull;
    if (other) return false;
    for (; end - at >= 4; at += 4)
        if (*(const volatile uint32_t *)at != POISON) return false;
    for (; at < end; at++)
        if (*at != (char)(POISON >> 8 * ((uintptr_t)at % 4))) return false;
    return true;
}

static bool reserve()
{
    for (size_t bytes = (size_t)1 << 40; !region && bytes >= (size_t)1 << 34; bytes >>= 2) {
        void *map = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                         -1, 0);
        if (map == MAP_FAILED) continue;
        region = (char *)map, region_bytes = bytes;
        region_used = GAP;
    }
    return region != nullptr;
}

void *allocate(size_t bytes)
{
    static const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if ((size_t)counts.bytes > memory_limit() || bytes > memory_limit() - (size_t)counts.bytes ||
        !reserve()) return nullptr;
    const size_t padded = (bytes + 15) / 16 * 16, room = (padded + page - 1) / page * page;
    if (room + GAP > region_bytes - region_used) return nullptr;
    char *pages = region + region_used;
    region_used += room + GAP;
    Allocation &a = allocations[pages];
    a = { pages, pages + room - padded, room, bytes, true, false, false };
    living[a.begin] = &a;
    opened.reserve(living.size());           /* a signal's handler must not ask for memory */
    ASAN_POISON_MEMORY_REGION(pages, room - padded);
    ASAN_POISON_MEMORY_REGION(a.begin + bytes, padded - bytes);
    watch_faults();
    counts.allocations++, counts.blocks++, counts.bytes += (int64_t)bytes;
    if (counts.bytes > counts.bytes_most) counts.bytes_most = counts.bytes;
    return a.begin;
}

/* Unlike cudaFree does not wait for the device: a use that is still to come shows. */
bool release(void *begin)
{
    const auto found = living.find((const char *)begin);
    if (found == living.end()) return false;
    Allocation &a = *found->second;
    living.erase(found);
    a.living = false;
    if (a.filled) madvise(a.pages, a.room, MADV_DONTNEED);
    if (a.filled) ASAN_POISON_MEMORY_REGION(a.begin, a.bytes);
    counts.releases++, counts.blocks--, counts.bytes -= (int64_t)a.bytes;
    return true;
}

static Allocation *nearest(const void *address)
{
    const char *p = (const char *)address;
    auto next = allocations.upper_bound(p);
    if (allocations.empty()) return nullptr;
    if (next == allocations.begin()) return &next->second;
    Allocation *before = &std::prev(next)->second;
    if (next == allocations.end() || p < before->pages + before->room) return before;
    return p - (before->pages + before->room) < next->first - p ? before : &next->second;
}

bool near_device(const void *p)
{
    return (const char *)p >= region && (const char *)p < region + region_bytes;
}

bool on_device(const void *from, size_t bytes)
{
    const char *p = (const char *)from;
    if (!near_device(p)) return false;
    const Allocation *a = nearest(p);
    return a && a->living && p >= a->begin && p <= a->begin + a->bytes &&
           bytes <= (size_t)(a->begin + a->bytes - p);
}

static void open_pages(Allocation &a)
{
    if (mprotect(a.pages, a.room, PROT_READ | PROT_WRITE) != 0)
        trap("the machine has no memory for an allocation of %zu bytes", a.bytes);
    if (!a.filled) {
        ASAN_UNPOISON_MEMORY_REGION(a.pages, a.room);
        poison(a.pages, a.room);
        ASAN_POISON_MEMORY_REGION(a.pages, (size_t)(a.begin - a.pages));
        ASAN_POISON_MEMORY_REGION(a.begin + a.bytes, (size_t)(-a.bytes % 16));
    }
    a.open = a.filled = true;
    opened.push_back(&a);
}

bool on_fault(const void *address)
{
    const char *p = (const char *)address;
    Allocation *a = nearest(p);
    if (!a) return false;
    const bool inside = p >= a->pages && p < a->pages + a->room;
    if (a->living && inside && !a->open && now.work && pthread_equal(now.host, pthread_self())) {
        open_pages(*a);
        return true;
    }
    trap("touched byte %td of %s allocation of %zu bytes", p - a->begin,
         a->living ? "an" : "a freed", a->bytes);
}

void close_memory()
{
    for (Allocation *a : opened) {
        mprotect(a->pages, a->room, PROT_NONE);
        a->open = false;
    }
    opened.clear();
}

void check_slack()
{
    for (const Allocation *a : opened) {
        const char *end = a->begin + a->bytes;
        if (!poisoned(a->pages, (size_t)(a->begin - a->pages)))
            trap("wrote just before an allocation of %zu bytes", a->bytes);
        if (!poisoned(end, (size_t)(a->pages + a->room - end)))
            trap("wrote just behind an allocation of %zu bytes", a->bytes);
    }
}

/* Pinned memory: ordinary memory. */
static auto &host_blocks = lasting<std::map<const char *, size_t>>();

bool usable(const void *pointer)
{
    const char *p = (const char *)pointer;
    if (near_device(p)) return true;
    auto next = host_blocks.upper_bound(p);
    return next != host_blocks.begin() && p <= std::prev(next)->first + std::prev(next)->second;
}

} // namespace pretend

using namespace pretend;

cudaError_t cudaMalloc(void **block, size_t bytes)
{
    Hold hold(device);
    *block = nullptr;
    if (injected()) return fail(cudaErrorMemoryAllocation);
    if (bytes == 0) return cudaSuccess;
    *block = allocate(bytes);
    return *block ? cudaSuccess : fail(cudaErrorMemoryAllocation);
}

cudaError_t cudaFree(void *block)
{
    Hold hold(device);
    if (!block) return cudaSuccess;
    if (!release(block)) return fail(cudaErrorInvalidValue);
    return injected() ? fail(cudaErrorLaunchFailure) : cudaSuccess;
}

cudaError_t cudaMallocHost(void **block, size_t bytes, unsigned)
{
    Hold hold(device);
    *block = nullptr;
    if (injected() || posix_memalign(block, 256, bytes ? bytes : 1) != 0)
        return *block = nullptr, fail(cudaErrorMemoryAllocation);
    host_blocks[(const char *)*block] = bytes;
    counts.host_blocks++;
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **block, size_t bytes, unsigned flags)
{
    return cudaMallocHost(block, bytes, flags);
}

cudaError_t cudaFreeHost(void *block)
{
    Hold hold(device);
    if (!block) return cudaSuccess;
    if (!host_blocks.erase((const char *)block)) return fail(cudaErrorInvalidValue);
    free(block);
    counts.host_blocks--;
    return injected() ? fail(cudaErrorLaunchFailure) : cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *left, size_t *total)
{
    Hold hold(device);
    if (injected()) return fail(cudaErrorInitializationError);
    *total = memory_limit();
    *left = (size_t)counts.bytes < *total ? *total - (size_t)counts.bytes : 0;
    return cudaSuccess;
}
