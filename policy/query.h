/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: the query of a request-target judged along queries.def, and written anew.
 *
 * A value is first held to its row's type, whatever the policy says; then to the rule that the
 * policy sets for the parameter under [query], if it sets one.
 */
#ifndef CAISSON_POLICY_QUERY_H
#define CAISSON_POLICY_QUERY_H

#include <stdbool.h>
#include <stddef.h>

struct operation;
struct schema;

enum { QUERY_TEXT_BYTES = 1664 /* the longest canonical query of any operation, with the NUL */ };

struct query {
    char text[QUERY_TEXT_BYTES]; /* canonical, without the '?'; "" for none */
    /* Of parameters that are not in text, since more than their bytes is judged: */
    char name[64];   /* the value of a NAME parameter, or "" */
    char image[400]; /* the same of IMAGE, TAG and CONTAINER */
    char tag[144];
    char container[256];
    char field[160];   /* what a refusal names */
    char message[640]; /* the refusal, for people */
    char *warnings;    /* what was forced, a JSON array as text; NULL for none. Owned */
};

/* What a verdict depends on beside the query. */
struct query_context {
    const struct schema *rules; /* of BODY_QUERY: the policy's */
    const char *file;           /* the policy's name, for messages */
    unsigned api_minor;         /* API 1.api_minor is spoken */
    const char *label; /* "KEY=VALUE", added to the filters of the operation, which must have some;
                          NULL adds nothing */
};

/*
 * Judges the query of an operation.  text may be NULL when bytes is 0.  Returns an enum reason:
 * REASON_NONE with text and the values set; otherwise field and message are set.  *ret_query is
 * overwritten, and ended with query_done() whatever the outcome.
 */
int query_judge(const struct operation *op, const struct query_context *context, const char *text,
                size_t bytes, struct query *ret_query);
void query_done(struct query *query);

/*
 * Of a query that nobody has judged, what an engine reads in it, which decodes names as well as
 * values.  pair: from its name on.
 */
bool query_pair_is(const char *pair, size_t bytes, const char *name);
/* The first value of that name; false when there is none. One that cannot be read here is "?". */
bool query_peek(const char *text, size_t bytes, const char *name, char *value, size_t value_bytes);

/* Whether an operation has a query parameter of this name. */
bool query_knows(const struct operation *op, const char *name);

/* One row of queries.def, for listings and tests; NULL past the last. Static. */
struct query_row {
    const char *name;
    unsigned char op; /* enum operation_id */
    unsigned char type;
    unsigned char since;
    bool shut; /* refused unless a rule says otherwise */
};
const struct query_row *query_row_at(size_t index);
/* What a row's type accepts, "true or false". Static. */
const char *query_type_text(const struct query_row *row);
const char *query_row_why(const struct query_row *row);

#endif
