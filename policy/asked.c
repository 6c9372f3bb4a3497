/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a body that notes what it asks for.  It judges nothing: what has the wrong shape or
 * no row is left to judge.c.
 */
#include "asked.h"

#include <string.h>

#include "arena.h"
#include "field.h"
#include "images.h"
#include "json.h"
#include "judge.h"
#include "operation.h"
#include "types.h"

struct note {
    struct arena *arena;
    struct json *out;
    const struct schema_context *context;
    size_t left; /* bytes */
    int64_t cut;
};

/* ---- the room that it takes ---- */

static size_t text_cost(const char *text)
{
    size_t cost = 3; /* quotes and a comma */
    for (; *text; text++)
        cost += *text < ' ' || *text > '~' ? 6 : *text == '"' || *text == '\\' ? 2 : 1;
    return cost;
}

static size_t value_cost(const struct json *value)
{
    enum { NUMBER_COST = 21 };
    size_t cost = 3;
    if (json_is(value, JSON_STRING))
        return text_cost(value->text);
    for (const struct json *element = json_elements(value); element; element = element->next)
        cost += value_cost(element);
    return json_is(value, JSON_LIST) ? cost : NUMBER_COST;
}

/* A value of one of many objects joins those of the others. */
static void note_add(struct note *note, const char *path, const struct json *value, bool many)
{
    struct json *list = json_get(note->out, path);
    size_t cost = value_cost(value) + (list ? 0 : text_cost(path) + 4);
    if (cost > note->left) {
        note->cut += json_is(value, JSON_LIST) ? (int64_t) value->size : 1;
        return;
    }
    note->left -= cost;
    if (!many) {
        json_set(note->arena, note->out, path, value);
        return;
    }
    if (!list)
        list = json_set(note->arena, note->out, path, json_new(note->arena, JSON_LIST));
    if (!json_is(value, JSON_LIST))
        json_push(note->arena, list, value);
    for (const struct json *element = json_elements(value); element; element = element->next)
        json_push(note->arena, list, element);
}

/* ---- values ---- */

/* No terminal shall see it, and it is not worth an escape of its own. */
static bool is_plain(const char *text)
{
    return text && !strchr(text, 0x7f);
}

/* What is the client's own has another name at the next time. */
static const struct json *text_of(const struct note *note, const struct type *type,
                                  const char *text)
{
    const char *own = type->codec ? rule_called_own(note->arena, type, note->context, text) : NULL;
    return json_new_text(note->arena, own ? own : text);
}

static void texts_add(const struct note *note, struct json *list, const char *text, size_t bytes)
{
    if (is_plain(text))
        json_push(note->arena, list,
                  json_new_text(note->arena, arena_copy(note->arena, text, bytes)));
}

/* Elements, or keys; of what may be a secret the name alone. */
static const struct json *texts_of(const struct note *note, const struct type *type,
                                   const struct json *value)
{
    const bool secret = type->traits & TYPE_SECRET;
    struct json *list = json_new(note->arena, JSON_LIST);
    if (json_is(value, JSON_STRING))
        texts_add(note, list, value->text, value->size);
    for (const struct json *element = json_elements(value); element; element = element->next) {
        if (secret || !is_plain(element->text))
            texts_add(note, list, element->text, strcspn(element->text, "="));
        else
            json_push(note->arena, list, text_of(note, type, element->text));
    }
    for (const struct json *member = json_members(value); member; member = member->next) {
        const char *text = secret ? NULL : json_text(member);
        if (text && is_plain(text) && is_plain(member->key))
            json_push(
                note->arena, list,
                json_new_text(note->arena, arena_print(note->arena, "%s=%s", member->key, text)));
        else
            texts_add(note, list, member->key, member->key_bytes);
    }
    return list;
}

/* NULL when there is nothing to note, as the built-in rule lets it pass. */
static const struct json *leaf_value(const struct note *note, const struct type *type,
                                     const struct rule *rule, const struct json *value)
{
    if (rule->allow) {
        int64_t measure = rule->has_max || rule->has_min ? type_measure(type, value) : 0;
        bool passes =
            !(rule->has_max && measure > rule->max) && !(rule->has_min && measure < rule->min);
        return passes ? NULL : json_new_number(note->arena, measure);
    }
    if (rule->force && json_same(rule->force, value))
        return NULL;
    switch (type->kind) {
    case KIND_NUMBER:
        return value;
    case KIND_STRING:
        if (type->traits & TYPE_SECRET)
            return json_new_bool(note->arena, true);
        return is_plain(value->text) ? text_of(note, type, value->text) : NULL;
    case KIND_STRINGS:
    case KIND_MAP:
    case KIND_SET:
        return texts_of(note, type, value);
    default:
        return json_new_bool(note->arena, true);
    }
}

/* ---- the walk ---- */

static void note_members(struct note *note, const struct field *object, const struct json *value,
                         bool many);

static void note_element(struct note *note, const struct field *field, const struct json *element)
{
    const struct type_codec *codec = field->type->codec;
    struct json *members;
    if (json_is(element, JSON_OBJECT))
        note_members(note, field, element, true);
    for (const struct json *inner = json_elements(element); inner; inner = inner->next)
        note_element(note, field, inner);
    if (json_is(element, JSON_STRING) && codec &&
        !codec->decode(note->arena, element->text, &members))
        note_members(note, field, members, true);
}

static void note_inside(struct note *note, const struct field *field, const struct json *value,
                        bool many)
{
    if (field->type->kind == KIND_OBJECT) {
        note_members(note, field, value, many);
        return;
    }
    if (json_is(value, JSON_LIST))
        note_element(note, field, value);
    for (const struct json *element = json_members(value); element; element = element->next)
        note_element(note, field, element);
}

static void note_field(struct note *note, const struct field *field, const struct json *value,
                       bool many)
{
    const struct rule *rule = field_builtin(field);
    const bool has_members = type_has_members(field->type);
    const bool only_members = field->type->kind == KIND_OBJECT && rule->allow;
    char wrong[TYPE_TEXT_BYTES];
    if ((!only_members && judge_is_neutral(field, value)) ||
        !type_fits(field->type, value, wrong) ||
        field->type->traits & TYPE_REQUIRED) /* the image, of which a log keeps a better name */
        return;
    const struct json *leaf = leaf_value(note, field->type, rule, value);
    if (leaf)
        note_add(note, field->path, leaf, many && !json_is(leaf, JSON_TRUE));
    if (has_members)
        note_inside(note, field, value, many);
}

static void note_members(struct note *note, const struct field *object, const struct json *value,
                         bool many)
{
    enum { MEMBERS_MOST = 256 }; /* more than any object has: the rest is unknown, and refused */
    size_t seen = 0;
    const struct json *inside = json_members(value);
    for (; inside && seen <= MEMBERS_MOST; inside = inside->next, seen++) {
        const struct field *member = json_is_nothing(inside) ? NULL : field_inside(object, inside);
        if (member && !member->passes)
            note_field(note, member, inside, many);
    }
}

int asked_body(const struct operation *op)
{
    return images_row_of(op) ? BODY_IMAGE : (int) op->body;
}

char *asked_note(struct arena *arena, const struct schema *schema,
                 const struct schema_context *context, const struct json *body)
{
    struct note note = {.arena = arena,
                        .out = json_new(arena, JSON_OBJECT),
                        .context = context,
                        .left = ASKED_BYTES - 64};
    note_members(&note, &schema->root, body, false);
    if (note.cut > 0)
        json_set(arena, note.out, "cut", json_new_number(arena, note.cut));
    char *text = json_size(note.out) > 0 ? json_write_ascii(arena, note.out, NULL) : NULL;
    arena->failed |= json_size(note.out) > 0 && !text;
    return text;
}
