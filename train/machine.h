/* Machine: the clock, and how much memory is used and left. */
#ifndef KIN_TRAIN_MACHINE_H
#define KIN_TRAIN_MACHINE_H

#define KIN_MB 1048576.0              /* bytes of what is called MB everywhere here */

double kin_seconds(void);             /* a clock that never goes back */

/* MB of this process: resident now, and at most so far. 0 where the system does not say. */
/* Gives memory that was freed back to the system, where the C library can. */
void kin_memory_trim(void);

double kin_memory_now(void);
double kin_memory_peak(void);

/* MB that could still be taken: what the system calls available, or what a cgroup's limit leaves
 * when that is less. Very large where the system does not say. */
double kin_memory_left(void);

#endif
