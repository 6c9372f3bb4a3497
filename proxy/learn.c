/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn: see learn.h.
 *
 * A log holds what a client wrote, so nothing of a line is copied into the policy before a table
 * has known it: operations and fields are printed from their rows, images only as image.h spells
 * them, values only as asked.h writes them, and times are digits and marks.
 *
 * What went to the Engine, observed or not, and what was refused since no line of [allow] named it,
 * becomes a line of [allow] with the narrowest grant that would do.  What a body asked for becomes
 * a rule, whether it was refused or not: so a policy learnt from a log that enforced allows what
 * was refused, too, and each line says which it was.
 */
#include "learn.h"

#include "asked.h"
#include "image.h"
#include "json.h"
#include "learn_internal.h"
#include "log.h"
#include "query.h"
#include "schema.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static void complain(struct learn *learn, const char *what)
{
    if (learn->complaints++ < LEARN_SAID_MOST)
        log_warn("%s:%lu: %s", learn->path, learn->line, what);
}

static void seen_add(struct learn_seen *seen, bool allowed, const char *second)
{
    *(allowed ? &seen->allowed : &seen->refused) += 1;
    if (!seen->first[0] || strcmp(second, seen->first) < 0)
        strcpy(seen->first, second);
    if (strcmp(second, seen->last) > 0)
        strcpy(seen->last, second);
}

enum object learn_kind(const struct operation *op)
{
    if (strncmp(op->path, "/networks", 9) == 0)
        return OBJECT_NETWORK;
    return strncmp(op->path, "/volumes", 8) == 0 ? OBJECT_VOLUME : OBJECT_CONTAINER;
}

const struct learn_name *learn_find(const struct learn_names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i].text, text) == 0)
            return &names->items[i];
    return NULL;
}

/* The place of a name; NULL when there are too many, or no memory. */
static struct learn_name *names_place(struct learn *learn, struct learn_names *names,
                                      const char *text)
{
    struct learn_name *found = (struct learn_name *) learn_find(names, text);
    if (found)
        return found;
    if (names->count == LEARN_NAMES_MOST) {
        complain(learn, "too many different names came before; this one is not learnt");
        return NULL;
    }
    struct learn_name *items =
        reallocarray(names->items, names->count + 1, sizeof(names->items[0]));
    char *copy = strdup(text);
    if (items)
        names->items = items;
    if (!items || !copy) {
        free(copy);
        learn->failed = true;
        return NULL;
    }
    names->items[names->count] = (struct learn_name){.text = copy};
    return &names->items[names->count++];
}

/* Counts a name; what comes when there are too many is not learnt. */
static void names_add(struct learn *learn, struct learn_names *names, const char *text,
                      bool allowed, const char *second)
{
    struct learn_name *name = names_place(learn, names, text);
    if (name)
        seen_add(&name->seen, allowed, second);
}

static void names_done(struct learn_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i].text);
    free(names->items);
}

/* The seconds of "2026-01-02T03:04:05.678901Z"; false when it is no such time. */
static bool second_read(const char *text, char second[LEARN_TIME_BYTES + 1])
{
    static const char shape[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; shape[i]; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i])
            return false;
        second[i] = text[i];
    }
    memcpy(second + sizeof(shape) - 1, "Z", 2);
    return true;
}

static const char *text_at(const struct json *line, const char *name)
{
    const char *text = json_text(json_get(line, name));
    return text ? text : "";
}

static int reason_find(const char *word)
{
    for (int reason = 0; reason < REASON_COUNT; reason++)
        if (strcmp(reason_word((enum reason) reason), word) == 0)
            return reason;
    return REASON_UNDECIDED;
}

static void learn_image(struct learn *learn, const char *text, bool allowed, const char *second)
{
    struct image image;
    char spelt[IMAGE_TEXT_BYTES];
    if (!text[0])
        return;
    if (image_parse(text, &image)) {
        complain(learn, "'image' is no name of an image");
        return;
    }
    image_print(&image, spelt);
    names_add(learn, &learn->images, spelt, allowed, second);
}

/* ---- what was asked for ---- */

static bool is_known(const struct learn_name *field, const struct json *value)
{
    for (const struct json *seen = json_elements(field->values); seen; seen = seen->next)
        if (json_same(seen, value))
            return true;
    return false;
}

static void value_add(struct learn *learn, struct learn_name *field, const struct json *value)
{
    struct arena *arena = &learn->arena;
    if (!field->values)
        field->values = json_new(arena, JSON_LIST);
    if (!json_is(value, JSON_STRING) && !json_is(value, JSON_INTEGER) && !json_is(value, JSON_TRUE))
        complain(learn, "'asked' has a value that is no text, no number and not true");
    else if (is_known(field, value))
        ;
    else if (json_size(field->values) == LEARN_NAMES_MOST)
        complain(learn, "too many different values came before; this one is not learnt");
    else if (json_is(value, JSON_STRING)) /* the line's own memory goes with it */
        json_push(arena, field->values,
                  json_new_text(arena, arena_copy(arena, value->text, value->size)));
    else
        json_push(arena, field->values, value);
    learn->failed |= arena->failed;
}

/* The body of the same section that has this field first: they share a rule. */
static int body_first(const struct learn *learn, int body, const char *path)
{
    for (int first = 0; first < body; first++)
        if (learn->schemas.of[first] && strcmp(schema_section(first), schema_section(body)) == 0 &&
            schema_has(learn->schemas.of[first], path))
            return first;
    return body;
}

static void learn_field(struct learn *learn, int body, const char *path, const struct json *value,
                        bool allowed, const char *second)
{
    struct learn_name *field;
    if (!learn->schemas.of[body] || !schema_has(learn->schemas.of[body], path)) {
        complain(learn, "'asked' has a field that this caisson does not know");
        return;
    }
    field = names_place(learn, &learn->fields[body_first(learn, body, path)], path);
    if (!field)
        return;
    seen_add(&field->seen, allowed, second);
    if (!json_is(value, JSON_LIST))
        value_add(learn, field, value);
    for (const struct json *element = json_elements(value); element; element = element->next)
        value_add(learn, field, element);
    if (json_is(value, JSON_LIST) && value->size > field->most)
        field->most = value->size;
}

static void learn_asked(struct learn *learn, int body, const struct json *asked, bool allowed,
                        const char *second)
{
    for (const struct json *value = json_members(asked); value; value = value->next) {
        if (strcmp(value->key, "cut") == 0)
            learn->cut += (unsigned long) json_number(value);
        else
            learn_field(learn, body, value->key, value, allowed, second);
    }
}

/* ---- lines ---- */

/* A value as it is decoded; false when it is none that a table could know. */
static bool value_decode(const char *at, size_t bytes, char *out, size_t room)
{
    for (const char *end = at + bytes; at < end; at++) {
        unsigned code;
        if (room-- <= 1)
            return false;
        if (*at == '%' && (end - at < 3 || sscanf(at + 1, "%2x", &code) != 1))
            return false;
        *out++ = *at == '%' ? (char) code : *at == '+' ? ' ' : *at;
        at += *at == '%' ? 2 : 0;
    }
    *out = '\0';
    return true;
}

/* What says no is what passes without a rule. */
static bool says_no(const char *value)
{
    static const char *const words[] = {"", "0", "no", "none", "false", "False", "FALSE"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i], value) == 0)
            return true;
    return false;
}

/* A parameter that only a rule opens. */
static void learn_parameter(struct learn *learn, const struct query_row *row, const char *query,
                            bool allowed, const char *second)
{
    char path[96], value[256];
    size_t name_bytes = strlen(row->name);
    snprintf(path, sizeof(path), "%s.%s", operation_get((enum operation_id) row->op)->id,
             row->name);
    for (const char *at = query; *at; at += *at == '&') {
        size_t bytes = strcspn(at, "&");
        if (bytes > name_bytes && memcmp(at, row->name, name_bytes) == 0 && at[name_bytes] == '=' &&
            value_decode(at + name_bytes + 1, bytes - name_bytes - 1, value, sizeof(value)) &&
            !says_no(value))
            learn_field(learn, BODY_QUERY, path, json_new_text(&learn->arena, value), allowed,
                        second);
        at += bytes;
    }
}

static void learn_query(struct learn *learn, const struct operation *op, const char *target,
                        bool allowed, const char *second)
{
    const char *mark = strchr(target, '?');
    const struct query_row *row;
    for (size_t i = 0; mark && (row = query_row_at(i)); i++)
        if (row->op == (int) op->number && row->shut)
            learn_parameter(learn, row, mark + 1, allowed, second);
}

/* The N of "/v1.N/...". */
static void learn_version(struct learn *learn, const char *target)
{
    unsigned minor = 0;
    if (strncmp(target, "/v1.", 4) != 0)
        return;
    for (target += 4; *target >= '0' && *target <= '9' && minor < 100; target++)
        minor = minor * 10 + (unsigned) (*target - '0');
    if (*target == '/' && minor > 0 && minor < 100 &&
        (learn->oldest_minor == 0 || minor < learn->oldest_minor))
        learn->oldest_minor = minor;
}

/* What was neither made here, nor is absent for all. */
static bool is_foreign(const struct operation *op, const struct json *line)
{
    const bool is_container = op->object == OBJECT_CONTAINER || op->object == OBJECT_EXEC;
    const bool is_other = op->object == OBJECT_NETWORK || op->object == OBJECT_VOLUME;
    return (is_container || is_other) && !text_at(line, is_container ? "container" : "object")[0] &&
           json_number(json_get(line, "status")) != 404;
}

/* Whether lines of [allow] and rules are all that it takes for such a request to pass. */
static bool is_learnable(int reason)
{
    return reason == REASON_OPERATION_NOT_ALLOWED || reason == REASON_FIELD_REFUSED;
}

/* Went to the engine; of what was observed, more than [allow] and rules may have to change. */
static void learn_went(struct learn *learn, const struct operation *op, const struct json *line,
                       int reason, const char *second)
{
    bool observed = strcmp(text_at(line, "decision"), "observe") == 0;
    seen_add(&learn->operations[op->number], true, second);
    learn->observed[op->number] += observed;
    if (is_foreign(op, line))
        learn->foreign[op->number]++;
    if (op->reply == REPLY_CREATE || op->reply == REPLY_NETWORK || op->reply == REPLY_VOLUME)
        learn->made[learn_kind(op)] = true;
    if (observed && !is_learnable(reason) && reason != REASON_NONE && reason != REASON_NOT_OWNED &&
        reason != REASON_API_TOO_OLD)
        learn->reasons[reason]++;
}

/* A request that reached its operation's row. */
static void learn_request(struct learn *learn, const struct operation *op, const struct json *line,
                          const char *second)
{
    const char *decision = text_at(line, "decision"), *field = text_at(line, "field");
    bool went = strcmp(decision, "forward") == 0 || strcmp(decision, "observe") == 0;
    int reason = reason_find(text_at(line, "reason")), body = asked_body(op);
    const struct json *asked = json_get(line, "asked");
    if (learn->schemas.of[BODY_QUERY] && schema_has(learn->schemas.of[BODY_QUERY], field))
        body = BODY_QUERY;
    bool named = reason == REASON_FIELD_REFUSED && learn->schemas.of[body];
    if (went || is_learnable(reason) || reason == REASON_API_TOO_OLD)
        learn_version(learn, text_at(line, "target"));
    if (op->body == BODY_CREATE)
        learn_image(learn, text_at(line, "image"), went, second);
    learn_asked(learn, asked_body(op), asked, went, second);
    learn_query(learn, op, text_at(line, "target"), went, second);
    /* Its values are not in a log that is older, nor is what only all fields together show. */
    bool is_image = strcmp(field, "Image") == 0 && text_at(line, "image")[0];
    bool held = !went && named && !is_image && !json_get(asked, field) &&
                !learn_find(&learn->fields[BODY_QUERY], field);
    if (held)
        names_add(learn, &learn->refused[body], field, false, second);
    if (went)
        learn_went(learn, op, line, reason, second);
    else if (held && !asked)
        seen_add(&learn->held[op->number], false, second);
    else if (named || reason == REASON_OPERATION_NOT_ALLOWED)
        seen_add(&learn->operations[op->number], false, second);
    else
        learn->reasons[reason]++;
}

static void learn_line(struct learn *learn, const struct json *line)
{
    char second[LEARN_TIME_BYTES + 1];
    const char *name = text_at(line, "operation"), *decision = text_at(line, "decision");
    int64_t lost = json_number(json_get(line, "lost"));
    if (!second_read(text_at(line, "time"), second) || (!decision[0] && lost <= 0)) {
        complain(learn, "this is no line of an audit log; it has no 'time' or no 'decision'");
        return;
    }
    if (learn->as && lost <= 0 && strcmp(text_at(line, "listener"), learn->as) != 0 &&
        strcmp(text_at(line, "owner"), learn->as) != 0)
        return;
    learn->lines++;
    if (lost > 0) {
        learn->lost += (unsigned long) lost;
        return;
    }
    if (strcmp(decision, "answer") == 0) /* a /_ping, which needs no line */
        return;
    const struct operation *op = operation_find(name);
    if (op)
        learn_request(learn, op, line, second);
    else if (name[0])
        complain(learn, "an operation that this caisson does not know");
    else
        learn->reasons[reason_find(text_at(line, "reason"))]++;
}

static void learn_text(struct learn *learn, const char *text, size_t bytes)
{
    struct arena arena = {0};
    struct json_fault wrong;
    const struct json *line = json_read_trusted(&arena, text, bytes, &wrong);
    if (json_is(line, JSON_OBJECT))
        learn_line(learn, line);
    else
        complain(learn, "this is no line of an audit log, which is a JSON object");
    arena_done(&arena);
}

static int learn_file(struct learn *learn, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    char *text = NULL;
    size_t room = 0;
    ssize_t bytes;
    learn->path = is_stdin ? "stdin" : path;
    learn->line = 0;
    if (!file) {
        log_error("%s: cannot open it: %s", path, strerror(errno));
        return -1;
    }
    while ((bytes = getline(&text, &room, file)) > 0) {
        learn->line++;
        if (strspn(text, " \t\r\n") < (size_t) bytes)
            learn_text(learn, text, (size_t) bytes);
    }
    int rc = ferror(file) ? -1 : 0;
    if (rc < 0)
        log_error("%s: cannot read it: %s", path, strerror(errno));
    free(text);
    if (!is_stdin)
        fclose(file);
    return rc;
}

/* ---- the verb ---- */

static void say_counts(const struct learn *learn)
{
    if (learn->complaints > 0)
        log_info("%lu lines could not be used", learn->complaints);
    if (learn->cut > 0)
        log_info("%lu values had no room in the log; nothing is learnt of them", learn->cut);
    if (learn->lost > 0)
        log_info("%lu lines were lost when the log was written; nothing is learnt of them",
                 learn->lost);
}

static int learn_finish(struct learn *learn)
{
    if (!learn->failed && learn->lines == 0 && learn->as) {
        log_error("no line of a listener or owner '%s' was read", learn->as);
        return 2;
    }
    if (!learn->failed && learn->lines == 0) {
        log_error("no line of an audit log was read; give the files that 'audit' under [proxy] "
                  "names");
        return 2;
    }
    if (!learn->failed)
        learn_print(learn);
    if (learn->failed)
        log_error("out of memory");
    return learn->failed ? 2 : 0;
}

/* The listener or owner that is asked for, or NULL; < 0: wrong usage. */
static int parse_learn(int argc, char **argv, const char **ret_as, bool *ret_as_it_ran)
{
    static const struct option known[] = {
        {"as", required_argument, NULL, 'a'},
        {"as-it-ran", no_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'r')
            *ret_as_it_ran = true;
        else if (option == 'a')
            *ret_as = optarg;
        else
            return -1;
    }
    return optind < argc ? 0 : -1;
}

int learn_run(int argc, char **argv)
{
    const char *as = NULL;
    bool as_it_ran = false;
    int rc = 0;
    if (parse_learn(argc, argv, &as, &as_it_ran) < 0)
        return -1;
    struct learn *learn = calloc(1, sizeof(*learn));
    if (!learn) {
        log_error("out of memory");
        return 2;
    }
    learn->as_it_ran = as_it_ran;
    learn->as = as;
    learn->failed = schemas_init(&learn->schemas) < 0;
    for (int i = optind; i < argc && rc == 0 && !learn->failed; i++)
        rc = learn_file(learn, argv[i]);
    say_counts(learn);
    int code = rc < 0 ? 2 : learn_finish(learn);
    for (int body = 0; body < BODY_COUNT; body++) {
        names_done(&learn->fields[body]);
        names_done(&learn->refused[body]);
    }
    schemas_done(&learn->schemas);
    names_done(&learn->images);
    arena_done(&learn->arena);
    free(learn);
    return code;
}
