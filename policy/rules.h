/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules: what a policy can say of a field, as read from text and as applied to a value.
 *
 *   forbid              only what is absent or neutral passes
 *   allow               anything well formed passes
 *   force V             V is sent, whatever the client says; what it said is named in a warning
 *   default V           V is sent when the client leaves the field neutral
 *   max V, min V        numbers: the value; strings: bytes; lists and maps: elements
 *   one-of A B* !C      the string, each element, each key (or key=value) matches an item; an item
 *                       with '!' excludes, ignoring the case of ASCII letters, and wins.  What
 *                       reaches beyond the container no star matches: see match.h.  `own` is any
 *                       network, or volume, of the client's own
 *
 * A value of several words, or with a comma, is written as JSON: "..", [..], {..}.
 *
 * What passes must be said: where the built-in rule holds anything back, default does not stand
 * alone, nor do max and min unless they bound a number.  What is sent when nothing is asked need
 * not be: unless everything is allowed, the built-in rule's own value stands in, and where that
 * would not pass, something must be asked for (but for true and false, where false could not be
 * told from nothing).
 */
#ifndef CAISSON_POLICY_RULES_H
#define CAISSON_POLICY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json.h"

struct err;
struct field;
struct judge;
struct schema_context;
struct type;

struct rule_item {
    const char *text;
    bool exclude;
    bool literal; /* was written in quotes: a star is a star, and own is a name */
    bool own;     /* stands for what is the client's own; its text begins with "own" */
};

/* What it points to lives in the arena that it was read into. */
struct rule {
    const char *text;   /* the clauses, as written */
    const char *origin; /* "FILE:LINE"; NULL for a built-in rule */
    bool forbid, allow, has_max, has_min;
    int64_t max, min;
    const struct json *force, *fallback; /* fallback: of `default` */
    const char *force_path;  /* `force FIELD`: the name of another field; force is NULL then */
    struct rule_item *items; /* of one-of */
    size_t item_count;
    bool has_pairs; /* some item is about KEY=VALUE */
};

/*
 * Reads clauses for a field of some type.  Contradictions are errors.  What force and default hold
 * is checked as far as the type goes.
 */
int rule_parse(struct arena *arena, const struct type *type, const char *text, const char *origin,
               struct rule *ret, struct err *err);

/*
 * What is sent for a field that the client left neutral: the default, else what makes a bound
 * explicit, else the first plain item of one-of, else the built-in rule's own value if that passes,
 * else nothing, which is NULL.  False when the rule refuses absence.
 */
bool rule_fill(struct judge *judge, const struct field *field, const struct json **ret);

/* The value that makes a rule with a bound explicit: its default, else its max, else its min. */
const struct json *rule_explicit(struct arena *arena, const struct rule *rule);

/* Whether the policy itself wrote this very text, as an item of one-of or as what is sent. */
bool rule_names(const struct rule *rule, const char *text);

/* Whether a negative value means "no limit" under this rule's bounds, so that it is replaced. */
bool rule_must_replace(const struct field *field, const struct json *value);

/*
 * The first string, element or key of a value that one-of does not let pass, or NULL;
 * *ret_excluded is the exclusion that it met, or NULL.  context says what is the client's own;
 * NULL: nothing is.
 */
const char *rule_offender(struct arena *arena, const struct type *type, const struct rule *rule,
                          const struct json *value, const struct schema_context *context,
                          const struct rule_item **ret_excluded);

/* Whether one-of lets one text pass: a string, an element, or a key or KEY=VALUE of a map; with
 * "own" for what is the client's own. */
bool rule_lets(const struct type *type, const struct rule *rule, const char *text);

/* "own:/data" for "mydata:/data", where mydata is the client's own; NULL where nothing is. */
const char *rule_called_own(struct arena *arena, const struct type *type,
                            const struct schema_context *context, const char *text);
/* The enum owner_kind that `own` stands for in rules on this type. */
int rule_own_kind(const struct type *type);

/* Whether one-of would not let a text pass, were it not the client's own. */
bool rule_passes_as_own(const struct type *type, const struct rule *rule, const char *text);

/* Each refuses and returns false when the value is not what its clause says. */
bool rule_forbid(struct judge *judge, const struct field *field);
bool rule_bounds(struct judge *judge, const struct field *field, const struct json *value);
bool rule_one_of(struct judge *judge, const struct field *field, const struct json *value);

#endif
