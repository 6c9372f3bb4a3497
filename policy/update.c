/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a ContainerUpdate: the fields of a HostConfig, flat, judged by the rules of a create.
 *
 * What an update leaves out keeps its value, so nothing is ever filled in.  And what a create would
 * replace with a warning is refused here: the answer to an update has no place for one.  The values
 * that the container has are not known; what counts together must be named together.
 */
#include "update.h"

#include <string.h>

#include "arena.h"
#include "create.h"
#include "field.h"
#include "json.h"
#include "judge.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

static const char host[] = "HostConfig";

void update_prepare(struct judge *judge, struct json *body)
{
    struct json *outer = json_new(judge->arena, JSON_OBJECT);
    json_put(judge->arena, outer, host, strlen(host), body);
    json_replace(body, outer);
}

/* The rule of a create gives every container some of it. */
static bool is_always_there(const struct field *field)
{
    const struct rule *rule = &field->rule;
    if (rule->force)
        return json_number(rule->force) != 0;
    return rule->force_path || rule->fallback || rule->has_max || rule->has_min;
}

/* A quota lifts NanoCpus, and is a share of a period that may be another one by now. */
static bool check_cpu(struct judge *judge, const struct json *out)
{
    static const char *const parts[] = {"HostConfig.CpuQuota", "HostConfig.CpuPeriod"};
    bool has[2] = {json_at(out, parts[0]) != NULL, json_at(out, parts[1]) != NULL};
    if (!has[0] && !has[1])
        return true;
    const char *named = parts[!has[0]];
    if (is_always_there(schema_find(judge->schema, "HostConfig.NanoCpus")))
        return judge_refuse(judge, REASON_FIELD_REFUSED, named,
                            "%s cannot be combined with HostConfig.NanoCpus; to use it, write "
                            "'HostConfig.NanoCpus = force 0' under [create]",
                            named);
    if ((!has[0] || !has[1]) && schema_find(judge->schema, parts[0])->rule.has_max)
        return judge_refuse(judge, REASON_FIELD_REFUSED, named,
                            "%s counts together with %s in an update; name both", named,
                            parts[has[0]]);
    return create_check_cpu(judge, json_get(out, host));
}

/* `force FIELD`: it follows that field, so it cannot be named, or sent, without it. */
static bool settle_followers(struct judge *judge, const struct json *asked, struct json *out)
{
    for (const struct field *field = schema_find(judge->schema, host)->members; field;
         field = field->next) {
        const char *source = field->rule.force_path;
        if (!source || json_number(json_at(out, source)) != 0)
            continue;
        if (json_get(asked, field->name.text) &&
            json_number(json_get(asked, field->name.text)) != 0)
            return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                                "%s is as %s (forced, %s); name that one, too", field->path, source,
                                judge_origin(field));
        json_drop(json_get(out, host), field->name.text);
    }
    return true;
}

static bool refuse_change(struct judge *judge, const struct field *field, const struct json *asked,
                          const struct json *sent)
{
    char was[TYPE_TEXT_BYTES], is[TYPE_TEXT_BYTES];
    return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s: %s would be made %s (%s), and an update could not say so; write that, "
                        "or change the rule under [create]",
                        field->path, type_print(field->type, asked, was),
                        type_print(field->type, sent, is), judge_origin(field));
}

/* What is asked for is what is sent, as far as numbers, words and switches go. */
static bool check_as_asked(struct judge *judge, const struct field *object,
                           const struct json *asked, const struct json *out)
{
    for (const struct field *field = object->members; field; field = field->next) {
        const struct json *value = json_get(asked, field->name.text);
        const struct json *sent = json_get(out, field->name.text);
        if (!value || !sent || (field->zero_keeps && json_number(value) == 0))
            continue;
        if (field->type->kind == KIND_OBJECT && !check_as_asked(judge, field, value, sent))
            return false;
        if (value->kind != JSON_NULL && value->kind < JSON_LIST && !json_same(value, sent))
            return refuse_change(judge, field, value, sent);
    }
    return true;
}

bool update_finish(struct judge *judge, const struct json *body, struct json *out)
{
    const struct json *asked = json_get(body, host), *sent = json_get(out, host);
    if (!settle_followers(judge, asked, out) ||
        !check_as_asked(judge, schema_find(judge->schema, host), asked, sent) ||
        !check_cpu(judge, out))
        return false;
    json_replace(out, sent ? sent : json_new(judge->arena, JSON_OBJECT));
    return true;
}
