/* Loss, result: the value, the gradients and how they are told. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "autograd/op.h"
#include "cli/loss.h"
#include "cli/print.h"
#include "core/file.h"

/* ---- the folder for gradients --------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool same_folder(const char *folder, const char *file)
{
    char of_file[PATH_MAX];
    struct stat a, b;
    const int length = (int)(base_name(file) - file);
    snprintf(of_file, sizeof of_file, "%.*s", length ? length : 1, length ? file : ".");
    return !stat(folder, &a) && !stat(of_file, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

kin_status loss_check_folder(const loss_call *c, const char *folder)
{
    KIN_REQUIRE(*folder, KIN_USAGE, "--grad is empty, expected a folder");
    for (int i = 0; i < LOSS_ARRAYS; i++)
        KIN_REQUIRE(!loss_given(c, i) || !same_folder(folder, c->array[i].path), KIN_USAGE,
                    "--grad %s is the folder of %s; gradients have the names of inputs, so they "
                    "need a folder of their own", folder, c->array[i].path);
    for (int i = 0; i < LOSS_TARGET; i++)
        for (int j = 0; j < i; j++)
            KIN_REQUIRE(!loss_given(c, i) || !loss_given(c, j) ||
                        strcmp(base_name(c->array[i].path), base_name(c->array[j].path)),
                        KIN_USAGE, "--grad: %s and %s have the same file name, so their gradients "
                        "would too", c->array[j].path, c->array[i].path);
    return KIN_OK;
}

/* ---- computing ------------------------------------------------------------------------------ */

static kin_status send(kin_backend *backend, const char *name, int64_t rows, int64_t cols,
                       const void *values, kin_tensor *to)
{
    const size_t bytes = (size_t)(rows * cols) * sizeof(real);
    *to = (kin_tensor){ .rows = rows, .cols = cols, .name = name,
                        .value = backend->alloc(backend, bytes) };
    KIN_REQUIRE(to->value, KIN_MEMORY, "%s: no memory for %zu bytes", name, bytes);
    backend->upload(backend, to->value, values, bytes);
    return KIN_OK;
}

static kin_status send_all(loss_call *c, kin_backend *backend)
{
    for (int i = 0; i < LOSS_TARGET; i++) {
        const kin_npy *f = &c->array[i].file;
        if (!f->rows) continue;
        KIN_TRY(send(backend, c->array[i].path, f->rows * (f->depth ? f->cols : 1),
                     f->depth ? f->depth : f->cols, f->values, &c->tensor[i]));
        c->tensor[i].needs_grad = true;
    }
    if (c->target) {
        KIN_TRY(send(backend, c->array[LOSS_TARGET].path, c->target_rows, c->target_cols,
                     c->target, &c->tensor[LOSS_TARGET]));
        c->setting.target = &c->tensor[LOSS_TARGET];
    }
    for (int i = 0; i < KIN_HYPERS_MAX; i++) {
        if (!c->setting.learned[i]) continue;
        c->parameter[i] = (real)kin_loss_learned_start(&c->loss->entry, i, c->setting.hypers[i]);
        KIN_TRY(send(backend, c->loss->entry.hypers[i].name, 1, 1, &c->parameter[i],
                     &c->learned[i]));
        c->learned[i].needs_grad = true;
    }
    return KIN_OK;
}

static void release_all(loss_call *c, kin_backend *backend)
{
    for (int i = 0; i < LOSS_NUMBERS; i++)
        if (c->tensor[i].value) backend->release(backend, c->tensor[i].value);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (c->learned[i].value) backend->release(backend, c->learned[i].value);
}

static kin_tensor *apply(loss_call *c, kin_tape *tape)
{
    kin_tensor *q = &c->tensor[LOSS_QUERY], *columns = q;
    if (c->tensor[LOSS_SCORE].value)
        return kin_loss_apply_scores(tape, &c->setting, &c->tensor[LOSS_SCORE], &c->report);
    if (c->tensor[LOSS_PROXY].value) columns = &c->tensor[LOSS_PROXY];
    if (c->tensor[LOSS_DOCUMENT].value) columns = &c->tensor[LOSS_DOCUMENT];
    if (c->tensor[LOSS_NEGATIVE].value)
        columns = kin_concat_rows(tape, columns, &c->tensor[LOSS_NEGATIVE]);
    return kin_loss_apply(tape, &c->setting, q, columns, &c->report);
}

/* The gradient of an input: its norm, and its file. */
static kin_status take_gradient(loss_call *c, kin_backend *backend, int which, const char *folder)
{
    const kin_tensor *t = &c->tensor[which];
    const int64_t n = t->rows * t->cols;
    char path[PATH_MAX];
    c->norm[which] = t->grad ? sqrt(backend->sum_squares(backend, n, t->grad)) : 0;
    if (!folder) return KIN_OK;
    KIN_TRY(kin_path_join(path, sizeof path, folder, base_name(c->array[which].path)));
    real *gradient = calloc((size_t)n, sizeof *gradient);
    KIN_REQUIRE(gradient, KIN_MEMORY, "%s: no memory to write it", path);
    if (t->grad) backend->download(backend, gradient, t->grad, (size_t)n * sizeof *gradient);
    const kin_status status = kin_npy_write_like(path, &c->array[which].file, gradient);
    free(gradient);
    return status;
}

static kin_status take_results(loss_call *c, kin_tape *tape, const char *folder)
{
    kin_backend *backend = kin_tape_backend(tape);
    kin_tensor *value = apply(c, tape);
    KIN_TRY(kin_tape_status(tape));
    KIN_REQUIRE(isfinite(c->report.value), KIN_NUMERICAL, "the loss is %g although all numbers "
                "given are finite: they are too large", c->report.value);
    KIN_TRY(kin_tape_backward(tape, value));
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (c->learned[i].grad)
            backend->download(backend, &c->slope[i], c->learned[i].grad, sizeof c->slope[i]);
    if (folder) KIN_TRY(kin_folder_make(folder));
    for (int i = 0; i < LOSS_TARGET; i++)
        if (c->tensor[i].value) KIN_TRY(take_gradient(c, backend, i, folder));
    return KIN_OK;
}

kin_status loss_compute(loss_call *c, kin_backend *backend, const char *folder)
{
    kin_tape *tape = NULL;
    kin_status status = kin_tape_new(&tape, backend);
    if (status == KIN_OK) status = send_all(c, backend);
    if (status == KIN_OK) {
        kin_tape_reset(tape, 0, 0, true);
        status = take_results(c, tape, folder);
    }
    kin_tape_free(tape);
    release_all(c, backend);
    return status;
}

/* ---- telling -------------------------------------------------------------------------------- */

/* Digits that read back to the same number. */
enum { DIGITS = sizeof(real) == sizeof(double) ? 17 : 9 };

static void put_number(kin_json_out *json, const char *key, double number)
{
    if (DIGITS == 17) kin_json_put_exact(json, key, number);
    else kin_json_put_number(json, key, number);
}

static void put_hyper(kin_json_out *json, const kin_hyper *h, double value)
{
    char text[64];
    kin_hyper_print(h, value, text, sizeof text);
    if (h->choices) kin_json_put_string(json, h->name, text);
    else if (h->flags & KIN_BOOLEAN) kin_json_put_boolean(json, h->name, value != 0);
    else kin_json_put_exact(json, h->name, value);
}

static void put_learned(const loss_call *c, kin_json_out *json)
{
    kin_json_open(json, "learned", '{');
    for (int i = 0; i < KIN_HYPERS_MAX; i++) {
        if (!c->setting.learned[i]) continue;
        kin_json_open(json, c->loss->entry.hypers[i].name, '{');
        put_number(json, "parameter", (double)c->parameter[i]);
        put_number(json, "gradient", (double)c->slope[i]);
        kin_json_close(json);
    }
    kin_json_close(json);
}

/* Two inputs may be one file: then the second says which it is. */
static void put_norm(const loss_call *c, kin_json_out *json, int which)
{
    char key[PATH_MAX + 32];
    bool before = false;
    for (int i = 0; i < which; i++)
        before = before || (loss_given(c, i) && !strcmp(c->array[i].path, c->array[which].path));
    snprintf(key, sizeof key, "%s%s%s", c->array[which].path, before ? " as " : "",
             before ? c->array[which].option : "");
    put_number(json, key, c->norm[which]);
}

static kin_status print_as_json(const loss_call *c)
{
    kin_json_out json = { .indent = 2 };
    const kin_entry *e = &c->loss->entry;
    const int temperature = kin_hyper_find(e, "temperature");
    kin_json_open(&json, NULL, '{');
    kin_json_put_string(&json, "loss", e->name);
    put_number(&json, "value", c->report.value);
    kin_json_put_whole(&json, "rows", c->report.rows);
    kin_json_put_whole(&json, "valid", c->report.valid);
    put_number(&json, "positives", c->report.positives);
    put_number(&json, "negatives", c->report.negatives);
    if (temperature >= 0)
        put_hyper(&json, &e->hypers[temperature], c->setting.hypers[temperature]);
    kin_json_open(&json, "hypers", '{');
    for (int i = 0; e->hypers[i].name; i++) put_hyper(&json, &e->hypers[i], c->setting.hypers[i]);
    kin_json_close(&json);
    put_learned(c, &json);
    kin_json_open(&json, "gradients", '{');
    for (int i = 0; i < LOSS_TARGET; i++)
        if (loss_given(c, i)) put_norm(c, &json, i);
    kin_json_close(&json);
    kin_json_close(&json);
    return print_json(&json);
}

static void print_text(const loss_call *c)
{
    const kin_entry *e = &c->loss->entry;
    printf("%-12s %s\n%-12s %.*g\n", "loss", e->name, "value", DIGITS, c->report.value);
    printf("%-12s %lld\n%-12s %lld\n", "rows", (long long)c->report.rows, "valid",
           (long long)c->report.valid);
    printf("%-12s %.*g\n%-12s %.*g\n", "positives", DIGITS, c->report.positives, "negatives",
           DIGITS, c->report.negatives);
    for (int i = 0; e->hypers[i].name; i++) {
        char text[64];
        kin_hyper_print(&e->hypers[i], c->setting.hypers[i], text, sizeof text);
        printf("%-12s %s\n", e->hypers[i].name, text);
    }
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (c->setting.learned[i])
            printf("%-12s %s: %.*g at %.*g\n", "derivative", c->learned[i].name, DIGITS,
                   (double)c->slope[i], DIGITS, (double)c->parameter[i]);
    for (int i = 0; i < LOSS_TARGET; i++) {
        if (!loss_given(c, i)) continue;
        printf("%-12s ", "gradient");
        print_safe(stdout, c->array[i].path);
        printf(" has norm %.*g\n", DIGITS, c->norm[i]);
    }
}

kin_status loss_print(const loss_call *c, bool as_json)
{
    if (as_json) return print_as_json(c);
    print_text(c);
    return KIN_OK;
}
