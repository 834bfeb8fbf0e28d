#include "cli/print.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"

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
