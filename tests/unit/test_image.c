/* SPDX-License-Identifier: Apache-2.0 */
/* Names of images: their one form, what is no name, and what a pattern means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "glob.h"
#include "image.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_forms(void **state)
{
    static const struct {
        const char *text, *name, *printed;
    } cases[] = {
        {"busybox", "docker.io/library/busybox", "busybox:latest"},
        {"busybox:1.36", "docker.io/library/busybox", "busybox:1.36"},
        {"library/busybox", "docker.io/library/busybox", "busybox:latest"},
        {"docker.io/busybox", "docker.io/library/busybox", "busybox:latest"},
        {"docker.io/library/busybox:latest", "docker.io/library/busybox", "busybox:latest"},
        {"index.docker.io/busybox", "docker.io/library/busybox", "busybox:latest"},
        {"index.docker.io/library/busybox", "docker.io/library/busybox", "busybox:latest"},
        {"team/tool", "docker.io/team/tool", "team/tool:latest"},
        {"docker.io/team/tool:v1", "docker.io/team/tool", "team/tool:v1"},
        {"library/a/b", "docker.io/library/a/b", "library/a/b:latest"},
        {"localhost/tool", "localhost/tool", "localhost/tool:latest"},
        {"localhost:5000/tool", "localhost:5000/tool", "localhost:5000/tool:latest"},
        {"reg.example/a/b__c.d-e--f:V_1.0", "reg.example/a/b__c.d-e--f",
         "reg.example/a/b__c.d-e--f:V_1.0"},
        {"busybox@sha256:" HEX64, "docker.io/library/busybox", "busybox@sha256:" HEX64},
        {"busybox:1@sha256:" HEX64, "docker.io/library/busybox", "busybox@sha256:" HEX64},
        {"cafe", "docker.io/library/cafe", "cafe:latest"},
        {"d", "docker.io/library/d", "d:latest"},
        {"tool:5000", "docker.io/library/tool", "tool:5000"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct image image;
        char printed[IMAGE_TEXT_BYTES];
        const char *wrong = image_parse(cases[i].text, &image);
        if (wrong)
            fail_msg("%s %s", cases[i].text, wrong);
        assert_string_equal(image.name, cases[i].name);
        assert_string_equal(image_print(&image, printed), cases[i].printed);
        /* What is sent means the same to whoever reads it. */
        struct image again;
        assert_null(image_parse(printed, &again));
        assert_string_equal(again.name, image.name);
        assert_string_equal(again.tag, image.tag);
        assert_string_equal(again.digest, image.digest);
    }
}

static const char *const no_names[] = {
    "",
    "sha256:" HEX64,
    "sha256:ab",
    "sha256",
    HEX64,
    "library/sha256:ab",
    "docker.io/sha256:ab",
    "docker.io/library/" HEX64,
    "Busybox",
    "busybox:",
    "busybox:-x",
    "busybox@",
    "busybox@sha256:ab",
    "busybox@md5:" HEX64,
    "busybox@sha256:" HEX64 "0",
    "busybox:a:b",
    "busybox@sha256:" HEX64 "@x",
    "/busybox",
    "busybox/",
    "a//b",
    "-a",
    "a-",
    "a_",
    ".a",
    "a..b",
    "a___b",
    "a._b",
    "a b",
    "a\nb",
    "re_g.example/a",
    "reg.example:x/a",
    "reg.example:/a",
    "reg.example:123456/a",
    "-r.example/a",
    "r-.example/a",
    ".example/a",
    "example./a",
    "[::1]:5000/a",
    "FOO/a",
    "b\xc3\xbcsybox",
    "..",
    "../a",
    "a/../b",
    "reg.example/",
    "https://reg.example/a",
};

static void test_no_names(void **state)
{
    struct image image;
    char text[400] = {0};
    (void) state;
    for (size_t i = 0; i < sizeof(no_names) / sizeof(no_names[0]); i++)
        if (!image_parse(no_names[i], &image))
            fail_msg("'%s' was taken for a name", no_names[i]);
    memset(text, 'a', sizeof(text));
    text[IMAGE_NAME_BYTES - strlen("docker.io/library/")] = '\0';
    assert_null(image_parse(text, &image));
    strcat(text, "a");
    assert_non_null(image_parse(text, &image));
    memcpy(text, "x:", 2);
    memset(text + 2, 'a', sizeof(text) - 2);
    text[2 + IMAGE_TAG_BYTES] = '\0';
    assert_null(image_parse(text, &image));
    strcat(text, "a");
    assert_non_null(image_parse(text, &image));
}

static void test_patterns(void **state)
{
    static const struct {
        const char *pattern, *reference;
        bool matches;
    } cases[] = {
        {"busybox", "busybox", true},
        {"busybox", "busybox:latest", true},
        {"busybox", "docker.io/library/busybox", true},
        {"busybox", "busybox:1.36", false},
        {"busybox:*", "busybox:1.36", true},
        {"busybox:1.*", "busybox:1.36", true},
        {"busybox:1.*", "busybox:2.36", false},
        {"docker.io/library/busybox:*", "busybox:1", true},
        {"*", "busybox", true},
        {"*", "busybox:1", false},
        {"*:*", "busybox:1", true},
        {"*:*", "team/busybox:1", false},
        {"*:*", "reg.example/busybox:1", false},
        {"team/*", "team/tool", true},
        {"team/*", "team/a/b", false},
        {"team/**", "team/a/b", true},
        {"team/**", "reg.example/team/a", false},
        {"**:*", "reg.example/team/a:1", true},
        {"**/a:*", "reg.example/team/a:1", true},
        {"reg.example/*:*", "reg.example/a:1", true},
        {"reg.example/*:*", "reg.example.evil/a:1", false},
        {"reg.example/*:*", "reg.example:5000/a:1", false},
        {"py*:3.*", "python:3.11-slim", true},
        {"py*", "py/evil", false},
        {"busybox:*", "busybox@sha256:" HEX64, false},
        {"busybox", "busybox@sha256:" HEX64, false},
        {"busybox@*", "busybox@sha256:" HEX64, true},
        {"busybox@sha256:" HEX64, "busybox@sha256:" HEX64, true},
        {"busybox@sha256:" HEX64, "busybox:1@sha256:" HEX64, true},
        {"busybox@*", "busybox:1", false},
        {"**:*", "sha256:ab", false},
        {"**:*", HEX64, false},
    };
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (image_matches(cases[i].pattern, cases[i].reference, false) != cases[i].matches)
            fail_msg("%s %s", cases[i].pattern, cases[i].reference);
}

static void test_glob(void **state)
{
    static const struct {
        const char *pattern, *text;
        char separator;
        bool matches;
    } cases[] = {
        {"", "", 0, true},
        {"", "a", 0, false},
        {"a", "", 0, false},
        {"*", "", 0, true},
        {"*", "a/b", 0, true},
        {"*", "a/b", '/', false},
        {"**", "a/b", '/', true},
        {"a*b", "ab", 0, true},
        {"a*b", "aXbXb", 0, true},
        {"a*b", "aXbX", 0, false},
        {"a*b*c", "abbbc", 0, true},
        {"*b*/c", "abb/c", '/', true},
        {"*b*/c", "ab/b/c", '/', false},
        {"**a*b", "a/ab", '/', true},
        {"**/b", "a/a/b", '/', true},
        {"**/b*", "a/b/bc", '/', true},
        {"a*", "A", 0, false},
        {"***", "x", '/', true},
    };
    static char long_text[5001], long_pattern[200];
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (glob_matches(cases[i].pattern, cases[i].text, cases[i].separator, false) !=
            cases[i].matches)
            fail_msg("'%s' '%s'", cases[i].pattern, cases[i].text);
    assert_true(glob_matches("Tra*k.X", "tRAefiK.x", 0, true));
    assert_false(glob_matches("[*", "{x", 0, true)); /* one bit apart, but no letters */
    /* Many stars on a long text that nearly matches: over in no time, or this test never ends. */
    memset(long_text, 'a', sizeof(long_text) - 1);
    for (size_t i = 0; i + 2 < sizeof(long_pattern); i += 2)
        memcpy(long_pattern + i, "a*", 3);
    strcat(long_pattern, "b");
    assert_false(glob_matches(long_pattern, long_text, 0, false));
    assert_false(glob_matches(long_pattern, long_text, '/', false));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_no_names),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_glob),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
