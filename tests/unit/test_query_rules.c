/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_rules: what the rules of [query] make of each kind of parameter, and what they cannot say.
 */
#include "operation.h"
#include "query.h"

#include "err.h"
#include "reason.h"
#include "schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOGS   OPERATION_ContainerLogs
#define DELETE OPERATION_ContainerDelete
#define STOP   OPERATION_ContainerStop
#define KILL   OPERATION_ContainerKill
#define CREATE OPERATION_ContainerCreate
#define LIST   OPERATION_ContainerList
#define STATS  OPERATION_ContainerStats
#define TOP    OPERATION_ContainerTop
#define WAIT   OPERATION_ContainerWait

struct rule_case {
    const char *path, *rule;
    enum operation_id op;
    const char *query;
    const char *sent; /* NULL: refused, and `says` is within the message */
    const char *says; /* of a warning; NULL: there is none */
};

static const struct rule_case rule_cases[] = {
    /* flags */
    {"ContainerLogs.follow", "forbid", LOGS, "", "", NULL},
    {"ContainerLogs.follow", "forbid", LOGS, "follow=0&stdout=1", "stdout=1", NULL},
    {"ContainerLogs.follow", "forbid", LOGS, "follow=1", NULL,
     "ContainerLogs.follow is forbidden by a.ini:7; allow it with 'ContainerLogs.follow = allow' "
     "under [query]"},
    {"ContainerLogs.follow", "forbid", LOGS, "follow=yes", NULL, "is forbidden by a.ini:7"},
    {"ContainerLogs.follow", "forbid", LOGS, "follow=off", NULL, "must be true or false"},
    {"ContainerLogs.follow", "allow", LOGS, "follow=1", "follow=1", NULL},
    {"ContainerLogs.stdout", "default true", LOGS, "", "stdout=1", NULL},
    {"ContainerLogs.stdout", "default true", LOGS, "stdout=0", "stdout=0", NULL},
    {"ContainerDelete.force", "force false", DELETE, "", "force=0", NULL},
    {"ContainerDelete.force", "force false", DELETE, "force=1", "force=0",
     "caisson: ContainerDelete.force: true was replaced by false (forced, a.ini:7)"},
    {"ContainerDelete.force", "force false", DELETE, "force=0", "force=0", NULL},
    /* nothing means true here, so that forbidding says false */
    {"ContainerStats.stream", "forbid", STATS, "", "stream=0", NULL},
    {"ContainerStats.stream", "forbid", STATS, "stream=", "stream=0", NULL},
    {"ContainerStats.stream", "forbid", STATS, "stream=false", "stream=0", NULL},
    {"ContainerStats.stream", "forbid", STATS, "stream=1", NULL, "is forbidden by a.ini:7"},
    {"ContainerStats.stream", "force false", STATS, "", "stream=0", NULL},
    /* numbers: 0 is a number here, and absence is without a bound */
    {"ContainerStop.t", "max 10", STOP, "", "t=10", NULL},
    {"ContainerStop.t", "max 10", STOP, "t=", "t=10", NULL},
    {"ContainerStop.t", "max 10", STOP, "t=0", "t=0", NULL},
    {"ContainerStop.t", "max 10", STOP, "t=10", "t=10", NULL},
    {"ContainerStop.t", "max 10", STOP, "t=11", NULL,
     "ContainerStop.t: 11 is over the max 10 of a.ini:7"},
    {"ContainerStop.t", "max 10s, default 3", STOP, "", "t=3", NULL},
    {"ContainerStop.t", "max 0", STOP, "", "t=0", NULL},
    {"ContainerStop.t", "min 5, max 10", STOP, "t=4", NULL, "4 is below the min 5 of a.ini:7"},
    {"ContainerStop.t", "force 1", STOP, "t=60", "t=1", "60 was replaced by 1"},
    {"ContainerStop.t", "max 10", STOP, "t=61", NULL, "must be a number of seconds from 0 to 60"},
    {"ContainerLogs.tail", "max 1000, default 100", LOGS, "", "tail=100", NULL},
    {"ContainerLogs.tail", "max 1000, default 100", LOGS, "tail=", "tail=100", NULL},
    {"ContainerLogs.tail", "max 1000, default 100", LOGS, "tail=all", "tail=100",
     "caisson: ContainerLogs.tail: -1 (no limit) was replaced by 100 (a.ini:7)"},
    {"ContainerLogs.tail", "max 1000, default 100", LOGS, "tail=0", "tail=0", NULL},
    {"ContainerLogs.tail", "max 1000, default 100", LOGS, "tail=1000", "tail=1000", NULL},
    {"ContainerLogs.tail", "max 1000, default 100", LOGS, "tail=1001", NULL, "over the max 1000"},
    {"ContainerLogs.tail", "default 100", LOGS, "tail=all", "tail=all", NULL},
    {"ContainerList.limit", "max 50", LIST, "", "limit=50", NULL},
    {"ContainerList.limit", "max 50", LIST, "limit=0", "limit=50", NULL},
    {"ContainerList.limit", "max 50", LIST, "limit=-1", "limit=50", NULL},
    {"ContainerList.limit", "max 50", LIST, "limit=51", NULL, "51 is over the max 50"},
    /* texts */
    {"ContainerKill.signal", "one-of TERM KILL", KILL, "", "signal=TERM", NULL},
    {"ContainerKill.signal", "one-of TERM KILL", KILL, "signal=KILL", "signal=KILL", NULL},
    {"ContainerKill.signal", "one-of TERM KILL", KILL, "signal=sigkill", "signal=KILL", NULL},
    {"ContainerKill.signal", "one-of TERM KILL", KILL, "signal=9", "signal=9", NULL},
    {"ContainerKill.signal", "one-of SIGTERM", KILL, "signal=15", "signal=15", NULL},
    {"ContainerKill.signal", "one-of TERM KILL", KILL, "signal=HUP", NULL,
     "ContainerKill.signal: 'HUP' is not one of 'TERM' 'KILL' (a.ini:7); add it to "
     "'ContainerKill.signal = one-of ...' under [query]"},
    {"ContainerKill.signal", "one-of * !KILL", KILL, "signal=9", NULL, "excluded by '!KILL'"},
    {"ContainerKill.signal", "one-of * !9", KILL, "signal=SIGKILL", NULL, "excluded by '!9'"},
    {"ContainerKill.signal", "one-of * !IO", KILL, "signal=POLL", NULL, "excluded by '!IO'"},
    {"ContainerKill.signal", "one-of * !KILL", KILL, "", NULL, "'KILL' is excluded by '!KILL'"},
    {"ContainerKill.signal", "one-of * !HUP", KILL, "", "signal=KILL", NULL},
    {"ContainerKill.signal", "forbid", KILL, "", "", NULL},
    {"ContainerKill.signal", "forbid", KILL, "signal=KILL", NULL, "is forbidden by a.ini:7"},
    {"ContainerStop.signal", "one-of * !KILL", STOP, "", "", NULL},
    {"ContainerWait.condition", "one-of * !not-running", WAIT, "", NULL, "is excluded"},
    {"ContainerCreate.platform", "one-of linux/amd64", CREATE, "", "platform=linux/amd64", NULL},
    {"ContainerCreate.platform", "one-of linux/amd64", CREATE, "platform=linux/arm64", NULL,
     "'linux/arm64' is not one of"},
    {"ContainerCreate.platform", "forbid", CREATE, "platform=linux", NULL, "is forbidden by"},
    {"ContainerWait.condition", "force removed", WAIT, "condition=next-exit", "condition=removed",
     "'next-exit' was replaced by 'removed'"},
    /* what is shut until a rule opens it */
    {"ContainerList.all", "allow", LIST, "size=1", NULL,
     "ContainerList.size is forbidden by a.ini; allow it with 'ContainerList.size = allow' under "
     "[query]"},
    {"ContainerList.size", "allow", LIST, "size=1", "size=1", NULL},
    {"ContainerTop.ps_args", "allow", TOP, "ps_args=-eo+pid,comm", "ps_args=-eo%20pid%2Ccomm",
     NULL},
    {"ContainerTop.ps_args", "allow", TOP, "ps_args=a;b", NULL, "must be options of ps"},
    {"ContainerTop.ps_args", "allow", TOP, "ps_args=a%0ab", NULL, "not printable ASCII"},
    {"ContainerTop.ps_args", "allow", TOP, "ps_args=-o+x%3dPID", NULL, "must be options of ps"},
    {"ContainerTop.ps_args", "one-of -ef aux", TOP, "ps_args=-eF", NULL, "is not one of"},
    /* filters */
    {"ContainerList.filters", "forbid", LIST, "all=1", "all=1", NULL},
    {"ContainerList.filters", "forbid", LIST, "filters=", "", NULL},
    {"ContainerList.filters", "forbid", LIST, "filters={\"id\":[\"a\"]}", NULL,
     "ContainerList.filters is forbidden by a.ini:7"},
};

static struct schema *rules_with(const char *path, const char *rule)
{
    struct schema *rules = schema_new(BODY_QUERY);
    struct err err;
    assert_non_null(rules);
    if (schema_set_rule(rules, path, rule, "a.ini:7", &err) < 0)
        fail_msg("%s = %s: %s", path, rule, err.text);
    return rules;
}

static void rules_are_kept(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(rule_cases) / sizeof(rule_cases[0]); i++) {
        const struct rule_case *c = &rule_cases[i];
        struct schema *rules = rules_with(c->path, c->rule);
        const struct query_context context = {.rules = rules, .file = "a.ini", .api_minor = 45};
        struct query query;
        int reason =
            query_judge(operation_get(c->op), &context, c->query, strlen(c->query), &query);
        const char *said = reason == REASON_NONE ? query.warnings : query.message;
        bool says = c->says ? said && strstr(said, c->says) : !said;
        if ((reason == REASON_NONE) != (c->sent != NULL) || !says ||
            (c->sent && strcmp(query.text, c->sent) != 0))
            fail_msg("%s = %s, '%s': sent '%s', said %s", c->path, c->rule, c->query, query.text,
                     said);
        query_done(&query);
        schema_free(rules);
    }
}

/* A rule of the name is about the name that is sent, or made up. */
static void names_have_rules(void **state)
{
    (void) state;
    struct schema *rules = rules_with("ContainerCreate.name", "one-of ci-* !ci-root");
    const struct query_context context = {.rules = rules, .file = "a.ini", .api_minor = 45};
    const struct operation *op = operation_get(CREATE);
    struct query query;
    assert_int_equal(query_judge(op, &context, "name=ci-7", 9, &query), REASON_NONE);
    assert_string_equal(query.name, "ci-7");
    assert_string_equal(query.text, "");
    assert_int_equal(query_judge(op, &context, "name=web", 8, &query), REASON_FIELD_REFUSED);
    assert_int_equal(query_judge(op, &context, "name=ci-root", 12, &query), REASON_FIELD_REFUSED);
    assert_int_equal(query_judge(op, &context, "", 0, &query), REASON_FIELD_REFUSED);
    schema_free(rules);
}

/* Filters that are forbidden to the client are still ours to send. */
static void a_list_stays_narrow(void **state)
{
    (void) state;
    struct schema *rules = rules_with("ContainerList.filters", "forbid");
    const struct query_context context = {
        .rules = rules, .file = "a.ini", .api_minor = 45, .label = "io.caisson.owner=me"};
    struct query query;
    assert_int_equal(query_judge(operation_get(LIST), &context, "", 0, &query), REASON_NONE);
    assert_string_equal(query.text, "filters=%7B%22label%22:%5B%22io.caisson.owner%3Dme%22%5D%7D");
    schema_free(rules);
}

/* What a parameter cannot be told. */
static void bad_rules_are_refused(void **state)
{
    (void) state;
    static const struct {
        const char *path, *rule, *says;
    } cases[] = {
        {"ContainerStart.checkpoint", "allow", "is always refused: it restores a process image"},
        {"ContainerDelete.link", "force true", "is always refused"},
        {"ContainerLogs.follow", "max 1", "max does not fit"},
        {"ContainerLogs.follow", "one-of true", "one-of does not fit"},
        {"ContainerLogs.follow", "force maybe", "neither true nor false"},
        {"ContainerLogs.tail", "max -1", "max -1 would mean no limit"},
        {"ContainerLogs.tail", "max 10, default -1", "means no limit"},
        {"ContainerLogs.tail", "max 10, default 11", "outside the bounds"},
        {"ContainerStop.t", "max 61", "out of range"},
        {"ContainerStop.t", "force ContainerRestart.t", "cannot be forced to"},
        {"ContainerKill.signal", "one-of term", "must be a signal"},
        {"ContainerKill.signal", "force 0", "must be a signal"},
        {"ContainerWait.condition", "one-of gone", "must be not-running"},
        {"ContainerCreate.platform", "force Linux", "must be an os/arch/variant"},
        {"ContainerCreate.name", "force a/b", "must be 2 to 63"},
        {"ContainerList.filters", "force {}", "takes allow or forbid"},
        {"ContainerList.filters", "one-of label", "one-of does not fit"},
        {"ContainerTop.ps_args", "default -ef", "alone would let everything pass"},
        {"ContainerLogs.folow", "forbid", "did you mean ContainerLogs.follow?"},
        {"follow", "forbid", "there is no field 'follow'; write ContainerLogs.follow"},
        {"ContainerLogs", "forbid", "there is no field"},
    };
    struct schema *rules = schema_new(BODY_QUERY);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = {{0}};
        int rc = schema_set_rule(rules, cases[i].path, cases[i].rule, "a.ini:7", &err);
        if (rc == 0 || !strstr(err.text, cases[i].says))
            fail_msg("%s = %s: %s", cases[i].path, cases[i].rule, err.text);
    }
    schema_free(rules);
}

/* The schema has one field for each row, in the order of the rows. */
struct rows {
    size_t count;
};

static void visit_row(void *arg, const struct schema_field *field)
{
    struct rows *at = arg;
    const struct query_row *row = query_row_at(at->count++);
    char path[128];
    assert_non_null(row);
    strcpy(path, operation_get((enum operation_id) row->op)->id);
    strcat(path, ".");
    strcat(path, row->name);
    assert_string_equal(field->path, path);
    if (row->shut)
        assert_string_equal(field->rule, "forbid");
    else
        assert_true(strcmp(field->rule, "allow") == 0 || strncmp(field->rule, "one-of ", 7) == 0 ||
                    strncmp(query_type_text(row), "absent, empty", 13) == 0 ||
                    strcmp(query_type_text(row), "anything; it is not sent") == 0);
}

static void each_row_is_a_field(void **state)
{
    (void) state;
    struct rows at = {0};
    struct schema *rules = schema_new(BODY_QUERY);
    schema_each(rules, visit_row, &at);
    assert_null(query_row_at(at.count));
    schema_free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_kept),      cmocka_unit_test(names_have_rules),
        cmocka_unit_test(a_list_stays_narrow), cmocka_unit_test(bad_rules_are_refused),
        cmocka_unit_test(each_row_is_a_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
