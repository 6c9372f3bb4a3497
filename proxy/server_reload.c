/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_reload: all files are read anew, and taken whole or not at all.
 *
 * What can fail comes first: the files, the names of peers, the sockets of listeners that are new.
 * A listener that is in both goes over to its policy; a new one opens its socket; one that is gone
 * closes it and ends with its last connection.  A listener's socket and owner stay as they are
 * until a restart, as do the Engine and the audit log.
 */
#include "config.h"
#include "err.h"
#include "listeners.h"
#include "log.h"
#include "outcome.h"
#include "owner.h"
#include "policy.h"
#include "server_internal.h"
#include "upstream.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RELOAD_LINE_BYTES = 700 };

/* What is prepared; one place for each entry. */
struct reload {
    struct server *server;
    struct listeners *listeners;
    struct {
        struct server_door *door; /* that serves already, or is new */
        struct peers peers;       /* of one that serves already */
        bool is_new;
    } * places;
};

/* Logs a line, and tells it to whoever asked for the reload. */
static void reload_say(const struct server *server, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void reload_say(const struct server *server, enum log_level level, const char *format, ...)
{
    char line[RELOAD_LINE_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log_line(level, "%s", line);
    outcome_add(server->outcome, line);
}

void server_say_versions(struct server *server)
{
    const struct listeners *listeners = server->listeners;
    const char *warning;

    for (size_t i = 0; (warning = listeners_warning(listeners, i)) != NULL; i++)
        reload_say(server, LOG_LEVEL_WARN, "%s", warning);
    for (size_t i = 0; i < listeners_count(listeners); i++) {
        const struct listeners_entry *entry = listeners_at(listeners, i);
        reload_say(server, LOG_LEVEL_INFO, "listener %s: %s, version %s, is in force", entry->name,
                   entry->file, policy_version(entry->policy));
    }
    outcome_publish(server->outcome, true, policy_version(listeners_main(listeners)));
}

/* What can fail. */

static struct server_door *reload_find(const struct server *server, const char *name)
{
    struct server_door *door;

    LIST_FOREACH(door, &server->doors, entry)
    {
        if (!door->leaving && strcmp(door->name, name) == 0)
            return door;
    }
    return NULL;
}

/* What a listener that serves has is not another's before a restart. */
static int reload_check_new(const struct reload *reload, const struct listeners_entry *entry,
                            struct err *err)
{
    const struct server_door *door;

    LIST_FOREACH(door, &reload->server->doors, entry)
    {
        if (strcmp(door->fixed.address, entry->config.listen) == 0 && door->listener.fd >= 0)
            return err_set(err,
                           "listener %s: %s is the socket of listener %s, which has it until a "
                           "restart",
                           entry->name, entry->config.listen, door->name);
        if (strcmp(owner_name(door->tenant.owned), entry->config.owner) == 0)
            return err_set(err, "listener %s: '%s' is the owner of listener %s, which has it %s",
                           entry->name, entry->config.owner, door->name,
                           door->leaving ? "until its last connection ends" : "until a restart");
    }
    return 0;
}

static int reload_prepare(struct reload *reload, struct err *err)
{
    for (size_t i = 0; i < listeners_count(reload->listeners); i++) {
        const struct listeners_entry *entry = listeners_at(reload->listeners, i);
        struct server_door *door = reload_find(reload->server, entry->name);
        int ret = 0;

        if (door != NULL) {
            reload->places[i].door = door;
            ret = server_peers_load(reload->server, entry, &reload->places[i].peers, err);
        } else if ((ret = reload_check_new(reload, entry, err)) == 0) {
            ret = server_door_new(reload->server, entry, &reload->places[i].door, err);
            reload->places[i].is_new = ret == 0;
        }
        if (ret < 0)
            return -1;
    }
    return 0;
}

static void reload_undo(struct reload *reload)
{
    for (size_t i = 0; i < listeners_count(reload->listeners); i++) {
        peers_done(&reload->places[i].peers);
        if (reload->places[i].is_new)
            server_door_free(reload->places[i].door);
    }
}

/* What cannot. */

static void reload_note_restart(const struct server *server, const char *section, const char *key,
                                bool changed)
{
    if (changed)
        reload_say(server, LOG_LEVEL_WARN, "a new '%s' under [%s] takes effect at a restart", key,
                   section);
}

static void reload_note_door(const struct server_door *door, const struct listeners_entry *entry)
{
    const struct config_listener *config = &entry->config;
    const struct server *server = door->server;
    char section[80];

    if (strcmp(door->name, LISTENERS_DEFAULT) == 0)
        snprintf(section, sizeof section, "proxy");
    else
        snprintf(section, sizeof section, "listener %s", door->name);
    reload_note_restart(server, section, "listen",
                        strcmp(door->fixed.address, config->listen) != 0);
    reload_note_restart(server, section, "listen-mode",
                        door->fixed.mode != (mode_t) config->listen_mode);
    reload_note_restart(server, section, "listen-owner",
                        strcmp(door->fixed.owner, config->listen_owner) != 0);
    reload_note_restart(server, section, "owner",
                        strcmp(owner_name(door->tenant.owned), config->owner) != 0);
}

static void reload_note_main(const struct reload *reload)
{
    const struct server *server = reload->server;
    const struct config *old = policy_config(listeners_main(server->listeners));
    const struct config *new = policy_config(listeners_main(reload->listeners));

    reload_note_restart(server, "proxy", "upstream", strcmp(old->upstream, new->upstream) != 0);
    reload_note_restart(server, "proxy", "audit", strcmp(old->audit, new->audit) != 0);
}

static bool reload_has(const struct reload *reload, const struct server_door *door)
{
    for (size_t i = 0; i < listeners_count(reload->listeners); i++)
        if (reload->places[i].door == door)
            return true;
    return false;
}

static void reload_leave(const struct reload *reload)
{
    struct server_door *door;

    LIST_FOREACH(door, &reload->server->doors, entry)
    {
        if (door->leaving || reload_has(reload, door))
            continue;
        door->leaving = true;
        server_door_close(door);
        reload_say(reload->server, LOG_LEVEL_INFO,
                   "listener %s takes no more connections; %u are open, and %zu containers of "
                   "owner %s are left to themselves",
                   door->name, door->tenant.count, owner_count(door->tenant.owned),
                   owner_name(door->tenant.owned));
        conn_drain(&door->tenant, false);
    }
}

static void reload_enter(const struct reload *reload, struct server_door *door)
{
    struct server *server = reload->server;

    LIST_INSERT_HEAD(&server->doors, door, entry);
    server_door_serve(door);
    if (upstream_engine(server->shared.upstream)->api_minor != 0)
        server_door_rebuild(door);
}

static void reload_take(struct reload *reload)
{
    struct server *server = reload->server;

    reload_note_main(reload);
    reload_leave(reload);
    for (size_t i = 0; i < listeners_count(reload->listeners); i++) {
        const struct listeners_entry *entry = listeners_at(reload->listeners, i);
        struct server_door *door = reload->places[i].door;
        if (reload->places[i].is_new) {
            reload_enter(reload, door);
            continue;
        }
        reload_note_door(door, entry);
        server_door_change(door, entry, &reload->places[i].peers);
    }
    listeners_unref(server->listeners);
    server->listeners = listeners_ref(reload->listeners);
    server_raise_descriptors(server);
    server_say_versions(server);
}

void server_reload(struct server *server)
{
    struct reload reload = {.server = server};
    struct err err;
    int ret = server_policy_load(server, &reload.listeners, &err);

    if (ret == 0) {
        reload.places = calloc(listeners_count(reload.listeners), sizeof reload.places[0]);
        ret =
            reload.places == NULL ? err_set(&err, "out of memory") : reload_prepare(&reload, &err);
        if (ret == 0)
            reload_take(&reload);
        else if (reload.places != NULL)
            reload_undo(&reload);
    }
    if (ret < 0) {
        reload_say(server, LOG_LEVEL_ERROR, "%s", err.text);
        reload_say(server, LOG_LEVEL_ERROR, "the policy in force stays");
        outcome_publish(server->outcome, false, policy_version(listeners_main(server->listeners)));
    }
    free(reload.places);
    listeners_unref(reload.listeners);
}
