/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label: what is true of the bodies that make networks and volumes, and of those that join one, as
 * a whole; and the label of ownership, which containers bear, too.
 */
#ifndef CAISSON_POLICY_LABEL_H
#define CAISSON_POLICY_LABEL_H

#include <stdbool.h>

struct field;
struct json_t;
struct judge;

/*
 * False when labels of the client's, at that path, have another of our name, in whatever spelling:
 * a careless reader could take that for ours.  labels may be NULL.
 */
bool label_check(struct judge *judge, const struct json_t *labels, const char *path);

/* Ours is stamped last, unless the client's have another of its name. */
bool label_stamp(struct judge *judge, struct json_t *out);

/* An object with its members in the order of the table, whatever that of insertion; NULL when
 * memory is short. */
struct json_t *label_order(const struct field *object, struct json_t *value);

/* The `finish` of NetworkCreate and VolumeCreate: the label alone. */
bool label_finish(struct judge *judge, const struct json_t *body, struct json_t **out);

/*
 * The `finish` of NetworkConnect.  An Engine notes a container's network by its name until it
 * starts, and by then another network may have that name; unless the endpoint has the id.
 */
bool connect_finish(struct judge *judge, const struct json_t *body, struct json_t **out);

#endif
