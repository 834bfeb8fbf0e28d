/* Graph by hnswlib. What it does with files and random numbers is left alone: levels come from the
 * caller, and index/hnsw.c reads and checks what it saved. Its own vector code reads beyond lists
 * of links (to prefetch), so distances are formed here: in sixteen sums whatever the processor, so
 * that a graph does not depend on it. */
#include "mining/graph.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

namespace {

/* One version of a loop for each instruction set; sanitizers are not ready when it is chosen. */
#if defined(__x86_64__) && !defined(KIN_CHECKED)
#define EACH_SET __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EACH_SET
#endif

enum { LANES = 16 };
typedef float lanes __attribute__((vector_size(4 * LANES)));

float total(const lanes &sum, float rest)
{
    float part[LANES];
    memcpy(part, &sum, sizeof part);
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) part[i] += part[i + half];
    return part[0] + rest;
}

EACH_SET float by_dot(const void *left, const void *right, const void *width)
{
    const float *a = static_cast<const float *>(left), *b = static_cast<const float *>(right);
    const size_t n = *static_cast<const size_t *>(width);
    lanes sum = {}, x, y;
    float rest = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        sum += x * y;
    }
    for (; i < n; i++) rest += a[i] * b[i];
    return 1 - total(sum, rest);
}

EACH_SET float by_distance(const void *left, const void *right, const void *width)
{
    const float *a = static_cast<const float *>(left), *b = static_cast<const float *>(right);
    const size_t n = *static_cast<const size_t *>(width);
    lanes sum = {}, x, y;
    float rest = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        memcpy(&x, a + i, sizeof x);
        memcpy(&y, b + i, sizeof y);
        sum += (x - y) * (x - y);
    }
    for (; i < n; i++) rest += (a[i] - b[i]) * (a[i] - b[i]);
    return total(sum, rest);
}

class Space : public hnswlib::SpaceInterface<float> {
public:
    Space(size_t width, bool euclidean) : width_(width), euclidean_(euclidean) {}
    size_t get_data_size() override { return width_ * sizeof(float); }
    hnswlib::DISTFUNC<float> get_dist_func() override
    {
        return euclidean_ ? static_cast<hnswlib::DISTFUNC<float>>(by_distance) : by_dot;
    }
    void *get_dist_func_param() override { return &width_; }

private:
    size_t width_;
    bool euclidean_;
};

typedef hnswlib::HierarchicalNSW<float> Hnsw;

}

struct kin_graph {
    Space space;
    Hnsw hnsw;
    explicit kin_graph(const kin_graph_setting &s)
        : space(static_cast<size_t>(s.width), s.euclidean),
          hnsw(&space, 1, static_cast<size_t>(s.links), static_cast<size_t>(s.build))
    {
        hnsw.mult_ = 0;                /* levels are the caller's: its own draw is always 0 */
    }
};

namespace {

/* Whether it was done: whatever goes wrong here is a want of memory. */
template <typename Work> bool done(Work work)
{
    try {
        work();
        return true;
    } catch (...) {
        return false;
    }
}

}

extern "C" {

bool kin_graph_available(void) { return true; }

kin_graph *kin_graph_new(const kin_graph_setting *setting)
{
    kin_graph *graph = nullptr;
    done([&] { graph = new kin_graph(*setting); });
    return graph;
}

void kin_graph_free(kin_graph *graph) { delete graph; }

bool kin_graph_reserve(kin_graph *graph, int64_t rows)
{
    const size_t room = static_cast<size_t>(rows);
    if (room <= graph->hnsw.max_elements_) return true;
    return done([&] { graph->hnsw.resizeIndex(room); });
}

bool kin_graph_add(kin_graph *graph, const float *x, int level)
{
    Hnsw &h = graph->hnsw;
    return done([&] {
        h.level_generator_.seed(1);
        h.addPoint(x, static_cast<size_t>(h.cur_element_count), level);
    });
}

int64_t kin_graph_search(const kin_graph *graph, const float *query, int64_t k, int64_t keep,
                         int32_t *row)
{
    int64_t found = 0;
    const bool good = done([&] {
        auto best = graph->hnsw.searchKnn(query, static_cast<size_t>(std::max(k, keep)));
        while (best.size() > static_cast<size_t>(k)) best.pop();
        for (; !best.empty(); best.pop()) row[found++] = static_cast<int32_t>(best.top().second);
    });
    return good ? found : -1;
}

int32_t kin_graph_entry(const kin_graph *graph)
{
    return static_cast<int32_t>(graph->hnsw.enterpoint_node_);
}

int kin_graph_level(const kin_graph *graph, int32_t row)
{
    return graph->hnsw.element_levels_[static_cast<size_t>(row)];
}

int kin_graph_links(const kin_graph *graph, int32_t row, int level, uint32_t *link)
{
    const Hnsw &h = graph->hnsw;
    const hnswlib::tableint at = static_cast<hnswlib::tableint>(row);
    hnswlib::linklistsizeint *list = level ? h.get_linklist(at, level) : h.get_linklist0(at);
    const int count = h.getListCount(list);
    if (link) memcpy(link, list + 1, static_cast<size_t>(count) * sizeof *link);
    return count;
}

bool kin_graph_restore(kin_graph *graph, const float *x, int level, const uint32_t *links)
{
    Hnsw &h = graph->hnsw;
    const size_t row = h.cur_element_count, upper = static_cast<size_t>(level);
    const hnswlib::tableint at = static_cast<hnswlib::tableint>(row);
    return done([&] {
        h.label_lookup_[row] = at;
        void *lists = upper ? calloc(upper, h.size_links_per_element_) : nullptr;
        if (upper && !lists) throw std::bad_alloc();
        char *own = h.data_level0_memory_ + row * h.size_data_per_element_;
        memset(own + h.offsetLevel0_, 0, h.size_data_per_element_);
        memcpy(h.getDataByInternalId(at), x, h.data_size_);
        h.setExternalLabel(at, row);
        h.element_levels_[row] = level;
        h.linkLists_[row] = static_cast<char *>(lists);
        for (int l = 0; l <= level; l++, links += 1 + *links) {
            hnswlib::linklistsizeint *list = l ? h.get_linklist(at, l) : h.get_linklist0(at);
            h.setListCount(list, static_cast<unsigned short>(*links));
            memcpy(list + 1, links + 1, *links * sizeof *links);
        }
        h.cur_element_count = row + 1;
    });
}

void kin_graph_enter(kin_graph *graph, int32_t entry)
{
    Hnsw &h = graph->hnsw;
    h.enterpoint_node_ = static_cast<hnswlib::tableint>(entry);
    h.maxlevel_ = h.element_levels_[static_cast<size_t>(entry)];
}

}
