/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy: what a policy file may say, and decisions from the request to what is sent.
 */
#include "policy.h"

#include "config.h"
#include "err.h"
#include "operation.h"
#include "owner.h"
#include "reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ID_OWN   "aaaaaaaaaaaa0123456789abcdef0123456789abcdef0123456789abcdef0123"
#define ID_OTHER "ffffffffffff0123456789abcdef0123456789abcdef0123456789abcdef0123"

static const char DEFAULT_POLICY[] = "[allow]\n"
                                     "ContainerCreate = yes\n"
                                     "ContainerStart = own\n"
                                     "ContainerWait = own\n"
                                     "ContainerLogs = own\n"
                                     "ContainerDelete = own\n"
                                     "ContainerStop = no\n"
                                     "[create]\n"
                                     "Image = one-of busybox:*\n"
                                     "[limits]\n"
                                     "containers = 2\n";

static int load(const char *content, struct policy **ret_policy, char ret_error[512])
{
    char folder[] = "/tmp/caisson-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/p.ini", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    struct err err = {""};
    int rc = policy_load(path, ret_policy, &err);
    unlink(path);
    rmdir(folder);
    if (rc < 0)
        assert_memory_equal(err.text, path, strlen(path));
    strcpy(ret_error, rc < 0 ? err.text + strlen(path) : "");
    return rc;
}

static struct policy *load_good(const char *content)
{
    struct policy *policy = NULL;
    char error[512];
    if (load(content, &policy, error) < 0)
        fail_msg("%s", error);
    return policy;
}

/* ---- loading ---- */

struct load_case {
    const char *content, *error; /* error: behind the path, or NULL */
};

static const struct load_case load_cases[] = {
    {"", NULL},
    {"[allow]\n", NULL},
    {"[allow]\nContainerStart = any\nContainerExec = no\nSystemInfo = yes\n", NULL},
    {"[proxy]\nlisten = unix:/tmp/s\n[limits]\nbody = 1MiB\n", NULL},
    {"[create]\nImage = one-of busybox\nHostConfig.Memory = max 1g\n", NULL},
    {"[alow]\nContainerStart = own\n",
     ":1: there is no section [alow]; the sections are [proxy], [allow], [create], ..."},
    {"[allow]\nContainerStrat = own\n",
     ":2: 'ContainerStrat' is no operation of the Docker Engine API; did you mean "
     "'ContainerStart'?"},
    {"[allow]\nFoo = yes\n",
     ":2: 'Foo' is no operation of the Docker Engine API; `caisson operations` lists them"},
    {"[allow]\nContainerStart = yes\n", ":2: ContainerStart takes own, any or no, not 'yes'"},
    {"[allow]\nContainerStart = OWN\n", ":2: ContainerStart takes own, any or no, not 'OWN'"},
    {"[allow]\nContainerStart =\n", ":2: ContainerStart takes own, any or no, not ''"},
    {"[allow]\nContainerCreate = own\n", ":2: ContainerCreate takes yes or no, not 'own'"},
    {"[allow]\nContainerCreate = any\n", ":2: ContainerCreate takes yes or no, not 'any'"},
    {"[allow]\nContainerAttachWebsocket = own\n", NULL},
    {"[allow]\nServiceCreate = yes\n",
     ":2: ServiceCreate cannot be allowed: its containers would be made outside every rule under "
     "[create]; take this line out"},
    {"[allow]\nContainerExec = own\nExecStart = own\nContainerList = any\n", NULL},
    {"[allow]\nContainerExec = yes\n", ":2: ContainerExec takes own, any or no, not 'yes'"},
    {"[allow]\nExecStart = yes\n", ":2: ExecStart takes own, any or no, not 'yes'"},
    {"[allow]\nContainerList = yes\n", ":2: ContainerList takes own, any or no, not 'yes'"},
    {"[exec]\nUser = allow\nDetach = forbid\n", NULL},
    {"[exec]\nImage = allow\n", ":2: there is no field 'Image'; 'caisson fields' lists them"},
    {"[allow]\nServiceCreate = maybe\n",
     ":2: ServiceCreate can only be 'no', not 'maybe': its containers would be made outside every "
     "rule under [create]"},
    {"[allow]\nContainerStart = own\nContainerStart = no\n",
     ":3: 'ContainerStart' is repeated; it is already on line 2"},
    {"[proxy]\nlisten = /tmp/s\n",
     ":2: listen: '/tmp/s' is no socket; write it like unix:/run/caisson/docker.sock"},
    {"[limits]\ncontainers = 0\n", ":2: containers: 0 is out of range; it goes from 1 to 100000"},
    {"[limits]\nlisten = unix:/tmp/s\n",
     ":2: [limits] has no key 'listen'; caisson.ini(5) lists them"},
};

static void files_are_checked(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(load_cases) / sizeof(load_cases[0]); i++) {
        const struct load_case *c = &load_cases[i];
        struct policy *policy = NULL;
        char error[512];
        int rc = load(c->content, &policy, error);
        const char *want = c->error ? c->error : "", *dots = strstr(want, "...");
        /* What "..." stands for is said elsewhere. */
        if (dots ? strncmp(error, want, (size_t) (dots - want)) != 0 : strcmp(error, want) != 0)
            fail_msg("case %zu: '%s'", i, error);
        assert_int_equal(rc, c->error ? -1 : 0);
        policy_unref(policy);
    }
}

/* The words are schema.c's; the place must be the line. */
static void create_rules_are_checked(void **state)
{
    (void) state;
    static const char *const bad[] = {
        "[create]\n\nHostConfig.Memry = max 1g\n",
        "[create]\n\nHostConfig.Memory = sometimes\n",
        "[create]\n\nHostConfig.Memory =\n",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct policy *policy = NULL;
        char error[512];
        assert_int_equal(load(bad[i], &policy, error), -1);
        assert_memory_equal(error, ":3: ", 4);
    }
}

static void what_was_loaded(void **state)
{
    (void) state;
    struct policy *policy = load_good(DEFAULT_POLICY);
    assert_int_equal(policy_config(policy)->containers, 2);
    assert_int_equal(policy_grant(policy, OPERATION_ContainerCreate), GRANT_YES);
    assert_int_equal(policy_grant(policy, OPERATION_ContainerStart), GRANT_OWN);
    assert_int_equal(policy_grant(policy, OPERATION_ContainerStop), GRANT_NO);
    assert_int_equal(policy_grant(policy, OPERATION_SystemPing), GRANT_NO);
    assert_non_null(policy_schema(policy, BODY_CREATE));
    assert_non_null(policy_schema(policy, BODY_EXEC));
    assert_null(policy_schema(policy, BODY_UNJUDGED));
    struct policy *again = policy_ref(policy);
    assert_ptr_equal(again, policy);
    policy_unref(policy);
    assert_non_null(policy_config(again)); /* still there */
    policy_unref(again);
    policy_unref(NULL);
}

static void an_empty_policy_grants_nothing(void **state)
{
    (void) state;
    struct policy *policy = load_good("");
    for (int i = 0; i < OPERATION_COUNT; i++)
        assert_int_equal(policy_grant(policy, i), GRANT_NO);
    policy_unref(policy);
}

/* ---- decisions ---- */

struct asked {
    struct policy *policy;
    struct owner_table *owned;
    struct policy_engine engine;
};

static struct asked ask_with(const char *content)
{
    struct asked asked = {
        .policy = load_good(content),
        .owned = owner_table_new("me"),
        .engine = {.api_minor = 45, .ostype = "linux"},
    };
    assert_non_null(asked.owned);
    assert_int_equal(owner_add(asked.owned, ID_OWN, "mine", 1), 0);
    return asked;
}

static void asked_done(struct asked *asked)
{
    policy_unref(asked->policy);
    owner_table_free(asked->owned);
}

/* Both steps; the caller ends the decision. */
static struct policy_decision decide(const struct asked *asked, enum method method,
                                     const char *target, const char *body)
{
    struct policy_decision decision = {0};
    if (policy_route(asked->policy, &asked->engine, (int) method, target, strlen(target),
                     &decision))
        policy_decide(asked->policy, asked->owned, &asked->engine, 0xc0ffee, body,
                      body ? strlen(body) : 0, &decision);
    if (decision.verdict == POLICY_DENY) {
        assert_true(decision.message[0] != '\0');
        assert_null(decision.body);
        assert_string_equal(decision.target, "");
        assert_int_not_equal(decision.reason, REASON_NONE);
        assert_int_not_equal(decision.reason, REASON_UNDECIDED);
    } else {
        assert_int_equal(decision.reason, REASON_NONE);
        assert_string_equal(decision.message, "");
    }
    return decision;
}

static void assert_denied(const struct asked *asked, enum method method, const char *target,
                          const char *body, enum reason reason, const char *field,
                          const char *message)
{
    struct policy_decision d = decide(asked, method, target, body);
    if (d.verdict != POLICY_DENY || d.reason != (int) reason || strcmp(d.message, message) != 0 ||
        strcmp(d.field, field) != 0)
        fail_msg("%s: %s [%s] '%s'", target, reason_word((enum reason) d.reason), d.field,
                 d.message);
    policy_decision_done(&d);
}

static void assert_sent(const struct asked *asked, enum method method, const char *target,
                        const char *sent, const char *container)
{
    struct policy_decision d = decide(asked, method, target, NULL);
    if (d.verdict != POLICY_FORWARD || strcmp(d.target, sent) != 0)
        fail_msg("%s: '%s' %s", target, d.target, d.message);
    assert_string_equal(d.container, container);
    assert_null(d.body);
    policy_decision_done(&d);
}

static void owned_containers(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    const char *full = "/v1.45/containers/" ID_OWN "/start";
    assert_sent(&asked, METHOD_POST, "/containers/" ID_OWN "/start", full, ID_OWN);
    assert_sent(&asked, METHOD_POST, "/v1.45/containers/mine/start", full, ID_OWN);
    assert_sent(&asked, METHOD_POST, "/v1.51/containers/aaaaaaaaaaaa/start", full, ID_OWN);
    assert_sent(&asked, METHOD_POST,
                "/v1.40/containers/mine/start?detachKeys=", "/v1.40/containers/" ID_OWN "/start",
                ID_OWN);
    assert_sent(&asked, METHOD_GET, "/v1.41/containers/mine/logs?stdout=True&follow=1",
                "/v1.41/containers/" ID_OWN "/logs?follow=1&stdout=1", ID_OWN);
    assert_sent(&asked, METHOD_POST, "/containers/mine/wait?condition=removed",
                "/v1.45/containers/" ID_OWN "/wait?condition=removed", ID_OWN);
    assert_sent(&asked, METHOD_DELETE, "/containers/mine?force=1&v=1",
                "/v1.45/containers/" ID_OWN "?v=1&force=1", ID_OWN);
    assert_sent(&asked, METHOD_DELETE, "/containers/mine", "/v1.45/containers/" ID_OWN, ID_OWN);
    asked_done(&asked);
}

/* Nothing in an answer depends on whether a container exists that is not ours. */
static void foreign_containers_do_not_exist(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    static const char *const refs[] = {"other", "aaaaaaaaaaa", "a",    ID_OTHER, "aaaaaaaaaaaab",
                                       "mine2", "Mine",        "json", "start"};
    for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
        char target[200], message[200];
        snprintf(target, sizeof(target), "/containers/%s/start", refs[i]);
        snprintf(message, sizeof(message), "No such container: %s", refs[i]);
        assert_denied(&asked, METHOD_POST, target, NULL, REASON_NOT_OWNED, "", message);
    }
    assert_int_equal(reason_status(REASON_NOT_OWNED), 404);
    asked_done(&asked);
}

static void any_reaches_all(void **state)
{
    (void) state;
    struct asked asked = ask_with("[allow]\nContainerLogs = any\nContainerStart = own\n");
    assert_sent(&asked, METHOD_GET, "/containers/mine/logs", "/v1.45/containers/" ID_OWN "/logs",
                ID_OWN);
    assert_sent(&asked, METHOD_GET, "/containers/other/logs?tail=1",
                "/v1.45/containers/other/logs?tail=1", "");
    assert_denied(&asked, METHOD_POST, "/containers/other/start", NULL, REASON_NOT_OWNED, "",
                  "No such container: other");
    char target[400] = "/containers/", sent[420];
    memset(target + 12, 'x', 255);
    strcpy(target + 12 + 255, "/logs");
    snprintf(sent, sizeof(sent), "/v1.45%s", target);
    assert_sent(&asked, METHOD_GET, target, sent, "");
    asked_done(&asked);
}

static void operations_that_are_not_allowed(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    assert_denied(&asked, METHOD_POST, "/containers/mine/kill", NULL, REASON_OPERATION_NOT_ALLOWED,
                  "ContainerKill",
                  "ContainerKill is not allowed by p.ini; allow it with 'ContainerKill = own' "
                  "under [allow]");
    assert_denied(&asked, METHOD_GET, "/info", NULL, REASON_OPERATION_NOT_ALLOWED, "SystemInfo",
                  "SystemInfo is not allowed by p.ini; allow it with 'SystemInfo = yes' under "
                  "[allow]");
    assert_denied(&asked, METHOD_POST, "/containers/mine/stop", NULL, REASON_OPERATION_NOT_ALLOWED,
                  "ContainerStop",
                  "ContainerStop is not allowed by p.ini:7; allow it with 'ContainerStop = own' "
                  "there");
    assert_denied(&asked, METHOD_POST, "/v1.41/containers/mine/exec", "{}",
                  REASON_OPERATION_NOT_ALLOWED, "ContainerExec",
                  "ContainerExec is not allowed by p.ini; allow it with 'ContainerExec = own' "
                  "under [allow]");
    assert_denied(&asked, METHOD_GET, "/containers/json", NULL, REASON_OPERATION_NOT_ALLOWED,
                  "ContainerList",
                  "ContainerList is not allowed by p.ini; allow it with 'ContainerList = own' "
                  "under [allow]");
    assert_denied(&asked, METHOD_GET, "/containers/mine/attach/ws", NULL,
                  REASON_OPERATION_NOT_ALLOWED, "ContainerAttachWebsocket",
                  "ContainerAttachWebsocket is not allowed by p.ini; allow it with "
                  "'ContainerAttachWebsocket = own' under [allow]");
    assert_denied(&asked, METHOD_POST, "/services/create", NULL, REASON_OPERATION_NOT_ALLOWED,
                  "ServiceCreate",
                  "ServiceCreate is not allowed by p.ini and cannot be allowed: its containers "
                  "would be made outside every rule under [create]");
    assert_denied(&asked, METHOD_DELETE, "/containers/create", NULL, REASON_OPERATION_UNKNOWN, "",
                  "DELETE /containers/create is no operation of the Docker Engine API; POST "
                  "/containers/create is ContainerCreate");
    assert_denied(&asked, METHOD_GET, "/v1.41/debug/vars", NULL, REASON_OPERATION_UNKNOWN, "",
                  "GET /debug/vars is no operation of the Docker Engine API that caisson knows");
    assert_denied(&asked, METHOD_OTHER, "/containers/mine", NULL, REASON_OPERATION_UNKNOWN, "",
                  "this method on /containers/mine is no operation of the Docker Engine API; "
                  "DELETE /containers/{id} is ContainerDelete");
    assert_denied(&asked, METHOD_GET, "/containers/%6done/logs", NULL, REASON_TARGET_MALFORMED, "",
                  "the path of the request target has a byte other than A-Z a-z 0-9 _ . : @ / -; "
                  "escapes are refused");
    asked_done(&asked);
}

/* Whatever is not granted is refused, for every row, with a sentence that fits. */
static void every_row_is_refused_by_default(void **state)
{
    (void) state;
    struct asked asked = ask_with("");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        if (i == OPERATION_SystemPing || i == OPERATION_SystemPingHead)
            continue;
        char target[200], *parameter;
        strcpy(target, op->path);
        if ((parameter = strchr(target, '{'))) {
            const char *tail = strchr(op->path, '}') + 1;
            strcpy(parameter, "mine");
            strcat(target, tail);
        }
        struct policy_decision d = decide(&asked, op->method, target, NULL);
        assert_int_equal(d.verdict, POLICY_DENY);
        assert_int_equal(d.reason, REASON_OPERATION_NOT_ALLOWED);
        assert_string_equal(d.field, op->id);
        assert_true(strlen(d.message) + 1 < sizeof(d.message));
        policy_decision_done(&d);
    }
    asked_done(&asked);
}

static void queries_are_judged(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    assert_denied(&asked, METHOD_GET, "/containers/mine/logs?follow=off", NULL,
                  REASON_QUERY_REFUSED, "follow",
                  "ContainerLogs: query parameter 'follow' must be true or false, not 'off'");
    /* Before ownership, so that it tells nothing about it. */
    assert_denied(&asked, METHOD_GET, "/containers/other/logs?follow=off", NULL,
                  REASON_QUERY_REFUSED, "follow",
                  "ContainerLogs: query parameter 'follow' must be true or false, not 'off'");
    asked_done(&asked);
}

static void bodies_where_there_are_none(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    assert_denied(&asked, METHOD_POST, "/containers/mine/start", "[]", REASON_BODY_UNEXPECTED, "",
                  "ContainerStart takes no request body");
    /* Before API 1.24 it was a HostConfig. */
    assert_denied(&asked, METHOD_POST, "/containers/mine/start", "{\"Privileged\":true}",
                  REASON_BODY_UNEXPECTED, "Privileged", "ContainerStart takes no request body");
    /* dockerode says its options twice. */
    struct policy_decision d =
        decide(&asked, METHOD_POST, "/containers/mine/start?detachKeys=", "{\"detachKeys\":\"\"}");
    assert_int_equal(d.verdict, POLICY_FORWARD);
    assert_null(d.body);
    policy_decision_done(&d);
    assert_denied(&asked, METHOD_POST, "/containers/mine/start", "", REASON_BODY_UNEXPECTED, "",
                  "ContainerStart takes no request body");
    asked_done(&asked);
}

static void versions(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    const char *too_old = "client version 1.23 is too old. Minimum supported API version is 1.40, "
                          "please upgrade your client to a newer version";
    assert_denied(&asked, METHOD_POST, "/v1.23/containers/mine/start", NULL, REASON_API_TOO_OLD, "",
                  too_old);
    assert_denied(&asked, METHOD_GET, "/v1.23/_ping", NULL, REASON_API_TOO_OLD, "", too_old);
    struct policy_decision d = decide(&asked, METHOD_POST, "/v1.23/containers/mine/start", NULL);
    assert_int_equal(reason_status((enum reason) d.reason), 400);
    policy_decision_done(&d);

    assert_sent(&asked, METHOD_DELETE, "/v1.44/containers/mine", "/v1.44/containers/" ID_OWN,
                ID_OWN);
    assert_sent(&asked, METHOD_DELETE, "/v1.99/containers/mine", "/v1.45/containers/" ID_OWN,
                ID_OWN);
    /* An engine that has not answered yet is taken for the oldest that the policy allows. */
    asked.engine.api_minor = 0;
    assert_sent(&asked, METHOD_DELETE, "/containers/mine", "/v1.40/containers/" ID_OWN, ID_OWN);
    assert_sent(&asked, METHOD_DELETE, "/v1.44/containers/mine", "/v1.40/containers/" ID_OWN,
                ID_OWN);
    asked.engine.api_minor = 38;
    assert_denied(
        &asked, METHOD_DELETE, "/containers/mine", NULL, REASON_ENGINE_TOO_OLD, "",
        "the Docker Engine speaks API version 1.38 at most, and 'api-floor' under [proxy] "
        "of p.ini is 1.40");
    asked_done(&asked);
}

static void pings(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    static const char *const targets[] = {"/_ping", "/v1.41/_ping", "/v1.99/_ping", "/_ping?"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        for (int head = 0; head < 2; head++) {
            struct policy_decision d =
                decide(&asked, head ? METHOD_HEAD : METHOD_GET, targets[i], NULL);
            assert_int_equal(d.verdict, POLICY_PING);
            assert_string_equal(d.target, "");
            policy_decision_done(&d);
        }
    assert_denied(
        &asked, METHOD_GET, "/_ping?x=1", NULL, REASON_QUERY_REFUSED, "x",
        "SystemPing: query parameter 'x' is unknown; `caisson operations` lists the known "
        "ones");
    assert_denied(&asked, METHOD_POST, "/_ping", NULL, REASON_OPERATION_UNKNOWN, "",
                  "POST /_ping is no operation of the Docker Engine API; HEAD /_ping is "
                  "SystemPingHead");
    asked_done(&asked);

    /* One line sends both methods to the engine. */
    asked = ask_with("[allow]\nSystemPing = yes\n");
    assert_sent(&asked, METHOD_GET, "/_ping", "/v1.45/_ping", "");
    assert_sent(&asked, METHOD_HEAD, "/v1.41/_ping", "/v1.41/_ping", "");
    asked_done(&asked);
}

static void creates(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    struct policy_decision d = decide(&asked, METHOD_POST, "/v1.44/containers/create?name=web",
                                      "{\"Image\":\"busybox:1\"}");
    assert_int_equal(d.verdict, POLICY_FORWARD);
    assert_string_equal(d.target, "/v1.44/containers/create?name=web");
    assert_string_equal(d.name, "web");
    assert_string_equal(d.container, "");
    assert_int_equal(strlen(d.body), d.body_bytes);
    assert_non_null(strstr(d.body, "\"io.caisson.owner\":\"me\""));
    assert_non_null(strstr(d.body, "\"HostConfig\":{"));
    policy_decision_done(&d);
    policy_decision_done(&d);

    d = decide(&asked, METHOD_POST, "/containers/create?platform=linux%2Famd64",
               "{\"Image\":\"busybox:1\"}");
    assert_string_equal(d.target, "/v1.45/containers/create?name=caisson-0000000000c0ffee&"
                                  "platform=linux/amd64");
    assert_string_equal(d.name, "caisson-0000000000c0ffee");
    policy_decision_done(&d);

    d = decide(&asked, METHOD_POST, "/containers/create",
               "{\"Image\":\"busybox:1\",\"HostConfig\":{\"Privileged\":true}}");
    assert_int_equal(d.reason, REASON_FIELD_REFUSED);
    assert_string_equal(d.field, "HostConfig.Privileged");
    policy_decision_done(&d);
    asked_done(&asked);
}

static void creates_that_are_refused_before_their_body(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    assert_denied(&asked, METHOD_POST, "/containers/create", NULL, REASON_BODY_MALFORMED, "",
                  "ContainerCreate needs a JSON body that says at least which Image to run");
    struct policy_decision d =
        decide(&asked, METHOD_POST, "/containers/create?name=" ID_OTHER, "{\"Image\":\"busybox\"}");
    assert_int_equal(d.reason, REASON_NAME_REFUSED);
    assert_string_equal(d.field, "name");
    policy_decision_done(&d);
    owner_add(asked.owned, ID_OTHER, NULL, 1);
    assert_denied(&asked, METHOD_POST, "/containers/create", "{\"Image\":\"busybox:1\"}",
                  REASON_TOO_MANY_CONTAINERS, "containers",
                  "2 containers are alive, and 'containers' under [limits] of p.ini is 2; delete "
                  "some or raise it");
    owner_remove(asked.owned, ID_OTHER);
    d = decide(&asked, METHOD_POST, "/containers/create", "{\"Image\":\"busybox:1\"}");
    assert_int_equal(d.verdict, POLICY_FORWARD);
    policy_decision_done(&d);
    asked_done(&asked);
}

/* ---- execs, attach, rename, lists ---- */

#define EXEC_OWN   "eeeeeeeeeeee0123456789abcdef0123456789abcdef0123456789abcdef0123"
#define EXEC_OTHER "dddddddddddd0123456789abcdef0123456789abcdef0123456789abcdef0123"

static const char CLIENT_POLICY[] = "[allow]\n"
                                    "ContainerList = own\n"
                                    "ContainerRename = own\n"
                                    "ContainerAttach = own\n"
                                    "ContainerExec = own\n"
                                    "ExecStart = own\n"
                                    "ExecResize = own\n"
                                    "ExecInspect = own\n"
                                    "[exec]\n"
                                    "Cmd = max 3\n";

static struct asked ask_as_client(void)
{
    struct asked asked = ask_with(CLIENT_POLICY);
    assert_int_equal(owner_exec_add(asked.owned, EXEC_OWN, ID_OWN), 0);
    return asked;
}

/* What is sent for a body: its text, and whether a raw stream is asked for. */
static void assert_body(const struct asked *asked, const char *target, const char *body,
                        const char *sent, bool hijack)
{
    struct policy_decision d = decide(asked, METHOD_POST, target, body);
    if (d.verdict != POLICY_FORWARD || strcmp(d.body, sent) != 0)
        fail_msg("%s %s: '%s' %s", target, body, d.body ? d.body : "", d.message);
    assert_int_equal(d.body_bytes, strlen(d.body));
    assert_int_equal(d.hijack, hijack);
    assert_string_equal(d.container, ID_OWN);
    policy_decision_done(&d);
}

static void execs_are_judged(void **state)
{
    (void) state;
    struct asked asked = ask_as_client();
    const char *target = "/v1.41/containers/mine/exec";
    assert_body(&asked, target,
                "{\"User\":\"\",\"Privileged\":false,\"Tty\":false,\"AttachStdin\":false,"
                "\"AttachStderr\":true,\"AttachStdout\":true,\"Detach\":false,\"DetachKeys\":\"\","
                "\"Env\":null,\"WorkingDir\":\"\",\"Cmd\":[\"id\"]}",
                "{\"User\":\"65534:65534\",\"AttachStdout\":true,\"AttachStderr\":true,"
                "\"Cmd\":[\"id\"]}",
                false);
    assert_body(&asked, target, "{\"Container\":\"other\",\"Cmd\":\"id\"}",
                "{\"User\":\"65534:65534\",\"Cmd\":[\"id\"]}", false);
    struct policy_decision d = decide(&asked, METHOD_POST, target, "{\"User\":\"0:0\"}");
    assert_string_equal(d.target, "/v1.41/containers/" ID_OWN "/exec");
    assert_string_equal(d.container, ID_OWN);
    assert_string_equal(d.exec, "");
    assert_non_null(strstr(d.warnings, "65534:65534"));
    policy_decision_done(&d);
    assert_denied(&asked, METHOD_POST, target, "{\"Privileged\":true}", REASON_FIELD_REFUSED,
                  "Privileged",
                  "Privileged is forbidden by p.ini; allow it with 'Privileged = allow' under "
                  "[exec]");
    assert_denied(&asked, METHOD_POST, target, "{\"Cmd\":[\"a\",\"b\",\"c\",\"d\"]}",
                  REASON_FIELD_REFUSED, "Cmd", "Cmd: 4 elements is over the max 3 of p.ini:10");
    assert_denied(&asked, METHOD_POST, target, "{\"privileged\":false}", REASON_FIELD_UNKNOWN,
                  "privileged", "privileged must be spelt Privileged");
    assert_denied(&asked, METHOD_POST, target, "{\"Image\":\"x\"}", REASON_FIELD_UNKNOWN, "Image",
                  "Image is not a field that caisson knows");
    assert_denied(&asked, METHOD_POST, target, NULL, REASON_BODY_MALFORMED, "",
                  "ContainerExec needs a JSON body");
    assert_denied(&asked, METHOD_POST, "/containers/other/exec", "{\"Privileged\":true}",
                  REASON_NOT_OWNED, "", "No such container: other");
    asked_done(&asked);
}

static void starts_are_judged(void **state)
{
    (void) state;
    struct asked asked = ask_as_client();
    const char *target = "/v1.42/exec/" EXEC_OWN "/start";
    assert_body(&asked, target, "{}", "{}", true);
    assert_body(&asked, target, "{\"Detach\":false,\"Tty\":false}", "{}", true);
    assert_body(&asked, target, "{\"Tty\":true,\"ConsoleSize\":[24,80]}",
                "{\"Tty\":true,\"ConsoleSize\":[24,80]}", true);
    assert_body(&asked, target, "{\"Detach\":true,\"Tty\":true}", "{\"Detach\":true,\"Tty\":true}",
                false);
    struct policy_decision d = decide(&asked, METHOD_POST, target, "{}");
    assert_string_equal(d.target, target);
    assert_string_equal(d.exec, EXEC_OWN);
    policy_decision_done(&d);
    assert_denied(&asked, METHOD_POST, target, "{\"Cmd\":[\"sh\"]}", REASON_FIELD_UNKNOWN, "Cmd",
                  "Cmd is not a field that caisson knows");
    assert_denied(&asked, METHOD_POST, target, NULL, REASON_BODY_MALFORMED, "",
                  "ExecStart needs a JSON body");
    asked_done(&asked);

    /* A rule of [exec] holds for both bodies, if both have the field. */
    asked = ask_with("[allow]\nContainerExec = own\nExecStart = any\n[exec]\nDetach = forbid\n");
    const char *forbidden =
        "Detach is forbidden by p.ini:5; allow it with 'Detach = allow' under [exec]";
    assert_denied(&asked, METHOD_POST, "/containers/mine/exec", "{\"Detach\":true}",
                  REASON_FIELD_REFUSED, "Detach", forbidden);
    assert_denied(&asked, METHOD_POST, "/exec/x/start", "{\"Detach\":true}", REASON_FIELD_REFUSED,
                  "Detach", forbidden);
    asked_done(&asked);
    asked = ask_with("[allow]\nExecStart = any\n[exec]\nDetach = force true\n");
    d = decide(&asked, METHOD_POST, "/exec/x/start", "{}");
    assert_string_equal(d.body, "{\"Detach\":true}");
    assert_false(d.hijack);
    policy_decision_done(&d);
    asked_done(&asked);
}

static void foreign_execs_do_not_exist(void **state)
{
    (void) state;
    struct asked asked = ask_as_client();
    static const char *const refs[] = {EXEC_OTHER, "eeeeeeeeeeee", "mine", ID_OWN, "x"};
    static const char *const tails[] = {"/start", "/resize?h=1&w=1", "/json"};
    for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++)
        for (int j = 0; j < 3; j++) {
            char target[200], message[200];
            snprintf(target, sizeof(target), "/exec/%s%s", refs[i], tails[j]);
            snprintf(message, sizeof(message), "No such exec instance: %s", refs[i]);
            assert_denied(&asked, j == 2 ? METHOD_GET : METHOD_POST, target, j == 0 ? "{}" : NULL,
                          REASON_NOT_OWNED, "", message);
        }
    assert_sent(&asked, METHOD_GET, "/exec/" EXEC_OWN "/json", "/v1.45/exec/" EXEC_OWN "/json",
                ID_OWN);
    assert_sent(&asked, METHOD_POST, "/exec/" EXEC_OWN "/resize?w=80&h=24",
                "/v1.45/exec/" EXEC_OWN "/resize?h=24&w=80", ID_OWN);
    owner_remove(asked.owned, ID_OWN);
    assert_denied(&asked, METHOD_GET, "/exec/" EXEC_OWN "/json", NULL, REASON_NOT_OWNED, "",
                  "No such exec instance: " EXEC_OWN);
    asked_done(&asked);
    asked = ask_with("[allow]\nExecInspect = any\n");
    assert_sent(&asked, METHOD_GET, "/exec/" EXEC_OTHER "/json", "/v1.45/exec/" EXEC_OTHER "/json",
                "");
    asked_done(&asked);
}

static void attach_is_a_raw_stream(void **state)
{
    (void) state;
    struct asked asked = ask_as_client();
    struct policy_decision d = decide(
        &asked, METHOD_POST, "/v1.41/containers/mine/attach?stderr=1&stdout=1&stream=1", NULL);
    assert_int_equal(d.verdict, POLICY_FORWARD);
    assert_string_equal(d.target, "/v1.41/containers/" ID_OWN "/attach?stream=1&stdout=1&stderr=1");
    assert_true(d.hijack);
    policy_decision_done(&d);
    assert_denied(&asked, METHOD_POST, "/containers/mine/attach", "stdin=1", REASON_BODY_UNEXPECTED,
                  "", "ContainerAttach takes no request body");
    assert_denied(&asked, METHOD_POST, "/containers/other/attach", NULL, REASON_NOT_OWNED, "",
                  "No such container: other");
    d = decide(&asked, METHOD_GET, "/containers/json", NULL);
    assert_false(d.hijack);
    policy_decision_done(&d);
    asked_done(&asked);
}

static void renames(void **state)
{
    (void) state;
    struct asked asked = ask_as_client();
    struct policy_decision d =
        decide(&asked, METHOD_POST, "/containers/mine/rename?name=other", NULL);
    assert_string_equal(d.target, "/v1.45/containers/" ID_OWN "/rename?name=other");
    assert_string_equal(d.name, "other");
    assert_string_equal(d.container, ID_OWN);
    policy_decision_done(&d);
    const char *in_use = "ContainerRename: 'mine' is the name of one of your containers already";
    assert_denied(&asked, METHOD_POST, "/containers/" ID_OWN "/rename?name=mine", NULL,
                  REASON_NAME_REFUSED, "name", in_use);
    assert_denied(&asked, METHOD_POST, "/containers/mine/rename", NULL, REASON_NAME_REFUSED, "name",
                  "ContainerRename: query parameter 'name' is missing; write name=NAME");
    assert_denied(&asked, METHOD_POST, "/containers/mine/rename?name=", NULL, REASON_NAME_REFUSED,
                  "name", "ContainerRename: query parameter 'name' is missing; write name=NAME");
    d = decide(&asked, METHOD_POST, "/containers/mine/rename?name=" ID_OTHER, NULL);
    assert_int_equal(d.reason, REASON_NAME_REFUSED);
    policy_decision_done(&d);
    assert_denied(&asked, METHOD_POST, "/containers/other/rename?name=mine", NULL, REASON_NOT_OWNED,
                  "", "No such container: other");
    asked_done(&asked);
}

static void lists_show_what_is_granted(void **state)
{
    (void) state;
    struct asked asked = ask_as_client();
    assert_sent(
        &asked, METHOD_GET, "/containers/json",
        "/v1.45/containers/json?filters=%7B%22label%22:%5B%22io.caisson.owner%3Dme%22%5D%7D", "");
    assert_sent(&asked, METHOD_GET,
                "/containers/json?all=1&filters=%7B%22name%22%3A%7B%22a%22%3Atrue%7D%7D",
                "/v1.45/containers/json?filters=%7B%22label%22:%5B%22io.caisson.owner%3Dme%22%5D%2C"
                "%22name%22:%5B%22a%22%5D%7D&all=1",
                "");
    asked_done(&asked);
    asked = ask_with("[allow]\nContainerList = any\n");
    assert_sent(&asked, METHOD_GET, "/containers/json?all=1", "/v1.45/containers/json?all=1", "");
    assert_sent(&asked, METHOD_GET, "/containers/json?filters=%7B%22since%22:%5B%22a%22%5D%7D",
                "/v1.45/containers/json?filters=%7B%22since%22:%5B%22a%22%5D%7D", "");
    assert_denied(
        &asked, METHOD_GET, "/containers/json?filters=%7B%22sinc%22:%5B%22a%22%5D%7D", NULL,
        REASON_QUERY_REFUSED, "filters",
        "ContainerList: query parameter 'filters' must be of ancestor, before, exited, "
        "expose, health, id, is-task, isolation, label, name, network, publish, since, status and "
        "volume, not sinc");
    asked_done(&asked);
    asked = ask_as_client();
    assert_denied(
        &asked, METHOD_GET, "/containers/json?filters=%7B%22since%22:%5B%22a%22%5D%7D", NULL,
        REASON_QUERY_REFUSED, "filters",
        "ContainerList: query parameter 'filters' must be of ancestor, exited, expose, "
        "health, id, is-task, isolation, label, name, publish and status under 'ContainerList = "
        "own', not since: the Engine tells whether that container is there");
    asked_done(&asked);
}

static void exec_answers(void **state)
{
    (void) state;
    static const struct {
        const char *reply;
        bool good;
    } cases[] = {
        {"{\"Id\":\"" EXEC_OWN "\"}", true},
        {"{\"Id\":\"" EXEC_OWN "\",\"New\":1}\n", true},
        {"{\"Id\":\"" EXEC_OWN "\"}x", false},
        {"{\"Id\":\"" EXEC_OWN "\",\"Id\":\"" EXEC_OTHER "\"}", false},
        {"{\"Id\":\"" EXEC_OWN "\\u0000\"}", false},
        {"{\"Id\":\"E" EXEC_OWN "\"}", false},
        {"{\"Id\":\"eeeeeeeeeeee\"}", false},
        {"{\"id\":\"" EXEC_OWN "\"}", false},
        {"[]", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_decision d = {0};
        struct err err = {""};
        char id[65] = "";
        int rc = policy_exec_created(&d, cases[i].reply, strlen(cases[i].reply), id, &err);
        assert_int_equal(rc, cases[i].good ? 0 : -1);
        assert_string_equal(id, cases[i].good ? EXEC_OWN : "");
        assert_string_equal(err.text,
                            cases[i].good ? "" : "the engine's answer to an exec has no full id");
    }
}

/* Zeroed memory, and a decision after its first step alone, mean no. */
static void undecided_is_no(void **state)
{
    (void) state;
    struct asked asked = ask_with(DEFAULT_POLICY);
    struct policy_decision d = {0};
    assert_int_equal(d.verdict, POLICY_DENY);
    assert_true(
        policy_route(asked.policy, &asked.engine, METHOD_POST, "/containers/create", 18, &d));
    assert_int_equal(d.verdict, POLICY_DENY);
    assert_int_equal(d.reason, REASON_UNDECIDED);
    policy_decision_done(&d);
    asked_done(&asked);
}

/* ---- the engine's answer to a create ---- */

struct created_case {
    const char *ours, *reply, *rewritten; /* rewritten: NULL for an error */
    const char *error;
};

#define CREATED(warnings) "{\"Id\":\"" ID_OWN "\",\"Warnings\":" warnings "}"
static const struct created_case created_cases[] = {
    {NULL, CREATED("[]"), CREATED("[]"), NULL},
    {NULL, CREATED("null") "\n", CREATED("[]"), NULL},
    {NULL, "{\"Id\":\"" ID_OWN "\"}", CREATED("[]"), NULL},
    {NULL, "{\"Id\":\"" ID_OWN "\",\"New\":{\"a\":1}}", CREATED("[]"), NULL},
    {"[\"ours\"]", CREATED("null"), CREATED("[\"ours\"]"), NULL},
    {"[\"o1\",\"o2\"]", CREATED("[\"t1\",\"t2\"]"), CREATED("[\"o1\",\"o2\",\"t1\",\"t2\"]"), NULL},
    {NULL, CREATED("[\"a\\u0000\\u0001\\\"\"]"), CREATED("[\"a\\u0000\\u0001\\\"\"]"), NULL},
    {NULL, "", NULL, "the engine's answer to a create is no JSON: "},
    {NULL, "{", NULL, "the engine's answer to a create is no JSON: "},
    {NULL, CREATED("[]") "x", NULL, "the engine's answer to a create is no JSON: "},
    {NULL, "[]", NULL, "the engine's answer to a create has no full container id"},
    {NULL, "{}", NULL, "the engine's answer to a create has no full container id"},
    {NULL, "{\"Id\":\"" ID_OWN "\\u0000\"}", NULL,
     "the engine's answer to a create has no full container id"},
    {NULL, "{\"Id\":7}", NULL, "the engine's answer to a create has no full container id"},
    {NULL, "{\"Id\":\"abc\"}", NULL, "the engine's answer to a create has no full container id"},
    {NULL, "{\"Id\":\"A" ID_OWN "\"}", NULL,
     "the engine's answer to a create has no full container id"},
    {NULL, "{\"Id\":\"" ID_OWN "\",\"Id\":\"" ID_OTHER "\"}", NULL,
     "the engine's answer to a create is no JSON: "},
    {NULL, CREATED("[7]"), NULL,
     "the engine's answer to a create has Warnings that are no list of strings"},
    {NULL, CREATED("\"x\""), NULL,
     "the engine's answer to a create has Warnings that are no list of strings"},
};

static void created_answers(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(created_cases) / sizeof(created_cases[0]); i++) {
        const struct created_case *c = &created_cases[i];
        struct policy_decision d = {.warnings = c->ours ? strdup(c->ours) : NULL};
        struct err err = {""};
        char id[65] = "", *reply = NULL;
        size_t bytes = 0;
        int rc = policy_created(&d, c->reply, strlen(c->reply), id, &reply, &bytes, &err);
        policy_decision_done(&d);
        if (c->rewritten) {
            assert_int_equal(rc, 0);
            assert_int_equal(bytes, strlen(reply));
            if (strcmp(reply, c->rewritten) != 0)
                fail_msg("case %zu: %s", i, reply);
            assert_string_equal(id, ID_OWN);
        } else {
            assert_int_equal(rc, -1);
            assert_memory_equal(err.text, c->error, strlen(c->error));
            assert_null(reply);
        }
        free(reply);
    }
}

/* Whose a volume is, an engine's answer says with its label, whole. */
static void volumes_of_answers(void **state)
{
    static const struct {
        const char *label;
        bool ours;
    } cases[] = {
        {"\"test\"", true},
        {"\"tests\"", false},
        {"\"test\\u0000\"", false},
        {"\"test\\u0000s\"", false},
        {"\"\"", false},
        {"[\"test\"]", false},
        {"null", false},
    };
    struct owner_table *owned = owner_table_new("test");
    (void) state;
    assert_non_null(owned);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char reply[128], name[65] = "";
        struct policy_decision d = {0};
        struct err err;
        bool ours = !cases[i].ours;
        snprintf(reply, sizeof(reply), "{\"Name\":\"vol\",\"Labels\":{\"" OWNER_LABEL "\":%s}}",
                 cases[i].label);
        assert_int_equal(policy_volume_created(&d, owned, reply, strlen(reply), name, &ours, &err),
                         0);
        assert_string_equal(name, "vol");
        if (ours != cases[i].ours)
            fail_msg("%s", reply);
    }
    owner_table_free(owned);
}

/* Under observe a create is called what the engine will call it; or nothing, where we cannot tell.
 */
static void names_of_observed_creates(void **state)
{
    static const char *const names[][2] = {
        {"?name=new", "new"},    {"?x=1&n%61me=%2Fne%77", "new"},
        {"?name=a&name=b", "a"}, {"?name=%0a", ""},
        {"?name=", ""},          {"", ""},
    };
    struct asked asked = ask_with("[proxy]\nmode = observe\n");
    (void) state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        static const char body[] = "{\"Image\":\"a\"}";
        struct policy_decision d = {0};
        char target[80];
        snprintf(target, sizeof(target), "/v1.45/containers/create%s", names[i][0]);
        assert_true(
            policy_route(asked.policy, &asked.engine, METHOD_POST, target, strlen(target), &d));
        policy_decide(asked.policy, asked.owned, &asked.engine, 1, body, strlen(body), &d);
        assert_int_equal(d.verdict, POLICY_FORWARD);
        assert_string_equal(policy_target(&d), target);
        assert_string_equal(d.body, body);
        assert_string_equal(d.name, names[i][1]);
        policy_decision_done(&d);
    }
    asked_done(&asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_checked),
        cmocka_unit_test(create_rules_are_checked),
        cmocka_unit_test(what_was_loaded),
        cmocka_unit_test(an_empty_policy_grants_nothing),
        cmocka_unit_test(owned_containers),
        cmocka_unit_test(foreign_containers_do_not_exist),
        cmocka_unit_test(any_reaches_all),
        cmocka_unit_test(operations_that_are_not_allowed),
        cmocka_unit_test(every_row_is_refused_by_default),
        cmocka_unit_test(queries_are_judged),
        cmocka_unit_test(bodies_where_there_are_none),
        cmocka_unit_test(versions),
        cmocka_unit_test(pings),
        cmocka_unit_test(creates),
        cmocka_unit_test(creates_that_are_refused_before_their_body),
        cmocka_unit_test(execs_are_judged),
        cmocka_unit_test(starts_are_judged),
        cmocka_unit_test(foreign_execs_do_not_exist),
        cmocka_unit_test(attach_is_a_raw_stream),
        cmocka_unit_test(renames),
        cmocka_unit_test(lists_show_what_is_granted),
        cmocka_unit_test(exec_answers),
        cmocka_unit_test(undecided_is_no),
        cmocka_unit_test(created_answers),
        cmocka_unit_test(volumes_of_answers),
        cmocka_unit_test(names_of_observed_creates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
