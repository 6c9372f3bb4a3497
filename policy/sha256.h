/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256: the digest that names a version of a policy, so that sha256sum(1) can tell which file
 * decided.
 */
#ifndef CAISSON_POLICY_SHA256_H
#define CAISSON_POLICY_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, SHA256_BLOCK_BYTES = 64 };

struct sha256 {
    uint32_t state[SHA256_BYTES / 4];
    uint64_t bytes; /* so far */
    unsigned char block[SHA256_BLOCK_BYTES];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t bytes);
/* The first digits of the digest in lower-case hex, as many as fit before the NUL. */
void sha256_hex(struct sha256 *hash, char *buffer, size_t bytes);

#endif
