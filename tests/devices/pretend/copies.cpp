/* Copies and fills, and what the device says of itself. */
#include <algorithm>
#include <cstdio>
#include "device.h"

namespace pretend {

constexpr size_t SHARED_MOST = 227 << 10;

/* kind as the pointers say; false: they say something else. Memory of the host must not be near
 * the device's; memory of the device must lie in one living allocation. */
static bool agree(const void *to, const void *from, size_t bytes, cudaMemcpyKind *kind)
{
    const bool up = near_device(to), down = near_device(from);
    const cudaMemcpyKind seen = up && down ? cudaMemcpyDeviceToDevice
                                : up       ? cudaMemcpyHostToDevice
                                : down     ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
    if (*kind == cudaMemcpyDefault) *kind = seen;
    return *kind == seen && (!up || on_device(to, bytes)) && (!down || on_device(from, bytes));
}

} // namespace pretend

using namespace pretend;

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    Hold hold(device);
    if (injected() || (bytes > 0 && !agree(to, from, bytes, &kind)))
        return fail(cudaErrorInvalidValue);
    if (!enqueue(stream, "cudaMemcpyAsync", [=] { if (bytes > 0) memmove(to, from, bytes); }))
        return fail(cudaErrorInvalidResourceHandle);
    counts.copies++;
    if (kind == cudaMemcpyHostToDevice) counts.bytes_up += (int64_t)bytes;
    if (kind == cudaMemcpyDeviceToHost) counts.bytes_down += (int64_t)bytes;
    if (kind == cudaMemcpyDeviceToDevice) counts.bytes_across += (int64_t)bytes;
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    return error != cudaSuccess ? error : cudaStreamSynchronize(nullptr);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t stream)
{
    Hold hold(device);
    if (injected() || (bytes > 0 && !on_device(to, bytes))) return fail(cudaErrorInvalidValue);
    if (!enqueue(stream, "cudaMemsetAsync", [=] { if (bytes > 0) memset(to, value, bytes); }))
        return fail(cudaErrorInvalidResourceHandle);
    counts.fills++;
    return cudaSuccess;
}

cudaError_t cudaMemset(void *to, int value, size_t bytes)
{
    return cudaMemsetAsync(to, value, bytes, nullptr);
}

cudaError_t cudaGetDeviceCount(int *devices)
{
    Hold hold(device);
    *devices = injected() ? 0 : device_count();
    return *devices > 0 ? cudaSuccess : fail(cudaErrorNoDevice);
}

cudaError_t cudaGetDevice(int *number)
{
    Hold hold(device);
    *number = 0;
    return injected() || device_count() < 1 ? fail(cudaErrorNoDevice) : cudaSuccess;
}

cudaError_t cudaSetDevice(int number)
{
    Hold hold(device);
    return injected() || number < 0 || number >= device_count() ? fail(cudaErrorInvalidDevice)
                                                                : cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *to, int number)
{
    Hold hold(device);
    *to = {};
    if (injected() || number < 0 || number >= device_count()) return fail(cudaErrorInvalidDevice);
    snprintf(to->name, sizeof to->name, "pretend device");
    to->totalGlobalMem = memory_limit();
    to->sharedMemPerBlock = 48 << 10, to->sharedMemPerBlockOptin = SHARED_MOST;
    to->multiProcessorCount = 4, to->l2CacheSize = 4 << 20;
    to->major = 9, to->minor = 0;
    to->warpSize = 32, to->maxThreadsPerBlock = 1024;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attribute, int number)
{
    cudaDeviceProp p;
    const cudaError_t error = cudaGetDeviceProperties(&p, number);
    if (error != cudaSuccess) return error;
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = (int)p.sharedMemPerBlock; break;
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)p.sharedMemPerBlockOptin; break;
    }
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version) { return *version = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *version)
{
    *version = device_count() < 0 ? 0 : CUDART_VERSION;
    return cudaSuccess;
}
