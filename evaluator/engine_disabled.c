/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_disabled: the engine that runs nothing and says why.
 *
 * It stands wherever no usable engine is configured, so that no caller has a second path for that
 * case, and no path at all that could execute code here.
 */
#include "engine.h"
#include "mem.h"
#include "result.h"

#include <event2/event.h>
#include <stdlib.h>

struct disabled_engine {
    struct engine engine;
    struct event_base *base;
};

struct run {
    struct event *turn; /* the next turn of the loop */
    struct result *result;
    engine_done_fn *done;
    void *context;
};

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    struct run *run = context;

    (void) fd;
    (void) what;
    run->done(run->context, run->result);
    event_free(run->turn);
    free(run);
}

static struct run *disabled_submit(struct engine *engine, const struct job *job,
                                   engine_done_fn *done, void *context, struct fault *fault)
{
    struct disabled_engine *disabled = (struct disabled_engine *) engine;
    const struct facts facts = {.trouble = engine->trouble};
    const struct timeval now = {0, 0};
    struct run *run = mem_alloc(sizeof(*run));

    (void) fault;
    *run = (struct run){
        .turn = evtimer_new(disabled->base, on_turn, run),
        .result = result_new(engine->ops->name, job),
        .done = done,
        .context = context,
    };
    run->result->outcome = verdict_decide(&facts);
    evtimer_add(run->turn, &now);
    return run;
}

static void disabled_cancel(struct run *run)
{
    (void) run; /* it ends in the next turn anyway */
}

static int disabled_sweep(struct engine *engine, struct fault *fault)
{
    (void) engine;
    (void) fault;
    return 0;
}

static void disabled_close(struct engine *engine)
{
    free(engine);
}

static const struct engine_ops disabled_ops = {
    .name = "disabled",
    .submit = disabled_submit,
    .cancel = disabled_cancel,
    .sweep = disabled_sweep,
    .close = disabled_close,
};

struct engine *engine_disabled_open(struct event_base *base, const struct trouble *trouble)
{
    struct disabled_engine *disabled = mem_alloc(sizeof(*disabled));

    disabled->base = base;
    disabled->engine.ops = &disabled_ops;
    disabled->engine.trouble = *trouble;
    return &disabled->engine;
}
