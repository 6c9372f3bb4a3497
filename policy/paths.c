/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of paths, compared name by name.
 */
#include "paths.h"

#include <stdio.h>
#include <string.h>

#include "formats.h"
#include "glob.h"

enum { NAME_BYTES = 256 + 64 /* a name of a file has at most 255, a pattern of one some stars */ };

/* ---- items ---- */

static bool ends_read_only(const char *text)
{
    size_t length = strlen(text);
    return length > 3 && strcmp(text + length - 3, ":ro") == 0;
}

/* The mode of ":TARGET:MODE", or "". */
static const char *mode_of(const char *rest)
{
    const char *colon = *rest ? strchr(rest + 1, ':') : NULL;
    return colon ? colon + 1 : "";
}

bool paths_item_read(const char *text, bool is_bind, struct paths_item *ret)
{
    size_t length = is_bind ? strcspn(text, ":") : strlen(text) - (ends_read_only(text) ? 3 : 0);
    if (*text != '/' || length >= sizeof(ret->source))
        return false;
    memcpy(ret->source, text, length);
    ret->source[length] = '\0';
    ret->forced = strcmp(text + length, ":ro") == 0;
    ret->rest = ret->forced ? "" : text + length;
    const char *mode = mode_of(ret->rest);
    ret->writable = !ret->forced && strcmp(mode, "ro") != 0 && strncmp(mode, "ro,", 3) != 0;
    return true;
}

/* Two stars are the whole last name, or nothing. */
static bool stars_are_good(const char *source)
{
    const char *stars = strstr(source, "**");
    return !stars || (stars > source && stars[-1] == '/' && stars[2] == '\0');
}

const char *paths_item_wrong(const char *text, bool is_bind)
{
    struct paths_item item;
    if (!paths_item_read(text, is_bind, &item))
        return "is too long";
    if (format_host_path(item.source))
        return "must be a clean absolute path";
    if (!stars_are_good(item.source))
        return "must have ** as its last name alone, as in /srv/media/**:ro";
    if (item.writable && strstr(item.source, "**"))
        return "must end with ':ro': who can write below a path could put a link there, to "
               "anywhere; for one level of names write one star";
    if (item.forced || !*item.rest)
        return NULL;
    return item.rest[1] == '/' || item.rest[1] == '*'
               ? NULL
               : "must be SOURCE, SOURCE:ro, SOURCE:TARGET or SOURCE:TARGET:MODE, such as "
                 "/srv/data:ro or /srv/data:/data";
}

/* ---- names ---- */

/* The next name of a path; false behind the last one. */
static bool name_next(const char **at, char name[NAME_BYTES])
{
    if (**at != '/' || (*at)[1] == '\0')
        return false;
    size_t length = strcspn(*at + 1, "/");
    snprintf(name, NAME_BYTES, "%.*s", (int) length, *at + 1);
    *at += 1 + length;
    return true;
}

/* Whether some text is what both patterns say: of their ends, from the shortest on. */
static bool names_meet(const char *a, const char *b)
{
    const size_t a_bytes = strlen(a), b_bytes = strlen(b);
    bool ends[NAME_BYTES + 1], longer[NAME_BYTES + 1] = {false};
    for (size_t i = a_bytes + 1; i-- > 0; memcpy(longer, ends, sizeof(longer)))
        for (size_t k = b_bytes + 1; k-- > 0;) {
            const bool more = k < b_bytes && ends[k + 1], less = i < a_bytes && longer[k];
            if (i == a_bytes && k == b_bytes)
                ends[k] = true;
            else if (a[i] == '*' || b[k] == '*') /* nothing, or one more letter of the other */
                ends[k] = more || less;
            else
                ends[k] = i < a_bytes && k < b_bytes && a[i] == b[k] && longer[k + 1];
        }
    return ends[0];
}

/* As in a shell: a star at the beginning of a name stands for no hidden one, such as .ssh. */
static bool takes_hidden(const char *pattern, const char *path)
{
    char mine[NAME_BYTES], theirs[NAME_BYTES];
    while (name_next(&pattern, mine) && name_next(&path, theirs)) {
        if (strcmp(mine, "**") == 0)
            return false;
        if (mine[0] == '*' && theirs[0] == '.')
            return true;
    }
    return false;
}

bool paths_match(const char *pattern, const char *path)
{
    return glob_matches(pattern, path, '/', false) && !takes_hidden(pattern, path);
}

bool paths_touch(const char *excluded, const char *path)
{
    char mine[NAME_BYTES], theirs[NAME_BYTES];
    while (name_next(&excluded, mine) && name_next(&path, theirs)) {
        if (strcmp(mine, "**") == 0)
            return true;
        if (!glob_matches(mine, theirs, '\0', true))
            return false;
    }
    return true;
}

bool paths_overlap(const char *writable, const char *other)
{
    char above[NAME_BYTES], below[NAME_BYTES];
    while (name_next(&writable, above)) {
        if (!name_next(&other, below) ||
            (strcmp(above, "**") != 0 && strcmp(below, "**") != 0 && !names_meet(above, below)))
            return false;
        if (strcmp(above, "**") == 0 || strcmp(below, "**") == 0)
            return true;
    }
    return name_next(&other, below);
}

/* Adds a name, with an x for each star of a pattern. */
static bool name_add(char path[PATHS_BYTES], const char *name)
{
    size_t used = strlen(path);
    if (used + 1 + strlen(name) >= PATHS_BYTES)
        return false;
    path[used++] = '/';
    for (; *name; name++)
        if (*name != '*')
            path[used++] = *name;
        else if (path[used - 1] != 'x')
            path[used++] = 'x';
    path[used] = '\0';
    return true;
}

bool paths_near(const char *pattern, const char *place, char ret_path[PATHS_BYTES])
{
    char mine[NAME_BYTES] = "", theirs[NAME_BYTES];
    bool deep = false, more = true, fits = true;
    ret_path[0] = '\0';
    while (fits && (deep || (more = name_next(&pattern, mine)))) {
        deep = strcmp(mine, "**") == 0;
        bool is_there = !name_next(&place, theirs) || strcmp(theirs, "*") == 0;
        if (is_there && deep)
            return *ret_path ? true : name_add(ret_path, "x");
        if (is_there)
            place = "";
        else if (!deep && !glob_matches(mine, theirs, '\0', false))
            return false;
        fits = name_add(ret_path, is_there ? mine : theirs);
    }
    if (!*ret_path)
        strcpy(ret_path, "/");
    return fits;
}
