/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_made: what a reply teaches us: that something of ours is gone, or called otherwise; that a
 * container, a network or a volume was made.
 */
#include "answer.h"
#include "conn_internal.h"
#include "err.h"
#include "lease.h"
#include "log.h"
#include "policy.h"
#include "upstream.h"
#include <stdlib.h>
#include <time.h>

bool conn_changes_tables(const struct operation *op)
{
    switch (op->number) {
    case OPERATION_ContainerDelete:
    case OPERATION_ContainerRename:
    case OPERATION_NetworkDelete:
    case OPERATION_NetworkPrune:
    case OPERATION_VolumeDelete:
    case OPERATION_VolumePrune:
        return true;
    default:
        return false;
    }
}

void conn_learn(struct conn *conn, int status)
{
    struct owner_table *owned = conn_owned(conn);
    const struct exchange *x = &conn->x;
    const int operation = x->op->number;

    if (status == 200 && operation == OPERATION_ContainerPrune)
        lease_resync(conn->tenant->lease, NULL, NULL);
    else if (status == 204 && operation == OPERATION_ContainerDelete)
        owner_remove(owned, x->container);
    else if (status == 204 && operation == OPERATION_ContainerRename)
        owner_rename(owned, x->container, x->decision->name);
    else if (status == 204 && operation == OPERATION_NetworkDelete)
        owner_remove(owner_of(owned, OWNER_NETWORK), x->object);
    else if (status == 204 && operation == OPERATION_VolumeDelete)
        owner_remove(owner_of(owned, OWNER_VOLUME), x->object);
    else if (status == 200 &&
             (operation == OPERATION_NetworkPrune || operation == OPERATION_VolumePrune))
        lease_check(conn->tenant->lease);
    else if (status == 404 && (x->container[0] != '\0' || x->object[0] != '\0'))
        lease_check(conn->tenant->lease);
}

static void conn_note(struct conn *conn, enum owner_kind kind, const char *name)
{
    if (owner_add(owner_of(conn->tenant->owned, kind), conn->x.object, name, 0) == 0)
        return;
    log_error("out of memory: %.12s is not in the table", conn->x.object);
    lease_search(conn->tenant->lease);
}

/* Answers a create with what policy_created() wrote anew, and frees that. */
static void conn_answer_created(struct conn *conn, char *reply, size_t bytes, bool surplus)
{
    struct answer_to to = conn_answer_to(conn);
    struct buf *answer = conn_draft(conn);

    conn->x.status = 201;
    if (answer_json(answer, &to, 201, reply, bytes) < 0)
        conn_finish(conn, REASON_OUT_OF_MEMORY);
    else if (conn_write(conn, buf_data(answer), buf_bytes(answer)) == 0)
        conn_reply_end(conn, surplus);
    free(reply);
}

void conn_container_created(struct conn *conn, bool surplus)
{
    struct conn_tenant *tenant = conn->tenant;
    char *reply = NULL;
    size_t bytes = 0;
    struct err err;

    if (policy_created(conn->x.decision, buf_data(&conn->body), buf_bytes(&conn->body),
                       conn->x.container, &reply, &bytes, &err) < 0) {
        log_error("the engine's answer to a create: %s", err.text);
        conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
        return;
    }
    if (owner_add(tenant->owned, conn->x.container, conn->x.decision->name, time(NULL)) < 0) {
        log_error("out of memory: container %.12s is not in the table", conn->x.container);
        lease_search(tenant->lease);
    }
    lease_added(tenant->lease);
    conn_answer_created(conn, reply, bytes, surplus);
}

void conn_network_created(struct conn *conn, bool surplus)
{
    char *reply = NULL;
    size_t bytes = 0;
    struct err err;

    if (policy_network_created(conn->x.decision, buf_data(&conn->body), buf_bytes(&conn->body),
                               conn->x.object, &reply, &bytes, &err) < 0) {
        log_error("%s", err.text);
        conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
        return;
    }
    conn_note(conn, OWNER_NETWORK, conn->x.decision->name);
    conn_answer_created(conn, reply, bytes, surplus);
}

/* There is one of this name, and it is not ours: nothing of the answer goes on. */
static void conn_volume_taken(struct conn *conn)
{
    upstream_drop(conn->shared->upstream, conn->engine);
    conn->engine = NULL;
    conn->x.object[0] = '\0';
    conn_refuse(conn, REASON_NAME_TAKEN, NULL);
}

void conn_volume_created(struct conn *conn, bool surplus)
{
    struct err err;
    bool ours;

    if (policy_volume_created(conn->x.decision, conn->tenant->owned, buf_data(&conn->body),
                              buf_bytes(&conn->body), conn->x.object, &ours, &err) < 0) {
        log_error("%s", err.text);
        conn_engine_failed(conn, REASON_ENGINE_MALFORMED);
        return;
    }
    if (!ours) {
        conn_volume_taken(conn);
        return;
    }
    conn_note(conn, OWNER_VOLUME, NULL);
    conn_pass_on(conn, surplus);
}
