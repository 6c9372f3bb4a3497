/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading of rules: one function for each clause.  The text is cut into items, and an item is
 * held to the type of the field; contradictions are found here, once, and not while judging.
 */
#include "rules.h"

#include <string.h>

#include "arena.h"
#include "err.h"
#include "json.h"
#include "types.h"

static const char blanks[] = " \t";

/* ---- items ---- */

static char *skip_blanks(char *at)
{
    return at + strspn(at, blanks);
}

/* One item of a clause: JSON, or bytes up to a blank or a comma. */
struct item {
    const struct json *json; /* NULL for plain text */
    const char *text;        /* NULL for JSON that is no string */
    bool exclude;
};

/* The text that is being read, and for what.  JSON is decoded where it stands, in a copy. */
struct clauses {
    struct arena *arena;
    const struct type *type;
    const char *text;
    char *copy, *at;
    struct rule *rule;
    struct err *err;
};

static int item_read_json(struct clauses *in, struct item *item)
{
    struct json_fault fault;
    const char *begin = in->text + (in->at - in->copy);
    item->json = json_read_first(in->arena, in->at, &in->at, &fault);
    if (!item->json)
        return fault.no_memory
                   ? err_set(in->err, "out of memory")
                   : err_set(in->err, "the JSON value that begins at '%.40s' is not valid: it %s",
                             begin, fault.what);
    item->text = json_text(item->json);
    return 0;
}

static bool is_clause(const char *word, size_t length);

/* 1: an item; 0: the clause has no more; < 0: an error. */
static int item_read(struct clauses *in, struct item *ret)
{
    *ret = (struct item){0};
    in->at = skip_blanks(in->at);
    if (*in->at == '\0' || *in->at == ',')
        return 0;
    ret->exclude = *in->at == '!';
    in->at += ret->exclude;
    if (*in->at && strchr("\"[{", *in->at))
        return item_read_json(in, ret) < 0 ? -1 : 1;
    size_t length = strcspn(in->at, " \t,");
    if (is_clause(in->at, length))
        return err_set(in->err,
                       "a comma must stand before '%.*s'; as a value, write it in double quotes",
                       (int) length, in->at);
    ret->text = arena_copy(in->arena, in->at, length);
    in->at += length;
    return 1;
}

/* Exactly one item, for clauses that take one. */
static int item_read_one(struct clauses *in, const char *clause, struct item *ret)
{
    struct item more;
    int found = item_read(in, ret);
    if (found == 0)
        return err_set(in->err, "%s needs a value, as in '%s VALUE'", clause, clause);
    if (found < 0)
        return -1;
    found = item_read(in, &more);
    if (found > 0)
        return err_set(in->err, "%s takes one value here; write one with blanks in double quotes",
                       clause);
    return found;
}

/* Adds a plain item to a list, a map or a set. */
static int collect(struct clauses *in, struct json *into, const char *text)
{
    const char *equals = strchr(text, '=');
    if (in->type->kind == KIND_STRINGS)
        json_push(in->arena, into, json_new_text(in->arena, text));
    else if (in->type->kind == KIND_SET)
        json_set(in->arena, into, text, json_new(in->arena, JSON_OBJECT));
    else if (equals)
        json_set(in->arena, into, arena_copy(in->arena, text, (size_t) (equals - text)),
                 json_new_text(in->arena, equals + 1));
    else
        return err_set(in->err, "'%s' is not KEY=VALUE", text);
    return 0;
}

/* ---- values ---- */

/* The value of force and default for lists, maps and sets: several items, or one in JSON. */
static const struct json *value_collect(struct clauses *in, const char *clause)
{
    struct item item;
    int found;
    struct json *value =
        json_new(in->arena, in->type->kind == KIND_STRINGS ? JSON_LIST : JSON_OBJECT);
    bool any = false;
    for (; (found = item_read(in, &item)) > 0; any = true) {
        if (!item.text && any) {
            err_set(in->err, "a JSON list or object must be the only value of %s", clause);
            return NULL;
        }
        if (!item.text) {
            const struct json *whole = item.json;
            found = item_read(in, &item);
            if (found > 0)
                err_set(in->err, "nothing can follow the JSON value of %s", clause);
            return found == 0 ? whole : NULL;
        }
        if (collect(in, value, item.text) < 0)
            return NULL;
    }
    if (found == 0 && any)
        return value;
    if (found == 0)
        err_set(in->err, "%s needs a value, as in '%s VALUE'", clause, clause);
    return NULL;
}

/* The value of force and default. */
static const struct json *value_read(struct clauses *in, const char *clause)
{
    struct item item;
    const enum kind kind = in->type->kind;
    if (kind == KIND_STRINGS || kind == KIND_MAP || kind == KIND_SET)
        return value_collect(in, clause);
    if (item_read_one(in, clause, &item) < 0)
        return NULL;
    return item.json ? item.json : type_parse(in->arena, in->type, item.text, in->err);
}

/* Shape and format of a value in the policy, which comes in its canonical form; or NULL. */
static const struct json *value_checked(struct clauses *in, const char *clause)
{
    char wrong[TYPE_TEXT_BYTES];
    const struct type *type = in->type;
    const struct json *value = value_read(in, clause);
    if (!value)
        return NULL;
    bool empty = json_is(value, JSON_STRING) && value->size == 0;
    if (!type_fits(type, value, wrong) || json_is(value, JSON_NULL) ||
        (!empty && !type_is_formed(type, value, wrong))) {
        err_set(in->err, "the value %s", wrong);
        return NULL;
    }
    if (type->traits & TYPE_STRING && json_is(value, JSON_STRING)) {
        struct json *list = json_new(in->arena, JSON_LIST);
        json_push(in->arena, list, value);
        value = list;
    }
    if (type->codec && type->codec->canonical && !empty)
        value = json_new_text(in->arena, type->codec->canonical(in->arena, json_text(value)));
    return value;
}

/* ---- clauses ---- */

static int read_forbid(struct clauses *in)
{
    in->rule->forbid = true;
    return 0;
}

static int read_allow(struct clauses *in)
{
    in->rule->allow = true;
    return 0;
}

static int read_force(struct clauses *in)
{
    const char *text = skip_blanks(in->at);
    bool is_name = (*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z');
    if (in->type->kind == KIND_NUMBER && is_name) {
        struct item item;
        int done = item_read_one(in, "force", &item);
        in->rule->force_path = done == 0 ? item.text : NULL;
        return done;
    }
    in->rule->force = value_checked(in, "force");
    return in->rule->force ? 0 : -1;
}

static int read_default(struct clauses *in)
{
    in->rule->fallback = value_checked(in, "default");
    return in->rule->fallback ? 0 : -1;
}

static int read_bound(struct clauses *in, const char *clause, int64_t *ret)
{
    /* What max and min count where they do not compare the value itself. */
    static const struct type bytes = {.kind = KIND_NUMBER, .unit = UNIT_BYTES, .most = INT64_MAX};
    static const struct type count = {.kind = KIND_NUMBER, .unit = UNIT_COUNT, .most = INT64_MAX};
    const struct type *type = in->type;
    struct item item;
    if (type->kind == KIND_BOOL || type->kind == KIND_OBJECT)
        return err_set(in->err, "%s does not fit a field of type %s; %s", clause, type->name,
                       type->kind == KIND_BOOL ? "write allow, forbid or force true"
                                               : "write allow or forbid, and bound its members");
    if (type->kind == KIND_STRING && !(type->traits & (TYPE_LENGTH | TYPE_PORTS)))
        return err_set(in->err, "%s would count the letters of a field of type %s; write one-of",
                       clause, type->name);
    if (type->kind != KIND_NUMBER && !(type->traits & TYPE_PORTS))
        type = type->kind == KIND_STRING ? &bytes : &count;
    if (item_read_one(in, clause, &item) < 0)
        return -1;
    return item.text ? type_parse_number(type, item.text, ret, in->err)
                     : err_set(in->err, "%s takes a number, not JSON", clause);
}

static int read_max(struct clauses *in)
{
    in->rule->has_max = true;
    return read_bound(in, "max", &in->rule->max);
}

static int read_min(struct clauses *in)
{
    in->rule->has_min = true;
    return read_bound(in, "min", &in->rule->min);
}

/* A key alone stands for every KEY=VALUE, so that either may be well formed. */
static const char *text_wrong(struct arena *arena, const struct type *type, const char *text)
{
    type_format *format = type->kind <= KIND_STRINGS ? type->format : type->format_key;
    const char *wrong = format ? format(text) : NULL;
    const bool stands_for_pairs =
        wrong && type->traits & TYPE_PAIRS && !format(arena_print(arena, "%s=x", text));
    return stands_for_pairs ? NULL : wrong;
}

/* Whether an item stands for all that is the client's own: "own", "own:/data". */
static bool names_own(const struct type *type, const struct item *item)
{
    return item->text && !item->json && type_own_part(type, item->text) == 3 &&
           memcmp(item->text, "own", 3) == 0;
}

/* An item is held to the format of the values that it is to match. */
static int check_item(const struct clauses *in, const struct rule_item *item)
{
    const struct type *type = in->type;
    if (item->own && item->exclude)
        return err_set(in->err, "'!%s' would exclude what one made oneself; leave it out",
                       item->text);
    bool is_pair = type->kind == KIND_MAP && strchr(item->text, '=');
    bool is_pattern = !item->literal && strchr(item->text, '*');
    const char *wrong = NULL;
    if (is_pair || !*item->text)
        return 0;
    if (type->codec && type->codec->item_wrong)
        wrong = item->exclude ? NULL : type->codec->item_wrong(item->text);
    else if (!is_pattern)
        wrong = text_wrong(in->arena, type, item->text);
    else if (type->codec && type->codec->pattern_wrong && !item->exclude)
        wrong = type->codec->pattern_wrong(item->text);
    return wrong ? err_set(in->err, "the item '%s' of one-of %s", item->text, wrong) : 0;
}

/* One more; they lie one behind the other, so the list is copied when it is full. */
static struct rule_item *item_add(struct clauses *in, const struct item *item)
{
    struct rule *rule = in->rule;
    const size_t count = rule->item_count;
    if ((count & (count - 1)) == 0) {
        struct rule_item *more = arena_take(in->arena, (count ? 2 * count : 1) * sizeof(*more));
        if (!more)
            return NULL;
        if (count > 0)
            memcpy(more, rule->items, count * sizeof(*more));
        rule->items = more;
    }
    rule->items[rule->item_count] = (struct rule_item){
        item->text, item->exclude, item->json != NULL, names_own(in->type, item)};
    rule->has_pairs |= strchr(item->text, '=') != NULL;
    return &rule->items[rule->item_count++];
}

static int read_one_of(struct clauses *in)
{
    struct item item;
    int found;
    bool any = false;
    const struct type *type = in->type;
    if (!type_has_choice(type))
        return err_set(in->err, "one-of does not fit a field of type %s; %s", type->name,
                       type->kind == KIND_NUMBER ? "write max and min"
                       : type->kind == KIND_BOOL ? "write allow, forbid or force"
                                                 : "write allow or forbid");
    while ((found = item_read(in, &item)) > 0) {
        if (!item.text)
            return err_set(in->err, "one-of takes words and strings only");
        const struct rule_item *added = item_add(in, &item);
        if (!added)
            return err_set(in->err, "out of memory");
        if (check_item(in, added) < 0)
            return -1;
        any |= !item.exclude;
    }
    if (found == 0 && !any)
        return err_set(in->err, in->rule->item_count ? "one-of has exclusions only; begin with '*'"
                                                     : "one-of needs items, as in 'one-of A B'");
    return found;
}

static const struct clause {
    const char *word;
    int (*read)(struct clauses *in);
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

static int read_clauses(struct clauses *in)
{
    unsigned seen = 0;
    for (;;) {
        in->at = skip_blanks(in->at);
        size_t length = strcspn(in->at, " \t,");
        const struct clause *clause = clause_find(in->at, length);
        if (!clause)
            return err_set(
                in->err,
                "'%.*s' is no rule; write forbid, allow, force V, default V, max V, min V or "
                "one-of A B",
                (int) (length < 60 ? length : 60), in->at);
        unsigned bit = 1U << (clause - clauses);
        if (seen & bit)
            return err_set(in->err, "%s is said twice; say it once", clause->word);
        seen |= bit;
        in->at += length;
        if (clause->read(in) < 0)
            return -1;
        in->at = skip_blanks(in->at);
        if (*in->at == '\0')
            break;
        if (*in->at != ',')
            return err_set(in->err, "a comma must follow %s, not '%.40s'", clause->word, in->at);
        in->at++;
    }
    unsigned forbid = 1U << CLAUSE_forbid, force = 1U << CLAUSE_force;
    if (seen & forbid && seen != forbid)
        return err_set(in->err, "forbid stands alone; leave it out, or leave out the rest");
    if (seen & force && seen != force)
        return err_set(in->err, "force stands alone; leave it out, or leave out the rest");
    return 0;
}

/* ---- contradictions ---- */

static bool is_unlimited(const struct type *type, int64_t number)
{
    return type->kind == KIND_NUMBER && ((number < 0 && type->traits & TYPE_NEGATIVE) ||
                                         (number == 0 && type->traits & TYPE_ZERO));
}

/* `own` is no value: which of them would it be? */
static int check_own(const struct type *type, const struct json *value, struct err *err)
{
    const char *text = json_text(value);
    bool is_own = text && type_own_part(type, text) == 3 && memcmp(text, "own", 3) == 0;
    return is_own
               ? err_set(err, "'%s' stands for many and cannot be sent; write it in one-of", text)
               : 0;
}

static int check_default(struct arena *arena, const struct type *type, const struct rule *rule,
                         struct err *err)
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
    if (rule->item_count && rule_offender(arena, type, rule, rule->fallback, NULL, &excluded))
        return err_set(err, "the default %s is not in one-of; add it there", shown);
    return 0;
}

static int check_sense(struct arena *arena, const struct type *type, const struct rule *rule,
                       struct err *err)
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
    return rule->fallback ? check_default(arena, type, rule, err) : 0;
}

int rule_parse(struct arena *arena, const struct type *type, const char *text, const char *origin,
               struct rule *ret, struct err *err)
{
    *ret = (struct rule){.text = arena_copy(arena, text, strlen(text)),
                         .origin = origin ? arena_copy(arena, origin, strlen(origin)) : NULL};
    struct clauses in = {.arena = arena, .type = type, .text = text, .rule = ret, .err = err};
    in.copy = in.at = arena_take(arena, strlen(text) + 1 + JSON_PADDING);
    if (!in.copy)
        return err_set(err, "out of memory");
    memset(stpcpy(in.copy, text), 0, 1 + JSON_PADDING);
    if (read_clauses(&in) < 0 || check_sense(arena, type, ret, err) < 0)
        return -1;
    return arena->failed ? err_set(err, "out of memory") : 0;
}
