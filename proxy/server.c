/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: start, serve, drain, end.
 *
 * The order of start: the policy (so that an error in it stops us before anything is touched), the
 * audit log, our socket, the Engine.  Requests that come before the Engine is known wait for it.
 * Nothing is freed while a callback runs: the loop below reaps after each turn, and writes the
 * audit lines of the turn at once.
 */
#include "server.h"
#include "answer.h"
#include "audit.h"
#include "buf.h"
#include "config.h"
#include "conn.h"
#include "err.h"
#include "lease.h"
#include "listener.h"
#include "log.h"
#include "owner.h"
#include "policy.h"
#include "reason.h"
#include "upstream.h"
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SERVER_TICK_MS = 500,
    SERVER_OWN_DESCRIPTORS = 64, /* beside those of connections */
    SERVER_ACCEPT_MAX = 64,      /* connections taken in one turn */
    SERVER_ACCEPT_PAUSE_S = 1,   /* after the descriptors ran out */
    SERVER_DRAIN_TICKS = 6       /* how long running exchanges may go on after SIGTERM */
};

struct server {
    const struct server_options *options;
    struct event_base *base;
    struct conn_shared shared;
    char *path; /* of our socket; removed at the end */
    struct listener listener;
    struct event accept_event, accept_pause, tick, sigterm, sigint, sighup;
    bool asking;          /* the Engine is asked, or the table is read: all who wait are told */
    unsigned drain_ticks; /* left, once draining */
    bool done;
};

/* Accepting. */

static void server_turn_away(const struct server *server, int fd)
{
    const struct answer_to to = {.engine = upstream_engine(server->shared.upstream)};
    struct buf answer = {0};

    if (answer_refusal(&answer, &to, REASON_TOO_MANY_CONNECTIONS, NULL) < 0 ||
        send(fd, buf_data(&answer), buf_bytes(&answer), MSG_NOSIGNAL) < 0)
        log_debug("turned a client away without a word");
    buf_done(&answer);
    close(fd);
}

static void server_accept(struct server *server, int fd)
{
    struct conn_shared *shared = &server->shared;
    unsigned most = (unsigned) policy_config(shared->policy)->connections;

    if (shared->count - shared->detached >= most)
        server_turn_away(server, fd);
    else if (conn_new(shared, fd) < 0)
        log_error("out of memory: a client was turned away");
}

static void server_on_accept(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval pause = {.tv_sec = SERVER_ACCEPT_PAUSE_S};
    struct server *server = arg;
    int i, client;

    (void) what;
    for (i = 0; i < SERVER_ACCEPT_MAX; i++) {
        client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0)
            break;
        server_accept(server, client);
    }
    if (i == SERVER_ACCEPT_MAX || errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    /* Out of descriptors or memory: those who wait stay in the queue until some are free. */
    log_error("accept: %s", strerror(errno));
    event_del(&server->accept_event);
    evtimer_add(&server->accept_pause, &pause);
}

static void server_on_accept_again(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;

    (void) fd, (void) what;
    if (!server->shared.draining)
        event_add(&server->accept_event, NULL);
}

/* The Engine. */

static void server_tell(struct server *server, bool ready)
{
    server->asking = false;
    conn_engine_known(&server->shared, ready);
}

static void server_on_rebuilt(void *arg, bool rebuilt)
{
    struct server *server = arg;
    unsigned api_minor = upstream_engine(server->shared.upstream)->api_minor;

    if (api_minor == 0) /* lost in the meantime: that was told, or is being asked again */
        return;
    if (rebuilt)
        log_info("the engine answers, API 1.%u; %zu containers are ours", api_minor,
                 owner_count(server->shared.owned));
    server_tell(server, rebuilt);
}

static void server_on_upstream(void *arg, bool known)
{
    struct server *server = arg;

    server->shared.ready = false;
    server->asking = known;
    if (known)
        lease_resync(server->shared.lease, server_on_rebuilt, server);
    else
        server_tell(server, false);
}

/* Many may want to know: what is under way answers them all. */
static void server_ask_engine(void *arg)
{
    struct server *server = arg;

    if (server->asking)
        return;
    server->asking = true;
    upstream_ask(server->shared.upstream);
}

/* Time and signals. */

static void server_on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;

    (void) fd, (void) what;
    conn_tick(&server->shared);
    if (!server->shared.draining)
        return;
    if (server->drain_ticks-- <= 1)
        conn_drain(&server->shared, true);
    server->done = server->shared.count == 0;
}

static void server_on_end(evutil_socket_t number, short what, void *arg)
{
    struct server *server = arg;

    (void) what;
    if (server->shared.draining) {
        server->done = true;
        return;
    }
    log_info("signal %d: no new connections; %u are open", (int) number, server->shared.count);
    event_del(&server->accept_event);
    listener_unlink(&server->listener);
    server->drain_ticks = SERVER_DRAIN_TICKS;
    conn_drain(&server->shared, false);
    server->done = server->shared.count == 0;
}

/* Text stands only under [proxy], and is used at the start alone. */
static void server_note_restart(const struct config *old, const struct config *new)
{
#define OPTION_TEXT(section, key, member, kind, fallback, why) \
    if (strcmp(old->member, new->member) != 0)                 \
        log_warn("a new '%s' under [%s] takes effect at a restart", key, #section);
#define OPTION_NUMBER(section, key, member, unit, fallback, least, most, why)
#include "options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
}

/* What only observes is loaded where that was asked for on the command line, too. */
static int server_load(const struct server_options *options, struct policy **ret, struct err *err)
{
    struct policy *policy;
    char origin[300];

    if (policy_load(options->policy, &policy, err) < 0)
        return -1;
    if (policy_observes(policy)) {
        policy_mode_origin(policy, origin, sizeof origin);
        if (!options->accept_risk) {
            policy_unref(policy);
            return err_set(err,
                           "%s: mode = observe lets every request through unjudged, which is root "
                           "on the host; start with 'caisson serve --i-accept-the-risk', or write "
                           "mode = enforce",
                           origin);
        }
        log_warn("%s: mode = observe: EVERY REQUEST GOES THROUGH UNJUDGED; who can reach the "
                 "socket is root on the host until this says enforce",
                 origin);
    }
    *ret = policy;
    return 0;
}

/* A new policy is loaded whole or not at all; exchanges that are under way end under the old one.
 */
static void server_on_reload(evutil_socket_t number, short what, void *arg)
{
    struct server *server = arg;
    struct policy *policy;
    struct err err;

    (void) number, (void) what;
    if (server_load(server->options, &policy, &err) < 0) {
        log_error("%s", err.text);
        log_error("the policy in force stays");
        return;
    }
    server_note_restart(policy_config(server->shared.policy), policy_config(policy));
    policy_unref(server->shared.policy);
    server->shared.policy = policy;
    lease_set_lifetime(server->shared.lease, policy_config(policy)->lifetime_ms);
    log_info("%s is in force", server->options->policy);
}

/* Start and end. */

static int server_listen(struct server *server, struct err *err)
{
    const struct config *config = policy_config(server->shared.policy);
    const char *address = server->options->listen;
    const char *path = listener_path(address != NULL ? address : config->listen, err);

    if (path == NULL)
        return -1;
    server->path = strdup(path); /* the policy that it stands in may be replaced */
    if (server->path == NULL)
        return err_set(err, "out of memory");
    return listener_open(server->path, (mode_t) config->listen_mode, config->listen_owner,
                         &server->listener, err);
}

static int server_upstream(struct server *server, struct err *err)
{
    struct conn_shared *shared = &server->shared;
    const struct config *config = policy_config(shared->policy);
    const char *address = server->options->upstream;
    const char *path = listener_path(address != NULL ? address : config->upstream, err);

    if (path == NULL)
        return -1;
    shared->upstream = upstream_new(server->base, path, server_on_upstream, server);
    shared->owned = owner_table_new(config->owner);
    shared->seen = owner_table_new(config->owner);
    if (shared->upstream == NULL || shared->owned == NULL || shared->seen == NULL)
        return err_set(err, "out of memory");
    shared->lease = lease_new(server->base, shared->upstream, shared->owned, config->lifetime_ms);
    return shared->lease == NULL ? err_set(err, "out of memory") : 0;
}

/* Each client may need a descriptor of its own and one to the Engine. */
static void server_raise_descriptors(const struct config *config)
{
    rlim_t needed = 2 * (rlim_t) config->connections + SERVER_OWN_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
        return;
    limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < needed)
        log_warn("'connections' under [limits] may need %llu descriptors, and the system allows "
                 "%llu: raise that (ulimit -n), or lower 'connections'",
                 (unsigned long long) needed, (unsigned long long) limit.rlim_cur);
}

static int server_start(struct server *server, struct err *err)
{
    struct conn_shared *shared = &server->shared;
    const struct server_options *options = server->options;

    LIST_INIT(&shared->open);
    LIST_INIT(&shared->done);
    LIST_INIT(&shared->answers.streams);
    shared->ask_engine = server_ask_engine;
    shared->arg = server;
    if (server_load(options, &shared->policy, err) < 0)
        return -1;
    server_raise_descriptors(policy_config(shared->policy));
    server->base = event_base_new();
    shared->base = server->base;
    shared->scratch = malloc(CONN_SCRATCH_BYTES);
    if (server->base == NULL || shared->scratch == NULL)
        return err_set(err, "out of memory");
    if (audit_open(options->audit != NULL ? options->audit : policy_config(shared->policy)->audit,
                   &shared->audit, err) < 0)
        return -1;
    if (server_upstream(server, err) < 0)
        return -1;
    return server_listen(server, err);
}

static void server_watch(struct server *server)
{
    static const struct timeval tick = {.tv_usec = SERVER_TICK_MS * 1000};

    event_assign(&server->accept_event, server->base, server->listener.fd, EV_READ | EV_PERSIST,
                 server_on_accept, server);
    evtimer_assign(&server->accept_pause, server->base, server_on_accept_again, server);
    event_assign(&server->tick, server->base, -1, EV_PERSIST, server_on_tick, server);
    evsignal_assign(&server->sigterm, server->base, SIGTERM, server_on_end, server);
    evsignal_assign(&server->sigint, server->base, SIGINT, server_on_end, server);
    evsignal_assign(&server->sighup, server->base, SIGHUP, server_on_reload, server);
    event_add(&server->accept_event, NULL);
    event_add(&server->tick, &tick);
    evsignal_add(&server->sigterm, NULL);
    evsignal_add(&server->sigint, NULL);
    evsignal_add(&server->sighup, NULL);
}

static void server_unwatch(struct server *server)
{
    event_del(&server->accept_event);
    event_del(&server->accept_pause);
    event_del(&server->tick);
    event_del(&server->sigterm);
    event_del(&server->sigint);
    event_del(&server->sighup);
}

/* One turn of the loop; false when there is nothing that could ever happen. */
static bool server_turn(struct server *server, int flags)
{
    if (event_base_loop(server->base, flags) != 0)
        return false;
    stream_push_all(&server->shared.answers);
    conn_reap(&server->shared);
    upstream_reap(server->shared.upstream);
    audit_flush(server->shared.audit);
    return true;
}

static void server_loop(struct server *server)
{
    while (!server->done && server_turn(server, EVLOOP_ONCE))
        continue;
    conn_drain(&server->shared, true);
    conn_reap(&server->shared);
}

static void server_stop(struct server *server)
{
    struct conn_shared *shared = &server->shared;

    lease_free(shared->lease);
    upstream_free(shared->upstream);
    owner_table_free(shared->owned);
    owner_table_free(shared->seen);
    audit_free(shared->audit);
    policy_unref(shared->policy);
    free(shared->scratch);
    free(server->path);
    if (server->listener.fd >= 0)
        close(server->listener.fd);
    if (server->base != NULL)
        event_base_free(server->base);
}

int server_run(const struct server_options *options, struct err *err)
{
    struct server server = {.options = options, .listener.fd = -1};
    int ret = server_start(&server, err);

    if (ret == 0) {
        signal(SIGPIPE, SIG_IGN);
        server_watch(&server);
        log_info("listening on %s", server.path);
        server_ask_engine(&server);
        server_loop(&server);
        server_unwatch(&server);
    }
    server_stop(&server);
    return ret;
}
