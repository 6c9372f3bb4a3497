/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows: the rows of the tables of fields, such as create.def, one after another.
 *
 * There are hundreds of them, and each is looked at once, when a schema is built.  So they are kept
 * as nothing but their texts, end to end, without an address that the loader would have to set.
 */
#ifndef CAISSON_POLICY_ROWS_H
#define CAISSON_POLICY_ROWS_H

#include <stdbool.h>
#include <stddef.h>

/* Texts are static; what a row does not say is "". */
struct field_row {
    const char *path;
    const char *rule; /* "": that of the row of a create; see update.def */
    const char *neutral, *risk, *why;
    int type; /* enum type_id */
    unsigned since;
};

/* A walk along a table. */
struct rows {
    int body; /* enum body */
    size_t next;
    const char *texts;
};

/* The rows of a body, none for one that no table describes; and how many there are. */
struct rows rows_begin(int body);
size_t rows_count(int body);
/* False past the last one. */
bool rows_next(struct rows *rows, struct field_row *ret);

#endif
