/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmpfs: the option text of a tmpfs mount as members that have rows and rules of their own.
 *
 * "rw,exec,size=16m,mode=1777"  <->  {"exec":true,"size":16777216,"mode":1023}
 */
#ifndef CAISSON_POLICY_TMPFS_H
#define CAISSON_POLICY_TMPFS_H

struct arena;
struct json;

/*
 * Returns NULL and a new object, or what is wrong with the text.  Flags that are the safe default
 * become false; an option that is not known here, or is given twice, is wrong.
 */
const char *tmpfs_decode(struct arena *arena, const char *text, struct json **ret_members);

/* The canonical text: every flag is named, so that no default of the Engine matters. */
const char *tmpfs_encode(struct arena *arena, const struct json *members);

#endif
