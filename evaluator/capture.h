/* SPDX-License-Identifier: Apache-2.0 */
/* capture: the head of an output stream, and how long the whole of it was. */
#ifndef EVALUATOR_CAPTURE_H
#define EVALUATOR_CAPTURE_H

#include <stdint.h>

#include "bytes.h"

/* A stream that writes this many times its cap is a flood: the run is ended. */
#define CAPTURE_FLOOD_FACTOR 64

struct capture {
    struct bytes head; /* the first `cap` bytes at most */
    size_t cap;
    uint64_t total_bytes;
};

void capture_init(struct capture *capture, size_t cap);
void capture_done(struct capture *capture);

/* Forgets all that came; the stream is read again from its start. */
void capture_reset(struct capture *capture);

/* Moves what `from` holds into `to`, which keeps nothing of its own. */
void capture_take(struct capture *to, struct capture *from);

void capture_add(struct capture *capture, const void *data, size_t len);
bool capture_truncated(const struct capture *capture);
bool capture_flooded(const struct capture *capture);

#endif
