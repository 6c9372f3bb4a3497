/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asked: what a body asks for that the built-in rules do not simply let pass, as an audit log keeps
 * it; and the rule that would let such values pass.
 *
 * A note is one JSON object: "HostConfig.Memory":268435456, a path of the table for each field.
 * What stands below a list or a map of objects is gathered from all of them.  true: the field is
 * there.  A number where the field is none: its length, since only that is over a bound.
 * Networks and volumes of the client's own are noted as "own", as in rules.
 * Values of environment variables, labels and options are never kept, only their names.
 */
#ifndef CAISSON_POLICY_ASKED_H
#define CAISSON_POLICY_ASKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct err;
struct json;
struct operation;
struct schema;
struct schema_context;

enum {
    ASKED_BYTES = 4096,     /* of a note; how many values had no room is said as "cut" */
    ASKED_RULE_BYTES = 3072 /* of a rule; a line of a policy has a bound */
};

/* Printable ASCII without a line's end; NULL when there is nothing to note. Caller frees it. */
char *asked_note(struct arena *arena, const struct schema *schema,
                 const struct schema_context *context, const struct json *body);

/* Whose schema (enum body) has the paths of an operation's notes: that of its body, or [image]. */
int asked_body(const struct operation *op);

/* What was noted of one field, from many bodies. */
struct asked_values {
    const struct json *all; /* a list: texts, numbers, true; each once */
    int64_t most;           /* elements in one body */
};

/*
 * The narrowest rule of its kind that lets the values pass, and what the built-in rule sends when
 * nothing is asked.  1: in ret_rule; 0: the built-in rule does; < 0 with err: no rule can.
 * *ret_left_out counts values for which there is no room or no way to write them.
 */
int asked_rule(const struct schema *schema, const char *path, const struct asked_values *values,
               char ret_rule[ASKED_RULE_BYTES], size_t *ret_left_out, struct err *err);

/*
 * The narrowest rule under which what is absent stays absent, where the built-in rule sends a value
 * of its own.  False where it sends none.
 */
bool asked_absent(const struct schema *schema, const char *path, char ret_rule[ASKED_RULE_BYTES]);

#endif
