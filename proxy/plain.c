/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain: every target and every refusal comes by here, so whole blocks are looked at at once; the
 * compiler makes of a block what the processor has for it.
 */
#include "plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { BLOCK_BYTES = 16 };

typedef uint8_t block __attribute__((vector_size(BLOCK_BYTES)));

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static bool block_is_plain(const char *text)
{
    uint64_t halves[BLOCK_BYTES / sizeof(uint64_t)];
    block bytes, odd;

    memcpy(&bytes, text, sizeof bytes);
    odd = (block) (bytes < 0x20) | (block) (bytes > 0x7e) | (block) (bytes == '"') |
          (block) (bytes == '\\');
    memcpy(halves, &odd, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

size_t plain_bytes(const char *text, size_t bytes)
{
    size_t plain = 0;

    while (bytes - plain >= BLOCK_BYTES && block_is_plain(text + plain))
        plain += BLOCK_BYTES;
    /* The rest in one block, if it may begin within the one before it. */
    if (plain > 0 && bytes - plain < BLOCK_BYTES && block_is_plain(text + bytes - BLOCK_BYTES))
        return bytes;
    while (plain < bytes && is_plain((unsigned char) text[plain]))
        plain++;
    return plain;
}
