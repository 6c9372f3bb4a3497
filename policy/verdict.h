/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verdict: how far a client could drive a policy, and which lines lead there.
 *
 * Each operation and each field of a body that the policy grants is judged by itself (risk.h), for
 * a program that is root in its container: a uid is no wall.  A pure function of the policy.
 */
#ifndef CAISSON_POLICY_VERDICT_H
#define CAISSON_POLICY_VERDICT_H

#include "risk.h"

struct policy;

enum verdict {
    VERDICT_CONTAINED, /* containers of the client's own, behind their walls */
    VERDICT_HOST_DATA, /* reads or changes what belongs to the host or to others */
    VERDICT_HOST_ROOT  /* root on the host */
};

/* One line that leads somewhere; everything lives as long as the call that shows it. */
struct verdict_line {
    enum risk risk;     /* never RISK_NONE */
    const char *name;   /* the operation, or the field */
    const char *rule;   /* "any", or the clauses */
    const char *origin; /* "FILE:LINE" or "built in" */
    const char *value;  /* a value that leads there; "" where any does */
    const char *why;
};
typedef void verdict_visit(void *arg, const struct verdict_line *line);

/* Shows every line that leads beyond the container, the worst first. visit may be NULL. */
enum verdict verdict_of(const struct policy *policy, verdict_visit *visit, void *arg);

/* What a line of some risk amounts to: network and denial stay contained. */
enum verdict verdict_from_risk(enum risk risk);
/* "contained", "host data", "host root". Static. */
const char *verdict_text(enum verdict verdict);

#endif
