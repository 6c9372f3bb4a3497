/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request: a run request as JSON becomes a job.
 *
 * {"id":"he-17","image":"python:3.11-slim","cmd":["python3","/code/main.py"],
 *  "files":[{"path":"main.py","text":"..."},{"path":"d/x.bin","b64":"...","mode":"0444"}],
 *  "stdin":{"text":"..."},"env":{"A":"1"},"exec":false,"limits":{"wall_ms":10000,"cpus":0.5,...}}
 *
 * A member that is not known, not of its type, or there twice is an error that names it.
 */
#ifndef EVALUATOR_REQUEST_H
#define EVALUATOR_REQUEST_H

#include "job.h"

/* Reads one request on top of `defaults` and checks it.  The job is given to the caller. */
int request_parse(const char *text, size_t len, const struct job *defaults, struct job **ret_job,
                  struct fault *fault);

#endif
