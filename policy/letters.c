/* SPDX-License-Identifier: Apache-2.0 */
/*
 * letters: every byte of every target comes by here twice, so whole blocks are looked at at once;
 * the compiler makes of a block what the processor has for it.
 */
#include "letters.h"

#include <stdint.h>
#include <string.h>

enum { BLOCK_BYTES = 16 };

typedef uint8_t block __attribute__((vector_size(BLOCK_BYTES)));

/* Each byte that is such becomes ones, each other zeros. Bytes from '-' on: - . / 0 to 9 : */
static block path_bytes(const char *text)
{
    block bytes;
    memcpy(&bytes, text, sizeof(bytes));
    return (block) (bytes - '-' <= ':' - '-') | (block) ((bytes | 0x20) - 'a' <= 'z' - 'a') |
           (block) (bytes == '_') | (block) (bytes == '@');
}

bool letters_are_path(const char *text, size_t bytes)
{
    char filled[BLOCK_BYTES];
    uint64_t halves[BLOCK_BYTES / sizeof(uint64_t)];
    if (bytes < BLOCK_BYTES) {
        memset(filled, 'a', sizeof(filled));
        if (bytes > 0)
            memcpy(filled, text, bytes);
        text = filled;
        bytes = BLOCK_BYTES;
    }
    /* The last block may begin within the one before it. */
    block seen = path_bytes(text + bytes - BLOCK_BYTES);
    for (size_t at = 0; at + BLOCK_BYTES < bytes; at += BLOCK_BYTES)
        seen &= path_bytes(text + at);
    memcpy(halves, &seen, sizeof(halves));
    return (halves[0] & halves[1]) == UINT64_MAX;
}
