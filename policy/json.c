/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: the tree.  Nodes are linked as they stand in the text; only large objects are ever sorted.
 */
#include "json.h"

#include <stdlib.h>

#include "arena.h"
#include "json_internal.h"

_Static_assert(sizeof(struct json) <= ARENA_SPARE_BYTES, "a spare node must do for any");

/* ---- looking ---- */

struct json *json_find(const struct json *object, const char *key, size_t bytes)
{
    for (struct json *member = json_members(object); member; member = member->next)
        if (json_key_is(member, key, bytes))
            return member;
    return NULL;
}

struct json *json_at(const struct json *object, const char *path)
{
    const struct json *at = object;
    for (;;) {
        size_t bytes = (size_t) (strchrnul(path, '.') - path);
        at = json_find(at, path, bytes);
        if (!path[bytes])
            return (struct json *) at;
        path += bytes + 1;
    }
}

static bool inside_same(const struct json *a, const struct json *b)
{
    if (a->size != b->size)
        return false;
    const struct json *theirs = b->first;
    for (const struct json *mine = a->first; mine; mine = mine->next) {
        if (a->kind == JSON_OBJECT)
            theirs = json_find(b, mine->key, mine->key_bytes);
        if (!theirs || !json_same(mine, theirs))
            return false;
        theirs = theirs->next;
    }
    return true;
}

bool json_same(const struct json *a, const struct json *b)
{
    if (!a || !b || a->kind != b->kind)
        return false;
    switch ((enum json_kind) a->kind) {
    case JSON_INTEGER:
        return a->number == b->number;
    case JSON_REAL:
        return a->real == b->real;
    case JSON_STRING:
        return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
    case JSON_LIST:
    case JSON_OBJECT:
        return inside_same(a, b);
    default:
        return true;
    }
}

/* ---- large objects ---- */

static int key_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    return a_bytes != b_bytes ? (a_bytes < b_bytes ? -1 : 1) : memcmp(a, b, a_bytes);
}

static int member_compare(const void *a, const void *b)
{
    const struct json *const *one = a, *const *other = b;
    return key_compare((*one)->key, (*one)->key_bytes, (*other)->key, (*other)->key_bytes);
}

struct json_index json_index(struct arena *arena, const struct json *object)
{
    struct json_index index = {arena_take(arena, json_size(object) * sizeof(*index.sorted)), 0};
    const struct json *member = index.sorted ? json_members(object) : NULL;
    for (; member; member = member->next)
        index.sorted[index.count++] = member;
    if (index.count > 1)
        qsort(index.sorted, index.count, sizeof(*index.sorted), member_compare);
    return index;
}

const struct json *json_index_find(const struct json_index *index, const char *key)
{
    size_t low = 0, high = index->count, bytes = strlen(key);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct json *member = index->sorted[middle];
        int order = key_compare(key, bytes, member->key, member->key_bytes);
        if (order == 0)
            return member;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct json *json_repeated(struct arena *arena, const struct json *object)
{
    if (json_size(object) < 2)
        return NULL;
    struct json_index index = json_index(arena, object);
    for (size_t i = 1; i < index.count; i++) {
        if (member_compare(&index.sorted[i - 1], &index.sorted[i]) != 0)
            continue;
        /* The one that comes second in the object, however the two were sorted. */
        const struct json *member = json_members(object), *twin = index.sorted[i - 1];
        while (member != twin && member != index.sorted[i])
            member = member->next;
        return member == twin ? index.sorted[i] : twin;
    }
    return NULL;
}

/* ---- making ---- */

struct json *json_new(struct arena *arena, enum json_kind kind)
{
    struct json *value = json_node(arena);
    value->kind = kind;
    return value;
}

struct json *json_new_number(struct arena *arena, int64_t number)
{
    struct json *value = json_new(arena, JSON_INTEGER);
    value->number = number;
    return value;
}

struct json *json_new_bool(struct arena *arena, bool yes)
{
    return json_new(arena, yes ? JSON_TRUE : JSON_FALSE);
}

struct json *json_new_text(struct arena *arena, const char *text)
{
    struct json *value = json_new(arena, JSON_STRING);
    value->text = text;
    value->size = (uint32_t) strlen(text);
    return value;
}

struct json *json_put(struct arena *arena, struct json *object, const char *key, size_t key_bytes,
                      const struct json *value)
{
    struct json *member = arena_take(arena, sizeof(*member));
    if (arena->failed)
        return arena_spare(arena);
    *member = *value;
    member->next = NULL;
    member->key = key;
    member->name = NULL;
    member->key_bytes = (uint32_t) key_bytes & ((1U << 28) - 1);
    json_link(object, member);
    return member;
}

struct json *json_put_known(struct arena *arena, struct json *object, const struct json_name *name,
                            const struct json *value)
{
    struct json *member = json_put(arena, object, name->text, name->bytes, value);
    member->name = name;
    return member;
}

struct json *json_push(struct arena *arena, struct json *list, const struct json *value)
{
    return json_put(arena, list, NULL, 0, value);
}

struct json *json_clone(struct arena *arena, const struct json *value)
{
    struct json *clone = json_new(arena, (enum json_kind) value->kind);
    for (const struct json *inside = json_inside(value); inside; inside = inside->next)
        json_put(arena, clone, inside->key, inside->key_bytes, inside);
    return clone;
}

void json_replace(struct json *place, const struct json *value)
{
    struct json old = *place;
    *place = *value;
    place->next = old.next;
    place->key = old.key;
    place->name = old.name;
    place->key_bytes = old.key_bytes;
}

struct json *json_set(struct arena *arena, struct json *object, const char *key,
                      const struct json *value)
{
    struct json *member = json_get(object, key);
    if (!member)
        return json_put(arena, object, key, strlen(key), value);
    json_replace(member, value);
    return member;
}

void json_drop(struct json *object, const char *key)
{
    struct json *before = NULL, *member = json_members(object);
    while (member && !json_key_is(member, key, strlen(key))) {
        before = member;
        member = member->next;
    }
    if (!member)
        return;
    *(before ? &before->next : &object->first) = member->next;
    if (object->last == member)
        object->last = before;
    object->size--;
}
