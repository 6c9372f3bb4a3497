/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_observe: what an exchange notes whose policy only observes.
 *
 * Containers that are made unjudged carry no label of ours and never become anyone's own: they are
 * kept in a table beside that of owned ones, so that the audit log can tell what a client does with
 * its own from what it does with others.  No lease ends them, and of many the oldest is forgotten.
 */
#include "conn_internal.h"
#include "err.h"
#include "policy.h"
#include <string.h>
#include <time.h>

enum { CONN_SEEN_MOST = 4096 };

bool conn_observes(const struct exchange *x)
{
    return x->decision != NULL && x->decision->observed;
}

struct owner_table *conn_owned(const struct conn *conn)
{
    return policy_observes(conn->x.policy) ? conn->tenant->seen : conn->tenant->owned;
}

static void conn_seen_make_room(struct owner_table *seen)
{
    const struct owner_entry *oldest = NULL;

    if (owner_count(seen) < CONN_SEEN_MOST)
        return;
    for (size_t i = 0; i < owner_count(seen); i++) {
        const struct owner_entry *entry = owner_at(seen, i);
        if (oldest == NULL || entry->created_s < oldest->created_s)
            oldest = entry;
    }
    char id[OWNER_ID_BYTES + 1];
    memcpy(id, oldest->id, sizeof id);
    owner_remove(seen, id);
}

/* The table that an id or a name goes into. */
static void conn_seen_add(struct conn *conn, enum owner_kind kind, const char *id, const char *name)
{
    struct owner_table *seen = owner_of(conn->tenant->seen, kind);

    conn_seen_make_room(seen);
    (void) owner_add(seen, id, name, time(NULL));
    memcpy(kind == OWNER_CONTAINER ? conn->x.container : conn->x.object, id, OWNER_ID_BYTES + 1);
}

static void conn_seen_volume(struct conn *conn)
{
    char name[OWNER_ID_BYTES + 1] = "";
    struct err err;
    bool ours;

    if (policy_volume_created(conn->x.decision, conn->tenant->seen, buf_data(&conn->body),
                              buf_bytes(&conn->body), name, &ours, &err) == 0)
        conn_seen_add(conn, OWNER_VOLUME, name, NULL);
}

/* Without memory or an id the log says less; the answer goes on all the same. */
void conn_observe_created(struct conn *conn)
{
    const struct policy_decision *decision = conn->x.decision;
    const enum reply reply = conn->x.op->reply;
    char id[OWNER_ID_BYTES + 1];
    struct err err;

    if (reply == REPLY_VOLUME)
        conn_seen_volume(conn);
    else if (policy_exec_created(decision, buf_data(&conn->body), buf_bytes(&conn->body), id,
                                 &err) < 0)
        return;
    else if (reply == REPLY_CREATE)
        conn_seen_add(conn, OWNER_CONTAINER, id, decision->name);
    else if (reply == REPLY_NETWORK)
        conn_seen_add(conn, OWNER_NETWORK, id, decision->name);
    else if (conn->x.container[0] != '\0')
        (void) owner_exec_add(conn->tenant->seen, id, conn->x.container);
}
