/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk.  One order for every field: shape, then what absence means, then whether it may be
 * there at all, then format, bounds and choice, then its members.
 */
#include "judge.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "json.h"
#include "owner.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

/* ---- words ---- */

bool judge_refuse(struct judge *judge, int reason, const char *path, const char *format, ...)
{
    struct schema_verdict *verdict = judge->verdict;
    if (judge->refused)
        return false;
    judge->refused = true;
    verdict->reason = reason;
    snprintf(verdict->field, sizeof(verdict->field), "%s", path);
    va_list args;
    va_start(args, format);
    vsnprintf(verdict->message, sizeof(verdict->message), format, args);
    va_end(args);
    return false;
}

static bool refuse_memory(struct judge *judge)
{
    return judge_refuse(judge, REASON_OUT_OF_MEMORY, "", "%s", reason_text(REASON_OUT_OF_MEMORY));
}

void judge_warn(struct judge *judge, const char *format, ...)
{
    char text[1024] = "caisson: ";
    va_list args;
    if (!judge->warnings)
        judge->warnings = json_array();
    if (json_array_size(judge->warnings) >= JUDGE_WARNINGS_MOST)
        return;
    va_start(args, format);
    vsnprintf(text + strlen(text), sizeof(text) - strlen(text), format, args);
    va_end(args);
    if (json_array_append_new(judge->warnings, json_string(text)) < 0)
        refuse_memory(judge);
}

const char *judge_origin(const struct field *field)
{
    return field->rule.origin ? field->rule.origin : "built in";
}

/* ---- neutral values ---- */

static bool word_is_in(const char *words, const char *word)
{
    size_t length = strlen(word);
    if (words && strcmp(words, "*") == 0)
        return true;
    while (words && *words) {
        size_t span = strcspn(words, " ");
        if (span == length && memcmp(words, word, length) == 0)
            return true;
        words += span + (words[span] == ' ');
    }
    return false;
}

static bool members_are_neutral(const struct field *field, const json_t *value)
{
    const char *key;
    json_t *element;
    json_object_foreach ((json_t *) value, key, element) {
        const struct field *member = field_member(field, key);
        if (!member || !judge_is_neutral(member, element))
            return false;
    }
    return true;
}

bool judge_is_neutral_object(const struct field *field, const json_t *value)
{
    return json_is_object(value) && members_are_neutral(field, value);
}

static bool is_all_zero(const json_t *list)
{
    size_t i;
    json_t *element;
    json_array_foreach ((json_t *) list, i, element) {
        if (!json_is_integer(element) || json_integer_value(element) != 0)
            return false;
    }
    return true;
}

static bool is_all_neutral(const struct field *field, const json_t *list)
{
    size_t i;
    json_t *element;
    json_array_foreach ((json_t *) list, i, element) {
        if (!json_is_string(element) || !word_is_in(field->neutral, json_string_value(element)))
            return false;
    }
    return true;
}

bool judge_is_neutral(const struct field *field, const json_t *value)
{
    char number[24];
    if (!value)
        return true;
    switch (json_typeof(value)) {
    case JSON_NULL:
        return true;
    case JSON_FALSE:
        return !(field->type->traits & TYPE_FALSE);
    case JSON_TRUE:
        return word_is_in(field->neutral, "true");
    case JSON_INTEGER:
        if (json_integer_value(value) == 0 || !field->neutral)
            return json_integer_value(value) == 0;
        snprintf(number, sizeof(number), "%lld", (long long) json_integer_value(value));
        return word_is_in(field->neutral, number);
    case JSON_STRING:
        return json_string_length(value) == 0 ||
               word_is_in(field->neutral, json_string_value(value));
    case JSON_ARRAY:
        return json_array_size(value) == 0 ||
               (field->type->kind == KIND_NUMBERS && is_all_zero(value)) ||
               (field->type->kind == KIND_STRINGS && is_all_neutral(field, value));
    case JSON_OBJECT:
        return json_object_size(value) == 0 ||
               (field->type->kind == KIND_OBJECT && members_are_neutral(field, value));
    default:
        return false;
    }
}

/* ---- members of objects ---- */

/* "HostConfig.Mounts[].Foo": how a member of the object, or of its elements, would be called. */
static void path_join(char path[160], const struct field *object, const char *name)
{
    static const char *const marks[] = {
        [KIND_MAP] = "{}.",        [KIND_OBJECT] = ".",       [KIND_OBJECTS] = "[].",
        [KIND_OBJECT_MAP] = "{}.", [KIND_LIST_MAP] = "{}[].",
    };
    char shown[JSON_QUOTE_BYTES * 8];
    json_quote(shown, sizeof(shown), name);
    snprintf(path, 160, "%.86s%s%.66s", object->path,
             object->path[0] ? marks[object->type->kind] : "", shown);
}

/* A key that is no member: the same under case folding, at home elsewhere, or not known at all. */
static bool refuse_key(struct judge *judge, const struct field *object, const json_t *value,
                       const char *key)
{
    char path[160];
    path_join(path, object, key);
    for (const struct field *member = object->members; member; member = member->next) {
        if (!json_same_key(member->name, key))
            continue;
        if (json_object_get(value, member->name))
            return judge_refuse(judge, REASON_BODY_MALFORMED, path,
                                "%s appears twice: the Engine reads it as %s, too", path,
                                member->path);
        return judge_refuse(judge, REASON_FIELD_UNKNOWN, path, "%s must be spelt %s", path,
                            member->path);
    }
    const struct field *host = schema_find(judge->schema, "HostConfig");
    const struct field *there =
        object == &judge->schema->root && host ? field_member(host, key) : NULL;
    if (there)
        return judge_refuse(judge, REASON_FIELD_UNKNOWN, path,
                            "%s is not a field of its own; write it as %s", path, there->path);
    return judge_refuse(judge, REASON_FIELD_UNKNOWN, path, "%s is not a field that caisson knows",
                        path);
}

/* Counts the members that are there, and looks at the keys one by one only when some are left over.
 */
static bool keys_are_known(struct judge *judge, const struct field *object, const json_t *value)
{
    size_t known = 0;
    for (const struct field *member = object->members; member; member = member->next)
        known += json_object_get(value, member->name) != NULL;
    if (known == json_object_size(value))
        return true;
    const char *key;
    json_t *element;
    json_object_foreach ((json_t *) value, key, element) {
        if (!field_member(object, key))
            return refuse_key(judge, object, value, key);
    }
    return true;
}

json_t *judge_members(struct judge *judge, const struct field *object, json_t *value)
{
    if (value && !keys_are_known(judge, object, value))
        return NULL;
    json_t *out = json_object();
    for (const struct field *member = object->members; member && !judge->refused;
         member = member->next) {
        json_t *sent = judge_field(judge, member, json_object_get(value, member->name));
        if (sent && json_object_set_new(out, member->name, sent) < 0)
            refuse_memory(judge);
    }
    if (!judge->refused && out)
        return out;
    json_decref(out);
    if (!out)
        refuse_memory(judge);
    return NULL;
}

/* ---- values that are there ---- */

/* A string with an inner structure: its members are judged, and it is written anew. */
static json_t *judge_coded(struct judge *judge, const struct field *field, const char *text)
{
    const struct type_codec *codec = field->type->codec;
    json_t *members = NULL, *sent, *value = NULL;
    const char *wrong = codec->decode(text, &members);
    if (wrong) {
        judge_refuse(judge, REASON_FIELD_REFUSED, field->path, "%s %s", field->path, wrong);
        return NULL;
    }
    sent = judge_members(judge, field, members);
    if (sent) {
        char *written = codec->encode(sent);
        value = written ? json_string(written) : NULL;
        free(written);
        if (!value)
            refuse_memory(judge);
    }
    json_decref(members);
    json_decref(sent);
    return value;
}

/* One element of a list or a map whose members have rows. */
static json_t *judge_element(struct judge *judge, const struct field *field, json_t *element)
{
    if (json_is_string(element))
        return judge_coded(judge, field, json_string_value(element));
    if (json_is_object(element))
        return judge_members(judge, field, element);
    json_t *list = json_array(), *inner, *sent;
    size_t i;
    json_array_foreach (element, i, inner) {
        sent = judge_element(judge, field, inner);
        if (!sent || json_array_append_new(list, sent) < 0)
            break;
    }
    if (!judge->refused && list && json_array_size(list) == json_array_size(element))
        return list;
    json_decref(list);
    refuse_memory(judge);
    return NULL;
}

static json_t *judge_map(struct judge *judge, const struct field *field, json_t *value)
{
    json_t *out = json_object(), *element, *sent;
    const char *key;
    json_object_foreach (value, key, element) {
        sent = judge_element(judge, field, element);
        if (!sent || json_object_set_new(out, key, sent) < 0)
            break;
    }
    if (!judge->refused && out && json_object_size(out) == json_object_size(value))
        return out;
    json_decref(out);
    refuse_memory(judge);
    return NULL;
}

const char *judge_owned(const struct judge *judge, int kind, const char *ref, size_t ref_bytes)
{
    const struct schema_context *context = judge->context;
    return context->owned ? context->owned(context->owned_arg, kind, ref, ref_bytes) : NULL;
}

/*
 * A container that a text names is one of the client's own, and is sent by its id; a foreign and an
 * absent one cannot be told apart.  The policy may name others, each in full.
 */
static json_t *judge_container(struct judge *judge, const struct field *field, const char *text)
{
    const char *prefix = field->type->codec->container, *id = NULL;
    char shown[JSON_QUOTE_BYTES * 8];
    if (strncmp(text, prefix, strlen(prefix)) != 0 || rule_names(&field->rule, text))
        return json_string(text);
    const char *ref = text + strlen(prefix), *rest = ref + strcspn(ref, ":");
    id = judge_owned(judge, OWNER_CONTAINER, ref, (size_t) (rest - ref));
    if (id)
        return json_sprintf("%s%s%s", prefix, id, rest);
    judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                 "%s: '%s' names no container that was made through this proxy; to allow it, name "
                 "it in full in '%s = one-of ...' under [%s]",
                 field->path, json_quote(shown, sizeof(shown), text), field->path,
                 judge->schema->table->section);
    return NULL;
}

/* A good string as it is sent. */
static json_t *judge_text(struct judge *judge, const struct field *field, const char *text)
{
    const struct type_codec *codec = field->type->codec;
    json_t *sent;
    const char *network = codec->owns == TYPE_OWNS_NETWORK
                              ? judge_owned(judge, OWNER_NETWORK, text, strlen(text))
                              : NULL;
    if (network) {
        sent = json_string(network); /* a name could be somebody else's, too */
    } else if (codec->container) {
        sent = judge_container(judge, field, text);
    } else {
        char *written = codec->canonical(text);
        sent = written ? json_string(written) : NULL;
        free(written);
    }
    if (!sent)
        refuse_memory(judge); /* unless it was refused for another reason */
    return sent;
}

static json_t *judge_texts(struct judge *judge, const struct field *field, json_t *list)
{
    json_t *out = json_array(), *element;
    size_t i;
    json_array_foreach (list, i, element) {
        if (json_array_append_new(out, judge_text(judge, field, json_string_value(element))) < 0)
            break;
    }
    if (json_array_size(out) == json_array_size(list))
        return out;
    json_decref(out);
    refuse_memory(judge);
    return NULL;
}

/* What is sent for a value that passed the field's own rule. */
static json_t *judge_inside(struct judge *judge, const struct field *field, json_t *value)
{
    const struct type *type = field->type;
    if (type->kind == KIND_OBJECT)
        return judge_members(judge, field, value);
    if (type_has_members(type) && json_is_array(value))
        return judge_element(judge, field, value);
    if (type_has_members(type) && json_is_object(value))
        return judge_map(judge, field, value);
    if (!type->codec || !(type->codec->canonical || type->codec->container))
        return json_incref(value);
    return json_is_string(value) ? judge_text(judge, field, json_string_value(value))
                                 : judge_texts(judge, field, value);
}

/* Whether a field that is not neutral may be there at all. */
static bool may_be_there(struct judge *judge, const struct field *field)
{
    if (!rule_forbid(judge, field))
        return false;
    if (field->since > judge->context->api_minor)
        return judge_refuse(judge, REASON_FIELD_TOO_NEW, field->path,
                            "%s needs API version 1.%u; this request is made in 1.%u", field->path,
                            field->since, judge->context->api_minor);
    return true;
}

static json_t *replace_negative(struct judge *judge, const struct field *field, const json_t *value)
{
    json_t *explicit = rule_explicit(&field->rule);
    char was[TYPE_TEXT_BYTES], is[TYPE_TEXT_BYTES];
    judge_warn(judge, "%s: %s (no limit) was replaced by %s (%s)", field->path,
               type_print(field->type, value, was), type_print(field->type, explicit, is),
               judge_origin(field));
    return explicit;
}

static json_t *judge_present(struct judge *judge, const struct field *field, json_t *value)
{
    char wrong[TYPE_TEXT_BYTES];
    if (!may_be_there(judge, field))
        return NULL;
    if (field->type->kind == KIND_NUMBER && rule_must_replace(field, value))
        return replace_negative(judge, field, value);
    if (!type_is_formed(field->type, value, wrong)) {
        judge_refuse(judge, REASON_FIELD_REFUSED, field->path, "%s: %s", field->path, wrong);
        return NULL;
    }
    if (!rule_bounds(judge, field, value) || !rule_one_of(judge, field, value))
        return NULL;
    return judge_inside(judge, field, value);
}

/* ---- values that are not there, or do not matter ---- */

static json_t *judge_absent(struct judge *judge, const struct field *field)
{
    json_t *fill;
    if (!rule_fill(judge, field, &fill) || !fill)
        return NULL;
    json_t *sent = judge_inside(judge, field, fill);
    json_decref(fill);
    return sent;
}

/* `force FIELD` is resolved when everything else is known (create.c); its place is kept by a 0. */
static json_t *judge_forced(struct judge *judge, const struct field *field, json_t *value)
{
    const struct rule *rule = &field->rule;
    char was[TYPE_TEXT_BYTES], is[TYPE_TEXT_BYTES];
    if (value && (!may_be_there(judge, field) ||
                  (field->type->kind >= KIND_OBJECT && !judge_value(judge, field, value))))
        return NULL;
    if (rule->force_path)
        return json_integer(0);
    if (value && !json_equal(value, rule->force))
        judge_warn(judge, "%s: %s was replaced by %s (forced, %s)", field->path,
                   type_print(field->type, value, was), type_print(field->type, rule->force, is),
                   judge_origin(field));
    return judge_inside(judge, field, rule->force);
}

/* An object is left out when no member is sent; its own default stands in for a neutral one. */
static json_t *judge_object(struct judge *judge, const struct field *field, json_t *value,
                            bool neutral)
{
    if (!neutral && !may_be_there(judge, field))
        return NULL;
    json_t *sent =
        judge_members(judge, field, neutral && field->rule.fallback ? field->rule.fallback : value);
    if (sent && json_object_size(sent) == 0) {
        json_decref(sent);
        return NULL;
    }
    return sent;
}

/* Of an update: the Engine leaves the field as it is. */
static bool says_nothing(const struct field *field, const json_t *value)
{
    const char *key;
    json_t *member;
    if (json_is_integer(value))
        return field->zero_keeps && json_integer_value(value) == 0;
    json_object_foreach ((json_t *) value, key, member) {
        const struct field *row = field_member(field, key);
        if (!row || (row->keeps ? !says_nothing(row, member) : !judge_is_neutral(row, member)))
            return false;
    }
    return json_is_object(value) || judge_is_neutral(&(struct field){.type = field->type}, value);
}

json_t *judge_field(struct judge *judge, const struct field *field, json_t *value)
{
    char wrong[TYPE_TEXT_BYTES];
    if (value && !json_is_null(value) && !type_fits(field->type, value, wrong)) {
        judge_refuse(judge, REASON_FIELD_TYPE, field->path, "%s %s", field->path, wrong);
        return NULL;
    }
    /* Of a field that follows another one the place is kept: judge_forced(). */
    if (field->keeps && says_nothing(field, value))
        return field->rule.force_path ? json_integer(0) : NULL;
    bool neutral = judge_is_neutral(field, value);
    json_t *list = NULL, *sent;
    if (!neutral && field->type->traits & TYPE_STRING && json_is_string(value))
        value = list = json_pack("[O]", value);
    if (!neutral && !value) {
        refuse_memory(judge);
        return NULL;
    }
    if (field->rule.force || field->rule.force_path)
        sent = judge_forced(judge, field, neutral ? NULL : value);
    else if (field->type->kind == KIND_OBJECT)
        sent = judge_object(judge, field, json_is_null(value) ? NULL : value, neutral);
    else if (neutral)
        sent = judge_absent(judge, field);
    else
        sent = judge_present(judge, field, value);
    if (field->keeps && neutral && !sent && !judge->refused)
        sent = json_incref(value);
    json_decref(list);
    return sent;
}

json_t *judge_parameter(struct judge *judge, const struct field *field, json_t *value)
{
    if (field->rule.force)
        return judge_forced(judge, field, value);
    return value ? judge_present(judge, field, value) : judge_absent(judge, field);
}

/* ---- the policy's own values ---- */

static bool members_are_good(struct judge *judge, const struct field *field, const json_t *value)
{
    const char *key;
    json_t *element;
    if (!keys_are_known(judge, field, value))
        return false;
    json_object_foreach ((json_t *) value, key, element) {
        if (!judge_value(judge, field_member(field, key), element))
            return false;
    }
    return true;
}

static bool element_is_good(struct judge *judge, const struct field *field, const json_t *element)
{
    if (json_is_object(element))
        return members_are_good(judge, field, element);
    if (json_is_array(element)) {
        size_t i;
        json_t *inner;
        json_array_foreach ((json_t *) element, i, inner) {
            if (!element_is_good(judge, field, inner))
                return false;
        }
        return true;
    }
    json_t *members;
    if (!json_is_string(element) ||
        field->type->codec->decode(json_string_value(element), &members))
        return true; /* the shape and the format were checked before */
    bool good = members_are_good(judge, field, members);
    json_decref(members);
    return good;
}

bool judge_value(struct judge *judge, const struct field *field, const json_t *value)
{
    char wrong[TYPE_TEXT_BYTES];
    const char *key;
    json_t *element;
    if (json_is_null(value))
        return true;
    if (!type_fits(field->type, value, wrong))
        return judge_refuse(judge, REASON_FIELD_TYPE, field->path, "%s %s", field->path, wrong);
    if (!judge_is_neutral(field, value) && !type_is_formed(field->type, value, wrong))
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path, "%s: %s", field->path, wrong);
    if (!type_has_members(field->type))
        return true;
    if (field->type->kind == KIND_OBJECT || json_is_array(value))
        return element_is_good(judge, field, value);
    json_object_foreach ((json_t *) value, key, element) {
        if (!element_is_good(judge, field, element))
            return false;
    }
    return true;
}
