/* SPDX-License-Identifier: Apache-2.0 */
/* capture: keeps the head of a stream in bounded memory; see capture.h. */
#include "capture.h"

void capture_init(struct capture *capture, size_t cap)
{
    *capture = (struct capture){.cap = cap};
}

void capture_done(struct capture *capture)
{
    bytes_done(&capture->head);
}

void capture_reset(struct capture *capture)
{
    capture->head.len = 0;
    capture->total_bytes = 0;
}

void capture_take(struct capture *to, struct capture *from)
{
    capture_done(to);
    *to = *from;
    *from = (struct capture){.cap = to->cap};
}

void capture_add(struct capture *capture, const void *data, size_t len)
{
    size_t room = capture->cap - capture->head.len;

    bytes_append(&capture->head, data, len < room ? len : room);
    capture->total_bytes += len;
}

bool capture_truncated(const struct capture *capture)
{
    return capture->total_bytes > capture->head.len;
}

bool capture_flooded(const struct capture *capture)
{
    return capture->total_bytes > (uint64_t) capture->cap * CAPTURE_FLOOD_FACTOR;
}
