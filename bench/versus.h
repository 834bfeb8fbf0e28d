/* Versus: a case and its peers take turns, so that all see the same noise of the machine. */
#ifndef KIN_BENCH_VERSUS_H
#define KIN_BENCH_VERSUS_H

#include "bench/bench.h"
#include "bench/gate.h"
#include "bench/peer.h"
#include "core/profile.h"
#include "cpu/cpu.h"

enum { BENCH_PEERS_MAX = 8, BENCH_REPEATS_MAX = 1000 };

typedef struct {
    const char *name;
    double loss, extra_mb;
    bench_sample sample[BENCH_REPEATS_MAX];
    double ms_min, ms_median, ms_max, cpu_ms_median;
} bench_program;

typedef struct {
    const bench_case *kind;
    int threads, repeats, programs;          /* program 0 is kin, the others peers */
    kin_cpu_rates rates;
    kin_cpu_facts cpu;
    bool gated;
    bench_gate gate;
    double flops;
    kin_profile *profile;                    /* NULL, or what counts kin's repetitions */
    bench_program program[1 + BENCH_PEERS_MAX];
    bench_peer peer[BENCH_PEERS_MAX];
} bench_versus;

/* One repetition with its times. */
kin_status bench_once(bench *b, bench_sample *sample);

/* Minimum, median and maximum of the samples. */
void bench_summarise(bench_program *program, int repeats);

/* Fraction of the multiply-add peak that the least FLOPs in so many ms are. */
double bench_fraction(const bench_versus *v, double ms);

/* Starts the peers ("COMMAND", or "LABEL: COMMAND" with a word that tells variants apart), lets each
 * program do `repeats` repetitions in turn, and ends them. b is open and did one repetition. Takes
 * every peer's memory, not kin's. */
kin_status bench_versus_run(bench_versus *v, bench *b, const char *const *commands, int count);

/* A table with the ratios of the medians and of the memory, kin being 1. */
void bench_versus_print(const bench_versus *v, FILE *out);

/* Raw samples and the facts of the machine as folder/CASE-tN.json. */
kin_status bench_versus_record(const bench_versus *v, const char *folder);

#endif
