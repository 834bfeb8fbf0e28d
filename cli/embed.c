/* kin embed: one embedding for each line of a file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/device.h"
#include "train/run.h"

static kin_status run(const args *a)
{
    const char *role = args_get(a, "role") ? args_get(a, "role") : "document";
    const char *out = args_get(a, "out");
    KIN_REQUIRE(!strcmp(role, "query") || !strcmp(role, "document"), KIN_USAGE,
                "--role is '%s', expected query or document", role);
    KIN_REQUIRE(out, KIN_USAGE, "--out X.npy is missing: where the embeddings go");
    device d;
    KIN_TRY(device_open_for(&d, a));
    kin_embed_report report;
    const kin_status status = kin_embed_file(a->positional[0], role, a->positional[1], out,
                                             d.backend, &report);
    device_close(&d);
    if (status != KIN_OK) return status;
    if (args_has(a, "json"))
        printf("{\"texts\": %" PRId64 ", \"dim\": %" PRId64 ", \"empty\": %" PRId64
               ", \"cut\": %" PRId64 "}\n", report.texts, report.width, report.empty, report.cut);
    else if (!args_has(a, "quiet"))
        fprintf(stderr, "%s: %" PRId64 " x %" PRId64 "; %" PRId64 " texts without tokens, %" PRId64
                " cut\n", out, report.texts, report.width, report.empty, report.cut);
    return KIN_OK;
}

static const verb_option options[] = {
    { "role", "ROLE", "query or document (default): which tower and which prefix" },
    { "out", "X.npy", "the file to write: texts x dimension, float32; X.txt: as text" },
    DEVICE_OPTIONS,
    { NULL, NULL, NULL }
};

const verb verb_embed = {
    .name = "embed", .summary = "turn lines of text into embeddings",
    .usage = "RUN FILE --out X.npy [--role query|document]", .options = options,
    .least = 2, .most = 2, .run = run,
    .details = "RUN is a run folder or a model folder, FILE has one text a line (- is standard\n"
               "input). A text without tokens has a row of zeros.",
};
