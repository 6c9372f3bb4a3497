/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The applying of rules: one function for each clause.  What they say when they refuse is what
 * people read, so each names the field, the value, the rule and the mend.
 */
#include "rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "field.h"
#include "glob.h"
#include "json.h"
#include "judge.h"
#include "owner.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

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

/*
 * What one-of looks at: a string, an element, or a key; and KEY=VALUE where there is a value, for
 * items with '='.
 */
struct candidate {
    const char *text, *pair;
    const char *own; /* what it is called to items that stand for the client's own; or NULL */
};

/* Whether a candidate is let pass; if not, *ret_excluded is the exclusion that it met, or NULL. */
static bool items_match(const struct type *type, const struct rule *rule,
                        const struct candidate *candidate, const struct rule_item **ret_excluded)
{
    bool matches = false;
    *ret_excluded = NULL;
    for (size_t i = 0; i < rule->item_count; i++) {
        const struct rule_item *item = &rule->items[i];
        const bool by_pair = candidate->pair && strchr(item->text, '=');
        const char *called = item->own ? candidate->own
                             : by_pair ? candidate->pair
                                       : candidate->text;
        if (!called || (matches && !item->exclude) || !item_matches(type, item, called))
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

const char *rule_called_own(struct arena *arena, const struct type *type,
                            const struct schema_context *context, const char *text)
{
    size_t part = type_own_part(type, text);
    if (part == 0 || !context || !context->owned ||
        !context->owned(context->owned_arg, rule_own_kind(type), text, part))
        return NULL;
    return arena_print(arena, "own%s", text + part);
}

/* A text; of one that is KEY=VALUE, key and pair. */
static struct candidate candidate_of(struct arena *arena, const char *text, bool is_pair)
{
    const char *equals = is_pair ? strchr(text, '=') : NULL;
    if (!equals)
        return (struct candidate){.text = text};
    return (struct candidate){.text = arena_copy(arena, text, (size_t) (equals - text)),
                              .pair = text};
}

static bool element_matches(struct arena *arena, const struct type *type, const struct rule *rule,
                            const char *text, const struct schema_context *context,
                            const struct rule_item **ret_excluded)
{
    struct candidate candidate = candidate_of(arena, text, type->traits & TYPE_PAIRS);
    if (!candidate.pair)
        candidate.own = rule_called_own(arena, type, context, text);
    return items_match(type, rule, &candidate, ret_excluded);
}

static bool member_matches(struct arena *arena, const struct type *type, const struct rule *rule,
                           const struct json *member, const struct rule_item **ret_excluded)
{
    struct candidate candidate = {.text = member->key};
    if (json_is(member, JSON_STRING) && rule->has_pairs)
        candidate.pair = arena_print(arena, "%s=%s", member->key, member->text);
    return items_match(type, rule, &candidate, ret_excluded);
}

bool rule_lets(const struct type *type, const struct rule *rule, const char *text)
{
    const struct rule_item *excluded;
    struct arena arena = {0};
    const bool is_pair = type->kind == KIND_MAP || type->traits & TYPE_PAIRS;
    struct candidate candidate = candidate_of(&arena, text, is_pair);
    if (!candidate.pair)
        candidate.own = text;
    bool matches = items_match(type, rule, &candidate, &excluded) || arena.failed;
    arena_done(&arena);
    return matches;
}

bool rule_passes_as_own(const struct type *type, const struct rule *rule, const char *text)
{
    const struct rule_item *excluded;
    const struct candidate candidate = {.text = text};
    return rule->item_count > 0 && !items_match(type, rule, &candidate, &excluded);
}

const char *rule_offender(struct arena *arena, const struct type *type, const struct rule *rule,
                          const struct json *value, const struct schema_context *context,
                          const struct rule_item **ret_excluded)
{
    if (json_is(value, JSON_STRING)) {
        struct candidate lone = {.text = value->text};
        lone.own = rule_called_own(arena, type, context, lone.text);
        return items_match(type, rule, &lone, ret_excluded) ? NULL : lone.text;
    }
    for (const struct json *element = json_elements(value); element; element = element->next)
        if (!element_matches(arena, type, rule, json_text(element), context, ret_excluded))
            return json_text(element);
    for (const struct json *member = json_members(value); member; member = member->next)
        if (!member_matches(arena, type, rule, member, ret_excluded))
            return member->key;
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

static bool value_names(const struct json *value, const char *text)
{
    if (json_is(value, JSON_STRING))
        return strcmp(value->text, text) == 0;
    for (const struct json *element = json_elements(value); element; element = element->next)
        if (value_names(element, text))
            return true;
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
static const struct json *safe_value(struct judge *judge, const struct field *field)
{
    const struct rule *rule = &field->rule;
    const struct rule_item *excluded;
    if (!field->safe || rule->allow)
        return NULL;
    int64_t measure = type_measure(field->type, field->safe);
    bool passes = !(rule->has_max && measure > rule->max) &&
                  !(rule->has_min && measure < rule->min) &&
                  !(rule->item_count &&
                    rule_offender(judge->arena, field->type, rule, field->safe, NULL, &excluded));
    return passes ? field->safe : NULL;
}

static bool refuse_absent(struct judge *judge, const struct field *field)
{
    return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s must not be absent (%s); name one, or add 'default V' to the rule",
                        field->path, judge_origin(field));
}

/* The choice among what one-of names, where nothing is not among it. */
static bool fill_one_of(struct judge *judge, const struct field *field, const struct json **ret)
{
    static const struct candidate nothing = {.text = ""};
    const struct rule_item *excluded;
    bool is_list = field->type->codec && field->type->codec->item_wrong;
    const char *literal = is_list ? NULL : first_literal(&field->rule);
    bool may_be_absent = is_list || items_match(field->type, &field->rule, &nothing, &excluded);
    if (literal && !may_be_absent)
        *ret = json_new_text(judge->arena, literal);
    else
        *ret = safe_value(judge, field);
    return *ret || may_be_absent || refuse_absent(judge, field);
}

const struct json *rule_explicit(struct arena *arena, const struct rule *rule)
{
    assert(rule->fallback || rule->has_max || rule->has_min);
    return rule->fallback ? rule->fallback
                          : json_new_number(arena, rule->has_max ? rule->max : rule->min);
}

/* Where the Engine would take a port at random, it takes one of a range. */
static const struct json *any_port(struct arena *arena, const struct rule *rule)
{
    enum { PORT_MOST = 65535 };
    long long first = rule->has_min ? rule->min : 1, last = rule->has_max ? rule->max : PORT_MOST;
    return json_new_text(arena, first == last ? arena_print(arena, "%lld", first)
                                              : arena_print(arena, "%lld-%lld", first, last));
}

bool rule_fill(struct judge *judge, const struct field *field, const struct json **ret)
{
    const struct rule *rule = &field->rule;
    enum kind kind = field->type->kind;
    *ret = NULL;
    if (rule->fallback) {
        *ret = rule->fallback;
        return true;
    }
    if (field->type->traits & TYPE_REQUIRED)
        return rule_forbid(judge, field) && judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                                                         "%s is missing; name one", field->path);
    if (kind == KIND_NUMBER && field->type->traits & (TYPE_ZERO | TYPE_PARAMETER) &&
        (rule->has_max || rule->has_min))
        *ret = rule_explicit(judge->arena, rule);
    else if (kind == KIND_STRING && rule->item_count)
        return fill_one_of(judge, field, ret);
    else if (field->type->traits & TYPE_PORTS && (rule->has_max || rule->has_min))
        *ret = any_port(judge->arena, rule);
    else
        *ret = safe_value(judge, field);
    if (!*ret && field->safe && !rule->allow)
        return refuse_absent(judge, field);
    if (!*ret && kind != KIND_NUMBER && rule->has_min && rule->min > 0)
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                            "%s must not be empty: the min is %lld (%s)", field->path,
                            (long long) rule->min, judge_origin(field));
    return true;
}

bool rule_must_replace(const struct field *field, const struct json *value)
{
    const struct rule *rule = &field->rule;
    if (!(field->type->traits & TYPE_NEGATIVE) || json_number(value) >= 0)
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

bool rule_bounds(struct judge *judge, const struct field *field, const struct json *value)
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

bool rule_one_of(struct judge *judge, const struct field *field, const struct json *value)
{
    const struct rule_item *excluded;
    if (field->rule.item_count == 0)
        return true;
    const char *text =
        rule_offender(judge->arena, field->type, &field->rule, value, judge->context, &excluded);
    return !text || refuse_one_of(judge, field, text, excluded);
}
