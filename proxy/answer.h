/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer: the answers that the proxy gives itself, in the Docker Engine's own shape.
 */
#ifndef CAISSON_PROXY_ANSWER_H
#define CAISSON_PROXY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct policy_engine;

/* How the client's request shapes any answer to it. */
struct answer_to {
    bool http10, keep_alive, to_head;
    const struct policy_engine *engine; /* for Api-Version and Ostype */
    unsigned retry_after_s; /* of a 429 or 503: when it is of use to ask again; 0: soon */
};

/*
 * A refusal: {"message":"caisson: TEXT"}.  reason is an enum reason; text may be NULL for the
 * reason's own.  Where the Engine would have said the same, its own words stand without "caisson:
 * ". < 0: no memory.
 */
int answer_refusal(struct buf *out, const struct answer_to *to, int reason, const char *text);

/* The Engine's answer to /_ping. */
int answer_ping(struct buf *out, const struct answer_to *to);

/* A whole JSON document with a status, such as the rewritten answer to a create. */
int answer_json(struct buf *out, const struct answer_to *to, int status, const char *json,
                size_t bytes);

#endif
