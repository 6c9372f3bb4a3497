/* SPDX-License-Identifier: Apache-2.0 */
/* result: how one run ended, and that as a line of JSON. */
#ifndef EVALUATOR_RESULT_H
#define EVALUATOR_RESULT_H

#include "verdict.h"

struct capture;
struct job;

/* How long each step took; 0 for those that were not reached. */
struct timing {
    long long queued_ms; /* waiting for a place in the proxy and for the slot's name */
    long long create_ms;
    long long start_ms;
    long long run_ms; /* from the started container to its exit status: the wall time */
    long long delete_ms;
    long long total_ms;
};

struct result {
    const char *engine;
    struct outcome outcome;
    struct capture *out;
    struct capture *err;
    struct timing timing;
};

/* Room for a result of that job, with empty streams of its caps. */
struct result *result_new(const char *engine, const struct job *job);
void result_free(struct result *result);

/* One JSON object without a newline, to be freed by the caller. */
char *result_format(const struct result *result, const struct job *job);

#endif
