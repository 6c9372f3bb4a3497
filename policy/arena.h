/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: memory of one judgement, given back all at once.
 *
 * That memory ran short is kept until the end: who builds something takes what he needs without a
 * look, and asks arena->failed once, before the result is used.
 */
#ifndef CAISSON_POLICY_ARENA_H
#define CAISSON_POLICY_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { ARENA_SPARE_BYTES = 48 };

struct arena_chunk;

/* Zeroed is empty. */
struct arena {
    struct arena_chunk *chunks;
    char *at;
    size_t left; /* bytes behind `at` */
    bool failed; /* memory ran short, here or where it was said */
    _Alignas(max_align_t) char spare[ARENA_SPARE_BYTES]; /* see arena_spare() */
};

/* An empty one that takes from `room` first, of bytes for anything; the room must outlive it. */
struct arena arena_in(void *room, size_t bytes);

/* arena_take() when no bytes are left. */
void *arena_more(struct arena *arena, size_t bytes);

/* Bytes for anything, not zeroed; NULL when memory is short. */
static inline void *arena_take(struct arena *arena, size_t bytes)
{
    bytes = (bytes + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
    if (bytes > arena->left)
        return arena_more(arena, bytes);
    arena->left -= bytes;
    arena->at += bytes;
    return arena->at - bytes;
}
/* ARENA_SPARE_BYTES zeroes, the same ones each time, in place of what there was no memory for. */
void *arena_spare(struct arena *arena);
void arena_done(struct arena *arena);

/* Texts, ended by a NUL; "" when memory is short. */
const char *arena_copy(struct arena *arena, const char *text, size_t bytes);
const char *arena_print(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
