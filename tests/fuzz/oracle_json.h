/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle json: two readers of JSON to hold ours against, written from RFC 8259 and from what is
 * known of encoding/json alone.  They share no code with policy/, and none with a library.
 */
#ifndef CAISSON_FUZZ_ORACLE_JSON_H
#define CAISSON_FUZZ_ORACLE_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum oracle_kind {
    ORACLE_NULL,
    ORACLE_FALSE,
    ORACLE_TRUE,
    ORACLE_NUMBER, /* text: "%lld", or "%.17g" of what is no integer */
    ORACLE_STRING, /* text: unescaped */
    ORACLE_ARRAY,
    ORACLE_OBJECT
};

struct oracle_value {
    enum oracle_kind kind;
    char *key, *text; /* key: as a member of an object */
    size_t key_bytes, text_bytes;
    size_t count; /* of the members or elements that are there; an array may hide more behind */
    struct oracle_value *first, *next;
};

/*
 * RFC 8259 and no more: an object, valid UTF-8, no NUL, no lone surrogate, no member twice,
 * integers of 64 bits, `depth` brackets at most.  NULL for all else.
 */
struct oracle_value *oracle_json_strict(const char *text, size_t bytes, unsigned depth);

/*
 * The same grammar as encoding/json reads it into a struct: names of fields are folded (and given
 * in lower case), one that comes again is merged into what is there, `null` leaves a scalar as it
 * was, and the elements of a list that is read again are laid over the old ones.  NULL when the
 * grammar is broken.
 */
struct oracle_value *oracle_json_go(const char *text, size_t bytes);

void oracle_json_free(struct oracle_value *value);

/* "hostconfig.binds" in what oracle_json_go() gave; NULL when it is not there. */
const struct oracle_value *oracle_json_at(const struct oracle_value *object, const char *path);

/* To the map of ports at that path: as an Engine reads its keys, "8" is "8/tcp". */
void oracle_json_complete_ports(struct oracle_value *object, const char *path);
/*
 * Makes "" of a string that is `text` and lies at the path: in each element of a list on the way,
 * and in each member of an object where the path has a '*'.
 */
void oracle_json_empty(struct oracle_value *value, const char *path, const char *text);

/* The same values in the same order; fold: names of a's fields count in lower case. */
bool oracle_json_equal(const struct oracle_value *a, const struct oracle_value *b, bool fold);
/* The same for a Go program: absent, null, "", 0, false and empty are alike; either may be NULL. */
bool oracle_json_alike(const struct oracle_value *a, const struct oracle_value *b);

#endif
