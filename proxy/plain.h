/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain: the bytes that stand for themselves in a JSON string, whoever wrote it: printable ASCII
 * but the quote and the backslash.
 */
#ifndef CAISSON_PROXY_PLAIN_H
#define CAISSON_PROXY_PLAIN_H

#include <stddef.h>

/* How many of the first bytes are plain. */
size_t plain_bytes(const char *text, size_t bytes);

#endif
