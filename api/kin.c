#include "api/kin.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "cpu/cpu.h"
#include "encoders/model.h"

#define API __attribute__((visibility("default")))

struct kin_session {
    kin_pool *pool;
    kin_backend *backend;
    kin_model *model;
    kin_encoding *encoding;
};

static kin_status open_all(kin_session *s, const char *folder, int threads)
{
    KIN_REQUIRE(threads >= 0, KIN_USAGE, "threads is %d, expected 0 or more", threads);
    KIN_TRY(kin_pool_new(&s->pool, threads));
    KIN_TRY(kin_cpu_new(&s->backend, s->pool));
    KIN_TRY(kin_model_load(&s->model, s->backend, folder));
    return kin_encoding_new(&s->encoding, s->model);
}

API int kin_session_open(kin_session **session, const char *model_folder, int threads)
{
    *session = calloc(1, sizeof **session);
    KIN_REQUIRE(*session, KIN_MEMORY, "no memory for a session");
    const kin_status status = open_all(*session, model_folder, threads);
    if (status != KIN_OK) {
        kin_session_free(*session);
        *session = NULL;
    }
    return (int)status;
}

API void kin_session_free(kin_session *s)
{
    if (!s) return;
    kin_encoding_free(s->encoding);
    kin_model_free(s->model);
    if (s->backend) s->backend->free(s->backend);
    kin_pool_free(s->pool);
    free(s);
}

API int kin_session_dim(const kin_session *s)
{
    return (int)s->model->network->width;
}

/* The texts one behind the other, as the embedder reads them. */
static kin_status gather(const char *const *texts, long count, kin_texts *out)
{
    int64_t *start = malloc(sizeof *start * ((size_t)count + 1));
    KIN_REQUIRE(start, KIN_MEMORY, "no memory for %ld texts", count);
    start[0] = 0;
    for (long i = 0; i < count; i++) start[i + 1] = start[i] + (int64_t)strlen(texts[i]);
    const int64_t size = start[count];
    char *bytes = malloc((size_t)size + 1);
    if (!bytes) {
        free(start);
        return kin_fail(KIN_MEMORY, "no memory for %ld bytes of text", (long)size);
    }
    for (long i = 0; i < count; i++)
        memcpy(bytes + start[i], texts[i], (size_t)(start[i + 1] - start[i]));
    *out = (kin_texts){ .count = count, .bytes = bytes, .start = start };
    return KIN_OK;
}

static int embed(kin_session *s, kin_role role, const char *const *texts, long count, float *out)
{
    KIN_REQUIRE(count >= 0, KIN_USAGE, "count is %ld, expected 0 or more", count);
    kin_texts all;
    kin_tokens tokens = { 0 };
    KIN_TRY(gather(texts, count, &all));
    kin_status status = kin_model_tokens(s->model, s->pool, role, &all, &tokens);
    if (status == KIN_OK)
        status = kin_encoding_run(s->encoding, role, &tokens, NULL, 0, count, (real *)out);
    kin_tokens_free(&tokens);
    free((void *)all.bytes);
    free((void *)all.start);
    return (int)status;
}

API int kin_session_queries(kin_session *s, const char *const *texts, long count, float *out)
{
    return embed(s, KIN_QUERY, texts, count, out);
}

API int kin_session_documents(kin_session *s, const char *const *texts, long count, float *out)
{
    return embed(s, KIN_DOCUMENT, texts, count, out);
}
