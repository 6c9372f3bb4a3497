/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_limits: what one connection may take of what all connections of a listener share.
 *
 * An exchange is counted when the Engine has it, once, and until it is closed, however that comes:
 * conn_count() and conn_uncount() are the only places.  So a refused request takes nothing, and a
 * create whose client is gone keeps its place as long as the Engine is busy with it.
 */
#include "config.h"
#include "conn_internal.h"
#include "policy.h"
#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    CONN_BODY_FREE_BYTES = 64 * 1024, /* of each body: `bodies` is about large ones */
    CONN_READ_SHARE = 4 /* what is read at once is this part of memory-per-connection: see below */
};

/* Refuses for a limit; the text says how it stands, and what follows in every such text is here. */
static void conn_over(struct conn *conn, enum reason reason, const char *key, int64_t limit,
                      const char *mend, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

static void conn_over(struct conn *conn, enum reason reason, const char *key, int64_t limit,
                      const char *mend, const char *format, ...)
{
    struct policy_decision *decision = conn->x.decision;
    const char *file = policy_file(conn->x.policy);
    char state[160];
    va_list args;

    va_start(args, format);
    vsnprintf(state, sizeof state, format, args);
    va_end(args);
    decision->verdict = POLICY_DENY;
    decision->reason = (int) reason;
    snprintf(decision->field, sizeof decision->field, "%s", key);
    snprintf(decision->message, sizeof decision->message,
             "%s, and '%s' under [limits] of %.80s is %" PRId64 "; %s or raise it", state, key,
             file, limit, mend);
}

/* What is at the Engine. */

static bool conn_admit_create(struct conn *conn)
{
    const int64_t most = conn_config(conn)->creates_per_minute;
    int64_t wait_us = quota_wait_us(conn->tenant->quota, most, conn_in_ms(0) * 1000);
    unsigned wait_s = (unsigned) ((wait_us + 999999) / 1000000);

    if (wait_us == 0)
        return true;
    conn->x.retry_s = wait_s;
    conn_over(conn, REASON_TOO_MANY_CREATES, "creates-per-minute", most, "send it again then",
              "there is room for another create in %u s", wait_s);
    return false;
}

bool conn_admit(struct conn *conn)
{
    const struct quota *quota = conn->tenant->quota;
    const struct config *config = conn_config(conn);
    struct exchange *x = &conn->x;

    x->held = policy_is_held(x->decision);
    x->makes = policy_makes(x->op) >= 0 && !conn_observes(x);
    if (x->held && quota->streams >= (uint64_t) config->streams)
        conn_over(conn, REASON_TOO_MANY_STREAMS, "streams", config->streams, "end some",
                  "%u waits, followed logs and other streams are open", quota->streams);
    else if (!x->held && quota->requests >= (uint64_t) config->requests)
        conn_over(conn, REASON_TOO_MANY_REQUESTS, "requests", config->requests, "send it again",
                  "%u requests are at the Docker Engine", quota->requests);
    else
        return !x->makes || conn_admit_create(conn);
    return false;
}

void conn_count(struct conn *conn)
{
    struct quota *quota = conn->tenant->quota;

    assert(!conn->x.counted);
    conn->x.counted = true;
    if (conn->x.held)
        quota->streams++;
    else
        quota->requests++;
    if (conn->x.makes)
        quota_make(quota, conn_config(conn)->creates_per_minute, conn_in_ms(0) * 1000);
}

void conn_uncount(struct conn *conn)
{
    struct quota *quota = conn->tenant->quota;

    if (!conn->x.counted)
        return;
    conn->x.counted = false;
    if (conn->x.held)
        quota->streams--;
    else
        quota->requests--;
}

/* Bodies. */

bool conn_reserve_body(struct conn *conn, size_t bytes)
{
    const int64_t most = conn_config(conn)->bodies_bytes;
    struct quota *quota = conn->tenant->quota;
    size_t total = buf_bytes(&conn->body) + bytes, more;

    if (total <= CONN_BODY_FREE_BYTES)
        return true;
    more = total - CONN_BODY_FREE_BYTES - conn->reserved_bytes;
    if (quota->body_bytes + more > (uint64_t) most) {
        conn_over(conn, REASON_TOO_MANY_BODIES, "bodies", most, "send it again",
                  "request bodies that are under way hold %zu bytes", quota->body_bytes);
        return false;
    }
    quota->body_bytes += more;
    conn->reserved_bytes += more;
    return true;
}

void conn_release_body(struct conn *conn)
{
    conn->tenant->quota->body_bytes -= conn->reserved_bytes;
    conn->reserved_bytes = 0;
}

/*
 * Bytes wait in at most three places: those of the client that came before their turn, those that
 * the client has not taken, and those that the Engine has not.  A side is not read while the other
 * has bytes waiting, so that each place gets no more than one piece; the fourth share is for heads
 * of ours, and for small answers that leave together.
 */
void conn_judge_by(struct conn_tenant *tenant, struct policy *policy)
{
    policy_unref(tenant->policy);
    tenant->policy = policy_ref(policy);
    tenant->read_bytes = (size_t) policy_config(policy)->memory_per_connection / CONN_READ_SHARE;
    assert(tenant->read_bytes <= CONN_SCRATCH_BYTES);
}

/* Answers that nobody takes. */

/* An answer that will end, or has, and so frees its place; not what is looked at now and then. */
static bool conn_can_stall(const struct conn *conn)
{
    return conn->state == CONN_HEAD || (conn->state == CONN_STREAM && !conn->x.held);
}

void conn_watch_stall(struct conn *conn)
{
    const struct config *config = conn_config(conn);
    int64_t ms = config->idle_timeout_ms;

    if (stream_blocked(&conn->client)) {
        if (!conn_can_stall(conn))
            return;
        conn->stalling = true;
        conn->stalled_bytes = stream_untaken(&conn->client);
        conn->deadline_ms = conn_in_ms(config->stall_timeout_ms);
        return;
    }
    conn->stalling = false;
    if (conn->state != CONN_HEAD)
        ms = 0;
    else if (conn->head_begun)
        ms = config->head_timeout_ms;
    conn->deadline_ms = ms == 0 ? 0 : conn_in_ms(ms);
}

void conn_stalled(struct conn *conn)
{
    if (stream_untaken(&conn->client) == conn->stalled_bytes)
        conn_finish(conn, REASON_CLIENT_STALLED);
    else
        conn_watch_stall(conn);
}
