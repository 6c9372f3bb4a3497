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

/* The client's filters as lists, in the order of the table; NULL with *ret_wrong filled. */
static json_t *filters_take(json_t *from, char ret_wrong[FILTERS_WRONG_BYTES])
{
    json_t *out = json_object(), *value;
    const char *key;
    json_object_foreach (from, key, value) {
        char shown[JSON_QUOTE_BYTES * 8];
        if (name_is_known(key))
            continue;
        wrong(ret_wrong,
              "must have no other filters than ancestor, exited, expose, health, id, "
              "label, name, publish and status, not ",
              json_quote(shown, sizeof(shown), key));
        json_decref(out);
        return NULL;
    }
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (!(value = json_object_get(from, names[i])))
            continue;
        json_t *list = values_take(value);
        if (!list || json_object_set_new(out, names[i], list) < 0) {
            wrong(ret_wrong, "must have a list of texts, as in {\"label\":[\"a=b\"]}, for ",
                  names[i]);
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static int label_add(json_t *filters, const char *label)
{
    json_t *labels = json_object_get(filters, "label");
    if (!labels && json_object_set_new(filters, "label", labels = json_array()) < 0)
        return -1;
    return value_add(labels, label);
}

int filters_write(const char *text, const char *label, char *out, size_t out_bytes,
                  char ret_wrong[FILTERS_WRONG_BYTES])
{
    struct json_fault fault;
    json_t *from =
        text ? json_read_strict(text, strlen(text), FILTERS_DEPTH, &fault) : json_object();
    if (!from)
        return wrong(ret_wrong, "must be JSON like {\"label\":[\"a=b\"]}: ", fault.text);
    json_t *filters = filters_take(from, ret_wrong);
    json_decref(from);
    if (!filters)
        return -1;
    int rc = 0;
    out[0] = '\0';
    if (label && label_add(filters, label) < 0)
        rc = wrong(ret_wrong, "must be shorter", "");
    if (rc == 0 && json_object_size(filters) > 0) {
        size_t bytes = json_dumpb(filters, out, out_bytes - 1, JSON_COMPACT | JSON_ENSURE_ASCII);
        if (bytes == 0 || bytes >= out_bytes)
            rc = wrong(ret_wrong, "must be shorter", "");
        else
            out[bytes] = '\0';
    }
    json_decref(filters);
    return rc;
}
