/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_env: `caisson import-env`, the environment of a HAProxy-based socket proxy as a policy.
 */
#ifndef CAISSON_PROXY_IMPORT_ENV_H
#define CAISSON_PROXY_IMPORT_ENV_H

/* argv[0] is the verb. Returns the exit code, or < 0 when the usage is wrong. */
int import_env_run(int argc, char **argv);

#endif
