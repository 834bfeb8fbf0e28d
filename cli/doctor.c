/* kin doctor: what this machine and this build can do, and what is slow or missing. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/device.h"
#include "cli/print.h"
#include "core/file.h"
#include "core/plugin.h"
#include "cpu/cpu.h"
#include "data/store.h"
#include "mining/graph.h"

/* The share of the measured peak that a product of 1024 x 1024 should reach. */
static const double EXPECTED = 0.6;

typedef struct {
    kin_cpu_facts cpu;
    kin_cpu_rates rates;
    int online, threads;
    double memory_mb, load;
    bool hdf5, wordnet, gnuplot;
    bool gpu;                            /* device cuda can be used */
    kin_device_facts device;
    char cuda[512];                      /* what it is, or why it cannot be used */
} facts;

static const double MB = 1048576;

/* A machine without a GPU, its driver or the plug-in computes on the CPU, which is no error. */
static void look_for_gpu(facts *f)
{
    const kin_device_facts *d = &f->device;
    f->gpu = kin_plugin_describe("cuda", &f->device) == KIN_OK;
    if (f->gpu)
        snprintf(f->cuda, sizeof f->cuda, "%s, %.0f MB, %.0f of them free, compute capability "
                 "%d.%d", d->name, d->memory / MB, d->free / MB, d->major, d->minor);
    else
        snprintf(f->cuda, sizeof f->cuda, "CPU only: %.480s", kin_message());
}

static kin_status gather(const args *a, facts *f)
{
    device d;
    KIN_TRY(device_open_for(&d, a));
    f->cpu = kin_cpu_describe(d.backend);
    f->online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    f->threads = kin_pool_threads(d.pool);
    f->memory_mb = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / MB;
    if (getloadavg(&f->load, 1) != 1) f->load = 0;
    f->hdf5 = kin_store_available();
    f->wordnet = kin_file_exists("/usr/share/wordnet/data.noun");
    f->gnuplot = kin_file_exists("/usr/bin/gnuplot");
    look_for_gpu(f);
    const kin_status status = kin_cpu_measure(d.backend, &f->rates);
    device_close(&d);
    return status;
}

/* Prints one warning a line and returns how many there are. */
static int warn(FILE *out, const facts *f)
{
    int n = 0;
    const double share = f->rates.product_one / f->rates.peak;
    if (!f->cpu.blas)
        n++, fprintf(out, "warning: products run at %.0f GFLOP/s: %s\n", f->rates.product_one,
                     f->cpu.blas_note);
    else if (share < EXPECTED)
        n++, fprintf(out, "warning: products reach %.0f %% of the measured peak (OpenBLAS has %s "
                     "kernels); expected %.0f %% or more\n", 100 * share, f->cpu.blas_core,
                     100 * EXPECTED);
    if (f->cpu.blas && *f->cpu.blas_note) n++, fprintf(out, "warning: %s\n", f->cpu.blas_note);
    if (f->threads > 1 && f->rates.product_all < 1.4 * f->rates.product_one)
        n++, fprintf(out, "warning: %d threads are hardly faster than one (%.0f and %.0f GFLOP/s): "
                     "the CPUs are busy with other work (load %.1f), so times will be longer\n",
                     f->threads, f->rates.product_all, f->rates.product_one, f->load);
    if (kin_threads_default() < f->online)
        n++, fprintf(out, "warning: %d of %d CPUs may be used (affinity or quota)\n",
                     kin_threads_default(), f->online);
    if (!f->hdf5)
        n++, fprintf(out, "warning: built without HDF5: import, train and eval cannot work\n");
    if (!f->gpu && kin_file_exists("/dev/nvidia0"))
        n++, fprintf(out, "warning: a GPU is there, but it cannot be used\n");
    return n;
}

static kin_status print_facts_json(const facts *f)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    kin_json_put_string(&json, "cpu", f->cpu.model);
    kin_json_put_string(&json, "features", f->cpu.features);
    kin_json_put_string(&json, "isa", f->cpu.isa);
    kin_json_put_boolean(&json, "openblas", f->cpu.blas);
    kin_json_put_string(&json, "blas_core", f->cpu.blas_core);
    kin_json_put_string(&json, "blas_path", f->cpu.blas_path);
    kin_json_put_number(&json, "peak_gflops", f->rates.peak);
    kin_json_put_number(&json, "expected_gflops", EXPECTED * f->rates.peak);
    kin_json_put_number(&json, "product_gflops", f->rates.product_one);
    kin_json_put_number(&json, "product_all_gflops", f->rates.product_all);
    kin_json_put_whole(&json, "threads", f->threads);
    kin_json_put_number(&json, "memory_mb", f->memory_mb);
    kin_json_put_number(&json, "memory_gb_per_s", f->rates.memory);
    kin_json_put_boolean(&json, "hdf5", f->hdf5);
    kin_json_put_boolean(&json, "hnsw", kin_graph_available());
    kin_json_put_string(&json, "cuda", f->cuda);
    kin_json_put_boolean(&json, "gpu", f->gpu);
    if (f->gpu) {
        kin_json_put_string(&json, "gpu_name", f->device.name);
        kin_json_put_number(&json, "gpu_memory_mb", f->device.memory / MB);
        kin_json_put_number(&json, "gpu_free_mb", f->device.free / MB);
        kin_json_put_number(&json, "gpu_capability", f->device.major + f->device.minor / 10.0);
    }
    kin_json_put_boolean(&json, "wordnet", f->wordnet);
    kin_json_close(&json);
    return print_json(&json);
}

static void print_facts(const facts *f)
{
    printf("cpu       %s\nfeatures  %s\nloops     %s\n", f->cpu.model, f->cpu.features, f->cpu.isa);
    if (f->cpu.blas)
        printf("blas      %s kernels, %s\n          %s\n", f->cpu.blas_core, f->cpu.blas_config,
               f->cpu.blas_path);
    else
        printf("blas      none: kin's own product\n");
    printf("product   measured %.0f GFLOP/s on one core, expected %.0f or more (%.0f %% of a peak "
           "of %.0f); %.0f on %d threads\n", f->rates.product_one, EXPECTED * f->rates.peak,
           100 * EXPECTED, f->rates.peak, f->rates.product_all, f->rates.threads);
    printf("threads   %d of %d CPUs (affinity and quota allow %d)\nmemory    %.0f MB, %.0f GB/s\n",
           f->threads, f->online, kin_threads_default(), f->memory_mb, f->rates.memory);
    printf("hdf5      %s\ncuda      %s\nhnsw      %s\n", f->hdf5 ? "yes" : "no", f->cuda,
           kin_graph_available() ? "yes" : "no (only that kind of index needs libhnswlib-dev)");
    printf("wordnet   %s\ngnuplot   %s\n", f->wordnet ? "yes" : "no (package wordnet-base)",
           f->gnuplot ? "yes" : "no (only pictures need it)");
}

static kin_status run(const args *a)
{
    facts f = { 0 };
    KIN_TRY(gather(a, &f));
    if (args_has(a, "json")) {
        warn(stderr, &f);
        return print_facts_json(&f);
    }
    print_facts(&f);
    if (!warn(stdout, &f)) printf("all is well\n");
    return KIN_OK;
}

const verb verb_doctor = {
    .name = "doctor", .summary = "show what this machine offers and what is slow or missing",
    .usage = "", .run = run,
    .details = "Names the GPU and its memory, or says why there is none to use: then the CPU\n"
               "computes, which is no error.",
};
