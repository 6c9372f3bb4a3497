/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters: the JSON of a list's `filters` parameter, judged and written anew.
 *
 * A filter is a name with a list of values, {"label": ["a", "b=c"]}; the older form
 * {"label": {"a": true}} means the same.  Several labels are ANDed by every Engine: one more can
 * only make a list shorter.
 */
#ifndef CAISSON_POLICY_FILTERS_H
#define CAISSON_POLICY_FILTERS_H

#include <stddef.h>

enum { FILTERS_WRONG_BYTES = 256 };

/*
 * Writes what is sent for the filters of a ContainerList, with `label` among the labels.  text is
 * NULL when the client sent none, label when nothing is to be added; "" comes out when no filter is
 * left.  < 0 with *ret_wrong a sentence, "must be ...".
 */
int filters_write(const char *text, const char *label, char *out, size_t out_bytes,
                  char ret_wrong[FILTERS_WRONG_BYTES]);

#endif
