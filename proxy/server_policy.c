/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_policy: the policy files as the server takes them, at the start and at a reload.
 */
#include "config.h"
#include "err.h"
#include "listeners.h"
#include "log.h"
#include "policy.h"
#include "server_internal.h"

/* A policy that only observes is taken where the command line asked for that, too. */
static int server_policy_accept(const struct server *server, const struct policy *policy,
                                struct err *err)
{
    char origin[300];

    if (!policy_observes(policy))
        return 0;
    policy_mode_origin(policy, origin, sizeof origin);
    if (!server->options->accept_risk)
        return err_set(err,
                       "%s: mode = observe lets every request through unjudged, which is root on "
                       "the host; start with 'caisson serve --i-accept-the-risk', or write mode = "
                       "enforce",
                       origin);
    log_warn("%s: mode = observe: EVERY REQUEST GOES THROUGH UNJUDGED; who can reach the "
             "socket is root on the host until this says enforce",
             origin);
    return 0;
}

int server_policy_load(const struct server *server, struct listeners **ret_listeners,
                       struct err *err)
{
    const struct server_options *options = server->options;
    struct listeners *listeners = NULL;

    if (listeners_load(options->policy, options->listen, &listeners, err) < 0)
        return -1;
    for (size_t i = 0; i < listeners_count(listeners); i++) {
        if (server_policy_accept(server, listeners_at(listeners, i)->policy, err) < 0) {
            listeners_unref(listeners);
            return -1;
        }
    }
    *ret_listeners = listeners;
    return 0;
}

int server_peers_load(const struct server *server, const struct listeners_entry *entry,
                      struct peers *ret_peers, struct err *err)
{
    if (peers_load(entry->config.peers, ret_peers, err) == 0)
        return 0;
    return err_wrap(err, "%s:%u: peers", server->options->policy, entry->config.line.peers);
}
