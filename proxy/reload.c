/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload: see reload.h.  The proxy is whoever listens on the policy's socket, as the kernel tells;
 * it is sent SIGHUP, and what it then publishes is read (outcome.h).  So nothing but the right to
 * send it a signal is needed, and no client of a listener can ask for a reload.
 */
#include "reload.h"
#include "commands.h"
#include "err.h"
#include "listener.h"
#include "listeners.h"
#include "log.h"
#include "outcome.h"
#include "policy.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { RELOAD_LOOKS = 500, RELOAD_LOOK_MS = 20 };

static int reload_options(int argc, char **argv, const char **ret_policy, const char **ret_listen)
{
    static const struct option known[] = {
        {"policy", required_argument, NULL, 'p'},
        {"listen", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option != 'p' && option != 'l')
            return -1;
        *(option == 'p' ? ret_policy : ret_listen) = optarg;
    }
    return optind == argc ? 0 : -1;
}

/* Who listens there; 0: somebody whom we cannot see; < 0: nobody, with errno. */
static pid_t reload_listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t bytes = sizeof peer;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int ret;

    if (fd < 0)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    ret = connect(fd, (const struct sockaddr *) &address, sizeof address);
    if (ret == 0)
        ret = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes);
    close(fd);
    return ret < 0 ? -1 : peer.pid;
}

/* The process behind the first of the listeners that is answered, held by a descriptor. */
static int reload_find(const struct listeners *listeners, pid_t *ret_pid, struct err *err)
{
    const char *path = NULL;
    int fd;

    for (size_t i = 0; i < listeners_count(listeners); i++) {
        path = listener_path(listeners_at(listeners, i)->config.listen, err);
        if (path == NULL)
            return -1;
        *ret_pid = reload_listens(path);
        if (*ret_pid < 0)
            continue;
        if (*ret_pid == 0)
            return err_set(err,
                           "who answers on %s cannot be seen from here; run this where the proxy "
                           "runs (docker exec)",
                           path);
        fd = pidfd_open(*ret_pid, 0);
        if (fd >= 0 && reload_listens(path) == *ret_pid) /* still: no number was used again */
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return err_set(err, "no proxy answers on %s: %s", path, strerror(errno));
}

static int reload_wait(pid_t pid, unsigned long before, struct outcome_seen *ret_seen,
                       struct err *err)
{
    const struct timespec pause = {.tv_nsec = RELOAD_LOOK_MS * 1000000L};

    for (int i = 0; i < RELOAD_LOOKS; i++) {
        if (outcome_see(pid, ret_seen, err) < 0)
            return -1;
        if (ret_seen->number != before)
            return 0;
        nanosleep(&pause, NULL);
    }
    return err_set(err, "process %d has not said what became of it in %d s; its log may", (int) pid,
                   RELOAD_LOOKS * RELOAD_LOOK_MS / 1000);
}

static int reload_ask(const struct listeners *listeners, struct outcome_seen *ret_seen,
                      struct err *err)
{
    pid_t pid = 0;
    int fd = reload_find(listeners, &pid, err), ret;
    unsigned long before;

    if (fd < 0)
        return -1;
    ret = outcome_see(pid, ret_seen, err);
    before = ret_seen->number;
    if (ret == 0 && pidfd_send_signal(fd, SIGHUP, NULL, 0) < 0)
        ret = err_set(err, "cannot send process %d a signal: %s; be its user, or root", (int) pid,
                      strerror(errno));
    close(fd);
    return ret < 0 ? -1 : reload_wait(pid, before, ret_seen, err);
}

/* 0 when what was checked here is in force there. */
static int reload_tell(const char *path, const struct listeners *listeners,
                       const struct outcome_seen *seen)
{
    const char *version = policy_version(listeners_main(listeners));

    fputs(seen->text, seen->good ? stdout : stderr);
    if (!seen->good)
        return 1;
    if (strcmp(seen->version, version) == 0)
        return 0;
    log_error("the proxy serves under version %s, but %s is version %s; was it started with "
              "another --policy?",
              seen->version, path, version);
    return 1;
}

int reload_run(int argc, char **argv)
{
    const char *path = COMMANDS_POLICY, *listen = NULL;
    struct listeners *listeners;
    struct outcome_seen seen = {0};
    struct err err;
    int ret = 1;

    if (reload_options(argc, argv, &path, &listen) < 0)
        return -1;
    if (listeners_load(path, listen, &listeners, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        log_error("the proxy was not asked; the policy in force stays");
        return 1;
    }
    if (reload_ask(listeners, &seen, &err) < 0)
        log_error("%s", err.text);
    else
        ret = reload_tell(path, listeners, &seen);
    listeners_unref(listeners);
    return ret;
}
