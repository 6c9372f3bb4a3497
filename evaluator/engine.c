/* SPDX-License-Identifier: Apache-2.0 */
/* engine: picks the engine that the configuration names; see engine.h. */
#include "engine.h"

#include <stddef.h>

struct engine *engine_open(struct event_base *base, const struct engine_conf *conf)
{
    struct trouble trouble = {0};
    struct engine *engine = NULL;

    if (!conf->docker_host || !*conf->docker_host)
        trouble_set(&trouble, TROUBLE_REFUSED, "execution_disabled", false,
                    "DOCKER_HOST is not set; set it to the socket of caisson, for example "
                    "unix:///run/caisson/docker.sock");
    else
        engine = engine_docker_open(base, conf, &trouble);
    return engine ? engine : engine_disabled_open(base, &trouble);
}

void engine_close(struct engine *engine)
{
    if (engine)
        engine->ops->close(engine);
}
