/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal: what the rooms of server share; nobody else includes it.
 *
 * server.c         start, the event loop, signals, the end
 * server_door.c    one listener that serves: its socket, and what its clients share
 * server_policy.c  what is loaded, and what is not
 * server_reload.c  from the listeners that serve to those that another file describes
 */
#ifndef CAISSON_PROXY_SERVER_INTERNAL_H
#define CAISSON_PROXY_SERVER_INTERNAL_H

#include "conn.h"
#include "listener.h"
#include "peers.h"
#include "quota.h"
#include "server.h"
#include <event2/event_struct.h>

struct listeners;
struct listeners_entry;
struct outcome;

/* One listener that serves. What is fixed while it does stands in `fixed`; the rest follows the
 * policy. */
struct server_door {
    struct server *server;
    LIST_ENTRY(server_door) entry;
    char *name, *section; /* owned; what tenant.name and tenant.section point to */
    struct {
        char *address, *owner; /* "unix:PATH", and the USER:GROUP of the socket; owned */
        mode_t mode;
    } fixed;
    struct listener listener;
    struct event accept_event, accept_pause;
    struct peers peers;
    struct quota quota;
    struct conn_tenant tenant;
    bool rebuilding; /* the table is being read: all who wait are told */
    bool leaving;    /* the policy has it no longer; it ends with its last connection */
};

LIST_HEAD(server_doors, server_door);

struct server {
    const struct server_options *options;
    struct event_base *base;
    struct conn_shared shared;
    struct listeners *listeners; /* that are in force */
    struct outcome *outcome;     /* of the last reload, for `caisson reload`; NULL: none is told */
    struct server_doors doors;
    struct event tick, sigterm, sigint, sighup;
    bool asking;              /* the Engine is asked */
    uint64_t allowed, wanted; /* descriptors for connections */
    unsigned drain_ticks;     /* left, once draining */
    bool draining;
    bool done;
};

/* server.c */

/* Each client may need a descriptor of its own and one to the Engine. */
void server_raise_descriptors(struct server *server);

/* server_policy.c */

/* A policy that only observes is loaded where the command line asked for that, too. */
int server_policy_load(const struct server *server, struct listeners **ret_listeners,
                       struct err *err);

/* Looks the peers of a listener up. */
int server_peers_load(const struct server *server, const struct listeners_entry *entry,
                      struct peers *ret_peers, struct err *err);

/* server_reload.c */

/* Goes over to what the files say now, whole or not at all, and says so. */
void server_reload(struct server *server);
/* Which version of which file judges for whom, and what has no effect. */
void server_say_versions(struct server *server);

/* server_door.c */

/* Listens as an entry says; nobody is accepted yet. */
int server_door_new(struct server *server, const struct listeners_entry *entry,
                    struct server_door **ret_door, struct err *err);
/* Accepts from now on. */
void server_door_serve(struct server_door *door);
/* Goes over to another policy; exchanges that are under way end under theirs. */
void server_door_change(struct server_door *door, const struct listeners_entry *entry,
                        struct peers *take_peers);
/* Takes a client's socket, or turns the client away. */
void server_door_accept(struct server_door *door, int take_fd);
/* Reads the table of what its owner has anew; all connections that wait are told. */
void server_door_rebuild(struct server_door *door);
/* Accepts no longer, and removes the socket's file. May be called twice. */
void server_door_close(struct server_door *door);
/* Its connections are gone. */
void server_door_free(struct server_door *door);

#endif
