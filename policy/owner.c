/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner: two sorted arrays of pointers over one set of entries, by id and by name.
 *
 * Every entry is in by_id; those with a name are in by_name as well.  Two entries never share a
 * name: an engine gives a name out once, so the newer knowledge wins.
 */
#include "owner.h"

#include "arena.h"
#include "err.h"
#include "json.h"

#include <assert.h>
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
    enum owner_kind kind;
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

static void table_init(struct owner_table *table, enum owner_kind kind, const char *owner)
{
    assert(strlen(owner) < sizeof(table->owner));
    *table = (struct owner_table){.kind = kind};
    strcpy(table->owner, owner);
}

struct owner_table *owner_table_new(const char *owner)
{
    struct owner_table *table = malloc(OWNER_KINDS * sizeof(*table));
    for (int kind = 0; table && kind < OWNER_KINDS; kind++)
        table_init(&table[kind], (enum owner_kind) kind, owner);
    return table;
}

struct owner_table *owner_of(struct owner_table *containers, enum owner_kind kind)
{
    assert(containers->kind == OWNER_CONTAINER);
    return containers + kind;
}

const struct owner_table *owner_of_const(const struct owner_table *containers, enum owner_kind kind)
{
    assert(containers->kind == OWNER_CONTAINER);
    return containers + kind;
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
    for (int kind = 0; table && kind < OWNER_KINDS; kind++)
        entries_free(owner_of(table, (enum owner_kind) kind));
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
    size_t place = name_place(table, name);
    if (place < table->named && strcmp(table->by_name[place]->public.name, name) == 0)
        name_drop(table, table->by_name[place]);
    *(char *) mempcpy(entry->public.name, name, strnlen(name, OWNER_NAME_BYTES)) = '\0';
    place_insert(table->by_name, table->named, place, entry);
    table->named++;
}

/* ---- entries ---- */

/* In small letters; without a way out of the loop, so that the compiler looks at many at once. */
static bool all_hex(const char text[OWNER_ID_BYTES])
{
    uint8_t odd = 0;
    for (size_t i = 0; i < OWNER_ID_BYTES; i++) {
        const uint8_t digit = (uint8_t) (text[i] - '0'), letter = (uint8_t) (text[i] - 'a');
        odd |= (digit > 9) & (letter > 5);
    }
    return !odd;
}

static bool all_in(const char *text, size_t bytes, const char *allowed)
{
    for (size_t i = 0; i < bytes; i++)
        if (!text[i] || !strchr(allowed, text[i]))
            return false;
    return true;
}

bool owner_is_id(enum owner_kind kind, const char *text, size_t bytes)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    if (kind == OWNER_VOLUME)
        return bytes > 0 && bytes <= OWNER_ID_BYTES && all_in(text, bytes, name);
    return bytes == OWNER_ID_BYTES && all_hex(text);
}

/* An id of any kind as it is compared: the name of a volume is filled up with zeros. */
static bool id_fill(char full[OWNER_ID_BYTES + 1], enum owner_kind kind, const char *id,
                    size_t bytes)
{
    if (!owner_is_id(kind, id, bytes))
        return false;
    memset(full, 0, OWNER_ID_BYTES + 1);
    memcpy(full, id, bytes);
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

/* The entry of an id, or NULL. */
static struct entry *entry_find(const struct owner_table *table, const char *id, size_t bytes)
{
    char full[OWNER_ID_BYTES + 1];
    if (!id_fill(full, table->kind, id, bytes))
        return NULL;
    size_t place = id_place(table, full, OWNER_ID_BYTES);
    return id_is_at(table, place, full, OWNER_ID_BYTES) ? table->by_id[place] : NULL;
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
    assert(owner_is_id(OWNER_CONTAINER, exec_id, strlen(exec_id)));
    if (!entry_find(table, container_id, strlen(container_id)))
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
    char full[OWNER_ID_BYTES + 1];
    bool good = id_fill(full, table->kind, id, strlen(id));
    assert(good), (void) good;
    size_t place = id_place(table, full, OWNER_ID_BYTES);
    struct entry *entry;
    if (id_is_at(table, place, full, OWNER_ID_BYTES)) {
        entry = table->by_id[place];
    } else {
        if (room_make(table) < 0 || !(entry = calloc(1, sizeof(*entry))))
            return -1;
        memcpy(entry->public.id, full, sizeof(full));
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
    struct entry *entry = entry_find(table, id, strlen(id));
    if (!entry)
        return false;
    entry->added = ++table->clock; /* a list that is under way may have the old name */
    name_set(table, entry, name);
    return true;
}

bool owner_remove(struct owner_table *table, const char *id)
{
    struct entry *entry = entry_find(table, id, strlen(id));
    if (!entry)
        return false;
    size_t place = id_place(table, entry->public.id, OWNER_ID_BYTES);
    gone_note(table, entry->public.id);
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
    if (table->kind == OWNER_VOLUME) {
        const struct entry *volume = entry_find(table, ref, ref_bytes);
        return volume ? &volume->public : NULL;
    }
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

/* What a list of each kind looks like. */
static const struct {
    const char *what, *path;
    const char *list; /* the member with the list; NULL: the answer is the list */
    const char *id;   /* the member with an item's id */
    /* {"label":["KEY=VALUE"]} or {"label":{"KEY=VALUE":true}}, encoded. */
    const char *before, *after;
} lists[OWNER_KINDS] = {
    [OWNER_CONTAINER] = {"container", "containers/json?all=1&", NULL, "Id",
                         "%7B%22label%22%3A%5B%22", "%22%5D%7D"},
    [OWNER_NETWORK] = {"network", "networks?", NULL, "Id", "%7B%22label%22%3A%7B%22",
                       "%22%3Atrue%7D%7D"},
    [OWNER_VOLUME] = {"volume", "volumes?", "Volumes", "Name", "%7B%22label%22%3A%7B%22",
                      "%22%3Atrue%7D%7D"},
};

int owner_list_target(const struct owner_table *table, unsigned api_minor, char *buffer,
                      size_t bytes)
{
    /* Neither key nor value has a byte that needs to be encoded. */
    int used = snprintf(buffer, bytes, "/v1.%u/%sfilters=%s" OWNER_LABEL "%%3D%s%s", api_minor,
                        lists[table->kind].path, lists[table->kind].before, table->owner,
                        lists[table->kind].after);
    return used < 0 || (size_t) used >= bytes ? -1 : 0;
}

/* The container's own name among its names, which may hold link aliases like "/other/alias". */
static const char *listed_name(const struct json *names)
{
    for (const struct json *item = json_elements(names); item; item = item->next) {
        const char *name = json_text(item);
        if (name && name[0] == '/' && name[1] && !strchr(name + 1, '/') &&
            strlen(name) == item->size)
            return name + 1;
    }
    return NULL;
}

static bool label_is_ours(const struct owner_table *table, const struct json *labels)
{
    const struct json *label = json_get(labels, OWNER_LABEL);
    return json_is(label, JSON_STRING) && label->size == strlen(table->owner) &&
           memcmp(label->text, table->owner, label->size) == 0;
}

/* Adds one listed object to a table if its label is ours. */
static int listed_take(struct owner_table *fresh, const struct json *item, size_t index,
                       struct err *err)
{
    const char *what = lists[fresh->kind].what;
    const struct json *id = json_get(item, lists[fresh->kind].id);
    const struct json *created = json_get(item, "Created");
    if (!json_is(item, JSON_OBJECT))
        return err_set(err, "%s %zu of the engine's list is no object", what, index);
    bool good = json_is(id, JSON_STRING) && owner_is_id(fresh->kind, json_text(id), json_size(id));
    if (!good && json_is(id, JSON_STRING) && fresh->kind != OWNER_CONTAINER)
        return 0; /* such a name was not given through us; networks of the cluster have other ids */
    if (!good)
        return err_set(err, "%s %zu of the engine's list has no full id", what, index);
    if (fresh->kind == OWNER_CONTAINER && !json_is(created, JSON_INTEGER))
        return err_set(err, "%s %zu of the engine's list has no creation time", what, index);
    if (!label_is_ours(fresh, json_get(item, "Labels")))
        return 0;
    const char *name = fresh->kind == OWNER_NETWORK ? json_text(json_get(item, "Name"))
                                                    : listed_name(json_get(item, "Names"));
    if (owner_add(fresh, json_text(id), name, json_number(created)) < 0)
        return err_set(err, "out of memory");
    return 0;
}

static int listed_take_all(struct owner_table *fresh, const struct json *list, struct err *err)
{
    size_t index = 0;
    if (lists[fresh->kind].list) {
        list = json_get(list, lists[fresh->kind].list);
        if (json_is(list, JSON_NULL))
            return 0;
    }
    if (!json_is(list, JSON_LIST))
        return err_set(err, "the engine's list of %ss is no JSON array", lists[fresh->kind].what);
    for (const struct json *item = json_elements(list); item; item = item->next)
        if (listed_take(fresh, item, index++, err) < 0)
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
        if (!entry_find(fresh, fresh->execs[i].container, OWNER_ID_BYTES))
            exec_remove(fresh, i);
}

/* The old table with what the list says, in a new one. */
static int rebuild(struct owner_table *fresh, const struct owner_table *old, uint64_t mark,
                   const struct json *list, struct err *err)
{
    fresh->clock = old->clock; /* goes on, so that no mark of before means an entry of now */
    if (listed_take_all(fresh, list, err) < 0)
        return -1;
    for (size_t i = 0; i < old->gone_count; i++) {
        char id[OWNER_ID_BYTES + 1] = {0};
        memcpy(id, old->gone[i], OWNER_ID_BYTES);
        owner_remove(fresh, id);
    }
    return keep_newer(fresh, old, mark) < 0 ? err_set(err, "out of memory") : 0;
}

int owner_rebuild(struct owner_table *table, uint64_t mark, const char *json, size_t bytes,
                  struct err *err)
{
    struct arena arena = {0};
    struct json_fault wrong;
    struct owner_table fresh;
    const struct json *list = json_read_trusted(&arena, json, bytes, &wrong);
    table_init(&fresh, table->kind, table->owner);
    int rc =
        list ? rebuild(&fresh, table, mark, list, err)
             : err_set(err, "the engine's list of %ss is no JSON: it %s", lists[table->kind].what,
                       wrong.no_memory ? "needs more memory than there is" : wrong.what);
    arena_done(&arena);
    if (rc < 0) {
        entries_free(&fresh);
        return -1;
    }
    fresh.expected = table->expected;
    execs_take(&fresh, table);
    entries_free(table);
    *table = fresh;
    return 0;
}
