#include "bench/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "data/json.h"

/* The child's half: never returns. */
static void become(const char *command, const int to[2], const int from[2])
{
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static kin_status spawn(bench_peer *p, const char *command)
{
    int to[2], from[2];
    KIN_REQUIRE(pipe2(to, O_CLOEXEC) == 0, KIN_RUNTIME, "pipe: %s", strerror(errno));
    KIN_REQUIRE(pipe2(from, O_CLOEXEC) == 0, KIN_RUNTIME, "pipe: %s", strerror(errno));
    p->pid = fork();
    KIN_REQUIRE(p->pid >= 0, KIN_RUNTIME, "fork: %s", strerror(errno));
    if (p->pid == 0) {
        setpgid(0, 0);               /* so that what the shell starts can be stopped with it */
        become(command, to, from);
    }
    close(to[0]);
    close(from[1]);
    p->to = fdopen(to[1], "w");
    p->from = fdopen(from[0], "r");
    KIN_REQUIRE(p->to && p->from, KIN_MEMORY, "no memory for a process");
    return KIN_OK;
}

/* The next line of JSON. */
static kin_status answer(bench_peer *p, kin_json_tree **tree)
{
    char line[4096];
    do {
        KIN_REQUIRE(fgets(line, sizeof line, p->from), KIN_RUNTIME, "%s ended without an answer",
                    p->name);
    } while (line[0] != '{');
    return kin_json_parse(tree, p->name, line, strlen(line));
}

/* NAN where the member is missing. */
static double number(const kin_json_tree *tree, const char *key)
{
    const kin_json *v = kin_json_get(kin_json_root(tree), key);
    return v && v->kind == KIN_JSON_NUMBER ? v->number : NAN;
}

static kin_status ask(bench_peer *p, const char *what, kin_json_tree **tree)
{
    if (fputs(what, p->to) < 0 || fflush(p->to))
        return kin_fail(KIN_RUNTIME, "%s does not listen any more", p->name);
    return answer(p, tree);
}

kin_status bench_peer_start(bench_peer *p, const char *command, const char *label)
{
    kin_json_tree *tree;
    *p = (bench_peer){ .pid = 0 };
    snprintf(p->name, sizeof p->name, "%s", command);
    signal(SIGPIPE, SIG_IGN);                       /* a peer that left is an error, not our end */
    KIN_TRY(spawn(p, command));
    KIN_TRY(answer(p, &tree));
    const kin_json *name = kin_json_get(kin_json_root(tree), "peer");
    if (name && name->kind == KIN_JSON_STRING)
        snprintf(p->name, sizeof p->name, "%s%s%s", name->string, label ? ", " : "",
                 label ? label : "");
    p->loss = number(tree, "loss");
    kin_json_free(tree);
    return KIN_OK;
}

kin_status bench_peer_go(bench_peer *p, bench_sample *sample)
{
    kin_json_tree *tree;
    KIN_TRY(ask(p, "go\n", &tree));
    *sample = (bench_sample){ number(tree, "ms"), number(tree, "cpu_ms"), number(tree, "loss") };
    kin_json_free(tree);
    KIN_REQUIRE(isfinite(sample->ms), KIN_RUNTIME, "%s gave no \"ms\"", p->name);
    return KIN_OK;
}

kin_status bench_peer_end(bench_peer *p, double *extra_mb)
{
    kin_json_tree *tree;
    KIN_TRY(ask(p, "end\n", &tree));
    *extra_mb = number(tree, "extra_mb");
    kin_json_free(tree);
    fclose(p->to);
    fclose(p->from);
    waitpid(p->pid, NULL, 0);
    p->pid = 0;
    return KIN_OK;
}

void bench_peer_stop(bench_peer *p)
{
    if (p->pid <= 0) return;
    kill(-p->pid, SIGKILL);
    waitpid(p->pid, NULL, 0);
    if (p->to) fclose(p->to);
    if (p->from) fclose(p->from);
    p->pid = 0;
}
