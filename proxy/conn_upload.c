/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_upload: a request body that is handed on as it comes, such as the tar of `docker cp`.
 *
 * Its head alone was judged; of the body nothing is known but its type, and nothing is kept.  How
 * the Engine is told where it ends is ours to say: the length that the client stated, or chunks of
 * our own making.  Who is slow is waited for: neither side is read while the other takes nothing.
 *
 * Whatever ends it early (a limit, broken chunks, a client that goes, an Engine that has answered)
 * closes the Engine's connection before the body's end.  So the Engine sees a broken request, and
 * never a shorter one that looks whole.
 */
#include "config.h"
#include "conn_internal.h"
#include "policy.h"
#include <sys/uio.h>

enum { CONN_UPLOAD_PIECES = 32 /* of the client's chunks, that go on as one */ };

static int64_t conn_upload_deadline(const struct conn *conn)
{
    return conn_in_ms(conn_config(conn)->upload_timeout_ms);
}

void conn_upload_expect(struct conn *conn, const struct message_request *request)
{
    struct exchange *x = &conn->x;

    message_body_init(&conn->framing, request->framing, request->content_bytes);
    x->unread = !conn->framing.done;
    x->expect = request->expect_continue;
    if (x->unread && !request->opaque)
        conn_refuse(conn, REASON_UPLOAD_TYPE, NULL);
    else if (request->content_bytes > (uint64_t) conn_config(conn)->upload_bytes)
        conn_refuse(conn, REASON_UPLOAD_TOO_LARGE, NULL);
    else
        conn_decide(conn);
}

void conn_upload_begin(struct conn *conn)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    conn_enter(conn, CONN_UPLOAD, conn_upload_deadline(conn));
    if (conn->x.expect)
        conn_write(conn, go_on, sizeof go_on - 1);
}

bool conn_upload_is_stuck(struct conn *conn)
{
    bool stuck = stream_blocked(conn->engine);

    if (stuck)
        conn->deadline_ms = 0;
    else if (conn->deadline_ms == 0)
        conn->deadline_ms = conn_upload_deadline(conn);
    return stuck;
}

void conn_upload_cut(struct conn *conn)
{
    conn->x.unread = true;
    conn_enter(conn, CONN_SENT, 0);
}

static struct iovec conn_upload_piece(const char *data, size_t bytes)
{
    return (struct iovec){(void *) (uintptr_t) data, bytes};
}

/* Some payload, in the framing that the Engine was told of; pieces[0] and the last one are ours. */
static int conn_upload_write(struct conn *conn, struct iovec *pieces, size_t count, size_t bytes)
{
    static const char end[] = "\r\n0\r\n\r\n";
    char line[MESSAGE_CHUNK_BYTES];
    bool done = conn->framing.done;

    if (conn->framing.framing == FRAMING_LENGTH)
        return stream_write_pieces(conn->engine, pieces + 1, count);
    if (conn->x.in_chunk) {
        conn->x.in_chunk = message_body_payload(&conn->framing) > 0;
        pieces[1 + count] = conn_upload_piece(end, conn->x.in_chunk ? 0 : 2);
        return stream_write_pieces(conn->engine, pieces + 1, count + 1);
    }
    if (bytes == 0) /* of the last chunk, no line has to be ended before it */
        return done ? stream_write(conn->engine, end + 2, sizeof end - 3) : 0;
    pieces[0] = conn_upload_piece(line, message_write_chunk(line, bytes));
    pieces[1 + count] = conn_upload_piece(end, done ? sizeof end - 1 : 2);
    return stream_write_pieces(conn->engine, pieces, count + 2);
}

/* The Engine has all that came so far. */
static void conn_upload_went(struct conn *conn)
{
    conn->deadline_ms = conn_upload_deadline(conn);
    if (!conn->framing.done)
        return;
    conn->x.unread = false;
    conn_enter(conn, CONN_SENT, 0);
}

ssize_t conn_read_upload(struct conn *conn, const char *data, size_t bytes)
{
    struct iovec pieces[1 + CONN_UPLOAD_PIECES + 1];
    const size_t most = conn->x.in_chunk ? 1 : CONN_UPLOAD_PIECES;
    size_t used = 0, count = 0, payload_bytes = 0;
    struct span payload;

    if (stream_blocked(conn->engine))
        return 0;
    while (used < bytes && count < most && !conn->framing.done) {
        ssize_t step = message_body_read(&conn->framing, data + used, bytes - used, &payload);
        if (step < 0) {
            conn_refuse_and_close(conn, REASON_FRAMING_REFUSED);
            return (ssize_t) bytes;
        }
        used += (size_t) step;
        payload_bytes += payload.bytes;
        if (payload.bytes > 0)
            pieces[1 + count++] = conn_upload_piece(payload.data, payload.bytes);
    }
    conn->x.bytes_in += payload_bytes;
    if (conn->x.bytes_in > (uint64_t) conn_config(conn)->upload_bytes) {
        conn_refuse_and_close(conn, REASON_UPLOAD_TOO_LARGE);
        return (ssize_t) bytes;
    }
    if (conn_upload_write(conn, pieces, count, payload_bytes) < 0)
        conn_upload_cut(conn);
    else
        conn_upload_went(conn);
    return (ssize_t) used;
}

/* Of what it may still have, what is handed on at once; with that comes a surplus, perhaps. */
static size_t conn_upload_room(const struct conn *conn)
{
    uint64_t room = (uint64_t) conn_config(conn)->upload_bytes - conn->x.bytes_in;

    if (room <= SPLICE_SURPLUS_BYTES)
        return 0;
    room -= SPLICE_SURPLUS_BYTES;
    return room < conn->tenant->read_bytes ? (size_t) room : conn->tenant->read_bytes;
}

bool conn_upload_splices(const struct conn *conn, ssize_t last_read)
{
    return conn->state == CONN_UPLOAD && buf_bytes(&conn->in) == 0 &&
           !stream_blocked(&conn->client) && conn_upload_room(conn) > 0 &&
           conn_splices(conn, &conn->framing, conn->engine, last_read);
}

ssize_t conn_splice_upload(struct conn *conn)
{
    struct exchange *x = &conn->x;
    const bool chunked = conn->framing.framing == FRAMING_CHUNKED;
    const struct splice_way way = {
        .from = &conn->client,
        .to = conn->engine,
        .body = &conn->framing,
        .framing = chunked ? SPLICE_CHUNKS : SPLICE_BARE,
        .open = &x->in_chunk,
        .least = (size_t) conn_config(conn)->splice_bytes,
        .most = conn_upload_room(conn),
    };
    struct splice_moved moved;
    ssize_t got = splice_move(conn->shared->splice, &way, &moved);

    x->bytes_in += moved.payload_bytes;
    if (got == SPLICE_BROKEN)
        conn_refuse_and_close(conn, REASON_FRAMING_REFUSED);
    else if (got == SPLICE_PEER_GONE)
        conn_upload_cut(conn);
    else if (got > 0 && buf_add(&conn->in, moved.surplus, moved.surplus_bytes) < 0)
        conn_finish(conn, REASON_OUT_OF_MEMORY);
    else if (got > 0)
        conn_upload_went(conn);
    return got < -2 ? -1 : got;
}
