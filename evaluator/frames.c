/* SPDX-License-Identifier: Apache-2.0 */
/* frames: the log stream's demultiplexer; see frames.h. */
#include "frames.h"

#include <string.h>

static bool head_is_sound(const unsigned char *head)
{
    return head[0] >= FRAMES_STDOUT && head[0] <= FRAMES_ENGINE && !head[1] && !head[2] && !head[3];
}

/* Takes what `data` has of the head; the number of bytes taken. */
static size_t feed_head(struct frames *frames, const unsigned char *data, size_t len)
{
    size_t want = sizeof(frames->head) - frames->head_len;
    size_t take = len < want ? len : want;
    const unsigned char *head = frames->head;

    memcpy(frames->head + frames->head_len, data, take);
    frames->head_len += take;
    if (frames->head_len < sizeof(frames->head))
        return take;
    frames->damaged = !head_is_sound(head);
    frames->left =
        (uint32_t) head[4] << 24 | (uint32_t) head[5] << 16 | (uint32_t) head[6] << 8 | head[7];
    if (!frames->left)
        frames->head_len = 0;
    return take;
}

bool frames_feed(struct frames *frames, const void *data, size_t len, frames_fn *take,
                 void *context)
{
    const unsigned char *at = data;

    while (len && !frames->damaged) {
        size_t used;

        if (!frames->left) {
            used = feed_head(frames, at, len);
        } else {
            used = len < frames->left ? len : frames->left;
            take(context, (enum frames_stream) frames->head[0], at, used);
            frames->left -= (uint32_t) used;
            if (!frames->left)
                frames->head_len = 0;
        }
        at += used;
        len -= used;
    }
    return !frames->damaged;
}

bool frames_whole(const struct frames *frames)
{
    return !frames->damaged && !frames->head_len;
}
