/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The codec of HostConfig.Tmpfs.  The flags are a table: each pair of words sets one member.
 */
#include "tmpfs.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "formats.h"
#include "json.h"

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
static const struct json *decode_word(struct arena *arena, char *word, const char **ret_member)
{
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        bool yes = strcmp(word, flags[i].when_true) == 0;
        if (yes || strcmp(word, flags[i].when_false) == 0) {
            *ret_member = flags[i].member;
            return json_new_bool(arena, yes);
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
            return parse_number(&numbers[i], equals + 1, &value) ? json_new_number(arena, value)
                                                                 : NULL;
        }
    }
    return NULL;
}

const char *tmpfs_decode(struct arena *arena, const char *text, struct json **ret_members)
{
    char copy[TMPFS_TEXT_BYTES], *rest = copy, *word;
    struct json *members = json_new(arena, JSON_OBJECT);
    if (strlen(text) >= sizeof(copy))
        return wrong;
    strcpy(copy, text);
    while (*text && (word = strsep(&rest, ","))) {
        const char *member = NULL;
        const struct json *value = decode_word(arena, word, &member);
        if (!value || json_get(members, member))
            return wrong;
        json_put(arena, members, member, strlen(member), value);
    }
    *ret_members = members;
    return NULL;
}

const char *tmpfs_encode(struct arena *arena, const struct json *members)
{
    char text[TMPFS_TEXT_BYTES];
    size_t used = 0;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        bool yes = json_is(json_get(members, flags[i].member), JSON_TRUE);
        used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s", i ? "," : "",
                                  yes ? flags[i].when_true : flags[i].when_false);
    }
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        const struct json *value = json_get(members, numbers[i].member);
        if (value && json_number(value) >= 0)
            used += (size_t) snprintf(text + used, sizeof(text) - used,
                                      numbers[i].base == 8 ? ",%s=%04" PRIo64 : ",%s=%" PRId64,
                                      numbers[i].member, json_number(value));
    }
    return arena_copy(arena, text, used);
}

const char *format_tmpfs(const char *text)
{
    struct arena arena = {0};
    struct json *members;
    const char *fault = tmpfs_decode(&arena, text, &members);
    arena_done(&arena);
    return fault;
}
