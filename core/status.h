/* Status: what a function that can fail returns. The numbers that explain a failure are in the
 * thread's last message: "matmul: a is 128x64, b is 32x48". */
#ifndef KIN_CORE_STATUS_H
#define KIN_CORE_STATUS_H

/* name, exit code of the command, text */
#define KIN_EACH_STATUS(X)                                          \
    X(OK, 0, "ok")                                                  \
    X(RUNTIME, 1, "run-time failure")                               \
    X(USAGE, 2, "usage or configuration error")                     \
    X(DATA, 3, "data error")                                        \
    X(NUMERICAL, 4, "numerical failure")                            \
    X(CHECK, 5, "a check failed")                                   \
    X(MEMORY, 6, "out of memory")                                   \
    X(STOPPED, 75, "stopped by a signal after saving")

typedef enum {
#define X(name, code, text) KIN_##name = code,
    KIN_EACH_STATUS(X)
#undef X
} kin_status;

/* Records the message of this thread and returns status, so that failing is one line:
 *     return kin_fail(KIN_DATA, "%s line %ld: 3 columns, expected 2", path, line); */
kin_status kin_fail(kin_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " in front of the thread's message; returns status. */
kin_status kin_fail_in(kin_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The thread's last message, never NULL; the library (api/kin.h) exports it. */
const char *kin_message(void) __attribute__((visibility("default")));
const char *kin_status_text(kin_status status);   /* "data error" */

/* Leave with the status of a call that failed. */
#define KIN_TRY(call)                                     \
    do {                                                  \
        kin_status kin_try_status_ = (call);              \
        if (kin_try_status_ != KIN_OK) return kin_try_status_; \
    } while (0)

/* Leave with a status and a message unless the condition holds. */
#define KIN_REQUIRE(condition, status, ...)               \
    do {                                                  \
        if (!(condition)) return kin_fail((status), __VA_ARGS__); \
    } while (0)

#endif
