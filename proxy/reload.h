/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reload: the verb that has a running proxy load its policy anew, and tells what became of it.
 */
#ifndef CAISSON_PROXY_RELOAD_H
#define CAISSON_PROXY_RELOAD_H

/* The exit code; < 0: wrong usage. */
int reload_run(int argc, char **argv);

#endif
