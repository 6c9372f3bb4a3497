/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames: takes the engine's multiplexed log stream apart, at whatever byte it is cut.
 *
 * A frame is an 8-byte head [stream, 0, 0, 0, length as 32 bits big-endian] and its payload.
 * Stream 1 is stdout, 2 stderr, 3 an error text of the engine itself.
 */
#ifndef EVALUATOR_FRAMES_H
#define EVALUATOR_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frames_stream { FRAMES_STDOUT = 1, FRAMES_STDERR = 2, FRAMES_ENGINE = 3 };

/* A zeroed struct is at the start of a stream. */
struct frames {
    unsigned char head[8];
    size_t head_len;
    uint32_t left; /* payload bytes of the current frame still to come */
    bool damaged;
};

typedef void frames_fn(void *context, enum frames_stream stream, const void *data, size_t len);

/* Calls `take` for each piece of payload.  False, now and ever after, when the bytes are no frames.
 */
bool frames_feed(struct frames *frames, const void *data, size_t len, frames_fn *take,
                 void *context);

/* The stream may end here. */
bool frames_whole(const struct frames *frames);

#endif
