/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle json: see the header.  One recursive reader of the grammar makes a tree that keeps every
 * member, doubles too; strictness is a walk over that tree, Go's understanding a merge of it.
 */
#include "oracle_json.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORACLE_DEPTH_MOST = 200 };

struct reader {
    const unsigned char *at, *end;
    unsigned depth, depth_most;
};

static void *oracle_allocate(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        abort();
    return memory;
}

void oracle_json_free(struct oracle_value *value)
{
    while (value) {
        struct oracle_value *next = value->next;
        oracle_json_free(value->first);
        free(value->key);
        free(value->text);
        free(value);
        value = next;
    }
}

/* ---- the grammar ---- */

static struct oracle_value *read_value(struct reader *reader);

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && *reader->at && strchr(" \t\r\n", *reader->at))
        reader->at++;
}

static bool take(struct reader *reader, char wanted)
{
    if (reader->at == reader->end || *reader->at != (unsigned char) wanted)
        return false;
    reader->at++;
    return true;
}

static bool take_word(struct reader *reader, const char *word)
{
    size_t bytes = strlen(word);
    if ((size_t) (reader->end - reader->at) < bytes || memcmp(reader->at, word, bytes) != 0)
        return false;
    reader->at += bytes;
    return true;
}

static size_t utf8_write(unsigned point, char *to)
{
    if (point < 0x80) {
        to[0] = (char) point;
        return 1;
    }
    size_t bytes = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = bytes; i-- > 1; point >>= 6)
        to[i] = (char) (0x80 | (point & 0x3f));
    to[0] = (char) ((0xf00U >> bytes & 0xff) | point);
    return bytes;
}

/* The ranges of the Unicode standard's table 3-7: how long a well-formed character is, 0: it is
 * not.
 */
static size_t utf8_well_formed(const unsigned char *at, const unsigned char *end)
{
    static const struct {
        unsigned char first[2], second[2];
        size_t bytes;
    } ROWS[] = {{{0x00, 0x7f}, {0, 0}, 1},       {{0xc2, 0xdf}, {0x80, 0xbf}, 2},
                {{0xe0, 0xe0}, {0xa0, 0xbf}, 3}, {{0xe1, 0xec}, {0x80, 0xbf}, 3},
                {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3},
                {{0xf0, 0xf0}, {0x90, 0xbf}, 4}, {{0xf1, 0xf3}, {0x80, 0xbf}, 4},
                {{0xf4, 0xf4}, {0x80, 0x8f}, 4}};
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        size_t bytes = ROWS[i].bytes;
        if (*at < ROWS[i].first[0] || *at > ROWS[i].first[1])
            continue;
        if ((size_t) (end - at) < bytes)
            return 0;
        if (bytes > 1 && (at[1] < ROWS[i].second[0] || at[1] > ROWS[i].second[1]))
            return 0;
        for (size_t k = 2; k < bytes; k++)
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        return bytes;
    }
    return 0;
}

static bool read_hex4(struct reader *reader, unsigned *ret)
{
    *ret = 0;
    for (int i = 0; i < 4; i++, reader->at++) {
        static const char DIGITS[] = "0123456789abcdef";
        if (reader->at == reader->end || !*reader->at)
            return false;
        unsigned char c = *reader->at;
        const char *digit = strchr(DIGITS, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
        if (!digit)
            return false;
        *ret = *ret * 16 + (unsigned) (digit - DIGITS);
    }
    return true;
}

/* Behind the backslash. */
static bool read_escape(struct reader *reader, unsigned *ret)
{
    static const char NAMES[] = "\"\\/bfnrt", MEANS[] = "\"\\/\b\f\n\r\t";
    unsigned low;
    if (reader->at == reader->end || !*reader->at)
        return false;
    unsigned char c = *reader->at++;
    const char *name = strchr(NAMES, c);
    if (name) {
        *ret = (unsigned char) MEANS[name - NAMES];
        return true;
    }
    if (c != 'u' || !read_hex4(reader, ret) || *ret == 0 || (*ret >= 0xdc00 && *ret <= 0xdfff))
        return false;
    if (*ret < 0xd800 || *ret > 0xdbff)
        return true;
    if (!take_word(reader, "\\u") || !read_hex4(reader, &low) || low < 0xdc00 || low > 0xdfff)
        return false;
    *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* From behind the opening quote; *ret is the caller's in any case. */
static bool read_string(struct reader *reader, char **ret, size_t *ret_bytes)
{
    *ret = oracle_allocate((size_t) (reader->end - reader->at) + 4);
    *ret_bytes = 0;
    while (reader->at < reader->end && *reader->at != '"') {
        size_t bytes = utf8_well_formed(reader->at, reader->end);
        unsigned point;
        if (bytes == 0 || *reader->at < 0x20)
            return false;
        if (take(reader, '\\')) {
            if (!read_escape(reader, &point))
                return false;
            *ret_bytes += utf8_write(point, *ret + *ret_bytes);
            continue;
        }
        memcpy(*ret + *ret_bytes, reader->at, bytes);
        *ret_bytes += bytes;
        reader->at += bytes;
    }
    return take(reader, '"');
}

static size_t skip_digits(struct reader *reader)
{
    const unsigned char *start = reader->at;
    while (reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9')
        reader->at++;
    return (size_t) (reader->at - start);
}

static bool read_number(struct reader *reader, struct oracle_value *value)
{
    const unsigned char *start = reader->at;
    char copy[2048], text[64];
    bool real = false;
    take(reader, '-');
    const unsigned char *digits = reader->at;
    size_t count = skip_digits(reader);
    if (count == 0 || (count > 1 && *digits == '0'))
        return false;
    if (take(reader, '.')) {
        real = true;
        if (skip_digits(reader) == 0)
            return false;
    }
    if (take(reader, 'e') || take(reader, 'E')) {
        real = true;
        if (!take(reader, '+'))
            take(reader, '-');
        if (skip_digits(reader) == 0)
            return false;
    }
    size_t bytes = (size_t) (reader->at - start);
    if (bytes >= sizeof copy)
        abort(); /* the harness gives shorter ones */
    memcpy(copy, start, bytes);
    copy[bytes] = '\0';
    errno = 0;
    long long whole = real ? 0 : strtoll(copy, NULL, 10);
    if (!real && errno == ERANGE)
        return false;
    double number = real ? strtod(copy, NULL) : 0;
    if (isinf(number))
        return false;
    snprintf(text, sizeof text, real ? "%.17g" : "%.0f", number);
    if (!real)
        snprintf(text, sizeof text, "%lld", whole);
    value->kind = ORACLE_NUMBER;
    value->text = strdup(text);
    if (!value->text)
        abort();
    value->text_bytes = strlen(text);
    return true;
}

/* The rest of an object or array, behind its bracket. */
static bool read_members(struct reader *reader, struct oracle_value *parent)
{
    char close = parent->kind == ORACLE_OBJECT ? '}' : ']';
    struct oracle_value **end = &parent->first;
    char *key = NULL;
    size_t key_bytes = 0;
    bool good = false;

    skip_blanks(reader);
    if (take(reader, close))
        return true;
    for (;;) {
        skip_blanks(reader);
        if (parent->kind == ORACLE_OBJECT) {
            if (!take(reader, '"') || !read_string(reader, &key, &key_bytes))
                break;
            skip_blanks(reader);
            if (!take(reader, ':'))
                break;
        }
        struct oracle_value *member = read_value(reader);
        if (!member)
            break;
        member->key = key;
        member->key_bytes = key_bytes;
        key = NULL;
        *end = member;
        end = &member->next;
        parent->count++;
        skip_blanks(reader);
        good = take(reader, close);
        if (good || !take(reader, ','))
            break;
    }
    free(key);
    return good;
}

static bool read_into(struct reader *reader, struct oracle_value *value)
{
    if (take_word(reader, "null"))
        return true;
    if (take_word(reader, "true") || take_word(reader, "false")) {
        value->kind = reader->at[-2] == 'u' ? ORACLE_TRUE : ORACLE_FALSE;
        return true;
    }
    if (take(reader, '"')) {
        value->kind = ORACLE_STRING;
        return read_string(reader, &value->text, &value->text_bytes);
    }
    if (take(reader, '{') || take(reader, '[')) {
        value->kind = reader->at[-1] == '{' ? ORACLE_OBJECT : ORACLE_ARRAY;
        if (++reader->depth > reader->depth_most || !read_members(reader, value))
            return false;
        reader->depth--;
        return true;
    }
    return read_number(reader, value);
}

static struct oracle_value *read_value(struct reader *reader)
{
    struct oracle_value *value = oracle_allocate(sizeof *value);
    skip_blanks(reader);
    if (read_into(reader, value))
        return value;
    oracle_json_free(value);
    return NULL;
}

static struct oracle_value *read_document(const char *text, size_t bytes, unsigned depth)
{
    const unsigned char *at = (const unsigned char *) text;
    struct reader reader = {.at = at, .end = at + bytes, .depth_most = depth};
    struct oracle_value *value = read_value(&reader);
    skip_blanks(&reader);
    if (value && value->kind == ORACLE_OBJECT && reader.at == reader.end)
        return value;
    oracle_json_free(value);
    return NULL;
}

/* ---- strictly ---- */

static bool same_bytes(const char *a, size_t a_bytes, const char *b, size_t b_bytes)
{
    return a_bytes == b_bytes && (a_bytes == 0 || memcmp(a, b, a_bytes) == 0);
}

static bool has_doubles(const struct oracle_value *value)
{
    for (const struct oracle_value *a = value->first; a; a = a->next) {
        if (has_doubles(a))
            return true;
        for (const struct oracle_value *b = a->next; b && value->kind == ORACLE_OBJECT; b = b->next)
            if (same_bytes(a->key, a->key_bytes, b->key, b->key_bytes))
                return true;
    }
    return false;
}

struct oracle_value *oracle_json_strict(const char *text, size_t bytes, unsigned depth)
{
    struct oracle_value *value = read_document(text, bytes, depth);
    if (!value || !has_doubles(value))
        return value;
    oracle_json_free(value);
    return NULL;
}

/* ---- as Go ---- */

/* Fields whose value is a Go map: names in it are data, compared exactly; the last one counts. */
static bool is_map(const char *name)
{
    static const char *const MAPS[] = {
        "labels",      "volumes", "exposedports", "portbindings",      "sysctls",    "storageopt",
        "annotations", "tmpfs",   "config",       "endpointsconfig",   "driveropts", "options",
        "buildargs",   "auths",   "driverdata",   "auxiliaryaddresses"};
    for (size_t i = 0; name && i < sizeof MAPS / sizeof *MAPS; i++)
        if (strcmp(MAPS[i], name) == 0)
            return true;
    return false;
}

/* Lower case by the folding that can lead into ASCII: A-Z, the long s and the sign for Kelvin. */
static char *fold_name(const char *name, size_t bytes, size_t *ret_bytes)
{
    char *folded = oracle_allocate(bytes + 1);
    *ret_bytes = 0;
    for (size_t i = 0; i < bytes; i++) {
        char c = name[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char) (c + 32);
        } else if (bytes - i >= 2 && memcmp(name + i, "\xc5\xbf", 2) == 0) {
            c = 's';
            i += 1;
        } else if (bytes - i >= 3 && memcmp(name + i, "\xe2\x84\xaa", 3) == 0) {
            c = 'k';
            i += 2;
        }
        folded[(*ret_bytes)++] = c;
    }
    return folded;
}

static void decode(struct oracle_value *into, const struct oracle_value *from, bool map);

static void clear(struct oracle_value *value)
{
    oracle_json_free(value->first);
    free(value->text);
    value->first = NULL;
    value->text = NULL;
    value->text_bytes = value->count = 0;
    value->kind = ORACLE_NULL;
}

static void decode_member(struct oracle_value *into, const struct oracle_value *member, bool map)
{
    size_t bytes = member->key_bytes;
    char *name = map ? NULL : fold_name(member->key, member->key_bytes, &bytes);
    if (map) {
        name = oracle_allocate(bytes + 1);
        memcpy(name, member->key, bytes);
    }
    struct oracle_value **at = &into->first;
    while (*at && !same_bytes((*at)->key, (*at)->key_bytes, name, bytes))
        at = &(*at)->next;
    if (!*at) {
        *at = oracle_allocate(sizeof **at);
        (*at)->key = name;
        (*at)->key_bytes = bytes;
        into->count++;
    } else {
        free(name);
        if (map)
            clear(*at);
    }
    decode(*at, member, !map && is_map((*at)->key));
}

static void decode_list(struct oracle_value *into, const struct oracle_value *from)
{
    struct oracle_value **at = &into->first;
    if (from->count == 0)
        clear(into);
    for (const struct oracle_value *element = from->first; element; element = element->next) {
        if (!*at)
            *at = oracle_allocate(sizeof **at);
        decode(*at, element, false);
        at = &(*at)->next;
    }
    into->kind = ORACLE_ARRAY;
    into->count = from->count; /* older ones stay hidden behind */
}

static void decode(struct oracle_value *into, const struct oracle_value *from, bool map)
{
    bool holds = into->kind == ORACLE_OBJECT || into->kind == ORACLE_ARRAY;
    if (from->kind == ORACLE_NULL) {
        if (holds && into->key)
            clear(into);
        return;
    }
    if (from->kind == ORACLE_ARRAY) {
        if (into->kind != ORACLE_ARRAY)
            clear(into);
        decode_list(into, from);
        return;
    }
    if (from->kind != ORACLE_OBJECT || into->kind != ORACLE_OBJECT)
        clear(into);
    into->kind = from->kind;
    for (const struct oracle_value *member = from->first; member; member = member->next)
        decode_member(into, member, map);
    if (from->text) {
        into->text = oracle_allocate(from->text_bytes + 1);
        memcpy(into->text, from->text, from->text_bytes);
        into->text_bytes = from->text_bytes;
    }
}

struct oracle_value *oracle_json_go(const char *text, size_t bytes)
{
    struct oracle_value *read = read_document(text, bytes, ORACLE_DEPTH_MOST), *value;
    if (!read)
        return NULL;
    value = oracle_allocate(sizeof *value);
    decode(value, read, false);
    oracle_json_free(read);
    return value;
}

/* ---- looking ---- */

static const struct oracle_value *member_of(const struct oracle_value *object, const char *name,
                                            size_t bytes)
{
    for (const struct oracle_value *at = object->first; at; at = at->next)
        if (same_bytes(at->key, at->key_bytes, name, bytes))
            return at;
    return NULL;
}

const struct oracle_value *oracle_json_at(const struct oracle_value *object, const char *path)
{
    while (object && *path) {
        size_t bytes = strcspn(path, ".");
        object = object->kind == ORACLE_OBJECT ? member_of(object, path, bytes) : NULL;
        path += bytes + (path[bytes] == '.');
    }
    return object;
}

void oracle_json_complete_ports(struct oracle_value *object, const char *path)
{
    static const char protocol[] = "/tcp";
    const struct oracle_value *ports = oracle_json_at(object, path);
    for (struct oracle_value *at = ports ? ports->first : NULL; at; at = at->next) {
        if (!at->key || memchr(at->key, '/', at->key_bytes))
            continue;
        char *whole = oracle_allocate(at->key_bytes + sizeof protocol);
        memcpy(whole, at->key, at->key_bytes);
        memcpy(whole + at->key_bytes, protocol, sizeof protocol);
        free(at->key);
        at->key = whole;
        at->key_bytes += sizeof protocol - 1;
    }
}

void oracle_json_empty(struct oracle_value *value, const char *path, const char *text)
{
    size_t bytes = strcspn(path, ".");
    if (!*path && value->kind == ORACLE_STRING && strcmp(value->text, text) == 0)
        value->text_bytes = 0;
    for (struct oracle_value *at = value->first; at; at = at->next) {
        if (value->kind == ORACLE_ARRAY)
            oracle_json_empty(at, path, text);
        else if (*path == '*' || same_bytes(at->key, at->key_bytes, path, bytes))
            oracle_json_empty(at, path + bytes + (path[bytes] == '.'), text);
    }
}

static bool same_name(const struct oracle_value *a, const struct oracle_value *b, bool fold)
{
    if (!a->key || !b->key)
        return a->key == b->key;
    if (!fold)
        return same_bytes(a->key, a->key_bytes, b->key, b->key_bytes);
    size_t bytes;
    char *name = fold_name(a->key, a->key_bytes, &bytes);
    bool same = same_bytes(name, bytes, b->key, b->key_bytes);
    free(name);
    return same;
}

/* map: the names are data, and compared as they are. */
static bool members_equal(const struct oracle_value *a, const struct oracle_value *b, bool fold,
                          bool map)
{
    const struct oracle_value *x = a->first, *y = b->first;
    if (a->kind != b->kind || a->count != b->count ||
        !same_bytes(a->text, a->text_bytes, b->text, b->text_bytes))
        return false;
    for (size_t i = 0; i < a->count; i++, x = x->next, y = y->next) {
        if (!same_name(x, y, fold && !map) || !members_equal(x, y, fold, !map && is_map(y->key)))
            return false;
    }
    return true;
}

bool oracle_json_equal(const struct oracle_value *a, const struct oracle_value *b, bool fold)
{
    return members_equal(a, b, fold, false);
}

/* Every member of a is in b, or as good as not there. */
static bool members_within(const struct oracle_value *a, const struct oracle_value *b)
{
    for (const struct oracle_value *at = a ? a->first : NULL; at; at = at->next)
        if (!oracle_json_alike(at, b ? member_of(b, at->key, at->key_bytes) : NULL))
            return false;
    return true;
}

static bool is_neutral(const struct oracle_value *value)
{
    if (!value || value->kind == ORACLE_NULL || value->kind == ORACLE_FALSE)
        return true;
    if (value->kind == ORACLE_NUMBER)
        return strcmp(value->text, "0") == 0;
    if (value->kind == ORACLE_OBJECT)
        return members_within(value, NULL);
    return value->kind != ORACLE_TRUE && value->count == 0 && value->text_bytes == 0;
}

bool oracle_json_alike(const struct oracle_value *a, const struct oracle_value *b)
{
    if (is_neutral(a) || is_neutral(b))
        return is_neutral(a) && is_neutral(b);
    if (a->kind != b->kind)
        return false;
    if (a->kind == ORACLE_OBJECT)
        return members_within(a, b) && members_within(b, a);
    if (a->kind != ORACLE_ARRAY)
        return same_bytes(a->text, a->text_bytes, b->text, b->text_bytes);
    const struct oracle_value *x = a->first, *y = b->first;
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++, x = x->next, y = y->next)
        if (!oracle_json_alike(x, y))
            return false;
    return true;
}
