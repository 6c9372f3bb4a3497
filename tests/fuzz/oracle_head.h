/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oracle head: requests as Go's net/http server reads them, leniencies included, written from its
 * documented behaviour alone.  It shares no code with proxy/, and none with a library.
 */
#ifndef CAISSON_FUZZ_ORACLE_HEAD_H
#define CAISSON_FUZZ_ORACLE_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum oracle_read { ORACLE_MORE /* it is not whole */, ORACLE_BAD, ORACLE_WHOLE };

struct oracle_text {
    const char *data;
    size_t bytes;
};

struct oracle_request {
    struct oracle_text method, target;
    struct oracle_text host, content_type; /* the first line of that name */
    unsigned minor;                        /* of HTTP/1.minor */
    bool keep_alive;                       /* the next request is read from the same connection */
    bool expects;                          /* 100 Continue is sent when the body is read */
    bool chunked;
    uint64_t length; /* of the body when it is not chunked */
    size_t head_bytes;
};

/* The head at the start of data. */
enum oracle_read oracle_head_read(const char *data, size_t bytes, struct oracle_request *ret);

/*
 * The body behind it: data is what follows the head.  payload has room for `bytes`; *ret_bytes is
 * how much of data it took, *ret_payload_bytes what came out.
 */
enum oracle_read oracle_body_read(const struct oracle_request *request, const char *data,
                                  size_t bytes, char *payload, size_t *ret_bytes,
                                  size_t *ret_payload_bytes);

#endif
