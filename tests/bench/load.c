/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: asks the same thing over and over on a Unix socket, and says how it went in one JSON line.
 *
 *   load KIND SOCKET [-c CONNECTIONS] [-n REQUESTS] [-t SECONDS] [-1] [-x] [-b FILE] [-m MIB]
 *        [-k BYTES]
 *   load first SOCKET COMMAND...
 *
 * KIND: start (a container that it made before), create (with the body in FILE), refused (a list of
 * images), log (MIB of it in chunks of BYTES; see engine.c), upload (a tar of MIB in chunks of
 * BYTES; one connection), follow (opens CONNECTIONS logs, says so, and holds them until its
 * standard input ends), first (starts COMMAND, and measures how long its socket takes to answer).
 * It ends after REQUESTS, or SECONDS, and in any case when nothing was answered for LOAD_PATIENCE.
 */
#include "chunks.h"
#include "reply.h"
#include "sock.h"
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOAD_READ_BYTES = 256 * 1024,
    LOAD_EVENTS = 256,
    LOAD_REQUEST_BYTES = 64 * 1024,
    LOAD_PATIENCE_MS = 15 * 1000,
    LOAD_PLACES = 64,        /* of the histogram, within each power of two */
    LOAD_FIRST_PAUSE_US = 20 /* between two tries to connect */
};

#define LOAD_VERSION "20.10.24"

struct kind {
    const char *name;
    bool needs_container;
    int status; /* that every answer must have */
};

static const struct kind load_kinds[] = {
    {"start", true, 204}, {"create", false, 201}, {"refused", false, 403},
    {"log", true, 200},   {"follow", true, 200},  {"upload", true, 200},
};

struct slot {
    int fd;
    int64_t start_ns;
    struct reply reply;
};

struct load {
    const struct kind *kind;
    const char *path;
    unsigned connections, mib, chunk_bytes;
    uint64_t count;
    double seconds;
    bool once;    /* a connection for each request */
    bool unknown; /* no two heads are alike: each is of another version of the client */
    char container[65];
    char *body;
    size_t body_bytes;
    char *request;
    size_t request_bytes;

    int epoll;
    char *scratch;
    struct slot *slots;
    unsigned busy;
    uint64_t asked, answered, connects, payload_bytes;
    int64_t begin_ns, stop_ns, end_ns;
    uint32_t histogram[64 * LOAD_PLACES];
};

/* The histogram: a place is 1/64 of a power of two wide. */

static unsigned load_place(uint64_t ns)
{
    unsigned power = 63 - (unsigned) __builtin_clzll(ns | LOAD_PLACES);

    return (power - 5) * LOAD_PLACES + (unsigned) (ns >> (power - 6)) - LOAD_PLACES;
}

static double load_place_us(unsigned place)
{
    unsigned power = place / LOAD_PLACES + 5;
    double ns = (double) (LOAD_PLACES + place % LOAD_PLACES) + 0.5;

    while (power-- > 6)
        ns *= 2;
    return ns / 1000;
}

static double load_percentile_us(const struct load *load, double part)
{
    uint64_t wanted = (uint64_t) (part * (double) load->answered), seen = 0;
    unsigned place;

    for (place = 0; place < 64 * LOAD_PLACES; place++) {
        seen += load->histogram[place];
        if (seen > wanted)
            return load_place_us(place);
    }
    return 0;
}

/* Requests. */

static void load_print_request(struct load *load, const char *method, const char *path)
{
    int bytes = snprintf(load->request, LOAD_REQUEST_BYTES,
                         "%s /v1.41%s HTTP/1.1\r\nHost: docker\r\n"
                         "User-Agent: Docker-Client/" LOAD_VERSION " (linux)\r\n",
                         method, path);

    if (load->body_bytes > 0)
        bytes += snprintf(load->request + bytes, LOAD_REQUEST_BYTES - (size_t) bytes,
                          "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%.*s",
                          load->body_bytes, (int) load->body_bytes, load->body);
    else
        bytes += snprintf(load->request + bytes, LOAD_REQUEST_BYTES - (size_t) bytes, "%s\r\n",
                          method[0] == 'P' ? "Content-Length: 0\r\n" : "");
    if (bytes >= LOAD_REQUEST_BYTES)
        sock_fail("the request is too large");
    load->request_bytes = (size_t) bytes;
}

static void load_compose(struct load *load)
{
    const char *name = load->kind->name;
    char path[256];

    if (strcmp(name, "create") == 0) {
        load_print_request(load, "POST", "/containers/create");
        return;
    }
    load->body_bytes = 0;
    if (strcmp(name, "refused") == 0) {
        load_print_request(load, "GET", "/images/json");
    } else if (strcmp(name, "start") == 0) {
        snprintf(path, sizeof path, "/containers/%s/start", load->container);
        load_print_request(load, "POST", path);
    } else if (strcmp(name, "follow") == 0) {
        snprintf(path, sizeof path, "/containers/%s/logs?follow=1&stdout=1", load->container);
        load_print_request(load, "GET", path);
    } else if (strcmp(name, "upload") == 0) {
        load->request_bytes = (size_t) snprintf(
            load->request, LOAD_REQUEST_BYTES,
            "PUT /v1.41/containers/%s/archive?path=/%u HTTP/1.1\r\nHost: docker\r\n"
            "User-Agent: Docker-Client/" LOAD_VERSION " (linux)\r\n"
            "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n",
            load->container, load->mib);
    } else {
        snprintf(path, sizeof path, "/containers/%s/logs?stdout=1&until=%u&tail=%u",
                 load->container, load->chunk_bytes, load->mib);
        load_print_request(load, "GET", path);
    }
}

static void load_change_version(struct load *load)
{
    char digits[sizeof LOAD_VERSION];
    char *version = memmem(load->request, load->request_bytes, "Client/", 7);

    if (version == NULL)
        sock_fail("a request names no version of its client");
    snprintf(digits, sizeof digits, "%08llu", (unsigned long long) load->asked % 100000000);
    memcpy(version + 7, digits, sizeof digits - 1);
}

static void load_send(struct load *load, struct slot *slot)
{
    ssize_t sent;

    if (load->unknown)
        load_change_version(load);
    sent = send(slot->fd, load->request, load->request_bytes, MSG_NOSIGNAL);

    if (sent != (ssize_t) load->request_bytes)
        sock_fail("a request was not taken whole");
    reply_begin(&slot->reply);
}

/* Waits for an answer: its status, 0 for none. */
static int load_await(struct load *load, struct slot *slot)
{
    struct pollfd readable = {.fd = slot->fd, .events = POLLIN};
    ssize_t got;
    size_t used;

    for (;;) {
        if (poll(&readable, 1, LOAD_PATIENCE_MS) <= 0)
            return 0;
        got = recv(slot->fd, load->scratch, LOAD_READ_BYTES, 0);
        if (got <= 0)
            return 0;
        if (reply_read(&slot->reply, load->scratch, (size_t) got, &used) != 0)
            return slot->reply.status;
    }
}

static int load_ask(struct load *load, struct slot *slot)
{
    load_send(load, slot);
    return load_await(load, slot);
}

/* Owns a container, as nobody may touch another's. */
static void load_make_container(struct load *load)
{
    static const char id[] = "{\"Id\":\"";
    struct slot slot = {.fd = sock_connect(load->path)};

    load_print_request(load, "POST", "/containers/create");
    if (load_ask(load, &slot) != 201 || slot.reply.body_bytes < sizeof id - 1 + 64 ||
        memcmp(slot.reply.body, id, sizeof id - 1) != 0)
        sock_fail("a create was answered with %d: %.*s", slot.reply.status,
                  (int) slot.reply.body_bytes, slot.reply.body);
    memcpy(load->container, slot.reply.body + sizeof id - 1, 64);
    close(slot.fd);
}

/* The loop. */

static void load_connect(struct load *load, struct slot *slot)
{
    if (slot->fd >= 0)
        close(slot->fd);
    slot->fd = sock_connect(load->path);
    sock_watch(load->epoll, slot->fd, EPOLLIN, slot);
    load->connects++;
}

/* Asks again, or lets the slot rest. */
static void load_next(struct load *load, struct slot *slot, bool reconnect, int64_t now_ns)
{
    if (load->asked >= load->count || now_ns >= load->stop_ns) {
        close(slot->fd);
        slot->fd = -1;
        load->busy--;
        return;
    }
    load->asked++;
    slot->start_ns = now_ns;
    if (reconnect)
        load_connect(load, slot);
    load_send(load, slot);
}

static void load_answered(struct load *load, struct slot *slot)
{
    int64_t now_ns = sock_now_ns();

    if (slot->reply.status != load->kind->status)
        sock_fail("%s was answered with %d: %.*s", load->kind->name, slot->reply.status,
                  (int) slot->reply.body_bytes, slot->reply.body);
    load->answered++;
    load->payload_bytes += slot->reply.payload_bytes;
    load->histogram[load_place((uint64_t) (now_ns - slot->start_ns))]++;
    load->end_ns = now_ns;
    load_next(load, slot, load->once || slot->reply.close, now_ns);
}

static void load_readable(struct load *load, struct slot *slot)
{
    ssize_t got = recv(slot->fd, load->scratch, LOAD_READ_BYTES, 0);
    size_t used;
    int ended;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        sock_fail("a connection ended within an answer, after %llu answers",
                  (unsigned long long) load->answered);
    ended = reply_read(&slot->reply, load->scratch, (size_t) got, &used);
    if (ended < 0 || (ended > 0 && used < (size_t) got))
        sock_fail("an answer is no HTTP: %.200s", slot->reply.head);
    if (ended > 0)
        load_answered(load, slot);
}

static void load_turn(struct load *load)
{
    struct epoll_event events[LOAD_EVENTS];
    int i, count = epoll_wait(load->epoll, events, LOAD_EVENTS, LOAD_PATIENCE_MS);

    if (count == 0)
        sock_fail("no answer for %d s, after %llu", LOAD_PATIENCE_MS / 1000,
                  (unsigned long long) load->answered);
    for (i = 0; i < count; i++)
        load_readable(load, events[i].data.ptr);
}

static void load_begin(struct load *load)
{
    unsigned i;

    load->slots = calloc(load->connections, sizeof *load->slots);
    if (load->slots == NULL)
        sock_fail("no memory");
    for (i = 0; i < load->connections; i++) {
        load->slots[i].fd = -1;
        load_connect(load, &load->slots[i]);
    }
    load->busy = load->connections;
    load->begin_ns = load->end_ns = sock_now_ns();
    load->stop_ns = load->begin_ns + (int64_t) (load->seconds * 1e9);
    for (i = 0; i < load->connections; i++)
        load_next(load, &load->slots[i], false, sock_now_ns());
}

static void load_print(const struct load *load)
{
    double seconds = (double) (load->end_ns - load->begin_ns) / 1e9;

    printf("{\"requests\":%llu,\"connects\":%llu,\"seconds\":%.6f,\"per_second\":%.1f,"
           "\"p50_us\":%.2f,\"p99_us\":%.2f,\"payload_bytes\":%llu}\n",
           (unsigned long long) load->answered, (unsigned long long) load->connects, seconds,
           seconds > 0 ? (double) load->answered / seconds : 0, load_percentile_us(load, 0.5),
           load_percentile_us(load, 0.99), (unsigned long long) load->payload_bytes);
}

static void load_run(struct load *load)
{
    load_begin(load);
    while (load->busy > 0)
        load_turn(load);
    load_print(load);
}

/* Uploads, one after another on connections of their own. */

static void load_send_all(const struct slot *slot, const char *data, size_t bytes)
{
    struct pollfd writable = {.fd = slot->fd, .events = POLLOUT};
    ssize_t sent;

    while (bytes > 0) {
        sent = send(slot->fd, data, bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN)
            sock_fail("an upload is not taken");
        if (sent < 0 && poll(&writable, 1, LOAD_PATIENCE_MS) <= 0)
            sock_fail("an upload stands still");
        data += sent < 0 ? 0 : sent;
        bytes -= sent < 0 ? 0 : (size_t) sent;
    }
}

static void load_upload(struct load *load)
{
    struct slot slot = {0};
    struct chunks chunks;
    uint64_t left, bytes;

    chunks_init(&chunks, load->chunk_bytes);
    load->begin_ns = sock_now_ns();
    for (; load->answered < load->count; load->answered++) {
        slot.fd = sock_connect(load->path);
        load_send(load, &slot);
        left = ((uint64_t) load->mib << 20) / load->chunk_bytes * chunks.frame_bytes;
        for (; left > 0; left -= bytes) {
            bytes = left < chunks.bytes ? left : chunks.bytes;
            load_send_all(&slot, chunks.data, (size_t) bytes);
        }
        load_send_all(&slot, "0\r\n\r\n", 5);
        if (load_await(load, &slot) != 200)
            sock_fail("an upload was answered with %d: %.*s", slot.reply.status,
                      (int) slot.reply.body_bytes, slot.reply.body);
        load->payload_bytes += (uint64_t) load->mib << 20;
        close(slot.fd);
    }
    load->end_ns = sock_now_ns();
    load_print(load);
}

/* Followed logs: all are open once each has said something. */

static void load_follow(struct load *load)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct slot slot;
    unsigned i;
    ssize_t got;
    size_t used;

    for (i = 0; i < load->connections; i++) {
        struct pollfd readable;

        slot.fd = sock_connect(load->path);
        load_send(load, &slot);
        readable = (struct pollfd){.fd = slot.fd, .events = POLLIN};
        while (slot.reply.body_bytes == 0) {
            if (poll(&readable, 1, LOAD_PATIENCE_MS) <= 0 ||
                (got = recv(slot.fd, load->scratch, LOAD_READ_BYTES, 0)) <= 0 ||
                reply_read(&slot.reply, load->scratch, (size_t) got, &used) != 0 ||
                (slot.reply.status != 0 && slot.reply.status != 200))
                sock_fail("log %u of %u does not flow: status %d", i + 1, load->connections,
                          slot.reply.status);
        }
    }
    printf("{\"open\":%u}\n", load->connections);
    fflush(stdout);
    poll(&input, 1, (int) (load->seconds * 1000));
}

/* From fork to the first answer. */

static int load_first(struct load *load, char **command)
{
    struct slot slot = {.fd = -1};
    int64_t begin_ns = sock_now_ns(), end_ns;
    pid_t child = fork();
    int status;

    if (child < 0)
        sock_fail("cannot fork");
    if (child == 0) {
        execvp(command[0], command);
        sock_fail("cannot run %s", command[0]);
    }
    while ((slot.fd = sock_try_connect(load->path)) < 0) {
        if (sock_now_ns() - begin_ns > LOAD_PATIENCE_MS * INT64_C(1000000) ||
            waitpid(child, NULL, WNOHANG) != 0)
            sock_fail("%s does not listen on %s", command[0], load->path);
        usleep(LOAD_FIRST_PAUSE_US);
    }
    load_print_request(load, "GET", "/_ping");
    status = load_ask(load, &slot);
    end_ns = sock_now_ns();
    kill(child, SIGTERM);
    waitpid(child, NULL, 0);
    if (status != 200)
        sock_fail("the first answer is %d", status);
    printf("{\"first_ms\":%.3f}\n", (double) (end_ns - begin_ns) / 1e6);
    return 0;
}

/* The command line. */

static void load_read_body(struct load *load, const char *path)
{
    FILE *file = fopen(path, "r");

    load->body = malloc(LOAD_REQUEST_BYTES);
    if (file == NULL || load->body == NULL)
        sock_fail("cannot read %s", path);
    load->body_bytes = fread(load->body, 1, LOAD_REQUEST_BYTES, file);
    fclose(file);
}

static void load_options(struct load *load, int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "c:n:t:1xb:m:k:")) != -1) {
        switch (option) {
        case 'c':
            load->connections = (unsigned) strtoul(optarg, NULL, 10);
            break;
        case 'n':
            load->count = strtoull(optarg, NULL, 10);
            break;
        case 't':
            load->seconds = strtod(optarg, NULL);
            break;
        case '1':
            load->once = true;
            break;
        case 'x':
            load->unknown = true;
            break;
        case 'b':
            load_read_body(load, optarg);
            break;
        case 'm':
            load->mib = (unsigned) strtoul(optarg, NULL, 10);
            break;
        case 'k':
            load->chunk_bytes = (unsigned) strtoul(optarg, NULL, 10);
            break;
        default:
            sock_fail("unknown option; the file's head lists them");
        }
    }
    if (load->connections == 0 || load->count == 0 || load->seconds <= 0)
        sock_fail("-c, -n and -t are greater than 0");
}

int main(int argc, char **argv)
{
    static char minimal[] = "{\"Image\":\"python:3.11-slim\"}";
    static struct load load = {
        .connections = 1, .count = UINT64_MAX, .seconds = 10, .mib = 1, .chunk_bytes = 32 * 1024};
    size_t i;

    if (argc < 3)
        sock_fail("usage: load KIND SOCKET [options]");
    signal(SIGPIPE, SIG_IGN);
    sock_raise_limit();
    load.path = argv[2];
    load.scratch = malloc(LOAD_READ_BYTES);
    load.request = malloc(LOAD_REQUEST_BYTES);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (load.scratch == NULL || load.request == NULL || load.epoll < 0)
        sock_fail("cannot begin");
    if (strcmp(argv[1], "first") == 0 && argc > 3)
        return load_first(&load, argv + 3);
    for (i = 0; i < sizeof load_kinds / sizeof *load_kinds; i++)
        if (strcmp(argv[1], load_kinds[i].name) == 0)
            load.kind = &load_kinds[i];
    if (load.kind == NULL)
        sock_fail("no kind %s", argv[1]);
    load.body = minimal;
    load.body_bytes = sizeof minimal - 1;
    load_options(&load, argc - 2, argv + 2);
    if (load.kind->needs_container)
        load_make_container(&load);
    load_compose(&load);
    if (strcmp(load.kind->name, "follow") == 0)
        load_follow(&load);
    else if (strcmp(load.kind->name, "upload") == 0)
        load_upload(&load);
    else
        load_run(&load);
    return 0;
}
