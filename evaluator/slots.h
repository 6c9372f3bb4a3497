/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots: the fixed set of container names that one evaluator works with.
 *
 * A container is always called ev-<instance>-<k>, so a crash leaves at most one container per slot
 * behind, and they can be removed without listing any.  A lock on a file per slot keeps two
 * processes from using one slot; it goes when its process does.
 */
#ifndef EVALUATOR_SLOTS_H
#define EVALUATOR_SLOTS_H

#include <stdbool.h>

#include "fault.h"

#define SLOTS_MAX          64
#define SLOTS_INSTANCE_MAX 40
#define SLOTS_NAME_SIZE    56

struct slot {
    char name[SLOTS_NAME_SIZE];
    bool clean; /* no container of this name can exist; false when the slot is first taken */
};

struct slots;

/* Of $XDG_RUNTIME_DIR or /tmp.  The string lives as long as the environment. */
const char *slots_default_folder(void);

/*
 * `instance` sets evaluators apart that share an engine; NULL takes $EVALUATOR_INSTANCE, or a name
 * made of host, user and folder, so that nobody who cannot see our locks has our names.
 */
int slots_new(const char *folder, const char *instance, struct slots **ret_slots,
              struct fault *fault);

/* Unlocks.  No slot may be in use. */
void slots_free(struct slots *slots);

const char *slots_instance(const struct slots *slots);

/* A slot that no one uses, here or in another process; NULL when there is none. */
struct slot *slots_take(struct slots *slots);
void slots_give_back(struct slots *slots, struct slot *slot);

#endif
