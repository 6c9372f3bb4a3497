/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message_known: heads that have been read before, for message.c alone.
 *
 * A client says the same of itself in each of its requests.  What both readers made of the lines
 * behind a target is a pure function of the method and of these bytes; so the very same bytes are
 * not read again.  Of a body the length alone may be another one: its digits are read each time.
 * Kept are few and short heads, only ones that were found good, with no field but such as are no
 * secret: credentials shall not stay in memory longer than their request.  A target is never among
 * these bytes.
 *
 * An engine's replies of one kind differ in their Date alone, which is the same for a second.  What
 * is read of one is a pure function of its bytes and of whether it answers a HEAD.
 */
#ifndef CAISSON_PROXY_MESSAGE_KNOWN_H
#define CAISSON_PROXY_MESSAGE_KNOWN_H

#include "message.h"

/* What stands behind a target: " HTTP/1.1", the fields and the empty line, if all is there. */
struct known_head {
    struct message_request request; /* its spans are of no use */
    size_t before, after;           /* bytes before the digits of a length, and behind them */
    char text[512];                 /* ... without those; all of it is before where none are */
};

/* How many bytes of `rest` are a head that is known, and what they say, but for spans; or 0. */
size_t message_known_find(const struct message_known *known, int method, struct span rest,
                          struct message_request *ret_request);
/* Keeps a head in place of the one that was kept first, if it may be kept at all. */
void message_known_add(struct message_known *known, const struct message_request *request,
                       struct span rest);

/* The head of a reply; the spans of `reply` are in `text`. */
struct known_reply {
    struct message_reply reply;
    bool to_head;
    size_t bytes;
    char text[512];
};

/* The head that `data` begins with; NULL when none is known. */
const struct known_reply *message_known_find_reply(const struct message_known *known, bool to_head,
                                                   struct span data);
/* What is kept, said of the same bytes at `data`. */
void message_known_recall_reply(const struct known_reply *kept, const char *data,
                                struct message_reply *ret_reply);
/* As message_known_add(); not what tells of a file. */
void message_known_add_reply(struct message_known *known, const struct message_reply *reply,
                             bool to_head, struct span head);

#endif
