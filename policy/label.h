/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label: what is true of the bodies that make networks and volumes, and of those that join one, as
 * a whole; and the label of ownership, which containers bear, too.
 */
#ifndef CAISSON_POLICY_LABEL_H
#define CAISSON_POLICY_LABEL_H

#include <stdbool.h>

struct field;
struct json;
struct judge;

/*
 * False when labels of the client's, at that path, have another of our name, in whatever spelling:
 * a careless reader could take that for ours.  labels may be NULL.
 */
bool label_check(struct judge *judge, const struct json *labels, const char *path);

/* Ours is stamped last, unless the client's have another of its name. */
bool label_stamp(struct judge *judge, struct json *out);

/* Brings the members of an object into the order of the table, whatever that of insertion. */
void label_order(struct judge *judge, const struct field *object, struct json *value);

/* The `finish` of NetworkCreate and VolumeCreate: the label alone. */
bool label_finish(struct judge *judge, const struct json *body, struct json *out);

/*
 * The `finish` of NetworkConnect.  An Engine notes a container's network by its name until it
 * starts, and by then another network may have that name; unless the endpoint has the id.
 */
bool connect_finish(struct judge *judge, const struct json *body, struct json *out);

#endif
