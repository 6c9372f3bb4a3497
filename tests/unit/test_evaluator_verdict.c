/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts: each row is what was observed and what it must come to, whatever else is possible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "verdict.h"

#define STATUS(n) .has_status = true, .status = (n)
#define REFUSED   .trouble = {.kind = TROUBLE_REFUSED, .code = "policy"}
#define BROKEN    .trouble = {.kind = TROUBLE_SANDBOX, .code = "engine_error"}

struct row {
    const char *what;
    struct facts facts;
    enum verdict verdict;
    int exit_code;
    const char *signal;
    const char *code; /* of the trouble */
};

static const struct row rows[] = {
    {"exit 0", {STATUS(0)}, VERDICT_OK, 0, NULL, ""},
    {"exit 3", {STATUS(3)}, VERDICT_RUNTIME_ERROR, 3, NULL, ""},
    {"no such program", {STATUS(127)}, VERDICT_RUNTIME_ERROR, 127, NULL, ""},
    {"exit 125 by itself", {STATUS(125)}, VERDICT_RUNTIME_ERROR, 125, NULL, ""},
    {"exit 128", {STATUS(128)}, VERDICT_RUNTIME_ERROR, 128, NULL, ""},
    {"SIGHUP", {STATUS(129)}, VERDICT_SIGNALED, -1, "SIGHUP", ""},
    {"SIGSEGV", {STATUS(139)}, VERDICT_SIGNALED, -1, "SIGSEGV", ""},
    {"SIGSYS", {STATUS(159)}, VERDICT_SIGNALED, -1, "SIGSYS", ""},
    {"128 + SIGCHLD ends nobody", {STATUS(145)}, VERDICT_RUNTIME_ERROR, 145, NULL, ""},
    {"128 + SIGSTOP ends nobody", {STATUS(147)}, VERDICT_RUNTIME_ERROR, 147, NULL, ""},
    {"128 + SIGURG ends nobody", {STATUS(151)}, VERDICT_RUNTIME_ERROR, 151, NULL, ""},
    {"128 + 32 is no signal", {STATUS(160)}, VERDICT_RUNTIME_ERROR, 160, NULL, ""},
    {"exit 255", {STATUS(255)}, VERDICT_RUNTIME_ERROR, 255, NULL, ""},

    {"137 by nobody", {STATUS(137)}, VERDICT_MEMORY_LIMIT, -1, "SIGKILL", ""},
    {"137, container removed",
     {STATUS(137), .vanished = true},
     VERDICT_SANDBOX_ERROR,
     -1,
     NULL,
     "container_removed"},
    {"137, engine restarted",
     {STATUS(137), .interrupted = true},
     VERDICT_SANDBOX_ERROR,
     -1,
     NULL,
     "engine_interrupted"},
    {"exit 0, removed afterwards", {STATUS(0), .vanished = true}, VERDICT_OK, 0, NULL, ""},
    {"exit 1, wait taken up again",
     {STATUS(1), .interrupted = true},
     VERDICT_RUNTIME_ERROR,
     1,
     NULL,
     ""},

    {"wall", {STATUS(137), .killed = KILL_WALL}, VERDICT_TIME_LIMIT, -1, "SIGKILL", ""},
    {"wall, wait cut by the delete",
     {.killed = KILL_WALL, .waiting = true},
     VERDICT_TIME_LIMIT,
     -1,
     "SIGKILL",
     ""},
    {"wall, but nobody was waiting",
     {.killed = KILL_WALL},
     VERDICT_SANDBOX_ERROR,
     -1,
     NULL,
     "no_status"},
    {"ended by itself before the kill", {STATUS(0), .killed = KILL_WALL}, VERDICT_OK, 0, NULL, ""},
    {"crashed by itself before the kill",
     {STATUS(139), .killed = KILL_WALL},
     VERDICT_SIGNALED,
     -1,
     "SIGSEGV",
     ""},
    {"wall, logs cut",
     {STATUS(137), .killed = KILL_WALL, .output_damaged = true},
     VERDICT_TIME_LIMIT,
     -1,
     "SIGKILL",
     ""},
    {"wall, container gone by then",
     {STATUS(137), .killed = KILL_WALL, .vanished = true},
     VERDICT_TIME_LIMIT,
     -1,
     "SIGKILL",
     ""},
    {"flood", {STATUS(137), .killed = KILL_OUTPUT}, VERDICT_OUTPUT_LIMIT, -1, "SIGKILL", ""},
    {"cancel",
     {STATUS(137), .killed = KILL_CANCEL, .cancelled = true},
     VERDICT_CANCELLED,
     -1,
     NULL,
     ""},
    {"cancel before the start", {.cancelled = true}, VERDICT_CANCELLED, -1, NULL, ""},

    {"refused", {REFUSED}, VERDICT_REFUSED, -1, NULL, "policy"},
    {"refused and cancelled", {REFUSED, .cancelled = true}, VERDICT_REFUSED, -1, NULL, "policy"},
    {"engine error", {BROKEN}, VERDICT_SANDBOX_ERROR, -1, NULL, "engine_error"},
    {"engine error and cancelled",
     {BROKEN, .cancelled = true},
     VERDICT_SANDBOX_ERROR,
     -1,
     NULL,
     "engine_error"},
    {"engine error after exit 0",
     {BROKEN, STATUS(0)},
     VERDICT_SANDBOX_ERROR,
     -1,
     NULL,
     "engine_error"},
    {"nothing known", {.killed = KILL_NONE}, VERDICT_SANDBOX_ERROR, -1, NULL, "no_status"},
    {"vanished", {.vanished = true}, VERDICT_SANDBOX_ERROR, -1, NULL, "container_removed"},
    {"not unpacked",
     {STATUS(125), .unpack_failed = true},
     VERDICT_SANDBOX_ERROR,
     -1,
     NULL,
     "unpack_failed"},
    {"output damaged",
     {STATUS(0), .output_damaged = true},
     VERDICT_SANDBOX_ERROR,
     -1,
     NULL,
     "output_damaged"},
};

static void test_table(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct row *row = &rows[i];
        struct outcome outcome = verdict_decide(&row->facts);

        if (outcome.verdict != row->verdict)
            fail_msg("%s: %s, not %s", row->what, verdict_word(outcome.verdict),
                     verdict_word(row->verdict));
        if (outcome.exit_code != row->exit_code)
            fail_msg("%s: exit code %d", row->what, outcome.exit_code);
        if (!outcome.signal != !row->signal || (row->signal && strcmp(outcome.signal, row->signal)))
            fail_msg("%s: signal %s", row->what, outcome.signal ? outcome.signal : "none");
        if (strcmp(outcome.trouble.code, row->code))
            fail_msg("%s: trouble %s", row->what, outcome.trouble.code);
    }
}

/* Nothing but a known status of 0 may ever be ok: all combinations of the flags, without one. */
static void test_no_false_ok(void **state)
{
    (void) state;
    for (unsigned bits = 0; bits < 512; bits++) {
        struct facts facts = {
            .cancelled = bits & 1,
            .killed = (enum kill_cause)(bits >> 1 & 3),
            .waiting = bits & 8,
            .has_status = bits & 16,
            .status = bits & 16 ? 137 : 0,
            .unpack_failed = bits & 32,
            .vanished = bits & 64,
            .interrupted = bits & 128,
            .output_damaged = bits & 256,
        };
        enum verdict verdict = verdict_decide(&facts).verdict;

        assert_int_not_equal(verdict, VERDICT_OK);
        assert_int_not_equal(verdict, VERDICT_RUNTIME_ERROR);
        assert_true(verdict != VERDICT_MEMORY_LIMIT || !facts.killed);
        assert_true(verdict != VERDICT_TIME_LIMIT || facts.killed);
    }
}

static void test_first_trouble_counts(void **state)
{
    (void) state;
    struct trouble trouble = {0};

    trouble_set(&trouble, TROUBLE_SANDBOX, "first", true, "%d", 1);
    trouble_set(&trouble, TROUBLE_REFUSED, "second", false, "%d", 2);
    assert_int_equal(trouble.kind, TROUBLE_SANDBOX);
    assert_string_equal(trouble.code, "first");
    assert_string_equal(trouble.text, "1");
    assert_true(trouble.retryable);
}

static void test_words(void **state)
{
    (void) state;
    for (enum verdict v = 0; v < VERDICT_COUNT; v++)
        assert_int_equal(verdict_from_word(verdict_word(v)), v);
    assert_int_equal(verdict_from_word("nonsense"), VERDICT_COUNT);
    assert_string_equal(verdict_code(VERDICT_TIME_LIMIT), "TLE");
    assert_int_equal(verdict_exit_status(VERDICT_OK), 0);
    assert_int_equal(verdict_exit_status(VERDICT_MEMORY_LIMIT), 1);
    assert_int_equal(verdict_exit_status(VERDICT_REFUSED), 3);
    assert_int_equal(verdict_exit_status(VERDICT_SANDBOX_ERROR), 4);
    assert_int_equal(verdict_exit_status(VERDICT_CANCELLED), 130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_no_false_ok),
        cmocka_unit_test(test_first_trouble_counts),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
