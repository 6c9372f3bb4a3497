/* SPDX-License-Identifier: Apache-2.0 */
/* docker_output: the two streams of a program, as one log stream of the engine brings them. */
#ifndef EVALUATOR_DOCKER_OUTPUT_H
#define EVALUATOR_DOCKER_OUTPUT_H

#include "capture.h"

struct limits;
struct frames;

struct docker_output {
    struct frames *frames;
    struct capture out;
    struct capture err;
    bool damaged;
};

void docker_output_init(struct docker_output *output, const struct limits *limits);
void docker_output_done(struct docker_output *output);

/* The stream begins, or begins again. */
void docker_output_begin(struct docker_output *output);

void docker_output_add(struct docker_output *output, const char *data, size_t len);

/* The stream may end here. */
bool docker_output_whole(const struct docker_output *output);

/*
 * Of what was followed while the program ran and what was read after its end, that which says
 * more.  The logs are in a file of bounded size, so what a flood left to be read is less than what
 * was seen of it; otherwise what was read is at least as much, and complete.
 */
struct docker_output *docker_output_better(struct docker_output *followed,
                                           struct docker_output *read);

#endif
