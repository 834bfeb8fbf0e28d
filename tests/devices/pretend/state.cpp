/* Seed, planned failures, counters. */
#include "device.h"

namespace pretend {

kin_pretend_counts counts;
std::recursive_mutex device;

static uint64_t seed_now;
static int64_t fails_in;
static size_t memory_given;
static cudaError_t last_error;

static long long from_environment(const char *name, long long otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoll(text, nullptr, 0) : otherwise;
}

static uint64_t scattered(uint64_t seed)     /* neighbouring seeds give unlike orders; never 0 */
{
    seed = (seed + 1) * 0x9e3779b97f4a7c15;
    seed = (seed ^ seed >> 32) * 0xd6e8feb86659fd93;
    return (seed ^ seed >> 32) | 1;
}

uint64_t random_bits()
{
    if (!seed_now) seed_now = scattered((uint64_t)from_environment("KIN_PRETEND_SEED", 1));
    seed_now ^= seed_now >> 12, seed_now ^= seed_now << 25, seed_now ^= seed_now >> 27;
    return seed_now * 0x2545f4914f6cdd1d;
}

uint32_t below(uint32_t n) { return (uint32_t)((random_bits() >> 32) * n >> 32); }

bool injected()
{
    counts.calls++;
    return fails_in > 0 && --fails_in == 0;
}

cudaError_t fail(cudaError_t error)
{
    if (error != cudaSuccess) last_error = error;
    return error;
}

int device_count()
{
    static const int devices = (int)from_environment("KIN_PRETEND_DEVICES", 1);
    return devices;
}

size_t memory_limit() { return memory_given ? memory_given : (size_t)8 << 30; }

} // namespace pretend

using namespace pretend;

void kin_pretend_counters(kin_pretend_counts *to)
{
    Hold hold(device);
    *to = counts;
}

void kin_pretend_reset()
{
    Hold hold(device);
    kin_pretend_counts fresh = {};
    fresh.bytes = fresh.bytes_most = counts.bytes;
    fresh.blocks = counts.blocks, fresh.host_blocks = counts.host_blocks;
    fresh.streams = counts.streams, fresh.events = counts.events, fresh.handles = counts.handles;
    counts = fresh;
}

void kin_pretend_seed(uint64_t seed)
{
    Hold hold(device);
    seed_now = scattered(seed);
}

void kin_pretend_fail(int64_t n)
{
    Hold hold(device);
    fails_in = n;
}

void kin_pretend_fail_memory(size_t bytes)
{
    Hold hold(device);
    memory_given = bytes;
}

cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

#define EACH_ERROR(X)                                                       \
    X(cudaSuccess, "no error")                                              \
    X(cudaErrorInvalidValue, "invalid argument")                            \
    X(cudaErrorMemoryAllocation, "out of memory")                           \
    X(cudaErrorInitializationError, "initialization error")                 \
    X(cudaErrorInvalidConfiguration, "invalid configuration argument")      \
    X(cudaErrorInvalidDeviceFunction, "invalid device function")            \
    X(cudaErrorNoDevice, "no CUDA-capable device is detected")              \
    X(cudaErrorInvalidDevice, "invalid device ordinal")                     \
    X(cudaErrorInvalidResourceHandle, "invalid resource handle")            \
    X(cudaErrorNotReady, "device not ready")                                \
    X(cudaErrorIllegalAddress, "an illegal memory access was encountered")  \
    X(cudaErrorLaunchOutOfResources, "too many resources requested for launch") \
    X(cudaErrorLaunchFailure, "unspecified launch failure")

const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
#define X(id, text) case id: return text;
    EACH_ERROR(X)
#undef X
    }
    return "unrecognized error code";
}

const char *cudaGetErrorName(cudaError_t error)
{
    switch (error) {
#define X(id, text) case id: return #id;
    EACH_ERROR(X)
#undef X
    }
    return "unrecognized error code";
}
