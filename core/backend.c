#include "core/backend.h"

#include "core/entry.h"

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
    return (kin_memory){ take, give, backend, backend->host };
}

#define COMMA ,
static const char *const words[KIN_PRECISIONS] = { KIN_PRECISION_LIST(COMMA) };

const char *kin_precision_name(int precision) { return words[precision]; }

kin_status kin_precision_parse(const char *where, const char *text, int *precision)
{
    static const kin_hyper choice = { .name = "precision", .choices = KIN_PRECISION_LIST("|") };
    double place;
    KIN_TRY(kin_hyper_parse(&choice, where, text, &place));
    *precision = (int)place;
    return KIN_OK;
}
