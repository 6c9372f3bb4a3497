/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: a socket in the event loop, and the bytes that wait to be written to it.
 *
 * The one place where read(2), write(2) and EAGAIN are met.  A stream says when it can be read,
 * when its waiting bytes are gone, and when its peer is; what the bytes mean is its owner's
 * business.  Backpressure is the owner's too, by stream_pause(): who has bytes waiting for one
 * side stops reading the other.
 */
#ifndef CAISSON_PROXY_STREAM_H
#define CAISSON_PROXY_STREAM_H

#include "buf.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

enum stream_event {
    STREAM_READABLE, /* stream_read() will not block: bytes, an end, or an error */
    STREAM_BLOCKED,  /* of the bytes kept for the end of the turn, some must wait for the peer */
    STREAM_DRAINED,  /* the bytes that waited have all been written */
    STREAM_GONE      /* writing failed: the peer is gone */
};

/* Called from the event loop only, never from within another stream function. */
typedef void stream_ready(void *arg, enum stream_event event);

/*
 * Streams whose bytes are written together, at the end of a turn of the event loop.  The bytes of
 * all stand in one piece of memory, which is used again in the next turn.
 */
struct stream_queue {
    TAILQ_HEAD(, stream) streams;
    struct buf bytes;
};

struct stream {
    int fd; /* owned; -1 when closed */
    bool reading;
    bool wide;                  /* stream_widen() was called */
    struct stream_queue *queue; /* that it is in, by entry; NULL for none */
    TAILQ_ENTRY(stream) entry;
    uint32_t later_at, later_bytes;        /* of the queue's bytes, those that are its own */
    struct event read_event, *write_event; /* the latter while bytes wait for the peer; or NULL */
    struct buf out;                        /* bytes that the peer has not taken yet */
    stream_ready *ready;
    void *arg;
};

/* Takes the fd (non-blocking) and starts to watch it for reading. < 0: no memory; fd is closed. */
int stream_open(struct stream *stream, struct event_base *base, int take_fd, stream_ready *ready,
                void *arg);
/* Closes the fd, forgets what waited. May be called twice, and from within `ready`. */
void stream_close(struct stream *stream);
/* Hands the stream to another owner. */
void stream_set_owner(struct stream *stream, stream_ready *ready, void *arg);

/* One read: > 0 bytes, 0 the peer's end, -1 nothing now, -2 an error: the peer is gone. */
ssize_t stream_read(struct stream *stream, char *data, size_t bytes);
/* Stops and resumes the watch for reading. */
void stream_pause(struct stream *stream, bool paused);
/*
 * Whether the peer has closed both ways.  A half-close (the end that stream_read() tells of) is not
 * that; nor would a paused stream be told: its owner asks from time to time.
 */
bool stream_gone(const struct stream *stream);

/* Lets the kernel hold so many bytes, or what it allows, before the peer takes them. */
void stream_widen(struct stream *stream, int bytes);

/*
 * Writes, or keeps what cannot be written now; the bytes are the caller's again on return.
 * < 0: the peer is gone, or memory is short and it is told of an end; nothing more can be written.
 */
int stream_write(struct stream *stream, const char *data, size_t bytes);

/* The same of several pieces of memory (up to 1024), in one write. */
struct iovec;
int stream_write_pieces(struct stream *stream, struct iovec *pieces, size_t count);

void stream_queue_init(struct stream_queue *queue);
void stream_queue_done(struct stream_queue *queue);

/*
 * The same at the end of the turn: what leaves in one turn then wakes its readers in one go, and
 * the pieces of one answer leave in one write.  Failing shows as STREAM_GONE; what was to be
 * written then stays in `out`.
 */
int stream_write_later(struct stream *stream, struct stream_queue *queue, const char *data,
                       size_t bytes);
/* Writes what stream_write_later() kept. < 0: as of stream_write(). */
int stream_push(struct stream *stream);
void stream_push_all(struct stream_queue *queue);
/* Puts it back into `out` instead: nobody has tried to write it. < 0: no memory. */
int stream_recall(struct stream *stream);

/* Nobody has tried yet to write what it has. */
static inline bool stream_queued(const struct stream *stream)
{
    return stream->queue != NULL;
}

/* The peer does not take more for now. */
static inline bool stream_blocked(const struct stream *stream)
{
    return stream->write_event != NULL;
}

/* Bytes that are not written, be it that they are blocked or that nobody has tried yet. */
static inline size_t stream_waiting(const struct stream *stream)
{
    return buf_bytes(&stream->out) + stream->later_bytes;
}

/* The same, and what the kernel holds because the peer has not read it. */
size_t stream_untaken(const struct stream *stream);

#endif
