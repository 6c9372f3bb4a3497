/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparisons.  Every text was found well formed before (formats.c), so that each meaning has
 * one spelling.
 */
#include "match.h"

#include <string.h>

#include "formats.h"
#include "glob.h"

enum { PART_BYTES = 4096 + 64 /* the longest part of a text that is compared by parts */ };

static bool begins_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *capability_name(const char *text)
{
    return begins_with(text, "CAP_") ? text + 4 : text;
}

bool match_capability(const char *pattern, const char *text, bool exclude)
{
    pattern = capability_name(pattern);
    text = capability_name(text);
    /* ALL holds every excluded one as well. */
    if (strcmp(text, "ALL") == 0)
        return strcmp(pattern, "ALL") == 0;
    return glob_matches(pattern, text, '\0', exclude);
}

bool match_namespace(const char *pattern, const char *text, bool exclude)
{
    static const char container[] = "container:";
    if (exclude)
        return glob_matches(pattern, text, '\0', true);
    if (begins_with(text, container) && !begins_with(pattern, container))
        return false;
    bool is_id = text[strspn(text, "0123456789abcdef")] == '\0';
    if (is_id || strcmp(text, "host") == 0)
        return strcmp(pattern, text) == 0;
    return glob_matches(pattern, text, '\0', false);
}

/* Cuts the part before the next colon off; *text moves behind the colon, or to the end. */
static bool part_cut(const char **text, char part[PART_BYTES])
{
    size_t length = strcspn(*text, ":");
    if (length >= PART_BYTES)
        return false;
    memcpy(part, *text, length);
    part[length] = '\0';
    *text += length + ((*text)[length] == ':');
    return true;
}

bool match_ids(const char *pattern, const char *text, bool exclude)
{
    char mine[PART_BYTES], theirs[PART_BYTES];
    if (!glob_matches(pattern, text, '\0', exclude))
        return false;
    while (!exclude && *text) {
        if (!part_cut(&pattern, mine) || !part_cut(&text, theirs) ||
            (strcmp(theirs, "0") == 0 && strcmp(mine, "0") != 0))
            return false;
    }
    return true;
}

bool match_ports(const char *pattern, const char *text, bool exclude)
{
    return (exclude || !strchr(text, '-') || strchr(pattern, '-')) &&
           glob_matches(pattern, text, '\0', exclude);
}

bool match_signal(const char *pattern, const char *text, bool exclude)
{
    return glob_matches(format_signal_name(pattern), format_signal_name(text), '\0', exclude);
}

bool match_source(const char *pattern, const char *text, bool exclude)
{
    if (!exclude && *text == '/')
        return strcmp(pattern, text) == 0;
    return glob_matches(pattern, text, '\0', exclude);
}

bool match_bind(const char *pattern, const char *text, bool exclude)
{
    char mine[PART_BYTES], theirs[PART_BYTES];
    if (exclude)
        return glob_matches(pattern, text, '\0', true);
    if (!part_cut(&pattern, mine) || !part_cut(&text, theirs) ||
        !match_source(mine, theirs, false) || !part_cut(&pattern, mine) ||
        !part_cut(&text, theirs) || !glob_matches(mine, theirs, '\0', false))
        return false;
    if (*pattern == '\0')
        return *text == '\0' || strcmp(text, "rw") == 0 || strcmp(text, "ro") == 0;
    return glob_matches(pattern, text, '\0', false);
}

const char *match_source_pattern(const char *pattern)
{
    return *pattern == '/' && strchr(pattern, '*')
               ? "must not have a star in a path of the host: below it there can be links to "
                 "anywhere; name each path"
               : NULL;
}

const char *match_bind_pattern(const char *pattern)
{
    const char *colon = strchr(pattern, ':'), *star = strchr(pattern, '*');
    if (!colon || !colon[1])
        return "must be SOURCE:TARGET or SOURCE:TARGET:MODE, such as /srv/data:*:ro";
    return star && star < colon ? match_source_pattern(pattern) : NULL;
}
