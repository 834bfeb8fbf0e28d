/* The pretend device itself: healthy work in many orders must pass, and each planted fault must be
 * noticed, by the device's sentence or by a wrong result. Every case is a child of its own. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include "counters.h"
#include "faults.h"

typedef int piece_function(int n, Fault);

enum { FAULTY_ORDERS = 40, WRONG_RESULT = 3 };
static const int sizes[] = { 1, 3, 31, 32, 33, 257 };

#if defined __SANITIZE_THREAD__
static const bool sees_races = true;
#else
static const bool sees_races = false;
#endif

static void expect(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "not so: %s\n", what);
    exit(WRONG_RESULT);
}
#define EXPECT(condition) expect(condition, #condition)

/* ---- the host's side of the device ----------------------------------------------------------- */

static void empty_kernel(float *) {}
static void wide_kernel() {}
template <int N> static void named_kernel() {}

static cudaError_t launch(unsigned grid, unsigned block, size_t shared)
{
    return cudaLaunchKernel(wide_kernel, grid, block, nullptr, shared, nullptr);
}

static void refuses()
{
    char host[16];
    float *device;
    EXPECT(launch(1, 1025, 0) == cudaErrorInvalidConfiguration);
    EXPECT(cudaPeekAtLastError() == cudaErrorInvalidConfiguration);
    EXPECT(cudaGetLastError() == cudaErrorInvalidConfiguration);
    EXPECT(cudaGetLastError() == cudaSuccess);
    EXPECT(launch(0, 32, 0) == cudaErrorInvalidConfiguration);
    EXPECT(launch(1, 32, 49 << 10) == cudaErrorInvalidValue);
    EXPECT(cudaFuncSetAttribute(wide_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                228 << 10) == cudaErrorInvalidValue);
    EXPECT(cudaFuncSetAttribute(wide_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                227 << 10) == cudaSuccess);
    EXPECT(launch(1, 32, 227 << 10) == cudaSuccess);
    EXPECT(cudaDeviceSynchronize() == cudaSuccess);
    EXPECT(cudaMalloc(&device, sizeof host) == cudaSuccess);
    EXPECT(cudaMemcpy(device, host, 17, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
    EXPECT(cudaMemcpy(device, host, 16, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
    EXPECT(cudaMemcpy(device, host, 16, cudaMemcpyDefault) == cudaSuccess);
    EXPECT(cudaMemset(host, 0, 16) == cudaErrorInvalidValue);
    EXPECT(cudaFree(host) == cudaErrorInvalidValue);
    EXPECT(cudaFree(device + 1) == cudaErrorInvalidValue);
    EXPECT(cudaFree(device) == cudaSuccess && cudaFree(device) == cudaErrorInvalidValue);
    EXPECT(cudaStreamSynchronize((cudaStream_t)host) == cudaErrorInvalidResourceHandle);
}

static void is_short_of_memory()
{
    float *a, *b;
    size_t left, total;
    kin_pretend_fail_memory(1000);
    EXPECT(cudaMalloc(&a, 600) == cudaSuccess);
    EXPECT(cudaMalloc(&b, 401) == cudaErrorMemoryAllocation && !b);
    EXPECT(cudaMemGetInfo(&left, &total) == cudaSuccess && left == 400 && total == 1000);
    EXPECT(cudaFree(a) == cudaSuccess);
    EXPECT(cudaMalloc(&b, 401) == cudaSuccess);
    kin_pretend_fail_memory(0);
    EXPECT(cudaMalloc(&a, (size_t)1 << 32) == cudaSuccess);      /* nobody touches it */
    EXPECT(cudaMalloc(&a, (size_t)1 << 60) == cudaErrorMemoryAllocation);
}

/* Counts calls that can fail, then lets each fail in turn: some call must say so. */
static void fails_when_told()
{
    const auto work = [] {
        float *a = nullptr, numbers[4] = {};
        cublasHandle_t blas = nullptr;
        int failures = cudaMalloc(&a, sizeof numbers) != cudaSuccess;
        failures += cudaMemcpy(a, numbers, sizeof numbers, cudaMemcpyHostToDevice) != cudaSuccess;
        void *arguments[] = { &a };
        failures += cudaLaunchKernel(empty_kernel, 1, 32, arguments, 0, nullptr) != cudaSuccess;
        failures += cudaDeviceSynchronize() != cudaSuccess;
        failures += cublasCreate(&blas) != CUBLAS_STATUS_SUCCESS;
        failures += cudaFree(a) != cudaSuccess;
        if (blas) failures += cublasDestroy(blas) != CUBLAS_STATUS_SUCCESS;
        return failures;
    };
    kin_pretend_counts counts;
    kin_pretend_reset();
    EXPECT(work() == 0);
    kin_pretend_counters(&counts);
    EXPECT(counts.calls == 7);
    for (int64_t n = 1; n <= counts.calls; n++) {
        kin_pretend_fail(n);
        EXPECT(work() > 0);
        EXPECT(work() == 0);
    }
    kin_pretend_counters(&counts);
    EXPECT(counts.blocks == 0 && counts.handles == 0);
}

static void counts_what_is_done()
{
    kin_pretend_counts counts;
    float *a, *pinned;
    const char *name = "";
    cudaStream_t stream;
    EXPECT(cudaStreamCreate(&stream) == cudaSuccess);
    EXPECT(cudaMalloc(&a, 400) == cudaSuccess && cudaMallocHost(&pinned, 200) == cudaSuccess);
    memset(pinned, 0, 200);
    EXPECT(cudaMemcpyAsync(a, pinned, 200, cudaMemcpyHostToDevice, stream) == cudaSuccess);
    EXPECT(cudaMemcpyAsync(a + 50, a, 100, cudaMemcpyDeviceToDevice, stream) == cudaSuccess);
    EXPECT(cudaMemcpyAsync(pinned, a, 40, cudaMemcpyDeviceToHost, stream) == cudaSuccess);
    EXPECT(cudaMemsetAsync(a, 0, 400, stream) == cudaSuccess);
    for (int i = 0; i < 3; i++)
        EXPECT(cudaLaunchKernel(named_kernel<7>, 2, 8, nullptr, 0, stream) == cudaSuccess);
    EXPECT(cudaStreamSynchronize(stream) == cudaSuccess);
    kin_pretend_counters(&counts);
    EXPECT(counts.launches == 3 && counts.copies == 3 && counts.fills == 1 && counts.waits == 1);
    EXPECT(counts.bytes_up == 200 && counts.bytes_across == 100 && counts.bytes_down == 40);
    EXPECT(counts.allocations == 1 && counts.bytes == 400 && counts.bytes_most == 400);
    EXPECT(counts.blocks == 1 && counts.host_blocks == 1 && counts.streams == 1);
    EXPECT(kin_pretend_launches(0, &name) == 3 && !strcmp(name, "named_kernel<7>"));
    EXPECT(kin_pretend_launches(1, &name) == -1);
    EXPECT(cudaFreeHost(pinned) == cudaSuccess && cudaStreamDestroy(stream) == cudaSuccess);
    kin_pretend_reset();
    kin_pretend_counters(&counts);
    EXPECT(counts.launches == 0 && counts.bytes == 400 && counts.streams == 0);
}

/* Work runs when it is waited for, in an order that events and the default stream allow. */
static void keeps_order()
{
    int number[3] = { 1, 2, 3 }, got = 0, *a;
    float time;
    cudaStream_t one, other;
    cudaEvent_t before, behind;
    EXPECT(cudaStreamCreate(&one) == cudaSuccess && cudaStreamCreate(&other) == cudaSuccess);
    EXPECT(cudaEventCreate(&before) == cudaSuccess && cudaEventCreate(&behind) == cudaSuccess);
    EXPECT(cudaMalloc(&a, sizeof *a) == cudaSuccess);
    EXPECT(cudaEventRecord(before, one) == cudaSuccess);
    EXPECT(cudaMemcpyAsync(a, &number[0], 4, cudaMemcpyDefault, one) == cudaSuccess);
    EXPECT(cudaEventRecord(behind, one) == cudaSuccess);
    EXPECT(cudaEventElapsedTime(&time, before, behind) == cudaErrorNotReady);
    EXPECT(cudaStreamWaitEvent(other, behind) == cudaSuccess);
    EXPECT(cudaMemcpyAsync(&got, a, 4, cudaMemcpyDefault, other) == cudaSuccess);
    EXPECT(cudaEventQuery(behind) == cudaErrorNotReady && got == 0);
    EXPECT(cudaStreamSynchronize(other) == cudaSuccess && got == 1);
    EXPECT(cudaEventQuery(behind) == cudaSuccess);
    EXPECT(cudaEventElapsedTime(&time, before, behind) == cudaSuccess && time >= 0);
    EXPECT(cudaMemcpyAsync(a, &number[1], 4, cudaMemcpyDefault, one) == cudaSuccess);
    EXPECT(cudaMemcpy(&got, a, 4, cudaMemcpyDefault) == cudaSuccess && got == 2);
    EXPECT(cudaMemcpyAsync(a, &number[2], 4, cudaMemcpyDefault, nullptr) == cudaSuccess);
    EXPECT(cudaMemcpyAsync(&got, a, 4, cudaMemcpyDefault, one) == cudaSuccess && got == 2);
    EXPECT(cudaStreamSynchronize(one) == cudaSuccess && got == 3);
    EXPECT(cudaEventDestroy(before) == cudaSuccess && cudaEventDestroy(behind) == cudaSuccess);
    EXPECT(cudaEventRecord(before, one) == cudaErrorInvalidResourceHandle);
}

/* ---- cases ----------------------------------------------------------------------------------- */

/* Runs in a child: what it said, and its exit code. */
template <class Run> static std::string in_child(Run run, int *code)
{
    int ends[2], status = 0;
    char part[4096];
    std::string said;
    fflush(stdout);
    if (pipe(ends) != 0) exit(2);
    const pid_t child = fork();
    if (child == 0) {
        alarm(120);
        dup2(ends[1], 2);
        run();
        exit(0);
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], part, sizeof part)) > 0;) said.append(part, (size_t)n);
    close(ends[0]);
    waitpid(child, &status, 0);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return said;
}

static int failures;

/* The line that tells most. */
static std::string essence(const std::string &said)
{
    static const char *const signs[] = { "pretend device:", "Sanitizer:", "runtime error:", WRONG,
                                         "not so:", "" };
    for (const char *sign : signs) {
        const size_t at = said.find(sign);
        if (at == said.npos) continue;
        const size_t begin = said.rfind('\n', at) + 1;            /* npos + 1 is 0 */
        return said.substr(begin, said.find('\n', at) - begin);
    }
    return "";
}

static void report(bool good, const char *name, const std::string &said)
{
    printf("%-6s %-20s %.200s\n", good ? "ok" : "FAILED", name, essence(said).c_str());
    failures += !good;
}

static void healthy_case(const char *name, piece_function *piece, uint64_t orders)
{
    int code;
    const std::string said = in_child([piece, orders] {
        for (uint64_t order = 0; order < orders; order++) {
            kin_pretend_seed(order);
            for (int n : sizes) expect(piece(n, healthy) == 0, "a healthy kernel's result");
        }
    }, &code);
    report(code == 0, name, code == 0 ? "" : said);
}

static void host_case(const char *name, void (*run)())
{
    int code;
    const std::string said = in_child(run, &code);
    report(code == 0, name, code == 0 ? "" : said);
}

static void faulty_case(const char *name, piece_function *piece, Fault fault, const char *expected)
{
    int code;
    const bool race = !strcmp(expected, RACE);
    if (race && !sees_races) {
        printf("%-6s %-20s seen by the thread sanitizer alone\n", "", name);
        return;
    }
    const std::string said = in_child([piece, fault] {
        for (uint64_t order = 0; order < FAULTY_ORDERS; order++) {
            kin_pretend_seed(order);
            for (int n : sizes)
                if (piece(n, fault) != 0) fprintf(stderr, WRONG "\n"), exit(WRONG_RESULT);
        }
    }, &code);
    const bool sanitizer = said.find("Sanitizer") != said.npos ||
                           said.find("runtime error") != said.npos;
    report(code != 0 && (sanitizer || said.find(expected) != said.npos), name,
           code == 0 ? "nobody noticed" : said);
}

int main()
{
    host_case("refuses", refuses);
    host_case("is_short_of_memory", is_short_of_memory);
    host_case("fails_when_told", fails_when_told);
    host_case("counts_what_is_done", counts_what_is_done);
    host_case("keeps_order", keeps_order);
#define X(piece, orders) healthy_case(#piece, piece, orders);
    EACH_PIECE(X)
#undef X
#define X(name, piece, said) faulty_case(#name, piece, name, said);
    EACH_FAULT(X)
#undef X
    return failures > 0;
}
