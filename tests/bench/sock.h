/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock: Unix sockets, the clock and the way out, as the programs of the benchmark share them.
 */
#ifndef CAISSON_BENCH_SOCK_H
#define CAISSON_BENCH_SOCK_H

#include <stdint.h>

/* Prints to stderr and exits with 1. These programs mend nothing: a benchmark that fails is void.
 */
__attribute__((noreturn, format(printf, 1, 2))) void sock_fail(const char *format, ...);

/* Both replace what stands at `path`, or wait up to 5 s for room in its queue; neither fails. */
int sock_listen(const char *path);
int sock_connect(const char *path);
/* The same, but returns -1 where nobody listens. */
int sock_try_connect(const char *path);

int sock_accept(int listener); /* non-blocking; -1 when nobody waits */

/* Adds fd with these EPOLL* events, or changes them. */
void sock_watch(int epoll, int fd, uint32_t events, void *data);
void sock_rewatch(int epoll, int fd, uint32_t events, void *data);

int64_t sock_now_ns(void);
/* As many descriptors as the hard limit gives. */
void sock_raise_limit(void);

#endif
