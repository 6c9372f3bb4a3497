/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binds: what lists of paths of the host mean for each other, and for what is sent.
 */
#ifndef CAISSON_POLICY_BINDS_H
#define CAISSON_POLICY_BINDS_H

#include <stdbool.h>
#include <stddef.h>

struct err;
struct json;
struct judge;
struct schema;

/*
 * When policies were read whose clients share a host: none of their rules for a create lets one
 * write above a path that another one names, unless it is the host's root already.  < 0 with err
 * set, "FILE:LINE: ...".
 */
int binds_check(const struct schema *const *schemas, size_t count, struct err *err);

/* Whether a client can have a folder of the host mounted writable that is not the host's root by
 * itself. */
bool binds_write(const struct schema *schema);

/* In a HostConfig that was judged: what an item forces to be read-only is. */
void binds_settle(struct judge *judge, struct json *host);

#endif
