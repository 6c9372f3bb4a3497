/* SPDX-License-Identifier: Apache-2.0 */
/*
 * print: what the command line's verbs write, for people and as JSON.
 */
#ifndef CAISSON_PROXY_PRINT_H
#define CAISSON_PROXY_PRINT_H

#include <stddef.h>
#include <stdio.h>

/* A JSON string, or null for NULL. */
void print_json(FILE *out, const char *text);

/* Bytes fit for a terminal: control characters and what is not ASCII as \xNN, newlines kept. */
void print_safe(FILE *out, const char *text, size_t bytes);

#endif
