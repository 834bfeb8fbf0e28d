/* Reads a command line against a verb's table of options. */
#ifndef KIN_CLI_ARGS_H
#define KIN_CLI_ARGS_H

#include "cli/verb.h"

/* Options that every verb takes. */
extern const verb_option args_common[];

/* Fills out with what follows the verb. An unknown option fails and names the nearest one, also
 * beside --help. args_done gives the memory back. */
kin_status args_read(const verb *, int argc, char **argv, args *out);
void args_done(args *);

#endif
