#include "experiments/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static void ends_of_children(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
}

void kin_child_block(void)
{
    sigset_t set;
    ends_of_children(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

void kin_child_wait(double seconds)
{
    sigset_t set;
    ends_of_children(&set);
    const time_t whole = (time_t)seconds;
    const struct timespec time = { whole, (long)(1e9 * (seconds - (double)whole)) };
    sigtimedwait(&set, NULL, &time);
}

/* In the child. Its own group: Ctrl-C is for the runner, which then asks its children. */
static void become(const char *program, const char *const *argv, int log, pid_t parent)
{
    sigset_t set;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(KIN_STOPPED);         /* it died before the line above */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    ends_of_children(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    const int none = open("/dev/null", O_RDONLY);
    if (none < 0 || dup2(none, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0) _exit(KIN_RUNTIME);
    execv(program, (char *const *)(const void *)argv);
    dprintf(2, "kin ablate: %s: %s\n", program, strerror(errno));
    _exit(KIN_RUNTIME);
}

kin_status kin_child_start(const char *program, const char *const *argv, const char *log,
                           pid_t *pid)
{
    const pid_t parent = getpid();
    const int file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    KIN_REQUIRE(file >= 0, KIN_RUNTIME, "%s: %s", log, strerror(errno));
    *pid = fork();
    if (*pid == 0) become(program, argv, file, parent);
    const int reason = errno;
    close(file);
    KIN_REQUIRE(*pid > 0, KIN_RUNTIME, "no process can be started: %s", strerror(reason));
    return KIN_OK;
}

/* Takes every occurrence of a word out of a text. */
static void take_out(char *text, const char *word)
{
    const size_t n = strlen(word);
    for (char *at = text; n && (at = strstr(at, word));) memmove(at, at + n, strlen(at + n) + 1);
}

void kin_child_last_words(const char *log, const char *folder, char *text, size_t size)
{
    enum { TAIL = 8192 };
    char tail[TAIL + 1], path[4096];
    snprintf(text, size, "it left no message");
    const int file = open(log, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    const off_t length = lseek(file, 0, SEEK_END);
    const ssize_t n = pread(file, tail, TAIL, length > TAIL ? length - TAIL : 0);
    close(file);
    tail[n > 0 ? n : 0] = 0;
    char *rest = NULL;
    for (char *line = strtok_r(tail, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (!strncmp(line, "kin", 3)) snprintf(text, size, "%s", line);
    snprintf(path, sizeof path, "%s/", folder);
    take_out(text, path);
}
