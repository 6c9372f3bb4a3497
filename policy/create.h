/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create: what is true of the create body as a whole, beside the rules of its fields.
 */
#ifndef CAISSON_POLICY_CREATE_H
#define CAISSON_POLICY_CREATE_H

#include <stdbool.h>

struct json_t;
struct judge;
struct schema;

/* Before the walk: drops the endpoint entries that say nothing, as every CLI sends one. */
void create_prepare(const struct schema *schema, struct json_t *body);

/*
 * After the walk: checks fields against each other, and stamps the label.
 * *out is replaced by the document to send; false when a check refuses.
 */
bool create_finish(struct judge *judge, const struct json_t *body, struct json_t **out);

/* Of what is sent: a quota of CPU time is within its rule in every period, and beside no NanoCpus.
 */
bool create_check_cpu(struct judge *judge, const struct json_t *out);

#endif
