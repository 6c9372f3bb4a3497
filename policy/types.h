/* SPDX-License-Identifier: Apache-2.0 */
/*
 * types: what the fields of a JSON body can be.
 *
 * A type knows its JSON shape, how the policy writes its values, and what its strings must look
 * like.  The rows are in types.def.
 */
#ifndef CAISSON_POLICY_TYPES_H
#define CAISSON_POLICY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct json;

enum kind {
    KIND_BOOL,
    KIND_NUMBER,
    KIND_STRING,
    KIND_NUMBERS,    /* [1, 2] */
    KIND_STRINGS,    /* ["a", "b"] */
    KIND_LISTS,      /* [["a"], ["b"]] */
    KIND_MAP,        /* {"any": "text"} */
    KIND_SET,        /* {"any": {}} */
    KIND_OBJECT,     /* {"Member": ...}, members have rows */
    KIND_OBJECTS,    /* [{"Member": ...}] */
    KIND_OBJECT_MAP, /* {"any": {"Member": ...}} */
    KIND_LIST_MAP    /* {"any": [{"Member": ...}]} */
};

enum unit {
    UNIT_NONE,
    UNIT_COUNT,
    UNIT_BYTES,
    UNIT_CPUS, /* billionths of a CPU */
    UNIT_NANOSECONDS,
    UNIT_SECONDS,
    UNIT_OCTAL
};

/* What is special about a type; see types.def. */
enum {
    TYPE_ZERO = 1,
    TYPE_NEGATIVE = 2,
    TYPE_STRING = 4,
    TYPE_REQUIRED = 8,
    TYPE_PAIRS = 16,
    TYPE_LENGTH = 32,
    TYPE_PARAMETER = 64,
    TYPE_NEVER = 128,
    TYPE_SECRET = 256,
    TYPE_PORTS = 512,
    TYPE_FALSE = 1024
};

/* NULL, or how the text should be: "must be ...". */
typedef const char *type_format(const char *text);

/* For strings with an inner structure; any hook may be NULL. */
struct type_codec {
    /* Text <-> an object whose members have rows. See tmpfs.h. */
    const char *(*decode)(struct arena *arena, const char *text, struct json **ret_members);
    const char *(*encode)(struct arena *arena, const struct json *members);
    /* The one way in which a good text is sent. */
    const char *(*canonical)(struct arena *arena, const char *text);
    /* Whether a text is what an item of one-of means; plain globbing when NULL. See match.h. */
    bool (*matches)(const char *pattern, const char *text, bool exclude);
    /* NULL, or what is wrong with a pattern that does not exclude: "must ...". */
    const char *(*pattern_wrong)(const char *pattern);
    /* The same of any item, in the place of the format: items are no values of the type. */
    const char *(*item_wrong)(const char *item);
    /* What stands before the container that the text then names; NULL: it never names one. */
    const char *container;
    /* What else of the client's own the text may name, up to its first colon: `own` in one-of. */
    enum type_owns { TYPE_OWNS_NOTHING, TYPE_OWNS_NETWORK, TYPE_OWNS_VOLUME } owns;
};

struct type {
    const char *name;
    enum kind kind;
    enum unit unit;
    int64_t least, most;
    unsigned traits;
    type_format *format, *format_key;
    const struct type_codec *codec;
};

enum type_id {
#define TYPE(name, word, kind, unit, least, most, traits, format, format_key, codec) TYPE_ID_##name,
#include "types.def"
#undef TYPE
    TYPE_COUNT
};

const struct type *type_get(enum type_id id);

/* Whether one-of can say which values pass. */
bool type_has_choice(const struct type *type);
/* The bytes of a text that may name a network or volume of the client's own; 0 when none does. */
size_t type_own_part(const struct type *type, const char *text);
/* Whether members of the type have rows of their own. */
bool type_has_members(const struct type *type);

enum { TYPE_TEXT_BYTES = 320 };

/* The shape alone, one level deep; false with what is wrong: "must be ..., not ...". ret_wrong may
 * be NULL. */
bool type_fits(const struct type *type, const struct json *value, char ret_wrong[TYPE_TEXT_BYTES]);
/* The format of the strings in a value that fits. */
bool type_is_formed(const struct type *type, const struct json *value,
                    char ret_wrong[TYPE_TEXT_BYTES]);

/* One value as the policy file writes it, without JSON; NULL with err set.  The text is borrowed.
 */
const struct json *type_parse(struct arena *arena, const struct type *type, const char *text,
                              struct err *err);
/* A number alone, in the type's unit. */
int type_parse_number(const struct type *type, const char *text, int64_t *ret, struct err *err);

/* As people write it, cut if long. Returns buffer. */
char *type_print(const struct type *type, const struct json *value, char buffer[TYPE_TEXT_BYTES]);
char *type_print_number(const struct type *type, int64_t number, char buffer[TYPE_TEXT_BYTES]);

/* What max and min compare: the number, the bytes of a string, the elements of a list or map; of a
 * range of ports its first one. */
int64_t type_measure(const struct type *type, const struct json *value);
/* The same of the greatest in it. */
int64_t type_measure_last(const struct type *type, const struct json *value);

#endif
