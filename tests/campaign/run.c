/* Starts the command and waits for it, at most until the deadline. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "campaign.h"

enum { NOBODY = 65534 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- the child ------------------------------------------------------------------------------- */

static void give(int fd, int as)
{
    if (fd < 0) _exit(126);
    dup2(fd, as);
    if (fd > 2) close(fd);
}

static void set_stream(stream kind, int pipe_end, int as)
{
    int ends[2];
    switch (kind) {
    case CAUGHT: give(pipe_end, as); break;
    case CLOSED: close(as); break;
    case FULL: give(open("/dev/full", O_WRONLY), as); break;
    case READ_ONLY: give(open("/dev/null", O_RDONLY), as); break;
    case BROKEN:
        if (pipe(ends)) _exit(126);
        close(ends[0]);
        give(ends[1], as);
        break;
    }
}

static void set_limit(int what, long value)
{
    const struct rlimit limit = { (rlim_t)value, (rlim_t)value };
    if (value) setrlimit(what, &limit);
}

static void become(const world *w, const invocation *v, int out, int err)
{
    char *words[WORDS_MAX + 2];
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(w->box)) _exit(126);
    if (v->nobody && (setgid(NOBODY) || setuid(NOBODY))) _exit(126);
    give(open(v->in ? v->in : "/dev/null", O_RDONLY), 0);
    if (v->in_closed) close(0);
    set_stream(v->out, out, 1);
    set_stream(v->err, err, 2);
    set_limit(RLIMIT_FSIZE, v->file_limit);
    set_limit(RLIMIT_NOFILE, v->open_limit);
    words[0] = (char *)(uintptr_t)w->kin;
    memcpy(words + 1, v->word, sizeof(char *) * (size_t)(v->words + 1));
    execv(w->kin, words);
    _exit(127);
}

/* Somebody at the other end of a FIFO, who writes a little and leaves. */
static pid_t stand_at(const char *fifo)
{
    if (!*fifo) return 0;
    const pid_t pid = fork();
    if (pid) return pid;
    signal(SIGPIPE, SIG_DFL);
    const int fd = open(fifo, O_WRONLY);
    if (fd >= 0 && write(fd, "not what was expected\n", 22) < 0) _exit(1);
    _exit(0);
}

static int hold_lock(const world *w, const invocation *v)
{
    char path[PATH_ROOM * 2];
    if (!v->locked) return -1;
    snprintf(path, sizeof path, "%s/%s/.lock", w->box, v->locked);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0) flock(fd, LOCK_EX);
    return fd;
}

/* ---- the parent ------------------------------------------------------------------------------ */

typedef struct { int fd; char *bytes; size_t size, room; } sink;

static void drain(sink *s)
{
    if (s->room - s->size < 65536) s->bytes = realloc(s->bytes, s->room += 131072);
    if (!s->bytes) abort();
    const ssize_t n = read(s->fd, s->bytes + s->size, s->room - s->size - 1);
    if (n > 0) s->size += (size_t)n;
    if (n == 0 || (n < 0 && errno != EINTR)) {
        close(s->fd);
        s->fd = -1;
    }
}

static char *sealed(sink *s)
{
    if (!s->bytes) s->bytes = malloc(1);
    if (!s->bytes) abort();
    s->bytes[s->size] = 0;
    return s->bytes;
}

/* Reads both streams until the process is gone; false when the deadline passes first. */
static bool follow(pid_t pid, const invocation *v, sink sinks[2], int *status, double deadline)
{
    const double start = now();
    bool sent = !v->signal, gone = false;
    while (!gone || sinks[0].fd >= 0 || sinks[1].fd >= 0) {
        struct pollfd polls[2] = { { sinks[0].fd, POLLIN, 0 }, { sinks[1].fd, POLLIN, 0 } };
        poll(polls, 2, gone || !sent ? 1 : 5);
        for (int i = 0; i < 2; i++)
            if (sinks[i].fd >= 0 && polls[i].revents) drain(&sinks[i]);
        if (!sent && (now() - start) * 1000 >= v->signal_ms) sent = !kill(pid, v->signal) || true;
        if (!gone) gone = waitpid(pid, status, WNOHANG) == pid;
        if (now() - start > deadline) return gone;
    }
    return true;
}

static void stop(pid_t pid)
{
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

outcome run(const world *w, const invocation *v)
{
    int out[2], err[2], status = 0;
    outcome o = { 0 };
    const int lock = hold_lock(w, v);
    const pid_t writer = stand_at(v->fifo);      /* before the pipes, which it must not hold open */
    if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) abort();
    const double start = now();
    const pid_t pid = fork();
    if (pid < 0) abort();
    if (!pid) become(w, v, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    sink sinks[2] = { { .fd = out[0] }, { .fd = err[0] } };
    if (!follow(pid, v, sinks, &status, w->deadline)) {
        o.hung = true;
        kill(-pid, SIGKILL);
        stop(pid);
    }
    for (int i = 0; i < 2; i++)
        if (sinks[i].fd >= 0) close(sinks[i].fd);
    stop(writer);
    if (lock >= 0) close(lock);
    o.seconds = now() - start;
    if (!o.hung && WIFSIGNALED(status)) o.signal = WTERMSIG(status);
    else o.code = o.hung ? -1 : WEXITSTATUS(status);
    o.out = sealed(&sinks[0]), o.out_size = sinks[0].size;
    o.err = sealed(&sinks[1]), o.err_size = sinks[1].size;
    return o;
}

void outcome_free(outcome *o)
{
    free(o->out);
    free(o->err);
    *o = (outcome){ 0 };
}
