/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose the object is that a path names: one function for each kind.
 */
#include "policy_internal.h"

#include "owner.h"
#include "reason.h"

#include <string.h>

/* One container: the id that the reference has in our table or, under `any`, the reference. */
bool policy_container_decide(const struct policy *policy, const struct owner_table *owned,
                             struct policy_decision *decision)
{
    const char *ref = decision->route.ref;
    size_t ref_bytes = decision->route.ref_bytes;
    const struct owner_entry *entry = owner_resolve(owned, ref, ref_bytes);
    if (!entry)
        return policy->allow[decision->op->number].grant == GRANT_ANY ||
               policy_deny(decision, REASON_NOT_OWNED, "", "No such container: %.*s",
                           (int) ref_bytes, ref);
    memcpy(decision->container, entry->id, sizeof(decision->container));
    decision->route.ref = decision->container;
    decision->route.ref_bytes = OWNER_ID_BYTES;
    return true;
}

/* One exec: one that was made in a container of our table or, under `any`, the reference. */
static bool exec_decide(const struct policy *policy, const struct owner_table *owned,
                        struct policy_decision *decision)
{
    const char *ref = decision->route.ref;
    size_t ref_bytes = decision->route.ref_bytes;
    const char *container = owner_exec_container(owned, ref, ref_bytes);
    if (!container)
        return policy->allow[decision->op->number].grant == GRANT_ANY ||
               policy_deny(decision, REASON_NOT_OWNED, "", "No such exec instance: %.*s",
                           (int) ref_bytes, ref);
    strcpy(decision->container, container);
    memcpy(decision->exec, ref, OWNER_ID_BYTES);
    return true;
}

/* One network, as with containers; an engine would resolve a name to whosever it is. */
static bool network_decide(const struct policy *policy, const struct owner_table *owned,
                           struct policy_decision *decision)
{
    const char *ref = decision->route.ref;
    size_t ref_bytes = decision->route.ref_bytes;
    const struct owner_entry *entry =
        owner_resolve(owner_of_const(owned, OWNER_NETWORK), ref, ref_bytes);
    if (!entry)
        return policy->allow[decision->op->number].grant == GRANT_ANY ||
               policy_deny(decision, REASON_NOT_OWNED, "", "network %.*s not found",
                           (int) ref_bytes, ref);
    strcpy(decision->network, entry->id);
    decision->route.ref = decision->network;
    decision->route.ref_bytes = OWNER_ID_BYTES;
    return true;
}

static bool volume_decide(const struct policy *policy, const struct owner_table *owned,
                          struct policy_decision *decision)
{
    const char *ref = decision->route.ref;
    size_t ref_bytes = decision->route.ref_bytes;
    const struct owner_entry *entry =
        owner_resolve(owner_of_const(owned, OWNER_VOLUME), ref, ref_bytes);
    if (!entry)
        return policy->allow[decision->op->number].grant == GRANT_ANY ||
               policy_deny(decision, REASON_NOT_OWNED, "", "get %.*s: no such volume",
                           (int) ref_bytes, ref);
    strcpy(decision->volume, entry->id);
    return true;
}

/* Nobody's. */
static bool nothing_decide(const struct policy *policy, const struct owner_table *owned,
                           struct policy_decision *decision)
{
    (void) policy, (void) owned, (void) decision;
    return true;
}

/* One function for each kind of object; no row of a kind without one can be granted. */
static bool (*const deciders[])(const struct policy *policy, const struct owner_table *owned,
                                struct policy_decision *decision) = {
    [OBJECT_NONE] = nothing_decide,
    [OBJECT_CONTAINER] = policy_container_decide,
    [OBJECT_EXEC] = exec_decide,
    [OBJECT_IMAGE] = nothing_decide, /* images.c says which may be named */
    [OBJECT_NETWORK] = network_decide,
    [OBJECT_VOLUME] = volume_decide,
    [OBJECT_OTHER] = nothing_decide,
    [OBJECT_COUNT] = NULL,
};

bool policy_object_decide(const struct policy *policy, const struct owner_table *owned,
                          struct policy_decision *decision)
{
    enum object object = decision->op->object;
    if (deciders[object])
        return deciders[object](policy, owned, decision);
    return policy_deny(decision, REASON_UNDECIDED, "", "%s", reason_text(REASON_UNDECIDED));
}
