/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf: the one growing buffer of the proxy.  Grows by doubling up to BUF_MAX_BYTES; moves its bytes
 * to the front only when that costs no more than was consumed before, so that the price per byte
 * stays constant however small the pieces are.
 */
#include "buf.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_LEAST_BYTES = 512, BUF_KEPT_BYTES = 64 * 1024 };

/* The room to ask for when `needed` bytes must fit; needed <= BUF_MAX_BYTES. */
static size_t room_for(size_t needed)
{
    size_t room = BUF_LEAST_BYTES;
    while (room < needed)
        room *= 2;
    return room < BUF_MAX_BYTES ? room : BUF_MAX_BYTES;
}

static void move_to_front(struct buf *buf)
{
    memmove(buf->data, buf_data(buf), buf_bytes(buf));
    buf->end -= buf->start;
    buf->start = 0;
}

/* A larger piece of memory, with the bytes in use at its front. */
static int grow(struct buf *buf, size_t needed)
{
    size_t room = room_for(needed);
    if (buf->start > 0)
        move_to_front(buf);
    char *data = realloc(buf->data, room);
    if (!data)
        return -1;
    buf->data = data;
    buf->room = room;
    return 0;
}

char *buf_reserve(struct buf *buf, size_t bytes)
{
    size_t used = buf_bytes(buf);
    if (bytes > BUF_MAX_BYTES || used > BUF_MAX_BYTES - bytes)
        return NULL;
    if (buf->data && bytes <= buf->room - buf->end)
        return buf->data + buf->end;

    bool fits = buf->data && used + bytes <= buf->room;
    if (fits && used <= buf->start)
        move_to_front(buf);
    else if (grow(buf, used + bytes + (fits ? used : 0)) < 0)
        return NULL;
    return buf->data + buf->end;
}

void buf_commit(struct buf *buf, size_t bytes)
{
    assert(bytes <= buf->room - buf->end);
    buf->end += bytes;
    if (buf_bytes(buf) == 0)
        buf_done(buf);
}

int buf_add(struct buf *buf, const void *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    char *to = buf_reserve(buf, bytes);
    if (!to)
        return -1;
    memcpy(to, data, bytes);
    buf->end += bytes;
    return 0;
}

void buf_consume(struct buf *buf, size_t bytes)
{
    assert(bytes <= buf_bytes(buf));
    buf->start += bytes;
    if (buf_bytes(buf) == 0)
        buf_done(buf);
}

void buf_clear(struct buf *buf)
{
    if (buf->room > BUF_KEPT_BYTES)
        buf_done(buf);
    buf->start = buf->end = 0;
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}
