/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: see query.h.  First every pair finds its row, then the rows are gone through in order and
 * each value is decoded once, checked by its type's function and written canonically.
 */
#include "query_internal.h"

#include "echo.h"
#include "filters.h"
#include "formats.h"
#include "operation.h"
#include "query_images.h"
#include "reason.h"
#include "rows.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum query_type {
    QUERY_BOOL,
    QUERY_BOOL_ON,
    QUERY_SECONDS,
    QUERY_CELLS,
    QUERY_TIMESTAMP,
    QUERY_TAIL,
    QUERY_CONDITION,
    QUERY_SIGNAL,
    QUERY_SIGNAL_KILL,
    QUERY_NAME,
    QUERY_PLATFORM,
    QUERY_PATH,
    QUERY_USAGE,
    QUERY_KEYS,
    QUERY_LIMIT,
    QUERY_FILTERS,
    QUERY_PS,
    QUERY_IMAGE,
    QUERY_TAG,
    QUERY_CONTAINER,
    QUERY_TEXT,
    QUERY_TERM,
    QUERY_NUMBER,
    QUERY_CPUSET,
    QUERY_FILE,
    QUERY_NETWORK,
    QUERY_VERSION,
    QUERY_MAP,
    QUERY_LABELS,
    QUERY_EMPTY,
    QUERY_NEUTRAL,
    QUERY_IGNORED,
    QUERY_TYPE_COUNT
};

static const struct query_row rows[] = {
#define QUERY(op, name, type, since, why) {name, OPERATION_##op, QUERY_##type, since, false},
#define QUERY_SHUT(op, name, type, since, risk, why) \
    {name, OPERATION_##op, QUERY_##type, since, true},
#define QUERY_RULE(op, name, type, since, rule, risk, why) \
    {name, OPERATION_##op, QUERY_##type, since, false},
#include "queries.def"
#undef QUERY
#undef QUERY_SHUT
#undef QUERY_RULE
};

enum {
    ROW_COUNT = sizeof(rows) / sizeof(rows[0]),
    QUERY_PAIRS = 40,           /* more rows than any operation has */
    QUERY_PATH_BYTES = 512,     /* a decoded path, also with the slash that may be put before it */
    QUERY_FILTERS_BYTES = 1024, /* the same of filters, also with our label */
};

/* ---- types: canonical text of a decoded value, false when it is none of the type's ---- */

static bool word_in(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(value, *words) == 0)
            return true;
    return false;
}

static bool is_true(const char *value)
{
    static const char *const words[] = {"1", "true", "yes", NULL};
    return word_in(value, words);
}

/* What an Engine reads as false. */
static bool is_false(const char *value)
{
    static const char *const words[] = {"", "0", "false", "no", "none", NULL};
    return word_in(value, words);
}

static bool take_bool(const char *value, char *out)
{
    if (!is_true(value) && !is_false(value))
        return false;
    strcpy(out, is_true(value) ? "1" : "0");
    return true;
}

static bool all_digits(const char *value, size_t least, size_t most)
{
    size_t bytes = strlen(value);
    return bytes >= least && bytes <= most && strspn(value, "0123456789") == bytes;
}

static bool take_int(const char *value, char *out, long most)
{
    if (!all_digits(value, 1, 6))
        return false;
    long number = strtol(value, NULL, 10);
    sprintf(out, "%ld", number);
    return number <= most;
}

static bool take_seconds(const char *value, char *out)
{
    return take_int(value, out, 60);
}

static bool take_cells(const char *value, char *out)
{
    return take_int(value, out, 10000);
}

static bool take_timestamp(const char *value, char *out)
{
    strcpy(out, value);
    return !format_timestamp(value);
}

static bool take_tail(const char *value, char *out)
{
    strcpy(out, strcmp(value, "-1") == 0 ? "all" : value);
    return strcmp(out, "all") == 0 || all_digits(value, 1, 7);
}

static bool take_condition(const char *value, char *out)
{
    strcpy(out, value);
    return !format_condition(value);
}

static bool take_signal(const char *value, char *out)
{
    static const char *const names[] = {
        "HUP",  "INT",  "QUIT", "ILL",    "TRAP", "ABRT",  "IOT",  "BUS",  "FPE",
        "KILL", "USR1", "SEGV", "USR2",   "PIPE", "ALRM",  "TERM", "CHLD", "CLD",
        "CONT", "STOP", "TSTP", "TTIN",   "TTOU", "URG",   "XCPU", "XFSZ", "STKFLT",
        "PROF", "IO",   "POLL", "VTALRM", "PWR",  "WINCH", "SYS",  NULL,
    };
    if (value[0] >= '1' && value[0] <= '9')
        return take_int(value, out, 64);
    if (strncasecmp(value, "SIG", 3) == 0)
        value += 3;
    for (const char *const *name = names; *name; name++)
        if (strcasecmp(value, *name) == 0) {
            strcpy(out, *name);
            return true;
        }
    return false;
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static bool take_name(const char *value, char *out)
{
    value += value[0] == '/'; /* as an inspect shows it */
    strcpy(out, value);
    return !format_name(value);
}

static bool take_platform(const char *value, char *out)
{
    strcpy(out, value);
    return !format_platform(value);
}

static bool take_ps(const char *value, char *out)
{
    strcpy(out, value);
    return !format_ps(value);
}

/* The Engine reads every path from the root; it is sent so that nothing is left to clean. */
static bool take_path(const char *value, char *out)
{
    if (snprintf(out, QUERY_PATH_BYTES, "/%s", value + (value[0] == '/')) >= QUERY_PATH_BYTES)
        return false;
    for (const char *name = out + 1, *end; *name; name = end + (*end == '/')) {
        end = name + strcspn(name, "/");
        if (end == name || (end - name == 1 && name[0] == '.' && *end) ||
            (end - name == 2 && name[0] == '.' && name[1] == '.'))
            return false;
    }
    return true;
}

static bool take_usage(const char *value, char *out)
{
    strcpy(out, value);
    return !format_usage(value);
}

static bool take_keys(const char *value, char *out)
{
    strcpy(out, value);
    return !format_keys(value);
}

/* -1 and 0 are no limit, which is what absence means. */
static bool take_limit(const char *value, char *out)
{
    if (strcmp(value, "-1") == 0)
        value = "0";
    if (!take_int(value, out, 999999))
        return false;
    if (strcmp(out, "0") == 0)
        *out = '\0';
    return true;
}

static bool take_neutral(const char *value, char *out)
{
    *out = '\0';
    return is_false(value);
}

static bool take_ignored(const char *value, char *out)
{
    (void) value;
    *out = '\0';
    return true;
}

static const struct {
    bool (*take)(const char *value, char *out);
    const char *text; /* behind "must be" */
} types[QUERY_TYPE_COUNT] = {
    [QUERY_BOOL] = {take_bool, "true or false"},
    [QUERY_BOOL_ON] = {take_bool, "true or false; true when absent"},
    [QUERY_SECONDS] = {take_seconds, "a number of seconds from 0 to 60"},
    [QUERY_CELLS] = {take_cells, "a number from 0 to 10000"},
    [QUERY_TIMESTAMP] = {take_timestamp, "a Unix time in seconds, like 1700000000 or 1700000000.5"},
    [QUERY_TAIL] = {take_tail, "'all' or a number of at most 7 digits"},
    [QUERY_CONDITION] = {take_condition, "not-running, next-exit or removed"},
    [QUERY_SIGNAL] = {take_signal, "a signal, like SIGTERM, KILL or 9"},
    [QUERY_SIGNAL_KILL] = {take_signal, "a signal, like SIGTERM, KILL or 9"},
    [QUERY_NAME] = {take_name, "2 to 63 of A-Z a-z 0-9 _ . - that begin with a letter or digit, "
                               "and not 12 or more hex digits alone"},
    [QUERY_PLATFORM] = {take_platform, "an os/arch/variant like linux/amd64"},
    [QUERY_PATH] = {take_path, "a plain path of a container, like /tmp/data, without '..' or '//'"},
    [QUERY_USAGE] = {take_usage, "container, image, volume or build-cache"},
    [QUERY_KEYS] = {take_keys, "keys such as ctrl-p,ctrl-q, at most 32 bytes"},
    [QUERY_LIMIT] = {take_limit, "a number of at most 6 digits, or -1"},
    [QUERY_FILTERS] = {NULL, "JSON like {\"label\":[\"a=b\"]}"},
    [QUERY_PS] = {take_ps, "options of ps: letters, digits, blanks, '-' and ',', at most 64"},
    [QUERY_IMAGE] = {query_take_image, "the name of an image, such as busybox:1.36"},
    [QUERY_TAG] = {query_take_tag, "a tag, or a digest such as sha256:..."},
    [QUERY_CONTAINER] = {query_take_container, "the name or id of a container"},
    [QUERY_TEXT] = {query_take_text, "a text of at most 255 bytes"},
    [QUERY_TERM] = {query_take_term, "at most 128 of A-Z a-z 0-9 _ . : / -"},
    [QUERY_NUMBER] = {query_take_number, "a whole number"},
    [QUERY_CPUSET] = {query_take_cpuset, "a list of CPUs such as 0-2,4"},
    [QUERY_FILE] = {query_take_file, "a plain path below the build's context"},
    [QUERY_NETWORK] = {query_take_network, "a network, such as default or none"},
    [QUERY_VERSION] = {query_take_version, "1, the classic builder, or 2, BuildKit"},
    [QUERY_MAP] = {query_take_map, "JSON like {\"KEY\":\"VALUE\"}"},
    [QUERY_LABELS] = {query_take_labels,
                      "JSON like {\"KEY\":\"VALUE\"}, without caisson's own label"},
    [QUERY_EMPTY] = {query_take_empty, "absent, empty, [], {} or null"},
    [QUERY_NEUTRAL] = {take_neutral, "absent, empty or false"},
    [QUERY_IGNORED] = {take_ignored, "anything; it is not sent"},
};

/* ---- pairs ---- */

/* A value as it stands in the target; NULL when the client did not send the parameter. */
struct slice {
    const char *at;
    size_t bytes;
};

static __attribute__((format(printf, 4, 5))) int refuse(struct query *query, int reason,
                                                        const char *field, const char *format, ...)
{
    snprintf(query->field, sizeof(query->field), "%s", field);
    va_list args;
    va_start(args, format);
    vsnprintf(query->message, sizeof(query->message), format, args);
    va_end(args);
    return reason;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes a value once.  NULL, or what is wrong with it. */
static const char *value_decode(const struct slice *slice, char *out, size_t out_bytes)
{
    size_t used = 0;
    for (size_t i = 0; i < slice->bytes; i++) {
        int c = (unsigned char) slice->at[i];
        if (c == '%') {
            if (slice->bytes - i < 3 || hex_value(slice->at[i + 1]) < 0 ||
                hex_value(slice->at[i + 2]) < 0)
                return "has a bad percent escape";
            c = hex_value(slice->at[i + 1]) * 16 + hex_value(slice->at[i + 2]);
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        if (c < 0x20 || c > 0x7e)
            return "has a byte that is not printable ASCII";
        if (used + 1 == out_bytes)
            return "is too long";
        out[used++] = (char) c;
    }
    out[used] = '\0';
    return NULL;
}

bool query_pair_is(const char *pair, size_t bytes, const char *name)
{
    char decoded[64];
    const char *equals = memchr(pair, '=', bytes);
    const struct slice slice = {pair, equals ? (size_t) (equals - pair) : bytes};
    return !value_decode(&slice, decoded, sizeof(decoded)) && strcmp(decoded, name) == 0;
}

bool query_peek(const char *text, size_t bytes, const char *name, char *value, size_t value_bytes)
{
    const char *end = text + bytes;
    for (const char *at = text, *next; at < end; at = next + 1) {
        next = memchr(at, '&', (size_t) (end - at));
        next = next ? next : end;
        if (!query_pair_is(at, (size_t) (next - at), name))
            continue;
        const char *equals = memchr(at, '=', (size_t) (next - at));
        const char *from = equals ? equals + 1 : next;
        const struct slice slice = {from, (size_t) (next - from)};
        if (value_decode(&slice, value, value_bytes))
            strcpy(value, "?");
        return true;
    }
    return false;
}

/* Whose each row is, apart from the rest of it: so a row is found with one memchr(). */
static const unsigned char row_ops[] = {
#define QUERY(op, name, type, since, why)                  OPERATION_##op,
#define QUERY_SHUT(op, name, type, since, risk, why)       OPERATION_##op,
#define QUERY_RULE(op, name, type, since, rule, risk, why) OPERATION_##op,
#include "queries.def"
#undef QUERY
#undef QUERY_SHUT
#undef QUERY_RULE
};

static int rows_first(const struct operation *op)
{
    const unsigned char *first = memchr(row_ops, (int) op->number, ROW_COUNT);
    return first ? (int) (first - row_ops) : ROW_COUNT;
}

/* Notes one "name=value" pair among the slices of the operation's rows. */
static int pair_note(const struct operation *op, const char *pair, size_t bytes,
                     struct slice slices[QUERY_PAIRS], struct query *query)
{
    const char *equals = memchr(pair, '=', bytes);
    size_t name_bytes = equals ? (size_t) (equals - pair) : bytes;
    char name[48];
    if (bytes == 0)
        return refuse(query, REASON_QUERY_REFUSED, "", "%s: the query has an empty parameter",
                      op->id);
    snprintf(name, sizeof(name), "%.*s", (int) name_bytes, pair);
    if (memchr(pair, '%', name_bytes) || memchr(pair, '+', name_bytes))
        return refuse(query, REASON_QUERY_REFUSED, name,
                      "%s: the name of query parameter '%s' must not be escaped", op->id, name);
    if (!equals)
        return refuse(query, REASON_QUERY_REFUSED, name,
                      "%s: query parameter '%s' has no value; write %s=VALUE", op->id, name, name);
    int first = rows_first(op);
    for (int i = first; i < ROW_COUNT && rows[i].op == (int) op->number; i++) {
        if (strlen(rows[i].name) != name_bytes || memcmp(rows[i].name, pair, name_bytes) != 0)
            continue;
        if (slices[i - first].at)
            return refuse(query, REASON_QUERY_REFUSED, name, "%s: query parameter '%s' is repeated",
                          op->id, name);
        slices[i - first] = (struct slice){equals + 1, bytes - name_bytes - 1};
        return REASON_NONE;
    }
    if (echo_is_field(op, pair, name_bytes))
        return REASON_NONE;
    return refuse(query, REASON_QUERY_REFUSED, name,
                  "%s: query parameter '%s' is unknown; `caisson operations` lists the known ones",
                  op->id, name);
}

/* Writes "name=value" behind what is there; false when there is no room. */
static bool text_put(struct query *query, const char *name, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t used = strlen(query->text);
    if (used + 1 + strlen(name) + 1 + 3 * strlen(value) >= sizeof(query->text))
        return false;
    used += (size_t) sprintf(query->text + used, "%s%s=", used ? "&" : "", name);
    for (; *value; value++) {
        unsigned char c = (unsigned char) *value;
        bool plain = strchr(LOWER UPPER DIGITS "_.:/-", c) != NULL;
        used += (size_t) (plain ? sprintf(query->text + used, "%c", c)
                                : sprintf(query->text + used, "%%%c%c", hex[c >> 4], hex[c & 15]));
    }
    return true;
}

static int refuse_memory(struct query *query)
{
    return refuse(query, REASON_OUT_OF_MEMORY, "", "%s", reason_text(REASON_OUT_OF_MEMORY));
}

/* slice->at is NULL when the client sent none. */
static int filters_judge(const struct operation *op, size_t index, const struct slice *slice,
                         struct query_rules *rules)
{
    const struct query_row *row = &rows[index];
    const struct field *rule = query_rule_of(rules->context, index);
    struct query *query = rules->query;
    char value[QUERY_FILTERS_BYTES], out[QUERY_FILTERS_BYTES], why[FILTERS_WRONG_BYTES];
    const char *wrong = slice->at ? value_decode(slice, value, sizeof(value)) : NULL;
    if (wrong)
        return refuse(query, REASON_QUERY_REFUSED, row->name,
                      "%s: query parameter '%s' %s; it must be %s", op->id, row->name, wrong,
                      types[row->type].text);
    const char *text = slice->at && value[0] ? value : NULL;
    if (text && rule && query_rule_presence(rules, rule) != REASON_NONE)
        return REASON_FIELD_REFUSED;
    int rc = filters_write(op, text, rules->context->label, out, sizeof(out), why);
    if (rc < 0 && !why[0])
        return refuse_memory(query);
    if (rc < 0)
        return refuse(query, REASON_QUERY_REFUSED, row->name, "%s: query parameter '%s' %s", op->id,
                      row->name, why);
    if (out[0] && !text_put(query, row->name, out))
        return refuse(query, REASON_QUERY_REFUSED, row->name,
                      "%s: query parameter '%s' is too long", op->id, row->name);
    return REASON_NONE;
}

/* The longest decoded value, with its NUL. */
static size_t value_bytes(int type)
{
    switch (type) {
    case QUERY_MAP:
    case QUERY_LABELS:
        return QUERY_MAP_BYTES;
    case QUERY_IMAGE:
    case QUERY_TAG:
    case QUERY_CONTAINER:
    case QUERY_TEXT:
    case QUERY_TERM:
    case QUERY_FILE:
    case QUERY_NETWORK:
        return QUERY_REFERENCE_BYTES;
    case QUERY_PATH:
        return QUERY_PATH_BYTES;
    default:
        return QUERY_VALUE_BYTES;
    }
}

/* What is not written here, but looked at by whoever asked; NULL for any other type. */
static char *value_held(struct query *query, int type)
{
    switch (type) {
    case QUERY_NAME:
        return query->name;
    case QUERY_IMAGE:
        return query->image;
    case QUERY_TAG:
        return query->tag;
    case QUERY_CONTAINER:
        return query->container;
    default:
        return NULL;
    }
}

/*
 * A value that is there, as far as its row alone goes: *out is canonical.  *ret_absent says that it
 * means the same as no value.
 */
static int value_take(const struct operation *op, const struct query_row *row, unsigned api_minor,
                      const struct slice *slice, char out[QUERY_SENT_BYTES], bool *ret_absent,
                      struct query *query)
{
    char value[QUERY_SENT_BYTES];
    int reason = row->type == QUERY_NAME ? REASON_NAME_REFUSED : REASON_QUERY_REFUSED;
    bool is_bool = row->type == QUERY_BOOL || row->type == QUERY_BOOL_ON;
    const char *wrong = value_decode(slice, value, value_bytes(row->type));
    if (wrong)
        return refuse(query, reason, row->name, "%s: query parameter '%s' %s; it must be %s",
                      op->id, row->name, wrong, types[row->type].text);
    if (row->type == QUERY_NEUTRAL && !is_false(value))
        return refuse(query, reason, row->name, "%s: query parameter '%s' is refused: %s", op->id,
                      row->name, query_row_why(row));
    *ret_absent = row->type == QUERY_NEUTRAL || (value[0] == '\0' && !is_bool);
    if (*ret_absent)
        return REASON_NONE;
    if (api_minor < row->since)
        return refuse(query, reason, row->name,
                      "%s: query parameter '%s' needs API version 1.%u, and 1.%u is spoken here",
                      op->id, row->name, row->since, api_minor);
    if (!types[row->type].take(value, out))
        return refuse(query, reason, row->name, "%s: query parameter '%s' must be %s, not '%.64s'",
                      op->id, row->name, types[row->type].text, value);
    *ret_absent = out[0] == '\0';
    return REASON_NONE;
}

/* What is sent as labels of an image always says that nobody owns it, whatever its files say. */
static int labels_put(const struct operation *op, struct query *query, const struct query_row *row,
                      const char *labels)
{
    char stamped[QUERY_STAMPED_BYTES];
    if (!query_stamp_labels(labels, stamped))
        return refuse_memory(query);
    return text_put(query, row->name, stamped)
               ? REASON_NONE
               : refuse(query, REASON_QUERY_REFUSED, row->name,
                        "%s: query parameter '%s' is too long", op->id, row->name);
}

/* Whatever its rule, which can but refuse it. */
static bool is_never_sent(const struct query_row *row)
{
    return row->type == QUERY_NEUTRAL || row->type == QUERY_IGNORED || row->type == QUERY_EMPTY;
}

/* slice->at is NULL when the client sent none; a rule can send something all the same. */
static int value_judge(const struct operation *op, size_t index, const struct slice *slice,
                       struct query_rules *rules)
{
    const struct query_row *row = &rows[index];
    const struct field *rule = query_rule_of(rules->context, index);
    struct query *query = rules->query;
    char value[QUERY_SENT_BYTES], ruled[QUERY_SENT_BYTES], *held = value_held(query, row->type);
    const char *out = value;
    bool absent = true;
    int reason = REASON_NONE;
    if (slice->at)
        reason = value_take(op, row, rules->context->api_minor, slice, value, &absent, query);
    if (reason == REASON_NONE && rule && query_rule_is_presence(rule)) {
        if (!absent)
            reason = query_rule_presence(rules, rule);
    } else if (reason == REASON_NONE && rule && !is_never_sent(row)) {
        reason = query_rule_judge(rules, rule, absent ? NULL : value, ruled);
        out = ruled;
        absent = ruled[0] == '\0' || row->since > rules->context->api_minor;
    }
    if (reason == REASON_NONE && row->type == QUERY_LABELS)
        return labels_put(op, query, row, absent ? "" : out);
    if (reason != REASON_NONE || absent)
        return reason;
    if (held) /* each has room for what its type lets pass */
        strcpy(held, out);
    else if (!text_put(query, row->name, out))
        return refuse(query, REASON_QUERY_REFUSED, row->name,
                      "%s: query parameter '%s' is too long", op->id, row->name);
    return REASON_NONE;
}

/* Finds the row of each pair. */
static int pairs_note(const struct operation *op, const char *text, size_t bytes,
                      struct slice slices[QUERY_PAIRS], struct query *query)
{
    int reason = REASON_NONE;
    for (size_t begin = 0, end; reason == REASON_NONE && bytes > 0 && begin <= bytes;
         begin = end + 1) {
        const char *amp = memchr(text + begin, '&', bytes - begin);
        end = amp ? (size_t) (amp - text) : bytes;
        reason = pair_note(op, text + begin, end - begin, slices, query);
    }
    return reason;
}

int query_judge(const struct operation *op, const struct query_context *context, const char *text,
                size_t bytes, struct query *query)
{
    struct slice slices[QUERY_PAIRS];
    struct query_rules rules = {.context = context, .query = query};
    int first = rows_first(op), end = first;
    bool silent = bytes == 0 && !context->label;
    for (; end < ROW_COUNT && rows[end].op == (int) op->number; end++) {
        slices[end - first] = (struct slice){0};
        silent = silent && is_never_sent(&rows[end]);
    }
    query->text[0] = query->name[0] = query->image[0] = query->tag[0] = query->container[0] = '\0';
    query->field[0] = query->message[0] = '\0';
    query->warnings = NULL;
    if (silent) /* as most are */
        return REASON_NONE;
    int reason = pairs_note(op, text, bytes, slices, query);
    bool narrowed = !context->label;
    for (int i = first; i < end; i++)
        if (reason == REASON_NONE && rows[i].type == QUERY_FILTERS) {
            reason = filters_judge(op, (size_t) i, &slices[i - first], &rules);
            narrowed = true;
        } else if (reason == REASON_NONE) {
            reason = value_judge(op, (size_t) i, &slices[i - first], &rules);
        }
    if (query_rule_end(&rules) != REASON_NONE)
        reason = refuse_memory(query);
    if (reason == REASON_NONE && !narrowed) /* a bug in a table: everyone's would be shown */
        reason = refuse(query, REASON_UNDECIDED, "", "%s", reason_text(REASON_UNDECIDED));
    return reason;
}

bool query_knows(const struct operation *op, const char *name)
{
    for (int i = rows_first(op); i < ROW_COUNT && rows[i].op == (int) op->number; i++)
        if (strcmp(rows[i].name, name) == 0)
            return true;
    return false;
}

void query_done(struct query *query)
{
    free(query->warnings);
    query->warnings = NULL;
}

const struct query_row *query_row_at(size_t index)
{
    return index < ROW_COUNT ? &rows[index] : NULL;
}

const char *query_type_text(const struct query_row *row)
{
    return types[row->type].text;
}

/* It stands with the field that the parameter is under [query]: one for each row, in this order. */
const char *query_row_why(const struct query_row *row)
{
    struct rows fields = rows_begin(BODY_QUERY);
    struct field_row field = {0};
    for (const struct query_row *at = rows; at <= row; at++)
        rows_next(&fields, &field);
    return field.why;
}
