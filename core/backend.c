#include "core/backend.h"

static void *take(void *state, size_t bytes)
{
    kin_backend *b = state;
    return b->alloc(b, bytes);
}

static void give(void *state, void *block)
{
    kin_backend *b = state;
    b->release(b, block);
}

kin_memory kin_backend_memory(kin_backend *backend)
{
    return (kin_memory){ take, give, backend };
}
