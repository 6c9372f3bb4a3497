/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Docker engine's state machine against a scripted one: each test is the answers that the
 * engine gives, in order and by kind of call, and the verdict that they must come to.
 *
 * The script runs on the same event loop, on a socket in a folder of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "capture.h"
#include "engine.h"
#include "job.h"
#include "result.h"

/* An answer that is not one. */
#define CUT  "CUT"  /* the connection ends */
#define HOLD "HOLD" /* nothing, until a DELETE: then the answer of the next row */

#define JSON(status, body) \
    "HTTP/1.1 " status "\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n" body
#define NONE(status)  "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n"
#define PING          "HTTP/1.1 200 OK\r\nServer: caisson\r\nContent-Length: 2\r\n\r\nOK"
#define CREATED       JSON("201 Created", "{\"Id\":\"abc123\",\"Warnings\":[]}")
#define STARTED       NONE("204 No Content")
#define EXIT(n)       JSON("200 OK", "{\"StatusCode\":" #n ",\"Error\":null}")
#define MESSAGE(s, m) JSON(s, "{\"message\":\"" m "\"}")
#define DELETED       NONE("204 No Content")
#define FULL          MESSAGE("429 Too Many Requests", "too many")
#define FULL_FOR(when) \
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: " when "\r\nContent-Length: 2\r\n\r\n{}"
#define NO_SUCH MESSAGE("404 Not Found", "No such container")

/* Log streams: their NULs do not let them be C strings, so they have names. */
#define LOGS_EMPTY JSON("200 OK", "")
#define LOGS_A     "LOGS_A"
#define LOGS_AB    "LOGS_AB"
#define LOGS_TORN  "LOGS_TORN"
#define LOGS_FLOOD "LOGS_FLOOD"

/* The kinds of calls, by what their request line holds; the first that fits. */
enum call { CALL_PING, CALL_CREATE, CALL_START, CALL_WAIT, CALL_FOLLOW, CALL_READ, CALL_DELETE };
static const char *const call_marks[] = {"/_ping",  "/create", "/start", "/wait",
                                         "follow=", "/logs?",  "DELETE "};
#define CALLS 7
#define ROWS  8

struct fake;

struct peer {
    struct fake *fake;
    struct bufferevent *bev;
    const char *held; /* its answer, when a DELETE comes */
    struct peer *next;
};

struct fake {
    char folder[64];
    char host[128];
    struct event_base *base;
    struct evconnlistener *listener;
    struct peer *peers;
    const char *const (*script)[ROWS]; /* the last answer of a kind is repeated */
    size_t asked[CALLS];
    char last_target[256];
    char create_body[4096];
    struct engine *engine;
    struct result *result;
};

static void write_answer(struct peer *peer, const char *answer)
{
    static const char a[] = "\1\0\0\0\0\0\0\1a", b[] = "\2\0\0\0\0\0\0\1b";
    struct evbuffer *out = bufferevent_get_output(peer->bev);
    bool is_log = !strncmp(answer, "LOGS_", 5);

    if (is_log)
        evbuffer_add_printf(out, "%s", LOGS_EMPTY);
    if (!strcmp(answer, LOGS_A) || !strcmp(answer, LOGS_AB))
        evbuffer_add(out, a, 9);
    if (!strcmp(answer, LOGS_AB))
        evbuffer_add(out, b, 9);
    if (!strcmp(answer, LOGS_TORN))
        evbuffer_add(out, a, 5);
    if (!strcmp(answer, LOGS_FLOOD)) {
        for (int i = 0; i < 4097; i++)
            evbuffer_add(out, a, 9);
    }
    if (!is_log)
        evbuffer_add_printf(out, "%s", answer);
}

static void peer_free(struct peer *peer)
{
    struct peer **at = &peer->fake->peers;

    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    bufferevent_free(peer->bev);
    free(peer);
}

static void on_written(struct bufferevent *bev, void *context)
{
    (void) bev;
    peer_free(context);
}

static void peer_answer(struct peer *peer, const char *answer)
{
    if (!strcmp(answer, CUT)) {
        peer_free(peer);
        return;
    }
    write_answer(peer, answer);
    if (!strcmp(answer, LOGS_FLOOD))
        return; /* a flood goes on */
    bufferevent_setcb(peer->bev, NULL, on_written, NULL, peer);
}

static void release_held(struct fake *fake)
{
    for (struct peer *peer = fake->peers, *next; peer; peer = next) {
        next = peer->next;
        if (peer->held)
            peer_answer(peer, peer->held);
    }
}

static void answer_call(struct peer *peer, enum call call)
{
    struct fake *fake = peer->fake;
    const char *const *rows = fake->script[call];
    size_t row = fake->asked[call]++;

    if (row >= ROWS)
        row = ROWS - 1;
    while (row && !rows[row])
        row--;
    if (!rows[row])
        fail_msg("nobody expected %s", call_marks[call]);
    if (call == CALL_DELETE)
        release_held(fake);
    if (!strcmp(rows[row], HOLD)) {
        peer->held = rows[row + 1];
        fake->asked[call]++;
        return;
    }
    peer_answer(peer, rows[row]);
}

static void on_request(struct bufferevent *bev, void *context)
{
    struct peer *peer = context;
    struct evbuffer *in = bufferevent_get_input(bev);
    size_t len = evbuffer_get_length(in);
    char text[8192];
    const char *end, *length;

    assert_true(len < sizeof(text));
    evbuffer_copyout(in, text, len);
    text[len] = '\0';
    end = strstr(text, "\r\n\r\n");
    length = strstr(text, "Content-Length: ");
    if (!end || (length && strlen(end + 4) < strtoul(length + 16, NULL, 10)))
        return;
    evbuffer_drain(in, len);
    (void) sscanf(text, "%*s %255s", peer->fake->last_target);
    for (int call = 0; call < CALLS; call++) {
        char *mark = strstr(text, call_marks[call]);

        if (!mark || mark > strstr(text, "\r\n"))
            continue;
        if (call == CALL_CREATE)
            (void) snprintf(peer->fake->create_body, sizeof(peer->fake->create_body), "%s",
                            end + 4);
        answer_call(peer, (enum call) call);
        return;
    }
    fail_msg("nobody knows %s", text);
}

static void on_peer_event(struct bufferevent *bev, short what, void *context)
{
    (void) bev;
    (void) what;
    peer_free(context);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int len, void *context)
{
    struct fake *fake = context;
    struct peer *peer = calloc(1, sizeof(*peer));

    (void) listener;
    (void) address;
    (void) len;
    assert_non_null(peer);
    *peer = (struct peer){.fake = fake, .next = fake->peers};
    peer->bev = bufferevent_socket_new(fake->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(peer->bev, on_request, NULL, on_peer_event, peer);
    bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
    fake->peers = peer;
}

static int fake_open(void **state)
{
    struct fake *fake = calloc(1, sizeof(*fake));
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_non_null(fake);
    strcpy(fake->folder, "/tmp/test_evaluator_docker.XXXXXX");
    assert_non_null(mkdtemp(fake->folder));
    (void) snprintf(fake->host, sizeof(fake->host), "unix://%s/s", fake->folder);
    (void) snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/s", fake->folder);
    setenv("XDG_RUNTIME_DIR", fake->folder, 1);
    fake->base = event_base_new();
    fake->listener = evconnlistener_new_bind(fake->base, on_accept, fake, LEV_OPT_CLOSE_ON_FREE, 16,
                                             (struct sockaddr *) &address, sizeof(address));
    assert_non_null(fake->listener);
    *state = fake;
    return 0;
}

static int fake_close(void **state)
{
    struct fake *fake = *state;
    char command[96];
    int r;

    engine_close(fake->engine);
    while (fake->peers)
        peer_free(fake->peers);
    evconnlistener_free(fake->listener);
    event_base_free(fake->base);
    result_free(fake->result);
    (void) snprintf(command, sizeof(command), "rm -r %s", fake->folder);
    r = system(command);
    free(fake);
    return r;
}

static void on_done(void *context, struct result *take_result)
{
    struct fake *fake = context;

    assert_null(fake->result);
    fake->result = take_result;
}

static struct job *make_job(void)
{
    struct job *job = job_new();

    job_add_arg(job, "true");
    job->limits.wall_ms = 30000;
    job->limits.stdout_bytes = 64;
    return job;
}

static void open_engine(struct fake *fake, const char *const script[CALLS][ROWS])
{
    const struct engine_conf conf = {.docker_host = fake->host, .instance = "t"};

    fake->script = script;
    fake->engine = engine_open(fake->base, &conf);
}

static const struct outcome *play_job(struct fake *fake, const char *const script[CALLS][ROWS],
                                      const struct job *job)
{
    struct fault fault;

    if (!fake->engine)
        open_engine(fake, script);
    fake->script = script;
    result_free(fake->result);
    fake->result = NULL;
    memset(fake->asked, 0, sizeof(fake->asked));
    assert_non_null(fake->engine->ops->submit(fake->engine, job, on_done, fake, &fault));
    while (!fake->result)
        event_base_loop(fake->base, EVLOOP_ONCE);
    return &fake->result->outcome;
}

static const struct outcome *play(void **state, const char *const script[CALLS][ROWS])
{
    struct job *job = make_job();
    const struct outcome *outcome = play_job(*state, script, job);

    job_free(job);
    return outcome;
}

static void assert_trouble(const struct outcome *outcome, enum verdict verdict, const char *code,
                           const char *said)
{
    assert_string_equal(verdict_word(outcome->verdict), verdict_word(verdict));
    assert_string_equal(outcome->trouble.code, code);
    if (!strstr(outcome->detail, said))
        fail_msg("\"%s\" does not say \"%s\"", outcome->detail, said);
}

/* A script that goes well; the rows behind it replace its own. */
#define WELL                                                                    \
    [CALL_PING] = {PING}, [CALL_CREATE] = {CREATED}, [CALL_START] = {STARTED},  \
    [CALL_WAIT] = {EXIT(0)}, [CALL_FOLLOW] = {LOGS_A}, [CALL_READ] = {LOGS_AB}, \
    [CALL_DELETE] = {NO_SUCH, DELETED}

#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma GCC diagnostic ignored "-Winitializer-overrides"
#endif

static void test_well(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {WELL};
    const struct outcome *outcome = play(state, script);

    assert_int_equal(outcome->verdict, VERDICT_OK);
    assert_int_equal(outcome->exit_code, 0);
    assert_int_equal(fake->result->out->total_bytes, 1); /* what was read, not what was followed */
    assert_int_equal(fake->result->err->total_bytes, 1);
    assert_int_equal(fake->asked[CALL_DELETE], 2); /* the slot's leftover, and the container */
    assert_string_equal(fake->last_target, "/v1.41/containers/abc123?force=1&v=1");
    assert_non_null(strstr(fake->create_body, "\"NetworkDisabled\":true"));
    assert_non_null(strstr(fake->create_body, "\"User\":\"65534:65534\""));
    outcome = play(state, script);
    assert_int_equal(outcome->verdict, VERDICT_OK);
    assert_int_equal(fake->asked[CALL_DELETE], 1); /* the slot is known to be clean by now */
}

static void test_name_taken(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {MESSAGE("409 Conflict", "in use"), MESSAGE("409 Conflict", "in use"),
                         CREATED},
        [CALL_DELETE] = {DELETED},
    };

    assert_int_equal(play(state, script)->verdict, VERDICT_OK);
    assert_int_equal(fake->asked[CALL_CREATE], 3);
    assert_int_equal(fake->asked[CALL_DELETE], 4);
}

static void test_proxy_is_full(void **state)
{
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {FULL, CREATED},
    };

    assert_int_equal(play(state, script)->verdict, VERDICT_OK);
}

/* Any call can find the proxy at one of its limits; the program runs once all the same. */
static void test_proxy_is_full_at_every_call(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {FULL, FULL, CREATED},
        [CALL_START] = {FULL, STARTED},
        [CALL_WAIT] = {FULL, FULL, EXIT(3)},
        [CALL_FOLLOW] = {FULL, LOGS_A},
        [CALL_READ] = {FULL, LOGS_AB},
        [CALL_DELETE] = {FULL, NO_SUCH, FULL, DELETED},
    };
    const struct outcome *outcome = play(state, script);

    assert_string_equal(verdict_word(outcome->verdict), "runtime_error");
    assert_int_equal(outcome->exit_code, 3);
    assert_int_equal(fake->result->out->total_bytes, 1);
    assert_int_equal(fake->asked[CALL_START], 2);
    assert_int_equal(fake->asked[CALL_WAIT], 3);
    assert_int_equal(fake->asked[CALL_DELETE], 4);
}

/* The proxy says when to come again. */
static void test_retry_after(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {FULL_FOR("1"), CREATED},
    };

    assert_int_equal(play(state, script)->verdict, VERDICT_OK);
    assert_true(fake->result->timing.queued_ms >= 1000);
    assert_int_equal(fake->asked[CALL_CREATE], 2);
}

/* What is no number of seconds says nothing: the program's end is seen before its time is over. */
static void test_retry_after_no_number(void **state)
{
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_WAIT] = {FULL_FOR("-9"), FULL_FOR("Sun, 22 Nov 2026 09:00:00 GMT"), FULL_FOR("9s"),
                       FULL_FOR(""), EXIT(3)},
    };
    struct job *job = make_job();

    job->limits.wall_ms = 7000; /* four waits of a second; one that is believed is five */
    assert_int_equal(play_job(*state, script, job)->exit_code, 3);
    job_free(job);
}

/* No number makes a job wait for longer than a proxy is full. */
static void test_retry_after_much(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {FULL_FOR("99999999999999999999999"), CREATED},
    };

    alarm(60); /* rather than to wait for the whole of it */
    assert_int_equal(play(state, script)->verdict, VERDICT_OK);
    alarm(0);
    assert_true(fake->result->timing.queued_ms >= 5000);
    assert_int_equal(fake->asked[CALL_CREATE], 2);
}

/* A wait that is never taken ends with the job's time, and says nothing about the program. */
static void test_proxy_stays_full(void **state)
{
    const char *const script[CALLS][ROWS] = {WELL, [CALL_WAIT] = {FULL}, [CALL_FOLLOW] = {FULL}};
    struct job *job = make_job();

    job->limits.wall_ms = 500;
    assert_trouble(play_job(*state, script, job), VERDICT_SANDBOX_ERROR, "engine_busy", "too many");
    job_free(job);
}

static void test_versions(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_DELETE] = {MESSAGE("400 Bad Request",
                                 "client version 1.41 is too old. Minimum supported API version is "
                                 "1.44, please upgrade your client to a newer version"),
                         NO_SUCH, DELETED},
    };

    assert_int_equal(play(state, script)->verdict, VERDICT_OK);
    assert_string_equal(fake->last_target, "/v1.44/containers/abc123?force=1&v=1");
    assert_int_equal(fake->asked[CALL_CREATE], 1);
}

static void test_version_too_new(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_DELETE] = {MESSAGE("400 Bad Request", "client version 1.41 is too new. Maximum "
                                                    "supported API version is 1.40"),
                         NO_SUCH, DELETED},
    };

    assert_int_equal(play(state, script)->verdict, VERDICT_OK);
    assert_string_equal(fake->last_target, "/v1.40/containers/abc123?force=1&v=1");
}

static void test_refused_create(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {MESSAGE("403 Forbidden", "caisson: Image: no")},
    };

    assert_trouble(play(state, script), VERDICT_REFUSED, "policy", "caisson: Image: no");
    assert_int_equal(fake->asked[CALL_DELETE], 1); /* there is nothing to delete */
}

static void test_refused_start(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_START] = {MESSAGE("403 Forbidden", "caisson: ContainerStart")},
    };

    assert_trouble(play(state, script), VERDICT_REFUSED, "policy", "ContainerStart");
    assert_int_equal(fake->asked[CALL_DELETE], 2);
}

static void test_no_image(void **state)
{
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {MESSAGE("404 Not Found", "No such image: x")},
    };

    assert_trouble(play(state, script), VERDICT_SANDBOX_ERROR, "image_missing", "python:3.11-slim");
}

static void test_failed_start(void **state)
{
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_START] = {MESSAGE("400 Bad Request", "exec: sh: executable file not found")},
    };

    assert_trouble(play(state, script), VERDICT_SANDBOX_ERROR, "engine_error",
                   "start: the engine answered 400: exec: sh");
}

static void test_wait_tells_an_error(void **state)
{
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_WAIT] = {JSON("200 OK", "{\"StatusCode\":1,\"Error\":{\"Message\":\"no shim\"}}")},
    };

    assert_trouble(play(state, script), VERDICT_SANDBOX_ERROR, "engine_error", "wait: no shim");
}

static void test_answers_that_are_none(void **state)
{
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_WAIT] = {JSON("200 OK", "{}")},
    };
    const char *const create[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {JSON("201 Created", "{\"Id\":\"../x\"}")},
        [CALL_DELETE] = {DELETED},
    };
    const char *const garbage[CALLS][ROWS] = {
        WELL,
        [CALL_START] = {"nonsense\r\n\r\n"},
        [CALL_DELETE] = {DELETED},
    };

    assert_trouble(play(state, script), VERDICT_SANDBOX_ERROR, "engine_error", "no StatusCode");
    assert_trouble(play(state, create), VERDICT_SANDBOX_ERROR, "engine_error", "create");
    assert_trouble(play(state, garbage), VERDICT_SANDBOX_ERROR, "engine_unavailable", "no HTTP");
}

/* Connections that break everywhere once: a proxy was restarted. */
static void test_broken_connections(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_CREATE] = {CUT, MESSAGE("409 Conflict", "in use"), CREATED},
        [CALL_START] = {CUT, NONE("503 Service Unavailable"), STARTED},
        [CALL_WAIT] = {CUT, NONE("503 Service Unavailable"), EXIT(7)},
        [CALL_FOLLOW] = {CUT, LOGS_A},
        [CALL_READ] = {CUT, LOGS_AB},
        [CALL_DELETE] = {CUT, NO_SUCH, DELETED, DELETED, DELETED, CUT, NO_SUCH},
    };
    const struct outcome *outcome = play(state, script);

    assert_string_equal(outcome->detail, "exit code 7");
    assert_int_equal(outcome->exit_code, 7);
    assert_int_equal(fake->result->err->total_bytes, 1);
    assert_int_equal(fake->asked[CALL_CREATE], 5); /* a lost start is never sent again */
}

static void test_killed_while_the_connection_was_down(void **state)
{
    const char *const script[CALLS][ROWS] = {WELL, [CALL_WAIT] = {CUT, EXIT(137)}};

    assert_trouble(play(state, script), VERDICT_SANDBOX_ERROR, "engine_interrupted", "killed");
}

static void test_memory(void **state)
{
    const char *const script[CALLS][ROWS] = {WELL, [CALL_WAIT] = {EXIT(137)}};

    assert_int_equal(play(state, script)->verdict, VERDICT_MEMORY_LIMIT);
}

static void test_removed_by_someone(void **state)
{
    const char *const script[CALLS][ROWS] = {
        WELL, [CALL_WAIT] = {EXIT(137)}, [CALL_READ] = {LOGS_A}, [CALL_DELETE] = {NO_SUCH}};
    const char *const before[CALLS][ROWS] = {
        WELL, [CALL_WAIT] = {NO_SUCH}, [CALL_DELETE] = {NO_SUCH}};

    assert_trouble(play(state, script), VERDICT_SANDBOX_ERROR, "container_removed", "someone else");
    assert_trouble(play(state, before), VERDICT_SANDBOX_ERROR, "container_removed", "someone else");
}

static void test_time(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_WAIT] = {HOLD, EXIT(137)},
        [CALL_FOLLOW] = {HOLD, LOGS_A},
    };
    struct job *job = make_job();

    job->limits.wall_ms = 100;
    assert_int_equal(play_job(fake, script, job)->verdict, VERDICT_TIME_LIMIT);
    assert_int_equal(fake->result->out->total_bytes, 1); /* what came before is kept */
    assert_int_equal(fake->asked[CALL_READ], 0);
    job_free(job);
}

static void test_flood(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_WAIT] = {HOLD, EXIT(137)},
        [CALL_FOLLOW] = {LOGS_FLOOD, LOGS_A},
    };
    struct job *job = make_job();
    const struct outcome *outcome;

    open_engine(fake, script);
    outcome = play_job(fake, script, job);
    assert_int_equal(outcome->verdict, VERDICT_OUTPUT_LIMIT);
    assert_int_equal(fake->result->out->head.len, 64);
    assert_true(capture_truncated(fake->result->out));
    job_free(job);
}

static void test_torn_logs(void **state)
{
    const char *const both[CALLS][ROWS] = {
        WELL, [CALL_FOLLOW] = {LOGS_TORN}, [CALL_READ] = {LOGS_TORN}};
    const char *const followed[CALLS][ROWS] = {WELL, [CALL_FOLLOW] = {LOGS_TORN}};

    assert_trouble(play(state, both), VERDICT_SANDBOX_ERROR, "output_damaged", "log stream");
    assert_int_equal(play(state, followed)->verdict, VERDICT_OK);
}

static void cancel_run(evutil_socket_t fd, short what, void *context)
{
    void **pair = context;
    struct fake *fake = pair[0];

    (void) fd;
    (void) what;
    fake->engine->ops->cancel(pair[1]);
}

static void test_cancel(void **state)
{
    struct fake *fake = *state;
    const char *const script[CALLS][ROWS] = {
        WELL,
        [CALL_WAIT] = {HOLD, EXIT(137)},
        [CALL_FOLLOW] = {HOLD, LOGS_A},
    };
    const char *const full[CALLS][ROWS] = {WELL, [CALL_CREATE] = {FULL}};
    const char *const(*const scripts[])[ROWS] = {script, full};
    struct job *job = make_job();

    open_engine(fake, script);
    for (int i = 0; i < 2; i++) {
        const struct timeval delay = {0, 100000};
        struct fault fault;
        void *pair[2] = {fake, NULL};

        fake->script = scripts[i];
        memset(fake->asked, 0, sizeof(fake->asked));
        pair[1] = fake->engine->ops->submit(fake->engine, job, on_done, fake, &fault);
        event_base_once(fake->base, -1, EV_TIMEOUT, cancel_run, pair, &delay);
        while (!fake->result)
            event_base_loop(fake->base, EVLOOP_ONCE);
        assert_int_equal(fake->result->outcome.verdict, VERDICT_CANCELLED);
        assert_int_equal(fake->asked[CALL_DELETE], i ? 0 : 2);
        result_free(fake->result);
        fake->result = NULL;
    }
    job_free(job);
}

static void test_who_answers(void **state)
{
    struct fake *fake = *state;
    const char *const raw[CALLS][ROWS] = {
        [CALL_PING] = {"HTTP/1.1 200 OK\r\nServer: Docker/20.10.24 (linux)\r\n"
                       "Content-Length: 2\r\n\r\nOK"}};
    const char *const nobody[CALLS][ROWS] = {[CALL_PING] = {CUT}};

    open_engine(fake, raw);
    assert_string_equal(fake->engine->ops->name, "disabled");
    assert_int_equal(fake->engine->trouble.kind, TROUBLE_REFUSED);
    assert_string_equal(fake->engine->trouble.code, "execution_disabled");
    assert_non_null(strstr(fake->engine->trouble.text, "Server: Docker/20.10.24"));
    assert_trouble(play(state, raw), VERDICT_REFUSED, "execution_disabled", "raw engine socket");
    engine_close(fake->engine);
    open_engine(fake, nobody);
    assert_int_equal(fake->engine->trouble.kind, TROUBLE_SANDBOX);
    assert_string_equal(fake->engine->trouble.code, "engine_unavailable");
}

static void test_disabled(void **state)
{
    struct fake *fake = *state;
    static const char *const hosts[] = {NULL, "", "tcp://127.0.0.1:2375", "unix://relative",
                                        "npipe:////./pipe/docker_engine"};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        const struct engine_conf conf = {.docker_host = hosts[i], .allow_raw_socket = true};
        struct engine *engine = engine_open(fake->base, &conf);

        assert_string_equal(engine->ops->name, "disabled");
        assert_int_equal(engine->trouble.kind, TROUBLE_REFUSED);
        assert_string_equal(engine->trouble.code, "execution_disabled");
        assert_non_null(strstr(engine->trouble.text, "unix:///run/caisson/docker.sock"));
        engine_close(engine);
    }
}

static void test_sweep(void **state)
{
    struct fake *fake = *state;
    struct fault fault;
    const char *const script[CALLS][ROWS] = {
        [CALL_PING] = {PING}, [CALL_DELETE] = {DELETED, NO_SUCH, DELETED, NO_SUCH}};
    const char *const broken[CALLS][ROWS] = {
        [CALL_PING] = {PING}, [CALL_DELETE] = {MESSAGE("403 Forbidden", "no deletes here")}};

    open_engine(fake, script);
    assert_int_equal(fake->engine->ops->sweep(fake->engine, &fault), 2);
    assert_string_equal(fake->last_target, "/v1.41/containers/ev-t-63?force=1&v=1");
    fake->script = broken;
    memset(fake->asked, 0, sizeof(fake->asked));
    assert_int_equal(fake->engine->ops->sweep(fake->engine, &fault), -1);
    assert_non_null(strstr(fault.text, "ev-t-0: no deletes here"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_open, fake_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_well),
        TEST(test_name_taken),
        TEST(test_proxy_is_full),
        TEST(test_proxy_is_full_at_every_call),
        TEST(test_retry_after),
        TEST(test_retry_after_no_number),
        TEST(test_retry_after_much),
        TEST(test_proxy_stays_full),
        TEST(test_versions),
        TEST(test_version_too_new),
        TEST(test_refused_create),
        TEST(test_refused_start),
        TEST(test_no_image),
        TEST(test_failed_start),
        TEST(test_wait_tells_an_error),
        TEST(test_answers_that_are_none),
        TEST(test_broken_connections),
        TEST(test_killed_while_the_connection_was_down),
        TEST(test_memory),
        TEST(test_removed_by_someone),
        TEST(test_time),
        TEST(test_flood),
        TEST(test_torn_logs),
        TEST(test_cancel),
        TEST(test_who_answers),
        TEST(test_disabled),
        TEST(test_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
