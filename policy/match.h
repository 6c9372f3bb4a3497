/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match: how an item of one-of is compared with a text where plain globbing would let in more than
 * was meant.
 *
 * What reaches beyond the container (root, the host, another one, every capability at once) is
 * let in only by an item that names it; a star does not.  For an exclusion it is the other way
 * round: in doubt it holds, and it ignores the case of ASCII letters.  Paths of the host have items
 * of their own: paths.h.
 */
#ifndef CAISSON_POLICY_MATCH_H
#define CAISSON_POLICY_MATCH_H

#include <stdbool.h>

/* NET_RAW and CAP_NET_RAW are one; ALL is matched by its own name alone. */
bool match_capability(const char *pattern, const char *text, bool exclude);
/* "host" by its own name alone, "container:x" by "container:..."; no star matches what could be an
 * id or the beginning of one, as a network can be named by that, too. */
bool match_namespace(const char *pattern, const char *text, bool exclude);
/* "uid:gid" or "gid": a star is never 0. */
bool match_ids(const char *pattern, const char *text, bool exclude);
/* Every address of the host at once ("0.0.0.0", "::") only by its own name. */
bool match_address(const char *pattern, const char *text, bool exclude);
/* "8000-8010" only by a pattern that is a range. */
bool match_ports(const char *pattern, const char *text, bool exclude);
/* SIGTERM, TERM and 15 are one. */
bool match_signal(const char *pattern, const char *text, bool exclude);
/* A path of the host by an item of paths.h, a name by a glob; what excludes a path excludes what is
 * below and above it. */
bool match_source(const char *pattern, const char *text, bool exclude);
/* "source:target:mode", each part on its own; a pattern without a mode means rw or ro, and one that
 * is a path alone any target. */
bool match_bind(const char *pattern, const char *text, bool exclude);

/* NULL, or what is wrong with an item that does not exclude: "must ...". */
const char *match_source_item(const char *item);
const char *match_bind_item(const char *item);

#endif
