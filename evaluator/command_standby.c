/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_standby: what the container of the evaluator does while nobody asks it for a run; and
 * command_sweep: its first step alone.
 *
 * As PID 1 it has to reap what others leave behind, and to end on SIGTERM by itself.
 */
#include "command.h"
#include "engine.h"

#include <signal.h>
#include <sys/wait.h>

int command_sweep(struct command *command)
{
    struct engine *engine = command->engine;
    struct fault fault;
    int removed;

    if (engine->trouble.kind) {
        command_say("%s", engine->trouble.text);
        return engine->trouble.kind == TROUBLE_REFUSED ? EXIT_REFUSED : EXIT_SANDBOX;
    }
    removed = engine->ops->sweep(engine, &fault);
    if (removed < 0) {
        command_say("sweep: %s", fault.text);
        return EXIT_SANDBOX;
    }
    command_say("removed %d leftover container%s", removed, removed == 1 ? "" : "s");
    return EXIT_YES;
}

int command_standby(struct command *command)
{
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    (void) command_sweep(command);
    /* the locks of the slots go with the engine: runs are other processes' business */
    engine_close(command->engine);
    command->engine = NULL;
    command_say("ready; run programs with `docker-compose exec evaluator /evaluator run ...`");
    do {
        number = sigwaitinfo(&set, NULL);
        while (number == SIGCHLD && waitpid(-1, NULL, WNOHANG) > 0)
            ;
    } while (number != SIGTERM && number != SIGINT);
    return EXIT_YES;
}
