/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_images: the types of parameters that only operations on images and builds have.  Private to
 * query.
 *
 * Each function writes the canonical text of a decoded value, never longer than QUERY_MAP_BYTES;
 * false when it is none of the type's.
 */
#ifndef CAISSON_POLICY_QUERY_IMAGES_H
#define CAISSON_POLICY_QUERY_IMAGES_H

#include <stdbool.h>

enum {
    QUERY_MAP_BYTES = 1024,
    QUERY_STAMPED_BYTES = QUERY_MAP_BYTES + 32, /* with our own label */
    QUERY_REFERENCE_BYTES = 400
};

bool query_take_image(const char *value, char *out);
bool query_take_tag(const char *value, char *out);
bool query_take_container(const char *value, char *out);
bool query_take_text(const char *value, char *out);
bool query_take_term(const char *value, char *out);
bool query_take_number(const char *value, char *out);
bool query_take_cpuset(const char *value, char *out);
bool query_take_file(const char *value, char *out);
bool query_take_network(const char *value, char *out);
bool query_take_version(const char *value, char *out);
/* JSON, {"KEY": "VALUE"}; of a map of labels, none is ours. */
bool query_take_map(const char *value, char *out);
bool query_take_labels(const char *value, char *out);
/*
 * Labels as query_take_labels() wrote them, or "" for none, with ours, which says nothing: an image
 * hands its labels on to every container that is made of it, by whomever.  false: out of memory.
 */
bool query_stamp_labels(const char *labels, char *out);
/* JSON that says nothing: "[]", "{}", "null". */
bool query_take_empty(const char *value, char *out);

#endif
