/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo: what a client says twice.  Libraries such as dockerode send the options of a call in its
 * query and in its body.  An Engine reads one of the two; the other is judged by its names alone,
 * and nothing of it is ever sent.
 */
#ifndef CAISSON_POLICY_ECHO_H
#define CAISSON_POLICY_ECHO_H

#include <stdbool.h>
#include <stddef.h>

struct operation;

/* Whether a query parameter has the name of a field of the operation's body. */
bool echo_is_field(const struct operation *op, const char *name, size_t bytes);

/*
 * Whether a body that an operation does not have is a JSON object whose members all have names of
 * its query parameters.  wrong is filled when not: the member that has none, or "".
 */
bool echo_is_query(const struct operation *op, const char *body, size_t bytes, char wrong[160]);

#endif
