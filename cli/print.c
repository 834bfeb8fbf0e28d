#include "cli/print.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/text.h"

kin_status print_json(kin_json_out *json)
{
    const kin_status status = kin_json_finish(json);
    if (status == KIN_OK) fwrite(json->bytes, 1, json->size, stdout);
    kin_json_discard(json);
    return status;
}

kin_status print_run_file(const char *run, const char *name)
{
    char path[PATH_MAX], *bytes;
    size_t size;
    KIN_TRY(kin_path_join(path, sizeof path, run, name));
    KIN_TRY(kin_file_read(path, &bytes, &size));
    fwrite(bytes, 1, size, stdout);
    free(bytes);
    return KIN_OK;
}

void print_safe(FILE *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + strlen(text);
    while (at < end) {
        const unsigned char *from = at;
        bool valid = true;
        const int32_t c = kin_utf8_read(&at, end, &valid);
        const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
        if (valid && !control) fwrite(from, 1, (size_t)(at - from), out);
        else for (; from < at; from++) fprintf(out, "\\x%02x", *from);
    }
}
