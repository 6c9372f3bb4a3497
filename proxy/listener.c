/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener: a socket that nobody can connect to before its owner and mode are right, in place of
 * one that died; never of one that is answered, nor of another file.
 */
#include "listener.h"
#include "account.h"
#include "err.h"
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENER_BACKLOG = 1024 };

const char *listener_path(const char *address, struct err *err)
{
    static const char scheme[] = "unix:";
    const char *path = address + sizeof scheme - 1;

    if (strncmp(address, scheme, sizeof scheme - 1) != 0) {
        err_set(err, "'%s' is no address; write unix:/PATH/OF/THE/SOCKET", address);
        return NULL;
    }
    if (strncmp(path, "//", 2) == 0) /* unix:///PATH, as DOCKER_HOST has it */
        path += 2;
    if (path[0] != '/' || strlen(path) >= sizeof((struct sockaddr_un *) 0)->sun_path) {
        err_set(err, "'%s' is no address; the path must be absolute and shorter than %zu bytes",
                address, sizeof((struct sockaddr_un *) 0)->sun_path);
        return NULL;
    }
    return path;
}

static struct sockaddr_un listener_address(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

/* Whether somebody accepts connections there. A full queue is an answer too. */
static bool listener_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool answered;

    if (fd < 0)
        return true;
    answered = connect(fd, (const struct sockaddr *) address, sizeof *address) == 0 ||
               errno != ECONNREFUSED;
    close(fd);
    return answered;
}

/* Makes the path free, if what stands there is a socket that died. */
static int listener_clear(const struct sockaddr_un *address, struct err *err)
{
    const char *path = address->sun_path;
    struct stat file;

    if (lstat(path, &file) < 0)
        return errno == ENOENT ? 0 : err_set(err, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(file.st_mode))
        return err_set(err, "%s is there and is no socket; caisson never replaces such a file",
                       path);
    if (listener_answered(address))
        return err_set(err, "%s is answered by another process; stop it, or listen elsewhere",
                       path);
    if (unlink(path) < 0)
        return err_set(err, "cannot remove the dead socket %s: %s", path, strerror(errno));
    return 0;
}

static int listener_chown(const char *path, const char *owner, struct err *err)
{
    uid_t uid = (uid_t) -1;
    gid_t gid = (gid_t) -1;
    const char *colon = strchr(owner, ':');
    char user[64];
    int bytes = colon == NULL ? (int) strlen(owner) : (int) (colon - owner);

    if ((size_t) bytes >= sizeof user)
        return err_set(err, "listen-owner: '%s' is too long", owner);
    snprintf(user, sizeof user, "%.*s", bytes, owner);
    if (user[0] != '\0' && account_user(user, &uid, err) < 0)
        return err_wrap(err, "listen-owner");
    if (colon != NULL && colon[1] != '\0' && account_group(colon + 1, &gid, err) < 0)
        return err_wrap(err, "listen-owner");
    if (chown(path, uid, gid) < 0)
        return err_set(err, "cannot give %s to '%s': %s; only root can, or a member of the group",
                       path, owner, strerror(errno));
    return 0;
}

void listener_unlink(const struct listener *listener)
{
    struct stat file;

    if (lstat(listener->path, &file) == 0 && S_ISSOCK(file.st_mode) &&
        file.st_dev == listener->device && file.st_ino == listener->inode)
        unlink(listener->path);
}

/* From the bound socket to one that its clients can use. */
static int listener_ready(struct listener *listener, mode_t mode, const char *owner,
                          struct err *err)
{
    const char *path = listener->path;
    struct stat file;

    if (owner[0] != '\0' && listener_chown(path, owner, err) < 0)
        return -1;
    if (chmod(path, mode) < 0)
        return err_set(err, "cannot set the mode of %s: %s", path, strerror(errno));
    if (lstat(path, &file) < 0 || listen(listener->fd, LISTENER_BACKLOG) < 0)
        return err_set(err, "cannot listen on %s: %s", path, strerror(errno));
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
    return 0;
}

int listener_open(const char *path, mode_t mode, const char *owner, struct listener *ret_listener,
                  struct err *err)
{
    struct sockaddr_un address = listener_address(path);
    struct listener listener = {.path = path};
    mode_t mask;
    int bound;

    if (listener_clear(&address, err) < 0)
        return -1;
    listener.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener.fd < 0)
        return err_set(err, "socket: %s", strerror(errno));
    /* Nobody may connect before owner and mode are right. */
    mask = umask(0777);
    bound = bind(listener.fd, (const struct sockaddr *) &address, sizeof address);
    umask(mask);
    if (bound < 0) {
        close(listener.fd);
        return err_set(err, "cannot listen on %s: %s", path, strerror(errno));
    }
    if (listener_ready(&listener, mode, owner, err) < 0) {
        unlink(path);
        close(listener.fd);
        return -1;
    }
    *ret_listener = listener;
    return 0;
}
