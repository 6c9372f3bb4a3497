/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message: HTTP/1 heads in and out, and where a body ends (RFC 9112).
 *
 * A request's head is read by a strict reader of our own and by http-parser, which must agree; an
 * engine's reply by ours alone.  How a body
 * is framed is a value, chosen once after the head; nobody later asks "is it chunked?".  No byte of
 * a client's head is ever handed on: requests and replies are written anew.
 */
#ifndef CAISSON_PROXY_MESSAGE_H
#define CAISSON_PROXY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

/* Bytes that somebody else owns. */
struct span {
    const char *data;
    size_t bytes;
};

enum framing {
    FRAMING_NONE,    /* no body */
    FRAMING_LENGTH,  /* Content-Length */
    FRAMING_CHUNKED, /* Transfer-Encoding: chunked */
    FRAMING_CLOSE    /* replies only: until the connection ends */
};

struct message_limits {
    size_t head_bytes, target_bytes;
    unsigned headers;
};

struct message_request {
    int method; /* enum method of policy/operation.h; METHOD_OTHER for all that no operation uses */
    struct span target;        /* in the parsed bytes */
    enum framing framing;      /* Content-Length: 0 is FRAMING_NONE */
    uint64_t content_bytes;    /* with FRAMING_LENGTH */
    struct span registry_auth; /* X-Registry-Auth; empty when absent. In the parsed bytes */
    bool http10;
    bool keep_alive;      /* what the client asked for; never on HTTP/1.0 */
    bool expect_continue; /* Expect: 100-continue on HTTP/1.1, and there is a body */
    bool upgrade;         /* any Upgrade or HTTP2-Settings header at all */
    struct span fields;   /* the lines behind the request line. In the parsed bytes */
    unsigned headers;     /* how many there are */
    bool json;            /* the media type is application/json, parameters allowed */
    bool opaque; /* ... or one that says nothing but bytes, such as application/x-tar, or none */
};

/*
 * Reads one request head from the start of `data`.  Returns its length in bytes, 0 when it is not
 * whole yet, or -1 with *ret_reason (an enum reason: 400, 414, 417, 431 or 505), as early as the
 * bytes show it.  Refused, beyond what RFC 9112 refuses: leading empty lines, bare LF, obs-fold,
 * space before a colon, control bytes, more than one Host (or none on HTTP/1.1), more than one
 * space on the request line, absolute-, authority- and asterisk-form targets, a `#` in the target,
 * versions other than 1.0 and 1.1, Content-Length together with or beside another length, any
 * Transfer-Encoding but exactly one `chunked` on HTTP/1.1, trailers announced by Trailer, a
 * Content-Encoding, more than one Content-Type or X-Registry-Auth.  Spans point into data.
 *
 * With -1, method and target are still what a whole request line said (target.data is NULL when
 * there was none), unchecked: for the audit log, and to know a HEAD; nothing else is meant.
 */
ssize_t message_parse_request(const char *data, size_t bytes, const struct message_limits *limits,
                              struct message_request *ret_request, int *ret_reason);

/*
 * The same, with the same outcome, at less cost where the lines behind the target have been read
 * before: those are known by their bytes.  NULL from _new(): no memory, which will do.
 */
struct message_known;
struct message_known *message_known_new(void);
void message_known_free(struct message_known *known); /* NULL is fine */
ssize_t message_parse_request_known(struct message_known *known, const char *data, size_t bytes,
                                    const struct message_limits *limits,
                                    struct message_request *ret_request, int *ret_reason);

/*
 * Calls visit for each field whose name begins with prefix, in any case, with what follows it and
 * the value; ends with the first false, which it returns.
 */
typedef bool message_visit(void *arg, struct span name, struct span value);
bool message_each_field(struct span fields, const char *prefix, message_visit *visit, void *arg);

/*
 * The opening of a websocket, in the fields of a head (RFC 6455, section 4).  _key() reads a
 * client's: NULL and the key, or else what is wrong, for people.  _accept() is what the engine's
 * 101 made of the key; empty when it does not agree, or says it in any but the one right form.
 */
enum { MESSAGE_WEBSOCKET_KEY_BYTES = 16, MESSAGE_WEBSOCKET_ACCEPT_BYTES = 20 };
enum { MESSAGE_WEBSOCKET_KEY_CHARS = 24 /* in base64 */ };
const char *message_websocket_key(struct span fields, struct span *ret_key);
struct span message_websocket_accept(struct span fields);

struct message_reply {
    int status; /* 100 to 599 */
    enum framing framing;
    uint64_t content_bytes;
    bool keep_alive; /* the engine will read another request on this connection */
    /* Headers that are handed on or looked at; empty when absent. In the parsed bytes. */
    struct span content_type, api_version, ostype;
    struct span path_stat; /* X-Docker-Container-Path-Stat; empty when it is no base64, too */
    struct span fields;    /* the lines behind the status line */
};

/*
 * Reads one reply head.  Returns its length, 0 when it is not whole yet, -1 when it is no valid
 * reply or longer than 64 KiB.  to_head: the request was a HEAD, so no body follows.
 */
ssize_t message_parse_reply(const char *data, size_t bytes, bool to_head,
                            struct message_reply *ret_reply);
/* The same, with the same outcome, at less cost where the head has been read before. */
ssize_t message_parse_reply_known(struct message_known *known, const char *data, size_t bytes,
                                  bool to_head, struct message_reply *ret_reply);

/* Where a body ends: a reader that is fed the bytes after the head. */
struct message_body {
    enum framing framing;
    bool done;          /* the last byte of the message has been read */
    uint8_t state;      /* within a chunk's framing */
    uint8_t line_bytes; /* of the chunk-size line being read */
    uint64_t left;      /* bytes of payload before the next framing */
    uint64_t chunk;     /* the size of the chunk that was begun last */
};

void message_body_init(struct message_body *body, enum framing framing, uint64_t content_bytes);

/*
 * Reads some of `data`: returns how many bytes belong to this message and were used, > 0 unless
 * done or bytes is 0; *ret_payload is the payload among them (perhaps none).  Call again until done
 * or data is used up.  -1 when the framing is broken: chunk extensions, trailers, sizes of more
 * than 15 hex digits and bare LF are.
 */
ssize_t message_body_read(struct message_body *body, const char *data, size_t bytes,
                          struct span *ret_payload);

/* For who reads a part of it by other means: how many bytes from here on are payload, at least. */
uint64_t message_body_payload(const struct message_body *body);
/* As many of them, or fewer, were read. */
void message_body_skip(struct message_body *body, size_t bytes);
/*
 * Where there is no payload: the bytes before the next, if that chunk's size has as many digits as
 * the last one's had; at most 20.
 */
size_t message_body_gap(const struct message_body *body);

/* What a request to the engine says. */
struct message_to_engine {
    int method;          /* enum method */
    const char *target;  /* canonical */
    uint64_t body_bytes; /* the Content-Length; written for POST and PUT even when 0 */
    bool chunked;        /* Transfer-Encoding: chunked in its place */
    bool json;           /* Content-Type: application/json */
    bool tar;            /* Content-Type: application/x-tar */
    const char *upgrade; /* asks for a raw stream (Connection: Upgrade) of this protocol; or NULL */
    const char *session; /* whole lines, each with its CRLF; NULL for none */
    const char *websocket_key; /* with upgrade: the opening of a websocket; NULL for none */
    const char *registry_auth; /* X-Registry-Auth, base64url; NULL for none */
};
/* Writes the head; < 0: no memory. Host is "docker". */
int message_write_request(struct buf *out, const struct message_to_engine *request);

/* The size line of a chunk, with the CRLF; returns its length. */
enum { MESSAGE_CHUNK_BYTES = 18 };
size_t message_write_chunk(char line[MESSAGE_CHUNK_BYTES], size_t payload_bytes);

/* What the head of an answer to a client says. */
struct message_to_client {
    int status;
    enum framing framing; /* FRAMING_CLOSE for an HTTP/1.0 client whose reply has no length */
    uint64_t content_bytes;
    bool http10, keep_alive;
    const char *content_type; /* NULL for none */
    size_t content_type_bytes;
    unsigned api_minor;           /* Api-Version: 1.N; 0 leaves it out */
    const char *ostype;           /* "" leaves it out */
    unsigned retry_after_s;       /* 0 leaves it out */
    const char *protocol;         /* of a 101: what the connection has become */
    struct span path_stat;        /* X-Docker-Container-Path-Stat; empty leaves it out */
    struct span websocket_accept; /* of a 101; empty leaves it out */
};
/* Writes "HTTP/1.1 STATUS ..." and the headers; < 0: no memory. Server is "caisson". */
int message_write_reply(struct buf *out, const struct message_to_client *reply);

/* "Not Found" and the like; "Status" for a number without a name. Static. */
const char *message_status_text(int status);

#endif
