/* Printing of results as JSON, and of messages. */
#ifndef KIN_CLI_PRINT_H
#define KIN_CLI_PRINT_H

#include <stdio.h>

#include "data/json.h"

/* Finishes the text, prints it to stdout and discards it. */
kin_status print_json(kin_json_out *json);

/* Prints a file of a run folder, for example its eval/test/results.json. */
kin_status print_run_file(const char *run, const char *name);

/* Text that may hold anything a user or a file gave: what is no UTF-8 or a control byte is printed as
 * \xNN, so that a message stays one line and cannot steer a terminal. */
void print_safe(FILE *out, const char *text);

#endif
