/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a body that notes what it asks for.  It judges nothing: what has the wrong shape or
 * no row is left to judge.c.
 */
#include "asked.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "field.h"
#include "images.h"
#include "judge.h"
#include "operation.h"
#include "types.h"

struct note {
    json_t *out;
    const struct schema_context *context;
    size_t left; /* bytes */
    json_int_t cut;
};

/* ---- the room that it takes ---- */

static size_t text_cost(const char *text)
{
    size_t cost = 3; /* quotes and a comma */
    for (; *text; text++)
        cost += *text < ' ' || *text > '~' ? 6 : *text == '"' || *text == '\\' ? 2 : 1;
    return cost;
}

static size_t value_cost(const json_t *value)
{
    enum { NUMBER_COST = 21 };
    size_t cost = 3, i;
    json_t *element;
    if (json_is_string(value))
        return text_cost(json_string_value(value));
    json_array_foreach ((json_t *) value, i, element)
        cost += value_cost(element);
    return json_is_array(value) ? cost : NUMBER_COST;
}

/* A value of one of many objects joins those of the others. */
static void note_add(struct note *note, const char *path, json_t *take_value, bool many)
{
    json_t *list = json_object_get(note->out, path);
    size_t cost = value_cost(take_value) + (list ? 0 : text_cost(path) + 4);
    if (cost > note->left || !take_value) {
        note->cut +=
            take_value && json_is_array(take_value) ? (json_int_t) json_array_size(take_value) : 1;
        json_decref(take_value);
        return;
    }
    note->left -= cost;
    if (!many) {
        json_object_set_new(note->out, path, take_value);
        return;
    }
    if (!list && json_object_set_new(note->out, path, list = json_array()) < 0)
        list = NULL;
    if (json_is_array(take_value))
        json_array_extend(list, take_value);
    else
        json_array_append(list, take_value);
    json_decref(take_value);
}

/* ---- values ---- */

/* No terminal shall see it, and it is not worth an escape of its own. */
static bool is_plain(const char *text)
{
    return text && !strchr(text, 0x7f);
}

/* What is the client's own has another name at the next time. */
static json_t *text_of(const struct note *note, const struct type *type, const char *text)
{
    char *own = type->codec ? rule_called_own(type, note->context, text) : NULL;
    json_t *value = json_string(own ? own : text);
    free(own);
    return value;
}

static void texts_add(json_t *list, const char *text, size_t bytes)
{
    if (is_plain(text))
        json_array_append_new(list, json_stringn(text, bytes));
}

/* Elements, or keys; of what may be a secret the name alone. */
static json_t *texts_of(const struct note *note, const struct type *type, const json_t *value)
{
    const bool secret = type->traits & TYPE_SECRET;
    const char *key, *text;
    json_t *list = json_array(), *element;
    size_t i;
    if (json_is_string(value))
        texts_add(list, json_string_value(value), json_string_length(value));
    json_array_foreach ((json_t *) value, i, element) {
        text = json_string_value(element);
        if (secret || !is_plain(text))
            texts_add(list, text, strcspn(text, "="));
        else
            json_array_append_new(list, text_of(note, type, text));
    }
    json_object_foreach ((json_t *) value, key, element) {
        text = secret ? NULL : json_string_value(element);
        if (text && is_plain(text) && is_plain(key))
            json_array_append_new(list, json_sprintf("%s=%s", key, text));
        else
            texts_add(list, key, strlen(key));
    }
    return list;
}

/* NULL when there is nothing to note, as the built-in rule lets it pass. */
static json_t *leaf_value(const struct note *note, const struct type *type, const struct rule *rule,
                          const json_t *value)
{
    if (rule->allow) {
        int64_t measure = rule->has_max || rule->has_min ? type_measure(type, value) : 0;
        bool passes =
            !(rule->has_max && measure > rule->max) && !(rule->has_min && measure < rule->min);
        return passes ? NULL : json_integer(measure);
    }
    if (rule->force && json_equal(rule->force, value))
        return NULL;
    switch (type->kind) {
    case KIND_NUMBER:
        return json_incref((json_t *) value);
    case KIND_STRING:
        if (type->traits & TYPE_SECRET)
            return json_true();
        return is_plain(json_string_value(value)) ? text_of(note, type, json_string_value(value))
                                                  : NULL;
    case KIND_STRINGS:
    case KIND_MAP:
    case KIND_SET:
        return texts_of(note, type, value);
    default:
        return json_true();
    }
}

/* ---- the walk ---- */

static void note_members(struct note *note, const struct field *object, const json_t *value,
                         bool many);

static void note_element(struct note *note, const struct field *field, const json_t *element)
{
    const struct type_codec *codec = field->type->codec;
    json_t *members = NULL, *inner;
    size_t i;
    if (json_is_object(element))
        note_members(note, field, element, true);
    json_array_foreach ((json_t *) element, i, inner)
        note_element(note, field, inner);
    if (json_is_string(element) && codec && !codec->decode(json_string_value(element), &members))
        note_members(note, field, members, true);
    json_decref(members);
}

static void note_inside(struct note *note, const struct field *field, const json_t *value,
                        bool many)
{
    const char *key;
    json_t *element;
    if (field->type->kind == KIND_OBJECT) {
        note_members(note, field, value, many);
        return;
    }
    if (json_is_array(value))
        note_element(note, field, value);
    json_object_foreach ((json_t *) value, key, element)
        note_element(note, field, element);
}

static void note_field(struct note *note, const struct field *field, const json_t *value, bool many)
{
    const struct rule *rule = field_builtin(field);
    const bool has_members = type_has_members(field->type);
    char wrong[TYPE_TEXT_BYTES];
    if (judge_is_neutral(field, value) || !type_fits(field->type, value, wrong) ||
        field->type->traits & TYPE_REQUIRED) /* the image, of which a log keeps a better name */
        return;
    json_t *leaf = leaf_value(note, field->type, rule, value);
    if (leaf)
        note_add(note, field->path, leaf, many && !json_is_true(leaf));
    if (has_members)
        note_inside(note, field, value, many);
}

/* null, false, 0 and the empty: most of what clients write, and neutral whatever the field is. */
static bool is_nothing(const json_t *value)
{
    return json_is_null(value) || json_is_false(value) ||
           (json_is_integer(value) && json_integer_value(value) == 0) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

static void note_members(struct note *note, const struct field *object, const json_t *value,
                         bool many)
{
    enum { MEMBERS_MOST = 256 }; /* more than any object has: the rest is unknown, and refused */
    const char *key;
    json_t *element;
    size_t seen = 0;
    json_object_foreach ((json_t *) value, key, element) {
        const struct field *member = is_nothing(element) ? NULL : field_member(object, key);
        if (member)
            note_field(note, member, element, many);
        if (++seen > MEMBERS_MOST)
            break;
    }
}

int asked_body(const struct operation *op)
{
    return images_row_of(op) ? BODY_IMAGE : (int) op->body;
}

char *asked_note(const struct schema *schema, const struct schema_context *context,
                 const json_t *body)
{
    struct note note = {.out = json_object(), .context = context, .left = ASKED_BYTES - 64};
    char *text = NULL;
    note_members(&note, &schema->root, body, false);
    if (note.cut > 0)
        json_object_set_new(note.out, "cut", json_integer(note.cut));
    if (json_object_size(note.out) > 0)
        text = json_dumps(note.out, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(note.out);
    return text;
}
