/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runner: many jobs through one engine, so many at once, over one event loop.
 *
 * SIGINT and SIGTERM end it early: nothing new is taken and the runs under way are cancelled,
 * their containers removed.  A second signal does not wait for that.
 */
#ifndef EVALUATOR_RUNNER_H
#define EVALUATOR_RUNNER_H

#include <stddef.h>

#include "engine.h"

#define RUNNER_MAX 64 /* at once; as many as there are slots */

struct runner_conf {
    struct event_base *base;
    struct engine *engine;
    size_t at_once;
    void *context;
    /* Gives the next job; 0: there is none, < 0: there is none and the rest should stop. */
    int (*next)(void *context, struct job **ret_job);
    /* A run has ended; both are the runner's. < 0: stop. */
    int (*done)(void *context, const struct job *job, const struct result *result);
};

enum runner_end { RUNNER_ENDED, RUNNER_STOPPED, RUNNER_SIGNALED };

/* Returns when all runs have ended.  STOPPED: a callback said so. */
enum runner_end runner_run(const struct runner_conf *conf);

/* Twice the CPUs, within bounds: more only lengthens the queue in the engine. */
size_t runner_default_at_once(void);

#endif
