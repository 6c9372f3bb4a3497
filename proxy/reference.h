/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference: all that a policy can say, printed from the tables that decide.
 */
#ifndef CAISSON_PROXY_REFERENCE_H
#define CAISSON_PROXY_REFERENCE_H

/* `caisson reference`; argv[0] is the verb.  Returns the exit code; < 0: wrong usage. */
int reference_run(int argc, char **argv);

#endif
