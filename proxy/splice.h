/* SPDX-License-Identifier: Apache-2.0 */
/*
 * splice: hands on what is large of a body without copying it through the proxy.
 *
 * The kernel moves payload from one socket to the other, by splice(2) through a pipe, and it alone
 * counts the bytes: as many as the framing that was read says, and no more.  Framing itself is read
 * and written here as everywhere, byte by byte.  One pipe does for all connections, since nothing
 * stays in it: what the peer does not take at once is copied out, and waits where other bytes wait.
 */
#ifndef CAISSON_PROXY_SPLICE_H
#define CAISSON_PROXY_SPLICE_H

#include "message.h"

struct splice;
struct stream;

/* NULL: no memory. The pipe is made when it is first of use. */
struct splice *splice_new(void);
void splice_free(struct splice *splice); /* NULL is fine */

/* What the peer is told of a body. */
enum splice_framing {
    SPLICE_BARE,    /* its payload alone */
    SPLICE_AS_READ, /* the same chunks; what was read so far has been written so far */
    SPLICE_CHUNKS   /* chunks that we write */
};

struct splice_way {
    struct stream *from, *to;
    struct message_body *body; /* that comes from the one */
    enum splice_framing framing;
    bool *open;   /* of SPLICE_CHUNKS: the peer expects what is left of this chunk */
    size_t least; /* of a chunk that is not copied */
    size_t most;  /* payload to move now; less than SPLICE_SURPLUS_BYTES may come beside it */
};

/*
 * Whether it pays: `least` bytes are left, or the last chunk had as many; where a body states no
 * length, as many came with the last read.  least 0: never.  And whether it can be done at all.
 */
bool splice_suits(struct splice *splice, const struct message_body *body, size_t least,
                  size_t last_read);

enum { SPLICE_SURPLUS_BYTES = 32 };

struct splice_moved {
    size_t payload_bytes, written_bytes;
    size_t surplus_bytes; /* that were read behind the end of the body */
    char surplus[SPLICE_SURPLUS_BYTES];
};

/*
 * Like stream_read(): > 0 bytes were used up, 0 the end, -1 nothing now, -2 an error of `from`.
 * Nothing may wait for `to`, but what is to leave at the end of the turn leaves before.
 */
enum { SPLICE_BROKEN = -3 /* framing */, SPLICE_PEER_GONE = -4 };
ssize_t splice_move(struct splice *splice, const struct splice_way *way,
                    struct splice_moved *ret_moved);

#endif
