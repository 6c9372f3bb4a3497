/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading of rules: one function for each clause.  The text is cut into items, and an item is
 * held to the type of the field; contradictions are found here, once, and not while judging.
 */
#include "rules.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "json.h"
#include "types.h"

static const char blanks[] = " \t";

/* ---- items ---- */

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
        json_load_whole(*at, strlen(*at),
                        JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
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
    if (strchr("\"[{", **at) && **at) {
        if (item_read_json(at, ret, err) == 0)
            return 1;
        item_done(ret);
        return -1;
    }
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

/* ---- values ---- */

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

/* ---- clauses ---- */

static int read_forbid(const struct type *type, const char **at, struct rule *rule, struct err *err)
{
    (void) type, (void) at, (void) err;
    rule->forbid = true;
    return 0;
}

static int read_allow(const struct type *type, const char **at, struct rule *rule, struct err *err)
{
    (void) type, (void) at, (void) err;
    rule->allow = true;
    return 0;
}

static int read_force(const struct type *type, const char **at, struct rule *rule, struct err *err)
{
    const char *text = skip_blanks(*at);
    bool is_name = (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z');
    if (type->kind == KIND_NUMBER && is_name) {
        struct item item;
        int done = item_read_one(at, "force", &item, err);
        rule->force_path = done == 0 ? item.text : NULL;
        if (done < 0)
            item_done(&item);
        return done;
    }
    rule->force = value_read(type, at, "force", err);
    return rule->force ? value_check(type, &rule->force, err) : -1;
}

static int read_default(const struct type *type, const char **at, struct rule *rule,
                        struct err *err)
{
    rule->fallback = value_read(type, at, "default", err);
    return rule->fallback ? value_check(type, &rule->fallback, err) : -1;
}

static int read_bound(const struct type *type, const char **at, const char *clause, int64_t *ret,
                      struct err *err)
{
    /* What max and min count where they do not compare the value itself. */
    static const struct type bytes = {.kind = KIND_NUMBER, .unit = UNIT_BYTES, .most = INT64_MAX};
    static const struct type count = {.kind = KIND_NUMBER, .unit = UNIT_COUNT, .most = INT64_MAX};
    if (type->kind == KIND_BOOL || type->kind == KIND_OBJECT)
        return err_set(err, "%s does not fit a field of type %s; %s", clause, type->name,
                       type->kind == KIND_BOOL ? "write allow, forbid or force true"
                                               : "write allow or forbid, and bound its members");
    if (type->kind == KIND_STRING && !(type->traits & (TYPE_LENGTH | TYPE_PORTS)))
        return err_set(err, "%s would count the letters of a field of type %s; write one-of",
                       clause, type->name);
    if (type->kind != KIND_NUMBER && !(type->traits & TYPE_PORTS))
        type = type->kind == KIND_STRING ? &bytes : &count;
    struct item item;
    int done = item_read_one(at, clause, &item, err);
    if (done == 0)
        done = item.text ? type_parse_number(type, item.text, ret, err)
                         : err_set(err, "%s takes a number, not JSON", clause);
    item_done(&item);
    return done;
}

static int read_max(const struct type *type, const char **at, struct rule *rule, struct err *err)
{
    rule->has_max = true;
    return read_bound(type, at, "max", &rule->max, err);
}

static int read_min(const struct type *type, const char **at, struct rule *rule, struct err *err)
{
    rule->has_min = true;
    return read_bound(type, at, "min", &rule->min, err);
}

/* A key alone stands for every KEY=VALUE, so that either may be well formed. */
static const char *text_wrong(const struct type *type, const char *text)
{
    type_format *format = type->kind <= KIND_STRINGS ? type->format : type->format_key;
    const char *wrong = format ? format(text) : NULL;
    char *pair;
    if (!wrong || !(type->traits & TYPE_PAIRS) || asprintf(&pair, "%s=x", text) < 0)
        return wrong;
    wrong = format(pair) ? wrong : NULL;
    free(pair);
    return wrong;
}

/* Whether an item stands for all that is the client's own: "own", "own:/data". */
static bool names_own(const struct type *type, const struct item *item)
{
    return item->text && !item->json && type_own_part(type, item->text) == 3 &&
           memcmp(item->text, "own", 3) == 0;
}

/* An item is held to the format of the values that it is to match. */
static int check_item(const struct type *type, const struct rule_item *item, struct err *err)
{
    if (item->own && item->exclude)
        return err_set(err, "'!%s' would exclude what one made oneself; leave it out", item->text);
    bool is_pair = type->kind == KIND_MAP && strchr(item->text, '=');
    bool is_pattern = !item->literal && strchr(item->text, '*');
    const char *wrong = NULL;
    if (is_pair || !*item->text)
        return 0;
    if (type->codec && type->codec->item_wrong)
        wrong = item->exclude ? NULL : type->codec->item_wrong(item->text);
    else if (!is_pattern)
        wrong = text_wrong(type, item->text);
    else if (type->codec && type->codec->pattern_wrong && !item->exclude)
        wrong = type->codec->pattern_wrong(item->text);
    return wrong ? err_set(err, "the item '%s' of one-of %s", item->text, wrong) : 0;
}

static int read_one_of(const struct type *type, const char **at, struct rule *rule, struct err *err)
{
    struct item item;
    int found;
    bool any = false;
    if (!type_has_choice(type))
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
        grown[rule->item_count++] =
            (struct rule_item){item.text, item.exclude, item.json != NULL, names_own(type, &item)};
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
    int (*read)(const struct type *type, const char **at, struct rule *rule, struct err *err);
} clauses[] = {
#define CLAUSE(reader, word, form, why) {word, read_##reader},
#include "clauses.def"
#undef CLAUSE
};

enum clause_id {
#define CLAUSE(reader, word, form, why) CLAUSE_##reader,
#include "clauses.def"
#undef CLAUSE
    CLAUSE_COUNT
};

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

static int read_clauses(const struct type *type, const char *at, struct rule *rule, struct err *err)
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
        if (clause->read(type, &at, rule, err) < 0)
            return -1;
        at = skip_blanks(at);
        if (*at == '\0')
            break;
        if (*at != ',')
            return err_set(err, "a comma must follow %s, not '%.40s'", clause->word, at);
        at++;
    }
    unsigned forbid = 1U << CLAUSE_forbid, force = 1U << CLAUSE_force;
    if (seen & forbid && seen != forbid)
        return err_set(err, "forbid stands alone; leave it out, or leave out the rest");
    if (seen & force && seen != force)
        return err_set(err, "force stands alone; leave it out, or leave out the rest");
    return 0;
}

/* ---- contradictions ---- */

static bool is_unlimited(const struct type *type, int64_t number)
{
    return type->kind == KIND_NUMBER && ((number < 0 && type->traits & TYPE_NEGATIVE) ||
                                         (number == 0 && type->traits & TYPE_ZERO));
}

/* `own` is no value: which of them would it be? */
static int check_own(const struct type *type, const json_t *value, struct err *err)
{
    const char *text = json_string_value(value);
    bool is_own = text && type_own_part(type, text) == 3 && memcmp(text, "own", 3) == 0;
    return is_own
               ? err_set(err, "'%s' stands for many and cannot be sent; write it in one-of", text)
               : 0;
}

static int check_default(const struct type *type, const struct rule *rule, struct err *err)
{
    int64_t measure = type_measure(type, rule->fallback);
    char bound[TYPE_TEXT_BYTES], shown[TYPE_TEXT_BYTES];
    bool over = rule->has_max && type_measure_last(type, rule->fallback) > rule->max;
    const struct rule_item *excluded;
    type_print(type, rule->fallback, shown);
    if (type->kind != KIND_BOOL && (over || (rule->has_min && measure < rule->min)))
        return err_set(err, "the default %s is outside the bounds; the %s is %s", shown,
                       over ? "max" : "min",
                       type_print_number(type, over ? rule->max : rule->min, bound));
    if (rule->has_max && is_unlimited(type, measure))
        return err_set(err, "the default %s means no limit, which is over the max %s", shown,
                       type_print_number(type, rule->max, bound));
    if (rule->item_count && rule_offender(type, rule, rule->fallback, NULL, &excluded))
        return err_set(err, "the default %s is not in one-of; add it there", shown);
    return 0;
}

static int check_sense(const struct type *type, const struct rule *rule, struct err *err)
{
    char max[TYPE_TEXT_BYTES], min[TYPE_TEXT_BYTES];
    if (rule->has_max && is_unlimited(type, rule->max))
        return err_set(err, "max %s would mean no limit; write a number above it",
                       type_print_number(type, rule->max, max));
    if (rule->has_max && rule->has_min && rule->min > rule->max)
        return err_set(err, "the min %s is over the max %s; swap them",
                       type_print_number(type, rule->min, min),
                       type_print_number(type, rule->max, max));
    if (check_own(type, rule->force, err) < 0 || check_own(type, rule->fallback, err) < 0)
        return -1;
    return rule->fallback ? check_default(type, rule, err) : 0;
}

int rule_parse(const struct type *type, const char *text, const char *origin, struct rule *ret,
               struct err *err)
{
    *ret = (struct rule){.text = strdup(text), .origin = origin ? strdup(origin) : NULL};
    if (!ret->text || (origin && !ret->origin))
        return err_set(err, "out of memory");
    if (read_clauses(type, text, ret, err) < 0)
        return -1;
    return check_sense(type, ret, err);
}
