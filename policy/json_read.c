/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read: one pass over a copy of the text, in which strings are decoded where they stand.
 *
 * The copy belongs to the arena, as the nodes do, and ends with a NUL: a NUL is nowhere good, so no
 * byte has to be held against the end.  Where the reader stops, the open objects and lists tell the
 * path of the field that it is in.
 */
#include "json.h"

#include <endian.h>
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
    bool is_unsure;                 /* whether two of its keys are the same */
    const char *key;                /* the one that was last read, where it begins; NULL for none */
    const struct json_names *names; /* that its members may have; NULL: any */
    uint64_t seen[8]; /* hashes, or places, of its keys: a key whose bit is not set is new */
};

struct reader {
    struct arena *arena;
    const char *text; /* as it came */
    size_t bytes;
    char *copy, *end;
    char *at;       /* where it stopped */
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

/*
 * Each read_...() is given where something begins, and returns where it ends; or NULL when it is
 * refused, and the reader then knows where and why.
 */
static __attribute__((cold)) char *refuse(struct reader *reader, char *at, const char *fault)
{
    reader->at = at;
    reader->fault = fault;
    return NULL;
}

/* What stands here cannot stand here. */
static __attribute__((cold)) char *refuse_byte(struct reader *reader, char *at)
{
    if (at >= reader->end)
        return refuse(reader, at, "ends too early");
    if (*at == '\0')
        return refuse(reader, at, "holds a NUL character");
    if (reader->depth > 0 && (*at == ']' || *at == '}'))
        reader->depth--;
    return refuse(reader, at, "is not valid JSON");
}

static inline bool count_value(struct reader *reader, char *at)
{
    return ++reader->values <= reader->values_most || refuse(reader, at, "holds too many values");
}

static inline char *skip_blanks(char *at)
{
    while (*at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* ---- strings ---- */

typedef int8_t block __attribute__((vector_size(JSON_PADDING + 1)));

/* The first byte that is a control character, a quote, a backslash, or not ASCII: the end of the
 * text at least, and behind that there are JSON_PADDING bytes, so that a block is looked at at
 * once. */
static inline char *skip_plain(char *at)
{
    for (;; at += sizeof(block)) {
        uint64_t halves[2];
        block bytes, odd;
        memcpy(&bytes, at, sizeof(bytes));
        odd = (bytes < ' ') | (bytes == '"') | (bytes == '\\');
        memcpy(halves, &odd, sizeof(odd));
        if (halves[0])
            return at + __builtin_ctzll(le64toh(halves[0])) / 8;
        if (halves[1])
            return at + 8 + __builtin_ctzll(le64toh(halves[1])) / 8;
    }
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
static char *read_point(struct reader *reader, char *at, bool takes_nul, char **to)
{
    int point = hex_read(at);
    if (point < 0 || (point & 0xfc00) == 0xdc00)
        return refuse(reader, at, "is not valid JSON");
    at += 4;
    if ((point & 0xfc00) == 0xd800) {
        int low = at[0] == '\\' && at[1] == 'u' ? hex_read(at + 2) : -1;
        if (low < 0 || (low & 0xfc00) != 0xdc00)
            return refuse(reader, at, "is not valid JSON");
        at += 6;
        point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
    }
    if (point == 0 && !takes_nul)
        return refuse(reader, at, "holds a NUL character");
    *to = utf8_put(*to, (unsigned) point);
    return at;
}

static char *read_escape(struct reader *reader, char *at, bool takes_nul, char **to)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char letter = at[1], *found = letter ? strchr(letters, letter) : NULL;
    if (!found && letter != 'u')
        return refuse(reader, at, "is not valid JSON");
    if (letter == 'u')
        return read_point(reader, at + 2, takes_nul, to);
    *(*to)++ = meant[found - letters];
    return at + 2;
}

/* The text from `start` is plain up to `at`, but what stands there may be an escape, or outside of
 * ASCII. Behind the closing quote, as read_text(). */
static __attribute__((noinline)) char *read_odd(struct reader *reader, char *start, char *at,
                                                bool takes_nul, uint32_t *ret_bytes)
{
    char *to = at;
    while (*at != '"') {
        size_t bytes = 0;
        if (*at == '\\') {
            at = read_escape(reader, at, takes_nul, &to);
            if (!at)
                return NULL;
        } else if ((unsigned char) *at < 0x20) {
            return refuse(reader, at, at >= reader->end ? "ends too early" : "is not valid JSON");
        } else if (*at & 0x80) {
            bytes = utf8_bytes(at);
            if (bytes == 0)
                return refuse(reader, at, "is not valid UTF-8");
        }
        bytes = (size_t) (skip_plain(at + bytes) - at);
        memmove(to, at, bytes);
        to += bytes;
        at += bytes;
    }
    *to = '\0';
    *ret_bytes = (uint32_t) (to - start);
    return at + 1;
}

/* From the first letter to behind the closing quote, in whose place a NUL ends the text. */
static inline char *read_text(struct reader *reader, char *start, bool takes_nul,
                              uint32_t *ret_bytes)
{
    char *end = skip_plain(start);
    if (*end != '"')
        return read_odd(reader, start, end, takes_nul, ret_bytes);
    *end = '\0';
    *ret_bytes = (uint32_t) (end - start);
    return end + 1;
}

/* ---- numbers and words ---- */

static char *skip_digits(char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

/* at: behind the digits of the number that begins at `first`. */
static char *read_real(struct reader *reader, char *first, char *at, struct json *ret)
{
    if (*at == '.') {
        char *fraction = at + 1;
        at = skip_digits(fraction);
        if (at == fraction)
            return refuse_byte(reader, first);
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '+' || at[1] == '-' ? 2 : 1;
        if (skip_digits(at) == at)
            return refuse_byte(reader, first);
        at = skip_digits(at);
    }
    ret->kind = JSON_REAL;
    ret->real = strtod(first, NULL);
    return isinf(ret->real) ? refuse(reader, at, "is a number that is too large") : at;
}

static __attribute__((noinline)) char *read_number(struct reader *reader, char *at,
                                                   struct json *ret)
{
    const bool negative = *at == '-';
    char *first = at + negative, *end = skip_digits(first);
    if (end == first || (*first == '0' && end > first + 1))
        return refuse_byte(reader, at);
    if (*end == '.' || *end == 'e' || *end == 'E')
        return read_real(reader, at, end, ret);
    bool over = false;
    int64_t number = 0;
    for (char *digit = first; digit < end && !over; digit++)
        over = __builtin_mul_overflow(number, 10, &number) ||
               (negative ? __builtin_sub_overflow(number, *digit - '0', &number)
                         : __builtin_add_overflow(number, *digit - '0', &number));
    if (over)
        return refuse(reader, at, "is a number that is too large");
    ret->kind = JSON_INTEGER;
    ret->number = number;
    return end;
}

/* At the first letter that is another one. */
static char *refuse_word(struct reader *reader, char *at, const char *word)
{
    for (; *at == *word; word++)
        at++;
    return refuse_byte(reader, at);
}

/* The copy is padded, so that there are as many bytes as in any word. */
static inline char *read_word(struct reader *reader, char *at, const char *word, size_t bytes,
                              enum json_kind kind, struct json *ret)
{
    if (memcmp(at, word, bytes) != 0)
        return refuse_word(reader, at, word);
    ret->kind = kind;
    return at + bytes;
}

/* ---- objects and lists ---- */

static char *read_value(struct reader *reader, char *at, struct json *ret);

/* Behind an opening bracket, and the blanks there. */
static char *level_open(struct reader *reader, char *at, struct json *node, enum json_kind kind)
{
    if (reader->depth == reader->depth_most)
        return refuse(reader, at, "is nested too deeply");
    reader->levels[reader->depth++] = (struct level){
        .node = node,
        .is_list = kind == JSON_LIST,
        .names = node->name && kind == JSON_OBJECT ? node->name->inside : NULL,
    };
    node->kind = kind;
    return count_value(reader, at + 1) ? skip_blanks(at + 1) : NULL;
}

/* Behind a comma, where another element or member must follow. */
static inline char *level_go_on(struct reader *reader, char *at, struct level *level)
{
    level->key = NULL;
    return count_value(reader, at + 1) ? skip_blanks(at + 1) : NULL;
}

static char *level_close(struct reader *reader, char *at, char bracket)
{
    if (*at != bracket)
        return refuse_byte(reader, at);
    reader->depth--;
    return at + 1;
}

static __attribute__((cold)) char *refuse_twin(struct reader *reader, struct level *level,
                                               const struct json *member)
{
    level->key = member->key;
    return refuse(reader, reader->copy + (member->key - reader->copy) + member->key_bytes + 1,
                  "appears twice");
}

/* Finds a key among the names, and whether its object has it already; of a large one only whether
 * it may have. */
static inline bool key_is_new(struct level *level, struct json *member)
{
    const char *key = member->key;
    const size_t bytes = member->key_bytes;
    if (level->names)
        member->name = json_names_find(level->names, key, bytes);
    const uint32_t place = member->name ? member->name->place : json_key_hash(key, bytes);
    uint64_t *seen = &level->seen[place >> 6 & 7], bit = UINT64_C(1) << (place & 63);
    const bool is_new = !(*seen & bit);
    *seen |= bit;
    if (is_new || level->node->size <= KEYS_COMPARED)
        return is_new || !json_find(level->node, key, bytes);
    level->is_unsure = true;
    return true;
}

/* A key, the colon, and the blanks on its sides. */
static inline char *read_key(struct reader *reader, char *at, struct level *level,
                             struct json *member)
{
    uint32_t bytes;
    if (*at != '"')
        return refuse_byte(reader, at);
    level->key = member->key = at + 1;
    at = read_text(reader, at + 1, false, &bytes);
    if (!at)
        return NULL;
    member->key_bytes = bytes & ((1U << 28) - 1);
    if (!key_is_new(level, member))
        return refuse_twin(reader, level, member);
    at = skip_blanks(at);
    return *at == ':' ? skip_blanks(at + 1) : refuse_byte(reader, at);
}

static __attribute__((noinline)) char *read_object(struct reader *reader, char *at,
                                                   struct json *object)
{
    struct level *level = &reader->levels[reader->depth];
    at = level_open(reader, at, object, JSON_OBJECT);
    if (!at || *at == '}')
        return at ? level_close(reader, at, '}') : NULL;
    for (;;) {
        struct json *member = json_node(reader->arena);
        if (reader->arena->failed || !(at = read_key(reader, at, level, member)) ||
            !(at = read_value(reader, at, member)))
            return NULL;
        json_link(object, member);
        at = skip_blanks(at);
        if (*at != ',')
            break;
        if (!(at = level_go_on(reader, at, level)))
            return NULL;
    }
    const struct json *twin =
        level->is_unsure && *at == '}' ? json_repeated(reader->arena, object) : NULL;
    return twin ? refuse_twin(reader, level, twin) : level_close(reader, at, '}');
}

static __attribute__((noinline)) char *read_list(struct reader *reader, char *at, struct json *list)
{
    struct level *level = &reader->levels[reader->depth];
    at = level_open(reader, at, list, JSON_LIST);
    if (!at || *at == ']')
        return at ? level_close(reader, at, ']') : NULL;
    for (;;) {
        struct json *element = json_node(reader->arena);
        if (reader->arena->failed || !(at = read_value(reader, at, element)))
            return NULL;
        json_link(list, element);
        at = skip_blanks(at);
        if (*at != ',')
            return level_close(reader, at, ']');
        if (!(at = level_go_on(reader, at, level)))
            return NULL;
    }
}

static char *read_value(struct reader *reader, char *at, struct json *ret)
{
    switch (*at) {
    case '{':
        return read_object(reader, at, ret);
    case '[':
        return read_list(reader, at, ret);
    case '"':
        ret->kind = JSON_STRING;
        ret->text = at + 1;
        return read_text(reader, at + 1, reader->takes_nul, &ret->size);
    case 't':
        return read_word(reader, at, "true", 4, JSON_TRUE, ret);
    case 'f':
        return read_word(reader, at, "false", 5, JSON_FALSE, ret);
    case 'n':
        return read_word(reader, at, "null", 4, JSON_NULL, ret);
    default:
        return read_number(reader, at, ret);
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
        if (!count_value(reader, reader->at))
            return false;
    }
    reader->depth = 0;
    reader->values = 0;
    return true;
}

/* An object or a list, and nothing else. */
static struct json *read_document(struct reader *reader, const struct json_name *name,
                                  struct json_fault *ret_fault)
{
    struct json *value = json_node(reader->arena);
    value->name = name;
    const bool is_large = reader->bytes > BYTES_COUNTED && reader->values_most < SIZE_MAX;
    if (is_large && !count_values(reader)) {
        fault_print(reader, ret_fault);
        return NULL;
    }
    char *at = skip_blanks(reader->copy);
    at = *at == '{' || *at == '[' ? read_value(reader, at, value) : refuse_byte(reader, at);
    if (at)
        at = skip_blanks(at);
    if (at && at < reader->end)
        at =
            *at == '\0' ? refuse_byte(reader, at) : refuse(reader, at, "is followed by more bytes");
    if (at && !reader->arena->failed)
        return value;
    fault_print(reader, ret_fault);
    return NULL;
}

static struct json *read_bounded(struct arena *arena, const char *text, size_t bytes,
                                 unsigned depth, const struct json_name *name,
                                 struct json_fault *ret_fault)
{
    struct reader reader;
    if (!reader_take(&reader, arena, text, bytes)) {
        *ret_fault = (struct json_fault){.no_memory = true};
        return NULL;
    }
    reader.depth_most = depth < JSON_DEPTH_MOST ? depth : JSON_DEPTH_MOST;
    return read_document(&reader, name, ret_fault);
}

/* A fault of the document itself. */
static void fault_whole(struct json_fault *ret_fault, const char *fault)
{
    *ret_fault = (struct json_fault){.no_memory = false};
    snprintf(ret_fault->text, sizeof(ret_fault->text), "the body %s (at byte 0 of the body)",
             fault);
}

struct json *json_read_known(struct arena *arena, const char *text, size_t bytes, unsigned depth,
                             const struct json_name *name, struct json_fault *ret_fault)
{
    struct json *value = read_bounded(arena, text, bytes, depth, name, ret_fault);
    if (!value || value->kind == JSON_OBJECT)
        return value;
    fault_whole(ret_fault, "must be a JSON object");
    return NULL;
}

struct json *json_read_strict(struct arena *arena, const char *text, size_t bytes, unsigned depth,
                              struct json_fault *ret_fault)
{
    return json_read_known(arena, text, bytes, depth, NULL, ret_fault);
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
    return read_document(&reader, NULL, ret_fault);
}

struct json *json_read_first(struct arena *arena, char *text, char **ret_end,
                             struct json_fault *ret_fault)
{
    struct reader reader;
    struct json *value = json_node(arena);
    reader_init(&reader, arena, text, strlen(text), text);
    char *end = read_value(&reader, text, value);
    *ret_end = end ? end : reader.at;
    if (end && !arena->failed)
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
    struct json *value = read_bounded(&arena, text, bytes, depth, NULL, ret_fault);
    char *written = NULL;
    if (value && !all_keys_differ(&arena, value))
        fault_whole(ret_fault, "has keys that an Engine takes for the same");
    else if (value && !(written = json_write(&arena, value, ret_bytes)))
        *ret_fault = (struct json_fault){.no_memory = true};
    arena_done(&arena);
    return written;
}
