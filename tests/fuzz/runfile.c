/* Run file: what resolves is printed as a complete run file, which reads and prints the same. */
#include "tests/fuzz/fuzz.h"
#include "train/config.h"

static void seeds(void)
{
    kin_config *config;
    CHECK(kin_config_new(&config) == KIN_OK);
    CHECK(kin_config_set(config, "data.store", "/a.h5") == KIN_OK);
    CHECK(kin_config_set(config, "run.dir", "/r") == KIN_OK);
    CHECK(kin_config_resolve(config) == KIN_OK);
    CHECK(kin_config_save(config, in_folder("s.ini")) == KIN_OK);
    add_seed_file(in_folder("s.ini"));
    kin_config_free(config);
    add_seed_text("[data]\nstore = a.h5\n[run]\ndir = runs/${loss.name}-${run.seed}  # why\n"
                  "[loss]\nname = triplet\nmargin = 0.3\n[encoder]\nquery_prefix = \" q: \"\n");
    add_seed_text("[data]\nstore = a.h5\n[run]\ndir = r\n[loss]\nsum = infonce:1 uniformity:0.5\n"
                  "uniformity.t = 3\nlearn = infonce.temperature\ndims = 16 8\n"
                  "dim_weights = 1 0.5\nsymmetric = true\n");
    add_seed_text("\xEF\xBB\xBF; head\r\n[data]\r\nstore=./x\r\n[run]\r\ndir=.\r\n"
                  "[batch]\r\nsize = 64\r\nrepeat = a=2 b=0.5\r\n"
                  "[loss]\r\nlearn = temperature\r\n");
}

static char *resolve(const char *path)
{
    kin_config *config;
    char *text = NULL;
    CHECK(kin_config_new(&config) == KIN_OK);
    kin_status status = kin_config_load(config, path);
    if (status == KIN_OK) status = kin_config_resolve(config);
    if (accepted(status, KIN_USAGE)) {
        text = kin_config_print(config);
        CHECK(text);
    }
    kin_config_free(config);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *first = resolve(write_bytes(in_folder("a.ini"), bytes, size));
    if (!first) return 0;
    char *second = resolve(write_bytes(in_folder("b.ini"), first, strlen(first)));
    CHECK(second && strcmp(first, second) == 0);
    free(first);
    free(second);
    return 0;
}
