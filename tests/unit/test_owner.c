/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner: references, names that move, and the rebuilding from an engine's list.
 */
#include "owner.h"

#include "err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A full id that begins with `head` and goes on with zeros. */
static const char *id_of(const char *head)
{
    static char ids[8][OWNER_ID_BYTES + 1];
    static unsigned next;
    char *id = ids[next++ % 8];
    memset(id, '0', OWNER_ID_BYTES);
    id[OWNER_ID_BYTES] = '\0';
    memcpy(id, head, strlen(head));
    return id;
}

static const struct owner_entry *find(const struct owner_table *table, const char *ref)
{
    size_t bytes = strlen(ref);
    char *copy = malloc(bytes ? bytes : 1); /* exactly as long, for the sanitizers */
    assert_non_null(copy);
    memcpy(copy, ref, bytes);
    const struct owner_entry *entry = owner_resolve(table, copy, bytes);
    free(copy);
    return entry;
}

static void assert_finds(const struct owner_table *table, const char *ref, const char *head)
{
    const struct owner_entry *entry = find(table, ref);
    if (!entry)
        fail_msg("'%s' finds nothing", ref);
    assert_string_equal(entry->id, id_of(head));
}

static void assert_finds_nothing(const struct owner_table *table, const char *ref)
{
    if (find(table, ref))
        fail_msg("'%s' finds %s", ref, find(table, ref)->id);
}

static struct owner_table *table_of_three(void)
{
    struct owner_table *table = owner_table_new("me");
    assert_int_equal(owner_add(table, id_of("bbbbbbbbbbbb1"), "bee", 10), 0);
    assert_int_equal(owner_add(table, id_of("aaaaaaaaaaaa1"), "ay", 20), 0);
    assert_int_equal(owner_add(table, id_of("bbbbbbbbbbbb2"), NULL, 30), 0);
    return table;
}

static void references(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    assert_string_equal(owner_name(table), "me");
    assert_int_equal(owner_count(table), 3);
    assert_finds(table, id_of("aaaaaaaaaaaa1"), "aaaaaaaaaaaa1");
    assert_finds(table, id_of("bbbbbbbbbbbb2"), "bbbbbbbbbbbb2");
    assert_finds(table, "bee", "bbbbbbbbbbbb1");
    assert_finds(table, "ay", "aaaaaaaaaaaa1");
    assert_finds(table, "aaaaaaaaaaaa", "aaaaaaaaaaaa1");
    assert_finds(table, "aaaaaaaaaaaa1000000", "aaaaaaaaaaaa1");
    assert_finds(table, "bbbbbbbbbbbb1", "bbbbbbbbbbbb1");
    assert_finds(table, "bbbbbbbbbbbb2", "bbbbbbbbbbbb2");

    assert_finds_nothing(table, "");
    assert_finds_nothing(table, "b");
    assert_finds_nothing(table, "be");
    assert_finds_nothing(table, "beee");
    assert_finds_nothing(table, "Bee");
    assert_finds_nothing(table, "/bee");
    assert_finds_nothing(table, "aaaaaaaaaaa");   /* 11 */
    assert_finds_nothing(table, "bbbbbbbbbbbb");  /* of two */
    assert_finds_nothing(table, "AAAAAAAAAAAA1"); /* an id is lower case */
    assert_finds_nothing(table, "aaaaaaaaaaaa2");
    assert_finds_nothing(table, "cccccccccccc");
    assert_finds_nothing(table, id_of("aaaaaaaaaaaa2"));
    char longer[66];
    snprintf(longer, sizeof(longer), "%s0", id_of("aaaaaaaaaaaa1"));
    assert_finds_nothing(table, longer);
    owner_table_free(table);
    owner_table_free(NULL);
}

static void names_move(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    /* The newer entry takes a name over. */
    owner_add(table, id_of("cc"), "bee", 40);
    assert_finds(table, "bee", "cc");
    assert_string_equal(find(table, "bbbbbbbbbbbb1")->name, "");
    /* Renewing keeps an entry's name unless there is a new one. */
    owner_add(table, id_of("cc"), NULL, 50);
    assert_finds(table, "bee", "cc");
    assert_int_equal(find(table, "bee")->created_s, 50);
    owner_add(table, id_of("cc"), "sea", 50);
    assert_finds(table, "sea", "cc");
    assert_finds_nothing(table, "bee");
    assert_int_equal(owner_count(table), 4);
    /* A name goes with its entry. */
    assert_true(owner_remove(table, id_of("cc")));
    assert_false(owner_remove(table, id_of("cc")));
    assert_finds_nothing(table, "sea");
    owner_add(table, id_of("dd"), "sea", 60);
    assert_finds(table, "sea", "dd");
    /* Names that are too long are no names. */
    char longer[OWNER_NAME_BYTES + 2];
    memset(longer, 'n', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    owner_add(table, id_of("ee"), longer, 70);
    assert_finds_nothing(table, longer);
    assert_finds(table, "aaaaaaaaaaaa", "aaaaaaaaaaaa1");
    owner_table_free(table);
}

/* A name that looks like the prefix of a foreign id still is the name: no other table is asked. */
static void names_before_prefixes(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    owner_add(table, id_of("dd"), "aaaaaaaaaaaa", 1);
    assert_finds(table, "aaaaaaaaaaaa", "dd");
    owner_table_free(table);
}

static void removing_takes_full_ids(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    assert_false(owner_remove(table, "bee"));
    assert_false(owner_remove(table, "aaaaaaaaaaaa"));
    assert_false(owner_remove(table, ""));
    assert_true(owner_remove(table, id_of("aaaaaaaaaaaa1")));
    assert_int_equal(owner_count(table), 2);
    owner_table_free(table);
}

/* Many entries in a scrambled order, against what arithmetic says. */
static void many(void **state)
{
    (void) state;
    enum { COUNT = 2000 };
    struct owner_table *table = owner_table_new("me");
    char id[OWNER_ID_BYTES + 1], name[32];
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned n = i * 7919 % COUNT;
        snprintf(id, sizeof(id), "%016x%048x", n * 2654435761u, n);
        snprintf(name, sizeof(name), "c%u", n);
        assert_int_equal(owner_add(table, id, name, n), 0);
    }
    assert_int_equal(owner_count(table), COUNT);
    for (unsigned n = 0; n < COUNT; n += 2) {
        snprintf(id, sizeof(id), "%016x%048x", n * 2654435761u, n);
        assert_true(owner_remove(table, id));
    }
    assert_int_equal(owner_count(table), COUNT / 2);
    for (unsigned n = 0; n < COUNT; n++) {
        snprintf(id, sizeof(id), "%016x%048x", n * 2654435761u, n);
        snprintf(name, sizeof(name), "c%u", n);
        const struct owner_entry *by_id = find(table, id), *by_name = find(table, name);
        assert_ptr_equal(by_id, by_name);
        assert_int_equal(by_id != NULL, n % 2);
        if (by_id)
            assert_int_equal(by_id->created_s, n);
    }
    for (size_t i = 1; i < owner_count(table); i++)
        assert_true(strcmp(owner_at(table, i - 1)->id, owner_at(table, i)->id) < 0);
    owner_table_free(table);
}

static void the_label_query(void **state)
{
    (void) state;
    struct owner_table *table = owner_table_new("team-a");
    char target[256];
    assert_int_equal(owner_list_target(table, 41, target, sizeof(target)), 0);
    assert_string_equal(target, "/v1.41/containers/json?all=1&filters=%7B%22label%22%3A%5B%22"
                                "io.caisson.owner%3Dteam-a%22%5D%7D");
    assert_int_equal(owner_list_target(table, 41, target, strlen(target) + 1), 0);
    assert_int_equal(owner_list_target(table, 41, target, strlen(target)), -1);
    owner_table_free(table);
}

/* ---- rebuilding ---- */

#define LISTED(id, names, label) \
    "{\"Id\":\"" id "\",\"Names\":" names ",\"Created\":7,\"Labels\":" label ",\"State\":\"x\"}"
#define MINE "{\"io.caisson.owner\":\"me\",\"a\":\"b\"}"
#define Z52  "0000000000000000000000000000000000000000000000000000"
#define ID_A "aaaaaaaaaaaa" Z52
#define ID_B "bbbbbbbbbbbb" Z52
#define ID_C "cccccccccccc" Z52

static int rebuild(struct owner_table *table, uint64_t mark, const char *json, char *ret_error)
{
    struct err err = {""};
    size_t bytes = strlen(json);
    char *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, json, bytes);
    int rc = owner_rebuild(table, mark, copy, bytes, &err);
    free(copy);
    assert_int_equal(rc < 0, err.text[0] != '\0');
    strcpy(ret_error, err.text);
    return rc;
}

static void rebuild_replaces(void **state)
{
    (void) state;
    char error[512];
    struct owner_table *table = table_of_three();
    uint64_t mark = owner_mark(table);
    owner_add(table, ID_C, "late", 99);
    assert_int_equal(rebuild(table, mark,
                             "[" LISTED(ID_A, "[\"/x/alias\",\"/one\"]",
                                        MINE) "," LISTED(ID_B, "[\"/two\"]", MINE) "]",
                             error),
                     0);
    assert_int_equal(owner_count(table), 3);
    assert_string_equal(find(table, "one")->id, ID_A);
    assert_string_equal(find(table, "two")->id, ID_B);
    assert_string_equal(find(table, "late")->id, ID_C);
    assert_int_equal(find(table, "late")->created_s, 99);
    assert_int_equal(find(table, "one")->created_s, 7);
    assert_finds_nothing(table, "bee");
    assert_finds_nothing(table, "x/alias");
    assert_finds_nothing(table, "alias");
    assert_finds_nothing(table, "bbbbbbbbbbbb1");
    owner_table_free(table);
}

/* Two rebuilds under way at once: what came in between survives both. */
static void rebuild_twice(void **state)
{
    (void) state;
    char error[512];
    struct owner_table *table = owner_table_new("me");
    owner_add(table, ID_A, "a", 1);
    uint64_t mark = owner_mark(table);
    owner_add(table, ID_B, "b", 1);
    assert_int_equal(rebuild(table, mark, "[]", error), 0);
    assert_int_equal(rebuild(table, mark, "[]", error), 0);
    assert_int_equal(owner_count(table), 1);
    assert_string_equal(find(table, "b")->id, ID_B);
    assert_int_equal(rebuild(table, owner_mark(table), "[]", error), 0);
    assert_int_equal(owner_count(table), 0);
    owner_table_free(table);
}

/* A list that was made before a removal does not bring the container back. */
static void rebuild_keeps_removals(void **state)
{
    (void) state;
    static const char listed[] = "[" LISTED(ID_A, "[\"/one\"]", MINE) "]";
    char error[512];
    struct owner_table *table = owner_table_new("me");
    owner_add(table, ID_A, "one", 1);
    uint64_t mark = owner_mark(table);
    for (int i = 0; i < 40; i++) {
        char id[OWNER_ID_BYTES + 1];
        snprintf(id, sizeof(id), "%064x", i);
        owner_add(table, id, NULL, 1);
        assert_true(owner_remove(table, id));
    }
    assert_true(owner_remove(table, ID_A));
    assert_int_equal(rebuild(table, mark, listed, error), 0);
    assert_int_equal(owner_count(table), 0);
    /* One that was made after the removal, or that nobody waits for any more, does. */
    owner_add(table, ID_A, NULL, 1);
    assert_true(owner_remove(table, ID_A));
    mark = owner_mark(table);
    assert_int_equal(rebuild(table, mark, listed, error), 0);
    assert_int_equal(owner_count(table), 1);
    mark = owner_mark(table);
    assert_true(owner_remove(table, ID_A));
    owner_unmark(table);
    assert_int_equal(rebuild(table, mark, listed, error), 0);
    assert_int_equal(owner_count(table), 1);
    owner_table_free(table);
}

static void creates_under_way_count(void **state)
{
    (void) state;
    char error[512];
    struct owner_table *table = table_of_three();
    assert_int_equal(owner_alive(table), 3);
    owner_expect(table);
    owner_expect(table);
    assert_int_equal(owner_alive(table), 5);
    assert_int_equal(owner_count(table), 3);
    assert_int_equal(rebuild(table, owner_mark(table), "[]", error), 0);
    assert_int_equal(owner_alive(table), 2);
    owner_expect_no_more(table);
    owner_expect_no_more(table);
    assert_int_equal(owner_alive(table), 0);
    owner_table_free(table);
}

static void rebuild_takes_only_ours(void **state)
{
    (void) state;
    static const char *const foreign[] = {
        "null",
        "{}",
        "{\"io.caisson.owner\":\"you\"}",
        "{\"io.caisson.owner\":\"me2\"}",
        "{\"io.caisson.owner\":\"m\"}",
        "{\"io.caisson.owner\":\"\"}",
        "{\"io.caisson.owner\":null}",
        "{\"io.caisson.owner\":true}",
        "{\"IO.caisson.owner\":\"me\"}",
        "{\"io.caisson.owner\":\"me\\u0000\"}",
        "[\"io.caisson.owner\",\"me\"]",
    };
    char error[512], json[512];
    struct owner_table *table = owner_table_new("me");
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        snprintf(json, sizeof(json),
                 "[{\"Id\":\"" ID_A "\",\"Names\":[\"/x\"],\"Created\":1,\"Labels\":%s}]",
                 foreign[i]);
        assert_int_equal(rebuild(table, 0, json, error), 0);
        assert_int_equal(owner_count(table), 0);
    }
    owner_table_free(table);
}

static void rebuild_tolerates_names(void **state)
{
    (void) state;
    static const char *const names[] = {
        "null",
        "[]",
        "[\"x\"]",
        "[\"/\"]",
        "[\"/a/b\"]",
        "[7]",
        "{}",
        "[\"/x\\u0000y\"]",
        "[\"/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\"]",
    };
    char error[512], json[512];
    struct owner_table *table = owner_table_new("me");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(json, sizeof(json),
                 "[{\"Id\":\"" ID_A "\",\"Names\":%s,\"Created\":1,\"Labels\":" MINE "}]",
                 names[i]);
        assert_int_equal(rebuild(table, 99, json, error), 0);
        assert_int_equal(owner_count(table), 1);
        assert_string_equal(owner_at(table, 0)->name, "");
    }
    owner_table_free(table);
}

struct broken_case {
    const char *json, *error;
};

static const struct broken_case broken_cases[] = {
    {"", NULL},
    {"[", NULL},
    {"[] x", NULL},
    {"[{\"Id\":1,\"Id\":2}]", NULL},
    {"{}", "the engine's list of containers is no JSON array"},
    {"[7]", "container 0 of the engine's list is no object"},
    {"[{\"Created\":1,\"Labels\":" MINE "}]", "container 0 of the engine's list has no full id"},
    {"[{\"Id\":\"abc\",\"Created\":1,\"Labels\":" MINE "}]",
     "container 0 of the engine's list has no full id"},
    {"[{\"Id\":\"AAAAAAAAAAAA" Z52 "\",\"Created\":1,\"Labels\":" MINE "}]",
     "container 0 of the engine's list has no full id"},
    {"[{\"Id\":\"" ID_A "0\",\"Created\":1,\"Labels\":" MINE "}]",
     "container 0 of the engine's list has no full id"},
    {"[" LISTED(ID_A, "[]", MINE) ",{\"Id\":\"" ID_B "\",\"Labels\":" MINE "}]",
     "container 1 of the engine's list has no creation time"},
    {"[{\"Id\":\"" ID_A "\",\"Created\":1.5,\"Labels\":" MINE "}]",
     "container 0 of the engine's list has no creation time"},
};

static void broken_lists_change_nothing(void **state)
{
    (void) state;
    char error[512];
    for (size_t i = 0; i < sizeof(broken_cases) / sizeof(broken_cases[0]); i++) {
        struct owner_table *table = table_of_three();
        assert_int_equal(rebuild(table, owner_mark(table), broken_cases[i].json, error), -1);
        if (broken_cases[i].error)
            assert_string_equal(error, broken_cases[i].error);
        else
            assert_memory_equal(error, "the engine's list of containers is no JSON: ", 44);
        assert_int_equal(owner_count(table), 3);
        assert_finds(table, "bee", "bbbbbbbbbbbb1");
        owner_table_free(table);
    }
}

static const char *exec_container(const struct owner_table *table, const char *ref)
{
    size_t bytes = strlen(ref);
    char *copy = malloc(bytes ? bytes : 1); /* exactly as long, for the sanitizers */
    assert_non_null(copy);
    memcpy(copy, ref, bytes);
    const char *container = owner_exec_container(table, copy, bytes);
    free(copy);
    return container;
}

static void renaming(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    assert_false(owner_rename(table, id_of("cccccccccccc"), "new"));
    assert_false(owner_rename(table, "bbbbbbbbbbbb1", "new"));
    assert_finds_nothing(table, "new");
    assert_true(owner_rename(table, id_of("bbbbbbbbbbbb1"), "new"));
    assert_finds(table, "new", "bbbbbbbbbbbb1");
    assert_finds_nothing(table, "bee");
    assert_true(owner_rename(table, id_of("bbbbbbbbbbbb2"), "bee"));
    assert_finds(table, "bee", "bbbbbbbbbbbb2");
    assert_true(owner_rename(table, id_of("bbbbbbbbbbbb2"), "bee"));
    assert_int_equal(owner_count(table), 3);
    owner_table_free(table);
}

/* A list that was made before has the old name. */
static void rebuild_keeps_new_names(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    char error[512], list[1024];
    uint64_t mark = owner_mark(table);
    assert_true(owner_rename(table, id_of("bbbbbbbbbbbb1"), "new"));
    snprintf(list, sizeof(list),
             "[{\"Id\":\"%s\",\"Names\":[\"/bee\"],\"Created\":10,"
             "\"Labels\":{\"io.caisson.owner\":\"me\"}}]",
             id_of("bbbbbbbbbbbb1"));
    assert_int_equal(rebuild(table, mark, list, error), 0);
    assert_int_equal(owner_count(table), 1);
    assert_finds(table, "new", "bbbbbbbbbbbb1");
    assert_finds_nothing(table, "bee");
    owner_table_free(table);
}

static void execs(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    assert_null(exec_container(table, id_of("e1")));
    assert_int_equal(owner_exec_add(table, id_of("e1"), id_of("aaaaaaaaaaaa1")), 0);
    assert_int_equal(owner_exec_add(table, id_of("e2"), id_of("bbbbbbbbbbbb1")), 0);
    assert_int_equal(owner_exec_add(table, id_of("e3"), id_of("aaaaaaaaaaaa1")), 0);
    assert_string_equal(exec_container(table, id_of("e1")), id_of("aaaaaaaaaaaa1"));
    assert_string_equal(exec_container(table, id_of("e2")), id_of("bbbbbbbbbbbb1"));
    assert_string_equal(exec_container(table, id_of("e3")), id_of("aaaaaaaaaaaa1"));

    /* Full ids alone, and never a container's. */
    assert_null(exec_container(table, ""));
    assert_null(exec_container(table, "e1"));
    assert_null(exec_container(table, "e10000000000"));
    assert_null(exec_container(table, id_of("e4")));
    assert_null(exec_container(table, id_of("aaaaaaaaaaaa1")));
    assert_finds_nothing(table, id_of("e1"));

    /* Not in a container of ours. */
    assert_int_equal(owner_exec_add(table, id_of("e5"), id_of("cccccccccccc")), 0);
    assert_int_equal(owner_exec_add(table, id_of("e6"), ""), 0);
    assert_null(exec_container(table, id_of("e5")));
    assert_null(exec_container(table, id_of("e6")));

    /* They go with their container. */
    assert_true(owner_remove(table, id_of("aaaaaaaaaaaa1")));
    assert_null(exec_container(table, id_of("e1")));
    assert_string_equal(exec_container(table, id_of("e2")), id_of("bbbbbbbbbbbb1"));
    assert_null(exec_container(table, id_of("e3")));
    owner_table_free(table);
}

static void the_oldest_exec_is_forgotten(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    char id[OWNER_ID_BYTES + 1];
    for (int i = 0; i < OWNER_EXECS + 3; i++) {
        snprintf(id, sizeof(id), "%064x", i);
        assert_int_equal(owner_exec_add(table, id, id_of("bbbbbbbbbbbb1")), 0);
        assert_int_equal(owner_exec_add(table, id, id_of("bbbbbbbbbbbb1")), 0);
    }
    for (int i = 0; i < OWNER_EXECS + 3; i++) {
        snprintf(id, sizeof(id), "%064x", i);
        assert_int_equal(exec_container(table, id) != NULL, i >= 3);
    }
    owner_table_free(table);
}

static void rebuild_keeps_execs(void **state)
{
    (void) state;
    struct owner_table *table = table_of_three();
    char error[512], list[1024];
    assert_int_equal(owner_exec_add(table, id_of("e1"), id_of("aaaaaaaaaaaa1")), 0);
    assert_int_equal(owner_exec_add(table, id_of("e2"), id_of("bbbbbbbbbbbb1")), 0);
    assert_int_equal(rebuild(table, owner_mark(table), "nonsense", error), -1);
    assert_non_null(exec_container(table, id_of("e1")));
    snprintf(list, sizeof(list),
             "[{\"Id\":\"%s\",\"Created\":10,\"Labels\":{\"io.caisson.owner\":\"me\"}}]",
             id_of("bbbbbbbbbbbb1"));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rebuild(table, owner_mark(table), list, error), 0);
        assert_null(exec_container(table, id_of("e1")));
        assert_string_equal(exec_container(table, id_of("e2")), id_of("bbbbbbbbbbbb1"));
    }
    assert_int_equal(owner_exec_add(table, id_of("e3"), id_of("bbbbbbbbbbbb1")), 0);
    assert_non_null(exec_container(table, id_of("e3")));
    owner_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references),
        cmocka_unit_test(names_move),
        cmocka_unit_test(names_before_prefixes),
        cmocka_unit_test(removing_takes_full_ids),
        cmocka_unit_test(many),
        cmocka_unit_test(the_label_query),
        cmocka_unit_test(rebuild_replaces),
        cmocka_unit_test(rebuild_twice),
        cmocka_unit_test(rebuild_keeps_removals),
        cmocka_unit_test(creates_under_way_count),
        cmocka_unit_test(rebuild_takes_only_ours),
        cmocka_unit_test(rebuild_tolerates_names),
        cmocka_unit_test(broken_lists_change_nothing),
        cmocka_unit_test(renaming),
        cmocka_unit_test(rebuild_keeps_new_names),
        cmocka_unit_test(execs),
        cmocka_unit_test(the_oldest_exec_is_forgotten),
        cmocka_unit_test(rebuild_keeps_execs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
