/* SPDX-License-Identifier: Apache-2.0 */
/* conn: the table of edges, each edge taken by some event, and what only a full socket shows. */
#include "../lib/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#define POLICY                                                                                  \
    "[allow]\nContainerCreate = yes\nContainerStart = own\nContainerWait = own\n"               \
    "ContainerLogs = own\nContainerAttach = own\nPutContainerArchive = own\n[create]\nImage = " \
    "one-of "                                                                                   \
    "busybox:*\n[limits]\nlifetime = 0\n"
#define PING   "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
#define DENIED "GET /info HTTP/1.1\r\nHost: d\r\n\r\n"
#define START  "POST /v1.41/containers/mine/start HTTP/1.1\r\nHost: d\r\n"
#define ATTACH \
    "POST /v1.41/containers/mine/attach?stream=1 HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\n\r\n"
#define PUT "PUT /v1.41/containers/mine/archive?path=/ HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\n"
#define CREATE                                                                          \
    "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n" \
    "Content-Length: 21\r\n"
#define BODY    "{\"Image\":\"busybox:1\"}"
#define CREATED "{\"Id\":\"" SCENE_NEW "\"}"
#define CLOSE   "Connection: close\r\n"

/* ---- the table ---- */

static const char *const NAMES[CONN_STATE_COUNT] = {"HEAD",  "BODY",    "ENGINE", "UPLOAD",
                                                    "SENT",  "CREATED", "STREAM", "TUNNEL",
                                                    "FLUSH", "LINGER",  "DONE"};

/* From each row's state to the states that its column names with an x. */
static const char *const EDGES[CONN_STATE_COUNT] = {
    /* H B E U S C S T F L D */
    "x x x x x . . . x . x", /* HEAD */
    "x . x . x . . . x . x", /* BODY */
    "x . . x x . . . x . x", /* ENGINE */
    ". . . . x . x . x . x", /* UPLOAD */
    ". . . . . x x x x . x", /* SENT */
    "x . . . . . . . x . x", /* CREATED */
    "x . . . . . . . x . x", /* STREAM */
    ". . . . . . . . x . x", /* TUNNEL */
    ". . . . . . . . . x x", /* FLUSH */
    ". . . . . . . . . . x", /* LINGER */
    ". . . . . . . . . . .", /* DONE */
};

static void the_table_is_what_we_mean(void **unused)
{
    (void) unused;
    for (int from = 0; from < CONN_STATE_COUNT; from++) {
        for (int to = 0; to < CONN_STATE_COUNT; to++) {
            bool meant = EDGES[from][2 * to] == 'x';
            if (conn_edge((enum conn_state) from, (enum conn_state) to) != meant)
                fail_msg("%s to %s: %s", NAMES[from], NAMES[to], meant ? "missing" : "too many");
        }
    }
}

/* In a child, since it ends: whether conn_enter() refuses the edge. */
static bool is_refused(enum conn_state from, enum conn_state to)
{
    static const struct rlimit no_core;
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct conn conn = {.state = from};
        setrlimit(RLIMIT_CORE, &no_core);
        close(STDERR_FILENO);
        conn_enter(&conn, to, 0);
        _exit(conn.state == to ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGABRT : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void no_other_edge_can_be_taken(void **unused)
{
    (void) unused;
    for (int from = 0; from < CONN_STATE_COUNT; from++) {
        for (int to = 0; to < CONN_STATE_COUNT; to++) {
            if (is_refused((enum conn_state) from, (enum conn_state) to) ==
                (EDGES[from][2 * to] == 'x'))
                fail_msg("%s to %s", NAMES[from], NAMES[to]);
        }
    }
}

/* ---- a scene with one client ---- */

struct stage {
    struct scene scene;
    int client;
};

static void stage_open(struct stage *stage, int sndbuf_bytes)
{
    static char policy[64];

    if (policy[0] == '\0')
        scene_write_file(POLICY, policy);
    log_set_level(LOG_LEVEL_NONE);
    scene_open(&stage->scene, policy);
    stage->client = scene_client(&stage->scene, sndbuf_bytes);
}

static void stage_close(struct stage *stage)
{
    if (stage->client >= 0)
        close(stage->client);
    scene_close(&stage->scene);
}

/* The one connection; NULL when it is done. */
static struct conn *stage_conn(const struct stage *stage)
{
    return LIST_FIRST(&scene_tenant(&stage->scene)->open);
}

static enum conn_state stage_state(const struct stage *stage)
{
    const struct conn *conn = stage_conn(stage);

    return conn == NULL ? CONN_DONE : conn->state;
}

static void stage_send(struct stage *stage, const char *text)
{
    assert_int_equal(send(stage->client, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    scene_turn(&stage->scene);
}

/* What the Engine says on the connection that the client's exchange uses. */
static void stage_engine(struct stage *stage, const char *text)
{
    for (unsigned i = 0; i < stage->scene.link_count; i++) {
        struct scene_link *link = &stage->scene.links[i];
        if (link->fd >= 0 && buf_bytes(&link->got) > 0) {
            assert_int_equal(send(link->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
            scene_turn(&stage->scene);
            return;
        }
    }
    fail_msg("the engine has not been asked");
}

/* The proxy has not had its turn. */
static void stage_engine_closes_quietly(struct stage *stage)
{
    for (unsigned i = 0; i < stage->scene.link_count; i++)
        scene_link_close(&stage->scene.links[i]);
}

static void stage_engine_closes(struct stage *stage)
{
    stage_engine_closes_quietly(stage);
    scene_turn(&stage->scene);
}

static void stage_client_closes(struct stage *stage)
{
    close(stage->client);
    stage->client = -1;
    scene_turn(&stage->scene);
}

/* Makes the way to the client full, so that not one more byte of an answer leaves. */
static size_t stage_fill(struct stage *stage)
{
    static const char junk[1024];
    size_t bytes = 0;

    for (ssize_t sent; (sent = send(stage_conn(stage)->client.fd, junk, sizeof junk, 0)) > 0;)
        bytes += (size_t) sent;
    return bytes;
}

/* Everything that has come to the client; the bytes of stage_fill() are left out. */
static size_t stage_read(struct stage *stage, char *data, size_t room, size_t junk)
{
    size_t bytes = 0;
    char skipped[1024];

    for (int i = 0; i < 50; i++) {
        ssize_t got = junk > 0 ? recv(stage->client, skipped, junk < 1024 ? junk : 1024, 0)
                               : recv(stage->client, data + bytes, room - bytes - 1, 0);
        if (got > 0 && junk > 0)
            junk -= (size_t) got;
        else if (got > 0)
            bytes += (size_t) got;
        if (got > 0)
            i = 0;
        scene_turn(&stage->scene);
    }
    data[bytes] = '\0';
    return bytes;
}

/* ---- each edge is taken ---- */

static void known(struct stage *stage)
{
    scene_answer_own(&stage->scene);
}

static void no_engine(struct stage *stage)
{
    scene_engine_down(&stage->scene);
    scene_turn(&stage->scene);
}

static void in_body(struct stage *stage)
{
    stage_send(stage, CREATE "\r\n");
}

static void in_body_known(struct stage *stage)
{
    known(stage);
    in_body(stage);
}

static void in_body_full(struct stage *stage)
{
    in_body_known(stage);
    stage_fill(stage);
}

static void in_engine(struct stage *stage)
{
    stage_send(stage, START "\r\n");
}

static void in_engine_closing_full(struct stage *stage)
{
    stage_fill(stage);
    stage_send(stage, START CLOSE "\r\n");
}

static void in_sent(struct stage *stage)
{
    known(stage);
    stage_send(stage, START "\r\n");
}

static void in_sent_full(struct stage *stage)
{
    in_sent(stage);
    stage_fill(stage);
}

static void in_sent_create(struct stage *stage)
{
    known(stage);
    stage_send(stage, CREATE "\r\n" BODY);
}

static void in_created(struct stage *stage)
{
    in_sent_create(stage);
    stage_engine(stage, "HTTP/1.1 201 Created\r\nContent-Length: 73\r\n\r\n");
}

static void in_created_full(struct stage *stage)
{
    in_created(stage);
    stage_fill(stage);
}

static void in_stream(struct stage *stage)
{
    in_sent(stage);
    stage_engine(stage, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
}

static void in_stream_closing_full(struct stage *stage)
{
    known(stage);
    stage_send(stage, START CLOSE "\r\n");
    stage_engine(stage, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nxx");
    stage_fill(stage);
}

static void in_sent_attach(struct stage *stage)
{
    known(stage);
    stage_send(stage, ATTACH);
}

static void in_tunnel(struct stage *stage)
{
    in_sent_attach(stage);
    stage_engine(stage, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
}

static void in_engine_upload(struct stage *stage)
{
    stage_send(stage, PUT "\r\n");
}

static void in_upload(struct stage *stage)
{
    known(stage);
    stage_send(stage, PUT "\r\nxx");
}

static void in_upload_full(struct stage *stage)
{
    in_upload(stage);
    stage_fill(stage);
}

static void says_head_of_put(struct stage *stage)
{
    stage_send(stage, PUT "\r\n");
}

static void says_xx(struct stage *stage)
{
    stage_send(stage, "xx");
}

static void in_flush(struct stage *stage)
{
    known(stage);
    stage_fill(stage);
    stage_send(stage, "(no HTTP)\r\n");
}

static void in_linger(struct stage *stage)
{
    known(stage);
    stage_send(stage, "(no HTTP)\r\n");
}

static void known_full(struct stage *stage)
{
    known(stage);
    stage_fill(stage);
}

static void says_head_of_create(struct stage *stage)
{
    stage_send(stage, CREATE "\r\n");
}

static void says_body(struct stage *stage)
{
    stage_send(stage, BODY);
}

static void says_bad_body(struct stage *stage)
{
    stage_send(stage, "{\"Image\":\"nothing:1\"}");
}

static void says_start(struct stage *stage)
{
    stage_send(stage, START "\r\n");
}

static void says_denied(struct stage *stage)
{
    stage_send(stage, DENIED);
}

static void says_nonsense(struct stage *stage)
{
    stage_send(stage, "(no HTTP)\r\n");
}

static void engine_says_head(struct stage *stage)
{
    stage_engine(stage, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
}

static void engine_says_head_of_201(struct stage *stage)
{
    stage_engine(stage, "HTTP/1.1 201 Created\r\nContent-Length: 73\r\n\r\n");
}

static void engine_switches(struct stage *stage)
{
    stage_engine(stage, "HTTP/1.1 101 UPGRADED\r\n\r\n");
}

static void engine_says_id(struct stage *stage)
{
    stage_engine(stage, CREATED);
}

static void engine_says_rest(struct stage *stage)
{
    stage_engine(stage, "xxxx");
}

static void time_passes(struct stage *stage)
{
    scene_pass_time(&stage->scene);
}

static void client_reads(struct stage *stage)
{
    char data[65536];

    while (recv(stage->client, data, sizeof data, 0) > 0)
        scene_turn(&stage->scene);
}

struct step {
    enum conn_state from, to;
    void (*before)(struct stage *stage); /* leads to `from` */
    void (*event)(struct stage *stage);  /* and this from there to `to` */
};

static const struct step STEPS[] = {
    {CONN_HEAD, CONN_HEAD, known, says_denied},
    {CONN_HEAD, CONN_BODY, known, says_head_of_create},
    {CONN_HEAD, CONN_ENGINE, NULL, says_start},
    {CONN_HEAD, CONN_SENT, known, says_start},
    {CONN_HEAD, CONN_FLUSH, known_full, says_nonsense},
    {CONN_HEAD, CONN_DONE, known, stage_client_closes},
    {CONN_HEAD, CONN_DONE, known, time_passes},
    {CONN_BODY, CONN_HEAD, in_body_known, says_bad_body},
    {CONN_BODY, CONN_ENGINE, in_body, says_body},
    {CONN_BODY, CONN_SENT, in_body_known, says_body},
    {CONN_BODY, CONN_FLUSH, in_body_full, time_passes},
    {CONN_BODY, CONN_DONE, in_body_known, stage_client_closes},
    {CONN_ENGINE, CONN_HEAD, in_engine, no_engine},
    {CONN_ENGINE, CONN_HEAD, in_engine, time_passes},
    {CONN_ENGINE, CONN_SENT, in_engine, known},
    {CONN_ENGINE, CONN_FLUSH, in_engine_closing_full, no_engine},
    {CONN_ENGINE, CONN_DONE, in_engine, stage_client_closes},
    {CONN_HEAD, CONN_UPLOAD, known, says_head_of_put},
    {CONN_ENGINE, CONN_UPLOAD, in_engine_upload, known},
    {CONN_UPLOAD, CONN_SENT, in_upload, says_xx},
    {CONN_UPLOAD, CONN_STREAM, in_upload, engine_says_head},
    {CONN_UPLOAD, CONN_FLUSH, in_upload_full, time_passes},
    {CONN_UPLOAD, CONN_DONE, in_upload, stage_client_closes},
    {CONN_SENT, CONN_STREAM, in_sent, engine_says_head},
    {CONN_SENT, CONN_CREATED, in_sent_create, engine_says_head_of_201},
    {CONN_SENT, CONN_FLUSH, in_sent_full, stage_engine_closes},
    {CONN_CREATED, CONN_HEAD, in_created, engine_says_id},
    {CONN_CREATED, CONN_FLUSH, in_created_full, stage_engine_closes},
    {CONN_STREAM, CONN_HEAD, in_stream, engine_says_rest},
    {CONN_STREAM, CONN_DONE, in_stream, stage_engine_closes},
    {CONN_STREAM, CONN_DONE, in_stream, stage_client_closes},
    {CONN_SENT, CONN_TUNNEL, in_sent_attach, engine_switches},
    {CONN_TUNNEL, CONN_DONE, in_tunnel, stage_client_closes},
    {CONN_FLUSH, CONN_LINGER, in_flush, client_reads},
    {CONN_FLUSH, CONN_DONE, in_flush, time_passes},
    {CONN_FLUSH, CONN_DONE, in_flush, stage_client_closes},
    {CONN_LINGER, CONN_DONE, in_linger, stage_client_closes},
    {CONN_LINGER, CONN_DONE, in_linger, time_passes},
};

enum { STEP_COUNT = sizeof STEPS / sizeof *STEPS };

/* Some edges are left in the callback that takes them; these are told by what they leave behind. */
static bool edge_has_a_step(int from, int to)
{
    for (int i = 0; i < STEP_COUNT; i++) {
        if ((int) STEPS[i].from == from && (int) STEPS[i].to == to)
            return true;
    }
    /* Driven by tests of their own below. */
    return (from == CONN_STREAM && to == CONN_FLUSH) || (from == CONN_SENT && to == CONN_DONE) ||
           (from == CONN_CREATED && to == CONN_DONE) || (from == CONN_TUNNEL && to == CONN_FLUSH);
}

static void a_tunnel_ends_with_the_engine(void **unused)
{
    struct stage stage;

    (void) unused;
    stage_open(&stage, 0);
    in_tunnel(&stage);
    assert_int_equal(stage_state(&stage), CONN_TUNNEL);
    stage_engine_closes(&stage);
    assert_int_equal(stage_state(&stage), CONN_LINGER); /* by way of FLUSH, in one callback */
    stage_close(&stage);
}

static void every_edge_is_taken_by_an_event(void **unused)
{
    (void) unused;
    for (int i = 0; i < STEP_COUNT; i++) {
        const struct step *step = &STEPS[i];
        struct stage stage;

        stage_open(&stage, 0);
        if (step->before != NULL)
            step->before(&stage);
        if (stage_state(&stage) != step->from)
            fail_msg("step %d begins in %s, not in %s", i, NAMES[stage_state(&stage)],
                     NAMES[step->from]);
        step->event(&stage);
        if (stage_state(&stage) != step->to)
            fail_msg("step %d leads from %s to %s, not to %s", i, NAMES[step->from],
                     NAMES[stage_state(&stage)], NAMES[step->to]);
        stage_close(&stage);
    }
    for (int from = 0; from < CONN_STATE_COUNT; from++) {
        for (int to = 0; to < CONN_STATE_COUNT; to++) {
            if (conn_edge((enum conn_state) from, (enum conn_state) to) &&
                !edge_has_a_step(from, to))
                fail_msg("nothing leads from %s to %s", NAMES[from], NAMES[to]);
        }
    }
}

static void a_stream_that_closes_is_flushed(void **unused)
{
    struct stage stage;

    (void) unused;
    stage_open(&stage, 0);
    in_stream_closing_full(&stage);
    assert_int_equal(stage_state(&stage), CONN_STREAM);
    stage_engine(&stage, "xx");
    assert_int_equal(stage_state(&stage), CONN_FLUSH);
    stage_close(&stage);
}

/* The client goes, the Engine answers all the same: what it says is learnt, then all is over. */
static void the_engine_is_heard_out(void **unused)
{
    void (*const ways[])(struct stage * stage) = {in_sent_create, in_created};
    static const char *const answers[] = {
        "HTTP/1.1 201 Created\r\nContent-Length: 73\r\n\r\n" CREATED, CREATED};

    (void) unused;
    for (int i = 0; i < 2; i++) {
        struct stage stage;

        stage_open(&stage, 0);
        ways[i](&stage);
        enum conn_state state = stage_state(&stage);
        stage_client_closes(&stage);
        assert_int_equal(stage_state(&stage), state);
        assert_true(stage_conn(&stage)->detached);
        stage_engine(&stage, answers[i]);
        assert_int_equal(stage_state(&stage), CONN_DONE);
        assert_non_null(owner_resolve(scene_tenant(&stage.scene)->owned, SCENE_NEW, 64));
        assert_int_equal(owner_alive(scene_tenant(&stage.scene)->owned), 2);
        stage_close(&stage);
    }
}

/* Nor is an answer that never comes to its end waited for longer than the create itself. */
static void an_answer_that_nobody_hears_has_an_end(void **unused)
{
    static const char *const answers[] = {"HTTP/1.1 201 Created\r\nContent-Length: 73\r\n\r\n{",
                                          "HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\n{",
                                          "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n"};

    (void) unused;
    for (int i = 0; i < 3; i++) {
        struct stage stage;

        stage_open(&stage, 0);
        in_sent_create(&stage);
        stage_client_closes(&stage);
        stage_engine(&stage, answers[i]);
        scene_pass_time(&stage.scene);
        scene_turn(&stage.scene);
        assert_int_equal(stage_state(&stage), CONN_DONE);
        assert_int_equal(scene_tenant(&stage.scene)->quota->requests, 0);
        stage_close(&stage);
    }
}

static void who_only_waits_for_a_stream_takes_the_request_along(void **unused)
{
    struct stage stage;

    (void) unused;
    stage_open(&stage, 0);
    known(&stage);
    stage_send(&stage, "POST /containers/mine/wait HTTP/1.1\r\nHost: d\r\n\r\n");
    assert_int_equal(stage_state(&stage), CONN_SENT);
    stage_client_closes(&stage);
    assert_int_equal(stage_state(&stage), CONN_DONE);
    stage_close(&stage);
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;

    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

/* ---- an Engine that goes away, or is another, in every state ---- */

static const struct {
    enum conn_state state;
    void (*before)(struct stage *stage); /* leads there */
    const char *says;                    /* what the client is told then; "" for nothing */
    bool goes_on; /* it is the client's turn, and the request is still good */
} LOSSES[] = {
    {CONN_HEAD, known, "", true},
    {CONN_BODY, in_body_known, "", true},
    {CONN_ENGINE, in_engine, "HTTP/1.1 503 ", false},
    {CONN_ENGINE, in_engine_upload, "HTTP/1.1 503 ", false},
    {CONN_UPLOAD, in_upload, "HTTP/1.1 502 ", false},
    {CONN_SENT, in_sent, "HTTP/1.1 502 ", false},
    {CONN_SENT, in_sent_create, "HTTP/1.1 502 ", false},
    {CONN_SENT, in_sent_attach, "HTTP/1.1 502 ", false},
    {CONN_CREATED, in_created, "HTTP/1.1 502 ", false},
    {CONN_STREAM, in_stream, "HTTP/1.1 200 ", false},
    {CONN_TUNNEL, in_tunnel, "HTTP/1.1 101 ", false},
    {CONN_FLUSH, in_flush, NULL, false}, /* its way to the client is full of junk */
    {CONN_LINGER, in_linger, "HTTP/1.1 400 ", false},
};

static void engine_goes(struct stage *stage)
{
    scene_engine_down(&stage->scene);
    scene_turn(&stage->scene);
}

static void engine_is_another(struct stage *stage)
{
    scene_engine_down(&stage->scene);
    scene_engine_up(&stage->scene);
    scene_turn(&stage->scene);
}

/* Its old connections end before the proxy has seen that there is another. */
static void engine_half_closes(struct stage *stage)
{
    for (unsigned i = 0; i < stage->scene.link_count; i++)
        if (stage->scene.links[i].fd >= 0)
            shutdown(stage->scene.links[i].fd, SHUT_WR);
    scene_turn(&stage->scene);
}

/* Another client is served by the Engine that there is now. */
static void all_is_well(struct stage *stage)
{
    static char data[4096];

    scene_engine_down(&stage->scene);
    scene_engine_up(&stage->scene);
    scene_turn(&stage->scene);
    if (stage->client >= 0)
        stage_client_closes(stage);
    scene_pass_time(&stage->scene);
    scene_turn(&stage->scene);
    assert_int_equal(stage_state(stage), CONN_DONE);
    stage->client = scene_client(&stage->scene, 0);
    stage_send(stage, START "\r\n");
    known(stage);
    assert_int_equal(stage_state(stage), CONN_SENT);
    stage_engine(stage, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_equal(stage_state(stage), CONN_HEAD);
    stage_read(stage, data, sizeof data, 0);
    assert_int_equal(strncmp(data, "HTTP/1.1 204 ", 13), 0);
}

static void an_engine_is_lost(int i, void (*way)(struct stage *stage))
{
    static char data[1 << 16];
    struct stage stage;

    stage_open(&stage, 0);
    LOSSES[i].before(&stage);
    if (stage_state(&stage) != LOSSES[i].state)
        fail_msg("loss %d begins in %s", i, NAMES[stage_state(&stage)]);
    way(&stage);
    enum conn_state state = stage_state(&stage);
    if (state == CONN_UPLOAD || state == CONN_SENT || state == CONN_CREATED ||
        state == CONN_STREAM || (state == CONN_TUNNEL && way != engine_half_closes))
        fail_msg("loss %d of %s: still %s", i, NAMES[LOSSES[i].state], NAMES[state]);
    if (LOSSES[i].says != NULL) {
        stage_read(&stage, data, sizeof data, 0);
        if (strncmp(data, LOSSES[i].says, strlen(LOSSES[i].says)) != 0 ||
            (LOSSES[i].says[0] == '\0') != (data[0] == '\0'))
            fail_msg("loss %d of %s: the client is told %.40s", i, NAMES[LOSSES[i].state], data);
        assert_int_equal(count_of(data, "xxxx"), 0); /* a body that was not whole is not */
    }
    if (LOSSES[i].goes_on) {
        stage_send(&stage, state == CONN_BODY ? BODY : START "\r\n");
        if (stage.scene.engine < 0)
            scene_engine_up(&stage.scene);
        known(&stage);
        state = stage_state(&stage);
        assert_true(state == CONN_SENT || state == CONN_HEAD); /* served, or told 503 */
    }
    all_is_well(&stage);
    assert_int_equal(owner_alive(scene_tenant(&stage.scene)->owned),
                     owner_count(scene_tenant(&stage.scene)->owned));
    stage_close(&stage);
}

static void an_engine_can_be_lost_in_every_state(void **unused)
{
    void (*const ways[])(struct stage * stage) = {engine_goes, engine_is_another,
                                                  engine_half_closes};
    unsigned seen = 0;

    (void) unused;
    for (int i = 0; i < (int) (sizeof LOSSES / sizeof *LOSSES); i++) {
        seen |= 1u << LOSSES[i].state;
        for (int way = 0; way < 3; way++)
            an_engine_is_lost(i, ways[way]);
    }
    assert_int_equal(seen, (1u << CONN_DONE) - 1); /* each state but the last */
}

/* ---- a client that takes its time ---- */

/* The way is full, or nearly so, when the last answer is written: it still comes whole. */
static void last_answers_come_whole(bool half_close, bool drain)
{
    static char data[1 << 16];

    for (size_t spare = 0; spare < 3; spare++) {
        struct stage stage;

        stage_open(&stage, 1);
        known(&stage);
        stage_send(&stage, START "\r\n" PING PING PING);
        if (half_close)
            shutdown(stage.client, SHUT_WR);
        scene_turn(&stage.scene);
        size_t junk = stage_fill(&stage);
        for (size_t i = 0; i < spare; i++) { /* room for a part of what comes */
            char skipped[1024];
            ssize_t got = recv(stage.client, skipped, sizeof skipped, 0);
            junk -= got > 0 ? (size_t) got : 0;
        }
        stage_engine(&stage, "HTTP/1.1 204 No Content\r\n\r\n");
        if (drain)
            conn_drain(scene_tenant(&stage.scene), false);
        stage_read(&stage, data, sizeof data, junk);
        assert_int_equal(count_of(data, "HTTP/1.1 204"), 1);
        assert_int_equal(count_of(data, "HTTP/1.1 200 OK"),
                         drain ? count_of(data, "\r\n\r\nOK") : 3);
        if (half_close)
            assert_int_equal(stage_state(&stage), CONN_DONE);
        stage_close(&stage);
    }
}

static void a_half_closed_pipeline_is_answered_whole(void **unused)
{
    (void) unused;
    last_answers_come_whole(true, false);
}

static void a_slow_pipeline_is_answered_whole(void **unused)
{
    (void) unused;
    last_answers_come_whole(false, false);
}

static void the_last_answer_before_the_end_is_whole(void **unused)
{
    (void) unused;
    last_answers_come_whole(false, true);
}

/* Answers that wait for the end of the turn are not lost when the client has asked all. */
static void answers_of_this_turn_are_not_lost(void **unused)
{
    static char data[1 << 16];
    struct stage stage;

    (void) unused;
    stage_open(&stage, 1);
    known(&stage);
    stage_send(&stage, START "\r\n");
    stage_send(&stage, PING);
    shutdown(stage.client, SHUT_WR);
    scene_turn(&stage.scene);
    size_t junk = stage_fill(&stage);
    /* In one turn: the reply, with it the ping, and nothing left to do for who has half-closed. */
    stage_engine(&stage, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_not_equal(stage_state(&stage), CONN_DONE);
    stage_read(&stage, data, sizeof data, junk);
    assert_int_equal(count_of(data, "\r\n\r\nOK"), 1);
    assert_int_equal(stage_state(&stage), CONN_DONE);
    stage_close(&stage);
}

/* Who takes some of an answer each time has time anew; who takes none loses his place. */
static void a_slow_reader_is_not_one_who_has_stalled(void **unused)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n";
    static char reply[50000], taken[2000];
    struct stage stage;

    (void) unused;
    memset(reply, 'x', sizeof reply - 1);
    memcpy(reply, head, sizeof head - 1);
    stage_open(&stage, 1);
    known(&stage);
    stage_send(&stage, START "\r\n");
    stage_engine(&stage, reply);
    for (int i = 0; i < 3; i++) {
        size_t waiting = stream_waiting(&stage_conn(&stage)->client);
        while (stream_waiting(&stage_conn(&stage)->client) == waiting) {
            assert_true(recv(stage.client, taken, sizeof taken, 0) > 0);
            scene_turn(&stage.scene);
        }
        scene_pass_time(&stage.scene);
        assert_int_equal(stage_state(&stage), CONN_STREAM);
        assert_true(stream_blocked(&stage_conn(&stage)->client));
    }
    scene_pass_time(&stage.scene);
    assert_int_equal(stage_state(&stage), CONN_DONE);
    stage_close(&stage);
}

/* The Engine's connections end, and a request comes before anybody has said so. */
static void nothing_is_decided_about_an_unknown_engine(void **unused)
{
    struct scene_request request;
    struct stage stage;

    (void) unused;
    stage_open(&stage, 0);
    known(&stage);
    stage_engine_closes_quietly(&stage);
    stage_send(&stage, START "\r\n");
    assert_int_equal(stage_state(&stage), CONN_ENGINE);
    known(&stage);
    assert_int_equal(stage_state(&stage), CONN_SENT);
    unsigned i = 0;
    while (i < stage.scene.link_count && !scene_request(&stage.scene.links[i], &request))
        i++;
    assert_true(i < stage.scene.link_count);
    assert_memory_equal(request.head.target.data, "/v1.41/", 7);
    stage_close(&stage);
}

static void link_says_something(struct scene_link *link)
{
    static const char stale[] = "HTTP/1.1 500 Stale\r\nContent-Length: 0\r\n\r\n";

    (void) !send(link->fd, stale, sizeof stale - 1, MSG_NOSIGNAL); /* some were not kept */
}

static void link_reads_no_more(struct scene_link *link)
{
    shutdown(link->fd, SHUT_RD);
}

/*
 * A request comes, and in the same turn it shows that the connection that was kept for it is none:
 * the Engine is asked on another, once, and what it said before is nobody's answer.
 */
static void a_kept_connection_that_ends_costs_no_request(void **unused)
{
    static void (*const ends[])(struct scene_link *) = {scene_link_close, link_says_something,
                                                        link_reads_no_more};
    static char data[4096];

    (void) unused;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct stage stage;
        stage_open(&stage, 0);
        known(&stage);
        assert_int_equal(send(stage.client, START "\r\n", sizeof START "\r\n" - 1, MSG_NOSIGNAL),
                         sizeof START "\r\n" - 1);
        unsigned kept = stage.scene.link_count;
        for (unsigned link = 0; link < kept; link++)
            if (stage.scene.links[link].fd >= 0)
                ends[i](&stage.scene.links[link]);
        scene_turn(&stage.scene);
        assert_int_equal(stage_state(&stage), CONN_SENT);
        assert_int_equal(stage.scene.link_count, kept + 1);
        stage_engine(&stage, "HTTP/1.1 204 No Content\r\n\r\n");
        stage_read(&stage, data, sizeof data, 0);
        assert_memory_equal(data, "HTTP/1.1 204", 12);
        assert_int_equal(count_of(data, "HTTP/1.1"), 1);
        stage_close(&stage);
    }
}

/* The same, and there is no other connection: the client is told, and nothing was made. */
static void an_engine_that_has_gone_is_told_of(void **unused)
{
    static char data[4096];
    struct stage stage;

    (void) unused;
    stage_open(&stage, 0);
    known(&stage);
    assert_int_equal(send(stage.client, CREATE "\r\n" BODY, sizeof CREATE "\r\n" BODY - 1, 0),
                     sizeof CREATE "\r\n" BODY - 1);
    scene_engine_down(&stage.scene);
    scene_turn(&stage.scene);
    stage_read(&stage, data, sizeof data, 0);
    assert_memory_equal(data, "HTTP/1.1 503", 12);
    assert_int_equal(owner_alive(scene_tenant(&stage.scene)->owned), 1);
    stage_close(&stage);
}

/* A program ends and has its last words, while its client is still writing to it. */
static void last_words_are_heard(void **unused)
{
    static char data[4096];
    struct stage stage;

    (void) unused;
    stage_open(&stage, 0);
    in_tunnel(&stage);
    stage_read(&stage, data, sizeof data, 0);
    assert_int_equal(send(stage.client, "input", 5, MSG_NOSIGNAL), 5);
    for (unsigned i = 0; i < stage.scene.link_count; i++) {
        struct scene_link *link = &stage.scene.links[i];
        if (buf_bytes(&link->got) > 0) {
            assert_int_equal(send(link->fd, "last words", 10, MSG_NOSIGNAL), 10);
            scene_link_close(link);
        }
    }
    stage_read(&stage, data, sizeof data, 0);
    assert_string_equal(data, "last words");
    assert_int_equal(stage_state(&stage), CONN_LINGER);
    stage_client_closes(&stage); /* is noticed at once */
    assert_int_equal(stage_state(&stage), CONN_DONE);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_what_we_mean),
        cmocka_unit_test(no_other_edge_can_be_taken),
        cmocka_unit_test(every_edge_is_taken_by_an_event),
        cmocka_unit_test(a_tunnel_ends_with_the_engine),
        cmocka_unit_test(a_stream_that_closes_is_flushed),
        cmocka_unit_test(the_engine_is_heard_out),
        cmocka_unit_test(an_answer_that_nobody_hears_has_an_end),
        cmocka_unit_test(who_only_waits_for_a_stream_takes_the_request_along),
        cmocka_unit_test(an_engine_can_be_lost_in_every_state),
        cmocka_unit_test(a_half_closed_pipeline_is_answered_whole),
        cmocka_unit_test(a_slow_pipeline_is_answered_whole),
        cmocka_unit_test(the_last_answer_before_the_end_is_whole),
        cmocka_unit_test(answers_of_this_turn_are_not_lost),
        cmocka_unit_test(a_slow_reader_is_not_one_who_has_stalled),
        cmocka_unit_test(nothing_is_decided_about_an_unknown_engine),
        cmocka_unit_test(a_kept_connection_that_ends_costs_no_request),
        cmocka_unit_test(an_engine_that_has_gone_is_told_of),
        cmocka_unit_test(last_words_are_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
