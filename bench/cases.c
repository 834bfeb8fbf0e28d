#include "bench/bench.h"

#define EACH_CASE(X)                                                   \
    X(L1a) X(L1b) X(L1c) X(L1d) X(L2a) X(L2a_kept) X(L2b) X(L2c) X(L3) X(L4) X(L5) X(L6) X(L7) \
    X(L9) X(L10) X(M1)                                                  \
    X(T1a) X(T1b) X(T2a) X(T2b) X(O1) X(I1) \
    X(A1) X(A1_int8) X(A2) X(A3) X(A3b)
#define X(id) extern const bench_case bench_##id;
EACH_CASE(X)
#undef X

const bench_case *const bench_cases[] = {
#define X(id) &bench_##id,
    EACH_CASE(X)
#undef X
    NULL
};
