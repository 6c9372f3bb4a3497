/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schemas: a schema for each body of schemas.def: what a policy file says of all of them.
 */
#ifndef CAISSON_POLICY_SCHEMAS_H
#define CAISSON_POLICY_SCHEMAS_H

#include <stdbool.h>

#include "operation.h"

struct err;
struct schema;
struct schema_field;

/* By body; NULL for one that no table describes. */
struct schemas {
    struct schema *of[BODY_COUNT];
};

/* All under their built-in rules. < 0: no memory; schemas_done() is due all the same. */
int schemas_init(struct schemas *schemas);
void schemas_done(struct schemas *schemas);

bool schemas_have_section(const char *section);
enum { SCHEMAS_SECTIONS_BYTES = 256 };
/* "[create], [exec]", for messages. Returns buffer. */
char *schemas_print_sections(char buffer[SCHEMAS_SECTIONS_BYTES]);

/*
 * Replaces the rule of a field in every body of a section that has it; see schema_set_rule().  The
 * section must be one.
 */
int schemas_set_rule(struct schemas *schemas, const char *section, const char *path,
                     const char *text, const char *origin, struct err *err);

/* Every field of every body; one that several bodies of a section have is shown for the first. */
typedef void schemas_visit(void *arg, enum body body, const struct schema_field *field);
void schemas_each(const struct schemas *schemas, schemas_visit *visit, void *arg);

/* Which kinds of the client's own objects rules speak of: bits, 1 << enum owner_kind. */
unsigned schemas_own_kinds(const struct schemas *schemas);

/* Whether a body of the same section that stands before this one has a field of this path. */
bool schemas_share(const struct schemas *schemas, enum body body, const char *path);

#endif
