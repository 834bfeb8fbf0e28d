#include "cli/configure.h"

#include <string.h>

/* The key of a run file that an option means, or NULL. */
static const char *key_of(const char *option)
{
    return strchr(option, '.') ? option : kin_config_alias(option);
}

kin_status configure(const args *a, const char *run_file, kin_config **config)
{
    KIN_TRY(kin_config_new(config));
    KIN_TRY(kin_config_load(*config, run_file));
    for (int i = 0; i < a->options; i++) {
        const char *key = key_of(a->name[i]);
        if (key) KIN_TRY(kin_config_set(*config, key, a->text[i]));
    }
    return kin_config_resolve(*config);
}

kin_status configure_refuse(const args *a, const char *where)
{
    for (int i = 0; i < a->options; i++)
        KIN_REQUIRE(!key_of(a->name[i]) || !strcmp(a->name[i], "threads"), KIN_USAGE,
                    "unknown option --%s; keys of a run file go with %s", a->name[i], where);
    return KIN_OK;
}
