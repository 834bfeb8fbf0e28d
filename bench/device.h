/* Device bench: kin's side of the cases that are timed on a GPU, over any backend. The work goes
 * through the tape, the losses and the optimizers as in training; all inputs lie on the device
 * before the clock starts. */
#ifndef KIN_BENCH_DEVICE_H
#define KIN_BENCH_DEVICE_H

#include <stdbool.h>
#include <stdio.h>
#include "core/backend.h"

typedef struct device_case device_case;

/* What one repetition needs at least: operations of products, bytes to and from memory when
 * everything else stays on the chip, exponentials. outputs: bytes of the gradients of inputs. */
typedef struct { double flops, bytes, exps, outputs; } device_work;

typedef struct {
    const device_case *kind;
    kin_backend *backend;
    kin_pool *pool;
    int64_t size[4];             /* the case's, scaled */
    size_t keep;                 /* bytes of scores that symmetric losses may keep */
    void *state;
    const void *written;         /* device memory that the last repetition wrote last */
} device_bench;

struct device_case {
    const char *name, *summary;
    int precision;               /* unless the command line says another */
    void (*count)(const device_bench *, device_work *);      /* needs no backend */
    kin_status (*open)(device_bench *);
    kin_status (*repeat)(device_bench *, double *loss);
    void (*close)(device_bench *);
    /* A gradient of the last repetition: its memory on the device and how many numbers, or NULL. */
    const real *(*gradient)(const device_bench *, int64_t *n);
    int64_t size[4];
    unsigned scaled;             /* bit i: size[i] becomes smaller with --scale */
    int64_t work;                /* a loss: its place in bench_works */
};

extern const device_case *const device_cases[];      /* ends with NULL */

/* ---- a run --------------------------------------------------------------------------------- */

typedef struct {
    const char *device;          /* "cuda", "pretend", "cpu" */
    int precision;               /* -1: each case's own */
    double scale, seconds;       /* of sizes; to spend on each case */
    size_t keep;
    bool errors;                 /* compare gradients with those of fp32 */
    int threads;                 /* of the host; 0: as many as the machine allows */
    FILE *text, *json;           /* where results go; json: one line each, or NULL */
} device_options;

/* Rates in operations, bytes and exponentials a second; 0: not known. */
typedef struct {
    const char *name;
    double product[KIN_PRECISIONS], copy, exps;
} device_rates;

typedef struct {
    device_work work;
    int precision, samples;
    long repeats;                /* in a sample */
    double ms, least_ms, most_ms;
    double loss;                 /* of the first repetition */
    double input_bytes;          /* parameters and optimizer state included */
    double extra_bytes;          /* the most that the case had beyond them */
    double driver_bytes;         /* the same as the driver counts it; below 0: not known */
    double error;                /* of the gradient against fp32, relative; NaN: not compared */
} device_result;

/* Opens the device for one case or for the ceilings. */
kin_status device_begin(device_bench *b, const device_options *o, int precision);
void device_end(device_bench *b);

void device_set_case(device_bench *b, const device_options *o, const device_case *kind);
kin_status device_run(const device_options *o, const device_case *kind, device_result *r);

/* What the device reaches at best: a product of 8192^3, and of the shapes that tiles of scores
 * have, and a copy. */
kin_status device_ceilings(const device_options *o, int precision, device_rates *rates);

/* The shortest time of a case, in seconds, and what sets it ("product", "memory", "exp"). */
double device_floor(const device_work *work, const device_rates *rates, int precision,
                    const char **limit);

/* cases: names or their beginnings, with commas between: G8 is G8a to G8g, but G1 is not G10; NULL:
 * all. product, copy: what a device reaches, in TFLOP/s of bf16 and TB/s; 0: not known. */
void device_roofline(const device_options *o, const char *cases, double product, double copy);

/* Runs the cases and tells; given rates stand in place of measuring. The status is that of the last
 * case that failed. */
kin_status device_report(const device_options *o, const char *cases, double product, double copy);
bool device_named(const char *cases, const char *name);
const char *device_precision_of(const device_work *work, int precision);   /* "-": no products */

/* ---- memory -------------------------------------------------------------------------------- */

/* Counts what the backend hands out from now on; one backend at a time. */
void device_meter(kin_backend *backend);
void device_meter_end(void);
void device_meter_mark(void);                /* the peak begins anew */
double device_meter_now(void);
double device_meter_peak(void);

/* Free bytes as the CUDA driver sees them, or -1. Its own library counts what the meter cannot
 * see: work space that the backend takes for itself. */
double device_free_bytes(void);

/* Numbers first .. first + n - 1 of an array; may run on any thread. */
typedef void device_maker(const void *context, int64_t first, int64_t n, real *x);

/* n numbers on the device, made by all threads; *to is for backend->release. */
kin_status device_make(const device_bench *b, real **to, int64_t n, device_maker *make,
                       const void *context);
void device_make_queries(const void *unused, int64_t first, int64_t n, real *x);
void device_make_documents(const void *unused, int64_t first, int64_t n, real *x);

/* Waits for the device to have finished the last repetition. */
void device_wait(const device_bench *b);
double device_seconds(void);

#endif
