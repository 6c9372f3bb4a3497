/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every row of create.def, exec.def and their like: the values of tests/cases/create_fields.tsv and
 * its like under the built-in rule, and every kind of rule that fits the row's type.  Run from the
 * top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "err.h"
#include "field.h"
#include "json.h"
#include "judge.h"
#include "operation.h"
#include "owner.h"
#include "reason.h"
#include "schema.h"
#include "tmpfs.h"
#include "types.h"

/* Every container is the client's own here, and nothing else. */
static const char *owned(const void *arg, int kind, const char *ref, size_t ref_bytes)
{
    (void) arg, (void) ref, (void) ref_bytes;
    if (kind != OWNER_CONTAINER)
        return NULL;
    return "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
}

static const struct schema_context context = {.api_minor = 55,
                                              .owned = owned,
                                              .depth = 16,
                                              .file = "evaluator.ini",
                                              .label_key = "io.caisson.owner",
                                              .label_value = "t"};

/* One line of the table of values. */
struct line {
    char path[160];
    const struct json *pass, *refuse; /* refuse: NULL for "-" */
    char why[200], rule[80];
};

/* A table under test. */
struct table {
    const char *tsv_path;
    enum body body;
    const char *base; /* what a body needs so that only the row in question can be refused */
};

static const struct table create_table = {
    "tests/cases/create_fields.tsv", BODY_CREATE,
    "{\"Image\":\"busybox\",\"HostConfig\":{\"NetworkMode\":\"none\"}}"};
static const struct table exec_table = {"tests/cases/exec_fields.tsv", BODY_EXEC, "{}"};
static const struct table start_table = {"tests/cases/start_fields.tsv", BODY_EXEC_START, "{}"};
static const struct table network_table = {"tests/cases/network_fields.tsv", BODY_NETWORK,
                                           "{\"Name\":\"front\"}"};
static const struct table connect_table = {"tests/cases/connect_fields.tsv", BODY_CONNECT,
                                           "{\"Container\":\"mine\"}"};
static const struct table disconnect_table = {"tests/cases/disconnect_fields.tsv", BODY_DISCONNECT,
                                              "{\"Container\":\"mine\"}"};
static const struct table volume_table = {"tests/cases/volume_fields.tsv", BODY_VOLUME, "{}"};

struct state {
    const struct table *table;
    struct schema *schema; /* every rule is `allow`, but for the row under test */
    struct schema *fresh;  /* the built-in rules */
    struct line lines[400];
    size_t count;
};

/* ---- bodies ---- */

/* Every tree of a run; freed when it ends. */
static struct arena arena;

static const struct json *read_value(const char *text)
{
    struct json_fault fault;
    char *copy = arena_take(&arena, strlen(text) + 1 + JSON_PADDING), *end;
    memset(stpcpy(copy, text), 0, 1 + JSON_PADDING);
    const struct json *value = json_read_first(&arena, copy, &end, &fault);
    if (!value)
        fail_msg("%s: %s", text, fault.text);
    assert_int_equal(*end, '\0');
    return value;
}

static const struct json *list_of(const struct json *value)
{
    struct json *list = json_new(&arena, JSON_LIST);
    json_push(&arena, list, value);
    return list;
}

static struct json *object_of(const char *key, const struct json *value)
{
    struct json *object = json_new(&arena, JSON_OBJECT);
    json_set(&arena, object, arena_copy(&arena, key, strlen(key)), value);
    return object;
}

/* A member of a tmpfs mount as the option text that says it. */
static const struct json *tmpfs_text(const char *name, const struct json *value)
{
    const char *text = "";
    if (json_is(value, JSON_INTEGER))
        text = arena_print(&arena, strcmp(name, "mode") == 0 ? "%s=%llo" : "%s=%llu", name,
                           (unsigned long long) value->number);
    else if (json_is(value, JSON_TRUE))
        text = arena_copy(&arena, name, strlen(name));
    return json_new_text(&arena, text);
}

static const char *key_for(const char *object)
{
    return strstr(object, "PortBindings") ? "80/tcp" : strstr(object, "Tmpfs{}") ? "/tmp" : "none";
}

/* {"HostConfig": {"Mounts": [{"Type": value}]}}; value NULL: the innermost object is empty. */
static const struct json *body_with(const char *path, const struct json *value)
{
    char rest[160];
    snprintf(rest, sizeof(rest), "%s", path);
    const char *key = key_for(path);
    const struct json *at = value;
    for (;;) {
        char *dot = strrchr(rest, '.'), *name = dot ? dot + 1 : rest;
        while (strlen(name) > 2 && strpbrk(name + strlen(name) - 1, "]}")) {
            char *mark = name + strlen(name) - 2;
            at = *mark == '[' ? list_of(at) : object_of(key, at);
            *mark = '\0';
        }
        if (dot && strstr(rest, "Tmpfs{}."))
            at = tmpfs_text(name, at);
        else
            at = at ? object_of(name, at) : json_new(&arena, JSON_OBJECT);
        if (!dot)
            return at;
        *dot = '\0';
    }
}

/* The members of both; those of `more` count.  base may be NULL. */
static struct json *joined(const struct json *base, const struct json *more)
{
    struct json *all = base ? json_clone(&arena, base) : json_new(&arena, JSON_OBJECT);
    for (const struct json *member = json_members(more); member; member = member->next)
        json_set(&arena, all, member->key, member);
    return all;
}

static const struct json *body_for(const struct state *state, const char *path,
                                   const struct json *value)
{
    static const char *const kinds[][2] = {{"BindOptions", "bind"},
                                           {"VolumeOptions", "volume"},
                                           {"TmpfsOptions", "tmpfs"},
                                           {"ImageOptions", "image"},
                                           {"ClusterOptions", "cluster"}};
    struct json *body = json_clone(&arena, read_value(state->table->base));
    const struct json *more = body_with(path, value);
    struct json *host = json_get(more, "HostConfig");
    if (!strchr(path, '.')) /* the value under test, or none */
        json_drop(body, path);
    if (strcmp(path, "HostConfig.NetworkMode") == 0)
        json_set(&arena, body, "HostConfig", json_new(&arena, JSON_OBJECT));
    for (size_t i = 0; i < 5; i++) {
        struct json *mount = json_elements(json_get(host, "Mounts"));
        if (strstr(path, kinds[i][0]))
            json_set(&arena, mount, "Type", json_new_text(&arena, kinds[i][1]));
    }
    if (json_is(host, JSON_OBJECT))
        json_replace(host, joined(json_get(body, "HostConfig"), host));
    return joined(body, more);
}

/* What stands at a path of what is sent; or NULL. */
static const struct json *value_at(const struct json *sent, const char *path)
{
    const struct json *at = sent;
    while (at && *path) {
        size_t length = strcspn(path, ".[{");
        struct json *members;
        if (json_is(at, JSON_STRING)) {
            assert_null(tmpfs_decode(&arena, at->text, &members));
            at = members;
        }
        at = json_find(at, path, length);
        for (path += length; *path && *path != '.'; path += 2)
            at = json_inside(at);
        path += *path == '.';
    }
    return at;
}

/* ---- judging ---- */

struct outcome {
    int reason;
    char field[160], message[640];
    const struct json *value; /* at the path, when the body passed */
    char *warnings;
};

static void outcome_done(struct outcome *outcome)
{
    free(outcome->warnings);
}

static struct outcome judge(const struct state *state, const char *path, const struct json *value)
{
    struct schema_verdict verdict = {0};
    struct outcome outcome = {0};
    char *text = json_write(&arena, body_for(state, path, value), NULL);
    schema_judge(state->schema, &context, text, strlen(text), &verdict);
    outcome.reason = verdict.reason;
    memcpy(outcome.field, verdict.field, sizeof(outcome.field));
    memcpy(outcome.message, verdict.message, sizeof(outcome.message));
    if (verdict.body) {
        struct json_fault fault;
        const struct json *sent =
            json_read_strict(&arena, verdict.body, verdict.body_bytes, 16, &fault);
        assert_non_null(sent);
        outcome.value = value_at(sent, path);
        outcome.warnings = verdict.warnings;
        verdict.warnings = NULL;
    }
    free(text);
    schema_verdict_done(&verdict);
    return outcome;
}

static void set_rule(const struct state *state, const char *path, const char *rule)
{
    struct err err = {{0}};
    if (schema_set_rule(state->schema, path, rule, "evaluator.ini:9", &err) < 0)
        fail_msg("%s = %s: %s", path, rule, err.text);
}

/* Whether every value means nothing to the Engine. */
static bool is_always_neutral(const struct field *field)
{
    return field->neutral && strcmp(field->neutral, "*") == 0;
}

/* What a value looks like once it was sent. */
static bool is_sent_as(const struct field *field, const struct json *value, const struct json *sent)
{
    if (is_always_neutral(field))
        return !sent;
    if (field->type->codec && field->type->codec->canonical)
        return json_is(sent, JSON_STRING);
    if (field->type->codec && field->type->codec->container && json_is(value, JSON_LIST))
        return json_size(sent) == json_size(value); /* by their ids */
    if (strcmp(field->path, "HostConfig") == 0 || strcmp(field->path, "NetworkingConfig") == 0)
        return json_is(sent, JSON_OBJECT);
    if (strcmp(field->path, "Labels") == 0)
        return json_size(sent) == json_size(value) + 1;
    if (field->type == type_get(TYPE_ID_CONTAINER))
        return json_same(value, sent) || json_size(sent) == 64; /* by its id */
    if (field->type->kind == KIND_OBJECT && !field->members)
        return json_size(sent) == 0; /* it has no members, so it is always neutral */
    return json_same(value, sent);
}

static void expect_sent(const struct state *state, const struct field *field, const char *rule,
                        const struct json *value, const struct json *want)
{
    struct outcome outcome = judge(state, field->path, value);
    if (outcome.reason != REASON_NONE)
        fail_msg("%s under '%s': %s", field->path, rule, outcome.message);
    if (!is_sent_as(field, want, outcome.value)) {
        char *sent = outcome.value ? json_write(&arena, outcome.value, NULL) : NULL;
        fail_msg("%s under '%s': %s was sent", field->path, rule, sent ? sent : "nothing");
    }
    outcome_done(&outcome);
}

static void expect_refused(const struct state *state, const struct field *field, const char *rule,
                           const struct json *value)
{
    struct outcome outcome = judge(state, field->path, value);
    if (outcome.reason == REASON_NONE)
        fail_msg("%s under '%s': passed", field->path, rule);
    assert_true(outcome.message[0]);
    /* A text that does not parse is refused in the name of the field that holds it. */
    if (strncmp(outcome.field, field->path, strcspn(field->path, "{")) != 0)
        fail_msg("%s under '%s': %s was named: %s", field->path, rule, outcome.field,
                 outcome.message);
    outcome_done(&outcome);
}

static void expect_no_rule(const struct state *state, const struct field *field, const char *rule)
{
    struct err err = {{0}};
    if (schema_set_rule(state->schema, field->path, rule, NULL, &err) == 0)
        fail_msg("%s = %s was taken", field->path, rule);
    assert_true(err.text[0]);
}

/* ---- each kind of rule ---- */

/* A value in the words of a policy. */
static void print_value(const struct field *field, const struct json *value, char *buffer,
                        size_t size)
{
    char number[TYPE_TEXT_BYTES];
    if (json_is(value, JSON_INTEGER)) {
        snprintf(buffer, size, "%s", type_print_number(field->type, json_number(value), number));
        return;
    }
    char *text = json_write(&arena, value, NULL);
    snprintf(buffer, size, "%s", text);
    free(text);
}

static void try_forbid(const struct state *state, const struct field *field,
                       const struct json *value)
{
    set_rule(state, field->path, "forbid");
    if (!judge_is_neutral(field, value))
        expect_refused(state, field, "forbid", value);
    if (field->safe) /* what the built-in rule would send stands in */
        expect_sent(state, field, "forbid", json_new(&arena, JSON_NULL), field->safe);
    else if (!(field->type->traits & TYPE_REQUIRED)) {
        struct outcome outcome = judge(state, field->path, json_new(&arena, JSON_NULL));
        assert_int_equal(outcome.reason, REASON_NONE);
        outcome_done(&outcome);
    }
}

static void try_allow(const struct state *state, const struct field *field,
                      const struct json *value)
{
    set_rule(state, field->path, "allow");
    expect_sent(state, field, "allow", value, value);
}

static void try_force(const struct state *state, const struct field *field,
                      const struct json *value)
{
    char rule[400] = "force ";
    print_value(field, value, rule + 6, sizeof(rule) - 6);
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, NULL, value);
    expect_sent(state, field, rule, value, value);
}

static void try_default(const struct state *state, const struct field *field,
                        const struct json *value)
{
    char rule[400] = "allow, default ";
    print_value(field, value, rule + 15, sizeof(rule) - 15);
    if (!field->open)
        expect_no_rule(state, field, rule + 7);
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, NULL, value);
    expect_sent(state, field, rule, json_new(&arena, JSON_NULL), value);
}

static void print_bound(const struct state *state, const struct field *field, const char *clause,
                        int64_t bound, char *buffer, size_t size)
{
    char number[TYPE_TEXT_BYTES];
    if (field->type->kind == KIND_NUMBER)
        snprintf(buffer, size, "allow, %s %s", clause,
                 type_print_number(field->type, bound, number));
    else
        snprintf(buffer, size, "allow, %s %lld", clause, (long long) bound);
    if (!field->open && field->type->kind != KIND_NUMBER)
        expect_no_rule(state, field, buffer + 7);
}

/* Half of a number is a value that the units can write. */
static void try_bounds(const struct state *state, const struct field *field,
                       const struct json *value)
{
    char rule[400];
    int64_t measure = type_measure(field->type, value);
    bool is_number = field->type->kind == KIND_NUMBER;
    const struct json *less = json_new_number(&arena, measure / 2);
    print_bound(state, field, "max", measure, rule, sizeof(rule));
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, value, value);
    if (is_number && field->type->traits & TYPE_ZERO) {
        expect_sent(state, field, rule, NULL, value);
        expect_sent(state, field, rule, json_new(&arena, JSON_NULL), value);
    }
    print_bound(state, field, "max", is_number ? measure / 2 : measure - 1, rule, sizeof(rule));
    set_rule(state, field->path, rule);
    expect_refused(state, field, rule, value);
    print_bound(state, field, "min", measure, rule, sizeof(rule));
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, value, value);
    if (is_number && measure / 2 > 0)
        expect_refused(state, field, rule, less);
    if (!is_number)
        expect_refused(state, field, rule, NULL);
}

/* The first thing in a value that one-of looks at. */
static const char *item_of(const struct json *value)
{
    if (json_is(value, JSON_STRING))
        return json_text(value);
    if (json_is(value, JSON_LIST))
        return json_text(json_elements(value));
    return json_members(value)->key;
}

/* What no star matches, since it reaches beyond the container; see match.h. */
static bool is_special(const struct field *field, const char *item)
{
    return field->type == type_get(TYPE_ID_BINDS) ||
           (field->type == type_get(TYPE_ID_NAMESPACE) && strcmp(item, "host") == 0);
}

static void try_one_of(const struct state *state, const struct field *field,
                       const struct json *value)
{
    char rule[400];
    const char *item = item_of(value), *star = "one-of *";
    if (field->type == type_get(TYPE_ID_IMAGE))
        star = "one-of **:*";
    if (field->type == type_get(TYPE_ID_BINDS))
        star = "one-of *:*";
    set_rule(state, field->path, star);
    if (is_special(field, item))
        expect_refused(state, field, star, value);
    else
        expect_sent(state, field, star, value, value);
    snprintf(rule, sizeof(rule), "%s !\"%s\"", star, item);
    set_rule(state, field->path, rule);
    expect_refused(state, field, rule, value);
    if (!json_is(value, JSON_STRING))
        return;
    snprintf(rule, sizeof(rule), "one-of \"%s\"", item);
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, value, value);
    bool is_list = field->type->codec && field->type->codec->item_wrong;
    if (!(field->type->traits & TYPE_REQUIRED) && !is_list)
        expect_sent(state, field, rule, NULL, value);
}

static void try_row(const struct state *state, const struct field *field, const struct json *value)
{
    enum kind kind = field->type->kind;
    bool no_bounds = kind == KIND_BOOL || kind == KIND_OBJECT;
    try_forbid(state, field, value);
    try_allow(state, field, value);
    if (is_always_neutral(field))
        return;
    try_force(state, field, value);
    try_default(state, field, value);
    if (no_bounds) {
        expect_no_rule(state, field, "max 1");
        expect_no_rule(state, field, "min 1");
    } else if (kind == KIND_STRING && !(field->type->traits & (TYPE_LENGTH | TYPE_PORTS))) {
        expect_no_rule(state, field, "allow, max 1");
        expect_no_rule(state, field, "allow, min 1");
    } else if (!(field->type->traits & TYPE_PORTS)) { /* those: tests/cases/ports.case */
        try_bounds(state, field, value);
    }
    if (type_has_choice(field->type))
        try_one_of(state, field, value);
    else
        expect_no_rule(state, field, "one-of a b");
    expect_no_rule(state, field, "forbid, allow");
    expect_no_rule(state, field, "maximum 1");
    set_rule(state, field->path, "allow");
}

/* ---- the tests ---- */

static const struct line *line_of(const struct state *state, const char *path)
{
    for (size_t i = 0; i < state->count; i++)
        if (strcmp(state->lines[i].path, path) == 0)
            return &state->lines[i];
    return NULL;
}

static const struct json *parse_cell(const char *text)
{
    return strcmp(text, "-") == 0 ? NULL : read_value(text);
}

static int setup(void **ret_state, const struct table *table)
{
    static struct state state;
    state = (struct state){.table = table};
    char text[1024], *cells[5], *rest;
    FILE *file = fopen(table->tsv_path, "r");
    assert_non_null(file);
    while (fgets(text, sizeof(text), file)) {
        if (text[0] == '#')
            continue;
        rest = text;
        for (int i = 0; i < 5; i++)
            cells[i] = strsep(&rest, "\t\n");
        struct line *line = &state.lines[state.count++];
        assert_non_null(cells[4]);
        snprintf(line->path, sizeof(line->path), "%s", cells[0]);
        line->pass = parse_cell(cells[1]);
        line->refuse = parse_cell(cells[2]);
        snprintf(line->why, sizeof(line->why), "%s", cells[3]);
        snprintf(line->rule, sizeof(line->rule), "%s", cells[4]);
    }
    fclose(file);
    state.schema = schema_new(table->body);
    state.fresh = schema_new(table->body);
    assert_non_null(state.schema);
    assert_non_null(state.fresh);
    if (schema_has(state.schema, "HostConfig.MemorySwap")) /* it is forced to another field */
        set_rule(&state, "HostConfig.MemorySwap", "allow");
    for (size_t i = 0; i < state.schema->count; i++)
        set_rule(&state, state.schema->fields[i].path, "allow");
    *ret_state = &state;
    return 0;
}

static int setup_create(void **ret_state)
{
    return setup(ret_state, &create_table);
}

static int setup_exec(void **ret_state)
{
    return setup(ret_state, &exec_table);
}

static int setup_start(void **ret_state)
{
    return setup(ret_state, &start_table);
}

static int setup_network(void **ret_state)
{
    return setup(ret_state, &network_table);
}

static int setup_connect(void **ret_state)
{
    return setup(ret_state, &connect_table);
}

static int setup_disconnect(void **ret_state)
{
    return setup(ret_state, &disconnect_table);
}

static int setup_volume(void **ret_state)
{
    return setup(ret_state, &volume_table);
}

static int teardown(void **any)
{
    struct state *state = *any;
    schema_free(state->schema);
    schema_free(state->fresh);
    arena_done(&arena);
    return 0;
}

static void test_every_row_has_a_line(void **any)
{
    const struct state *state = *any;
    for (size_t i = 0; i < state->fresh->count; i++)
        if (!line_of(state, state->fresh->fields[i].path))
            fail_msg("%s has no line in %s", state->fresh->fields[i].path, state->table->tsv_path);
    for (size_t i = 0; i < state->count; i++) {
        const struct line *line = &state->lines[i];
        if (!schema_find(state->fresh, line->path))
            fail_msg("%s of %s has no row", line->path, state->table->tsv_path);
        if (!line->pass || (!line->refuse && strcmp(line->why, "-") == 0))
            fail_msg("%s: a value is missing without a reason", line->path);
        assert_ptr_equal(line_of(state, line->path), line);
    }
}

/* One value passes, one is refused, under the built-in rule or the one that the line states. */
static void test_values(void **any)
{
    const struct state *state = *any;
    for (size_t i = 0; i < state->count; i++) {
        const struct line *line = &state->lines[i];
        const struct field *field = schema_find(state->schema, line->path);
        const char *built_in = schema_find(state->fresh, line->path)->rule.text;
        const char *rule = strcmp(line->rule, "-") == 0 ? built_in : line->rule;
        set_rule(state, line->path, rule);
        expect_sent(state, field, rule, line->pass, line->pass);
        set_rule(state, line->path, built_in);
        if (line->refuse)
            expect_refused(state, field, built_in, line->refuse);
        set_rule(state, line->path, "allow");
    }
}

static void test_every_kind_of_rule(void **any)
{
    const struct state *state = *any;
    for (size_t i = 0; i < state->count; i++)
        try_row(state, schema_find(state->schema, state->lines[i].path), state->lines[i].pass);
}

/* A value of a newer API version is refused by name; the same is written when the policy says so.
 */
static void test_versions(void **any)
{
    const struct state *state = *any;
    for (size_t i = 0; i < state->count; i++) {
        const struct line *line = &state->lines[i];
        const struct field *field = schema_find(state->schema, line->path);
        struct schema_context old = context;
        struct schema_verdict verdict = {0};
        if (field->since <= 24 || judge_is_neutral(field, line->pass))
            continue;
        old.api_minor = field->since - 1;
        char *text = json_write(&arena, body_for(state, line->path, line->pass), NULL);
        schema_judge(state->schema, &old, text, strlen(text), &verdict);
        assert_int_equal(verdict.reason, REASON_FIELD_TOO_NEW);
        assert_int_equal(strncmp(verdict.field, field->path, strlen(verdict.field)), 0);
        schema_verdict_done(&verdict);
        free(text);
    }
}

/* What is said under [exec] of a field of a start is said of the exec's, too. */
static void test_a_start_has_nothing_of_its_own(void **any)
{
    struct schema *exec = schema_new(BODY_EXEC), *start = schema_new(BODY_EXEC_START);
    (void) any;
    assert_true(exec && start);
    for (size_t i = 0; i < start->count; i++) {
        if (is_always_neutral(&start->fields[i]))
            continue; /* never sent, whatever the rule */
        assert_true(schema_has(exec, start->fields[i].path));
        /* policy.c looks for a text in what is sent. */
        assert_int_not_equal(start->fields[i].type->kind, KIND_STRING);
        assert_int_not_equal(start->fields[i].type->kind, KIND_STRINGS);
    }
    schema_free(exec);
    schema_free(start);
}

/* A command must not get what its container was refused. */
static void test_an_exec_is_as_strict_as_a_create(void **any)
{
    static const char *const shared[] = {"User", "Env"};
    struct schema *exec = schema_new(BODY_EXEC), *create = schema_new(BODY_CREATE);
    (void) any;
    assert_true(exec && create);
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
        assert_string_equal(schema_find(exec, shared[i])->rule.text,
                            schema_find(create, shared[i])->rule.text);
    schema_free(exec);
    schema_free(create);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_has_a_line),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_kind_of_rule),
        cmocka_unit_test(test_versions),
    };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(test_a_start_has_nothing_of_its_own),
        cmocka_unit_test(test_an_exec_is_as_strict_as_a_create),
    };
    int failed = cmocka_run_group_tests_name("create.def", tests, setup_create, teardown);
    failed += cmocka_run_group_tests_name("exec.def", tests, setup_exec, teardown);
    failed += cmocka_run_group_tests_name("start.def", tests, setup_start, teardown);
    failed += cmocka_run_group_tests_name("network.def", tests, setup_network, teardown);
    failed += cmocka_run_group_tests_name("connect.def", tests, setup_connect, teardown);
    failed += cmocka_run_group_tests_name("disconnect.def", tests, setup_disconnect, teardown);
    failed += cmocka_run_group_tests_name("volume.def", tests, setup_volume, teardown);
    return failed + cmocka_run_group_tests_name("together", others, NULL, NULL);
}
