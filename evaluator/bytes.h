/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes: a growing byte string, with the two encodings that the evaluator needs.
 *
 * A zeroed struct bytes is an empty one.  The data is not terminated: take `len` along.
 */
#ifndef EVALUATOR_BYTES_H
#define EVALUATOR_BYTES_H

#include <stdbool.h>
#include <stddef.h>

struct bytes {
    unsigned char *data;
    size_t len;
    size_t cap;
};

void bytes_append(struct bytes *bytes, const void *data, size_t len);
void bytes_append_zeros(struct bytes *bytes, size_t len);
void bytes_done(struct bytes *bytes);

/* Appends RFC 4648 base64 with padding, without line breaks. */
void bytes_append_base64(struct bytes *bytes, const unsigned char *data, size_t len);

/* Appends what the strict base64 text stands for; false (and nothing appended) when it is not. */
bool bytes_append_decoded(struct bytes *bytes, const char *text, size_t len);

/* Well-formed by RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
bool bytes_is_utf8(const char *text);

/* The longest prefix of data[0..len) that does not end inside a UTF-8 sequence. */
size_t bytes_utf8_whole(const unsigned char *data, size_t len);

#endif
