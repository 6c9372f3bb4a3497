/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account: users and groups as a policy writes them, names or numbers.
 */
#ifndef CAISSON_PROXY_ACCOUNT_H
#define CAISSON_PROXY_ACCOUNT_H

#include <sys/types.h>

struct err;

int account_user(const char *name, uid_t *ret_uid, struct err *err);
int account_group(const char *name, gid_t *ret_gid, struct err *err);

#endif
