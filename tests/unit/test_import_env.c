/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_env: what each variable becomes, and the environments that people have.
 */
#include "../lib/said.h"

/* Imports an environment; what comes out must be a policy. */
static void import(const char *environment)
{
    run_for_policy("import-env", environment);
}

/* Whether the lines of [allow] with a grant are these, in any order. */
static void assert_allows(const char *const *expected)
{
    size_t count = 0, found = 0;
    for (const char *const *line = expected; *line; line++) {
        char text[128];
        count++;
        snprintf(text, sizeof(text), "\n%s    ; ", *line);
        assert_has(text);
    }
    const char *at = strstr(said.out, "\n[allow]\n");
    assert_non_null(at);
    for (at = strchr(at + 1, '\n'); at && at[1] && at[1] != '\n'; at = strchr(at + 1, '\n'))
        found += at[1] != ';';
    if (found != count)
        fail_msg("%zu lines, not %zu:\n%s", found, count, said.out);
}

#define ALLOWS(...) assert_allows((const char *const[]){__VA_ARGS__, NULL})

/* A line, or the comment that stands for one that no policy can have yet. */
static bool brings(const char *line)
{
    char text[2][128];
    snprintf(text[0], sizeof(text[0]), "\n%s", line);
    snprintf(text[1], sizeof(text[1]), "\n; %s", line);
    return strstr(said.out, text[0]) || strstr(said.out, text[1]);
}

/* Every variable alone, without and with POST: a line that it brings, and one that it does not. */
static void every_variable(void **state)
{
    (void) state;
    static const struct {
        const char *variable, *reads, *writes; /* writes: brought by POST=1, too; or NULL */
    } expected[] = {
        {"ALLOW_START", "ContainerStart = any", NULL},
        {"ALLOW_STOP", "ContainerStop = any", NULL},
        {"ALLOW_RESTARTS", "ContainerRestart = any", NULL},
        {"ALLOW_RESTARTS", "ContainerStop = any", NULL},
        {"ALLOW_RESTARTS", "ContainerKill = any", NULL},
        {"ALLOW_PAUSE", "ContainerPause = any", NULL},
        {"ALLOW_UNPAUSE", "ContainerUnpause = any", NULL},
        {"CONTAINERS", "ContainerExport = ", "ContainerCreate = yes"},
        {"CONTAINERS", "ContainerArchive = ", "PutContainerArchive = "},
        {"EXEC", "ExecInspect = any", "ExecStart = any"},
        {"IMAGES", "ImageList = ", "ImageCreate = "},
        {"IMAGES", "ImageInspect = ", "Pull = "},
        {"NETWORKS", "NetworkList = ", "NetworkDelete = "},
        {"VOLUMES", "VolumeList = ", "VolumeUpdate = "},
        {"INFO", "SystemInfo = yes", NULL},
        {"VERSION", "SystemVersion = yes", NULL},
        {"EVENTS", "SystemEvents = ", NULL},
        {"PING", "PING=1: needs no line", NULL},
        {"SYSTEM", "SystemDataUsage = ", NULL},
        {"AUTH", "AUTH=1\n", "SystemAuth = "},
        {"BUILD", "BUILD=1\n", "ImageBuild = "},
        {"COMMIT", "COMMIT=1\n", "ImageCommit = "},
        {"DISTRIBUTION", "DistributionInspect = ", NULL},
        {"GRPC", "GRPC=1\n", "Grpc = yes"},
        {"SESSION", "SESSION=1\n", "Session = "},
        {"PLUGINS", "PluginList = ", "PluginPull = "},
        {"SWARM", "SwarmInspect = ", "SwarmInit = "},
        {"NODES", "NodeList = ", "NodeUpdate = "},
        {"SERVICES", "ServiceList = ", "ServiceCreate = "},
        {"TASKS", "TaskList = ", NULL},
        {"SECRETS", "SecretList = ", "SecretCreate = "},
        {"CONFIGS", "ConfigList = ", "ConfigDelete = "},
    };
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s=1\n", expected[i].variable);
        import(text);
        assert_string_equal(said.err, "");
        assert_true(brings(expected[i].reads));
        if (expected[i].writes)
            assert_false(brings(expected[i].writes));
        snprintf(text, sizeof(text), "%s=1\nPOST=1\n", expected[i].variable);
        import(text);
        assert_string_equal(said.err, "");
        if (expected[i].writes)
            assert_true(brings(expected[i].writes));
        snprintf(text, sizeof(text), "%s=0\nPOST=0\n", expected[i].variable);
        import(text);
        assert_string_equal(said.err, "");
        assert_false(brings(expected[i].reads));
    }
}

static void defaults(void **state)
{
    (void) state;
    import("");
    ALLOWS("SystemVersion = yes", "SystemEvents = any");

    assert_has("\n; PING=1: needs no line");
    assert_non_null(strstr(said.err, "no variable of a socket proxy is set"));
    import("VERSION=0\nEVENTS=0\nPING=0\n");
    assert_allows((const char *const[]){NULL});
    assert_lacks("=1");
}

/* Traefik and Dozzle look at everyone's containers. */
static void traefik(void **state)
{
    (void) state;
    import("CONTAINERS=1\n");
    ALLOWS("ContainerList = any", "ContainerInspect = any", "ContainerTop = any",
           "ContainerLogs = any", "ContainerChanges = any", "ContainerStats = any",
           "ContainerExport = any", "ContainerArchive = any", "ContainerArchiveInfo = any",
           "ContainerAttachWebsocket = any", "SystemEvents = any", "SystemVersion = yes");
    assert_has("so that what reaches containers reaches everyone's");
    assert_lacks("[create]");
}

static const char *const writers[] = {
    "ContainerList = own",
    "ContainerCreate = yes",
    "ContainerInspect = own",
    "ContainerTop = own",
    "ContainerLogs = own",
    "ContainerChanges = own",
    "ContainerStats = own",
    "ContainerResize = own",
    "ContainerStart = own",
    "ContainerStop = own",
    "ContainerRestart = own",
    "ContainerKill = own",
    "ContainerRename = own",
    "ContainerPause = own",
    "ContainerUnpause = own",
    "ContainerAttach = own",
    "ContainerWait = own",
    "ContainerDelete = own",
    "ContainerExec = own",
    "SystemVersion = yes",
    "PutContainerArchive = own",
    "ContainerUpdate = own",
    "ContainerArchive = own",
    "ContainerArchiveInfo = own",
    "ContainerExport = own",
    "ContainerPrune = own",
    "SystemEvents = own",
    "ContainerAttachWebsocket = own",
    NULL,
};

static void watchtower(void **state)
{
    (void) state;
    import("      - CONTAINERS=1\n      - IMAGES=1\n      - POST=1\n");
    assert_has("\nContainerStop = own    ; ");
    assert_has("\nImageCreate = yes    ; pulls an image that Pull under [image] lists");
    assert_has("\n[image]\nShow = allow    ; ");
    assert_has("\n; Pull = one-of ");
    assert_has("\n; Delete = one-of ");
    assert_has("\n[create]\n; The old proxy let any body through: ");
    assert_has("a bind of /, is root on the host.");
    assert_has("\n; Image = one-of ");
    assert_has("\nlifetime = 0 ");
}

static void portainer(void **state)
{
    (void) state;
    import("      CONTAINERS: 1\n      INFO: \"1\"\n      IMAGES: 1\n      NETWORKS: 1\n"
           "      VOLUMES: 1\n      SERVICES: 1\n      TASKS: 1\n      SYSTEM: 1\n"
           "      PLUGINS: 1\n      SECRETS: 1\n      POST: 0 # look, do not touch\n");
    ALLOWS("ContainerList = any", "ContainerInspect = any", "ContainerTop = any",
           "ContainerLogs = any", "ContainerChanges = any", "ContainerStats = any",
           "ContainerExport = any", "ContainerArchive = any", "ContainerArchiveInfo = any",
           "ContainerAttachWebsocket = any", "SystemEvents = any", "SystemDataUsage = yes",
           "ImageList = yes", "ImageInspect = yes", "ImageHistory = yes", "ImageSearch = yes",
           "ImageGet = yes", "ImageGetAll = yes", "ImageAttestations = yes", "ServiceList = yes",
           "ServiceInspect = yes", "ServiceLogs = yes", "TaskList = yes", "TaskInspect = yes",
           "TaskLogs = yes", "PluginList = yes", "GetPluginPrivileges = yes", "PluginInspect = yes",
           "SecretList = yes", "SecretInspect = yes", "SystemInfo = yes", "SystemVersion = yes",
           "NetworkList = any", "NetworkInspect = any", "VolumeList = any", "VolumeInspect = any");
    assert_has("\n[image]\nShow = allow    ; ");
    assert_lacks("VolumeCreate");
    assert_lacks("Pull = ");
}

/* Of networks and volumes, too, only one's own where they can be made; and the rules they need. */
static void runners(void **state)
{
    (void) state;
    import("CONTAINERS=1\nPOST=1\nNETWORKS=1\nVOLUMES=1\nBUILD=1\n");
    assert_has("\nNetworkCreate = yes ");
    assert_has("\nNetworkDelete = own ");
    assert_has("\nVolumePrune = own ");
    assert_has("\n; HostConfig.NetworkMode = one-of none own ");
    assert_has("\n; HostConfig.Binds = one-of own:* ");
    assert_has(
        "\n[image]\n; What is pulled, pushed, tagged, saved or removed must be named first:\n"
        "; Tag = one-of ");
    assert_lacks("Show = ");
    assert_lacks("Pull = ");
    import("NETWORKS=1\nPOST=1\nDISTRIBUTION=1\n");
    assert_has("\nNetworkDelete = own ");
    assert_has("\nSystemEvents = any ");
    assert_has("; No container can be made through this proxy");
    assert_has("\n; Pull = one-of ");
    assert_lacks("\n[create]");
    import("CONTAINERS=1\nPOST=1\n");
    assert_lacks("[image]");
    assert_lacks("HostConfig.");
}

/* Every commented rule that it offers is one that the policy takes. */
static void offers(void **state)
{
    (void) state;
    static char policy[sizeof(said.out)];
    size_t used = 0, opened = 0;
    import("CONTAINERS=1\nPOST=1\nNETWORKS=1\nVOLUMES=1\nIMAGES=1\n");
    for (const char *at = said.out; *at; at = strchr(at, '\n') + 1) {
        bool offered = at[0] == ';' && strcspn(at, "=") < strcspn(at, "\n") &&
                       strstr(at, "one-of") && strstr(at, "one-of") < strchr(at, '\n');
        opened += offered;
        used += (size_t) snprintf(policy + used, sizeof(policy) - used, "%.*s\n",
                                  (int) strcspn(at + 2 * offered, "\n"), at + 2 * offered);
    }
    assert_int_equal(opened, 8);
    run("check", text_file(policy), NULL);
    assert_int_equal(said.code, 0);
    const char *note = strstr(said.out, "is refused, since [");
    assert_has("every ImageLoad is refused, since ["); /* whose names nobody can list */
    assert_null(strstr(note + 1, "is refused, since ["));
}

/* Dashboards with buttons. */
static void homepage(void **state)
{
    (void) state;
    import("export ALLOW_START=1\nALLOW_STOP='1'\nALLOW_RESTARTS=1\nPOST=0\n");
    ALLOWS("ContainerStart = any", "ContainerStop = any", "ContainerRestart = any",
           "ContainerKill = any", "SystemVersion = yes", "SystemEvents = any");
}

/* A line of a policy may stand in it once. */
static void what_two_let_through(void **state)
{
    (void) state;
    import("CONTAINERS=1\nPOST=1\nALLOW_START=1\nALLOW_STOP=1\nALLOW_RESTARTS=1\n");
    assert_allows(writers);
    import("CONTAINERS=1\nPOST=1\nCONTAINERS=0\n");
    ALLOWS("SystemVersion = yes", "SystemEvents = any");
}

static void odd_lines(void **state)
{
    (void) state;
    import("# a comment\n\nPATH=/bin:/usr/bin\nCONTAINER=1\n}\nINFO=\nVERSION=1");
    ALLOWS("SystemVersion = yes", "SystemEvents = any");
    assert_non_null(strstr(said.err, ":3: PATH is no variable"));
    assert_non_null(strstr(said.err, ":4: CONTAINER is no variable"));
    assert_non_null(strstr(said.err, ":5: no NAME=VALUE"));
    assert_null(strstr(said.err, ":6:"));
    run("import-env", text_file("INFO=1\nPOST=yes\n"), NULL);
    assert_said(2, "", ":2: POST is 'yes'; write 0 or 1");
    run("import-env", "/nonexistent", NULL);
    assert_said(2, "", "/nonexistent: cannot open it: No such file or directory");
    run("import-env", "/", NULL);
    assert_said(2, "", "/: cannot read it: Is a directory");
    run("import-env", "--all", NULL);
    assert_said(2, "", "usage: ");
    run("import-env", "a", "b", NULL);
    assert_said(2, "", "usage: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variable), cmocka_unit_test(defaults),
        cmocka_unit_test(traefik),        cmocka_unit_test(watchtower),
        cmocka_unit_test(portainer),      cmocka_unit_test(homepage),
        cmocka_unit_test(runners),        cmocka_unit_test(offers),
        cmocka_unit_test(odd_lines),      cmocka_unit_test(what_two_let_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
