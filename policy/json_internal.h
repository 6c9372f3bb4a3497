/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_internal: what the rooms of json share; nobody else includes it.
 *
 * json.c        the tree
 * json_read.c   text to tree
 * json_write.c  tree to text
 * json_text.c   text for people, keys under case folding, names that are known
 */
#ifndef CAISSON_POLICY_JSON_INTERNAL_H
#define CAISSON_POLICY_JSON_INTERNAL_H

#include "arena.h"
#include "json.h"

/* A value of no kind yet, in no list and without a key; never NULL. */
static inline struct json *json_node(struct arena *arena)
{
    struct json *node = arena_take(arena, sizeof(*node));
    if (!node)
        return arena_spare(arena);
    *node = (struct json){0};
    return node;
}

/* Puts a node itself at the end of a list or object, which it then belongs to. */
static inline void json_link(struct json *into, struct json *node)
{
    *(into->size++ ? &into->last->next : &into->first) = node;
    into->last = node;
}

/* A key as every other one that an Engine takes for it. */
const char *json_fold_key(struct arena *arena, const char *key);

#endif
