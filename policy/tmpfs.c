/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec of HostConfig.Tmpfs.  The flags are a table: each pair of words sets one member.
 */
#include "tmpfs.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats.h"

/* In the order in which they are written. */
static const struct flag {
    const char *member, *when_true, *when_false;
} flags[] = {
    {"ro", "ro", "rw"},
    {"suid", "suid", "nosuid"},
    {"dev", "dev", "nodev"},
    {"exec", "exec", "noexec"},
};

static const struct number {
    const char *member;
    int base;
    bool has_unit; /* k, m, g: multiples of 1024, as the kernel reads them */
} numbers[] = {
    {"size", 10, true}, {"nr_inodes", 10, true}, {"mode", 8, false},
    {"uid", 10, false}, {"gid", 10, false},
};

enum {
    FLAG_COUNT = sizeof(flags) / sizeof(flags[0]),
    NUMBER_COUNT = sizeof(numbers) / sizeof(numbers[0]),
    TMPFS_TEXT_BYTES = 256 /* of an option text, read or written */
};

static const char wrong[] = "must be tmpfs options such as rw,noexec,size=16m,mode=1777";

/* Digits and perhaps a unit; false: anything else, or more than an int64. */
static bool parse_number(const struct number *number, const char *text, int64_t *ret)
{
    static const char units[] = "kmg";
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 19)
        return false;
    unsigned long long value = strtoull(text, &end, number->base);
    const char *unit = *end && number->has_unit ? strchr(units, *end | 0x20) : NULL;
    unsigned shift = unit ? 10 * (unsigned) (unit - units + 1) : 0;
    end += unit != NULL;
    if (*end || value > (unsigned long long) INT64_MAX >> shift)
        return false;
    *ret = (int64_t) (value << shift);
    return true;
}

/* One word of the text; returns a new value and the member that it sets, or NULL. */
static json_t *decode_word(char *word, const char **ret_member)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        bool yes = strcmp(word, flags[i].when_true) == 0;
        if (yes || strcmp(word, flags[i].when_false) == 0) {
            *ret_member = flags[i].member;
            return json_boolean(yes);
        }
    }
    char *equals = strchr(word, '=');
    if (!equals)
        return NULL;
    *equals = '\0';
    int64_t value;
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        if (strcmp(word, numbers[i].member) == 0) {
            *ret_member = numbers[i].member;
            return parse_number(&numbers[i], equals + 1, &value) ? json_integer(value) : NULL;
        }
    }
    return NULL;
}

const char *tmpfs_decode(const char *text, json_t **ret_members)
{
    char copy[TMPFS_TEXT_BYTES], *rest = copy, *word;
    if (strlen(text) >= sizeof(copy))
        return wrong;
    memcpy(copy, text, strlen(text) + 1);
    json_t *members = json_object();
    bool good = members != NULL;
    while (good && *text && (word = strsep(&rest, ","))) {
        const char *member = NULL;
        json_t *value = decode_word(word, &member);
        good = value && !json_object_get(members, member);
        good = good && json_object_set(members, member, value) == 0;
        json_decref(value);
    }
    if (good) {
        *ret_members = members;
        return NULL;
    }
    json_decref(members);
    return wrong;
}

char *tmpfs_encode(const json_t *members)
{
    char text[TMPFS_TEXT_BYTES];
    size_t used = 0;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        bool yes = json_is_true(json_object_get(members, flags[i].member));
        used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "",
                                  yes ? flags[i].when_true : flags[i].when_false);
    }
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        const json_t *value = json_object_get(members, numbers[i].member);
        if (value && json_integer_value(value) >= 0)
            used += (size_t) snprintf(text + used, sizeof(text) - used,
                                      numbers[i].base == 8 ? ",%s=%04" PRIo64 : ",%s=%" PRId64,
                                      numbers[i].member, (int64_t) json_integer_value(value));
    }
    return strdup(text);
}

const char *format_tmpfs(const char *text)
{
    json_t *members = NULL;
    const char *fault = tmpfs_decode(text, &members);
    json_decref(members);
    return fault;
}
