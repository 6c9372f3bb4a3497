/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: what each parameter accepts, in what form it is sent, and how a refusal reads.
 */
#include "query.h"

#include "operation.h"
#include "reason.h"
#include "schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MINOR = 45 };

static int judge_for(enum operation_id op, unsigned minor, const char *label, const char *text,
                     struct query *query)
{
    size_t bytes = strlen(text);
    char *copy = malloc(bytes ? bytes : 1); /* exactly as long, for the sanitizers */
    assert_non_null(copy);
    memcpy(copy, text, bytes);
    struct schema *rules = schema_new(BODY_QUERY);
    const struct query_context context = {
        .rules = rules, .file = "a.ini", .api_minor = minor, .label = label};
    int reason = query_judge(operation_get(op), &context, copy, bytes, query);
    assert_null(query->warnings);
    query_done(query);
    schema_free(rules);
    free(copy);
    return reason;
}

static int judge(enum operation_id op, unsigned minor, const char *text, struct query *query)
{
    return judge_for(op, minor, NULL, text, query);
}

struct sent_case {
    enum operation_id op;
    const char *query, *sent;
};

#define LOGS   OPERATION_ContainerLogs
#define DELETE OPERATION_ContainerDelete
#define WAIT   OPERATION_ContainerWait
#define START  OPERATION_ContainerStart
#define STOP   OPERATION_ContainerStop
#define KILL   OPERATION_ContainerKill
#define CREATE OPERATION_ContainerCreate
#define RESIZE OPERATION_ContainerResize
#define ATTACH OPERATION_ContainerAttach
#define RENAME OPERATION_ContainerRename
#define LIST   OPERATION_ContainerList

static const struct sent_case sent_cases[] = {
    {LOGS, "", ""},
    {LOGS, "follow=1", "follow=1"},
    {LOGS, "stdout=1&follow=1", "follow=1&stdout=1"},
    {LOGS, "follow=true", "follow=1"},
    {LOGS, "follow=TRUE", "follow=1"},
    {LOGS, "follow=True", "follow=1"},
    {LOGS, "follow=yes", "follow=1"},
    {LOGS, "follow=0", "follow=0"},
    {LOGS, "follow=false", "follow=0"},
    {LOGS, "follow=False", "follow=0"},
    {LOGS, "follow=no", "follow=0"},
    {LOGS, "follow=None", "follow=0"},
    {LOGS, "follow=", "follow=0"},
    {LOGS, "follow=%31", "follow=1"},
    {LOGS, "follow=%74rue", "follow=1"},
    {LOGS, "tail=all", "tail=all"},
    {LOGS, "tail=100", "tail=100"},
    {LOGS, "tail=", ""},
    {LOGS, "since=0", "since=0"},
    {LOGS, "since=1700000000.123456789", "since=1700000000.123456789"},
    {LOGS, "since=&until=", ""},
    {LOGS, "until=99999999999", "until=99999999999"},
    {LOGS, "details=1&tail=1&timestamps=1&until=2&since=1&stderr=1&stdout=1&follow=1",
     "follow=1&stdout=1&stderr=1&since=1&until=2&timestamps=1&tail=1&details=1"},
    {DELETE, "force=1&v=1", "v=1&force=1"},
    {DELETE, "v=False&link=False&force=False", "v=0&force=0"},
    {DELETE, "link=", ""},
    {DELETE, "link=0", ""},
    {WAIT, "condition=not-running", "condition=not-running"},
    {WAIT, "condition=next-exit", "condition=next-exit"},
    {WAIT, "condition=removed", "condition=removed"},
    {WAIT, "condition=", ""},
    {START, "detachKeys=", ""},
    {START, "checkpoint=&checkpoint-dir=", ""},
    {STOP, "t=10", "t=10"},
    {STOP, "t=010", "t=10"},
    {STOP, "t=60&signal=SIGINT", "signal=INT&t=60"},
    {STOP, "t=0", "t=0"},
    {STOP, "t=", ""},
    {KILL, "signal=KILL", "signal=KILL"},
    {KILL, "signal=sigterm", "signal=TERM"},
    {KILL, "signal=SIGUSR1", "signal=USR1"},
    {KILL, "signal=9", "signal=9"},
    {KILL, "signal=64", "signal=64"},
    {KILL, "signal=", ""},
    {CREATE, "name=web-1", ""},
    {CREATE, "name=web-1&platform=linux%2Famd64", "platform=linux/amd64"},
    {CREATE, "platform=linux", "platform=linux"},
    {CREATE, "platform=linux/arm/v7", "platform=linux/arm/v7"},
    {CREATE, "name=", ""},
    {RESIZE, "w=80&h=24", "h=24&w=80"},
    {RESIZE, "h=0&w=10000", "h=0&w=10000"},
    {OPERATION_ExecResize, "w=80&h=24", "h=24&w=80"},
    {ATTACH, "stderr=1&stdout=1&stream=1", "stream=1&stdout=1&stderr=1"},
    {ATTACH, "stdin=1&logs=0", "logs=0&stdin=1"},
    {ATTACH, "detachKeys=ctrl-p%2Cctrl-q", "detachKeys=ctrl-p%2Cctrl-q"},
    {ATTACH, "detachKeys=ctrl-p,ctrl-q", "detachKeys=ctrl-p%2Cctrl-q"},
    {ATTACH, "detachKeys=ctrl-%5B%5d%5e%5C_%40", "detachKeys=ctrl-%5B%5D%5E%5C_%40"},
    {ATTACH, "detachKeys=", ""},
    {RENAME, "name=web", ""},
    {LIST, "", ""},
    {LIST, "all=1", "all=1"},
    {LIST, "limit=-1&all=0&size=0&trunc_cmd=0", "all=0"},
    {LIST, "limit=5", "limit=5"},
    {LIST, "limit=0", ""},
    {LIST, "filters=", ""},
    {LIST, "filters=%7B%7D", ""},
    {LIST, "all=1&filters=%7B%22label%22%3A%5B%22a%3Db%22%5D%7D",
     "filters=%7B%22label%22:%5B%22a%3Db%22%5D%7D&all=1"},
    /* {"label":{"a=b":true}} is the older form */
    {LIST, "filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%7D%7D",
     "filters=%7B%22label%22:%5B%22a%3Db%22%5D%7D"},
    /* {"status":["a"],"name":["/x","/x"]}: in order, and once */
    {LIST, "filters=%7B%22status%22:%5B%22exited%22%5D,%22name%22:%5B%22/x%22,%22/x%22%5D%7D",
     "filters=%7B%22name%22:%5B%22/x%22%5D%2C%22status%22:%5B%22exited%22%5D%7D"},
    /* {"name":["\u00e4"]}: what is sent is ASCII */
    {LIST, "filters=%7B%22name%22:%5B%22%5Cu00e4%22%5D%7D",
     "filters=%7B%22name%22:%5B%22%5Cu00E4%22%5D%7D"},
};

static void values_are_sent_canonically(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(sent_cases) / sizeof(sent_cases[0]); i++) {
        const struct sent_case *c = &sent_cases[i];
        struct query query;
        int reason = judge(c->op, MINOR, c->query, &query);
        if (reason != REASON_NONE || strcmp(query.text, c->sent) != 0)
            fail_msg("'%s' gave '%s' %s", c->query, query.text, query.message);
        /* What was sent is judged the same again. */
        assert_int_equal(judge(c->op, MINOR, c->sent, &query), REASON_NONE);
        assert_string_equal(query.text, c->sent);
    }
}

static void names_are_taken_apart(void **state)
{
    (void) state;
    struct query query;
    assert_int_equal(judge(CREATE, MINOR, "platform=linux&name=a.B_c-9", &query), REASON_NONE);
    assert_string_equal(query.name, "a.B_c-9");
    assert_int_equal(judge(CREATE, MINOR, "name=%61b", &query), REASON_NONE);
    assert_string_equal(query.name, "ab");
    assert_int_equal(judge(CREATE, MINOR, "name=0123456789a", &query), REASON_NONE);
    assert_int_equal(judge(CREATE, MINOR, "name=0123456789abg", &query), REASON_NONE);
    assert_int_equal(judge(CREATE, MINOR,
                           "name=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
                           &query),
                     REASON_NONE);
    assert_int_equal(strlen(query.name), 63);
    assert_int_equal(judge(CREATE, MINOR, "", &query), REASON_NONE);
    assert_string_equal(query.name, "");
}

struct refused_case {
    enum operation_id op;
    unsigned minor;
    const char *query, *field, *message;
};

#define NAME_RULE                                                                             \
    "2 to 63 of A-Z a-z 0-9 _ . - that begin with a letter or digit, and not 12 or more hex " \
    "digits alone"

static const struct refused_case refused_cases[] = {
    {LOGS, MINOR, "follow=off", "follow",
     "ContainerLogs: query parameter 'follow' must be true or false, not 'off'"},
    {LOGS, MINOR, "follow=2", "follow",
     "ContainerLogs: query parameter 'follow' must be true or false, not '2'"},
    {LOGS, MINOR, "follow=00", "follow",
     "ContainerLogs: query parameter 'follow' must be true or false, not '00'"},
    {LOGS, MINOR, "follow=+1", "follow",
     "ContainerLogs: query parameter 'follow' must be true or false, not ' 1'"},
    {LOGS, MINOR, "follow=t", "follow",
     "ContainerLogs: query parameter 'follow' must be true or false, not 't'"},
    {LOGS, MINOR, "follow=%zz", "follow",
     "ContainerLogs: query parameter 'follow' has a bad percent escape; it must be true or false"},
    {LOGS, MINOR, "follow=%3", "follow",
     "ContainerLogs: query parameter 'follow' has a bad percent escape; it must be true or false"},
    {LOGS, MINOR, "follow=%", "follow",
     "ContainerLogs: query parameter 'follow' has a bad percent escape; it must be true or false"},
    {LOGS, MINOR, "follow=1%00", "follow",
     "ContainerLogs: query parameter 'follow' has a byte that is not printable ASCII; it must be "
     "true or false"},
    {LOGS, MINOR, "follow=%0a1", "follow",
     "ContainerLogs: query parameter 'follow' has a byte that is not printable ASCII; it must be "
     "true or false"},
    {LOGS, MINOR, "follow=%c3%a4", "follow",
     "ContainerLogs: query parameter 'follow' has a byte that is not printable ASCII; it must be "
     "true or false"},
    {LOGS, MINOR, "follow=%2531", "follow",
     "ContainerLogs: query parameter 'follow' must be true or false, not '%31'"},
    {LOGS, MINOR, "follow=1=1", "follow",
     "ContainerLogs: query parameter 'follow' must be true or false, not '1=1'"},
    {LOGS, MINOR,
     "tail=11111111111111111111111111111111111111111111111111111111111111111111111111111111",
     "tail",
     "ContainerLogs: query parameter 'tail' is too long; it must be 'all' or a number of at most 7 "
     "digits"},
    {LOGS, MINOR, "tail=12345678", "tail",
     "ContainerLogs: query parameter 'tail' must be 'all' or a number of at most 7 digits, not "
     "'12345678'"},
    {LOGS, MINOR, "tail=ALL", "tail",
     "ContainerLogs: query parameter 'tail' must be 'all' or a number of at most 7 digits, not "
     "'ALL'"},
    {LOGS, MINOR, "since=10m", "since",
     "ContainerLogs: query parameter 'since' must be a Unix time in seconds, like 1700000000 or "
     "1700000000.5, not '10m'"},
    {LOGS, MINOR, "since=1.", "since",
     "ContainerLogs: query parameter 'since' must be a Unix time in seconds, like 1700000000 or "
     "1700000000.5, not '1.'"},
    {LOGS, MINOR, "since=123456789012", "since",
     "ContainerLogs: query parameter 'since' must be a Unix time in seconds, like 1700000000 or "
     "1700000000.5, not '123456789012'"},
    {LOGS, MINOR, "since=1.0123456789", "since",
     "ContainerLogs: query parameter 'since' must be a Unix time in seconds, like 1700000000 or "
     "1700000000.5, not '1.0123456789'"},
    {LOGS, MINOR, "since=-1", "since",
     "ContainerLogs: query parameter 'since' must be a Unix time in seconds, like 1700000000 or "
     "1700000000.5, not '-1'"},
    {LOGS, 34, "until=1", "until",
     "ContainerLogs: query parameter 'until' needs API version 1.35, and 1.34 is spoken here"},
    {LOGS, MINOR, "follow=1&follow=1", "follow",
     "ContainerLogs: query parameter 'follow' is repeated"},
    {LOGS, MINOR, "follow=&follow=1", "follow",
     "ContainerLogs: query parameter 'follow' is repeated"},
    {LOGS, MINOR, "Follow=1", "Follow",
     "ContainerLogs: query parameter 'Follow' is unknown; `caisson operations` lists the known "
     "ones"},
    {LOGS, MINOR, "follo=1", "follo",
     "ContainerLogs: query parameter 'follo' is unknown; `caisson operations` lists the known "
     "ones"},
    {LOGS, MINOR, "=1", "",
     "ContainerLogs: query parameter '' is unknown; `caisson operations` lists the known ones"},
    {LOGS, MINOR, "%66ollow=1", "%66ollow",
     "ContainerLogs: the name of query parameter '%66ollow' must not be escaped"},
    {LOGS, MINOR, "fol+low=1", "fol+low",
     "ContainerLogs: the name of query parameter 'fol+low' must not be escaped"},
    {LOGS, MINOR, "follow", "follow",
     "ContainerLogs: query parameter 'follow' has no value; write follow=VALUE"},
    {LOGS, MINOR, "&", "", "ContainerLogs: the query has an empty parameter"},
    {LOGS, MINOR, "follow=1&", "", "ContainerLogs: the query has an empty parameter"},
    {LOGS, MINOR, "&follow=1", "", "ContainerLogs: the query has an empty parameter"},
    {LOGS, MINOR, "follow=1&&tail=1", "", "ContainerLogs: the query has an empty parameter"},
    {DELETE, MINOR, "link=1", "link",
     "ContainerDelete: query parameter 'link' is refused: it removes a link between containers "
     "instead of the container"},
    {DELETE, MINOR, "link=off", "link",
     "ContainerDelete: query parameter 'link' is refused: it removes a link between containers "
     "instead of the container"},
    {START, MINOR, "checkpoint=x", "checkpoint",
     "ContainerStart: query parameter 'checkpoint' is refused: it restores a process image, and "
     "with it any privilege"},
    {START, MINOR, "checkpoint-dir=%2Ftmp", "checkpoint-dir",
     "ContainerStart: query parameter 'checkpoint-dir' is refused: it names a directory of the "
     "host"},
    {START, MINOR, "detachKeys=ctrl-p", "detachKeys",
     "ContainerStart: query parameter 'detachKeys' is refused: an engine ignores it"},
    {WAIT, MINOR, "condition=running", "condition",
     "ContainerWait: query parameter 'condition' must be not-running, next-exit or removed, not "
     "'running'"},
    {WAIT, 29, "condition=removed", "condition",
     "ContainerWait: query parameter 'condition' needs API version 1.30, and 1.29 is spoken here"},
    {STOP, MINOR, "t=-1", "t",
     "ContainerStop: query parameter 't' must be a number of seconds from 0 to 60, not '-1'"},
    {STOP, MINOR, "t=61", "t",
     "ContainerStop: query parameter 't' must be a number of seconds from 0 to 60, not '61'"},
    {STOP, MINOR, "t=99999999999999999999", "t",
     "ContainerStop: query parameter 't' must be a number of seconds from 0 to 60, not "
     "'99999999999999999999'"},
    {STOP, 41, "signal=TERM", "signal",
     "ContainerStop: query parameter 'signal' needs API version 1.42, and 1.41 is spoken here"},
    {KILL, MINOR, "signal=0", "signal",
     "ContainerKill: query parameter 'signal' must be a signal, like SIGTERM, KILL or 9, not '0'"},
    {KILL, MINOR, "signal=65", "signal",
     "ContainerKill: query parameter 'signal' must be a signal, like SIGTERM, KILL or 9, not '65'"},
    {KILL, MINOR, "signal=SIG", "signal",
     "ContainerKill: query parameter 'signal' must be a signal, like SIGTERM, KILL or 9, not "
     "'SIG'"},
    {KILL, MINOR, "signal=NOPE", "signal",
     "ContainerKill: query parameter 'signal' must be a signal, like SIGTERM, KILL or 9, not "
     "'NOPE'"},
    {CREATE, 40, "platform=linux", "platform",
     "ContainerCreate: query parameter 'platform' needs API version 1.41, and 1.40 is spoken here"},
    {CREATE, MINOR, "platform=linux/", "platform",
     "ContainerCreate: query parameter 'platform' must be an os/arch/variant like linux/amd64, not "
     "'linux/'"},
    {CREATE, MINOR, "platform=a/b/c/d", "platform",
     "ContainerCreate: query parameter 'platform' must be an os/arch/variant like linux/amd64, not "
     "'a/b/c/d'"},
    {CREATE, MINOR, "platform=Linux", "platform",
     "ContainerCreate: query parameter 'platform' must be an os/arch/variant like linux/amd64, not "
     "'Linux'"},
    {RESIZE, MINOR, "h=10001", "h",
     "ContainerResize: query parameter 'h' must be a number from 0 to 10000, not '10001'"},
};

static void refusals_say_what_would_be_right(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(refused_cases) / sizeof(refused_cases[0]); i++) {
        const struct refused_case *c = &refused_cases[i];
        struct query query;
        int reason = judge(c->op, c->minor, c->query, &query);
        if (reason != REASON_QUERY_REFUSED || strcmp(query.message, c->message) != 0 ||
            strcmp(query.field, c->field) != 0)
            fail_msg("'%s' gave [%s] '%s'", c->query, query.field, query.message);
    }
}

static const char *const bad_names[] = {
    "a",
    "-ab",
    ".ab",
    "_ab",
    "//ab",
    "a/b",
    "a b",
    "a:b",
    "ab%00",
    "%c3%a4b",
    "a%2fb",
    "a@b",
    "0123456789ab",
    "0123456789AB",
    "abcdefabcdef0123",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", /* 64 */
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
};

#define OURS "io.caisson.owner=me"
#define SENT "io.caisson.owner%3Dme"

static const char *const bad_filters[] = {
    "%7B",
    "%5B%5D",
    "null",
    "%7B%22label%22:%22a%22%7D",                     /* {"label":"a"} */
    "%7B%22label%22:%5B%5D%7D",                      /* {"label":[]} */
    "%7B%22label%22:%7B%7D%7D",                      /* {"label":{}} */
    "%7B%22label%22:%5B7%5D%7D",                     /* {"label":[7]} */
    "%7B%22label%22:%5Bnull%5D%7D",                  /* {"label":[null]} */
    "%7B%22label%22:%5B%5B%22a%22%5D%5D%7D",         /* {"label":[["a"]]} */
    "%7B%22label%22:%7B%22a%22:false%7D%7D",         /* {"label":{"a":false}} */
    "%7B%22label%22:%7B%22a%22:1%7D%7D",             /* {"label":{"a":1}} */
    "%7B%22label%22:%5B%22a%5Cn%22%5D%7D",           /* {"label":["a\n"]} */
    "%7B%22label%22:%5B%22a%5Cu0000%22%5D%7D",       /* {"label":["a\u0000"]} */
    "%7B%22label%22:%5B%22a%22%5D%7Dx",              /* {"label":["a"]}x */
    "%7B%22label%22:%5B%22a%22%5D,%22label%22:1%7D", /* twice */
    "%7B%22Label%22:%5B%22a%22%5D%7D",               /* {"Label":["a"]} */
    "%7B%22before%22:%5B%22a%22%5D%7D",              /* {"before":["a"]} */
    "%7B%22since%22:%5B%22a%22%5D%7D",
    "%7B%22volume%22:%5B%22a%22%5D%7D",
    "%7B%22network%22:%5B%22a%22%5D%7D",
    "%7B%22is-task%22:%5B%22yes%22%5D%7D",
    "%7B%22is-task%22:%5B%221%22,%220%22%5D%7D",
    "%7B%22status%22:%5B%22Exited%22%5D%7D",
    "%7B%22status%22:%5B%22exited%20dead%22%5D%7D",
    "%7B%22status%22:%5B%22%22%5D%7D",
    "%7B%22exited%22:%5B%22-%22%5D%7D",
    "%7B%22exited%22:%5B%220x1%22%5D%7D",
    "%7B%22publish%22:%5B%22/tcp%22%5D%7D",
    "%7B%22publish%22:%5B%2280;81%22%5D%7D",
    "%7B%22label%22:%5B%22=b%22%5D%7D",
    "%7B%22id%22:%5B%22a%20b%22%5D%7D",
    "%7B%22label!%22:%5B%22a%22%5D%7D",
    "%7B%22%22:%5B%22a%22%5D%7D",
    "%00",
    "%",
};

static void bad_filters_are_refused(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(bad_filters) / sizeof(bad_filters[0]); i++) {
        struct query query;
        char text[160] = "filters=";
        strcat(text, bad_filters[i]);
        if (judge_for(LIST, MINOR, OURS, text, &query) != REASON_QUERY_REFUSED)
            fail_msg("%s gave '%s'", text, query.text);
        assert_string_equal(query.field, "filters");
        assert_non_null(strstr(query.message, "ContainerList: query parameter 'filters' "));
        assert_non_null(strstr(query.message, " must be"));
    }
}

/* Whatever is asked for, ours is among the labels, once. */
static void lists_are_narrowed(void **state)
{
    (void) state;
    static const char *const cases[][2] = {
        {"", "filters=%7B%22label%22:%5B%22" SENT "%22%5D%7D"},
        {"filters=", "filters=%7B%22label%22:%5B%22" SENT "%22%5D%7D"},
        {"filters=%7B%7D", "filters=%7B%22label%22:%5B%22" SENT "%22%5D%7D"},
        {"all=1&limit=2", "filters=%7B%22label%22:%5B%22" SENT "%22%5D%7D&all=1&limit=2"},
        {"filters=%7B%22label%22:%5B%22a%22%5D%7D",
         "filters=%7B%22label%22:%5B%22a%22%2C%22" SENT "%22%5D%7D"},
        {"filters=%7B%22label%22:%7B%22a%22:true%7D%7D",
         "filters=%7B%22label%22:%5B%22a%22%2C%22" SENT "%22%5D%7D"},
        {"filters=%7B%22label%22:%5B%22io.caisson.owner%3Dyou%22%5D%7D",
         "filters=%7B%22label%22:%5B%22io.caisson.owner%3Dyou%22%2C%22" SENT "%22%5D%7D"},
        {"filters=%7B%22label%22:%5B%22" SENT "%22%5D%7D",
         "filters=%7B%22label%22:%5B%22" SENT "%22%5D%7D"},
        {"filters=%7B%22status%22:%5B%22exited%22%5D%7D",
         "filters=%7B%22label%22:%5B%22" SENT "%22%5D%2C%22status%22:%5B%22exited%22%5D%7D"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct query query;
        for (int again = 0; again < 2; again++) {
            int reason = judge_for(LIST, MINOR, OURS, cases[i][again], &query);
            if (reason != REASON_NONE || strcmp(query.text, cases[i][1]) != 0)
                fail_msg("'%s' gave '%s' %s", cases[i][again], query.text, query.message);
        }
    }
    struct query query; /* where no label narrows, nothing is let through; not even nothing */
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (judge_for((enum operation_id) i, MINOR, OURS, "", &query) == REASON_NONE &&
            !strstr(query.text, SENT))
            fail_msg("%s", operation_get((enum operation_id) i)->id);
    assert_int_equal(judge_for(STOP, MINOR, OURS, "t=1", &query), REASON_UNDECIDED);
    assert_int_equal(judge_for(OPERATION_NodeList, MINOR, OURS, "", &query), REASON_QUERY_REFUSED);
}

/* A policy could else say `own` of an operation that then shows everyone's. */
static void what_is_granted_as_own_is_narrowed(void **state)
{
    (void) state;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        struct query query;
        if (op->object != OBJECT_NONE || !(op->grants & GRANT_OWN) || i == OPERATION_ImageCommit)
            continue;
        assert_int_equal(judge_for(op->number, MINOR, OURS, "", &query), REASON_NONE);
        assert_non_null(strstr(query.text, SENT));
    }
}

/* Each operation has names of its own; some stand only where everything may be seen anyway. */
static void filters_are_of_an_operation(void **state)
{
    (void) state;
    static const struct {
        enum operation_id op;
        const char *filters, *any, *own; /* what is sent; NULL: refused */
    } cases[] = {
        {LIST, "{\"since\":[\"a\"]}", "%7B%22since%22:%5B%22a%22%5D%7D", NULL},
        {LIST, "{\"volume\":[\"a\"]}", "%7B%22volume%22:%5B%22a%22%5D%7D", NULL},
        {LIST, "{\"is-task\":[\"true\"]}", "%7B%22is-task%22:%5B%22true%22%5D%7D",
         "%7B%22is-task%22:%5B%22true%22%5D%2C%22label%22:%5B%22" SENT "%22%5D%7D"},
        {OPERATION_ContainerPrune, "{\"label!\":[\"keep\"],\"until\":[\"24h\"]}",
         "%7B%22label%21%22:%5B%22keep%22%5D%2C%22until%22:%5B%2224h%22%5D%7D",
         "%7B%22label%22:%5B%22" SENT
         "%22%5D%2C%22label%21%22:%5B%22keep%22%5D%2C%22until%22:%5B%2224h%22%5D%7D"},
        {OPERATION_ContainerPrune, "{\"until\":[\"1h\",\"2h\"]}", NULL, NULL},
        {OPERATION_ContainerPrune, "{\"status\":[\"exited\"]}", NULL, NULL},
        {OPERATION_SystemEvents, "{\"type\":[\"container\"],\"event\":[\"die\"]}",
         "%7B%22event%22:%5B%22die%22%5D%2C%22type%22:%5B%22container%22%5D%7D",
         "%7B%22event%22:%5B%22die%22%5D%2C%22label%22:%5B%22" SENT
         "%22%5D%2C%22type%22:%5B%22container%22%5D%7D"},
        {OPERATION_SystemEvents, "{\"type\":[\"file\"]}", NULL, NULL},
        {OPERATION_SystemEvents, "{\"volume\":[\"a\"]}", "%7B%22volume%22:%5B%22a%22%5D%7D", NULL},
        {OPERATION_NetworkList, "{\"dangling\":{\"true\":true}}",
         "%7B%22dangling%22:%5B%22true%22%5D%7D",
         "%7B%22dangling%22:%5B%22true%22%5D%2C%22label%22:%5B%22" SENT "%22%5D%7D"},
        {OPERATION_NetworkList, "{\"status\":[\"a\"]}", NULL, NULL},
        {OPERATION_VolumePrune, "{\"all\":[\"true\"]}", "%7B%22all%22:%5B%22true%22%5D%7D",
         "%7B%22all%22:%5B%22true%22%5D%2C%22label%22:%5B%22" SENT "%22%5D%7D"},
        {OPERATION_NodeList, "{\"role\":[\"manager\"]}", "%7B%22role%22:%5B%22manager%22%5D%7D",
         NULL},
        {OPERATION_NodeList, "{\"role\":[\"root\"]}", NULL, NULL},
    };
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const char *sent = i % 2 ? cases[i / 2].own : cases[i / 2].any;
        char text[200] = "filters=", want[200] = "filters=";
        struct query query;
        strcat(text, cases[i / 2].filters);
        int reason = judge_for(cases[i / 2].op, MINOR, i % 2 ? OURS : NULL, text, &query);
        if (sent)
            strcat(want, sent);
        if (sent ? strcmp(query.text, want) != 0 : reason != REASON_QUERY_REFUSED)
            fail_msg("%s gave '%s' %s", text, query.text, query.message);
    }
}

/* The longest filters that are read either fit or are refused; nothing is cut. */
static void filters_have_an_end(void **state)
{
    (void) state;
    struct query query;
    for (size_t bytes = 1; bytes < 1100; bytes++) {
        char text[1200] = "filters=%7B%22ancestor%22:%5B%22";
        size_t head = strlen(text);
        memset(text + head, bytes % 2 ? '~' : 'x', bytes);
        strcpy(text + head + bytes, "%22%5D%7D");
        if (judge_for(LIST, MINOR, OURS, text, &query) == REASON_NONE)
            assert_non_null(strstr(query.text, "%22" SENT "%22%5D%7D"));
        else
            assert_true(bytes > 400);
    }
}

static void bad_names_are_refused(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++) {
        struct query query;
        char text[160] = "name=";
        strcat(text, bad_names[i]);
        assert_int_equal(judge(CREATE, MINOR, text, &query), REASON_NAME_REFUSED);
        assert_string_equal(query.field, "name");
        assert_non_null(strstr(query.message, NAME_RULE));
    }
    struct query query;
    judge(CREATE, MINOR, "name=a", &query);
    assert_string_equal(query.message,
                        "ContainerCreate: query parameter 'name' must be " NAME_RULE ", not 'a'");
}

/* query.c has room for the rows and the text of every operation. */
static void rows_fit(void **state)
{
    (void) state;
    const struct query_row *row;
    for (int op = 0; op < OPERATION_COUNT; op++) {
        size_t count = 0, bytes = 0;
        int runs = 0, last = -1;
        for (size_t i = 0; (row = query_row_at(i)); i++) {
            if (row->op == op) {
                runs += last != op;
                count++;
                bytes += strlen(row->name) + 24;
                assert_true(query_row_why(row)[0] && query_type_text(row)[0]);
            }
            last = row->op;
        }
        assert_true(count <= 40 && bytes < QUERY_TEXT_BYTES && runs <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_sent_canonically),
        cmocka_unit_test(names_are_taken_apart),
        cmocka_unit_test(refusals_say_what_would_be_right),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(bad_filters_are_refused),
        cmocka_unit_test(lists_are_narrowed),
        cmocka_unit_test(what_is_granted_as_own_is_narrowed),
        cmocka_unit_test(filters_are_of_an_operation),
        cmocka_unit_test(filters_have_an_end),
        cmocka_unit_test(rows_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
