/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome: what became of the last reload, for the `caisson reload` that asked for it.
 *
 * It stands in a memory file of the proxy, which has no name in any folder: who may open it through
 * /proc/PID/fd is who may send the proxy a signal anyway, its own user and root.
 */
#ifndef CAISSON_PROXY_OUTCOME_H
#define CAISSON_PROXY_OUTCOME_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct outcome;

/* NULL: there is no such file, and all calls do nothing. */
struct outcome *outcome_new(void);
void outcome_free(struct outcome *outcome); /* NULL is fine */

/* Adds a line to what will be published; what does not fit is left out. */
void outcome_add(struct outcome *outcome, const char *line);
/* Publishes the lines since the last time, under the next number. version: in force from now on. */
void outcome_publish(struct outcome *outcome, bool good, const char *version);

enum { OUTCOME_TEXT_BYTES = 3500, OUTCOME_VERSION_BYTES = 15 };
struct outcome_seen {
    unsigned long number;
    bool good;
    char version[OUTCOME_VERSION_BYTES + 1];
    char text[OUTCOME_TEXT_BYTES + 1];
};
/* What a proxy has published last. < 0: that process is no proxy, or is not ours to ask. */
int outcome_see(pid_t pid, struct outcome_seen *ret_seen, struct err *err);

#endif
