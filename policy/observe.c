/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision that is noted instead of taken.
 */
#include "observe.h"

#include "operation.h"
#include "owner.h"
#include "reason.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct operation observe_unknown = {
    .number = OPERATION_COUNT,
    .object = OBJECT_NONE,
    .body = BODY_UNJUDGED,
    .reply = REPLY_HIJACK,
};

bool observe_route(struct policy_decision *decision)
{
    if (decision->reason == REASON_TARGET_MALFORMED)
        return false;
    if (!decision->op)
        decision->op = &observe_unknown;
    decision->observed = decision->verdict != POLICY_PING;
    return true;
}

/* The client's own path and query, whose bytes route.c has looked at. */
static char *target_copy(const struct policy_decision *decision, unsigned api_minor)
{
    const char *query = decision->route.query ? decision->route.query : "";
    char *target;
    int bytes =
        asprintf(&target, "/v1.%u%.*s%s%.*s", api_minor, (int) decision->route.path_bytes,
                 decision->route.path, decision->route.query_bytes > 0 ? "?" : "",
                 (int) decision->route.query_bytes, query);
    return bytes < 0 ? NULL : target;
}

/* The container in question by its full id, if it was made here, whatever the decision says. */
static void container_note(struct policy_decision *decision, const struct owner_table *owned)
{
    const char *ref = decision->route.ref;
    size_t bytes = decision->route.ref_bytes;
    const struct owner_entry *entry = NULL;
    const char *id = NULL;
    if (decision->container[0] || !ref)
        return;
    if (decision->op->object == OBJECT_CONTAINER)
        entry = owner_resolve(owned, ref, bytes);
    if (decision->op->object == OBJECT_EXEC)
        id = owner_exec_container(owned, ref, bytes);
    if (entry)
        id = entry->id;
    if (id)
        strcpy(decision->container, id);
}

/* The name that a create asks for: later requests may call the container by it. */
static void name_note(struct policy_decision *decision)
{
    const char *query = decision->route.query, *end = query + decision->route.query_bytes;
    decision->name[0] = '\0'; /* the one that we would have given it */
    for (const char *at = query, *next; query && at < end; at = next + 1) {
        next = memchr(at, '&', (size_t) (end - at));
        next = next ? next : end;
        size_t bytes = (size_t) (next - at);
        if (bytes <= 5 || bytes - 5 >= sizeof(decision->name) || memcmp(at, "name=", 5) != 0)
            continue;
        memcpy(decision->name, at + 5, bytes - 5);
        decision->name[bytes - 5] = '\0';
    }
}

void observe_forward(struct policy_decision *decision, unsigned api_minor,
                     const struct owner_table *owned, const char *body, size_t body_bytes)
{
    free(decision->body);
    free(decision->warnings);
    decision->body = decision->warnings = NULL;
    decision->body_bytes = 0;
    decision->api_minor = api_minor;
    container_note(decision, owned);
    if (decision->op->body == BODY_CREATE || decision->op->number == OPERATION_ContainerRename)
        name_note(decision);
    decision->target_long = target_copy(decision, api_minor);
    if (body && (decision->body = malloc(body_bytes + 1))) {
        memcpy(decision->body, body, body_bytes);
        decision->body[body_bytes] = '\0';
        decision->body_bytes = body_bytes;
    }
    decision->hijack = decision->op->reply == REPLY_HIJACK;
    decision->verdict = POLICY_FORWARD;
    if (decision->target_long && (!body || decision->body))
        return;
    decision->observed = false;
    decision->verdict = POLICY_DENY;
    decision->reason = REASON_OUT_OF_MEMORY;
}
