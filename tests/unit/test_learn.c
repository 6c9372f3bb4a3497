/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn: what audit lines become, and that nothing of theirs reaches the policy unjudged.
 */
#include "../lib/said.h"

#include "operation.h"

#define AT(second)     "{\"time\":\"2026-01-02T03:04:" second ".678901Z\","
#define OP(id)         "\"operation\":\"" id "\","
#define FORWARDED      "\"container\":\"aaaa\",\"decision\":\"forward\",\"reason\":\"none\"}\n"
#define DENIED(reason) "\"decision\":\"deny\",\"reason\":\"" reason "\"}\n"
#define HELD(field)    "\"field\":\"" field "\"," DENIED("field-refused")

/* Learns from a log; what comes out must be a policy. */
static void learn(const char *log)
{
    run_for_policy("learn", log);
}

static void operations(void **state)
{
    (void) state;
    learn(AT("09") OP("ContainerStart") FORWARDED /* the later line first */
              AT("05") OP("ContainerStart") FORWARDED AT("07") OP("ContainerStop") DENIED(
                  "operation-not-allowed") AT("07") OP("SystemVersion") DENIED("operation-not-"
                                                                               "allowed") AT("07")
                  OP("ExecStart") FORWARDED AT("07") OP("ContainerList") FORWARDED AT("08")
                      OP("ContainerList") DENIED("operation-not-allowed") AT("07")
                          OP("ContainerKill") "\"container\":\"aaaa\",\"decision\":\"forward\","
                                              "\"reason\":\"engine-down\"}\n" AT("07")
                                                  OP("SystemPing") "\"decision\":\"answer\","
                                                                   "\"reason\":\"none\"}\n");
    assert_has("\nContainerStart = own    ; allowed 2, 2026-01-02T03:04:05Z to "
               "2026-01-02T03:04:09Z\n");
    assert_has("\nContainerStop = own    ; refused 1, 2026-01-02T03:04:07Z\n");
    assert_has("\nSystemVersion = yes    ; refused 1");
    assert_has("\nExecStart = own    ; allowed 1");
    assert_has("\nContainerList = own    ; allowed 1, refused 1, ");
    assert_has("\nContainerKill = own    ; allowed 1");
    assert_lacks("SystemPing");
    assert_lacks("ContainerDelete");
    assert_lacks("[create]");
    assert_lacks("[exec]");
    assert_string_equal(said.err, "");
}

/* Each row gives a line that check accepts, or a comment with the row's reason. */
static void every_operation(void **state)
{
    (void) state;
    static char log[64 << 10], line[128];
    size_t bytes = 0;
    for (int i = 0; i < OPERATION_COUNT; i++)
        bytes += (size_t) snprintf(log + bytes, sizeof(log) - bytes,
                                   AT("05") "\"operation\":\"%s\"," DENIED("operation-not-allowed"),
                                   operation_get((enum operation_id) i)->id);
    learn(log);
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        snprintf(line, sizeof(line), "\n%s%s = ", op->grants ? "" : "; ", op->id);
        assert_has(line);
        if (!op->grants)
            assert_has(op->why);
    }
    assert_lacks(" = any");
}

static void fields(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") "\"image\":\"busybox\"," FORWARDED AT("05")
              OP("ContainerCreate") "\"image\":\"busybox:latest\"," FORWARDED AT("05")
                  OP("ContainerCreate") "\"image\":\"a.example/b:1\"," FORWARDED AT("06")
                      OP("ContainerCreate") "\"image\":\"other:2\"," HELD("Image") AT("07")
                          OP("ContainerCreate") "\"image\":\"busybox\"," HELD("HostConfig.Binds")
                              AT("08") OP("ContainerCreate") "\"image\":\"busybox\"," HELD(
                                  "HostConfig.Binds") AT("08") OP("ContainerExec")
                                  HELD("Privileged"));
    assert_has("\nContainerCreate = yes    ; allowed 3, refused 1, ");
    assert_has("\nImage = one-of busybox:latest a.example/b:1 other:2\n");
    assert_has("; Image busybox:latest: allowed 2, refused 2, ");
    assert_has("\n; HostConfig.Binds = allow    ; refused 2, 2026-01-02T03:04:07Z to "
               "2026-01-02T03:04:08Z; ");
    assert_has("\n; ContainerExec = own    ; refused 1");
    assert_has("\n[exec]\n; Privileged = allow    ; refused 1");
    assert_lacks("; Image = allow");
}

static void create_without_an_image(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") DENIED("operation-not-allowed"));
    assert_has("\nContainerCreate = yes    ; refused 1");
    assert_has("\n; Image = one-of ...    ; the log names none");
    learn(AT("05") OP("ContainerCreate") HELD("HostConfig.Privileged"));
    assert_has("\n; ContainerCreate = yes    ; refused 1");
    assert_has("\n; HostConfig.Privileged = allow");
}

static void other_refusals(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerStart") FORWARDED AT("05") OP("ContainerStart") DENIED("not-owned")
              AT("05") OP("ContainerLogs") DENIED("not-owned")
                  AT("05") "\"method\":\"GET\"," DENIED("operation-unknown") AT("05")
                      OP("ExecStart") HELD("Tty"));
    assert_has("\nContainerStart = own    ; allowed 1, 2026");
    assert_lacks("ContainerLogs");
    assert_has("\n; ExecStart = own    ; refused 1");
    assert_has("\n; Tty = allow    ; refused 1");
    assert_has("names: operation-unknown 1, not-owned 2\n");
}

/* What a client can write into a log does not become a line of a policy. */
static void hostile_texts(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") "\"image\":\"busybox\"," FORWARDED AT("05")
              OP("ContainerCreate") "\"image\":\"a\\n[allow]\\nx = y\"," FORWARDED AT("05")
                  OP("ContainerCreate") "\"image\":\"*\"," FORWARDED AT("05")
                      OP("ContainerCreate") "\"image\":\"a !b\"," FORWARDED AT("05")
                          OP("ContainerCreate") "\"image\":\"a,allow\"," FORWARDED AT("05")
                              OP("ContainerCreate") HELD("x\\nContainerKill = any") AT("05")
                                  OP("ContainerStart") "\"target\":\"/\\u0000\\nContainerKill = "
                                                       "any\"," FORWARDED);
    assert_has("\nImage = one-of busybox:latest\n");
    assert_has("\nContainerStart = own");
    assert_lacks("ContainerKill");
    assert_non_null(strstr(said.err, ":2: 'image' is no name of an image"));
    assert_non_null(strstr(said.err, "4 lines could not be used"));
}

static void odd_lines(void **state)
{
    (void) state;
    learn("caisson: info: a line of the log\n\n" AT("05") OP("ContainerFly") FORWARDED
          "{\"time\":\"yesterday\"," OP("ContainerKill") FORWARDED
          "{\"time\":\"2026\"," OP("ContainerKill") FORWARDED AT(
              "05") "\"operation\":7}\n[1]\n{\"a\":1,\"a\":1}\n" AT("06") "\"lost\":12}\n" AT("05")
              OP("ContainerStart") "\"container\":\"aaaa\",\"decision\":\"forward\",\"reason\":"
                                   "\"none\"}"); /* no end */
    assert_has("\nContainerStart = own");
    assert_lacks("ContainerKill");
    assert_lacks("ContainerFly");
    for (const char *const *part =
             (const char *const[]){":1: this is no", ":3: an operation that", ":4: this is no",
                                   ":5: this is no", ":6: this is no", ":7: this is no",
                                   ":8: this is no", "7 lines could not be used",
                                   "12 lines were lost", NULL};
         *part; part++)
        if (!strstr(said.err, *part))
            fail_msg("'%s' is not in\n%s", *part, said.err);
    assert_null(strstr(said.err, ":2: "));
}

static void several_files(void **state)
{
    (void) state;
    run("learn", text_file(AT("05") OP("ContainerStart") FORWARDED),
        text_file(AT("06") OP("ContainerStart") FORWARDED AT("06") OP("ContainerStop") FORWARDED),
        NULL);
    assert_int_equal(said.code, 0);
    assert_has("\nContainerStart = own    ; allowed 2, ");
    assert_has("\nContainerStop = own    ; allowed 1, ");
}

/* More names than are told apart, and more images than a line of a policy may hold. */
static void many_names(void **state)
{
    (void) state;
    static char log[512 << 10];
    size_t bytes = 0;
    for (int i = 0; i < 1100; i++)
        bytes +=
            (size_t) snprintf(log + bytes, sizeof(log) - bytes,
                              AT("05") OP("ContainerCreate") "\"image\":\"image%d\"," FORWARDED, i);
    learn(log);
    assert_has("\nImage = one-of image0:latest image1:latest ");
    assert_has("; Image image1023:latest: allowed 1");
    assert_lacks("image1024:");
    assert_has("images have no room in this line");
    assert_non_null(strstr(said.err, "too many different names"));
    assert_non_null(strstr(said.err, "76 lines could not be used"));
}

static void nothing_read(void **state)
{
    (void) state;
    run("learn", text_file("hello\n"), NULL);
    assert_said(2, "", "no line of an audit log was read");
    run("learn", text_file(""), NULL);
    assert_said(2, "", "no line of an audit log was read");
    run("learn", "/nonexistent.log", NULL);
    assert_said(2, "", "/nonexistent.log: cannot open it: No such file or directory");
    run("learn", "/", NULL);
    assert_said(2, "", "/: cannot read it: Is a directory");
    run("learn", NULL);
    assert_said(2, "", "usage: ");
    run("learn", "--all", NULL);
    assert_said(2, "", "usage: ");
}

#define OBSERVED(reason) "\"decision\":\"observe\",\"reason\":\"" reason "\"}\n"
#define ASKED(members)   "\"asked\":{" members "},"
#define MADE             "\"container\":\"aaaa\","

/* Its own, what is nobody's here, what is not there at all; and lists, which follow from that. */
static void whose_it_was(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") MADE OBSERVED("none") AT("05") OP("ContainerStart")
              MADE OBSERVED("operation-not-allowed") AT("05")
                  OP("ContainerInspect") "\"status\":404," OBSERVED("not-owned") AT("05")
                      OP("ContainerList") OBSERVED("operation-not-allowed"));
    assert_has("\nContainerStart = own    ; allowed 1");
    assert_has("\nContainerInspect = own    ; allowed 1");
    assert_has("\nContainerList = own    ; allowed 1");
    learn(AT("05") OP("ContainerCreate") MADE OBSERVED("none") AT("05")
              OP("ContainerInspect") "\"status\":200," OBSERVED("not-owned") AT("05")
                  OP("ContainerList") OBSERVED("none"));
    assert_has("\nContainerInspect = any    ; allowed 1, 2026-01-02T03:04:05Z; 1 of them with what "
               "was not made here; ");
    assert_has("\nContainerList = any    ; ");
    learn(AT("05") OP("ContainerList") OBSERVED("none"));
    assert_has("\nContainerList = any    ; ");
}

static void rules_of_values(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") MADE "\"image\":\"busybox\"," ASKED(
        "\"HostConfig.Memory\":268435456,\"HostConfig.Privileged\":true,\"HostConfig.NetworkMode\":"
        "\"bridge\",\"HostConfig.PidMode\":\"host\",\"HostConfig.CapAdd\":[\"NET_ADMIN\",\"CHOWN\"]"
        ","
        "\"Env\":[\"A\",\"LD_X\"],\"HostConfig.Mounts[].Source\":[\"/a "
        "b\",\"v\"],\"StopTimeout\":90") OBSERVED("field-refused") AT("06") OP("ContainerCreate")
              MADE ASKED(
                  "\"HostConfig.Memory\":1024,\"HostConfig.CapAdd\":[\"CHOWN\"],\"User\":\"0:0\","
                  "\"HostConfig.NetworkMode\":\"container:x\"") OBSERVED("none"));
    assert_has("\nHostConfig.Memory = max 256MiB, default 100MiB    ; allowed 2, ");
    assert_has("\nHostConfig.Privileged = allow    ; allowed 1, ");
    assert_has("\nHostConfig.NetworkMode = one-of none bridge container:*, default none    ; ");
    assert_has("\nHostConfig.PidMode = one-of \"\" host    ; ");
    assert_has("\nHostConfig.CapAdd = one-of NET_ADMIN CHOWN    ; ");
    assert_has("\nUser = one-of 65534:65534 0:0    ; ");
    assert_has("\nEnv = one-of A LD_X, max 4096    ; ");
    assert_has("\nHostConfig.Mounts[].Source = one-of \"\" \"/a b\" v    ; ");
    assert_has("\nStopTimeout = max 90, default 10    ; ");
}

/* What the built-in rules let pass, or no rule could, gives no rule. */
static void rules_that_are_none(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") MADE "\"image\":\"busybox\"," ASKED(
        "\"HostConfig.Memory\":1048576,\"Env\":[\"A\"],\"HostConfig.IpcMode\":\"none\",\"User\":"
        "\"root\","
        "\"HostConfig.MemorySwap\":-1,\"HostConfig.UTSMode\":\"a\\nb ; c\",\"cut\":3")
              OBSERVED("field-refused"));
    assert_lacks("\nHostConfig.Memory =");
    assert_lacks("\nEnv =");
    assert_lacks("IpcMode");
    assert_lacks("MemorySwap");
    assert_has(
        "\n; User: allowed 1, 2026-01-02T03:04:05Z; 1 of its values cannot be written here; no "
        "rule can let it pass as it was written\n");
    assert_has("\n; HostConfig.UTSMode: allowed 1");
    assert_non_null(strstr(said.err, "3 values had no room in the log"));
}

/* A log is written by clients, too. */
static void hostile_values(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") MADE ASKED(
        "\"HostConfig.PidMode\":[\"x, allow\",\"y\\n[allow]\",\"\\u001b[2J\",{\"a\":1},null,false],"
        "\"x\\n[allow]\\nContainerKill = any\":true,\"HostConfig.Binds\":[\"/a:/b ; "
        "x\",\"/:/x\\u00ff\"],"
        "\"HostConfig.Memory\":\"max\",\"HostConfig.Devices[].PathOnHost\":[\"/dev/a, allow\"]")
              OBSERVED("none"));
    assert_lacks("ContainerKill");
    assert_lacks("[2J");
    assert_lacks("[allow]\n\n");
    assert_lacks("/a:/b ;");
    assert_has("\n; HostConfig.PidMode: ");
    assert_has("\n; HostConfig.Memory: ");
    assert_has("\nHostConfig.Devices[].PathOnHost = one-of \"\" \"/dev/a, allow\"    ; ");
}

static void refused_values_are_learnt(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") "\"image\":\"busybox\"," ASKED(
        "\"HostConfig.Binds\":[\"/a:/b\"],\"HostConfig.Privileged\":true")
              HELD("HostConfig.Binds"));
    assert_has("\nContainerCreate = yes    ; refused 1");
    assert_has("\nHostConfig.Binds = one-of /a:/b    ; refused 1, ");
    assert_has("\nHostConfig.Privileged = allow    ; refused 1, ");
}

static void versions_and_queries(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerTop") MADE
          "\"target\":\"/v1.30/containers/x/top?ps_args=-e+f\"," OBSERVED("api-too-old") AT("05")
              OP("ContainerInspect") MADE
          "\"target\":\"/v1.41/containers/x/json?size=1\"," OBSERVED("field-refused") AT("05")
              OP("ContainerList") MADE "\"target\":\"/containers/json?size=0\"," OBSERVED("none"));
    assert_has("\n[proxy]\napi-floor = 1.30    ; ");
    assert_has("\n[query]\n");
    assert_has("\nContainerTop.ps_args = one-of \"\" \"-e f\"    ; allowed 1");
    assert_has("\nContainerInspect.size = allow    ; allowed 1");
    assert_lacks("ContainerList.size");
}

/* Lines that others need, and comments on what containers will have from now on. */
static void what_goes_with_it(void **state)
{
    (void) state;
    learn(AT("05") OP("ContainerCreate") MADE ASKED(
        "\"HostConfig.CpuQuota\":50000,\"HostConfig.Memory\":1024") OBSERVED("field-refused"));
    assert_has("\nHostConfig.CpuQuota = max 50000    ; ");
    assert_has("\nHostConfig.NanoCpus = force 0    ; ");
    assert_has("\n; User = one-of \"\"    ; else force 65534:65534\n");
    assert_has("\n; HostConfig.ReadonlyRootfs = allow    ; else force true\n");
    assert_lacks("; HostConfig.Memory = allow");
    learn(AT("05") OP("ContainerCreate") FORWARDED AT("05") OP("PutContainerArchive") FORWARDED);
    assert_has("\nHostConfig.ReadonlyRootfs = allow    ; PutContainerArchive writes files there\n");
    assert_lacks("; User ="); /* it had what a policy gave it */
    assert_lacks("NanoCpus");
}

/* What is unjudged has the Engine's network; a policy's none would be joined to no other. */
static void networks_are_joined(void **state)
{
    (void) state;
    static const char tie[] = "\nHostConfig.NetworkMode = one-of \"\"    ; NetworkConnect";
    static const char comment[] = "\n; HostConfig.NetworkMode = one-of \"\"    ; else ";
    learn(AT("05") OP("ContainerCreate") MADE OBSERVED("none") AT("05") OP("NetworkConnect")
              MADE OBSERVED("none"));
    assert_has(tie);
    assert_lacks(comment);
    run("check", text_file(said.out), NULL);
    assert_int_equal(said.code, 0);
    learn(AT("05") OP("ContainerCreate") MADE OBSERVED("none"));
    assert_lacks(tie);
    assert_has(comment);
    learn(AT("05") OP("ContainerCreate") MADE ASKED("\"HostConfig.NetworkMode\":\"bridge\"")
              OBSERVED("none") AT("05") OP("NetworkConnect") MADE OBSERVED("none"));
    assert_lacks(tie);
    assert_has("\nHostConfig.NetworkMode = one-of none bridge, default none");
    learn(AT("05") OP("ContainerCreate") FORWARDED AT("05") OP("NetworkConnect") FORWARDED);
    assert_lacks("NetworkMode");
}

/* Who copies the labels that an inspect shows will copy that of ownership. */
static void labels_are_copied(void **state)
{
    (void) state;
#define LABELLED MADE ASKED("\"Labels\":[\"com.docker.x\"]") OBSERVED("none")
    learn(AT("05") OP("ContainerCreate") LABELLED AT("05") OP("ContainerInspect")
              MADE OBSERVED("none"));
    assert_has("\nLabels = one-of com.docker.x io.caisson.owner, max 64    ; ");
    learn(AT("05") OP("ContainerCreate") LABELLED);
    assert_has("\nLabels = one-of com.docker.x, max 64    ; ");
#undef LABELLED
}

/* Under --as-it-ran the comments are lines, and check takes them. */
static void as_it_ran(void **state)
{
    (void) state;
    const char *log =
        text_file(AT("05") OP("ContainerCreate") MADE "\"image\":\"busybox\"," OBSERVED("none")
                      AT("05") OP("ContainerExec") MADE OBSERVED("none"));
    run("learn", "--as-it-ran", log, NULL);
    assert_int_equal(said.code, 0);
    assert_has("\nUser = one-of \"\"    ; else force 65534:65534\n");
    assert_has("\nHostConfig.CapDrop = allow, max 0    ; else force ALL\n");
    assert_has("\n[exec]\n");
    assert_lacks("; User =");
    run("check", text_file(said.out), NULL);
    assert_int_equal(said.code, 0);
}

static void images(void **state)
{
    (void) state;
    learn(AT("05") OP("ImageCreate") ASKED("\"Pull\":\"alpine:3\"") OBSERVED("none") AT("05")
              OP("ImageTag") ASKED("\"Show\":true,\"Tag\":\"mine:1\"") OBSERVED("none"));
    assert_has("\n[image]\nPull = one-of alpine:3    ; ");
    assert_has("\nShow = allow    ; ");
    assert_has("\nTag = one-of mine:1    ; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations),
        cmocka_unit_test(every_operation),
        cmocka_unit_test(fields),
        cmocka_unit_test(create_without_an_image),
        cmocka_unit_test(other_refusals),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test(odd_lines),
        cmocka_unit_test(several_files),
        cmocka_unit_test(whose_it_was),
        cmocka_unit_test(rules_of_values),
        cmocka_unit_test(rules_that_are_none),
        cmocka_unit_test(hostile_values),
        cmocka_unit_test(refused_values_are_learnt),
        cmocka_unit_test(versions_and_queries),
        cmocka_unit_test(what_goes_with_it),
        cmocka_unit_test(networks_are_joined),
        cmocka_unit_test(labels_are_copied),
        cmocka_unit_test(as_it_ran),
        cmocka_unit_test(images),
        cmocka_unit_test(many_names),
        cmocka_unit_test(nothing_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
