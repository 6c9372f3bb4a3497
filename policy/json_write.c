/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_write: a tree as text, straight into one buffer that grows.
 */
#include "json.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"
#include "json_internal.h"

struct writer {
    char *text;
    size_t used, room;
    bool ascii, failed;
};

/* Room for so many more bytes; NULL when there is none. */
static char *writer_grow(struct writer *writer, size_t bytes)
{
    size_t room = 2 * writer->room + bytes + 2000;
    char *text = writer->failed ? NULL : realloc(writer->text, room);
    if (!text) {
        writer->failed = true;
        return NULL;
    }
    writer->text = text;
    writer->room = room;
    return text + writer->used;
}

static inline char *writer_room(struct writer *writer, size_t bytes)
{
    return writer->room - writer->used >= bytes ? writer->text + writer->used
                                                : writer_grow(writer, bytes);
}

static inline void writer_end(struct writer *writer, const char *to)
{
    writer->used = (size_t) (to - writer->text);
}

static void put_byte(struct writer *writer, char byte)
{
    char *to = writer_room(writer, 1);
    if (to) {
        *to = byte;
        writer->used++;
    }
}

/* ---- texts ---- */

/* Of eight bytes at once, the first one on the lowest place: the top bit of each that is a control
 * character, a quote, a backslash, or not ASCII.  The lowest bit that is set is right; those above
 * it may be too many. */
static inline uint64_t json_odd_bits(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    return (eight | (eight - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops;
}

static inline uint64_t json_eight(const char *text)
{
    uint64_t eight;
    memcpy(&eight, text, sizeof(eight));
    return le64toh(eight);
}

static bool is_odd(char byte)
{
    return (unsigned char) byte < 0x20 || byte == '"' || byte == '\\' || byte & 0x80;
}

/* Bytes at the beginning that need no escape, whatever the style. */
static size_t plain_bytes(const char *text, size_t bytes)
{
    const size_t eight = sizeof(uint64_t);
    size_t at = 0;
    if (bytes < eight) {
        while (at < bytes && !is_odd(text[at]))
            at++;
        return at;
    }
    while (at < bytes) { /* the last eight may reach back to what was looked at before */
        at = at + eight <= bytes ? at : bytes - eight;
        uint64_t odd = json_odd_bits(json_eight(text + at));
        if (odd)
            return at + (size_t) __builtin_ctzll(odd) / 8;
        at += eight;
    }
    return bytes;
}

static char *put_hex(char *to, unsigned unit)
{
    static const char digits[] = "0123456789ABCDEF";
    *to++ = '\\';
    *to++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *to++ = digits[unit >> shift & 0xf];
    return to;
}

/* A character outside of ASCII as one or two \uXXXX; *at stands behind it then. */
static char *put_point(char *to, const unsigned char **at)
{
    const unsigned char *u = *at;
    unsigned bytes = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
    unsigned point = u[0] & (0x7fU >> bytes);
    for (unsigned i = 1; i < bytes; i++)
        point = point << 6 | (u[i] & 0x3fU);
    *at += bytes;
    if (point < 0x10000)
        return put_hex(to, point);
    point -= 0x10000;
    return put_hex(put_hex(to, 0xd800 | point >> 10), 0xdc00 | (point & 0x3ff));
}

static char *put_escape(char *to, char byte)
{
    static const char letters[] = "\"\\bfnrt", meant[] = "\"\\\b\f\n\r\t";
    const char *found = byte ? strchr(meant, byte) : NULL;
    if (!found)
        return put_hex(to, (unsigned char) byte);
    *to++ = '\\';
    *to++ = letters[found - meant];
    return to;
}

/* What is behind the plain bytes of a text that is valid UTF-8. */
static char *put_rest(const struct writer *writer, char *to, const char *at, const char *end)
{
    while (at < end) {
        if (!(*at & 0x80))
            to = put_escape(to, *at++);
        else if (writer->ascii)
            to = put_point(to, (const unsigned char **) &at);
        else
            *to++ = *at++;
        size_t plain = plain_bytes(at, (size_t) (end - at));
        to = mempcpy(to, at, plain);
        at += plain;
    }
    return to;
}

/* A text in quotes, between two bytes more; NULs are left out. */
static void put_text(struct writer *writer, char before, const char *text, size_t bytes, char after)
{
    const size_t plain = plain_bytes(text, bytes);
    char *to = writer_room(writer, plain + 6 * (bytes - plain) + 4);
    if (!to)
        return;
    *to = before;
    to += before != '\0';
    *to++ = '"';
    to = mempcpy(to, text, plain);
    if (plain < bytes)
        to = put_rest(writer, to, text + plain, text + bytes);
    *to++ = '"';
    *to = after;
    writer_end(writer, to + (after != '\0'));
}

/* ---- values ---- */

char *json_print_number(char buffer[JSON_NUMBER_BYTES], int64_t number)
{
    char *first = buffer + JSON_NUMBER_BYTES - 1;
    uint64_t left = number < 0 ? -(uint64_t) number : (uint64_t) number;
    *first = '\0';
    do
        *--first = (char) ('0' + left % 10);
    while ((left /= 10) > 0);
    if (number < 0)
        *--first = '-';
    return first;
}

static __attribute__((noinline)) void put_number(struct writer *writer, int64_t number)
{
    char digits[JSON_NUMBER_BYTES], *first = json_print_number(digits, number);
    char *to = writer_room(writer, sizeof(digits));
    if (to)
        writer_end(writer, stpcpy(to, first));
}

/* With a point or an exponent, so that it stays what it is. */
static __attribute__((noinline)) void put_real(struct writer *writer, double real)
{
    char text[40];
    int bytes = snprintf(text, sizeof(text) - 2, "%.17g", real);
    if (!strpbrk(text, ".e"))
        bytes = (int) (stpcpy(text + bytes, ".0") - text);
    char *to = writer_room(writer, (size_t) bytes);
    if (to)
        writer_end(writer, mempcpy(to, text, (size_t) bytes));
}

static void put_word(struct writer *writer, const char *word)
{
    char *to = writer_room(writer, 8);
    if (to)
        writer_end(writer, stpcpy(to, word));
}

static void put_value(struct writer *writer, const struct json *value);

static void put_key(struct writer *writer, char before, const struct json *member)
{
    const struct json_name *name = member->name;
    if (!name) {
        put_text(writer, before, member->key, member->key_bytes, ':');
        return;
    }
    char *to = writer_room(writer, name->bytes + 4);
    if (!to)
        return;
    *to++ = before;
    *to++ = '"';
    to = mempcpy(to, name->text, name->bytes);
    *to++ = '"';
    *to++ = ':';
    writer_end(writer, to);
}

static void put_inside(struct writer *writer, const struct json *value, const char brackets[2])
{
    char before = brackets[0];
    if (!value->first)
        put_byte(writer, before);
    for (const struct json *inside = value->first; inside; inside = inside->next) {
        if (value->kind == JSON_OBJECT)
            put_key(writer, before, inside);
        else
            put_byte(writer, before);
        before = ',';
        put_value(writer, inside);
    }
    put_byte(writer, brackets[1]);
}

static void put_value(struct writer *writer, const struct json *value)
{
    switch ((enum json_kind) value->kind) {
    case JSON_NULL:
        put_word(writer, "null");
        break;
    case JSON_FALSE:
        put_word(writer, "false");
        break;
    case JSON_TRUE:
        put_word(writer, "true");
        break;
    case JSON_INTEGER:
        put_number(writer, value->number);
        break;
    case JSON_REAL:
        put_real(writer, value->real);
        break;
    case JSON_STRING:
        put_text(writer, '\0', value->text, value->size, '\0');
        break;
    case JSON_LIST:
        put_inside(writer, value, "[]");
        break;
    case JSON_OBJECT:
        put_inside(writer, value, "{}");
        break;
    }
}

static char *write_whole(const struct arena *arena, const struct json *value, bool ascii,
                         size_t *ret_bytes)
{
    struct writer writer = {.ascii = ascii, .failed = arena->failed};
    if (!writer.failed)
        put_value(&writer, value);
    put_byte(&writer, '\0');
    if (writer.failed) {
        free(writer.text);
        return NULL;
    }
    if (ret_bytes)
        *ret_bytes = writer.used - 1;
    return writer.text;
}

char *json_write(const struct arena *arena, const struct json *value, size_t *ret_bytes)
{
    return write_whole(arena, value, false, ret_bytes);
}

char *json_write_ascii(const struct arena *arena, const struct json *value, size_t *ret_bytes)
{
    return write_whole(arena, value, true, ret_bytes);
}
