/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_internal: what the rooms of policy share; nobody else includes it.
 *
 * policy.c          loading, and step one: the operation
 * policy_decide.c   step two: version, query, body
 * policy_objects.c  step two: whose the object is that a path names
 * policy_credentials.c, policy_session.c  between the two: what else the head says
 * policy_held.c     what of it stays at the engine until something happens
 * policy_observe.c  both steps, taken or only noted
 */
#ifndef CAISSON_POLICY_POLICY_INTERNAL_H
#define CAISSON_POLICY_POLICY_INTERNAL_H

#include "config.h"
#include "policy.h"
#include "route.h"
#include "schemas.h"

struct policy {
    unsigned refs;
    char *file;                             /* its name without folders, as messages say it */
    char version[CONFIG_VERSION_BYTES + 1]; /* of the file's bytes */
    struct config config;
    struct schemas schemas;
    struct route_index routes;
    unsigned kinds;          /* policy_kinds() */
    bool volumes_in_creates; /* rules for a create speak of the client's own volumes */
    struct {
        enum grant grant;
        unsigned line; /* where [allow] speaks of it; 0 where it does not */
    } allow[OPERATION_COUNT];
};

/* Always false, so that a step can `return policy_deny(...)`. */
bool policy_deny(struct policy_decision *decision, int reason, const char *field,
                 const char *format, ...) __attribute__((format(printf, 4, 5), cold));

/* The two steps of policy.h as a policy that enforces takes them. */
bool policy_route_judge(const struct policy *policy, const struct policy_engine *engine, int method,
                        const char *target, size_t target_bytes, struct policy_decision *decision);
void policy_decide_judge(const struct policy *policy, const struct owner_table *owned,
                         const struct policy_engine *engine, uint64_t nonce, const char *body,
                         size_t body_bytes, struct policy_decision *decision);

/* What a body's verdict depends on. */
struct schema_context policy_context_of(const struct policy *policy,
                                        const struct owner_table *owned,
                                        const struct policy_decision *decision);

/* The newest version that engine and client both speak. */
unsigned policy_version_choose(const struct policy *policy, const struct policy_engine *engine,
                               unsigned client_minor);
/* Refuses a version below the policy's floor, whoever it is that speaks no newer one. */
bool policy_version_check(const struct policy *policy, struct policy_decision *decision);

/*
 * Finds the object that the path names in the table: what is sent names it by its id.  What is not
 * there is refused, unless the grant is `any`.
 */
bool policy_object_decide(const struct policy *policy, const struct owner_table *owned,
                          struct policy_decision *decision);
/* The same of a container that route.ref names. */
bool policy_container_decide(const struct policy *policy, const struct owner_table *owned,
                             struct policy_decision *decision);

/* Whether credentials of the client's own go with it. */
bool policy_has_credentials(const struct policy_decision *decision);
/* What an engine must be told of credentials where the client sent none. */
bool policy_credentials_default(struct policy_decision *decision);

#endif
