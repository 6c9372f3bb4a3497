/* SPDX-License-Identifier: Apache-2.0 */
/*
 * images: what a request names, the rule that holds for it, and what is sent in its place; and
 * credentials, from a header to a header.  tests/cases/image_operations.case has the outcomes of
 * whole requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"
#include "images.h"
#include "operation.h"
#include "owner.h"
#include "policy.h"
#include "query.h"
#include "reason.h"
#include "schema.h"
#include "schemas.h"

#define DIGEST "sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"

static const struct schema_context context = {.api_minor = 41, .depth = 2, .file = "a.ini"};

static struct schema *rules_with(const char *rule, const char *text)
{
    struct err err;
    struct schema *rules = schema_new(BODY_IMAGE);
    assert_non_null(rules);
    if (schema_set_rule(rules, rule, text, "a.ini:1", &err) < 0)
        fail_msg("%s", err.text);
    return rules;
}

/* One reference in the path of an inspect. */
static int show(const char *text, const char *ref, struct images_verdict *verdict)
{
    struct query query = {.text = ""};
    struct schema *rules = rules_with("Show", text);
    images_judge(operation_get(OPERATION_ImageInspect), rules, &context, ref, strlen(ref), &query,
                 verdict);
    schema_free(rules);
    return verdict->reason;
}

static void names_are_written_in_full(void **state)
{
    (void) state;
    static const struct {
        const char *rule, *ref, *path; /* path: NULL where it is refused */
    } rows[] = {
        {"one-of busybox:*", "busybox", "docker.io/library/busybox:latest"},
        {"one-of busybox:*", "library/busybox:1", "docker.io/library/busybox:1"},
        {"one-of busybox", "busybox:1", NULL},
        {"one-of busybox@*", "busybox@" DIGEST, "docker.io/library/busybox@" DIGEST},
        {"one-of busybox@*", "busybox:1@" DIGEST, "docker.io/library/busybox@" DIGEST},
        {"one-of busybox:*", "busybox@" DIGEST, NULL},
        {"one-of cafe", "cafe", "docker.io/library/cafe:latest"},
        {"one-of cafe", "caf", NULL},
        {"one-of **", "cafe", "docker.io/library/cafe:latest"},
        {"allow", "cafe", "cafe"},
        {"allow", "sha256:cafe", "sha256:cafe"},
        {"allow", DIGEST, DIGEST},
        {"allow", "busybox", "docker.io/library/busybox:latest"},
        {"allow, one-of busybox:*", DIGEST, NULL},
        {"one-of **:*", DIGEST, NULL},
        {"one-of *", "sha256:cafe", NULL},
        {"one-of * !busybox", "busybox", NULL},
        {"forbid", "busybox", NULL},
        {"forbid", "cafe", NULL},
        {"allow", "sha256:CAFE", NULL},
        {"allow", "busybox:", NULL},
        {"force busybox:1", "alpine", "docker.io/library/busybox:1"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct images_verdict verdict;
        int reason = show(rows[i].rule, rows[i].ref, &verdict);
        if ((reason == REASON_NONE) != (rows[i].path != NULL))
            fail_msg("%s, %s: %s", rows[i].rule, rows[i].ref, verdict.message);
        if (rows[i].path)
            assert_string_equal(verdict.path, rows[i].path);
        else
            assert_int_equal(reason, REASON_FIELD_REFUSED);
    }
}

static void refusals_name_the_mend(void **state)
{
    (void) state;
    struct images_verdict verdict;
    show("forbid", "busybox", &verdict);
    assert_string_equal(verdict.message,
                        "Show: a.ini:1 allows none; write 'Show = one-of NAME...' under [image]");
    show("one-of alpine", "busybox", &verdict);
    assert_string_equal(verdict.message, "Show: 'busybox' is not one of 'alpine' (a.ini:1); add it "
                                         "to 'Show = one-of ...' under [image]");
    show("one-of alpine", "sha256:cafe", &verdict);
    assert_string_equal(verdict.message,
                        "Show: 'sha256:cafe' is the id of an image, and that could be any; ask for "
                        "it by its name, or write 'Show = allow' under [image]");
    assert_string_equal(verdict.field, "Show");
}

/* Every row names a rule that is there, and operations that images_bound() knows are bound. */
static void rows_are_whole(void **state)
{
    (void) state;
    struct schema *rules = schema_new(BODY_IMAGE);
    const struct images_row *row;
    size_t bound = 0;
    for (size_t i = 0; (row = images_row_at(i)); i++) {
        assert_true(schema_has(rules, row->rule));
        assert_int_not_equal(operation_get((enum operation_id) row->op)->grants, GRANT_NO);
        bound += images_bound(operation_get((enum operation_id) row->op));
    }
    assert_true(bound >= 10);
    assert_false(images_bound(operation_get(OPERATION_ImageBuild)));
    assert_false(images_bound(operation_get(OPERATION_ImageLoad)));
    assert_false(images_bound(operation_get(OPERATION_ImageCommit)));
    assert_false(images_bound(operation_get(OPERATION_ImageList)));
    schema_free(rules);
}

/* What `check` says of a grant that does nothing. */
static void a_rule_is_missed(void **state)
{
    (void) state;
    struct schema *list = rules_with("Tag", "one-of a"), *all = rules_with("Tag", "allow");
    assert_string_equal(images_missing(operation_get(OPERATION_ImageCreate), list), "Pull");
    assert_string_equal(images_missing(operation_get(OPERATION_ImageLoad), list), "Tag");
    assert_null(images_missing(operation_get(OPERATION_ImageLoad), all));
    assert_null(images_missing(operation_get(OPERATION_ImageBuild), list));
    assert_null(images_missing(operation_get(OPERATION_ImageList), list));
    schema_free(list);
    schema_free(all);
}

/* What a client may both name and run. */
static void names_are_shared(void **state)
{
    (void) state;
    static const struct {
        const char *tag, *image, *name; /* name: NULL for none */
    } rows[] = {
        {"one-of acme/*:*", "one-of acme/tool:1", "acme/tool:1"},
        {"one-of acme/tool:1", "one-of acme/*:*", "acme/tool:1"},
        {"one-of acme/*:*", "one-of acme/*:*", "acme/a:a"},
        {"one-of acme/*:*", "one-of python:*", NULL},
        {"one-of acme/*:* !acme/tool", "one-of acme/tool:1", NULL},
        {"allow", "one-of python:3", "python:3"},
        {"one-of python:3", "allow", "python:3"},
        {"allow", "allow", "example.org/any:1"},
        {"forbid", "allow", NULL},
        {"allow", "forbid", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct schema *rules = rules_with("Tag", rows[i].tag), *create = schema_new(BODY_CREATE);
        char name[IMAGES_PATH_BYTES];
        struct err err;
        assert_int_equal(schema_set_rule(create, "Image", rows[i].image, "a.ini:2", &err), 0);
        bool shared = images_share_name(rules, create, name);
        if (shared != (rows[i].name != NULL))
            fail_msg("%s and %s: %s", rows[i].tag, rows[i].image, shared ? name : "none");
        if (shared)
            assert_string_equal(name, rows[i].name);
        schema_free(rules);
        schema_free(create);
    }
}

/* ---- credentials ---- */

static struct policy *policy_of(const char *text)
{
    char path[40];
    struct policy *policy;
    struct err err;
    int fd = memfd_create("policy", 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (policy_load(path, &policy, &err) < 0)
        fail_msg("%s", err.text);
    close(fd);
    return policy;
}

/* What is sent for a header; refused: NULL, and decision->reason. */
static char *credentials(const struct policy *policy, const char *text, int *ret_reason)
{
    static const char target[] = "/images/create?fromImage=busybox";
    const struct policy_engine engine = {.api_minor = 41};
    struct policy_decision decision;
    policy_decision_init(&decision);
    assert_true(policy_route(policy, &engine, METHOD_POST, target, sizeof(target) - 1, &decision));
    bool passed = policy_credentials(policy, text, strlen(text), &decision);
    *ret_reason = passed ? REASON_NONE : decision.reason;
    char *sent = decision.registry_auth ? strdup(decision.registry_auth) : NULL;
    policy_decision_done(&decision);
    return sent;
}

static void credentials_are_encoded_anew(void **state)
{
    (void) state;
    static const struct {
        const char *text, *sent; /* sent: NULL where it is refused */
    } rows[] = {
        {"e30=", "e30="}, /* {} */
        {"e30", "e30="},
        {"eyB9", "e30="},                                         /* { } */
        {"eyJ1c2VybmFtZSI6ImEifQ==", "eyJ1c2VybmFtZSI6ImEifQ=="}, /* a username */
        {"eyJ1c2VybmFtZSI6ImEifQ", "eyJ1c2VybmFtZSI6ImEifQ=="},
        {"eyJwYXNzd29yZCI6Ij8_Pz4-In0=", "eyJwYXNzd29yZCI6Ij8_Pz4-In0="}, /* - and _ */
        {"eyJwYXNzd29yZCI6Ij8/Pz4+In0=", NULL},                           /* the other alphabet */
        {"eyJlbWFpbCI6IiIsInVzZXJuYW1lIjoiYSJ9", "eyJ1c2VybmFtZSI6ImEifQ=="}, /* and an empty one */
        {"e31=", NULL},
        {"e30==", NULL},
        {"e", NULL},
        {"=", NULL},
        {"====", NULL},
        {"e3 0", NULL},
        {"W10=", NULL},     /* [] */
        {"bnVsbA==", NULL}, /* null */
        {"e30K\n", NULL},
        {"eyJhIjoiYiJ9", NULL}, /* an unknown member */
    };
    struct policy *policy =
        policy_of("[allow]\nImageCreate = yes\n[image]\nPull = allow\nCredentials = allow\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int reason;
        char *sent = credentials(policy, rows[i].text, &reason);
        if (rows[i].sent ? !sent || strcmp(sent, rows[i].sent) != 0 : sent || reason == REASON_NONE)
            fail_msg("%s: %s", rows[i].text, sent ? sent : "refused");
        free(sent);
    }
    policy_unref(policy);
}

/* Of every length, so that each way of padding comes by. */
static void credentials_of_every_length(void **state)
{
    (void) state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    struct policy *policy =
        policy_of("[allow]\nImageCreate = yes\n[image]\nPull = allow\nCredentials = allow\n");
    for (size_t length = 1; length < 200; length++) {
        char json[256] = "{\"username\":\"", text[400] = "";
        memset(json + strlen(json), 'x', length);
        strcat(json, "\"}");
        size_t bytes = strlen(json), used = 0;
        for (size_t i = 0; i < bytes * 8; i += 6) {
            unsigned bits = 0;
            for (size_t k = i; k < i + 6; k++)
                bits = bits << 1 | (k < bytes * 8 ? (unsigned) json[k / 8] >> (7 - k % 8) & 1 : 0);
            text[used++] = digits[bits];
        }
        int reason;
        char *bare = credentials(policy, text, &reason);
        assert_non_null(bare);
        assert_int_equal(strlen(bare) % 4, 0);
        assert_int_equal(strncmp(bare, text, used), 0);
        char *again = credentials(policy, bare, &reason);
        assert_string_equal(bare, again);
        free(bare);
        free(again);
    }
    policy_unref(policy);
}

static void credentials_are_dropped_by_default(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "[allow]\nImageCreate = yes\n[image]\nPull = allow\n",
        "[allow]\nImageCreate = yes\n[image]\nPull = allow\nCredentials = forbid\n",
        "[allow]\nImageCreate = yes\n[image]\nPull = allow\nCredentials = force false\n",
    };
    for (size_t i = 0; i < 3; i++) {
        struct policy *policy = policy_of(texts[i]);
        int reason;
        assert_null(credentials(policy, "e30=", &reason));
        assert_int_equal(reason, REASON_NONE);
        assert_null(credentials(policy, "!", &reason));
        assert_int_equal(reason, REASON_NONE);
        policy_unref(policy);
    }
    struct policy *policy = policy_of("[allow]\nImageCreate = yes\n[image]\nCredentials = allow\n"
                                      "[auth]\nusername = one-of me\n");
    int reason;
    assert_null(credentials(policy, "eyJ1c2VybmFtZSI6ImEifQ", &reason)); /* "a" */
    assert_int_equal(reason, REASON_FIELD_REFUSED);
    policy_unref(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_written_in_full),
        cmocka_unit_test(refusals_name_the_mend),
        cmocka_unit_test(rows_are_whole),
        cmocka_unit_test(a_rule_is_missed),
        cmocka_unit_test(names_are_shared),
        cmocka_unit_test(credentials_are_encoded_anew),
        cmocka_unit_test(credentials_of_every_length),
        cmocka_unit_test(credentials_are_dropped_by_default),
    };
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
