/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The risk of a field: its row's text is read, and its witnesses are held to the rule in force.
 */
#include "risk.h"

#include <stdio.h>
#include <string.h>

#include "field.h"
#include "glob.h"
#include "json.h"
#include "match.h"
#include "paths.h"
#include "types.h"

/* ---- the text of a row ---- */

enum { PATTERN_BYTES = 64 };

/* One pattern of a row with its risk; an empty one is "any value". */
struct entry {
    enum risk risk;
    char pattern[PATTERN_BYTES];
};

static bool word_read(const char **at, char word[PATTERN_BYTES])
{
    size_t length = strcspn(*at, " ,");
    if (length == 0 || length >= PATTERN_BYTES)
        return false;
    memcpy(word, *at, length);
    word[length] = '\0';
    *at += length;
    *at += **at == ' ';
    return true;
}

static bool risk_from_word(const char *word, enum risk *ret)
{
    static const char *const words[] = {
        [RISK_NONE] = "none", [RISK_DENIAL] = "denial", [RISK_NETWORK] = "network",
        [RISK_DATA] = "data", [RISK_ROOT] = "root",
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], word) == 0) {
            *ret = (enum risk) i;
            return true;
        }
    }
    return false;
}

/* The next entry; *at begins at the text, and *entry zeroed.  False at the end, or when broken. */
static bool entry_next(const char *text, const char **at, struct entry *entry)
{
    bool begins = *at == text;
    if (**at == ',') {
        *at += (*at)[1] == ' ' ? 2 : 1;
        begins = true;
    }
    if (begins) {
        char word[PATTERN_BYTES];
        if (!word_read(at, word) || !risk_from_word(word, &entry->risk))
            return false;
        entry->pattern[0] = '\0';
        if (**at == ',' || **at == '\0')
            return true;
    }
    return word_read(at, entry->pattern);
}

bool risk_text_is_good(const char *text)
{
    struct entry entry = {0};
    const char *at = text;
    size_t length = strlen(text);
    do {
        if (!entry_next(text, &at, &entry))
            return false;
    } while (*at);
    return text[length - 1] != ' ';
}

static enum risk risk_of_text(const char *row, const char *text)
{
    struct entry entry = {0};
    const char *at = row;
    while (entry_next(row, &at, &entry))
        if (!entry.pattern[0] || glob_matches(entry.pattern, text, '\0', false))
            return entry.risk;
    return RISK_NONE;
}

/* ---- witnesses ---- */

struct search {
    const struct schema *schema;
    const struct field *field;
    enum risk worst;
    char *value; /* RISK_VALUE_BYTES */
};

/* Whether a client can have this text sent, as far as the field's own rule goes. */
static bool rule_passes(const struct field *field, const char *text)
{
    const struct rule *rule = &field->rule;
    const char *container = field->type->codec ? field->type->codec->container : NULL;
    if (rule->force)
        return rule_names(rule, text);
    if (rule->forbid)
        return false;
    /* Others than the client's own only by their names; see judge.c. */
    if (container && strncmp(text, container, strlen(container)) == 0)
        return rule_names(rule, text);
    return rule->item_count == 0 || rule_lets(field->type, rule, text);
}

/* Whether a container can be on a network that is not of the client's own making. */
static bool joins_foreign(const struct schema *schema)
{
    const struct field *mode = schema_find(schema, "HostConfig.NetworkMode");
    const struct rule *rule = &mode->rule;
    if (rule->force)
        return strcmp(json_text(rule->force), "none") != 0;
    for (size_t i = 0; i < rule->item_count; i++)
        if (!rule->items[i].own && !rule->items[i].exclude &&
            strcmp(rule->items[i].text, "none") != 0)
            return true;
    return rule->allow;
}

/* Fields that mean something only beside a certain type of mount, or on certain networks. */
static bool stands_alone(const struct search *search, const char *text)
{
#define MOUNT "HostConfig.Mounts[]."
    static const struct {
        const char *path, *text, *types[3];
    } walls[] = {
        {MOUNT "Source", "/*", {"bind"}},
        {MOUNT "Source", "*", {"volume", "image", "cluster"}},
        {MOUNT "BindOptions.*", "*", {"bind"}},
        {MOUNT "VolumeOptions.*", "*", {"volume"}},
    };
    const struct field *type = schema_find(search->schema, MOUNT "Type");
    if (glob_matches("NetworkingConfig.EndpointsConfig{}.*", search->field->path, '\0', false))
        return joins_foreign(search->schema);
    for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
        if (!glob_matches(walls[i].path, search->field->path, '\0', false) ||
            !glob_matches(walls[i].text, text, '\0', false))
            continue;
        for (size_t k = 0; k < 3 && walls[i].types[k]; k++)
            if (rule_passes(type, walls[i].types[k]))
                return true;
        return false;
    }
    return true;
#undef MOUNT
}

/* shown: how people are told of it. */
static void witness(struct search *search, const char *text, const char *shown)
{
    enum risk risk = risk_of_text(search->field->risk, text);
    if (risk <= search->worst || !stands_alone(search, text))
        return;
    search->worst = risk;
    snprintf(search->value, RISK_VALUE_BYTES, "%s", shown);
}

/* A pattern stands for what it is without its stars or, where those must not be empty, with a
 * letter in place of each, if the rule lets that pass. */
static void witness_pattern(struct search *search, const char *pattern, bool literal)
{
    char text[4096];
    for (const char *star = ""; star; star = *star || literal ? NULL : "a") {
        size_t length = 0;
        for (const char *at = pattern; *at && length + 1 < sizeof(text); at++)
            if (literal || *at != '*')
                text[length++] = *at;
            else if (*star)
                text[length++] = *star;
        text[length] = '\0';
        if (!rule_passes(search->field, text))
            continue;
        witness(search, text, pattern);
        return;
    }
}

/* How the field's own texts are made up. */
static bool is_list_of_paths(const struct field *field)
{
    const struct type_codec *codec = field->type->codec;
    return codec && (codec->matches == match_bind || codec->matches == match_source);
}

/* A path that an item lets pass, as it is sent, with its target and mode. */
static void witness_path(struct search *search, const struct paths_item *item, const char *path,
                         const char *shown)
{
    char text[2 * PATHS_BYTES];
    size_t used = (size_t) snprintf(text, sizeof(text), "%s", path);
    bool is_bind = search->field->type->codec->matches == match_bind;
    const char *rest = is_bind && !*item->rest ? ":/x" : item->rest;
    for (; *rest && used + 4 < sizeof(text); rest++)
        if (*rest != '*')
            text[used++] = *rest;
    strcpy(text + used, item->forced ? ":ro" : "");
    witness(search, text, shown);
}

/* An item about paths reaches all places of the row that it says, and its own. */
static void witness_paths(struct search *search, const struct paths_item *item, const char *shown)
{
    char path[PATHS_BYTES], place[PATTERN_BYTES];
    struct entry entry = {0};
    const char *row = search->field->risk, *at = row;
    while (entry_next(row, &at, &entry)) {
        snprintf(place, sizeof(place), "%.*s", (int) strcspn(entry.pattern, ":"), entry.pattern);
        if (place[0] == '/' && place[1] != '*' && paths_near(item->source, place, path))
            witness_path(search, item, path, shown);
    }
    if (paths_near(item->source, "", path))
        witness_path(search, item, path, shown);
}

/* What the policy itself sends. */
static void witness_value(struct search *search, const struct json *value)
{
    char pair[4096];
    if (json_size(value) > 0 && json_is(value, JSON_STRING))
        witness(search, value->text, value->text);
    for (const struct json *element = json_elements(value); element; element = element->next) {
        const char *text = json_is(element, JSON_STRING) ? element->text : "";
        witness(search, text, text);
    }
    for (const struct json *member = json_members(value); member; member = member->next) {
        snprintf(pair, sizeof(pair), "%s=%s", member->key,
                 json_is(member, JSON_STRING) ? member->text : "");
        witness(search, pair, pair);
    }
}

/* ---- kinds of fields ---- */

static void search_bool(struct search *search)
{
    const struct rule *rule = &search->field->rule;
    if (!rule->force || !json_is(rule->force, JSON_TRUE))
        witness(search, "false", "false");
    if (rule->force ? json_is(rule->force, JSON_TRUE) : !rule->forbid)
        witness(search, "true", "true");
}

static void search_number(struct search *search)
{
    const struct rule *rule = &search->field->rule;
    const unsigned traits = search->field->type->traits;
    bool low, high, any;
    if (rule->forbid || rule->force_path)
        return;
    if (rule->force) {
        int64_t number = json_number(rule->force);
        low = number < 0;
        high = (number < 0 && traits & TYPE_NEGATIVE) || (number == 0 && traits & TYPE_ZERO);
        any = number != 0;
    } else {
        low = !rule->has_min || rule->min < 0;
        high = !rule->has_max;
        any = true;
    }
    if (low)
        witness(search, "low", "");
    if (high)
        witness(search, "high", "");
    if (any)
        witness(search, "", "");
}

static void search_texts(struct search *search)
{
    const struct rule *rule = &search->field->rule;
    struct entry entry = {0};
    const char *row = search->field->risk, *at = row;
    witness_value(search, rule->force ? rule->force : rule->fallback);
    if (rule->force || rule->forbid)
        return;
    const bool is_list = is_list_of_paths(search->field) && rule->item_count > 0;
    const bool is_bind = is_list && search->field->type->codec->matches == match_bind;
    struct paths_item item;
    while (entry_next(row, &at, &entry))
        if (!is_list || entry.pattern[0] != '/')
            witness_pattern(search, entry.pattern, false);
    for (size_t i = 0; i < rule->item_count; i++)
        if (rule->items[i].exclude)
            continue;
        else if (is_list && paths_item_read(rule->items[i].text, is_bind, &item))
            witness_paths(search, &item, rule->items[i].text);
        else
            witness_pattern(search, rule->items[i].text, rule->items[i].literal);
}

/*
 * Whether the objects around a field can be there.  Members of a plain object that are forced or
 * have a default are sent even where the client may not write the object.
 */
static bool may_be_there(const struct field *field)
{
    bool fills = field->rule.force || field->rule.fallback;
    for (const struct field *object = field->object; object; object = object->object)
        if (object->rule.forbid && (!fills || object->type->kind == KIND_OBJECTS))
            return false;
    return true;
}

enum risk risk_of_field(const struct schema *schema, const struct field *field,
                        char ret_value[RISK_VALUE_BYTES])
{
    struct search search = {.schema = schema, .field = field, .value = ret_value};
    ret_value[0] = '\0';
    if (!may_be_there(field))
        return RISK_NONE;
    if (field->type->kind == KIND_BOOL)
        search_bool(&search);
    else if (field->type->kind == KIND_NUMBER)
        search_number(&search);
    else
        search_texts(&search);
    return search.worst;
}

enum risk risk_of_paths(const struct schema *schema, const struct field *field,
                        const struct paths_item *item)
{
    char value[RISK_VALUE_BYTES];
    struct search search = {.schema = schema, .field = field, .value = value};
    if (is_list_of_paths(field))
        witness_paths(&search, item, "");
    return search.worst;
}

/* ---- root in the container ---- */

/* A name is looked up in the image, where whoever made that says what its number is. */
static bool is_number_of_another(const char *user)
{
    return user[0] >= '1' && user[0] <= '9' && user[strspn(user, "0123456789:")] == '\0';
}

static bool user_may_be_root(const struct rule *rule)
{
    size_t listed = 0;
    if (rule->force)
        return !is_number_of_another(json_text(rule->force));
    if (rule->fallback && !is_number_of_another(json_text(rule->fallback)))
        return true;
    for (size_t i = 0; i < rule->item_count; i++) {
        if (rule->items[i].exclude)
            continue;
        if (!is_number_of_another(rule->items[i].text))
            return true;
        listed++;
    }
    return listed == 0 && !rule->forbid; /* forbid sends the built-in one */
}

/* Whether a set-user-id program of the image gives its owner's rights. */
static bool privileges_may_grow(const struct rule *rule)
{
    for (const struct json *option = json_elements(rule->force); option; option = option->next)
        if (strcmp(option->text, "no-new-privileges") == 0)
            return false;
    return !rule->forbid;
}

const struct field *risk_root(const struct schema *schema)
{
    const struct field *user = schema_find(schema, "User");
    const struct field *security = schema_find(schema, "HostConfig.SecurityOpt");
    if (user_may_be_root(&user->rule))
        return user;
    return security && privileges_may_grow(&security->rule) ? security : NULL;
}
