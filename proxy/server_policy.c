/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_policy: a policy file as the server takes it, at the start and at a reload.
 */
#include "config.h"
#include "err.h"
#include "log.h"
#include "policy.h"
#include "server_internal.h"

int server_policy_load(const struct server *server, const char *path, struct policy **ret_policy,
                       struct err *err)
{
    struct policy *policy = NULL;
    char origin[300];

    if (policy_load(path, &policy, err) < 0)
        return -1;
    policy_mode_origin(policy, origin, sizeof origin);
    if (policy_observes(policy) && !server->options->accept_risk) {
        policy_unref(policy);
        return err_set(err,
                       "%s: mode = observe lets every request through unjudged, which is root on "
                       "the host; start with 'caisson serve --i-accept-the-risk', or write mode = "
                       "enforce",
                       origin);
    }
    if (policy_observes(policy))
        log_warn("%s: mode = observe: EVERY REQUEST GOES THROUGH UNJUDGED; who can reach the "
                 "socket is root on the host until this says enforce",
                 origin);
    *ret_policy = policy;
    return 0;
}
