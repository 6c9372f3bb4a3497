/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both steps of a decision, taken or, under `mode = observe`, only noted.
 *
 * What was worked out then stays in reason, field and message; what is sent is the request as it
 * came, below a version that both sides speak.  Only what is no plain target is still refused: the
 * bytes around it are message.c's, and written anew as ever.
 */
#include "policy_internal.h"

#include "images.h"
#include "owner.h"
#include "query.h"
#include "reason.h"
#include "schema.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Stands for what no row fits: it takes any body and any upgrade. */
static const struct operation unknown_row = {
    .number = OPERATION_COUNT,
    .object = OBJECT_NONE,
    .body = BODY_UNJUDGED,
    .reply = REPLY_HIJACK,
};

bool policy_route(const struct policy *policy, const struct policy_engine *engine, int method,
                  const char *target, size_t target_bytes, struct policy_decision *decision)
{
    bool granted = policy_route_judge(policy, engine, method, target, target_bytes, decision);
    /* What we could not write ourselves goes nowhere. */
    if (!policy_observes(policy) || decision->reason == REASON_TARGET_MALFORMED ||
        method == METHOD_OTHER)
        return granted;
    if (!decision->op)
        decision->op = &unknown_row;
    decision->observed = decision->verdict != POLICY_PING;
    return true;
}

/* The client's own path and query, whose bytes route.c has looked at. */
static char *target_copy(const struct policy_decision *decision, unsigned api_minor)
{
    const char *query = decision->route.query ? decision->route.query : "";
    char *target;
    int bytes = asprintf(&target, "/v1.%u%.*s%s%.*s", api_minor, (int) decision->route.path_bytes,
                         decision->route.path, decision->route.query_bytes > 0 ? "?" : "",
                         (int) decision->route.query_bytes, query);
    return bytes < 0 ? NULL : target;
}

/* false: no memory, as in what follows. */
static bool images_note_late(const struct policy *policy, struct policy_decision *decision)
{
    const struct query_context context = {.rules = policy->schemas.of[BODY_QUERY],
                                          .file = policy->file,
                                          .api_minor = decision->api_minor};
    struct query query;
    int reason = query_judge(decision->op, &context, decision->route.query,
                             decision->route.query_bytes, &query);
    bool is_noted = reason == REASON_NONE
                        ? images_note(decision->op, decision->route.ref, decision->route.ref_bytes,
                                      &query, policy_has_credentials(decision), &decision->asked)
                        : reason != REASON_OUT_OF_MEMORY;
    query_done(&query);
    return is_noted;
}

/* What the request asks for, where no judgement has come so far as to note it. */
static bool asked_note_late(const struct policy *policy, const struct owner_table *owned,
                            const char *body, size_t body_bytes, struct policy_decision *decision)
{
    const struct schema *schema = policy->schemas.of[decision->op->body];
    struct schema_context context = policy_context_of(policy, owned, decision);
    struct schema_verdict verdict = {0};
    if (!decision->asked && images_row_of(decision->op) && !images_note_late(policy, decision))
        return false;
    if (!body || !schema)
        return true;
    schema_judge(schema, &context, body, body_bytes, &verdict);
    if (!decision->asked) {
        decision->asked = verdict.asked;
        verdict.asked = NULL;
    }
    if (decision->op->body == BODY_CREATE)
        strcpy(decision->image, verdict.image);
    else if (policy_makes(decision->op) >= 0)
        strcpy(decision->name, verdict.name);
    bool is_noted = verdict.reason != REASON_OUT_OF_MEMORY;
    schema_verdict_done(&verdict);
    return is_noted;
}

static void id_note(char id[65], const struct owner_table *owned, enum owner_kind kind,
                    const struct policy_decision *decision)
{
    const struct owner_entry *entry =
        owner_resolve(owner_of_const(owned, kind), decision->route.ref, decision->route.ref_bytes);
    if (entry)
        strcpy(id, entry->id);
}

/* The object in question by its full id, if it was made here, whatever the decision says. */
static void object_note(struct policy_decision *decision, const struct owner_table *owned)
{
    const char *container = NULL;
    if (!decision->route.ref || decision->container[0] || decision->network[0] ||
        decision->volume[0])
        return;
    switch (decision->op->object) {
    case OBJECT_CONTAINER:
        id_note(decision->container, owned, OWNER_CONTAINER, decision);
        break;
    case OBJECT_EXEC:
        container = owner_exec_container(owned, decision->route.ref, decision->route.ref_bytes);
        break;
    case OBJECT_NETWORK:
        id_note(decision->network, owned, OWNER_NETWORK, decision);
        break;
    case OBJECT_VOLUME:
        id_note(decision->volume, owned, OWNER_VOLUME, decision);
        break;
    default:
        break;
    }
    if (container)
        strcpy(decision->container, container);
}

/* The name that a create asks for: later requests may call the container by it. */
static void name_note(struct policy_decision *decision)
{
    char name[sizeof(decision->name)];
    decision->name[0] = '\0'; /* the one that we would have given it */
    if (decision->route.query_bytes > 0 &&
        query_peek(decision->route.query, decision->route.query_bytes, "name", name,
                   sizeof(name)) &&
        strcmp(name, "?") != 0)
        strcpy(decision->name, name + (name[0] == '/')); /* as an inspect shows it */
}

static bool forward_as_it_came(struct policy_decision *decision, unsigned api_minor,
                               const struct owner_table *owned, const char *body, size_t body_bytes)
{
    free(decision->body);
    free(decision->warnings);
    decision->body = decision->warnings = NULL;
    decision->body_bytes = 0;
    decision->api_minor = api_minor;
    object_note(decision, owned);
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
    return decision->target_long && (!body || decision->body);
}

void policy_decide(const struct policy *policy, const struct owner_table *owned,
                   const struct policy_engine *engine, uint64_t nonce, const char *body,
                   size_t body_bytes, struct policy_decision *decision)
{
    assert(decision->op);
    if (decision->verdict == POLICY_PING)
        return;
    if (decision->reason == REASON_UNDECIDED)
        policy_decide_judge(policy, owned, engine, nonce, body, body_bytes, decision);
    if (!decision->observed)
        return;
    unsigned api_minor = policy_version_choose(policy, engine, decision->route.client_minor);
    if (asked_note_late(policy, owned, body, body_bytes, decision) &&
        forward_as_it_came(decision, api_minor, owned, body, body_bytes))
        return;
    decision->observed = false;
    decision->verdict = POLICY_DENY;
    decision->reason = REASON_OUT_OF_MEMORY;
}

const char *policy_target(const struct policy_decision *decision)
{
    return decision->target_long ? decision->target_long : decision->target;
}
