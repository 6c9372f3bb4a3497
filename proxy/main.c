/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caisson: a Docker Engine API proxy that lets through what a policy names, and nothing else.
 *
 * The command line, and the program's only exit: 0 yes, 1 no, 2 usage or broken input.
 */
#include "commands.h"
#include "err.h"
#include "healthcheck.h"
#include "listener.h"
#include "listeners.h"
#include "log.h"
#include "server.h"
#include <getopt.h>
#include <string.h>

static int main_fail(const struct err *err)
{
    log_error("%s", err->text);
    return 2;
}

/* < 0: usage. */
static int main_options(int argc, char **argv, struct server_options *options)
{
    static const struct option known[] = {
        {"policy", required_argument, NULL, 'p'},
        {"listen", required_argument, NULL, 'l'},
        {"upstream", required_argument, NULL, 'u'},
        {"audit", required_argument, NULL, 'a'},
        {"verbose", no_argument, NULL, 'v'},
        {"i-accept-the-risk", no_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 'p':
            options->policy = optarg;
            break;
        case 'l':
            options->listen = optarg;
            break;
        case 'u':
            options->upstream = optarg;
            break;
        case 'a':
            options->audit = optarg;
            break;
        case 'r':
            options->accept_risk = true;
            break;
        case 'v':
            log_set_level(LOG_LEVEL_DEBUG);
            break;
        default:
            return -1;
        }
    }
    return optind == argc ? 0 : -1;
}

static int main_serve(const struct server_options *options)
{
    struct err err;

    return server_run(options, &err) < 0 ? main_fail(&err) : 0;
}

/* 0 yes, 1 no, 2 that is no socket. */
static int main_healthcheck_one(const char *address)
{
    struct err err;
    const char *path = listener_path(address, &err);

    if (path == NULL)
        return main_fail(&err);
    if (healthcheck_run(path, &err) == 0)
        return 0;
    log_error("%s: %s", path, err.text);
    return 1;
}

/* All listeners of the policy, or the one that is named. */
static int main_healthcheck(const struct server_options *options)
{
    struct listeners *listeners = NULL;
    struct err err;
    int ret = 0;

    if (options->listen != NULL)
        return main_healthcheck_one(options->listen);
    if (listeners_load(options->policy, NULL, &listeners, &err) < 0)
        return main_fail(&err);
    for (size_t i = 0; ret == 0 && i < listeners_count(listeners); i++)
        ret = main_healthcheck_one(listeners_at(listeners, i)->config.listen);
    listeners_unref(listeners);
    return ret;
}

int main(int argc, char **argv)
{
    struct server_options options = {.policy = COMMANDS_POLICY};
    bool serve = argc > 1 && strcmp(argv[1], "serve") == 0;
    bool healthcheck = argc > 1 && strcmp(argv[1], "healthcheck") == 0;

    if (argc < 2)
        return commands_bad_usage();
    if (commands_asks_help(argc - 1, argv + 1) || (!serve && !healthcheck))
        return commands_run(argc - 1, argv + 1);
    if (main_options(argc - 1, argv + 1, &options) < 0)
        return commands_bad_usage();
    return serve ? main_serve(&options) : main_healthcheck(&options);
}
