/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk.  One order for every field: shape, then what absence means, then whether it may be
 * there at all, then format, bounds and choice, then its members.
 */
#include "judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
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

void judge_warn(struct judge *judge, const char *format, ...)
{
    char text[1024] = "caisson: ";
    const size_t mark = strlen(text);
    va_list args;
    if (!judge->warnings)
        judge->warnings = json_new(judge->arena, JSON_LIST);
    if (json_size(judge->warnings) >= JUDGE_WARNINGS_MOST)
        return;
    va_start(args, format);
    vsnprintf(text + mark, sizeof(text) - mark, format, args);
    va_end(args);
    const char *kept = arena_copy(judge->arena, text, strlen(text));
    json_push(judge->arena, judge->warnings, json_new_text(judge->arena, kept));
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
        size_t span = (size_t) (strchrnul(words, ' ') - words);
        if (span == length && memcmp(words, word, length) == 0)
            return true;
        words += span + (words[span] == ' ');
    }
    return false;
}

static bool members_are_neutral(const struct field *field, const struct json *value)
{
    for (const struct json *inside = json_members(value); inside; inside = inside->next) {
        const struct field *member = field_inside(field, inside);
        if (!member || !judge_is_neutral(member, inside))
            return false;
    }
    return true;
}

bool judge_is_neutral_object(const struct field *field, const struct json *value)
{
    return json_is(value, JSON_OBJECT) && members_are_neutral(field, value);
}

static bool is_all_zero(const struct json *list)
{
    for (const struct json *element = json_elements(list); element; element = element->next)
        if (!json_is(element, JSON_INTEGER) || element->number != 0)
            return false;
    return true;
}

static bool is_all_neutral(const struct field *field, const struct json *list)
{
    for (const struct json *element = json_elements(list); element; element = element->next)
        if (!json_is(element, JSON_STRING) || !word_is_in(field->neutral, element->text))
            return false;
    return true;
}

bool judge_is_neutral(const struct field *field, const struct json *value)
{
    char number[JSON_NUMBER_BYTES];
    if (!value)
        return true;
    switch ((enum json_kind) value->kind) {
    case JSON_NULL:
        return true;
    case JSON_FALSE:
        return !(field->type->traits & TYPE_FALSE);
    case JSON_TRUE:
        return word_is_in(field->neutral, "true");
    case JSON_INTEGER:
        if (value->number == 0 || !field->neutral)
            return value->number == 0;
        return word_is_in(field->neutral, json_print_number(number, value->number));
    case JSON_STRING:
        return value->size == 0 || word_is_in(field->neutral, value->text);
    case JSON_LIST:
        return value->size == 0 || (field->type->kind == KIND_NUMBERS && is_all_zero(value)) ||
               (field->type->kind == KIND_STRINGS && is_all_neutral(field, value));
    case JSON_OBJECT:
        return value->size == 0 ||
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
static bool refuse_key(struct judge *judge, const struct field *object, const struct json *value,
                       const char *key)
{
    char path[160];
    path_join(path, object, key);
    for (const struct field *member = object->members; member; member = member->next) {
        if (!json_same_key(member->name.text, key))
            continue;
        if (json_get(value, member->name.text))
            return judge_refuse(judge, REASON_BODY_MALFORMED, path,
                                "%s appears twice: the Engine reads it as %s, too", path,
                                member->path);
        return judge_refuse(judge, REASON_FIELD_UNKNOWN, path, "%s must be spelt %s", path,
                            member->path);
    }
    const struct field *host = schema_find(judge->schema, "HostConfig");
    const struct field *there =
        object == &judge->schema->root && host ? field_member(host, key, strlen(key)) : NULL;
    if (there)
        return judge_refuse(judge, REASON_FIELD_UNKNOWN, path,
                            "%s is not a field of its own; write it as %s", path, there->path);
    return judge_refuse(judge, REASON_FIELD_UNKNOWN, path, "%s is not a field that caisson knows",
                        path);
}

const struct json **judge_places(struct judge *judge, const struct field *object,
                                 const struct json *value)
{
    const size_t bytes = object->member_count * sizeof(const struct json *);
    const struct json **places = arena_take(judge->arena, bytes);
    if (places)
        memset(places, 0, bytes);
    for (const struct json *inside = json_members(value); inside; inside = inside->next) {
        const struct field *member = field_inside(object, inside);
        if (!member) {
            refuse_key(judge, object, value, inside->key);
            return NULL;
        }
        if (places)
            places[member->name.place] = inside;
    }
    return places;
}

/* What says nothing, where nothing is what is sent for it. */
static bool is_unseen(const struct field *field, const struct json *value)
{
    return value ? json_is_nothing(value) && field->unseen & 1U << value->kind : field->quiet;
}

struct json *judge_members(struct judge *judge, const struct field *object,
                           const struct json *value)
{
    const struct json **places = judge_places(judge, object, value);
    if (!places)
        return NULL;
    struct json *out = json_new(judge->arena, JSON_OBJECT);
    for (const struct field *member = object->members; member; member = member->next) {
        const struct json *theirs = places[member->name.place];
        if (is_unseen(member, theirs))
            continue;
        const struct json *sent = judge_field(judge, member, theirs);
        if (judge->refused)
            return NULL;
        if (sent)
            json_put_known(judge->arena, out, &member->name, sent);
    }
    return out;
}

/* ---- values that are there ---- */

/* A string with an inner structure: its members are judged, and it is written anew. */
static const struct json *judge_coded(struct judge *judge, const struct field *field,
                                      const char *text)
{
    const struct type_codec *codec = field->type->codec;
    struct json *members;
    const char *wrong = codec->decode(judge->arena, text, &members);
    if (wrong) {
        judge_refuse(judge, REASON_FIELD_REFUSED, field->path, "%s %s", field->path, wrong);
        return NULL;
    }
    const struct json *sent = judge_members(judge, field, members);
    return sent ? json_new_text(judge->arena, codec->encode(judge->arena, sent)) : NULL;
}

/* One element of a list or a map whose members have rows. */
static const struct json *judge_element(struct judge *judge, const struct field *field,
                                        const struct json *element)
{
    if (json_is(element, JSON_STRING))
        return judge_coded(judge, field, element->text);
    if (json_is(element, JSON_OBJECT))
        return judge_members(judge, field, element);
    struct json *list = json_new(judge->arena, JSON_LIST);
    for (const struct json *inner = json_elements(element); inner; inner = inner->next) {
        const struct json *sent = judge_element(judge, field, inner);
        if (!sent)
            return NULL;
        json_push(judge->arena, list, sent);
    }
    return list;
}

static const struct json *judge_map(struct judge *judge, const struct field *field,
                                    const struct json *value)
{
    struct json *out = json_new(judge->arena, JSON_OBJECT);
    for (const struct json *element = json_members(value); element; element = element->next) {
        const struct json *sent = judge_element(judge, field, element);
        if (!sent)
            return NULL;
        json_put(judge->arena, out, element->key, element->key_bytes, sent);
    }
    return out;
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
static const struct json *judge_container(struct judge *judge, const struct field *field,
                                          const struct json *value)
{
    const char *prefix = field->type->codec->container, *text = value->text;
    char shown[JSON_QUOTE_BYTES * 8];
    if (strncmp(text, prefix, strlen(prefix)) != 0 || rule_names(&field->rule, text))
        return value;
    const char *ref = text + strlen(prefix), *rest = ref + strcspn(ref, ":");
    const char *id = judge_owned(judge, OWNER_CONTAINER, ref, (size_t) (rest - ref));
    if (id)
        return json_new_text(judge->arena, arena_print(judge->arena, "%s%s%s", prefix, id, rest));
    judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                 "%s: '%s' names no container that was made through this proxy; to allow it, name "
                 "it in full in '%s = one-of ...' under [%s]",
                 field->path, json_quote(shown, sizeof(shown), text), field->path,
                 judge->schema->table->section);
    return NULL;
}

/* A good string as it is sent. */
static const struct json *judge_text(struct judge *judge, const struct field *field,
                                     const struct json *value)
{
    const struct type_codec *codec = field->type->codec;
    const char *network = codec->owns == TYPE_OWNS_NETWORK
                              ? judge_owned(judge, OWNER_NETWORK, value->text, value->size)
                              : NULL;
    if (network) /* a name could be somebody else's, too */
        return json_new_text(judge->arena, network);
    if (codec->container)
        return judge_container(judge, field, value);
    return json_new_text(judge->arena, codec->canonical(judge->arena, value->text));
}

static const struct json *judge_texts(struct judge *judge, const struct field *field,
                                      const struct json *list)
{
    struct json *out = json_new(judge->arena, JSON_LIST);
    for (const struct json *element = json_elements(list); element; element = element->next) {
        const struct json *sent = judge_text(judge, field, element);
        if (!sent)
            return NULL;
        json_push(judge->arena, out, sent);
    }
    return out;
}

/* What is sent for a value that passed the field's own rule. */
static const struct json *judge_inside(struct judge *judge, const struct field *field,
                                       const struct json *value)
{
    const struct type *type = field->type;
    if (type->kind == KIND_OBJECT)
        return judge_members(judge, field, value);
    if (type_has_members(type) && json_is(value, JSON_LIST))
        return judge_element(judge, field, value);
    if (type_has_members(type) && json_is(value, JSON_OBJECT))
        return judge_map(judge, field, value);
    if (!type->codec || !(type->codec->canonical || type->codec->container))
        return value;
    return json_is(value, JSON_STRING) ? judge_text(judge, field, value)
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

static const struct json *replace_negative(struct judge *judge, const struct field *field,
                                           const struct json *value)
{
    const struct json *explicit = rule_explicit(judge->arena, &field->rule);
    char was[TYPE_TEXT_BYTES], is[TYPE_TEXT_BYTES];
    judge_warn(judge, "%s: %s (no limit) was replaced by %s (%s)", field->path,
               type_print(field->type, value, was), type_print(field->type, explicit, is),
               judge_origin(field));
    return explicit;
}

static const struct json *judge_present(struct judge *judge, const struct field *field,
                                        const struct json *value)
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

static const struct json *judge_absent(struct judge *judge, const struct field *field)
{
    const struct json *fill;
    return rule_fill(judge, field, &fill) && fill ? judge_inside(judge, field, fill) : NULL;
}

/* `force FIELD` is resolved when everything else is known (create.c); its place is kept by a 0. */
static const struct json *judge_forced(struct judge *judge, const struct field *field,
                                       const struct json *value)
{
    const struct rule *rule = &field->rule;
    char was[TYPE_TEXT_BYTES], is[TYPE_TEXT_BYTES];
    if (value && (!may_be_there(judge, field) ||
                  (field->type->kind >= KIND_OBJECT && !judge_value(judge, field, value))))
        return NULL;
    if (rule->force_path)
        return json_new_number(judge->arena, 0);
    if (value && !json_same(value, rule->force))
        judge_warn(judge, "%s: %s was replaced by %s (forced, %s)", field->path,
                   type_print(field->type, value, was), type_print(field->type, rule->force, is),
                   judge_origin(field));
    return judge_inside(judge, field, rule->force);
}

/* An object is left out when no member is sent; its own default stands in for a neutral one. */
static const struct json *judge_object(struct judge *judge, const struct field *field,
                                       const struct json *value, bool neutral)
{
    if (!neutral && !may_be_there(judge, field))
        return NULL;
    const struct json *sent =
        judge_members(judge, field, neutral && field->rule.fallback ? field->rule.fallback : value);
    return json_size(sent) > 0 ? sent : NULL;
}

/* Of an update: the Engine leaves the field as it is. */
static bool says_nothing(const struct field *field, const struct json *value)
{
    if (json_is(value, JSON_INTEGER))
        return field->zero_keeps && value->number == 0;
    for (const struct json *inside = json_members(value); inside; inside = inside->next) {
        const struct field *row = field_inside(field, inside);
        if (!row || (row->keeps ? !says_nothing(row, inside) : !judge_is_neutral(row, inside)))
            return false;
    }
    return json_is(value, JSON_OBJECT) ||
           judge_is_neutral(&(struct field){.type = field->type}, value);
}

/* An object of which it does not matter whether all of its members say nothing. */
static bool may_be_taken_apart(const struct judge *judge, const struct field *field)
{
    const struct rule *rule = &field->rule;
    return field->type->kind == KIND_OBJECT && !field->keeps && !rule->force && !rule->fallback &&
           !rule->forbid && field->since <= judge->context->api_minor;
}

/* A lone string in the place of a list of them. */
static const struct json *list_of_one(struct judge *judge, const struct json *value)
{
    struct json *list = json_new(judge->arena, JSON_LIST);
    json_push(judge->arena, list, value);
    return list;
}

const struct json *judge_field(struct judge *judge, const struct field *field,
                               const struct json *value)
{
    char wrong[TYPE_TEXT_BYTES];
    const struct json *sent;
    if (value && value->kind != JSON_NULL && !type_fits(field->type, value, wrong)) {
        judge_refuse(judge, REASON_FIELD_TYPE, field->path, "%s %s", field->path, wrong);
        return NULL;
    }
    /* Of a field that follows another one the place is kept: judge_forced(). */
    if (field->keeps && says_nothing(field, value))
        return field->rule.force_path ? json_new_number(judge->arena, 0) : NULL;
    bool neutral = !may_be_taken_apart(judge, field) && judge_is_neutral(field, value);
    if (!neutral && field->type->traits & TYPE_STRING && json_is(value, JSON_STRING))
        value = list_of_one(judge, value);
    if (field->rule.force || field->rule.force_path)
        sent = judge_forced(judge, field, neutral ? NULL : value);
    else if (field->type->kind == KIND_OBJECT)
        sent = judge_object(judge, field, json_is(value, JSON_NULL) ? NULL : value, neutral);
    else if (neutral)
        sent = judge_absent(judge, field);
    else
        sent = judge_present(judge, field, value);
    return field->keeps && neutral && !sent && !judge->refused ? value : sent;
}

const struct json *judge_parameter(struct judge *judge, const struct field *field,
                                   const struct json *value)
{
    if (field->rule.force)
        return judge_forced(judge, field, value);
    return value ? judge_present(judge, field, value) : judge_absent(judge, field);
}

/* ---- the policy's own values ---- */

static bool members_are_good(struct judge *judge, const struct field *field,
                             const struct json *value)
{
    if (!judge_places(judge, field, value))
        return false;
    for (const struct json *inside = json_members(value); inside; inside = inside->next)
        if (!judge_value(judge, field_inside(field, inside), inside))
            return false;
    return true;
}

static bool element_is_good(struct judge *judge, const struct field *field,
                            const struct json *element)
{
    if (json_is(element, JSON_OBJECT))
        return members_are_good(judge, field, element);
    for (const struct json *inner = json_elements(element); inner; inner = inner->next)
        if (!element_is_good(judge, field, inner))
            return false;
    struct json *members;
    if (!json_is(element, JSON_STRING) ||
        field->type->codec->decode(judge->arena, element->text, &members))
        return true; /* the shape and the format were checked before */
    return members_are_good(judge, field, members);
}

bool judge_value(struct judge *judge, const struct field *field, const struct json *value)
{
    char wrong[TYPE_TEXT_BYTES];
    if (json_is(value, JSON_NULL))
        return true;
    if (!type_fits(field->type, value, wrong))
        return judge_refuse(judge, REASON_FIELD_TYPE, field->path, "%s %s", field->path, wrong);
    if (!judge_is_neutral(field, value) && !type_is_formed(field->type, value, wrong))
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path, "%s: %s", field->path, wrong);
    if (!type_has_members(field->type))
        return true;
    if (field->type->kind == KIND_OBJECT || json_is(value, JSON_LIST))
        return element_is_good(judge, field, value);
    for (const struct json *element = json_members(value); element; element = element->next)
        if (!element_is_good(judge, field, element))
            return false;
    return true;
}
