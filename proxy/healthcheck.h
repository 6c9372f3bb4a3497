/* SPDX-License-Identifier: Apache-2.0 */
/*
 * healthcheck: whether a proxy answers on its socket, and its Engine behind it.
 */
#ifndef CAISSON_PROXY_HEALTHCHECK_H
#define CAISSON_PROXY_HEALTHCHECK_H

struct err;

/* Asks /_ping on the socket at path, for 5 s at most. 0: both answer; < 0: err says who does not.
 */
int healthcheck_run(const char *path, struct err *err);

#endif
