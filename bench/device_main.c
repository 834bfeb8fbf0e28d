/* kin_device_bench: what `kin bench` does with the cases of device.h, as a program that needs none
 * of the libraries that the upper rooms stand on. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device.h"

static const char usage[] =
    "usage: kin_device_bench [--device cuda|pretend|cpu] [--case G1a,G2] [--seconds S]\n"
    "                        [--precision " KIN_PRECISION_LIST("|") "] [--scale F] [--keep MB]\n"
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
    if (!strcmp(option, "--precision"))
        return kin_precision_parse(option, text, &c->o.precision);
    return kin_fail(KIN_USAGE, "unknown option %s", option);
}

static kin_status read_command(command *c, int argc, char **argv)
{
    *c = (command){ .o = { .device = "cuda", .precision = -1, .scale = 1, .seconds = 2,
                           .errors = true, .text = stdout } };
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

/* ---- all ----------------------------------------------------------------------------------- */

static kin_status run(command *c)
{
    if (c->roofline) {
        device_roofline(&c->o, c->cases, c->rate, c->copy);
        return KIN_OK;
    }
    for (int i = 0; c->list && device_cases[i]; i++)
        printf("%-4s  %s\n", device_cases[i]->name, device_cases[i]->summary);
    if (c->list) return KIN_OK;
    if (c->json) {
        c->o.json = fopen(c->json, "a");
        KIN_REQUIRE(c->o.json, KIN_USAGE, "%s: %s", c->json, strerror(errno));
    }
    const kin_status status = device_report(&c->o, c->cases, c->rate, c->copy);
    if (c->o.json) fclose(c->o.json);
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
