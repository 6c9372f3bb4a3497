/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: the many requests of the soak, in C, so that they do not cost more than what they test.
 *
 *   load SOCKET CONNECTIONS REQUESTS SEED
 *
 * Each connection goes through LOAD_SCRIPT over and over: a container's life, with requests between
 * that are refused, a pipeline, and at the end a visit that is cut off or no HTTP at all.  It
 * prints a line of counts each second, and ends after so many REQUESTS or at SIGTERM with a last
 * one.  An answer that nobody expects ends it with 1; a lost connection, 502 and 503 are what an
 * Engine's restart gives.
 */
#include "../bench/reply.h"
#include "../bench/sock.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LOAD_READ_BYTES = 64 * 1024,
    LOAD_EVENTS = 64,
    LOAD_PIPELINE = 8,
    LOAD_SECOND_MS = 1000,
    LOAD_PATIENCE_S = 30, /* until somebody is answered */
    LOAD_PAUSE_US = 2000  /* before another try, while there is no Engine */
};

enum deed {
    DEED_PING,
    DEED_REFUSED,
    DEED_PRIVILEGED,
    DEED_FOREIGN,
    DEED_CREATE,
    DEED_START,
    DEED_WAIT,
    DEED_LOGS,
    DEED_DELETE,
    DEED_PIPELINE, /* of pings and of what is refused, in turn */
    DEED_ABORTED,  /* a part of a request, or all of it, and away */
    DEED_HOSTILE,  /* no request at all */
    DEED_COUNT
};

static const char *const deed_names[DEED_COUNT] = {
    "ping", "refused", "privileged", "foreign",   "create",  "start",
    "wait", "logs",    "delete",     "pipelined", "aborted", "hostile",
};

/* What may be answered, beside 502 and 503; 404 of one's own: its lifetime is over. */
static const int deed_statuses[DEED_COUNT][2] = {
    {200},      {403},      {403},      {404},      {201, 429}, {204, 404},
    {200, 404}, {200, 404}, {204, 404}, {200, 403}, {0},        {400, 431},
};

static const enum deed LOAD_SCRIPT[] = {
    DEED_CREATE,  DEED_START,  DEED_PING,     DEED_START,   DEED_REFUSED,    DEED_WAIT,
    DEED_FOREIGN, DEED_START,  DEED_LOGS,     DEED_START,   DEED_PRIVILEGED, DEED_PING,
    DEED_START,   DEED_DELETE, DEED_PIPELINE, DEED_ABORTED, DEED_HOSTILE,
};

#define CREATE \
    "POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
#define GOOD   "{\"Image\":\"busybox:1\",\"Cmd\":[\"true\"],\"HostConfig\":{\"Memory\":16777216}}"
#define BAD    "{\"Image\":\"busybox:1\",\"HostConfig\":{\"Privileged\":true,\"Binds\":[\"/:/h\"]}}"
#define PING   "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n"
#define DENIED "GET /v1.41/images/json HTTP/1.1\r\nHost: d\r\n\r\n"
#define NOBODY "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const LOAD_HOSTILE[] = {
    "GET /_ping HTTP/1.1\nHost: d\n\n",
    "POST /a HTTP/1.1\r\nHost: d\r\nContent-Length: 4\r\nTransfer-Encoding: "
    "chunked\r\n\r\n0\r\n\r\n",
    CREATE "Transfer-Encoding: chunked\r\n\r\n5;x\r\n{}   \r\n0\r\n\r\n",
    "GET http://x/_ping HTTP/1.1\r\nHost: d\r\n\r\n",
    CREATE "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "\x16\x03\x01\x02 nonsense\r\n\r\n",
};

struct slot {
    int fd;
    unsigned step, awaited; /* in LOAD_SCRIPT; answers that are still to come */
    enum deed deed;
    bool owns;
    char container[65];
    struct reply reply;
};

struct load {
    const char *path;
    unsigned connections;
    uint64_t most, asked, lost, restarting, counts[DEED_COUNT];
    uint32_t dice;
    int epoll;
    int64_t said_ns, heard_ns;
    char scratch[LOAD_READ_BYTES];
};

static volatile sig_atomic_t load_over;

static void load_on_end(int number)
{
    (void) number;
    load_over = 1;
}

static unsigned load_roll(struct load *load, unsigned sides)
{
    load->dice = load->dice * 1664525u + 1013904223u;
    return (load->dice >> 8) % sides;
}

static void load_say(struct load *load)
{
    printf("{\"requests\":%llu,\"lost connections\":%llu,\"502 or 503\":%llu",
           (unsigned long long) load->asked, (unsigned long long) load->lost,
           (unsigned long long) load->restarting);
    for (int i = 0; i < DEED_COUNT; i++)
        printf(",\"%s\":%llu", deed_names[i], (unsigned long long) load->counts[i]);
    printf("}\n");
    fflush(stdout);
    load->said_ns = sock_now_ns();
}

/* ---- one connection ---- */

static void slot_connect(struct load *load, struct slot *slot)
{
    if (slot->fd >= 0)
        close(slot->fd);
    while ((slot->fd = sock_try_connect(load->path)) < 0)
        usleep(LOAD_PAUSE_US); /* its queue is full */
    sock_watch(load->epoll, slot->fd, EPOLLIN, slot);
    reply_begin(&slot->reply);
}

static size_t slot_compose(struct load *load, struct slot *slot, char *to, size_t room)
{
    static const struct {
        const char *method, *rest;
    } verbs[DEED_COUNT] = {
        [DEED_FOREIGN] = {"POST", "/start"},    [DEED_START] = {"POST", "/start"},
        [DEED_WAIT] = {"POST", "/wait"},        [DEED_LOGS] = {"GET", "/logs?stdout=1"},
        [DEED_DELETE] = {"DELETE", "?force=1"},
    };
    int bytes = 0;

    slot->awaited = 1;
    switch (slot->deed) {
    case DEED_CREATE:
    case DEED_ABORTED:
        bytes = snprintf(to, room, CREATE "Content-Length: %zu\r\n\r\n%s", sizeof GOOD - 1, GOOD);
        break;
    case DEED_PRIVILEGED:
        bytes = snprintf(to, room, CREATE "Content-Length: %zu\r\n\r\n%s", sizeof BAD - 1, BAD);
        break;
    case DEED_PIPELINE:
        for (slot->awaited = 0; slot->awaited < LOAD_PIPELINE; slot->awaited++)
            bytes += snprintf(to + bytes, room - (size_t) bytes, "%s",
                              slot->awaited % 2 == 0 ? PING : DENIED);
        break;
    case DEED_HOSTILE:
        bytes = snprintf(to, room, "%s",
                         LOAD_HOSTILE[load_roll(load, sizeof LOAD_HOSTILE / sizeof *LOAD_HOSTILE)]);
        break;
    case DEED_PING:
    case DEED_REFUSED:
        bytes = snprintf(to, room, "%s", slot->deed == DEED_PING ? PING : DENIED);
        break;
    default:
        bytes =
            snprintf(to, room, "%s /v1.41/containers/%s%s HTTP/1.1\r\nHost: d\r\n\r\n",
                     verbs[slot->deed].method,
                     slot->deed == DEED_FOREIGN ? NOBODY : slot->container, verbs[slot->deed].rest);
    }
    return (size_t) bytes;
}

/* Whether this step of the script has nothing to do it with. */
static bool slot_skips(const struct slot *slot)
{
    return !slot->owns && (slot->deed == DEED_START || slot->deed == DEED_WAIT ||
                           slot->deed == DEED_LOGS || slot->deed == DEED_DELETE);
}

static void slot_next(struct load *load, struct slot *slot)
{
    char data[4096];
    size_t bytes;

    do {
        slot->deed = LOAD_SCRIPT[slot->step++ % (sizeof LOAD_SCRIPT / sizeof *LOAD_SCRIPT)];
    } while (slot_skips(slot));
    bytes = slot_compose(load, slot, data, sizeof data);
    load->asked += slot->awaited;
    load->counts[slot->deed] += slot->awaited;
    if (slot->deed == DEED_ABORTED)
        bytes = 1 + load_roll(load, (unsigned) bytes);
    reply_begin(&slot->reply);
    if (send(slot->fd, data, bytes, MSG_NOSIGNAL) != (ssize_t) bytes)
        load->lost++; /* told again when it is read */
    if (slot->deed == DEED_ABORTED) {
        slot_connect(load, slot);
        slot_next(load, slot);
    }
}

static void slot_learn(struct slot *slot)
{
    static const char id[] = "{\"Id\":\"";

    if (slot->deed == DEED_DELETE)
        slot->owns = false;
    if (slot->deed != DEED_CREATE || slot->reply.status != 201)
        return;
    if (slot->reply.body_bytes < sizeof id - 1 + 64 ||
        memcmp(slot->reply.body, id, sizeof id - 1) != 0)
        sock_fail("a create was answered with %.*s", (int) slot->reply.body_bytes,
                  slot->reply.body);
    memcpy(slot->container, slot->reply.body + sizeof id - 1, 64);
    slot->owns = true;
}

static void slot_answered(struct load *load, struct slot *slot)
{
    const int *statuses = deed_statuses[slot->deed];
    int status = slot->reply.status;

    if (status == 502 || status == 503)
        load->restarting++;
    else if (status != statuses[0] && status != statuses[1])
        sock_fail("%s was answered with %d: %.*s", deed_names[slot->deed], status,
                  (int) slot->reply.body_bytes, slot->reply.body);
    else
        slot_learn(slot);
    load->heard_ns = sock_now_ns();
}

/* All that came; false when the connection has ended, or is of no more use. */
static bool slot_read(struct load *load, struct slot *slot)
{
    ssize_t got = recv(slot->fd, load->scratch, LOAD_READ_BYTES, 0);
    size_t at = 0, used;
    int ended;

    if (got < 0 && errno == EAGAIN)
        return true;
    if (got <= 0)
        return false;
    while (at < (size_t) got) {
        if (slot->awaited == 0)
            sock_fail("more than was asked for: %.*s", (int) (got - (ssize_t) at),
                      load->scratch + at);
        ended = reply_read(&slot->reply, load->scratch + at, (size_t) got - at, &used);
        if (ended < 0)
            sock_fail("an answer is no HTTP: %.200s", slot->reply.head);
        at += used;
        if (ended == 0)
            continue;
        slot_answered(load, slot);
        slot->awaited--;
        if (slot->reply.close)
            return false;
        reply_begin(&slot->reply);
    }
    return true;
}

static void slot_readable(struct load *load, struct slot *slot)
{
    bool good = slot_read(load, slot);

    if (!good && slot->awaited > 0)
        load->lost++;
    if (!good)
        slot_connect(load, slot);
    if (!good || slot->awaited == 0)
        slot_next(load, slot);
}

/* ---- all of them ---- */

static void load_run(struct load *load, struct slot *slots)
{
    struct epoll_event events[LOAD_EVENTS];

    load->said_ns = load->heard_ns = sock_now_ns();
    for (unsigned i = 0; i < load->connections; i++) {
        slots[i].fd = -1;
        slots[i].step = load_roll(load, 1000);
        slot_connect(load, &slots[i]);
        slot_next(load, &slots[i]);
    }
    while (!load_over && load->asked < load->most) {
        int count = epoll_wait(load->epoll, events, LOAD_EVENTS, LOAD_SECOND_MS);
        int64_t now_ns = sock_now_ns();
        for (int i = 0; i < count; i++)
            slot_readable(load, events[i].data.ptr);
        if (now_ns - load->said_ns > INT64_C(1000000000))
            load_say(load);
        if (now_ns - load->heard_ns > LOAD_PATIENCE_S * INT64_C(1000000000))
            sock_fail("nobody was answered for %d s", LOAD_PATIENCE_S);
    }
    load_say(load);
}

int main(int argc, char **argv)
{
    static struct load load;
    struct slot *slots;

    if (argc != 5)
        sock_fail("usage: load SOCKET CONNECTIONS REQUESTS SEED");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, load_on_end);
    load.path = argv[1];
    load.connections = (unsigned) strtoul(argv[2], NULL, 10);
    load.most = strtoull(argv[3], NULL, 10);
    load.dice = (uint32_t) strtoul(argv[4], NULL, 10);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    slots = calloc(load.connections, sizeof *slots);
    if (load.epoll < 0 || slots == NULL)
        sock_fail("cannot begin");
    load_run(&load, slots);
    free(slots);
    return 0;
}
