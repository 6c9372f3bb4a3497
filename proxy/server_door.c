/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_door: one listener that serves, from its socket to the table of what its owner has.
 */
#include "answer.h"
#include "audit.h"
#include "buf.h"
#include "config.h"
#include "err.h"
#include "lease.h"
#include "listeners.h"
#include "log.h"
#include "owner.h"
#include "policy.h"
#include "reason.h"
#include "server_internal.h"
#include "upstream.h"
#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    DOOR_ACCEPT_MAX = 64,    /* connections taken in one turn */
    DOOR_ACCEPT_PAUSE_S = 1, /* after the descriptors ran out */
    DOOR_STRANGERS_MAX = 16  /* who are not among the peers, at once */
};

/* Accepting. */

/* The line of a connection on which nothing is read. */
static void server_door_audit(const struct server_door *door, const struct ucred *peer,
                              enum reason reason)
{
    const struct conn_tenant *tenant = &door->tenant;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    const struct audit_record record = {
        .time_us = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000,
        .connection = ++tenant->shared->accepted,
        .request = 1,
        .uid = peer->uid,
        .gid = peer->gid,
        .pid = peer->pid,
        .listener = tenant->name,
        .owner = owner_name(tenant->owned),
        .policy = policy_version(tenant->policy),
        .method = "?",
        .decision = "deny",
        .reason = reason_word(reason),
        .status = reason_status(reason),
    };

    audit_add(tenant->shared->audit, &record);
}

static void server_door_turn_away(const struct server_door *door, int fd, const struct ucred *peer,
                                  enum reason reason, const char *text)
{
    const struct answer_to to = {.engine = upstream_engine(door->server->shared.upstream)};
    struct buf answer = {0};

    server_door_audit(door, peer, reason);
    if (answer_refusal(&answer, &to, reason, text) < 0 ||
        send(fd, buf_data(&answer), buf_bytes(&answer), MSG_NOSIGNAL) < 0)
        log_debug("turned a client away without a word");
    buf_done(&answer);
    close(fd);
}

/* Connections at once. Where descriptors are short, each of several listeners has its share. */
static uint64_t server_door_most(const struct server_door *door)
{
    const struct server *server = door->server;
    uint64_t most = (uint64_t) policy_config(door->tenant.policy)->connections;
    bool alone = LIST_FIRST(&server->doors) == door && LIST_NEXT(door, entry) == NULL;

    if (alone || server->wanted <= server->allowed)
        return most;
    most = most * server->allowed / server->wanted;
    return most > 0 ? most : 1;
}

static void server_door_refuse_user(struct server_door *door, int fd, const struct ucred *peer)
{
    const struct policy *policy = door->tenant.policy;
    char text[256];

    snprintf(text, sizeof text,
             "user %u has %u connections, and 'connections-per-user' under [limits] of %.80s is "
             "%" PRId64 "; close some or raise it",
             peer->uid, quota_of(&door->quota, peer->uid), policy_file(policy),
             policy_config(policy)->connections_per_user);
    server_door_turn_away(door, fd, peer, REASON_TOO_MANY_OF_USER, text);
}

void server_door_accept(struct server_door *door, int take_fd)
{
    struct conn_tenant *tenant = &door->tenant;
    struct ucred peer = {.uid = (uid_t) -1, .gid = (gid_t) -1};
    socklen_t bytes = sizeof peer;

    getsockopt(take_fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
    if (tenant->strangers >= DOOR_STRANGERS_MAX && !peers_admit(&door->peers, take_fd))
        server_door_turn_away(door, take_fd, &peer, REASON_PEER_NOT_ALLOWED, NULL);
    else if (tenant->count - tenant->detached - tenant->strangers >= server_door_most(door))
        server_door_turn_away(door, take_fd, &peer, REASON_TOO_MANY_CONNECTIONS, NULL);
    else if (quota_of(&door->quota, peer.uid) >=
             (uint64_t) policy_config(tenant->policy)->connections_per_user)
        server_door_refuse_user(door, take_fd, &peer);
    else if (conn_new(tenant, take_fd, &peer) < 0)
        log_error("out of memory: a client was turned away");
}

static void server_door_on_accept(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval pause = {.tv_sec = DOOR_ACCEPT_PAUSE_S};
    struct server_door *door = arg;
    int i, client;

    (void) what;
    for (i = 0; i < DOOR_ACCEPT_MAX; i++) {
        client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0)
            break;
        server_door_accept(door, client);
    }
    if (i == DOOR_ACCEPT_MAX || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    /* Out of descriptors or memory: those who wait stay in the queue until some are free. */
    log_error("accept: %s", strerror(errno));
    event_del(&door->accept_event);
    evtimer_add(&door->accept_pause, &pause);
}

static void server_door_on_accept_again(evutil_socket_t fd, short what, void *arg)
{
    struct server_door *door = arg;

    (void) fd, (void) what;
    event_add(&door->accept_event, NULL);
}

/* The table. */

static void server_door_on_rebuilt(void *arg, bool rebuilt)
{
    struct server_door *door = arg;
    unsigned api_minor = upstream_engine(door->server->shared.upstream)->api_minor;

    door->rebuilding = false;
    if (api_minor == 0) { /* lost in the meantime, perhaps by what somebody else did */
        conn_engine_lost(&door->tenant);
        return;
    }
    if (rebuilt)
        log_info("the engine answers, API 1.%u; %zu containers are %s's", api_minor,
                 owner_count(door->tenant.owned), owner_name(door->tenant.owned));
    conn_engine_known(&door->tenant, rebuilt);
}

void server_door_rebuild(struct server_door *door)
{
    door->rebuilding = true;
    lease_resync(door->tenant.lease, server_door_on_rebuilt, door);
}

/* Many may want to know: what is under way answers them all. */
static void server_door_ask(void *arg)
{
    struct server_door *door = arg;
    struct server *server = door->server;

    if (server->asking || door->rebuilding)
        return;
    if (upstream_engine(server->shared.upstream)->api_minor != 0) {
        server_door_rebuild(door);
        return;
    }
    server->asking = true;
    upstream_ask(server->shared.upstream);
}

/* Lifetime. */

static int server_door_tenant(struct server_door *door, const struct listeners_entry *entry,
                              struct err *err)
{
    struct conn_tenant *tenant = &door->tenant;
    struct server *server = door->server;

    LIST_INIT(&tenant->open);
    tenant->shared = &server->shared;
    tenant->name = door->name;
    tenant->section = door->section;
    tenant->peers = &door->peers;
    tenant->quota = &door->quota;
    tenant->ask_engine = server_door_ask;
    tenant->arg = door;
    conn_judge_by(tenant, entry->policy);
    tenant->owned = owner_table_new(entry->config.owner);
    tenant->seen = owner_table_new(entry->config.owner);
    if (tenant->owned == NULL || tenant->seen == NULL)
        return err_set(err, "out of memory");
    tenant->lease = lease_new(server->base, server->shared.upstream, tenant->owned,
                              policy_config(tenant->policy)->lifetime_ms);
    if (tenant->lease == NULL)
        return err_set(err, "out of memory");
    lease_set_kinds(tenant->lease, policy_kinds(tenant->policy));
    lease_watch_volumes(tenant->lease, conn_volumes_listed, tenant);
    return 0;
}

/* Copies what it takes of the entry, which may be replaced. */
static int server_door_name(struct server_door *door, const struct listeners_entry *entry,
                            struct err *err)
{
    const char *path = door->server->options->policy, *slash = strrchr(path, '/');
    bool by_default = strcmp(entry->name, LISTENERS_DEFAULT) == 0;

    door->name = strdup(entry->name);
    door->fixed.address = strdup(entry->config.listen);
    door->fixed.owner = strdup(entry->config.listen_owner);
    door->fixed.mode = (mode_t) entry->config.listen_mode;
    if (asprintf(&door->section, "[%s%s] of %s", by_default ? "proxy" : "listener ",
                 by_default ? "" : entry->name, slash != NULL ? slash + 1 : path) < 0)
        door->section = NULL;
    if (door->name == NULL || door->fixed.address == NULL || door->fixed.owner == NULL ||
        door->section == NULL)
        return err_set(err, "out of memory");
    return 0;
}

static int server_door_listen(struct server_door *door, struct err *err)
{
    const char *path = listener_path(door->fixed.address, err);

    if (path == NULL)
        return -1;
    return listener_open(path, door->fixed.mode, door->fixed.owner, &door->listener, err);
}

int server_door_new(struct server *server, const struct listeners_entry *entry,
                    struct server_door **ret_door, struct err *err)
{
    struct server_door *door = calloc(1, sizeof *door);

    if (door == NULL)
        return err_set(err, "out of memory");
    door->server = server;
    door->listener.fd = -1;
    evtimer_assign(&door->accept_pause, server->base, server_door_on_accept_again, door);
    if (server_door_name(door, entry, err) < 0 || server_door_tenant(door, entry, err) < 0 ||
        server_peers_load(server, entry, &door->peers, err) < 0 ||
        server_door_listen(door, err) < 0) {
        server_door_free(door);
        return -1;
    }
    event_assign(&door->accept_event, server->base, door->listener.fd, EV_READ | EV_PERSIST,
                 server_door_on_accept, door);
    *ret_door = door;
    return 0;
}

void server_door_change(struct server_door *door, const struct listeners_entry *entry,
                        struct peers *take_peers)
{
    struct conn_tenant *tenant = &door->tenant;

    conn_judge_by(tenant, entry->policy);
    lease_set_lifetime(tenant->lease, policy_config(tenant->policy)->lifetime_ms);
    lease_set_kinds(tenant->lease, policy_kinds(tenant->policy));
    peers_done(&door->peers);
    door->peers = *take_peers;
    *take_peers = (struct peers){0};
    conn_ask_peers(tenant);
}

void server_door_serve(struct server_door *door)
{
    event_add(&door->accept_event, NULL);
    log_info("listening on %s", door->listener.path);
}

void server_door_close(struct server_door *door)
{
    if (door->listener.fd < 0)
        return;
    event_del(&door->accept_event);
    evtimer_del(&door->accept_pause);
    listener_unlink(&door->listener);
    close(door->listener.fd);
    door->listener.fd = -1;
}

void server_door_free(struct server_door *door)
{
    server_door_close(door);
    lease_free(door->tenant.lease);
    owner_table_free(door->tenant.owned);
    owner_table_free(door->tenant.seen);
    policy_unref(door->tenant.policy);
    peers_done(&door->peers);
    quota_done(&door->quota);
    free(door->name);
    free(door->section);
    free(door->fixed.address);
    free(door->fixed.owner);
    free(door);
}
