/* SPDX-License-Identifier: Apache-2.0 */
/* runner: many jobs through one engine; see runner.h. */
#include "runner.h"
#include "fault.h"
#include "job.h"
#include "mem.h"
#include "result.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct runner;

/* A place for one run; there are as many as may run at once. */
struct seat {
    struct runner *runner;
    struct job *job; /* NULL: the seat is free */
    struct run *run; /* NULL with a job: the engine did not take it */
};

struct runner {
    const struct runner_conf *conf;
    struct seat *seats;
    size_t busy;
    bool closed; /* nothing new is taken */
    bool stopped;
    bool signaled;
};

static void seat_done(void *context, struct result *take_result)
{
    struct seat *seat = context;
    struct runner *runner = seat->runner;

    if (runner->conf->done(runner->conf->context, seat->job, take_result) < 0)
        runner->closed = runner->stopped = true;
    result_free(take_result);
    job_free(seat->job);
    seat->job = NULL;
    seat->run = NULL;
    runner->busy--;
}

/* The engine would not begin: the request cannot be fulfilled, whoever asks. */
static void seat_refused(struct seat *seat, const struct fault *fault)
{
    struct result *result = result_new(seat->runner->conf->engine->ops->name, seat->job);
    struct facts facts = {0};

    trouble_set(&facts.trouble, TROUBLE_REFUSED, "bundle_too_large", false, "%s", fault->text);
    facts.trouble.invalid = true;
    result->outcome = verdict_decide(&facts);
    seat_done(seat, result);
}

static void seat_begin(struct seat *seat, struct job *take_job)
{
    struct engine *engine = seat->runner->conf->engine;
    struct fault fault;

    seat->job = take_job;
    seat->runner->busy++;
    seat->run = engine->ops->submit(engine, take_job, seat_done, seat, &fault);
    if (!seat->run)
        seat_refused(seat, &fault);
}

static void runner_fill(struct runner *runner)
{
    for (size_t k = 0; k < runner->conf->at_once && !runner->closed; k++) {
        struct seat *seat = &runner->seats[k];
        struct job *job;
        int r;

        while (!seat->job && !runner->closed) {
            r = runner->conf->next(runner->conf->context, &job);
            if (r > 0)
                seat_begin(seat, job);
            else
                runner->closed = true;
            runner->stopped |= r < 0;
        }
    }
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    struct runner *runner = context;

    (void) number;
    (void) what;
    if (runner->signaled)
        _exit(130);
    runner->closed = runner->signaled = true;
    for (size_t k = 0; k < runner->conf->at_once; k++) {
        if (runner->seats[k].run)
            runner->conf->engine->ops->cancel(runner->seats[k].run);
    }
}

enum runner_end runner_run(const struct runner_conf *conf)
{
    struct runner runner = {.conf = conf};
    struct event *on_int = evsignal_new(conf->base, SIGINT, on_signal, &runner);
    struct event *on_term = evsignal_new(conf->base, SIGTERM, on_signal, &runner);

    runner.seats = mem_alloc(conf->at_once * sizeof(*runner.seats));
    for (size_t k = 0; k < conf->at_once; k++)
        runner.seats[k].runner = &runner;
    evsignal_add(on_int, NULL);
    evsignal_add(on_term, NULL);
    for (;;) {
        runner_fill(&runner);
        if (!runner.busy)
            break;
        event_base_loop(conf->base, EVLOOP_ONCE);
    }
    event_free(on_int);
    event_free(on_term);
    free(runner.seats);
    if (runner.signaled)
        return RUNNER_SIGNALED;
    return runner.stopped ? RUNNER_STOPPED : RUNNER_ENDED;
}

size_t runner_default_at_once(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (cores < 1)
        cores = 1;
    return cores > RUNNER_MAX / 2 ? RUNNER_MAX : 2 * (size_t) cores;
}
