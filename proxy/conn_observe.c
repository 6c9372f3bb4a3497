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

/* Without memory or an id the log says less; the answer goes on all the same. */
void conn_observe_created(struct conn *conn)
{
    struct owner_table *seen = conn->tenant->seen;
    struct exchange *x = &conn->x;
    struct err err;
    char id[OWNER_ID_BYTES + 1];

    if (policy_exec_created(x->decision, buf_data(&conn->body), buf_bytes(&conn->body), id, &err) <
        0)
        return;
    if (x->op->reply == REPLY_EXEC) {
        if (x->container[0] != '\0')
            (void) owner_exec_add(seen, id, x->container);
        return;
    }
    conn_seen_make_room(seen);
    (void) owner_add(seen, id, x->decision->name, time(NULL));
    memcpy(x->container, id, sizeof id);
}
