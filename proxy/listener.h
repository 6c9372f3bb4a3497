/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener: our own Unix socket in the file system.
 */
#ifndef CAISSON_PROXY_LISTENER_H
#define CAISSON_PROXY_LISTENER_H

#include <sys/types.h>

struct err;

/*
 * Binds a listening socket (non-blocking) at path with that mode; owner is "USER:GROUP", "USER" or
 * ":GROUP", names or numbers, or "" to leave it.  A socket file on which nobody answers is
 * replaced; one that is answered, and any other kind of file, is never touched.  Returns the
 * descriptor, or -1 with err.
 */
int listener_open(const char *path, mode_t mode, const char *owner, struct err *err);

/* "unix:PATH" as PATH, which fits a Unix socket's address; NULL with err. Points into address. */
const char *listener_path(const char *address, struct err *err);

#endif
