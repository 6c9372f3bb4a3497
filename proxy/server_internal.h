/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal: what server.c and server_door.c share; nobody else includes it.
 *
 * server.c       start, the event loop, signals, the end
 * server_door.c  one listener that serves: its socket, and what its clients share
 * server_policy.c  what is loaded, and what is not
 */
#ifndef CAISSON_PROXY_SERVER_INTERNAL_H
#define CAISSON_PROXY_SERVER_INTERNAL_H

#include "conn.h"
#include "listener.h"
#include "server.h"
#include <event2/event_struct.h>

struct server_door {
    struct server *server;
    LIST_ENTRY(server_door) entry;
    char *path; /* of the socket; owned */
    struct listener listener;
    struct event accept_event, accept_pause;
    struct conn_tenant tenant;
    bool rebuilding; /* the table is being read: all who wait are told */
};

struct server {
    const struct server_options *options;
    struct event_base *base;
    struct conn_shared shared;
    LIST_HEAD(, server_door) doors;
    struct event tick, sigterm, sigint, sighup;
    bool asking;          /* the Engine is asked */
    unsigned drain_ticks; /* left, once draining */
    bool draining;
    bool done;
};

/* server_policy.c */

/* A policy that only observes is loaded where the command line asked for that, too. */
int server_policy_load(const struct server *server, const char *path, struct policy **ret_policy,
                       struct err *err);

/* server_door.c */

/* Listens at "unix:PATH" under a policy, which it takes; nobody is accepted yet. */
int server_door_new(struct server *server, const char *address, struct policy *take_policy,
                    struct server_door **ret_door, struct err *err);
/* Accepts from now on. */
void server_door_serve(struct server_door *door);
/* Takes a client's socket, or turns the client away. */
void server_door_accept(struct server_door *door, int take_fd);
/* Reads the table of what its owner has anew; all connections that wait are told. */
void server_door_rebuild(struct server_door *door);
/* Accepts no longer, and removes the socket's file. May be called twice. */
void server_door_close(struct server_door *door);
/* Its connections are gone. */
void server_door_free(struct server_door *door);

#endif
