/* SPDX-License-Identifier: Apache-2.0 */
/*
 * healthcheck: one /_ping over a socket that blocks, for as long as its timeouts let it.
 */
#include "healthcheck.h"
#include "err.h"
#include "message.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEALTHCHECK_S = 5, HEALTHCHECK_BYTES = 4096 };

static int healthcheck_connect(const char *path, struct err *err)
{
    const struct timeval patience = {.tv_sec = HEALTHCHECK_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return err_set(err, "socket: %s", strerror(errno));
    memcpy(address.sun_path, path, strlen(path) + 1);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (const struct sockaddr *) &address, sizeof address) == 0)
        return fd;
    err_set(err, "nobody answers on %s: %s", path, strerror(errno));
    close(fd);
    return -1;
}

static int healthcheck_ask(int fd, struct err *err)
{
    static const char request[] =
        "GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
    char answer[HEALTHCHECK_BYTES];
    struct message_reply reply;
    size_t bytes = 0;
    ssize_t got;

    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) != (ssize_t) sizeof request - 1)
        return err_set(err, "cannot ask: %s", strerror(errno));
    while (bytes < sizeof answer && (got = recv(fd, answer + bytes, sizeof answer - bytes, 0)) > 0)
        bytes += (size_t) got;
    if (message_parse_reply(answer, bytes, false, &reply) <= 0)
        return err_set(err, "the proxy gave no answer in %d s", HEALTHCHECK_S);
    if (reply.status != 200)
        return err_set(err, "the proxy answers %d: the engine behind it cannot be reached",
                       reply.status);
    return 0;
}

int healthcheck_run(const char *path, struct err *err)
{
    int fd = healthcheck_connect(path, err);
    int ret;

    if (fd < 0)
        return -1;
    ret = healthcheck_ask(fd, err);
    close(fd);
    return ret;
}
