/* SPDX-License-Identifier: Apache-2.0 */
/* What lasts between processes: the locks on slots, and the results that a batch finds again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include <cmocka.h>

#include "ledger.h"
#include "slots.h"

static int make_folder(void **state)
{
    char *folder = strdup("/tmp/test_evaluator_state.XXXXXX");

    *state = folder;
    return folder && mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    int r;

    (void) snprintf(command, sizeof(command), "rm -r %s", (char *) *state);
    r = system(command);
    free(*state);
    return r;
}

static struct slots *open_slots(const char *folder, const char *instance)
{
    struct slots *slots = NULL;
    struct fault fault;

    if (slots_new(folder, instance, &slots, &fault) < 0)
        fail_msg("%s", fault.text);
    return slots;
}

static void test_slots_are_not_shared(void **state)
{
    struct slots *one = open_slots(*state, "t"), *two = open_slots(*state, "t");
    struct slot *a = slots_take(one), *b = slots_take(two), *c = slots_take(one), *again;

    assert_string_equal(a->name, "ev-t-0");
    assert_string_equal(b->name, "ev-t-1");
    assert_string_equal(c->name, "ev-t-2");
    assert_false(a->clean);
    a->clean = true;
    slots_give_back(one, a);
    slots_give_back(two, b);
    again = slots_take(two); /* 0 is free, but still locked by one */
    assert_string_equal(again->name, "ev-t-1");
    slots_free(one);
    again = slots_take(two); /* now it is not, and who takes it must look what is left there */
    assert_string_equal(again->name, "ev-t-0");
    assert_false(again->clean);
    slots_free(two);
}

static void test_slot_is_kept_and_stays_clean(void **state)
{
    struct slots *slots = open_slots(*state, "t");
    struct slot *slot = slots_take(slots);

    slot->clean = true;
    slots_give_back(slots, slot);
    assert_ptr_equal(slots_take(slots), slot);
    assert_true(slot->clean);
    slots_free(slots);
}

static void test_slots_run_out(void **state)
{
    struct slots *slots = open_slots(*state, "t"), *other = open_slots(*state, "u");

    for (int i = 0; i < SLOTS_MAX; i++)
        assert_non_null(slots_take(slots));
    assert_null(slots_take(slots));
    assert_non_null(slots_take(other)); /* another instance has names of its own */
    slots_free(slots);
    slots_free(other);
    slots = open_slots("/nonexistent", "t");
    assert_null(slots_take(slots));
    slots_free(slots);
}

static void test_instance_names(void **state)
{
    static const char *const bad[] = {"a/b", "a b", "\xc3\xa4",
                                      "01234567890123456789012345678901234567890"};
    struct slots *slots;
    struct fault fault;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(slots_new(*state, bad[i], &slots, &fault), -1);
    setenv("EVALUATOR_INSTANCE", "from.env", 1);
    slots = open_slots(*state, NULL);
    assert_string_equal(slots_take(slots)->name, "ev-from.env-0");
    slots_free(slots);
    slots = open_slots(*state, "given");
    assert_string_equal(slots_instance(slots), "given");
    slots_free(slots);
    unsetenv("EVALUATOR_INSTANCE");
    slots = open_slots(*state, NULL); /* of the host, the user and the folder */
    assert_true(strlen(slots_instance(slots)) > 3);
    slots_free(slots);
}

static char *ledger_path(void **state)
{
    static char path[128];

    (void) snprintf(path, sizeof(path), "%s/out.jsonl", (char *) *state);
    return path;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_content(const char *path, const char *text)
{
    char content[512];
    FILE *file = fopen(path, "r");
    size_t len = fread(content, 1, sizeof(content), file);

    fclose(file);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(content, text, len);
}

#define A_BAD "{\"id\":\"a\",\"verdict\":\"sandbox_error\"}\n"
#define A_OK  "{\"id\":\"a\",\"verdict\":\"ok\"}\n"
#define B_BAD "{\"id\":\"b\",\"verdict\":\"runtime_error\"}\n"

static void test_ledger_remembers_the_last(void **state)
{
    const char *path = ledger_path(state);
    struct ledger *ledger;
    struct fault fault;

    write_file(path, A_BAD B_BAD A_OK);
    assert_int_equal(ledger_open(path, &ledger, &fault), 0);
    assert_string_equal(ledger_verdict(ledger, "a"), "ok");
    assert_string_equal(ledger_verdict(ledger, "b"), "runtime_error");
    assert_null(ledger_verdict(ledger, "c"));
    assert_int_equal(ledger_append(ledger, "{}", &fault), 0);
    ledger_close(ledger);
    assert_content(path, A_BAD B_BAD A_OK "{}\n");
}

static void test_ledger_cuts_a_torn_line(void **state)
{
    const char *path = ledger_path(state);
    struct ledger *ledger;
    struct fault fault;

    write_file(path, A_OK "{\"id\":\"b\",\"verdict\":\"ok\"}"); /* whole, but for its end */
    assert_int_equal(ledger_open(path, &ledger, &fault), 0);
    assert_null(ledger_verdict(ledger, "b"));
    assert_int_equal(ledger_append(ledger, "{\"new\":1}", &fault), 0);
    ledger_close(ledger);
    assert_content(path, A_OK "{\"new\":1}\n");
}

static void test_ledger_refuses_other_files(void **state)
{
    const char *path = ledger_path(state);
    struct ledger *ledger;
    struct fault fault;

    write_file(path, A_OK "{\"id\":\"b\",\"cmd\":[]}\n");
    assert_int_equal(ledger_open(path, &ledger, &fault), -1);
    assert_non_null(strstr(fault.text, "out.jsonl:2: this is no result"));
    assert_content(path, A_OK "{\"id\":\"b\",\"cmd\":[]}\n");
    assert_int_equal(ledger_open("/nonexistent/x", &ledger, &fault), -1);
    assert_non_null(strstr(fault.text, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slots_are_not_shared, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_slot_is_kept_and_stays_clean, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_slots_run_out, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_instance_names, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_ledger_remembers_the_last, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_ledger_cuts_a_torn_line, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_ledger_refuses_other_files, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
