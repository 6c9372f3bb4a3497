/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason: how an exchange ended badly.  One value gives the HTTP status, the word in the audit log
 * and the sentence for people; the rows are in reasons.def.
 */
#ifndef CAISSON_POLICY_REASON_H
#define CAISSON_POLICY_REASON_H

enum reason {
#define REASON(name, status, word, text) REASON_##name,
#include "reasons.def"
#undef REASON
    REASON_COUNT
};

/* HTTP status of the answer, 400 to 599; 0 for REASON_NONE and for ends that have no answer. */
int reason_status(enum reason reason);
/* The audit log's word, such as "operation-not-allowed". Static. */
const char *reason_word(enum reason reason);
/* The sentence when nothing more specific is known. Static. */
const char *reason_text(enum reason reason);

#endif
