/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: where runs happen, behind one table of functions.
 *
 * There is no engine that runs code in this process or on this machine's own behalf.  When none is
 * configured, or the configured one must not be used, engine_open() gives the disabled engine,
 * which ends every run with the reason.
 *
 * An engine works on the caller's event loop.  To add one, write its open function, its table, and
 * a line in engine_open().
 */
#ifndef EVALUATOR_ENGINE_H
#define EVALUATOR_ENGINE_H

#include "verdict.h"

struct bytes;
struct engine;
struct event_base;
struct fault;
struct job;
struct result;
struct run; /* each engine's own */

struct engine_conf {
    const char *docker_host; /* $DOCKER_HOST, or NULL */
    const char *instance;    /* NULL: the default of slots.h */
    bool allow_raw_socket;   /* an engine without a proxy in front of it will do */
};

/* Takes the result.  Called once per run, from the loop; the run is gone then. */
typedef void engine_done_fn(void *context, struct result *take_result);

struct engine_ops {
    const char *name;

    /*
     * Begins a run.  The job must stay until `done` is called, which is never from inside here.
     * NULL: the job cannot run on this engine for what it is; nothing was begun, see the fault.
     */
    struct run *(*submit)(struct engine *engine, const struct job *job, engine_done_fn *done,
                          void *context, struct fault *fault);

    /* Ends a run soon; `done` is called as for any other. */
    void (*cancel)(struct run *run);

    /* Removes what earlier processes of this instance left; how many, or < 0. */
    int (*sweep)(struct engine *engine, struct fault *fault);

    /* No run may be under way. */
    void (*close)(struct engine *engine);
};

struct engine {
    const struct engine_ops *ops;
    struct trouble trouble; /* why it is disabled; TROUBLE_NONE when it is not */
    bool raw;               /* nothing filters what we ask */
};

/* Never NULL; look at its trouble.  Asks the engine who it is, and so runs the loop for a while. */
struct engine *engine_open(struct event_base *base, const struct engine_conf *conf);
void engine_close(struct engine *engine);

struct engine *engine_disabled_open(struct event_base *base, const struct trouble *trouble);
struct engine *engine_docker_open(struct event_base *base, const struct engine_conf *conf,
                                  struct trouble *trouble);

#endif
