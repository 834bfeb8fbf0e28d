/* Printing of results as JSON. */
#ifndef KIN_CLI_PRINT_H
#define KIN_CLI_PRINT_H

#include "data/json.h"

/* Finishes the text, prints it to stdout and discards it. */
kin_status print_json(kin_json_out *json);

/* Prints a file of a run folder, for example its eval/test/results.json. */
kin_status print_run_file(const char *run, const char *name);

#endif
