/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bounds: which of two numbers bounds the other.  It is said of what a file sets; the defaults fit
 * each other.
 */
#include "bounds.h"

#include "config.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

enum when {
    SET,   /* the file sets the first */
    ALONE, /* ... and leaves the second at its default */
    EITHER /* it sets one of the two */
};

struct number {
    const char *key;
    size_t value, line; /* where in struct config */
};
#define NUMBER(key, member)                                                        \
    {                                                                              \
        key, offsetof(struct config, member), offsetof(struct config, line.member) \
    }

/* In the first are more than in the second, which is to have so many times that at least. */
static const struct {
    struct number first, second;
    int times;
    enum when when;
    const char *why;
} pairs[] = {
    {NUMBER("connections", connections), NUMBER("connections-per-user", connections_per_user), 1,
     ALONE, "one user gets no more of them; raise that, too"},
    {NUMBER("connections-per-user", connections_per_user), NUMBER("connections", connections), 1,
     SET, "of all users together there are no more; raise that, too"},
    {NUMBER("requests", requests), NUMBER("connections", connections), 1, SET,
     "each connection has one request at the Engine at once; raise that, too"},
    {NUMBER("streams", streams), NUMBER("connections", connections), 1, SET,
     "each stream is a connection; raise that, too"},
    {NUMBER("containers", containers), NUMBER("streams", streams), 2, ALONE,
     "to wait for a container and to follow its logs takes two; raise that, too"},
    {NUMBER("body", body_bytes), NUMBER("bodies", bodies_bytes), 1, EITHER,
     "that is for all bodies together, so none is larger; raise that, or lower 'body'"},
    {NUMBER("target", target_bytes), NUMBER("head", head_bytes), 1, EITHER,
     "a target is a part of a head; raise that, or lower 'target'"},
};

static int64_t value_of(const struct config *config, const struct number *number)
{
    return *(const int64_t *) (const void *) ((const char *) config + number->value);
}

static unsigned line_of(const struct config *config, const struct number *number)
{
    return *(const unsigned *) (const void *) ((const char *) config + number->line);
}

unsigned bounds_warning(const struct config *config, size_t index, char text[BOUNDS_TEXT_BYTES])
{
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const struct number *first = &pairs[i].first, *second = &pairs[i].second;
        int64_t has = value_of(config, first), bound = value_of(config, second);
        unsigned line = line_of(config, first), other = line_of(config, second);
        bool said =
            pairs[i].when == EITHER ? line || other : line && (pairs[i].when == SET || !other);
        if (!said || has * pairs[i].times <= bound || index-- > 0)
            continue;
        snprintf(text, BOUNDS_TEXT_BYTES, "'%s' is %" PRId64 ", but '%s' is %" PRId64 ": %s",
                 first->key, has, second->key, bound, pairs[i].why);
        return line ? line : other;
    }
    return 0;
}
