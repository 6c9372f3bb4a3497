/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: one client connection, from its first byte to its last audit record.
 *
 * A connection is always in one state; conn_enter() is the only writer of it, conn_finish() the
 * only way out.  Exchanges follow one another on it: a head, perhaps a body, a decision, and an
 * answer that is either ours or the Engine's.  Pipelined requests wait in `in`, unread, until the
 * exchange before them is over.
 */
#ifndef CAISSON_PROXY_CONN_H
#define CAISSON_PROXY_CONN_H

#include "stream.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct audit;
struct conn;
struct event_base;
struct lease;
struct message_known;
struct owner_table;
struct peers;
struct policy;
struct policy_decision;
struct ucred;
struct upstream;

enum conn_state {
    CONN_HEAD,    /* between two requests, or reading a head */
    CONN_BODY,    /* reading the request's body */
    CONN_ENGINE,  /* the request is whole, but not yet what must be known of the Engine */
    CONN_UPLOAD,  /* the Engine has the request's head; its body is handed on as it comes */
    CONN_SENT,    /* the Engine has the request, its reply's head is awaited */
    CONN_CREATED, /* collecting the whole answer to a create */
    CONN_STREAM,  /* handing the reply's body on */
    CONN_TUNNEL,  /* hijacked: raw bytes both ways */
    CONN_FLUSH,   /* our last bytes are on their way to the client */
    CONN_LINGER,  /* all is written and shut down; the client's leftover bytes are thrown away */
    CONN_DONE,    /* closed; freed by conn_reap() */
    CONN_STATE_COUNT
};

/* Whether a connection can go from one state to the other; for conn_enter() and its test. */
bool conn_edge(enum conn_state from, enum conn_state to);

enum { CONN_SCRATCH_BYTES = 128 * 1024 };

LIST_HEAD(conn_list, conn);

enum { CONN_RANDOM = 32 /* 256 bytes: as many as come in one piece, whatever happens */ };

/* What all connections share. The server owns it and all that it points to. */
struct conn_shared {
    struct event_base *base;
    struct upstream *upstream;
    struct audit *audit;
    char *scratch;                 /* CONN_SCRATCH_BYTES, used within one callback */
    struct splice *splice;         /* owned: hands on what is large */
    struct message_known *known;   /* owned: heads that came before; NULL for none */
    struct buf draft;              /* where a head is put together; used within one function */
    struct policy_decision *spare; /* owned: one that is not in use; NULL for none */
    int64_t unix_us;               /* between the monotonic clock and Unix time: conn_set_clock() */
    uint64_t accepted;
    uint64_t random[CONN_RANDOM]; /* from the kernel, for the names of containers */
    unsigned random_left;         /* ... the first ones, not used yet */
    struct conn_list done;
    struct stream_queue later; /* written at the end of the turn, by the server */
};

/*
 * What the connections of one listener share beside: a policy, and what their owner has.  No
 * tenant reaches what belongs to another.  Owned by the server, too.
 */
struct conn_tenant {
    struct conn_shared *shared;
    const char *name;    /* of the listener, for the audit log */
    const char *section; /* "[listener ci] of policy.ini", for people */
    const struct peers *peers;
    struct policy *policy; /* judges the exchanges that begin now: conn_judge_by() */
    size_t read_bytes;     /* of either side, at once, as that says */
    struct owner_table *owned;
    struct owner_table *seen; /* made while the policy only observed: nobody's own */
    struct lease *lease;
    struct quota *quota; /* what they have of what [limits] bounds */
    bool ready;          /* the Engine is known and the table of owned containers is rebuilt */
    bool draining;       /* the listener is about to end: no exchange follows another */
    /* Asks for `ready`; conn_engine_known() follows, perhaps at once. */
    void (*ask_engine)(void *arg);
    void *arg;
    unsigned count;     /* of open connections */
    unsigned detached;  /* those of them whose clients are gone: not more than containers may be */
    unsigned strangers; /* those who are not among the peers: they are told so, and closed */
    struct conn_list open;
};

/* Takes a client's socket (non-blocking). < 0: no memory; the socket is closed. */
int conn_new(struct conn_tenant *tenant, int take_fd, const struct ucred *peer);

/* From now on; exchanges that are under way end under theirs. */
void conn_judge_by(struct conn_tenant *tenant, struct policy *policy);

/* For all open connections: the answer to ask_engine; the clock; the end of the listener. */
void conn_engine_known(struct conn_tenant *tenant, bool ready);
/* Nobody had asked: those who wait for an answer ask anew, as often as they may. */
void conn_engine_lost(struct conn_tenant *tenant);
/* The lease_listed of the tenant. */
void conn_volumes_listed(void *tenant, bool listed);
void conn_tick(struct conn_tenant *tenant);
/* From time to time, since Unix time is set by others: looking at two clocks for each request is
 * not cheap. */
void conn_set_clock(struct conn_shared *shared);
/* `peers` is another now: who may go on is asked anew; what is under way goes on. */
void conn_ask_peers(struct conn_tenant *tenant);
/* Closes idle connections; with now = true the others too. */
void conn_drain(struct conn_tenant *tenant, bool now);
/* Frees what has finished; called when no callback is running. */
void conn_reap(struct conn_shared *shared);

#endif
