/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The applying of rules: one function for each clause.  What they say when they refuse is what
 * people read, so each names the field, the value, the rule and the mend.
 */
#include "rules.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "glob.h"
#include "json.h"
#include "judge.h"
#include "owner.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

void rule_done(struct rule *rule)
{
    for (size_t i = 0; i < rule->item_count; i++)
        free(rule->items[i].text);
    free(rule->items);
    json_decref(rule->force);
    json_decref(rule->fallback);
    free(rule->force_path);
    free(rule->text);
    free(rule->origin);
    *rule = (struct rule){0};
}

/* ---- one-of ---- */

static bool item_matches(const struct type *type, const struct rule_item *item, const char *text)
{
    const struct type_codec *codec = type->codec;
    if (codec && codec->matches && *text)
        return codec->matches(item->text, text, item->exclude);
    if (item->literal)
        return (item->exclude ? strcasecmp : strcmp)(item->text, text) == 0;
    return glob_matches(item->text, text, '\0', item->exclude);
}

/* An item with '=' is about a map's key and value; any other about the key alone. */
static bool pair_matches(const struct type *type, const struct rule_item *item, const char *text,
                         const char *value)
{
    char *pair;
    if (!value || !strchr(item->text, '='))
        return item_matches(type, item, text);
    if (asprintf(&pair, "%s=%s", text, value) < 0) {
        json_shortage_note();
        return item->exclude;
    }
    bool matches = item_matches(type, item, pair);
    free(pair);
    return matches;
}

/* Whether a text is let pass; if not, *ret_excluded is the exclusion that it met, or NULL.  own:
 * what it is called to items that stand for the client's own; NULL when it is not. */
static bool items_match(const struct type *type, const struct rule *rule, const char *text,
                        const char *value, const char *own, const struct rule_item **ret_excluded)
{
    bool matches = false;
    *ret_excluded = NULL;
    for (size_t i = 0; i < rule->item_count; i++) {
        const struct rule_item *item = &rule->items[i];
        const char *called = item->own ? own : text;
        if (!called || (matches && !item->exclude) || !pair_matches(type, item, called, value))
            continue;
        if (item->exclude) {
            *ret_excluded = item;
            return false;
        }
        matches = true;
    }
    return matches;
}

int rule_own_kind(const struct type *type)
{
    return type->codec->owns == TYPE_OWNS_NETWORK ? OWNER_NETWORK : OWNER_VOLUME;
}

char *rule_called_own(const struct type *type, const struct schema_context *context,
                      const char *text)
{
    size_t part = type_own_part(type, text);
    char *called;
    if (part == 0 || !context || !context->owned ||
        !context->owned(context->owned_arg, rule_own_kind(type), text, part))
        return NULL;
    if (asprintf(&called, "own%s", text + part) >= 0)
        return called;
    json_shortage_note(); /* else it would look like somebody else's */
    return NULL;
}

static bool text_matches(const struct type *type, const struct rule *rule, const char *text,
                         const struct schema_context *context,
                         const struct rule_item **ret_excluded)
{
    char *own = rule_called_own(type, context, text);
    bool matches = items_match(type, rule, text, NULL, own, ret_excluded);
    free(own);
    return matches;
}

/* An element; one that is KEY=VALUE is looked at like a map's key and value. */
static bool element_matches(const struct type *type, const struct rule *rule, const char *text,
                            const struct schema_context *context,
                            const struct rule_item **ret_excluded)
{
    const char *equals = type->traits & TYPE_PAIRS ? strchr(text, '=') : NULL;
    if (!equals)
        return text_matches(type, rule, text, context, ret_excluded);
    char *key = strndup(text, (size_t) (equals - text));
    if (!key)
        json_shortage_note();
    *ret_excluded = NULL;
    bool matches = key && items_match(type, rule, key, equals + 1, NULL, ret_excluded);
    free(key);
    return matches;
}

bool rule_lets(const struct type *type, const struct rule *rule, const char *text)
{
    const struct rule_item *excluded;
    const bool is_pair = type->kind == KIND_MAP || type->traits & TYPE_PAIRS;
    const char *equals = is_pair ? strchr(text, '=') : NULL;
    if (!equals)
        return items_match(type, rule, text, NULL, text, &excluded);
    char *key = strndup(text, (size_t) (equals - text));
    bool matches = !key || items_match(type, rule, key, equals + 1, NULL, &excluded);
    free(key);
    return matches;
}

bool rule_passes_as_own(const struct type *type, const struct rule *rule, const char *text)
{
    const struct rule_item *excluded;
    return rule->item_count > 0 && !items_match(type, rule, text, NULL, NULL, &excluded);
}

const char *rule_offender(const struct type *type, const struct rule *rule, const json_t *value,
                          const struct schema_context *context,
                          const struct rule_item **ret_excluded)
{
    size_t i;
    const char *key, *text = json_string_value(value);
    json_t *element;
    if (text)
        return text_matches(type, rule, text, context, ret_excluded) ? NULL : text;
    json_array_foreach ((json_t *) value, i, element) {
        text = json_string_value(element);
        if (!element_matches(type, rule, text, context, ret_excluded))
            return text;
    }
    json_object_foreach ((json_t *) value, key, element) {
        if (!items_match(type, rule, key, json_string_value(element), NULL, ret_excluded))
            return key;
    }
    return NULL;
}

/* The first item that is a plain value. */
static const char *first_literal(const struct rule *rule)
{
    for (size_t i = 0; i < rule->item_count; i++)
        if (!rule->items[i].exclude && !rule->items[i].own &&
            (rule->items[i].literal || !strchr(rule->items[i].text, '*')))
            return rule->items[i].text;
    return NULL;
}

static bool value_names(const json_t *value, const char *text)
{
    size_t i;
    json_t *element;
    if (json_is_string(value))
        return strcmp(json_string_value(value), text) == 0;
    json_array_foreach ((json_t *) value, i, element) {
        if (value_names(element, text))
            return true;
    }
    return false;
}

bool rule_names(const struct rule *rule, const char *text)
{
    for (size_t i = 0; i < rule->item_count; i++)
        if (!rule->items[i].exclude && !rule->items[i].own &&
            strcmp(rule->items[i].text, text) == 0)
            return true;
    return value_names(rule->force, text) || value_names(rule->fallback, text);
}

/* ---- values that are not there ---- */

/* The built-in rule's own value, as long as it passes and not everything does. */
static json_t *safe_value(const struct field *field)
{
    const struct rule *rule = &field->rule;
    const struct rule_item *excluded;
    int64_t measure = field->safe ? type_measure(field->type, field->safe) : 0;
    bool passes = !rule->allow && !(rule->has_max && measure > rule->max) &&
                  !(rule->has_min && measure < rule->min) &&
                  !(rule->item_count && field->safe &&
                    rule_offender(field->type, rule, field->safe, NULL, &excluded));
    return passes ? json_incref(field->safe) : NULL;
}

static bool refuse_absent(struct judge *judge, const struct field *field)
{
    return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s must not be absent (%s); name one, or add 'default V' to the rule",
                        field->path, judge_origin(field));
}

/* The choice among what one-of names, where nothing is not among it. */
static bool fill_one_of(struct judge *judge, const struct field *field, json_t **ret)
{
    const struct rule_item *excluded;
    bool is_list = field->type->codec && field->type->codec->item_wrong;
    const char *literal = is_list ? NULL : first_literal(&field->rule);
    bool may_be_absent =
        is_list || items_match(field->type, &field->rule, "", NULL, NULL, &excluded);
    if (literal && !may_be_absent)
        *ret = json_string(literal);
    else
        *ret = safe_value(field);
    return *ret || may_be_absent || refuse_absent(judge, field);
}

json_t *rule_explicit(const struct rule *rule)
{
    assert(rule->fallback || rule->has_max || rule->has_min);
    return rule->fallback ? json_incref(rule->fallback)
                          : json_integer(rule->has_max ? rule->max : rule->min);
}

/* Where the Engine would take a port at random, it takes one of a range. */
static json_t *any_port(const struct rule *rule)
{
    enum { PORT_MOST = 65535 };
    int64_t first = rule->has_min ? rule->min : 1, last = rule->has_max ? rule->max : PORT_MOST;
    return first == last ? json_sprintf("%lld", (long long) first)
                         : json_sprintf("%lld-%lld", (long long) first, (long long) last);
}

bool rule_fill(struct judge *judge, const struct field *field, json_t **ret)
{
    const struct rule *rule = &field->rule;
    enum kind kind = field->type->kind;
    *ret = NULL;
    if (rule->fallback) {
        *ret = json_incref(rule->fallback);
        return true;
    }
    if (field->type->traits & TYPE_REQUIRED)
        return rule_forbid(judge, field) && judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                                                         "%s is missing; name one", field->path);
    if (kind == KIND_NUMBER && field->type->traits & (TYPE_ZERO | TYPE_PARAMETER) &&
        (rule->has_max || rule->has_min))
        *ret = rule_explicit(rule);
    else if (kind == KIND_STRING && rule->item_count)
        return fill_one_of(judge, field, ret);
    else if (field->type->traits & TYPE_PORTS && (rule->has_max || rule->has_min))
        *ret = any_port(rule);
    else
        *ret = safe_value(field);
    if (!*ret && field->safe && !rule->allow)
        return refuse_absent(judge, field);
    if (!*ret && kind != KIND_NUMBER && rule->has_min && rule->min > 0)
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                            "%s must not be empty: the min is %lld (%s)", field->path,
                            (long long) rule->min, judge_origin(field));
    return true;
}

bool rule_must_replace(const struct field *field, const json_t *value)
{
    const struct rule *rule = &field->rule;
    if (!(field->type->traits & TYPE_NEGATIVE) || json_integer_value(value) >= 0)
        return false;
    return rule->has_max || (rule->has_min && (rule->fallback || field->type->traits & TYPE_ZERO));
}

bool rule_forbid(struct judge *judge, const struct field *field)
{
    const char *section = judge->schema->table->section;
    if (!field->rule.forbid)
        return true;
    if (field->type->traits & TYPE_REQUIRED)
        return judge_refuse(
            judge, REASON_FIELD_REFUSED, field->path,
            "%s: %s allows none; write '%s = one-of NAME...' under [%s]", field->path,
            field->rule.origin ? field->rule.origin : judge->context->file, field->path, section);
    return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s is forbidden by %s; allow it with '%s = allow' under [%s]", field->path,
                        field->rule.origin ? field->rule.origin : judge->context->file, field->path,
                        section);
}

/* What a bound counts, after its number. */
static const char *counted(const struct type *type, int64_t number)
{
    if (type->kind == KIND_NUMBER || type->traits & TYPE_PORTS)
        return "";
    if (type->kind == KIND_STRING)
        return number == 1 ? " byte" : " bytes";
    return number == 1 ? " element" : " elements";
}

static bool refuse_bound(struct judge *judge, const struct field *field, int64_t measure, bool over)
{
    char shown[TYPE_TEXT_BYTES], bound[TYPE_TEXT_BYTES];
    int64_t limit = over ? field->rule.max : field->rule.min;
    const char *word = over ? "max" : "min";
    type_print_number(field->type, measure, shown);
    type_print_number(field->type, limit, bound);
    if (field->rule.origin)
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                            "%s: %s%s is %s the %s %s of %s", field->path, shown,
                            counted(field->type, measure), over ? "over" : "below", word, bound,
                            field->rule.origin);
    /* What else the rule says must not get lost when it is written anew. */
    const char *rest = field->type->kind == KIND_NUMBER ? "" : "..., ";
    return judge_refuse(
        judge, REASON_FIELD_REFUSED, field->path,
        "%s: %s%s is %s the %s %s (built in); change it with '%s = %s%s %s' under [%s]",
        field->path, shown, counted(field->type, measure), over ? "over" : "below", word, bound,
        field->path, rest, word, shown, judge->schema->table->section);
}

bool rule_bounds(struct judge *judge, const struct field *field, const json_t *value)
{
    int64_t measure = type_measure(field->type, value);
    int64_t last = type_measure_last(field->type, value);
    bool no_limit = field->type->traits & TYPE_NEGATIVE && measure < 0;
    if (field->rule.has_max && (last > field->rule.max || no_limit))
        return refuse_bound(judge, field, last, true);
    if (field->rule.has_min && measure < field->rule.min)
        return refuse_bound(judge, field, measure, false);
    return true;
}

/* "'none' 'bridge' !'host'", as many as fit. */
static char *print_items(const struct rule *rule, char *buffer, size_t size)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; i < rule->item_count && used + 80 < size; i++) {
        char shown[JSON_QUOTE_BYTES * 8];
        if (rule->items[i].exclude)
            continue;
        json_quote(shown, sizeof(shown), rule->items[i].text);
        used += (size_t) snprintf(buffer + used, size - used, "%s'%.70s'", used ? " " : "", shown);
    }
    return buffer;
}

static bool refuse_one_of(struct judge *judge, const struct field *field, const char *text,
                          const struct rule_item *excluded)
{
    char shown[TYPE_TEXT_BYTES], items[256];
    const char *section = judge->schema->table->section;
    json_quote(shown, sizeof(shown), text);
    if (excluded)
        return judge_refuse(
            judge, REASON_FIELD_REFUSED, field->path,
            "%s: '%s' is excluded by '!%.120s' (%s); change '%s = one-of ...' under [%s]",
            field->path, shown, json_quote(items, sizeof(items), excluded->text),
            judge_origin(field), field->path, section);
    return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s: '%s' is not one of %s (%s); add it to '%s = one-of ...' under [%s]",
                        field->path, shown, print_items(&field->rule, items, sizeof(items)),
                        judge_origin(field), field->path, section);
}

bool rule_one_of(struct judge *judge, const struct field *field, const json_t *value)
{
    const struct rule_item *excluded;
    if (field->rule.item_count == 0)
        return true;
    const char *text = rule_offender(field->type, &field->rule, value, judge->context, &excluded);
    return !text || refuse_one_of(judge, field, text, excluded);
}
