#include "bench/gate.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench/bench.h"
#include "bench/peer.h"
#include "core/file.h"
#include "data/npy.h"

static const double LOSS = 1e-6, GRADIENT = 1e-5;

/* The loss of a first repetition whose gradients go to a folder. */
static kin_status first(const char *program, const char *name, int threads, const char *folder,
                        double *loss)
{
    char self[PATH_MAX - 16] = "", command[3 * PATH_MAX];
    bench_peer p;
    double memory;
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    char *slash = size > 0 ? strrchr(self, '/') : NULL;
    KIN_REQUIRE(slash, KIN_RUNTIME, "/proc/self/exe cannot be read, so kin64 is not found");
    snprintf(slash + 1, sizeof self - (size_t)(slash + 1 - self), "%s", program);
    KIN_REQUIRE(access(self, X_OK) == 0, KIN_RUNTIME, "%s is not there, so nothing can be compared "
                "with double", self);
    snprintf(command, sizeof command, "exec '%s' bench %s --threads %d --serve --dump '%s'", self,
             name, threads, folder);
    kin_status status = bench_peer_start(&p, command, NULL);
    *loss = p.loss;
    if (!status) status = bench_peer_end(&p, &memory);
    bench_peer_stop(&p);
    return status;
}

static double value_at(const kin_npy *a, int64_t i)
{
    return a->dtype == KIN_F64 ? ((const double *)a->values)[i]
                               : (double)((const float *)a->values)[i];
}

static kin_status compare_array(const char *ours, const char *truth, double *error)
{
    kin_npy a, b;
    double difference = 0, size = 0;
    KIN_TRY(kin_npy_map(&a, ours));
    kin_status status = kin_npy_map(&b, truth);
    if (!status && (a.rows != b.rows || a.cols != b.cols || a.depth || b.depth))
        status = kin_fail(KIN_RUNTIME, "%s and %s differ in shape", ours, truth);
    const int64_t n = a.rows * (a.cols > 0 ? a.cols : 1);
    for (int64_t i = 0; !status && i < n; i++) {
        const double want = value_at(&b, i), off = value_at(&a, i) - want;
        difference += off * off;
        size += want * want;
    }
    kin_npy_unmap(&a);
    if (!status) kin_npy_unmap(&b);
    *error = size > 0 ? sqrt(difference / size) : sqrt(difference);
    return status;
}

static kin_status compare(bench_gate *g, const char *name, int threads, const char *folder)
{
    char folders[2][PATH_MAX], paths[2][PATH_MAX];
    double loss[2];
    for (int i = 0; i < 2; i++) {
        KIN_TRY(kin_path_join(folders[i], PATH_MAX, folder, i ? "kin64" : "kin"));
        KIN_TRY(kin_folder_make(folders[i]));
        KIN_TRY(first(i ? "kin64" : "kin", name, threads, folders[i], &loss[i]));
    }
    g->loss = fabs(loss[0] - loss[1]) / (fabs(loss[1]) > 0 ? fabs(loss[1]) : 1);
    g->gradient = 0;
    for (int k = 0; bench_arrays[k]; k++) {
        double error;
        for (int i = 0; i < 2; i++)
            KIN_TRY(kin_path_join(paths[i], PATH_MAX, folders[i], bench_arrays[k]));
        if (!kin_file_exists(paths[1])) continue;
        KIN_TRY(compare_array(paths[0], paths[1], &error));
        if (!(error <= g->gradient)) g->gradient = error;
    }
    g->passed = g->loss <= LOSS && g->gradient <= GRADIENT;
    return KIN_OK;
}

kin_status bench_gate_check(bench_gate *gate, const char *name, int threads)
{
    char folder[PATH_MAX];
    const char *place = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/kin-bench-XXXXXX", place && *place ? place : "/tmp");
    KIN_REQUIRE(mkdtemp(folder), KIN_RUNTIME, "%s: no folder for gradients can be made", folder);
    const kin_status status = compare(gate, name, threads, folder);
    char reason[1024];
    snprintf(reason, sizeof reason, "%s", kin_message());
    kin_folder_remove(folder);
    return status ? kin_fail(status, "%s", reason) : KIN_OK;
}
