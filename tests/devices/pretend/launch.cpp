/* Launches: the order of blocks and the state of shared memory before each of them. */
#include <link.h>
#include <numeric>
#include <sanitizer/asan_interface.h>
#include "device.h"

namespace pretend {

constexpr size_t SHARED_MOST = 227 << 10, BEHIND = 8192;
constexpr size_t PART = 256;                 /* shared memory is filled anew in such parts */

} // namespace pretend

/* What kernels declare as extern __shared__ dynamic_shared[], and what lies behind it. */
alignas(256) thread_local char dynamic_shared[pretend::SHARED_MOST + pretend::BEHIND];

namespace pretend {

/* By the definition of __shared__ all thread_locals of this module are shared memory: the device's
 * own files must not have any other. */
struct Shared { char *begin; size_t bytes; };

static int find_segment(dl_phdr_info *info, size_t, void *out)
{
    Shared &shared = *(Shared *)out;
    shared = { (char *)info->dlpi_tls_data, 0 };
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS) shared.bytes = info->dlpi_phdr[i].p_memsz;
    return shared.begin && dynamic_shared >= shared.begin &&
           dynamic_shared < shared.begin + shared.bytes;
}

/* The segment of this host thread; full of poison when a launch begins. */
static Shared shared_memory()
{
    static auto &filled = lasting<std::vector<char *>>();    /* segments of earlier threads */
    Shared shared;
    dl_iterate_phdr(find_segment, &shared);
    shared.bytes = shared.bytes / 4 * 4;
    for (char *one : filled)
        if (one == shared.begin && poisoned(one, 64)) return shared;
    filled.push_back(shared.begin);
    poison(shared.begin, shared.bytes);
    return shared;
}

/* Restores the parts of static shared memory that the kernel is known to use. `learn` looks for
 * others, which takes longer. */
static void clean(const Shared &shared, Kernel &kernel, bool learn)
{
    const size_t parts = (shared.bytes + PART - 1) / PART;
    kernel.touched.resize(parts);
    for (size_t i = 0; i < parts; i++) {
        char *part = shared.begin + i * PART;
        const size_t bytes = min(PART, shared.bytes - i * PART);
        const bool before = part + bytes <= dynamic_shared;
        if (!before && part < dynamic_shared + sizeof dynamic_shared) continue;
        if (learn && !kernel.touched[i] && !poisoned(part, bytes)) kernel.touched[i] = true;
        if (kernel.touched[i]) poison(part, bytes);
    }
}

static void check_behind(const Launch &launch, size_t bytes)
{
    if (!poisoned(dynamic_shared + launch.shared, bytes))
        trap("wrote behind its %zu bytes of dynamic shared memory", launch.shared);
}

/* An order of n blocks without a list of them: i -> a i + b. */
struct Order {
    uint64_t n, a, b;
    explicit Order(uint64_t n) : n(n), a(1), b(random_bits() % n)
    {
        if (n > 2) do a = 1 + random_bits() % (n - 1); while (std::gcd(a, n) != 1);
    }
    uint64_t operator[](uint64_t i) const
    {
        return (uint64_t)(((unsigned __int128)a * i + b) % n);
    }
};

static void run(const Launch &launch)
{
    Kernel &kernel = kernel_of(launch.kernel);
    const Shared shared = shared_memory();
    const size_t words = (launch.shared + 3) / 4 * 4, rest = sizeof dynamic_shared - words;
    const Order order((uint64_t)launch.grid.x * launch.grid.y * launch.grid.z);
    const bool learns = kernel.runs < 4 || kernel.runs % 16 == 0;
    kernel.runs++;
    now.launch = &launch;
    gridDim = launch.grid, blockDim = launch.block;
    ASAN_POISON_MEMORY_REGION(dynamic_shared + words, rest);
    for (uint64_t i = 0; i < order.n; i++) {
        run_block(launch, order[i]);
        check_behind(launch, PART);
        clean(shared, kernel, learns && i == 0);
        poison(dynamic_shared, words);
    }
    ASAN_UNPOISON_MEMORY_REGION(dynamic_shared + words, rest);
    check_behind(launch, BEHIND);
    if (learns) clean(shared, kernel, true);
    now.thread = NO_BLOCK;
    check_slack();
    now.launch = nullptr;
}

cudaError_t enqueue_launch(Launch launch)
{
    Hold hold(device);
    const dim3 g = launch.grid, b = launch.block;
    const uint64_t threads = (uint64_t)b.x * b.y * b.z;
    Kernel &kernel = kernel_of(launch.kernel);
    if (injected()) return fail(cudaErrorLaunchOutOfResources);
    if (!threads || threads > 1024 || b.z > 64 || !g.x || !g.y || !g.z || g.x > 0x7fffffff ||
        g.y > 65535 || g.z > 65535) return fail(cudaErrorInvalidConfiguration);
    if (launch.shared > kernel.shared_most) return fail(cudaErrorInvalidValue);
    if (!enqueue(launch.stream, "a kernel", [launch] { run(launch); }))
        return fail(cudaErrorInvalidResourceHandle);
    kernel.launches++, counts.launches++;
    return cudaSuccess;
}

cudaError_t set_attribute(const void *code, cudaFuncAttribute attribute, int value)
{
    Hold hold(device);
    if (injected() || value < 0) return fail(cudaErrorInvalidValue);
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
    if ((size_t)value > SHARED_MOST) return fail(cudaErrorInvalidValue);
    kernel_of(code).shared_most = (size_t)value;
    return cudaSuccess;
}

void check_argument(const void *code, int index, const void *pointer)
{
    Hold hold(device);
    if (pointer && !usable(pointer))
        trap("argument %d of kernel %s is memory of the host (%p)", index + 1,
             kernel_of(code).name.c_str(), pointer);
}

} // namespace pretend
