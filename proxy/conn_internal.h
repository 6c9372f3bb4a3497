/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn_internal: what conn.c, conn_request.c and conn_reply.c share; nobody else includes it.
 *
 * conn.c          states, the ways in, what is watched, the end
 * conn_request.c  from a request's head to the Engine, or to a refusal
 * conn_upload.c   a body that is handed on as it comes
 * conn_reply.c    from the Engine's reply to the client
 * conn_made.c     what a reply teaches us of networks and volumes, and of what is gone
 * conn_tunnel.c   both ways, after a hijack
 * conn_limits.c   what one may take of what all share
 * conn_observe.c  what only observing notes
 */
#ifndef CAISSON_PROXY_CONN_INTERNAL_H
#define CAISSON_PROXY_CONN_INTERNAL_H

#include "conn.h"
#include "message.h"
#include "operation.h"
#include "owner.h"
#include "quota.h"
#include "reason.h"
#include "splice.h"
#include "stream.h"
#include <sys/socket.h>

struct answer_to;
struct config;
struct policy_decision;

#define CONN_MAGIC 0x636f6e6eu

/* One request and its answer; zeroed between two. */
struct exchange {
    bool open;
    int method;
    enum reason reason;               /* how it ended; REASON_NONE for well */
    const struct operation *op;       /* NULL until a row matched */
    struct policy *policy;            /* the one in force when the head came; counted */
    struct policy_decision *decision; /* owned; NULL once nothing more is asked of it */
    char *target;                     /* owned: as the client wrote it */
    size_t target_bytes;
    char *image; /* owned: what outlives the decision for the audit log; NULL for none */
    char container[OWNER_ID_BYTES + 1];
    char object[OWNER_ID_BYTES + 1]; /* the id of the network, or the volume, in question */
    int64_t time_us, start_us;       /* wall clock, monotonic */
    int status;
    uint64_t bytes_in, bytes_out;
    unsigned losses;      /* of the Engine, while it was waited for */
    unsigned interim;     /* 1xx replies of the Engine so far */
    size_t request_bytes; /* to the Engine; 0 when its body goes out as it comes */
    bool http10, keep_alive, to_head;
    bool forwarded;   /* the Engine was asked */
    bool fresh;       /* ... on a connection that was made for it */
    bool hijack;      /* ... for a raw stream, if the client asked for one */
    uint64_t volumes; /* the list of volumes that the decision waits for; 0: none */
    bool expected;    /* a create that counts as alive while its answer is awaited */
    bool upgrade;     /* the client asked for another protocol on its connection */
    char websocket_key[MESSAGE_WEBSOCKET_KEY_CHARS + 1]; /* ... this one, opened by that key */
    bool dechunk;     /* an HTTP/1.0 client gets the payload alone */
    bool engine_keep; /* the Engine reads another request on its connection */
    bool more;        /* the Engine may have said more than was read just now */
    bool unread;      /* a body to hand on has not come to its end: no request can follow it */
    bool in_chunk;    /* ... and the Engine expects what is left of its chunk, as a chunk */
    bool expect;      /* ... and the client waits for a word before it sends it */
    bool held;        /* at the Engine it is one of `streams`, else of `requests` */
    bool makes;       /* it asks for something that is then the owner's */
    bool counted;     /* ... as which it is counted */
    unsigned retry_s; /* of a refusal: when it is of use to ask again; 0: soon */
};

struct conn {
    unsigned magic;
    enum conn_state state;
    struct conn_shared *shared;
    struct conn_tenant *tenant;
    LIST_ENTRY(conn) entry;
    uint64_t number;
    uint64_t requests;
    struct ucred peer;
    struct stream client;
    struct stream *engine;       /* from upstream_take(), while an exchange needs it */
    struct buf in;               /* client bytes that came before their turn */
    struct buf reply;            /* Engine bytes of a head that is not whole */
    struct buf body;             /* the request's body, or the answer to a create */
    struct message_body framing; /* of whichever body is being read */
    int64_t deadline_ms;         /* monotonic; 0: none */
    bool head_begun;             /* the first byte of a head is here */
    bool client_ended;           /* the client will send no more */
    bool engine_ended;           /* in a tunnel: the Engine will send no more */
    bool client_end_passed;      /* in a tunnel: each side has been told of the other's end */
    bool engine_end_passed;
    bool stranger;         /* not among the listener's peers: every request is refused */
    bool detached;         /* the client is gone, but the Engine is still making it a container */
    bool stalling;         /* the client takes nothing: the deadline is for that */
    size_t stalled_bytes;  /* ... which it had not taken when that was set */
    size_t reserved_bytes; /* of `bodies` */
    struct exchange x;
};

/* conn.c */

/* The only writer of a state. deadline_ms: from conn_in_ms(), or 0. */
void conn_enter(struct conn *conn, enum conn_state state, int64_t deadline_ms);
/* The only way out: ends the exchange with that reason, closes everything. May be called twice. */
void conn_finish(struct conn *conn, enum reason reason);
/* After an answer: the next exchange, or the end of the connection. */
void conn_end_exchange(struct conn *conn, enum reason reason);
/* < 0: the client is gone, and the connection has finished. */
int conn_write(struct conn *conn, const char *data, size_t bytes);
/* An empty buffer for a head, in use until the next call. */
struct buf *conn_draft(struct conn *conn);
/* At the end of every way in: goes on with what waits, and watches what the state needs. */
void conn_settle(struct conn *conn);
/*
 * A side has said so much: whether it is to be read once more in this turn.  Who hands much on has
 * said more by now, mostly, and is not asked for it; but others want their turn, too.
 */
bool conn_reads_on(const struct conn *conn, const struct stream *side, ssize_t got, int *reads);
/* Whether what that body has for `to` need not be copied; last_read: what stream_read() returned.
 */
bool conn_splices(const struct conn *conn, const struct message_body *body, const struct stream *to,
                  ssize_t last_read);
/* The monotonic time in so many milliseconds. */
int64_t conn_in_ms(int64_t ms);
const struct config *conn_config(const struct conn *conn);

/* conn_request.c */

/* Both return how many bytes they used, 0 when more are needed. */
ssize_t conn_read_head(struct conn *conn, const char *data, size_t bytes);
ssize_t conn_read_body(struct conn *conn, const char *data, size_t bytes);
/* The request is whole: judges it, once the Engine is known. */
void conn_decide(struct conn *conn);
/* A refusal; text NULL: the decision's, or else the reason's own. */
void conn_refuse(struct conn *conn, enum reason reason, const char *text);
/* The same, when the client's next bytes cannot be told from a body that we did not read. */
void conn_refuse_and_close(struct conn *conn, enum reason reason);
struct answer_to conn_answer_to(const struct conn *conn);
/* An exchange begins without a head, to be refused. */
void conn_open_exchange(struct conn *conn);
/* Its audit record, and the end of all that it holds. */
void conn_close_exchange(struct conn *conn, enum reason reason);
void conn_free_decision(struct conn *conn);
/* The same, where the reply will not be looked at in its light. */
void conn_forget_decision(struct conn *conn);
/* The Engine has not taken a byte of the request: asks on another connection, or refuses. */
void conn_resend(struct conn *conn);

/* Whether another exchange can follow this one. */
bool conn_keeps_alive(const struct conn *conn);

/* conn_upload.c */

/* The head of a request whose body is to be handed on, perhaps an empty one: judges it. */
void conn_upload_expect(struct conn *conn, const struct message_request *request);
/* The Engine has the head. */
void conn_upload_begin(struct conn *conn);
/* Returns how many bytes it used; 0 while the Engine takes none. */
ssize_t conn_read_upload(struct conn *conn, const char *data, size_t bytes);
/*
 * Whether what comes need not be copied, and handing it on so; returns what stream_read() would, -1
 * when all is said.
 */
bool conn_upload_splices(const struct conn *conn, ssize_t last_read);
ssize_t conn_splice_upload(struct conn *conn);
/* The Engine takes no more: what it has to say is heard, and then all is over. */
void conn_upload_cut(struct conn *conn);
/* Whether the Engine is what an upload waits for; the client's time does not run then. */
bool conn_upload_is_stuck(struct conn *conn);

/* conn_observe.c */

/* What the exchange's decision looks containers up in. */
struct owner_table *conn_owned(const struct conn *conn);
bool conn_observes(const struct exchange *x);
/* The Engine's 201 to a create or an exec, whole in conn->body: notes the id, if it says one. */
void conn_observe_created(struct conn *conn);

/* conn_made.c */

/* Whether the reply to an operation can tell that something of ours is gone, or called otherwise.
 */
bool conn_changes_tables(const struct operation *op);
/* What the reply's status says about the object. */
void conn_learn(struct conn *conn, int status);
/* The 201 of what makes a container, a network or a volume, whole in conn->body. */
void conn_container_created(struct conn *conn, bool surplus);
void conn_network_created(struct conn *conn, bool surplus);
void conn_volume_created(struct conn *conn, bool surplus);

/* conn_limits.c */

/* Whether the Engine may be given the request; if not, the decision says why. */
bool conn_admit(struct conn *conn);
/* The Engine has it; and the exchange is over. */
void conn_count(struct conn *conn);
void conn_uncount(struct conn *conn);
/* Room for more of the body that is being read; if there is none, the decision says why. */
bool conn_reserve_body(struct conn *conn, size_t bytes);
void conn_release_body(struct conn *conn);
/* The client has ceased to take its answer, or takes it again; and that deadline has passed. */
void conn_watch_stall(struct conn *conn);
void conn_stalled(struct conn *conn);

/* conn_tunnel.c */

/* The Engine has agreed; data is what it has sent since. What the client sent early goes out now.
 */
void conn_tunnel_open(struct conn *conn, const char *data, size_t bytes);
void conn_tunnel_client(struct conn *conn, const char *data, size_t bytes);
void conn_tunnel_engine(struct conn *conn, const char *data, size_t bytes);
/* As conn_upload_splices() and conn_splice_upload(), one way or the other. */
bool conn_tunnel_splices(const struct conn *conn, const struct stream *to, ssize_t last_read);
ssize_t conn_tunnel_splice(struct conn *conn, struct stream *from, struct stream *to);
/* Passes ends on, watches what can be read, and ends the tunnel. */
void conn_tunnel_settle(struct conn *conn);

/* conn_reply.c */

/* The Engine's connection ended, or what it says is no HTTP. */
void conn_engine_failed(struct conn *conn, enum reason reason);
/* The whole of an answer has been written; surplus: the Engine said more than that. */
void conn_reply_end(struct conn *conn, bool surplus);
/* The whole answer in conn->body goes on as it is. */
void conn_pass_on(struct conn *conn, bool surplus);
/* stream_ready of the Engine's connection; arg is the struct conn. */
void conn_on_engine(void *arg, enum stream_event event);

#endif
