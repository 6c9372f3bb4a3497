/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message_known: see message_known.h.  So few that looking at each costs less than finding one.
 */
#include "message_known.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KNOWN_HEADS = 8, KNOWN_REPLIES = 4, KNOWN_DIGITS = 15 /* as many as message.c takes */ };

struct message_known {
    unsigned next, next_reply; /* to be replaced */
    struct known_head heads[KNOWN_HEADS];
    struct known_reply replies[KNOWN_REPLIES];
};

struct message_known *message_known_new(void)
{
    return calloc(1, sizeof(struct message_known));
}

void message_known_free(struct message_known *known)
{
    free(known);
}

/* How many bytes of a text a head is, with the length that its digits say; 0: it is another head.
 */
static size_t head_takes(const struct known_head *head, struct span text, uint64_t *ret_length)
{
    size_t at = head->before, digits = 0;
    uint64_t length = 0;

    if (at == 0 || at > text.bytes || memcmp(head->text, text.data, at) != 0)
        return 0;
    if (head->after == 0)
        return at;
    for (; at < text.bytes && text.data[at] >= '0' && text.data[at] <= '9'; at++) {
        length = length * 10 + (uint64_t) (text.data[at] - '0');
        if (length == 0 || ++digits > KNOWN_DIGITS)
            return 0;
    }
    if (digits == 0 || text.bytes - at < head->after ||
        memcmp(head->text + head->before, text.data + at, head->after) != 0)
        return 0;
    *ret_length = length;
    return at + head->after;
}

size_t message_known_find(const struct message_known *known, int method, struct span rest,
                          struct message_request *ret_request)
{
    for (const struct known_head *head = known->heads; head < known->heads + KNOWN_HEADS; head++) {
        uint64_t length = head->request.content_bytes;
        size_t bytes = head->request.method == method ? head_takes(head, rest, &length) : 0;
        if (bytes == 0)
            continue;
        *ret_request = head->request;
        ret_request->content_bytes = length;
        return bytes;
    }
    return 0;
}

/*
 * Whether a field is one that every client may say and that is no secret of anybody's.  Of the
 * others some are (Authorization, Cookie, X-Registry-Config, a gateway's token), and some, such as
 * Traceparent, are never the same again.
 */
static bool is_harmless(struct span name)
{
    static const struct span HARMLESS[] = {
        {"host", 4},           {"user-agent", 10},      {"accept", 6},
        {"connection", 10},    {"content-length", 14},  {"accept-encoding", 15},
        {"content-type", 12},  {"accept-language", 15}, {"upgrade", 7},
        {"cache-control", 13},
    };

    for (size_t i = 0; i < sizeof HARMLESS / sizeof HARMLESS[0]; i++) {
        if (HARMLESS[i].bytes == name.bytes &&
            strncasecmp(HARMLESS[i].data, name.data, name.bytes) == 0)
            return true;
    }
    return false;
}

/* Finds the value of Content-Length by the way. */
static bool visit_harmless(void *arg, struct span name, struct span value)
{
    struct span *length = arg;

    if (name.bytes == 14 && strncasecmp(name.data, "content-length", 14) == 0)
        *length = value;
    return is_harmless(name);
}

void message_known_add(struct message_known *known, const struct message_request *request,
                       struct span rest)
{
    struct known_head *head = &known->heads[known->next];
    const char *end = rest.data + rest.bytes;
    struct span length = {end, 0};

    if (rest.bytes > sizeof head->text ||
        !message_each_field(request->fields, "", visit_harmless, &length))
        return;
    if (request->framing != FRAMING_LENGTH) /* a length of 0 is none, and said by every byte */
        length = (struct span){end, 0};
    head->request = *request;
    head->before = (size_t) (length.data - rest.data);
    head->after = (size_t) (end - length.data) - length.bytes;
    memcpy(head->text, rest.data, head->before);
    memcpy(head->text + head->before, length.data + length.bytes, head->after);
    known->next = (known->next + 1) % KNOWN_HEADS;
}

const struct known_reply *message_known_find_reply(const struct message_known *known, bool to_head,
                                                   struct span data)
{
    /* The newest first: a reply has a date. */
    for (unsigned i = 1; i <= KNOWN_REPLIES; i++) {
        const struct known_reply *kept =
            &known->replies[(known->next_reply + KNOWN_REPLIES - i) % KNOWN_REPLIES];
        if (kept->bytes > 0 && kept->bytes <= data.bytes && kept->to_head == to_head &&
            memcmp(kept->text, data.data, kept->bytes) == 0)
            return kept;
    }
    return NULL;
}

/* The same bytes in another place. */
static struct span carry_over(struct span span, const char *from, const char *to)
{
    if (span.data)
        span.data = to + (span.data - from);
    return span;
}

static void move_reply(struct message_reply *reply, const char *from, const char *to)
{
    reply->content_type = carry_over(reply->content_type, from, to);
    reply->api_version = carry_over(reply->api_version, from, to);
    reply->ostype = carry_over(reply->ostype, from, to);
    reply->fields = carry_over(reply->fields, from, to);
}

void message_known_recall_reply(const struct known_reply *kept, const char *data,
                                struct message_reply *ret_reply)
{
    *ret_reply = kept->reply;
    move_reply(ret_reply, kept->text, data);
}

void message_known_add_reply(struct message_known *known, const struct message_reply *reply,
                             bool to_head, struct span head)
{
    struct known_reply *kept = &known->replies[known->next_reply];

    if (head.bytes > sizeof kept->text || reply->path_stat.data)
        return;
    kept->reply = *reply;
    kept->to_head = to_head;
    kept->bytes = head.bytes;
    memcpy(kept->text, head.data, head.bytes);
    move_reply(&kept->reply, head.data, kept->text);
    known->next_reply = (known->next_reply + 1) % KNOWN_REPLIES;
}
