/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules: one function that reads each clause, and one that applies it.
 */
#include "rules.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "field.h"
#include "glob.h"
#include "json.h"
#include "judge.h"
#include "reason.h"
#include "schema.h"
#include "types.h"

static const char blanks[] = " \t";

/* ---- reading ---- */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, blanks);
}

/* One item of a clause: JSON, or bytes up to a blank or a comma. */
struct item {
    json_t *json; /* owned; NULL for plain text */
    char *text;   /* owned; NULL for JSON that is no string */
    bool exclude;
};

static void item_done(struct item *item)
{
    json_decref(item->json);
    free(item->text);
    *item = (struct item){0};
}

static int item_read_json(const char **at, struct item *item, struct err *err)
{
    json_error_t error;
    item->json =
        json_loads(*at, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
    if (!item->json)
        return err_set(err, "the JSON value that begins at '%.40s' is not valid: %s", *at,
                       error.text);
    *at += error.position;
    if (json_is_string(item->json)) {
        item->text = strdup(json_string_value(item->json));
        return item->text ? 0 : err_set(err, "out of memory");
    }
    return 0;
}

static bool is_clause(const char *word, size_t length);

/* 1: an item; 0: the clause has no more; < 0: an error. */
static int item_read(const char **at, struct item *ret, struct err *err)
{
    *ret = (struct item){0};
    *at = skip_blanks(*at);
    if (**at == '\0' || **at == ',')
        return 0;
    ret->exclude = **at == '!';
    *at += ret->exclude;
    if (strchr("\"[{", **at) && **at)
        return item_read_json(at, ret, err) < 0 ? -1 : 1;
    size_t length = strcspn(*at, " \t,");
    if (is_clause(*at, length))
        return err_set(err,
                       "a comma must stand before '%.*s'; as a value, write it in double quotes",
                       (int) length, *at);
    ret->text = strndup(*at, length);
    *at += length;
    return ret->text ? 1 : err_set(err, "out of memory");
}

/* Exactly one item, for clauses that take one. */
static int item_read_one(const char **at, const char *clause, struct item *ret, struct err *err)
{
    struct item more;
    int found = item_read(at, ret, err);
    if (found == 0)
        return err_set(err, "%s needs a value, as in '%s VALUE'", clause, clause);
    if (found < 0)
        return -1;
    found = item_read(at, &more, err);
    item_done(&more);
    if (found > 0)
        return err_set(err, "%s takes one value here; write one with blanks in double quotes",
                       clause);
    return found;
}

/* Adds a plain item to a list, a map or a set. */
static int collect(const struct type *type, json_t *into, const char *text, struct err *err)
{
    const char *equals = strchr(text, '=');
    if (type->kind == KIND_STRINGS)
        return json_array_append_new(into, json_string(text));
    if (type->kind == KIND_SET)
        return json_object_set_new(into, text, json_object());
    if (!equals)
        return err_set(err, "'%s' is not KEY=VALUE", text);
    char *key = strndup(text, (size_t) (equals - text));
    int done = key ? json_object_set_new(into, key, json_string(equals + 1)) : -1;
    free(key);
    return done;
}

/* The value of force and default for lists, maps and sets: several items, or one in JSON. */
static json_t *value_collect(const struct type *type, const char **at, const char *clause,
                             struct err *err)
{
    struct item item;
    int found;
    bool is_list = type->kind == KIND_STRINGS, any = false;
    json_t *value = is_list ? json_array() : json_object();
    while ((found = item_read(at, &item, err)) > 0) {
        if (item.json && !item.text && !any) {
            json_decref(value);
            value = json_incref(item.json);
            item_done(&item);
            found = item_read(at, &item, err);
            item_done(&item);
            if (found > 0)
                found = err_set(err, "nothing can follow the JSON value of %s", clause);
            any = true;
            break;
        }
        any = true;
        found = item.text
                    ? collect(type, value, item.text, err)
                    : err_set(err, "a JSON list or object must be the only value of %s", clause);
        item_done(&item);
        if (found < 0)
            break;
    }
    if (found == 0 && !any)
        found = err_set(err, "%s needs a value, as in '%s VALUE'", clause, clause);
    if (found >= 0)
        return value;
    json_decref(value);
    return NULL;
}

/* The value of force and default. */
static json_t *value_read(const struct type *type, const char **at, const char *clause,
                          struct err *err)
{
    if (type->kind == KIND_STRINGS || type->kind == KIND_MAP || type->kind == KIND_SET)
        return value_collect(type, at, clause, err);
    struct item item;
    json_t *value = NULL;
    if (item_read_one(at, clause, &item, err) == 0)
        value = item.json ? json_incref(item.json) : type_parse(type, item.text, err);
    item_done(&item);
    return value;
}

/* Shape and format of a value in the policy; image names are brought into their canonical form. */
static int value_check(const struct type *type, json_t **value, struct err *err)
{
    char wrong[TYPE_TEXT_BYTES];
    if (!type_fits(type, *value, wrong) || json_is_null(*value))
        return err_set(err, "the value %s", wrong);
    bool empty = json_is_string(*value) && json_string_length(*value) == 0;
    if (!empty && !type_is_formed(type, *value, wrong))
        return err_set(err, "the value %s", wrong);
    if (type->traits & TYPE_STRING && json_is_string(*value)) {
        json_t *list = json_pack("[O]", *value);
        json_decref(*value);
        *value = list;
    }
    if (type->codec && type->codec->canonical && !empty) {
        char *text = type->codec->canonical(json_string_value(*value));
        json_decref(*value);
        *value = json_string(text);
        free(text);
    }
    return *value ? 0 : err_set(err, "out of memory");
}

static int read_forbid(const struct field *field, const char **at, struct rule *rule,
                       struct err *err)
{
    (void) field, (void) at, (void) err;
    rule->forbid = true;
    return 0;
}

static int read_allow(const struct field *field, const char **at, struct rule *rule,
                      struct err *err)
{
    (void) field, (void) at, (void) err;
    rule->allow = true;
    return 0;
}

static int read_force(const struct field *field, const char **at, struct rule *rule,
                      struct err *err)
{
    const char *text = skip_blanks(*at);
    bool is_name = (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z');
    if (field->type->kind == KIND_NUMBER && is_name) {
        struct item item;
        int done = item_read_one(at, "force", &item, err);
        rule->force_path = done == 0 ? item.text : NULL;
        if (done < 0)
            item_done(&item);
        return done;
    }
    rule->force = value_read(field->type, at, "force", err);
    return rule->force ? value_check(field->type, &rule->force, err) : -1;
}

static int read_default(const struct field *field, const char **at, struct rule *rule,
                        struct err *err)
{
    rule->fallback = value_read(field->type, at, "default", err);
    return rule->fallback ? value_check(field->type, &rule->fallback, err) : -1;
}

static int read_bound(const struct field *field, const char **at, const char *clause, int64_t *ret,
                      struct err *err)
{
    /* What max and min count where they do not compare the value itself. */
    static const struct type bytes = {.kind = KIND_NUMBER, .unit = UNIT_BYTES, .most = INT64_MAX};
    static const struct type count = {.kind = KIND_NUMBER, .unit = UNIT_COUNT, .most = INT64_MAX};
    const struct type *type = field->type;
    if (type->kind == KIND_BOOL || type->kind == KIND_OBJECT)
        return err_set(err, "%s does not fit a field of type %s; %s", clause, type->name,
                       type->kind == KIND_BOOL ? "write allow, forbid or force true"
                                               : "write allow or forbid, and bound its members");
    type = type->kind == KIND_NUMBER ? type : type->kind == KIND_STRING ? &bytes : &count;
    struct item item;
    int done = item_read_one(at, clause, &item, err);
    if (done == 0)
        done = item.text ? type_parse_number(type, item.text, ret, err)
                         : err_set(err, "%s takes a number, not JSON", clause);
    item_done(&item);
    return done;
}

static int read_max(const struct field *field, const char **at, struct rule *rule, struct err *err)
{
    rule->has_max = true;
    return read_bound(field, at, "max", &rule->max, err);
}

static int read_min(const struct field *field, const char **at, struct rule *rule, struct err *err)
{
    rule->has_min = true;
    return read_bound(field, at, "min", &rule->min, err);
}

/* An item is held to the format of the values that it is to match; a star stands for a letter. */
static int check_item(const struct type *type, const struct rule_item *item, struct err *err)
{
    bool is_pair = type->kind == KIND_MAP && strchr(item->text, '=');
    type_format *format = type->kind <= KIND_STRINGS ? type->format : type->format_key;
    bool is_pattern = !item->literal && strchr(item->text, '*');
    if (!format || is_pair || !*item->text)
        return 0;
    if (is_pattern && (type != type_get(TYPE_ID_IMAGE) || strchr(item->text, '@')))
        return 0;
    char *sample = strdup(item->text);
    for (char *star = sample; is_pattern && sample && (star = strchr(star, '*'));)
        *star = 'a';
    const char *wrong = sample ? format(sample) : "needs more memory than there is";
    free(sample);
    return wrong ? err_set(err, "the item '%s' of one-of %s", item->text, wrong) : 0;
}

static int read_one_of(const struct field *field, const char **at, struct rule *rule,
                       struct err *err)
{
    const struct type *type = field->type;
    struct item item;
    int found;
    bool any = false;
    if (type->kind == KIND_BOOL || type->kind == KIND_NUMBER || type->kind == KIND_NUMBERS ||
        type->kind == KIND_LISTS || type->kind == KIND_OBJECT || type->kind == KIND_OBJECTS)
        return err_set(err, "one-of does not fit a field of type %s; %s", type->name,
                       type->kind == KIND_NUMBER ? "write max and min"
                       : type->kind == KIND_BOOL ? "write allow, forbid or force"
                                                 : "write allow or forbid");
    while ((found = item_read(at, &item, err)) > 0) {
        struct rule_item *grown = realloc(rule->items, (rule->item_count + 1) * sizeof(*grown));
        if (grown)
            rule->items = grown;
        if (!grown || !item.text) {
            item_done(&item);
            return err_set(err, grown ? "one-of takes words and strings only" : "out of memory");
        }
        grown[rule->item_count++] = (struct rule_item){item.text, item.exclude, item.json != NULL};
        json_decref(item.json);
        any |= !item.exclude;
        if (check_item(type, &grown[rule->item_count - 1], err) < 0)
            return -1;
    }
    if (found == 0 && !any)
        return err_set(err, rule->item_count ? "one-of has exclusions only; begin with '*'"
                                             : "one-of needs items, as in 'one-of A B'");
    return found;
}

static const struct clause {
    const char *word;
    int (*read)(const struct field *field, const char **at, struct rule *rule, struct err *err);
} clauses[] = {
    {"forbid", read_forbid},   {"allow", read_allow}, {"force", read_force},
    {"default", read_default}, {"max", read_max},     {"min", read_min},
    {"one-of", read_one_of},
};

enum { CLAUSE_COUNT = sizeof(clauses) / sizeof(clauses[0]) };

static const struct clause *clause_find(const char *at, size_t length)
{
    for (size_t i = 0; i < CLAUSE_COUNT; i++)
        if (strlen(clauses[i].word) == length && memcmp(clauses[i].word, at, length) == 0)
            return &clauses[i];
    return NULL;
}

static bool is_clause(const char *word, size_t length)
{
    return clause_find(word, length) != NULL;
}

static int read_clauses(const struct field *field, const char *at, struct rule *rule,
                        struct err *err)
{
    unsigned seen = 0;
    for (;;) {
        at = skip_blanks(at);
        size_t length = strcspn(at, " \t,");
        const struct clause *clause = clause_find(at, length);
        if (!clause)
            return err_set(
                err,
                "'%.*s' is no rule; write forbid, allow, force V, default V, max V, min V or "
                "one-of A B",
                (int) (length < 60 ? length : 60), at);
        unsigned bit = 1U << (clause - clauses);
        if (seen & bit)
            return err_set(err, "%s is said twice; say it once", clause->word);
        seen |= bit;
        at += length;
        if (clause->read(field, &at, rule, err) < 0)
            return -1;
        at = skip_blanks(at);
        if (*at == '\0')
            break;
        if (*at != ',')
            return err_set(err, "a comma must follow %s, not '%.40s'", clause->word, at);
        at++;
    }
    unsigned forbid = 1, force = 4;
    if (seen & forbid && seen != forbid)
        return err_set(err, "forbid stands alone; leave it out, or leave out the rest");
    if (seen & force && seen != force)
        return err_set(err, "force stands alone; leave it out, or leave out the rest");
    return 0;
}

/* Whether a text is what the items say; *ret_item is the exclusion that it met. */
static bool items_match(const struct field *field, const char *text, const char *value,
                        const struct rule_item **ret_item);

static bool value_matches(const struct field *field, const json_t *value)
{
    const struct rule_item *item;
    size_t i;
    const char *key;
    json_t *element;
    if (json_is_string(value))
        return items_match(field, json_string_value(value), NULL, &item);
    json_array_foreach ((json_t *) value, i, element) {
        if (!items_match(field, json_string_value(element), NULL, &item))
            return false;
    }
    json_object_foreach ((json_t *) value, key, element) {
        if (!items_match(field, key, json_string_value(element), &item))
            return false;
    }
    return true;
}

static int check_default(const struct field *field, const struct rule *rule, struct err *err)
{
    int64_t measure = type_measure(field->type, rule->fallback);
    char bound[TYPE_TEXT_BYTES], shown[TYPE_TEXT_BYTES];
    bool over = rule->has_max && measure > rule->max;
    type_print(field->type, rule->fallback, shown);
    if (field->type->kind != KIND_BOOL && (over || (rule->has_min && measure < rule->min)))
        return err_set(err, "the default %s is outside the bounds; the %s is %s", shown,
                       over ? "max" : "min",
                       type_print_number(field->type, over ? rule->max : rule->min, bound));
    if (rule->item_count && !value_matches(field, rule->fallback))
        return err_set(err, "the default %s is not in one-of; add it there", shown);
    return 0;
}

static int check_sense(const struct field *field, const struct rule *rule, struct err *err)
{
    char max[TYPE_TEXT_BYTES], min[TYPE_TEXT_BYTES];
    if (rule->has_max && rule->has_min && rule->min > rule->max)
        return err_set(err, "the min %s is over the max %s; swap them",
                       type_print_number(field->type, rule->min, min),
                       type_print_number(field->type, rule->max, max));
    return rule->fallback ? check_default(field, rule, err) : 0;
}

int rule_parse(const struct field *field, const char *text, const char *origin, struct rule *ret,
               struct err *err)
{
    struct field with_rule = *field;
    *ret = (struct rule){.text = strdup(text), .origin = origin ? strdup(origin) : NULL};
    if (!ret->text || (origin && !ret->origin))
        return err_set(err, "out of memory");
    if (read_clauses(field, text, ret, err) < 0)
        return -1;
    with_rule.rule = *ret;
    return check_sense(&with_rule, ret, err);
}

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

/* ---- applying ---- */

static bool item_matches(const struct field *field, const struct rule_item *item, const char *text)
{
    const struct type_codec *codec = field->type->codec;
    if (codec && codec->matches && *text)
        return codec->matches(item->text, text, item->exclude);
    if (item->literal)
        return (item->exclude ? strcasecmp : strcmp)(item->text, text) == 0;
    return glob_matches(item->text, text, '\0', item->exclude);
}

/* An item with '=' is about a map's key and value; any other about the key alone. */
static bool pair_matches(const struct field *field, const struct rule_item *item, const char *text,
                         const char *value)
{
    char *pair;
    if (!value || !strchr(item->text, '='))
        return item_matches(field, item, text);
    if (asprintf(&pair, "%s=%s", text, value) < 0)
        return item->exclude;
    bool matches = item_matches(field, item, pair);
    free(pair);
    return matches;
}

static bool items_match(const struct field *field, const char *text, const char *value,
                        const struct rule_item **ret_item)
{
    bool matches = false;
    *ret_item = NULL;
    for (size_t i = 0; i < field->rule.item_count; i++) {
        const struct rule_item *item = &field->rule.items[i];
        if (!item->exclude && matches)
            continue;
        if (!pair_matches(field, item, text, value))
            continue;
        if (item->exclude) {
            *ret_item = item;
            return false;
        }
        matches = true;
    }
    return matches;
}

/* The first item that is a plain value. */
static const char *first_literal(const struct rule *rule)
{
    for (size_t i = 0; i < rule->item_count; i++)
        if (!rule->items[i].exclude &&
            (rule->items[i].literal || !strchr(rule->items[i].text, '*')))
            return rule->items[i].text;
    return NULL;
}

static bool fill_one_of(struct judge *judge, const struct field *field, json_t **ret)
{
    const struct rule_item *item;
    const char *literal = first_literal(&field->rule);
    if (items_match(field, "", NULL, &item))
        return true;
    *ret = literal ? json_string(literal) : NULL;
    return literal ||
           judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s must not be absent (%s); name one, or add 'default V' to the rule",
                        field->path, judge_origin(field));
}

json_t *rule_explicit(const struct rule *rule)
{
    assert(rule->fallback || rule->has_max || rule->has_min);
    return rule->fallback ? json_incref(rule->fallback)
                          : json_integer(rule->has_max ? rule->max : rule->min);
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
    if (kind == KIND_NUMBER) {
        if (field->type->traits & TYPE_ZERO && (rule->has_max || rule->has_min))
            *ret = rule_explicit(rule);
        return true;
    }
    if (rule->has_min && rule->min > 0)
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                            "%s must not be empty: the min is %lld (%s)", field->path,
                            (long long) rule->min, judge_origin(field));
    return kind != KIND_STRING || !rule->item_count || fill_one_of(judge, field, ret);
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
    if (!field->rule.forbid)
        return true;
    if (field->type->traits & TYPE_REQUIRED)
        return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                            "%s: %s allows none; write '%s = one-of NAME...' under "
                            "[create]",
                            field->path,
                            field->rule.origin ? field->rule.origin : judge->context->file,
                            field->path);
    return judge_refuse(judge, REASON_FIELD_REFUSED, field->path,
                        "%s is forbidden by %s; allow it with '%s = allow' under [create]",
                        field->path, field->rule.origin ? field->rule.origin : judge->context->file,
                        field->path);
}

/* What a bound counts, after its number. */
static const char *counted(const struct type *type, int64_t number)
{
    if (type->kind == KIND_NUMBER)
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
    return judge_refuse(
        judge, REASON_FIELD_REFUSED, field->path,
        "%s: %s%s is %s the %s %s (built in); change it with '%s = %s %s' under [create]",
        field->path, shown, counted(field->type, measure), over ? "over" : "below", word, bound,
        field->path, word, shown);
}

bool rule_bounds(struct judge *judge, const struct field *field, const json_t *value)
{
    int64_t measure = type_measure(field->type, value);
    bool no_limit = field->type->traits & TYPE_NEGATIVE && measure < 0;
    if (field->rule.has_max && (measure > field->rule.max || no_limit))
        return refuse_bound(judge, field, measure, true);
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
    json_quote(shown, sizeof(shown), text);
    if (excluded)
        return judge_refuse(
            judge, REASON_FIELD_REFUSED, field->path,
            "%s: '%s' is excluded by '!%.80s' (%s); change '%s = one-of ...' under [create]",
            field->path, shown, excluded->text, judge_origin(field), field->path);
    return judge_refuse(
        judge, REASON_FIELD_REFUSED, field->path,
        "%s: '%s' is not one of %s (%s); add it to '%s = one-of ...' under [create]", field->path,
        shown, print_items(&field->rule, items, sizeof(items)), judge_origin(field), field->path);
}

static bool one_of_text(struct judge *judge, const struct field *field, const char *text,
                        const char *value)
{
    const struct rule_item *excluded;
    return items_match(field, text, value, &excluded) ||
           refuse_one_of(judge, field, text, excluded);
}

bool rule_one_of(struct judge *judge, const struct field *field, const json_t *value)
{
    size_t i;
    const char *key;
    json_t *element;
    if (field->rule.item_count == 0)
        return true;
    if (json_is_string(value))
        return one_of_text(judge, field, json_string_value(value), NULL);
    json_array_foreach ((json_t *) value, i, element) {
        if (!one_of_text(judge, field, json_string_value(element), NULL))
            return false;
    }
    json_object_foreach ((json_t *) value, key, element) {
        if (!one_of_text(judge, field, key, json_string_value(element)))
            return false;
    }
    return true;
}
