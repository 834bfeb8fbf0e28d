/* Parity: the same cases on two devices. The sources are compiled twice: in double, on the CPU, the
 * program writes what every case gives; in float it does the cases again on the device that is
 * tried and compares. What is asked of a device follows from lists (kernels, ops, losses,
 * optimizers), so that a new one of these is tried without an edit here.
 *
 * Inputs are a function of the seed and are rounded to float in both programs. Memory of the device
 * is reached by upload and download alone. */
#ifndef KIN_TESTS_CUDA_PARITY_H
#define KIN_TESTS_CUDA_PARITY_H

#include <stdbool.h>
#include <stdint.h>
#include "autograd/tape.h"
#include "core/backend.h"

/* What a number may be off, relative to the largest of its array: parity_record.c has the table. */
typedef enum {
    PARITY_EXACT,              /* integers and what is made of few small ones */
    PARITY_KERNEL,             /* one kernel of the backend */
    PARITY_PRODUCT,            /* operands are rounded as the precision says */
    PARITY_LONG,               /* sums of tens of thousands of numbers, and their squares */
    PARITY_OP,                 /* ops and their gradients */
    PARITY_LOSS,               /* losses at their defaults and choices */
    PARITY_STEEP,              /* such whose exponents reach the hundreds */
    PARITY_ENDS,               /* exponents of thousands, sums that are carried as logarithms */
    PARITY_OPTIMIZER,          /* parameters after some steps */
    PARITY_TRAINING,           /* a curve of losses */
    PARITY_BOUNDS
} parity_bound;

enum { PARITY_BLOCKS = 64, PARITY_NAME = 160 };

typedef struct parity_file parity_file;

typedef struct {
    kin_backend *device;       /* the one that is tried, or that writes */
    kin_tape *tape;            /* on it */
    kin_backend *host;         /* the CPU, and a tape there: for making batches of losses */
    kin_tape *host_tape;
    uint64_t seed;
    bool small;                /* fewer and smaller cases: threads of a pretend device are slow */
    bool rounds;               /* products round their operands: ranks may change */
    int64_t shift;             /* numbers of a case begin so far behind an aligned address */
    parity_file *file;

    void *block[PARITY_BLOCKS];        /* of the present case */
    size_t bytes[PARITY_BLOCKS];       /* without what stands guard behind them */
    int blocks;
} parity;

/* ---- a case (parity_record.c) ---------------------------------------------------------------- */

/* Opens the file for writing, or reads it whole; filter: do only cases whose name contains it. */
kin_status parity_open(parity *, const char *path, bool write, const char *filter, int precision);

/* Prints the last line and closes; whether all was well. */
bool parity_close(parity *);

/* Begins a case; false: it is not asked for. One line is printed for each family, whose cases come
 * one after another. */
bool parity_begin(parity *, const char *family, parity_bound, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Another bound for the rest of the case; false: nothing is asked of it at this precision. */
bool parity_allow(parity *, parity_bound);

/* Ends it: gives its memory back, after a look whether anything was written behind a block. */
void parity_end(parity *);

/* A result. Differences are relative to the largest entry, or to floor where that is larger: the
 * size of what is added up, which may cancel. */
void parity_doubles(parity *, const char *what, const double *x, int64_t n, double floor);
void parity_reals(parity *, const char *what, const real *device, int64_t n, double floor);
void parity_integers(parity *, const char *what, const int32_t *device, int64_t n);

/* A result that is not a number: equal or wrong, whatever the bound. */
void parity_exactly(parity *, const char *what, double x);

/* An error that was found in another way, such as of known values. */
void parity_error(parity *, const char *what, double error, double bound);

/* How often a case should be tried beforehand, while parity_moving, with inputs moved by 2^-23 of
 * themselves: what its results are worth in float. 0 when comparing. */
int parity_doubts(parity *);
void parity_moving(parity *, bool moving);

/* ---- memory and numbers of a case (parity_input.c) ------------------------------------------- */

/* Device memory until parity_end; the room's numbers are NaN. */
void *parity_put(parity *, const void *host, size_t bytes);
real *parity_room(parity *, int64_t n);

/* Numbers that float holds exactly: normal, and integers -most .. most. which: another
 * array of the same case. */
real *parity_normal(parity *, uint32_t which, int64_t n);
real *parity_whole(parity *, uint32_t which, int64_t n, int64_t most);

/* Host memory, freed by the caller. */
real *parity_host_normal(const parity *, uint32_t which, int64_t n);
int32_t *parity_host_below(const parity *, uint32_t which, int64_t n, int64_t below);
void *parity_host(size_t bytes);

/* The numbers at an aligned address, whatever the shift. */
static inline real *parity_put_reals(parity *p, const real *host, int64_t n)
{
    return parity_put(p, host, sizeof *host * (size_t)n);
}

/* ---- the cases ------------------------------------------------------------------------------- */

void parity_vectors(parity *);         /* parity_vector.c */
void parity_matrices(parity *);        /* parity_matrix.c */
void parity_bags(parity *);            /* parity_bag.c */
void parity_searches(parity *);        /* parity_search.c */
void parity_ops(parity *);             /* parity_op.c */
void parity_losses(parity *);          /* parity_loss.c */
void parity_optimizers(parity *);      /* parity_optim.c */
void parity_trainings(parity *);       /* parity_training.c */

#endif
