/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_tunnel: after a hijack (attach, exec start) the connection is no HTTP any more, but two
 * byte streams, one each way.
 *
 * Each side's end is passed on to the other when all its bytes are through, and the other direction
 * goes on: `docker run` without -i half-closes at once and reads on; `echo | docker exec -i` must
 * see the program's answer.  The tunnel ends when both have ended, or when one side is gone.
 * Nothing that a client sends from the request on is ever read as HTTP again.
 */
#include "conn_internal.h"

/* Each way, all there is until its end. */
static const struct message_body conn_tunnel_body = {.framing = FRAMING_CLOSE};

static void conn_tunnel_end(struct conn *conn)
{
    conn->x.keep_alive = false;
    conn_end_exchange(conn, REASON_NONE);
}

/*
 * Client bytes on their way to the Engine.  When it takes no more, its program has ended, but what
 * it said at last may still be on its way to the client.
 */
void conn_tunnel_client(struct conn *conn, const char *data, size_t bytes)
{
    conn->x.bytes_in += bytes;
    if (stream_write(conn->engine, data, bytes) < 0)
        conn->client_end_passed = true;
}

void conn_tunnel_engine(struct conn *conn, const char *data, size_t bytes)
{
    conn_write(conn, data, bytes);
}

bool conn_tunnel_splices(const struct conn *conn, const struct stream *to, ssize_t last_read)
{
    return conn->state == CONN_TUNNEL && conn_splices(conn, &conn_tunnel_body, to, last_read);
}

ssize_t conn_tunnel_splice(struct conn *conn, struct stream *from, struct stream *to)
{
    struct message_body raw = conn_tunnel_body;
    const struct splice_way way = {
        .from = from, .to = to, .body = &raw, .most = conn->tenant->read_bytes};
    struct splice_moved moved;
    ssize_t got = splice_move(conn->shared->splice, &way, &moved);

    if (to == conn->engine)
        conn->x.bytes_in += moved.payload_bytes;
    else
        conn->x.bytes_out += moved.payload_bytes;
    if (got == SPLICE_PEER_GONE && to == conn->engine)
        conn->client_end_passed = true;
    else if (got == SPLICE_PEER_GONE)
        conn_finish(conn, REASON_CLIENT_GONE);
    return got < -2 ? -1 : got;
}

void conn_tunnel_open(struct conn *conn, const char *data, size_t bytes)
{
    struct buf early = conn->in;

    conn_enter(conn, CONN_TUNNEL, 0);
    conn->in = (struct buf){0};
    if (bytes > 0)
        conn_tunnel_engine(conn, data, bytes);
    if (conn->state == CONN_TUNNEL && buf_bytes(&early) > 0)
        conn_tunnel_client(conn, buf_data(&early), buf_bytes(&early));
    buf_done(&early);
}

/* Passes on an end whose last bytes are through, or cannot be. */
static void conn_tunnel_pass_end(bool ended, struct stream *to, bool *passed)
{
    if (!ended || *passed || (stream_push(to) == 0 && stream_blocked(to)))
        return;
    shutdown(to->fd, SHUT_WR);
    *passed = true;
}

void conn_tunnel_settle(struct conn *conn)
{
    conn_tunnel_pass_end(conn->client_ended, conn->engine, &conn->client_end_passed);
    conn_tunnel_pass_end(conn->engine_ended, &conn->client, &conn->engine_end_passed);
    if (conn->engine_end_passed && (conn->client_end_passed || stream_gone(conn->engine))) {
        conn_tunnel_end(conn);
        return;
    }
    stream_pause(&conn->client,
                 conn->client_ended || conn->client_end_passed || stream_blocked(conn->engine));
    stream_pause(conn->engine, conn->engine_ended || stream_blocked(&conn->client));
}
