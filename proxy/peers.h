/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers: which users and groups may use a listener, beside being able to connect to its socket.
 *
 * A peer is who connected, as the kernel tells (SO_PEERCRED, SO_PEERGROUPS): a process that was
 * handed an open connection acts for whoever opened it.
 */
#ifndef CAISSON_PROXY_PEERS_H
#define CAISSON_PROXY_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

/* Zeroed: nobody is listed, and so everybody may. */
struct peers {
    size_t user_count, group_count;
    uid_t *users;
    gid_t *groups;
};

/* Looks the names of a policy's `peers` up. */
int peers_load(const char *text, struct peers *ret_peers, struct err *err);
void peers_done(struct peers *peers);

/* fd: the connected socket, which is asked for its peer. */
bool peers_admit(const struct peers *peers, int fd);

#endif
