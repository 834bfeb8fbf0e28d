/* Bench, device: the cases that are timed on a GPU (bench/device.h), through the functions that
 * kin_device_bench calls. */
#ifndef KIN_CLI_BENCH_DEVICE_H
#define KIN_CLI_BENCH_DEVICE_H

#include "cli/verb.h"

/* Whether the command line asks for them: a case of a device, or --roofline. */
bool bench_device_asked(const args *);
kin_status bench_device(const args *);

#define BENCH_DEVICE_OPTIONS                                                                    \
    { "device", "NAME", "of G cases: cuda (default), pretend or cpu" },                         \
    { "precision", "WORD", "of G cases: " KIN_PRECISION_LIST(", ")                              \
                           " (default: each one's own)" },                                      \
    { "seconds", "S", "of G cases: how long to time each (default 2)" },                        \
    { "scale", "F", "of G cases: batches, vocabularies and corpora times F" },                  \
    { "roofline", NULL, "what each G case needs at least, without a GPU" }

#endif
