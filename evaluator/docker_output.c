/* SPDX-License-Identifier: Apache-2.0 */
/* docker_output: a log stream taken apart into two captures; see docker_output.h. */
#include "docker_output.h"
#include "frames.h"
#include "job.h"
#include "mem.h"

#include <stdlib.h>

void docker_output_init(struct docker_output *output, const struct limits *limits)
{
    output->frames = mem_alloc(sizeof(*output->frames));
    output->damaged = false;
    capture_init(&output->out, (size_t) limits->stdout_bytes);
    capture_init(&output->err, (size_t) limits->stderr_bytes);
}

void docker_output_done(struct docker_output *output)
{
    free(output->frames);
    capture_done(&output->out);
    capture_done(&output->err);
}

void docker_output_begin(struct docker_output *output)
{
    *output->frames = (struct frames){0};
    output->damaged = false;
    capture_reset(&output->out);
    capture_reset(&output->err);
}

static void on_frame(void *context, enum frames_stream stream, const void *data, size_t len)
{
    struct docker_output *output = context;

    if (stream == FRAMES_ENGINE)
        output->damaged = true;
    else
        capture_add(stream == FRAMES_STDOUT ? &output->out : &output->err, data, len);
}

void docker_output_add(struct docker_output *output, const char *data, size_t len)
{
    if (!frames_feed(output->frames, data, len, on_frame, output))
        output->damaged = true;
}

bool docker_output_whole(const struct docker_output *output)
{
    return frames_whole(output->frames);
}

struct docker_output *docker_output_better(struct docker_output *followed,
                                           struct docker_output *read)
{
    bool is_less = read->out.total_bytes < followed->out.total_bytes ||
                   read->err.total_bytes < followed->err.total_bytes;

    return read->damaged || is_less ? followed : read;
}
