/* Device bench: the chosen cases, one after another, and how they are told. */
#include <math.h>
#include <string.h>

#include "bench/device.h"

/* ---- results ------------------------------------------------------------------------------- */

static void put_number(FILE *to, const char *key, double value)
{
    if (isfinite(value)) fprintf(to, ", \"%s\": %.6g", key, value);
}

static void put_error(const device_options *o, const char *name)
{
    FILE *json = o->json;
    if (!json) return;
    fprintf(json, "{\"case\": \"%s\", \"device\": \"%s\", \"error\": \"", name, o->device);
    for (const char *at = kin_message(); *at; at++)
        fputc(*at == '"' || *at == '\\' || (unsigned char)*at < ' ' ? '\'' : *at, json);
    fprintf(json, "\"}\n");
}

static void put_json(const device_options *o, const device_case *kind, const device_result *r,
                     const device_rates *rates)
{
    FILE *json = o->json;
    const char *limit;
    const double floor_ms = 1e3 * device_floor(&r->work, rates, r->precision, &limit);
    if (!json) return;
    fprintf(json, "{\"case\": \"%s\", \"variant\": \"kin\", \"device\": \"%s\", \"precision\": "
            "\"%s\"", kind->name, o->device, device_precision_of(&r->work, r->precision));
    if (o->scale != 1) put_number(json, "scale", o->scale);
    put_number(json, "ms", r->ms);
    put_number(json, "ms_min", r->least_ms);
    put_number(json, "ms_max", r->most_ms);
    fprintf(json, ", \"samples\": %d, \"repeats\": %ld", r->samples, r->repeats);
    put_number(json, "floor_ms", floor_ms);
    fprintf(json, ", \"limit\": \"%s\"", limit);
    put_number(json, "of_floor", floor_ms / r->ms);
    put_number(json, "tflops", r->work.flops / r->ms / 1e9);
    put_number(json, "of_product", r->work.flops / r->ms * 1e3 / rates->product[r->precision]);
    put_number(json, "of_copy", r->work.bytes / r->ms * 1e3 / rates->copy);
    put_number(json, "input_mb", r->input_bytes / (1 << 20));
    put_number(json, "output_mb", r->work.outputs / (1 << 20));
    put_number(json, "extra_mb", r->extra_bytes / (1 << 20));
    put_number(json, "driver_mb", r->driver_bytes < 0 ? NAN : r->driver_bytes / (1 << 20));
    put_number(json, "gradient_error", r->error);
    fprintf(json, ", \"loss\": %.9g}\n", r->loss);
    fflush(json);
}

static void print_head(FILE *to)
{
    fprintf(to, "\n%-4s  %-6s  %10s  %7s  %10s  %7s  %7s  %7s  %10s  %10s  %9s\n", "case", "prec.",
            "ms", "spread", "TFLOP/s", "product", "copy", "floor", "extra MB", "driver MB",
            "gradient");
}

/* spread: the slowest sample over the fastest; product, copy, floor: the share that was reached. */
static void print_result(FILE *to, const device_case *kind, const device_result *r,
                         const device_rates *rates)
{
    const char *limit;
    const double floor_ms = 1e3 * device_floor(&r->work, rates, r->precision, &limit);
    fprintf(to, "%-4s  %-6s  %10.4g  %7.2f  %10.4g  %6.1f%%  %6.1f%%  %6.1f%%  %10.4g  %10.4g  ",
            kind->name, device_precision_of(&r->work, r->precision), r->ms,
            r->most_ms / r->least_ms, r->work.flops / r->ms / 1e9,
            1e5 * r->work.flops / r->ms / rates->product[r->precision],
            1e5 * r->work.bytes / r->ms / rates->copy, 100 * floor_ms / r->ms,
            r->extra_bytes / (1 << 20), r->driver_bytes < 0 ? NAN : r->driver_bytes / (1 << 20));
    if (isfinite(r->error)) fprintf(to, "%9.2e", r->error);
    fprintf(to, "  loss %.7g\n", r->loss);
    fflush(to);
}

/* ---- all ----------------------------------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool device_named(const char *cases, const char *name)
{
    for (const char *at = cases; at && *at;) {
        const size_t n = strcspn(at, ",");
        if (n > 0 && !strncmp(at, name, n) && !(is_digit(at[n - 1]) && is_digit(name[n])))
            return true;
        at += n + (at[n] == ',');
    }
    return !cases;
}

static int precision_of(const device_options *o, const device_case *kind)
{
    return o->precision >= 0 ? o->precision : kind->precision;
}

/* Of the precisions that the chosen cases use, unless rates were given; the CPU knows none. */
static kin_status find_rates(const device_options *o, const char *cases, double product,
                             double copy, device_rates *rates)
{
    const bool cpu = !strcmp(o->device, "cpu");
    bool wanted[KIN_PRECISIONS] = { false };
    for (int i = 0; device_cases[i]; i++)
        if (device_named(cases, device_cases[i]->name))
            wanted[cpu ? KIN_TO_FP32 : precision_of(o, device_cases[i])] = true;
    for (int p = 0; p < KIN_PRECISIONS; p++) {
        if (product > 0 && copy > 0) {
            rates->product[p] = product * 1e12;
            rates->copy = copy * 1e12;
        } else if (wanted[p]) {
            KIN_TRY(device_ceilings(o, p, rates));
        } else if (cpu) {
            rates->product[p] = rates->product[KIN_TO_FP32];
        }
    }
    return KIN_OK;
}

static kin_status report_case(const device_options *o, const device_case *kind,
                              const device_rates *rates)
{
    device_result r;
    const kin_status status = device_run(o, kind, &r);
    if (status) {
        fprintf(o->text, "%-4s  %s\n", kind->name, kin_message());
        put_error(o, kind->name);
    } else {
        print_result(o->text, kind, &r, rates);
        put_json(o, kind, &r, rates);
    }
    fflush(NULL);
    return status;
}

kin_status device_report(const device_options *o, const char *cases, double product, double copy)
{
    device_rates rates = { .name = o->device };
    kin_status worst = KIN_OK;
    int chosen = 0;
    for (int i = 0; device_cases[i]; i++) chosen += device_named(cases, device_cases[i]->name);
    KIN_REQUIRE(chosen > 0, KIN_USAGE, "'%s' names no case of a device", cases);
    KIN_TRY(find_rates(o, cases, product, copy, &rates));
    print_head(o->text);
    for (int i = 0; device_cases[i]; i++) {
        if (!device_named(cases, device_cases[i]->name)) continue;
        const kin_status status = report_case(o, device_cases[i], &rates);
        if (status) worst = status;
    }
    return worst;
}
