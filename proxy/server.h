/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: the listening socket, the signals, and the order of start and end.
 */
#ifndef CAISSON_PROXY_SERVER_H
#define CAISSON_PROXY_SERVER_H

#include <stdbool.h>

struct err;
struct listeners;

struct server_options {
    const char *policy;   /* the ini file */
    const char *listen;   /* "unix:PATH", or NULL for [proxy] listen */
    const char *upstream; /* "unix:PATH", or NULL for [proxy] upstream */
    const char *audit;    /* or NULL for [proxy] audit */
    bool accept_risk;     /* a policy may say mode = observe */
};

/* Serves until SIGTERM or SIGINT. Returns 0 then, < 0 when it could not start. */
int server_run(const struct server_options *options, struct err *err);

/* Whether a server for these could not open what their connections may need; for people. */
enum { SERVER_TEXT_BYTES = 240 };
bool server_lacks_descriptors(const struct listeners *listeners, char text[SERVER_TEXT_BYTES]);

#endif
