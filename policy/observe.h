/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe: what `mode = observe` makes of a decision.  Private to policy/.
 *
 * What was worked out stays in reason, field and message; what is sent is the request as it came,
 * below a version that both sides speak.  Only what is no plain target is refused here: the bytes
 * around it are message.c's, and written anew as ever.
 */
#ifndef CAISSON_POLICY_OBSERVE_H
#define CAISSON_POLICY_OBSERVE_H

#include "policy.h"

/*
 * After step one: whether the exchange goes on.  A request that no row fits has, as its operation,
 * a row without an id that takes any body and any upgrade, and whose number is OPERATION_COUNT.
 */
bool observe_route(struct policy_decision *decision);

/* After step two: the verdict is POLICY_FORWARD, unless memory is short. */
void observe_forward(struct policy_decision *decision, unsigned api_minor,
                     const struct owner_table *owned, const char *body, size_t body_bytes);

#endif
