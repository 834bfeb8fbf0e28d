#include "core/group.h"

#include <string.h>

/* start[g + 1] is where the next member of g goes, and in the end where the group behind begins. */
void kin_group(const int32_t *of, int64_t n, int64_t groups, int64_t *start, int32_t *member)
{
    memset(start, 0, (size_t)(groups + 2) * sizeof *start);
    for (int64_t i = 0; i < n; i++) start[of[i] + 2]++;
    for (int64_t g = 2; g < groups + 2; g++) start[g] += start[g - 1];
    for (int64_t i = 0; i < n; i++) member[start[of[i] + 1]++] = (int32_t)i;
}
