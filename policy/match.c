/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The comparisons.  Every text was found well formed before (formats.c), so that each meaning has
 * one spelling.
 */
#include "match.h"

#include <string.h>

#include "formats.h"
#include "glob.h"
#include "paths.h"

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

bool match_address(const char *pattern, const char *text, bool exclude)
{
    if (!exclude && (strcmp(text, "0.0.0.0") == 0 || strcmp(text, "::") == 0))
        return strcmp(pattern, text) == 0;
    return glob_matches(pattern, text, '\0', exclude);
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
    struct paths_item item;
    if (*text != '/')
        return glob_matches(pattern, text, '\0', exclude);
    if (exclude)
        return glob_matches(pattern, text, '\0', true) ||
               (*pattern == '/' && paths_touch(pattern, text));
    return paths_item_read(pattern, false, &item) && paths_match(item.source, text);
}

/* "", "rw" or "ro", when nothing is said of modes. */
static bool is_plain_mode(const char *mode)
{
    return *mode == '\0' || strcmp(mode, "rw") == 0 || strcmp(mode, "ro") == 0;
}

/* What is behind the source: a target and perhaps a mode. */
static bool match_rest(const char *pattern, const char *text)
{
    char mine[PART_BYTES], theirs[PART_BYTES];
    if (!part_cut(&pattern, mine) || !part_cut(&text, theirs) ||
        !glob_matches(mine, theirs, '\0', false))
        return false;
    return *pattern ? glob_matches(pattern, text, '\0', false) : is_plain_mode(text);
}

static bool exclude_bind(const char *pattern, const char *text)
{
    struct paths_item bind;
    return glob_matches(pattern, text, '\0', true) ||
           (*pattern == '/' && !strchr(pattern, ':') && paths_item_read(text, true, &bind) &&
            paths_touch(pattern, bind.source));
}

bool match_bind(const char *pattern, const char *text, bool exclude)
{
    char mine[PART_BYTES], theirs[PART_BYTES];
    struct paths_item item, bind;
    if (exclude)
        return exclude_bind(pattern, text);
    if (*text == '/') {
        const char *rest = text + strcspn(text, ":");
        return paths_item_read(pattern, true, &item) && paths_item_read(text, true, &bind) &&
               paths_match(item.source, bind.source) &&
               match_rest(*item.rest ? item.rest + 1 : "*", rest + (*rest == ':'));
    }
    return part_cut(&pattern, mine) && part_cut(&text, theirs) &&
           glob_matches(mine, theirs, '\0', false) && match_rest(pattern, text);
}

const char *match_source_item(const char *item)
{
    return *item == '/'        ? paths_item_wrong(item, false)
           : strchr(item, '*') ? NULL
                               : format_source(item);
}

const char *match_bind_item(const char *item)
{
    const char *colon = strchr(item, ':');
    if (*item == '/')
        return paths_item_wrong(item, true);
    if (!colon || !colon[1])
        return "must be SOURCE:TARGET or SOURCE:TARGET:MODE, such as cache:/cache:ro";
    return strchr(item, '*') ? NULL : format_bind(item);
}
