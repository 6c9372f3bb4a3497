/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letters: what paths of the Engine's API are made of: letters, digits and "_.-:@/".
 */
#ifndef CAISSON_POLICY_LETTERS_H
#define CAISSON_POLICY_LETTERS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all bytes are such. */
bool letters_are_path(const char *text, size_t bytes);

#endif
