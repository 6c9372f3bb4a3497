/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as text: what is taken, what is not and what the error tells; and what each clause does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "operation.h"
#include "reason.h"
#include "schema.h"

static const struct schema_context context = {
    .api_minor = 41, .depth = 16, .file = "evaluator.ini"};

static const struct {
    const char *path, *rule, *error;
} mistakes[] = {
    {"hostconfig.memory", "max 1", "write HostConfig.Memory"},
    {"Memory", "max 1", "write HostConfig.Memory"},
    {"HostConfig.Memroy", "max 1", "did you mean HostConfig.Memory?"},
    {"", "max 1", "there is no field ''"},
    {"HostConfig.Memory", "", "'' is no rule; write forbid, allow,"},
    {"HostConfig.Memory", "100MiB", "'100MiB' is no rule"},
    {"HostConfig.Memory", "max", "max needs a value"},
    {"HostConfig.Memory", "max ,", "max needs a value"},
    {"HostConfig.Memory", "max 1GB2", "is no size"},
    {"HostConfig.Memory", "max 1 2", "takes one value"},
    {"HostConfig.Memory", "max 1, max 2", "said twice"},
    {"HostConfig.Memory", "max 1, min 2", "the min 2 is over the max 1"},
    {"HostConfig.Memory", "max 1GiB, default 2GiB",
     "the default 2GiB is outside the bounds; the max is 1GiB"},
    {"HostConfig.Memory", "min 1GiB, default 1MiB", "the min is 1GiB"},
    {"HostConfig.Memory", "forbid, max 1", "forbid stands alone"},
    {"HostConfig.Memory", "force 1MiB, max 1", "force stands alone"},
    {"HostConfig.Memory", "max 1 default 1", "a comma must stand before 'default'"},
    {"HostConfig.Memory", "allow default 1", "a comma must follow allow"},
    {"HostConfig.Memory", "one-of 1 2", "write max and min"},
    {"HostConfig.Memory", "max 5000000TiB", "out of range"},
    {"HostConfig.Memory", "force HostConfig.NanoCpus", "name a field of the same type"},
    {"HostConfig.Memory", "force HostConfig.Memory", "itself"},
    {"HostConfig.Memory", "force HostConfig.MemorySwap", "HostConfig.MemorySwap is itself forced"},
    {"HostConfig.Memory", "force HostConfig.ShmSize",
     "HostConfig.MemorySwap is forced to this field"},
    {"HostConfig.MemorySwap", "force HostConfig.Memroy", "did you mean HostConfig.Memory?"},
    {"HostConfig.NanoCpus", "max 1.5x", "is no number of CPUs"},
    {"HostConfig.Tmpfs{}.mode", "max 4777", "from 0 to 1777"},
    {"HostConfig.Tmpfs{}.mode", "max 8", "octal"},
    {"Healthcheck.Interval", "min 5x", "is no time"},
    {"StopTimeout", "max 1500ms", "whole number of seconds"},
    {"Tty", "max 1", "write allow, forbid or force true"},
    {"Tty", "force perhaps", "neither true nor false"},
    {"Tty", "one-of true", "write allow, forbid or force"},
    {"HostConfig", "max 1", "bound its members"},
    {"User", "force root", "must be UID:GID"},
    {"User", "one-of root", "must be UID:GID"},
    {"User", "force 1000:1000 2000:2000", "takes one value"},
    {"Image", "one-of sha256:abc", "not an id"},
    {"Image", "one-of Busybox:*", "must be the name of an image"},
    {"Image", "default x, one-of y", "is not in one-of"},
    {"HostConfig.NetworkMode", "one-of !host", "begin with '*'"},
    {"HostConfig.NetworkMode", "one-of none, default bridge", "'bridge' is not in one-of"},
    {"HostConfig.NetworkMode", "one-of none default none", "a comma must stand before 'default'"},
    {"HostConfig.CapDrop", "force [\"ALL\"", "is not valid"},
    {"HostConfig.CapDrop", "force [\"ALL\"] NET_RAW", "nothing can follow"},
    {"HostConfig.CapDrop", "force [null]", "list of strings"},
    {"HostConfig.CapAdd", "one-of net_raw", "in capitals"},
    {"Env", "force {\"a\":\"b\"}", "must be a list of strings"},
    {"Env", "default LD_PRELOAD=x, one-of * !LD_*", "is not in one-of"},
    {"Labels", "force team", "'team' is not KEY=VALUE"},
    {"HostConfig.Mounts", "force tmpfs", "as JSON"},
    {"HostConfig.Mounts", "force [{\"Type\":\"tmpfs\",\"Foo\":1}]",
     "HostConfig.Mounts[].Foo is not a field"},
    {"HostConfig.Mounts", "force [{\"Type\":5}]", "HostConfig.Mounts[].Type must be a string"},
    {"HostConfig.Mounts", "force [{\"type\":\"tmpfs\"}]", "must be spelt HostConfig.Mounts[].Type"},
    {"HostConfig.Tmpfs", "force {\"/tmp\":\"rw,size=5x\"}", "must be tmpfs options"},
    {"HostConfig.Tmpfs", "force {\"/proc/x\":\"rw\"}", "must not lie in /proc"},
    {"HostConfig.Tmpfs", "force {\"/tmp\":\"mode=4777\"}",
     "HostConfig.Tmpfs{}.mode must be from 0 to 1023"},
    {"HostConfig.PortBindings", "force {\"80/tcp\":[]}", "no empty lists"},
    /* What would open more than it says. */
    {"HostConfig.NetworkMode", "default none",
     "default alone would let everything pass; add one-of"},
    {"HostConfig.SecurityOpt", "default no-new-privileges", "default alone"},
    {"HostConfig.Memory", "default 100MiB", "default alone would let everything pass; add max"},
    {"HostConfig.Memory", "min 6MiB", "min alone would let everything pass; add max"},
    {"HostConfig.Memory", "min 6MiB, default 64MiB", "min alone"},
    {"HostConfig.Binds", "max 3", "max alone would let everything pass; add one-of"},
    {"HostConfig.CapAdd", "min 0, max 2", "max alone"},
    {"Env", "max 8", "max alone"},
    {"Image", "default busybox", "default alone"},
    {"HostConfig.Privileged", "default true", "pass; add allow if that is meant"},
    /* Bounds that bound nothing. */
    {"HostConfig.Memory", "max 0", "max 0 would mean no limit"},
    {"HostConfig.PidsLimit", "max -5", "max -5 would mean no limit"},
    {"HostConfig.Ulimits[].Hard", "max -1", "max -1 would mean no limit"},
    {"HostConfig.Memory", "max 100MiB, default 0", "the default 0 means no limit"},
    {"HostConfig.Memory", "max 100MiB, default -1", "the default -1 means no limit"},
    {"HostConfig.Ulimits[].Soft", "max 5, default -1", "the default -1 means no limit"},
    {"HostConfig.PortBindings{}[].HostPort", "max 65536", "out of range"},
    {"HostConfig.PortBindings{}[].HostPort", "min 0", "out of range"},
    {"HostConfig.PortBindings{}[].HostPort", "min 9000, max 8000", "swap them"},
    {"HostConfig.PortBindings{}[].HostPort", "max 9000, default 8000-9001", "outside the bounds"},
    {"HostConfig.PortBindings{}[].HostPort", "min 8000, default 80", "outside the bounds"},
    {"User", "allow, max 65534", "write one-of"},
    /* Stars where links lead anywhere, and items that could match nothing. */
    {"HostConfig.Binds", "one-of /data/**:/data", "must end with ':ro'"},
    {"HostConfig.Binds", "one-of /data/**", "must end with ':ro'"},
    {"HostConfig.Binds", "one-of /data/**/x:ro", "as its last name alone"},
    {"HostConfig.Binds", "one-of /data/x**:ro", "as its last name alone"},
    {"HostConfig.Binds", "one-of /data/**x:ro", "as its last name alone"},
    {"HostConfig.Binds", "one-of /data/", "must be a clean absolute path"},
    {"HostConfig.Binds", "one-of /data//x:ro", "must be a clean absolute path"},
    {"HostConfig.Binds", "one-of /data/./*", "must be a clean absolute path"},
    {"HostConfig.Binds", "one-of /data:rw", "must be SOURCE, SOURCE:ro"},
    {"HostConfig.Binds", "one-of /data:", "must be SOURCE, SOURCE:ro"},
    {"HostConfig.Binds", "one-of data", "must be SOURCE:TARGET"},
    {"HostConfig.Binds", "one-of /data/../x:/x", "clean absolute path"},
    {"HostConfig.Mounts[].Source", "one-of /data/**", "must end with ':ro'"},
    {"HostConfig.Mounts[].Source", "one-of ../data", "or a name"},
    {"HostConfig.Mounts[].Source", "one-of /data/..", "clean absolute path"},
    {"HostConfig.NetworkMode", "one-of none !own", "leave it out"},
    {"HostConfig.NetworkMode", "allow, default own", "stands for many"},
    {"HostConfig.NetworkMode", "force own", "stands for many"},
    {"HostConfig.NetworkMode", "one-of own, default bridge", "not in one-of"},
    {"HostConfig.Mounts[].Source", "force own", "stands for many"},
    {"HostConfig.Binds", "one-of own", "must be SOURCE:TARGET"},
    {"HostConfig.SecurityOpt", "one-of seccomp:unconfined", "KEY=VALUE"},
    {"HostConfig.SecurityOpt", "one-of no-new-privileges=true", "KEY=VALUE"},
    {"HostConfig.SecurityOpt", "force no-new-privileges:true", "KEY=VALUE"},
    {"HostConfig.GroupAdd", "one-of root", "a group's number"},
    {"HostConfig.GroupAdd", "one-of 00", "a group's number"},
    {"HostConfig.Sysctls", "one-of net/core/somaxconn", "letters, digits and _ . -"},
    {"HostConfig.CgroupParent", "one-of /jobs/../x", "without '..'"},
    {"HostConfig.Devices[].PathOnHost", "one-of /dev/../etc", "clean absolute path"},
    {"HostConfig.VolumesFrom", "one-of /db", "a container's name or id"},
    {"HostConfig.PortBindings{}[].HostIp", "one-of 127.1", "in its usual form"},
    {"HostConfig.PortBindings{}[].HostIp", "one-of ::0", "in its usual form"},
    {"HostConfig.Mounts[].VolumeOptions.Subpath", "one-of a/../b", "clean path"},
    {"Image", "one-of Evil:*", "must be the name of an image"},
};

static void test_errors(void **state)
{
    struct schema *schema = schema_new(BODY_CREATE);
    (void) state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct err err = {{0}};
        if (schema_set_rule(schema, mistakes[i].path, mistakes[i].rule, "evaluator.ini:1", &err) >=
            0)
            fail_msg("%s = %s was taken", mistakes[i].path, mistakes[i].rule);
        if (!strstr(err.text, mistakes[i].error))
            fail_msg("%s = %s: %s", mistakes[i].path, mistakes[i].rule, err.text);
    }
    schema_free(schema);
}

/* One rule, one body; the outcome is the refusal, or a part of what is sent and the warning. */
struct effect {
    const char *path, *rule, *body;
    const char *refusal; /* NULL: it passes */
    const char *sent;    /* is within what is sent; with a '!' before it: is not */
    const char *warning; /* is within the warnings; NULL: there are none */
};

static void check_effect(const struct effect *effect)
{
    struct schema *schema = schema_new(BODY_CREATE);
    struct schema_verdict verdict = {0};
    struct err err = {{0}};
    char body[1024];
    assert_int_equal(schema_set_rule(schema, "Image", "allow", NULL, &err), 0);
    if (schema_set_rule(schema, effect->path, effect->rule, "evaluator.ini:7", &err) < 0)
        fail_msg("%s = %s: %s", effect->path, effect->rule, err.text);
    snprintf(body, sizeof(body), "{%s%s}",
             strstr(effect->body, "\"Image\"") ? "" : "\"Image\":\"x\",", effect->body);
    if (body[strlen(body) - 2] == ',')
        memcpy(body + strlen(body) - 2, "}", 2);
    schema_judge(schema, &context, body, strlen(body), &verdict);
    if (!effect->refusal != (verdict.reason == REASON_NONE))
        fail_msg("%s = %s: %s: %s", effect->path, effect->rule, body,
                 verdict.reason == REASON_NONE ? verdict.body : verdict.message);
    if (effect->refusal && strcmp(verdict.message, effect->refusal) != 0)
        fail_msg("%s = %s: %s: %s", effect->path, effect->rule, body, verdict.message);
    if (effect->sent &&
        !strstr(verdict.body, effect->sent + (effect->sent[0] == '!')) == (effect->sent[0] != '!'))
        fail_msg("%s = %s: %s: sent %s", effect->path, effect->rule, body, verdict.body);
    if (!effect->refusal && !effect->warning != !verdict.warnings)
        fail_msg("%s = %s: %s: warnings %s", effect->path, effect->rule, body, verdict.warnings);
    if (effect->warning && !strstr(verdict.warnings, effect->warning))
        fail_msg("%s = %s: %s: warnings %s", effect->path, effect->rule, body, verdict.warnings);
    schema_verdict_done(&verdict);
    schema_free(schema);
}

static const struct effect effects[] = {
    {"HostConfig.Memory", "max 256MiB, default 100MiB", "\"HostConfig\":{\"Memory\":1073741824}",
     "HostConfig.Memory: 1GiB is over the max 256MiB of evaluator.ini:7", NULL, NULL},
    {"HostConfig.Memory", "max 256MiB, default 100MiB", "", NULL,
     "\"Memory\":104857600,\"MemorySwap\":104857600", NULL},
    {"HostConfig.Memory", "max 256MiB, default 100MiB", "\"HostConfig\":{\"Memory\":268435456}",
     NULL, "\"Memory\":268435456,\"MemorySwap\":268435456", NULL},
    {"HostConfig.Memory", "max 256MiB", "\"HostConfig\":{\"Memory\":0}", NULL,
     "\"Memory\":268435456", NULL},
    {"HostConfig.Memory", "max 256MiB", "\"HostConfig\":{\"Memory\":-1}", NULL,
     "\"Memory\":268435456",
     "HostConfig.Memory: -1 (no limit) was replaced by 256MiB (evaluator.ini:7)"},
    {"HostConfig.Memory", "allow, min 64MiB", "\"HostConfig\":{\"Memory\":1048576}",
     "HostConfig.Memory: 1MiB is below the min 64MiB of evaluator.ini:7", NULL, NULL},
    {"HostConfig.Memory", "allow, min 64MiB", "\"HostConfig\":{\"Memory\":null}", NULL,
     "\"Memory\":67108864", NULL},
    {"HostConfig.Memory", "allow", "", NULL, "!\"Memory\"", NULL},
    {"HostConfig.Memory", "allow", "\"HostConfig\":{\"Memory\":7}", NULL,
     "\"Memory\":7,\"MemorySwap\":7", NULL},
    {"HostConfig.Memory", "force 64MiB", "\"HostConfig\":{\"Memory\":7}", NULL,
     "\"Memory\":67108864", "HostConfig.Memory: 7 was replaced by 64MiB (forced, evaluator.ini:7)"},
    {"HostConfig.Memory", "force 64MiB", "\"HostConfig\":{\"Memory\":67108864}", NULL,
     "\"Memory\":67108864", NULL},
    {"HostConfig.MemorySwap", "allow", "\"HostConfig\":{\"MemorySwap\":-1}", NULL,
     "\"MemorySwap\":-1", NULL},
    {"HostConfig.MemorySwap", "force HostConfig.Memory", "\"HostConfig\":{\"MemorySwap\":-1}", NULL,
     "\"MemorySwap\":104857600",
     "HostConfig.MemorySwap: -1 was replaced by 100MiB, as HostConfig.Memory (forced, "
     "evaluator.ini:7)"},
    {"HostConfig.PidsLimit", "max 5", "\"HostConfig\":{\"PidsLimit\":6}",
     "HostConfig.PidsLimit: 6 is over the max 5 of evaluator.ini:7", NULL, NULL},
    {"HostConfig.NanoCpus", "max 1, default 0.5", "", NULL, "\"NanoCpus\":500000000", NULL},
    {"HostConfig.NanoCpus", "max 0.5", "\"HostConfig\":{\"NanoCpus\":1500000000}",
     "HostConfig.NanoCpus: 1.5 is over the max 0.5 of evaluator.ini:7", NULL, NULL},
    {"Tty", "allow", "\"HostConfig\":{\"NanoCpus\":1500000000}",
     "HostConfig.NanoCpus: 1.5 is over the max 0.5 (built in); change it with "
     "'HostConfig.NanoCpus = max 1.5' under [create]",
     NULL, NULL},
    {"HostConfig.NetworkMode", "one-of none", "\"HostConfig\":{\"NetworkMode\":\"host\"}",
     "HostConfig.NetworkMode: 'host' is not one of 'none' (evaluator.ini:7); add it to "
     "'HostConfig.NetworkMode = one-of ...' under [create]",
     NULL, NULL},
    {"HostConfig.NetworkMode", "one-of bridge none", "", NULL, "\"NetworkMode\":\"bridge\"", NULL},
    {"HostConfig.NetworkMode", "one-of team-*", "",
     "HostConfig.NetworkMode must not be absent (evaluator.ini:7); name one, or add 'default "
     "V' to the rule",
     NULL, NULL},
    {"HostConfig.NetworkMode", "one-of *", "\"HostConfig\":{\"NetworkMode\":\"container:x\"}",
     "HostConfig.NetworkMode: 'container:x' is not one of '*' (evaluator.ini:7); add it to "
     "'HostConfig.NetworkMode = one-of ...' under [create]",
     NULL, NULL},
    {"HostConfig.NetworkMode", "one-of * !host", "\"HostConfig\":{\"NetworkMode\":\"HOST\"}",
     "HostConfig.NetworkMode: 'HOST' is excluded by '!host' (evaluator.ini:7); change "
     "'HostConfig.NetworkMode = one-of ...' under [create]",
     NULL, NULL},
    {"HostConfig.CapAdd", "one-of * !SYS_ADMIN", "\"HostConfig\":{\"CapAdd\":[\"CAP_SYS_ADMIN\"]}",
     "HostConfig.CapAdd: 'CAP_SYS_ADMIN' is excluded by '!SYS_ADMIN' (evaluator.ini:7); change "
     "'HostConfig.CapAdd = one-of ...' under [create]",
     NULL, NULL},
    {"HostConfig.CapAdd", "one-of * !SYS_ADMIN", "\"HostConfig\":{\"CapAdd\":\"ALL\"}",
     "HostConfig.CapAdd: 'ALL' is not one of '*' (evaluator.ini:7); add it to "
     "'HostConfig.CapAdd = one-of ...' under [create]",
     NULL, NULL},
    {"HostConfig.CapAdd", "one-of CHOWN", "\"HostConfig\":{\"CapAdd\":\"CAP_CHOWN\"}", NULL,
     "\"CapAdd\":[\"CAP_CHOWN\"]", NULL},
    {"Env", "one-of A=* B", "\"Env\":[\"A=1\",\"B\"]", NULL, "\"Env\":[\"A=1\",\"B\"]", NULL},
    {"Env", "allow, max 1", "\"Env\":[\"A\",\"B\"]",
     "Env: 2 elements is over the max 1 of evaluator.ini:7", NULL, NULL},
    {"Env", "allow, default A=1 B=2", "\"Env\":[]", NULL, "\"Env\":[\"A=1\",\"B=2\"]", NULL},
    {"Env", "force \"A=b c\"", "\"Env\":[\"X=\\u001b[31m\"]", NULL, "\"Env\":[\"A=b c\"]", "X="},
    {"Cmd", "min 1", "", "Cmd must not be empty: the min is 1 (evaluator.ini:7)", NULL, NULL},
    {"Hostname", "max 3", "\"Hostname\":\"abcd\"",
     "Hostname: 4 bytes is over the max 3 of evaluator.ini:7", NULL, NULL},
    {"Hostname", "allow", "\"Hostname\":\"a\\nb\"",
     "Hostname: 'a\\u000ab' must be a host name: letters, digits, '-' and '.', at most 63", NULL,
     NULL},
    {"Labels", "one-of team env=test*", "\"Labels\":{\"team\":\"x\",\"env\":\"testing\"}", NULL,
     "\"env\":\"testing\"", NULL},
    {"Labels", "one-of team env=test*", "\"Labels\":{\"env\":\"prod\"}",
     "Labels: 'env' is not one of 'team' 'env=test*' (evaluator.ini:7); add it to 'Labels = "
     "one-of ...' under [create]",
     NULL, NULL},
    {"Labels", "one-of \"a*\"", "\"Labels\":{\"ab\":\"\"}",
     "Labels: 'ab' is not one of 'a*' (evaluator.ini:7); add it to 'Labels = one-of ...' under "
     "[create]",
     NULL, NULL},
    {"Labels", "one-of * !\"a*\"", "\"Labels\":{\"A*\":\"\"}",
     "Labels: 'A*' is excluded by '!a*' (evaluator.ini:7); change 'Labels = one-of ...' under "
     "[create]",
     NULL, NULL},
    {"Labels", "force a=1 b=2", "\"Labels\":{\"a\":\"1\"}", NULL, "{\"a\":\"1\",\"b\":\"2\"}",
     "Labels: "},
    {"Labels", "allow", "\"Labels\":[]", "Labels must be an object with string values, not a list",
     NULL, NULL},
    {"Tty", "forbid", "\"Tty\":true",
     "Tty is forbidden by evaluator.ini:7; allow it with 'Tty = allow' under [create]", NULL, NULL},
    {"Tty", "forbid", "\"Tty\":false", NULL, "!Tty", NULL},
    {"Tty", "force false", "\"Tty\":true", NULL, "\"Tty\":false",
     "Tty: true was replaced by false"},
    {"Tty", "default true", "\"Tty\":null", NULL, "\"Tty\":true", NULL},
    {"Image", "one-of busybox:* python:3.11-slim", "\"Image\":\"docker.io/library/busybox:1\"",
     NULL, "\"Image\":\"busybox:1\"", NULL},
    {"Image", "one-of busybox:*",
     "\"Image\":\"busybox:1@sha256:"
     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
     "Image: 'busybox:1@sha256:0123456789abcdef0123456789abcdef0123456789abcde...' is not one "
     "of 'busybox:*' "
     "(evaluator.ini:7); add it to 'Image = one-of ...' under [create]",
     NULL, NULL},
    {"Image", "one-of busybox:*", "\"Image\":\"\"", "Image is missing; name one", NULL, NULL},
    {"Image", "forbid", "",
     "Image: evaluator.ini:7 allows none; write 'Image = one-of NAME...' under [create]", NULL,
     NULL},
    {"Image", "force docker.io/busybox", "\"Image\":\"y\"", NULL, "\"Image\":\"busybox:latest\"",
     "Image: 'y' was replaced"},
    {"StopTimeout", "max 1m", "", NULL, "\"StopTimeout\":60", NULL},
    {"StopTimeout", "max 1m", "\"StopTimeout\":-1", NULL, "\"StopTimeout\":60",
     "-1 (no limit) was replaced by 60"},
    {"Healthcheck.Interval", "min 5s", "\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]}", NULL,
     "!Interval", NULL},
    {"Healthcheck.Interval", "min 5s", "\"Healthcheck\":{\"Interval\":1000000}",
     "Healthcheck.Interval: 1ms is below the min 5s of evaluator.ini:7", NULL, NULL},
    {"HostConfig.Tmpfs{}.mode", "max 0700", "\"HostConfig\":{\"Tmpfs\":{\"/t\":\"mode=1777\"}}",
     "HostConfig.Tmpfs{}.mode: 1777 is over the max 700 of evaluator.ini:7", NULL, NULL},
    {"HostConfig.Tmpfs{}.exec", "allow", "\"HostConfig\":{\"Tmpfs\":{\"/t\":\"exec\"}}", NULL,
     "{\"/t\":\"rw,nosuid,nodev,exec,size=16777216,nr_inodes=4096\"}", NULL},
    {"HostConfig.Tmpfs", "default {\"/tmp\":\"\"}", "", NULL,
     "{\"/tmp\":\"rw,nosuid,nodev,noexec,size=16777216,nr_inodes=4096\"}", NULL},
    {"HostConfig.Mounts", "force [{\"Type\":\"tmpfs\",\"Target\":\"/t\"}]", "", NULL,
     "\"Mounts\":[{\"Type\":\"tmpfs\",\"Target\":\"/"
     "t\",\"TmpfsOptions\":{\"SizeBytes\":16777216}}]",
     NULL},
    {"HostConfig.Ulimits", "allow, max 1",
     "\"HostConfig\":{\"Ulimits\":[{\"Name\":\"core\",\"Soft\":0,\"Hard\":-1}]}",
     "HostConfig.Ulimits[].Hard: -1 is below the min 0 (built in); change it with "
     "'HostConfig.Ulimits[].Hard = min -1' under [create]",
     NULL, NULL},
    {"HostConfig.RestartPolicy.Name", "one-of no on-failure", "", NULL, "\"Name\":\"no\"", NULL},
    {"HostConfig.Tmpfs", "allow, max 0", "\"HostConfig\":{\"Tmpfs\":{\"/a\":\"\"}}",
     "HostConfig.Tmpfs: 1 element is over the max 0 of evaluator.ini:7", NULL, NULL},
    {"HostConfig.CapDrop", "one-of NET_RAW", "",
     "HostConfig.CapDrop must not be absent (evaluator.ini:7); name one, or add 'default V' to the "
     "rule",
     NULL, NULL},
    {"HostConfig.CapDrop", "allow", "", NULL, "!CapDrop", NULL},
    {"HostConfig.PidsLimit", "forbid", "", NULL, "\"PidsLimit\":64", NULL},
    /* What a policy writes is shown like what a client writes: in printable ASCII. */
    {"Env", "one-of * !\u00e9*", "\"Env\":[\"\u00e9=1\"]",
     "Env: '\\u00e9=1' is excluded by '!\\u00e9*' (evaluator.ini:7); change 'Env = one-of ...' "
     "under "
     "[create]",
     NULL, NULL},
};

static void test_effects(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
        check_effect(&effects[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
