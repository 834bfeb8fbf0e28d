#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/cuda/parity.h"

/* What is allowed at each precision; 0: not asked for, because nothing there is rounded. */
static const double bounds[PARITY_BOUNDS][KIN_PRECISIONS] = {
    /*                     fp32    tf32    bf16    bf16x3 */
    [PARITY_EXACT]     = { 1e-12,  1e-12,  1e-12,  1e-12 },
    [PARITY_KERNEL]    = { 2e-6,   0,      0,      0 },
    [PARITY_PRODUCT]   = { 5e-6,   2e-3,   1e-2,   5e-5 },
    [PARITY_LONG]      = { 2e-5,   0,      0,      0 },
    [PARITY_OP]        = { 1e-5,   0,      0,      0 },
    [PARITY_LOSS]      = { 5e-6,   2e-3,   1e-2,   5e-5 },
    [PARITY_STEEP]     = { 4e-5,   5e-3,   3e-2,   1e-4 },
    [PARITY_ENDS]      = { 2e-4,   0,      0,      0 },
    [PARITY_OPTIMIZER] = { 5e-6,   0,      0,      0 },
    [PARITY_TRAINING]  = { 1e-3,   0,      0,      0 },
};

/* What steep exponents, cancelling sums and roots near 0 make of rounding is no fault of a device:
 * to the bound comes so many times what the result moved in double when each input moved by 2^-23
 * of itself; more where the precision rounds more, and curves are not straight any longer. */
static const double doubts[KIN_PRECISIONS] = { 16, 0x1p18, 0x1p21, 0x1p13 };

enum { MANY = 4096 };                  /* numbers of a result that are kept one by one */
enum { TRIES = 2, MOVED = 64 };

static const char magic[16] = "kin parity 2\n";

typedef struct {
    char name[PARITY_NAME];
    int64_t n;
    double doubt;                      /* by how much it moved with its inputs */
} record;

typedef struct { char what[64]; int64_t n; double *x; } moved;

struct parity_file {
    FILE *out;                         /* writing; else: */
    char *data;                        /* all records */
    size_t size, at;                   /* at: behind the last one that was found */
    const char *filter;
    int precision;

    char family[PARITY_NAME], name[PARITY_NAME], where[PARITY_NAME + 96];
    double bound, doubt;               /* of the present case; how often doubts count in it */
    bool moving;                       /* its inputs are moved; the results: */
    moved moved[MOVED];
    int moves;
    double ratio, error, worst_bound, got, want;     /* of the worst result; ratio: of these two */
    bool all;                          /* every failure is printed */
    long cases, failures, families, failed;
};

/* ---- the file -------------------------------------------------------------------------------- */

static kin_status read_all(parity_file *f, FILE *in, const char *path, uint64_t *seed)
{
    char first[sizeof magic];
    KIN_REQUIRE(fread(first, sizeof first, 1, in) == 1 && fread(seed, sizeof *seed, 1, in) == 1 &&
                !memcmp(first, magic, sizeof magic), KIN_DATA, "%s: no results of kin64_parity",
                path);
    const long begin = ftell(in);
    fseek(in, 0, SEEK_END);
    f->size = (size_t)(ftell(in) - begin);
    fseek(in, begin, SEEK_SET);
    f->data = parity_host(f->size);
    KIN_REQUIRE(fread(f->data, 1, f->size, in) == f->size, KIN_DATA, "%s: cannot be read", path);
    return KIN_OK;
}

kin_status parity_open(parity *p, const char *path, bool write, const char *filter, int precision)
{
    parity_file *f = p->file = parity_host(sizeof *f);
    f->filter = filter;
    f->precision = precision;
    p->rounds = precision != 0;
    f->ratio = -1;
    f->all = getenv("KIN_PARITY_ALL") != NULL;
    FILE *file = fopen(path, write ? "wb" : "rb");
    KIN_REQUIRE(file, KIN_DATA, "%s: cannot be opened", path);
    if (!write) {
        const kin_status status = read_all(f, file, path, &p->seed);
        fclose(file);
        return status;
    }
    f->out = file;
    fwrite(magic, sizeof magic, 1, file);
    fwrite(&p->seed, sizeof p->seed, 1, file);
    return KIN_OK;
}

/* The numbers of that name, as many as there must be, or NULL: cases come in the order in which
 * they were written, but some are left out. */
static const char *find(parity_file *f, record *wanted)
{
    size_t at = f->at;
    for (size_t seen = 0; seen < f->size;) {
        record r;
        if (at >= f->size) at = 0;
        memcpy(&r, f->data + at, sizeof r);
        const size_t whole = sizeof r + (size_t)r.n * sizeof(double);
        if (!strcmp(r.name, wanted->name)) {
            f->at = at + whole;
            wanted->doubt = r.doubt;
            return r.n == wanted->n ? f->data + at + sizeof r : NULL;
        }
        at += whole, seen += whole;
    }
    return NULL;
}

/* ---- judging --------------------------------------------------------------------------------- */

static void forget_moved(parity_file *f)
{
    for (int i = 0; i < f->moves; i++) free(f->moved[i].x);
    f->moves = 0;
}

static void end_family(parity *p)
{
    parity_file *f = p->file;
    const bool broken = kin_backend_check(p->device) != KIN_OK;
    if (broken) {
        printf("%s: the device failed: %s\n", f->family, kin_message());
        f->failures++;
    }
    if (*f->family && !f->out) {
        printf("%-34s %6ld results, worst %8.2g of %7.2g  %s", f->family, f->cases, f->error,
               f->worst_bound, f->failures ? "FAILED" : "ok");
        if (f->failures) printf(" (%ld)", f->failures);
        if (*f->where) printf("  %s: %.9g, expected %.9g", f->where, f->got, f->want);
        printf("\n");
        fflush(stdout);
    }
    f->families += *f->family != 0;
    f->failed += f->failures > 0;
    f->cases = f->failures = 0;
    f->ratio = -1;
    *f->family = *f->where = 0;
    if (broken) parity_close(p), exit(1);                    /* what follows would mean nothing */
}

bool parity_close(parity *p)
{
    parity_file *f = p->file;
    const bool written = !f->out || !fclose(f->out);
    if (!f->out && *f->family) end_family(p);
    if (!f->out) printf("%ld families, %ld failed\n", f->families, f->failed);
    const bool good = written && !f->failed && (f->out || f->families);
    forget_moved(f);
    free(f->data);
    free(f);
    p->file = NULL;
    return good;
}

bool parity_begin(parity *p, const char *family, parity_bound bound, const char *format, ...)
{
    parity_file *f = p->file;
    char name[PARITY_NAME / 2];
    va_list values;
    va_start(values, format);
    vsnprintf(name, sizeof name, format, values);
    va_end(values);
    snprintf(f->name, sizeof f->name, "%s: %s", family, name);
    if (f->filter && !strstr(f->name, f->filter)) return false;
    if (!f->out && bounds[bound][f->precision] == 0) return false;
    if (strcmp(f->family, family)) {
        end_family(p);
        snprintf(f->family, sizeof f->family, "%s", family);
    }
    forget_moved(f);
    f->bound = bounds[bound][f->precision];
    f->doubt = doubts[f->precision];
    return true;
}

bool parity_allow(parity *p, parity_bound bound)
{
    p->file->bound = bounds[bound][p->file->precision];
    return p->file->out || p->file->bound > 0;
}

/* The worst result of a family is the one nearest to its bound, or farthest beyond. */
static void judge(parity_file *f, const char *what, double error, double bound, double got,
                  double want)
{
    const double ratio = isnan(error) ? INFINITY : error / bound;
    f->cases++;
    f->failures += ratio > 1;
    if (ratio > 1 && f->all)
        printf("  %s: %s: off by %.3g of %.3g: %.9g, expected %.9g\n", f->name, what, error, bound,
               got, want);
    if (ratio <= f->ratio) return;
    f->ratio = ratio, f->error = error, f->worst_bound = bound, f->got = got, f->want = want;
    snprintf(f->where, sizeof f->where, "%s: %s", strchr(f->name, ':') + 2, what);
}

/* The largest difference relative to the largest number, and where it is. */
static double apart(const double *x, const double *want, int64_t n, double floor, int64_t *at)
{
    double worst = 0, largest = floor;
    *at = 0;
    for (int64_t i = 0; i < n; i++) {
        const bool odd = !isfinite(x[i]) || !isfinite(want[i]);
        const bool same = isnan(want[i]) ? isnan(x[i]) : x[i] == want[i];
        const double d = same ? 0 : odd ? INFINITY : fabs(x[i] - want[i]);
        if (isfinite(want[i])) largest = fmax(largest, fabs(want[i]));
        if (d > worst) worst = d, *at = i;
    }
    return worst > 0 && largest > 0 ? worst / largest : worst;
}

void parity_error(parity *p, const char *what, double error, double bound)
{
    if (p->file->out) fprintf(stderr, "%s: %s: %g\n", p->file->name, what, error);
    else judge(p->file, what, error, bound, error, 0);
}

/* What stands for many numbers: the first, the last, and the sums of equal parts of all, which are
 * scaled so that they have the size of a number and its error. Returns how many that are. */
static int64_t shorten(const double *x, int64_t n, double *to)
{
    enum { EDGE = 1024, PARTS = 2048 };
    const int64_t part = (n + PARTS - 1) / PARTS;
    memcpy(to, x, sizeof *x * EDGE);
    memcpy(to + EDGE, x + n - EDGE, sizeof *x * EDGE);
    to += 2 * EDGE;
    memset(to, 0, sizeof *x * PARTS);
    for (int64_t i = 0; i < n; i++) to[i / part] += x[i] / sqrt((double)part);
    return 2 * EDGE + PARTS;
}

/* ---- doubts ---------------------------------------------------------------------------------- */

int parity_doubts(parity *p) { return p->file->out ? TRIES : 0; }

void parity_moving(parity *p, bool moving) { p->file->moving = moving; }

static void keep_moved(parity_file *f, const char *what, const double *x, int64_t n)
{
    if (f->moves == MOVED) fprintf(stderr, "parity: too many results\n"), exit(1);
    moved *m = &f->moved[f->moves++];
    snprintf(m->what, sizeof m->what, "%s", what);
    m->n = n;
    m->x = parity_host(sizeof *x * (size_t)n);
    memcpy(m->x, x, sizeof *x * (size_t)n);
}

static double doubt_of(const parity_file *f, const char *what, const double *x, int64_t n,
                       double floor)
{
    double most = 0;
    int64_t at;
    for (int i = 0; i < f->moves; i++) {
        const moved *m = &f->moved[i];
        const double d = m->n == n && !strcmp(m->what, what) ? apart(m->x, x, n, floor, &at) : 0;
        if (isfinite(d)) most = fmax(most, d);
    }
    return most;
}

/* ---- results --------------------------------------------------------------------------------- */

static void write_down(parity_file *f, record *r, const char *what, const double *x, double floor)
{
    r->doubt = doubt_of(f, what, x, r->n, floor);
    fwrite(r, sizeof *r, 1, f->out);
    fwrite(x, sizeof *x, (size_t)r->n, f->out);
}

static void keep(parity_file *f, const char *what, const double *x, int64_t n, double floor)
{
    record r = { .n = n };
    int64_t at;
    snprintf(r.name, sizeof r.name, "%s: %s", f->name, what);
    if (f->moving) {
        keep_moved(f, what, x, n);
        return;
    }
    if (f->out) {
        write_down(f, &r, what, x, floor);
        return;
    }
    const char *found = find(f, &r);
    if (!found) {
        judge(f, what, INFINITY, f->bound, (double)n, -1);    /* nothing like it was written */
        return;
    }
    double *want = parity_host(sizeof *want * (size_t)n);
    memcpy(want, found, sizeof *want * (size_t)n);
    const double error = apart(x, want, n, floor, &at);
    judge(f, what, error, f->bound + f->doubt * r.doubt, n ? x[at] : 0, n ? want[at] : 0);
    free(want);
}

void parity_doubles(parity *p, const char *what, const double *x, int64_t n, double floor)
{
    if (n <= MANY) {
        keep(p->file, what, x, n, floor);
        return;
    }
    double *some = parity_host(sizeof *some * MANY);
    keep(p->file, what, some, shorten(x, n, some), floor);
    free(some);
}

void parity_reals(parity *p, const char *what, const real *device, int64_t n, double floor)
{
    real *host = parity_host(sizeof *host * (size_t)n);
    double *x = parity_host(sizeof *x * (size_t)n);
    p->device->download(p->device, host, device, sizeof *host * (size_t)n);
    for (int64_t i = 0; i < n; i++) x[i] = (double)host[i];
    parity_doubles(p, what, x, n, floor);
    free(x), free(host);
}

void parity_integers(parity *p, const char *what, const int32_t *device, int64_t n)
{
    int32_t *host = parity_host(sizeof *host * (size_t)n);
    double *x = parity_host(sizeof *x * (size_t)n);
    p->device->download(p->device, host, device, sizeof *host * (size_t)n);
    for (int64_t i = 0; i < n; i++) x[i] = host[i];
    const double bound = p->file->bound;
    p->file->bound = bounds[PARITY_EXACT][KIN_TO_FP32];
    parity_doubles(p, what, x, n, 1);
    p->file->bound = bound;
    free(x), free(host);
}

void parity_exactly(parity *p, const char *what, double x)
{
    const double bound = p->file->bound;
    p->file->bound = bounds[PARITY_EXACT][KIN_TO_FP32];
    parity_doubles(p, what, &x, 1, 1);
    p->file->bound = bound;
}
