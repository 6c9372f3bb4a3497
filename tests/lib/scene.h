/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene: the whole proxy within a test, turn by turn, between clients and an Engine that the test
 * plays itself.
 *
 * server.c and its rooms are included, so that its loop is the one that runs, and policies are
 * loaded once, which costs more than the rest of a play; everything else is linked.  Clients are
 * socket pairs, the Engine is a listening socket in a folder that goes with the program.  No call
 * blocks: what is to happen happens in scene_turn().
 */
#ifndef CAISSON_TESTS_SCENE_H
#define CAISSON_TESTS_SCENE_H

#include "listeners.h"

static int scene_listeners_load(const char *path, const char *listen,
                                struct listeners **ret_listeners, struct err *err);

#define server_run               scene_server_run
#define listeners_load           scene_listeners_load
#define server_policy_load       scene_server_policy_load
#define server_peers_load        scene_server_peers_load
#define server_raise_descriptors scene_server_raise_descriptors
#define server_lacks_descriptors scene_server_lacks_descriptors
#define server_reload            scene_server_reload
#define server_say_versions      scene_server_say_versions
#include "../../proxy/server.c"
#include "../../proxy/server_policy.c"
#include "../../proxy/server_reload.c"
#undef server_run
#undef listeners_load
#undef server_policy_load
#undef server_peers_load
#undef server_raise_descriptors
#undef server_lacks_descriptors
#undef server_reload
#undef server_say_versions

#include "conn_internal.h"
#include "message.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/un.h>

/* The container that the Engine's list has, the one that a create makes, and one of others. */
#define SCENE_64(x) x x x x x x x x x x x x x x x x
#define SCENE_MINE  SCENE_64("aaaa")
#define SCENE_NEW   SCENE_64("bbbb")

#define SCENE_PING_REPLY \
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nOstype: linux\r\nContent-Length: 2\r\n\r\nOK"
#define SCENE_LIST_REPLY                                                                         \
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n91\r\n[{\"Id\":\"" SCENE_MINE          \
    "\",\"Names\":[\"/mine\"],\"Created\":1,\"Labels\":{\"io.caisson.owner\":\"caisson\"}}]\r\n" \
    "0\r\n\r\n"

enum { SCENE_LINKS = 64, SCENE_TURNS = 2, SCENE_POLICIES = 4 };

/* One connection of the proxy to the Engine that the test plays. */
struct scene_link {
    int fd;         /* -1 once closed */
    struct buf got; /* what the proxy has sent and nobody has looked at */
    unsigned heard; /* when it was last sent something, counted over all links */
};

struct scene {
    struct server_options options;
    struct server server;
    char listen[128], upstream[128]; /* addresses, "unix:PATH" */
    int engine;                      /* the Engine's listening socket; -1 while it is down */
    struct scene_link links[SCENE_LINKS];
    unsigned link_count, heard;
};

static inline void scene_demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "scene: %s\n", what);
    abort();
}

/* Loads a policy once for all scenes; files are told apart by their paths alone. */
static int scene_listeners_load(const char *path, const char *listen,
                                struct listeners **ret_listeners, struct err *err)
{
    static struct {
        char path[64];
        struct listeners *listeners;
    } known[SCENE_POLICIES];

    for (int i = 0; i < SCENE_POLICIES; i++) {
        if (known[i].listeners == NULL) {
            snprintf(known[i].path, sizeof known[i].path, "%s", path);
            if (listeners_load(path, listen, &known[i].listeners, err) < 0)
                return -1;
        }
        if (strcmp(known[i].path, path) == 0) {
            /* Each scene has a socket of its own. */
            char **address = (char **) &listeners_at(known[i].listeners, 0)->config.listen;
            if (strcmp(*address, listen) != 0) { /* nor does it change within one */
                free(*address);
                *address = strdup(listen);
            }
            *ret_listeners = listeners_ref(known[i].listeners);
            return 0;
        }
    }
    return err_set(err, "a scene with more than %d policies", SCENE_POLICIES);
}

/* A file that nobody has to remove; its path is good as long as the program runs. */
static inline void scene_write_file(const char *text, char path[64])
{
    int fd = memfd_create("scene", MFD_CLOEXEC);

    scene_demand(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text), "memfd");
    snprintf(path, 64, "/proc/self/fd/%d", fd);
}

static inline void scene_engine_up(struct scene *scene)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", scene->upstream + 5);
    unlink(address.sun_path);
    scene->engine = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    scene_demand(bind(scene->engine, (struct sockaddr *) &address, sizeof address) == 0 &&
                     listen(scene->engine, SCENE_LINKS) == 0,
                 "the engine's socket");
}

static inline void scene_link_close(struct scene_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    buf_done(&link->got);
}

/* As a dockerd that is killed. */
static inline void scene_engine_down(struct scene *scene)
{
    if (scene->engine >= 0)
        close(scene->engine);
    scene->engine = -1;
    unlink(scene->upstream + 5);
    for (unsigned i = 0; i < scene->link_count; i++)
        scene_link_close(&scene->links[i]);
}

/*
 * The folder of all sockets.  A child waits for the program's end, which may be a crash or a kill,
 * and then removes it: it holds the other end of a pipe that nobody writes to.
 */
static inline const char *scene_folder(void)
{
    static char path[] = "/tmp/caisson-scene-XXXXXX";
    static bool made;
    int ends[2];
    char none;

    if (made)
        return path;
    scene_demand(mkdtemp(path) != NULL && pipe2(ends, O_CLOEXEC) == 0, "a folder");
    made = true;
    pid_t child = fork();
    scene_demand(child >= 0, "fork");
    if (child == 0) {
        setsid(); /* a ctrl-C is not for us */
        close(ends[1]);
        while (read(ends[0], &none, 1) > 0) {
        }
        execlp("rm", "rm", "-rf", path, NULL);
        _exit(1);
    }
    close(ends[0]);
    return path;
}

/* Opens a scene with the policy of a file; the Engine is up. */
static inline void scene_open(struct scene *scene, const char *policy)
{
    static unsigned long number; /* what a failed test left open is not in the way */
    struct err err;

    memset(scene, 0, sizeof *scene);
    number++;
    snprintf(scene->listen, sizeof scene->listen, "unix:%s/p%lu", scene_folder(), number);
    snprintf(scene->upstream, sizeof scene->upstream, "unix:%s/e%lu", scene_folder(), number);
    scene->options = (struct server_options){
        .policy = policy, .listen = scene->listen, .upstream = scene->upstream, .audit = "none"};
    scene->server = (struct server){.options = &scene->options};
    scene_engine_up(scene);
    if (server_start(&scene->server, &err) < 0)
        scene_demand(false, err.text);
    signal(SIGPIPE, SIG_IGN);
    server_watch(&scene->server);
    server_ask_engine(&scene->server);
}

/* What the clients share. */
static inline struct conn_tenant *scene_tenant(const struct scene *scene)
{
    return &LIST_FIRST(&scene->server.doors)->tenant;
}

static inline void scene_close(struct scene *scene)
{
    conn_drain(scene_tenant(scene), true);
    conn_reap(&scene->server.shared);
    scene_demand(scene_tenant(scene)->count == 0 && scene_tenant(scene)->detached == 0,
                 "connections are left");
    const struct quota *quota = scene_tenant(scene)->quota;
    scene_demand(quota->requests == 0 && quota->streams == 0 && quota->body_bytes == 0 &&
                     quota->user_count == 0,
                 "something is counted that is over");
    server_unwatch(&scene->server);
    server_stop(&scene->server);
    scene_engine_down(scene);
    scene_demand(access(scene->listen + 5, F_OK) != 0, "the proxy's socket is left");
}

/* A client; returns its end. sndbuf_bytes: what the proxy's end takes, 0 for the usual. */
static inline int scene_client(struct scene *scene, int sndbuf_bytes)
{
    int ends[2];

    scene_demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0,
                 "socketpair");
    if (sndbuf_bytes > 0)
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &sndbuf_bytes, sizeof sndbuf_bytes);
    server_door_accept(LIST_FIRST(&scene->server.doors), ends[1]);
    return ends[0];
}

/* Takes what the proxy sends to the Engine. */
static inline void scene_engine_read(struct scene *scene)
{
    char data[4096];
    ssize_t got;

    while (scene->engine >= 0 && scene->link_count < SCENE_LINKS) {
        int fd = accept4(scene->engine, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            break;
        scene->links[scene->link_count++] = (struct scene_link){.fd = fd};
    }
    for (unsigned i = 0; i < scene->link_count; i++) {
        struct scene_link *link = &scene->links[i];
        while (link->fd >= 0 && (got = recv(link->fd, data, sizeof data, 0)) > 0) {
            scene_demand(buf_add(&link->got, data, (size_t) got) == 0, "memory");
            link->heard = ++scene->heard;
        }
    }
}

/* Some turns of the real loop, with what they send to the Engine. */
static inline void scene_turn(struct scene *scene)
{
    for (int i = 0; i < SCENE_TURNS; i++) {
        server_turn(&scene->server, EVLOOP_NONBLOCK);
        scene_engine_read(scene);
    }
}

/* All deadlines pass. */
static inline void scene_pass_time(struct scene *scene)
{
    struct conn *conn;

    LIST_FOREACH(conn, &scene_tenant(scene)->open, entry)
    {
        if (conn->deadline_ms != 0)
            conn->deadline_ms = 1;
    }
    server_on_tick(-1, 0, &scene->server);
}

/* One request that the proxy sent: its head as message.c reads it, and its body. */
struct scene_request {
    struct message_request head;
    struct span body; /* of chunks: with their framing */
    size_t bytes;
};

/* Walks a body; false when it is not whole. */
static inline bool scene_body(struct scene_request *request, const char *data, size_t bytes)
{
    struct message_body body;
    struct span payload;
    size_t total = 0;

    message_body_init(&body, request->head.framing, request->head.content_bytes);
    while (!body.done && total < bytes) {
        ssize_t used = message_body_read(&body, data + total, bytes - total, &payload);
        scene_demand(used > 0, "what the engine is sent is no body");
        total += (size_t) used;
    }
    request->body = (struct span){data, total};
    return body.done;
}

/* The first request that waits on a link; false when none is whole.  Aborts when it is no HTTP. */
static inline bool scene_request(const struct scene_link *link, struct scene_request *ret)
{
    static const struct message_limits LIMITS = {
        .head_bytes = 8192, .target_bytes = 4096, .headers = 16};
    const char *data = buf_data(&link->got);
    size_t bytes = buf_bytes(&link->got);
    int reason;
    ssize_t head;

    if (link->fd < 0 || bytes == 0)
        return false;
    head = message_parse_request(data, bytes, &LIMITS, &ret->head, &reason);
    scene_demand(head >= 0, "what the engine is sent is no request");
    if (head == 0 || !scene_body(ret, data + head, bytes - (size_t) head))
        return false;
    ret->bytes = (size_t) head + ret->body.bytes;
    return true;
}

/* Whether the proxy asks for itself. */
static inline bool scene_is_own(const struct scene_request *request)
{
    static const char ping[] = "/_ping", list[] = "/v1.41/containers/json?all=1&filters=";
    struct span target = request->head.target;

    return request->head.method == METHOD_GET &&
           ((target.bytes == sizeof ping - 1 && memcmp(target.data, ping, target.bytes) == 0) ||
            (target.bytes > sizeof list && memcmp(target.data, list, sizeof list - 1) == 0));
}

/* What the Engine says to the first request on a link; the request is taken off. */
static inline void scene_reply(struct scene_link *link, const char *text)
{
    struct scene_request request;

    if (scene_request(link, &request))
        buf_consume(&link->got, request.bytes);
    if (send(link->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        return;
}

/* Answers the proxy's own questions until there are none. */
static inline void scene_answer_own(struct scene *scene)
{
    struct scene_request request;
    bool found = true;

    scene_turn(scene);
    while (found) {
        found = false;
        for (unsigned i = 0; i < scene->link_count; i++) {
            if (!scene_request(&scene->links[i], &request) || !scene_is_own(&request))
                continue;
            scene_reply(&scene->links[i],
                        request.head.target.bytes > 6 ? SCENE_LIST_REPLY : SCENE_PING_REPLY);
            found = true;
        }
        scene_turn(scene);
    }
}

#endif
