/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: the state machine of one client connection.
 *
 * Read it from the table of edges down: enter and finish, then what follows from a state, then the
 * ways in (the client can be read, its waiting bytes are gone, time passed, the Engine is known).
 *
 * Bytes are read into one scratch buffer that all connections share, and used from there; a
 * connection owns memory only for what could not be used at once.
 */
#include "config.h"
#include "conn_internal.h"
#include "lease.h"
#include "peers.h"
#include "policy.h"
#include <assert.h>
#include <stdlib.h>
#include <time.h>

enum {
    CONN_READS = 4,              /* of one side in a turn */
    CONN_MUCH_BYTES = 32 * 1024, /* behind which more is likely */
    CONN_LOSSES = 16,            /* of the Engine, while one request waits to know it */
    CONN_FLUSH_MS = 10 * 1000,   /* for our last bytes to be taken */
    CONN_LINGER_MS = 2 * 1000    /* for the client to see them and close */
};

/* The edges of the state machine, as sets of bits. */
#define TO(state) (1u << CONN_##state)
static const unsigned conn_edges[CONN_STATE_COUNT] = {
    [CONN_HEAD] = TO(HEAD) | TO(BODY) | TO(ENGINE) | TO(UPLOAD) | TO(SENT) | TO(FLUSH) | TO(DONE),
    [CONN_BODY] = TO(HEAD) | TO(ENGINE) | TO(SENT) | TO(FLUSH) | TO(DONE),
    [CONN_ENGINE] = TO(HEAD) | TO(UPLOAD) | TO(SENT) | TO(FLUSH) | TO(DONE),
    [CONN_UPLOAD] = TO(SENT) | TO(STREAM) | TO(FLUSH) | TO(DONE),
    [CONN_SENT] = TO(CREATED) | TO(STREAM) | TO(TUNNEL) | TO(FLUSH) | TO(DONE),
    [CONN_CREATED] = TO(HEAD) | TO(FLUSH) | TO(DONE),
    [CONN_STREAM] = TO(HEAD) | TO(FLUSH) | TO(DONE),
    [CONN_TUNNEL] = TO(FLUSH) | TO(DONE),
    [CONN_FLUSH] = TO(LINGER) | TO(DONE),
    [CONN_LINGER] = TO(DONE),
    [CONN_DONE] = 0,
};
#undef TO

bool conn_edge(enum conn_state from, enum conn_state to)
{
    return (conn_edges[from] & 1u << to) != 0;
}

void conn_enter(struct conn *conn, enum conn_state state, int64_t deadline_ms)
{
    assert(conn_edge(conn->state, state));
    conn->state = state;
    conn->deadline_ms = deadline_ms;
    conn->stalling = false;
}

int64_t conn_in_ms(int64_t ms)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* a deadline is looked at twice a second */
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000 + ms;
}

const struct config *conn_config(const struct conn *conn)
{
    return policy_config(conn->x.open ? conn->x.policy : conn->tenant->policy);
}

/* The only way out. */
void conn_finish(struct conn *conn, enum reason reason)
{
    if (conn->state == CONN_DONE)
        return;
    conn_close_exchange(conn, reason);
    conn_enter(conn, CONN_DONE, 0);
    stream_push(&conn->client); /* what the peer takes at once of an answer's beginning */
    stream_close(&conn->client);
    buf_done(&conn->in);
    conn->tenant->count--;
    if (!conn->detached)
        quota_leave(conn->tenant->quota, conn->peer.uid);
    conn->tenant->detached -= conn->detached;
    conn->tenant->strangers -= conn->stranger;
    LIST_REMOVE(conn, entry);
    LIST_INSERT_HEAD(&conn->shared->done, conn, entry);
}

/* Our last bytes are on their way, or gone: what the client still says is thrown away. */
static bool conn_is_ending(const struct conn *conn)
{
    return conn->state >= CONN_FLUSH;
}

static void conn_after_flush(struct conn *conn)
{
    shutdown(conn->client.fd, SHUT_WR);
    if (conn->client_ended || stream_gone(&conn->client))
        conn_finish(conn, REASON_NONE);
    else
        conn_enter(conn, CONN_LINGER, conn_in_ms(CONN_LINGER_MS));
}

/* Nothing more is read; what is written reaches the client, if it takes it in time. */
static void conn_flush(struct conn *conn)
{
    conn_enter(conn, CONN_FLUSH, conn_in_ms(CONN_FLUSH_MS));
    buf_done(&conn->in);
    if (stream_push(&conn->client) < 0)
        conn_finish(conn, REASON_NONE);
    else if (!stream_blocked(&conn->client))
        conn_after_flush(conn);
}

/* After an exchange that ended well, or with a refusal: the next one, or the end. */
void conn_end_exchange(struct conn *conn, enum reason reason)
{
    bool keep_alive = conn_keeps_alive(conn);
    int64_t idle_ms = conn_config(conn)->idle_timeout_ms;

    if (conn->detached) {
        conn_finish(conn, REASON_CLIENT_GONE);
        return;
    }
    conn_close_exchange(conn, reason);
    if (keep_alive) {
        conn->head_begun = false;
        conn_enter(conn, CONN_HEAD, idle_ms == 0 ? 0 : conn_in_ms(idle_ms));
    } else {
        conn_flush(conn);
    }
}

/* < 0: the client is gone and the connection finished, or detached from it. */
int conn_write(struct conn *conn, const char *data, size_t bytes)
{
    if (conn->detached)
        return 0;
    conn->x.bytes_out += bytes;
    if (stream_write_later(&conn->client, &conn->shared->later, data, bytes) == 0)
        return 0;
    conn_finish(conn, REASON_CLIENT_GONE);
    return -1;
}

struct buf *conn_draft(struct conn *conn)
{
    buf_clear(&conn->shared->draft);
    return &conn->shared->draft;
}

/* What follows from a state. */

/*
 * Uses client bytes as far as the state allows, exchange after exchange; a client that does not
 * read our answers is not read either.
 */
static size_t conn_feed(struct conn *conn, const char *data, size_t bytes)
{
    size_t used = 0;

    while (used < bytes && !stream_blocked(&conn->client)) {
        ssize_t step = 0;

        if (conn->state == CONN_HEAD)
            step = conn_read_head(conn, data + used, bytes - used);
        else if (conn->state == CONN_BODY)
            step = conn_read_body(conn, data + used, bytes - used);
        else if (conn->state == CONN_UPLOAD)
            step = conn_read_upload(conn, data + used, bytes - used);
        if (step <= 0)
            break;
        used += (size_t) step;
    }
    return used;
}

/* Uses what came before its turn. */
static void conn_feed_waiting(struct conn *conn)
{
    struct buf in = conn->in;
    size_t used;

    if (buf_bytes(&in) == 0)
        return;
    /* Moved aside, since the end of the connection clears conn->in; then it is of no use. */
    conn->in = (struct buf){0};
    used = conn_feed(conn, buf_data(&in), buf_bytes(&in));
    buf_consume(&in, used);
    if (conn_is_ending(conn))
        buf_done(&in);
    else
        conn->in = in;
}

/* Client bytes are used as they come. */
static bool conn_is_reading(const struct conn *conn)
{
    return conn->state == CONN_HEAD || conn->state == CONN_BODY || conn->state == CONN_UPLOAD;
}

/* Called at the end of every way in: what is watched follows from the state. */
void conn_settle(struct conn *conn)
{
    bool reading, stuck, client_full;

    if (conn_is_reading(conn))
        conn_feed_waiting(conn);
    if (conn->state == CONN_TUNNEL)
        conn_tunnel_settle(conn);
    if (conn->state == CONN_TUNNEL || conn->state == CONN_DONE)
        return;
    reading = conn_is_reading(conn);
    stuck = conn->state == CONN_UPLOAD && conn_upload_is_stuck(conn);
    if (reading && !stuck && conn->client_ended && !stream_blocked(&conn->client)) {
        conn_close_exchange(conn, REASON_CLIENT_GONE);
        conn_flush(conn);
        if (conn->state == CONN_DONE)
            return;
    }
    if (stream_blocked(&conn->client) != conn->stalling)
        conn_watch_stall(conn);
    if (conn->state == CONN_HEAD && !conn->head_begun && !conn->stalling &&
        buf_bytes(&conn->in) > 0) {
        conn->head_begun = true;
        conn->deadline_ms = conn_in_ms(conn_config(conn)->head_timeout_ms);
    }
    client_full = buf_bytes(&conn->in) > (size_t) conn_config(conn)->head_bytes;
    if (!conn->detached)
        stream_pause(&conn->client, conn->client_ended || stuck || (client_full && !reading) ||
                                        (reading && stream_blocked(&conn->client)));
    if (conn->engine != NULL)
        stream_pause(conn->engine, !conn->detached && stream_blocked(&conn->client));
}

/* The ways in. */

static void conn_client_gone(struct conn *conn)
{
    if (!conn->x.expected || conn->state == CONN_STREAM) {
        /* The Engine sees its client go, as it would without us; a removal may go on unheard. */
        if (conn->state == CONN_SENT && conn_changes_tables(conn->x.op))
            lease_check(conn->tenant->lease);
        conn_finish(conn, conn->engine_end_passed ? REASON_NONE : REASON_CLIENT_GONE);
        return;
    }
    /* Whatever becomes of a create, its container is to be known. */
    conn->detached = true;
    conn->tenant->detached++;
    conn->deadline_ms = conn_in_ms(conn_config(conn)->create_timeout_ms);
    quota_leave(conn->tenant->quota, conn->peer.uid);
    conn->tenant->strangers -= conn->stranger; /* of those that take no place, it is one */
    conn->stranger = false;
    stream_close(&conn->client);
}

static void conn_client_ended(struct conn *conn)
{
    conn->client_ended = true;
    if (conn->state == CONN_LINGER)
        conn_finish(conn, REASON_NONE);
    else if (stream_gone(&conn->client))
        conn_client_gone(conn);
}

static void conn_client_bytes(struct conn *conn, const char *data, size_t bytes)
{
    size_t used = 0;

    if (conn->state == CONN_TUNNEL) {
        conn_tunnel_client(conn, data, bytes);
        return;
    }
    if (buf_bytes(&conn->in) == 0)
        used = conn_feed(conn, data, bytes);
    if (conn_is_ending(conn))
        return;
    if (used < bytes && buf_add(&conn->in, data + used, bytes - used) < 0)
        conn_finish(conn, REASON_OUT_OF_MEMORY);
}

static bool conn_hands_on(const struct conn *conn)
{
    return conn->state == CONN_UPLOAD || conn->state == CONN_STREAM || conn->state == CONN_TUNNEL;
}

bool conn_splices(const struct conn *conn, const struct message_body *body, const struct stream *to,
                  ssize_t last_read)
{
    return conn_hands_on(conn) && !conn->detached && !stream_blocked(to) &&
           splice_suits(conn->shared->splice, body, (size_t) conn_config(conn)->splice_bytes,
                        last_read > 0 ? (size_t) last_read : 0);
}

bool conn_reads_on(const struct conn *conn, const struct stream *side, ssize_t got, int *reads)
{
    return conn_hands_on(conn) && got >= CONN_MUCH_BYTES && side->reading && ++*reads < CONN_READS;
}

/* Reads, or hands on unread, what there is; returns what stream_read() would. */
static ssize_t conn_take_client(struct conn *conn, ssize_t last_read)
{
    char *scratch = conn->shared->scratch;
    ssize_t got;

    if (conn_tunnel_splices(conn, conn->engine, last_read))
        return conn_tunnel_splice(conn, &conn->client, conn->engine);
    if (conn_upload_splices(conn, last_read))
        return conn_splice_upload(conn);
    got = stream_read(&conn->client, scratch, conn->tenant->read_bytes);
    if (got > 0)
        conn_client_bytes(conn, scratch, (size_t) got);
    return got;
}

static void conn_read_client(struct conn *conn)
{
    ssize_t got = 0;
    int reads = 0;

    do {
        got = conn_take_client(conn, got);
        if (got == 0)
            conn_client_ended(conn);
        else if (got < -1)
            conn_client_gone(conn);
        conn_settle(conn);
    } while (conn_reads_on(conn, &conn->client, got, &reads));
}

static void conn_on_client(void *arg, enum stream_event event)
{
    struct conn *conn = arg;

    assert(conn->magic == CONN_MAGIC && conn->state != CONN_DONE);
    switch (event) {
    case STREAM_GONE:
        conn_client_gone(conn);
        break;
    case STREAM_BLOCKED:
        break;
    case STREAM_DRAINED:
        if (conn->state == CONN_FLUSH)
            conn_after_flush(conn);
        break;
    case STREAM_READABLE:
        conn_read_client(conn);
        return;
    }
    conn_settle(conn);
}

static void conn_late(struct conn *conn)
{
    if (conn->stalling) {
        conn_stalled(conn);
        return;
    }
    switch (conn->state) {
    case CONN_HEAD:
        if (!conn->head_begun) {
            conn_finish(conn, REASON_NONE);
            return;
        }
        conn_open_exchange(conn);
        conn_refuse_and_close(conn, REASON_HEAD_TIMEOUT);
        return;
    case CONN_BODY:
        conn_refuse_and_close(conn, REASON_BODY_TIMEOUT);
        return;
    case CONN_ENGINE:
        conn_refuse(conn, REASON_ENGINE_DOWN, NULL);
        return;
    case CONN_UPLOAD:
        conn_refuse_and_close(conn, REASON_UPLOAD_TIMEOUT);
        return;
    default:
        conn_finish(conn, conn->detached ? REASON_CREATE_UNANSWERED : REASON_CLIENT_GONE);
    }
}

/* Calls visit for every open connection of a tenant; a visit may finish its own. */
static void conn_each(struct conn_tenant *tenant, void (*visit)(struct conn *conn, int64_t now_ms))
{
    int64_t now_ms = conn_in_ms(0);
    struct conn *conn, *next;

    for (conn = LIST_FIRST(&tenant->open); conn != NULL; conn = next) {
        next = LIST_NEXT(conn, entry);
        visit(conn, now_ms);
        conn_settle(conn);
    }
}

static void conn_visit_tick(struct conn *conn, int64_t now_ms)
{
    if (conn->deadline_ms != 0 && now_ms >= conn->deadline_ms)
        conn_late(conn);
    else if (conn->x.open && !conn->detached && !conn->client.reading && stream_gone(&conn->client))
        conn_client_gone(conn); /* it is not read, so nothing else would tell */
}

void conn_tick(struct conn_tenant *tenant)
{
    conn_each(tenant, conn_visit_tick);
}

static void conn_visit_known(struct conn *conn, int64_t now_ms)
{
    (void) now_ms;
    if (conn->state != CONN_ENGINE)
        return;
    if (conn->tenant->ready)
        conn_decide(conn);
    else
        conn_refuse(conn, REASON_ENGINE_DOWN, NULL);
}

void conn_engine_known(struct conn_tenant *tenant, bool ready)
{
    tenant->ready = ready;
    conn_each(tenant, conn_visit_known);
}

static void conn_visit_lost(struct conn *conn, int64_t now_ms)
{
    (void) now_ms;
    if (conn->state != CONN_ENGINE)
        return;
    if (conn->x.losses++ < CONN_LOSSES)
        conn->tenant->ask_engine(conn->tenant->arg);
    else
        conn_refuse(conn, REASON_ENGINE_DOWN, NULL);
}

void conn_engine_lost(struct conn_tenant *tenant)
{
    tenant->ready = false;
    conn_each(tenant, conn_visit_lost);
}

static void conn_visit_listed(struct conn *conn, int64_t now_ms)
{
    (void) now_ms;
    if (conn->state == CONN_ENGINE && conn->x.volumes != 0)
        conn_decide(conn);
}

static void conn_visit_not_listed(struct conn *conn, int64_t now_ms)
{
    (void) now_ms;
    if (conn->state == CONN_ENGINE && conn->x.volumes != 0)
        conn_refuse(conn, REASON_ENGINE_DOWN, NULL);
}

void conn_volumes_listed(void *tenant, bool listed)
{
    conn_each(tenant, listed ? conn_visit_listed : conn_visit_not_listed);
}

static void conn_visit_drain(struct conn *conn, int64_t now_ms)
{
    (void) now_ms;
    if (conn->state != CONN_HEAD || buf_bytes(&conn->in) > 0)
        return;
    if (stream_waiting(&conn->client) > 0)
        conn_flush(conn);
    else
        conn_finish(conn, REASON_NONE);
}

static void conn_visit_end(struct conn *conn, int64_t now_ms)
{
    (void) now_ms;
    if (conn->x.open && !conn->detached && conn->state < CONN_STREAM)
        conn_refuse_and_close(conn, REASON_SHUTDOWN);
    conn_finish(conn, REASON_SHUTDOWN);
}

void conn_drain(struct conn_tenant *tenant, bool now)
{
    tenant->draining = true;
    conn_each(tenant, now ? conn_visit_end : conn_visit_drain);
}

void conn_reap(struct conn_shared *shared)
{
    struct conn *conn;

    while ((conn = LIST_FIRST(&shared->done)) != NULL) {
        LIST_REMOVE(conn, entry);
        conn->magic = 0;
        free(conn);
    }
}

static void conn_ask_peer(struct conn *conn)
{
    struct conn_tenant *tenant = conn->tenant;

    tenant->strangers -= conn->stranger;
    conn->stranger = !peers_admit(tenant->peers, conn->client.fd);
    tenant->strangers += conn->stranger;
}

static void conn_visit_peers(struct conn *conn, int64_t now_ms)
{
    (void) now_ms;
    if (!conn->detached) /* whose client is gone asks for nothing more */
        conn_ask_peer(conn);
}

void conn_ask_peers(struct conn_tenant *tenant)
{
    conn_each(tenant, conn_visit_peers);
}

/* A stranger keeps its place no longer than it takes to say something. */
static int64_t conn_first_deadline(const struct conn *conn)
{
    const struct config *config = conn_config(conn);
    int64_t ms = conn->stranger ? config->head_timeout_ms : config->idle_timeout_ms;

    return ms == 0 ? 0 : conn_in_ms(ms);
}

int conn_new(struct conn_tenant *tenant, int take_fd, const struct ucred *peer)
{
    struct conn_shared *shared = tenant->shared;
    struct conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL || quota_enter(tenant->quota, peer->uid) < 0) {
        free(conn);
        evutil_closesocket(take_fd);
        return -1;
    }
    conn->magic = CONN_MAGIC;
    conn->shared = shared;
    conn->tenant = tenant;
    conn->number = ++shared->accepted;
    conn->peer = *peer;
    if (stream_open(&conn->client, shared->base, take_fd, conn_on_client, conn) < 0) {
        quota_leave(tenant->quota, peer->uid);
        free(conn);
        return -1;
    }
    conn_ask_peer(conn);
    conn->deadline_ms = conn_first_deadline(conn);
    LIST_INSERT_HEAD(&tenant->open, conn, entry);
    tenant->count++;
    return 0;
}
