/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_internal: what query.c and query_rule.c share; nobody else includes it.
 *
 * query.c        pairs, types, and what is sent
 * query_rule.c   the policy's rules
 */
#ifndef CAISSON_POLICY_QUERY_INTERNAL_H
#define CAISSON_POLICY_QUERY_INTERNAL_H

#include "arena.h"
#include "query.h"

struct field;

/* The parameters of one query under the policy's rules. */
struct query_rules {
    const struct query_context *context;
    struct query *query;
    struct json *warnings; /* list of strings, or NULL */
    struct arena arena;
};

enum {
    QUERY_VALUE_BYTES = 80,  /* a decoded value with its NUL, unless its type says more */
    QUERY_SENT_BYTES = 1024, /* the longest of any type */
};

/* The rule of a row; NULL when none stands between the row's type and what is sent. */
const struct field *query_rule_of(const struct query_context *context, size_t row);

/*
 * Judges one value by its rule.  value is canonical, and NULL when there is none; *out becomes what
 * is sent, "" for nothing.  Returns an enum reason.
 */
int query_rule_judge(struct query_rules *rules, const struct field *field, const char *value,
                     char out[QUERY_SENT_BYTES]);

/* The same of what has no values that a rule could choose among, and is there. */
int query_rule_presence(struct query_rules *rules, const struct field *field);

/* Whether it is of that kind. */
bool query_rule_is_presence(const struct field *field);

/* Hands the warnings over to the query; returns an enum reason. */
int query_rule_end(struct query_rules *rules);

#endif
