/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glob: patterns with `*`, in time that no text can make explode.
 */
#ifndef CAISSON_POLICY_GLOB_H
#define CAISSON_POLICY_GLOB_H

#include <stdbool.h>

/*
 * Whether text is what the pattern says. `*` is any run of bytes; with a separator it stops there,
 * and `**` does not.  There are no other special characters.  any_case: ASCII letters are compared
 * without their case.
 */
bool glob_matches(const char *pattern, const char *text, char separator, bool any_case);

#endif
