/* Sorted: rising lists of numbers. */
#ifndef KIN_CORE_SORTED_H
#define KIN_CORE_SORTED_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the value is one of list[from] .. list[to - 1]. */
static inline bool kin_sorted_holds(const int32_t *list, int64_t from, int64_t to, int32_t value)
{
    int64_t low = from, high = to;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (list[middle] < value) low = middle + 1;
        else high = middle;
    }
    return low < to && list[low] == value;
}

/* Sorts n numbers; each stays once. How many there are then. */
int64_t kin_sorted_unique(int32_t *list, int64_t n);

#endif
