/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: answers like a Docker Engine, and does nothing, so that it is not what is measured.
 *
 *   engine LISTEN
 *
 * Containers are neither kept nor looked for: every id is good.  A create answers one of a ring of
 * ENGINE_IDS ids, so that whoever keeps a table of them keeps a table of a likely size.
 * Logs are told by two parameters that a policy lets through: tail=N is N MiB of payload, until=N
 * the bytes of a chunk; with follow=1 one short line comes, and then nothing for ever.
 */
#include "sock.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ENGINE_IDS = 1024,
    ENGINE_EVENTS = 256,
    ENGINE_IN_BYTES = 64 * 1024,
    ENGINE_BLOCK_BYTES = 128 * 1024, /* what one send(2) of a log is offered */
    ENGINE_BLOCKS = 4,
    ENGINE_CHUNK_MAX = 1024 * 1024
};

#define ENGINE_HEAD(status)                           \
    "HTTP/1.1 " status "\r\nApi-Version: 1.41\r\n"    \
    "Docker-Experimental: false\r\nOstype: linux\r\n" \
    "Server: Docker/20.10.24 (linux)\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
#define ENGINE_JSON(status, bytes, body) \
    ENGINE_HEAD(status) "Content-Type: application/json\r\nContent-Length: " bytes "\r\n\r\n" body

/* Whole chunks, over and over: what a log's body is sent from. */
struct block {
    size_t chunk_bytes, bytes;
    char *data;
};

struct client {
    int fd;
    uint32_t events;
    char *in; /* a request that is not whole; ENGINE_IN_BYTES, or NULL */
    size_t in_bytes;
    const struct block *log; /* being sent, or NULL */
    uint64_t log_left;       /* bytes with their framing, without the last chunk */
    size_t log_at;           /* in the block */
    bool closed;
    struct client *next_dead;
};

struct engine {
    int epoll, listener;
    unsigned created;
    char *scratch;
    struct block blocks[ENGINE_BLOCKS];
    struct client *dead; /* freed after the turn */
};

struct request {
    const char *method, *path;
    size_t path_bytes, total_bytes;
};

static void engine_close(struct engine *engine, struct client *client)
{
    if (client->closed)
        return;
    client->closed = true;
    close(client->fd);
    free(client->in);
    client->next_dead = engine->dead;
    engine->dead = client;
}

static void engine_want(struct engine *engine, struct client *client, uint32_t events)
{
    if (client->events == events)
        return;
    client->events = events;
    sock_rewatch(engine->epoll, client->fd, events, client);
}

/* Short answers always fit: a client has one request under way. */
static void engine_send(struct engine *engine, struct client *client, const char *data,
                        size_t bytes)
{
    if (send(client->fd, data, bytes, MSG_NOSIGNAL) != (ssize_t) bytes)
        engine_close(engine, client);
}

#define ENGINE_SEND(engine, client, literal) \
    engine_send(engine, client, literal, sizeof literal - 1)

/* Logs. */

static const struct block *engine_block(struct engine *engine, size_t chunk_bytes)
{
    struct block *block = engine->blocks;
    size_t chunks, i;
    char size[24];
    char *to;
    int digits = snprintf(size, sizeof size, "%zx\r\n", chunk_bytes);

    while (block->chunk_bytes != chunk_bytes && block->chunk_bytes != 0)
        if (++block == engine->blocks + ENGINE_BLOCKS)
            sock_fail("too many sizes of chunks");
    if (block->chunk_bytes == chunk_bytes)
        return block;
    chunks = ENGINE_BLOCK_BYTES / (chunk_bytes + 8) + 1;
    block->chunk_bytes = chunk_bytes;
    block->bytes = chunks * (chunk_bytes + (size_t) digits + 2);
    block->data = to = malloc(block->bytes);
    if (to == NULL)
        sock_fail("no memory");
    for (i = 0; i < chunks; i++) {
        memcpy(to, size, (size_t) digits);
        memset(to + digits, 'x', chunk_bytes);
        memcpy(to + (size_t) digits + chunk_bytes, "\r\n", 2);
        to += (size_t) digits + chunk_bytes + 2;
    }
    return block;
}

static size_t engine_chunk_frame(size_t chunk_bytes)
{
    return chunk_bytes + (size_t) snprintf(NULL, 0, "%zx", chunk_bytes) + 4;
}

static void engine_send_log(struct engine *engine, struct client *client)
{
    const struct block *log = client->log;
    size_t offer = log->bytes - client->log_at;
    ssize_t sent;

    if (offer > client->log_left)
        offer = (size_t) client->log_left;
    sent = offer == 0 ? 0 : send(client->fd, log->data + client->log_at, offer, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        engine_close(engine, client);
        return;
    }
    if (sent > 0) {
        client->log_at = (client->log_at + (size_t) sent) % log->bytes;
        client->log_left -= (uint64_t) sent;
    }
    /* The last chunk waits for its own turn, when it surely fits. */
    if (offer > 0) {
        engine_want(engine, client, EPOLLOUT);
        return;
    }
    client->log = NULL;
    engine_want(engine, client, EPOLLIN);
    ENGINE_SEND(engine, client, "0\r\n\r\n");
}

static uint64_t engine_number(const struct request *request, const char *name, uint64_t missing)
{
    const char *at = memmem(request->path, request->path_bytes, name, strlen(name));

    return at == NULL ? missing : strtoull(at + strlen(name), NULL, 10);
}

static void engine_logs(struct engine *engine, struct client *client, const struct request *request)
{
    uint64_t chunk = engine_number(request, "until=", 32 * 1024);
    uint64_t mib = engine_number(request, "tail=", 1);

    ENGINE_SEND(engine, client,
                ENGINE_HEAD("200 OK") "Content-Type: application/vnd.docker.raw-stream\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n");
    if (client->closed)
        return;
    if (engine_number(request, "follow=", 0) != 0) {
        ENGINE_SEND(engine, client, "d\r\n\1\0\0\0\0\0\0\5hello\r\n");
        return;
    }
    if (chunk == 0 || chunk > ENGINE_CHUNK_MAX)
        sock_fail("chunks of %llu bytes", (unsigned long long) chunk);
    client->log = engine_block(engine, (size_t) chunk);
    client->log_left = (mib << 20) / chunk * engine_chunk_frame((size_t) chunk);
    client->log_at = 0;
    engine_send_log(engine, client);
}

/* Requests. */

static void engine_create(struct engine *engine, struct client *client)
{
    char answer[1024];
    unsigned number = engine->created++ % ENGINE_IDS;
    int bytes =
        snprintf(answer, sizeof answer,
                 ENGINE_JSON("201 Created", "88", "{\"Id\":\"%08x%056x\",\"Warnings\":[]}\n"),
                 number * 2654435761u, number);

    engine_send(engine, client, answer, (size_t) bytes);
}

static bool engine_ends(const struct request *request, const char *end)
{
    const char *query = memchr(request->path, '?', request->path_bytes);
    size_t bytes = query == NULL ? request->path_bytes : (size_t) (query - request->path);
    size_t end_bytes = strlen(end);

    return bytes >= end_bytes && memcmp(request->path + bytes - end_bytes, end, end_bytes) == 0;
}

static void engine_answer(struct engine *engine, struct client *client,
                          const struct request *request)
{
    if (engine_ends(request, "/start") || request->method[0] == 'D')
        ENGINE_SEND(engine, client, ENGINE_HEAD("204 No Content") "\r\n");
    else if (engine_ends(request, "/containers/create"))
        engine_create(engine, client);
    else if (engine_ends(request, "/logs"))
        engine_logs(engine, client, request);
    else if (engine_ends(request, "/wait"))
        ENGINE_SEND(engine, client,
                    ENGINE_HEAD("200 OK") "Content-Type: application/json\r\n"
                                          "Transfer-Encoding: chunked\r\n\r\n"
                                          "13\r\n{\"StatusCode\":0}\n  \r\n0\r\n\r\n");
    else if (engine_ends(request, "/_ping") && request->method[0] == 'H')
        ENGINE_SEND(engine, client, ENGINE_HEAD("200 OK") "Content-Length: 2\r\n\r\n");
    else if (engine_ends(request, "/_ping"))
        ENGINE_SEND(engine, client, ENGINE_HEAD("200 OK") "Content-Length: 2\r\n\r\nOK");
    else if (engine_ends(request, "/containers/json"))
        ENGINE_SEND(engine, client, ENGINE_JSON("200 OK", "3", "[]\n"));
    else
        ENGINE_SEND(engine, client,
                    ENGINE_JSON("404 Not Found", "29", "{\"message\":\"page not found\"}\n"));
}

static size_t engine_content_bytes(const char *head, const char *end)
{
    static const char name[] = "\r\ncontent-length:";
    const char *line = head;

    while ((line = memmem(line, (size_t) (end - line), "\r\n", 2)) != NULL) {
        if (strncasecmp(line, name, sizeof name - 1) == 0)
            return strtoul(line + sizeof name - 1, NULL, 10);
        line += 2;
    }
    return 0;
}

/* The first request in data; false when it is not whole. */
static bool engine_parse(const char *data, size_t bytes, struct request *ret_request)
{
    const char *end = memmem(data, bytes, "\r\n\r\n", 4), *blank;

    if (end == NULL)
        return false;
    ret_request->method = data;
    blank = memchr(data, ' ', (size_t) (end - data));
    if (blank == NULL)
        sock_fail("no request: %.40s", data);
    ret_request->path = blank + 1;
    blank = memchr(ret_request->path, ' ', (size_t) (end - ret_request->path));
    if (blank == NULL)
        sock_fail("no target: %.40s", data);
    ret_request->path_bytes = (size_t) (blank - ret_request->path);
    ret_request->total_bytes = (size_t) (end - data) + 4 + engine_content_bytes(data, end);
    return ret_request->total_bytes <= bytes;
}

static void engine_keep(struct client *client, const char *data, size_t bytes)
{
    if (bytes > ENGINE_IN_BYTES)
        sock_fail("a request is too large");
    if (client->in == NULL && bytes > 0) {
        client->in = malloc(ENGINE_IN_BYTES);
        if (client->in == NULL)
            sock_fail("no memory");
    }
    if (bytes > 0)
        memmove(client->in, data, bytes);
    client->in_bytes = bytes;
}

static void engine_serve(struct engine *engine, struct client *client, const char *data,
                         size_t bytes)
{
    struct request request;

    while (!client->closed && client->log == NULL && engine_parse(data, bytes, &request)) {
        engine_answer(engine, client, &request);
        data += request.total_bytes;
        bytes -= request.total_bytes;
    }
    if (!client->closed)
        engine_keep(client, data, bytes);
}

static void engine_read(struct engine *engine, struct client *client)
{
    size_t held = client->in_bytes;
    char *to = held > 0 ? client->in + held : engine->scratch;
    ssize_t got = recv(client->fd, to, ENGINE_IN_BYTES - held, 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        engine_close(engine, client);
    else
        engine_serve(engine, client, to - held, held + (size_t) got);
}

static void engine_accept(struct engine *engine)
{
    struct client *client;
    int fd;

    while ((fd = sock_accept(engine->listener)) >= 0) {
        client = calloc(1, sizeof *client);
        if (client == NULL)
            sock_fail("no memory");
        client->fd = fd;
        client->events = EPOLLIN;
        sock_watch(engine->epoll, fd, EPOLLIN, client);
    }
}

static void engine_event(struct engine *engine, struct client *client, uint32_t events)
{
    if (client->closed)
        return;
    if (client->log == NULL)
        engine_read(engine, client);
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        engine_close(engine, client);
    else
        engine_send_log(engine, client);
}

static void engine_bury(struct engine *engine)
{
    struct client *client;

    while ((client = engine->dead) != NULL) {
        engine->dead = client->next_dead;
        free(client);
    }
}

int main(int argc, char **argv)
{
    struct engine engine = {0};
    struct epoll_event events[ENGINE_EVENTS];
    int i, count;

    if (argc != 2)
        sock_fail("usage: engine LISTEN");
    signal(SIGPIPE, SIG_IGN);
    sock_raise_limit();
    engine.scratch = malloc(ENGINE_IN_BYTES);
    engine.epoll = epoll_create1(EPOLL_CLOEXEC);
    engine.listener = sock_listen(argv[1]);
    if (engine.scratch == NULL || engine.epoll < 0)
        sock_fail("cannot begin");
    sock_watch(engine.epoll, engine.listener, EPOLLIN, NULL);
    for (;;) {
        count = epoll_wait(engine.epoll, events, ENGINE_EVENTS, -1);
        for (i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                engine_accept(&engine);
            else
                engine_event(&engine, events[i].data.ptr, events[i].events);
        }
        engine_bury(&engine);
    }
}
