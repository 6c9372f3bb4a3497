/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths: items of one-of that are about paths of the host.
 *
 *   /srv/data        this path and no other
 *   /srv/agent/x*    a star stands for letters of one name, and never for a slash
 *   /srv/media/xx    with ** for xx: everything below, read-only
 *
 * behind it, in a list of binds, ":TARGET" or ":TARGET:MODE"; in any list ":ro" alone: whatever is
 * asked, it is mounted read-only.
 *
 * The Engine follows links when a container starts.  So what a client can write must not lie above
 * what it can name: it would put a link there.  All of this is reasoning about texts; what is
 * already linked on the host is the operator's.
 */
#ifndef CAISSON_POLICY_PATHS_H
#define CAISSON_POLICY_PATHS_H

#include <stdbool.h>

enum { PATHS_BYTES = 4096 + 64 };

struct paths_item {
    char source[PATHS_BYTES];
    const char *rest; /* of a bind: ":TARGET" or ":TARGET:MODE", or "" */
    bool forced;      /* read-only, whatever is asked */
    bool writable;
};

/* Takes an item, or a bind that is sent, apart; false when it is about no path of the host. */
bool paths_item_read(const char *text, bool is_bind, struct paths_item *ret);
/* NULL, or what is wrong with an item that does not exclude: "must ...". */
const char *paths_item_wrong(const char *text, bool is_bind);

/* Whether a clean path is what a pattern says; a star that begins a name takes no hidden one. */
bool paths_match(const char *pattern, const char *path);
/* Whether a path lies at, below or above one that is excluded, ignoring the case of letters. */
bool paths_touch(const char *excluded, const char *path);
/* Whether who can write in what one pattern says could put a link in the place of what another
 * says. */
bool paths_overlap(const char *writable, const char *other);
/*
 * A path that the pattern says, as near to a place as it goes: at it, below it, above it.  place:
 * a path, perhaps with a last part that is a star.  False when the pattern says nothing there.
 */
bool paths_near(const char *pattern, const char *place, char ret_path[PATHS_BYTES]);

#endif
