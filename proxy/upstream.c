/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream: the pool of connections to the Engine, the ping, and the proxy's own requests.
 */
#include "upstream.h"
#include "log.h"
#include "message.h"
#include "operation.h"
#include "policy.h"
#include "stream.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    UPSTREAM_IDLE_MAX = 1024,                 /* connections kept for reuse */
    UPSTREAM_ANSWER_BYTES = 64 * 1024 * 1024, /* of one answer to the proxy itself */
    UPSTREAM_READ_BYTES = 16 * 1024,
    UPSTREAM_CALL_S = 60,      /* for one request of the proxy itself */
    UPSTREAM_PING_AGAIN_S = 3, /* a ping may be lost: then another is sent beside it, */
    UPSTREAM_PINGS = 20        /* ... up to so many at once */
};

#define UPSTREAM_LINK_MAGIC 0x6c696e6bu
#define UPSTREAM_CALL_MAGIC 0x63616c6cu

/* One connection. The stream comes first, so that a stream is its link. */
struct upstream_link {
    struct stream stream;
    unsigned magic;
    struct upstream *upstream;
    LIST_ENTRY(upstream_link) entry; /* in idle or in dropped */
};
LIST_HEAD(upstream_links, upstream_link);

/* One request of the proxy's own. */
struct upstream_call {
    unsigned magic;
    struct upstream *upstream;
    struct stream *stream;
    struct event deadline;
    upstream_answer *done;
    void *arg;
    bool in_body;
    struct buf raw, payload; /* the head as it arrives; the body without its framing */
    struct message_reply reply;
    struct message_body body;
    struct policy_engine heard; /* from the head, for the ping */
    LIST_ENTRY(upstream_call) entry;
};
LIST_HEAD(upstream_calls, upstream_call);

struct upstream {
    struct event_base *base;
    struct sockaddr_un address;
    upstream_changed *changed;
    void *arg;
    struct policy_engine engine;
    bool asking;
    bool failed;        /* whoever asked last was not told */
    unsigned pings;     /* that are under way, while asking */
    struct event again; /* another one */
    struct event tell;  /* fires at once, so that nobody is told from within a call of his own */
    struct policy_engine heard; /* what the ping's answer said, until it is whole */
    unsigned idle_count;
    struct upstream_links idle, dropped;
    struct upstream_calls calls, ended;
};

/* The pool. */

static struct upstream_link *upstream_link(struct stream *stream)
{
    struct upstream_link *link = (struct upstream_link *) (void *) stream;

    assert(link->magic == UPSTREAM_LINK_MAGIC);
    return link;
}

static void upstream_on_tell(evutil_socket_t fd, short what, void *arg)
{
    struct upstream *upstream = arg;

    (void) fd, (void) what;
    if (!upstream->asking)
        upstream->changed(upstream->arg, upstream->engine.api_minor != 0);
}

static void upstream_tell(struct upstream *upstream)
{
    static const struct timeval at_once = {0};

    evtimer_add(&upstream->tell, &at_once);
}

void upstream_lost(struct upstream *upstream)
{
    bool known = upstream->engine.api_minor != 0;

    memset(&upstream->engine, 0, sizeof upstream->engine);
    if (known)
        upstream_tell(upstream);
}

void upstream_drop(struct upstream *upstream, struct stream *stream)
{
    struct upstream_link *link = upstream_link(stream);

    stream_close(stream);
    LIST_INSERT_HEAD(&upstream->dropped, link, entry);
}

/* An idle connection has nothing to say: bytes or an end, it is of no more use. */
static void upstream_on_idle(void *arg, enum stream_event event)
{
    struct upstream_link *link = arg;
    struct upstream *upstream = link->upstream;

    assert(link->magic == UPSTREAM_LINK_MAGIC);
    (void) event;
    LIST_REMOVE(link, entry);
    upstream->idle_count--;
    upstream_drop(upstream, &link->stream);
    /* The Engine closes an idle connection only when it stops: ask who answers next time. */
    upstream_lost(upstream);
}

void upstream_give(struct upstream *upstream, struct stream *stream)
{
    struct upstream_link *link = upstream_link(stream);

    if (upstream->idle_count >= UPSTREAM_IDLE_MAX || stream_waiting(stream) > 0) {
        upstream_drop(upstream, stream);
        return;
    }
    stream_set_owner(stream, upstream_on_idle, link);
    stream_pause(stream, false);
    LIST_INSERT_HEAD(&upstream->idle, link, entry);
    upstream->idle_count++;
}

static int upstream_connect(const struct upstream *upstream)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    /* On a Unix socket this does not wait: it succeeds, or the queue is full (EAGAIN). */
    if (connect(fd, (const struct sockaddr *) &upstream->address, sizeof upstream->address) == 0)
        return fd;
    close(fd);
    return -1;
}

struct stream *upstream_take(struct upstream *upstream, bool fresh)
{
    struct upstream_link *link = LIST_FIRST(&upstream->idle);
    int fd;

    if (link != NULL && !fresh) {
        LIST_REMOVE(link, entry);
        upstream->idle_count--;
        return &link->stream;
    }
    fd = upstream_connect(upstream);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EMFILE && errno != ENFILE)
            upstream_lost(upstream);
        return NULL;
    }
    link = calloc(1, sizeof *link);
    if (link == NULL) {
        close(fd);
        return NULL;
    }
    link->magic = UPSTREAM_LINK_MAGIC;
    link->upstream = upstream;
    if (stream_open(&link->stream, upstream->base, fd, upstream_on_idle, link) == 0)
        return &link->stream;
    free(link);
    return NULL;
}

/* The proxy's own requests. */

static void upstream_call_end(struct upstream_call *call, bool whole)
{
    struct upstream *upstream = call->upstream;
    int status = whole ? call->reply.status : 0;

    if (call->stream == NULL)
        return;
    event_del(&call->deadline);
    /* Each call makes its connection: kept are no more than exchanges would keep. */
    if (whole && call->reply.keep_alive && buf_bytes(&call->raw) == 0 &&
        LIST_EMPTY(&upstream->idle))
        upstream_give(upstream, call->stream);
    else
        upstream_drop(upstream, call->stream);
    call->stream = NULL;
    LIST_REMOVE(call, entry);
    LIST_INSERT_HEAD(&upstream->ended, call, entry);
    if (whole)
        upstream->heard = call->heard;
    call->done(call->arg, status, buf_bytes(&call->payload) > 0 ? buf_data(&call->payload) : "",
               buf_bytes(&call->payload));
}

/* "1.41" as its minor, 41; 0 for anything that is not a version 1.N. */
static unsigned upstream_api_minor(struct span text)
{
    unsigned minor = 0;
    size_t i;

    if (text.bytes < 3 || text.bytes > 4 || memcmp(text.data, "1.", 2) != 0)
        return 0;
    for (i = 2; i < text.bytes; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return 0;
        minor = minor * 10 + (unsigned) (text.data[i] - '0');
    }
    return minor;
}

static void upstream_call_hear(struct upstream_call *call)
{
    const struct message_reply *reply = &call->reply;
    size_t room = sizeof call->heard.ostype - 1;
    size_t bytes = reply->ostype.bytes < room ? reply->ostype.bytes : room;

    call->heard.api_minor = upstream_api_minor(reply->api_version);
    if (bytes > 0)
        memcpy(call->heard.ostype, reply->ostype.data, bytes);
    call->heard.ostype[bytes] = '\0';
}

/* Returns 1 when the answer is whole, 0 when more is needed, -1 when it is none. */
static int upstream_call_read(struct upstream_call *call)
{
    struct span payload;
    ssize_t used;

    while (!call->in_body) {
        used =
            message_parse_reply(buf_data(&call->raw), buf_bytes(&call->raw), false, &call->reply);
        if (used <= 0)
            return (int) used;
        upstream_call_hear(call);
        buf_consume(&call->raw, (size_t) used);
        if (call->reply.status == 101)
            return -1;
        call->in_body = call->reply.status >= 200;
        message_body_init(&call->body, call->reply.framing, call->reply.content_bytes);
        if (buf_bytes(&call->raw) == 0)
            break;
    }
    while (!call->body.done && buf_bytes(&call->raw) > 0) {
        used =
            message_body_read(&call->body, buf_data(&call->raw), buf_bytes(&call->raw), &payload);
        if (used <= 0 || buf_bytes(&call->payload) + payload.bytes > UPSTREAM_ANSWER_BYTES ||
            buf_add(&call->payload, payload.data, payload.bytes) < 0)
            return -1;
        buf_consume(&call->raw, (size_t) used);
    }
    return call->in_body && call->body.done;
}

static void upstream_call_ready(void *arg, enum stream_event event)
{
    struct upstream_call *call = arg;
    ssize_t got;
    char *room;
    int whole;

    assert(call->magic == UPSTREAM_CALL_MAGIC);
    if (event == STREAM_DRAINED)
        return;
    room = buf_reserve(&call->raw, UPSTREAM_READ_BYTES);
    got = room == NULL ? -2 : stream_read(call->stream, room, UPSTREAM_READ_BYTES);
    if (got == -1)
        return;
    if (got <= 0) {
        upstream_call_end(call, got == 0 && call->in_body && call->body.framing == FRAMING_CLOSE);
        return;
    }
    buf_commit(&call->raw, (size_t) got);
    whole = upstream_call_read(call);
    if (whole != 0)
        upstream_call_end(call, whole > 0);
}

static void upstream_call_late(evutil_socket_t fd, short what, void *arg)
{
    struct upstream_call *call = arg;

    (void) fd, (void) what;
    assert(call->magic == UPSTREAM_CALL_MAGIC);
    log_warn("the engine did not answer a request of the proxy's own in %d s", UPSTREAM_CALL_S);
    upstream_call_end(call, false);
}

static int upstream_call_send(struct upstream_call *call, int method, const char *target)
{
    struct message_to_engine head = {.method = method, .target = target};
    struct buf request = {0};
    int ret = -1;

    /* A fresh connection: the ping must meet the Engine that listens now. */
    call->stream = upstream_take(call->upstream, true);
    if (call->stream == NULL)
        return -1;
    stream_set_owner(call->stream, upstream_call_ready, call);
    if (message_write_request(&request, &head) == 0)
        ret = stream_write(call->stream, buf_data(&request), buf_bytes(&request));
    buf_done(&request);
    if (ret < 0)
        upstream_drop(call->upstream, call->stream);
    return ret;
}

int upstream_call(struct upstream *upstream, int method, const char *target, upstream_answer *done,
                  void *arg)
{
    const struct timeval deadline = {.tv_sec = UPSTREAM_CALL_S};
    struct upstream_call *call = calloc(1, sizeof *call);

    if (call == NULL)
        return -1;
    call->magic = UPSTREAM_CALL_MAGIC;
    call->upstream = upstream;
    call->done = done;
    call->arg = arg;
    if (upstream_call_send(call, method, target) < 0) {
        free(call);
        return -1;
    }
    evtimer_assign(&call->deadline, upstream->base, upstream_call_late, call);
    evtimer_add(&call->deadline, &deadline);
    LIST_INSERT_HEAD(&upstream->calls, call, entry);
    return 0;
}

/* The call ends before its answer, and nobody is told. */
static void upstream_call_abandon(struct upstream_call *call)
{
    event_del(&call->deadline);
    upstream_drop(call->upstream, call->stream);
    call->stream = NULL;
    LIST_REMOVE(call, entry);
    LIST_INSERT_HEAD(&call->upstream->ended, call, entry);
}

void upstream_forget_calls(struct upstream *upstream, const void *arg)
{
    struct upstream_call *call, *next;

    for (call = LIST_FIRST(&upstream->calls); call != NULL; call = next) {
        next = LIST_NEXT(call, entry);
        if (call->arg == arg)
            upstream_call_abandon(call);
    }
}

/* What is known of the Engine. */

/* The first answer counts; without any, the end of the last ping. */
static void upstream_on_ping(void *arg, int status, const char *body, size_t bytes)
{
    struct upstream *upstream = arg;
    bool known = status == 200 && upstream->heard.api_minor != 0;

    (void) body, (void) bytes;
    upstream->pings--;
    if (status == 0 && upstream->pings > 0)
        return;
    upstream->asking = false;
    upstream->failed = !known;
    upstream->pings = 0;
    evtimer_del(&upstream->again);
    upstream_forget_calls(upstream, upstream);
    if (known)
        upstream->engine = upstream->heard;
    else if (status != 0)
        log_error("the engine at %s answered /_ping with %d and no Api-Version",
                  upstream->address.sun_path, status);
    upstream_tell(upstream);
}

/*
 * A ping can be lost: to an Engine that has stopped without a word, or is about to be replaced by
 * another, which would answer at once.  So the next one does not wait for the end of the last.
 */
static int upstream_ping(struct upstream *upstream)
{
    static const struct timeval wait = {.tv_sec = UPSTREAM_PING_AGAIN_S};

    evtimer_add(&upstream->again, &wait);
    if (upstream_call(upstream, METHOD_GET, "/_ping", upstream_on_ping, upstream) < 0)
        return -1;
    upstream->pings++;
    return 0;
}

static void upstream_on_again(evutil_socket_t fd, short what, void *arg)
{
    struct upstream *upstream = arg;

    (void) fd, (void) what;
    if (upstream->pings < UPSTREAM_PINGS && upstream_ping(upstream) < 0)
        log_debug("cannot connect to the engine again: %s", strerror(errno));
}

void upstream_ask(struct upstream *upstream)
{
    if (upstream->asking)
        return;
    upstream->asking = true;
    if (upstream_ping(upstream) == 0)
        return;
    upstream->asking = false;
    upstream->failed = true;
    evtimer_del(&upstream->again);
    log_error("cannot connect to the engine at %s: %s", upstream->address.sun_path,
              strerror(errno));
    upstream_tell(upstream);
}

bool upstream_failed(const struct upstream *upstream)
{
    return upstream->failed;
}

const struct policy_engine *upstream_engine(const struct upstream *upstream)
{
    return &upstream->engine;
}

/* Lifetime. */

struct upstream *upstream_new(struct event_base *base, const char *path, upstream_changed *changed,
                              void *arg)
{
    struct upstream *upstream = calloc(1, sizeof *upstream);

    if (upstream == NULL)
        return NULL;
    upstream->base = base;
    upstream->changed = changed;
    upstream->arg = arg;
    upstream->address.sun_family = AF_UNIX;
    assert(strlen(path) < sizeof upstream->address.sun_path);
    memcpy(upstream->address.sun_path, path, strlen(path) + 1);
    LIST_INIT(&upstream->idle);
    LIST_INIT(&upstream->dropped);
    LIST_INIT(&upstream->calls);
    LIST_INIT(&upstream->ended);
    evtimer_assign(&upstream->tell, base, upstream_on_tell, upstream);
    evtimer_assign(&upstream->again, base, upstream_on_again, upstream);
    return upstream;
}

void upstream_reap(struct upstream *upstream)
{
    struct upstream_link *link;
    struct upstream_call *call;

    while ((link = LIST_FIRST(&upstream->dropped)) != NULL) {
        LIST_REMOVE(link, entry);
        link->magic = 0;
        free(link);
    }
    while ((call = LIST_FIRST(&upstream->ended)) != NULL) {
        LIST_REMOVE(call, entry);
        buf_done(&call->raw);
        buf_done(&call->payload);
        call->magic = 0;
        free(call);
    }
}

void upstream_free(struct upstream *upstream)
{
    struct upstream_link *link;
    struct upstream_call *call;

    if (upstream == NULL)
        return;
    while ((call = LIST_FIRST(&upstream->calls)) != NULL)
        upstream_call_abandon(call);
    while ((link = LIST_FIRST(&upstream->idle)) != NULL) {
        LIST_REMOVE(link, entry);
        upstream_drop(upstream, &link->stream);
    }
    upstream_reap(upstream);
    evtimer_del(&upstream->tell);
    evtimer_del(&upstream->again);
    free(upstream);
}
