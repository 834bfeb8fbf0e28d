/* Graph without hnswlib: there is none. */
#include "mining/graph.h"

#include <stddef.h>

#ifndef KIN_HNSW

bool kin_graph_available(void) { return false; }

kin_graph *kin_graph_new(const kin_graph_setting *setting)
{
    (void)setting;
    return NULL;
}

void kin_graph_free(kin_graph *graph) { (void)graph; }

bool kin_graph_reserve(kin_graph *graph, int64_t rows) { return graph && rows == 0; }

bool kin_graph_add(kin_graph *graph, const float *x, int level) { return graph && x && level == 0; }

int64_t kin_graph_search(const kin_graph *graph, const float *query, int64_t k, int64_t keep,
                         int32_t *row)
{
    (void)graph, (void)query, (void)k, (void)keep, (void)row;
    return -1;
}

int32_t kin_graph_entry(const kin_graph *graph) { return graph ? 0 : -1; }

int kin_graph_level(const kin_graph *graph, int32_t row) { return graph ? row : 0; }

int kin_graph_links(const kin_graph *graph, int32_t row, int level, uint32_t *link)
{
    (void)graph, (void)row, (void)level, (void)link;
    return 0;
}

bool kin_graph_restore(kin_graph *graph, const float *x, int level, const uint32_t *links)
{
    return graph && x && links && level == 0;
}

void kin_graph_enter(kin_graph *graph, int32_t entry) { (void)graph, (void)entry; }

#endif
