/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operation, reason, suggest: what the tables promise to those who read them.
 */
#include "operation.h"

#include "reason.h"
#include "suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void rows_are_found_by_id(void **state)
{
    (void) state;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        assert_int_equal(op->number, i);
        assert_ptr_equal(operation_find(op->id), op);
        assert_true(strlen(op->path) < 256); /* route.c keeps the length in a byte */
    }
    assert_null(operation_find(""));
    assert_null(operation_find("containerstart"));
    assert_null(operation_find("ContainerStart "));
}

/* What no code can do yet must not be something that a policy can ask for. */
static void grants_are_possible(void **state)
{
    (void) state;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *op = operation_get((enum operation_id) i);
        assert_true(op->why[0] != '\0');
        assert_int_equal(op->object == OBJECT_NONE, strchr(op->path, '{') == NULL);
        if (op->grants == GRANT_NO)
            continue;
        assert_int_not_equal(op->body, BODY_UNJUDGED);
        assert_true(op->object < OBJECT_COUNT);
        /* Images have no owner; a commit names its container in the query. */
        bool has_own = op->object == OBJECT_CONTAINER || op->object == OBJECT_EXEC ||
                       op->object == OBJECT_NETWORK || op->object == OBJECT_VOLUME ||
                       i == OPERATION_ContainerList || i == OPERATION_NetworkList ||
                       i == OPERATION_NetworkPrune || i == OPERATION_VolumeList ||
                       i == OPERATION_VolumePrune || i == OPERATION_ImageCommit ||
                       i == OPERATION_ContainerPrune || i == OPERATION_SystemEvents;
        assert_int_equal(op->grants, has_own ? GRANT_OWN | GRANT_ANY : GRANT_YES);
        if (op->reply == REPLY_HIJACK) /* the policy says so in each decision */
            assert_true(i == OPERATION_ContainerAttach || i == OPERATION_ExecStart ||
                        i == OPERATION_ContainerAttachWebsocket ||
                        strcmp(operation_protocol(op), "h2c") == 0);
    }
}

static void the_default_five_are_grantable(void **state)
{
    (void) state;
    assert_int_equal(operation_get(OPERATION_ContainerCreate)->grants, GRANT_YES);
    assert_int_equal(operation_get(OPERATION_ContainerStart)->grants, GRANT_OWN | GRANT_ANY);
    assert_int_equal(operation_get(OPERATION_ContainerWait)->grants, GRANT_OWN | GRANT_ANY);
    assert_int_equal(operation_get(OPERATION_ContainerLogs)->grants, GRANT_OWN | GRANT_ANY);
    assert_int_equal(operation_get(OPERATION_ContainerDelete)->grants, GRANT_OWN | GRANT_ANY);
    assert_int_equal(operation_get(OPERATION_ContainerWait)->reply, REPLY_STREAM);
    assert_int_equal(operation_get(OPERATION_ContainerLogs)->reply, REPLY_STREAM);
    assert_int_equal(operation_get(OPERATION_ServiceCreate)->grants, GRANT_NO);
    assert_string_equal(operation_protocol(operation_get(OPERATION_ContainerAttachWebsocket)),
                        "websocket");
    assert_string_equal(operation_protocol(operation_get(OPERATION_Session)), "h2c");
    assert_string_equal(operation_protocol(operation_get(OPERATION_ContainerAttach)), "tcp");
    assert_int_equal(operation_get(OPERATION_ContainerExec)->reply, REPLY_EXEC);
}

static void methods_have_names(void **state)
{
    (void) state;
    assert_string_equal(method_name(METHOD_OTHER), "?");
    assert_string_equal(method_name(METHOD_GET), "GET");
    assert_string_equal(method_name(METHOD_HEAD), "HEAD");
    assert_string_equal(method_name(METHOD_POST), "POST");
    assert_string_equal(method_name(METHOD_PUT), "PUT");
    assert_string_equal(method_name(METHOD_DELETE), "DELETE");
}

static void reasons_are_whole(void **state)
{
    (void) state;
    assert_int_equal(REASON_UNDECIDED, 0);
    assert_int_equal(reason_status(REASON_UNDECIDED), 500);
    assert_string_equal(reason_word(REASON_NONE), "none");
    assert_int_equal(reason_status(REASON_NOT_OWNED), 404);
    assert_int_equal(reason_status(REASON_FIELD_REFUSED), 403); /* a 404 makes a CLI pull images */
    for (int i = 0; i < REASON_COUNT; i++) {
        int status = reason_status((enum reason) i);
        assert_true(status == 0 || (status >= 400 && status <= 599));
        if (status)
            assert_true(reason_text((enum reason) i)[0] != '\0');
        for (int j = 0; j < i; j++)
            assert_string_not_equal(reason_word((enum reason) i), reason_word((enum reason) j));
    }
}

static const char *suggestion(const char *wrong)
{
    static const char *const words[] = {"ContainerLogs", "ContainerList", "ContainerStart",
                                        "SystemPing",    "listen",        "owner"};
    struct suggest suggest = {.wrong = wrong};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        suggest_offer(&suggest, words[i]);
    return suggest.best ? suggest.best : "";
}

static void slips_are_recognised(void **state)
{
    (void) state;
    assert_string_equal(suggestion("ContainerLog"), "ContainerLogs");
    assert_string_equal(suggestion("containerlogs"), "ContainerLogs");
    assert_string_equal(suggestion("ContainrStart"), "ContainerStart");
    assert_string_equal(suggestion("ContainerStrat"), "ContainerStart");
    assert_string_equal(suggestion("listn"), "listen");
    assert_string_equal(suggestion("wner"), "owner");
    assert_string_equal(suggestion("x"), "");
    assert_string_equal(suggestion("VolumeCreate"), "");
    assert_string_equal(suggestion(""), "");
    char lengthy[200];
    memset(lengthy, 'o', sizeof(lengthy) - 1);
    lengthy[sizeof(lengthy) - 1] = '\0';
    assert_string_equal(suggestion(lengthy), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_id),
        cmocka_unit_test(grants_are_possible),
        cmocka_unit_test(the_default_five_are_grantable),
        cmocka_unit_test(methods_have_names),
        cmocka_unit_test(reasons_are_whole),
        cmocka_unit_test(slips_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
