/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz conn: the whole proxy, in-process, between clients and an Engine that the input plays: what
 * they say, in which pieces, when they read, half-close or go, when the Engine stops and comes
 * back, when time passes, when the policy is loaded anew and when the proxy is told to end.
 *
 * Each input is a program for that play: an operation, who does it, a number.  Beside memory safety
 * and the asserts it demands
 *  - of what the Engine is sent: whole requests that we wrote, of operations that are allowed, for
 *    the containers that are ours, and JSON objects with our label for bodies;
 *  - of what a client is sent: valid replies one after another, and no more than it asked for;
 *  - that nobody is forgotten: when the Engine is gone and the clients have read everything, each
 *    connection is at rest, with nothing left that could go on;
 *  - that every create that was under way is counted out.
 */
#include "../lib/scene.h"
#include "lease.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { PLAYERS = 4, OPERATIONS_MOST = 200, QUEUE_BYTES = 1 << 16, QUIET_TURNS = 5 };

#define POLICY                                                                                 \
    "[allow]\nContainerCreate = yes\nContainerStart = own\nContainerWait = own\n"              \
    "ContainerLogs = own\nContainerDelete = own\nContainerAttach = own\nContainerExec = own\n" \
    "ExecStart = own\nPutContainerArchive = own\n[create]\nImage = one-of busybox:*\n"         \
    "[limits]\nconnections = 6\ncontainers = 3\nhead = 1KiB\nbody = 2KiB\nupload = 3KiB\n"     \
    "requests = 3\nstreams = 2\ncreates-per-minute = 9\n"                                      \
    "lifetime = "
#define BODY "{\"Image\":\"busybox:1\"}"
#define CREATE                                                      \
    "POST /v1.41/containers/create?name=nn HTTP/1.1\r\nHost: d\r\n" \
    "Content-Type: application/json\r\n"
#define ATTACH     "POST /containers/mine/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\n"
#define JSON       "Content-Type: application/json\r\nContent-Length: "
#define EXEC       SCENE_64("eeee")
#define EXEC_START "POST /exec/" EXEC "/start HTTP/1.1\r\nHost: d\r\n"
#define PUT        "PUT /v1.41/containers/mine/archive?path=/ HTTP/1.1\r\nHost: d\r\n"
#define OK         "HTTP/1.1 200 OK\r\n"

static const char *const REQUESTS[] = {
    "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /v1.41/containers/mine/start HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /containers/mine/wait?condition=removed HTTP/1.1\r\nHost: d\r\n\r\n",
    "GET /v1.41/containers/mine/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n",
    "DELETE /v1.41/containers/" SCENE_MINE "?force=1 HTTP/1.1\r\nHost: d\r\n\r\n",
    CREATE "Content-Length: 21\r\n\r\n" BODY,
    CREATE "Transfer-Encoding: chunked\r\n\r\n15\r\n" BODY "\r\n0\r\n\r\n",
    CREATE "Expect: 100-continue\r\nContent-Length: 21\r\n\r\n" BODY,
    CREATE "Content-Length: 4000\r\n\r\n",
    "GET /v1.41/containers/mine/logs?stdout=1 HTTP/1.0\r\n\r\n",
    "POST /v1.41/containers/mine/start HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
    "POST /v1.41/containers/theirs/start HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /v1.41/containers/mine/exec HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}",
    "POST /v1.41/containers/mine/start HTTP/1.1\r\nHost: d\r\nUpgrade: h2c\r\n\r\n",
    "GET /info HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /v1.41/containers/" SCENE_NEW "/start HTTP/1.1\r\nHost: d\r\n\r\n",
    ATTACH "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    ATTACH "\r\n",
    "some raw bytes\r\n\r\n",
    "POST /containers/mine/exec HTTP/1.1\r\nHost: d\r\n" JSON "13\r\n\r\n{\"Cmd\":[\"a\"]}",
    EXEC_START "Upgrade: tcp\r\n" JSON "2\r\n\r\n{}",
    EXEC_START JSON "15\r\n\r\n{\"Detach\":true}",
    PUT "Content-Length: 9\r\n\r\nsome tar.",
    PUT "Content-Length: 3000\r\nExpect: 100-continue\r\n\r\n",
    PUT "Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n5\r\n tar.\r\n0\r\n\r\n",
    PUT "Transfer-Encoding: chunked\r\n\r\n",
};

static const char *const REPLIES[] = {
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 201 Created\r\nContent-Length: 87\r\n\r\n{\"Id\":\"" SCENE_NEW "\",\"Warnings\":[]}",
    "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n49\r\n{\"Id\":\"" SCENE_NEW
    "\"}\r\n0\r\n\r\n",
    "HTTP/1.1 201 Created\r\n\r\n{\"Id\":\"" SCENE_NEW "\"}",
    OK "Transfer-Encoding: chunked\r\n\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    OK "Content-Length: 10\r\n\r\n0123456789",
    OK "\r\nuntil the end",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    SCENE_PING_REPLY,
    SCENE_LIST_REPLY,
    OK "Content-Length: 2\r\n\r\n[]",
    "8000\r\n",
    "HTTP/1.1 201 Created\r\nContent-Length: 73\r\n\r\n{\"Id\":\"" EXEC "\"}",
};

enum { REQUEST_COUNT = sizeof REQUESTS / sizeof *REQUESTS };
enum { REPLY_COUNT = sizeof REPLIES / sizeof *REPLIES };

struct player {
    int fd; /* -1: gone */
    struct buf to_send, heard;
    bool unreadable; /* it asked for a HEAD: its replies cannot be told from one another */
};

struct play {
    struct scene scene;
    struct player clients[PLAYERS];
    struct buf says[SCENE_LINKS]; /* what the Engine's side of each link is about to say */
    bool raw[SCENE_LINKS];        /* was asked for a stream: what follows is perhaps no HTTP */
    const uint8_t *at, *end;
    bool answers_own, ended;
};

static const char *policies[2];

static void play_prepare(void)
{
    static char forever[64], short_lived[64];

    if (policies[0] != NULL)
        return;
    scene_write_file(POLICY "0\n[proxy]\nsplice = 1\n", forever);
    scene_write_file(POLICY "1s\n", short_lived);
    policies[0] = forever;
    policies[1] = short_lived;
    log_set_level(LOG_LEVEL_NONE);
}

static uint8_t play_byte(struct play *play)
{
    return play->at < play->end ? *play->at++ : 0;
}

/* ---- the clients ---- */

static void client_leave(struct player *client)
{
    if (client->fd >= 0)
        close(client->fd);
    buf_done(&client->to_send);
    buf_done(&client->heard);
    *client = (struct player){.fd = -1};
}

static struct player *play_client(struct play *play, uint8_t number)
{
    struct player *client = &play->clients[number % PLAYERS];

    if (client->fd < 0)
        client->fd = scene_client(&play->scene, number % PLAYERS == 0 ? 1 : 0);
    return client;
}

/* Returns whether there was anything to read. */
static bool client_read(struct player *client, size_t most)
{
    char data[4096];
    ssize_t got;
    bool any = false;

    while (client->fd >= 0 && most > 0) {
        got = recv(client->fd, data, most < sizeof data ? most : sizeof data, 0);
        if (got <= 0)
            break;
        scene_demand(buf_add(&client->heard, data, (size_t) got) == 0, "memory");
        most -= (size_t) got;
        any = true;
    }
    return any;
}

static void play_send(int fd, struct buf *bytes, size_t most)
{
    size_t count = buf_bytes(bytes) < most ? buf_bytes(bytes) : most;
    ssize_t sent = fd < 0 || count == 0 ? 0 : send(fd, buf_data(bytes), count, MSG_NOSIGNAL);

    if (sent > 0)
        buf_consume(bytes, (size_t) sent);
    else if (sent < 0)
        buf_done(bytes);
}

/* What is heard is replies, one after another; the last one may be in the middle. */
static void client_check(const struct player *client)
{
    const char *data = buf_data(&client->heard);
    size_t bytes = buf_bytes(&client->heard);
    struct message_reply reply;
    struct message_body body;
    struct span payload;

    while (bytes > 0 && !client->unreadable) {
        ssize_t used = message_parse_reply(data, bytes, false, &reply);
        scene_demand(used >= 0, "what a client is sent is no reply");
        if (used == 0 || reply.status == 101)
            return;
        message_body_init(&body, reply.framing, reply.content_bytes);
        while (used >= 0 && !body.done && (size_t) used < bytes) {
            data += used;
            bytes -= (size_t) used;
            used = message_body_read(&body, data, bytes, &payload);
            scene_demand(used > 0, "what a client is sent is no body");
        }
        data += used;
        bytes -= (size_t) used;
        scene_demand(bytes == 0 || reply.status < 200 || reply.keep_alive,
                     "there is more after an answer that closes");
    }
}

/* ---- the Engine ---- */

static bool span_begins(struct span text, const char *with)
{
    return text.bytes >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

/* What may be asked for a container or an exec of ours: what follows its id. */
static const struct {
    const char *kind;
    int method;
    const char *rest;
    bool body, raw; /* it has a body; what follows may be no HTTP */
} ALLOWED[] = {
    {"containers", METHOD_POST, "/start", false, false},
    {"containers", METHOD_POST, "/wait", false, false},
    {"containers", METHOD_GET, "/logs", false, false},
    {"containers", METHOD_DELETE, "", false, false},
    {"containers", METHOD_POST, "/attach", false, true},
    {"containers", METHOD_POST, "/exec", true, false},
    {"exec", METHOD_POST, "/start", true, true},
    {"containers", METHOD_PUT, "/archive", true, false},
};

static bool is_object(struct span body)
{
    return body.bytes >= 2 && body.data[0] == '{' && body.data[body.bytes - 1] == '}';
}

static bool is_ours(const char *id)
{
    return memcmp(id, SCENE_MINE, 64) == 0 || memcmp(id, SCENE_NEW, 64) == 0 ||
           memcmp(id, EXEC, 64) == 0;
}

/* Whether a request is row i, up to its query. */
static bool is_allowed(const struct scene_request *request, size_t i)
{
    struct span target = request->head.target;
    char head[32];
    int head_bytes = snprintf(head, sizeof head, "/v1.41/%s/", ALLOWED[i].kind);
    size_t bytes = (size_t) head_bytes + 64 + strlen(ALLOWED[i].rest);

    return request->head.method == ALLOWED[i].method && target.bytes >= bytes &&
           span_begins(target, head) && is_ours(target.data + head_bytes) &&
           memcmp(target.data + head_bytes + 64, ALLOWED[i].rest, strlen(ALLOWED[i].rest)) == 0 &&
           (target.bytes == bytes || target.data[bytes] == '?');
}

/* Returns whether what follows may be no HTTP. */
static bool engine_check(const struct scene_request *request)
{
    static const char label[] = "\"io.caisson.owner\":\"caisson\"";
    struct span body = request->body;

    if (scene_is_own(request))
        return false;
    if (request->head.method == METHOD_POST &&
        span_begins(request->head.target, "/v1.41/containers/create?name=n")) {
        scene_demand(is_object(body), "the body of a create is no object");
        scene_demand(memmem(body.data, body.bytes, label, sizeof label - 1) != NULL,
                     "a create without our label");
        return false;
    }
    for (size_t i = 0; i < sizeof ALLOWED / sizeof *ALLOWED; i++) {
        if (!is_allowed(request, i))
            continue;
        scene_demand(!ALLOWED[i].body                     ? body.bytes == 0
                     : request->head.method == METHOD_PUT ? request->head.opaque
                                                          : is_object(body),
                     "a body that is wrong");
        return ALLOWED[i].raw;
    }
    scene_demand(false, "a request that is not allowed");
    return false;
}

/* Looks at what came; the proxy's own questions are perhaps answered at once. */
static void engine_listen(struct play *play)
{
    struct scene *scene = &play->scene;
    struct scene_request request;

    for (unsigned i = 0; i < scene->link_count; i++) {
        struct scene_link *link = &scene->links[i];
        if (play->raw[i])
            buf_done(&link->got);
        while (!play->raw[i] && scene_request(link, &request)) {
            play->raw[i] = engine_check(&request);
            if (play->answers_own && scene_is_own(&request)) {
                scene_reply(link,
                            request.head.target.bytes > 6 ? SCENE_LIST_REPLY : SCENE_PING_REPLY);
                continue;
            }
            buf_consume(&link->got, request.bytes);
        }
    }
}

static void play_turn(struct play *play)
{
    scene_turn(&play->scene);
    engine_listen(play);
    scene_turn(&play->scene);
}

/* ---- the operations ---- */

static void queue_text(struct buf *to, const char *text)
{
    if (buf_bytes(to) < QUEUE_BYTES)
        scene_demand(buf_add(to, text, strlen(text)) == 0, "memory");
}

static void queue_raw(struct play *play, struct buf *to, size_t bytes)
{
    size_t left = (size_t) (play->end - play->at);

    bytes = bytes < left ? bytes : left;
    if (buf_bytes(to) < QUEUE_BYTES)
        scene_demand(buf_add(to, play->at, bytes) == 0, "memory");
    play->at += bytes;
}

/* 255 is all; other numbers are a few. */
static size_t some(uint8_t number)
{
    return number == 255 ? SIZE_MAX : number;
}

static void play_client_does(struct play *play, unsigned what, uint8_t who, uint8_t number)
{
    struct player *client = play_client(play, who);

    switch (what) {
    case 0:
        queue_text(&client->to_send, REQUESTS[number % REQUEST_COUNT]);
        break;
    case 1:
        queue_raw(play, &client->to_send, number);
        break;
    case 2:
        if (buf_bytes(&client->to_send) > 0 &&
            memmem(buf_data(&client->to_send), buf_bytes(&client->to_send), "HEAD", 4) != NULL)
            client->unreadable = true;
        play_send(client->fd, &client->to_send, some(number));
        break;
    case 3:
        shutdown(client->fd, number % 4 == 0 ? SHUT_RDWR : SHUT_WR);
        break;
    case 4:
        client_check(client);
        client_leave(client);
        break;
    case 5:
        client_read(client, some(number));
        break;
    }
}

/* Links are numbered by when they were last asked something: a play need not know of idle ones. */
static unsigned link_of(const struct scene *scene, uint8_t who)
{
    for (unsigned i = 0; i < scene->link_count; i++) {
        unsigned later = 0;
        for (unsigned k = 0; k < scene->link_count; k++)
            later += scene->links[k].heard > scene->links[i].heard ||
                     (scene->links[k].heard == scene->links[i].heard && k > i);
        if (later == who % scene->link_count)
            return i;
    }
    return 0;
}

static void play_engine_does(struct play *play, unsigned what, uint8_t who, uint8_t number)
{
    struct scene *scene = &play->scene;
    unsigned i = link_of(scene, who);

    if (scene->link_count == 0 || scene->links[i].fd < 0)
        return;
    switch (what) {
    case 0:
        queue_text(&play->says[i], REPLIES[number % REPLY_COUNT]);
        break;
    case 1:
        queue_raw(play, &play->says[i], number);
        break;
    case 2:
        play_send(scene->links[i].fd, &play->says[i], some(number));
        break;
    case 3:
        shutdown(scene->links[i].fd, SHUT_WR);
        break;
    case 4:
        scene_link_close(&scene->links[i]);
        break;
    case 5:
        queue_text(&play->says[i], REPLIES[number % REPLY_COUNT]);
        play_send(scene->links[i].fd, &play->says[i], SIZE_MAX);
        break;
    }
}

static void play_world_does(struct play *play, unsigned what, uint8_t number)
{
    struct scene *scene = &play->scene;

    switch (what) {
    case 0:
        if (scene->engine >= 0)
            scene_engine_down(scene);
        else
            scene_engine_up(scene);
        break;
    case 1:
        play->answers_own = !play->answers_own;
        break;
    case 2:
        scene_pass_time(scene);
        break;
    case 3:
        scene->options.policy = policies[number % 2];
        server_on_reload(SIGHUP, 0, &scene->server);
        break;
    case 4:
        if (!play->ended)
            server_on_end(SIGTERM, 0, &scene->server);
        play->ended = true;
        break;
    case 5:
        lease_check(scene_tenant(scene)->lease);
        break;
    }
}

static void play_on(struct play *play)
{
    for (int i = 0; i < OPERATIONS_MOST && play->at < play->end; i++) {
        unsigned what = play_byte(play) % 18;
        uint8_t who = play_byte(play), number = play_byte(play);

        if (what < 6)
            play_client_does(play, what, who, number);
        else if (what < 12)
            play_engine_does(play, what - 6, who, number);
        else
            play_world_does(play, what - 12, number);
        play_turn(play);
    }
}

/* ---- the end ---- */

static void rest_check(const struct conn *conn)
{
    static const struct message_limits LIMITS = {
        .head_bytes = 1024, .target_bytes = 4096, .headers = 64};
    struct message_request request;
    int reason;

    scene_demand(conn->state == CONN_HEAD || conn->state == CONN_BODY || conn->state == CONN_LINGER,
                 "a connection is not at rest");
    scene_demand(conn->engine == NULL, "a connection keeps one to the engine");
    scene_demand(stream_waiting(&conn->client) == 0, "bytes wait for a client that reads");
    scene_demand(conn->client.reading, "a client is not listened to");
    if (conn->state != CONN_LINGER)
        scene_demand(!conn->client_ended, "a client that has ended is kept");
    if (conn->state == CONN_BODY)
        scene_demand(buf_bytes(&conn->in) == 0, "a body is left unread");
    if (conn->state == CONN_HEAD && buf_bytes(&conn->in) > 0)
        scene_demand(message_parse_request(buf_data(&conn->in), buf_bytes(&conn->in), &LIMITS,
                                           &request, &reason) == 0,
                     "a request is left unread");
}

/* The Engine goes, the clients read all: then everybody must be at rest. */
static void play_rest(struct play *play)
{
    struct conn_tenant *tenant = scene_tenant(&play->scene);
    const struct conn *conn;

    scene_engine_down(&play->scene);
    for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
        for (int client = 0; client < PLAYERS; client++)
            quiet = client_read(&play->clients[client], SIZE_MAX) ? 0 : quiet;
        conn_tick(tenant); /* which tells of ends that nobody listens for */
        scene_turn(&play->scene);
    }
    LIST_FOREACH(conn, &tenant->open, entry)
    rest_check(conn);
    scene_demand(owner_alive(tenant->owned) == owner_count(tenant->owned),
                 "a create is counted that is not under way");
    scene_demand(tenant->detached == 0, "a client that is gone is kept");
    scene_demand(tenant->quota->requests == 0 && tenant->quota->streams == 0,
                 "a request is counted that is not under way");
    for (int client = 0; client < PLAYERS; client++)
        client_check(&play->clients[client]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct play play;

    play_prepare();
    memset(&play, 0, sizeof play);
    play.at = data;
    play.end = data + bytes;
    play.answers_own = true;
    for (int i = 0; i < PLAYERS; i++)
        play.clients[i].fd = -1;
    scene_open(&play.scene, policies[0]);
    play_on(&play);
    play_rest(&play);
    for (int i = 0; i < PLAYERS; i++)
        client_leave(&play.clients[i]);
    for (int i = 0; i < SCENE_LINKS; i++)
        buf_done(&play.says[i]);
    scene_close(&play.scene);
    return 0;
}
