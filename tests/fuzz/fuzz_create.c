/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judging of create bodies under arbitrary bytes.  The first byte picks a policy: the built-in
 * rules, everything allowed, or a rule of every kind.  What passes must be JSON that passes again
 * and comes out the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "json.h"
#include "operation.h"
#include "reason.h"
#include "schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Some containers, networks and volumes are the client's own. */
static const char *owned(const void *arg, int kind, const char *ref, size_t ref_bytes)
{
    static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    (void) arg, (void) kind;
    return ref_bytes > 0 && (ref[0] == 'm' || ref[0] == '0') ? id : NULL;
}

static const struct schema_context context = {.api_minor = 45,
                                              .owned = owned,
                                              .depth = 16,
                                              .file = "evaluator.ini",
                                              .label_key = "io.caisson.owner",
                                              .label_value = "fuzz"};

static void need(int condition)
{
    if (!condition)
        abort();
}

struct change {
    struct schema *schema;
    const char *rule;
};

static void set_one(void *arg, const struct schema_field *field)
{
    struct change *change = arg;
    struct err err;
    need(schema_set_rule(change->schema, field->path, change->rule, "evaluator.ini:1", &err) == 0);
}

static struct schema *schema_make(int permissive)
{
    struct schema *schema = schema_new(BODY_CREATE), *names = schema_new(BODY_CREATE);
    struct change change = {schema, "allow"};
    struct err err;
    need(schema && names);
    if (permissive) {
        need(schema_set_rule(schema, "HostConfig.MemorySwap", "allow", NULL, &err) == 0);
        schema_each(names, set_one, &change);
    } else {
        need(schema_set_rule(schema, "Image", "one-of **:*", NULL, &err) == 0);
    }
    schema_free(names);
    return schema;
}

/* A clause of each kind on a field of each kind. */
static struct schema *schema_make_ruled(void)
{
    static const char *const rules[][2] = {
        {"Image", "one-of a:* b:1 !a:x*"},
        {"User", "one-of *:1000 65534:65534, default 7:1000"},
        {"WorkingDir", "force /w"},
        {"Hostname", "max 10, min 2, default host"},
        {"Env", "one-of A=* B !A=x*, max 3"},
        {"Cmd", "max 4, min 1, default [\"run\"]"},
        {"Labels", "one-of x=* y, max 2"},
        {"StopTimeout", "max 60, default 5"},
        {"HostConfig.Memory", "max 256MiB, min 6MiB, default 64MiB"},
        {"HostConfig.NanoCpus", "max 2"},
        {"HostConfig.PidsLimit", "max 100, min 10"},
        {"HostConfig.CapAdd", "one-of NET_* CHOWN !NET_ADMIN"},
        {"HostConfig.NetworkMode", "one-of bridge none container:*"},
        {"HostConfig.Binds", "one-of /data/*:/in:ro cache:*"},
        {"HostConfig.Sysctls", "one-of net.*=1 kernel.msgmax"},
        {"HostConfig.Privileged", "force false"},
        {"HostConfig.AutoRemove", "default true, allow"},
        {"HostConfig.ReadonlyRootfs", "allow"},
        {"HostConfig.Tmpfs", "allow"},
        {"HostConfig.Ulimits", "allow, max 2"},
        {"HostConfig.RestartPolicy.Name", "one-of no on-failure"},
        {"HostConfig.OomScoreAdj", "min 0, max 100"},
        {"HostConfig.PortBindings", "allow, max 2"},
        {"HostConfig.PortBindings{}[].HostPort", "one-of 8*"},
    };
    struct schema *schema = schema_new(BODY_CREATE);
    struct err err;
    need(schema != NULL);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        int rc = schema_set_rule(schema, rules[i][0], rules[i][1], "evaluator.ini:1", &err);
        if (rc < 0)
            fprintf(stderr, "%s: %s\n", rules[i][0], err.text);
        need(rc == 0);
    }
    return schema;
}

static struct json *parse(struct arena *arena, const struct schema_verdict *verdict)
{
    struct json_fault fault;
    struct json *sent =
        json_read_strict(arena, verdict->body, verdict->body_bytes, JSON_DEPTH_MOST, &fault);
    need(sent != NULL);
    return sent;
}

/* The label is ours alone: a client that sends it is refused. */
static void check_again(const struct schema *schema, const struct schema_verdict *first)
{
    struct arena arena = {0};
    struct schema_verdict second = {0};
    const struct json *sent = parse(&arena, first);
    struct json *labels = json_get(sent, "Labels");
    need(json_is(json_get(labels, context.label_key), JSON_STRING));
    need(json_is(json_get(sent, "HostConfig"), JSON_OBJECT));
    need(json_is(json_at(sent, "NetworkingConfig.EndpointsConfig"), JSON_OBJECT));
    json_drop(labels, context.label_key);
    char *text = json_write(&arena, sent, NULL);
    schema_judge(schema, &context, text, strlen(text), &second);
    need(second.reason == REASON_NONE && !second.warnings);
    need(second.body_bytes == first->body_bytes &&
         memcmp(second.body, first->body, first->body_bytes) == 0);
    schema_verdict_done(&second);
    free(text);
    arena_done(&arena);
}

static void check_strict(const struct schema_verdict *verdict)
{
    struct arena arena = {0};
    const struct json *host = json_get(parse(&arena, verdict), "HostConfig");
    static const char *const never[] = {"Privileged", "Binds",   "Mounts",      "CapAdd",
                                        "PidMode",    "Devices", "VolumesFrom", "PortBindings"};
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        need(!json_get(host, never[i]));
    const int64_t memory = json_number(json_get(host, "Memory"));
    need(memory > 0 && memory <= 104857600);
    need(json_number(json_get(host, "MemorySwap")) == memory);
    need(strcmp(json_text(json_get(host, "NetworkMode")), "none") == 0);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct schema *schemas[3];
    struct schema_verdict verdict = {0};
    if (!schemas[0]) {
        schemas[0] = schema_make(0);
        schemas[1] = schema_make(1);
        schemas[2] = schema_make_ruled();
    }
    int which = size == 0 ? 0 : data[0] & 2 ? 2 : data[0] & 1;
    const char *body = (const char *) data + (size > 0);
    schema_judge(schemas[which], &context, body, size - (size > 0), &verdict);
    if (verdict.reason == REASON_NONE) {
        check_again(schemas[which], &verdict);
        if (which == 0)
            check_strict(&verdict);
    } else {
        need(verdict.message[0] && !verdict.body);
        for (const char *p = verdict.message; *p; p++)
            need((unsigned char) *p >= 0x20 && (unsigned char) *p < 0x7f);
    }
    schema_verdict_done(&verdict);
    return 0;
}
