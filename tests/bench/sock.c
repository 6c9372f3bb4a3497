/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sock: what load, engine and relay have in common.
 */
#include "sock.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SOCK_BACKLOG = 4096, SOCK_PATIENCE_S = 5 };

void sock_fail(const char *format, ...)
{
    int error = errno;
    va_list args;

    va_start(args, format);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, args);
    fprintf(stderr, error != 0 ? " (last error: %s)\n" : "\n", strerror(error));
    va_end(args);
    exit(1);
}

static struct sockaddr_un sock_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        sock_fail("%s: too long for a socket's path", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

int sock_listen(const char *path)
{
    struct sockaddr_un address = sock_address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
        listen(fd, SOCK_BACKLOG) < 0)
        sock_fail("cannot listen on %s", path);
    return fd;
}

int sock_try_connect(const char *path)
{
    struct sockaddr_un address = sock_address(path);
    struct timeval patience = {.tv_sec = SOCK_PATIENCE_S};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        sock_fail("no socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *) &address, sizeof address) < 0) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int sock_connect(const char *path)
{
    int fd = sock_try_connect(path);

    if (fd < 0)
        sock_fail("cannot connect to %s", path);
    return fd;
}

int sock_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void sock_watch(int epoll, int fd, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        sock_fail("cannot watch a socket");
}

void sock_rewatch(int epoll, int fd, uint32_t events, void *data)
{
    struct epoll_event event = {.events = events, .data.ptr = data};

    if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0)
        sock_fail("cannot watch a socket");
}

int64_t sock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void sock_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
