/* Graph: hnswlib behind C, for index/hnsw.c. Rows are numbered from 0 in the order in which they
 * were added, by one thread; the same rows and levels give the same graph, at once or in parts.
 * graph_hnsw.cpp where hnswlib (Debian: libhnswlib-dev) and a C++ compiler were found by CMake,
 * graph_none.c elsewhere. Functions that return bool are false when memory runs short. */
#ifndef KIN_MINING_GRAPH_H
#define KIN_MINING_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { KIN_GRAPH_LEVELS = 64 };        /* a row's level is below this */

typedef struct {
    int64_t width;
    bool euclidean;                    /* by |q - x|^2, otherwise by the dot product */
    int links;                         /* of a row on a level above 0; twice as many on level 0 */
    int build;                         /* rows that are kept while a row's links are sought */
} kin_graph_setting;

typedef struct kin_graph kin_graph;

bool kin_graph_available(void);
kin_graph *kin_graph_new(const kin_graph_setting *setting);              /* or NULL */
void kin_graph_free(kin_graph *graph);

/* Room for so many rows in all; then the next row (width numbers). */
bool kin_graph_reserve(kin_graph *graph, int64_t rows);
bool kin_graph_add(kin_graph *graph, const float *x, int level);

/* The rows that a search which keeps the `keep` best finds, k at most, in any order; how many, or
 * -1 when memory runs short. Any number of threads may search. */
int64_t kin_graph_search(const kin_graph *graph, const float *query, int64_t k, int64_t keep,
                         int32_t *row);

/* What there is to be saved: where searches begin, the level of a row, its links on a level (NULL:
 * only their number). */
int32_t kin_graph_entry(const kin_graph *graph);
int kin_graph_level(const kin_graph *graph, int32_t row);
int kin_graph_links(const kin_graph *graph, int32_t row, int level, uint32_t *link);

/* The next row as it was saved: links has, for every level from 0 on, a number and so many rows;
 * all of them checked by the caller. Then where searches begin, a row of the highest level. */
bool kin_graph_restore(kin_graph *graph, const float *x, int level, const uint32_t *links);
void kin_graph_enter(kin_graph *graph, int32_t entry);

#ifdef __cplusplus
}
#endif

#endif
