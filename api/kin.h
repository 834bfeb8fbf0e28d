/* kin as a library: load a trained model and embed texts. Link with `pkg-config --libs kin`.
 *
 * Functions that can fail return 0 or a positive number (the exit codes of the command: 1 run time,
 * 2 usage, 3 data, 6 out of memory), and kin_message() says in one sentence what was wrong. */
#ifndef KIN_H
#define KIN_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kin_session kin_session;

/* Opens a model folder (RUN/model). threads 0: as many as the machine allows. */
int kin_session_open(kin_session **session, const char *model_folder, int threads);
void kin_session_free(kin_session *session);

/* Numbers in one embedding. */
int kin_session_dim(const kin_session *session);

/* out (count x dim, row-major) = the embeddings of count UTF-8 texts; rows have norm 1, the row of
 * a text without tokens is zero. Not to be called from two threads at once. */
int kin_session_queries(kin_session *session, const char *const *texts, long count, float *out);
int kin_session_documents(kin_session *session, const char *const *texts, long count,
                           float *out);

/* What went wrong last in this thread; never NULL. */
const char *kin_message(void);

#ifdef __cplusplus
}
#endif

#endif
