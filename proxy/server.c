/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: start, serve, drain, end.
 *
 * The order of start: the policy (so that an error in it stops us before anything is touched), the
 * audit log, our socket, the Engine.  Requests that come before the Engine is known wait for it.
 * Nothing is freed while a callback runs: the loop below reaps after each turn, and writes the
 * audit lines of the turn at once.
 */
#include "audit.h"
#include "config.h"
#include "err.h"
#include "listeners.h"
#include "log.h"
#include "message.h"
#include "outcome.h"
#include "policy.h"
#include "server_internal.h"
#include "splice.h"
#include "upstream.h"
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    SERVER_TICK_MS = 500,
    SERVER_OWN_DESCRIPTORS = 64,  /* beside those of connections */
    SERVER_DOOR_DESCRIPTORS = 32, /* for each listener, beside those of its connections */
    SERVER_DRAIN_TICKS = 6        /* how long running exchanges may go on after SIGTERM */
};

/* The Engine. */

static void server_on_upstream(void *arg, bool known)
{
    struct server *server = arg;
    struct server_door *door;

    server->asking = false;
    LIST_FOREACH(door, &server->doors, entry)
    {
        door->tenant.ready = false;
        if (known)
            server_door_rebuild(door);
        else if (upstream_failed(server->shared.upstream))
            conn_engine_known(&door->tenant, false);
        else
            conn_engine_lost(&door->tenant);
    }
}

static void server_ask_engine(struct server *server)
{
    server->asking = true;
    upstream_ask(server->shared.upstream);
}

/* Time and signals. */

static unsigned server_count(const struct server *server)
{
    const struct server_door *door;
    unsigned count = 0;

    LIST_FOREACH(door, &server->doors, entry)
    {
        count += door->tenant.count;
    }
    return count;
}

static void server_drain(struct server *server, bool now)
{
    struct server_door *door;

    LIST_FOREACH(door, &server->doors, entry)
    {
        conn_drain(&door->tenant, now);
    }
    server->done = server_count(server) == 0;
}

/* Listeners that the policy has no longer, and whose connections are gone. */
static void server_end_left(struct server *server)
{
    struct server_door *door, *next;

    for (door = LIST_FIRST(&server->doors); door != NULL; door = next) {
        next = LIST_NEXT(door, entry);
        if (!door->leaving)
            continue;
        conn_drain(&door->tenant, false);
        if (door->tenant.count > 0)
            continue;
        log_info("listener %s has ended", door->name);
        LIST_REMOVE(door, entry);
        server_door_free(door);
    }
}

static void server_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    struct server_door *door;

    (void) fd, (void) what;
    conn_set_clock(&server->shared);
    LIST_FOREACH(door, &server->doors, entry)
    {
        conn_tick(&door->tenant);
    }
    server_end_left(server);
    if (server->draining)
        server_drain(server, server->drain_ticks-- <= 1);
}

static void server_on_end(evutil_socket_t number, short what, void *arg)
{
    struct server *server = arg;
    struct server_door *door;

    (void) what;
    if (server->draining) {
        server->done = true;
        return;
    }
    log_info("signal %d: no new connections; %u are open", (int) number, server_count(server));
    LIST_FOREACH(door, &server->doors, entry)
    {
        server_door_close(door);
    }
    server->draining = true;
    server->drain_ticks = SERVER_DRAIN_TICKS;
    server_drain(server, false);
}

static void server_on_reload(evutil_socket_t number, short what, void *arg)
{
    struct server *server = arg;

    (void) number, (void) what;
    if (!server->draining)
        server_reload(server);
}

/* Start and end. */

static int server_upstream(struct server *server, const struct config *config, struct err *err)
{
    const char *address = server->options->upstream;
    const char *path = listener_path(address != NULL ? address : config->upstream, err);

    if (path == NULL)
        return -1;
    server->shared.upstream = upstream_new(server->base, path, server_on_upstream, server);
    return server->shared.upstream == NULL ? err_set(err, "out of memory") : 0;
}

/* For all connections, and *ret_own beside those. */
static rlim_t server_descriptors(const struct listeners *listeners, rlim_t *ret_own)
{
    rlim_t connections = 0;

    *ret_own = SERVER_OWN_DESCRIPTORS;
    for (size_t i = 0; i < listeners_count(listeners); i++) {
        const struct policy *policy = listeners_at(listeners, i)->policy;
        connections += 2 * (rlim_t) policy_config(policy)->connections;
        *ret_own += i > 0 ? SERVER_DOOR_DESCRIPTORS : 0;
    }
    return connections + *ret_own;
}

#define LACKS_DESCRIPTORS                                                                  \
    "'connections' under [limits] may need %llu descriptors, and the system allows %llu: " \
    "raise that (ulimit -n), or lower 'connections'"

bool server_lacks_descriptors(const struct listeners *listeners, char text[SERVER_TEXT_BYTES])
{
    struct rlimit limit;
    rlim_t own, needed = server_descriptors(listeners, &own);

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max >= needed)
        return false;
    snprintf(text, SERVER_TEXT_BYTES, LACKS_DESCRIPTORS, (unsigned long long) needed,
             (unsigned long long) limit.rlim_max);
    return true;
}

void server_raise_descriptors(struct server *server)
{
    rlim_t own, needed = server_descriptors(server->listeners, &own);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    if (limit.rlim_cur < needed) {
        limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    server->wanted = needed - own;
    server->allowed = limit.rlim_cur > own ? limit.rlim_cur - own : 0;
    if (limit.rlim_cur < needed)
        log_warn(LACKS_DESCRIPTORS, (unsigned long long) needed,
                 (unsigned long long) limit.rlim_cur);
}

/* What all listeners share. */
static int server_share(struct server *server, const struct config *config, struct err *err)
{
    const char *audit = server->options->audit;
    struct conn_shared *shared = &server->shared;

    LIST_INIT(&server->doors);
    LIST_INIT(&shared->done);
    stream_queue_init(&shared->later);
    conn_set_clock(shared);
    server->outcome = outcome_new();
    server->base = event_base_new();
    shared->base = server->base;
    shared->scratch = malloc(CONN_SCRATCH_BYTES);
    shared->known = message_known_new();
    shared->splice = splice_new();
    if (server->base == NULL || shared->scratch == NULL || shared->splice == NULL)
        return err_set(err, "out of memory");
    if (audit_open(audit != NULL ? audit : config->audit, &shared->audit, err) < 0)
        return -1;
    return server_upstream(server, config, err);
}

/* Opens all listeners, in their order. */
static int server_open_doors(struct server *server, struct err *err)
{
    struct server_door *door, *last = NULL;

    for (size_t i = 0; i < listeners_count(server->listeners); i++) {
        if (server_door_new(server, listeners_at(server->listeners, i), &door, err) < 0)
            return -1;
        if (last == NULL)
            LIST_INSERT_HEAD(&server->doors, door, entry);
        else
            LIST_INSERT_AFTER(last, door, entry);
        last = door;
    }
    return 0;
}

/* Before there is a socket: who sees one may send a signal. */
static void server_watch_signals(struct server *server)
{
    evsignal_assign(&server->sigterm, server->base, SIGTERM, server_on_end, server);
    evsignal_assign(&server->sigint, server->base, SIGINT, server_on_end, server);
    evsignal_assign(&server->sighup, server->base, SIGHUP, server_on_reload, server);
    evsignal_add(&server->sigterm, NULL);
    evsignal_add(&server->sigint, NULL);
    evsignal_add(&server->sighup, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* an audit log that may not grow is a full disk, no end */
}

static int server_start(struct server *server, struct err *err)
{
    if (server_policy_load(server, &server->listeners, err) < 0)
        return -1;
    server_raise_descriptors(server);
    if (server_share(server, policy_config(listeners_main(server->listeners)), err) < 0)
        return -1;
    server_watch_signals(server);
    if (server_open_doors(server, err) < 0)
        return -1;
    server_say_versions(server);
    return 0;
}

static void server_watch(struct server *server)
{
    static const struct timeval tick = {.tv_usec = SERVER_TICK_MS * 1000};
    struct server_door *door;

    event_assign(&server->tick, server->base, -1, EV_PERSIST, server_on_tick, server);
    event_add(&server->tick, &tick);
    LIST_FOREACH(door, &server->doors, entry)
    {
        server_door_serve(door);
    }
}

static void server_unwatch(struct server *server)
{
    event_del(&server->tick);
    event_del(&server->sigterm);
    event_del(&server->sigint);
    event_del(&server->sighup);
}

/* One turn of the loop; false when there is nothing that could ever happen. */
static bool server_turn(struct server *server, int flags)
{
    if (event_base_loop(server->base, flags) != 0)
        return false;
    stream_push_all(&server->shared.later);
    conn_reap(&server->shared);
    upstream_reap(server->shared.upstream);
    audit_flush(server->shared.audit);
    return true;
}

static void server_loop(struct server *server)
{
    while (!server->done && server_turn(server, EVLOOP_ONCE))
        continue;
    server_drain(server, true);
    conn_reap(&server->shared);
}

static void server_stop(struct server *server)
{
    struct conn_shared *shared = &server->shared;
    struct server_door *door;

    while ((door = LIST_FIRST(&server->doors)) != NULL) {
        LIST_REMOVE(door, entry);
        server_door_free(door);
    }
    upstream_free(shared->upstream);
    audit_free(shared->audit);
    outcome_free(server->outcome);
    listeners_unref(server->listeners);
    stream_queue_done(&shared->later);
    buf_done(&shared->draft);
    free(shared->spare);
    message_known_free(shared->known);
    free(shared->scratch);
    splice_free(shared->splice);
    if (server->base != NULL)
        event_base_free(server->base);
}

int server_run(const struct server_options *options, struct err *err)
{
    struct server server = {.options = options};
    int ret = server_start(&server, err);

    if (ret == 0) {
        server_watch(&server);
        server_ask_engine(&server);
        server_loop(&server);
        server_unwatch(&server);
    }
    server_stop(&server);
    return ret;
}
