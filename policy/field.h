/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field: one row of a table such as create.def as a node of the schema's tree.  Private to policy:
 * others see schema.h.
 */
#ifndef CAISSON_POLICY_FIELD_H
#define CAISSON_POLICY_FIELD_H

#include "rules.h"

struct type;

/* Fields by their paths: where its hash says, or in the next place that is free. */
struct field_paths {
    struct field **slots;
    size_t mask;
};

struct field {
    struct json_name name; /* the last part of the path; see field_of() */
    const char *path;      /* "HostConfig.Mounts[].Type" */
    const char *why;
    const char *risk;    /* which values lead how far: risk.h */
    const char *neutral; /* further neutral values, separated by blanks; or NULL */
    unsigned since;      /* API 1.since brought it */
    const struct type *type;
    struct rule rule;             /* in force */
    struct rule builtin;          /* of the row, once the policy has replaced it; see below */
    const struct json *safe;      /* what the built-in rule sends when nothing is asked; or NULL */
    bool open;                    /* the built-in rule is `allow` */
    bool passes;                  /* ... and nothing else, and it has no members with rows */
    bool keeps;                   /* of an update: what is absent keeps its value */
    bool zero_keeps;              /* ... and so does what is 0 */
    const struct field *object;   /* whose member it is; NULL for a member of the body */
    struct field *members, *next; /* first member; next member of the same object */
    size_t member_count;
    struct json_names names;     /* its members by their names */
    struct field *next_follower; /* of those whose rule is `force FIELD` */
    bool quiet;                  /* where it is absent, nothing is sent, and nothing refused */
    unsigned nothings; /* null, false, 0 and the empty, of which it can be: bits, 1 << kind */
    unsigned unseen;   /* ... and those with which it is as where it is absent and quiet */
};

/* What a schema is built from, beside its rows. */
struct schema_table {
    const char *section; /* of the policy file, where its rules are changed */
    /* What is true of the body as a whole, before and after the walk; or NULL. See create.h. */
    void (*prepare)(struct judge *judge, struct json *body);
    bool (*finish)(struct judge *judge, const struct json *body, struct json *out);
};

struct schema {
    const struct schema_table *table;
    struct field root; /* the body itself */
    struct field *fields;
    size_t count;
    struct field_paths paths;
    struct field *followers; /* fields whose rule is `force FIELD` */
    struct arena arena;      /* of rules and their values */
};

/* The field of a path, spelt exactly; NULL when there is none. */
struct field *schema_find(const struct schema *schema, const char *path);
_Static_assert(offsetof(struct field, name) == 0, "a field is where its name is");

/* The field of a name that is one's. */
static inline const struct field *field_of(const struct json_name *name)
{
    return (const struct field *) name;
}
/* The member of an object's field by its name, spelt exactly; or NULL. */
const struct field *field_member(const struct field *object, const char *name, size_t bytes);
/* The same of a value in such an object: it may have been read as a member of another one. */
static inline const struct field *field_inside(const struct field *object, const struct json *value)
{
    return value->name && value->name->among == &object->names
               ? field_of(value->name)
               : field_member(object, value->key, value->key_bytes);
}

/* The rule of the row, whatever the policy says. */
const struct rule *field_builtin(const struct field *field);

#endif
