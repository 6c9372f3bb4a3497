/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: bytes on their way, in one piece.  Holds no memory while it holds no bytes, so an idle
 * connection costs nothing; has a hard maximum, so a greedy one costs little.
 *
 *      data            data + start       data + end        data + room
 *       |  consumed     |  bytes to use    |  free           |
 */
#ifndef CAISSON_PROXY_BUF_H
#define CAISSON_PROXY_BUF_H

#include <stddef.h>

/* Room for the largest body that [limits] may allow, and a head beside it. */
#define BUF_MAX_BYTES ((size_t) 66 << 20)

struct buf {
    char *data;
    size_t start, end, room;
};

static inline size_t buf_bytes(const struct buf *buf)
{
    return buf->end - buf->start;
}

/* The bytes to use; NULL when the buffer holds no memory. */
static inline const char *buf_data(const struct buf *buf)
{
    return buf->data ? buf->data + buf->start : NULL;
}

/* Appends; < 0 when memory is short or BUF_MAX_BYTES would be passed: then the bytes are as before.
 */
int buf_add(struct buf *buf, const void *data, size_t bytes);
/* Makes room for `bytes` more and returns where they go; NULL when buf_add() would fail. */
char *buf_reserve(struct buf *buf, size_t bytes);
/* The first `bytes` of the room reserved are now in use. 0 is fine, and gives back idle memory. */
void buf_commit(struct buf *buf, size_t bytes);
/* Drops bytes from the front; memory goes back when the last one is gone. */
void buf_consume(struct buf *buf, size_t bytes);
/* Drops all bytes and keeps the memory, unless it is large: for what is filled over and over. */
void buf_clear(struct buf *buf);
void buf_done(struct buf *buf);

#endif
