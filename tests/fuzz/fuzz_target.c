/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_target: any bytes as a request-target, under a policy that grants all that can be granted,
 * to anybody or, as the first byte's high bit says, of the client's own alone.
 *
 * What is found must be spelt back from what was understood; what would be sent must be plain, and
 * must mean the same when it is asked for again.  The first byte chooses the method.
 * What lists the client's own names our label.
 */
#include "err.h"
#include "operation.h"
#include "owner.h"
#include "policy.h"
#include "reason.h"
#include "route.h"
#include "schema.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ID "aaaaaaaaaaaa0123456789abcdef0123456789abcdef0123456789abcdef0123"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const struct policy_engine engine = {.api_minor = 55, .ostype = "linux"};

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_target: %s\n", what);
    abort();
}

/* Grants every operation as widely as its row permits, or as narrowly. */
static struct policy *policy_new(bool own)
{
    struct policy *policy;
    struct err err;
    char path[64];
    int fd = memfd_create("policy", 0);
    must(fd >= 0, "no memfd");
    dprintf(fd, "[proxy]\napi-floor = 1.24\n[create]\nImage = allow\n[image]\nPull = one-of **:*\n"
                "Show = allow\nSave = allow\nTag = allow\nPush = one-of **:*\nDelete = allow\n"
                "[query]\nImageBuild.remote = allow\nImageBuild.networkmode = allow\n[allow]\n");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        if (op->grants != GRANT_NO)
            dprintf(fd, "%s = %s\n", op->id,
                    own && op->grants & GRANT_OWN ? "own"
                    : op->grants & GRANT_ANY      ? "any"
                                                  : "yes");
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (policy_load(path, &policy, &err) < 0)
        must(false, err.text);
    close(fd);
    return policy;
}

/* The target must be exactly version, row and parameter: no byte of it may go unexplained. */
static void check_spelling(const struct route *route, const char *target, size_t bytes)
{
    char spelt[8192];
    const char *path = route->op->path, *parameter = strchr(path, '{');
    int head = parameter ? (int) (parameter - path) : (int) strlen(path), used = 0;
    if (route->api_minor)
        used = snprintf(spelt, sizeof(spelt), "/v1.%u", route->api_minor);
    used += snprintf(spelt + used, sizeof(spelt) - (size_t) used, "%.*s%.*s%s", head, path,
                     (int) route->ref_bytes, route->ref_bytes ? route->ref : "",
                     parameter ? strchr(parameter, '}') + 1 : "");
    must((parameter != NULL) == (route->ref_bytes > 0), "a parameter without a row's");
    size_t path_bytes = bytes - (route->query ? route->query_bytes + 1 : 0);
    must((size_t) used == path_bytes && memcmp(spelt, target, path_bytes) == 0, "spelt otherwise");
}

static void check_sent(const struct policy *policy, const struct owner_table *owned, int method,
                       const struct policy_decision *decision, const char *body)
{
    struct policy_decision again = {0};
    const char *sent = decision->target;
    must(strncmp(sent, "/v1.", 4) == 0, "no version is sent");
    must(strspn(sent, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:@/-?&=%") ==
             strlen(sent),
         "what is sent is not plain");
    /* An image is made to say that nobody owns it, which no client may say. */
    if (decision->op->number == OPERATION_ImageCommit ||
        decision->op->number == OPERATION_ImageBuild) {
        must(strstr(sent, "io.caisson.owner%3D%22%22") ||
                 strstr(sent, "io.caisson.owner%22:%22%22"),
             "an image hands on who owns it");
        return;
    }
    must(policy_route(policy, &engine, method, sent, strlen(sent), &again), "not sent twice");
    policy_decide(policy, owned, &engine, 7, body, body ? strlen(body) : 0, &again);
    must(again.verdict == POLICY_FORWARD && again.op == decision->op &&
             strcmp(again.target, sent) == 0,
         "means something else when it is asked for again");
    policy_decision_done(&again);
}

/* The label of ours stands in every list of the client's own; a commit names its container. */
static void check_narrowed(const struct policy_decision *decision)
{
    const struct operation *op = decision->op;
    if (op->object == OBJECT_NONE && op->grants & GRANT_OWN && op->number != OPERATION_ImageCommit)
        must(strstr(policy_target(decision), "io.caisson.owner") &&
                 strstr(policy_target(decision), "fuzz"),
             "a list is not narrowed");
}

/* A body that passes; NULL for none. */
static const char *body_of(const struct operation *op)
{
    if (op->body == BODY_CREATE)
        return "{\"Image\":\"a:b\"}";
    if (op->body == BODY_EXEC)
        return "{\"Cmd\":\"a\"}";
    return op->body == BODY_JSON || schema_section(op->body) ? "{}" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct policy *policies[2];
    static struct owner_table *owned;
    if (!owned) {
        policies[0] = policy_new(false);
        policies[1] = policy_new(true);
        owned = owner_table_new("fuzz");
        must(owner_add(owned, ID, "mine", 0) == 0, "no memory");
    }
    if (bytes < 1 || bytes > 4096)
        return 0;
    bool own = data[0] & 0x80;
    const struct policy *policy = policies[own];
    int method = (data[0] & 0x7f) % METHOD_COUNT;
    const char *target = (const char *) data + 1;
    bytes--;

    struct route route;
    const char *wrong = NULL;
    struct route_index index;
    route_index_init(&index);
    int reason = route_parse(&index, method, target, bytes, &route, &wrong);
    must((reason == REASON_NONE) == (route.op != NULL), "a row without a reason");
    must((reason == REASON_TARGET_MALFORMED) == (wrong != NULL), "malformed without a word");
    if (route.op)
        check_spelling(&route, target, bytes);

    struct policy_decision decision = {0};
    if (policy_route(policy, &engine, method, target, bytes, &decision)) {
        const char *body = body_of(decision.op);
        policy_decide(policy, owned, &engine, 7, body, body ? strlen(body) : 0, &decision);
        if (decision.verdict == POLICY_FORWARD)
            check_sent(policy, owned, method, &decision, body);
        if (decision.verdict == POLICY_FORWARD && own)
            check_narrowed(&decision);
    }
    if (decision.verdict == POLICY_DENY)
        must(decision.message[0] != '\0' && decision.body == NULL, "denied without a word");
    policy_decision_done(&decision);
    return 0;
}
