/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay: the least that any proxy has to do, as the measure of what ours adds.
 *
 *   relay [--splice] LISTEN UPSTREAM
 *
 * One upstream connection per client connection, bytes handed on unread: by read(2) and write(2)
 * through a buffer of 64 KiB, or by splice(2) through a pipe for each direction.
 */
#include "sock.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RELAY_BYTES = 64 * 1024, RELAY_EVENTS = 256, RELAY_PIPE_BYTES = 256 * 1024 };

/* One end of a pair; what it read and its peer did not take yet stands in `left` or the pipe. */
struct side {
    int fd;
    struct side *peer;
    uint32_t events;
    char *left;
    size_t left_at, left_bytes;
    int pipe[2];
    bool closed;
    struct side *next_dead;
};

struct relay {
    int epoll, listener;
    const char *upstream;
    bool splice;
    char *scratch;
    struct side *dead; /* freed after the turn, since its events may still be in the list */
};

static void relay_want(struct relay *relay, struct side *side, uint32_t events)
{
    if (side->events == events)
        return;
    side->events = events;
    sock_rewatch(relay->epoll, side->fd, events, side);
}

static void relay_close(struct relay *relay, struct side *side)
{
    if (side->closed)
        return;
    side->closed = true;
    close(side->fd);
    if (side->pipe[0] >= 0) {
        close(side->pipe[0]);
        close(side->pipe[1]);
    }
    free(side->left);
    side->next_dead = relay->dead;
    relay->dead = side;
    relay_close(relay, side->peer);
}

/* The peer is full: read no more until it takes what is left. */
static void relay_block(struct relay *relay, struct side *side)
{
    relay_want(relay, side, side->events & ~(uint32_t) EPOLLIN);
    relay_want(relay, side->peer, side->peer->events | EPOLLOUT);
}

static void relay_unblock(struct relay *relay, struct side *side)
{
    relay_want(relay, side, side->events | EPOLLIN);
    relay_want(relay, side->peer, side->peer->events & ~(uint32_t) EPOLLOUT);
}

static void relay_keep(struct relay *relay, struct side *side, const char *data, size_t bytes)
{
    side->left = malloc(bytes);
    if (side->left == NULL)
        sock_fail("no memory");
    memcpy(side->left, data, bytes);
    side->left_at = 0;
    side->left_bytes = bytes;
    relay_block(relay, side);
}

static void relay_copy(struct relay *relay, struct side *side)
{
    ssize_t got = read(side->fd, relay->scratch, RELAY_BYTES), put;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        relay_close(relay, side);
        return;
    }
    put = write(side->peer->fd, relay->scratch, (size_t) got);
    if (put < 0 && errno != EAGAIN)
        relay_close(relay, side);
    else if (put < got)
        relay_keep(relay, side, relay->scratch + (put < 0 ? 0 : put),
                   (size_t) (got - (put < 0 ? 0 : put)));
}

static void relay_copy_left(struct relay *relay, struct side *side)
{
    ssize_t put = write(side->peer->fd, side->left + side->left_at, side->left_bytes);

    if (put < 0 && errno == EAGAIN)
        return;
    if (put < 0) {
        relay_close(relay, side);
        return;
    }
    side->left_at += (size_t) put;
    side->left_bytes -= (size_t) put;
    if (side->left_bytes > 0)
        return;
    free(side->left);
    side->left = NULL;
    relay_unblock(relay, side);
}

/* Empties the pipe as far as the peer takes it. */
static void relay_splice_out(struct relay *relay, struct side *side)
{
    ssize_t put;

    while (side->left_bytes > 0) {
        put = splice(side->pipe[0], NULL, side->peer->fd, NULL, side->left_bytes,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (put < 0 && errno == EAGAIN) {
            relay_block(relay, side);
            return;
        }
        if (put <= 0) {
            relay_close(relay, side);
            return;
        }
        side->left_bytes -= (size_t) put;
    }
    if ((side->events & EPOLLIN) == 0)
        relay_unblock(relay, side);
}

static void relay_splice(struct relay *relay, struct side *side)
{
    ssize_t got;

    if (side->pipe[0] < 0) {
        if (pipe2(side->pipe, O_NONBLOCK | O_CLOEXEC) < 0)
            sock_fail("no pipe");
        fcntl(side->pipe[0], F_SETPIPE_SZ, RELAY_PIPE_BYTES);
    }
    got = splice(side->fd, NULL, side->pipe[1], NULL, RELAY_PIPE_BYTES,
                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        relay_close(relay, side);
        return;
    }
    side->left_bytes = (size_t) got;
    relay_splice_out(relay, side);
}

static void relay_event(struct relay *relay, struct side *side, uint32_t events)
{
    if (side->closed)
        return;
    if ((events & EPOLLOUT) != 0 && side->peer->left_bytes > 0) {
        if (relay->splice)
            relay_splice_out(relay, side->peer);
        else
            relay_copy_left(relay, side->peer);
    }
    if (side->closed)
        return;
    if ((side->events & EPOLLIN) == 0) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0)
            relay_close(relay, side);
    } else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
        (relay->splice ? relay_splice : relay_copy)(relay, side);
    }
}

static struct side *relay_side(int fd)
{
    struct side *side = calloc(1, sizeof *side);

    if (side == NULL)
        sock_fail("no memory");
    *side = (struct side){.fd = fd, .events = EPOLLIN, .pipe = {-1, -1}};
    return side;
}

static void relay_accept(struct relay *relay)
{
    struct side *client, *engine;
    int fd;

    while ((fd = sock_accept(relay->listener)) >= 0) {
        client = relay_side(fd);
        engine = relay_side(sock_connect(relay->upstream));
        client->peer = engine;
        engine->peer = client;
        sock_watch(relay->epoll, client->fd, EPOLLIN, client);
        sock_watch(relay->epoll, engine->fd, EPOLLIN, engine);
    }
}

static void relay_bury(struct relay *relay)
{
    struct side *side;

    while ((side = relay->dead) != NULL) {
        relay->dead = side->next_dead;
        free(side);
    }
}

int main(int argc, char **argv)
{
    struct relay relay = {.splice = argc == 4 && strcmp(argv[1], "--splice") == 0};
    struct epoll_event events[RELAY_EVENTS];
    int i, count;

    if (argc != 3 && !relay.splice)
        sock_fail("usage: relay [--splice] LISTEN UPSTREAM");
    signal(SIGPIPE, SIG_IGN);
    sock_raise_limit();
    relay.upstream = argv[argc - 1];
    relay.scratch = malloc(RELAY_BYTES);
    relay.epoll = epoll_create1(EPOLL_CLOEXEC);
    relay.listener = sock_listen(argv[argc - 2]);
    if (relay.scratch == NULL || relay.epoll < 0)
        sock_fail("cannot begin");
    sock_watch(relay.epoll, relay.listener, EPOLLIN, NULL);
    for (;;) {
        count = epoll_wait(relay.epoll, events, RELAY_EVENTS, -1);
        for (i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                relay_accept(&relay);
            else
                relay_event(&relay, events[i].data.ptr, events[i].events);
        }
        relay_bury(&relay);
    }
}
