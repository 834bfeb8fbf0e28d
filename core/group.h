/* Group: things sorted by what they belong to, by counting. */
#ifndef KIN_CORE_GROUP_H
#define KIN_CORE_GROUP_H

#include <stdint.h>

/* Thing i belongs to group of[i], 0 .. groups-1. The members of group g, rising, become
 * member[start[g]] .. member[start[g + 1] - 1]. start: room for groups + 2 numbers. */
void kin_group(const int32_t *of, int64_t n, int64_t groups, int64_t *start, int32_t *member);

#endif
