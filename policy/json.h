/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json: JSON read strictly, written canonically, and client text made fit to be shown to people.
 *
 * What two parsers could read in two ways is refused here: duplicate keys, bytes after the value,
 * invalid UTF-8, NUL, nesting and counts over a bound.
 */
#ifndef CAISSON_POLICY_JSON_H
#define CAISSON_POLICY_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json_t; /* jansson's, and so is the next one */
struct json_error_t;

enum {
    JSON_DEPTH_MOST = 64,     /* nesting, whatever the caller asks for */
    JSON_VALUES_MOST = 32768, /* values of one document: bounds memory at some hundred bytes each */
    JSON_QUOTE_BYTES = 64     /* of a client's text that a message shows */
};

/* Why a document was not read. */
struct json_fault {
    char path[160]; /* where: "HostConfig.Memory"; "" for the document itself */
    char text[320]; /* for people, with the path and the byte */
    bool no_memory; /* nothing is wrong with it; path and text are "" */
};

/* Reads one JSON object of at most `depth` levels; NULL with the fault filled. Caller owns it. */
struct json_t *json_read_strict(const char *text, size_t bytes, unsigned depth,
                                struct json_fault *ret_fault);

/*
 * jansson's json_loadb(), but NULL with json_error_out_of_memory whenever memory ran short on the
 * way: jansson then drops bytes of texts and goes on, or calls it invalid syntax.  ret_error may be
 * NULL.
 */
struct json_t *json_load_whole(const char *text, size_t bytes, size_t flags,
                               struct json_error_t *ret_error);

/*
 * How often memory has run short so far, here and in every call of jansson's: where a NULL may mean
 * that there is nothing, as well, a count that grew tells the two apart.
 */
unsigned long json_shortages(void);
/* Memory has run short elsewhere, where no other answer can say so. */
void json_shortage_note(void);

/*
 * A document that no table describes, written anew: NULL with the fault filled unless it is one
 * object or list, with no two keys in an object that an Engine would take for the same field.
 * Caller frees it.
 */
char *json_rewrite(const char *text, size_t bytes, unsigned depth, size_t *ret_bytes,
                   struct json_fault *ret_fault);

/* The value at "HostConfig.Memory"; NULL when it or a part of the way is absent. Borrowed. */
struct json_t *json_at(const struct json_t *object, const char *path);

/* Compact, in the order of insertion; NULL when memory is short. Caller frees it. */
char *json_write_compact(const struct json_t *value, size_t *ret_bytes);

/*
 * Writes at most JSON_QUOTE_BYTES bytes of a client's text into buffer, cut with "...", with
 * everything but printable ASCII escaped. Returns buffer.
 */
char *json_quote(char *buffer, size_t size, const char *text);

/* Whether the Engine would take two keys for the same field: equal under simple case folding. */
bool json_same_key(const char *a, const char *b);

#endif
