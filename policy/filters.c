/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters: see filters.h.  Both forms are read, one is written, in the order of the table below.
 */
#include "filters.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"
#include "json.h"

enum { FILTERS_DEPTH = 3, VALUE_BYTES_MOST = 512 };

/*
 * What a client may ask of containers.  Not here are references to something else, which tell
 * whether that is there: before and since (other containers), network and volume.
 */
static const char *const names[] = {"ancestor", "exited", "expose",  "health", "id",
                                    "label",    "name",   "publish", "status"};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]) };

static int wrong(char buffer[FILTERS_WRONG_BYTES], const char *text, const char *detail)
{
    snprintf(buffer, FILTERS_WRONG_BYTES, "%.100s%.150s", text, detail);
    return -1;
}

/* Adds one value to a filter's list, unless it is there. */
static int value_add(json_t *list, const char *value)
{
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item)
        if (strcmp(json_string_value(item), value) == 0)
            return 0;
    return json_array_append_new(list, json_string(value));
}

/* The values of one filter, from either form, as a list; NULL when they are none. */
static json_t *values_take(json_t *from)
{
    json_t *list = json_array(), *item;
    const char *key;
    size_t i, wanted = json_is_array(from) ? json_array_size(from) : json_object_size(from);
    bool good = json_is_array(from) || json_is_object(from);
    json_array_foreach (from, i, item) {
        const char *text = json_string_value(item);
        good = good && text && strlen(text) <= VALUE_BYTES_MOST && !format_text(text) &&
               value_add(list, text) == 0;
    }
    json_object_foreach (from, key, item) {
        good = good && json_is_true(item) && strlen(key) <= VALUE_BYTES_MOST && !format_text(key) &&
               value_add(list, key) == 0;
    }
    if (good && wanted > 0 && json_array_size(list) > 0)
        return list;
    json_decref(list);
    return NULL;
}

static bool name_is_known(const char *name)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static int refuse_unknown(const json_t *from, char ret_wrong[FILTERS_WRONG_BYTES])
{
    char shown[JSON_QUOTE_BYTES * 8];
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *) from, key, value) {
        if (!name_is_known(key))
            return wrong(ret_wrong,
                         "must be of ancestor, exited, expose, health, id, label, name, publish "
                         "and status, not ",
                         json_quote(shown, sizeof(shown), key));
    }
    return 0;
}

/* Adds the values of one filter to what is sent; label: what is added to them, or NULL. */
static int filter_take(json_t *from, const char *name, const char *label, json_t *out,
                       char ret_wrong[FILTERS_WRONG_BYTES])
{
    json_t *value = json_object_get(from, name);
    if (!value && !label)
        return 0;
    json_t *list = value ? values_take(value) : json_array();
    if (!list)
        return wrong(ret_wrong, "must be lists of texts, as in {\"label\":[\"a=b\"]}, also for ",
                     name);
    if ((label && value_add(list, label) < 0) || json_object_set(out, name, list) < 0)
        out = NULL;
    json_decref(list);
    return out ? 0 : wrong(ret_wrong, "must be shorter", "");
}

/* Writes JSON whole or not at all. */
static int filters_print(const json_t *filters, char *out, size_t out_bytes)
{
    out[0] = '\0';
    if (json_object_size(filters) == 0)
        return 0;
    size_t bytes = json_dumpb(filters, out, out_bytes - 1, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (bytes == 0 || bytes >= out_bytes)
        return -1;
    out[bytes] = '\0';
    return 0;
}

int filters_write(const char *text, const char *label, char *out, size_t out_bytes,
                  char ret_wrong[FILTERS_WRONG_BYTES])
{
    struct json_fault fault = {{0}, {0}};
    json_t *filters = json_object();
    json_t *from =
        text ? json_read_strict(text, strlen(text), FILTERS_DEPTH, &fault) : json_object();
    int rc = from ? refuse_unknown(from, ret_wrong)
                  : wrong(ret_wrong, "must be JSON like {\"label\":[\"a=b\"]}: ", fault.text);
    for (size_t i = 0; rc == 0 && i < NAME_COUNT; i++)
        rc = filter_take(from, names[i], strcmp(names[i], "label") == 0 ? label : NULL, filters,
                         ret_wrong);
    if (rc == 0 && filters_print(filters, out, out_bytes) < 0)
        rc = wrong(ret_wrong, "must be shorter", "");
    json_decref(from);
    json_decref(filters);
    return rc;
}
