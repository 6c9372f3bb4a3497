/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: the walk of a body along the tree of fields.
 *
 * The body is only read; what is sent grows beside it, in the order of the table.  The first
 * refusal ends the walk.
 */
#ifndef CAISSON_POLICY_JUDGE_H
#define CAISSON_POLICY_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct field;
struct json;
struct schema;
struct schema_context;
struct schema_verdict;

struct judge {
    const struct schema *schema;
    const struct schema_context *context;
    struct arena *arena;            /* of all that is made; whoever owns it asks it for failure */
    struct schema_verdict *verdict; /* reason, field and message of the refusal */
    struct json *warnings;          /* list of strings, or NULL */
    bool refused;
};

enum { JUDGE_WARNINGS_MOST = 32 };

/*
 * What is sent for a field: a value of its own, or the client's or the policy's as it stands. value
 * is NULL when the client did not name it.  Returns NULL when the field is left out, or when
 * judge->refused is set.
 */
const struct json *judge_field(struct judge *judge, const struct field *field,
                               const struct json *value);

/* The same of a parameter of a query, where nothing is neutral but its absence. */
const struct json *judge_parameter(struct judge *judge, const struct field *field,
                                   const struct json *value);

/* The members of one object, or of one element of a list or map: a new object, perhaps empty, or
 * NULL with judge->refused. */
struct json *judge_members(struct judge *judge, const struct field *object,
                           const struct json *value);

/*
 * Shape, known members and formats of a value of the policy's, whatever the rules of the members;
 * refuses like judge_field().
 */
bool judge_value(struct judge *judge, const struct field *field, const struct json *value);

/* Absent, null, empty, or one of the row's own neutral values; an object with only such members. */
bool judge_is_neutral(const struct field *field, const struct json *value);
/* The same for one object out of a list or map of them. */
bool judge_is_neutral_object(const struct field *field, const struct json *value);

/* The first refusal is kept. Returns false, so that a caller can `return judge_refuse(...)`. */
bool judge_refuse(struct judge *judge, int reason, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5), cold));
/* For the create answer's Warnings; "caisson: " is put before it. */
void judge_warn(struct judge *judge, const char *format, ...)
    __attribute__((format(printf, 2, 3), cold));

/* The members of an object in the places of their fields (field.h); NULL with judge->refused when
 * one is no member, or when memory is short. */
const struct json **judge_places(struct judge *judge, const struct field *object,
                                 const struct json *value);

/* The full id of an object (enum owner_kind) of the client's own, or NULL. */
const char *judge_owned(const struct judge *judge, int kind, const char *ref, size_t ref_bytes);

/* "evaluator.ini:21", or "built in". */
const char *judge_origin(const struct field *field);

#endif
