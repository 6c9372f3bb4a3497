/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener: our own Unix socket in the file system.
 */
#ifndef CAISSON_PROXY_LISTENER_H
#define CAISSON_PROXY_LISTENER_H

#include <sys/types.h>

struct err;

struct listener {
    int fd; /* owned; -1 when closed */
    const char *path;
    dev_t device; /* of the socket file, to know it again */
    ino_t inode;
};

/*
 * Binds a listening socket (non-blocking) at path, which must outlive it, with that mode; owner is
 * "USER:GROUP", "USER" or ":GROUP", names or numbers, or "" to leave it.  A socket file on which
 * nobody answers is replaced; one that is answered, and any other kind of file, is never touched.
 */
int listener_open(const char *path, mode_t mode, const char *owner, struct listener *ret_listener,
                  struct err *err);
/* Removes the path, unless another file has taken its place. */
void listener_unlink(const struct listener *listener);

/* "unix:PATH" as PATH, which fits a Unix socket's address; NULL with err. Points into address. */
const char *listener_path(const char *address, struct err *err);

#endif
