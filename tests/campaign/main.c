/* kin_campaign KIN [--runs N] [--seed S] [--first N] [--case N] [--keep FOLDER] [--deadline S]
 *              [--long BYTES]
 *
 * Throws N cases at the command and prints what came of them; the exit code is 0 when nothing was
 * wrong. --case runs one of them and shows all of it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "campaign.h"
#include "core/file.h"

enum { MISTAKES_MAX = 128, TRIES = 50 };

typedef struct {
    long runs, crashes, hangs, codes, sentences, residues, results, others, skipped;
    long by_code[128];
} counts;

typedef struct {
    const char *kin, *keep;
    long runs, first, one, deadline, big;
    uint64_t seed;
} options;

static const mistake *table[MISTAKES_MAX];
static counts per[MISTAKES_MAX], total;
static int mistakes, weights;

static void list_mistakes(void)
{
    static const mistake *const groups[] = { mistakes_words, mistakes_keys, mistakes_files,
                                             mistakes_output, mistakes_streams, mistakes_damage,
                                             mistakes_arrays };
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (const mistake *m = groups[g]; m->name; m++) {
            table[mistakes++] = m;
            weights += m->weight;
        }
}

static int draw_mistake(dice *d)
{
    int left = (int)roll(d, (uint64_t)weights), i = 0;
    while (left >= table[i]->weight) left -= table[i++]->weight;
    return i;
}

/* A fresh box and the mistake in it; the first draw that this machine can do. */
static int make_case(const world *w, dice *d, invocation *v)
{
    for (int i = 0; i < TRIES; i++) {
        const int which = draw_mistake(d);
        *v = (invocation){ .same_as = -1, .compare = -1 };
        if (!box_restore(w)) {
            fprintf(stderr, "kin_campaign: the box cannot be restored: %s\n", kin_message());
            exit(1);
        }
        if (table[which]->make(w, d, v)) return which;
        per[which].skipped++;
        invocation_free(v);
    }
    fprintf(stderr, "kin_campaign: no mistake can be made\n");
    exit(1);
}

static bool bad(const verdict *t)
{
    return t->crash || t->hang || t->code || t->sentence || t->residue || t->result;
}

static void count(counts *c, const outcome *o, const verdict *t)
{
    c->runs++;
    c->crashes += t->crash;
    c->hangs += t->hang;
    c->codes += t->code;
    c->sentences += t->sentence;
    c->residues += t->residue;
    c->results += t->result;
    c->others += t->other && !t->result;
    if (!o->signal && o->code >= 0 && o->code < 128) c->by_code[o->code]++;
}

static void show(const world *w, long number, int which, const invocation *v, const outcome *o,
                 const verdict *t)
{
    printf("case %ld, %s: %s\n", number, table[which]->name, bad(t) ? t->why : "as it should be");
    invocation_print(w, v);
    printf("  exit %d, %.2f s, stderr: %.*s\n", o->signal ? 128 + o->signal : o->code, o->seconds,
           (int)(o->err_size < 1500 ? o->err_size : 1500), o->err);
    fflush(stdout);
}

/* A stopped run goes on to the end that it would have had. */
static void judge_resume(const world *w, const char *run_name, const outcome *first, verdict *t)
{
    char path[PATH_ROOM * 2];
    snprintf(path, sizeof path, "%s/%s/run.ini", w->box, run_name);
    const bool begun = !access(path, F_OK);
    invocation v = { .same_as = -1, .compare = -1 };
    say_words(&v, "train run.ini --run.dir");
    say(&v, run_name);
    if (begun) say(&v, "--resume");
    outcome o = run(w, &v);
    snprintf(path, sizeof path, "%s/model/model.safetensors", run_name);
    const bool same = !o.code && !o.signal
                      && outcome_hash(w, &o, path) == w->reference[TRAIN];
    if (!same) {
        t->result = true;
        snprintf(t->why, sizeof t->why, "stopped with %d, then %s gives exit %d%s: %.300s",
                 first->code, begun ? "--resume" : "a new start", o.code,
                 o.code ? "" : " and another result", o.err);
    }
    outcome_free(&o);
    invocation_free(&v);
}

/* A signal may end it before it listens; SIGKILL leaves what it was writing. */
static void forgive_signal(const invocation *v, const outcome *o, verdict *t)
{
    if (!v->signal || o->signal != v->signal) return;
    t->crash = false;
    t->why[0] = 0;
}

static bool try_case(const world *w, const options *a, long number)
{
    dice d = { .seed = a->seed, .number = (uint32_t)number };
    invocation v;
    const int which = make_case(w, &d, &v);
    snapshot before = snapshot_take(w->box);
    outcome o = run(w, &v);
    verdict t = judge(w, &v, &o, &before);
    forgive_signal(&v, &o, &t);
    if (v.resume && !bad(&t)) judge_resume(w, v.resume, &o, &t);
    count(&per[which], &o, &t);
    count(&total, &o, &t);
    if (bad(&t) || a->one >= 0) show(w, number, which, &v, &o, &t);
    const bool good = !bad(&t);
    snapshot_free(&before);
    outcome_free(&o);
    invocation_free(&v);
    return good;
}

/* ---- the end --------------------------------------------------------------------------------- */

static long wrong(const counts *c)
{
    return c->crashes + c->hangs + c->codes + c->sentences + c->residues + c->results;
}

static void print_row(const char *name, const counts *c)
{
    static const int codes[] = { 0, 1, 2, 3, 4, 5, 6, 75 };
    printf("%-26s %6ld", name, c->runs);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) printf(" %5ld", c->by_code[codes[i]]);
    printf(" %6ld %6ld\n", c->others, wrong(c));
}

static void print_counts(const options *a, double seconds)
{
    printf("%-26s %6s %5s %5s %5s %5s %5s %5s %5s %5s %6s %6s\n", "mistake", "cases", "0", "1", "2",
           "3", "4", "5", "6", "75", "other", "wrong");
    for (int i = 0; i < mistakes; i++)
        if (per[i].runs) print_row(table[i]->name, &per[i]);
        else printf("%-26s      - (not possible here, or not drawn)\n", table[i]->name);
    print_row("all", &total);
    printf("other: accepted with another result, where no checksum covers the file\n"
           "seed %llu, %.0f s\n%ld invocations: %ld crashes, %ld hangs, %ld wrong exit codes, %ld "
           "wrong sentences, %ld residues, %ld changed results\n", (unsigned long long)a->seed,
           seconds, total.runs, total.crashes, total.hangs, total.codes, total.sentences,
           total.residues, total.results);
}

static long number(const char *text)
{
    char *end;
    const long value = strtol(text, &end, 10);
    if (*end || end == text || value < 0) {
        fprintf(stderr, "kin_campaign: '%s' is not a whole number\n", text);
        exit(2);
    }
    return value;
}

static options read_options(int argc, char **argv)
{
    options a = { .runs = 300, .one = -1, .deadline = 30, .seed = 1, .big = 100000000 };
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (argv[i][0] != '-') a.kin = argv[i];
        else if (!strcmp(argv[i], "--runs")) a.runs = number(value), i++;
        else if (!strcmp(argv[i], "--seed")) a.seed = (uint64_t)number(value), i++;
        else if (!strcmp(argv[i], "--first")) a.first = number(value), i++;
        else if (!strcmp(argv[i], "--case")) a.one = number(value), i++;
        else if (!strcmp(argv[i], "--deadline")) a.deadline = number(value), i++;
        else if (!strcmp(argv[i], "--long")) a.big = number(value), i++;
        else if (!strcmp(argv[i], "--keep")) a.keep = value, i++;
        else a.kin = NULL, i = argc;
    }
    if (a.kin) return a;
    fprintf(stderr, "usage: kin_campaign KIN [--runs N] [--seed S] [--first N] [--case N] "
                    "[--keep FOLDER] [--deadline SECONDS] [--long BYTES]\n");
    exit(2);
}

static bool make_work(const options *a, char work[PATH_ROOM])
{
    const char *temporary = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    if (a->keep) {
        snprintf(work, PATH_ROOM, "%s", a->keep);
        return !kin_folder_make(work) && realpath(a->keep, work);
    }
    snprintf(work, PATH_ROOM, "%s/kin-campaign-XXXXXX", temporary);
    return mkdtemp(work) && !chmod(work, 0755);      /* the command may run as nobody */
}

int main(int argc, char **argv)
{
    static world w;
    const options a = read_options(argc, argv);
    char work[PATH_ROOM];
    signal(SIGPIPE, SIG_IGN);
    umask(022);
    /* Where the command was built with sanitizers: an exit code that it never has itself. */
    setenv("ASAN_OPTIONS", "exitcode=99:allocator_may_return_null=1", 0);
    setenv("UBSAN_OPTIONS", "exitcode=99", 0);
    w.deadline = (int)a.deadline;
    if (!make_work(&a, work) || !world_make(&w, a.kin, work, (size_t)a.big)) {
        fprintf(stderr, "kin_campaign: the box could not be made in %s\n", work);
        return 1;
    }
    list_mistakes();
    const time_t start = time(NULL);
    const long first = a.one >= 0 ? a.one : a.first, runs = a.one >= 0 ? 1 : a.runs;
    for (long i = 0; i < runs; i++) try_case(&w, &a, first + i);
    if (a.one < 0) print_counts(&a, difftime(time(NULL), start));
    world_end(&w, a.keep != NULL);
    return wrong(&total) ? 1 : 0;
}
