/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_images: see query_images.h.  What names an image is only looked at for its bytes here; what
 * it means is judged in images.c.
 */
#include "query_images.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

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

static bool value_is_good(const json_t *value)
{
    return json_is_null(value) || (json_is_string(value) && !format_text(json_string_value(value)));
}

/* mine: the key that no client may use; or NULL. */
static bool map_write(const char *value, const char *mine, char *out)
{
    struct json_fault fault;
    const char *key;
    json_t *element, *map = json_read_strict(value, strlen(value), 2, &fault);
    bool good = map != NULL;
    json_object_foreach (map, key, element)
        good = good && value_is_good(element) && !format_text(key) &&
               !(mine && json_same_key(key, mine));
    size_t bytes =
        good ? json_dumpb(map, out, QUERY_MAP_BYTES - 1, JSON_COMPACT | JSON_ENSURE_ASCII) : 0;
    good = good && bytes > 0 && bytes < QUERY_MAP_BYTES;
    if (good)
        out[json_object_size(map) > 0 ? bytes : 0] = '\0';
    json_decref(map);
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
    struct json_fault fault;
    json_t *map = *labels ? json_read_strict(labels, strlen(labels), 2, &fault) : json_object();
    bool good = map && json_object_set_new(map, OWNER_LABEL, json_string("")) == 0;
    size_t bytes =
        good ? json_dumpb(map, out, QUERY_STAMPED_BYTES - 1, JSON_COMPACT | JSON_ENSURE_ASCII) : 0;
    good = good && bytes > 0 && bytes < QUERY_STAMPED_BYTES;
    out[good ? bytes : 0] = '\0';
    json_decref(map);
    return good;
}

bool query_take_empty(const char *value, char *out)
{
    *out = '\0';
    return strcmp(value, "[]") == 0 || strcmp(value, "{}") == 0 || strcmp(value, "null") == 0;
}
