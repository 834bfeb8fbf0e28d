#include "core/sorted.h"

#include <stdlib.h>

static int rising(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

int64_t kin_sorted_unique(int32_t *list, int64_t n)
{
    int64_t kept = 0;
    qsort(list, (size_t)n, sizeof *list, rising);
    for (int64_t i = 0; i < n; i++)
        if (!i || list[i] != list[kept - 1]) list[kept++] = list[i];
    return kept;
}
