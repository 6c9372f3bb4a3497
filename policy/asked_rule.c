/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule for what was noted.  What the built-in rule sends when nothing is asked comes first in
 * it, so that who asks for nothing gets what he would have got.
 */
#include "asked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "err.h"
#include "field.h"
#include "json.h"
#include "types.h"

enum { ASKED_NOT = 0, ASKED_RULE = 1 };

/* ---- numbers ---- */

static void bound_print(const struct field *field, const char *clause, int64_t number, char *rule)
{
    char shown[TYPE_TEXT_BYTES], fallback[TYPE_TEXT_BYTES];
    const struct json *own = field->rule.fallback;
    bool fits = own && (clause[1] == 'a' ? json_number(own) <= number : json_number(own) >= number);
    type_print_number(field->type, number, shown);
    const bool fills = field->type->traits & TYPE_ZERO; /* else absent stays absent */
    if (!own && fills && field->rule.has_max && field->rule.max < number) {
        snprintf(rule, ASKED_RULE_BYTES, "%s %s, default %s", clause, shown,
                 type_print_number(field->type, field->rule.max, fallback));
        return;
    }
    snprintf(rule, ASKED_RULE_BYTES, "%s %s%s%s", clause, shown, fits ? ", default " : "",
             fits ? type_print(field->type, own, fallback) : "");
}

static int number_rule(const struct field *field, const struct json *all, char *rule)
{
    const struct rule *own = &field->rule;
    const bool held = own->forbid || own->force || own->force_path;
    const bool below_is_none = field->type->traits & TYPE_NEGATIVE;
    int64_t least = INT64_MAX, most = INT64_MIN;
    size_t unlimited = 0;
    for (const struct json *element = json_elements(all); element; element = element->next) {
        int64_t number = json_number(element);
        if (number < 0 && below_is_none) {
            unlimited++;
            continue;
        }
        least = number < least ? number : least;
        most = number > most ? number : most;
    }
    if (most == INT64_MIN) { /* a bound, or what is forced, takes the place of "no limit" */
        if (!own->forbid && (own->has_max || held))
            return ASKED_NOT;
        snprintf(rule, ASKED_RULE_BYTES, "allow");
        return unlimited > 0 ? ASKED_RULE : ASKED_NOT;
    }
    bool over = held || (own->has_max && most > own->max);
    bool under = own->has_min && least < own->min;
    if (over)
        bound_print(field, "max", most, rule);
    else if (under)
        bound_print(field, "min", least, rule);
    return over || under ? ASKED_RULE : ASKED_NOT;
}

/* ---- texts ---- */

struct items {
    struct arena arena;
    const struct type *type;
    char *text; /* ASKED_RULE_BYTES */
    size_t bytes, count, left_out;
    struct json *seen; /* the items, as keys */
};

static bool needs_quotes(const char *text)
{
    static const char *const words[] = {"forbid", "allow", "force",  "default",
                                        "max",    "min",   "one-of", "own"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    for (const char *at = text; *at; at++)
        if (*at < '!' || *at > '~')
            return true;
    return !*text || strchr("\"[{!'", *text) || strpbrk(text, " \t,*\"\\");
}

/* An item as the policy writes it; NULL when it cannot. */
static const char *item_write(struct arena *arena, const struct type *type, const char *text)
{
    char probe[ASKED_RULE_BYTES], *quoted = NULL;
    struct rule rule;
    struct err err;
    if (strpbrk(text, ";\n\r") || strlen(text) > sizeof(probe) / 4)
        return NULL;
    if (needs_quotes(text) && !(quoted = json_write_ascii(arena, json_new_text(arena, text), NULL)))
        return NULL;
    const char *item = quoted ? arena_copy(arena, quoted, strlen(quoted)) : text;
    free(quoted);
    if (snprintf(probe, sizeof(probe), "one-of %s", item) >= (int) sizeof(probe))
        return NULL;
    return rule_parse(arena, type, probe, NULL, &rule, &err) == 0 ? item : NULL;
}

/* A container's name or id says nothing about the next run: any of the client's own will do. */
static const char *item_for(const struct type *type, const char *text)
{
    const char *prefix = type->codec ? type->codec->container : NULL;
    if (prefix && *prefix && strncmp(text, prefix, strlen(prefix)) == 0)
        return "container:*";
    return text;
}

/* A note of what is the client's own, which is an item as it stands. */
static bool is_own(const struct type *type, const char *text)
{
    return type->codec && type->codec->owns && strncmp(text, "own", 3) == 0 &&
           (!text[3] || (text[3] == ':' && !needs_quotes(text + 3)));
}

static void item_append(struct items *items, const char *text, bool raw)
{
    const char *item = raw ? text : item_write(&items->arena, items->type, text);
    if (!item || items->bytes + strlen(item) + 64 > ASKED_RULE_BYTES) {
        items->left_out++;
    } else if (!json_get(items->seen, item)) {
        items->bytes += (size_t) snprintf(items->text + items->bytes,
                                          ASKED_RULE_BYTES - items->bytes, " %s", item);
        items->count++;
        json_set(&items->arena, items->seen, item, json_new_bool(&items->arena, true));
    }
}

/* What the built-in rule sends of its own. */
static void items_take_safe(struct items *items, const struct json *safe)
{
    if (json_is(safe, JSON_STRING))
        item_append(items, safe->text, false);
    for (const struct json *element = json_elements(safe); element; element = element->next)
        item_append(items, json_text(element), false);
    for (const struct json *member = json_members(safe); member; member = member->next)
        item_append(items, member->key, false);
}

/* Names that engines and clients make of a container's id: they are others at the next time. */
static bool are_ids(const struct field *field, const struct json *all)
{
    if (field->type != type_get(TYPE_ID_HOSTNAMES))
        return false;
    for (const struct json *element = json_elements(all); element; element = element->next) {
        size_t bytes = element->size;
        if ((bytes == 12 || bytes == 64) && strspn(element->text, "0123456789abcdef") == bytes)
            return true;
    }
    return false;
}

static bool all_pass(const struct field *field, const struct asked_values *values)
{
    const struct rule *own = &field->rule;
    if (own->forbid || own->force || (own->has_max && values->most > own->max))
        return false;
    const struct json *element = json_elements(values->all);
    for (; element; element = element->next)
        if (own->item_count > 0 && !rule_lets(field->type, own, element->text))
            return false;
    return true;
}

/*
 * Of a lone text, "" comes first where the built-in rule has no value of its own: absent stays
 * absent, instead of turning into the first item.
 */
static int choice_items(struct items *items, const struct field *field,
                        const struct asked_values *values, struct err *err)
{
    const struct rule *own = &field->rule;
    const bool is_text = field->type->kind == KIND_STRING;
    char *rule = items->text;
    items->seen = json_new(&items->arena, JSON_OBJECT);
    items->bytes = (size_t) snprintf(rule, ASKED_RULE_BYTES, "one-of");
    items_take_safe(items, field->safe);
    if (is_text && !field->safe && !(field->type->traits & TYPE_REQUIRED))
        item_append(items, "", false);
    items->left_out = 0;
    const size_t before = items->count;
    const struct json *element = json_elements(values->all);
    for (; element; element = element->next) {
        const char *text = element->text, *item = item_for(field->type, text);
        item_append(items, item, item != text || is_own(field->type, text));
    }
    if (items->count == before)
        return items->left_out == 0 ? ASKED_NOT
                                    : err_set(err, "no rule can let it pass as it was written");
    const char *fallback = own->fallback && is_text
                               ? item_write(&items->arena, field->type, json_text(own->fallback))
                               : NULL;
    if (fallback)
        items->bytes += (size_t) snprintf(rule + items->bytes, ASKED_RULE_BYTES - items->bytes,
                                          ", default %s", fallback);
    if (own->has_max && !is_text)
        snprintf(rule + items->bytes, ASKED_RULE_BYTES - items->bytes, ", max %lld",
                 (long long) (values->most > own->max ? values->most : own->max));
    return ASKED_RULE;
}

static int choice_rule(const struct field *field, const struct asked_values *values, char *rule,
                       size_t *ret_left_out, struct err *err)
{
    struct items items = {.type = field->type, .text = rule};
    if (all_pass(field, values))
        return ASKED_NOT;
    int made = choice_items(&items, field, values, err);
    *ret_left_out = items.left_out;
    if (items.arena.failed)
        made = err_set(err, "out of memory");
    arena_done(&items.arena);
    return made;
}

/* ---- the rest ---- */

/* Presence, or a length over a bound. */
static int plain_rule(const struct json *all, char *rule)
{
    int64_t most = 0;
    for (const struct json *element = json_elements(all); element; element = element->next)
        if (json_number(element) > most)
            most = json_number(element);
    if (most > 0)
        snprintf(rule, ASKED_RULE_BYTES, "allow, max %lld", (long long) most);
    else
        snprintf(rule, ASKED_RULE_BYTES, "allow");
    return ASKED_RULE;
}

static bool are_of(const struct json *all, enum json_kind kind)
{
    for (const struct json *element = json_elements(all); element; element = element->next)
        if (element->kind != kind)
            return false;
    return json_size(all) > 0;
}

int asked_rule(const struct schema *schema, const char *path, const struct asked_values *values,
               char ret_rule[ASKED_RULE_BYTES], size_t *ret_left_out, struct err *err)
{
    const struct field *field = schema_find(schema, path);
    const struct type_codec *codec;
    *ret_left_out = 0;
    if (!field)
        return err_set(err, "there is no such field");
    codec = field->type->codec;
    if (field->type->kind == KIND_NUMBER)
        return are_of(values->all, JSON_INTEGER) ? number_rule(field, values->all, ret_rule)
                                                 : err_set(err, "a value is no number");
    if (codec && codec->container && !*codec->container) /* `allow` means one's own */
        return plain_rule(NULL, ret_rule);
    if (type_has_choice(field->type) && are_of(values->all, JSON_STRING) &&
        are_ids(field, values->all))
        return plain_rule(NULL, ret_rule);
    if (type_has_choice(field->type) && are_of(values->all, JSON_STRING))
        return choice_rule(field, values, ret_rule, ret_left_out, err);
    return plain_rule(values->all, ret_rule);
}

bool asked_absent(const struct schema *schema, const char *path, char ret_rule[ASKED_RULE_BYTES])
{
    const struct field *field = schema_find(schema, path);
    const struct rule *own = &field->rule;
    const char *rule = "allow";
    bool fills = field->type->traits & TYPE_ZERO && (own->has_max || own->has_min);
    if (!(field->safe || own->force || own->force_path || own->fallback || fills))
        return false;
    if (field->type->kind == KIND_STRING)
        rule = "one-of \"\"";
    else if (field->type->kind >= KIND_NUMBERS && field->type->kind < KIND_OBJECT)
        rule = "allow, max 0";
    strcpy(ret_rule, rule);
    return true;
}
