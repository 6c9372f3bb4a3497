/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena: chunks of memory, each twice the size of the one before.
 */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Every piece is a chunk of its own, so that no overrun lands in a neighbour, and each of them can
 * be the one for which there is no memory: -DARENA_PIECES, or a sanitizer. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_PIECES
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ARENA_PIECES
#endif
#ifdef ARENA_PIECES
#define CHUNK_LEAST 0
#else
#define CHUNK_LEAST 16320
#endif

enum { CHUNK_MOST = 1 << 20 };

struct arena_chunk {
    struct arena_chunk *before;
    size_t bytes;
};

struct arena arena_in(void *room, size_t bytes)
{
    return CHUNK_LEAST > 0 ? (struct arena){.at = room, .left = bytes} : (struct arena){0};
}

void *arena_more(struct arena *arena, size_t bytes)
{
    size_t room = arena->chunks ? 2 * arena->chunks->bytes : CHUNK_LEAST;
    room = room < CHUNK_MOST ? room : CHUNK_MOST;
    room = CHUNK_LEAST > 0 && room > bytes ? room : bytes;
    struct arena_chunk *chunk = bytes <= SIZE_MAX / 2 ? malloc(sizeof(*chunk) + room) : NULL;
    if (!chunk) {
        arena->failed = true;
        return NULL;
    }
    *chunk = (struct arena_chunk){arena->chunks, room};
    arena->chunks = chunk;
    arena->at = (char *) (chunk + 1) + bytes;
    arena->left = room - bytes;
    return chunk + 1;
}

void *arena_spare(struct arena *arena)
{
    return memset(arena->spare, 0, sizeof(arena->spare));
}

void arena_done(struct arena *arena)
{
    while (arena->chunks) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->before;
        free(chunk);
    }
    *arena = (struct arena){0};
}

const char *arena_copy(struct arena *arena, const char *text, size_t bytes)
{
    char *copy = arena_take(arena, bytes + 1);
    if (!copy)
        return "";
    memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

const char *arena_print(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int bytes = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = bytes < 0 ? NULL : arena_take(arena, (size_t) bytes + 1);
    if (!text) {
        arena->failed = true;
        return "";
    }
    va_start(args, format);
    vsnprintf(text, (size_t) bytes + 1, format, args);
    va_end(args);
    return text;
}
