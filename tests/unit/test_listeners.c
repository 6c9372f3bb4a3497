/* SPDX-License-Identifier: Apache-2.0 */
/* listeners: what a main file and the files that it names come to, and what is wrong with them. */
#include "listeners.h"

#include "err.h"
#include "operation.h"
#include "policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder with a main file and one that it may name. */
struct folder {
    char path[64], main[96], other[96];
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void folder_make(struct folder *folder, const char *main, const char *other)
{
    strcpy(folder->path, "/tmp/caisson-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    snprintf(folder->main, sizeof(folder->main), "%s/main.ini", folder->path);
    snprintf(folder->other, sizeof(folder->other), "%s/other.ini", folder->path);
    write_file(folder->main, main);
    write_file(folder->other, other);
}

static void folder_remove(const struct folder *folder)
{
    unlink(folder->main);
    unlink(folder->other);
    rmdir(folder->path);
}

#define OTHER "[allow]\nContainerStart = own\n[limits]\ncontainers = 7\n"

/* Loads and expects success. */
static struct listeners *load(const char *main, const char *other, const char *listen)
{
    struct folder folder;
    struct listeners *listeners = NULL;
    struct err err = {""};
    folder_make(&folder, main, other);
    int rc = listeners_load(folder.main, listen, &listeners, &err);
    folder_remove(&folder);
    if (rc < 0)
        fail_msg("%s", err.text);
    return listeners;
}

static void one_by_default(void **state)
{
    struct listeners *listeners = load("[proxy]\nlisten-mode = 0600\nowner = me\n", OTHER, NULL);
    const struct listeners_entry *entry = listeners_at(listeners, 0);
    (void) state;
    assert_int_equal(listeners_count(listeners), 1);
    assert_false(listeners_are_named(listeners));
    assert_string_equal(entry->name, "default");
    assert_string_equal(entry->config.listen, "unix:/run/caisson/docker.sock");
    assert_string_equal(entry->config.owner, "me");
    assert_int_equal(entry->config.listen_mode, 0600);
    assert_ptr_equal(entry->policy, listeners_main(listeners));
    assert_null(listeners_warning(listeners, 0));
    listeners_unref(listeners);
}

static void each_is_complete(void **state)
{
    struct listeners *listeners = load("[listener a]\nlisten = unix:/a\npolicy = other.ini\n"
                                       "[allow]\nContainerLogs = own\n"
                                       "[listener b]\nlisten = unix:/b\nowner = c\npeers = uid:1\n",
                                       OTHER, NULL);
    const struct listeners_entry *a = listeners_find(listeners, "a");
    const struct listeners_entry *b = listeners_find(listeners, "c");
    (void) state;
    assert_int_equal(listeners_count(listeners), 2);
    assert_true(listeners_are_named(listeners));
    assert_string_equal(a->config.owner, "a");
    assert_int_equal(a->config.listen_mode, 0660);
    assert_int_equal(policy_grant(a->policy, OPERATION_ContainerStart), GRANT_OWN);
    assert_int_equal(policy_config(a->policy)->containers, 7);
    assert_string_equal(b->name, "b");
    assert_string_equal(b->config.peers, "uid:1");
    assert_int_equal(policy_grant(b->policy, OPERATION_ContainerStart), GRANT_NO);
    assert_int_equal(policy_grant(b->policy, OPERATION_ContainerLogs), GRANT_OWN);
    assert_string_not_equal(policy_version(a->policy), policy_version(b->policy));
    assert_null(listeners_find(listeners, "default"));
    listeners_unref(listeners);
}

/* [proxy] listen, or the command line's, makes the default listener one more, and the first. */
static void the_default_beside_others(void **state)
{
    static const char *const flags[] = {NULL, "unix:/flag"};
    (void) state;
    for (int i = 0; i < 2; i++) {
        struct listeners *listeners =
            load(i == 0 ? "[listener a]\nlisten = unix:/a\n[proxy]\nlisten = unix:/p\n"
                        : "[listener a]\nlisten = unix:/a\n",
                 OTHER, flags[i]);
        assert_int_equal(listeners_count(listeners), 2);
        assert_string_equal(listeners_at(listeners, 0)->name, "default");
        assert_string_equal(listeners_at(listeners, 0)->config.listen,
                            i == 0 ? "unix:/p" : "unix:/flag");
        assert_string_equal(listeners_at(listeners, 1)->name, "a");
        listeners_unref(listeners);
    }
}

/* A number that another one bounds. */
static void limits_that_bound_each_other(void **state)
{
    static const struct {
        const char *limits, *said; /* NULL: nothing */
    } rows[] = {
        {"connections = 10000", "main.ini:2: 'connections' is 10000, but 'connections-per-user' is "
                                "192: one user gets no more of them; raise that, too"},
        {"connections = 10000\nconnections-per-user = 100", NULL},
        {"connections = 10", NULL},
        {"connections-per-user = 500", "main.ini:2: 'connections-per-user' is 500, but "
                                       "'connections' is 256: of all users"},
        {"requests = 257", "'requests' is 257, but 'connections' is 256: each connection"},
        {"streams = 300", "'streams' is 300, but 'connections' is 256: each stream"},
        {"connections = 300\nconnections-per-user = 300\nstreams = 300", NULL},
        {"containers = 65", "'containers' is 65, but 'streams' is 128: to wait"},
        {"containers = 64", NULL},
        {"containers = 65\nstreams = 100", NULL},
        {"bodies = 1MiB",
         "main.ini:2: 'body' is 3145728, but 'bodies' is 1048576: that is for all"},
        {"bodies = 4MiB\nbody = 5MiB", "main.ini:3: 'body' is 5242880, but 'bodies' is 4194304"},
        {"target = 32KiB", "'target' is 32768, but 'head' is 16384: a target"},
        {"target = 32KiB\nhead = 40KiB", NULL},
        {"head = 2KiB", "main.ini:2: 'target' is 4096, but 'head' is 2048: a target"},
    };
    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text), "[limits]\n%s\n", rows[i].limits);
        struct listeners *listeners = load(text, "", NULL);
        const char *said = listeners_warning(listeners, 0);
        if (!said != !rows[i].said || (said && !strstr(said, rows[i].said)))
            fail_msg("%s: %s", rows[i].limits, said ? said : "nothing is said");
        assert_null(said ? listeners_warning(listeners, 1) : NULL);
        listeners_unref(listeners);
    }
    /* The numbers of a listener with a file of its own are those that stand there. */
    struct listeners *listeners = load("[listener a]\nlisten = unix:/a\npolicy = other.ini\n"
                                       "[limits]\nstreams = 100\n",
                                       "[limits]\ncontainers = 65\n", NULL);
    const char *said = listeners_warning(listeners, 0);
    assert_non_null(said);
    assert_non_null(strstr(said, "other.ini:2: 'containers' is 65, but 'streams' is 128: to wait"));
    assert_null(listeners_warning(listeners, 1));
    listeners_unref(listeners);
}

static void what_has_no_effect(void **state)
{
    static const char *const expected[] = {"/main.ini:2: 'owner' has", "/other.ini:2: 'listen' has",
                                           "/other.ini:3: 'audit' has"};
    struct listeners *listeners =
        load("[proxy]\nowner = x\nupstream = unix:/e\n[listener a]\nlisten = unix:/a\n"
             "policy = other.ini\n",
             "[proxy]\nlisten = unix:/x\naudit = none\napi-floor = 1.41\n", NULL);
    (void) state;
    for (size_t i = 0; i < 3; i++) {
        const char *warning = listeners_warning(listeners, i);
        assert_non_null(warning);
        if (!strstr(warning, expected[i]))
            fail_msg("%s", warning);
    }
    assert_null(listeners_warning(listeners, 3));
    assert_int_equal(policy_config(listeners_at(listeners, 0)->policy)->api_floor, 41);
    listeners_unref(listeners);
}

/* The same bytes are the same version, whatever the file is called. */
static void versions(void **state)
{
    struct listeners *one = load(OTHER, OTHER, NULL), *two = load(OTHER, "", NULL);
    struct listeners *three = load(OTHER "; a word\n", "", NULL);
    (void) state;
    assert_string_equal(policy_version(listeners_main(one)), policy_version(listeners_main(two)));
    assert_string_not_equal(policy_version(listeners_main(one)),
                            policy_version(listeners_main(three)));
    assert_int_equal(strlen(policy_version(listeners_main(one))), CONFIG_VERSION_BYTES);
    listeners_unref(one);
    listeners_unref(two);
    listeners_unref(three);
}

static void peers(void **state)
{
    static const struct {
        const char *text, *found;
    } cases[] = {
        {"", ""},
        {"uid:0", "u0 "},
        {"  uid:root\t gid:998  ", "uroot g998 "},
    };
    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *at = cases[i].text;
        struct config_peer peer;
        char found[128] = "";
        while (config_peer_next(&at, &peer))
            snprintf(found + strlen(found), sizeof(found) - strlen(found), "%c%s ",
                     peer.is_group ? 'g' : 'u', peer.name);
        assert_string_equal(found, cases[i].found);
    }
}

static void wrong_peers(void **state)
{
    static const char *const cases[] = {
        "root",
        "uid:",
        "uid: 1",
        "uid:1,gid:2",
        "user:1",
        "uid:a:b",
        "uid:1 x",
        "UID:1",
        "gid:",
        "uid:1;gid:2 gid:",
        "uid:0123456789012345678901234567890123456789012345678901234567890123456789",
    };
    struct config_listener listener;
    struct err err;
    (void) state;
    assert_int_equal(config_listener_init(&listener, &err), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (config_listener_set(&listener, "peers", cases[i], 1, &err) == 0)
            fail_msg("'%s' is taken", cases[i]);
    assert_string_equal(listener.peers, "");
    config_listener_done(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_by_default),
        cmocka_unit_test(each_is_complete),
        cmocka_unit_test(the_default_beside_others),
        cmocka_unit_test(what_has_no_effect),
        cmocka_unit_test(limits_that_bound_each_other),
        cmocka_unit_test(versions),
        cmocka_unit_test(peers),
        cmocka_unit_test(wrong_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
