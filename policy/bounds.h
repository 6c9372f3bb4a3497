/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounds: numbers under [limits] that are bounded by others there.
 */
#ifndef CAISSON_POLICY_BOUNDS_H
#define CAISSON_POLICY_BOUNDS_H

#include <stddef.h>

struct config;

/*
 * The index-th of what a file says in vain, as "'KEY' is ..., but ...", and the line that says it;
 * 0 when there is no such index.
 */
enum { BOUNDS_TEXT_BYTES = 240 };
unsigned bounds_warning(const struct config *config, size_t index, char text[BOUNDS_TEXT_BYTES]);

#endif
