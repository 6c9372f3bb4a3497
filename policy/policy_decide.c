/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Step two of a decision: version, query, object and body; and the target that is sent.
 */
#include "policy_internal.h"

#include "echo.h"
#include "images.h"
#include "json.h"
#include "owner.h"
#include "query.h"
#include "reason.h"
#include "schema.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *put(char *to, const char *text, size_t bytes)
{
    memcpy(to, text, bytes);
    return to + bytes;
}

/* Writes what is sent: the row's path with its parameter, and the query. */
static void target_write(const struct policy *policy, struct policy_decision *decision,
                         const char *query)
{
    const char *path = decision->op->path;
    const struct route_row *row = &policy->routes.rows[decision->op->number];
    size_t ref_bytes = decision->route.ref_bytes, query_bytes = strlen(query);
    unsigned minor = decision->api_minor; /* at most two digits, by the tables and by route.c */
    char *to = decision->target;

    assert(minor < 100);
    assert(8 + row->head_bytes + ref_bytes + row->tail_bytes + query_bytes <
           sizeof(decision->target));
    to = put(to, "/v1.", 4);
    if (minor >= 10)
        *to++ = (char) ('0' + minor / 10);
    *to++ = (char) ('0' + minor % 10);
    to = put(to, path, row->head_bytes);
    if (decision->route.ref)
        to = put(to, decision->route.ref, ref_bytes);
    to = put(to, path + row->tail_at, row->tail_bytes);
    if (query_bytes > 0)
        to = put(put(to, "?", 1), query, query_bytes);
    *to = '\0';
}

/* The same with a query in parts, each of which may be empty, as the first two mostly are. */
static void query_write(const struct policy *policy, struct policy_decision *decision,
                        const char *const parts[3])
{
    char text[QUERY_TEXT_BYTES + IMAGES_QUERY_BYTES + 352], *to = text;
    bool alone = !parts[0][0] && !parts[1][0];
    for (size_t i = 0; i < 3 && !alone; i++) {
        if (to > text && parts[i][0])
            *to++ = '&';
        to = stpcpy(to, parts[i]);
    }
    target_write(policy, decision, alone ? parts[2] : text);
}

/* The schema_context's `owned`. */
static const char *owned_id(const void *owned, int kind, const char *ref, size_t ref_bytes)
{
    const struct owner_entry *entry =
        owner_resolve(owner_of_const(owned, (enum owner_kind) kind), ref, ref_bytes);
    return entry ? entry->id : NULL;
}

struct schema_context policy_context_of(const struct policy *policy,
                                        const struct owner_table *owned,
                                        const struct policy_decision *decision)
{
    return (struct schema_context){
        .api_minor = decision->api_minor,
        .depth = (unsigned) policy->config.depth,
        .file = policy->file,
        .owned = owned_id,
        .owned_arg = owned,
        .label_key = OWNER_LABEL,
        .label_value = owner_name(owned),
        .network = decision->network[0] ? decision->network : NULL,
    };
}

static bool body_judge(const struct policy *policy, const struct schema *schema,
                       const struct owner_table *owned, const char *body, size_t body_bytes,
                       struct policy_decision *decision)
{
    struct schema_context context = policy_context_of(policy, owned, decision);
    struct schema_verdict verdict = {0};
    schema_judge(schema, &context, body, body_bytes, &verdict);
    bool passed = verdict.reason == REASON_NONE;
    free(decision->asked);
    decision->asked = verdict.asked;
    verdict.asked = NULL;
    if (decision->op->body == BODY_CREATE)
        strcpy(decision->image, verdict.image);
    if (policy_makes(decision->op) > OWNER_CONTAINER)
        strcpy(decision->name, verdict.name);
    if (passed) {
        decision->body = verdict.body;
        decision->body_bytes = verdict.body_bytes;
        decision->warnings = verdict.warnings;
        verdict.body = verdict.warnings = NULL;
    } else {
        policy_deny(decision, verdict.reason, verdict.field, "%s", verdict.message);
    }
    schema_verdict_done(&verdict);
    return passed;
}

/* How many of a kind may be alive at once. */
static bool limit_decide(const struct policy *policy, const struct owner_table *owned,
                         struct policy_decision *decision)
{
    const struct config *config = &policy->config;
    int kind = policy_makes(decision->op);
    /* What is only observed may be long gone: nobody looks. */
    if (kind < 0 || decision->observed)
        return true;
    const struct {
        const char *key;
        int64_t most;
        int reason;
    } limits[OWNER_KINDS] = {
        [OWNER_CONTAINER] = {"containers", config->containers, REASON_TOO_MANY_CONTAINERS},
        [OWNER_NETWORK] = {"networks", config->networks, REASON_TOO_MANY_NETWORKS},
        [OWNER_VOLUME] = {"volumes", config->volumes, REASON_TOO_MANY_VOLUMES},
    };
    /* A create that names a volume of one's own makes none. */
    if (kind == OWNER_VOLUME &&
        owner_resolve(owner_of_const(owned, OWNER_VOLUME), decision->name, strlen(decision->name)))
        return true;
    size_t alive = owner_alive(owner_of_const(owned, (enum owner_kind) kind));
    return alive < (size_t) limits[kind].most ||
           policy_deny(decision, limits[kind].reason, limits[kind].key,
                       "%zu %s are alive, and '%s' under [limits] of %.80s is %" PRId64
                       "; delete some or raise it",
                       alive, limits[kind].key, limits[kind].key, policy->file, limits[kind].most);
}

/* "caisson-" and 16 digits. */
static void name_make(char *to, uint64_t nonce)
{
    to = stpcpy(to, "caisson-");
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[nonce >> shift & 0xf];
    *to = '\0';
}

static bool create_decide(const struct policy *policy, const struct owner_table *owned,
                          const struct query *query, uint64_t nonce, const char *body,
                          size_t body_bytes, struct policy_decision *decision)
{
    char text[QUERY_TEXT_BYTES + sizeof(decision->name) + 8];
    if (!limit_decide(policy, owned, decision))
        return false;
    if (!body)
        return policy_deny(decision, REASON_BODY_MALFORMED, "",
                           "%s needs a JSON body that says at least which Image to run",
                           decision->op->id);
    if (!body_judge(policy, policy->schemas.of[BODY_CREATE], owned, body, body_bytes, decision))
        return false;
    if (query->name[0])
        strcpy(decision->name, query->name);
    else
        name_make(decision->name, nonce);
    char *to = stpcpy(stpcpy(text, "name="), decision->name);
    if (query->text[0])
        *to++ = '&';
    strcpy(to, query->text);
    target_write(policy, decision, text);
    return true;
}

/* A container's new name, which goes into the table once the engine has agreed to it. */
static bool rename_decide(const struct owner_table *owned, struct query *query,
                          struct policy_decision *decision)
{
    if (!query->name[0])
        return policy_deny(decision, REASON_NAME_REFUSED, "name",
                           "%s: query parameter 'name' is missing; write name=NAME",
                           decision->op->id);
    if (owner_resolve(owned, query->name, strlen(query->name)))
        return policy_deny(decision, REASON_NAME_REFUSED, "name",
                           "%s: '%s' is the name of one of your containers already",
                           decision->op->id, query->name);
    strcpy(decision->name, query->name);
    snprintf(query->text, sizeof(query->text), "name=%s", query->name);
    return true;
}

/*
 * The container that a query parameter names, as one in the path.  An image takes over the labels
 * of its container, and hands them on to every container that is made of it, by whomever: so ours
 * is made to say nothing.
 */
static bool commit_decide(const struct policy *policy, const struct owner_table *owned,
                          const struct query *query, char *ret_text, size_t bytes,
                          struct policy_decision *decision)
{
    if (!query->container[0])
        return policy_deny(decision, REASON_QUERY_REFUSED, "container",
                           "%s: query parameter 'container' is missing; write container=NAME",
                           decision->op->id);
    decision->route.ref = query->container;
    decision->route.ref_bytes = strlen(query->container);
    bool passed = policy_container_decide(policy, owned, decision);
    snprintf(ret_text, bytes, "container=%.*s&changes=LABEL%%20" OWNER_LABEL "%%3D%%22%%22",
             (int) decision->route.ref_bytes, decision->route.ref);
    decision->route.ref = NULL; /* the path has none */
    decision->route.ref_bytes = 0;
    return passed;
}

/* The images that the request names; what is sent for them in the path, and before the query. */
static bool images_decide(const struct policy *policy, const struct owner_table *owned,
                          const struct query *query, struct images_verdict *images,
                          struct policy_decision *decision)
{
    images->query[0] = '\0';
    if (!images_row_of(decision->op))
        return true;
    struct schema_context context = policy_context_of(policy, owned, decision);
    char *note;
    if (!images_note(decision->op, decision->route.ref, decision->route.ref_bytes, query,
                     policy_has_credentials(decision), &note))
        return policy_deny(decision, REASON_OUT_OF_MEMORY, "", "%s",
                           reason_text(REASON_OUT_OF_MEMORY));
    images_judge(decision->op, policy->schemas.of[BODY_IMAGE], &context, decision->route.ref,
                 decision->route.ref_bytes, query, images);
    strcpy(decision->image, images->image);
    free(decision->asked);
    decision->asked = note;
    if (images->reason != REASON_NONE)
        return policy_deny(decision, images->reason, images->field, "%s", images->message);
    if (images->path[0]) {
        decision->route.ref = images->path;
        decision->route.ref_bytes = strlen(images->path);
    }
    return true;
}

/* Whether a JSON text says nothing: {} or null. */
static bool is_empty_json(const char *body, size_t bytes)
{
    static const char *const words[] = {"{}", "null"};
    char text[5];
    size_t used = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (strchr(" \t\r\n", body[i]) && body[i])
            continue;
        if (used + 1 == sizeof(text))
            return false;
        text[used++] = body[i];
    }
    text[used] = '\0';
    return strcmp(text, words[0]) == 0 || strcmp(text, words[1]) == 0;
}

/* A body that no table describes: who is granted the operation may say in it what he likes. */
static bool json_decide(const struct policy *policy, const char *body, size_t body_bytes,
                        struct policy_decision *decision)
{
    struct json_fault fault;
    if (!body)
        return policy_deny(decision, REASON_BODY_MALFORMED, "", "%s needs a JSON body",
                           decision->op->id);
    decision->body = json_rewrite(body, body_bytes, (unsigned) policy->config.depth,
                                  &decision->body_bytes, &fault);
    if (!decision->body && fault.no_memory)
        return policy_deny(decision, REASON_OUT_OF_MEMORY, "", "%s",
                           reason_text(REASON_OUT_OF_MEMORY));
    return decision->body || policy_deny(decision, REASON_BODY_MALFORMED, fault.path, "%s: %s",
                                         decision->op->id, fault.text);
}

/* The body of anything but a create. */
static bool body_decide(const struct policy *policy, const struct owner_table *owned,
                        const char *body, size_t body_bytes, struct policy_decision *decision)
{
    const struct operation *op = decision->op;
    char wrong[160];
    if (op->body == BODY_NONE)
        return !body || echo_is_query(op, body, body_bytes, wrong) ||
               policy_deny(decision, REASON_BODY_UNEXPECTED, wrong, "%s takes no request body",
                           op->id);
    if (op->body == BODY_EMPTY)
        return !body || is_empty_json(body, body_bytes) ||
               echo_is_query(op, body, body_bytes, wrong) ||
               policy_deny(decision, REASON_BODY_UNEXPECTED, "",
                           "%s takes no request body but {} or null", op->id);
    if (op->body == BODY_STREAM)
        return true; /* it is yet to come, and goes on unread */
    if (op->body == BODY_JSON)
        return json_decide(policy, body, body_bytes, decision);
    const struct schema *schema = policy->schemas.of[op->body];
    if (!schema) /* no such row can be granted */
        return policy_deny(decision, REASON_UNDECIDED, "", "%s", reason_text(REASON_UNDECIDED));
    if (!body)
        return policy_deny(decision, REASON_BODY_MALFORMED, "", "%s needs a JSON body", op->id);
    return body_judge(policy, schema, owned, body, body_bytes, decision);
}

/* No string is sent to an ExecStart, so that these bytes can be nothing else. */
static bool is_detached(const struct policy_decision *decision)
{
    return decision->op->body == BODY_EXEC_START && strstr(decision->body, "\"Detach\":true");
}

/* Anything but a create. */
static bool plain_decide(const struct policy *policy, const struct owner_table *owned,
                         struct query *query, const char *body, size_t body_bytes,
                         struct policy_decision *decision)
{
    const struct operation *op = decision->op;
    struct images_verdict images;
    char container[348];
    container[0] = '\0';
    if (!policy_object_decide(policy, owned, decision) ||
        (op->number == OPERATION_ContainerRename && !rename_decide(owned, query, decision)) ||
        !images_decide(policy, owned, query, &images, decision) ||
        (op->number == OPERATION_ImageCommit &&
         !commit_decide(policy, owned, query, container, sizeof(container), decision)) ||
        !policy_credentials_default(decision) ||
        !body_decide(policy, owned, body, body_bytes, decision) ||
        !limit_decide(policy, owned, decision))
        return false;
    decision->hijack = op->reply == REPLY_HIJACK && !is_detached(decision);
    query_write(policy, decision, (const char *const[]){container, images.query, query->text});
    decision->route.ref = NULL; /* what it was is gone with us */
    return true;
}

/* The query's warnings stand before the body's; both are JSON arrays. */
static bool warnings_join(struct policy_decision *decision, struct query *query)
{
    char *theirs = decision->warnings, *both;
    if (!query->warnings)
        return true;
    if (!theirs) {
        decision->warnings = query->warnings;
        query->warnings = NULL;
        return true;
    }
    if (asprintf(&both, "%.*s,%s", (int) strlen(query->warnings) - 1, query->warnings, theirs + 1) <
        0)
        return policy_deny(decision, REASON_OUT_OF_MEMORY, "", "%s",
                           reason_text(REASON_OUT_OF_MEMORY));
    free(theirs);
    decision->warnings = both;
    return true;
}

void policy_decide_judge(const struct policy *policy, const struct owner_table *owned,
                         const struct policy_engine *engine, uint64_t nonce, const char *body,
                         size_t body_bytes, struct policy_decision *decision)
{
    struct query query;
    char label[sizeof(OWNER_LABEL) + 64];
    label[0] = '\0';
    decision->api_minor = policy_version_choose(policy, engine, decision->route.client_minor);
    if (!policy_version_check(policy, decision))
        return;
    const struct operation *op = decision->op;
    /* A list is narrowed; a commit names its container in the query. */
    if (op->object == OBJECT_NONE && op->number != OPERATION_ImageCommit &&
        policy->allow[op->number].grant == GRANT_OWN)
        snprintf(label, sizeof(label), OWNER_LABEL "=%s", owner_name(owned));
    const struct query_context context = {.rules = policy->schemas.of[BODY_QUERY],
                                          .file = policy->file,
                                          .api_minor = decision->api_minor,
                                          .label = label[0] ? label : NULL};
    int reason =
        query_judge(op, &context, decision->route.query, decision->route.query_bytes, &query);
    bool passed =
        reason == REASON_NONE || policy_deny(decision, reason, query.field, "%s", query.message);
    if (passed && op->body == BODY_CREATE)
        passed = create_decide(policy, owned, &query, nonce, body, body_bytes, decision);
    else if (passed)
        passed = plain_decide(policy, owned, &query, body, body_bytes, decision);
    if (passed && warnings_join(decision, &query)) {
        decision->verdict = POLICY_FORWARD;
        decision->reason = REASON_NONE;
    }
    query_done(&query);
}
