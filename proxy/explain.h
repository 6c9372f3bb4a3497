/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain: what the proxy would do with one request, without a socket.
 */
#ifndef CAISSON_PROXY_EXPLAIN_H
#define CAISSON_PROXY_EXPLAIN_H

/* The verb; argv[0] is "explain".  Returns the exit code, or < 0 for wrong usage. */
int explain_run(int argc, char **argv);

#endif
