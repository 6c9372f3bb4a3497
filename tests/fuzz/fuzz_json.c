/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz json: our reading of JSON held against two others (oracle_json.h).
 *
 *  - The strict reader takes exactly what RFC 8259 and the bounds allow, and understands the same.
 *  - What a body's schema lets pass is strict JSON, and what is written instead of it has one
 *    meaning: a reader that folds names and merges doubles, as the Engine's does, finds nothing to
 *    fold or to merge.
 *  - Where the policy allows everything, that reader finds in what is written what it would have
 *    found in the client's own bytes: what was judged is what the Engine would have understood.
 *
 * The first byte chooses the depth, the second a body: create below 128.
 */
#include "arena.h"
#include "err.h"
#include "json.h"
#include "operation.h"
#include "oracle_json.h"
#include "reason.h"
#include "schema.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { INPUT_BYTES = 2000, BODY_DEPTH = 16 };

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_json: %s\n", what);
    abort();
}

/* ---- the strict reader ---- */

static void check_reader(const char *text, size_t bytes, unsigned depth)
{
    struct arena arena = {0};
    struct json_fault fault = {.what = NULL};
    const struct json *ours = json_read_strict(&arena, text, bytes, depth, &fault);
    struct oracle_value *theirs = oracle_json_strict(text, bytes, depth);

    must(!ours || theirs, "we read what is no strict JSON");
    must(ours || !theirs, fault.text);
    must(ours || fault.text[0], "a fault without a word");
    if (ours) {
        size_t written_bytes = 0;
        char *written = json_write(&arena, ours, &written_bytes);
        struct oracle_value *again =
            written ? oracle_json_strict(written, written_bytes, depth) : NULL;
        must(again && oracle_json_equal(theirs, again, false), "we understand something else");
        oracle_json_free(again);
        free(written);
    }
    oracle_json_free(theirs);
    arena_done(&arena);
}

/* A document that no table describes: what is written has no two keys that fold into one. */
static void check_rewritten(const char *text, size_t bytes)
{
    struct json_fault fault = {.what = NULL};
    size_t written_bytes = 0;
    char *written = json_rewrite(text, bytes, BODY_DEPTH, &written_bytes, &fault);
    must(written || fault.text[0], "a fault without a word");
    if (written && written[0] == '{') {
        struct oracle_value *asked = oracle_json_strict(text, bytes, BODY_DEPTH);
        struct oracle_value *strict = oracle_json_strict(written, written_bytes, BODY_DEPTH);
        struct oracle_value *go = oracle_json_go(written, written_bytes);
        must(asked && strict && go, "what is written anew is no strict JSON");
        must(oracle_json_equal(asked, strict, false), "something else is written anew");
        must(oracle_json_equal(strict, go, true), "what is written anew has names to merge");
        oracle_json_free(asked);
        oracle_json_free(strict);
        oracle_json_free(go);
    }
    free(written);
}

/* ---- bodies ---- */

/* Some containers, networks and volumes are the client's own. */
static const char *owned(const void *arg, int kind, const char *ref, size_t ref_bytes)
{
    static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    (void) arg, (void) kind;
    return ref_bytes > 0 && ref[0] == 'm' ? id : NULL;
}

static const struct schema_context context = {.api_minor = 45,
                                              .owned = owned,
                                              .depth = BODY_DEPTH,
                                              .file = "evaluator.ini",
                                              .label_key = "io.caisson.owner",
                                              .label_value = "fuzz"};

/* A rule that may not be `allow` stays as it is built in. */
static void allow_one(void *arg, const struct schema_field *field)
{
    struct err err;
    (void) schema_set_rule(arg, field->path, "allow", "evaluator.ini:1", &err);
}

static struct schema *allow_all(int body)
{
    struct schema *schema = schema_new(body), *names = schema_new(body);
    struct err err;
    must(schema && names, "no memory");
    /* This one first: it may be allowed only while Memory's rule has a value of its own. */
    (void) schema_set_rule(schema, "HostConfig.MemorySwap", "allow", NULL, &err);
    schema_each(names, allow_one, schema);
    schema_free(names);
    return schema;
}

/* Fields that are sent as the client wrote them, where the policy allows that. */
static const char *const KEPT[] = {
    "env",
    "workingdir",
    "user",
    "hostname",
    "hostconfig.privileged",
    "hostconfig.binds",
    "hostconfig.capadd",
    "hostconfig.devices",
    "hostconfig.groupadd",
    "hostconfig.pidmode",
    "hostconfig.usernsmode",
    "hostconfig.utsmode",
    "hostconfig.runtime",
    "hostconfig.sysctls",
    "hostconfig.securityopt",
    "hostconfig.portbindings",
    "hostconfig.mounts",
};

/* What says no more to an Engine than an empty string does, and is left out. */
static const struct {
    const char *path, *text;
} NEUTRAL[] = {
    {"hostconfig.runtime", "runc"},
    {"hostconfig.portbindings.*.hostport", "0"},
    {"hostconfig.mounts.consistency", "default"},
    {"hostconfig.mounts.bindoptions.propagation", "rprivate"},
    {"hostconfig.mounts.volumeoptions.driverconfig.name", "local"},
};

static void check_kept(struct oracle_value *asked, const struct oracle_value *sent)
{
    oracle_json_complete_ports(asked, "hostconfig.portbindings");
    for (size_t i = 0; i < sizeof NEUTRAL / sizeof *NEUTRAL; i++)
        oracle_json_empty(asked, NEUTRAL[i].path, NEUTRAL[i].text);
    for (size_t i = 0; i < sizeof KEPT / sizeof *KEPT; i++)
        must(oracle_json_alike(oracle_json_at(asked, KEPT[i]), oracle_json_at(sent, KEPT[i])),
             KEPT[i]);
}

static void check_passed(int body, const char *text, size_t bytes,
                         const struct schema_verdict *verdict)
{
    if (bytes == 0) /* a body that may be left out */
        return;
    struct oracle_value *strict = oracle_json_strict(text, bytes, BODY_DEPTH);
    struct oracle_value *written =
        oracle_json_strict(verdict->body, verdict->body_bytes, BODY_DEPTH);
    must(strict != NULL, "a body passes that is no strict JSON");
    must(written != NULL, "what is written is no strict JSON");

    struct oracle_value *asked = oracle_json_go(text, bytes);
    struct oracle_value *sent = oracle_json_go(verdict->body, verdict->body_bytes);
    must(asked && oracle_json_equal(strict, asked, true), "a passing body has names to merge");
    must(sent && oracle_json_equal(written, sent, true), "what is written has names to merge");
    if (body == BODY_CREATE)
        check_kept(asked, sent);
    oracle_json_free(strict);
    oracle_json_free(written);
    oracle_json_free(asked);
    oracle_json_free(sent);
}

static void check_body(int body, const char *text, size_t bytes)
{
    static struct schema *schemas[BODY_COUNT];
    struct schema_verdict verdict = {0};

    if (!schema_section(body))
        return;
    if (!schemas[body])
        schemas[body] = allow_all(body);
    schema_judge(schemas[body], &context, text, bytes, &verdict);
    if (verdict.reason == REASON_NONE)
        check_passed(body, text, bytes, &verdict);
    schema_verdict_done(&verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const unsigned DEPTHS[] = {JSON_DEPTH_MOST, 16, 3, 1};
    if (bytes < 2 || bytes > INPUT_BYTES)
        return 0;
    char *text = malloc(bytes - 2 ? bytes - 2 : 1); /* exactly as long, for the sanitizers */
    must(text != NULL, "no memory");
    memcpy(text, data + 2, bytes - 2);
    check_reader(text, bytes - 2, DEPTHS[data[0] % 4]);
    check_rewritten(text, bytes - 2);
    check_body(data[1] < 128 ? BODY_CREATE : (data[1] - 128) % BODY_COUNT, text, bytes - 2);
    free(text);
    return 0;
}
