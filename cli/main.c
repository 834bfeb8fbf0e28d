/* kin: the command. Finds the verb, reads its options, runs it. Results go to stdout, everything
 * else to stderr; the exit code is the status (core/status.h). */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/print.h"
#include "cli/verb.h"
#include "core/entry.h"

static const verb *const verbs[] = {
#define VERB(id) &verb_##id,
#include "cli/verbs.def"
#undef VERB
};
enum { VERBS = sizeof verbs / sizeof *verbs };

static const char *first_line =
#ifdef KIN_DOUBLE
    "kin64 " KIN_VERSION ": kin in double precision, for checks";
#else
    "kin " KIN_VERSION " (" KIN_COMMIT "): trains embeddings by contrast";
#endif

static void print_help(void)
{
    printf("%s\n\nusage: kin VERB [arguments] [--options]\n\n", first_line);
    for (int i = 0; i < VERBS; i++) printf("  %-9s %s\n", verbs[i]->name, verbs[i]->summary);
    printf("\n'kin VERB --help' tells more. Exit codes: 0 ok, 1 run time, 2 usage, 3 data,\n"
           "4 numerical, 5 check failed, 6 out of memory, 75 saved after a signal.\n");
}

static void print_options(const verb_option *options)
{
    for (; options && options->name; options++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", options->name, options->value ? " " : "",
                 options->value ? options->value : "");
        printf("  %-26s %s\n", left, options->help);
    }
}

static void print_verb_help(const verb *v)
{
    printf("kin %s: %s\n\nusage: kin %s %s\n", v->name, v->summary, v->name, v->usage);
    if (v->details) printf("\n%s\n", v->details);
    printf("\noptions:\n");
    print_options(v->options);
    print_options(args_common);
    if (v->run_keys)
        printf("  %-26s %s\n", "--SECTION.KEY VALUE",
               "any key of a run file; 'kin list key' shows all of them");
}

static const verb *find_verb(const char *name)
{
    const char *names[VERBS];
    for (int i = 0; i < VERBS; i++) {
        names[i] = verbs[i]->name;
        if (!strcmp(name, names[i])) return verbs[i];
    }
    const char *near = kin_nearest(name, names, VERBS);
    if (near)
        kin_fail(KIN_USAGE, "unknown verb '%s'; did you mean '%s'?", name, near);
    else
        kin_fail(KIN_USAGE, "unknown verb '%s'; 'kin --help' lists the verbs", name);
    return NULL;
}

static int report(kin_status status, const char *verb_name)
{
    if (status == KIN_OK) return 0;
    fprintf(stderr, "kin%s%s: ", verb_name ? " " : "", verb_name ? verb_name : "");
    print_safe(stderr, kin_message());
    fputc('\n', stderr);
    return (int)status;
}

/* Whether the reader of stdout went away; the error itself may be of a write long ago. */
static bool reader_left(void)
{
    struct pollfd end = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return errno == EPIPE || (poll(&end, 1, 0) == 1 && (end.revents & (POLLERR | POLLHUP)));
}

/* A reader that went away (kin list | head) is no error; anything else that stdout lost is. */
static int flush_results(int code)
{
    errno = 0;
    const bool lost = fflush(stdout) || ferror(stdout);
    if (!lost || reader_left()) return code;
    fprintf(stderr, "kin: results could not be written to stdout\n");
    return code ? code : (int)KIN_RUNTIME;
}

/* A standard stream that the caller closed would lend its number to the next file we open, and
 * print into it. Read-only stand-ins keep writes failing. */
static void hold_streams(void)
{
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) _exit(KIN_RUNTIME);
}

/* What the first step's arenas gave up goes back to the system. By itself glibc keeps whatever is
 * smaller than the largest block that was freed. */
enum { LARGE_BLOCK = 4 << 20 };

int main(int argc, char **argv)
{
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK);
    hold_streams();
    signal(SIGPIPE, SIG_IGN);            /* a log reader that goes away must not end a training */
    signal(SIGXFSZ, SIG_IGN);            /* a file that may not grow is a failed write */
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")
        || !strcmp(argv[1], "help")) {
        if (argc > 2) {
            kin_fail(KIN_USAGE, "unexpected argument '%s' beside %s", argv[2], argv[1]);
            return report(KIN_USAGE, NULL);
        }
        print_help();
        if (argc < 2) kin_fail(KIN_USAGE, "a verb is missing; usage: kin VERB [arguments]");
        return flush_results(report(argc < 2 ? KIN_USAGE : KIN_OK, NULL));
    }
    if (!strcmp(argv[1], "--version") && argc == 2) {
        printf("%s\n", first_line);
        return flush_results(0);
    }
    const verb *v = find_verb(argv[1]);
    if (!v) return report(KIN_USAGE, NULL);
    args a;
    kin_status status = args_read(v, argc, argv, &a);
    if (status == KIN_OK) {
        if (args_has(&a, "help"))
            print_verb_help(v);
        else
            status = v->run(&a);
    }
    args_done(&a);
    return flush_results(report(status, v->name));
}
