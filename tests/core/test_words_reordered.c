/* The words once more, as the loops over scores compile them: sums may be reordered. */
#if defined(__clang__)
#pragma clang fp reassociate(on)
#else
#pragma GCC optimize("O3", "associative-math", "no-signed-zeros", "no-trapping-math")
#endif
#include "tests/core/test_words.c"
