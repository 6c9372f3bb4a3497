/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease: one timer for the lease that ends next, and one removal at a time.
 *
 * Time is the wall clock, because it is compared with the Engine's own creation times, which
 * survive a restart of the proxy.
 */
#include "lease.h"
#include "err.h"
#include "log.h"
#include "operation.h"
#include "owner.h"
#include "policy.h"
#include "upstream.h"
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LEASE_RETRY_S = 10,       /* after the Engine did not remove a container */
    LEASE_ABSENT_S = 2,       /* while there is no Engine to ask */
    LEASE_SLEEP_MAX_S = 60,   /* the wall clock may jump: look at least this often */
    LEASE_CHECK_S = 1,        /* between two checks of the table */
    LEASE_SEARCH_MAX_S = 256, /* the longest wait of a search; each is so many times the last: */
    LEASE_SEARCH_GROWTH = 4,
    LEASE_SEARCH_S = 24 * 60 * 60 /* ... and all of them together */
};

struct lease {
    struct upstream *upstream;
    struct owner_table *owned;
    int64_t lifetime_s; /* 0: for ever */
    struct event timer;
    char removing[OWNER_ID_BYTES + 1]; /* "" while no removal is under way */
    size_t cursor;                     /* where the last removal failed: others come first */
    unsigned kinds;                    /* beside containers: bits, 1 << enum owner_kind */
    bool syncing;                      /* the list of this kind is being read: */
    enum owner_kind kind;
    uint64_t volumes_begun, volumes_listed; /* lists of volumes */
    bool volumes_again;                     /* one more, as soon as this one is over */
    lease_listed *listed;
    void *listed_arg;
    struct event check_pause;
    bool check_wanted; /* when that is over */
    struct event search;
    int search_s;      /* until the search goes on */
    int search_left_s; /* ... and until it ends */
    uint64_t mark;
    lease_done *done;
    void *done_arg;
};

static void lease_sleep(struct lease *lease, int64_t seconds)
{
    struct timeval wait = {.tv_sec = seconds < 1                   ? 1
                                     : seconds < LEASE_SLEEP_MAX_S ? (time_t) seconds
                                                                   : LEASE_SLEEP_MAX_S};

    evtimer_add(&lease->timer, &wait);
}

/* The first entry from the cursor on whose lease has ended; else NULL and when the next one does.
 */
static const struct owner_entry *lease_ended(const struct lease *lease, int64_t now_s,
                                             int64_t *ret_next_s)
{
    size_t count = owner_count(lease->owned), i;

    *ret_next_s = INT64_MAX;
    for (i = 0; i < count; i++) {
        const struct owner_entry *entry = owner_at(lease->owned, (lease->cursor + i) % count);
        int64_t ends_s = entry->created_s + lease->lifetime_s;

        if (ends_s <= now_s)
            return entry;
        if (ends_s < *ret_next_s)
            *ret_next_s = ends_s;
    }
    return NULL;
}

static void lease_look(struct lease *lease);

static void lease_on_removed(void *arg, int status, const char *body, size_t bytes)
{
    struct lease *lease = arg;

    (void) body, (void) bytes;
    if (status == 204 || status == 404) {
        log_info("container %.12s reached the end of its lifetime and was removed",
                 lease->removing);
        owner_remove(lease->owned, lease->removing);
        lease->removing[0] = '\0';
        lease_look(lease);
        return;
    }
    log_warn("container %.12s is past its lifetime, but the engine answered %d to its removal",
             lease->removing, status);
    lease->removing[0] = '\0';
    lease->cursor++;
    lease_sleep(lease, LEASE_RETRY_S);
}

static void lease_remove(struct lease *lease, const struct owner_entry *entry)
{
    unsigned api_minor = upstream_engine(lease->upstream)->api_minor;
    char target[160];

    if (api_minor == 0) { /* once it answers, the table is read anew, and looked at */
        upstream_ask(lease->upstream);
        lease_sleep(lease, LEASE_ABSENT_S);
        return;
    }
    snprintf(target, sizeof target, "/v1.%u/containers/%s?force=1&v=1", api_minor, entry->id);
    memcpy(lease->removing, entry->id, sizeof lease->removing);
    if (upstream_call(lease->upstream, METHOD_DELETE, target, lease_on_removed, lease) == 0)
        return;
    lease->removing[0] = '\0';
    lease_sleep(lease, LEASE_ABSENT_S);
}

static void lease_look(struct lease *lease)
{
    const struct owner_entry *entry;
    int64_t now_s = time(NULL), next_s;

    if (lease->lifetime_s == 0 || lease->removing[0] != '\0')
        return;
    entry = lease_ended(lease, now_s, &next_s);
    if (entry != NULL)
        lease_remove(lease, entry);
    else if (next_s != INT64_MAX)
        lease_sleep(lease, next_s - now_s);
}

static void lease_on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void) fd, (void) what;
    lease_look(arg);
}

void lease_added(struct lease *lease)
{
    if (!evtimer_pending(&lease->timer, NULL))
        lease_look(lease);
}

void lease_set_lifetime(struct lease *lease, int64_t lifetime_ms)
{
    lease->lifetime_s = (lifetime_ms + 999) / 1000;
    lease_look(lease);
}

/* Recovery. */

void lease_set_kinds(struct lease *lease, unsigned kinds)
{
    bool more = (kinds & ~lease->kinds) != 0;

    lease->kinds = kinds;
    if (more)
        lease_check(lease);
}

static void lease_sync_volumes(struct lease *lease);

static void lease_sync_end(struct lease *lease, bool rebuilt)
{
    lease_done *done = lease->done;

    owner_unmark(owner_of(lease->owned, lease->kind));
    lease->syncing = false;
    lease->done = NULL;
    if (!rebuilt)
        lease->volumes_again = false;
    if (rebuilt)
        lease_look(lease);
    if (done != NULL)
        done(lease->done_arg, rebuilt);
    if (lease->volumes_again && !lease->syncing)
        lease_sync_volumes(lease);
    else if (!rebuilt && lease->listed != NULL)
        lease->listed(lease->listed_arg, false);
}

static void lease_sync(struct lease *lease, enum owner_kind kind);

/* The next kind that is kept, or the end. */
static void lease_sync_next(struct lease *lease)
{
    for (int kind = (int) lease->kind + 1; kind < OWNER_KINDS; kind++)
        if (lease->kinds & 1u << kind) {
            lease_sync(lease, (enum owner_kind) kind);
            return;
        }
    lease_sync_end(lease, true);
}

static void lease_on_list(void *arg, int status, const char *body, size_t bytes)
{
    static const char *const names[OWNER_KINDS] = {"containers", "networks", "volumes"};
    struct lease *lease = arg;
    struct owner_table *table = owner_of(lease->owned, lease->kind);
    struct err err;

    if (status != 200) {
        log_error("the engine answered %d to the list of our %s", status, names[lease->kind]);
        lease_sync_end(lease, false);
        return;
    }
    if (owner_rebuild(table, lease->mark, body, bytes, &err) < 0) {
        log_error("the engine's list of our %s: %s", names[lease->kind], err.text);
        lease_sync_end(lease, false);
        return;
    }
    owner_unmark(table);
    log_debug("%zu %s are ours", owner_count(table), names[lease->kind]);
    bool volumes = lease->kind == OWNER_VOLUME;
    if (volumes)
        lease->volumes_listed = lease->volumes_begun;
    lease_sync_next(lease);
    if (volumes && lease->listed != NULL)
        lease->listed(lease->listed_arg, true);
}

/* Reads the list of one kind, and then of those after it. */
static void lease_sync(struct lease *lease, enum owner_kind kind)
{
    struct owner_table *table = owner_of(lease->owned, kind);
    unsigned api_minor = upstream_engine(lease->upstream)->api_minor;
    char target[512];

    lease->kind = kind;
    lease->mark = owner_mark(table);
    lease->volumes_begun += kind == OWNER_VOLUME;
    if (api_minor == 0 || owner_list_target(table, api_minor, target, sizeof target) < 0 ||
        upstream_call(lease->upstream, METHOD_GET, target, lease_on_list, lease) < 0)
        lease_sync_end(lease, false);
}

static void lease_sync_volumes(struct lease *lease)
{
    lease->volumes_again = false;
    lease->syncing = true;
    lease_sync(lease, OWNER_VOLUME);
}

uint64_t lease_list_volumes(struct lease *lease)
{
    if (upstream_engine(lease->upstream)->api_minor == 0)
        return 0;
    if (!lease->syncing) {
        lease_sync_volumes(lease);
        return lease->syncing ? lease->volumes_begun : 0;
    }
    /* A list that is being read may have been made before now; one that is to follow is not. */
    if (lease->kind == OWNER_VOLUME || !(lease->kinds & 1u << OWNER_VOLUME))
        lease->volumes_again = true;
    return lease->volumes_begun + 1;
}

uint64_t lease_volumes_listed(const struct lease *lease)
{
    return lease->volumes_listed;
}

void lease_watch_volumes(struct lease *lease, lease_listed *listed, void *arg)
{
    lease->listed = listed;
    lease->listed_arg = arg;
}

void lease_resync(struct lease *lease, lease_done *done, void *arg)
{
    if (done != NULL) {
        lease->done = done;
        lease->done_arg = arg;
    }
    if (lease->syncing)
        return;
    if (upstream_engine(lease->upstream)->api_minor == 0) { /* once it is known, that follows */
        lease_sync_end(lease, false);
        return;
    }
    lease->syncing = true;
    lease_sync(lease, OWNER_CONTAINER);
}

void lease_check(struct lease *lease)
{
    static const struct timeval pause = {.tv_sec = LEASE_CHECK_S};
    bool pausing = evtimer_pending(&lease->check_pause, NULL);

    /* A list that is being read may have been made before what is to be found. */
    lease->check_wanted = pausing || lease->syncing;
    if (!pausing)
        evtimer_add(&lease->check_pause, &pause);
    if (!lease->check_wanted)
        lease_resync(lease, NULL, NULL);
}

static void lease_on_check_pause(evutil_socket_t fd, short what, void *arg)
{
    struct lease *lease = arg;

    (void) fd, (void) what;
    if (lease->check_wanted)
        lease_check(lease);
}

static void lease_search_again(struct lease *lease, int wait_s)
{
    struct timeval wait = {.tv_sec = wait_s < LEASE_SEARCH_MAX_S ? wait_s : LEASE_SEARCH_MAX_S};

    if (upstream_engine(lease->upstream)->api_minor == 0)
        upstream_ask(lease->upstream); /* once it answers, the table is read anew */
    lease_check(lease);
    lease->search_s = (int) wait.tv_sec;
    lease->search_left_s -= lease->search_s;
    if (lease->search_left_s > 0)
        evtimer_add(&lease->search, &wait);
}

static void lease_on_search(evutil_socket_t fd, short what, void *arg)
{
    struct lease *lease = arg;

    (void) fd, (void) what;
    lease_search_again(lease, lease->search_s * LEASE_SEARCH_GROWTH);
}

void lease_search(struct lease *lease)
{
    lease->search_left_s = LEASE_SEARCH_S;
    lease_search_again(lease, LEASE_CHECK_S);
}

struct lease *lease_new(struct event_base *base, struct upstream *upstream,
                        struct owner_table *owned, int64_t lifetime_ms)
{
    struct lease *lease = calloc(1, sizeof *lease);

    if (lease == NULL)
        return NULL;
    lease->upstream = upstream;
    lease->owned = owned;
    lease->lifetime_s = (lifetime_ms + 999) / 1000;
    evtimer_assign(&lease->timer, base, lease_on_timer, lease);
    evtimer_assign(&lease->check_pause, base, lease_on_check_pause, lease);
    evtimer_assign(&lease->search, base, lease_on_search, lease);
    return lease;
}

void lease_free(struct lease *lease)
{
    if (lease == NULL)
        return;
    evtimer_del(&lease->timer);
    evtimer_del(&lease->check_pause);
    evtimer_del(&lease->search);
    upstream_forget_calls(lease->upstream, lease);
    free(lease);
}
