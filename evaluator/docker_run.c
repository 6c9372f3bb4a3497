/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_run: one run on a Docker Engine as a state machine; see docker_run.h.
 *
 * run_enter() is the only writer of a step, run_finish() the only way out.  A connection that
 * breaks says nothing about the container: calls are repeated (all but start bear it), a wait is
 * taken up again, and the logs are read again from their start, for as long as a restart of a proxy
 * takes.
 */
#include "docker_run.h"
#include "bundle.h"
#include "docker_body.h"
#include "docker_http.h"
#include "docker_output.h"
#include "mem.h"
#include "result.h"
#include "slots.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUN_CALL_TIMEOUT_MS  60000
#define RUN_BROKEN_WAIT_MS   100
#define RUN_BROKEN_MS        10000 /* how long an unreachable engine is borne with */
#define RUN_BUSY_WAIT_MS     200   /* where a proxy that is full does not say when to come again */
#define RUN_BUSY_WAIT_MAX_MS 5000
#define RUN_BUSY_MS          60000 /* how long a proxy's or our own want of places is */
#define RUN_CONFLICT_WAIT_MS 10
#define RUN_CONFLICT_MS      10000 /* how long a name stays taken by a container being removed */
#define RUN_READ             "logs?stdout=1&stderr=1"
#define RUN_ANEW_MAX         10
#define RUN_STREAMS_MS       5000 /* from the exit to the end of the logs, and after a DELETE */

enum step { STEP_CLEAN, STEP_CREATE, STEP_START, STEP_RUN, STEP_READ, STEP_DELETE };

struct run {
    struct docker *docker;
    const struct job *job;
    engine_done_fn *done;
    void *context;
    struct result *result;
    struct facts facts;
    struct bundle bundle;
    struct slot *slot;
    char id[DOCKER_ID_SIZE]; /* empty: not known, the slot's name stands for it */

    enum step step;
    bool deleted;
    bool repeated;  /* the call of this step was sent before */
    int anew;       /* how often it began again from CLEAN */
    bool may_exist; /* a container of the slot's name */
    long long begun_ms;
    long long step_ms;     /* when the step was entered */
    long long call_ms;     /* when its last call was sent */
    long long broken_ms;   /* since when the connection of wait or logs is broken; 0: it is not */
    long long conflict_ms; /* since when create finds the name taken; 0: it does not */

    struct http_exchange *call; /* of every step but RUN */
    struct http_exchange *wait;
    struct http_exchange *logs;
    bool wait_over;
    bool logs_over;
    struct docker_output followed; /* what came while the program ran */
    struct docker_output read;     /* what was there when it had ended */

    struct event *again;  /* sends the call of the step again */
    struct event *rejoin; /* opens wait and logs again where they broke */
    struct event *limit;  /* RUN: the wall limit; when the program is gone: for the streams */
};

static void run_enter(struct run *run, enum step step, long long delay_ms);

static long long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void timer_set(struct event *timer, long long delay_ms)
{
    const struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

    evtimer_add(timer, &delay);
}

/* ---- the end ---- */

static void run_free(struct run *run)
{
    http_abort(run->call);
    http_abort(run->wait);
    http_abort(run->logs);
    event_free(run->again);
    event_free(run->rejoin);
    event_free(run->limit);
    docker_output_done(&run->followed);
    docker_output_done(&run->read);
    bundle_done(&run->bundle);
    result_free(run->result);
    free(run);
}

static void run_finish(struct run *run)
{
    struct result *result = run->result;
    struct facts *facts = &run->facts;
    struct docker_output *output = docker_output_better(&run->followed, &run->read);
    const struct bytes *head = &output->out.head;

    facts->output_damaged = output->damaged;
    facts->unpack_failed = facts->has_status &&
                           bundle_unpack_failed(&run->bundle, facts->status, head->data, head->len);
    capture_take(result->out, &output->out);
    capture_take(result->err, &output->err);
    result->outcome = verdict_decide(facts);
    result->timing.total_ms = now_ms() - run->begun_ms;
    if (run->slot) {
        run->slot->clean = !run->may_exist;
        slots_give_back(run->docker->slots, run->slot);
    }
    run->result = NULL;
    run->done(run->context, result);
    run_free(run);
}

/* Goes on when nothing of the present step is open any more. */
static void run_settle(struct run *run)
{
    if (!run->wait_over || !run->logs_over)
        return;
    if (run->deleted)
        run_finish(run);
    else if (run->step == STEP_RUN)
        run_enter(run, run->facts.has_status ? STEP_READ : STEP_DELETE, 0);
}

/* From a step before RUN: removes what there may be, then ends. */
static void run_leave(struct run *run)
{
    if (run->may_exist) {
        run_enter(run, STEP_DELETE, 0);
        return;
    }
    run->deleted = true;
    run_settle(run);
}

/* An answer that no step expects. */
static void run_blame(struct run *run, const char *what, const struct http_answer *answer)
{
    struct trouble *trouble = &run->facts.trouble;
    struct fault message;

    if (run->facts.cancelled)
        return;
    if (answer->end != HTTP_ANSWERED) {
        trouble_set(trouble, TROUBLE_SANDBOX, "engine_unavailable", true, "%s: %s", what,
                    answer->trouble);
        return;
    }
    docker_body_read_message(answer->body, answer->body_len, &message);
    if (answer->status == 403)
        trouble_set(trouble, TROUBLE_REFUSED, "policy", false, "%s", message.text);
    else if (answer->status == 429)
        trouble_set(trouble, TROUBLE_SANDBOX, "engine_busy", true, "%s", message.text);
    else
        trouble_set(trouble, TROUBLE_SANDBOX, "engine_error", answer->status >= 500,
                    "%s: the engine answered %d: %s", what, answer->status, message.text);
}

/* A failure that says nothing about the request and may be over in a moment. */
static bool is_passing(const struct http_answer *answer)
{
    if (answer->end == HTTP_LOST)
        return true;
    return answer->end == HTTP_ANSWERED && answer->status >= 502 && answer->status <= 504;
}

/* A limit of the proxy's: nothing of the request was done, and a place will be free again. */
static bool is_busy(const struct http_answer *answer)
{
    return answer->end == HTTP_ANSWERED && answer->status == 429;
}

static long long busy_wait_ms(const struct http_answer *answer)
{
    long long wait_ms = answer->retry_after_s * 1000LL;

    if (!wait_ms)
        return RUN_BUSY_WAIT_MS;
    return wait_ms < RUN_BUSY_WAIT_MAX_MS ? wait_ms : RUN_BUSY_WAIT_MAX_MS;
}

/* ---- the streams of a running container ---- */

static void run_kill(struct run *run, enum kill_cause cause)
{
    if (run->step != STEP_RUN || run->wait_over)
        return;
    run->facts.killed = cause;
    run->result->timing.run_ms = now_ms() - run->step_ms;
    evtimer_del(run->limit);
    run_enter(run, STEP_DELETE, 0);
}

/*
 * Opens the stream again soon; false when that has gone on for too long, or makes no sense.  A full
 * proxy is waited for as long as the program has time: meanwhile it runs unseen.
 */
static bool stream_rejoin(struct run *run, const struct http_answer *answer)
{
    if (run->step != STEP_RUN)
        return false;
    if (is_busy(answer)) {
        timer_set(run->rejoin, busy_wait_ms(answer));
        return true;
    }
    if (!is_passing(answer))
        return false;
    if (!run->broken_ms)
        run->broken_ms = now_ms();
    if (now_ms() - run->broken_ms > RUN_BROKEN_MS)
        return false;
    timer_set(run->rejoin, RUN_BROKEN_WAIT_MS);
    return true;
}

static void on_wait_head(void *context, int status)
{
    struct run *run = context;

    run->facts.waiting = status == 200;
    if (status == 200)
        run->broken_ms = 0;
}

static void on_wait_end(void *context, const struct http_answer *answer)
{
    struct run *run = context;
    struct facts *facts = &run->facts;
    struct fault error;

    run->wait = NULL;
    if (is_passing(answer)) {
        facts->interrupted = true;
        facts->waiting = false;
    }
    if (stream_rejoin(run, answer))
        return;
    if (answer->end == HTTP_ANSWERED && answer->status == 200) {
        facts->has_status =
            docker_body_read_status(answer->body, answer->body_len, &facts->status, &error);
        if (!facts->has_status)
            trouble_set(&facts->trouble, TROUBLE_SANDBOX, "engine_error", true, "wait: %s",
                        error.text);
    } else if (answer->end == HTTP_ANSWERED && answer->status == 404) {
        facts->vanished = true;
    } else if (!facts->killed || is_busy(answer)) {
        run_blame(run, "wait", answer);
    }
    run->wait_over = true;
    if (run->step == STEP_RUN) {
        run->result->timing.run_ms = now_ms() - run->step_ms;
        timer_set(run->limit, RUN_STREAMS_MS);
    }
    run_settle(run);
}

static void on_logs_head(void *context, int status)
{
    struct run *run = context;

    if (status == 200)
        docker_output_begin(&run->followed);
}

static void on_logs_data(void *context, const char *data, size_t len)
{
    struct run *run = context;
    struct docker_output *output = &run->followed;

    docker_output_add(output, data, len);
    if (!capture_flooded(&output->out) && !capture_flooded(&output->err))
        return;
    run->facts.output_limit_bytes =
        (long long) (capture_flooded(&output->out) ? output->out.cap : output->err.cap);
    run_kill(run, KILL_OUTPUT);
}

static void on_logs_end(void *context, const struct http_answer *answer)
{
    struct run *run = context;

    run->logs = NULL;
    if (stream_rejoin(run, answer))
        return;
    if (answer->end != HTTP_ANSWERED || answer->status != 200) {
        if (!run->facts.killed)
            run_blame(run, "logs", answer);
    } else if (!docker_output_whole(&run->followed)) {
        run->followed.damaged = true;
    }
    run->logs_over = true;
    run_settle(run);
}

static struct http_exchange *stream_open(struct run *run, struct http_request *request,
                                         const char *what)
{
    char target[160];

    (void) snprintf(target, sizeof(target), "/v1.%d/containers/%s/%s", run->docker->minor, run->id,
                    what);
    request->target = target;
    request->context = run;
    return http_send(run->docker->client, request);
}

/* Opens whichever of wait and logs is neither open nor over. */
static void streams_open(struct run *run)
{
    struct http_request wait = {.method = "POST", .on_end = on_wait_end, .on_head = on_wait_head};
    struct http_request logs = {
        .method = "GET", .on_end = on_logs_end, .on_head = on_logs_head, .on_data = on_logs_data};

    if (!run->wait && !run->wait_over)
        run->wait = stream_open(run, &wait, "wait");
    if (!run->logs && !run->logs_over)
        run->logs = stream_open(run, &logs, RUN_READ "&follow=1");
}

static void on_rejoin(evutil_socket_t fd, short what, void *context)
{
    (void) fd;
    (void) what;
    streams_open(context);
}

/* The program had its time, or the streams did after the program's end. */
static void on_limit(evutil_socket_t fd, short what, void *context)
{
    struct run *run = context;

    (void) fd;
    (void) what;
    if (run->step == STEP_RUN && !run->wait_over) {
        run_kill(run, KILL_WALL);
        return;
    }
    evtimer_del(run->rejoin);
    http_abort(run->wait);
    http_abort(run->logs);
    run->wait = run->logs = NULL;
    if (!run->logs_over)
        run->followed.damaged = true;
    run->wait_over = run->logs_over = true;
    run_settle(run);
}

/* ---- the calls ---- */

static void on_call_end(void *context, const struct http_answer *answer);

static void on_read_head(void *context, int status)
{
    struct run *run = context;

    if (status == 200)
        docker_output_begin(&run->read);
}

static void on_read_data(void *context, const char *data, size_t len)
{
    struct run *run = context;

    docker_output_add(&run->read, data, len);
}

static void call_send(struct run *run)
{
    const char *name = *run->id ? run->id : run->slot->name;
    struct http_request request = {
        .method = "POST",
        .timeout_ms = RUN_CALL_TIMEOUT_MS,
        .context = run,
        .on_end = on_call_end,
    };
    char *target, *body = NULL;
    int minor = run->docker->minor;

    switch (run->step) {
    case STEP_CREATE:
        target = mem_format("/v1.%d/containers/create?name=%s", minor, run->slot->name);
        body = docker_body_create(run->job, &run->bundle);
        break;
    case STEP_START:
        target = mem_format("/v1.%d/containers/%s/start", minor, name);
        break;
    case STEP_READ:
        target = mem_format("/v1.%d/containers/%s/" RUN_READ, minor, name);
        request.method = "GET";
        request.on_head = on_read_head;
        request.on_data = on_read_data;
        break;
    default:
        target = mem_format("/v1.%d/containers/%s?force=1&v=1", minor, name);
        request.method = "DELETE";
        break;
    }
    request.target = target;
    request.body = body;
    request.body_len = body ? strlen(body) : 0;
    run->call_ms = now_ms();
    run->call = http_send(run->docker->client, &request);
    free(target);
    free(body);
}

/* Finds the run its place; it waits for one when all are taken, as it does at the proxy. */
static bool slot_take(struct run *run)
{
    run->slot = slots_take(run->docker->slots);
    if (run->slot) {
        run->may_exist = !run->slot->clean;
        run_enter(run, run->slot->clean ? STEP_CREATE : STEP_CLEAN, 0);
        return true;
    }
    if (now_ms() - run->begun_ms > RUN_BUSY_MS)
        return false;
    timer_set(run->again, RUN_BUSY_WAIT_MS);
    return true;
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    struct run *run = context;

    (void) fd;
    (void) what;
    if (run->step >= STEP_READ) {
        call_send(run);
    } else if (run->facts.cancelled) {
        run_leave(run);
    } else if (run->slot) {
        call_send(run);
    } else if (!slot_take(run)) {
        trouble_set(&run->facts.trouble, TROUBLE_SANDBOX, "no_slot", true,
                    "all %d names of instance %s are in use", SLOTS_MAX,
                    slots_instance(run->docker->slots));
        run_leave(run);
    }
}

/* Sends the call again later; false when the step has been at it for too long. */
static bool call_again(struct run *run, long long delay_ms, long long budget_ms)
{
    if (now_ms() - run->step_ms > budget_ms)
        return false;
    if (run->facts.cancelled && run->step < STEP_READ)
        return false;
    run->repeated = true;
    timer_set(run->again, delay_ms);
    return true;
}

static void run_enter(struct run *run, enum step step, long long delay_ms)
{
    run->step = step;
    run->step_ms = now_ms();
    run->repeated = false;
    if (delay_ms) {
        timer_set(run->again, delay_ms);
        return;
    }
    if (step == STEP_RUN) {
        run->wait_over = run->logs_over = false;
        timer_set(run->limit, run->job->limits.wall_ms);
        streams_open(run);
        return;
    }
    call_send(run);
}

static void after_clean(struct run *run, const struct http_answer *answer)
{
    bool gone = answer->status == 204 || answer->status == 404;

    if (answer->status == 409 && call_again(run, RUN_CONFLICT_WAIT_MS, RUN_CONFLICT_MS))
        return;
    run->may_exist = !gone;
    if (gone && !run->facts.cancelled) {
        run_enter(run, STEP_CREATE, 0);
        return;
    }
    if (!gone)
        run_blame(run, "removing a leftover", answer);
    run->deleted = true;
    run_settle(run);
}

/* The name is taken: by a container on its way out, or by one that a lost answer told of. */
static bool create_conflicts(struct run *run)
{
    if (!run->conflict_ms)
        run->conflict_ms = now_ms();
    if (now_ms() - run->conflict_ms > RUN_CONFLICT_MS || run->facts.cancelled)
        return false;
    run_enter(run, STEP_CLEAN, RUN_CONFLICT_WAIT_MS);
    return true;
}

static bool is_missing_image(const struct http_answer *answer)
{
    return answer->status == 404 && strstr(answer->body, "No such image");
}

static void after_create(struct run *run, const struct http_answer *answer)
{
    struct timing *timing = &run->result->timing;

    timing->queued_ms = run->call_ms - run->begun_ms;
    timing->create_ms = now_ms() - run->call_ms;
    if (answer->status == 409 && create_conflicts(run))
        return;
    run->may_exist |= answer->end != HTTP_ANSWERED || answer->status == 201;
    if (answer->status == 201 && docker_body_read_id(answer->body, answer->body_len, run->id)) {
        if (!run->facts.cancelled) {
            run_enter(run, STEP_START, 0);
            return;
        }
    } else if (is_missing_image(answer)) {
        trouble_set(&run->facts.trouble, TROUBLE_SANDBOX, "image_missing", false,
                    "the engine has no image %s; load or pull it first", run->job->image);
    } else {
        run_blame(run, "create", answer);
    }
    run_leave(run);
}

/*
 * The command of the container is always our own sh, so a container that cannot be started is a
 * matter of the image or the engine.  A program that is not there ends in exit code 127.
 */
static void after_start(struct run *run, const struct http_answer *answer)
{
    run->result->timing.start_ms = now_ms() - run->call_ms;
    if (answer->status == 204 || answer->status == 304) {
        if (!run->facts.cancelled) {
            run_enter(run, STEP_RUN, 0);
            return;
        }
    } else {
        run_blame(run, "start", answer);
    }
    run_leave(run);
}

static void after_read(struct run *run, const struct http_answer *answer)
{
    if (answer->end != HTTP_ANSWERED || answer->status != 200)
        run_blame(run, "logs", answer);
    else if (!docker_output_whole(&run->read))
        run->read.damaged = true;
    run_enter(run, STEP_DELETE, 0);
}

static void after_delete(struct run *run, const struct http_answer *answer)
{
    if (answer->status == 409 && call_again(run, RUN_CONFLICT_WAIT_MS, RUN_CONFLICT_MS))
        return;
    run->result->timing.delete_ms = now_ms() - run->step_ms;
    run->may_exist = answer->status != 204 && answer->status != 404;
    if (answer->status == 404 && !run->repeated)
        run->facts.vanished = true;
    /* a leftover spoils no verdict: the slot's next user removes it */
    if (run->may_exist && (run->facts.killed || answer->status == 403))
        run_blame(run, "delete", answer);
    run->deleted = true;
    timer_set(run->limit, RUN_STREAMS_MS);
    run_settle(run);
}

/* An engine of another age: from now on speak the version that it names. */
static bool adopt_version(struct run *run, const struct http_answer *answer)
{
    struct fault message;
    int minor;

    if (answer->status != 400)
        return false;
    docker_body_read_message(answer->body, answer->body_len, &message);
    minor = docker_body_read_minor(message.text);
    if (!minor || minor == run->docker->minor)
        return false;
    run->docker->minor = minor;
    return call_again(run, 0, RUN_CONFLICT_MS);
}

/*
 * The answer to a start was lost.  To repeat it could run the program twice in one container, once
 * to its end and then again, so the container is removed and the run begins from the beginning.
 */
static bool run_anew(struct run *run)
{
    if (run->facts.cancelled || run->anew == RUN_ANEW_MAX)
        return false;
    run->anew++;
    run->id[0] = '\0';
    run_enter(run, STEP_CLEAN, RUN_BROKEN_WAIT_MS);
    return true;
}

static void on_call_end(void *context, const struct http_answer *answer)
{
    static void (*const after[])(struct run *, const struct http_answer *) = {
        [STEP_CLEAN] = after_clean, [STEP_CREATE] = after_create, [STEP_START] = after_start,
        [STEP_READ] = after_read,   [STEP_DELETE] = after_delete,
    };
    struct run *run = context;

    run->call = NULL;
    if (run->step == STEP_START && is_passing(answer) && run_anew(run))
        return;
    if (run->step == STEP_CREATE && answer->end != HTTP_ANSWERED)
        run->may_exist = true;
    if (is_passing(answer) && run->step != STEP_START &&
        call_again(run, RUN_BROKEN_WAIT_MS, RUN_BROKEN_MS))
        return;
    if (is_busy(answer) && call_again(run, busy_wait_ms(answer), RUN_BUSY_MS))
        return;
    if (adopt_version(run, answer))
        return;
    after[run->step](run, answer);
}

/* ---- the face ---- */

void docker_run_cancel(struct run *run)
{
    if (run->step >= STEP_READ || (run->step == STEP_RUN && run->wait_over))
        return;
    run->facts.cancelled = true;
    if (run->step == STEP_RUN)
        run_kill(run, KILL_CANCEL);
    else if (!run->call)
        timer_set(run->again, 0); /* between two tries: the next turn finds the end */
}

struct run *docker_run_begin(struct engine *engine, const struct job *job, engine_done_fn *done,
                             void *context, struct fault *fault)
{
    struct docker *docker = (struct docker *) engine;
    struct bundle bundle;
    struct run *run;

    if (bundle_make(job, &bundle, fault) < 0)
        return NULL;
    run = mem_alloc(sizeof(*run));
    *run = (struct run){
        .docker = docker,
        .job = job,
        .done = done,
        .context = context,
        .result = result_new(engine->ops->name, job),
        .facts = {.wall_limit_ms = job->limits.wall_ms,
                  .memory_limit_bytes = job->limits.memory_bytes},
        .bundle = bundle,
        .begun_ms = now_ms(),
        .wait_over = true,
        .logs_over = true,
        .again = evtimer_new(docker->base, on_again, run),
        .rejoin = evtimer_new(docker->base, on_rejoin, run),
        .limit = evtimer_new(docker->base, on_limit, run),
    };
    docker_output_init(&run->followed, &job->limits);
    docker_output_init(&run->read, &job->limits);
    timer_set(run->again, 0);
    return run;
}
