/* Child: one process of the command, its output appended to a file. For experiments/. */
#ifndef KIN_EXPERIMENTS_CHILD_H
#define KIN_EXPERIMENTS_CHILD_H

#include <stddef.h>
#include <sys/types.h>
#include "core/status.h"

/* argv ends with NULL. The child is asked to stop (SIGTERM) when this process dies. */
kin_status kin_child_start(const char *program, const char *const *argv, const char *log,
                           pid_t *pid);

/* Waits until a child has ended, a signal has come, or so many seconds have passed. Children's ends
 * must be blocked (kin_child_block) so that none is missed. */
void kin_child_block(void);
void kin_child_wait(double seconds);

/* The last line of a log that begins with "kin", without the folder's path in it. */
void kin_child_last_words(const char *log, const char *folder, char *text, size_t size);

#endif
