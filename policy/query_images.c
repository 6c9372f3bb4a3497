/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_images: see query_images.h.  What names an image is only looked at for its bytes here; what
 * it means is judged in images.c.
 */
#include "query_images.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "formats.h"
#include "json.h"
#include "owner.h"

#define WORD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static bool made_of(const char *value, const char *set, size_t most)
{
    size_t bytes = strlen(value);
    return bytes > 0 && bytes <= most && strspn(value, set) == bytes;
}

bool query_take_image(const char *value, char *out)
{
    strcpy(out, value);
    return made_of(value, WORD ".-:/@", QUERY_REFERENCE_BYTES - 1);
}

bool query_take_tag(const char *value, char *out)
{
    strcpy(out, value);
    return made_of(value, WORD ".-:", 140) && strchr(".-:", value[0]) == NULL;
}

bool query_take_container(const char *value, char *out)
{
    strcpy(out, value);
    return made_of(value, WORD ".-", 255) && strchr("_.-", value[0]) == NULL;
}

bool query_take_text(const char *value, char *out)
{
    strcpy(out, value);
    return strlen(value) <= 255;
}

bool query_take_term(const char *value, char *out)
{
    strcpy(out, value);
    return made_of(value, WORD ".-:/", 128);
}

/* 0 is what absence means, so nothing is sent for it. */
bool query_take_number(const char *value, char *out)
{
    const char *digits = value + (*value == '-');
    strcpy(out, strcmp(value, "0") == 0 ? "" : value);
    return made_of(digits, "0123456789", 18) && (*digits != '0' || strcmp(value, "0") == 0);
}

bool query_take_cpuset(const char *value, char *out)
{
    strcpy(out, value);
    return !format_cpuset(value);
}

/* Below the context: an Engine follows no link out of it, but a plain path needs none. */
bool query_take_file(const char *value, char *out)
{
    strcpy(out, value);
    return strlen(value) <= 255 && !format_relative(value);
}

bool query_take_network(const char *value, char *out)
{
    strcpy(out, value);
    return made_of(value, WORD ".-:", 128);
}

bool query_take_version(const char *value, char *out)
{
    strcpy(out, value);
    return !format_builder(value);
}

static bool value_is_good(const struct json *value)
{
    return json_is(value, JSON_NULL) || (json_is(value, JSON_STRING) && !format_text(value->text));
}

/* Writes JSON whole or not at all; false when it is too long, or for want of memory. */
static bool json_print(const struct arena *arena, const struct json *map, char *out, size_t room)
{
    size_t bytes;
    char *text = json_write_ascii(arena, map, &bytes);
    bool fits = text && bytes < room;
    if (fits)
        strcpy(out, text);
    free(text);
    return fits;
}

/* mine: the key that no client may use; or NULL. */
static bool map_write(const char *value, const char *mine, char *out)
{
    struct arena arena = {0};
    struct json_fault fault;
    const struct json *map = json_read_strict(&arena, value, strlen(value), 2, &fault);
    bool good = map != NULL;
    for (const struct json *member = json_members(map); member; member = member->next)
        good = good && value_is_good(member) && !format_text(member->key) &&
               !(mine && json_same_key(member->key, mine));
    good = good && json_print(&arena, map, out, QUERY_MAP_BYTES);
    if (good && json_size(map) == 0)
        out[0] = '\0';
    arena_done(&arena);
    return good;
}

bool query_take_map(const char *value, char *out)
{
    return query_take_empty(value, out) || map_write(value, NULL, out);
}

bool query_take_labels(const char *value, char *out)
{
    return query_take_empty(value, out) || map_write(value, OWNER_LABEL, out);
}

bool query_stamp_labels(const char *labels, char *out)
{
    struct arena arena = {0};
    struct json_fault fault;
    struct json *map = *labels ? json_read_strict(&arena, labels, strlen(labels), 2, &fault)
                               : json_new(&arena, JSON_OBJECT);
    out[0] = '\0';
    if (map)
        json_set(&arena, map, OWNER_LABEL, json_new_text(&arena, ""));
    bool good = map && json_print(&arena, map, out, QUERY_STAMPED_BYTES);
    arena_done(&arena);
    return good;
}

bool query_take_empty(const char *value, char *out)
{
    *out = '\0';
    return strcmp(value, "[]") == 0 || strcmp(value, "{}") == 0 || strcmp(value, "null") == 0;
}
