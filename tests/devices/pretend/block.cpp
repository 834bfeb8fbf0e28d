/* The threads of one block are fibers of one host thread, so that a seed repeats a run and a
 * debugger sees ordinary stacks. A fiber runs one thread after the other until one must wait, which
 * keeps the stack: a kernel without barriers needs one stack and no switch.
 *
 * The order is unfair on purpose. A fair choice keeps the warps in step and hides a missing second
 * barrier, which shows only when one warp runs far ahead of another. */
#include <bit>
#include <cstdio>
#include "device.h"
#include "fiber.h"
#ifdef PRETEND_TSAN
#include <sanitizer/tsan_interface.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace pretend {

constexpr int THREADS = 1024, WARPS = THREADS / 32;

#ifdef PRETEND_TSAN
/* Threads that share a stack would seem to race for it. */
constexpr bool share_stacks = false;
static void before(char *token) { __tsan_release(token); }
static void after(char *token) { __tsan_acquire(token); }
#else
constexpr bool share_stacks = true;
static void before(char *) {}
static void after(char *) {}
#endif
static char block_begins, block_ends, barrier_tokens[2], warp_tokens[WARPS];

struct Warp {
    unsigned alive;                          /* lanes that have not ended, a bit for each */
    unsigned ready;                          /* those that may go on */
    unsigned meeting, waiting;               /* those in a shuffle, at the barrier */
};

static Warp warps[WARPS];
static unsigned runnable;                    /* warps with ready lanes */
static int living, waiting;                  /* threads that have not ended; at the barrier */
static uint32_t restless;                    /* one choice in so many is for another warp */
static int warp_now;
static int64_t barriers;                     /* passed */
static int yes, yes_of[2];                   /* predicates at this barrier; at the last two */

static Meeting meetings[THREADS];            /* what each thread waits for */
static uint64_t received[THREADS];
static Fiber host, fibers[THREADS];
static Fiber *fiber_of[THREADS];             /* NULL: the thread has not begun, or has ended */
static auto &idle = lasting<std::vector<Fiber *>>();
static int made;                             /* fibers, so far */

int lane() { return now.thread % 32; }

/* ---- whose turn it is ----------------------------------------------------------------------- */

static int pick(unsigned set)
{
    const int turn = (int)(random_bits() >> 59);
    return (std::countr_zero(std::rotr(set, turn)) + turn) % 32;
}

static std::string state_of(int thread)
{
    const Meeting &m = meetings[thread];
    char mask[16];
    snprintf(mask, sizeof mask, "%08x", m.mask);
    const char *slash = strrchr(m.at.file_name(), '/');
    std::string text = "thread " + std::to_string(thread) + " in " + m.what;
    if (m.mask) text += std::string(" of mask ") + mask;
    return text + " (" + (slash ? slash + 1 : m.at.file_name()) + ":" +
           std::to_string(m.at.line()) + ")";
}

[[noreturn]] static void deadlock()
{
    std::string one, other;
    for (int t = 0; t < THREADS; t++) {
        if (warps[t / 32].meeting >> t % 32 & 1 && one.empty()) one = state_of(t);
        if (warps[t / 32].waiting >> t % 32 & 1 && other.empty()) other = state_of(t);
    }
    now.thread = NO_THREAD;
    trap("no thread can go on: %s waits for lanes that do not come%s%s", one.c_str(),
         other.empty() ? "" : "; at the barrier waits ", other.c_str());
}

static int choose()
{
    if (!runnable) deadlock();
    if (!(runnable >> warp_now & 1) || below(restless) == 0) warp_now = pick(runnable);
    Warp &warp = warps[warp_now];
    const int chosen = pick(warp.ready);
    warp.ready &= ~(1u << chosen);
    if (!warp.ready) runnable &= ~(1u << warp_now);
    return 32 * warp_now + chosen;
}

static void make_ready(int warp, unsigned lanes)
{
    warps[warp].ready |= lanes;
    if (lanes) runnable |= 1u << warp;
}

static void become(int thread)
{
    const unsigned t = (unsigned)thread;
    now.thread = thread;
    if (blockDim.y == 1 && blockDim.z == 1) threadIdx = { t, 0, 0 };
    else threadIdx = { t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y };
}

static void run_threads();

static Fiber *fiber_for(int thread)
{
    if (share_stacks && !idle.empty()) {
        Fiber *fiber = idle.back();
        idle.pop_back();
        return fiber;
    }
    Fiber *fiber = &fibers[share_stacks ? made++ : thread];
    if (!fiber->stack) make_fiber(*fiber, run_threads);
    return fiber;
}

static void go_to(Fiber &from, int thread)
{
    if (!fiber_of[thread]) fiber_of[thread] = fiber_for(thread);
    become(thread);
    if (fiber_of[thread] != &from) switch_fiber(from, *fiber_of[thread]);
}

static void let_others()                     /* until this thread may go on */
{
    const int next = choose();
    if (next != now.thread) go_to(*fiber_of[now.thread], next);
}

/* ---- where threads meet --------------------------------------------------------------------- */

static bool same_place(const Meeting &a, const Meeting &b)
{
    const auto same = [](const char *p, const char *q) { return p == q || !strcmp(p, q); };
    return a.mask == b.mask && a.at.line() == b.at.line() && same(a.what, b.what) &&
           same(a.at.file_name(), b.at.file_name());
}

static void open_barrier()
{
    int first = -1;
    for (int w = 0; w < WARPS; w++) {
        for (unsigned left = warps[w].waiting; left; left &= left - 1) {
            const int thread = 32 * w + std::countr_zero(left);
            if (first < 0) first = thread;
            if (same_place(meetings[first], meetings[thread])) continue;
            now.thread = NO_THREAD;
            trap("threads of one block wait at two barriers: %s, %s", state_of(first).c_str(),
                 state_of(thread).c_str());
        }
        make_ready(w, warps[w].waiting);
        warps[w].waiting = 0;
    }
    waiting = 0;
    yes_of[barriers % 2] = yes;
    yes = 0;
    barriers++;
}

int barrier(const char *what, int predicate, Place at)
{
    if (now.thread < 0) trap("%s outside a kernel", what);
    const int64_t number = barriers;
    char *token = &barrier_tokens[number % 2];     /* a fast thread may already be at the next */
    meetings[now.thread] = { what, 0, 0, 0, nullptr, at };
    warps[now.thread / 32].waiting |= 1u << lane();
    yes += predicate;
    before(token);
    if (++waiting == living) open_barrier();
    let_others();
    after(token);
    return yes_of[number % 2];
}

static void exchange(int w, unsigned group)
{
    const Meeting *lanes = &meetings[32 * w];
    const int first = std::countr_zero(group);
    Combine *const combine = lanes[first].combine;
    const uint64_t alike = combine == take ? 0 : combine(lanes, group, first);
    for (unsigned left = group; left; left &= left - 1) {
        const int i = std::countr_zero(left);
        if (!same_place(lanes[first], lanes[i]))
            trap("lanes of one warp disagree: %s, %s", state_of(32 * w + first).c_str(),
                 state_of(32 * w + i).c_str());
        received[32 * w + i] = combine == take ? take(lanes, group, i) : alike;
    }
    warps[w].meeting &= ~group;
    make_ready(w, group);
}

/* Living lanes of a mask go on when all of them have come. */
static void exchange_complete(int w)
{
    for (unsigned left = warps[w].meeting; left; left &= left - 1) {
        const unsigned group = meetings[32 * w + std::countr_zero(left)].mask & warps[w].alive;
        if (!(group & ~warps[w].meeting)) return exchange(w, group), exchange_complete(w);
    }
}

uint64_t meet(const Meeting &mine)
{
    if (now.thread < 0) trap("%s outside a kernel", mine.what);
    const int thread = now.thread, w = thread / 32;
    meetings[thread] = mine;
    if (!(mine.mask >> lane() & 1)) trap("its own lane is missing: %s", state_of(thread).c_str());
    warps[w].meeting |= 1u << lane();
    const bool orders = mine.combine == nothing;         /* __syncwarp; shuffles do not */
    if (orders) before(&warp_tokens[w]);
    const unsigned group = mine.mask & warps[w].alive;
    if (!(group & ~warps[w].meeting)) exchange(w, group);
    let_others();
    if (orders) after(&warp_tokens[w]);
    return received[thread];
}

void check_width(int width)
{
    if (width < 1 || width > 32 || (width & (width - 1)))
        trap("a shuffle of width %d, which is no power of 2 up to 32", width);
}

/* ---- what a lane receives ------------------------------------------------------------------- */

uint64_t take(const Meeting *lanes, unsigned group, int lane)
{
    const int source = lanes[lane].source;
    if (source >= 0 && source < 32 && group >> source & 1) return lanes[source].given;
    return POISON * 0x100000001ull;          /* that lane takes no part */
}

uint64_t ballot(const Meeting *lanes, unsigned group, int)
{
    unsigned set = 0;
    for (unsigned left = group; left; left &= left - 1) {
        const int i = std::countr_zero(left);
        set |= (unsigned)lanes[i].given << i;
    }
    return set;
}

uint64_t nothing(const Meeting *, unsigned, int) { return 0; }

template <class T, class Join> static uint64_t all(const Meeting *lanes, unsigned group, Join join)
{
    T result = (T)lanes[std::countr_zero(group)].given;
    for (unsigned left = group & (group - 1); left; left &= left - 1)
        result = join(result, (T)lanes[std::countr_zero(left)].given);
    return (uint64_t)result;
}

#define COMBINE(name, T, joined)                                                              \
    uint64_t name(const Meeting *lanes, unsigned group, int)                                  \
    {                                                                                         \
        return all<T>(lanes, group, [](T a, T b) { return joined; });                         \
    }
COMBINE(sum, unsigned, a + b)
COMBINE(least_signed, int, ::min(a, b))
COMBINE(most_signed, int, ::max(a, b))
COMBINE(least_unsigned, unsigned, ::min(a, b))
COMBINE(most_unsigned, unsigned, ::max(a, b))

/* ---- a block -------------------------------------------------------------------------------- */

static void end_thread()
{
    Warp &warp = warps[now.thread / 32];
    warp.alive &= ~(1u << lane());
    living--;
    if (warp.meeting) exchange_complete(now.thread / 32);
    if (waiting > 0 && waiting == living) open_barrier();
}

/* What every fiber does, for ever: it runs the thread that was chosen. */
static void run_threads()
{
    fiber_entered();
    for (;;) {
        after(&block_begins);
        now.launch->thread();
        before(&block_ends);
        end_thread();
        Fiber *const mine = std::exchange(fiber_of[now.thread], nullptr);
        const int next = living ? choose() : -1;
        if (share_stacks && next >= 0 && !fiber_of[next]) {
            fiber_of[next] = mine;
            become(next);
            continue;
        }
        if (share_stacks) idle.push_back(mine);
        if (next >= 0) go_to(*mine, next);
        else switch_fiber(*mine, host);
    }
}

void run_block(const Launch &launch, uint64_t block)
{
    static const uint32_t restlessness[] = { 1, 4, 64, 64, 1 << 20 };
    const uint64_t row = gridDim.x, plane = row * gridDim.y;
    const int threads = (int)(launch.block.x * launch.block.y * launch.block.z);
    blockIdx = { (unsigned)(block % row), (unsigned)(block % plane / row),
                 (unsigned)(block / plane) };
    restless = restlessness[below(5)];
    host = {};
    runnable = 0, living = threads, waiting = 0, yes = 0;
    for (int w = 0; w < (threads + 31) / 32; w++) {
        const int lanes = threads - 32 * w;
        const unsigned all = lanes >= 32 ? 0xffffffff : (1u << lanes) - 1;
        warps[w] = { all, 0, 0, 0 };
        make_ready(w, all);
    }
    before(&block_begins);
    go_to(host, choose());
    after(&block_ends);
    now.thread = NO_THREAD;
}

} // namespace pretend
