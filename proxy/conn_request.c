/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_request: one exchange, from its head to the Engine or to a refusal, and its audit record.
 */
#include "answer.h"
#include "audit.h"
#include "config.h"
#include "conn_internal.h"
#include "lease.h"
#include "policy.h"
#include "upstream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { CONN_ENGINE_MS = 10 * 1000 /* how long a request waits for the Engine to be known */ };

static int64_t conn_clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

void conn_set_clock(struct conn_shared *shared)
{
    shared->unix_us = conn_clock_us(CLOCK_REALTIME) - conn_clock_us(CLOCK_MONOTONIC);
}

/* The beginning and the end of an exchange. */

void conn_open_exchange(struct conn *conn)
{
    conn->requests++;
    conn->deadline_ms = 0;
    conn->x.open = true;
    conn->x.policy = policy_ref(conn->tenant->policy);
    conn->x.start_us = conn_clock_us(CLOCK_MONOTONIC);
    conn->x.time_us = conn->x.start_us + conn->shared->unix_us;
}

static void conn_audit(const struct conn *conn)
{
    const struct exchange *x = &conn->x;
    const struct policy_decision *decision = x->decision;
    const bool observed = conn_observes(x) && decision->verdict == POLICY_FORWARD;
    const struct audit_record record = {
        .time_us = x->time_us,
        .connection = conn->number,
        .request = conn->requests,
        .uid = conn->peer.uid,
        .gid = conn->peer.gid,
        .pid = conn->peer.pid,
        .listener = conn->tenant->name,
        .owner = owner_name(conn->tenant->owned),
        .policy = policy_version(x->policy),
        .method = method_name((enum method) x->method),
        .operation = x->op == NULL ? NULL : x->op->id,
        .target = x->target,
        .target_bytes = x->target_bytes,
        .decision = observed                                               ? "observe"
                    : x->forwarded                                         ? "forward"
                    : decision != NULL && decision->verdict == POLICY_PING ? "answer"
                                                                           : "deny",
        .reason = reason_word(observed ? (enum reason) decision->reason : x->reason),
        .message = observed && decision->message[0] != '\0' ? decision->message : NULL,
        .ended = observed && x->reason != REASON_NONE ? reason_word(x->reason) : NULL,
        .field = decision != NULL && decision->field[0] != '\0' ? decision->field : NULL,
        .asked = decision != NULL ? decision->asked : NULL,
        .image = decision != NULL && decision->image[0] != '\0' ? decision->image : x->image,
        .container = x->container[0] != '\0' ? x->container : NULL,
        .object = x->object[0] != '\0' ? x->object : NULL,
        .status = x->status,
        .bytes_in = x->bytes_in,
        .bytes_out = x->bytes_out,
        .duration_us = conn_clock_us(CLOCK_MONOTONIC) - x->start_us,
    };

    audit_add(conn->shared->audit, &record);
}

/* One is kept for the next exchange, which is all that requests need that come one by one. */
static struct policy_decision *conn_new_decision(struct conn_shared *shared)
{
    struct policy_decision *decision = shared->spare;

    shared->spare = NULL;
    if (decision == NULL)
        decision = malloc(sizeof *decision);
    if (decision != NULL)
        policy_decision_init(decision);
    return decision;
}

void conn_free_decision(struct conn *conn)
{
    struct exchange *x = &conn->x;

    if (x->decision == NULL)
        return;
    policy_decision_done(x->decision);
    free(conn->shared->spare);
    conn->shared->spare = x->decision;
    x->decision = NULL;
}

void conn_forget_decision(struct conn *conn)
{
    struct exchange *x = &conn->x;
    const struct policy_decision *decision = x->decision;

    /* The log wants the latter two, and the image: without memory for that, all is kept. */
    if (decision == NULL || decision->asked != NULL || decision->observed)
        return;
    if (decision->image[0] != '\0' && x->image == NULL)
        x->image = strdup(decision->image);
    if (decision->image[0] == '\0' || x->image != NULL)
        conn_free_decision(conn);
}

/* What is not in the table, and was not refused by the Engine, may be there all the same. */
static void conn_end_create(struct conn *conn)
{
    const struct exchange *x = &conn->x;
    int kind = policy_makes(x->op);
    const char *made = kind == OWNER_CONTAINER ? x->container : x->object;
    struct owner_table *table = owner_of(conn->tenant->owned, (enum owner_kind) kind);

    owner_expect_no_more(table);
    if (owner_resolve(table, made, strlen(made)) == NULL && (x->status < 400 || x->status > 499))
        lease_search(conn->tenant->lease);
}

void conn_close_exchange(struct conn *conn, enum reason reason)
{
    struct exchange *x = &conn->x;

    if (conn->engine != NULL)
        upstream_drop(conn->shared->upstream, conn->engine);
    conn->engine = NULL;
    buf_done(&conn->reply);
    buf_done(&conn->body);
    conn_release_body(conn);
    if (!x->open)
        return;
    conn_uncount(conn);
    if (x->expected)
        conn_end_create(conn);
    x->reason = reason;
    if (x->target != NULL)
        policy_hide_secrets(x->target, x->target_bytes);
    conn_audit(conn);
    conn_free_decision(conn);
    free(x->target);
    free(x->image);
    policy_unref(x->policy);
    memset(x, 0, sizeof *x);
}

/* Our own answers. */

bool conn_keeps_alive(const struct conn *conn)
{
    return conn->x.keep_alive && !conn->x.unread && !conn->tenant->draining;
}

struct answer_to conn_answer_to(const struct conn *conn)
{
    return (struct answer_to){
        .http10 = conn->x.http10,
        .keep_alive = conn_keeps_alive(conn),
        .to_head = conn->x.to_head,
        .engine = upstream_engine(conn->shared->upstream),
        .retry_after_s = conn->x.retry_s,
    };
}

static void conn_send_answer(struct conn *conn, const struct buf *answer, int status, int built,
                             enum reason reason)
{
    conn->x.status = status;
    if (built < 0)
        conn_finish(conn, REASON_OUT_OF_MEMORY);
    else if (conn_write(conn, buf_data(answer), buf_bytes(answer)) == 0)
        conn_end_exchange(conn, reason);
}

void conn_refuse(struct conn *conn, enum reason reason, const char *text)
{
    struct answer_to to = conn_answer_to(conn);
    struct buf *answer = conn_draft(conn);

    if (text == NULL && conn->x.decision != NULL && conn->x.decision->message[0] != '\0' &&
        conn->x.decision->reason == (int) reason)
        text = conn->x.decision->message;
    conn_send_answer(conn, answer, reason_status(reason), answer_refusal(answer, &to, reason, text),
                     reason);
}

/* The client's next bytes cannot be told apart from the body that we did not read. */
void conn_refuse_and_close(struct conn *conn, enum reason reason)
{
    conn->x.keep_alive = false;
    conn_refuse(conn, reason, NULL);
}

static void conn_ping(struct conn *conn)
{
    struct answer_to to = conn_answer_to(conn);
    struct buf *answer = conn_draft(conn);

    conn_send_answer(conn, answer, 200, answer_ping(answer, &to), REASON_NONE);
}

/* The decision. */

/*
 * Nothing leaves before the end of the turn, but the head of an upload: its body would be written
 * behind it at once.
 */
static int conn_write_request(struct conn *conn, bool fresh)
{
    const struct policy_decision *decision = conn->x.decision;
    bool upload = conn->x.unread;
    struct message_to_engine head = {
        .method = conn->x.method,
        .target = policy_target(decision),
        .body_bytes = upload ? conn->framing.left : decision->body_bytes,
        .chunked = upload && conn->framing.framing == FRAMING_CHUNKED,
        .json = decision->body != NULL,
        .tar = upload,
        .upgrade = conn->x.hijack && conn->x.upgrade ? operation_protocol(conn->x.op) : NULL,
        .session = decision->session,
        .registry_auth = decision->registry_auth,
    };
    struct buf *request = conn_draft(conn);
    int ret = -1;

    if (head.upgrade != NULL && conn->x.websocket_key[0] != '\0')
        head.websocket_key = conn->x.websocket_key;
    conn->engine = upstream_take(conn->shared->upstream, fresh);
    if (conn->engine == NULL)
        return -1;
    if (message_write_request(request, &head) == 0 &&
        buf_add(request, decision->body, decision->body_bytes) == 0)
        ret = stream_write_later(conn->engine, &conn->shared->later, buf_data(request),
                                 buf_bytes(request));
    if (ret == 0 && upload)
        ret = stream_push(conn->engine);
    conn->x.fresh = fresh;
    conn->x.request_bytes = upload ? 0 : buf_bytes(request);
    if (ret == 0)
        return 0;
    upstream_drop(conn->shared->upstream, conn->engine);
    conn->engine = NULL;
    upstream_lost(conn->shared->upstream);
    return -1;
}

/*
 * A kept connection can have ended since: then nothing of the request was taken (on a Unix socket
 * the write itself fails), and a new connection is safe to try.
 */
void conn_resend(struct conn *conn)
{
    struct upstream *upstream = conn->shared->upstream;
    struct exchange *x = &conn->x;
    struct stream *old = conn->engine;
    int ret = -1;

    conn->engine = NULL;
    if (!x->fresh && stream_recall(old) == 0 && stream_waiting(old) == x->request_bytes)
        conn->engine = upstream_take(upstream, true);
    if (conn->engine != NULL) {
        stream_set_owner(conn->engine, conn_on_engine, conn);
        ret = stream_write_later(conn->engine, &conn->shared->later, buf_data(&old->out),
                                 buf_bytes(&old->out));
    }
    upstream_drop(upstream, old);
    upstream_lost(upstream);
    x->fresh = true;
    if (ret == 0)
        return;
    x->forwarded = false;
    conn_engine_failed(conn, REASON_ENGINE_DOWN);
}

/* Whether something in the reply will be told by, or held against, what was decided. */
static bool conn_decides_reply(const struct exchange *x)
{
    return policy_makes(x->op) >= 0 || x->op->reply == REPLY_EXEC ||
           x->op->number == OPERATION_ContainerRename;
}

static void conn_forward(struct conn *conn)
{
    struct exchange *x = &conn->x;

    /* While a body goes out, nothing else can: no 101 is asked for, or taken. */
    x->hijack = x->decision->hijack && !x->unread;
    memcpy(x->container, x->decision->container, sizeof x->container);
    memcpy(x->object, x->decision->network[0] != '\0' ? x->decision->network : x->decision->volume,
           sizeof x->object);
    if (!conn_admit(conn)) {
        conn_refuse(conn, (enum reason) x->decision->reason, NULL);
        return;
    }
    if (conn_write_request(conn, false) < 0 && conn_write_request(conn, true) < 0) {
        conn_refuse(conn, REASON_ENGINE_DOWN, NULL);
        return;
    }
    x->forwarded = true;
    conn_count(conn);
    if (stream_waiting(conn->engine) == 0)
        conn_release_body(conn);
    x->expected = x->makes;
    if (x->expected)
        owner_expect(owner_of(conn->tenant->owned, (enum owner_kind) policy_makes(x->op)));
    stream_set_owner(conn->engine, conn_on_engine, conn);
    free(x->decision->body);
    x->decision->body = NULL;
    if (!conn_decides_reply(x))
        conn_forget_decision(conn);
    if (x->unread)
        conn_upload_begin(conn);
    else
        conn_enter(conn, CONN_SENT, 0);
}

/* Whether the decision must wait until the volumes are listed: see owner.h. */
static bool conn_awaits_volumes(struct conn *conn)
{
    struct exchange *x = &conn->x;
    struct lease *lease = conn->tenant->lease;

    if (conn_observes(x) || !policy_needs_volumes(x->policy, x->op))
        return false;
    if (x->volumes == 0)
        x->volumes = lease_list_volumes(lease);
    if (x->volumes != 0 && lease_volumes_listed(lease) >= x->volumes)
        return false;
    if (x->volumes == 0)
        conn_refuse(conn, REASON_ENGINE_DOWN, NULL);
    else if (conn->state != CONN_ENGINE)
        conn_enter(conn, CONN_ENGINE, conn_in_ms(CONN_ENGINE_MS));
    return true;
}

/* The proxy's own user may ping, for `caisson healthcheck`. */
static bool conn_is_own_ping(const struct conn *conn)
{
    const struct operation *op = conn->x.op;

    return conn->peer.uid == geteuid() && op != NULL &&
           (op->number == OPERATION_SystemPing || op->number == OPERATION_SystemPingHead);
}

/* Whether a request is refused for who asks. */
static bool conn_is_strange(const struct conn *conn)
{
    return conn->stranger && !conn_is_own_ping(conn);
}

static void conn_refuse_stranger(struct conn *conn)
{
    char text[256];

    snprintf(text, sizeof text,
             "user %u may not use this socket; add uid:%u to 'peers' under %s to let it",
             conn->peer.uid, conn->peer.uid, conn->tenant->section);
    conn->x.keep_alive = false;
    conn->x.decision->verdict = POLICY_DENY; /* whatever the policy says of the request */
    conn_refuse(conn, REASON_PEER_NOT_ALLOWED, text);
}

/* Each is used once. False: the kernel has none. */
static bool conn_take_random(struct conn_shared *shared, uint64_t *ret)
{
    if (shared->random_left == 0) {
        if (getrandom(shared->random, sizeof shared->random, 0) != sizeof shared->random)
            return false;
        shared->random_left = CONN_RANDOM;
    }
    *ret = shared->random[--shared->random_left];
    return true;
}

/* The request is whole: judge it. */
void conn_decide(struct conn *conn)
{
    struct conn_shared *shared = conn->shared;
    struct conn_tenant *tenant = conn->tenant;
    struct policy_decision *decision = conn->x.decision;
    const char *body = buf_bytes(&conn->body) > 0 ? buf_data(&conn->body) : NULL;
    uint64_t nonce = 0;

    if (conn_is_strange(conn)) { /* by now: it held its body back until after a reload */
        conn_refuse_stranger(conn);
        return;
    }
    /* It may have been lost in this very turn, before anybody was told. */
    if (!tenant->ready || upstream_engine(shared->upstream)->api_minor == 0) {
        if (conn->state != CONN_ENGINE) {
            conn_enter(conn, CONN_ENGINE, conn_in_ms(CONN_ENGINE_MS));
            tenant->ask_engine(tenant->arg);
        }
        return;
    }
    if (conn_awaits_volumes(conn))
        return;
    /* Nobody holds a request back to have it go through unjudged when that is over. */
    if (conn_observes(&conn->x) && !policy_observes(tenant->policy)) {
        conn_refuse(conn, REASON_POLICY_CHANGED, NULL);
        return;
    }
    if (conn->x.op->reply == REPLY_CREATE && !conn_take_random(shared, &nonce)) {
        conn_refuse(conn, REASON_UNDECIDED, NULL);
        return;
    }
    policy_decide(conn->x.policy, conn_owned(conn), upstream_engine(shared->upstream), nonce, body,
                  buf_bytes(&conn->body), decision);
    buf_done(&conn->body);
    switch (decision->verdict) {
    case POLICY_FORWARD:
        conn_forward(conn);
        return;
    case POLICY_PING:
        conn_ping(conn);
        return;
    case POLICY_DENY:
        break;
    }
    /* Some may have gone without a word to us, as with AutoRemove: look, for the next try. */
    if (decision->reason == REASON_TOO_MANY_CONTAINERS ||
        decision->reason == REASON_TOO_MANY_NETWORKS || decision->reason == REASON_TOO_MANY_VOLUMES)
        lease_check(tenant->lease);
    conn_refuse(conn, (enum reason) decision->reason, NULL);
}

/* The head and the body. */

static void conn_expect_body(struct conn *conn, const struct message_request *request)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const struct config *config = conn_config(conn);

    if (!request->json) {
        conn_refuse_and_close(conn, REASON_BODY_TYPE);
        return;
    }
    if (request->framing == FRAMING_LENGTH &&
        request->content_bytes > (uint64_t) config->body_bytes) {
        conn_refuse_and_close(conn, REASON_BODY_TOO_LARGE);
        return;
    }
    message_body_init(&conn->framing, request->framing, request->content_bytes);
    conn_enter(conn, CONN_BODY, conn_in_ms(config->body_timeout_ms));
    if (request->expect_continue)
        conn_write(conn, go_on, sizeof go_on - 1);
}

/* A message_visit. */
static bool conn_take_session(void *arg, struct span name, struct span value)
{
    return policy_session(name.data, name.bytes, value.data, value.bytes, arg);
}

/* What some operations have in their heads beside the target. */
static bool conn_take_fields(struct exchange *x, const struct message_request *request)
{
    if (!policy_credentials(x->policy, request->registry_auth.data, request->registry_auth.bytes,
                            x->decision))
        return false;
    return x->decision->op->number != OPERATION_Session ||
           message_each_field(request->fields, POLICY_SESSION_PREFIX, conn_take_session,
                              x->decision);
}

/*
 * Only a websocket is asked for at its path, whether or not we observe; NULL when there is nothing
 * to say against it.
 */
static const char *conn_take_websocket(struct exchange *x, const struct message_request *request)
{
    struct span key;
    const char *wrong;

    if (x->op->number != OPERATION_ContainerAttachWebsocket)
        return NULL;
    if (request->http10)
        return "a websocket begins with HTTP/1.1";
    wrong = message_websocket_key(request->fields, &key);
    if (wrong == NULL)
        memcpy(x->websocket_key, key.data, MESSAGE_WEBSOCKET_KEY_CHARS);
    return wrong;
}

/* What comes next is perhaps frames of a websocket that nobody opened. */
static void conn_refuse_websocket(struct conn *conn, const char *wrong)
{
    conn->x.keep_alive = false;
    conn_refuse(conn, REASON_WEBSOCKET_REFUSED, wrong);
}

/* Judges the head alone; goes on to the body, or to the decision when there is none. */
static void conn_route(struct conn *conn, const struct message_request *request)
{
    struct conn_shared *shared = conn->shared;
    struct exchange *x = &conn->x;
    bool has_body = request->framing == FRAMING_CHUNKED || request->content_bytes > 0;
    const char *wrong;
    bool go_on;

    go_on = policy_route(x->policy, upstream_engine(shared->upstream), x->method, x->target,
                         x->target_bytes, x->decision) &&
            conn_take_fields(x, request);
    x->op = x->decision->op;
    /* What follows a refused body, or an upgrade that we do not make, is perhaps no HTTP. */
    if ((has_body && !go_on) || request->upgrade)
        x->keep_alive = false;
    if (conn_is_strange(conn))
        conn_refuse_stranger(conn);
    else if (!go_on)
        conn_refuse(conn, (enum reason) x->decision->reason, NULL);
    else if (request->upgrade && x->op->reply != REPLY_HIJACK)
        conn_refuse_and_close(conn, REASON_UPGRADE_REFUSED);
    else if ((wrong = conn_take_websocket(x, request)) != NULL)
        conn_refuse_websocket(conn, wrong);
    else if (x->op->body == BODY_STREAM || (has_body && conn_observes(x) && !request->json))
        conn_upload_expect(conn, request);
    else if (!has_body)
        conn_decide(conn);
    else if (x->op->body == BODY_NONE && !conn_observes(x) &&
             !(request->json && x->method == METHOD_POST))
        conn_refuse_and_close(conn, REASON_BODY_UNEXPECTED);
    else
        conn_expect_body(conn, request);
}

/* The target outlives the bytes that it came in: the decision and the audit log look at it. */
static int conn_keep_target(struct conn *conn, struct span target)
{
    struct exchange *x = &conn->x;

    x->decision = conn_new_decision(conn->shared);
    x->target = malloc(target.bytes + 1);
    if (x->decision == NULL || x->target == NULL)
        return -1;
    if (target.bytes > 0)
        memcpy(x->target, target.data, target.bytes);
    x->target_bytes = target.bytes;
    return 0;
}

ssize_t conn_read_head(struct conn *conn, const char *data, size_t bytes)
{
    const struct config *config = conn_config(conn);
    const struct message_limits limits = {
        .head_bytes = (size_t) config->head_bytes,
        .target_bytes = (size_t) config->target_bytes,
        .headers = (unsigned) config->headers,
    };
    struct message_request request;
    struct exchange *x = &conn->x;
    int reason = REASON_HEAD_MALFORMED;
    ssize_t used;

    used =
        message_parse_request_known(conn->shared->known, data, bytes, &limits, &request, &reason);
    if (used == 0)
        return 0;
    conn_open_exchange(conn);
    x->method = request.method;
    x->to_head = request.method == METHOD_HEAD;
    if (conn_keep_target(conn, request.target) < 0) {
        conn_finish(conn, REASON_OUT_OF_MEMORY);
        return (ssize_t) bytes;
    }
    if (used < 0) {
        conn_refuse_and_close(conn, (enum reason) reason);
        return (ssize_t) bytes;
    }
    x->http10 = request.http10;
    x->upgrade = request.upgrade && !request.http10;
    x->keep_alive = request.keep_alive;
    conn_route(conn, &request);
    return used;
}

ssize_t conn_read_body(struct conn *conn, const char *data, size_t bytes)
{
    struct span payload;
    ssize_t used = message_body_read(&conn->framing, data, bytes, &payload);

    if (used < 0) {
        conn_refuse_and_close(conn, REASON_FRAMING_REFUSED);
        return (ssize_t) bytes;
    }
    conn->x.bytes_in += payload.bytes;
    if (buf_bytes(&conn->body) + payload.bytes > (size_t) conn_config(conn)->body_bytes) {
        conn_refuse_and_close(conn, REASON_BODY_TOO_LARGE);
        return (ssize_t) bytes;
    }
    if (!conn_reserve_body(conn, payload.bytes)) {
        conn_refuse_and_close(conn, (enum reason) conn->x.decision->reason);
        return (ssize_t) bytes;
    }
    if (buf_add(&conn->body, payload.data, payload.bytes) < 0) {
        conn_refuse_and_close(conn, REASON_OUT_OF_MEMORY);
        return (ssize_t) bytes;
    }
    if (conn->framing.done)
        conn_decide(conn);
    return used;
}
