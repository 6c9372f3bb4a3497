/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice: a piece of a body is gathered in the pipe, and leaves it before the function returns.
 *
 * Between two chunks there are few bytes to look at.  They are read alone, as many as the head of a
 * chunk of the last one's size would have; if the next is smaller, some payload comes with them and
 * is copied.  Peeking at them and splicing them with the rest would save calls, but a sender can
 * lend its pages to a socket and change them later: what was read has to be what is written.
 */
#include "splice.h"
#include "stream.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SPLICE_PIPE_BYTES = 256 * 1024,
    SPLICE_SOCKET_BYTES = 512 * 1024, /* that a peer may leave untaken before it is waited for */
    SPLICE_LEFT_BYTES = 16 * 1024,    /* copied out at once */
    SPLICE_GAPS = 16                  /* between chunks, in one move */
};

struct splice {
    int in, out;    /* the pipe's ends; -1 while there is none */
    size_t held;    /* bytes in it */
    size_t written; /* into it, in this move */
    bool ended;     /* of a chunk of ours, all is in it but its end */
    bool never;     /* the kernel does not know how */
};

struct splice *splice_new(void)
{
    struct splice *lane = malloc(sizeof *lane);

    if (lane != NULL)
        *lane = (struct splice){.in = -1, .out = -1};
    return lane;
}

/* With all that is in the pipe. */
static void splice_drop(struct splice *lane)
{
    if (lane->in >= 0) {
        close(lane->in);
        close(lane->out);
    }
    lane->in = lane->out = -1;
    lane->held = 0;
    lane->ended = false;
}

void splice_free(struct splice *lane)
{
    if (lane != NULL)
        splice_drop(lane);
    free(lane);
}

static bool splice_ready(struct splice *lane)
{
    int ends[2];

    if (lane->never || lane->in >= 0)
        return !lane->never;
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0)
        return false; /* perhaps there are descriptors later */
    lane->out = ends[0];
    lane->in = ends[1];
    (void) fcntl(lane->in, F_SETPIPE_SZ, SPLICE_PIPE_BYTES); /* a smaller one will do */
    return true;
}

bool splice_suits(struct splice *lane, const struct message_body *body, size_t least,
                  size_t last_read)
{
    uint64_t large = body->left;

    if (body->framing == FRAMING_CHUNKED)
        large = body->chunk;
    else if (body->framing == FRAMING_CLOSE)
        large = last_read;
    return least > 0 && !body->done && large >= least && splice_ready(lane);
}

/* What the peer does not take now goes where other bytes wait for it. < 0: it is gone. */
static int splice_keep(struct splice *lane, struct stream *to)
{
    char left[SPLICE_LEFT_BYTES];
    ssize_t got;

    while (lane->held > 0) {
        do
            got = read(lane->out, left, sizeof left);
        while (got < 0 && errno == EINTR);
        if (got <= 0 || stream_write(to, left, (size_t) got) < 0)
            return -1;
        lane->held -= (size_t) got;
    }
    return 0;
}

/* Empties the pipe. < 0: the peer is gone; if it is, keeping what is left will tell. */
static int splice_give(struct splice *lane, struct stream *to)
{
    ssize_t put = 1;

    while (lane->held > 0 && put > 0 && stream_waiting(to) == 0) {
        do
            put = splice(lane->out, NULL, to->fd, NULL, lane->held, SPLICE_F_NONBLOCK);
        while (put < 0 && errno == EINTR);
        if (put > 0)
            lane->held -= (size_t) put;
    }
    return splice_keep(lane, to);
}

/* Our own bytes, behind those in the pipe. */
static int splice_add(struct splice *lane, struct stream *to, const char *data, size_t bytes)
{
    ssize_t put;

    while (bytes > 0) {
        put = write(lane->in, data, bytes);
        if (put < 0 && errno == EAGAIN && lane->held > 0 && splice_give(lane, to) == 0)
            continue;
        if (put < 0 && errno != EINTR)
            return -1;
        if (put < 0)
            continue;
        data += put;
        bytes -= (size_t) put;
        lane->held += (size_t) put;
        lane->written += (size_t) put;
    }
    return 0;
}

/* Payload from the socket into the pipe: as stream_read(). */
static ssize_t splice_take(struct splice *lane, struct stream *from, size_t bytes)
{
    ssize_t got;

    do
        got = splice(from->fd, NULL, lane->in, NULL, bytes, SPLICE_F_NONBLOCK);
    while (got < 0 && errno == EINTR);
    if (got >= 0) {
        lane->held += (size_t) got;
        lane->written += (size_t) got;
        return got;
    }
    if (errno == EINVAL || errno == ENOSYS || errno == EPERM || errno == ENOMEM)
        lane->never = true;
    return errno == EAGAIN || lane->never ? -1 : -2;
}

/* The peer expects `bytes` of payload, which the chunk has that is to be written next. */
static int splice_begin_chunk(struct splice *lane, const struct splice_way *way, uint64_t bytes)
{
    char text[2 + MESSAGE_CHUNK_BYTES] = "\r\n";
    size_t line_bytes, skip = lane->ended ? 0 : 2;

    if (way->framing != SPLICE_CHUNKS || (*way->open && !lane->ended))
        return 0;
    line_bytes = message_write_chunk(text + 2, (size_t) bytes);
    *way->open = true;
    lane->ended = false;
    return splice_add(lane, way->to, text + skip, 2 + line_bytes - skip);
}

/* All that was gathered of it ends in such a way that the peer waits for nothing we have. */
static int splice_end_chunk(struct splice *lane, const struct splice_way *way)
{
    static const char end[] = "\r\n0\r\n\r\n";
    size_t from = lane->ended ? 0 : 2, to = way->body->done ? sizeof end - 1 : 2;

    if (way->framing != SPLICE_CHUNKS || from == to)
        return 0;
    if (lane->ended)
        *way->open = false;
    lane->ended = false;
    return splice_add(lane, way->to, end + from, to - from);
}

static void splice_note_end(struct splice *lane, const struct splice_way *way)
{
    lane->ended = way->framing == SPLICE_CHUNKS && message_body_payload(way->body) == 0;
}

/* Payload that is not looked at: as stream_read(), or SPLICE_PEER_GONE. */
static ssize_t splice_payload(struct splice *lane, const struct splice_way *way, size_t bytes)
{
    ssize_t got;

    if (splice_begin_chunk(lane, way, way->body->left) < 0)
        return SPLICE_PEER_GONE;
    got = splice_take(lane, way->from, bytes);
    if (got <= 0)
        return got;
    message_body_skip(way->body, (size_t) got);
    splice_note_end(lane, way);
    return got;
}

/* The same, of payload that came with what stands between two chunks. */
static int splice_copy(struct splice *lane, const struct splice_way *way, struct span payload)
{
    if (payload.bytes == 0)
        return 0;
    if (splice_begin_chunk(lane, way, payload.bytes + way->body->left) < 0 ||
        splice_add(lane, way->to, payload.data, payload.bytes) < 0)
        return -1;
    splice_note_end(lane, way);
    return 0;
}

/* What stands between two chunks: as stream_read(), or SPLICE_BROKEN, or SPLICE_PEER_GONE. */
static ssize_t splice_gap(struct splice *lane, const struct splice_way *way,
                          struct splice_moved *moved)
{
    struct message_body *body = way->body;
    const bool as_read = way->framing == SPLICE_AS_READ;
    char gap[SPLICE_SURPLUS_BYTES];
    struct span payload;
    size_t used = 0;
    ssize_t got, step;

    got = stream_read(way->from, gap, message_body_gap(body));
    while (got > 0 && used < (size_t) got && !body->done) {
        step = message_body_read(body, gap + used, (size_t) got - used, &payload);
        if (step < 0)
            return SPLICE_BROKEN;
        used += (size_t) step;
        moved->payload_bytes += payload.bytes;
        if (!as_read && splice_copy(lane, way, payload) < 0)
            return SPLICE_PEER_GONE;
    }
    if (as_read && splice_add(lane, way->to, gap, used) < 0)
        return SPLICE_PEER_GONE;
    if (body->done) {
        moved->surplus_bytes = (size_t) got - used;
        memcpy(moved->surplus, gap + used, moved->surplus_bytes);
    }
    return got;
}

/* Fills the pipe; as splice_move(). */
static ssize_t splice_gather(struct splice *lane, const struct splice_way *way,
                             struct splice_moved *moved)
{
    const struct message_body *body = way->body;
    size_t all = 0, ready, want;
    ssize_t got = -1;
    int gaps = 0;

    while (moved->payload_bytes < way->most && gaps < SPLICE_GAPS && !body->done) {
        ready = message_body_payload(body);
        want = way->most - moved->payload_bytes;
        if (ready == 0) {
            gaps++;
            got = splice_gap(lane, way, moved);
        } else if (body->framing == FRAMING_CHUNKED && body->chunk < way->least) {
            break; /* copying does better */
        } else {
            got = splice_payload(lane, way, ready < want ? ready : want);
        }
        if (got <= 0)
            break;
        all += (size_t) got;
        if (ready == 0)
            continue;
        moved->payload_bytes += (size_t) got;
        if ((size_t) got < ready && (size_t) got < want)
            break; /* there was no more */
    }
    return got < -2 || all == 0 ? got : (ssize_t) all;
}

ssize_t splice_move(struct splice *lane, const struct splice_way *way,
                    struct splice_moved *ret_moved)
{
    ssize_t got;

    ret_moved->payload_bytes = ret_moved->written_bytes = ret_moved->surplus_bytes = 0;
    lane->written = 0;
    if (stream_push(way->to) < 0)
        return SPLICE_PEER_GONE;
    if (stream_blocked(way->to))
        return -1;
    stream_widen(way->to, SPLICE_SOCKET_BYTES);
    got = splice_gather(lane, way, ret_moved);
    if (got != SPLICE_BROKEN && (splice_end_chunk(lane, way) < 0 || splice_give(lane, way->to) < 0))
        got = SPLICE_PEER_GONE;
    if (got < -2)
        splice_drop(lane);
    ret_moved->written_bytes = lane->written;
    return got;
}
