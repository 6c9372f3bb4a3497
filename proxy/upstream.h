/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream: connections to the Docker Engine, and what is known of it.
 *
 * Connections are kept after an exchange that ended cleanly and used again.  What the Engine says
 * of itself on /_ping (its API version, its OS) is asked before the first request, and again after
 * a connection has ended that was kept or within an exchange, since another Engine may answer then.
 */
#ifndef CAISSON_PROXY_UPSTREAM_H
#define CAISSON_PROXY_UPSTREAM_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct policy_engine;
struct stream;
struct upstream;

/*
 * Told when the answer to upstream_ask() is here: known, or the Engine cannot be reached.  Also
 * told, with known = false and unasked, when the Engine's connections end.
 */
typedef void upstream_changed(void *arg, bool known);

/* path: the Engine's Unix socket. NULL: no memory. */
struct upstream *upstream_new(struct event_base *base, const char *path, upstream_changed *changed,
                              void *arg);
void upstream_free(struct upstream *upstream); /* ends what is under way; NULL is fine */

/* Pings the Engine, unless that is under way already. */
void upstream_ask(struct upstream *upstream);
/* Whether that came to nothing the last time; else the Engine answered, and was perhaps lost since.
 */
bool upstream_failed(const struct upstream *upstream);
/* What the last ping taught; api_minor is 0 while nothing is known. */
const struct policy_engine *upstream_engine(const struct upstream *upstream);

/*
 * A connection for one exchange: an idle one, or (fresh, or when none is idle) a new one; NULL with
 * errno when the Engine does not take it.  Ends with upstream_give() or upstream_drop().
 */
struct stream *upstream_take(struct upstream *upstream, bool fresh);
/* The exchange ended, the Engine keeps the connection open, and no byte is left on it. */
void upstream_give(struct upstream *upstream, struct stream *stream);
/* Anything else: the connection is closed. */
void upstream_drop(struct upstream *upstream, struct stream *stream);
/* The Engine ended a connection within an exchange: the next one is asked who it is. */
void upstream_lost(struct upstream *upstream);

/*
 * A request of the proxy's own, with the whole answer at once.  status 0: there was no valid answer
 * within the deadline.  body is valid during the call only.
 */
typedef void upstream_answer(void *arg, int status, const char *body, size_t bytes);
/* method is an enum method. < 0: not sent, and done is not called. */
int upstream_call(struct upstream *upstream, int method, const char *target, upstream_answer *done,
                  void *arg);

/* The calls with that arg end without a word: what arg points to is about to go. */
void upstream_forget_calls(struct upstream *upstream, const void *arg);

/* Frees what was dropped since; called by the server when no callback is running. */
void upstream_reap(struct upstream *upstream);

#endif
