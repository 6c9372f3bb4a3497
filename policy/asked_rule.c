/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule for what was noted.  What the built-in rule sends when nothing is asked comes first in
 * it, so that who asks for nothing gets what he would have got.
 */
#include "asked.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "field.h"
#include "json.h"
#include "types.h"

enum { ASKED_NOT = 0, ASKED_RULE = 1 };

/* ---- numbers ---- */

static void bound_print(const struct field *field, const char *clause, int64_t number, char *rule)
{
    char shown[TYPE_TEXT_BYTES], fallback[TYPE_TEXT_BYTES];
    const json_t *own = field->rule.fallback;
    bool fits = own && (clause[1] == 'a' ? json_integer_value(own) <= number
                                         : json_integer_value(own) >= number);
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

static int number_rule(const struct field *field, const json_t *all, char *rule)
{
    const struct rule *own = &field->rule;
    const bool held = own->forbid || own->force || own->force_path;
    const bool below_is_none = field->type->traits & TYPE_NEGATIVE;
    int64_t least = INT64_MAX, most = INT64_MIN;
    size_t i, unlimited = 0;
    json_t *element;
    json_array_foreach ((json_t *) all, i, element) {
        int64_t number = json_integer_value(element);
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
    const struct type *type;
    char *text; /* ASKED_RULE_BYTES */
    size_t bytes, count, left_out;
    json_t *seen; /* the items, as keys */
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
static char *item_write(const struct type *type, const char *text)
{
    char probe[ASKED_RULE_BYTES];
    struct rule rule;
    struct err err;
    char *item;
    if (strpbrk(text, ";\n\r") || strlen(text) > sizeof(probe) / 4)
        return NULL;
    if (needs_quotes(text)) {
        json_t *string = json_string(text);
        item = json_dumps(string, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
        json_decref(string);
    } else {
        item = strdup(text);
    }
    if (!item || snprintf(probe, sizeof(probe), "one-of %s", item) >= (int) sizeof(probe)) {
        free(item);
        return NULL;
    }
    bool good = rule_parse(type, probe, NULL, &rule, &err) == 0;
    rule_done(&rule);
    if (good)
        return item;
    free(item);
    return NULL;
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
    char *item = raw ? strdup(text) : item_write(items->type, text);
    if (!item || items->bytes + strlen(item) + 64 > ASKED_RULE_BYTES) {
        items->left_out++;
    } else if (!json_object_get(items->seen, item)) {
        items->bytes += (size_t) snprintf(items->text + items->bytes,
                                          ASKED_RULE_BYTES - items->bytes, " %s", item);
        items->count++;
        json_object_set_new(items->seen, item, json_true());
    }
    free(item);
}

/* What the built-in rule sends of its own. */
static void items_take_safe(struct items *items, const json_t *safe)
{
    const char *key;
    size_t i;
    json_t *element;
    if (json_is_string(safe))
        item_append(items, json_string_value(safe), false);
    json_array_foreach ((json_t *) safe, i, element)
        item_append(items, json_string_value(element), false);
    json_object_foreach ((json_t *) safe, key, element)
        item_append(items, key, false);
}

/* Names that engines and clients make of a container's id: they are others at the next time. */
static bool are_ids(const struct field *field, const json_t *all)
{
    size_t i;
    json_t *element;
    if (field->type != type_get(TYPE_ID_HOSTNAMES))
        return false;
    json_array_foreach ((json_t *) all, i, element) {
        const char *text = json_string_value(element);
        size_t bytes = strlen(text);
        if ((bytes == 12 || bytes == 64) && strspn(text, "0123456789abcdef") == bytes)
            return true;
    }
    return false;
}

static bool all_pass(const struct field *field, const struct asked_values *values)
{
    const struct rule *own = &field->rule;
    size_t i;
    json_t *element;
    if (own->forbid || own->force || (own->has_max && values->most > own->max))
        return false;
    json_array_foreach ((json_t *) values->all, i, element)
        if (own->item_count > 0 && !rule_lets(field->type, own, json_string_value(element)))
            return false;
    return true;
}

/*
 * Of a lone text, "" comes first where the built-in rule has no value of its own: absent stays
 * absent, instead of turning into the first item.
 */
static int choice_rule(const struct field *field, const struct asked_values *values, char *rule,
                       size_t *ret_left_out, struct err *err)
{
    const struct rule *own = &field->rule;
    const bool is_text = field->type->kind == KIND_STRING;
    struct items items = {field->type, rule, 0, 0, 0, json_object()};
    size_t i, before;
    json_t *element;
    if (all_pass(field, values)) {
        json_decref(items.seen);
        return ASKED_NOT;
    }
    items.bytes = (size_t) snprintf(rule, ASKED_RULE_BYTES, "one-of");
    items_take_safe(&items, field->safe);
    if (is_text && !field->safe && !(field->type->traits & TYPE_REQUIRED))
        item_append(&items, "", false);
    items.left_out = 0;
    before = items.count;
    json_array_foreach ((json_t *) values->all, i, element) {
        const char *text = json_string_value(element), *item = item_for(field->type, text);
        item_append(&items, item, item != text || is_own(field->type, text));
    }
    json_decref(items.seen);
    *ret_left_out = items.left_out;
    if (items.count == before)
        return items.left_out == 0 ? ASKED_NOT
                                   : err_set(err, "no rule can let it pass as it was written");
    char *fallback =
        own->fallback && is_text ? item_write(field->type, json_string_value(own->fallback)) : NULL;
    if (fallback)
        items.bytes += (size_t) snprintf(rule + items.bytes, ASKED_RULE_BYTES - items.bytes,
                                         ", default %s", fallback);
    free(fallback);
    if (own->has_max && !is_text)
        snprintf(rule + items.bytes, ASKED_RULE_BYTES - items.bytes, ", max %lld",
                 (long long) (values->most > own->max ? values->most : own->max));
    return ASKED_RULE;
}

/* ---- the rest ---- */

/* Presence, or a length over a bound. */
static int plain_rule(const json_t *all, char *rule)
{
    int64_t most = 0;
    size_t i;
    json_t *element;
    json_array_foreach ((json_t *) all, i, element)
        if (json_is_integer(element) && json_integer_value(element) > most)
            most = json_integer_value(element);
    if (most > 0)
        snprintf(rule, ASKED_RULE_BYTES, "allow, max %lld", (long long) most);
    else
        snprintf(rule, ASKED_RULE_BYTES, "allow");
    return ASKED_RULE;
}

static bool are_of(const json_t *all, json_type type)
{
    size_t i;
    json_t *element;
    json_array_foreach ((json_t *) all, i, element)
        if (json_typeof(element) != type)
            return false;
    return json_array_size(all) > 0;
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
