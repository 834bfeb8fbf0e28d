#include "bench/bench.h"
#include "core/file.h"
#include "data/npy.h"

const char *const bench_arrays[] = { "dq.npy", "dk.npy", NULL };

kin_status bench_dump(const bench *b, int which, int64_t rows, int64_t cols, const real *values)
{
    char path[4096];
    if (!b->dump) return KIN_OK;
    KIN_TRY(kin_path_join(path, sizeof path, b->dump, bench_arrays[which]));
    return kin_npy_write(path, sizeof(real) == 4 ? KIN_F32 : KIN_F64, rows, cols, values);
}
