/* SPDX-License-Identifier: Apache-2.0 */
/* docker_body: the JSON that goes to a Docker Engine and comes back. */
#ifndef EVALUATOR_DOCKER_BODY_H
#define EVALUATOR_DOCKER_BODY_H

#include "bundle.h"

/* The container's id or name is never longer. */
#define DOCKER_ID_SIZE 65

/* The body of a create; to be freed by the caller. */
char *docker_body_create(const struct job *job, const struct bundle *bundle);

/* {"Id":"..."}; false unless the id is made of letters and digits. */
bool docker_body_read_id(const char *text, size_t len, char ret_id[DOCKER_ID_SIZE]);

/* {"StatusCode":n,"Error":null}; false when it is something else, with the engine's error. */
bool docker_body_read_status(const char *text, size_t len, int *ret_status, struct fault *error);

/* The "message" of an error answer; the text itself when it is no such JSON. */
void docker_body_read_message(const char *text, size_t len, struct fault *ret_message);

/* N of the last "API version is 1.N" in a message, or 0: an engine that refuses our version. */
int docker_body_read_minor(const char *message);

#endif
