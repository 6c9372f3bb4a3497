/* SPDX-License-Identifier: Apache-2.0 */
/* slots: container names under a file lock each; see slots.h. */
#include "slots.h"
#include "mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct held_slot {
    struct slot slot;
    int fd; /* of the lock, or -1 */
    bool busy;
};

struct slots {
    char *folder;
    char instance[SLOTS_INSTANCE_MAX + 1];
    struct held_slot held[SLOTS_MAX];
};

const char *slots_default_folder(void)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");

    return folder && *folder == '/' ? folder : "/tmp";
}

static int check_instance(const char *instance, struct fault *fault)
{
    size_t len = strlen(instance);

    if (!len || len > SLOTS_INSTANCE_MAX)
        return fault_set(fault, "the instance name \"%.60s\" must have 1 to %d characters",
                         instance, SLOTS_INSTANCE_MAX);
    for (const char *at = instance; *at; at++) {
        if (!isalnum((unsigned char) *at) && !strchr("_.-", *at))
            return fault_set(fault, "the instance name \"%.60s\" may have letters, digits, _ . -",
                             instance);
    }
    return 0;
}

/* HOST-UID, with a mark when the locks are not where everybody looks. */
static void make_instance(char instance[SLOTS_INSTANCE_MAX + 1], const char *folder)
{
    char host[HOST_NAME_MAX + 1] = "";

    if (gethostname(host, sizeof(host) - 1) < 0 || !*host)
        (void) snprintf(host, sizeof(host), "host");
    for (char *at = host; *at; at++) {
        if (!isalnum((unsigned char) *at))
            *at = '-';
    }
    (void) snprintf(instance, SLOTS_INSTANCE_MAX + 1, "%.24s-%u%s", host, (unsigned) getuid(),
                    strcmp(folder, "/tmp") ? "-r" : "");
}

int slots_new(const char *folder, const char *instance, struct slots **ret_slots,
              struct fault *fault)
{
    struct slots *slots;

    if (!instance)
        instance = getenv("EVALUATOR_INSTANCE");
    if (instance && !*instance)
        instance = NULL;
    if (instance && check_instance(instance, fault) < 0)
        return -1;
    slots = mem_alloc(sizeof(*slots));
    slots->folder = mem_copy_text(folder);
    if (instance)
        (void) snprintf(slots->instance, sizeof(slots->instance), "%s", instance);
    else
        make_instance(slots->instance, folder);
    for (size_t k = 0; k < SLOTS_MAX; k++) {
        slots->held[k].fd = -1;
        (void) snprintf(slots->held[k].slot.name, SLOTS_NAME_SIZE, "ev-%s-%zu", slots->instance, k);
    }
    *ret_slots = slots;
    return 0;
}

void slots_free(struct slots *slots)
{
    if (!slots)
        return;
    for (size_t k = 0; k < SLOTS_MAX; k++) {
        if (slots->held[k].fd >= 0)
            close(slots->held[k].fd);
    }
    free(slots->folder);
    free(slots);
}

const char *slots_instance(const struct slots *slots)
{
    return slots->instance;
}

/* The lock file stays when the lock goes: who removes it races with who takes it. */
static bool lock_slot(const struct slots *slots, struct held_slot *held)
{
    char *path = mem_format("%s/%s.lock", slots->folder, held->slot.name);

    held->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    free(path);
    if (held->fd >= 0 && flock(held->fd, LOCK_EX | LOCK_NB) < 0) {
        close(held->fd);
        held->fd = -1;
    }
    return held->fd >= 0;
}

struct slot *slots_take(struct slots *slots)
{
    for (size_t k = 0; k < SLOTS_MAX; k++) {
        struct held_slot *held = &slots->held[k];

        if (held->busy || (held->fd < 0 && !lock_slot(slots, held)))
            continue;
        held->busy = true;
        return &held->slot;
    }
    return NULL;
}

void slots_give_back(struct slots *slots, struct slot *slot)
{
    for (size_t k = 0; k < SLOTS_MAX; k++) {
        if (&slots->held[k].slot == slot)
            slots->held[k].busy = false;
    }
}
