/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests stay at the engine until something happens: that is asked of what is sent.
 */
#include "policy_internal.h"

#include <string.h>

/* What the query says of a flag, as an engine reads it. */
static bool flag(const char *target, const char *name, bool absent)
{
    const char *at = strchr(target, '?');
    size_t bytes = strlen(name);
    for (; at; at = strchr(at, '&')) {
        at++;
        if (strncmp(at, name, bytes) == 0 && at[bytes] == '=')
            return strchr("0fFnN&", at[bytes + 1]) == NULL; /* or at its end */
    }
    return absent;
}

bool policy_is_held(const struct policy_decision *decision)
{
    switch (decision->op->number) {
    case OPERATION_ContainerWait:
    case OPERATION_SystemEvents:
        return true;
    case OPERATION_ContainerLogs:
    case OPERATION_ServiceLogs:
    case OPERATION_TaskLogs:
        return flag(policy_target(decision), "follow", false);
    case OPERATION_ContainerStats:
        return flag(policy_target(decision), "stream", true);
    default:
        return decision->hijack;
    }
}
