/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suggest: the "did you mean" of error messages.
 *
 * Offer every word that would have been right; the nearest one is kept if it is near enough to be a
 * slip of the pen.
 */
#ifndef CAISSON_POLICY_SUGGEST_H
#define CAISSON_POLICY_SUGGEST_H

struct suggest {
    const char *wrong; /* what was written; borrowed */
    const char *best;  /* NULL while nothing near was offered; borrowed */
    unsigned distance; /* of best */
};

/* Begin with = {.wrong = TEXT}. */
void suggest_offer(struct suggest *suggest, const char *word);

#endif
