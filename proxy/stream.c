/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream: read, write and EAGAIN, once.
 *
 * Writing is tried at once and the event for it exists only while something waits, so the common
 * exchange costs one write(2) and no epoll_ctl(2).
 */
#include "stream.h"
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* More than this is not kept for the end of the turn: of one stream, of all. */
enum { STREAM_LATER_BYTES = 16 * 1024, STREAM_QUEUE_BYTES = 256 * 1024 };

static void stream_on_read(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;

    (void) fd, (void) what;
    stream->ready(stream->arg, STREAM_READABLE);
}

/* Whether a write that failed may do better later. */
static bool stream_is_full(void)
{
    return errno == EAGAIN || errno == ENOBUFS;
}

/* Returns the bytes taken by the kernel, 0 when it takes none now, -1 when the peer is gone. */
static ssize_t stream_send(int fd, const char *data, size_t bytes)
{
    ssize_t sent;

    do
        sent = send(fd, data, bytes, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 ? sent : stream_is_full() ? 0 : -1;
}

static ssize_t stream_send_pieces(int fd, struct iovec *pieces, size_t count)
{
    const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = count};
    ssize_t sent;

    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 ? sent : stream_is_full() ? 0 : -1;
}

static void stream_unblock(struct stream *stream)
{
    if (stream->write_event != NULL)
        event_free(stream->write_event);
    stream->write_event = NULL;
}

static void stream_on_write(evutil_socket_t fd, short what, void *arg)
{
    struct stream *stream = arg;
    ssize_t sent;

    (void) what;
    sent = stream_send(fd, buf_data(&stream->out), buf_bytes(&stream->out));
    if (sent > 0)
        buf_consume(&stream->out, (size_t) sent);
    if (sent >= 0 && buf_bytes(&stream->out) > 0)
        return;
    stream_unblock(stream);
    stream->ready(stream->arg, sent < 0 ? STREAM_GONE : STREAM_DRAINED);
}

int stream_open(struct stream *stream, struct event_base *base, int take_fd, stream_ready *ready,
                void *arg)
{
    *stream = (struct stream){.fd = take_fd, .ready = ready, .arg = arg};
    event_assign(&stream->read_event, base, take_fd, EV_READ | EV_PERSIST, stream_on_read, stream);
    stream_pause(stream, false);
    if (stream->reading)
        return 0;
    stream_close(stream);
    return -1;
}

/* The bytes that were to leave at the end of the turn; they are the queue's until that is over. */
static struct iovec stream_unqueue(struct stream *stream)
{
    struct stream_queue *queue = stream->queue;
    struct iovec later = {.iov_len = stream->later_bytes};

    if (queue == NULL)
        return later;
    later.iov_base = queue->bytes.data + stream->later_at;
    TAILQ_REMOVE(&queue->streams, stream, entry);
    stream->queue = NULL;
    stream->later_bytes = 0;
    return later;
}

void stream_close(struct stream *stream)
{
    if (stream->fd < 0)
        return;
    event_del(&stream->read_event);
    stream_unblock(stream);
    (void) stream_unqueue(stream);
    close(stream->fd);
    stream->fd = -1;
    stream->reading = false;
    buf_done(&stream->out);
}

void stream_set_owner(struct stream *stream, stream_ready *ready, void *arg)
{
    stream->ready = ready;
    stream->arg = arg;
}

ssize_t stream_read(struct stream *stream, char *data, size_t bytes)
{
    ssize_t got;

    do
        got = recv(stream->fd, data, bytes, 0);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return got;
    return errno == EAGAIN ? -1 : -2;
}

void stream_pause(struct stream *stream, bool paused)
{
    if (stream->fd < 0 || stream->reading == !paused)
        return;
    if (paused)
        stream->reading = event_del(&stream->read_event) < 0;
    else
        stream->reading = event_add(&stream->read_event, NULL) == 0;
}

void stream_widen(struct stream *stream, int bytes)
{
    if (!stream->wide)
        (void) setsockopt(stream->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    stream->wide = true;
}

bool stream_gone(const struct stream *stream)
{
    struct pollfd hangup = {.fd = stream->fd};

    return stream->fd < 0 ||
           (poll(&hangup, 1, 0) > 0 && (hangup.revents & (POLLHUP | POLLERR)) != 0);
}

size_t stream_untaken(const struct stream *stream)
{
    int held = 0;

    return stream_waiting(stream) +
           (ioctl(stream->fd, SIOCOUTQ, &held) == 0 && held > 0 ? (size_t) held : 0);
}

static int stream_watch_writing(struct stream *stream)
{
    if (stream_blocked(stream))
        return 0;
    stream->write_event = event_new(event_get_base(&stream->read_event), stream->fd,
                                    EV_WRITE | EV_PERSIST, stream_on_write, stream);
    if (stream->write_event != NULL && event_add(stream->write_event, NULL) == 0)
        return 0;
    stream_unblock(stream);
    return -1;
}

/*
 * Keeps bytes until the peer takes more.  Without memory for them the peer shall not wait for the
 * rest of what it has a part of: it sees an end.
 */
static int stream_block(struct stream *stream, const char *data, size_t bytes)
{
    if (buf_add(&stream->out, data, bytes) == 0 && stream_watch_writing(stream) == 0)
        return 0;
    shutdown(stream->fd, SHUT_WR);
    return -1;
}

int stream_push(struct stream *stream)
{
    struct iovec later = stream_unqueue(stream);
    ssize_t sent;

    if (stream->fd < 0)
        return -1;
    if (later.iov_len == 0)
        return 0;
    sent = stream_send(stream->fd, later.iov_base, later.iov_len);
    if (sent < 0) {
        buf_add(&stream->out, later.iov_base, later.iov_len);
        return -1;
    }
    if ((size_t) sent == later.iov_len)
        return 0;
    return stream_block(stream, (char *) later.iov_base + sent, later.iov_len - (size_t) sent);
}

void stream_push_all(struct stream_queue *queue)
{
    struct stream *stream;

    while ((stream = TAILQ_FIRST(&queue->streams)) != NULL) {
        if (stream_push(stream) < 0)
            stream->ready(stream->arg, STREAM_GONE);
        else if (stream_blocked(stream))
            stream->ready(stream->arg, STREAM_BLOCKED);
    }
    buf_clear(&queue->bytes);
}

int stream_recall(struct stream *stream)
{
    struct iovec later = stream_unqueue(stream);

    return buf_add(&stream->out, later.iov_base, later.iov_len);
}

void stream_queue_init(struct stream_queue *queue)
{
    *queue = (struct stream_queue){.streams = TAILQ_HEAD_INITIALIZER(queue->streams)};
}

void stream_queue_done(struct stream_queue *queue)
{
    buf_done(&queue->bytes);
}

int stream_write(struct stream *stream, const char *data, size_t bytes)
{
    ssize_t sent = 0;

    if (stream_push(stream) < 0)
        return -1;
    if (stream_waiting(stream) == 0) {
        sent = stream_send(stream->fd, data, bytes);
        if (sent < 0)
            return -1;
    }
    return (size_t) sent == bytes ? 0 : stream_block(stream, data + sent, bytes - (size_t) sent);
}

int stream_write_pieces(struct stream *stream, struct iovec *pieces, size_t count)
{
    size_t taken = 0;

    if (stream_push(stream) < 0)
        return -1;
    if (stream_waiting(stream) == 0) {
        ssize_t sent = stream_send_pieces(stream->fd, pieces, count);
        if (sent < 0)
            return -1;
        taken = (size_t) sent;
    }
    for (size_t i = 0; i < count; i++) {
        size_t bytes = pieces[i].iov_len, skip = taken < bytes ? taken : bytes;

        taken -= skip;
        if (skip < bytes &&
            stream_block(stream, (const char *) pieces[i].iov_base + skip, bytes - skip) < 0)
            return -1;
    }
    return 0;
}

int stream_write_later(struct stream *stream, struct stream_queue *queue, const char *data,
                       size_t bytes)
{
    size_t end = buf_bytes(&queue->bytes);

    if (stream->fd < 0)
        return -1;
    if (bytes == 0)
        return 0;
    /* Its bytes stand in one piece: what others have added since cannot be parted. */
    if (stream_blocked(stream) || stream->later_bytes + bytes > STREAM_LATER_BYTES ||
        end + bytes > STREAM_QUEUE_BYTES ||
        (stream_queued(stream) && stream->later_at + stream->later_bytes != end))
        return stream_write(stream, data, bytes);
    if (buf_add(&queue->bytes, data, bytes) < 0)
        return -1;
    if (!stream_queued(stream)) {
        TAILQ_INSERT_TAIL(&queue->streams, stream, entry);
        stream->queue = queue;
        stream->later_at = (uint32_t) end;
    }
    stream->later_bytes += (uint32_t) bytes;
    return 0;
}
