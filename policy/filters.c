/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters: see filters.h.  Both forms are read, one is written, in the order of filters.def.
 */
#include "filters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
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
static void value_add(struct arena *arena, struct json *list, const char *value)
{
    for (const struct json *item = json_elements(list); item; item = item->next)
        if (strcmp(item->text, value) == 0)
            return;
    json_push(arena, list, json_new_text(arena, value));
}

/* A value that is any text at all. */
static bool value_is_good(const char *text)
{
    return text && *text && strlen(text) <= VALUE_BYTES_MOST && !format_text(text);
}

/* Whether these are the values of a filter, in either form. */
static bool values_are_good(const struct json *from)
{
    for (const struct json *item = json_elements(from); item; item = item->next)
        if (!value_is_good(json_text(item)))
            return false;
    for (const struct json *item = json_members(from); item; item = item->next)
        if (!json_is(item, JSON_TRUE) || !value_is_good(item->key))
            return false;
    return json_inside(from) != NULL;
}

/* The values of one filter, from either form, as a list. */
static struct json *values_take(struct arena *arena, const struct json *from)
{
    struct json *list = json_new(arena, JSON_LIST);
    for (const struct json *item = json_inside(from); item; item = item->next)
        value_add(arena, list, from->kind == JSON_LIST ? item->text : item->key);
    return list;
}

static int values_check(const struct filter_row *row, const struct json *list,
                        char ret_wrong[FILTERS_WRONG_BYTES])
{
    char shown[JSON_QUOTE_BYTES * 8];
    const char *words = row->form == FORM_WORDS ? row->words : "";
    if (forms[row->form].single && json_size(list) > 1) {
        snprintf(ret_wrong, FILTERS_WRONG_BYTES, "must be %s for '%s', and no more",
                 forms[row->form].text, row->name);
        return -1;
    }
    for (const struct json *item = json_elements(list); item; item = item->next) {
        if (forms[row->form].is(row, json_text(item)))
            continue;
        json_quote(shown, sizeof(shown), json_text(item));
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

static int names_check(const struct operation *op, const struct json *from, bool own,
                       char ret_wrong[FILTERS_WRONG_BYTES])
{
    for (const struct json *value = json_members(from); value; value = value->next) {
        bool known = false;
        for (size_t i = rows_first(op); row_is_of(i, op); i++)
            known |= strcmp(rows[i].name, value->key) == 0 && (rows[i].own || !own);
        if (!known)
            return refuse_name(op, value->key, own, ret_wrong);
    }
    return 0;
}

/* ---- writing ---- */

/* Adds the values of one filter to what is sent; label: what is added to them, or NULL. */
static int filter_take(struct arena *arena, const struct json *from, const struct filter_row *row,
                       const char *label, struct json *out, char ret_wrong[FILTERS_WRONG_BYTES])
{
    const struct json *value = json_get(from, row->name);
    if (!value && !label)
        return 0;
    if (value && !values_are_good(value))
        return wrong(ret_wrong, "must be lists of texts, as in {\"label\":[\"a=b\"]}, also for ",
                     row->name);
    struct json *list = values_take(arena, value);
    if (values_check(row, list, ret_wrong) < 0)
        return -1;
    if (label)
        value_add(arena, list, label);
    json_set(arena, out, row->name, list);
    return 0;
}

/* Writes JSON whole or not at all. */
static int filters_print(const struct arena *arena, const struct json *filters, char *out,
                         size_t out_bytes, char ret_wrong[FILTERS_WRONG_BYTES])
{
    size_t bytes;
    out[0] = '\0';
    if (json_size(filters) == 0)
        return 0;
    char *text = json_write_ascii(arena, filters, &bytes);
    if (!text)
        return -1;
    if (bytes < out_bytes)
        strcpy(out, text);
    free(text);
    return bytes < out_bytes ? 0 : wrong(ret_wrong, "must be shorter", "");
}

/* The filters of a client that passed; NULL with *ret_wrong filled, or for want of memory. */
static const struct json *filters_read(struct arena *arena, const struct operation *op,
                                       const char *text, bool own,
                                       char ret_wrong[FILTERS_WRONG_BYTES])
{
    struct json_fault fault;
    const struct json *from =
        text ? json_read_strict(arena, text, strlen(text), FILTERS_DEPTH, &fault)
             : json_new(arena, JSON_OBJECT);
    if (!from && !fault.no_memory)
        wrong(ret_wrong, "must be JSON like {\"label\":[\"a=b\"]}: ", fault.text);
    return from && names_check(op, from, own, ret_wrong) == 0 ? from : NULL;
}

int filters_write(const struct operation *op, const char *text, const char *label, char *out,
                  size_t out_bytes, char ret_wrong[FILTERS_WRONG_BYTES])
{
    struct arena arena = {0};
    ret_wrong[0] = '\0';
    if (label && !filters_narrow(op)) /* a bug in a table: nothing would keep others' out */
        return wrong(ret_wrong, "must be able to hold a label, and cannot for ", op->id);
    struct json *filters = json_new(&arena, JSON_OBJECT);
    const struct json *from = filters_read(&arena, op, text, label != NULL, ret_wrong);
    int rc = from ? 0 : -1;
    for (size_t i = rows_first(op); rc == 0 && row_is_of(i, op); i++)
        rc = filter_take(&arena, from, &rows[i], strcmp(rows[i].name, "label") == 0 ? label : NULL,
                         filters, ret_wrong);
    if (rc == 0)
        rc = filters_print(&arena, filters, out, out_bytes, ret_wrong);
    if (arena.failed)
        ret_wrong[0] = '\0';
    rc = arena.failed ? -1 : rc;
    arena_done(&arena);
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
