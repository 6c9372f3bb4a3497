/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: the verbs of the command line that need no socket: check, explain, learn,
 * import-env, operations, fields and version.
 */
#ifndef CAISSON_PROXY_COMMANDS_H
#define CAISSON_PROXY_COMMANDS_H

#define COMMANDS_VERSION "0.1.0"

/* argv[0] is the verb.  Returns the exit code: 0 yes, 1 no, 2 usage or broken input. */
int commands_run(int argc, char **argv);

#endif
