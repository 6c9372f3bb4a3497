/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: a policy file as a struct, and the two steps of a decision.
 */
#include "policy.h"

#include "config.h"
#include "err.h"
#include "observe.h"
#include "operation.h"
#include "owner.h"
#include "query.h"
#include "reason.h"
#include "route.h"
#include "schema.h"
#include "suggest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct policy {
    unsigned refs;
    char *file; /* its name without folders, as messages say it */
    struct config config;
    unsigned mode_line; /* where [proxy] sets the mode; 0 where it does not */
    struct schema *schema, *exec, *start; /* of a create, an exec, and the start of one */
    struct {
        enum grant grant;
        unsigned line; /* where [allow] speaks of it; 0 where it does not */
    } allow[OPERATION_COUNT];
};

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
        return err_set(err, "%s cannot be allowed yet: %s; take this line out", op->id, op->why);
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

static int take_create(struct policy *policy, const char *key, const char *value, unsigned line,
                       struct err *err)
{
    char origin[300];
    snprintf(origin, sizeof(origin), "%.280s:%u", policy->file, line);
    return schema_set_rule(policy->schema, key, value, origin, err);
}

/* What is said of an exec holds for its start, where that has the same field. */
static int take_exec(struct policy *policy, const char *key, const char *value, unsigned line,
                     struct err *err)
{
    char origin[300];
    snprintf(origin, sizeof(origin), "%.280s:%u", policy->file, line);
    if (schema_set_rule(policy->exec, key, value, origin, err) < 0)
        return -1;
    return schema_has(policy->start, key) ? schema_set_rule(policy->start, key, value, origin, err)
                                          : 0;
}

/* The config_take of a policy file. */
static int take_pair(void *arg, const char *section, const char *key, const char *value,
                     unsigned line, struct err *err)
{
    struct policy *policy = arg;
    if (strcmp(section, "proxy") == 0 && strcmp(key, "mode") == 0)
        policy->mode_line = line;
    if (strcmp(section, "proxy") == 0 || strcmp(section, "limits") == 0)
        return config_set(&policy->config, section, key, value, err);
    if (strcmp(section, "allow") == 0)
        return take_allow(policy, key, value, line, err);
    if (strcmp(section, "create") == 0)
        return take_create(policy, key, value, line, err);
    if (strcmp(section, "exec") == 0)
        return take_exec(policy, key, value, line, err);
    return err_set(err,
                   "there is no section [%.40s]; the sections are [proxy], [allow], [create], "
                   "[exec] and [limits]",
                   section);
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

int policy_load(const char *path, struct policy **ret_policy, struct err *err)
{
    struct policy *policy = calloc(1, sizeof(*policy));
    if (!policy)
        return err_set(err, "out of memory");
    policy->refs = 1;
    policy->file = name_for_people(path);
    policy->schema = schema_new_create();
    policy->exec = schema_new_exec();
    policy->start = schema_new_start();
    bool whole = policy->file && policy->schema && policy->exec && policy->start;
    int rc = whole ? 0 : err_set(err, "out of memory");
    if (rc == 0)
        rc = config_init(&policy->config, err);
    if (rc == 0)
        rc = config_read(path, take_pair, policy, err);
    if (rc < 0) {
        policy_unref(policy);
        return -1;
    }
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
    schema_free(policy->schema);
    schema_free(policy->exec);
    schema_free(policy->start);
    free(policy->file);
    free(policy);
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
    snprintf(buffer, bytes, "%.280s:%u", policy->file, policy->mode_line);
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

const struct schema *policy_schema(const struct policy *policy)
{
    return policy->schema;
}

const struct schema *policy_schema_exec(const struct policy *policy)
{
    return policy->exec;
}

/* ---- refusing ---- */

void policy_decision_init(struct policy_decision *decision)
{
    memset(decision, 0, offsetof(struct policy_decision, target));
    decision->target[0] = decision->container[0] = decision->exec[0] = '\0';
    decision->name[0] = decision->image[0] = decision->field[0] = decision->message[0] = '\0';
}

void policy_decision_done(struct policy_decision *decision)
{
    free(decision->body);
    free(decision->warnings);
    free(decision->target_long);
    decision->body = decision->warnings = decision->target_long = NULL;
}

/* Always false, so that a step can `return deny(...)`. */
static __attribute__((format(printf, 4, 5))) bool deny(struct policy_decision *decision, int reason,
                                                       const char *field, const char *format, ...)
{
    decision->verdict = POLICY_DENY;
    decision->reason = reason;
    snprintf(decision->field, sizeof(decision->field), "%s", field);
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
        return deny(decision, REASON_OPERATION_UNKNOWN, "",
                    "%s %.*s is no operation of the Docker Engine API; %s %s is %s", name, bytes,
                    path, method_name(route->near->method), route->near->path, route->near->id);
    return deny(decision, REASON_OPERATION_UNKNOWN, "",
                "%s %.*s is no operation of the Docker Engine API that caisson knows", name, bytes,
                path);
}

static bool deny_operation(const struct policy *policy, struct policy_decision *decision)
{
    const struct operation *op = decision->op;
    const char *word = op->grants & GRANT_OWN ? "own" : "yes";
    unsigned line = policy->allow[op->number].line;
    if (op->grants == GRANT_NO)
        return deny(decision, REASON_OPERATION_NOT_ALLOWED, op->id,
                    "%s is not allowed by %.80s and cannot be allowed yet: %s", op->id,
                    policy->file, op->why);
    if (line)
        return deny(decision, REASON_OPERATION_NOT_ALLOWED, op->id,
                    "%s is not allowed by %.80s:%u; allow it with '%s = %s' there", op->id,
                    policy->file, line, op->id, word);
    return deny(decision, REASON_OPERATION_NOT_ALLOWED, op->id,
                "%s is not allowed by %.80s; allow it with '%s = %s' under [allow]", op->id,
                policy->file, op->id, word);
}

/* ---- step one ---- */

/* The newest version that engine and client both speak. */
static unsigned version_choose(const struct policy *policy, const struct policy_engine *engine,
                               unsigned client_minor)
{
    unsigned newest = engine->api_minor ? engine->api_minor : (unsigned) policy->config.api_floor;
    return client_minor && client_minor < newest ? client_minor : newest;
}

/* Refuses a version below the policy's floor, whoever it is that speaks no newer one. */
static bool version_check(const struct policy *policy, struct policy_decision *decision)
{
    unsigned client = decision->route.client_minor, floor = (unsigned) policy->config.api_floor;
    if (client && client < floor)
        return deny(decision, REASON_API_TOO_OLD, "",
                    "client version 1.%u is too old. Minimum supported API version is 1.%u, please "
                    "upgrade your client to a newer version",
                    client, floor);
    if (decision->api_minor < floor)
        return deny(decision, REASON_ENGINE_TOO_OLD, "",
                    "the Docker Engine speaks API version 1.%u at most, and 'api-floor' under "
                    "[proxy] of %.80s is 1.%u",
                    decision->api_minor, policy->file, floor);
    return true;
}

/* /_ping is answered here unless the policy sends it to the engine. */
static bool ping_route(const struct policy *policy, struct policy_decision *decision)
{
    struct query query;
    int reason = query_judge(decision->op, decision->api_minor, NULL, decision->route.query,
                             decision->route.query_bytes, &query);
    if (!version_check(policy, decision))
        return false;
    if (reason != REASON_NONE)
        return deny(decision, reason, query.field, "%s", query.message);
    decision->verdict = POLICY_PING;
    decision->reason = REASON_NONE;
    return true;
}

static bool route_judge(const struct policy *policy, const struct policy_engine *engine, int method,
                        const char *target, size_t target_bytes, struct policy_decision *decision)
{
    struct route route;
    const char *wrong;
    int reason = route_parse(method, target, target_bytes, &route, &wrong);
    decision->op = route.op;
    decision->route.path = route.path;
    decision->route.path_bytes = route.path_bytes;
    decision->route.ref = route.ref;
    decision->route.ref_bytes = route.ref_bytes;
    decision->route.query = route.query;
    decision->route.query_bytes = route.query_bytes;
    decision->route.client_minor = route.api_minor;
    decision->api_minor = version_choose(policy, engine, route.api_minor);
    if (reason == REASON_TARGET_MALFORMED)
        return deny(decision, reason, "", "%s", wrong);
    if (reason != REASON_NONE)
        return deny_unknown(decision, method, &route);
    if (policy->allow[route.op->number].grant != GRANT_NO)
        return true;
    if (route.op->number == OPERATION_SystemPing || route.op->number == OPERATION_SystemPingHead)
        return ping_route(policy, decision);
    return deny_operation(policy, decision);
}

bool policy_route(const struct policy *policy, const struct policy_engine *engine, int method,
                  const char *target, size_t target_bytes, struct policy_decision *decision)
{
    bool granted = route_judge(policy, engine, method, target, target_bytes, decision);
    return policy_observes(policy) ? observe_route(decision) : granted;
}

/* ---- step two ---- */

static char *put(char *to, const char *text, size_t bytes)
{
    memcpy(to, text, bytes);
    return to + bytes;
}

/* Writes what is sent: the row's path with its parameter, and the query. */
static void target_write(struct policy_decision *decision, const char *query)
{
    const char *path = decision->op->path, *parameter = strchr(path, '{');
    size_t head = parameter ? (size_t) (parameter - path) : strlen(path);
    const char *tail = parameter ? strchr(parameter, '}') + 1 : "";
    size_t tail_bytes = strlen(tail), query_bytes = strlen(query);
    unsigned minor = decision->api_minor; /* at most two digits, by the tables and by route.c */
    const char *ref = decision->route.ref ? decision->route.ref : "";
    size_t ref_bytes = decision->route.ref_bytes;
    char *to = decision->target;

    assert(minor < 100);
    assert(8 + head + ref_bytes + tail_bytes + query_bytes < sizeof(decision->target));
    to = put(to, "/v1.", 4);
    if (minor >= 10)
        *to++ = (char) ('0' + minor / 10);
    *to++ = (char) ('0' + minor % 10);
    to = put(put(put(to, path, head), ref, ref_bytes), tail, tail_bytes);
    if (query_bytes > 0)
        to = put(put(to, "?", 1), query, query_bytes);
    *to = '\0';
}

/* The schema_context's `owned`. */
static const char *owned_id(const void *owned, const char *ref, size_t ref_bytes)
{
    const struct owner_entry *entry = owner_resolve(owned, ref, ref_bytes);
    return entry ? entry->id : NULL;
}

static bool body_judge(const struct policy *policy, const struct schema *schema,
                       const struct owner_table *owned, const char *body, size_t body_bytes,
                       struct policy_decision *decision)
{
    struct schema_context context = {
        .api_minor = decision->api_minor,
        .depth = (unsigned) policy->config.depth,
        .file = policy->file,
        .owned = owned_id,
        .owned_arg = owned,
        .label_key = OWNER_LABEL,
        .label_value = owner_name(owned),
    };
    struct schema_verdict verdict = {0};
    schema_judge(schema, &context, body, body_bytes, &verdict);
    bool passed = verdict.reason == REASON_NONE;
    if (decision->op->body == BODY_CREATE)
        strcpy(decision->image, verdict.image);
    if (passed) {
        decision->body = verdict.body;
        decision->body_bytes = verdict.body_bytes;
        decision->warnings = verdict.warnings;
        verdict.body = verdict.warnings = NULL;
    } else {
        deny(decision, verdict.reason, verdict.field, "%s", verdict.message);
    }
    schema_verdict_done(&verdict);
    return passed;
}

static bool create_decide(const struct policy *policy, const struct owner_table *owned,
                          const struct query *query, uint64_t nonce, const char *body,
                          size_t body_bytes, struct policy_decision *decision)
{
    char text[QUERY_TEXT_BYTES + sizeof(decision->name) + 8];
    /* What is only observed may be long gone: nobody looks. */
    if (!decision->observed && owner_alive(owned) >= (size_t) policy->config.containers)
        return deny(decision, REASON_TOO_MANY_CONTAINERS, "containers",
                    "%zu containers are alive, and 'containers' under [limits] of %.80s is %" PRId64
                    "; delete some or raise it",
                    owner_alive(owned), policy->file, policy->config.containers);
    if (!body)
        return deny(decision, REASON_BODY_MALFORMED, "",
                    "%s needs a JSON body that says at least which Image to run", decision->op->id);
    if (!body_judge(policy, policy->schema, owned, body, body_bytes, decision))
        return false;
    if (query->name[0])
        strcpy(decision->name, query->name);
    else
        snprintf(decision->name, sizeof(decision->name), "caisson-%016" PRIx64, nonce);
    snprintf(text, sizeof(text), "name=%s%s%s", decision->name, query->text[0] ? "&" : "",
             query->text);
    target_write(decision, text);
    return true;
}

/* One container: the id that the reference has in our table or, under `any`, the reference. */
static bool container_decide(const struct policy *policy, const struct owner_table *owned,
                             struct policy_decision *decision)
{
    const char *ref = decision->route.ref;
    size_t ref_bytes = decision->route.ref_bytes;
    const struct owner_entry *entry = owner_resolve(owned, ref, ref_bytes);
    if (!entry)
        return policy->allow[decision->op->number].grant == GRANT_ANY ||
               deny(decision, REASON_NOT_OWNED, "", "No such container: %.*s", (int) ref_bytes,
                    ref);
    strcpy(decision->container, entry->id);
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
               deny(decision, REASON_NOT_OWNED, "", "No such exec instance: %.*s", (int) ref_bytes,
                    ref);
    strcpy(decision->container, container);
    memcpy(decision->exec, ref, OWNER_ID_BYTES);
    return true;
}

static bool object_decide(const struct policy *policy, const struct owner_table *owned,
                          struct policy_decision *decision)
{
    switch (decision->op->object) {
    case OBJECT_NONE:
        return true;
    case OBJECT_CONTAINER:
        return container_decide(policy, owned, decision);
    case OBJECT_EXEC:
        return exec_decide(policy, owned, decision);
    default: /* no such row can be granted */
        return deny(decision, REASON_UNDECIDED, "", "%s", reason_text(REASON_UNDECIDED));
    }
}

/* A container's new name, which goes into the table once the engine has agreed to it. */
static bool rename_decide(const struct owner_table *owned, struct query *query,
                          struct policy_decision *decision)
{
    if (!query->name[0])
        return deny(decision, REASON_NAME_REFUSED, "name",
                    "%s: query parameter 'name' is missing; write name=NAME", decision->op->id);
    if (owner_resolve(owned, query->name, strlen(query->name)))
        return deny(decision, REASON_NAME_REFUSED, "name",
                    "%s: '%s' is the name of one of your containers already", decision->op->id,
                    query->name);
    strcpy(decision->name, query->name);
    snprintf(query->text, sizeof(query->text), "name=%s", query->name);
    return true;
}

/* The body of anything but a create. */
static bool body_decide(const struct policy *policy, const struct owner_table *owned,
                        const char *body, size_t body_bytes, struct policy_decision *decision)
{
    const struct operation *op = decision->op;
    if (op->body == BODY_NONE)
        return !body ||
               deny(decision, REASON_BODY_UNEXPECTED, "", "%s takes no request body", op->id);
    if (op->body != BODY_EXEC && op->body != BODY_EXEC_START) /* no such row can be granted */
        return deny(decision, REASON_UNDECIDED, "", "%s", reason_text(REASON_UNDECIDED));
    if (!body)
        return deny(decision, REASON_BODY_MALFORMED, "", "%s needs a JSON body", op->id);
    const struct schema *schema = op->body == BODY_EXEC ? policy->exec : policy->start;
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
    if (!object_decide(policy, owned, decision) ||
        (op->number == OPERATION_ContainerRename && !rename_decide(owned, query, decision)) ||
        !body_decide(policy, owned, body, body_bytes, decision))
        return false;
    decision->hijack = op->reply == REPLY_HIJACK && !is_detached(decision);
    target_write(decision, query->text);
    return true;
}

static void request_judge(const struct policy *policy, const struct owner_table *owned,
                          const struct policy_engine *engine, uint64_t nonce, const char *body,
                          size_t body_bytes, struct policy_decision *decision)
{
    struct query query;
    char label[sizeof(OWNER_LABEL) + 64] = "";
    decision->api_minor = version_choose(policy, engine, decision->route.client_minor);
    if (!version_check(policy, decision))
        return;
    const struct operation *op = decision->op;
    if (op->object == OBJECT_NONE && policy->allow[op->number].grant == GRANT_OWN)
        snprintf(label, sizeof(label), OWNER_LABEL "=%s", owner_name(owned));
    int reason = query_judge(op, decision->api_minor, label[0] ? label : NULL,
                             decision->route.query, decision->route.query_bytes, &query);
    if (reason != REASON_NONE) {
        deny(decision, reason, query.field, "%s", query.message);
        return;
    }
    bool passed = op->body == BODY_CREATE
                      ? create_decide(policy, owned, &query, nonce, body, body_bytes, decision)
                      : plain_decide(policy, owned, &query, body, body_bytes, decision);
    if (!passed)
        return;
    decision->verdict = POLICY_FORWARD;
    decision->reason = REASON_NONE;
}

void policy_decide(const struct policy *policy, const struct owner_table *owned,
                   const struct policy_engine *engine, uint64_t nonce, const char *body,
                   size_t body_bytes, struct policy_decision *decision)
{
    assert(decision->op);
    if (decision->verdict == POLICY_PING)
        return;
    if (decision->reason == REASON_UNDECIDED)
        request_judge(policy, owned, engine, nonce, body, body_bytes, decision);
    if (decision->observed)
        observe_forward(decision, version_choose(policy, engine, decision->route.client_minor),
                        owned, body, body_bytes);
}

const char *policy_target(const struct policy_decision *decision)
{
    return decision->target_long ? decision->target_long : decision->target;
}
