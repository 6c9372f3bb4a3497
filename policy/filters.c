/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters: see filters.h.  Both forms are read, one is written, in the order of filters.def.
 */
#include "filters.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"
#include "json.h"
#include "operation.h"

enum { FILTERS_DEPTH = 3, VALUE_BYTES_MOST = 512 };

enum filter_form {
    FORM_TEXT,
    FORM_WORD,
    FORM_LABEL,
    FORM_WORDS,
    FORM_NUMBER,
    FORM_PORTS,
    FORM_BOOL,
    FORM_TIME,
    FORM_COUNT
};

enum { ANY = false, OWN = true };

static const struct filter_row rows[] = {
#define FILTER(op, name, form, words, own, why) \
    {name, words, why, OPERATION_##op, FORM_##form, own},
#include "filters.def"
#undef FILTER
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

/* ---- forms: whether a text, which has no control characters and is not empty, is a value ---- */

static bool made_of(const char *text, const char *set, size_t most)
{
    size_t bytes = strlen(text);
    return bytes <= most && strspn(text, set) == bytes;
}

static bool is_text(const struct filter_row *row, const char *text)
{
    (void) row, (void) text;
    return true;
}

static bool is_word(const struct filter_row *row, const char *text)
{
    (void) row;
    return !format_word(text);
}

static bool is_label(const struct filter_row *row, const char *text)
{
    (void) row;
    return *text != '=';
}

static bool is_one_of(const struct filter_row *row, const char *text)
{
    size_t length = strlen(text);
    for (const char *at = row->words; *at;) {
        size_t span = strcspn(at, " ");
        if (span == length && memcmp(at, text, length) == 0)
            return true;
        at += span + (at[span] == ' ');
    }
    return false;
}

static bool is_number(const struct filter_row *row, const char *text)
{
    (void) row;
    text += *text == '-';
    return *text && made_of(text, "0123456789", 10);
}

static bool is_ports(const struct filter_row *row, const char *text)
{
    (void) row;
    return *text >= '0' && *text <= '9' && made_of(text, "0123456789-/tcpuds", 24);
}

static bool is_bool(const struct filter_row *row, const char *text)
{
    (void) row;
    return strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "1") == 0 ||
           strcmp(text, "0") == 0;
}

static bool is_time(const struct filter_row *row, const char *text)
{
    (void) row;
    return *text >= '0' && *text <= '9' && made_of(text, "0123456789.:+-TZhmsun", 40);
}

static const struct {
    bool (*is)(const struct filter_row *row, const char *text);
    bool single; /* an Engine takes no second value, or contradicts itself */
    const char *text;
} forms[FORM_COUNT] = {
    [FORM_TEXT] = {is_text, false, "any text"},
    [FORM_WORD] = {is_word, false, "letters, digits and _ . : / -"},
    [FORM_LABEL] = {is_label, false, "KEY or KEY=VALUE"},
    [FORM_WORDS] = {is_one_of, false, "one of"},
    [FORM_NUMBER] = {is_number, false, "a whole number"},
    [FORM_PORTS] = {is_ports, false, "a port or range such as 80, 80/tcp or 8000-8010/tcp"},
    [FORM_BOOL] = {is_bool, true, "one of true and false"},
    [FORM_TIME] = {is_time, true, "one Unix time, date or duration such as 10m"},
};

/* ---- reading ---- */

static int wrong(char buffer[FILTERS_WRONG_BYTES], const char *text, const char *detail)
{
    snprintf(buffer, FILTERS_WRONG_BYTES, "%.150s%.150s", text, detail);
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

/* A value that is any text at all. */
static bool value_is_good(const char *text)
{
    return text && *text && strlen(text) <= VALUE_BYTES_MOST && !format_text(text);
}

/* Whether these are the values of a filter, in either form. */
static bool values_are_good(json_t *from)
{
    bool good = json_array_size(from) > 0 || json_object_size(from) > 0;
    const char *key;
    size_t i;
    json_t *item;
    json_array_foreach (from, i, item)
        good = good && value_is_good(json_string_value(item));
    json_object_foreach (from, key, item)
        good = good && json_is_true(item) && value_is_good(key);
    return good;
}

/* The values of one filter, from either form, as a list; NULL when memory is short. */
static json_t *values_take(json_t *from)
{
    json_t *list = json_array(), *item;
    const char *key;
    size_t i;
    int rc = list ? 0 : -1;
    json_array_foreach (from, i, item)
        rc = rc < 0 ? rc : value_add(list, json_string_value(item));
    json_object_foreach (from, key, item)
        rc = rc < 0 ? rc : value_add(list, key);
    if (rc == 0)
        return list;
    json_decref(list);
    return NULL;
}

static int values_check(const struct filter_row *row, const json_t *list,
                        char ret_wrong[FILTERS_WRONG_BYTES])
{
    char shown[JSON_QUOTE_BYTES * 8];
    const char *words = row->form == FORM_WORDS ? row->words : "";
    size_t i;
    json_t *item;
    if (forms[row->form].single && json_array_size(list) > 1) {
        snprintf(ret_wrong, FILTERS_WRONG_BYTES, "must be %s for '%s', and no more",
                 forms[row->form].text, row->name);
        return -1;
    }
    json_array_foreach ((json_t *) list, i, item) {
        if (forms[row->form].is(row, json_string_value(item)))
            continue;
        json_quote(shown, sizeof(shown), json_string_value(item));
        snprintf(ret_wrong, FILTERS_WRONG_BYTES, "must be %s%s%s for '%s', not '%.60s'",
                 forms[row->form].text, *words ? " " : "", words, row->name, shown);
        return -1;
    }
    return 0;
}

/* ---- rows ---- */

static size_t rows_first(const struct operation *op)
{
    size_t first = 0;
    while (first < ROW_COUNT && rows[first].op != (int) op->number)
        first++;
    return first;
}

static bool row_is_of(size_t index, const struct operation *op)
{
    return index < ROW_COUNT && rows[index].op == (int) op->number;
}

bool filters_narrow(const struct operation *op)
{
    for (size_t i = rows_first(op); row_is_of(i, op); i++)
        if (strcmp(rows[i].name, "label") == 0)
            return rows[i].own;
    return false;
}

/* "a, b and c": the names that may stand there. */
static void names_print(const struct operation *op, bool own, char *out, size_t out_bytes)
{
    size_t used = 0, left = 0;
    out[0] = '\0';
    for (size_t i = rows_first(op); row_is_of(i, op); i++)
        left += !own || rows[i].own;
    for (size_t i = rows_first(op); row_is_of(i, op) && used < out_bytes; i++) {
        if (own && !rows[i].own)
            continue;
        const char *before = used == 0 ? "" : left == 1 ? " and " : ", ";
        used += (size_t) snprintf(out + used, out_bytes - used, "%s%s", before, rows[i].name);
        left--;
    }
}

/* Says which names there are, or why one of them may not stand beside our label. */
static int refuse_name(const struct operation *op, const char *name, bool own,
                       char ret_wrong[FILTERS_WRONG_BYTES])
{
    char shown[JSON_QUOTE_BYTES * 8], known[200];
    json_quote(shown, sizeof(shown), name);
    names_print(op, own, known, sizeof(known));
    snprintf(ret_wrong, FILTERS_WRONG_BYTES, "must be of %s, not %.48s", known, shown);
    for (size_t i = rows_first(op); row_is_of(i, op); i++)
        if (strcmp(rows[i].name, name) == 0)
            snprintf(ret_wrong, FILTERS_WRONG_BYTES,
                     "must be of %s under '%s = own', not %.48s: %.80s", known, op->id, shown,
                     rows[i].why);
    return -1;
}

static int names_check(const struct operation *op, const json_t *from, bool own,
                       char ret_wrong[FILTERS_WRONG_BYTES])
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *) from, key, value) {
        bool known = false;
        for (size_t i = rows_first(op); row_is_of(i, op); i++)
            known |= strcmp(rows[i].name, key) == 0 && (rows[i].own || !own);
        if (!known)
            return refuse_name(op, key, own, ret_wrong);
    }
    return 0;
}

/* ---- writing ---- */

/* Adds the values of one filter to what is sent; label: what is added to them, or NULL. */
static int filter_take(json_t *from, const struct filter_row *row, const char *label, json_t *out,
                       char ret_wrong[FILTERS_WRONG_BYTES])
{
    json_t *value = json_object_get(from, row->name);
    if (!value && !label)
        return 0;
    if (value && !values_are_good(value))
        return wrong(ret_wrong, "must be lists of texts, as in {\"label\":[\"a=b\"]}, also for ",
                     row->name);
    json_t *list = values_take(value);
    if (!list)
        return -1;
    int rc = values_check(row, list, ret_wrong);
    if (rc == 0 &&
        ((label && value_add(list, label) < 0) || json_object_set(out, row->name, list) < 0))
        rc = -1;
    json_decref(list);
    return rc;
}

/* Writes JSON whole or not at all. */
static int filters_print(const json_t *filters, char *out, size_t out_bytes,
                         char ret_wrong[FILTERS_WRONG_BYTES])
{
    out[0] = '\0';
    if (json_object_size(filters) == 0)
        return 0;
    size_t bytes = json_dumpb(filters, out, out_bytes - 1, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (bytes == 0)
        return -1;
    if (bytes >= out_bytes)
        return wrong(ret_wrong, "must be shorter", "");
    out[bytes] = '\0';
    return 0;
}

int filters_write(const struct operation *op, const char *text, const char *label, char *out,
                  size_t out_bytes, char ret_wrong[FILTERS_WRONG_BYTES])
{
    struct json_fault fault = {{0}, {0}, false};
    ret_wrong[0] = '\0';
    if (label && !filters_narrow(op)) /* a bug in a table: nothing would keep others' out */
        return wrong(ret_wrong, "must be able to hold a label, and cannot for ", op->id);
    json_t *filters = json_object();
    json_t *from =
        text ? json_read_strict(text, strlen(text), FILTERS_DEPTH, &fault) : json_object();
    int rc = from && filters ? names_check(op, from, label != NULL, ret_wrong) : -1;
    if (fault.text[0])
        rc = wrong(ret_wrong, "must be JSON like {\"label\":[\"a=b\"]}: ", fault.text);
    for (size_t i = rows_first(op); rc == 0 && row_is_of(i, op); i++)
        rc = filter_take(from, &rows[i], strcmp(rows[i].name, "label") == 0 ? label : NULL, filters,
                         ret_wrong);
    if (rc == 0)
        rc = filters_print(filters, out, out_bytes, ret_wrong);
    json_decref(from);
    json_decref(filters);
    return rc;
}

const struct filter_row *filter_row_at(size_t index)
{
    return index < ROW_COUNT ? &rows[index] : NULL;
}

const char *filter_form_text(const struct filter_row *row)
{
    return row->form == FORM_WORDS ? row->words : forms[row->form].text;
}
