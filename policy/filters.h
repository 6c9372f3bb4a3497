/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filters: the JSON of an operation's `filters` parameter, judged along filters.def and written
 * anew.
 *
 * A filter is a name with a list of values, {"label": ["a", "b=c"]}; the older form
 * {"label": {"a": true}} means the same.  Several labels are ANDed by every Engine: one more can
 * only make a list shorter.
 */
#ifndef CAISSON_POLICY_FILTERS_H
#define CAISSON_POLICY_FILTERS_H

#include <stdbool.h>
#include <stddef.h>

struct operation;

enum { FILTERS_WRONG_BYTES = 400 };

/*
 * Writes what is sent for the filters of an operation.  label is NULL when the client may see
 * everything; otherwise it is added to the labels, and filters that would tell of things which it
 * does not cover are refused.  text is NULL when the client sent none; "" comes out when no filter
 * is left.  < 0 with *ret_wrong a sentence, "must be ...", or "" when memory is short.
 */
int filters_write(const struct operation *op, const char *text, const char *label, char *out,
                  size_t out_bytes, char ret_wrong[FILTERS_WRONG_BYTES]);

/* Whether a label narrows the operation to what has it. */
bool filters_narrow(const struct operation *op);

/* One row of filters.def, for listings and tests; NULL past the last. Static. */
struct filter_row {
    const char *name;
    const char *words; /* of the form WORDS */
    const char *why;
    unsigned char op; /* enum operation_id */
    unsigned char form;
    bool own; /* may stand beside a label of ours */
};
const struct filter_row *filter_row_at(size_t index);
/* What a row's form accepts, "true or false". Static. */
const char *filter_form_text(const struct filter_row *row);

#endif
