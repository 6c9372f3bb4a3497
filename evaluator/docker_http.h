/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_http: a small HTTP/1.1 client on a Unix socket, driven by an event loop.
 *
 * One exchange is one request and its answer.  Its end is told exactly once, from the loop and
 * never from inside http_send(), unless it was aborted before.  Heads and collected bodies are
 * bounded; a streamed body is handed on as it comes and not kept.
 */
#ifndef EVALUATOR_DOCKER_HTTP_H
#define EVALUATOR_DOCKER_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct http_client;
struct http_exchange;

enum http_end {
    HTTP_ANSWERED, /* the answer is complete */
    HTTP_LOST,     /* no connection, or it broke before the answer was complete */
    HTTP_TIMEOUT,
    HTTP_BROKEN, /* what came is no HTTP, or over a bound */
};

struct http_answer {
    enum http_end end;
    int status;         /* 0: no head came */
    int retry_after_s;  /* what Retry-After asks for; 0: nothing, or no plain number */
    const char *server; /* the Server header, or "" */
    const char *body;   /* terminated; empty when it was streamed */
    size_t body_len;
    const char *trouble; /* why it is not HTTP_ANSWERED, in words */
};

struct http_request {
    const char *method;
    const char *target;
    const char *body; /* NULL: none */
    size_t body_len;
    int timeout_ms; /* for the whole exchange; 0: none */
    void *context;
    void (*on_end)(void *context, const struct http_answer *answer);
    void (*on_head)(void *context, int status);                   /* may be NULL */
    void (*on_data)(void *context, const char *data, size_t len); /* streams the body of a 200 */
};

/* `path` is copied.  The base must outlive the client. */
struct http_client *http_client_new(struct event_base *base, const char *path);

/* All exchanges must have ended or been aborted. */
void http_client_free(struct http_client *client);

/* Copies what the request points to.  The exchange is valid until on_end() is called. */
struct http_exchange *http_send(struct http_client *client, const struct http_request *request);

/* on_end() will not be called.  NULL is fine; so is a call from one of its own callbacks. */
void http_abort(struct http_exchange *exchange);

#endif
