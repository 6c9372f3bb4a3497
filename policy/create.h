/* SPDX-License-Identifier: Apache-2.0 */
/*
 * create: what is true of the create body as a whole, beside the rules of its fields.
 */
#ifndef CAISSON_POLICY_CREATE_H
#define CAISSON_POLICY_CREATE_H

#include <stdbool.h>

struct json;
struct judge;

/* Before the walk: drops the endpoint entries that say nothing, as every CLI sends one. */
void create_prepare(struct judge *judge, struct json *body);

/*
 * After the walk: checks fields against each other, and stamps the label.
 * out becomes the document to send; false when a check refuses.
 */
bool create_finish(struct judge *judge, const struct json *body, struct json *out);

/* Of the HostConfig that is sent: a quota of CPU time is within its rule in every period, and
 * beside no NanoCpus. */
bool create_check_cpu(struct judge *judge, const struct json *host);

#endif
