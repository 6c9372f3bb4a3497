/* SPDX-License-Identifier: Apache-2.0 */
/* units: a decimal number and a suffix from a table; see units.h. */
#include "units.h"

#include <stddef.h>
#include <strings.h>

#define UNITS_NUMBER_MAX (INT64_MAX / 1000000000)

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},          {"b", 1},        {"k", 1 << 10},  {"kb", 1 << 10},  {"ki", 1 << 10},
    {"kib", 1 << 10}, {"m", 1 << 20},  {"mb", 1 << 20}, {"mi", 1 << 20},  {"mib", 1 << 20},
    {"g", 1 << 30},   {"gb", 1 << 30}, {"gi", 1 << 30}, {"gib", 1 << 30}, {NULL, 0},
};

static const struct unit time_units[] = {
    {"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {NULL, 0},
};

static const struct unit count_units[] = {{"", 1}, {NULL, 0}};

/* Reads digits; NULL when there is none or the number is out of hand, else where it ended. */
static const char *read_digits(const char *text, int64_t *ret_number)
{
    int64_t number = 0;

    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (*text - '0');
        if (number > UNITS_NUMBER_MAX)
            return NULL;
    }
    *ret_number = number;
    return text;
}

static bool parse_with(const struct unit *units, const char *text, int64_t *ret_value)
{
    int64_t number;
    const char *suffix = read_digits(text, &number);

    if (!suffix)
        return false;
    for (; units->suffix; units++) {
        if (strcasecmp(suffix, units->suffix))
            continue;
        return !__builtin_mul_overflow(number, units->factor, ret_value);
    }
    return false;
}

bool units_parse_size(const char *text, int64_t *ret_bytes)
{
    return parse_with(size_units, text, ret_bytes);
}

bool units_parse_time(const char *text, int64_t *ret_ms)
{
    return parse_with(time_units, text, ret_ms);
}

bool units_parse_count(const char *text, int64_t *ret_count)
{
    return parse_with(count_units, text, ret_count);
}

bool units_parse_cpus(const char *text, int64_t *ret_nano)
{
    int64_t number, scale = 1000000000;
    const char *at = read_digits(text, &number);

    if (!at)
        return false;
    number *= scale;
    if (*at == '.') {
        for (at++; *at >= '0' && *at <= '9'; at++) {
            scale /= 10;
            if (!scale)
                return false;
            number += (*at - '0') * scale;
        }
    }
    *ret_nano = number;
    return !*at;
}
