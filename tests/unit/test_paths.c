/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths: what a pattern of a path says, and which lists of them a client could turn against the
 * host with a link.
 */
#include "paths.h"

#include "err.h"
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void patterns_say_what_they_say(void **state)
{
    (void) state;
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"/a", "/a", true},         {"/a", "/b", false},
        {"/a", "/a/b", false},      {"/a/*", "/a/b", true},
        {"/a/*", "/a", false},      {"/a/*", "/a/b/c", false},
        {"/a/x*", "/a/xy", true},   {"/a/x*", "/a/yx", false},
        {"/a/*/c", "/a/b/c", true}, {"/a/*/c", "/a/b/b/c", false},
        {"/a/**", "/a/b", true},    {"/a/**", "/a/b/c/d", true},
        {"/a/**", "/a", false},     {"/a/**", "/ab/c", false},
        {"/", "/", true},           {"/*", "/a", true},
        {"/*", "/a/b", false},      {"/**", "/a/b", true},
        {"/a/*b*", "/a/abc", true}, {"/a/.*", "/a/.git", true},
        {"/A", "/a", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (paths_match(cases[i].pattern, cases[i].path) != cases[i].matches)
            fail_msg("%s and %s", cases[i].pattern, cases[i].path);
}

static void exclusions_hold_around(void **state)
{
    (void) state;
    static const struct {
        const char *excluded, *path;
        bool touches;
    } cases[] = {
        {"/a/b", "/a/b", true},      {"/a/b", "/a/b/c", true}, {"/a/b", "/a", true},
        {"/a/b", "/", true},         {"/a/b", "/a/c", false},  {"/a/b", "/a/bc", false},
        {"/a/b*", "/a/bc/d", true},  {"/a/b", "/A/B", true},   {"/a/**", "/a/x/y", true},
        {"/a/*/c", "/a/b/d", false}, {"/a/*/c", "/a/b", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (paths_touch(cases[i].excluded, cases[i].path) != cases[i].touches)
            fail_msg("%s and %s", cases[i].excluded, cases[i].path);
}

static void writers_are_seen_above(void **state)
{
    (void) state;
    static const struct {
        const char *writable, *other;
        bool overlaps;
    } cases[] = {
        {"/a", "/a", false},
        {"/a", "/b", false},
        {"/a", "/ab", false},
        {"/a", "/a/b", true},
        {"/a/b", "/a", false},
        {"/", "/a", true},
        {"/a", "/", false},
        {"/a/*", "/a/b", false},
        {"/a/*", "/a/*", false},
        {"/a/*", "/a/b/c", true},
        {"/a/*", "/a/*/c", true},
        {"/a/x*", "/a/*y/c", true},
        {"/a/x", "/a/y*/c", false},
        {"/a/x*z", "/a/xyz/c", true},
        {"/a/x*z", "/a/xy/c", false},
        {"/*a*b*", "/*b*a*/c", true},
        {"/*a*b", "/*b*a/c", false},
        {"/a*b", "/b*a/c", false},
        {"/*", "/**", true},
        {"/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "/*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*c/d", false},
        {"/a", "/**", true},
        {"/a/b", "/a/**", true},
        {"/a/b/c", "/a/**", true},
        {"/b", "/a/**", false},
        {"/a", "/a/**", true},
        {"/a", "/a/b/**", true},
        {"/a/c", "/a/b/**", false},
        {"/a/**", "/a/b", true},
        {"/*", "/a/b/c", true},
        {"/*/b", "/a/*", false},
        {"/*/b", "/a/*/c", true},
        {"/*b/c", "/a*/c/d", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (paths_overlap(cases[i].writable, cases[i].other) != cases[i].overlaps)
            fail_msg("%s above %s", cases[i].writable, cases[i].other);
}

static void patterns_come_near(void **state)
{
    (void) state;
    static const struct {
        const char *pattern, *place, *path; /* NULL: nothing there */
    } cases[] = {
        {"/etc", "/etc", "/etc"},
        {"/etc/ssl", "/etc/*", "/etc/ssl"},
        {"/e*", "/etc", "/etc"},
        {"/x*", "/etc", NULL},
        {"/*/passwd", "/etc/*", "/etc/passwd"},
        {"/**", "/var/lib", "/var/lib"},
        {"/srv/**", "/etc", NULL},
        {"/var", "/var/lib", "/var"},
        {"/var/*", "/var/lib/*", "/var/lib"},
        {"/a/*", "", "/a/x"},
        {"/a/**", "", "/a"},
        {"/**", "", "/x"},
        {"/", "/etc", "/"},
        {"/*", "", "/x"},
    };
    char path[PATHS_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool near = paths_near(cases[i].pattern, cases[i].place, path);
        if (near != (cases[i].path != NULL) || (near && strcmp(path, cases[i].path) != 0))
            fail_msg("%s near %s is %s", cases[i].pattern, cases[i].place, near ? path : "nothing");
    }
}

/* A policy with such a list does not load, whichever fields its halves stand in. */
static int load(const char *rules, struct err *err)
{
    char path[] = "/tmp/caisson-test-XXXXXX";
    int fd = mkstemp(path);
    struct policy *policy = NULL;
    assert_true(fd >= 0);
    dprintf(fd, "[create]\nImage = one-of busybox\n%s", rules);
    close(fd);
    int rc = policy_load(path, &policy, err);
    unlink(path);
    policy_unref(policy);
    return rc;
}

static void lists_are_held_against_each_other(void **state)
{
    (void) state;
    static const char *const good[] = {
        "HostConfig.Binds = one-of /srv/* /opt/a:ro /opt/a/b:/x:ro",
        "HostConfig.Binds = one-of /srv/a /srv/b !/srv/a/b",
        "HostConfig.Binds = one-of /srv/**:ro cache:/c own*:/x",
        "HostConfig.Binds = one-of /srv/a:/a:ro /srv/a/b",
        ("HostConfig.Mounts[].Source = one-of /srv /srv/b\nHostConfig.Mounts[].ReadOnly = force "
         "true"),
        "HostConfig.Binds = one-of /srv/a\nHostConfig.Mounts[].Source = one-of /srv/a /srv/b/*",
        "HostConfig.Binds = one-of /srv/a\nHostConfig.Devices[].PathOnHost = one-of /dev/null",
        "HostConfig.Binds = force /srv/a:/a /srv/b:/b:ro",
        "HostConfig.Binds = one-of / /srv:ro /etc /etc/x", /* root anyway, as the verdict says */
    };
    static const char *const bad[] = {
        "HostConfig.Binds = one-of /srv:/a /srv/b:/b",
        "HostConfig.Binds = one-of /srv/b:/b:ro /srv:/a",
        "HostConfig.Binds = one-of /srv/* /srv/a/b:ro",
        "HostConfig.Binds = one-of /srv/a /srv/**:ro",
        "HostConfig.Binds = one-of /srv/a:/a:rw /srv/**:ro",
        "HostConfig.Binds = one-of /srv/a\nHostConfig.Mounts[].Source = one-of /srv/a/b:ro",
        "HostConfig.Mounts[].Source = one-of /srv/a\nHostConfig.Binds = one-of /srv/a/b:/x:ro",
        "HostConfig.Mounts[].Source = one-of /srv /srv/b",
        "HostConfig.Binds = force /srv:/a /srv/b:/b",
        ("HostConfig.Binds = one-of /srv\nHostConfig.Mounts = force "
         "[{\"Type\":\"bind\",\"Source\":\"/srv/a\",\"Target\":\"/a\",\"ReadOnly\":true}]"),
        "HostConfig.Binds = one-of /srv/a\nHostConfig.Devices[].PathOnHost = one-of /srv/a/dev",
        "HostConfig.Binds = one-of /srv/a\nHostConfig.Devices[].PathOnHost = one-of /s*",
    };
    struct err err;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (load(good[i], &err) < 0)
            fail_msg("%s: %s", good[i], err.text);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (load(bad[i], &err) == 0)
            fail_msg("%s was taken", bad[i]);
        else if (!strstr(err.text, ":3: ") && !strstr(err.text, ":4: "))
            fail_msg("%s: %s", bad[i], err.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_say_what_they_say),
        cmocka_unit_test(exclusions_hold_around),
        cmocka_unit_test(writers_are_seen_above),
        cmocka_unit_test(patterns_come_near),
        cmocka_unit_test(lists_are_held_against_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
