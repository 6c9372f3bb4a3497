/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers: the lists of a policy as numbers, and a peer held to them.
 */
#include "peers.h"
#include "account.h"
#include "config.h"
#include "err.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { PEERS_GROUPS = 64 /* of a peer that are asked for at first */ };

static int peers_add(struct peers *peers, const struct config_peer *peer, struct err *err)
{
    if (peer->is_group)
        return account_group(peer->name, &peers->groups[peers->group_count++], err);
    return account_user(peer->name, &peers->users[peers->user_count++], err);
}

int peers_load(const char *text, struct peers *ret_peers, struct err *err)
{
    size_t most = strlen(text) / sizeof "uid:" + 1;
    struct peers peers = {0};
    struct config_peer peer;
    int ret = 0;

    if (text[0] != '\0') {
        peers.users = calloc(most, sizeof peers.users[0]);
        peers.groups = calloc(most, sizeof peers.groups[0]);
        if (peers.users == NULL || peers.groups == NULL)
            ret = err_set(err, "out of memory");
    }
    while (ret == 0 && config_peer_next(&text, &peer))
        ret = peers_add(&peers, &peer, err);
    if (ret < 0)
        peers_done(&peers);
    else
        *ret_peers = peers;
    return ret;
}

void peers_done(struct peers *peers)
{
    free(peers->users);
    free(peers->groups);
    memset(peers, 0, sizeof *peers);
}

static bool peers_has_group(const struct peers *peers, gid_t group)
{
    for (size_t i = 0; i < peers->group_count; i++)
        if (peers->groups[i] == group)
            return true;
    return false;
}

/* Whether one of the peer's supplementary groups is listed; a kernel that cannot tell says no. */
static bool peers_has_one_of(const struct peers *peers, int fd)
{
    gid_t few[PEERS_GROUPS], *groups = few;
    socklen_t bytes = sizeof few;
    bool found = false;
    int ret = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes);

    if (ret < 0 && errno == ERANGE) { /* bytes is now what is needed */
        groups = malloc(bytes);
        ret = groups == NULL ? -1 : getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &bytes);
    }
    for (size_t i = 0; ret == 0 && !found && i < bytes / sizeof groups[0]; i++)
        found = peers_has_group(peers, groups[i]);
    if (groups != few)
        free(groups);
    return found;
}

bool peers_admit(const struct peers *peers, int fd)
{
    struct ucred peer;
    socklen_t bytes = sizeof peer;

    if (peers->user_count + peers->group_count == 0)
        return true;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) < 0)
        return false;
    for (size_t i = 0; i < peers->user_count; i++)
        if (peers->users[i] == peer.uid)
            return true;
    return peers->group_count > 0 &&
           (peers_has_group(peers, peer.gid) || peers_has_one_of(peers, fd));
}
