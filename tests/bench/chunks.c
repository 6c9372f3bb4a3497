/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunks: written once, sent many times.
 */
#include "chunks.h"
#include "sock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void chunks_init(struct chunks *ret_chunks, size_t chunk_bytes)
{
    struct chunks *chunks = ret_chunks;
    size_t count, i;
    char size[24], *to;
    int digits = snprintf(size, sizeof size, "%zx\r\n", chunk_bytes);

    if (chunk_bytes == 0 || chunk_bytes > CHUNKS_MAX_BYTES)
        sock_fail("chunks of %zu bytes", chunk_bytes);
    chunks->chunk_bytes = chunk_bytes;
    chunks->frame_bytes = (size_t) digits + chunk_bytes + 2;
    count = CHUNKS_BLOCK_BYTES / chunks->frame_bytes + 1;
    chunks->bytes = count * chunks->frame_bytes;
    chunks->data = to = malloc(chunks->bytes);
    if (to == NULL)
        sock_fail("no memory");
    for (i = 0; i < count; i++, to += chunks->frame_bytes) {
        memcpy(to, size, (size_t) digits);
        memset(to + digits, 'x', chunk_bytes);
        memcpy(to + (size_t) digits + chunk_bytes, "\r\n", 2);
    }
}
