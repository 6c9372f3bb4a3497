/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_http: HTTP/1.1 client on bufferevent and http-parser; see docker_http.h.
 *
 * An exchange owns its connection while it lasts.  A connection whose answer left it reusable
 * goes to the client's idle list; whatever the peer says there, a byte or an end, closes it.
 */
#include "docker_http.h"
#include "bytes.h"
#include "mem.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HTTP_HEAD_MAX    16384
#define HTTP_BODY_MAX    65536
#define HTTP_IDLE_MAX    16
#define HTTP_RETRY_MAX_S 3600

struct http_idle {
    struct http_client *client;
    struct bufferevent *bev;
    struct http_idle *next;
};

struct http_client {
    struct event_base *base;
    char *path;
    struct http_idle *idle;
    size_t idle_count;
};

struct http_exchange {
    struct http_client *client;
    struct http_request request; /* only its callbacks and their context */
    struct bufferevent *bev;     /* NULL: there is no connection */
    struct event *timer;
    http_parser parser;
    struct bytes body;
    char server[64];
    int retry_after_s; /* < 0: no plain number */
    size_t head_len;
    char field[16]; /* the name of the header being read, cut */
    size_t field_len;
    bool in_value;
    const char *trouble; /* of a failed connect or a crossed bound */
    bool complete;
    bool excess;    /* bytes came after the answer */
    bool in_parser; /* a callback may not free us: http_abort() then only marks */
    bool aborted;
};

/* ---- connections ---- */

static void idle_free(struct http_idle *idle)
{
    struct http_idle **at = &idle->client->idle;

    while (*at != idle)
        at = &(*at)->next;
    *at = idle->next;
    idle->client->idle_count--;
    bufferevent_free(idle->bev);
    free(idle);
}

static void on_idle_data(struct bufferevent *bev, void *context)
{
    (void) bev;
    idle_free(context);
}

static void on_idle_event(struct bufferevent *bev, short what, void *context)
{
    (void) bev;
    (void) what;
    idle_free(context);
}

/* Takes the connection. */
static void idle_add(struct http_client *client, struct bufferevent *take_bev)
{
    struct http_idle *idle;

    if (client->idle_count == HTTP_IDLE_MAX) {
        bufferevent_free(take_bev);
        return;
    }
    idle = mem_alloc(sizeof(*idle));
    *idle = (struct http_idle){.client = client, .bev = take_bev, .next = client->idle};
    client->idle = idle;
    client->idle_count++;
    bufferevent_setcb(take_bev, on_idle_data, NULL, on_idle_event, idle);
}

/* The peer has closed it, or says what nobody asked for, and the loop has yet to tell. */
static bool is_stale(struct bufferevent *bev)
{
    char byte;

    if (evbuffer_get_length(bufferevent_get_input(bev)))
        return true;
    return recv(bufferevent_getfd(bev), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

/* An idle connection given to the caller, or NULL. */
static struct bufferevent *idle_take(struct http_client *client)
{
    while (client->idle) {
        struct http_idle *idle = client->idle;
        struct bufferevent *bev = idle->bev;

        if (is_stale(bev)) {
            idle_free(idle);
            continue;
        }
        client->idle = idle->next;
        client->idle_count--;
        free(idle);
        return bev;
    }
    return NULL;
}

static struct bufferevent *connect_new(struct http_client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return NULL;
    memcpy(address.sun_path, client->path, strlen(client->path));
    if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
        int cause = errno;

        close(fd);
        errno = cause;
        return NULL;
    }
    return bufferevent_socket_new(client->base, fd,
                                  BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
}

struct http_client *http_client_new(struct event_base *base, const char *path)
{
    struct http_client *client = mem_alloc(sizeof(*client));

    client->base = base;
    client->path = mem_copy_text(path);
    return client;
}

void http_client_free(struct http_client *client)
{
    if (!client)
        return;
    while (client->idle)
        idle_free(client->idle);
    free(client->path);
    free(client);
}

/* ---- the answer ---- */

static void exchange_free(struct http_exchange *exchange)
{
    if (exchange->bev)
        bufferevent_free(exchange->bev);
    if (exchange->timer)
        event_free(exchange->timer);
    bytes_done(&exchange->body);
    free(exchange);
}

/* The one way to the end: tells it and frees the exchange. */
static void exchange_finish(struct http_exchange *exchange, enum http_end end, const char *trouble)
{
    struct http_answer answer = {
        .end = end,
        .status = exchange->parser.status_code,
        .server = exchange->server,
        .retry_after_s = exchange->retry_after_s > 0 ? exchange->retry_after_s : 0,
        .trouble = trouble,
    };

    if (end == HTTP_ANSWERED && !exchange->excess && http_should_keep_alive(&exchange->parser)) {
        idle_add(exchange->client, exchange->bev);
        exchange->bev = NULL;
    }
    bytes_append(&exchange->body, "", 1);
    answer.body = (const char *) exchange->body.data;
    answer.body_len = exchange->body.len - 1;
    exchange->request.on_end(exchange->request.context, &answer);
    exchange_free(exchange);
}

static int count_head(struct http_exchange *exchange, size_t len)
{
    exchange->head_len += len;
    if (exchange->head_len <= HTTP_HEAD_MAX)
        return 0;
    exchange->trouble = "the head of the answer is too long";
    return -1;
}

static int on_header_field(http_parser *parser, const char *at, size_t len)
{
    struct http_exchange *exchange = parser->data;
    size_t room;

    if (exchange->in_value)
        exchange->field_len = 0;
    exchange->in_value = false;
    room = sizeof(exchange->field) - 1 - exchange->field_len;
    memcpy(exchange->field + exchange->field_len, at, len < room ? len : room);
    exchange->field_len += len < room ? len : room;
    exchange->field[exchange->field_len] = '\0';
    return count_head(exchange, len);
}

/* A number of seconds; it may come in pieces.  A date is none. */
static void read_retry_after(struct http_exchange *exchange, const char *at, size_t len)
{
    int *seconds = &exchange->retry_after_s;

    for (size_t i = 0; i < len && *seconds >= 0; i++) {
        *seconds = at[i] < '0' || at[i] > '9' ? -1 : *seconds * 10 + (at[i] - '0');
        if (*seconds > HTTP_RETRY_MAX_S)
            *seconds = HTTP_RETRY_MAX_S;
    }
}

static int on_header_value(http_parser *parser, const char *at, size_t len)
{
    struct http_exchange *exchange = parser->data;
    size_t have = strlen(exchange->server);
    size_t room = sizeof(exchange->server) - 1 - have;

    exchange->in_value = true;
    if (!strcasecmp(exchange->field, "Server"))
        memcpy(exchange->server + have, at, len < room ? len : room);
    else if (!strcasecmp(exchange->field, "Retry-After"))
        read_retry_after(exchange, at, len);
    return count_head(exchange, len);
}

static int on_headers_complete(http_parser *parser)
{
    struct http_exchange *exchange = parser->data;

    if (parser->status_code < 200) {
        exchange->trouble = "the answer has an interim status";
        return -1;
    }
    if (exchange->request.on_head)
        exchange->request.on_head(exchange->request.context, parser->status_code);
    return exchange->aborted ? -1 : 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct http_exchange *exchange = parser->data;

    if (exchange->request.on_data && parser->status_code == 200) {
        exchange->request.on_data(exchange->request.context, at, len);
        return exchange->aborted ? -1 : 0;
    }
    if (exchange->body.len + len > HTTP_BODY_MAX) {
        exchange->trouble = "the body of the answer is too long";
        return -1;
    }
    bytes_append(&exchange->body, at, len);
    return 0;
}

static int on_message_complete(http_parser *parser)
{
    struct http_exchange *exchange = parser->data;

    exchange->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings parser_settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* Feeds the parser; false when the exchange is over and gone.  len 0 is the end of the stream. */
static bool exchange_parse(struct http_exchange *exchange, const char *data, size_t len)
{
    size_t used;

    exchange->in_parser = true;
    used = http_parser_execute(&exchange->parser, &parser_settings, data, len);
    exchange->in_parser = false;
    if (exchange->aborted) {
        exchange_free(exchange);
        return false;
    }
    if (exchange->complete) {
        exchange->excess = used != len;
        exchange_finish(exchange, HTTP_ANSWERED, "");
        return false;
    }
    if (used == len && HTTP_PARSER_ERRNO(&exchange->parser) == HPE_OK && !exchange->parser.upgrade)
        return true;
    if (!len)
        exchange_finish(exchange, HTTP_LOST, "the connection ended inside the answer");
    else
        exchange_finish(exchange, HTTP_BROKEN,
                        exchange->trouble ? exchange->trouble : "the answer is no HTTP");
    return false;
}

static void on_readable(struct bufferevent *bev, void *context)
{
    struct http_exchange *exchange = context;
    struct evbuffer *input = bufferevent_get_input(bev);
    size_t len;

    while ((len = evbuffer_get_contiguous_space(input))) {
        struct evbuffer_iovec piece;
        char room[16384];

        /* copied first: the exchange, and with it the buffer, may be gone when it returns */
        (void) evbuffer_peek(input, -1, NULL, &piece, 1);
        len = piece.iov_len < sizeof(room) ? piece.iov_len : sizeof(room);
        evbuffer_remove(input, room, len);
        if (!exchange_parse(exchange, room, len))
            return;
    }
}

static void on_socket_event(struct bufferevent *bev, short what, void *context)
{
    struct http_exchange *exchange = context;

    (void) bev;
    if (what & BEV_EVENT_EOF) {
        if (!exchange->parser.status_code)
            exchange_finish(exchange, HTTP_LOST, "the connection ended before the answer");
        else if (exchange_parse(exchange, NULL, 0))
            exchange_finish(exchange, HTTP_LOST, "the connection ended inside the answer");
    } else if (what & BEV_EVENT_ERROR) {
        exchange_finish(exchange, HTTP_LOST, "the connection broke");
    }
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct http_exchange *exchange = context;

    (void) fd;
    (void) what;
    if (!exchange->bev)
        exchange_finish(exchange, HTTP_LOST, exchange->trouble);
    else
        exchange_finish(exchange, HTTP_TIMEOUT, "no answer in time");
}

/* ---- the request ---- */

static void exchange_write(struct http_exchange *exchange, const struct http_request *request)
{
    struct evbuffer *output = bufferevent_get_output(exchange->bev);

    evbuffer_add_printf(output, "%s %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: evaluator\r\n",
                        request->method, request->target);
    if (request->body)
        evbuffer_add_printf(output, "Content-Type: application/json\r\n");
    if (request->body || !strcmp(request->method, "POST"))
        evbuffer_add_printf(output, "Content-Length: %zu\r\n", request->body_len);
    evbuffer_add(output, "\r\n", 2);
    if (request->body)
        evbuffer_add(output, request->body, request->body_len);
}

struct http_exchange *http_send(struct http_client *client, const struct http_request *request)
{
    struct http_exchange *exchange = mem_alloc(sizeof(*exchange));
    int timeout_ms = request->timeout_ms;

    exchange->client = client;
    exchange->request = *request;
    http_parser_init(&exchange->parser, HTTP_RESPONSE);
    exchange->parser.data = exchange;
    exchange->timer = evtimer_new(client->base, on_timer, exchange);
    exchange->bev = idle_take(client);
    if (!exchange->bev)
        exchange->bev = connect_new(client);
    if (exchange->bev) {
        bufferevent_setcb(exchange->bev, on_readable, NULL, on_socket_event, exchange);
        bufferevent_enable(exchange->bev, EV_READ | EV_WRITE);
        exchange_write(exchange, request);
    } else {
        exchange->trouble = strerror(errno);
        timeout_ms = -1;
    }
    if (timeout_ms) {
        struct timeval delay = {.tv_sec = 0};

        if (timeout_ms > 0)
            delay = (struct timeval){timeout_ms / 1000, timeout_ms % 1000 * 1000};
        evtimer_add(exchange->timer, &delay);
    }
    return exchange;
}

void http_abort(struct http_exchange *exchange)
{
    if (!exchange)
        return;
    if (exchange->in_parser)
        exchange->aborted = true;
    else
        exchange_free(exchange);
}
