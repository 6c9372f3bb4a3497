/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unjudged: what is read in a query that nobody has judged: of a request that was refused before,
 * or is only observed.
 */
#include "policy.h"

#include "operation.h"
#include "query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of a target whose pairs are divided as no query's are, too: it is refused, and noted. */
static void secrets_are_hidden(void **state)
{
    static const char *const targets[][2] = {
        {"/a?authconfig=abc", "/a?authconfig=***"},
        {"/a?x=1&buildargs=abc&y=2", "/a?x=1&buildargs=***&y=2"},
        {"/a?%61uth%63onfig=abc&authconfig=d", "/a?%61uth%63onfig=***&authconfig=*"},
        {"/a?x;authconfig=abc", "/a?x;authconfig=***"},
        {"/a?x=1;build%61rgs=abc;d&y=2", "/a?x=1;build%61rgs=*****&y=2"},
        {"/a?x=1?authconfig=abc", "/a?x=1?authconfig=***"},
        {"/a?authconfig=a?authconfig=b", "/a?authconfig=**************"},
        {"/a?authconfig==&authconfig=&authconfig", "/a?authconfig=*&authconfig=&authconfig"},
        {"/a?authconfigs=abc&x=authconfig=d&y", "/a?authconfigs=abc&x=authconfig=d&y"},
        {"/a=b", "/a=b"},
        {"", ""},
    };
    char shown[80];
    (void) state;
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        size_t bytes = strlen(targets[i][0]);
        char *target = malloc(bytes > 0 ? bytes : 1); /* exactly as long, for a sanitizer */
        assert_non_null(target);
        memcpy(target, targets[i][0], bytes);
        policy_hide_secrets(target, bytes);
        snprintf(shown, sizeof(shown), "%.*s", (int) bytes, target);
        free(target);
        assert_string_equal(shown, targets[i][1]);
    }
}

/* The first value of a name, which may be written in any way. */
static void values_are_read_as_an_engine_does(void **state)
{
    static const char *const rows[][2] = {
        {"name=a", "a"},
        {"x=1&n%61m%65=a%62+c&name=d", "ab c"},
        {"name=a=b", "a=b"},
        {"name", ""},
        {"name=", ""},
        {"x&name&name=b", ""},
        {"names=a&xname=b&x=name=c", NULL},
        {"", NULL},
        {"name=%0a", "?"},
        {"name=%zz", "?"},
        {"name=1234567", "1234567"},
        {"name=12345678", "?"},
    };
    char value[8];
    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *want = rows[i][1];
        bool found = query_peek(rows[i][0], strlen(rows[i][0]), "name", value, sizeof(value));
        if (found != (want != NULL) || (found && strcmp(value, want) != 0))
            fail_msg("%s: %s", rows[i][0], found ? value : "none");
    }
}

/* Whether an engine holds an answer back: what cannot be read here counts as if it did. */
static void flags_are_read_as_an_engine_does(void **state)
{
    static const struct {
        const char *query;
        bool logs, stats;
    } rows[] = {
        {"", false, true},
        {"?x=1", false, true},
        {"?%s=1", true, true},
        {"?x=1&%s=yes&%s=0", true, true},
        {"?%s=0&%s=1", false, false},
        {"?%s=", false, false},
        {"?%s", false, false},
        {"?%s=No", false, false},
        {"?%s=FALSE", false, false},
        {"?%s=none", false, false},
        {"?%s=+n%%6f+", false, false},
        {"?%s=off", true, true},
        {"?%s=f", true, true},
        {"?%s=00", true, true},
        {"?%s=%%09no", true, true},
    };
    struct policy_decision decision = {0};
    (void) state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const bool logs = i % 2 == 0, want = logs ? rows[i / 2].logs : rows[i / 2].stats;
        const char *name = logs ? "f%6fllow" : "stream";
        char *to = stpcpy(decision.target, "/v1.41/containers/a/x");
        for (const char *at = rows[i / 2].query; *at; at++)
            if (*at == '%' && at[1] == 's' && at++)
                to = stpcpy(to, name);
            else if (*at != '%' || at[1] != '%')
                *to++ = *at;
        *to = '\0';
        decision.op = operation_get(logs ? OPERATION_ContainerLogs : OPERATION_ContainerStats);
        if (policy_is_held(&decision) != want)
            fail_msg("%s", decision.target);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_hidden),
        cmocka_unit_test(values_are_read_as_an_engine_does),
        cmocka_unit_test(flags_are_read_as_an_engine_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
