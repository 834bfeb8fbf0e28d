/* Peer: another program that does the same work, in a process of its own and on request. It prints
 * {"ready": true, "peer": NAME, "loss": L} once it is warm, answers each line "go" with
 * {"ms": wall, "cpu_ms": process time, "loss": L} and "end" with {"extra_mb": M}; lines that do not
 * begin with '{' are passed over. `kin bench CASE --serve` speaks the same. */
#ifndef KIN_BENCH_PEER_H
#define KIN_BENCH_PEER_H

#include <stdio.h>
#include <sys/types.h>
#include "core/status.h"

typedef struct {
    pid_t pid;                   /* 0: not running */
    FILE *to, *from;
    char name[160];              /* what it calls itself */
    double loss;                 /* of its first repetition */
} bench_peer;

typedef struct { double ms, cpu_ms, loss; } bench_sample;

/* Runs a shell command and waits until it is ready. label: added to its name, or NULL. KIN_RUNTIME
 * names the command when it ends or says something else. */
kin_status bench_peer_start(bench_peer *peer, const char *command, const char *label);
kin_status bench_peer_go(bench_peer *peer, bench_sample *sample);

/* Asks it to leave and waits; extra_mb: what it says of its memory. */
kin_status bench_peer_end(bench_peer *peer, double *extra_mb);

/* Kills what still runs. */
void bench_peer_stop(bench_peer *peer);

#endif
