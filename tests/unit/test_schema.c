/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole bodies: what real clients send, what is always sent, how fields are judged against each
 * other, how keys are refused, and that a hostile body costs little.  Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "err.h"
#include "field.h"
#include "json.h"
#include "operation.h"
#include "reason.h"
#include "schema.h"

static const struct schema_context context = {.api_minor = 41,
                                              .depth = 16,
                                              .file = "evaluator.ini",
                                              .label_key = "io.caisson.owner",
                                              .label_value = "me"};

/* What is sent for {"Image":"x"} under the built-in rules; Must be whole: each limit is here. */
static const char bare[] =
    "{\"Image\":\"x:latest\",\"User\":\"65534:65534\",\"Labels\":{\"io.caisson.owner\":\"me\"},"
    "\"StopTimeout\":10,\"HostConfig\":{\"CapDrop\":[\"ALL\"],\"SecurityOpt\":[\"no-new-"
    "privileges\"],"
    "\"ReadonlyRootfs\":true,\"IpcMode\":\"private\",\"CgroupnsMode\":\"private\","
    "\"RestartPolicy\":{\"Name\":\"no\"},\"LogConfig\":{\"Type\":\"local\",\"Config\":{\"max-"
    "size\":\"10m\","
    "\"max-file\":\"1\",\"compress\":\"false\"}},\"NetworkMode\":\"none\",\"Memory\":104857600,"
    "\"MemorySwap\":104857600,\"NanoCpus\":500000000,\"PidsLimit\":64,\"ShmSize\":67108864},"
    "\"NetworkingConfig\":{\"EndpointsConfig\":{}}}";

/* Rules are "PATH = TEXT", ended by NULL. */
static struct schema *schema_with(const char *const *rules)
{
    struct schema *schema = schema_new(BODY_CREATE);
    struct err err = {{0}};
    char path[160];
    assert_non_null(schema);
    assert_int_equal(schema_set_rule(schema, "Image", "one-of x python:3.11-slim", NULL, &err), 0);
    for (; *rules; rules++) {
        const char *text = strstr(*rules, " = ");
        snprintf(path, sizeof(path), "%.*s", (int) (text - *rules), *rules);
        if (schema_set_rule(schema, path, text + 3, "evaluator.ini:9", &err) < 0)
            fail_msg("%s: %s", *rules, err.text);
    }
    return schema;
}

static const char *const no_rules[] = {NULL};

static struct schema_verdict judge(const struct schema *schema, const char *body)
{
    struct schema_verdict verdict = {0};
    schema_judge(schema, &context, body, strlen(body), &verdict);
    return verdict;
}

static void expect_sent(const char *const *rules, const char *body, const char *want,
                        const char *warnings)
{
    struct schema *schema = schema_with(rules);
    struct schema_verdict verdict = judge(schema, body);
    if (verdict.reason != REASON_NONE)
        fail_msg("%s: %s", body, verdict.message);
    assert_string_equal(verdict.body, want);
    assert_int_equal(verdict.body_bytes, strlen(want));
    if (warnings)
        assert_string_equal(verdict.warnings, warnings);
    else
        assert_null(verdict.warnings);
    schema_verdict_done(&verdict);
    schema_free(schema);
}

static void expect_refused(const char *const *rules, const char *body, int reason,
                           const char *field, const char *message)
{
    struct schema *schema = schema_with(rules);
    struct schema_verdict verdict = judge(schema, body);
    if (verdict.reason != reason || strcmp(verdict.field, field) != 0 ||
        strcmp(verdict.message, message) != 0)
        fail_msg("%s:\n%d %s %s", body, verdict.reason, verdict.field,
                 verdict.body ? verdict.body : verdict.message);
    assert_null(verdict.body);
    schema_verdict_done(&verdict);
    schema_free(schema);
}

static void test_bare(void **state)
{
    static const char *const bodies[] = {
        "{\"Image\":\"x\"}",
        "{\"HostConfig\":{},\"NetworkingConfig\":{},\"Image\":\"x\"}",
        "{\"HostConfig\":null,\"NetworkingConfig\":{\"EndpointsConfig\":null},\"Image\":\"docker."
        "io/x\"}",
        "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":{}}},\"Image\":\"x\"}",
        "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":{\"Links\":[]}}},\"Image\":\"x\","
        "\"HostConfig\":{\"NetworkMode\":\"\"}}",
    };
    (void) state;
    for (size_t i = 0; i < 4; i++)
        expect_sent(no_rules, bodies[i], bare, NULL);
    expect_refused(
        no_rules, bodies[4], REASON_FIELD_REFUSED, "NetworkingConfig.EndpointsConfig",
        "NetworkingConfig.EndpointsConfig: 'bridge' is not the network of HostConfig.NetworkMode, "
        "'none'");
}

/* No image is a good default. */
static void test_no_image(void **state)
{
    struct schema *schema = schema_new(BODY_CREATE);
    static const char *const bodies[] = {"{}", "{\"Image\":\"x\"}", "{\"Image\":\"\"}",
                                         "{\"Image\":null}"};
    (void) state;
    for (size_t i = 0; i < 4; i++) {
        struct schema_verdict verdict = judge(schema, bodies[i]);
        assert_int_equal(verdict.reason, REASON_FIELD_REFUSED);
        assert_string_equal(verdict.field, "Image");
        assert_string_equal(verdict.message,
                            "Image: evaluator.ini allows none; write 'Image = one-of NAME...' "
                            "under [create]");
        schema_verdict_done(&verdict);
    }
    schema_free(schema);
}

/* Every key of a real client's body, at its neutral value. */
static void test_client(void **state)
{
    static const char body[] =
        "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
        "\"AttachStdout\":false,"
        "\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,"
        "\"Cmd\":null,\"Image\":\"x\",\"Volumes\":{},\"WorkingDir\":\"\",\"Entrypoint\":null,"
        "\"OnBuild\":null,\"Labels\":{},\"HostConfig\":{\"Binds\":null,\"ContainerIDFile\":\"\","
        "\"LogConfig\":{\"Type\":\"\",\"Config\":{}},\"NetworkMode\":\"default\",\"PortBindings\":{"
        "},"
        "\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"AutoRemove\":false,"
        "\"VolumeDriver\":\"\",\"VolumesFrom\":null,\"ConsoleSize\":[0,0],\"CapAdd\":null,"
        "\"CapDrop\":null,\"CgroupnsMode\":\"\",\"Dns\":[],\"DnsOptions\":[],\"DnsSearch\":[],"
        "\"ExtraHosts\":null,\"GroupAdd\":null,\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":null,"
        "\"OomScoreAdj\":0,\"PidMode\":\"\",\"Privileged\":false,\"PublishAllPorts\":false,"
        "\"ReadonlyRootfs\":false,\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\","
        "\"ShmSize\":0,"
        "\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,\"CgroupParent\":\"\","
        "\"BlkioWeight\":0,\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],"
        "\"BlkioDeviceWriteBps\":[],"
        "\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,\"CpuQuota\":0,"
        "\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\","
        "\"Devices\":[],\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,"
        "\"MemorySwap\":0,\"MemorySwappiness\":-1,\"OomKillDisable\":false,\"PidsLimit\":0,"
        "\"Ulimits\":[],"
        "\"CpuCount\":0,\"CpuPercent\":0,\"IOMaximumIOps\":0,\"IOMaximumBandwidth\":0,"
        "\"MaskedPaths\":null,\"ReadonlyPaths\":null},\"NetworkingConfig\":{\"EndpointsConfig\":"
        "{\"default\":{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\","
        "\"DriverOpts\":null,\"GwPriority\":0,\"NetworkID\":\"\",\"EndpointID\":\"\",\"Gateway\":"
        "\"\","
        "\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\",\"GlobalIPv6Address\":\"\","
        "\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}}}}";
    (void) state;
    expect_sent(no_rules, body, bare, NULL);
}

/* The evaluator's own body under the [create] section that is shipped for it. */
static int take_line(void *schema, const char *section, const char *key, const char *value,
                     unsigned line, struct err *err)
{
    char origin[64];
    snprintf(origin, sizeof(origin), "evaluator.ini:%u", line);
    return key && strcmp(section, "create") == 0 ? schema_set_rule(schema, key, value, origin, err)
                                                 : 0;
}

static void test_evaluator(void **state)
{
    static const char body[] =
        "{\"Image\":\"python:3.11-slim\",\"Entrypoint\":null,\"Cmd\":[\"sh\",\"-c\",\"i=0;while "
        ":\",\"sh\"],"
        "\"Env\":[\"N=0f\",\"D0=aaaa\",\"D1=bb==\"],\"User\":\"65534:65534\",\"WorkingDir\":\"/\","
        "\"NetworkDisabled\":true,\"Tty\":false,\"OpenStdin\":false,\"AttachStdin\":false,"
        "\"Labels\":{\"evaluator.instance\":\"a\",\"evaluator.run\":\"he-17-3\"},\"HostConfig\":{"
        "\"NetworkMode\":\"none\",\"ReadonlyRootfs\":true,\"CapDrop\":[\"ALL\"],"
        "\"SecurityOpt\":[\"no-new-privileges\"],\"Privileged\":false,\"IpcMode\":\"none\","
        "\"Init\":false,"
        "\"Memory\":104857600,\"MemorySwap\":104857600,\"NanoCpus\":500000000,\"PidsLimit\":64,"
        "\"AutoRemove\":false,\"RestartPolicy\":{\"Name\":\"no\"},\"Ulimits\":[{\"Name\":\"core\","
        "\"Soft\":0,"
        "\"Hard\":0},{\"Name\":\"nofile\",\"Soft\":64,\"Hard\":64},{\"Name\":\"fsize\",\"Soft\":"
        "16777216,"
        "\"Hard\":16777216}],\"Tmpfs\":{\"/"
        "code\":\"rw,nosuid,nodev,noexec,size=16m,nr_inodes=4k,mode=1777\","
        "\"/"
        "tmp\":\"rw,nosuid,nodev,noexec,size=16m,nr_inodes=4k,mode=1777\"},\"LogConfig\":{\"Type\":"
        "\"local\",\"Config\":{\"max-size\":\"10m\",\"max-file\":\"1\",\"compress\":\"false\"}}}}";
    static const char want[] =
        "{\"Image\":\"python:3.11-slim\",\"User\":\"65534:65534\",\"Cmd\":[\"sh\",\"-c\",\"i=0;"
        "while :\",\"sh\"],"
        "\"Env\":[\"N=0f\",\"D0=aaaa\",\"D1=bb==\"],\"WorkingDir\":\"/\",\"Labels\":{"
        "\"evaluator.instance\":\"a\",\"evaluator.run\":\"he-17-3\",\"io.caisson.owner\":\"me\"},"
        "\"StopTimeout\":10,\"NetworkDisabled\":true,\"HostConfig\":{\"CapDrop\":[\"ALL\"],"
        "\"SecurityOpt\":[\"no-new-privileges\"],\"ReadonlyRootfs\":true,\"IpcMode\":\"none\","
        "\"CgroupnsMode\":\"private\",\"RestartPolicy\":{\"Name\":\"no\"},\"Tmpfs\":{"
        "\"/code\":\"rw,nosuid,nodev,noexec,size=16777216,nr_inodes=4096,mode=1777\","
        "\"/tmp\":\"rw,nosuid,nodev,noexec,size=16777216,nr_inodes=4096,mode=1777\"},"
        "\"LogConfig\":{\"Type\":\"local\",\"Config\":{\"max-size\":\"10m\",\"max-file\":\"1\","
        "\"compress\":\"false\"}},\"NetworkMode\":\"none\",\"Memory\":104857600,\"MemorySwap\":"
        "104857600,"
        "\"NanoCpus\":500000000,\"PidsLimit\":64,\"Ulimits\":[{\"Name\":\"core\"},{\"Name\":"
        "\"nofile\","
        "\"Soft\":64,\"Hard\":64},{\"Name\":\"fsize\",\"Soft\":16777216,\"Hard\":16777216}],"
        "\"ShmSize\":67108864},\"NetworkingConfig\":{\"EndpointsConfig\":{}}}";
    struct schema *schema = schema_new(BODY_CREATE);
    struct err err = {{0}};
    (void) state;
    if (config_read("policy/evaluator.ini", take_line, schema, NULL, &err) < 0)
        fail_msg("%s", err.text);
    struct schema_verdict verdict = judge(schema, body);
    if (verdict.reason != REASON_NONE)
        fail_msg("%s", verdict.message);
    assert_string_equal(verdict.body, want);
    assert_null(verdict.warnings);
    schema_verdict_done(&verdict);
    schema_free(schema);
}

static void test_keys(void **state)
{
    static const struct {
        const char *body;
        int reason;
        const char *field, *message;
    } cases[] = {
        {"{\"Image\":\"x\",\"hostconfig\":{}}", REASON_FIELD_UNKNOWN, "hostconfig",
         "hostconfig must be spelt HostConfig"},
        {"{\"Ho\\u017ftConfig\":{},\"Image\":\"x\"}", REASON_FIELD_UNKNOWN, "Ho\\u017ftConfig",
         "Ho\\u017ftConfig must be spelt HostConfig"},
        {"{\"Image\":\"x\",\"HostConfig\":{\"Networ\\u212aMode\":\"host\"}}", REASON_FIELD_UNKNOWN,
         "HostConfig.Networ\\u212aMode",
         "HostConfig.Networ\\u212aMode must be spelt HostConfig.NetworkMode"},
        {"{\"Image\":\"x\",\"HostConfig\":{},\"HOSTCONFIG\":{}}", REASON_BODY_MALFORMED,
         "HOSTCONFIG", "HOSTCONFIG appears twice: the Engine reads it as HostConfig, too"},
        {"{\"Image\":\"x\",\"Image\":\"x\"}", REASON_BODY_MALFORMED, "Image",
         "Image appears twice (at byte 20 of the body)"},
        {"{\"Image\":\"x\",\"Memory\":0}", REASON_FIELD_UNKNOWN, "Memory",
         "Memory is not a field of its own; write it as HostConfig.Memory"},
        {"{\"Image\":\"x\",\"Foo\\u001b\":null}", REASON_FIELD_UNKNOWN, "Foo\\u001b",
         "Foo\\u001b is not a field that caisson knows"},
        {"{\"Image\":\"x\",\"\":null}", REASON_FIELD_UNKNOWN, "",
         " is not a field that caisson knows"},
        {"{\"Image\":\"x\",\"Healthcheck\":{\"Foo\":0}}", REASON_FIELD_UNKNOWN, "Healthcheck.Foo",
         "Healthcheck.Foo is not a field that caisson knows"},
        {"{\"Image\":\"x\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":{\"foo\":1}}}}",
         REASON_FIELD_UNKNOWN, "NetworkingConfig.EndpointsConfig{}.foo",
         "NetworkingConfig.EndpointsConfig{}.foo is not a field that caisson knows"},
        {"{\"Image\":\"x\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":null}}}",
         REASON_FIELD_TYPE, "NetworkingConfig.EndpointsConfig",
         "NetworkingConfig.EndpointsConfig must be an object of objects, not one with null"},
        {"{\"Image\":\"x\",\"HostConfig\":{\"Ulimits\":[null]}}", REASON_FIELD_TYPE,
         "HostConfig.Ulimits", "HostConfig.Ulimits must be a list of objects, not one with null"},
        {"{\"Image\":\"x\",\"HostConfig\":[]}", REASON_FIELD_TYPE, "HostConfig",
         "HostConfig must be an object, not a list"},
        {"{\"Image\":\"x\",\"ExposedPorts\":{\"80/tcp\":{\"a\":1}}}", REASON_FIELD_TYPE,
         "ExposedPorts",
         "ExposedPorts must be an object with {} as values, not one with an object"},
        {"{\"Image\":\"x\",\"HostConfig\":{\"Annotations\":{\"a\":\"b\"}}}", REASON_FIELD_REFUSED,
         "HostConfig.Annotations",
         "HostConfig.Annotations is forbidden by evaluator.ini; allow it with "
         "'HostConfig.Annotations = "
         "allow' under [create]"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect_refused(no_rules, cases[i].body, cases[i].reason, cases[i].field, cases[i].message);
}

/* The table's order decides which of several faults is named. */
static void test_first_refusal(void **state)
{
    static const char body[] =
        "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"none\":{\"MacAddress\":"
        "\"02:42:ac:11:00:02\"}}},\"HostConfig\":{\"PidMode\":\"host\",\"Privileged\":"
        "true},\"MacAddress\":\"02:42:ac:11:00:02\",\"Image\":\"x\"}";
    static const char *const rules[] = {"MacAddress = allow", NULL};
    struct schema *schema = schema_with(no_rules), *other = schema_with(rules);
    struct schema_verdict verdict = judge(schema, body);
    (void) state;
    assert_string_equal(verdict.field, "MacAddress");
    schema_verdict_done(&verdict);
    verdict = (struct schema_verdict){0};
    schema_judge(other, &context, body, strlen(body), &verdict);
    assert_string_equal(verdict.field, "HostConfig.Privileged");
    schema_verdict_done(&verdict);
    schema_free(schema);
    schema_free(other);
}

static void test_labels(void **state)
{
    static const char *const allow[] = {"Labels = allow", NULL};
    static const char *const force[] = {"Labels = force a=b", NULL};
    struct schema *schema = schema_with(force);
    (void) state;
    expect_refused(allow, "{\"Image\":\"x\",\"Labels\":{\"IO.caisson.owner\":\"you\"}}",
                   REASON_FIELD_REFUSED, "Labels",
                   "Labels: 'io.caisson.owner' is caisson's own label");
    expect_refused(allow, "{\"Image\":\"x\",\"Labels\":{\"io.cai\\u017fson.owner\":\"you\"}}",
                   REASON_FIELD_REFUSED, "Labels",
                   "Labels: 'io.caisson.owner' is caisson's own label");
    expect_refused(
        no_rules, "{\"Image\":\"x\",\"Labels\":{\"Traefik.enable\":\"\"}}", REASON_FIELD_REFUSED,
        "Labels",
        "Labels: 'Traefik.enable' is excluded by '!traefik.*' (built in); change 'Labels = one-of "
        "...' under [create]");
    /* Stamping must not change the policy's own value. */
    for (int i = 0; i < 2; i++) {
        struct schema_context mine = context;
        struct schema_verdict verdict = {0};
        mine.label_value = i ? "second" : "first";
        schema_judge(schema, &mine, "{\"Image\":\"x\"}", 13, &verdict);
        assert_non_null(strstr(verdict.body, i ? "{\"a\":\"b\",\"io.caisson.owner\":\"second\"}"
                                               : "{\"a\":\"b\",\"io.caisson.owner\":\"first\"}"));
        schema_verdict_done(&verdict);
    }
    assert_non_null(strstr(schema_find(schema, "Labels")->rule.text, "force a=b"));
    schema_free(schema);
}

static void test_networks(void **state)
{
    static const char *const rules[] = {"HostConfig.NetworkMode = one-of none lab",
                                        "NetworkingConfig.EndpointsConfig{}.Aliases = allow", NULL};
    static const char *const forced[] = {"HostConfig.NetworkMode = force lab",
                                         "NetworkingConfig.EndpointsConfig{}.Aliases = force box",
                                         NULL};
    struct schema *schema = schema_with(rules), *forcing = schema_with(forced);
    struct schema_verdict verdict = judge(
        schema,
        "{\"Image\":\"x\",\"HostConfig\":{\"NetworkMode\":\"lab\"},\"NetworkingConfig\":{"
        "\"EndpointsConfig\":{\"default\":{\"GwPriority\":0},\"lab\":{\"Aliases\":[\"a\"]}}}}");
    (void) state;
    assert_non_null(strstr(verdict.body, "\"EndpointsConfig\":{\"lab\":{\"Aliases\":[\"a\"]}}"));
    schema_verdict_done(&verdict);
    /* What is forced on an endpoint holds when the client names none. */
    verdict = judge(forcing, "{\"Image\":\"x\"}");
    assert_non_null(strstr(verdict.body, "\"EndpointsConfig\":{\"lab\":{\"Aliases\":[\"box\"]}}"));
    schema_verdict_done(&verdict);
    schema_free(schema);
    schema_free(forcing);
    expect_refused(
        rules,
        "{\"Image\":\"x\",\"HostConfig\":{\"NetworkMode\":\"none\"},\"NetworkingConfig\":{"
        "\"EndpointsConfig\":{\"lab\":{}}}}",
        REASON_FIELD_REFUSED, "NetworkingConfig.EndpointsConfig",
        "NetworkingConfig.EndpointsConfig: 'lab' is not the network of HostConfig.NetworkMode, "
        "'none'");
    expect_refused(
        rules,
        "{\"Image\":\"x\",\"HostConfig\":{\"NetworkMode\":\"lab\"},\"NetworkingConfig\":{"
        "\"EndpointsConfig\":{\"default\":{\"Aliases\":[\"a\"]}}}}",
        REASON_FIELD_REFUSED, "NetworkingConfig.EndpointsConfig",
        "NetworkingConfig.EndpointsConfig: 'default' is not the network of HostConfig.NetworkMode, "
        "'lab'");
}

static void test_between_fields(void **state)
{
    static const char *const cpu[] = {"HostConfig.CpuQuota = allow", NULL};
    static const char *const quota[] = {"HostConfig.CpuQuota = max 50000",
                                        "HostConfig.NanoCpus = force 0", NULL};
    static const char *const mounts[] = {"HostConfig.Mounts = allow",
                                         "HostConfig.Mounts[].Type = one-of tmpfs volume",
                                         "HostConfig.Mounts[].VolumeOptions = allow", NULL};
    struct schema *schema = schema_with(quota), *mounting = schema_with(mounts);
    struct schema_verdict verdict =
        judge(schema, "{\"Image\":\"x\",\"HostConfig\":{\"CpuQuota\":-1}}");
    (void) state;
    assert_non_null(strstr(verdict.body, "\"CpuQuota\":50000"));
    assert_non_null(strstr(verdict.body, "\"NanoCpus\":0"));
    schema_verdict_done(&verdict);
    verdict = judge(
        mounting,
        "{\"Image\":\"x\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/v\"},"
        "{\"Target\":\"/t\"}]}}");
    assert_non_null(strstr(
        verdict.body, "\"Mounts\":[{\"Type\":\"volume\",\"Target\":\"/v\"},{\"Type\":\"tmpfs\","
                      "\"Target\":\"/t\",\"TmpfsOptions\":{\"SizeBytes\":16777216}}]"));
    schema_verdict_done(&verdict);
    schema_free(schema);
    schema_free(mounting);
    expect_refused(
        cpu, "{\"Image\":\"x\",\"HostConfig\":{\"CpuQuota\":-1}}", REASON_FIELD_REFUSED,
        "HostConfig.CpuQuota",
        "HostConfig.CpuQuota cannot be combined with HostConfig.NanoCpus; to use it, write "
        "'HostConfig.NanoCpus = force 0' under [create]");
    expect_refused(
        mounts,
        "{\"Image\":\"x\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/t\","
        "\"VolumeOptions\":{\"NoCopy\":true}}]}}",
        REASON_FIELD_REFUSED, "HostConfig.Mounts[].VolumeOptions",
        "HostConfig.Mounts[].VolumeOptions is only for mounts of type volume");
}

static void test_tmpfs(void **state)
{
    static const char *const good[][2] = {
        {"", "rw,nosuid,nodev,noexec,size=16777216,nr_inodes=4096"},
        {"ro,size=1M", "ro,nosuid,nodev,noexec,size=1048576,nr_inodes=4096"},
        {"size=0,nr_inodes=0", "rw,nosuid,nodev,noexec,size=16777216,nr_inodes=4096"},
        {"mode=700,uid=5,gid=6",
         "rw,nosuid,nodev,noexec,size=16777216,nr_inodes=4096,mode=0700,uid=5,gid=6"},
        {"size=64m,nr_inodes=64k", "rw,nosuid,nodev,noexec,size=67108864,nr_inodes=65536"},
    };
    struct schema *schema = schema_with(no_rules);
    char body[300], want[300];
    (void) state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(body, sizeof(body),
                 "{\"Image\":\"x\",\"HostConfig\":{\"Tmpfs\":{\"/dev/shm\":\"%s\"}}}", good[i][0]);
        snprintf(want, sizeof(want), "\"Tmpfs\":{\"/dev/shm\":\"%s\"}", good[i][1]);
        struct schema_verdict verdict = judge(schema, body);
        if (!verdict.body || !strstr(verdict.body, want))
            fail_msg("%s: %s", good[i][0], verdict.body ? verdict.body : verdict.message);
        schema_verdict_done(&verdict);
    }
    schema_free(schema);
}

static void test_tmpfs_refused(void **state)
{
    static const char *const bad[] = {
        "size=65m",
        "nr_inodes=65537",
        "exec",
        "suid",
        "dev",
        "size=50%",
        "size=",
        "size",
        "size=-1",
        "size=+1",
        "size= 1",
        "size=1m,size=2m",
        "exec,noexec",
        "noexec,noexec",
        "rw,ro",
        "mode=4777",
        "mode=2755",
        "mode=8",
        "mode=0x7",
        "uid=-1",
        "uid=4294967295",
        "mpol=bind",
        "foo",
        "size=1m,",
        ",",
        " rw",
        "size=9999999999g",
        "size=99999999999999999999",
        "nr_blocks=5",
        "rw,,ro",
        "size=1m,nosuid=1",
    };
    struct schema *schema = schema_with(no_rules);
    char body[300];
    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(body, sizeof(body), "{\"Image\":\"x\",\"HostConfig\":{\"Tmpfs\":{\"/t\":\"%s\"}}}",
                 bad[i]);
        struct schema_verdict verdict = judge(schema, body);
        if (verdict.body)
            fail_msg("%s: %s", bad[i], verdict.body);
        assert_int_equal(strncmp(verdict.field, "HostConfig.Tmpfs", 16), 0);
        schema_verdict_done(&verdict);
    }
    schema_free(schema);
}

static void test_paths(void **state)
{
    static const char *const bad[] = {"",       "/",         "t",      "/t/",     "//t",  "/t/../x",
                                      "/t/.",   "/..",       "/proc",  "/proc/x", "/sys", "/dev",
                                      "/dev/x", "/dev/shmx", "/a\\nb", "/./t",    "/t//x"};
    struct schema *schema = schema_with(no_rules);
    char body[300];
    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(body, sizeof(body), "{\"Image\":\"x\",\"HostConfig\":{\"Tmpfs\":{\"%s\":\"\"}}}",
                 bad[i]);
        struct schema_verdict verdict = judge(schema, body);
        if (verdict.body)
            fail_msg("%s: %s", bad[i], verdict.body);
        assert_string_equal(verdict.field, "HostConfig.Tmpfs");
        schema_verdict_done(&verdict);
    }
    schema_free(schema);
}

/* A lone string where the Engine takes one for a list, and where it does not. */
static void test_lone_strings(void **state)
{
    static const char *const rules[] = {"HostConfig.CapAdd = allow", "Shell = allow", NULL};
    struct schema *schema = schema_with(rules);
    struct schema_verdict verdict = judge(
        schema,
        "{\"Image\":\"x\",\"Cmd\":\"a b\",\"Entrypoint\":\"e\",\"Shell\":\"s\",\"HostConfig\":{"
        "\"CapAdd\":\"CHOWN\"}}");
    (void) state;
    assert_non_null(strstr(verdict.body, "\"Cmd\":[\"a b\"],\"Entrypoint\":[\"e\"]"));
    assert_non_null(strstr(verdict.body, "\"Shell\":[\"s\"]"));
    assert_non_null(strstr(verdict.body, "\"CapAdd\":[\"CHOWN\"]"));
    schema_verdict_done(&verdict);
    verdict = judge(schema, "{\"Image\":\"x\",\"Env\":\"A=1\"}");
    assert_int_equal(verdict.reason, REASON_FIELD_TYPE);
    schema_free(schema);
}

/* Warnings are bounded, and nothing in them can fool a terminal. */
static void test_warnings(void **state)
{
    static const char *const rules[] = {"HostConfig.Mounts = allow",
                                        "HostConfig.Mounts[].ReadOnly = force false", NULL};
    struct schema *schema = schema_with(rules);
    char body[8192] = "{\"Image\":\"x\",\"User\":\"a\\u001b[2Jb\",\"HostConfig\":{\"Mounts\":[{}";
    (void) state;
    for (int i = 0; i < 100; i++)
        strcat(body, ",{\"ReadOnly\":true}");
    strcat(body, "]}}");
    struct schema_verdict verdict = judge(schema, body);
    struct arena arena = {0};
    struct json_fault fault;
    const struct json *list =
        json_read_trusted(&arena, verdict.warnings, strlen(verdict.warnings), &fault);
    assert_int_equal(json_size(list), 32);
    assert_string_equal(
        json_text(json_elements(list)),
        "caisson: User: 'a\\u001b[2Jb' was replaced by '65534:65534' (forced, built in)");
    arena_done(&arena);
    schema_verdict_done(&verdict);
    schema_free(schema);
}

/*
 * 100,000 of anything are refused.  Were one of these quadratic, this test would not end in any
 * bearable time; none is timed.
 */
static void test_many(void **state)
{
    static const struct {
        const char *begin, *one, *end;
        int count;
        const char *field;
    } cases[] = {
        {"{\"Image\":\"x\"", ",\"k%d\":1", "}", 100000, ""},
        {"{\"Image\":\"x\"", ",\"k%d\":1", "}", 30000, "k0"},
        {"{\"Image\":\"x\"", ",\"hostconfi%d\":1", "}", 30000, "hostconfi0"},
        {"{\"Image\":\"x\",\"Labels\":{\"a\":\"b\"", ",\"k%d\":\"\"", "}}", 100000, "Labels"},
        {"{\"Image\":\"x\",\"Labels\":{\"a\":\"b\"", ",\"k%d\":\"\"", "}}", 30000, "Labels"},
        {"{\"Image\":\"x\",\"Labels\":{\"a\":\"b\"", ",\"a\":\"\"", "}}", 30000, "Labels.a"},
        {"{\"Image\":\"x\",\"Env\":[\"a\"", ",\"k%d=\"", "]}", 30000, "Env"},
        {"{\"Image\":\"x\",\"HostConfig\":{\"Mounts\":[{}", ",{\"a\":%d}", "]}}", 15000,
         "HostConfig.Mounts"},
        {"{\"Image\":\"x\",\"NetworkingConfig\":{\"EndpointsConfig\":{\"a\":{}", ",\"k%d\":{}",
         "}}}", 15000, "NetworkingConfig.EndpointsConfig"},
    };
    struct schema *schema = schema_with(no_rules);
    char *body = malloc(4 << 20);
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t used = (size_t) sprintf(body, "%s", cases[i].begin);
        for (int k = 0; k < cases[i].count; k++) {
            const char *mark = strstr(cases[i].one, "%d");
            if (mark)
                used += (size_t) sprintf(body + used, "%.*s%d%s", (int) (mark - cases[i].one),
                                         cases[i].one, k, mark + 2);
            else
                used += (size_t) sprintf(body + used, "%s", cases[i].one);
        }
        strcpy(body + used, cases[i].end);
        struct schema_verdict verdict = judge(schema, body);
        assert_int_not_equal(verdict.reason, REASON_NONE);
        assert_string_equal(verdict.field, cases[i].field);
        schema_verdict_done(&verdict);
    }
    free(body);
    schema_free(schema);
}

struct seen {
    size_t count;
    bool memory;
};

static void see(void *arg, const struct schema_field *field)
{
    struct seen *seen = arg;
    seen->count++;
    assert_true(field->path[0] && field->type[0] && field->rule[0] && field->origin[0] &&
                field->why[0]);
    assert_in_range(field->since, 24, 55);
    if (strcmp(field->path, "HostConfig.Memory") == 0)
        seen->memory = strcmp(field->rule, "max 1GiB") == 0 &&
                       strcmp(field->origin, "evaluator.ini:9") == 0 &&
                       strcmp(field->type, "bytes") == 0 && field->since == 24;
}

static void test_each(void **state)
{
    static const char *const rules[] = {"HostConfig.Memory = max 1GiB", NULL};
    struct schema *schema = schema_with(rules);
    struct seen seen = {0, false};
    (void) state;
    schema_each(schema, see, &seen);
    assert_int_equal(seen.count, schema->count);
    assert_true(seen.memory);
    schema_free(schema);
    schema_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bare),           cmocka_unit_test(test_no_image),
        cmocka_unit_test(test_client),         cmocka_unit_test(test_evaluator),
        cmocka_unit_test(test_keys),           cmocka_unit_test(test_first_refusal),
        cmocka_unit_test(test_labels),         cmocka_unit_test(test_networks),
        cmocka_unit_test(test_between_fields), cmocka_unit_test(test_tmpfs),
        cmocka_unit_test(test_tmpfs_refused),  cmocka_unit_test(test_paths),
        cmocka_unit_test(test_lone_strings),   cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_many),           cmocka_unit_test(test_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
