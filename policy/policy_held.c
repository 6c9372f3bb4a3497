/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests stay at the engine until something happens: that is asked of what is sent.
 */
#include "policy_internal.h"

#include "query.h"

#include <string.h>
#include <strings.h>

/* What the query says of a flag, as an engine reads it: under `mode = observe` nobody else has. */
static bool flag(const char *target, const char *name, bool absent)
{
    static const char *const NO[] = {"", "0", "no", "false", "none"};
    const char *query = strchr(target, '?');
    char value[64], *at = value;
    if (!query || !query_peek(query + 1, strlen(query + 1), name, value, sizeof(value)))
        return absent;
    at += strspn(at, " ");
    for (size_t bytes = strlen(at); bytes > 0 && at[bytes - 1] == ' ';)
        at[--bytes] = '\0';
    for (size_t i = 0; i < sizeof(NO) / sizeof(NO[0]); i++)
        if (strcasecmp(at, NO[i]) == 0)
            return false;
    return true;
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
