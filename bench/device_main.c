/* kin_device_bench: times the cases of device.h on one device. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device.h"

static const char usage[] =
    "usage: kin_device_bench [--device cuda|pretend|cpu] [--case G1a,G2] [--seconds S]\n"
    "                        [--precision fp32|tf32|bf16|bf16x3] [--scale F] [--keep MB]\n"
    "                        [--no-errors] [--rate TFLOPS --copy TBS] [--json FILE]\n"
    "       kin_device_bench --roofline [--rate TFLOPS --copy TBS] [--scale F]\n"
    "       kin_device_bench --list\n"
    "\n"
    "--case: names or their beginnings (G8: all of G8); without it all cases. --seconds: to\n"
    "spend on each case (2). --scale: sizes of batches, vocabularies and corpora times F. --keep:\n"
    "memory for scores that symmetric losses may keep. --no-errors: gradients are not compared\n"
    "with those of fp32. --rate, --copy: what the device reaches, in place of measuring it.\n"
    "--json: one line for each result is added to FILE.\n";

typedef struct {
    device_options o;
    const char *cases, *json;
    double rate, copy;
    bool roofline, list;
} command;

/* ---- the command line ---------------------------------------------------------------------- */

static kin_status read_number(const char *option, const char *text, double *number)
{
    char *end;
    errno = 0;
    *number = strtod(text, &end);
    KIN_REQUIRE(end != text && !*end && !errno && *number > 0 && *number < 1e9, KIN_USAGE,
                "%s %s: expected a number above 0", option, text);
    return KIN_OK;
}

static kin_status read_precision(const char *text, int *precision)
{
    for (*precision = 0; device_precisions[*precision]; ++*precision)
        if (!strcmp(text, device_precisions[*precision])) return KIN_OK;
    return kin_fail(KIN_USAGE, "--precision %s: expected fp32, tf32, bf16 or bf16x3", text);
}

static kin_status read_value(command *c, const char *option, const char *text)
{
    double mb = 0;
    struct { const char *name; const char **text; } const texts[] = {
        { "--device", &c->o.device }, { "--case", &c->cases }, { "--json", &c->json } };
    struct { const char *name; double *number; } const numbers[] = {
        { "--seconds", &c->o.seconds }, { "--scale", &c->o.scale }, { "--rate", &c->rate },
        { "--copy", &c->copy }, { "--keep", &mb } };
    KIN_REQUIRE(text, KIN_USAGE, "%s needs a value", option);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (strcmp(option, texts[i].name)) continue;
        *texts[i].text = text;
        return KIN_OK;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(option, numbers[i].name)) continue;
        KIN_TRY(read_number(option, text, numbers[i].number));
        if (numbers[i].number == &mb) c->o.keep = (size_t)(mb * (1 << 20));
        return KIN_OK;
    }
    if (!strcmp(option, "--precision")) return read_precision(text, &c->o.precision);
    return kin_fail(KIN_USAGE, "unknown option %s", option);
}

static kin_status read_command(command *c, int argc, char **argv)
{
    *c = (command){ .o = { .device = "cuda", .precision = -1, .scale = 1, .seconds = 2,
                           .errors = true } };
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--roofline")) c->roofline = true;
        else if (!strcmp(argv[i], "--list")) c->list = true;
        else if (!strcmp(argv[i], "--no-errors")) c->o.errors = false;
        else {
            KIN_TRY(read_value(c, argv[i], i + 1 < argc ? argv[i + 1] : NULL));
            i++;
        }
    }
    KIN_REQUIRE(c->o.scale <= 1, KIN_USAGE, "--scale is at most 1");
    return KIN_OK;
}

/* ---- results ------------------------------------------------------------------------------- */

static void put_number(FILE *to, const char *key, double value)
{
    if (isfinite(value)) fprintf(to, ", \"%s\": %.6g", key, value);
}

static void put_error(FILE *json, const command *c, const char *name)
{
    if (!json) return;
    fprintf(json, "{\"case\": \"%s\", \"device\": \"%s\", \"error\": \"", name, c->o.device);
    for (const char *at = kin_message(); *at; at++)
        fputc(*at == '"' || *at == '\\' || (unsigned char)*at < ' ' ? '\'' : *at, json);
    fprintf(json, "\"}\n");
}

static void put_json(FILE *json, const command *c, const device_case *kind,
                     const device_result *r, const device_rates *rates)
{
    const char *limit;
    const double floor_ms = 1e3 * device_floor(&r->work, rates, r->precision, &limit);
    if (!json) return;
    fprintf(json, "{\"case\": \"%s\", \"variant\": \"kin\", \"device\": \"%s\", \"precision\": "
            "\"%s\"", kind->name, c->o.device, device_precision_of(&r->work, r->precision));
    if (c->o.scale != 1) put_number(json, "scale", c->o.scale);
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

static void print_head(void)
{
    printf("\n%-4s  %-6s  %10s  %7s  %10s  %7s  %7s  %7s  %10s  %10s  %9s\n", "case", "prec.",
           "ms", "spread", "TFLOP/s", "product", "copy", "floor", "extra MB", "driver MB",
           "gradient");
}

/* spread: the slowest sample over the fastest; product, copy, floor: the share that was reached. */
static void print_result(const device_case *kind, const device_result *r,
                         const device_rates *rates)
{
    const char *limit;
    const double floor_ms = 1e3 * device_floor(&r->work, rates, r->precision, &limit);
    printf("%-4s  %-6s  %10.4g  %7.2f  %10.4g  %6.1f%%  %6.1f%%  %6.1f%%  %10.4g  %10.4g  ",
           kind->name, device_precision_of(&r->work, r->precision), r->ms, r->most_ms / r->least_ms,
           r->work.flops / r->ms / 1e9,
           1e5 * r->work.flops / r->ms / rates->product[r->precision],
           1e5 * r->work.bytes / r->ms / rates->copy, 100 * floor_ms / r->ms,
           r->extra_bytes / (1 << 20), r->driver_bytes < 0 ? NAN : r->driver_bytes / (1 << 20));
    if (isfinite(r->error)) printf("%9.2e", r->error);
    printf("  loss %.7g\n", r->loss);
    fflush(stdout);
}

/* ---- all ----------------------------------------------------------------------------------- */

/* A name, or the beginning of one: G8 is G8a to G8g, but G1 is not G10. */
static bool named(const char *list, const char *name)
{
    for (const char *at = list; at && *at;) {
        const size_t n = strcspn(at, ",");
        if (n > 0 && !strncmp(at, name, n) && (name[n] < '0' || name[n] > '9')) return true;
        at += n + (at[n] == ',');
    }
    return !list;
}

static int precision_of(const command *c, const device_case *kind)
{
    return c->o.precision >= 0 ? c->o.precision : kind->precision;
}

/* Measures the precisions that the chosen cases use; the CPU knows none. */
static kin_status find_rates(const command *c, device_rates *rates, FILE *json)
{
    const bool cpu = !strcmp(c->o.device, "cpu");
    bool wanted[KIN_PRECISIONS] = { false };
    for (int i = 0; device_cases[i]; i++)
        if (named(c->cases, device_cases[i]->name))
            wanted[cpu ? KIN_TO_FP32 : precision_of(c, device_cases[i])] = true;
    for (int p = 0; p < KIN_PRECISIONS; p++) {
        if (c->rate > 0 && c->copy > 0) {
            rates->product[p] = c->rate * 1e12;
            rates->copy = c->copy * 1e12;
        } else if (wanted[p]) {
            KIN_TRY(device_ceilings(&c->o, p, rates, json));
        } else if (cpu) {
            rates->product[p] = rates->product[KIN_TO_FP32];
        }
    }
    return KIN_OK;
}

static kin_status run_cases(const command *c, FILE *json)
{
    device_rates rates = { .name = c->o.device };
    kin_status worst = KIN_OK;
    int chosen = 0;
    for (int i = 0; device_cases[i]; i++) chosen += named(c->cases, device_cases[i]->name);
    KIN_REQUIRE(chosen > 0, KIN_USAGE, "--case %s: no such case; --list shows them", c->cases);
    KIN_TRY(find_rates(c, &rates, json));
    print_head();
    for (int i = 0; device_cases[i]; i++) {
        device_result r;
        if (!named(c->cases, device_cases[i]->name)) continue;
        const kin_status status = device_run(&c->o, device_cases[i], &r);
        if (status) {
            printf("%-4s  %s\n", device_cases[i]->name, kin_message());
            put_error(json, c, device_cases[i]->name);
            worst = status;
        } else {
            print_result(device_cases[i], &r, &rates);
            put_json(json, c, device_cases[i], &r, &rates);
        }
        fflush(NULL);
    }
    return worst;
}

static kin_status run(const command *c)
{
    FILE *json = NULL;
    if (c->roofline) {
        device_roofline(&c->o, c->rate, c->copy);
        return KIN_OK;
    }
    for (int i = 0; c->list && device_cases[i]; i++)
        printf("%-4s  %s\n", device_cases[i]->name, device_cases[i]->summary);
    if (c->list) return KIN_OK;
    if (c->json) {
        json = fopen(c->json, "a");
        KIN_REQUIRE(json, KIN_USAGE, "%s: %s", c->json, strerror(errno));
    }
    const kin_status status = run_cases(c, json);
    if (json) fclose(json);
    return status;
}

int main(int argc, char **argv)
{
    command c;
    if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(usage, stdout);
        return 0;
    }
    kin_status status = read_command(&c, argc, argv);
    if (status) fputs(usage, stderr);
    else status = run(&c);
    if (status) fprintf(stderr, "kin_device_bench: %s\n", kin_message());
    return status ? 1 : 0;
}
