/* The CPU backend: memory, and the table of kernels. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cpu/internal.h"
#include "cpu/score.h"

/* ---- variants: one table for each instruction set -------------------------------------------- */

typedef struct {
    const kin_loops *loops;
    const kin_element_loops *const *elements;     /* in the order of elements.def */
} variant;

#define ISA(isa) extern const kin_loops kin_loops_##isa;
KIN_EACH_ISA(ISA)
#undef ISA

#define ELEMENT(name) extern const kin_element_loops kin_element_##name##_plain;
#include "autograd/elements.def"
#undef ELEMENT
static const kin_element_loops *const elements_plain[] = {
#define ELEMENT(name) &kin_element_##name##_plain,
#include "autograd/elements.def"
#undef ELEMENT
};

#if defined(KIN_X86) && !defined(KIN_DOUBLE)
#define ELEMENT(name) extern const kin_element_loops kin_element_##name##_avx2, \
                                                     kin_element_##name##_avx512;
#include "autograd/elements.def"
#undef ELEMENT
static const kin_element_loops *const elements_avx2[] = {
#define ELEMENT(name) &kin_element_##name##_avx2,
#include "autograd/elements.def"
#undef ELEMENT
};
static const kin_element_loops *const elements_avx512[] = {
#define ELEMENT(name) &kin_element_##name##_avx512,
#include "autograd/elements.def"
#undef ELEMENT
};
#endif

#define ISA(isa) { &kin_loops_##isa, elements_##isa },
static const variant variants[] = { KIN_EACH_ISA(ISA) };
#undef ISA
enum { VARIANTS = sizeof variants / sizeof *variants };

/* How many of the variants this CPU can run. */
static int runnable(void)
{
    const kin_cpu_features *cpu = kin_features();
    const int most = cpu->avx512 ? 3 : cpu->avx2 ? 2 : 1;
    return most < VARIANTS ? most : VARIANTS;
}

static kin_status choose(const variant **chosen)
{
    static const char *const names[] = { "plain", "avx2", "avx512" };
    const char *wish = getenv("KIN_ISA");
    int place = runnable() - 1;
    if (wish && *wish) {
        for (place = 0; place < 3 && strcmp(wish, names[place]) != 0;) place++;
        KIN_REQUIRE(place < 3, KIN_USAGE, "KIN_ISA is \"%s\", expected plain, avx2 or avx512",
                    wish);
#ifdef KIN_DOUBLE
        place = 0;                          /* kin64 has plain loops only */
#endif
        KIN_REQUIRE(place < runnable(), KIN_USAGE, "KIN_ISA is \"%s\", but this CPU lacks it",
                    wish);
    }
    *chosen = &variants[place];
    return KIN_OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

static void *cpu_alloc(kin_backend *backend, size_t bytes)
{
    (void)backend;
    return kin_host_alloc(bytes);
}

static void cpu_release(kin_backend *backend, void *block)
{
    (void)backend;
    free(block);
}

static void cpu_copy(kin_backend *backend, void *to, const void *from, size_t bytes)
{
    (void)backend;
    if (bytes > 0) memmove(to, from, bytes);
}

static void cpu_zero(kin_backend *backend, void *to, size_t bytes)
{
    (void)backend;
    if (bytes > 0) memset(to, 0, bytes);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void cpu_free(kin_backend *backend)
{
    kin_cpu *cpu = cpu_of(backend);
    free(cpu->room);
    free(cpu);
}

static const kin_backend table = {
    .name = "cpu", .host = true, .tile_columns = 1024, .tile_scores = 192 * 1024,
    .alloc = cpu_alloc, .release = cpu_release, .upload = cpu_copy,
    .download = cpu_copy, .copy = cpu_copy, .zero = cpu_zero, .product = kin_cpu_product,
    .sum = kin_cpu_sum, .sum_squares = kin_cpu_sum_squares, .sums = kin_cpu_sums,
    .add = kin_cpu_add,
    .scale = kin_cpu_scale, .fill = kin_cpu_fill, .multiply = kin_cpu_multiply,
    .add_row = kin_cpu_add_row,
    .sum_rows = kin_cpu_sum_rows, .row_dots = kin_cpu_row_dots,
    .scale_rows = kin_cpu_scale_rows, .add_block = kin_cpu_add_block, .fold = kin_cpu_fold,
    .element = kin_cpu_element,
    .element_back = kin_cpu_element_back, .normalize = kin_cpu_normalize,
    .normalize_back = kin_cpu_normalize_back, .dropout = kin_cpu_dropout, .bag = kin_cpu_bag,
    .bag_work = kin_cpu_bag_work, .bag_rows = kin_cpu_bag_rows, .bag_sum = kin_cpu_bag_sum,
    .bag_adam = kin_cpu_bag_adam, .adam = kin_cpu_adam,
    .adam_rows = kin_cpu_adam_rows, .adam_table = kin_cpu_adam_table, .search = kin_cpu_search,
    .encode = kin_cpu_encode, .encode_queries = kin_cpu_encode_queries, .scan = kin_cpu_scan,
    .scan_self = kin_cpu_scan_self,
    .cell_dots = kin_cpu_cell_dots, .cell_sums = kin_cpu_cell_sums, .score = kin_cpu_score,
    .free = cpu_free,
};

/* Share of the multiply-add peak, ours and that of OpenBLAS 0.3.21. AVX2 on Zen 3, A B' at depths
 * 64 to 256: 0.85 to 0.89, 0.77 to 0.80. AVX-512 on Emerald Rapids, panels of 192 rows, depths and
 * widths 64 to 768: A B' 0.66 to 0.76, 0.59 to 0.71; A B 0.73 to 0.82, 0.53 to 0.66; A' B the same
 * either way. */
static kin_own own_products(const kin_loops *loops)
{
    if (strcmp(loops->name, "avx2") == 0) return KIN_OWN_DOTS;
    return strcmp(loops->name, "avx512") == 0 && !kin_features()->half_units ? KIN_OWN_ALL
                                                                             : KIN_OWN_NONE;
}

static void choose_scan(kin_cpu *cpu)
{
    const kin_loops *loops = cpu->loops;
    const bool vnni = loops->scan_vnni.run && kin_features()->vnni;
    cpu->scan_few = vnni ? loops->scan_vnni : loops->scan;
    cpu->scan = loops->scan_amx.run && kin_may_use_amx() ? loops->scan_amx : cpu->scan_few;
}

kin_status kin_cpu_new(kin_backend **backend, kin_pool *pool)
{
    const variant *chosen = NULL;
    *backend = NULL;
    KIN_TRY(choose(&chosen));
    kin_cpu *cpu = calloc(1, sizeof *cpu);
    KIN_REQUIRE(cpu, KIN_MEMORY, "cpu: no memory");
    cpu->backend = table;
    cpu->backend.pool = pool;
    cpu->backend.state = cpu;
    cpu->loops = chosen->loops;
    cpu->elements = chosen->elements;
    cpu->blas = kin_blas_open();
    cpu->own = own_products(cpu->loops);
    choose_scan(cpu);
    const size_t size = (size_t)kin_pool_threads(pool) * KIN_PRODUCT_ROOM * sizeof(real);
    cpu->room = kin_host_alloc(size);
    if (!cpu->room) {
        free(cpu);
        return kin_fail(KIN_MEMORY, "cpu: no memory for %zu bytes", size);
    }
    *backend = &cpu->backend;
    return KIN_OK;
}

kin_cpu_facts kin_cpu_describe(const kin_backend *backend)
{
    const kin_cpu *cpu = backend->state;
    const kin_cpu_features *features = kin_features();
    return (kin_cpu_facts){
        .vendor = features->vendor, .model = features->model, .features = features->names,
        .isa = cpu->loops->name, .blas = cpu->blas->gemm != NULL, .blas_path = cpu->blas->path,
        .blas_core = cpu->blas->core, .blas_config = cpu->blas->config,
        .blas_note = cpu->blas->note, .blas_was_loaded = cpu->blas->was_loaded,
    };
}
