/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known: reads a head as it is, and as one that was read before; both must say the same.
 */
#ifndef CAISSON_TESTS_KNOWN_H
#define CAISSON_TESTS_KNOWN_H

#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline bool known_same_span(struct span a, struct span b)
{
    return a.data == b.data && a.bytes == b.bytes;
}

static inline bool known_same(const struct message_request *a, const struct message_request *b)
{
    return a->method == b->method && known_same_span(a->target, b->target) &&
           a->framing == b->framing && a->content_bytes == b->content_bytes &&
           known_same_span(a->registry_auth, b->registry_auth) && a->http10 == b->http10 &&
           a->keep_alive == b->keep_alive && a->expect_continue == b->expect_continue &&
           a->upgrade == b->upgrade && known_same_span(a->fields, b->fields) &&
           a->headers == b->headers && a->json == b->json && a->opaque == b->opaque;
}

/* As message_parse_request(). What is known stays so from one call to the next. */
static inline ssize_t known_parse(const char *data, size_t bytes,
                                  const struct message_limits *limits,
                                  struct message_request *ret_request, int *ret_reason)
{
    static struct message_known *known;
    ssize_t head = message_parse_request(data, bytes, limits, ret_request, ret_reason);

    if (!known)
        known = message_known_new();
    for (int i = 0; i < 2; i++) { /* the first time it may be new */
        struct message_request request;
        int reason = *ret_reason;
        ssize_t again = message_parse_request_known(known, data, bytes, limits, &request, &reason);
        if (again == head && known_same(&request, ret_request) && reason == *ret_reason)
            continue;
        fprintf(stderr, "a head that was read before is read otherwise: %.*s\n", (int) bytes, data);
        abort();
    }
    return head;
}

static inline bool known_same_reply(const struct message_reply *a, const struct message_reply *b)
{
    return a->status == b->status && a->framing == b->framing &&
           a->content_bytes == b->content_bytes && a->keep_alive == b->keep_alive &&
           known_same_span(a->content_type, b->content_type) &&
           known_same_span(a->api_version, b->api_version) &&
           known_same_span(a->ostype, b->ostype) && known_same_span(a->path_stat, b->path_stat) &&
           known_same_span(a->fields, b->fields);
}

/* As message_parse_reply(), in the same way. */
static inline ssize_t known_parse_reply(const char *data, size_t bytes, bool to_head,
                                        struct message_reply *ret_reply)
{
    static struct message_known *known;
    ssize_t head = message_parse_reply(data, bytes, to_head, ret_reply);

    if (!known)
        known = message_known_new();
    for (int i = 0; i < 2; i++) {
        struct message_reply reply;
        ssize_t again = message_parse_reply_known(known, data, bytes, to_head, &reply);
        if (again == head && (head <= 0 || known_same_reply(&reply, ret_reply)))
            continue;
        fprintf(stderr, "a reply that was read before is read otherwise: %.*s\n", (int) bytes,
                data);
        abort();
    }
    return head;
}

#endif
