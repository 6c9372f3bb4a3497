/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner: networks and volumes, beside the containers of test_owner.c.
 */
#include "owner.h"

#include "err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NET   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define OURS  "\"Labels\":{\"io.caisson.owner\":\"me\"}"

struct tables {
    struct owner_table *all, *networks, *volumes;
};

static int setup(void **ret_state)
{
    static struct tables tables;
    tables.all = owner_table_new("me");
    assert_non_null(tables.all);
    tables.networks = owner_of(tables.all, OWNER_NETWORK);
    tables.volumes = owner_of(tables.all, OWNER_VOLUME);
    *ret_state = &tables;
    return 0;
}

static int teardown(void **any)
{
    struct tables *tables = *any;
    owner_table_free(tables->all);
    return 0;
}

static bool has(const struct owner_table *table, const char *ref)
{
    return owner_resolve(table, ref, strlen(ref)) != NULL;
}

static void the_kinds_do_not_mix(void **any)
{
    struct tables *tables = *any;
    assert_int_equal(owner_add(tables->networks, NET, "front", 0), 0);
    assert_int_equal(owner_add(tables->volumes, "data", NULL, 0), 0);
    assert_true(has(tables->networks, NET) && has(tables->networks, "front"));
    assert_true(has(tables->networks, "aaaaaaaaaaaa"));
    assert_true(has(tables->volumes, "data"));
    assert_false(has(tables->all, NET) || has(tables->all, "front") || has(tables->all, "data"));
    assert_false(has(tables->volumes, "front") || has(tables->networks, "data"));
    assert_int_equal(owner_count(tables->all), 0);
    owner_expect(tables->volumes);
    assert_int_equal(owner_alive(tables->volumes), 2);
    assert_int_equal(owner_alive(tables->networks), 1);
    owner_expect_no_more(tables->volumes);
}

static void volumes_are_their_names(void **any)
{
    struct owner_table *volumes = ((struct tables *) *any)->volumes;
    assert_int_equal(owner_add(volumes, "abcdefabcdefabcdef", NULL, 0), 0);
    assert_int_equal(owner_add(volumes, "abc", NULL, 0), 0);
    assert_int_equal(owner_add(volumes, NET, NULL, 0), 0);
    assert_true(has(volumes, "abc") && has(volumes, "abcdefabcdefabcdef") && has(volumes, NET));
    assert_false(has(volumes, "abcdefabcdefa"));
    assert_false(has(volumes, "ab") || has(volumes, "abcd") || has(volumes, "aaaaaaaaaaaa"));
    assert_true(owner_remove(volumes, "abc"));
    assert_false(owner_remove(volumes, "abc"));
    assert_false(has(volumes, "abc"));
    assert_true(has(volumes, "abcdefabcdefabcdef"));
    /* What a text with a NUL within means to the engine is not what it means here. */
    assert_null(owner_resolve(volumes, "abcdefabcdefabcdef\0x", 20));
}

static void ids(void **any)
{
    (void) any;
    assert_true(owner_is_id(OWNER_NETWORK, NET, 64));
    assert_false(owner_is_id(OWNER_NETWORK, NET, 63));
    assert_false(owner_is_id(OWNER_NETWORK, "front", 5));
    assert_true(owner_is_id(OWNER_VOLUME, "front", 5));
    assert_false(owner_is_id(OWNER_VOLUME, "", 0));
    assert_false(owner_is_id(OWNER_VOLUME, "a/b", 3));
    assert_false(owner_is_id(OWNER_VOLUME, NET NET, 65));
}

static void targets(void **any)
{
    struct tables *tables = *any;
    char target[256];
    assert_int_equal(owner_list_target(tables->networks, 41, target, sizeof(target)), 0);
    assert_string_equal(target, "/v1.41/networks?filters=%7B%22label%22%3A%7B%22"
                                "io.caisson.owner%3Dme%22%3Atrue%7D%7D");
    assert_int_equal(owner_list_target(tables->volumes, 41, target, sizeof(target)), 0);
    assert_string_equal(target, "/v1.41/volumes?filters=%7B%22label%22%3A%7B%22"
                                "io.caisson.owner%3Dme%22%3Atrue%7D%7D");
}

static int rebuild(struct owner_table *table, const char *json)
{
    struct err err;
    return owner_rebuild(table, owner_mark(table), json, strlen(json), &err);
}

static void networks_are_rebuilt(void **any)
{
    struct owner_table *networks = ((struct tables *) *any)->networks;
    assert_int_equal(owner_add(networks, OTHER, "gone", 0), 0);
    assert_int_equal(rebuild(networks, "[{\"Id\":\"" NET "\",\"Name\":\"front\"," OURS "}]"), 0);
    assert_true(has(networks, "front") && !has(networks, "gone"));
    /* What does not carry our label is not ours, whatever the engine lists. */
    assert_int_equal(rebuild(networks, "[{\"Id\":\"" NET "\",\"Name\":\"front\",\"Labels\":{}}]"),
                     0);
    assert_false(has(networks, "front"));
    assert_int_equal(rebuild(networks, "[{\"Id\":\"w37ghb0vj\",\"Name\":\"front\"," OURS "}]"), 0);
    assert_false(has(networks, "front"));
    assert_int_equal(rebuild(networks, "[]"), 0);
    static const char *const broken[] = {"{}", "[1]", "[{\"Name\":\"front\"," OURS "}]", "null"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_true(rebuild(networks, broken[i]) < 0);
}

static void volumes_are_rebuilt(void **any)
{
    struct owner_table *volumes = ((struct tables *) *any)->volumes;
    assert_int_equal(owner_add(volumes, "gone", NULL, 0), 0);
    assert_int_equal(rebuild(volumes, "{\"Volumes\":[{\"Name\":\"data\"," OURS "},"
                                      "{\"Name\":\"theirs\",\"Labels\":null},"
                                      "{\"Name\":\"a/b\"," OURS "}],\"Warnings\":null}"),
                     0);
    assert_true(has(volumes, "data"));
    assert_int_equal(owner_count(volumes), 1);
    assert_int_equal(rebuild(volumes, "{\"Volumes\":null}"), 0);
    assert_int_equal(owner_count(volumes), 0);
    static const char *const broken[] = {"{}", "[]", "{\"Volumes\":1}", "{\"Volumes\":[1]}"};
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_true(rebuild(volumes, broken[i]) < 0);
}

static void a_list_of_before_undoes_nothing(void **any)
{
    struct owner_table *volumes = ((struct tables *) *any)->volumes;
    struct err err;
    assert_int_equal(owner_add(volumes, "old", NULL, 0), 0);
    uint64_t mark = owner_mark(volumes);
    assert_int_equal(owner_add(volumes, "new", NULL, 0), 0);
    assert_true(owner_remove(volumes, "old"));
    const char *list = "{\"Volumes\":[{\"Name\":\"old\"," OURS "}]}";
    assert_int_equal(owner_rebuild(volumes, mark, list, strlen(list), &err), 0);
    assert_true(has(volumes, "new") && !has(volumes, "old"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_kinds_do_not_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(volumes_are_their_names, setup, teardown),
        cmocka_unit_test_setup_teardown(ids, setup, teardown),
        cmocka_unit_test_setup_teardown(targets, setup, teardown),
        cmocka_unit_test_setup_teardown(networks_are_rebuilt, setup, teardown),
        cmocka_unit_test_setup_teardown(volumes_are_rebuilt, setup, teardown),
        cmocka_unit_test_setup_teardown(a_list_of_before_undoes_nothing, setup, teardown),
    };
    return cmocka_run_group_tests_name("owner kinds", tests, NULL, NULL);
}
