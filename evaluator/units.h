/* SPDX-License-Identifier: Apache-2.0 */
/* units: sizes, times and CPU shares as people write them. */
#ifndef EVALUATOR_UNITS_H
#define EVALUATOR_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* "65536", "64KiB", "64Ki", "64k", "2g": always powers of 1024. */
bool units_parse_size(const char *text, int64_t *ret_bytes);

/* "10s", "500ms", "2m"; a bare number is seconds. */
bool units_parse_time(const char *text, int64_t *ret_ms);

/* "0.5", "2": up to nine decimals, in billionths of a CPU. */
bool units_parse_cpus(const char *text, int64_t *ret_nano);

/* A plain decimal number without a sign. */
bool units_parse_count(const char *text, int64_t *ret_count);

#endif
