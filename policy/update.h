/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: what is true of the body of a ContainerUpdate as a whole, beside the rules of its fields.
 */
#ifndef CAISSON_POLICY_UPDATE_H
#define CAISSON_POLICY_UPDATE_H

#include <stdbool.h>

struct json;
struct judge;

/* Before the walk: the body becomes the HostConfig of one. */
void update_prepare(struct judge *judge, struct json *body);

/*
 * After the walk: what takes a container out of what a create would have made is refused.  out
 * becomes the document to send.
 */
bool update_finish(struct judge *judge, const struct json *body, struct json *out);

#endif
