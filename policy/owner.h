/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner: the tables of the containers, networks and volumes that were made through this proxy for
 * one owner.
 *
 * Containers and networks are keyed by the engine's full id (64 lower-case hex digits); names are
 * hints that the table knows too.  Volumes have a name only, which is their id here.  A table is
 * filled from the 201 of creates that we forwarded, and rebuilt from the engine with one label
 * query after a restart.  It knows no clock: times are handed in.
 *
 * An id never comes again, but the name of a volume can: somebody else removes ours and makes
 * another of that name.  Who forwards a request that uses a volume of the table therefore rebuilds
 * it first.
 */
#ifndef CAISSON_POLICY_OWNER_H
#define CAISSON_POLICY_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
    OWNER_ID_BYTES = 64,     /* a full id, without the NUL; a volume's name at most */
    OWNER_PREFIX_BYTES = 12, /* the shortest id prefix that is resolved, as `docker ps` prints it */
    OWNER_NAME_BYTES = 63    /* the longest name that we let a client choose */
};

enum owner_kind { OWNER_CONTAINER, OWNER_NETWORK, OWNER_VOLUME, OWNER_KINDS };

/* The label that marks an object as made here; its value is the owner's name. */
#define OWNER_LABEL "io.caisson.owner"

struct owner_entry {
    char id[OWNER_ID_BYTES + 1];
    char name[OWNER_NAME_BYTES + 1]; /* "" when unknown */
    int64_t created_s;               /* of a container: Unix time of its creation, for leases */
};

struct owner_table;

/*
 * The table of an owner's containers, which leads to those of his other objects.  Returns NULL when
 * memory is short. owner is copied: [A-Za-z0-9_.-], 1 to 63 bytes.
 */
struct owner_table *owner_table_new(const char *owner);
void owner_table_free(struct owner_table *table); /* with the others; NULL is fine */

/* The table of one kind, by that of the containers, with which it lives and ends. */
struct owner_table *owner_of(struct owner_table *containers, enum owner_kind kind);
const struct owner_table *owner_of_const(const struct owner_table *containers,
                                         enum owner_kind kind);

const char *owner_name(const struct owner_table *table);
size_t owner_count(const struct owner_table *table);
/* Entries in no promised order; index < owner_count(). Valid until the table next changes. */
const struct owner_entry *owner_at(const struct owner_table *table, size_t index);

/* Whether a text can be the id of an entry of this kind: 64 hex digits, or a volume's name. */
bool owner_is_id(enum owner_kind kind, const char *text, size_t bytes);
/* Adds or renews an entry. id must be one; name may be NULL. < 0: no memory. */
int owner_add(struct owner_table *table, const char *id, const char *name, int64_t created_s);
/* False when the id was not there. */
bool owner_remove(struct owner_table *table, const char *id);

/* It has another name now. False when the id was not there. */
bool owner_rename(struct owner_table *table, const char *id, const char *name);

/*
 * Execs are commands inside containers of the table, by the engine's full id.  They go with their
 * container; of more than OWNER_EXECS the oldest is forgotten.
 */
enum { OWNER_EXECS = 1024 };
/* Nothing is noted when the container is not in the table. < 0: no memory. */
int owner_exec_add(struct owner_table *table, const char *exec_id, const char *container_id);
/* The full id of the container of an exec; NULL for anything but the full id of an exec of ours.
 * Valid until the table next changes. */
const char *owner_exec_container(const struct owner_table *table, const char *exec_id,
                                 size_t bytes);

/*
 * What a client's reference means: a full id, else an exact name, else a prefix of at least
 * OWNER_PREFIX_BYTES that is unique in this table; of a volume its name alone.  NULL for anything
 * else, so that a foreign and an absent object cannot be told apart.
 */
const struct owner_entry *owner_resolve(const struct owner_table *table, const char *ref,
                                        size_t ref_bytes);

/*
 * Creates that are under way count as alive already, so that many at once cannot pass a limit that
 * each of them alone would keep.
 */
size_t owner_alive(const struct owner_table *table);
void owner_expect(struct owner_table *table);
void owner_expect_no_more(struct owner_table *table);

/*
 * A point in the table's history, one at a time: what is added or removed after it is not undone by
 * owner_rebuild(), whose list may have been made before.  owner_unmark() when there will be no
 * list.
 */
uint64_t owner_mark(struct owner_table *table);
void owner_unmark(struct owner_table *table);

/*
 * Writes the target of the table's label query, "/v1.41/containers/json?all=1&filters=...".
 * < 0 when it does not fit.
 */
int owner_list_target(const struct owner_table *table, unsigned api_minor, char *buffer,
                      size_t bytes);

/*
 * Takes the engine's answer to that query: what is listed is in the table afterwards, what is not
 * listed and was there at `mark` is gone.  On failure the table is unchanged.
 */
int owner_rebuild(struct owner_table *table, uint64_t mark, const char *json, size_t bytes,
                  struct err *err);

#endif
