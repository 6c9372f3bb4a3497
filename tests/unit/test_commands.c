/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands: exit codes and words of the verbs that need no socket.
 */
#include "../lib/said.h"

#define ID_OWN "aaaaaaaaaaaa0123456789abcdef0123456789abcdef0123456789abcdef0123"

static const char POLICY[] = "[allow]\n"
                             "ContainerCreate = yes\n"
                             "ContainerLogs = own\n"
                             "[create]\n"
                             "Image = one-of busybox:*\n"
                             "[limits]\n"
                             "lifetime = 90s\n"
                             "body = 1KiB\n"
                             "target = 256\n";

static void check(void **state)
{
    (void) state;
    run("check", text_file(POLICY), NULL);
    assert_int_equal(said.code, 0);
    assert_non_null(strstr(said.out, " is valid. It allows\n"));
    assert_non_null(strstr(said.out, "  ContainerCreate    yes   makes a container"));
    assert_non_null(strstr(said.out, "  ContainerLogs      own   reads what"));
    assert_null(strstr(said.out, "ContainerStart"));
    assert_non_null(strstr(said.out, "under 1 rules"));
    assert_non_null(strstr(said.out, "each is removed after 90 s."));
    assert_null(strstr(said.out, "Note:"));

    run("check", text_file("[allow]\nContainerCreate = yes\nContainerLogs = any\n"), NULL);
    assert_non_null(strstr(said.out, "Note: what says 'any' reaches everyone's containers."));
    assert_non_null(strstr(said.out, "Note: every create is refused"));
    run("check", text_file(""), NULL);
    assert_int_equal(said.code, 0);
    assert_non_null(strstr(said.out, "nothing at all"));
}

static void check_verdict(void **state)
{
    (void) state;
    const char *path = text_file(POLICY);
    run("check", "--max", "contained", path, NULL);
    assert_int_equal(said.code, 0);
    assert_non_null(strstr(said.out, "\nVerdict: contained\n"));

    path = text_file("[allow]\nContainerCreate = yes\n[create]\nImage = one-of busybox:*\n"
                     "HostConfig.PidMode = one-of host\nHostConfig.Binds = one-of /srv:/srv\n");
    run("check", path, NULL);
    assert_int_equal(said.code, 0);
    const char *verdict =
        strstr(said.out, "\nVerdict: host root\n  HostConfig.PidMode = one-of host (");
    const char *data = strstr(said.out, "  HostConfig.Binds = one-of /srv:/srv (");
    assert_true(verdict && data && verdict < data);
    assert_non_null(strstr(verdict, ":5) gives host root, as with host:\n    sees and signals"));
    assert_non_null(strstr(data, ":6) gives host data, as with /srv:/srv:\n    a path of"));
    run("check", path, "--max", "host-root", NULL);
    assert_int_equal(said.code, 0);
    run("check", path, "--max", "host-data", NULL);
    assert_int_equal(said.code, 1);
    assert_non_null(strstr(said.err, "the verdict is host root, over --max host data"));
    run("check", path, "--max", "harmless", NULL);
    assert_said(2, "", "usage: ");
}

static void check_of_broken_files(void **state)
{
    (void) state;
    char expected[128];
    const char *path = text_file("[allow]\nContainerStrat = own\n");
    snprintf(expected, sizeof(expected), "%s:2: 'ContainerStrat' is no operation", path);
    run("check", path, NULL);
    assert_said(1, "", expected);
    run("check", "/nonexistent.ini", NULL);
    assert_said(2, "", "/nonexistent.ini: cannot open it: No such file or directory");
}

static void usage(void **state)
{
    (void) state;
    run("check", NULL);
    assert_said(2, "", "usage: caisson serve");
    run("explain", "GET", NULL);
    assert_said(2, "", "usage: ");
    run("explain", "GET", "/info", "/info", NULL);
    assert_said(2, "", "usage: ");
    run("explain", "GET", "/info", "--engine", "41", NULL);
    assert_said(2, "", "usage: ");
    run("explain", "GET", "/info", "--nonce", "xyz", NULL);
    assert_said(2, "", "usage: ");
    run("operations", "--policy", "x", NULL);
    assert_said(2, "", "usage: ");
    run("fields", "x", NULL);
    assert_said(2, "", "usage: ");
    run("version", NULL);
    assert_said(0, "caisson " COMMANDS_VERSION "\n", "");
    run("frobnicate", NULL);
    assert_said(2, "", "caisson: 'frobnicate' is no command\nusage: caisson serve");
}

/* One text for all verbs, wherever it is asked for. */
static void help(void **state)
{
    (void) state;
    static const char *const verbs[] = {"serve",      "healthcheck", "check",  "explain",
                                        "operations", "fields",      "version"};
    char first[sizeof(said.err)];
    run("help", NULL);
    assert_int_equal(said.code, 0);
    assert_memory_equal(said.out, "usage: caisson serve ", 21);
    assert_true(strlen(said.out) < sizeof(first));
    strcpy(first, said.out);
    run("--help", NULL);
    assert_said(0, first, "");
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        char line[64];
        snprintf(line, sizeof(line), " caisson %s", verbs[i]);
        assert_non_null(strstr(first, line));
        run(verbs[i], "--help", NULL);
        assert_said(0, first, "");
    }
}

/* A text with the name of a policy's file at its %s. */
static const char *of_policy(const char *path, const char *format)
{
    static char text[1024];
    const char *at = strstr(format, "%s");
    assert_non_null(at);
    snprintf(text, sizeof(text), "%.*s%s%s", (int) (at - format), format, strrchr(path, '/') + 1,
             at + 2);
    return text;
}

static void explain_refusals(void **state)
{
    (void) state;
    const char *policy = text_file(POLICY);
    run("explain", "GET", "/containers/x/logs?follow=off", "--policy", policy, NULL);
    assert_said(
        1,
        of_policy(policy,
                  "decision   deny\n"
                  "operation  ContainerLogs\n"
                  "grant      own (%s:3)\n"
                  "reason     query-refused (400)\n"
                  "field      follow\n"
                  "message    ContainerLogs: query parameter 'follow' must be true or false, not "
                  "'off'\n"),
        "");
    run("explain", "GET", "/containers/x/logs", "--policy", policy, "--json", NULL);
    assert_said(
        1,
        of_policy(policy,
                  "{\"decision\":\"deny\",\"reason\":\"not-owned\",\"status\":404,"
                  "\"grant\":\"own (%s:3)\",\"field\":null,\"rule\":null,"
                  "\"message\":\"No such container: x\",\"operation\":\"ContainerLogs\","
                  "\"container\":null,\"name\":null,\"method\":null,\"target\":null,\"body\":null,"
                  "\"warnings\":[]}\n"),
        "");
    run("explain", "BREW", "/info", "--policy", policy, "--json", NULL);
    assert_int_equal(said.code, 1);
    assert_non_null(strstr(said.out, "\"reason\":\"operation-unknown\""));

    char target[300] = "/";
    memset(target + 1, 'x', 256);
    run("explain", "GET", target, "--policy", policy, "--json", NULL);
    assert_int_equal(said.code, 1);
    assert_non_null(strstr(said.out, "\"reason\":\"target-too-long\",\"status\":414"));

    char body[1026] = "{\"Image\":\"busybox:1\"}";
    memset(body + strlen(body), ' ', sizeof(body) - 1 - strlen(body));
    run("explain", "POST", "/containers/create", "--policy", policy, "--json", "--body",
        file_of(body, 1025), NULL);
    assert_int_equal(said.code, 1);
    assert_non_null(strstr(said.out, "\"reason\":\"body-too-large\",\"status\":413"));
    run("explain", "POST", "/containers/create", "--policy", policy, "--json", "--body",
        file_of(body, 1024), NULL);
    assert_int_equal(said.code, 0);
}

static void explain_what_is_sent(void **state)
{
    (void) state;
    const char *policy = text_file(POLICY);
    run("explain", "GET", "/containers/mine/logs?stdout=1", "--policy", policy, "--owned",
        ID_OWN ":mine", "--engine", "1.41", NULL);
    assert_said(0,
                of_policy(policy, "decision   forward\n"
                                  "operation  ContainerLogs\n"
                                  "grant      own (%s:3)\n"
                                  "container  " ID_OWN "\n"
                                  "request\n"
                                  "GET /v1.41/containers/" ID_OWN "/logs?stdout=1 HTTP/1.1\n"
                                  "Host: docker\n"
                                  "User-Agent: caisson\n"
                                  "\n"),
                "");
    run("explain", "POST", "/v1.44/containers/create", "--policy", policy, "--body",
        text_file("{\"Image\":\"busybox:1\"}"), "--nonce", "00000000000000ff", "--json", NULL);
    assert_int_equal(said.code, 0);
    assert_non_null(strstr(said.out, "\"name\":\"caisson-00000000000000ff\",\"method\":\"POST\","
                                     "\"target\":\"/v1.44/containers/create?name="
                                     "caisson-00000000000000ff\",\"body\":{\"Image\":"));
    run("explain", "HEAD", "/_ping", "--policy", policy, "--json", NULL);
    assert_int_equal(said.code, 0);
    assert_non_null(
        strstr(said.out, "{\"decision\":\"answer\",\"reason\":\"none\",\"status\":null"));
}

/* The row that decided, be it the file's or built in, of a body, a query, and a name of an image.
 */
static void explain_rows(void **state)
{
    (void) state;
    static const char rules[] = "[allow]\nContainerCreate = yes\nContainerLogs = any\n"
                                "ImageInspect = yes\n[create]\nImage = one-of busybox:*\n"
                                "HostConfig.Memory = max 256MiB\n"
                                "[query]\nContainerLogs.follow = forbid\n";
    static const struct {
        const char *method, *target, *body, *said;
    } expected[] = {
        {"POST", "/containers/create", "{\"Image\":\"a\"}",
         "field      Image\nrule       one-of busybox:* (%s:6)\n"},
        {"POST", "/containers/create",
         "{\"Image\":\"busybox:1\",\"HostConfig\":{\"Memory\":1000000000}}",
         "grant      yes (%s:2)\nreason     field-refused (403)\nfield      HostConfig.Memory\n"},
        {"POST", "/containers/create",
         "{\"Image\":\"busybox:1\",\"HostConfig\":{\"Memory\":1000000000}}",
         "rule       max 256MiB (%s:7)\nmessage    "},
        {"GET", "/containers/x/logs?follow=1", "",
         "field      ContainerLogs.follow\nrule       forbid (%s:9)\n"},
        {"POST", "/containers/x/start", "",
         "grant      no (built in)\nreason     operation-not-allowed (403)\n"
         "field      ContainerStart\nmessage    ContainerStart is not allowed by %s"},
        {"GET", "/images/busybox/json", "",
         "grant      yes (%s:4)\nreason     field-refused (403)\nfield      Show\n"
         "rule       forbid (built in)\n"},
    };
    const char *policy = text_file(rules);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        const char *body = expected[i].body[0] ? text_file(expected[i].body) : NULL;
        run("explain", expected[i].method, expected[i].target, "--policy", policy,
            body ? "--body" : NULL, body, NULL);
        assert_int_equal(said.code, 1);
        assert_has(of_policy(policy, expected[i].said));
    }
}

static void explain_of_broken_input(void **state)
{
    (void) state;
    const char *policy = text_file(POLICY);
    run("explain", "GET", "/info", "--policy", "/nonexistent.ini", NULL);
    assert_said(2, "", "/nonexistent.ini: cannot open it");
    run("explain", "GET", "/containers/x/logs", "--policy", policy, "--owned", "abc", NULL);
    assert_said(2, "", "--owned abc: write 64 lower-case hex digits, and :NAME if it has one");
    run("explain", "POST", "/containers/create", "--policy", policy, "--body", "/nonexistent",
        NULL);
    assert_said(2, "", "/nonexistent: cannot open it");
}

static void listings(void **state)
{
    (void) state;
    run("operations", NULL);
    assert_int_equal(said.code, 0);
    assert_non_null(strstr(said.out, "ContainerLogs             own any GET    "
                                     "/containers/{id}/logs\n"));
    assert_non_null(strstr(said.out, "?follow: true or false\n"));
    run("operations", "--json", NULL);
    assert_int_equal(said.code, 0);
    assert_memory_equal(said.out, "[{\"operation\":", 14);
    assert_non_null(
        strstr(said.out, "{\"name\":\"follow\",\"accepts\":\"true or false\",\"since\":0,"));
    run("fields", NULL);
    assert_int_equal(said.code, 0);
    assert_non_null(
        strstr(said.out, "\nHostConfig.Privileged\n    bool\n    forbid  (built in)\n"));
    run("fields", "--json", "--policy", text_file(POLICY), NULL);
    assert_int_equal(said.code, 0);
    assert_memory_equal(said.out, "[{\"section\":\"create\",\"field\":", 29);
    assert_non_null(strstr(said.out, "\"rule\":\"one-of busybox:*\",\"origin\":\""));
    assert_string_equal(said.out + strlen(said.out) - 3, "}]\n");
    run("fields", "--policy", "/nonexistent.ini", NULL);
    assert_said(2, "", "/nonexistent.ini: cannot open it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check),
        cmocka_unit_test(check_of_broken_files),
        cmocka_unit_test(check_verdict),
        cmocka_unit_test(usage),
        cmocka_unit_test(help),
        cmocka_unit_test(explain_refusals),
        cmocka_unit_test(explain_rows),
        cmocka_unit_test(explain_what_is_sent),
        cmocka_unit_test(explain_of_broken_input),
        cmocka_unit_test(listings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
