/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outcome: "NUMBER yes|no VERSION", the lines, and NUMBER again, so that a reader who comes while
 * it is written sees that and looks again.
 */
#include "outcome.h"
#include "err.h"
#include "log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define OUTCOME_NAME "caisson-outcome"

enum {
    OUTCOME_FILE_BYTES = 4000,
    OUTCOME_TRIES = 100,
    OUTCOME_PAUSE_MS = 5,
    OUTCOME_PATH_BYTES = 300
};

struct outcome {
    int fd;
    unsigned long number;
    size_t bytes;
    char text[OUTCOME_TEXT_BYTES + 1];
};

struct outcome *outcome_new(void)
{
    struct outcome *outcome = calloc(1, sizeof *outcome);

    if (outcome == NULL)
        return NULL;
    outcome->fd = memfd_create(OUTCOME_NAME, MFD_CLOEXEC);
    if (outcome->fd >= 0)
        return outcome;
    log_warn("there will be no answer to `caisson reload`: %s", strerror(errno));
    free(outcome);
    return NULL;
}

void outcome_free(struct outcome *outcome)
{
    if (outcome == NULL)
        return;
    close(outcome->fd);
    free(outcome);
}

void outcome_add(struct outcome *outcome, const char *line)
{
    size_t bytes = strlen(line);

    if (outcome == NULL || outcome->bytes + bytes + 1 > OUTCOME_TEXT_BYTES)
        return;
    memcpy(outcome->text + outcome->bytes, line, bytes);
    outcome->bytes += bytes;
    outcome->text[outcome->bytes++] = '\n';
    outcome->text[outcome->bytes] = '\0';
}

void outcome_publish(struct outcome *outcome, bool good, const char *version)
{
    char file[OUTCOME_FILE_BYTES] = {0};

    if (outcome == NULL)
        return;
    outcome->number++;
    snprintf(file, sizeof file, "%lu %s %s\n%s%lu\n", outcome->number, good ? "yes" : "no", version,
             outcome->text, outcome->number);
    outcome->bytes = 0;
    outcome->text[0] = '\0';
    /* Always the whole file, so that one write leaves nothing of what was said before. */
    if (pwrite(outcome->fd, file, sizeof file, 0) != (ssize_t) sizeof file)
        log_warn("cannot tell `caisson reload` what became of it: %s", strerror(errno));
}

/* Reading. */

/* The proxy's file among its descriptors, opened; < 0: there is none. */
static int outcome_find(pid_t pid, struct err *err)
{
    static const char wanted[] = "/memfd:" OUTCOME_NAME;
    char path[OUTCOME_PATH_BYTES], target[OUTCOME_PATH_BYTES];
    const struct dirent *entry;
    int fd = -1;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/fd", (int) pid);
    folder = opendir(path);
    if (folder == NULL)
        return err_set(err, "cannot look at process %d: %s; be its user, or root", (int) pid,
                       strerror(errno));
    while (fd < 0 && (entry = readdir(folder)) != NULL) {
        ssize_t bytes = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
        if (bytes >= (ssize_t) sizeof wanted - 1 && memcmp(target, wanted, sizeof wanted - 1) == 0)
            fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC);
    }
    closedir(folder);
    if (fd < 0)
        err_set(err, "process %d, which answers there, is no caisson that tells of a reload",
                (int) pid);
    return fd;
}

/* False while it is being written. */
static bool outcome_parse(char *file, struct outcome_seen *ret_seen)
{
    unsigned long last;
    char word[4], *text = strchr(file, '\n'), *end;

    if (file[0] == '\0')
        return true; /* nothing was published yet */
    if (text == NULL ||
        sscanf(file, "%lu %3s %15s", &ret_seen->number, word, ret_seen->version) != 3)
        return false;
    text++;
    end = strlen(text) > 0 ? strrchr(text, '\n') : NULL;
    if (end == NULL)
        return false;
    *end = '\0';
    end = strrchr(text, '\n');
    end = end == NULL ? text : end + 1;
    if (sscanf(end, "%lu", &last) != 1 || last != ret_seen->number)
        return false;
    *end = '\0';
    ret_seen->good = strcmp(word, "yes") == 0;
    snprintf(ret_seen->text, sizeof ret_seen->text, "%s", text);
    return true;
}

int outcome_see(pid_t pid, struct outcome_seen *ret_seen, struct err *err)
{
    const struct timespec pause = {.tv_nsec = OUTCOME_PAUSE_MS * 1000000L};
    char file[OUTCOME_FILE_BYTES + 1];
    int fd = outcome_find(pid, err);
    bool whole = false;

    if (fd < 0)
        return -1;
    for (int i = 0; i < OUTCOME_TRIES && !whole; i++) {
        ssize_t bytes = pread(fd, file, OUTCOME_FILE_BYTES, 0);
        memset(ret_seen, 0, sizeof *ret_seen);
        file[bytes > 0 ? bytes : 0] = '\0';
        whole = bytes >= 0 && outcome_parse(file, ret_seen);
        if (!whole)
            nanosleep(&pause, NULL);
    }
    close(fd);
    return whole ? 0 : err_set(err, "what process %d tells cannot be read", (int) pid);
}
