/* SPDX-License-Identifier: Apache-2.0 */
/* The set of all schemas: sections, rules for several bodies at once, listings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "field.h"
#include "schema.h"
#include "schemas.h"

static int setup(void **ret_state)
{
    static struct schemas schemas;
    assert_int_equal(schemas_init(&schemas), 0);
    *ret_state = &schemas;
    return 0;
}

static int teardown(void **state)
{
    schemas_done(*state);
    return 0;
}

static const char *rule_of(const struct schemas *schemas, enum body body, const char *path)
{
    return schema_find(schemas->of[body], path)->rule.text;
}

/* A rule of a section holds for each of its bodies that has the field, and for no other. */
static void test_a_rule_holds_for_the_whole_section(void **state)
{
    struct schemas *schemas = *state;
    struct err err;
    assert_int_equal(schemas_set_rule(schemas, "exec", "Tty", "forbid", "a.ini:3", &err), 0);
    assert_string_equal(rule_of(schemas, BODY_EXEC, "Tty"), "forbid");
    assert_string_equal(rule_of(schemas, BODY_EXEC_START, "Tty"), "forbid");
    assert_string_equal(rule_of(schemas, BODY_CREATE, "Tty"), "allow");
    assert_int_equal(schemas_set_rule(schemas, "exec", "User", "allow", "a.ini:4", &err), 0);
    assert_string_equal(rule_of(schemas, BODY_EXEC, "User"), "allow");
}

static void test_an_unknown_field_is_an_error(void **state)
{
    struct err err;
    assert_true(schemas_set_rule(*state, "exec", "Privilegd", "forbid", "a.ini:3", &err) < 0);
    assert_non_null(strstr(err.text, "did you mean Privileged?"));
    assert_true(schemas_set_rule(*state, "exec", "Image", "allow", "a.ini:3", &err) < 0);
}

static void test_sections(void **state)
{
    char text[SCHEMAS_SECTIONS_BYTES];
    (void) state;
    assert_true(schemas_have_section("create"));
    assert_false(schemas_have_section("limits"));
    assert_int_equal(strncmp(schemas_print_sections(text), "[create], [exec]", 16), 0);
}

static void count_tty(void *arg, enum body body, const struct schema_field *field)
{
    size_t *counts = arg;
    if (strcmp(field->path, "Tty") == 0)
        counts[body]++;
}

static void test_a_shared_field_is_shown_once(void **state)
{
    size_t counts[BODY_COUNT] = {0};
    schemas_each(*state, count_tty, counts);
    assert_int_equal(counts[BODY_CREATE], 1);
    assert_int_equal(counts[BODY_EXEC], 1);
    assert_int_equal(counts[BODY_EXEC_START], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_rule_holds_for_the_whole_section, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unknown_field_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sections, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_shared_field_is_shown_once, setup, teardown),
    };
    return cmocka_run_group_tests_name("schemas", tests, NULL, NULL);
}
