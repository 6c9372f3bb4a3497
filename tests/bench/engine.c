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
 * An upload to path=/N is answered with 200 when it was N MiB, else with 400.
 */
#include "chunks.h"
#include "reply.h"
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

enum { ENGINE_IDS = 1024, ENGINE_EVENTS = 256, ENGINE_IN_BYTES = 64 * 1024, ENGINE_BLOCKS = 4 };

#define ENGINE_HEAD(status)                           \
    "HTTP/1.1 " status "\r\nApi-Version: 1.41\r\n"    \
    "Docker-Experimental: false\r\nOstype: linux\r\n" \
    "Server: Docker/20.10.24 (linux)\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
#define ENGINE_JSON(status, bytes, body) \
    ENGINE_HEAD(status) "Content-Type: application/json\r\nContent-Length: " bytes "\r\n\r\n" body

struct client {
    int fd;
    uint32_t events;
    char *in; /* a request that is not whole; ENGINE_IN_BYTES, or NULL */
    size_t in_bytes;
    const struct chunks *log; /* being sent, or NULL */
    uint64_t log_left;        /* bytes with their framing, without the last chunk */
    size_t log_at;            /* in the block */
    struct reply *upload;     /* coming in, or NULL */
    uint64_t upload_bytes;    /* that there ought to be */
    bool closed;
    struct client *next_dead;
};

struct engine {
    int epoll, listener;
    unsigned created;
    char *scratch;
    struct chunks blocks[ENGINE_BLOCKS];
    struct client *dead; /* freed after the turn */
};

struct request {
    const char *method, *path;
    size_t path_bytes, total_bytes; /* of a chunked one, only its head */
    bool chunked;
};

static void engine_close(struct engine *engine, struct client *client)
{
    if (client->closed)
        return;
    client->closed = true;
    close(client->fd);
    free(client->in);
    free(client->upload);
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

static const struct chunks *engine_block(struct engine *engine, size_t chunk_bytes)
{
    struct chunks *block = engine->blocks;

    while (block->chunk_bytes != chunk_bytes && block->chunk_bytes != 0)
        if (++block == engine->blocks + ENGINE_BLOCKS)
            sock_fail("too many sizes of chunks");
    if (block->chunk_bytes == 0)
        chunks_init(block, chunk_bytes);
    return block;
}

static void engine_send_log(struct engine *engine, struct client *client)
{
    const struct chunks *log = client->log;
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
    client->log = engine_block(engine, (size_t) chunk);
    client->log_left = (mib << 20) / chunk * client->log->frame_bytes;
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

/* Uploads: read as they come, since they are larger than any buffer. */

static void engine_begin_upload(struct client *client, const struct request *request)
{
    client->upload = calloc(1, sizeof *client->upload);
    if (client->upload == NULL)
        sock_fail("no memory");
    client->upload->state = REPLY_SIZE;
    client->upload_bytes = engine_number(request, "path=/", 0) << 20;
}

/* Returns the bytes used. */
static size_t engine_read_upload(struct engine *engine, struct client *client, const char *data,
                                 size_t bytes)
{
    size_t used;
    int ended = reply_read(client->upload, data, bytes, &used);

    if (ended < 0)
        sock_fail("an upload is no chunked body");
    if (ended == 0)
        return used;
    if (client->upload->payload_bytes == client->upload_bytes)
        ENGINE_SEND(engine, client, ENGINE_HEAD("200 OK") "Content-Length: 0\r\n\r\n");
    else
        ENGINE_SEND(engine, client,
                    ENGINE_JSON("400 Bad Request", "29", "{\"message\":\"not what it says\"}"));
    if (!client->closed)
        free(client->upload);
    client->upload = NULL;
    return used;
}

/* The value of a header, or NULL. */
static const char *engine_header(const char *head, const char *end, const char *name)
{
    const char *line = head;
    size_t bytes = strlen(name);

    while ((line = memmem(line, (size_t) (end - line), "\r\n", 2)) != NULL) {
        line += 2;
        if (strncasecmp(line, name, bytes) == 0)
            return line + bytes;
    }
    return NULL;
}

/* The first request in data; false when it is not whole. */
static bool engine_parse(const char *data, size_t bytes, struct request *ret_request)
{
    const char *end = memmem(data, bytes, "\r\n\r\n", 4), *blank, *length;

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
    length = engine_header(data, end, "content-length:");
    ret_request->chunked = engine_header(data, end, "transfer-encoding:") != NULL;
    ret_request->total_bytes =
        (size_t) (end - data) + 4 + (length == NULL ? 0 : strtoul(length, NULL, 10));
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
    size_t used;

    while (!client->closed && client->log == NULL && bytes > 0) {
        if (client->upload != NULL) {
            used = engine_read_upload(engine, client, data, bytes);
        } else if (!engine_parse(data, bytes, &request)) {
            break;
        } else {
            used = request.total_bytes;
            if (request.chunked)
                engine_begin_upload(client, &request);
            else
                engine_answer(engine, client, &request);
        }
        data += used;
        bytes -= used;
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
