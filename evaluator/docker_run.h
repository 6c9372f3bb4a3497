/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_run: one run on a Docker Engine as a state machine.
 *
 * CLEAN (only a slot's first time, or after trouble) -> CREATE -> START -> RUN -> READ -> DELETE
 * -> done.  In RUN two answers are open at once: the logs as they come, and the wait that ends with
 * the exit status.  The wall limit, a flood of output and a cancel all enter DELETE early: DELETE
 * kills.  READ takes the logs once more, because a stream that follows them may end before the last
 * line is in it (seen with the `local` driver of 20.10, in one of five runs that end without \n).
 */
#ifndef EVALUATOR_DOCKER_RUN_H
#define EVALUATOR_DOCKER_RUN_H

#include "engine.h"

struct http_client;
struct slots;

struct docker {
    struct engine engine; /* first: the one is cast to the other */
    struct event_base *base;
    struct http_client *client;
    struct slots *slots;
    int minor; /* of the API version 1.N that the engine takes */
};

/* As submit() and cancel() of struct engine_ops. */
struct run *docker_run_begin(struct engine *engine, const struct job *job, engine_done_fn *done,
                             void *context, struct fault *fault);
void docker_run_cancel(struct run *run);

#endif
