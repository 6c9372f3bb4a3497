/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn: `caisson learn`, the smallest policy that would allow what audit logs saw.
 */
#ifndef CAISSON_PROXY_LEARN_H
#define CAISSON_PROXY_LEARN_H

/* argv[0] is the verb. Returns the exit code, or < 0 when the usage is wrong. */
int learn_run(int argc, char **argv);

#endif
