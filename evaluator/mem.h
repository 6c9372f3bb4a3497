/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem: allocation for a program that can do nothing useful without memory.
 *
 * Every function either succeeds or ends the process with one line on stderr: the sizes that a
 * request may ask for are bounded before they come here.
 */
#ifndef EVALUATOR_MEM_H
#define EVALUATOR_MEM_H

#include <stddef.h>

/* Zeroed memory. */
void *mem_alloc(size_t size);

/* Room for `count` elements of `size` bytes; the new part is not zeroed. */
void *mem_resize(void *memory, size_t count, size_t size);

/* NULL gives NULL. */
char *mem_copy_text(const char *text);

char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
