/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict: the policies of tests/policies say on their first lines how far they lead, and by which
 * of their lines; the shipped ones are contained.  Then single rules, one by one.
 */
#include "verdict.h"

#include <dirent.h>
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
#include "operation.h"
#include "policy.h"
#include "rows.h"

struct shown {
    char names[1024]; /* " NAME NAME" */
    enum risk worst, last;
    char origin[300], value[RISK_VALUE_BYTES]; /* of the first line */
};

static void note(void *arg, const struct verdict_line *line)
{
    struct shown *shown = arg;
    size_t length = strlen(shown->names);
    if (length == 0) {
        shown->worst = shown->last = line->risk;
        snprintf(shown->origin, sizeof(shown->origin), "%s", line->origin);
        snprintf(shown->value, sizeof(shown->value), "%s", line->value);
    }
    assert_true(line->risk > RISK_NONE && line->risk <= shown->last);
    shown->last = line->risk;
    snprintf(shown->names + length, sizeof(shown->names) - length, " %s", line->name);
    assert_true(line->rule[0] && line->why[0]);
}

static enum verdict judge_file(const char *path, struct shown *shown)
{
    struct policy *policy;
    struct err err;
    if (policy_load(path, &policy, &err) < 0)
        fail_msg("%s", err.text);
    *shown = (struct shown){0};
    enum verdict verdict = verdict_of(policy, note, shown);
    assert_int_equal(verdict, verdict_from_risk(shown->worst));
    assert_int_equal(verdict, verdict_of(policy, NULL, NULL));
    policy_unref(policy);
    return verdict;
}

/* ---- whole policies ---- */

static void check_first_line(const char *path)
{
    char expected[1024] = "", said[1100];
    struct shown shown;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(expected, sizeof(expected), file));
    fclose(file);
    enum verdict verdict = judge_file(path, &shown);
    snprintf(said, sizeof(said), "; %s%s\n", verdict_text(verdict), shown.names);
    if (strcmp(said, expected) != 0)
        fail_msg("%s:1: it says\n%sthe verdict is\n%s", path, expected, said);
}

static void policies(void **state)
{
    (void) state;
    DIR *folder = opendir("tests/policies");
    size_t count = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[300];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "tests/policies/%s", entry->d_name);
        check_first_line(path);
        count++;
    }
    closedir(folder);
    assert_true(count >= 20);
}

static void shipped(void **state)
{
    (void) state;
    struct shown shown;
    assert_int_equal(judge_file("policy/evaluator.ini", &shown), VERDICT_CONTAINED);
    assert_string_equal(shown.names, "");
    assert_int_equal(judge_file("policy/presets/docker-run.ini", &shown), VERDICT_CONTAINED);
    assert_string_equal(shown.names, " HostConfig.ReadonlyRootfs");
}

/* ---- single rules ---- */

static enum risk judge_rules(const char *section, const char *rules, struct shown *shown)
{
    char path[40], text[1024];
    int fd = memfd_create("policy", 0);
    int bytes = snprintf(text, sizeof(text),
                         "[allow]\nContainerCreate = yes\nContainerExec = own\n"
                         "[create]\nImage = one-of busybox:*\n[%s]\n%s",
                         section, rules);
    assert_int_equal(write(fd, text, (size_t) bytes), bytes);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    judge_file(path, shown);
    close(fd);
    return shown->worst;
}

static void check_rules(const char *section, const char *rules, enum risk expected)
{
    struct shown shown;
    enum risk risk = judge_rules(section, rules, &shown);
    if (risk != expected)
        fail_msg("[%s] %s: %d, not %d;%s", section, rules, (int) risk, (int) expected, shown.names);
}

static const struct {
    const char *rules;
    enum risk risk;
} value_cases[] = {
    {"HostConfig.Privileged = force false", RISK_NONE},
    {"HostConfig.Privileged = force true", RISK_ROOT},
    {"HostConfig.Privileged = default true, allow", RISK_ROOT},
    {"HostConfig = forbid\nHostConfig.Privileged = force true", RISK_ROOT},
    {"HostConfig = forbid\nHostConfig.Privileged = allow", RISK_NONE},
    {"HostConfig.PidMode = allow", RISK_ROOT},
    {"HostConfig.PidMode = one-of *", RISK_NONE},
    {"HostConfig.PidMode = one-of container:*", RISK_NONE},
    {"HostConfig.PidMode = one-of container:db", RISK_DATA},
    {"HostConfig.PidMode = force host", RISK_ROOT},
    {"HostConfig.NetworkMode = allow", RISK_DATA},
    {"HostConfig.NetworkMode = force none", RISK_NONE},
    {"HostConfig.NetworkMode = one-of *", RISK_NETWORK},
    {"HostConfig.NetworkMode = one-of none, default none", RISK_NONE},
    {"HostConfig.CapAdd = one-of NET_*", RISK_NETWORK},
    {"HostConfig.CapAdd = one-of CAP_CHOWN", RISK_NONE},
    {"HostConfig.CapAdd = one-of *", RISK_ROOT},
    {"HostConfig.CapAdd = force ALL", RISK_ROOT},
    {"HostConfig.CapDrop = force ALL", RISK_NONE},
    {"HostConfig.CapDrop = allow", RISK_NETWORK},
    {"HostConfig.SecurityOpt = one-of no-new-privileges", RISK_NONE},
    {"HostConfig.SecurityOpt = force seccomp=unconfined", RISK_ROOT},
    {"HostConfig.Binds = one-of /srv/a:*:ro", RISK_DATA},
    {"HostConfig.Binds = one-of data:/data", RISK_DATA},
    {"HostConfig.Binds = one-of /:/host:ro", RISK_ROOT},
    {"HostConfig.Binds = one-of /etc:/host:ro", RISK_DATA},
    {"HostConfig.Binds = one-of /etc:/host", RISK_ROOT},
    {"HostConfig.Binds = one-of /x/docker.sock:/s", RISK_ROOT},
    {"HostConfig.Binds = force /etc:/host", RISK_ROOT},
    {"HostConfig.Binds = one-of /srv/a /srv/b:ro /srv/c/*", RISK_DATA},
    {"HostConfig.Binds = one-of /srv/**:ro", RISK_DATA},
    {"HostConfig.Binds = one-of /etc:ro /usr/**:ro", RISK_DATA},
    {"HostConfig.Binds = one-of /etc", RISK_ROOT},
    {"HostConfig.Binds = one-of /*", RISK_ROOT},
    {"HostConfig.Binds = one-of /**:ro", RISK_ROOT},
    {"HostConfig.Binds = one-of /var/*", RISK_ROOT},
    {"HostConfig.Binds = one-of /var/*:ro", RISK_ROOT},
    {"HostConfig.Binds = one-of /var/l*", RISK_ROOT},
    {"HostConfig.Binds = one-of /var/l*:ro", RISK_DATA},
    {"HostConfig.Binds = one-of /var/x*", RISK_DATA},
    {"HostConfig.Binds = one-of /*/passwd", RISK_ROOT},
    {"HostConfig.Binds = one-of /e*/passwd", RISK_ROOT},
    {"HostConfig.Binds = one-of /x*/passwd", RISK_DATA},
    {"HostConfig.Binds = one-of /v*/r*/d*", RISK_ROOT},
    {"HostConfig.Binds = one-of /dev/**:ro", RISK_ROOT},
    {"HostConfig.Mounts = allow\nHostConfig.Mounts[].Type = one-of bind\n"
     "HostConfig.Mounts[].Source = one-of /*",
     RISK_ROOT},
    {"HostConfig.Mounts = allow\nHostConfig.Mounts[].Type = one-of bind\n"
     "HostConfig.Mounts[].Source = one-of /etc/*:ro /srv/*",
     RISK_DATA},
    {"HostConfig.Mounts = allow\nHostConfig.Mounts[].Type = one-of bind\n"
     "HostConfig.Mounts[].Source = one-of /run/*:ro",
     RISK_ROOT},
    {"HostConfig.Binds = one-of /srv:/a:ro /srv/b:/b", RISK_DATA},
    {"HostConfig.Binds = one-of /srv:/a /srvb:/b !/srv:/x", RISK_DATA},
    {"HostConfig.Mounts = allow\nHostConfig.Mounts[].Type = one-of bind\n"
     "HostConfig.Mounts[].Source = one-of /srv:ro /srv/b",
     RISK_DATA},
    {"HostConfig.VolumesFrom = one-of *", RISK_NONE},
    {"HostConfig.VolumesFrom = one-of proxy", RISK_ROOT},
    {"HostConfig.Devices = allow", RISK_NONE},
    {"HostConfig.Devices[].PathOnHost = allow", RISK_NONE},
    {"HostConfig.Devices = allow\nHostConfig.Devices[].PathOnHost = one-of /dev/null", RISK_NONE},
    {"HostConfig.Devices = allow\nHostConfig.Devices[].PathOnHost = one-of /dev/s*", RISK_ROOT},
    {"HostConfig.Mounts = allow\nHostConfig.Mounts[].Type = one-of tmpfs bind", RISK_NONE},
    {"HostConfig.Mounts[].Type = allow\nHostConfig.Mounts[].Source = allow", RISK_NONE},
    {"HostConfig.Mounts = allow\nHostConfig.Mounts[].Type = force bind\n"
     "HostConfig.Mounts[].Source = one-of /srv",
     RISK_DATA},
    {"HostConfig.Mounts = allow\nHostConfig.Mounts[].BindOptions = allow\n"
     "HostConfig.Mounts[].BindOptions.Propagation = allow",
     RISK_NONE},
    {"HostConfig.Memory = max 1TiB", RISK_NONE},
    {"HostConfig.Memory = force 0", RISK_DENIAL},
    {"HostConfig.Memory = force 1GiB", RISK_NONE},
    {"HostConfig.Memory = allow, default 1GiB", RISK_DENIAL},
    {"HostConfig.MemorySwap = force -1", RISK_DENIAL},
    {"HostConfig.OomScoreAdj = min -10", RISK_DENIAL},
    {"HostConfig.OomScoreAdj = min 0, max 10", RISK_NONE},
    {"HostConfig.ReadonlyRootfs = forbid", RISK_DENIAL},
    {"HostConfig.LogConfig.Config = force max-size=1m", RISK_NONE},
    {"HostConfig.LogConfig.Config = force x=y", RISK_DENIAL},
    {"HostConfig.PortBindings = allow", RISK_NETWORK},
    {"HostConfig.Ulimits = allow\nHostConfig.Ulimits[].Name = one-of nofile rtprio", RISK_DENIAL},
    {"Env = one-of *", RISK_DATA},
    {"Env = one-of PATH HOME", RISK_NONE},
    {"Labels = one-of traefik.enable=false", RISK_DATA},
    {"User = allow", RISK_NONE},
};

static void values(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(value_cases) / sizeof(value_cases[0]); i++)
        check_rules("create", value_cases[i].rules, value_cases[i].risk);
}

static void execs(void **state)
{
    (void) state;
    check_rules("exec", "User = allow", RISK_NONE);
    check_rules("exec", "Privileged = allow", RISK_ROOT);
    check_rules("exec", "Env = allow", RISK_DATA);
}

static void places_and_values(void **state)
{
    (void) state;
    struct shown shown;
    judge_rules("create", "\nHostConfig.CapAdd = one-of CHOWN NET_RAW SYS_*\n", &shown);
    assert_non_null(strchr(shown.origin, ':'));
    assert_string_equal(strrchr(shown.origin, ':'), ":8");
    assert_string_equal(shown.value, "SYS_*");
    judge_rules("create", "HostConfig.Memory = allow", &shown);
    assert_string_equal(shown.value, "");
}

/* ---- the rows ---- */

static void row_texts(void **state)
{
    (void) state;
    for (int body = 0; body < BODY_COUNT; body++) {
        struct rows rows = rows_begin(body);
        struct field_row row;
        while (rows_next(&rows, &row))
            if (row.rule[0] &&
                !risk_text_is_good(row.risk)) /* else it is another row's: update.def */
                fail_msg("%s: '%s'", row.path, row.risk);
    }
    static const char *const bad[] = {"",      "rooty",   "root ",  "root, ",
                                      "root,", "root  x", "root x,"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (risk_text_is_good(bad[i]))
            fail_msg("'%s' passes", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies),
        cmocka_unit_test(shipped),
        cmocka_unit_test(values),
        cmocka_unit_test(execs),
        cmocka_unit_test(places_and_values),
        cmocka_unit_test(row_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
