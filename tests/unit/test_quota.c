/* SPDX-License-Identifier: Apache-2.0 */
/* quota: users come and go; a bucket gives its tokens at once, and then one by one. */
#include "quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MINUTE_US INT64_C(60000000)

/* How many tokens can be taken at a time. */
static unsigned take_all(struct quota *quota, int64_t per_minute, int64_t now_us)
{
    unsigned count = 0;

    while (quota_wait_us(quota, per_minute, now_us) == 0) {
        quota_make(quota, per_minute, now_us);
        count++;
    }
    return count;
}

static void a_bucket_is_full_at_first(void **unused)
{
    static const int64_t RATES[] = {1, 2, 7, 59, 60, 61, 3000, 10000};

    (void) unused;
    for (size_t i = 0; i < sizeof RATES / sizeof RATES[0]; i++) {
        struct quota quota = {0};
        assert_int_equal(take_all(&quota, RATES[i], 5), RATES[i]);
        assert_int_equal(take_all(&quota, RATES[i], 5), 0);
    }
}

static void a_token_comes_when_it_was_said(void **unused)
{
    static const int64_t RATES[] = {1, 7, 60, 3000};
    const int64_t start_us = INT64_C(86400000000);

    (void) unused;
    for (size_t i = 0; i < sizeof RATES / sizeof RATES[0]; i++) {
        struct quota quota = {0};
        take_all(&quota, RATES[i], start_us);
        int64_t wait_us = quota_wait_us(&quota, RATES[i], start_us);
        assert_in_range(wait_us, 1, MINUTE_US / RATES[i] + 1);
        assert_int_equal(quota_wait_us(&quota, RATES[i], start_us + wait_us - 1), 1);
        assert_int_equal(take_all(&quota, RATES[i], start_us + wait_us), 1);
    }
}

/* In no minute there are more than twice the tokens of a minute, and in the long run no more. */
static void a_steady_stream_is_no_more_than_the_rate(void **unused)
{
    const int64_t rate = 30;
    struct quota quota = {0};
    unsigned count = 0;

    (void) unused;
    for (int64_t now_us = 0; now_us < 100 * MINUTE_US; now_us += 100000)
        count += take_all(&quota, rate, now_us);
    assert_in_range(count, 100 * rate, 101 * rate);
}

static void a_bucket_fills_while_nobody_asks(void **unused)
{
    struct quota quota = {0};

    (void) unused;
    assert_int_equal(take_all(&quota, 60, 0), 60);
    assert_int_equal(take_all(&quota, 60, MINUTE_US / 2), 30);
    assert_int_equal(take_all(&quota, 60, 1000 * MINUTE_US), 60); /* and never more */
}

/* A reload: what was used stays used, in time. */
static void another_rate_goes_on_from_there(void **unused)
{
    struct quota quota = {0};

    (void) unused;
    take_all(&quota, 60, 0);
    assert_int_equal(take_all(&quota, 600, 0), 0);
    assert_int_equal(take_all(&quota, 600, MINUTE_US / 2), 300);
    assert_int_equal(take_all(&quota, 6, MINUTE_US), 3);
}

static void users_are_counted_apart(void **unused)
{
    struct quota quota = {0};

    (void) unused;
    for (uid_t uid = 0; uid < 100; uid++)
        for (uid_t i = 0; i <= uid; i++)
            assert_int_equal(quota_enter(&quota, uid * 1000), 0);
    for (uid_t uid = 0; uid < 100; uid++)
        assert_int_equal(quota_of(&quota, uid * 1000), uid + 1);
    assert_int_equal(quota_of(&quota, 1), 0);
    for (uid_t uid = 0; uid < 100; uid += 2)
        for (uid_t i = 0; i <= uid; i++)
            quota_leave(&quota, uid * 1000);
    assert_int_equal(quota.user_count, 50);
    for (uid_t uid = 0; uid < 100; uid++)
        assert_int_equal(quota_of(&quota, uid * 1000), uid % 2 == 0 ? 0 : uid + 1);
    quota_done(&quota);
    assert_int_equal(quota_of(&quota, 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_is_full_at_first),
        cmocka_unit_test(a_token_comes_when_it_was_said),
        cmocka_unit_test(a_steady_stream_is_no_more_than_the_rate),
        cmocka_unit_test(a_bucket_fills_while_nobody_asks),
        cmocka_unit_test(another_rate_goes_on_from_there),
        cmocka_unit_test(users_are_counted_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
