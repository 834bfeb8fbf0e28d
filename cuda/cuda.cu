/* The backend's memory, its failures, and its table. */
#include <stdarg.h>
#include <stdio.h>
#include <cublas_v2.h>
#include "cuda/launch.h"

/* ---- failures ------------------------------------------------------------------------------- */

static kin_failer *tell_opener;

/* core's function, in the words of the program that opened this plug-in. */
extern "C" kin_status kin_fail(kin_status status, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    return tell_opener(status, "%s", text);
}

void kin_cuda_fail(kin_cuda *c, kin_status status, const char *format, ...)
{
    if (kin_cuda_failed(c)) return;
    va_list list;
    c->status = status;
    va_start(list, format);
    vsnprintf(c->failure, sizeof c->failure, format, list);
    va_end(list);
}

void kin_cuda_fail_launch(kin_cuda *c, const char *kernel, dim3 grid, dim3 block, size_t shared,
                          cudaError_t error)
{
    cudaGetLastError();                                   /* a refused launch leaves it set */
    kin_cuda_fail(c, KIN_RUNTIME, "kernel %s could not be started (%u x %u x %u blocks of %u x %u "
                  "threads, %zu bytes of shared memory): %s", kernel, grid.x, grid.y, grid.z,
                  block.x, block.y, shared, cudaGetErrorString(error));
}

bool kin_cuda_check(kin_cuda *c, cudaError_t error, const char *what)
{
    if (error != cudaSuccess)
        kin_cuda_fail(c, KIN_RUNTIME, "%s: %s", what, cudaGetErrorString(error));
    return error == cudaSuccess;
}

static kin_status failure(kin_backend *backend)
{
    const kin_cuda *c = cuda_of(backend);
    KIN_REQUIRE(!kin_cuda_failed(c), c->status, "device %s: %s", backend->name, c->failure);
    return KIN_OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

/* NULL where memory is short, which is no failure yet: the caller may ask for less, or says what
 * was too large. */
static void *alloc(kin_backend *backend, size_t bytes)
{
    void *block = NULL;
    const cudaError_t error = cudaMalloc(&block, bytes > 0 ? bytes : 1);
    if (error == cudaSuccess) return block;
    cudaGetLastError();
    if (error != cudaErrorMemoryAllocation)
        kin_cuda_check(cuda_of(backend), error, "taking memory");
    return NULL;
}

static void release(kin_backend *backend, void *block)
{
    kin_cuda *c = cuda_of(backend);
    if (!block) return;
    kin_cuda_check(c, cudaStreamSynchronize(c->stream), "waiting before memory is given back");
    kin_cuda_check(c, cudaFree(block), "giving memory back");
}

static void to_stage(kin_cuda *c, char *to, const char *from, size_t bytes)
{
    kin_cuda_stage *stage = &c->stage[c->next_stage];
    c->next_stage = (c->next_stage + 1) % KIN_STAGES;
    if (stage->travels &&
        !kin_cuda_check(c, cudaEventSynchronize(stage->sent), "waiting for an upload")) return;
    memcpy(stage->memory, from, bytes);
    stage->travels = true;
    kin_cuda_check(c, cudaMemcpyAsync(to, stage->memory, bytes, cudaMemcpyHostToDevice, c->stream),
                   "upload");
    kin_cuda_check(c, cudaEventRecord(stage->sent, c->stream), "upload");
}

/* The caller may change its numbers at once, and the device need not be waited for. */
static void upload(kin_backend *backend, void *to, const void *from_host, size_t bytes)
{
    kin_cuda *c = cuda_of(backend);
    for (size_t at = 0; at < bytes && !kin_cuda_failed(c); at += KIN_STAGE_BYTES)
        to_stage(c, (char *)to + at, (const char *)from_host + at,
                 bytes - at < KIN_STAGE_BYTES ? bytes - at : KIN_STAGE_BYTES);
}

static void download(kin_backend *backend, void *to_host, const void *from, size_t bytes)
{
    kin_cuda *c = cuda_of(backend);
    if (bytes == 0) return;
    if (!kin_cuda_failed(c)) {
        kin_cuda_check(c, cudaMemcpyAsync(to_host, from, bytes, cudaMemcpyDeviceToHost, c->stream),
                       "download");
        kin_cuda_check(c, cudaStreamSynchronize(c->stream), "waiting for the device");
        for (int i = 0; i < KIN_STAGES; i++) c->stage[i].travels = false;
    }
    if (kin_cuda_failed(c)) memset(to_host, 0, bytes);
}

static void copy(kin_backend *backend, void *to, const void *from, size_t bytes)
{
    kin_cuda *c = cuda_of(backend);
    if (bytes == 0 || kin_cuda_failed(c)) return;
    kin_cuda_check(c, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, c->stream),
                   "copy");
}

static void zero(kin_backend *backend, void *to, size_t bytes)
{
    kin_cuda *c = cuda_of(backend);
    if (bytes == 0 || kin_cuda_failed(c)) return;
    kin_cuda_check(c, cudaMemsetAsync(to, 0, bytes, c->stream), "zero");
}

void *kin_cuda_room(kin_cuda *c, size_t bytes)
{
    if (bytes <= c->room_bytes || kin_cuda_failed(c)) return c->room;
    release(&c->backend, c->room);
    c->room = alloc(&c->backend, bytes);
    c->room_bytes = c->room ? bytes : 0;
    if (!c->room)
        kin_cuda_fail(c, KIN_MEMORY, "no memory for %zu bytes of a kernel's work space", bytes);
    return c->room;
}

const double *kin_cuda_fetch(kin_cuda *c, int count)
{
    download(&c->backend, c->host_result, c->result, (size_t)count * sizeof *c->result);
    for (int i = 0; i < count && kin_cuda_failed(c); i++) c->host_result[i] = NAN;
    return c->host_result;
}

/* ---- the table ------------------------------------------------------------------------------ */

static void free_device(kin_backend *backend)
{
    kin_cuda *c = cuda_of(backend);
    if (c->stream) cudaStreamSynchronize(c->stream);
    cudaFree(c->room);
    cudaFree(c->result);
    cudaFreeHost(c->host_result);
    for (int i = 0; i < KIN_STAGES; i++) {
        if (c->stage[i].sent) cudaEventDestroy(c->stage[i].sent);
        cudaFreeHost(c->stage[i].memory);
    }
    if (c->cublas) cublasDestroy(c->cublas);
    if (c->stream) cudaStreamDestroy(c->stream);
    free(c);
}

static void fill_table(kin_backend *b)
{
    b->failure = failure;
    b->alloc = alloc, b->release = release, b->upload = upload, b->download = download;
    b->copy = copy, b->zero = zero;
    b->product = kin_cuda_product;
    b->sum = kin_cuda_sum, b->sum_squares = kin_cuda_sum_squares, b->sums = kin_cuda_sums;
    b->add = kin_cuda_add, b->scale = kin_cuda_scale, b->fill = kin_cuda_fill;
    b->multiply = kin_cuda_multiply, b->add_row = kin_cuda_add_row;
    b->sum_rows = kin_cuda_sum_rows, b->row_dots = kin_cuda_row_dots;
    b->scale_rows = kin_cuda_scale_rows, b->add_block = kin_cuda_add_block;
    b->element = kin_cuda_element, b->element_back = kin_cuda_element_back;
    b->normalize = kin_cuda_normalize, b->normalize_back = kin_cuda_normalize_back;
    b->dropout = kin_cuda_dropout;
    b->bag = kin_cuda_bag, b->bag_work = kin_cuda_bag_work, b->bag_rows = kin_cuda_bag_rows;
    b->bag_sum = kin_cuda_bag_sum, b->bag_adam = kin_cuda_bag_adam;
    b->adam = kin_cuda_adam, b->adam_rows = kin_cuda_adam_rows;
    b->search = kin_cuda_search;
    b->cell_dots = kin_cuda_cell_dots, b->cell_sums = kin_cuda_cell_sums;
    b->score = kin_cuda_score;
    b->free = free_device;
}

/* Products want tall tiles: a tile's slopes are then long sums for its columns, whose gradients are
 * read and written once a tile. */
static void choose_tiles(kin_backend *b, int precision)
{
    b->tile_scores = 128 << 20;
    b->tile_columns = 16384;
    if (precision != KIN_TO_BF16 && precision != KIN_TO_BF16X3) return;
    b->narrow = kin_cuda_narrow;
    b->planes = precision == KIN_TO_BF16 ? 1 : 2;
}

static kin_status make(kin_cuda *c)
{
    cudaError_t error = cudaStreamCreate(&c->stream);
    const size_t results = KIN_RESULTS * sizeof(double);
    if (error == cudaSuccess) error = cudaMalloc((void **)&c->result, results);
    if (error == cudaSuccess) error = cudaMallocHost((void **)&c->host_result, results);
    for (int i = 0; i < KIN_STAGES && error == cudaSuccess; i++) {
        error = cudaMallocHost(&c->stage[i].memory, KIN_STAGE_BYTES);
        if (error == cudaSuccess) error = cudaEventCreate(&c->stage[i].sent);
    }
    KIN_REQUIRE(error == cudaSuccess, error == cudaErrorMemoryAllocation ? KIN_MEMORY : KIN_RUNTIME,
                "the GPU cannot be used (%s)", cudaGetErrorString(error));
    KIN_REQUIRE(cublasCreate(&c->cublas) == CUBLAS_STATUS_SUCCESS &&
                cublasSetStream(c->cublas, c->stream) == CUBLAS_STATUS_SUCCESS, KIN_RUNTIME,
                "cuBLAS could not be started");
    return KIN_OK;
}

/* ---- the door ------------------------------------------------------------------------------- */

#ifdef __CUDA_ARCH_LIST__
static const int built_for[] = { __CUDA_ARCH_LIST__ };   /* ascending: 800, 900 */
#else
static const int built_for[] = { 0 };
#endif

/* Says why no GPU can be used, the reason alone. */
static kin_status find_gpu(cudaDeviceProp *gpu)
{
    int devices = 0, driver = 0, runtime = 0;
    cudaError_t error = cudaGetDeviceCount(&devices);
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    KIN_REQUIRE(driver > 0, KIN_RUNTIME, "no NVIDIA driver is installed");
    KIN_REQUIRE(error == cudaSuccess && devices > 0, KIN_RUNTIME, "no GPU can be used (%s; the "
                "driver is for CUDA %d.%d, this build for %d.%d)", cudaGetErrorString(error),
                driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    error = cudaGetDeviceProperties(gpu, 0);
    KIN_REQUIRE(error == cudaSuccess, KIN_RUNTIME, "the GPU cannot be used (%s)",
                cudaGetErrorString(error));
    const int is = 10 * gpu->major + gpu->minor, least = built_for[0] / 10;
    KIN_REQUIRE(is >= least, KIN_RUNTIME, "the GPU, %s, is of compute capability %d.%d and this "
                "build for %d.%d or newer; build with -DCMAKE_CUDA_ARCHITECTURES=%d", gpu->name,
                gpu->major, gpu->minor, least / 10, least % 10, is);
    return KIN_OK;
}

kin_status kin_device_describe(kin_device_facts *facts, kin_failer *fail)
{
    cudaDeviceProp gpu;
    size_t left = 0, total = 0;
    tell_opener = fail;
    KIN_TRY(find_gpu(&gpu));
    const cudaError_t error = cudaMemGetInfo(&left, &total);
    KIN_REQUIRE(error == cudaSuccess, KIN_RUNTIME, "the GPU, %s, cannot be used (%s)", gpu.name,
                cudaGetErrorString(error));
    snprintf(facts->name, sizeof facts->name, "%s", gpu.name);
    facts->memory = (double)total, facts->free = (double)left;
    facts->major = gpu.major, facts->minor = gpu.minor;
    return KIN_OK;
}

#ifndef KIN_DEVICE_NAME
#define KIN_DEVICE_NAME "cuda"
#endif

kin_status kin_device_open(kin_backend **backend, kin_pool *pool, const kin_loss *const *losses,
                           int precision, kin_failer *fail)
{
    cudaDeviceProp gpu;
    tell_opener = fail;
    *backend = NULL;
    KIN_TRY(find_gpu(&gpu));
    kin_cuda *c = (kin_cuda *)calloc(1, sizeof *c);
    KIN_REQUIRE(c, KIN_MEMORY, "no memory for the device");
    c->backend.name = KIN_DEVICE_NAME;
    c->backend.pool = pool;
    c->backend.state = c;
    c->losses = losses;
    c->precision = precision;
    fill_table(&c->backend);
    choose_tiles(&c->backend, precision);
    const kin_status status = make(c);
    if (status == KIN_OK) *backend = &c->backend;
    else free_device(&c->backend);
    return status;
}
