/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits: numbers under [limits] that are bounded by others there.
 */
#ifndef CAISSON_POLICY_LIMITS_H
#define CAISSON_POLICY_LIMITS_H

#include <stddef.h>

struct config;

/*
 * The index-th of what a file says in vain, as "'KEY' is ..., but ...", and the line that says it;
 * 0 when there is no such index.
 */
enum { LIMITS_TEXT_BYTES = 240 };
unsigned limits_warning(const struct config *config, size_t index, char text[LIMITS_TEXT_BYTES]);

#endif
