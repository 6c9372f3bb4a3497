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
#include <jansson.h>

#include "err.h"
#include "field.h"
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
    json_t *pass, *refuse; /* refuse: NULL for "-" */
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

/* A member of a tmpfs mount as the option text that says it. */
static json_t *tmpfs_text(const char *name, const json_t *value)
{
    char text[200] = "";
    if (json_is_integer(value))
        snprintf(text, sizeof(text), strcmp(name, "mode") == 0 ? "%s=%llo" : "%s=%llu", name,
                 (unsigned long long) json_integer_value(value));
    else if (json_is_true(value))
        snprintf(text, sizeof(text), "%s", name);
    return json_string(text);
}

static const char *key_for(const char *object)
{
    return strstr(object, "PortBindings") ? "80/tcp" : strstr(object, "Tmpfs{}") ? "/tmp" : "none";
}

/* {"HostConfig": {"Mounts": [{"Type": value}]}}; value NULL: the innermost object is empty. */
static json_t *body_with(const char *path, json_t *value)
{
    char rest[160];
    snprintf(rest, sizeof(rest), "%s", path);
    const char *key = key_for(path);
    json_t *at = json_incref(value);
    for (;;) {
        char *dot = strrchr(rest, '.'), *name = dot ? dot + 1 : rest;
        json_t *outer;
        while (strlen(name) > 2 && strpbrk(name + strlen(name) - 1, "]}")) {
            char *mark = name + strlen(name) - 2;
            outer = *mark == '[' ? json_pack("[o]", at) : json_pack("{so}", key, at);
            at = outer;
            *mark = '\0';
        }
        if (dot && strstr(rest, "Tmpfs{}.")) {
            outer = tmpfs_text(name, at);
            json_decref(at);
        } else {
            outer = at ? json_pack("{so}", name, at) : json_object();
        }
        at = outer;
        if (!dot)
            return at;
        *dot = '\0';
    }
}

static json_t *body_for(const struct state *state, const char *path, json_t *value)
{
    json_t *body = json_loads(state->table->base, 0, NULL);
    json_t *more = body_with(path, value);
    if (!strchr(path, '.')) /* the value under test, or none */
        json_object_del(body, path);
    if (strcmp(path, "HostConfig.NetworkMode") == 0)
        json_object_clear(json_object_get(body, "HostConfig"));
    static const char *const kinds[][2] = {{"BindOptions", "bind"},
                                           {"VolumeOptions", "volume"},
                                           {"TmpfsOptions", "tmpfs"},
                                           {"ImageOptions", "image"},
                                           {"ClusterOptions", "cluster"}};
    for (size_t i = 0; i < 5; i++) {
        json_t *mounts = json_object_get(json_object_get(more, "HostConfig"), "Mounts");
        if (strstr(path, kinds[i][0]))
            json_object_set_new(json_array_get(mounts, 0), "Type", json_string(kinds[i][1]));
    }
    if (json_is_object(json_object_get(more, "HostConfig")))
        json_object_update_missing(json_object_get(more, "HostConfig"),
                                   json_object_get(body, "HostConfig"));
    json_object_update(body, more);
    json_decref(more);
    return body;
}

/* What stands at a path of what is sent; a new reference or NULL. */
static json_t *value_at(json_t *sent, const char *path)
{
    char name[80];
    json_t *at = json_incref(sent), *next;
    while (at && *path) {
        size_t length = strcspn(path, ".[{");
        snprintf(name, sizeof(name), "%.*s", (int) length, path);
        path += length;
        if (json_is_string(at)) {
            json_t *members = NULL;
            assert_null(tmpfs_decode(json_string_value(at), &members));
            json_decref(at);
            at = members;
        }
        next = json_incref(json_object_get(at, name));
        json_decref(at);
        at = next;
        for (; *path && *path != '.'; path += 2) {
            next =
                *path == '[' ? json_array_get(at, 0) : json_object_iter_value(json_object_iter(at));
            json_incref(next);
            json_decref(at);
            at = next;
        }
        path += *path == '.';
    }
    return at;
}

/* ---- judging ---- */

struct outcome {
    int reason;
    char field[160], message[640];
    json_t *value; /* at the path, when the body passed */
    char *warnings;
};

static void outcome_done(struct outcome *outcome)
{
    json_decref(outcome->value);
    free(outcome->warnings);
}

static struct outcome judge(const struct state *state, const char *path, json_t *value)
{
    struct schema_verdict verdict = {0};
    struct outcome outcome = {0};
    json_t *body = body_for(state, path, value);
    char *text = json_dumps(body, 0);
    schema_judge(state->schema, &context, text, strlen(text), &verdict);
    outcome.reason = verdict.reason;
    memcpy(outcome.field, verdict.field, sizeof(outcome.field));
    memcpy(outcome.message, verdict.message, sizeof(outcome.message));
    if (verdict.body) {
        json_t *sent = json_loadb(verdict.body, verdict.body_bytes, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(sent);
        outcome.value = value_at(sent, path);
        outcome.warnings = verdict.warnings;
        verdict.warnings = NULL;
        json_decref(sent);
    }
    json_decref(body);
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
static bool is_sent_as(const struct field *field, const json_t *value, const json_t *sent)
{
    if (is_always_neutral(field))
        return !sent;
    if (field->type->codec && field->type->codec->canonical)
        return json_is_string(sent);
    if (field->type->codec && field->type->codec->container && json_is_array(value))
        return json_array_size(sent) == json_array_size(value); /* by their ids */
    if (strcmp(field->path, "HostConfig") == 0 || strcmp(field->path, "NetworkingConfig") == 0)
        return json_is_object(sent);
    if (strcmp(field->path, "Labels") == 0)
        return json_object_size(sent) == json_object_size(value) + 1;
    if (field->type == type_get(TYPE_ID_CONTAINER))
        return json_equal(value, sent) || json_string_length(sent) == 64; /* by its id */
    if (field->type->kind == KIND_OBJECT && !field->members)
        return json_object_size(sent) == 0; /* it has no members, so it is always neutral */
    return json_equal(value, sent);
}

static void expect_sent(const struct state *state, const struct field *field, const char *rule,
                        json_t *value, const json_t *want)
{
    struct outcome outcome = judge(state, field->path, value);
    if (outcome.reason != REASON_NONE)
        fail_msg("%s under '%s': %s", field->path, rule, outcome.message);
    if (!is_sent_as(field, want, outcome.value)) {
        char *sent = outcome.value ? json_dumps(outcome.value, JSON_ENCODE_ANY) : NULL;
        fail_msg("%s under '%s': %s was sent", field->path, rule, sent ? sent : "nothing");
    }
    outcome_done(&outcome);
}

static void expect_refused(const struct state *state, const struct field *field, const char *rule,
                           json_t *value)
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
static void print_value(const struct field *field, const json_t *value, char *buffer, size_t size)
{
    char number[TYPE_TEXT_BYTES];
    if (json_is_integer(value)) {
        snprintf(buffer, size, "%s",
                 type_print_number(field->type, json_integer_value(value), number));
        return;
    }
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    snprintf(buffer, size, "%s", text);
    free(text);
}

static void try_forbid(const struct state *state, const struct field *field, json_t *value)
{
    set_rule(state, field->path, "forbid");
    if (!judge_is_neutral(field, value))
        expect_refused(state, field, "forbid", value);
    if (field->safe) /* what the built-in rule would send stands in */
        expect_sent(state, field, "forbid", json_null(), field->safe);
    else if (!(field->type->traits & TYPE_REQUIRED)) {
        struct outcome outcome = judge(state, field->path, json_null());
        assert_int_equal(outcome.reason, REASON_NONE);
        outcome_done(&outcome);
    }
}

static void try_allow(const struct state *state, const struct field *field, json_t *value)
{
    set_rule(state, field->path, "allow");
    expect_sent(state, field, "allow", value, value);
}

static void try_force(const struct state *state, const struct field *field, json_t *value)
{
    char rule[400] = "force ";
    print_value(field, value, rule + 6, sizeof(rule) - 6);
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, NULL, value);
    expect_sent(state, field, rule, value, value);
}

static void try_default(const struct state *state, const struct field *field, json_t *value)
{
    char rule[400] = "allow, default ";
    print_value(field, value, rule + 15, sizeof(rule) - 15);
    if (!field->open)
        expect_no_rule(state, field, rule + 7);
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, NULL, value);
    expect_sent(state, field, rule, json_null(), value);
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
static void try_bounds(const struct state *state, const struct field *field, json_t *value)
{
    char rule[400];
    int64_t measure = type_measure(field->type, value);
    bool is_number = field->type->kind == KIND_NUMBER;
    json_t *less = json_integer(measure / 2);
    print_bound(state, field, "max", measure, rule, sizeof(rule));
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, value, value);
    if (is_number && field->type->traits & TYPE_ZERO) {
        expect_sent(state, field, rule, NULL, value);
        expect_sent(state, field, rule, json_null(), value);
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
    json_decref(less);
}

/* The first thing in a value that one-of looks at. */
static const char *item_of(json_t *value)
{
    if (json_is_string(value))
        return json_string_value(value);
    if (json_is_array(value))
        return json_string_value(json_array_get(value, 0));
    return json_object_iter_key(json_object_iter(value));
}

/* What no star matches, since it reaches beyond the container; see match.h. */
static bool is_special(const struct field *field, const char *item)
{
    return field->type == type_get(TYPE_ID_BINDS) ||
           (field->type == type_get(TYPE_ID_NAMESPACE) && strcmp(item, "host") == 0);
}

static void try_one_of(const struct state *state, const struct field *field, json_t *value)
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
    if (!json_is_string(value))
        return;
    snprintf(rule, sizeof(rule), "one-of \"%s\"", item);
    set_rule(state, field->path, rule);
    expect_sent(state, field, rule, value, value);
    bool is_list = field->type->codec && field->type->codec->item_wrong;
    if (!(field->type->traits & TYPE_REQUIRED) && !is_list)
        expect_sent(state, field, rule, NULL, value);
}

static void try_row(const struct state *state, const struct field *field, json_t *value)
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

static json_t *parse_cell(const char *tsv_path, const char *text)
{
    json_error_t error;
    if (strcmp(text, "-") == 0)
        return NULL;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
    if (!value)
        fail_msg("%s: %s: %s", tsv_path, text, error.text);
    return value;
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
        line->pass = parse_cell(table->tsv_path, cells[1]);
        line->refuse = parse_cell(table->tsv_path, cells[2]);
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
    for (size_t i = 0; i < state->count; i++) {
        json_decref(state->lines[i].pass);
        json_decref(state->lines[i].refuse);
    }
    schema_free(state->schema);
    schema_free(state->fresh);
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
        json_t *body = body_for(state, line->path, line->pass);
        char *text = json_dumps(body, 0);
        schema_judge(state->schema, &old, text, strlen(text), &verdict);
        assert_int_equal(verdict.reason, REASON_FIELD_TOO_NEW);
        assert_int_equal(strncmp(verdict.field, field->path, strlen(verdict.field)), 0);
        schema_verdict_done(&verdict);
        json_decref(body);
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
