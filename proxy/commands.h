/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: the verbs of the command line that need no socket: check, explain, learn, import-env,
 * operations, fields, reference, version and help; and the one text that says how all verbs are
 * used.
 */
#ifndef CAISSON_PROXY_COMMANDS_H
#define CAISSON_PROXY_COMMANDS_H

#include <stdbool.h>

#define COMMANDS_VERSION "0.1.0"
#define COMMANDS_POLICY  "/etc/caisson/policy.ini" /* where no --policy names another */

/* argv[0] is the verb.  Returns the exit code: 0 yes, 1 no, 2 usage or broken input. */
int commands_run(int argc, char **argv);

/* Whether a verb is followed by --help; commands_run() answers that for every verb. */
bool commands_asks_help(int argc, char **argv);
/* Says on stderr how all verbs are used; returns the exit code for that. */
int commands_bad_usage(void);

#endif
