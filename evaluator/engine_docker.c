/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine_docker: a Docker Engine behind a Unix socket, by five operations: create, start, logs,
 * wait and delete.
 *
 * Who answers at the socket is asked, not guessed from its path: caisson says so in its Server
 * header, and anything else is a raw engine, which only --allow-raw-socket accepts.
 */
#include "docker_body.h"
#include "docker_http.h"
#include "docker_run.h"
#include "mem.h"
#include "slots.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define DOCKER_MINOR_DEFAULT 41
#define DOCKER_ASK_MS        5000
#define DOCKER_SCHEME        "unix://"

/* The answer to one request, waited for. */
struct reply {
    bool over;
    enum http_end end;
    int status;
    char server[64];
    struct fault message; /* why there is no answer, or what an error answer says */
};

static void on_reply(void *context, const struct http_answer *answer)
{
    struct reply *reply = context;

    reply->over = true;
    reply->end = answer->end;
    reply->status = answer->status;
    (void) snprintf(reply->server, sizeof(reply->server), "%s", answer->server);
    if (answer->end == HTTP_ANSWERED)
        docker_body_read_message(answer->body, answer->body_len, &reply->message);
    else
        fault_set(&reply->message, "%s", answer->trouble);
}

/* Runs the loop until the answer is there. */
static struct reply docker_ask(struct docker *docker, const char *method, const char *target)
{
    struct reply reply = {.over = false};
    const struct http_request request = {
        .method = method,
        .target = target,
        .timeout_ms = DOCKER_ASK_MS,
        .context = &reply,
        .on_end = on_reply,
    };

    (void) http_send(docker->client, &request);
    while (!reply.over)
        event_base_loop(docker->base, EVLOOP_ONCE);
    return reply;
}

static int docker_sweep_slot(struct docker *docker, const char *name, struct fault *fault)
{
    for (int tries = 0; tries < 2; tries++) {
        char *target = mem_format("/v1.%d/containers/%s?force=1&v=1", docker->minor, name);
        struct reply reply = docker_ask(docker, "DELETE", target);
        int minor = reply.status == 400 ? docker_body_read_minor(reply.message.text) : 0;

        free(target);
        if (reply.end == HTTP_ANSWERED && (reply.status == 204 || reply.status == 404))
            return reply.status == 204;
        if (!minor)
            return fault_set(fault, "%s: %s", name, reply.message.text);
        docker->minor = minor;
    }
    return fault_set(fault, "%s: the engine takes no API version that it names", name);
}

static int docker_sweep(struct engine *engine, struct fault *fault)
{
    struct docker *docker = (struct docker *) engine;
    struct slot *taken[SLOTS_MAX];
    size_t count = 0;
    int removed = 0;

    while (count < SLOTS_MAX && (taken[count] = slots_take(docker->slots)))
        count++;
    for (size_t k = 0; k < count; k++) {
        int r = removed < 0 ? -1 : docker_sweep_slot(docker, taken[k]->name, fault);

        taken[k]->clean = r >= 0;
        removed = r < 0 ? -1 : removed + r;
        slots_give_back(docker->slots, taken[k]);
    }
    return removed;
}

static void docker_close(struct engine *engine)
{
    struct docker *docker = (struct docker *) engine;

    http_client_free(docker->client);
    slots_free(docker->slots);
    free(docker);
}

static const struct engine_ops docker_ops = {
    .name = "docker",
    .submit = docker_run_begin,
    .cancel = docker_run_cancel,
    .sweep = docker_sweep,
    .close = docker_close,
};

/* The path in DOCKER_HOST, or NULL with the trouble set. */
static const char *socket_path(const char *host, struct trouble *trouble)
{
    const char *path = host + strlen(DOCKER_SCHEME);

    if (strncmp(host, DOCKER_SCHEME, strlen(DOCKER_SCHEME)) || *path != '/') {
        trouble_set(trouble, TROUBLE_REFUSED, "execution_disabled", false,
                    "DOCKER_HOST=%.100s is not used, only Unix sockets are; set it to the socket "
                    "of caisson, for example unix:///run/caisson/docker.sock",
                    host);
        return NULL;
    }
    if (strlen(path) >= sizeof(((struct sockaddr_un *) NULL)->sun_path)) {
        trouble_set(trouble, TROUBLE_REFUSED, "execution_disabled", false,
                    "DOCKER_HOST names a path too long for a socket");
        return NULL;
    }
    return path;
}

/* Asks who is there; the trouble is set when it is no one, or no one to work with. */
static void docker_identify(struct docker *docker, const struct engine_conf *conf,
                            struct trouble *trouble)
{
    struct reply reply = docker_ask(docker, "GET", "/_ping");

    if (reply.end != HTTP_ANSWERED) {
        trouble_set(trouble, TROUBLE_SANDBOX, "engine_unavailable", true,
                    "nothing answers at DOCKER_HOST=%.150s: %s", conf->docker_host,
                    reply.message.text);
        return;
    }
    docker->engine.raw = strncmp(reply.server, "caisson", strlen("caisson"));
    if (docker->engine.raw && !conf->allow_raw_socket)
        trouble_set(trouble, TROUBLE_REFUSED, "execution_disabled", false,
                    "DOCKER_HOST=%.150s is a raw engine socket (Server: %s), which is root on its "
                    "machine; put caisson in front and name its socket, or pass "
                    "--allow-raw-socket",
                    conf->docker_host, reply.server);
    else if (docker->engine.raw && reply.status != 200)
        trouble_set(trouble, TROUBLE_SANDBOX, "engine_unavailable", true,
                    "the engine answers %d to a ping: %s", reply.status, reply.message.text);
}

static void docker_find_slots(struct docker *docker, const struct engine_conf *conf,
                              struct trouble *trouble)
{
    const char *folder = slots_default_folder();
    struct fault fault;
    struct slot *slot;

    if (slots_new(folder, conf->instance, &docker->slots, &fault) < 0) {
        trouble_set(trouble, TROUBLE_REFUSED, "execution_disabled", false, "%s", fault.text);
        return;
    }
    slot = slots_take(docker->slots);
    if (!slot)
        trouble_set(trouble, TROUBLE_SANDBOX, "no_slot", true,
                    "no lock can be taken in %.150s for a name ev-%s-N; is it writable?", folder,
                    slots_instance(docker->slots));
    else
        slots_give_back(docker->slots, slot);
}

struct engine *engine_docker_open(struct event_base *base, const struct engine_conf *conf,
                                  struct trouble *trouble)
{
    const char *path = socket_path(conf->docker_host, trouble);
    struct docker *docker;

    if (!path)
        return NULL;
    docker = mem_alloc(sizeof(*docker));
    docker->engine.ops = &docker_ops;
    docker->base = base;
    docker->client = http_client_new(base, path);
    docker->minor = DOCKER_MINOR_DEFAULT;
    docker_identify(docker, conf, trouble);
    if (!trouble->kind)
        docker_find_slots(docker, conf, trouble);
    if (trouble->kind) {
        docker_close(&docker->engine);
        return NULL;
    }
    return &docker->engine;
}
