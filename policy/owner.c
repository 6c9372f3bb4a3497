/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner: two sorted arrays of pointers over one set of entries, by id and by name.
 *
 * Every entry is in by_id; those with a name are in by_name as well.  Two entries never share a
 * name: an engine gives a name out once, so the newer knowledge wins.
 */
#include "owner.h"

#include "err.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct owner_entry public; /* first: owner_at() gives its address out */
    uint64_t added;            /* the table's clock when it came */
};

/* A command inside a container. */
struct exec {
    char id[OWNER_ID_BYTES];
    char container[OWNER_ID_BYTES + 1];
};

struct owner_table {
    char owner[64];
    uint64_t clock;  /* counts additions */
    size_t expected; /* creates that are under way */
    /* Ids that were removed since owner_mark(): the list being read may still have them. */
    bool marked;
    size_t gone_count, gone_room;
    char (*gone)[OWNER_ID_BYTES];
    size_t count, named, room;
    struct entry **by_id, **by_name; /* both have `room` places */
    size_t exec_count, exec_room;
    struct exec *execs; /* the oldest first */
};

struct owner_table *owner_table_new(const char *owner)
{
    struct owner_table *table = calloc(1, sizeof(*table));
    assert(strlen(owner) < sizeof(table->owner));
    if (table)
        strcpy(table->owner, owner);
    return table;
}

static void entries_free(struct owner_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->by_id[i]);
    free(table->by_id);
    free(table->by_name);
    free(table->gone);
    free(table->execs);
}

void owner_table_free(struct owner_table *table)
{
    if (!table)
        return;
    entries_free(table);
    free(table);
}

const char *owner_name(const struct owner_table *table)
{
    return table->owner;
}

size_t owner_count(const struct owner_table *table)
{
    return table->count;
}

const struct owner_entry *owner_at(const struct owner_table *table, size_t index)
{
    assert(index < table->count);
    return &table->by_id[index]->public;
}

size_t owner_alive(const struct owner_table *table)
{
    return table->count + table->expected;
}

void owner_expect(struct owner_table *table)
{
    table->expected++;
}

void owner_expect_no_more(struct owner_table *table)
{
    assert(table->expected > 0);
    table->expected--;
}

uint64_t owner_mark(struct owner_table *table)
{
    owner_unmark(table);
    table->marked = true;
    return table->clock;
}

void owner_unmark(struct owner_table *table)
{
    table->marked = false;
    table->gone_count = 0;
}

/* ---- what was removed while a list was being read ---- */

/* Without memory the list wins, and the entry goes again when the engine is asked for it. */
static void gone_note(struct owner_table *table, const char *id)
{
    if (!table->marked)
        return;
    if (table->gone_count == table->gone_room) {
        size_t room = table->gone_room ? table->gone_room * 2 : 16;
        char(*gone)[OWNER_ID_BYTES] = realloc(table->gone, room * sizeof(*gone));
        if (!gone)
            return;
        table->gone = gone;
        table->gone_room = room;
    }
    memcpy(table->gone[table->gone_count++], id, OWNER_ID_BYTES);
}

/* ---- places ---- */

/* The first place whose id is not before `id`, of which only `bytes` count. */
static size_t id_place(const struct owner_table *table, const char *id, size_t bytes)
{
    size_t low = 0, high = table->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(table->by_id[middle]->public.id, id, bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool id_is_at(const struct owner_table *table, size_t place, const char *id, size_t bytes)
{
    return place < table->count && memcmp(table->by_id[place]->public.id, id, bytes) == 0;
}

static size_t name_place(const struct owner_table *table, const char *name)
{
    size_t low = 0, high = table->named;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(table->by_name[middle]->public.name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *name_find(const struct owner_table *table, const char *name)
{
    size_t place = name_place(table, name);
    if (place == table->named || strcmp(table->by_name[place]->public.name, name) != 0)
        return NULL;
    return table->by_name[place];
}

static void place_insert(struct entry **entries, size_t count, size_t place, struct entry *entry)
{
    memmove(entries + place + 1, entries + place, (count - place) * sizeof(*entries));
    entries[place] = entry;
}

static void place_remove(struct entry **entries, size_t count, size_t place)
{
    memmove(entries + place, entries + place + 1, (count - place - 1) * sizeof(*entries));
}

/* ---- names ---- */

static void name_drop(struct owner_table *table, struct entry *entry)
{
    if (entry->public.name[0] == '\0')
        return;
    size_t place = name_place(table, entry->public.name);
    place_remove(table->by_name, table->named, place);
    table->named--;
    entry->public.name[0] = '\0';
}

/* Gives an entry its name and takes it from whoever had it. */
static void name_set(struct owner_table *table, struct entry *entry, const char *name)
{
    if (strcmp(entry->public.name, name) == 0)
        return;
    name_drop(table, entry);
    struct entry *holder = name_find(table, name);
    if (holder)
        name_drop(table, holder);
    snprintf(entry->public.name, sizeof(entry->public.name), "%s", name);
    size_t place = name_place(table, name);
    place_insert(table->by_name, table->named, place, entry);
    table->named++;
}

/* ---- entries ---- */

static bool id_is_full(const char *id, size_t bytes)
{
    if (bytes != OWNER_ID_BYTES)
        return false;
    for (size_t i = 0; i < bytes; i++)
        if (!((id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f')))
            return false;
    return true;
}

static int room_make(struct owner_table *table)
{
    if (table->count < table->room)
        return 0;
    size_t room = table->room ? table->room * 2 : 16;
    struct entry **by_id = realloc(table->by_id, room * sizeof(struct entry *));
    if (!by_id)
        return -1;
    table->by_id = by_id;
    struct entry **by_name = realloc(table->by_name, room * sizeof(struct entry *));
    if (!by_name)
        return -1;
    table->by_name = by_name;
    table->room = room;
    return 0;
}

/* The entry of a full id, or NULL. */
static struct entry *entry_find(const struct owner_table *table, const char *id)
{
    size_t bytes = strlen(id), place = id_place(table, id, bytes);
    return bytes == OWNER_ID_BYTES && id_is_at(table, place, id, bytes) ? table->by_id[place]
                                                                        : NULL;
}

/* ---- execs ---- */

static struct exec *exec_find(const struct owner_table *table, const char *id)
{
    for (size_t i = 0; i < table->exec_count; i++)
        if (memcmp(table->execs[i].id, id, OWNER_ID_BYTES) == 0)
            return &table->execs[i];
    return NULL;
}

static void exec_remove(struct owner_table *table, size_t place)
{
    table->exec_count--;
    memmove(table->execs + place, table->execs + place + 1,
            (table->exec_count - place) * sizeof(*table->execs));
}

/* Forgets the execs of a container. */
static void execs_drop(struct owner_table *table, const char *container_id)
{
    for (size_t i = table->exec_count; i-- > 0;)
        if (strcmp(table->execs[i].container, container_id) == 0)
            exec_remove(table, i);
}

static int exec_room_make(struct owner_table *table)
{
    if (table->exec_count == OWNER_EXECS)
        exec_remove(table, 0);
    if (table->exec_count < table->exec_room)
        return 0;
    size_t room = table->exec_room ? table->exec_room * 2 : 16;
    struct exec *execs = realloc(table->execs, room * sizeof(*execs));
    if (!execs)
        return -1;
    table->execs = execs;
    table->exec_room = room;
    return 0;
}

int owner_exec_add(struct owner_table *table, const char *exec_id, const char *container_id)
{
    assert(id_is_full(exec_id, strlen(exec_id)));
    if (!entry_find(table, container_id))
        return 0;
    struct exec *exec = exec_find(table, exec_id);
    if (!exec) {
        if (exec_room_make(table) < 0)
            return -1;
        exec = &table->execs[table->exec_count++];
    }
    memcpy(exec->id, exec_id, OWNER_ID_BYTES);
    strcpy(exec->container, container_id);
    return 0;
}

const char *owner_exec_container(const struct owner_table *table, const char *exec_id, size_t bytes)
{
    const struct exec *exec = bytes == OWNER_ID_BYTES ? exec_find(table, exec_id) : NULL;
    return exec ? exec->container : NULL;
}

/* ---- the table ---- */

int owner_add(struct owner_table *table, const char *id, const char *name, int64_t created_s)
{
    assert(id_is_full(id, strlen(id)));
    size_t place = id_place(table, id, OWNER_ID_BYTES);
    struct entry *entry;
    if (id_is_at(table, place, id, OWNER_ID_BYTES)) {
        entry = table->by_id[place];
    } else {
        if (room_make(table) < 0 || !(entry = calloc(1, sizeof(*entry))))
            return -1;
        memcpy(entry->public.id, id, OWNER_ID_BYTES);
        place_insert(table->by_id, table->count++, place, entry);
    }
    entry->added = ++table->clock;
    entry->public.created_s = created_s;
    if (name && name[0] && strlen(name) <= OWNER_NAME_BYTES)
        name_set(table, entry, name);
    return 0;
}

bool owner_rename(struct owner_table *table, const char *id, const char *name)
{
    struct entry *entry = entry_find(table, id);
    if (!entry)
        return false;
    entry->added = ++table->clock; /* a list that is under way may have the old name */
    name_set(table, entry, name);
    return true;
}

bool owner_remove(struct owner_table *table, const char *id)
{
    size_t bytes = strlen(id), place = id_place(table, id, bytes);
    if (bytes != OWNER_ID_BYTES || !id_is_at(table, place, id, bytes))
        return false;
    struct entry *entry = table->by_id[place];
    gone_note(table, id);
    execs_drop(table, id);
    name_drop(table, entry);
    place_remove(table->by_id, table->count--, place);
    free(entry);
    return true;
}

const struct owner_entry *owner_resolve(const struct owner_table *table, const char *ref,
                                        size_t ref_bytes)
{
    char name[OWNER_NAME_BYTES + 1];
    if (ref_bytes == 0 || ref_bytes > OWNER_ID_BYTES)
        return NULL;
    size_t place = id_place(table, ref, ref_bytes);
    bool begins = id_is_at(table, place, ref, ref_bytes);
    if (ref_bytes == OWNER_ID_BYTES)
        return begins ? &table->by_id[place]->public : NULL;
    memcpy(name, ref, ref_bytes);
    name[ref_bytes] = '\0';
    struct entry *named = name_find(table, name);
    if (named)
        return &named->public;
    if (!begins || ref_bytes < OWNER_PREFIX_BYTES || id_is_at(table, place + 1, ref, ref_bytes))
        return NULL;
    return &table->by_id[place]->public;
}

/* ---- the engine's list ---- */

int owner_list_target(const struct owner_table *table, unsigned api_minor, char *buffer,
                      size_t bytes)
{
    /* {"label":["KEY=VALUE"]}, encoded; neither key nor value has a byte that needs it. */
    int used = snprintf(buffer, bytes,
                        "/v1.%u/containers/json?all=1&filters="
                        "%%7B%%22label%%22%%3A%%5B%%22" OWNER_LABEL "%%3D%s%%22%%5D%%7D",
                        api_minor, table->owner);
    return used < 0 || (size_t) used >= bytes ? -1 : 0;
}

/* The container's own name among its names, which may hold link aliases like "/other/alias". */
static const char *listed_name(const json_t *names)
{
    size_t i;
    json_t *item;
    json_array_foreach (names, i, item) {
        const char *name = json_string_value(item);
        if (name && name[0] == '/' && name[1] && !strchr(name + 1, '/') &&
            strlen(name) == json_string_length(item))
            return name + 1;
    }
    return NULL;
}

/* Adds one listed container to a table if its label is ours. */
static int listed_take(struct owner_table *fresh, const json_t *item, size_t index, struct err *err)
{
    const json_t *id = json_object_get(item, "Id"), *created = json_object_get(item, "Created");
    const json_t *labels = json_object_get(item, "Labels");
    if (!json_is_object(item))
        return err_set(err, "container %zu of the engine's list is no object", index);
    if (!json_is_string(id) || !id_is_full(json_string_value(id), json_string_length(id)))
        return err_set(err, "container %zu of the engine's list has no full id", index);
    if (!json_is_integer(created))
        return err_set(err, "container %zu of the engine's list has no creation time", index);
    const json_t *label = json_object_get(labels, OWNER_LABEL);
    if (!label || json_string_length(label) != strlen(fresh->owner) ||
        memcmp(json_string_value(label), fresh->owner, strlen(fresh->owner)) != 0)
        return 0;
    const char *name = listed_name(json_object_get(item, "Names"));
    if (owner_add(fresh, json_string_value(id), name, json_integer_value(created)) < 0)
        return err_set(err, "out of memory");
    return 0;
}

static int listed_take_all(struct owner_table *fresh, const json_t *list, struct err *err)
{
    size_t i;
    json_t *item;
    if (!json_is_array(list))
        return err_set(err, "the engine's list of containers is no JSON array");
    json_array_foreach (list, i, item)
        if (listed_take(fresh, item, i, err) < 0)
            return -1;
    return 0;
}

/* Adds what came to the old table after the mark. */
static int keep_newer(struct owner_table *fresh, const struct owner_table *old, uint64_t mark)
{
    for (size_t i = 0; i < old->count; i++) {
        const struct entry *entry = old->by_id[i];
        if (entry->added > mark &&
            owner_add(fresh, entry->public.id, entry->public.name, entry->public.created_s) < 0)
            return -1;
    }
    return 0;
}

/* Takes the execs of the containers that are still there. */
static void execs_take(struct owner_table *fresh, struct owner_table *old)
{
    fresh->execs = old->execs;
    fresh->exec_count = old->exec_count;
    fresh->exec_room = old->exec_room;
    old->execs = NULL;
    for (size_t i = fresh->exec_count; i-- > 0;)
        if (!entry_find(fresh, fresh->execs[i].container))
            exec_remove(fresh, i);
}

int owner_rebuild(struct owner_table *table, uint64_t mark, const char *json, size_t bytes,
                  struct err *err)
{
    json_error_t wrong;
    json_t *list = json_loadb(json, bytes, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &wrong);
    if (!list)
        return err_set(err, "the engine's list of containers is no JSON: %s", wrong.text);
    struct owner_table *fresh = owner_table_new(table->owner);
    if (fresh) /* goes on with the clock, so that no mark of before means an entry of now */
        fresh->clock = table->clock;
    int rc = fresh ? listed_take_all(fresh, list, err) : err_set(err, "out of memory");
    json_decref(list);
    for (size_t i = 0; rc == 0 && i < table->gone_count; i++) {
        char id[OWNER_ID_BYTES + 1] = {0};
        memcpy(id, table->gone[i], OWNER_ID_BYTES);
        owner_remove(fresh, id);
    }
    if (rc == 0 && keep_newer(fresh, table, mark) < 0)
        rc = err_set(err, "out of memory");
    if (rc < 0) {
        owner_table_free(fresh);
        return -1;
    }
    fresh->expected = table->expected;
    execs_take(fresh, table);
    entries_free(table);
    *table = *fresh;
    free(fresh);
    return 0;
}
