/* A run's settings: the run file, then what the command line sets on top of it. */
#ifndef KIN_CLI_CONFIGURE_H
#define KIN_CLI_CONFIGURE_H

#include "cli/verb.h"
#include "train/config.h"

/* Resolved; free with kin_config_free, also after a failure. */
kin_status configure(const args *, const char *run_file, kin_config **config);

/* Refuses --section.key and its short names, for a verb that takes them only sometimes. */
kin_status configure_refuse(const args *, const char *where);

#endif
