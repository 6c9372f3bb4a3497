/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: a policy file as a struct, and the first step of a decision.
 */
#include "policy_internal.h"

#include "binds.h"
#include "err.h"
#include "owner.h"
#include "query.h"
#include "reason.h"
#include "route.h"
#include "schema.h"
#include "suggest.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- kinds of objects ---- */

int policy_makes(const struct operation *op)
{
    switch (op->reply) {
    case REPLY_CREATE:
        return OWNER_CONTAINER;
    case REPLY_NETWORK:
        return OWNER_NETWORK;
    case REPLY_VOLUME:
        return OWNER_VOLUME;
    default:
        return -1;
    }
}

/* What an operation deals with by itself; containers join others by their bodies. */
static unsigned kinds_of(const struct operation *op)
{
    int made = policy_makes(op);
    unsigned kinds = made > 0 ? 1u << made : 0;
    if (op->object == OBJECT_NETWORK)
        kinds |= 1u << OWNER_NETWORK;
    if (op->object == OBJECT_VOLUME)
        kinds |= 1u << OWNER_VOLUME;
    return kinds;
}

unsigned policy_kinds(const struct policy *policy)
{
    return policy->kinds;
}

static unsigned kinds_find(const struct policy *policy)
{
    unsigned kinds = 0;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        if (policy->allow[i].grant != GRANT_NO)
            kinds |= kinds_of(operation_get((enum operation_id) i));
    }
    return kinds | schemas_own_kinds(&policy->schemas);
}

/* ---- loading ---- */

/* "own, any or no": what [allow] may say of an operation. */
static void grants_text(unsigned grants, char *buffer, size_t bytes)
{
    static const struct {
        enum grant grant;
        const char *word;
    } words[] = {{GRANT_YES, "yes"}, {GRANT_OWN, "own"}, {GRANT_ANY, "any"}};
    const char *found[3];
    size_t count = 0;
    for (size_t i = 0; i < 3; i++)
        if (grants & words[i].grant)
            found[count++] = words[i].word;
    assert(count == 1 || count == 2);
    snprintf(buffer, bytes, "%s%s%s or no", found[0], count > 1 ? ", " : "",
             count > 1 ? found[1] : "");
}

static enum grant grant_from_word(const char *word)
{
    if (strcmp(word, "yes") == 0)
        return GRANT_YES;
    if (strcmp(word, "own") == 0)
        return GRANT_OWN;
    return strcmp(word, "any") == 0 ? GRANT_ANY : GRANT_NO;
}

static int operation_unknown(const char *key, struct err *err)
{
    struct suggest near = {.wrong = key};
    for (int i = 0; i < OPERATION_COUNT; i++)
        suggest_offer(&near, operation_get((enum operation_id) i)->id);
    if (near.best)
        return err_set(err, "'%.80s' is no operation of the Docker Engine API; did you mean '%s'?",
                       key, near.best);
    return err_set(err,
                   "'%.80s' is no operation of the Docker Engine API; `caisson operations` lists "
                   "them",
                   key);
}

static int take_allow(struct policy *policy, const char *key, const char *value, unsigned line,
                      struct err *err)
{
    char words[32];
    const struct operation *op = operation_find(key);
    if (!op)
        return operation_unknown(key, err);
    enum grant grant = grant_from_word(value);
    if (grant == GRANT_NO && strcmp(value, "no") != 0 && op->grants == GRANT_NO)
        return err_set(err, "%s can only be 'no', not '%.40s': %s", op->id, value, op->why);
    if (grant != GRANT_NO && op->grants == GRANT_NO)
        return err_set(err, "%s cannot be allowed: %s; take this line out", op->id, op->why);
    if ((grant == GRANT_NO && strcmp(value, "no") != 0) || (grant & ~op->grants)) {
        grants_text(op->grants, words, sizeof(words));
        return err_set(err, "%s takes %s, not '%.40s'", op->id, words, value);
    }
    policy->allow[op->number].grant = grant;
    policy->allow[op->number].line = line;
    if (op->number == OPERATION_SystemPing && !policy->allow[OPERATION_SystemPingHead].line)
        policy->allow[OPERATION_SystemPingHead].grant = grant;
    return 0;
}

static int take_rule(struct policy *policy, const char *section, const char *key, const char *value,
                     unsigned line, struct err *err)
{
    char origin[300];
    snprintf(origin, sizeof(origin), "%.280s:%u", policy->file, line);
    return schemas_set_rule(&policy->schemas, section, key, value, origin, err);
}

/* What reads a file: the policy, and what knows about its listeners. */
struct reading {
    struct policy *policy;
    config_take *take_listener;
    void *arg;
};

/* The config_take of a policy file. */
static int take_pair(void *arg, const char *section, const char *key, const char *value,
                     unsigned line, struct err *err)
{
    const struct reading *reading = arg;
    struct policy *policy = reading->policy;
    if (strncmp(section, "listener", 8) == 0)
        return reading->take_listener(reading->arg, section, key, value, line, err);
    if (strcmp(section, "proxy") == 0 || strcmp(section, "limits") == 0)
        return key ? config_set(&policy->config, section, key, value, line, err) : 0;
    if (strcmp(section, "allow") == 0)
        return key ? take_allow(policy, key, value, line, err) : 0;
    if (schemas_have_section(section))
        return key ? take_rule(policy, section, key, value, line, err) : 0;
    char bodies[SCHEMAS_SECTIONS_BYTES];
    return err_set(err,
                   "there is no section [%.40s]; the sections are [proxy], [allow], %s, [limits] "
                   "and [listener NAME]",
                   section, schemas_print_sections(bodies));
}

/* The file's name without its folders, in printable ASCII: it stands in messages and warnings. */
static char *name_for_people(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = strdup(slash ? slash + 1 : path);
    for (char *at = name; at && *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return name;
}

/* The config_take of listeners in a file that may have none. */
static int take_no_listener(void *arg, const char *section, const char *key, const char *value,
                            unsigned line, struct err *err)
{
    (void) arg, (void) key, (void) value, (void) line;
    return err_set(err,
                   "[%.60s] has no place in a listener's own policy; listeners stand in the file "
                   "that `caisson serve --policy` names",
                   section);
}

int policy_load(const char *path, struct policy **ret_policy, struct err *err)
{
    return policy_load_main(path, take_no_listener, NULL, ret_policy, err);
}

int policy_load_main(const char *path, config_take *take_listener, void *arg,
                     struct policy **ret_policy, struct err *err)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    if (!policy)
        return err_set(err, "out of memory");
    struct reading reading = {.policy = policy, .take_listener = take_listener, .arg = arg};
    policy->refs = 1;
    policy->file = name_for_people(path);
    int rc =
        schemas_init(&policy->schemas) == 0 && policy->file ? 0 : err_set(err, "out of memory");
    if (rc == 0)
        rc = config_init(&policy->config, err);
    if (rc == 0)
        rc = config_read(path, take_pair, &reading, policy->version, err);
    if (rc == 0)
        rc = binds_check((const struct schema *const *) &policy->schemas.of[BODY_CREATE], 1, err);
    if (rc < 0) {
        policy_unref(policy);
        return -1;
    }
    policy->kinds = kinds_find(policy);
    route_index_init(&policy->routes);
    policy->volumes_in_creates =
        schema_own_kinds(policy->schemas.of[BODY_CREATE]) & 1u << OWNER_VOLUME;
    *ret_policy = policy;
    return 0;
}

struct policy *policy_ref(struct policy *policy)
{
    policy->refs++;
    return policy;
}

void policy_unref(struct policy *policy)
{
    if (!policy || --policy->refs > 0)
        return;
    config_done(&policy->config);
    schemas_done(&policy->schemas);
    free(policy->file);
    free(policy);
}

const char *policy_version(const struct policy *policy)
{
    return policy->version;
}

const char *policy_file(const struct policy *policy)
{
    return policy->file;
}

const struct config *policy_config(const struct policy *policy)
{
    return &policy->config;
}

bool policy_observes(const struct policy *policy)
{
    return policy->config.mode == CONFIG_OBSERVE;
}

char *policy_mode_origin(const struct policy *policy, char *buffer, size_t bytes)
{
    snprintf(buffer, bytes, "%.280s:%u", policy->file, policy->config.line.mode);
    return buffer;
}

int policy_grant(const struct policy *policy, int operation)
{
    assert(operation >= 0 && operation < OPERATION_COUNT);
    return (int) policy->allow[operation].grant;
}

char *policy_grant_origin(const struct policy *policy, int operation, char *buffer, size_t bytes)
{
    assert(operation >= 0 && operation < OPERATION_COUNT);
    unsigned line = policy->allow[operation].line;
    if (line)
        snprintf(buffer, bytes, "%.280s:%u", policy->file, line);
    else
        snprintf(buffer, bytes, "built in");
    return buffer;
}

const struct schemas *policy_schemas(const struct policy *policy)
{
    return &policy->schemas;
}

const struct schema *policy_schema(const struct policy *policy, int body)
{
    assert(body >= 0 && body < BODY_COUNT);
    return policy->schemas.of[body];
}

bool policy_needs_volumes(const struct policy *policy, const struct operation *op)
{
    return op->object == OBJECT_VOLUME || (op->body == BODY_CREATE && policy->volumes_in_creates);
}

/* ---- refusing ---- */

void policy_decision_init(struct policy_decision *decision)
{
    memset(decision, 0, offsetof(struct policy_decision, target));
    decision->target[0] = decision->container[0] = decision->exec[0] = '\0';
    decision->network[0] = decision->volume[0] = '\0';
    decision->name[0] = decision->image[0] = decision->field[0] = decision->message[0] = '\0';
}

void policy_decision_done(struct policy_decision *decision)
{
    free(decision->body);
    free(decision->warnings);
    free(decision->registry_auth);
    free(decision->session);
    decision->registry_auth = decision->session = NULL;
    free(decision->target_long);
    free(decision->asked);
    decision->body = decision->warnings = NULL;
    decision->target_long = decision->asked = NULL;
}

bool policy_deny(struct policy_decision *decision, int reason, const char *field,
                 const char *format, ...)
{
    decision->verdict = POLICY_DENY;
    decision->reason = reason;
    size_t bytes = strnlen(field, sizeof(decision->field) - 1);
    memcpy(decision->field, field, bytes);
    decision->field[bytes] = '\0';
    va_list args;
    va_start(args, format);
    vsnprintf(decision->message, sizeof(decision->message), format, args);
    va_end(args);
    return false;
}

static bool deny_unknown(struct policy_decision *decision, int method, const struct route *route)
{
    int bytes = route->path_bytes > 200 ? 200 : (int) route->path_bytes;
    const char *path = route->path;
    const char *name =
        method == METHOD_OTHER ? "this method on" : method_name((enum method) method);
    if (route->near)
        return policy_deny(decision, REASON_OPERATION_UNKNOWN, "",
                           "%s %.*s is no operation of the Docker Engine API; %s %s is %s", name,
                           bytes, path, method_name(route->near->method), route->near->path,
                           route->near->id);
    return policy_deny(decision, REASON_OPERATION_UNKNOWN, "",
                       "%s %.*s is no operation of the Docker Engine API that caisson knows", name,
                       bytes, path);
}

static bool deny_operation(const struct policy *policy, struct policy_decision *decision)
{
    const struct operation *op = decision->op;
    const char *word = op->grants & GRANT_OWN ? "own" : "yes";
    unsigned line = policy->allow[op->number].line;
    if (op->grants == GRANT_NO)
        return policy_deny(decision, REASON_OPERATION_NOT_ALLOWED, op->id,
                           "%s is not allowed by %.80s and cannot be allowed: %s", op->id,
                           policy->file, op->why);
    if (line)
        return policy_deny(decision, REASON_OPERATION_NOT_ALLOWED, op->id,
                           "%s is not allowed by %.80s:%u; allow it with '%s = %s' there", op->id,
                           policy->file, line, op->id, word);
    return policy_deny(decision, REASON_OPERATION_NOT_ALLOWED, op->id,
                       "%s is not allowed by %.80s; allow it with '%s = %s' under [allow]", op->id,
                       policy->file, op->id, word);
}

/* ---- step one ---- */

unsigned policy_version_choose(const struct policy *policy, const struct policy_engine *engine,
                               unsigned client_minor)
{
    unsigned newest = engine->api_minor ? engine->api_minor : (unsigned) policy->config.api_floor;
    return client_minor && client_minor < newest ? client_minor : newest;
}

bool policy_version_check(const struct policy *policy, struct policy_decision *decision)
{
    unsigned client = decision->route.client_minor, floor = (unsigned) policy->config.api_floor;
    if (client && client < floor)
        return policy_deny(
            decision, REASON_API_TOO_OLD, "",
            "client version 1.%u is too old. Minimum supported API version is 1.%u, please "
            "upgrade your client to a newer version",
            client, floor);
    if (decision->api_minor < floor)
        return policy_deny(
            decision, REASON_ENGINE_TOO_OLD, "",
            "the Docker Engine speaks API version 1.%u at most, and 'api-floor' under "
            "[proxy] of %.80s is 1.%u",
            decision->api_minor, policy->file, floor);
    return true;
}

/* /_ping is answered here unless the policy sends it to the engine. */
static bool ping_route(const struct policy *policy, struct policy_decision *decision)
{
    struct query query;
    const struct query_context context = {.rules = policy->schemas.of[BODY_QUERY],
                                          .file = policy->file,
                                          .api_minor = decision->api_minor};
    int reason = query_judge(decision->op, &context, decision->route.query,
                             decision->route.query_bytes, &query);
    query_done(&query);
    if (!policy_version_check(policy, decision))
        return false;
    if (reason != REASON_NONE)
        return policy_deny(decision, reason, query.field, "%s", query.message);
    decision->verdict = POLICY_PING;
    decision->reason = REASON_NONE;
    return true;
}

bool policy_route_judge(const struct policy *policy, const struct policy_engine *engine, int method,
                        const char *target, size_t target_bytes, struct policy_decision *decision)
{
    struct route route;
    const char *wrong;
    int reason = route_parse(&policy->routes, method, target, target_bytes, &route, &wrong);
    decision->op = route.op;
    decision->route.path = route.path;
    decision->route.path_bytes = route.path_bytes;
    decision->route.ref = route.ref;
    decision->route.ref_bytes = route.ref_bytes;
    decision->route.query = route.query;
    decision->route.query_bytes = route.query_bytes;
    decision->route.client_minor = route.api_minor;
    decision->api_minor = policy_version_choose(policy, engine, route.api_minor);
    if (reason == REASON_TARGET_MALFORMED)
        return policy_deny(decision, reason, "", "%s", wrong);
    if (reason != REASON_NONE)
        return deny_unknown(decision, method, &route);
    if (policy->allow[route.op->number].grant != GRANT_NO)
        return true;
    if (route.op->number == OPERATION_SystemPing || route.op->number == OPERATION_SystemPingHead)
        return ping_route(policy, decision);
    return deny_operation(policy, decision);
}
