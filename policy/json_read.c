/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read: one pass over a copy of the text, in which strings are decoded where they stand.
 *
 * The copy belongs to the arena, as the nodes do, and ends with a NUL: a NUL is nowhere good, so no
 * byte has to be held against the end.  Where the reader stops, the open objects and lists tell the
 * path of the field that it is in.
 */
#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "json_internal.h"

enum {
    KEYS_COMPARED = 64,      /* members of an object, before they are sorted to find a double */
    BYTES_COUNTED = 64 << 10 /* of a document, before its values are counted first */
};

/* An open object or list. */
struct level {
    struct json *node;
    bool is_list;
    const char *key;  /* the one that was last read, where it begins; NULL for none */
    uint64_t seen[8]; /* hashes of its keys: a key whose bit is not set is new */
};

struct reader {
    struct arena *arena;
    const char *text; /* as it came */
    size_t bytes;
    char *copy, *at, *end;
    bool takes_nul; /* within strings */
    size_t values, values_most;
    unsigned depth, depth_most;
    const char *fault;
    struct level levels[JSON_DEPTH_MOST];
};

/* ---- faults ---- */

/* A key as the text has it, cut at JSON_QUOTE_BYTES. */
static void path_add(const struct reader *reader, const struct level *level, char *path,
                     size_t size)
{
    size_t used = strlen(path), bytes = 0;
    char key[JSON_QUOTE_BYTES * 2], shown[JSON_QUOTE_BYTES * 4];
    if (level->is_list) {
        snprintf(path + used, size - used, "[]");
    } else if (level->key) {
        size_t at = (size_t) (level->key - reader->copy);
        while (at + bytes < reader->bytes && bytes < 120 && reader->text[at + bytes] != '"')
            bytes += reader->text[at + bytes] == '\\' ? 2 : 1;
        bytes = at + bytes > reader->bytes ? reader->bytes - at : bytes;
        snprintf(key, sizeof(key), "%.*s", (int) (bytes < 120 ? bytes : 120), reader->text + at);
        json_quote(shown, sizeof(shown), key);
        snprintf(path + used, size - used, "%s%s", used ? "." : "", shown);
    }
}

static void fault_print(const struct reader *reader, struct json_fault *fault)
{
    *fault = (struct json_fault){.what = reader->fault, .no_memory = reader->arena->failed};
    if (fault->no_memory)
        return;
    for (unsigned i = 0; i < reader->depth; i++)
        path_add(reader, &reader->levels[i], fault->path, sizeof(fault->path));
    snprintf(fault->text, sizeof(fault->text), "%s %s (at byte %zu of the body)",
             fault->path[0] ? fault->path : "the body", reader->fault,
             (size_t) (reader->at - reader->copy));
}

static bool refuse(struct reader *reader, const char *fault)
{
    reader->fault = fault;
    return false;
}

/* What stands here cannot stand here. */
static bool refuse_byte(struct reader *reader)
{
    if (reader->at >= reader->end)
        return refuse(reader, "ends too early");
    if (*reader->at == '\0')
        return refuse(reader, "holds a NUL character");
    if (reader->depth > 0 && (*reader->at == ']' || *reader->at == '}'))
        reader->depth--;
    return refuse(reader, "is not valid JSON");
}

static bool count_value(struct reader *reader)
{
    return ++reader->values <= reader->values_most || refuse(reader, "holds too many values");
}

static void skip_blanks(struct reader *reader)
{
    while (*reader->at <= ' ' && (*reader->at == ' ' || *reader->at == '\n' ||
                                  *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
}

/* ---- strings ---- */

/* The first byte that is not plain: its end at least, and behind that there are JSON_PADDING bytes,
 * so that eight can be looked at at once. */
static char *skip_plain(char *at)
{
    uint64_t odd;
    while (!(odd = json_odd_bits(json_eight(at))))
        at += sizeof(odd);
    return at + __builtin_ctzll(odd) / 8;
}

/* The bytes of one character outside of ASCII; 0 when they are not valid UTF-8. */
static size_t utf8_bytes(const char *text)
{
    const unsigned char *u = (const unsigned char *) text;
    size_t bytes = u[0] >= 0xf5 ? 0 : u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc2 ? 2 : 0;
    /* Neither longer than need be, nor half of a pair, nor beyond the last one. */
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    return bytes;
}

static char *utf8_put(char *to, unsigned point)
{
    static const unsigned heads[] = {0, 0xc0, 0xe0, 0xf0};
    unsigned more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    *to++ = (char) (heads[more] | point >> 6 * more);
    while (more-- > 0)
        *to++ = (char) (0x80U | (point >> 6 * more & 0x3fU));
    return to;
}

/* Four digits; -1 when they are none. */
static int hex_read(const char *at)
{
    int value = 0;
    for (size_t i = 0; i < 4; i++) {
        int letter = at[i] | 0x20;
        int digit = at[i] >= '0' && at[i] <= '9'     ? at[i] - '0'
                    : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10
                                                     : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* \uXXXX, from behind the u; half of a pair is no character. */
static bool read_point(struct reader *reader, bool takes_nul, char **to)
{
    int point = hex_read(reader->at);
    if (point < 0 || (point & 0xfc00) == 0xdc00)
        return refuse(reader, "is not valid JSON");
    reader->at += 4;
    if ((point & 0xfc00) == 0xd800) {
        int low = reader->at[0] == '\\' && reader->at[1] == 'u' ? hex_read(reader->at + 2) : -1;
        if (low < 0 || (low & 0xfc00) != 0xdc00)
            return refuse(reader, "is not valid JSON");
        reader->at += 6;
        point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
    }
    if (point == 0 && !takes_nul)
        return refuse(reader, "holds a NUL character");
    *to = utf8_put(*to, (unsigned) point);
    return true;
}

static bool read_escape(struct reader *reader, bool takes_nul, char **to)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char letter = reader->at[1], *found = letter ? strchr(letters, letter) : NULL;
    if (!found && letter != 'u')
        return refuse(reader, "is not valid JSON");
    reader->at += 2;
    if (letter == 'u')
        return read_point(reader, takes_nul, to);
    *(*to)++ = meant[found - letters];
    return true;
}

/* What is not plain: the rest of a string with escapes or characters outside of ASCII. */
static bool read_odd(struct reader *reader, bool takes_nul, char **to)
{
    while (*reader->at != '"') {
        size_t bytes = 0;
        if (*reader->at == '\\') {
            if (!read_escape(reader, takes_nul, to))
                return false;
        } else if ((unsigned char) *reader->at < 0x20) {
            return refuse(reader,
                          reader->at >= reader->end ? "ends too early" : "is not valid JSON");
        } else if (*reader->at & 0x80) {
            bytes = utf8_bytes(reader->at);
            if (bytes == 0)
                return refuse(reader, "is not valid UTF-8");
        }
        bytes = (size_t) (skip_plain(reader->at + bytes) - reader->at);
        memmove(*to, reader->at, bytes);
        *to += bytes;
        reader->at += bytes;
    }
    return true;
}

/* From an opening quote to behind the closing one, in whose place a NUL ends the text. */
static inline bool read_text(struct reader *reader, bool takes_nul, const char **ret,
                             size_t *ret_bytes)
{
    char *start = ++reader->at;
    char *to = reader->at = skip_plain(start);
    if (*reader->at != '"' && !read_odd(reader, takes_nul, &to))
        return false;
    reader->at++;
    *to = '\0';
    *ret = start;
    *ret_bytes = (size_t) (to - start);
    return true;
}

/* ---- numbers and words ---- */

static char *skip_digits(char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

static bool read_real(struct reader *reader, char *at, struct json *ret)
{
    if (*at == '.') {
        char *fraction = at + 1;
        at = skip_digits(fraction);
        if (at == fraction)
            return refuse_byte(reader);
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        if (skip_digits(at) == at)
            return refuse_byte(reader);
        at = skip_digits(at);
    }
    errno = 0;
    ret->kind = JSON_REAL;
    ret->real = strtod(reader->at, NULL);
    reader->at = at;
    return !isinf(ret->real) || refuse(reader, "is a number that is too large");
}

static bool read_number(struct reader *reader, struct json *ret)
{
    const bool negative = *reader->at == '-';
    char *first = reader->at + negative, *end = skip_digits(first);
    if (end == first || (*first == '0' && end > first + 1))
        return refuse_byte(reader);
    if (*end == '.' || *end == 'e' || *end == 'E')
        return read_real(reader, end, ret);
    bool over = false;
    int64_t number = 0;
    for (char *at = first; at < end && !over; at++)
        over = __builtin_mul_overflow(number, 10, &number) ||
               (negative ? __builtin_sub_overflow(number, *at - '0', &number)
                         : __builtin_add_overflow(number, *at - '0', &number));
    if (over)
        return refuse(reader, "is a number that is too large");
    ret->kind = JSON_INTEGER;
    ret->number = number;
    reader->at = end;
    return true;
}

/* At the first letter that is another one. */
static bool refuse_word(struct reader *reader, const char *word)
{
    for (; *reader->at == *word; word++)
        reader->at++;
    return refuse_byte(reader);
}

/* The copy is padded, so that there are as many bytes as in any word. */
static inline bool read_word(struct reader *reader, const char *word, size_t bytes,
                             enum json_kind kind, struct json *ret)
{
    if (memcmp(reader->at, word, bytes) != 0)
        return refuse_word(reader, word);
    ret->kind = kind;
    reader->at += bytes;
    return true;
}

/* ---- objects and lists ---- */

static bool read_value(struct reader *reader, struct json *ret);

static struct level *level_open(struct reader *reader, struct json *node, enum json_kind kind)
{
    if (reader->depth == reader->depth_most) {
        refuse(reader, "is nested too deeply");
        return NULL;
    }
    struct level *level = &reader->levels[reader->depth++];
    *level = (struct level){.node = node, .is_list = kind == JSON_LIST};
    node->kind = kind;
    reader->at++;
    if (!count_value(reader))
        return NULL;
    skip_blanks(reader);
    return level;
}

/* Behind an element or member: true when another one must follow. */
static bool level_goes_on(struct reader *reader, struct level *level, char close)
{
    skip_blanks(reader);
    if (*reader->at == ',') {
        level->key = NULL;
        reader->at++;
        if (!count_value(reader))
            return false;
        skip_blanks(reader);
        return true;
    }
    if (*reader->at != close)
        return refuse_byte(reader);
    reader->at++;
    reader->depth--;
    return false;
}

static bool refuse_twin(struct reader *reader, struct level *level, const struct json *member)
{
    level->key = member->key;
    reader->at = reader->copy + (member->key - reader->copy) + member->key_bytes + 1;
    return refuse(reader, "appears twice");
}

/* Whether an object has a key already.  The keys of a large one are looked at when it ends. */
static bool key_is_new(struct level *level, const struct json *member)
{
    uint32_t hash = json_key_hash(member->key, member->key_bytes);
    uint64_t *seen = &level->seen[hash >> 6 & 7], bit = UINT64_C(1) << (hash & 63);
    const bool is_new = !(*seen & bit);
    *seen |= bit;
    return is_new || level->node->size > KEYS_COMPARED ||
           !json_find(level->node, member->key, member->key_bytes);
}

static bool read_key(struct reader *reader, struct level *level, struct json *member)
{
    size_t bytes;
    if (*reader->at != '"')
        return refuse_byte(reader);
    level->key = reader->at + 1;
    if (!read_text(reader, false, &member->key, &bytes))
        return false;
    member->key_bytes = (uint32_t) bytes & ((1U << 28) - 1);
    if (!key_is_new(level, member))
        return refuse_twin(reader, level, member);
    skip_blanks(reader);
    if (*reader->at != ':')
        return refuse_byte(reader);
    reader->at++;
    skip_blanks(reader);
    return true;
}

static __attribute__((noinline)) bool read_object(struct reader *reader, struct json *object)
{
    struct level *level = level_open(reader, object, JSON_OBJECT);
    if (!level)
        return false;
    if (*reader->at == '}')
        return level_goes_on(reader, level, '}') || !reader->fault;
    do {
        struct json *member = json_node(reader->arena);
        if (reader->arena->failed || !read_key(reader, level, member) ||
            !read_value(reader, member))
            return false;
        json_link(object, member);
    } while (level_goes_on(reader, level, '}'));
    const struct json *twin = object->size > KEYS_COMPARED && !reader->fault
                                  ? json_repeated(reader->arena, object)
                                  : NULL;
    if (!twin)
        return !reader->fault;
    reader->depth++;
    return refuse_twin(reader, level, twin);
}

static __attribute__((noinline)) bool read_list(struct reader *reader, struct json *list)
{
    struct level *level = level_open(reader, list, JSON_LIST);
    if (!level)
        return false;
    if (*reader->at == ']')
        return level_goes_on(reader, level, ']') || !reader->fault;
    do {
        struct json *element = json_node(reader->arena);
        if (reader->arena->failed || !read_value(reader, element))
            return false;
        json_link(list, element);
    } while (level_goes_on(reader, level, ']'));
    return !reader->fault;
}

static bool read_string(struct reader *reader, struct json *ret)
{
    size_t bytes;
    if (!read_text(reader, reader->takes_nul, &ret->text, &bytes))
        return false;
    ret->kind = JSON_STRING;
    ret->size = (uint32_t) bytes;
    return true;
}

static bool read_value(struct reader *reader, struct json *ret)
{
    switch (*reader->at) {
    case '{':
        return read_object(reader, ret);
    case '[':
        return read_list(reader, ret);
    case '"':
        return read_string(reader, ret);
    case 't':
        return read_word(reader, "true", 4, JSON_TRUE, ret);
    case 'f':
        return read_word(reader, "false", 5, JSON_FALSE, ret);
    case 'n':
        return read_word(reader, "null", 4, JSON_NULL, ret);
    default:
        return read_number(reader, ret);
    }
}

/* ---- documents ---- */

static void reader_init(struct reader *reader, struct arena *arena, const char *text, size_t bytes,
                        char *copy)
{
    reader->arena = arena;
    reader->text = text;
    reader->bytes = bytes;
    reader->copy = reader->at = copy;
    reader->end = copy + bytes;
    reader->takes_nul = false;
    reader->values = 0;
    reader->values_most = JSON_VALUES_MOST;
    reader->depth = 0;
    reader->depth_most = JSON_DEPTH_MOST;
    reader->fault = NULL;
}

/* False when there is no memory, or too much text for the sizes in a node. */
static bool reader_take(struct reader *reader, struct arena *arena, const char *text, size_t bytes)
{
    enum { BYTES_MOST = (1 << 28) - 1 };
    arena->failed |= bytes > BYTES_MOST;
    char *copy = arena->failed ? NULL : arena_take(arena, bytes + 1 + JSON_PADDING);
    if (!copy)
        return false;
    if (bytes > 0)
        memcpy(copy, text, bytes);
    memset(copy + bytes, 0, 1 + JSON_PADDING);
    reader_init(reader, arena, text, bytes, copy);
    return true;
}

/* ---- large documents ---- */

/* Behind a string; the first one in an object is a key. */
static void count_text(struct reader *reader)
{
    struct level *level = reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
    if (level && !level->is_list && !level->key)
        level->key = reader->at + 1;
    reader->at = skip_plain(reader->at + 1);
    while (reader->at < reader->end && *reader->at != '"') {
        const bool escapes = *reader->at == '\\' && reader->at + 1 < reader->end;
        reader->at = skip_plain(reader->at + (escapes ? 2 : 1));
    }
}

/* Whether the values are few enough to build a tree of them.  What else may be wrong with the text
 * is left to the reader. */
static bool count_values(struct reader *reader)
{
    for (; reader->at < reader->end; reader->at++) {
        const char byte = *reader->at;
        if (byte == '"')
            count_text(reader);
        if (byte != ',' && byte != '{' && byte != '[') {
            reader->depth -= (byte == '}' || byte == ']') && reader->depth > 0;
            continue;
        }
        if (byte == ',' && reader->depth > 0)
            reader->levels[reader->depth - 1].key = NULL;
        if (byte != ',' && reader->depth == reader->depth_most)
            break;
        if (byte != ',')
            reader->levels[reader->depth++] = (struct level){.is_list = byte == '['};
        if (!count_value(reader))
            return false;
    }
    reader->at = reader->copy;
    reader->depth = 0;
    reader->values = 0;
    return true;
}

/* An object or a list, and nothing else. */
static struct json *read_document(struct reader *reader, struct json_fault *ret_fault)
{
    struct json *value = json_node(reader->arena);
    const bool is_large = reader->bytes > BYTES_COUNTED && reader->values_most < SIZE_MAX;
    if (is_large && !count_values(reader)) {
        fault_print(reader, ret_fault);
        return NULL;
    }
    skip_blanks(reader);
    bool good =
        *reader->at == '{' || *reader->at == '[' ? read_value(reader, value) : refuse_byte(reader);
    if (good)
        skip_blanks(reader);
    if (good && reader->at < reader->end)
        good =
            *reader->at == '\0' ? refuse_byte(reader) : refuse(reader, "is followed by more bytes");
    if (good && !reader->arena->failed)
        return value;
    fault_print(reader, ret_fault);
    return NULL;
}

static struct json *read_bounded(struct arena *arena, const char *text, size_t bytes,
                                 unsigned depth, struct json_fault *ret_fault)
{
    struct reader reader;
    if (!reader_take(&reader, arena, text, bytes)) {
        *ret_fault = (struct json_fault){.no_memory = true};
        return NULL;
    }
    reader.depth_most = depth < JSON_DEPTH_MOST ? depth : JSON_DEPTH_MOST;
    return read_document(&reader, ret_fault);
}

/* A fault of the document itself. */
static void fault_whole(struct json_fault *ret_fault, const char *fault)
{
    *ret_fault = (struct json_fault){.no_memory = false};
    snprintf(ret_fault->text, sizeof(ret_fault->text), "the body %s (at byte 0 of the body)",
             fault);
}

struct json *json_read_strict(struct arena *arena, const char *text, size_t bytes, unsigned depth,
                              struct json_fault *ret_fault)
{
    struct json *value = read_bounded(arena, text, bytes, depth, ret_fault);
    if (!value || value->kind == JSON_OBJECT)
        return value;
    fault_whole(ret_fault, "must be a JSON object");
    return NULL;
}

struct json *json_read_trusted(struct arena *arena, const char *text, size_t bytes,
                               struct json_fault *ret_fault)
{
    struct reader reader;
    if (!reader_take(&reader, arena, text, bytes)) {
        *ret_fault = (struct json_fault){.no_memory = true};
        return NULL;
    }
    reader.takes_nul = true;
    reader.values_most = SIZE_MAX;
    return read_document(&reader, ret_fault);
}

struct json *json_read_first(struct arena *arena, char *text, char **ret_end,
                             struct json_fault *ret_fault)
{
    struct reader reader;
    struct json *value = json_node(arena);
    reader_init(&reader, arena, text, strlen(text), text);
    bool good = read_value(&reader, value);
    *ret_end = reader.at;
    if (good && !arena->failed)
        return value;
    fault_print(&reader, ret_fault);
    return NULL;
}

/* ---- documents that no table describes ---- */

static bool keys_differ(struct arena *arena, const struct json *object)
{
    struct json *folded = json_new(arena, JSON_OBJECT);
    for (const struct json *member = json_members(object); member; member = member->next) {
        const char *key = json_fold_key(arena, member->key);
        json_put(arena, folded, key, strlen(key), member);
    }
    return !json_repeated(arena, folded);
}

static bool all_keys_differ(struct arena *arena, const struct json *value)
{
    if (json_is(value, JSON_OBJECT) && !keys_differ(arena, value))
        return false;
    for (const struct json *inside = json_inside(value); inside; inside = inside->next)
        if (!all_keys_differ(arena, inside))
            return false;
    return true;
}

char *json_rewrite(const char *text, size_t bytes, unsigned depth, size_t *ret_bytes,
                   struct json_fault *ret_fault)
{
    struct arena arena = {0};
    struct json *value = read_bounded(&arena, text, bytes, depth, ret_fault);
    char *written = NULL;
    if (value && !all_keys_differ(&arena, value))
        fault_whole(ret_fault, "has keys that an Engine takes for the same");
    else if (value && !(written = json_write(&arena, value, ret_bytes)))
        *ret_fault = (struct json_fault){.no_memory = true};
    arena_done(&arena);
    return written;
}
