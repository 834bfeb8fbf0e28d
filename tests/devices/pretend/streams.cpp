/* Streams: queues of work. Work runs as late as CUDA allows, when somebody waits for it, so that a
 * missing wait shows; events make one queue wait for a place in another. */
#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <pthread.h>
#include <utility>
#include "device.h"

struct Work { const char *name; std::function<void()> run; };

struct CUstream_st {
    bool blocking;                           /* keeps order with the default stream */
    std::deque<Work> queue;
    int64_t enqueued, done;
};

/* A place in a stream. Who waits for an event waits for its last record. */
struct Record {
    cudaStream_t stream;
    int64_t position;
    double reached;                          /* milliseconds, or 0: not yet */
};
struct CUevent_st { std::shared_ptr<Record> last; };

namespace pretend {

static CUstream_st &default_stream = *new CUstream_st{ true, {}, 0, 0 };
static auto &streams = lasting<std::vector<cudaStream_t>>();      /* the living ones */
static auto &ended = lasting<std::vector<cudaStream_t>>();    /* events may still point to them */
static auto &events = lasting<std::vector<cudaEvent_t>>();

template <class T> static bool among(const std::vector<T> &all, T one)
{
    return std::find(all.begin(), all.end(), one) != all.end();
}

static cudaStream_t stream_of(cudaStream_t stream)
{
    return !stream ? &default_stream : among(streams, stream) ? stream : nullptr;
}

/* Opens memory for a stream's work and closes it behind the outermost one: an event that one
 * stream's work waits for runs another stream's. */
struct Working {
    Now before = now;
    explicit Working(const char *name)
    {
        if (!before.work) watch_faults();
        now = { name, nullptr, NO_BLOCK, pthread_self() };
    }
    ~Working()
    {
        now = before;
        if (!now.work) close_memory();
    }
};

static void run_next(CUstream_st &stream)
{
    const Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    stream.done++;
    Working working(work.name);
    work.run();
}

static void run_until(CUstream_st &stream, int64_t position)
{
    Working working("a wait");
    while (stream.done < position) run_next(stream);
}

/* An older place of every stream that keeps order with the default stream. */
static std::function<void()> order_of(const CUstream_st *stream)
{
    std::vector<std::pair<cudaStream_t, int64_t>> places;
    if (stream == &default_stream) {
        for (cudaStream_t s : streams)
            if (s->blocking && s->done < s->enqueued) places.push_back({ s, s->enqueued });
    } else if (stream->blocking && default_stream.done < default_stream.enqueued) {
        places.push_back({ &default_stream, default_stream.enqueued });
    }
    if (places.empty()) return nullptr;
    return [places] { for (const auto &[s, position] : places) run_until(*s, position); };
}

static void append(cudaStream_t stream, const char *name, std::function<void()> work)
{
    stream->queue.push_back({ name, std::move(work) });
    stream->enqueued++;
}

bool enqueue(cudaStream_t given, const char *name, std::function<void()> work)
{
    cudaStream_t stream = stream_of(given);
    if (!stream) return false;
    if (auto order = order_of(stream)) append(stream, "the default stream's order", order);
    append(stream, name, std::move(work));
    return true;
}

/* Behind a failed wait nothing of what was enqueued will ever happen: what comes later would work on
 * what comes first. */
static cudaError_t lose(CUstream_st &stream)
{
    stream.queue.clear();
    stream.done = stream.enqueued;
    return fail(cudaErrorIllegalAddress);
}

static cudaError_t wait_for(CUstream_st &stream, int64_t position)
{
    counts.waits++;
    if (injected()) return lose(stream);
    run_until(stream, position);
    return cudaSuccess;
}

static double milliseconds()
{
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

} // namespace pretend

using namespace pretend;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    Hold hold(device);
    *stream = nullptr;
    if (injected() || device_count() < 1) return fail(cudaErrorInitializationError);
    *stream = new CUstream_st{ !(flags & cudaStreamNonBlocking), {}, 0, 0 };
    streams.push_back(*stream);
    counts.streams++;
    return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *stream)
{
    return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamSynchronize(cudaStream_t given)
{
    Hold hold(device);
    cudaStream_t stream = stream_of(given);
    if (!stream) return fail(cudaErrorInvalidResourceHandle);
    if (auto order = order_of(stream); order && stream == &default_stream) order();
    return wait_for(*stream, stream->enqueued);
}

/* Asking makes the device go on, step by step: who asks in a loop comes to an end. */
cudaError_t cudaStreamQuery(cudaStream_t given)
{
    Hold hold(device);
    cudaStream_t stream = stream_of(given);
    if (!stream) return fail(cudaErrorInvalidResourceHandle);
    if (injected()) return lose(*stream);
    if (stream->done == stream->enqueued) return cudaSuccess;
    run_next(*stream);
    return cudaErrorNotReady;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    Hold hold(device);
    const auto found = std::find(streams.begin(), streams.end(), stream);
    if (found == streams.end()) return fail(cudaErrorInvalidResourceHandle);
    run_until(*stream, stream->enqueued);
    streams.erase(found);
    ended.push_back(stream);
    counts.streams--;
    return cudaSuccess;
}

/* The streams take turns in any order that their events allow. */
cudaError_t cudaDeviceSynchronize()
{
    Hold hold(device);
    std::vector<cudaStream_t> left;
    counts.waits++;
    const bool fails = injected();
    do {
        left.clear();
        if (!default_stream.queue.empty()) left.push_back(&default_stream);
        for (cudaStream_t s : streams)
            if (!s->queue.empty()) left.push_back(s);
        if (fails) for (cudaStream_t s : left) lose(*s);
        else if (!left.empty()) run_next(*left[below((uint32_t)left.size())]);
    } while (!left.empty());
    return fails ? fail(cudaErrorIllegalAddress) : cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    Hold hold(device);
    if (!among(events, event) || !stream_of(stream) || injected())
        return fail(cudaErrorInvalidResourceHandle);
    const std::shared_ptr<Record> seen = event->last;    /* a later record does not count */
    if (seen) enqueue(stream, "cudaStreamWaitEvent",
                      [seen] { run_until(*seen->stream, seen->position); });
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned)
{
    Hold hold(device);
    *event = nullptr;
    if (injected()) return fail(cudaErrorMemoryAllocation);
    events.push_back(*event = new CUevent_st);
    counts.events++;
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t given)
{
    Hold hold(device);
    cudaStream_t stream = stream_of(given);
    if (!among(events, event) || !stream || injected())
        return fail(cudaErrorInvalidResourceHandle);
    const auto record = std::make_shared<Record>(Record{ stream, 0, 0 });
    enqueue(given, "cudaEventRecord", [record] { record->reached = milliseconds(); });
    record->position = stream->enqueued;
    event->last = record;
    return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    Hold hold(device);
    if (!among(events, event)) return fail(cudaErrorInvalidResourceHandle);
    if (event->last) return wait_for(*event->last->stream, event->last->position);
    return injected() ? fail(cudaErrorIllegalAddress) : cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    Hold hold(device);
    if (!among(events, event)) return fail(cudaErrorInvalidResourceHandle);
    if (injected()) return fail(cudaErrorIllegalAddress);
    if (!event->last || event->last->stream->done >= event->last->position) return cudaSuccess;
    run_next(*event->last->stream);
    return cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float *time, cudaEvent_t from, cudaEvent_t to)
{
    Hold hold(device);
    *time = 0;
    if (!among(events, from) || !among(events, to) || !from->last || !to->last || injected())
        return fail(cudaErrorInvalidResourceHandle);
    if (from->last->reached == 0 || to->last->reached == 0) return fail(cudaErrorNotReady);
    *time = (float)(to->last->reached - from->last->reached);
    return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    Hold hold(device);
    const auto found = std::find(events.begin(), events.end(), event);
    if (found == events.end()) return fail(cudaErrorInvalidResourceHandle);
    delete event;
    events.erase(found);
    counts.events--;
    return cudaSuccess;
}
