/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners: a main file with its [listener] sections, and the files that those name.
 */
#include "listeners.h"

#include "binds.h"
#include "bounds.h"
#include "err.h"
#include "operation.h"
#include "policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listeners {
    unsigned refs;
    const char *path; /* of the main file, while it is loaded */
    struct policy *main;
    bool named; /* there is a [listener] section */
    size_t count;
    struct listeners_entry *entries;
    size_t warning_count;
    char **warnings;
};

/* ---- the sections of the main file ---- */

static struct listeners_entry *entry_add(struct listeners *listeners, const char *name,
                                         unsigned line, struct err *err)
{
    struct listeners_entry *entries =
        reallocarray(listeners->entries, listeners->count + 1, sizeof(entries[0]));
    if (entries)
        listeners->entries = entries;
    struct listeners_entry entry = {.name = entries ? strdup(name) : NULL, .line = line};
    if (!entry.name) {
        err_set(err, "out of memory");
        return NULL;
    }
    if (config_listener_init(&entry.config, err) < 0) {
        free(entry.name);
        return NULL;
    }
    entries[listeners->count] = entry;
    return &entries[listeners->count++];
}

static struct listeners_entry *entry_find(const struct listeners *listeners, const char *name)
{
    for (size_t i = 0; i < listeners->count; i++)
        if (strcmp(listeners->entries[i].name, name) == 0)
            return &listeners->entries[i];
    return NULL;
}

/* The config_take of [listener NAME]. */
static int take_listener(void *arg, const char *section, const char *key, const char *value,
                         unsigned line, struct err *err)
{
    static const char word[] = "listener ";
    struct listeners *listeners = arg;
    const char *name = section + sizeof(word) - 1;
    if (strncmp(section, word, sizeof(word) - 1) != 0)
        return err_set(err, "[%.60s] is no section; a listener's is written like [listener ci]",
                       section);
    struct listeners_entry *entry = entry_find(listeners, name);
    if (key && entry)
        return config_listener_set(&entry->config, key, value, line, err);
    if (entry)
        return err_set(err, "[%.60s] is repeated; it already begins on line %u", section,
                       entry->line);
    if (config_listener_name(name, err) < 0)
        return -1;
    if (strcmp(name, LISTENERS_DEFAULT) == 0)
        return err_set(err, LISTENERS_DEFAULT " is what the listener of [proxy] listen is called; "
                                              "give this one another name");
    listeners->named = true;
    return entry_add(listeners, name, line, err) ? 0 : -1;
}

/* ---- the default listener ---- */

static int text_copy(char **to, const char *from, struct err *err)
{
    char *copy = strdup(from);
    if (!copy)
        return err_set(err, "out of memory");
    free(*to);
    *to = copy;
    return 0;
}

/* [proxy] as a section of its own; it becomes the first. */
static int default_add(struct listeners *listeners, const char *listen, struct err *err)
{
    const struct config *config = policy_config(listeners->main);
    struct listeners_entry *entry =
        entry_add(listeners, LISTENERS_DEFAULT, config->line.listen, err);
    if (!entry)
        return -1;
    struct config_listener *own = &entry->config;
    if (text_copy(&own->listen, listen ? listen : config->listen, err) < 0 ||
        text_copy(&own->listen_owner, config->listen_owner, err) < 0 ||
        text_copy(&own->owner, config->owner, err) < 0 ||
        text_copy(&own->peers, config->peers, err) < 0)
        return -1;
    own->listen_mode = config->listen_mode;
    own->line.listen = config->line.listen;
    own->line.owner = config->line.owner;
    own->line.peers = config->line.peers;
    struct listeners_entry first = *entry;
    memmove(listeners->entries + 1, listeners->entries,
            (listeners->count - 1) * sizeof(listeners->entries[0]));
    listeners->entries[0] = first;
    return 0;
}

/* ---- what has no effect ---- */

static __attribute__((format(printf, 3, 4))) int
warning_add(struct listeners *listeners, struct err *err, const char *format, ...)
{
    va_list args;
    int rc;
    char **warnings =
        reallocarray(listeners->warnings, listeners->warning_count + 1, sizeof(warnings[0]));
    if (warnings)
        listeners->warnings = warnings;
    if (!warnings)
        return err_set(err, "out of memory");
    va_start(args, format);
    rc = vasprintf(&warnings[listeners->warning_count], format, args);
    va_end(args);
    if (rc < 0)
        return err_set(err, "out of memory");
    listeners->warning_count++;
    return 0;
}

/* What of [proxy] only the main file can say; and what there only the default listener heeds. */
static const struct {
    const char *key;
    size_t offset;
    bool of_default;
} main_only[] = {
    {"listen", offsetof(struct config, line.listen), true},
    {"listen-mode", offsetof(struct config, line.listen_mode), true},
    {"listen-owner", offsetof(struct config, line.listen_owner), true},
    {"owner", offsetof(struct config, line.owner), true},
    {"peers", offsetof(struct config, line.peers), true},
    {"upstream", offsetof(struct config, line.upstream), false},
    {"audit", offsetof(struct config, line.audit), false},
};

static int warn_limits(struct listeners *listeners, const struct policy *policy, const char *file,
                       struct err *err)
{
    char text[BOUNDS_TEXT_BYTES];
    unsigned line;
    for (size_t i = 0; (line = bounds_warning(policy_config(policy), i, text)) > 0; i++)
        if (warning_add(listeners, err, "%s:%u: %s", file, line, text) < 0)
            return -1;
    return 0;
}

static int warn(struct listeners *listeners, const struct policy *policy, const char *file,
                bool is_main, struct err *err)
{
    for (size_t i = 0; i < sizeof(main_only) / sizeof(main_only[0]); i++) {
        const void *at = (const char *) policy_config(policy) + main_only[i].offset;
        unsigned line = *(const unsigned *) at;
        if (line == 0 || (is_main && !main_only[i].of_default))
            continue;
        const char *why = is_main ? "without 'listen' under [proxy] there is no default listener"
                          : main_only[i].of_default
                              ? "a listener's own section in the main file says this"
                              : "only the main file can say this, for all listeners";
        if (warning_add(listeners, err, "%s:%u: '%s' has no effect: %s", file, line,
                        main_only[i].key, why) < 0)
            return -1;
    }
    return is_main ? 0 : warn_limits(listeners, policy, file, err);
}

/* ---- each listener ---- */

/* A file that the main file names, from its folder on. */
static char *file_beside(const char *path, const char *file)
{
    const char *slash = strrchr(path, '/');
    int folder = file[0] != '/' && slash ? (int) (slash - path) + 1 : 0;
    char *found;
    return asprintf(&found, "%.*s%s", folder, path, file) < 0 ? NULL : found;
}

static int entry_load(struct listeners *listeners, struct listeners_entry *entry, struct err *err)
{
    const struct config_listener *config = &entry->config;
    bool own = config->policy[0];
    entry->file = own ? file_beside(listeners->path, config->policy) : strdup(listeners->path);
    if (!entry->file)
        return err_set(err, "out of memory");
    if (!own) {
        entry->policy = policy_ref(listeners->main);
        return 0;
    }
    if (policy_load(entry->file, &entry->policy, err) < 0)
        return access(entry->file, R_OK) == 0
                   ? -1
                   : err_wrap(err, "%s:%u", listeners->path, config->line.policy);
    return warn(listeners, entry->policy, entry->file, false, err);
}

static int entry_complete(struct listeners *listeners, struct listeners_entry *entry,
                          struct err *err)
{
    if (!entry->config.listen[0])
        return err_set(err, "%s:%u: [listener %s] has no 'listen'; say which socket it has",
                       listeners->path, entry->line, entry->name);
    if (!entry->config.owner[0] && text_copy(&entry->config.owner, entry->name, err) < 0)
        return -1;
    return entry_load(listeners, entry, err);
}

/* Two listeners never share a socket or an owner. */
static int entry_compare(const struct listeners *listeners, const struct listeners_entry *first,
                         const struct listeners_entry *second, struct err *err)
{
    const struct config_listener *one = &first->config, *two = &second->config;
    unsigned line = second->line;
    if (strcmp(one->listen, two->listen) == 0)
        return err_set(err, "%s:%u: %s is the socket of listener '%s' already; each has its own",
                       listeners->path, two->line.listen ? two->line.listen : line, two->listen,
                       first->name);
    if (strcmp(one->owner, two->owner) == 0)
        return err_set(err,
                       "%s:%u: '%s' is the owner of listener '%s' already; what one owner has is "
                       "hidden from another, so say a different 'owner'",
                       listeners->path, two->line.owner ? two->line.owner : line, two->owner,
                       first->name);
    return 0;
}

/* What a client of one can write must not lie above what a client of another can name. */
static int compare_binds(const struct listeners *listeners, struct err *err)
{
    const struct schema **creates = calloc(listeners->count, sizeof(*creates));
    if (!creates)
        return err_set(err, "out of memory");
    for (size_t i = 0; i < listeners->count; i++)
        creates[i] = policy_schema(listeners->entries[i].policy, BODY_CREATE);
    int rc = binds_check(creates, listeners->count, err);
    free(creates);
    return rc;
}

static int complete(struct listeners *listeners, const char *listen, struct err *err)
{
    bool by_default = !listeners->named || listen || policy_config(listeners->main)->line.listen;
    int rc = by_default ? default_add(listeners, listen, err)
                        : warn(listeners, listeners->main, listeners->path, true, err);
    if (rc == 0)
        rc = warn_limits(listeners, listeners->main, listeners->path, err);
    for (size_t i = 0; rc == 0 && i < listeners->count; i++) {
        rc = entry_complete(listeners, &listeners->entries[i], err);
        for (size_t j = 0; rc == 0 && j < i; j++)
            rc = entry_compare(listeners, &listeners->entries[j], &listeners->entries[i], err);
    }
    return rc == 0 ? compare_binds(listeners, err) : rc;
}

/* ---- all of it ---- */

int listeners_load(const char *path, const char *listen, struct listeners **ret_listeners,
                   struct err *err)
{
    struct listeners *listeners = calloc(1, sizeof(*listeners));
    if (!listeners)
        return err_set(err, "out of memory");
    listeners->refs = 1;
    listeners->path = path;
    int rc = policy_load_main(path, take_listener, listeners, &listeners->main, err);
    if (rc == 0)
        rc = complete(listeners, listen, err);
    if (rc < 0) {
        listeners_unref(listeners);
        return -1;
    }
    listeners->path = NULL;
    *ret_listeners = listeners;
    return 0;
}

struct listeners *listeners_ref(struct listeners *listeners)
{
    listeners->refs++;
    return listeners;
}

void listeners_unref(struct listeners *listeners)
{
    if (!listeners || --listeners->refs > 0)
        return;
    for (size_t i = 0; i < listeners->count; i++) {
        struct listeners_entry *entry = &listeners->entries[i];
        config_listener_done(&entry->config);
        policy_unref(entry->policy);
        free(entry->name);
        free(entry->file);
    }
    for (size_t i = 0; i < listeners->warning_count; i++)
        free(listeners->warnings[i]);
    policy_unref(listeners->main);
    free(listeners->entries);
    free(listeners->warnings);
    free(listeners);
}

size_t listeners_count(const struct listeners *listeners)
{
    return listeners->count;
}

const struct listeners_entry *listeners_at(const struct listeners *listeners, size_t index)
{
    return &listeners->entries[index];
}

const struct listeners_entry *listeners_find(const struct listeners *listeners, const char *name)
{
    const struct listeners_entry *entry = entry_find(listeners, name);
    for (size_t i = 0; !entry && i < listeners->count; i++)
        if (strcmp(listeners->entries[i].config.owner, name) == 0)
            entry = &listeners->entries[i];
    return entry;
}

struct policy *listeners_main(const struct listeners *listeners)
{
    return listeners->main;
}

bool listeners_are_named(const struct listeners *listeners)
{
    return listeners->named;
}

const char *listeners_warning(const struct listeners *listeners, size_t index)
{
    return index < listeners->warning_count ? listeners->warnings[index] : NULL;
}
