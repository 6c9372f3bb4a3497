/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query: the query of a request-target judged along queries.def, and written anew.
 */
#ifndef CAISSON_POLICY_QUERY_H
#define CAISSON_POLICY_QUERY_H

#include <stddef.h>

struct operation;

enum { QUERY_TEXT_BYTES = 1664 /* the longest canonical query of any operation, with the NUL */ };

struct query {
    char text[QUERY_TEXT_BYTES]; /* canonical, without the '?'; "" for none */
    /* Of parameters that are not in text, since more than their bytes is judged: */
    char name[64];   /* the value of a NAME parameter, or "" */
    char image[400]; /* the same of IMAGE, TAG and CONTAINER */
    char tag[144];
    char container[256];
    char field[64];    /* what a refusal names */
    char message[448]; /* the refusal, for people */
};

/*
 * Judges the query of an operation at API 1.api_minor.  label, "KEY=VALUE", is added to the filters
 * of the operation, which must have some; NULL adds nothing.  text may be NULL when bytes is 0.
 * Returns an enum reason: REASON_NONE with text and the values set, REASON_QUERY_REFUSED or
 * REASON_NAME_REFUSED with field and message set.
 */
int query_judge(const struct operation *op, unsigned api_minor, const char *label, const char *text,
                size_t bytes, struct query *ret_query);

/* One row of queries.def, for listings and tests; NULL past the last. Static. */
struct query_row {
    int op; /* enum operation_id */
    const char *name;
    int type;
    unsigned since;
    const char *why;
};
const struct query_row *query_row_at(size_t index);
/* What a row's type accepts, "true or false". Static. */
const char *query_type_text(const struct query_row *row);

#endif
