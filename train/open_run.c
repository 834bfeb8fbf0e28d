/* Open run: see open_run.h. */
#include "train/open_run.h"

#include "core/file.h"
#include "encoders/folder.h"

kin_status kin_open_model(kin_model **model, kin_backend *backend, const char *run)
{
    char folder[KIN_PATH_MAX], config[KIN_PATH_MAX];
    KIN_REQUIRE(kin_file_exists(run), KIN_DATA, "%s: there is no such folder", run);
    KIN_TRY(kin_path_join(folder, sizeof folder, run, "model"));
    if (kin_file_exists(folder)) return kin_model_load(model, backend, folder);
    KIN_TRY(kin_path_join(config, sizeof config, run, "config.json"));
    KIN_REQUIRE(kin_file_exists(config), KIN_DATA,
                "%s: neither a run with a model nor a model folder", run);
    return kin_model_load(model, backend, run);
}

static kin_status load(kin_config *config, kin_store **store, const char *run)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(kin_path_join(path, sizeof path, run, "run.ini"));
    KIN_REQUIRE(kin_file_exists(path), KIN_DATA, "%s: is not a run folder (no run.ini)", run);
    KIN_TRY(kin_config_load_own(config, path, run));
    const kin_status status = kin_store_open(store, kin_config_text(config, "data.store"));
    return status ? kin_fail_in(status, "data.store of %s", path) : KIN_OK;
}

kin_status kin_open_run(kin_config **config, kin_store **store, const char *run)
{
    *store = NULL;
    KIN_TRY(kin_config_new(config));
    const kin_status status = load(*config, store, run);
    if (status) {
        kin_config_free(*config);
        *config = NULL;
    }
    return status;
}
