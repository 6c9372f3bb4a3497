/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply: reads answers of HTTP/1.1 in pieces of any size, and keeps little of them.
 */
#ifndef CAISSON_BENCH_REPLY_H
#define CAISSON_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPLY_HEAD_BYTES = 4096, REPLY_BODY_BYTES = 128 };

enum reply_state {
    REPLY_HEAD,
    REPLY_LENGTH,     /* `left` bytes of body */
    REPLY_SIZE,       /* in a chunk's size line */
    REPLY_CHUNK,      /* `left` bytes of payload and the line end after them */
    REPLY_TRAILER,    /* in the lines after the last chunk */
    REPLY_UNTIL_CLOSE /* body without a length */
};

/* Zeroed before each answer. */
struct reply {
    enum reply_state state;
    int status;
    bool close; /* the connection serves no further request */
    bool in_size, line_begun;
    uint64_t left, chunk;
    uint64_t payload_bytes;
    size_t head_bytes, body_bytes;
    char head[REPLY_HEAD_BYTES];
    char body[REPLY_BODY_BYTES]; /* how the payload begins */
};

/*
 * Takes bytes in. 1: the answer is whole, and what follows it is left out of *ret_used; 0: more is
 * needed; -1: that is no HTTP.
 */
int reply_read(struct reply *reply, const char *data, size_t bytes, size_t *ret_used);
void reply_begin(struct reply *reply);

#endif
