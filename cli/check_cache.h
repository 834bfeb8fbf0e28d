/* kin check cache RUN.ini: the gradient cache beside plain steps, on a run's own data. */
#ifndef KIN_CLI_CHECK_CACHE_H
#define KIN_CLI_CHECK_CACHE_H

#include "cli/verb.h"

kin_status check_cache(const args *);

#endif
