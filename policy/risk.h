/* SPDX-License-Identifier: Apache-2.0 */
/*
 * risk: how far an operation or a field leads, and whether the rule in force lets it.
 *
 * Each row of operations.def carries a risk; each row of create.def, exec.def and start.def says
 * which values carry which, in text:
 *
 *   "none"                          no value leads anywhere
 *   "root"                          every value that is not neutral
 *   "root host, data container:*"   by value: the first pattern that fits decides, none is no risk
 *   "denial high", "denial low"     of a number: without an upper, without a lower bound
 *   "root true", "denial false"     of a bool
 *
 * A field is judged by witnesses: the values that its row names, and those that the policy names.
 * It leads as far as the worst witness that passes its rule, so the matching that judges requests
 * also judges policies.
 */
#ifndef CAISSON_POLICY_RISK_H
#define CAISSON_POLICY_RISK_H

#include <stdbool.h>

struct field;
struct paths_item;
struct schema;

/* In order: a worse one is greater. */
enum risk {
    RISK_NONE,
    RISK_DENIAL,  /* uses up the host, or disturbs others; takes and learns nothing */
    RISK_NETWORK, /* reaches, or is reached from, other machines and containers */
    RISK_DATA,    /* reads or changes what belongs to the host or to others */
    RISK_ROOT     /* is root on the host, for a program that is root in its container */
};

enum { RISK_VALUE_BYTES = 160 };

/*
 * The worst that a field leads to under its rule, and a value or pattern that does, "" where any
 * does.  A field whose object cannot be there leads nowhere.
 */
enum risk risk_of_field(const struct schema *schema, const struct field *field,
                        char ret_value[RISK_VALUE_BYTES]);

/* How far one item about a path of the host leads by itself, in a list of binds or sources. */
enum risk risk_of_paths(const struct schema *schema, const struct field *field,
                        const struct paths_item *item);

/*
 * Of the schema of a create or an exec: the field that lets a program be root in its container, by
 * its User or by a set-user-id program of its image; NULL where no field does.
 */
const struct field *risk_root(const struct schema *schema);

/* Whether the text of a row is well formed; for tests. */
bool risk_text_is_good(const char *text);

#endif
