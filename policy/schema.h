/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: the fields that a JSON body may have, each with its type and its rule, as a tree.
 *
 * The tree is built from a table of schemas.def, whose rows carry the built-in rules; a policy file
 * then sets rules of its own.  Judging a body walks body and tree together and builds the document
 * that is sent instead: nothing is copied that no row describes.
 */
#ifndef CAISSON_POLICY_SCHEMA_H
#define CAISSON_POLICY_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct schema;

/* The section of the policy file with the rules of a body (enum body); NULL for a body that no
 * table describes. Static. */
const char *schema_section(int body);
/* Whether a body has a field of this name itself, not within another field. */
bool schema_names(int body, const char *name, size_t bytes);
/* The schema of a body, which must be described, under its built-in rules; NULL when memory is
 * short. */
struct schema *schema_new(int body);
void schema_free(struct schema *schema); /* NULL is fine */

/*
 * Replaces the rule of one field.  path is spelt as in the table ("HostConfig.Memory",
 * "HostConfig.Mounts[].Type"); text is rule clauses ("max 256MiB, default 100MiB"); origin is
 * "FILE:LINE", copied, for refusals.  The error says what would be right, without FILE:LINE.
 */
int schema_set_rule(struct schema *schema, const char *path, const char *text, const char *origin,
                    struct err *err);

/* What a verdict depends on beside body and rules. */
struct schema_context {
    unsigned api_minor; /* fields newer than 1.api_minor must be neutral */
    unsigned depth;     /* deepest nesting that is read */
    const char *file;   /* the policy's name, for messages: "evaluator.ini" */
    /* The full id of an object (enum owner_kind) of the client's own; NULL when it has none of that
     * name. */
    const char *(*owned)(const void *arg, int kind, const char *ref, size_t ref_bytes);
    const void *owned_arg;
    const char *label_key; /* of a create: stamped into Labels last; no client may use it */
    const char *label_value;
    const char *network; /* the full id of the network that the path names; or NULL */
};

struct schema_verdict {
    int reason;        /* enum reason; REASON_NONE when the body passes */
    char field[160];   /* the field that a refusal names */
    char message[640]; /* the refusal, for people */
    char image[256];   /* the body's Image, whatever became of it, as image.h spells it; "" when it
                          names none, or one that is longer */
    char name[65];     /* the Name that is sent, or was asked for; "" for none, or a longer one */
    char *body;        /* what is sent: canonical JSON. Owned */
    size_t body_bytes;
    char *warnings; /* what was forced: a JSON array of strings as text; NULL for none. Owned */
    char *asked; /* what was asked for, whatever became of it: asked.h; NULL for nothing. Owned */
};

/* Judges one body; ret must be zeroed and is ended with schema_verdict_done(). */
void schema_judge(const struct schema *schema, const struct schema_context *context,
                  const char *body, size_t body_bytes, struct schema_verdict *ret);
/* The same of one text as the value of one field that stands outside of any body; ret->body is then
 * the text that is sent, not JSON. */
void schema_judge_text(const struct schema *schema, const struct schema_context *context,
                       const char *path, const char *text, struct schema_verdict *ret);
void schema_verdict_done(struct schema_verdict *verdict);

/* Whether there is a field of this path. */
bool schema_has(const struct schema *schema, const char *path);
/* Which kinds of the client's own objects its rules speak of: bits, 1 << enum owner_kind. */
unsigned schema_own_kinds(const struct schema *schema);
/* An error for a path that none of some schemas has, with the nearest one. Always < 0. */
int schema_no_such_field(const struct schema *const *schemas, size_t count, const char *path,
                         struct err *err);

/* For the reference, the lints and the tests: every field with its type and its rule in force. */
struct schema_field {
    const char *path, *type, *rule, *origin, *why; /* origin: "built in" or FILE:LINE */
    unsigned since;                                /* API 1.since brought it */
};
typedef void schema_visit(void *arg, const struct schema_field *field);
void schema_each(const struct schema *schema, schema_visit *visit, void *arg);

#endif
