/* SPDX-License-Identifier: Apache-2.0 */
/*
 * field: one row of create.def as a node of the schema's tree.  Private to schema, judge, create
 * and rules.
 */
#ifndef CAISSON_POLICY_FIELD_H
#define CAISSON_POLICY_FIELD_H

#include "rules.h"

struct type;

struct field {
    const char *path; /* "HostConfig.Mounts[].Type" */
    const char *name; /* its last part */
    const char *why;
    const char *neutral; /* further neutral values, separated by blanks; or NULL */
    unsigned since;      /* API 1.since brought it */
    const struct type *type;
    struct rule rule;
    struct json_t *safe;          /* what the built-in rule sends when nothing is asked; or NULL */
    bool open;                    /* the built-in rule is `allow` */
    struct field *members, *next; /* first member; next member of the same object */
};

struct schema {
    struct field root; /* the body itself */
    struct field *fields;
    size_t count;
};

/* The field of a path, spelt exactly; NULL when there is none. */
struct field *schema_find(const struct schema *schema, const char *path);
/* The member of an object's field by its name, spelt exactly; or NULL. */
const struct field *field_member(const struct field *object, const char *name);

#endif
