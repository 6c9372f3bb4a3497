/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: JSON read strictly, held as a tree, written canonically; and client text made fit to be
 * shown to people.
 *
 * What two parsers could read in two ways is refused: duplicate keys, bytes after the value,
 * invalid UTF-8, NUL, nesting and counts over a bound.
 *
 * A tree lives in an arena.  Whoever makes one never has to look whether memory was short: the
 * arena knows, and json_write() then returns NULL.
 */
#ifndef CAISSON_POLICY_JSON_H
#define CAISSON_POLICY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"

enum {
    JSON_DEPTH_MOST = 64,     /* nesting, whatever the caller asks for */
    JSON_VALUES_MOST = 32768, /* values of a client's document: with 48 bytes each and its text, at
                                 most 1.6 MB more than the document itself */
    JSON_PADDING = 15,
    JSON_QUOTE_BYTES = 64 /* of a client's text that a message shows */
};

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_INTEGER, /* of 64 bits; more is refused */
    JSON_REAL,
    JSON_STRING,
    JSON_LIST,
    JSON_OBJECT
};

struct json_name;

struct json {
    struct json *next;            /* in the same list or object, in the order of the text */
    const char *key;              /* as a member of an object */
    const struct json_name *name; /* ... where the names of that object were known; else NULL */
    union {
        const char *text; /* ended by a NUL; NULL in no string */
        int64_t number;
        double real;
        struct json *first; /* of a list or an object */
    };
    struct json *last;
    uint32_t size; /* bytes of a string, elements of a list, members of an object */
    uint32_t key_bytes : 28, kind : 4;
};

/* ---- looking; NULL is a value that is not there, and of no kind ---- */

static inline bool json_is(const struct json *value, enum json_kind kind)
{
    return value && value->kind == kind;
}

static inline bool json_is_bool(const struct json *value)
{
    return json_is(value, JSON_TRUE) || json_is(value, JSON_FALSE);
}

/* NULL when it is no string. */
static inline const char *json_text(const struct json *value)
{
    return json_is(value, JSON_STRING) ? value->text : NULL;
}

/* 0 when it is no integer. */
static inline int64_t json_number(const struct json *value)
{
    return json_is(value, JSON_INTEGER) ? value->number : 0;
}

/* The first in a list, in an object, or in either; NULL when it is none. */
static inline struct json *json_elements(const struct json *value)
{
    return json_is(value, JSON_LIST) ? value->first : NULL;
}

static inline struct json *json_members(const struct json *value)
{
    return json_is(value, JSON_OBJECT) ? value->first : NULL;
}

static inline struct json *json_inside(const struct json *value)
{
    return value && value->kind >= JSON_LIST ? value->first : NULL;
}

/* null, false, 0 and the empty: what most of the fields are that clients write. */
static inline bool json_is_nothing(const struct json *value)
{
    return value->kind <= JSON_FALSE || (value->kind == JSON_INTEGER && value->number == 0) ||
           (value->kind >= JSON_STRING && value->size == 0);
}

/* Bytes of a string, elements of a list, members of an object; 0 of all else. */
static inline size_t json_size(const struct json *value)
{
    return value && value->kind >= JSON_STRING ? value->size : 0;
}

static inline bool json_key_is(const struct json *member, const char *key, size_t bytes)
{
    return member->key_bytes == bytes && member->key[0] == key[0] &&
           memcmp(member->key, key, bytes) == 0;
}

/* The first eight bytes of a key and its last eight; of a shorter one all that there is. */
struct json_ends {
    uint64_t head, tail;
};

static inline struct json_ends json_ends(const char *key, size_t bytes)
{
    struct json_ends ends = {0, 0};
    uint32_t half;
    if (bytes >= sizeof(ends.head)) {
        memcpy(&ends.head, key, sizeof(ends.head));
        memcpy(&ends.tail, key + bytes - sizeof(ends.tail), sizeof(ends.tail));
    } else if (bytes >= sizeof(half)) {
        memcpy(&half, key, sizeof(half));
        ends.head = half;
        memcpy(&half, key + bytes - sizeof(half), sizeof(half));
        ends.tail = half;
    } else if (bytes > 0) {
        ends.head = (unsigned char) key[0];
        ends.tail = (uint64_t) (unsigned char) key[bytes / 2] << 8 | (unsigned char) key[bytes - 1];
    }
    return ends;
}

/* For tables of keys that no client chooses: who wants to, finds many with the same. */
static inline uint32_t json_ends_hash(struct json_ends ends, size_t bytes)
{
    return (uint32_t) ((ends.head * 31 + ends.tail + bytes) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

static inline uint32_t json_key_hash(const char *key, size_t bytes)
{
    return json_ends_hash(json_ends(key, bytes), bytes);
}

/* The member of a name; NULL when there is none. */
struct json *json_find(const struct json *object, const char *key, size_t bytes);

static inline struct json *json_get(const struct json *object, const char *key)
{
    return json_find(object, key, strlen(key));
}

/* The value at "HostConfig.Memory"; NULL when it or a part of the way is absent. */
struct json *json_at(const struct json *object, const char *path);

/* The same value; the members of objects in any order. */
bool json_same(const struct json *a, const struct json *b);

/* ---- names that are known ---- */

/*
 * What is known of an object before it is read: the names of its members.  Each member is then
 * found among them once, by the reader, and need not be looked for again.
 */
struct json_names {
    const struct json_name **slots; /* a name is where its hash says, or in the next free place */
    size_t mask;
};

struct json_name {
    const char *text;                /* needs no escapes, and ends with a NUL */
    uint32_t bytes, place;           /* place: of the member in its object, whoever counts them */
    struct json_ends ends;           /* of the text */
    const struct json_names *among;  /* where it was added */
    const struct json_names *inside; /* of its own members, when it is an object; or NULL */
};

/* Places for so many pointers, and as many again that stay NULL: who goes from place to place for
 * what is not there comes to an end. NULL when memory is short. */
void *json_slots_take(struct arena *arena, size_t count, size_t *ret_mask);

/* Room for so many names; it is in the arena. */
void json_names_init(struct arena *arena, struct json_names *names, size_t count);
/* Takes the place of one with the same text; of others it differs by its ends or its length. */
void json_names_add(struct json_names *names, struct json_name *name);

/* NULL when it is not among them. */
static inline const struct json_name *json_names_find(const struct json_names *names,
                                                      const char *text, size_t bytes)
{
    const struct json_ends ends = json_ends(text, bytes);
    size_t at = json_ends_hash(ends, bytes);
    const struct json_name *name;
    while ((name = names->slots[at & names->mask]) &&
           (name->bytes != bytes || name->ends.head != ends.head || name->ends.tail != ends.tail))
        at++;
    return name && (bytes <= sizeof(ends) || memcmp(name->text, text, bytes) == 0) ? name : NULL;
}

/* ---- large objects ---- */

/* Their members by key. */
struct json_index {
    const struct json **sorted;
    size_t count;
};
struct json_index json_index(struct arena *arena, const struct json *object);
const struct json *json_index_find(const struct json_index *index, const char *key);
/* A member whose key one before it has, too; NULL when all are different. */
const struct json *json_repeated(struct arena *arena, const struct json *object);

/* ---- making ---- */

struct json *json_new(struct arena *arena, enum json_kind kind);
struct json *json_new_number(struct arena *arena, int64_t number);
struct json *json_new_bool(struct arena *arena, bool yes);
struct json *json_new_text(struct arena *arena, const char *text); /* which is borrowed */
/* A list or object whose own can be changed: elements and members are copied, what is in them is
 * shared. */
struct json *json_clone(struct arena *arena, const struct json *value);

/*
 * Puts a copy of a value at the end, and returns the copy.  What is in the value is shared, and
 * must not be changed through either; the key is borrowed.  json_put() does not look whether the
 * key is there already; json_set() takes its place.
 */
struct json *json_push(struct arena *arena, struct json *list, const struct json *value);
struct json *json_put(struct arena *arena, struct json *object, const char *key, size_t key_bytes,
                      const struct json *value);
/* The same of a member with a name that is known. */
struct json *json_put_known(struct arena *arena, struct json *object, const struct json_name *name,
                            const struct json *value);
struct json *json_set(struct arena *arena, struct json *object, const char *key,
                      const struct json *value);
void json_drop(struct json *object, const char *key);
/* Another value in the same place. */
void json_replace(struct json *place, const struct json *value);

/* ---- reading and writing ---- */

/* Why a document was not read. */
struct json_fault {
    char path[160];   /* where: "HostConfig.Memory"; "" for the document itself */
    char text[320];   /* for people, with the path and the byte */
    const char *what; /* the same without them: "is not valid JSON". Static */
    bool no_memory;   /* nothing is wrong with it; path and text are "" */
};

/* Reads one JSON object of at most `depth` levels; NULL with the fault filled. */
struct json *json_read_strict(struct arena *arena, const char *text, size_t bytes, unsigned depth,
                              struct json_fault *ret_fault);
/* The same of an object whose members, as those inside of them, have names that are known. */
struct json *json_read_known(struct arena *arena, const char *text, size_t bytes, unsigned depth,
                             const struct json_name *name, struct json_fault *ret_fault);

/* The same of an object or a list from someone who is trusted as to its size: an Engine's answer,
 * an audit log.  Strings, but not keys, may hold NULs. */
struct json *json_read_trusted(struct arena *arena, const char *text, size_t bytes,
                               struct json_fault *ret_fault);

/* One value of any kind, decoded where it stands, and what may follow it; *ret_end is where it
 * ends.  The text is ended by a NUL, behind which JSON_PADDING bytes can be read. */
struct json *json_read_first(struct arena *arena, char *text, char **ret_end,
                             struct json_fault *ret_fault);

/*
 * A document that no table describes, written anew: NULL with the fault filled unless it is one
 * object or list, with no two keys in an object that an Engine would take for the same field.
 * Caller frees it.
 */
char *json_rewrite(const char *text, size_t bytes, unsigned depth, size_t *ret_bytes,
                   struct json_fault *ret_fault);

/* Compact; NULL when memory is, or was, short.  ret_bytes may be NULL. Caller frees it. */
char *json_write(const struct arena *arena, const struct json *value, size_t *ret_bytes);
/* The same with everything outside of ASCII escaped. */
char *json_write_ascii(const struct arena *arena, const struct json *value, size_t *ret_bytes);

/* ---- text ---- */

/* Decimal digits; returns where they begin. */
enum { JSON_NUMBER_BYTES = 24 };
char *json_print_number(char buffer[JSON_NUMBER_BYTES], int64_t number);

/*
 * Writes at most JSON_QUOTE_BYTES bytes of a client's text into buffer, cut with "...", with
 * everything but printable ASCII escaped. Returns buffer.
 */
char *json_quote(char *buffer, size_t size, const char *text);

/* Whether the Engine would take two keys for the same field: equal under simple case folding. */
bool json_same_key(const char *a, const char *b);

#endif
