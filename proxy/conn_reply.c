/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_reply: one exchange, from the Engine's reply to the client.
 */
#include "answer.h"
#include "config.h"
#include "conn_internal.h"
#include "err.h"
#include "lease.h"
#include "log.h"
#include "policy.h"
#include "upstream.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    CONN_CREATED_BYTES = 1024 * 1024, /* of the Engine's answer to a create */
    CONN_REPLY_HEAD_BYTES = 64 * 1024,
    CONN_INTERIM_MAX = 16 /* 1xx replies before the one that counts */
};

/*
 * Whether the Engine has said something behind the end of its answer, which would be taken for the
 * beginning of the next.  It is looked for where a read could end before what was there did.
 */
static bool conn_engine_says_more(struct conn *conn)
{
    char more;

    return conn->x.more && stream_read(conn->engine, &more, sizeof more) > 0;
}

void conn_reply_end(struct conn *conn, bool surplus)
{
    static const char removed[] = "condition=removed";

    if (conn->x.op->number == OPERATION_ContainerWait &&
        memmem(conn->x.target, conn->x.target_bytes, removed, sizeof removed - 1) != NULL)
        lease_resync(conn->tenant->lease, NULL, NULL);
    if (conn->x.engine_keep && !surplus && !conn_engine_says_more(conn))
        upstream_give(conn->shared->upstream, conn->engine);
    else
        upstream_drop(conn->shared->upstream, conn->engine);
    conn->engine = NULL;
    conn_end_exchange(conn, REASON_NONE);
}

void conn_engine_failed(struct conn *conn, enum reason reason)
{
    if (conn->state == CONN_STREAM || conn->detached) {
        /* The head is out: all that can still be told is that the body is not whole. */
        conn_finish(conn, reason);
        return;
    }
    conn->x.keep_alive = false;
    conn_refuse(conn, reason, NULL);
}

void conn_pass_on(struct conn *conn, bool surplus)
{
    struct answer_to to = conn_answer_to(conn);
    struct buf answer = {0};

    if (answer_json(&answer, &to, 201, buf_data(&conn->body), buf_bytes(&conn->body)) < 0)
        conn_finish(conn, REASON_OUT_OF_MEMORY);
    else if (conn_write(conn, buf_data(&answer), buf_bytes(&answer)) == 0)
        conn_reply_end(conn, surplus);
    buf_done(&answer);
}

/* The answer teaches us an id. */
static void conn_exec_created(struct conn *conn, bool surplus)
{
    struct conn_tenant *tenant = conn->tenant;
    char id[OWNER_ID_BYTES + 1];
    struct err err;

    if (policy_exec_created(conn->x.decision, buf_data(&conn->body), buf_bytes(&conn->body), id,
                            &err) < 0) {
        log_error("the engine's answer to an exec: %s", err.text);
        conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
        return;
    }
    if (owner_exec_add(tenant->owned, id, conn->x.container) < 0)
        log_error("out of memory: exec %.12s is not in the table", id);
    conn_pass_on(conn, surplus);
}

/* The whole answer is in conn->body. */
static void conn_collected(struct conn *conn, bool surplus)
{
    if (conn_observes(&conn->x)) {
        conn_observe_created(conn);
        conn_pass_on(conn, surplus);
        return;
    }
    switch (conn->x.op->reply) {
    case REPLY_CREATE:
        conn_container_created(conn, surplus);
        return;
    case REPLY_NETWORK:
        conn_network_created(conn, surplus);
        return;
    case REPLY_VOLUME:
        conn_volume_created(conn, surplus);
        return;
    default:
        conn_exec_created(conn, surplus);
    }
}

static void conn_collect(struct conn *conn, const char *data, size_t bytes)
{
    struct span payload;
    ssize_t used;

    while (bytes > 0 && !conn->framing.done) {
        used = message_body_read(&conn->framing, data, bytes, &payload);
        if (used <= 0 || buf_bytes(&conn->body) + payload.bytes > CONN_CREATED_BYTES ||
            buf_add(&conn->body, payload.data, payload.bytes) < 0) {
            conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
            return;
        }
        data += used;
        bytes -= (size_t) used;
    }
    if (conn->framing.done)
        conn_collected(conn, bytes > 0);
}

/* Hands body bytes on: as they are, or without their chunks for an HTTP/1.0 client. */
static void conn_relay(struct conn *conn, const char *data, size_t bytes)
{
    size_t total = 0;
    struct span payload;
    ssize_t used;

    while (total < bytes && !conn->framing.done) {
        used = message_body_read(&conn->framing, data + total, bytes - total, &payload);
        if (used <= 0) {
            conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
            return;
        }
        if (conn->x.dechunk && conn_write(conn, payload.data, payload.bytes) < 0)
            return;
        total += (size_t) used;
    }
    if (!conn->x.dechunk && conn_write(conn, data, total) < 0)
        return;
    if (conn->framing.done)
        conn_reply_end(conn, total < bytes);
}

static int conn_write_reply_head(struct conn *conn, const struct message_reply *reply)
{
    struct exchange *x = &conn->x;
    struct message_to_client head = {
        .status = reply->status,
        .framing = reply->framing,
        .content_bytes = reply->content_bytes,
        .http10 = x->http10,
        .content_type = reply->content_type.bytes > 0 ? reply->content_type.data : NULL,
        .content_type_bytes = reply->content_type.bytes,
        .api_minor = upstream_engine(conn->shared->upstream)->api_minor,
        .ostype = upstream_engine(conn->shared->upstream)->ostype,
    };
    struct buf *out = conn_draft(conn);

    if (x->op != NULL && reply->status == 101)
        head.protocol = operation_protocol(x->op);
    if (x->websocket_key[0] != '\0' && reply->status == 101)
        head.websocket_accept = message_websocket_accept(reply->fields);
    if (x->op != NULL && (x->op->number == OPERATION_ContainerArchive ||
                          x->op->number == OPERATION_ContainerArchiveInfo))
        head.path_stat = reply->path_stat;
    x->dechunk = x->http10 && reply->framing == FRAMING_CHUNKED;
    if (x->dechunk)
        head.framing = FRAMING_CLOSE;
    if (head.framing == FRAMING_CLOSE)
        x->keep_alive = false;
    head.keep_alive = conn_keeps_alive(conn);
    if (message_write_reply(out, &head) == 0)
        return conn_write(conn, buf_data(out), buf_bytes(out));
    conn_finish(conn, REASON_OUT_OF_MEMORY);
    return -1;
}

/* Whether we asked for a raw stream in the way that is answered by this 101. */
static bool conn_asked_upgrade(const struct conn *conn, const struct message_reply *reply)
{
    return conn->x.upgrade && conn->x.hijack &&
           (conn->x.websocket_key[0] == '\0' || message_websocket_accept(reply->fields).bytes > 0);
}

/*
 * An Engine that was asked for a raw stream and agrees stops to speak HTTP there and then: with 101
 * when the client asked for an upgrade, else with a 200 that names no end. A websocket begins with
 * 101 alone.
 */
static bool conn_is_hijacked(const struct conn *conn, const struct message_reply *reply)
{
    return conn->x.hijack &&
           (reply->status == 101 || (reply->status == 200 && reply->framing == FRAMING_CLOSE &&
                                     conn->x.websocket_key[0] == '\0'));
}

/* Whether the body of a 201 is looked at; not while the request's own still comes. */
static bool conn_teaches(const struct exchange *x)
{
    enum reply reply = x->op->reply;

    if (x->unread)
        return false;
    return reply == REPLY_CREATE || reply == REPLY_EXEC || reply == REPLY_NETWORK ||
           reply == REPLY_VOLUME;
}

/*
 * Refusals in which an Engine names the containers for which it refuses, perhaps those of others:
 * what is said instead.
 */
static const struct {
    enum operation_id operation;
    int status;
    enum reason reason;
    const char *text; /* NULL: the reason's own */
} conn_tellings[] = {
    {OPERATION_ContainerCreate, 409, REASON_NAME_TAKEN, NULL},
    {OPERATION_ContainerRename, 409, REASON_NAME_TAKEN, NULL},
    {OPERATION_ImageDelete, 409, REASON_IN_USE,
     "conflict: a container uses the image, another image is made of it, or it has further names; "
     "force=1 takes a name away that no running container was made by"},
    {OPERATION_VolumeDelete, 409, REASON_IN_USE, "volume is in use by a container"},
};

enum { CONN_TELLINGS = sizeof conn_tellings / sizeof conn_tellings[0] };

/* A container's name that is taken, by one of the client's own or by that of somebody else. */
static void conn_say_name(const struct conn *conn, char *text, size_t bytes)
{
    const char *name = conn->x.decision->name;
    const struct owner_entry *own = owner_resolve(conn->tenant->owned, name, strlen(name));

    if (own != NULL)
        snprintf(text, bytes,
                 "Conflict. The container name \"/%s\" is already in use by container \"%s\". You "
                 "have to remove (or rename) that container to be able to reuse that name.",
                 name, own->id);
    else
        snprintf(text, bytes,
                 "Conflict. The container name \"/%s\" is already in use by a container that is "
                 "not yours; choose another",
                 name);
}

/* Answers instead of an Engine that would tell of others; false when there is no need. */
static bool conn_tells_of_others(struct conn *conn, int status)
{
    const struct exchange *x = &conn->x;
    char text[OWNER_NAME_BYTES + OWNER_ID_BYTES + 192];
    size_t i = 0;

    while (i < CONN_TELLINGS &&
           (conn_tellings[i].operation != x->op->number || conn_tellings[i].status != status))
        i++;
    if (i == CONN_TELLINGS || conn_observes(x))
        return false;
    if (conn->detached) {
        conn_finish(conn, conn_tellings[i].reason);
        return true;
    }
    if (conn_tellings[i].reason == REASON_NAME_TAKEN)
        conn_say_name(conn, text, sizeof text);
    else
        snprintf(text, sizeof text, "%s", conn_tellings[i].text);
    conn->x.keep_alive = false; /* the Engine's own words are left unread */
    conn_refuse(conn, conn_tellings[i].reason, text);
    return true;
}

static void conn_take_reply(struct conn *conn, const struct message_reply *reply, const char *data,
                            size_t bytes)
{
    struct exchange *x = &conn->x;
    /* Whose client has gone is waited for no longer, whatever the answer. */
    const int64_t deadline_ms = conn->detached ? conn->deadline_ms : 0;

    x->status = reply->status;
    x->engine_keep = reply->keep_alive && !x->unread;
    message_body_init(&conn->framing, reply->framing, reply->content_bytes);
    if (conn_teaches(x) && reply->status == 201) {
        conn_enter(conn, CONN_CREATED, deadline_ms);
        conn_collect(conn, data, bytes);
        return;
    }
    if (conn_tells_of_others(conn, reply->status))
        return;
    conn_learn(conn, reply->status);
    if (conn_is_hijacked(conn, reply)) {
        x->keep_alive = false;
        if (conn_write_reply_head(conn, reply) < 0)
            return;
        conn_forget_decision(conn);
        conn_tunnel_open(conn, data, bytes);
        return;
    }
    conn_enter(conn, CONN_STREAM, deadline_ms);
    if (conn_write_reply_head(conn, reply) < 0)
        return;
    conn_forget_decision(conn);
    if (conn->framing.done)
        conn_reply_end(conn, bytes > 0);
    else if (bytes > 0)
        conn_relay(conn, data, bytes);
}

/* Returns how many bytes were used; what is left is the beginning of a head. */
static size_t conn_read_reply(struct conn *conn, const char *data, size_t bytes)
{
    struct message_reply reply;
    size_t used = 0;
    ssize_t head;

    while (used < bytes) {
        head = message_parse_reply_known(conn->shared->known, data + used, bytes - used,
                                         conn->x.to_head, &reply);
        if (head == 0)
            break;
        if (head < 0 || (reply.status == 101 && !conn_asked_upgrade(conn, &reply)) ||
            (reply.status < 200 && conn->x.interim++ >= CONN_INTERIM_MAX)) {
            conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
            return bytes;
        }
        used += (size_t) head;
        if (reply.status < 200 && reply.status != 101)
            continue;
        conn_take_reply(conn, &reply, data + used, bytes - used);
        return bytes;
    }
    return used;
}

/* An Engine may answer before it has the whole body. */
static bool conn_awaits_reply(const struct conn *conn)
{
    return conn->state == CONN_SENT || conn->state == CONN_UPLOAD;
}

static void conn_read_engine_head(struct conn *conn, const char *data, size_t bytes)
{
    size_t used;

    if (buf_bytes(&conn->reply) == 0) {
        used = conn_read_reply(conn, data, bytes);
        if (used < bytes && buf_add(&conn->reply, data + used, bytes - used) < 0)
            conn_engine_failed(conn, REASON_OUT_OF_MEMORY);
        return;
    }
    if (buf_add(&conn->reply, data, bytes) < 0) {
        conn_engine_failed(conn, REASON_OUT_OF_MEMORY);
        return;
    }
    /* Moved aside, since the end of an exchange clears conn->reply. */
    struct buf reply = conn->reply;
    conn->reply = (struct buf){0};
    used = conn_read_reply(conn, buf_data(&reply), buf_bytes(&reply));
    buf_consume(&reply, used);
    if (conn_awaits_reply(conn) && buf_bytes(&reply) > 0) {
        conn->reply = reply;
        if (buf_bytes(&conn->reply) > CONN_REPLY_HEAD_BYTES)
            conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
        return;
    }
    buf_done(&reply);
}

static void conn_engine_bytes(struct conn *conn, const char *data, size_t bytes)
{
    if (conn_awaits_reply(conn))
        conn_read_engine_head(conn, data, bytes);
    else if (conn->state == CONN_CREATED)
        conn_collect(conn, data, bytes);
    else if (conn->state == CONN_TUNNEL)
        conn_tunnel_engine(conn, data, bytes);
    else
        conn_relay(conn, data, bytes);
}

static void conn_engine_ended(struct conn *conn, bool cleanly)
{
    bool whole = cleanly && conn->framing.framing == FRAMING_CLOSE;

    if (conn->state == CONN_TUNNEL) {
        conn->engine_ended = true;
    } else if (conn->state == CONN_STREAM && whole) {
        conn_reply_end(conn, false);
    } else if (conn->state == CONN_CREATED && whole) {
        conn_collected(conn, false);
    } else {
        conn_engine_failed(conn, REASON_ENGINE_BROKE_OFF);
        upstream_lost(conn->shared->upstream);
    }
}

/* What became of bytes that waited to be written. */
static void conn_engine_writes(struct conn *conn, enum stream_event event)
{
    const size_t waiting = stream_waiting(conn->engine);

    if (event == STREAM_GONE && conn->state == CONN_UPLOAD)
        conn_upload_cut(conn);
    else if (event == STREAM_GONE && conn->state == CONN_SENT && waiting > 0 &&
             waiting == conn->x.request_bytes)
        conn_resend(conn);
    else if (conn->state != CONN_TUNNEL && conn->state != CONN_UPLOAD)
        return; /* the failure shows again when the reply is read */
    conn_settle(conn);
}

/* Hands on what comes without copying it; returns what stream_read() would, -1 when all is said. */
static ssize_t conn_splice_reply(struct conn *conn)
{
    const bool as_read = conn->framing.framing == FRAMING_CHUNKED && !conn->x.dechunk;
    const struct splice_way way = {
        .from = conn->engine,
        .to = &conn->client,
        .body = &conn->framing,
        .framing = as_read ? SPLICE_AS_READ : SPLICE_BARE,
        .least = (size_t) conn_config(conn)->splice_bytes,
        .most = conn->tenant->read_bytes,
    };
    struct splice_moved moved;
    ssize_t got = splice_move(conn->shared->splice, &way, &moved);

    conn->x.bytes_out += moved.written_bytes;
    conn->x.more = true; /* the kernel takes as many bytes as the body has */
    if (got == SPLICE_PEER_GONE)
        conn_finish(conn, REASON_CLIENT_GONE);
    else if (got == SPLICE_BROKEN)
        conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
    else if (conn->framing.done)
        conn_reply_end(conn, moved.surplus_bytes > 0);
    return got < -2 ? -1 : got;
}

/* Reads, or hands on unread, what there is; returns what stream_read() would. */
static ssize_t conn_take_engine(struct conn *conn, ssize_t last_read)
{
    char *scratch = conn->shared->scratch;
    ssize_t got;

    if (conn_tunnel_splices(conn, &conn->client, last_read))
        return conn_tunnel_splice(conn, conn->engine, &conn->client);
    if (conn->state == CONN_STREAM && conn_splices(conn, &conn->framing, &conn->client, last_read))
        return conn_splice_reply(conn);
    got = stream_read(conn->engine, scratch, conn->tenant->read_bytes);
    conn->x.more = got == (ssize_t) conn->tenant->read_bytes;
    if (got > 0)
        conn_engine_bytes(conn, scratch, (size_t) got);
    return got;
}

static void conn_read_engine(struct conn *conn)
{
    ssize_t got = 0;
    int reads = 0;

    do {
        got = conn_take_engine(conn, got);
        if (got == 0 || got < -1)
            conn_engine_ended(conn, got == 0);
        conn_settle(conn);
    } while (conn_reads_on(conn, conn->engine, got, &reads));
}

void conn_on_engine(void *arg, enum stream_event event)
{
    struct conn *conn = arg;

    assert(conn->magic == CONN_MAGIC && conn->state != CONN_DONE);
    if (event != STREAM_READABLE) {
        conn_engine_writes(conn, event);
        return;
    }
    /* What comes before the request has left is no answer to it. */
    if (conn->state == CONN_SENT && stream_queued(conn->engine)) {
        conn_resend(conn);
        conn_settle(conn);
        return;
    }
    conn_read_engine(conn);
}
