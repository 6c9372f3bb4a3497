/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners: all that a main policy file describes: its listeners, each with the policy that judges
 * its clients and the owner that they act for.
 *
 * `[proxy] listen` is a listener too, called "default": the only one where the file has no
 * [listener NAME] section, else one more where the file says it.  Loaded whole or not at all.
 */
#ifndef CAISSON_POLICY_LISTENERS_H
#define CAISSON_POLICY_LISTENERS_H

#include "config.h"

struct listeners; /* immutable once loaded, counted */
struct policy;

#define LISTENERS_DEFAULT "default"

struct listeners_entry {
    char *name;
    unsigned line; /* of its section */
    /* Complete: what the section leaves out is filled in. */
    struct config_listener config;
    char *file; /* with its policy */
    struct policy *policy;
};

/* listen: of the default listener, in the place of [proxy] listen; or NULL. */
int listeners_load(const char *path, const char *listen, struct listeners **ret_listeners,
                   struct err *err);
struct listeners *listeners_ref(struct listeners *listeners);
void listeners_unref(struct listeners *listeners); /* NULL is fine */

/* At least one; the default listener, where there is one, comes first. */
size_t listeners_count(const struct listeners *listeners);
const struct listeners_entry *listeners_at(const struct listeners *listeners, size_t index);
/* By its name or by its owner; NULL: there is none. */
const struct listeners_entry *listeners_find(const struct listeners *listeners, const char *name);
/* The main file's own rules and options. */
struct policy *listeners_main(const struct listeners *listeners);
/* Whether the file has [listener] sections. */
bool listeners_are_named(const struct listeners *listeners);

/* "FILE:LINE: what has no effect, and where it would have"; NULL at the end. */
const char *listeners_warning(const struct listeners *listeners, size_t index);

#endif
