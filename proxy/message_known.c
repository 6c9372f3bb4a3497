/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message_known: see message_known.h.  So few that looking at each costs less than finding one.
 */
#include "message_known.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { KNOWN_HEADS = 8 };

struct message_known {
    unsigned next; /* to be replaced */
    struct known_head heads[KNOWN_HEADS];
};

struct message_known *message_known_new(void)
{
    return calloc(1, sizeof(struct message_known));
}

void message_known_free(struct message_known *known)
{
    free(known);
}

const struct known_head *message_known_find(const struct message_known *known, int method,
                                            struct span rest)
{
    for (const struct known_head *head = known->heads; head < known->heads + KNOWN_HEADS; head++) {
        if (head->bytes > 0 && head->bytes <= rest.bytes && head->request.method == method &&
            memcmp(head->text, rest.data, head->bytes) == 0)
            return head;
    }
    return NULL;
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

static bool visit_harmless(void *arg, struct span name, struct span value)
{
    (void) arg;
    (void) value;
    return is_harmless(name);
}

void message_known_add(struct message_known *known, const struct message_request *request,
                       struct span rest)
{
    struct known_head *head = &known->heads[known->next];

    if (rest.bytes > sizeof head->text || request->framing != FRAMING_NONE ||
        !message_each_field(request->fields, "", visit_harmless, NULL))
        return;
    head->request = *request;
    head->bytes = rest.bytes;
    memcpy(head->text, rest.data, rest.bytes);
    known->next = (known->next + 1) % KNOWN_HEADS;
}
