/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route: a request-target taken apart, strictly.
 *
 * Known are "/path", "/v1.N/path" and either with "?query".  The path is plain: bytes of
 * [A-Za-z0-9_.:@/-], no escapes, no empty, "." or ".." segment, no trailing slash.  What an Engine
 * would decode, clean or redirect is refused here, so that two readings of one target cannot exist.
 */
#ifndef CAISSON_POLICY_ROUTE_H
#define CAISSON_POLICY_ROUTE_H

#include "operation.h"

enum { ROUTE_REF_BYTES = 391 /* the longest {parameter}: an image with its digest */ };

/* Pointers are into the target, or to static rows. */
struct route {
    const struct operation *op;   /* the row; NULL when there is none */
    const struct operation *near; /* without op: a row with this path and another method, or NULL */
    unsigned api_minor;           /* the N of /v1.N; 0 when the target has no version */
    const char *path;             /* below the version */
    size_t path_bytes;
    const char *ref; /* what stands for the row's {parameter}; NULL when it has none */
    size_t ref_bytes;
    const char *query; /* behind the '?', still encoded; NULL when there is none */
    size_t query_bytes;
};

/*
 * The rows that a path may fit, by the letter behind its first slash: those that spell their path
 * out, and those with a parameter.  A chain has the numbers of its rows, plus one, in their order.
 */
enum { ROUTE_LETTERS = 32 };
struct route_index {
    unsigned char spelt[ROUTE_LETTERS], fitting[ROUTE_LETTERS];
    struct route_row {
        unsigned char next;
        /* Of the path what stands before its parameter, which may be all of it, and behind it. */
        unsigned char head_bytes, tail_at, tail_bytes;
        char last; /* letter of the path */
    } rows[OPERATION_COUNT];
};
void route_index_init(struct route_index *index);

/*
 * Takes a target apart and looks its row up.  method is an enum method.  Returns an enum reason:
 * REASON_NONE with op set, REASON_OPERATION_UNKNOWN, or REASON_TARGET_MALFORMED with *ret_wrong a
 * static sentence that says what is wrong.
 */
int route_parse(const struct route_index *index, int method, const char *target,
                size_t target_bytes, struct route *ret_route, const char **ret_wrong);

#endif
