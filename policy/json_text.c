/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text: client text as people can be shown it, keys as an Engine takes them, and names that a
 * reader can know.
 */
#include "json.h"

#include <assert.h>
#include <stdio.h>

#include "arena.h"
#include "json_internal.h"

/* Decodes one character of valid UTF-8; anything else counts as the byte itself. */
static unsigned utf8_next(const char *text, size_t *ret_bytes)
{
    const unsigned char *u = (const unsigned char *) text;
    unsigned length = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc0 ? 2 : 1;
    unsigned point = length == 1 ? u[0] : u[0] & (0x7fU >> length);
    *ret_bytes = 1;
    for (unsigned i = 1; i < length; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return u[0];
        point = point << 6 | (u[i] & 0x3fU);
    }
    *ret_bytes = length;
    return point;
}

char *json_quote(char *buffer, size_t size, const char *text)
{
    size_t used = 0, at = 0, step;
    buffer[0] = '\0';
    while (text[at] && at < JSON_QUOTE_BYTES && used + sizeof("\\u10ffff...") < size) {
        unsigned point = utf8_next(text + at, &step);
        bool plain = point >= 0x20 && point < 0x7f && point != '\\';
        used += (size_t) snprintf(buffer + used, size - used, plain ? "%c" : "\\u%04x", point);
        at += step;
    }
    if (text[at])
        snprintf(buffer + used, size - used, "...");
    return buffer;
}

/*
 * Go's decoder folds with Unicode's simple case folding.  Field names are ASCII, so beside A-Z only
 * the two characters outside ASCII that fold into it matter: U+017F (long s) and U+212A (Kelvin).
 */
static unsigned fold_next(const char **text)
{
    size_t step;
    unsigned point = utf8_next(*text, &step);
    *text += step;
    if (point >= 'A' && point <= 'Z')
        return point - 'A' + 'a';
    return point == 0x17f ? 's' : point == 0x212a ? 'k' : point;
}

bool json_same_key(const char *a, const char *b)
{
    while (*a && *b)
        if (fold_next(&a) != fold_next(&b))
            return false;
    return *a == *b;
}

const char *json_fold_key(struct arena *arena, const char *key)
{
    char *folded = arena_take(arena, strlen(key) + 1), *to = folded;
    if (!folded)
        return "";
    while (*key) {
        const char *start = key;
        unsigned point = fold_next(&key);
        if (point < 0x80)
            *to++ = (char) point;
        else
            to = mempcpy(to, start, (size_t) (key - start));
    }
    *to = '\0';
    return folded;
}

/* ---- names that are known ---- */

void *json_slots_take(struct arena *arena, size_t count, size_t *ret_mask)
{
    size_t room = 4;
    while (room < 4 * count)
        room *= 2;
    void *slots = arena_take(arena, room * sizeof(void *));
    *ret_mask = slots ? room - 1 : 0;
    return slots ? memset(slots, 0, room * sizeof(void *)) : NULL;
}

void json_names_init(struct arena *arena, struct json_names *names, size_t count)
{
    names->slots = json_slots_take(arena, count, &names->mask);
}

void json_names_add(struct json_names *names, struct json_name *name)
{
    name->among = names;
    name->ends = json_ends(name->text, name->bytes);
    for (size_t at = json_key_hash(name->text, name->bytes);; at++) {
        const struct json_name **slot = &names->slots[at & names->mask], *other = *slot;
        if (other && (other->bytes != name->bytes || other->ends.head != name->ends.head ||
                      other->ends.tail != name->ends.tail))
            continue;
        assert(!other || strcmp(other->text, name->text) == 0);
        *slot = name;
        return;
    }
}
