/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: see quota.h.
 *
 * Users are few, so they stand in a plain list; of more than a hundred uids, a look through all of
 * them still costs less than the accept(2) that it follows.
 *
 * The bucket is one time: when it would be full again.  Each token taken moves that on by its share
 * of a minute; a bucket that would need more than a minute to fill is empty.
 */
#include "quota.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define QUOTA_MINUTE_US INT64_C(60000000)

void quota_done(struct quota *quota)
{
    free(quota->users);
    memset(quota, 0, sizeof *quota);
}

static struct quota_user *quota_find(const struct quota *quota, uid_t uid)
{
    for (size_t i = 0; i < quota->user_count; i++)
        if (quota->users[i].uid == uid)
            return &quota->users[i];
    return NULL;
}

unsigned quota_of(const struct quota *quota, uid_t uid)
{
    const struct quota_user *user = quota_find(quota, uid);

    return user == NULL ? 0 : user->connections;
}

static struct quota_user *quota_add(struct quota *quota, uid_t uid)
{
    size_t room = quota->user_room > 0 ? 2 * quota->user_room : 4;

    if (quota->user_count == quota->user_room) {
        struct quota_user *users = reallocarray(quota->users, room, sizeof users[0]);
        if (users == NULL)
            return NULL;
        quota->users = users;
        quota->user_room = room;
    }
    quota->users[quota->user_count] = (struct quota_user){.uid = uid};
    return &quota->users[quota->user_count++];
}

int quota_enter(struct quota *quota, uid_t uid)
{
    struct quota_user *user = quota_find(quota, uid);

    if (user == NULL)
        user = quota_add(quota, uid);
    if (user == NULL)
        return -1;
    user->connections++;
    return 0;
}

void quota_leave(struct quota *quota, uid_t uid)
{
    struct quota_user *user = quota_find(quota, uid);

    assert(user != NULL && user->connections > 0);
    if (--user->connections == 0)
        *user = quota->users[--quota->user_count];
}

/* How long a token takes to come, rounded up: a minute has no more of them than are allowed. */
static int64_t quota_share_us(int64_t per_minute)
{
    assert(per_minute > 0);
    return (QUOTA_MINUTE_US + per_minute - 1) / per_minute;
}

/* When the bucket is full again once another token is taken. */
static int64_t quota_next_us(const struct quota *quota, int64_t per_minute, int64_t now_us)
{
    int64_t from_us = quota->makes_until_us > now_us ? quota->makes_until_us : now_us;

    return from_us + quota_share_us(per_minute);
}

int64_t quota_wait_us(const struct quota *quota, int64_t per_minute, int64_t now_us)
{
    int64_t most_us = per_minute * quota_share_us(per_minute);
    int64_t wait_us = quota_next_us(quota, per_minute, now_us) - now_us - most_us;

    return wait_us > 0 ? wait_us : 0;
}

void quota_make(struct quota *quota, int64_t per_minute, int64_t now_us)
{
    quota->makes_until_us = quota_next_us(quota, per_minute, now_us);
}
