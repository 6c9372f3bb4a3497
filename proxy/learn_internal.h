/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn_internal: what learn.c and learn_policy.c share; nobody else includes it.
 *
 * learn.c         the verb; audit logs are read, and what they saw is counted
 * learn_policy.c  what was counted is written as a policy
 */
#ifndef CAISSON_PROXY_LEARN_INTERNAL_H
#define CAISSON_PROXY_LEARN_INTERNAL_H

#include "arena.h"
#include "reason.h"
#include "schemas.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json;

enum {
    LEARN_TIME_BYTES = 20,     /* 2026-01-02T03:04:05Z */
    LEARN_NAMES_MOST = 1024,   /* fields, images, or values of a field, that are told apart */
    LEARN_SAID_MOST = 20,      /* complaints about lines, before they are only counted */
    LEARN_RULE_BYTES = 3 << 10 /* of images in one line; a line of a policy has a bound */
};

/* How often, and when. */
struct learn_seen {
    unsigned long allowed, refused;
    char first[LEARN_TIME_BYTES + 1], last[LEARN_TIME_BYTES + 1];
};

/* An image, or a field of a body with the values that were asked of it. */
struct learn_name {
    char *text;
    struct learn_seen seen;
    struct json *values; /* a list, each once; NULL for none */
    int64_t most;        /* elements in one body */
};

struct learn_names {
    struct learn_name *items;
    size_t count;
};

struct learn {
    struct learn_seen operations[OPERATION_COUNT];
    unsigned long observed[OPERATION_COUNT]; /* of the requests that went */
    unsigned long foreign[OPERATION_COUNT];  /* how often it reached what was not made here */
    struct learn_seen held[OPERATION_COUNT]; /* allowed as such, but refused for a field */
    unsigned long reasons[REASON_COUNT];     /* of refusals that no line would change */
    struct learn_names fields[BODY_COUNT];  /* what was asked for, in the first body of a section */
    struct learn_names refused[BODY_COUNT]; /* fields that were refused, without their values */
    struct learn_names images;
    struct arena arena;     /* of the values */
    struct schemas schemas; /* under the built-in rules; takes the rules that are learnt */
    unsigned oldest_minor;  /* of the API; 0: none was said */
    unsigned long lines, lost, cut, complaints;
    const char *as;   /* the listener or owner whose lines count; NULL: all */
    const char *path; /* of the log that is being read */
    unsigned long line;
    bool made[OBJECT_COUNT]; /* something of that kind was */
    bool as_it_ran;          /* what was left out may be left out again */
    bool failed;             /* out of memory */
};

/* The kind of objects that an operation deals with: also of lists, which name none. */
enum object learn_kind(const struct operation *op);
const struct learn_name *learn_find(const struct learn_names *names, const char *text);
/* What was learnt, on the standard output. */
void learn_print(struct learn *learn);

#endif
