/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease: how long owned containers may live, and the recovery of their table.
 *
 * A container whose lifetime is over is removed by the proxy itself (DELETE with force and its
 * anonymous volumes), oldest first, one at a time.  The tables of what is owned are rebuilt from
 * the Engine after a restart of either side, and whenever they may have drifted.
 */
#ifndef CAISSON_PROXY_LEASE_H
#define CAISSON_PROXY_LEASE_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct lease;
struct owner_table;
struct upstream;

/* Both are borrowed and outlive the lease. lifetime_ms 0: containers are never removed. */
struct lease *lease_new(struct event_base *base, struct upstream *upstream,
                        struct owner_table *owned, int64_t lifetime_ms);
void lease_free(struct lease *lease); /* NULL is fine */

/* The policy was loaded anew. */
void lease_set_lifetime(struct lease *lease, int64_t lifetime_ms);

/* Which other kinds of objects the policy deals with (policy_kinds()): their tables are kept, too.
 */
void lease_set_kinds(struct lease *lease, unsigned kinds);

/* A container was added to the table: its lease may be the next to end. */
void lease_added(struct lease *lease);

/*
 * Reads the tables anew from the Engine, which must be known; done (may be NULL) is told whether
 * that worked.  While one reading is under way another call with a NULL done does nothing.
 */
typedef void lease_done(void *arg, bool rebuilt);
void lease_resync(struct lease *lease, lease_done *done, void *arg);

/*
 * Lists the volumes anew, beginning after this call; the result is the number that
 * lease_volumes_listed() reaches when that has worked, or 0 when the Engine cannot be asked.  The
 * watcher is told at the end of each such list, whether it worked.
 */
uint64_t lease_list_volumes(struct lease *lease);
uint64_t lease_volumes_listed(const struct lease *lease);
typedef void lease_listed(void *arg, bool listed);
void lease_watch_volumes(struct lease *lease, lease_listed *listed, void *arg);

/* A container is perhaps gone without a word to us: reads the table anew, but once a second. */
void lease_check(struct lease *lease);
/*
 * The Engine was asked to make something, and no table has it: looks for it now, and again for a
 * day, since it may be made late.
 */
void lease_search(struct lease *lease);

#endif
