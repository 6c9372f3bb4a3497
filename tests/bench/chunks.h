/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunks: a block of whole chunks of one size, to send a chunked body from over and over.
 */
#ifndef CAISSON_BENCH_CHUNKS_H
#define CAISSON_BENCH_CHUNKS_H

#include <stddef.h>

enum { CHUNKS_BLOCK_BYTES = 128 * 1024, CHUNKS_MAX_BYTES = 1024 * 1024 };

struct chunks {
    size_t chunk_bytes; /* of payload */
    size_t frame_bytes; /* a chunk with its framing */
    size_t bytes;       /* a multiple of frame_bytes, CHUNKS_BLOCK_BYTES or more */
    char *data;
};

void chunks_init(struct chunks *ret_chunks, size_t chunk_bytes);

#endif
