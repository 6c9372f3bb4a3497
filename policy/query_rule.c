/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of [query]: a parameter is a field of a flat schema, and its value is judged by the
 * same functions as a member of a body.
 */
#include "query_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "json.h"
#include "judge.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

const struct field *query_rule_of(const struct query_context *context, size_t row)
{
    const struct field *field = &context->rules->fields[row];
    return field->rule.origin || !field->open ? field : NULL;
}

bool query_rule_is_presence(const struct field *field)
{
    return field->type->kind == KIND_OBJECT;
}

/* A canonical text as the JSON that its type is made of. */
static const struct json *value_read(struct arena *arena, const struct type *type, const char *text)
{
    switch (type->kind) {
    case KIND_BOOL:
        return json_new_bool(arena, *text == '1');
    case KIND_NUMBER:
        return json_new_number(arena, strcmp(text, "all") == 0 ? -1 : strtoll(text, NULL, 10));
    default:
        return json_new_text(arena, text);
    }
}

/* And back; false when it is too long. */
static bool value_write(const struct type *type, const struct json *value,
                        char out[QUERY_SENT_BYTES])
{
    bool is_all = type == type_get(TYPE_ID_PARAM_TAIL) && json_number(value) < 0;
    int bytes = 0;
    out[0] = '\0';
    if (json_is_bool(value))
        bytes = snprintf(out, QUERY_SENT_BYTES, "%d", json_is(value, JSON_TRUE));
    else if (is_all)
        bytes = snprintf(out, QUERY_SENT_BYTES, "all");
    else if (json_is(value, JSON_INTEGER))
        bytes = snprintf(out, QUERY_SENT_BYTES, "%lld", (long long) json_number(value));
    else if (value)
        bytes = snprintf(out, QUERY_SENT_BYTES, "%s", json_text(value));
    return bytes >= 0 && bytes < QUERY_SENT_BYTES;
}

static int refusal_take(const struct schema_verdict *verdict, struct query *query)
{
    snprintf(query->field, sizeof(query->field), "%s", verdict->field);
    snprintf(query->message, sizeof(query->message), "%s", verdict->message);
    return verdict->reason;
}

/* What an Engine reads where nothing is sent; NULL where that is no value of the parameter. */
static const char *absence_of(const struct type *type)
{
    if (type == type_get(TYPE_ID_PARAM_BOOL_ON))
        return "1";
    if (type == type_get(TYPE_ID_PARAM_SIGNAL_KILL))
        return "KILL";
    return type == type_get(TYPE_ID_PARAM_CONDITION) ? "not-running" : NULL;
}

/*
 * What one value becomes; NULL for nothing, or with judge->refused.  What the rule puts in the
 * place of nothing is sent; else a rule that chooses among values must let pass what nothing means.
 */
static const struct json *judge_text(struct judge *judge, const struct field *field,
                                     const char *text)
{
    const struct type *type = field->type;
    const char *absence = absence_of(type);
    const struct json *value = text ? value_read(judge->arena, type, text) : NULL;
    if (field->rule.forbid && type->kind == KIND_BOOL && !json_is(value, JSON_TRUE))
        return absence ? json_new_bool(judge->arena, false) : NULL;
    const struct json *sent = judge_parameter(judge, field, value);
    if (sent || text || !absence || field->rule.forbid || judge->refused)
        return sent;
    return judge_parameter(judge, field, value_read(judge->arena, type, absence));
}

int query_rule_judge(struct query_rules *rules, const struct field *field, const char *value,
                     char out[QUERY_SENT_BYTES])
{
    struct schema_context context = {.api_minor = rules->context->api_minor,
                                     .file = rules->context->file};
    struct schema_verdict verdict = {.reason = REASON_NONE};
    struct judge judge = {.schema = rules->context->rules,
                          .context = &context,
                          .arena = &rules->arena,
                          .verdict = &verdict,
                          .warnings = rules->warnings};
    const struct json *sent = judge_text(&judge, field, value);
    rules->warnings = judge.warnings;
    bool fits = value_write(field->type, sent, out);
    if (!judge.refused && !fits)
        judge_refuse(&judge, REASON_FIELD_REFUSED, field->path, "%s: its value is too long (%s)",
                     field->path, judge_origin(field));
    return judge.refused ? refusal_take(&verdict, rules->query) : REASON_NONE;
}

int query_rule_presence(struct query_rules *rules, const struct field *field)
{
    struct schema_context context = {.file = rules->context->file};
    struct schema_verdict verdict = {.reason = REASON_NONE};
    struct judge judge = {
        .schema = rules->context->rules, .context = &context, .verdict = &verdict};
    return rule_forbid(&judge, field) ? REASON_NONE : refusal_take(&verdict, rules->query);
}

int query_rule_end(struct query_rules *rules)
{
    if (rules->warnings)
        rules->query->warnings = json_write(&rules->arena, rules->warnings, NULL);
    bool whole = !rules->arena.failed && (!rules->warnings || rules->query->warnings);
    arena_done(&rules->arena);
    rules->warnings = NULL;
    return whole ? REASON_NONE : REASON_OUT_OF_MEMORY;
}
