/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: what the clients of one listener have at once, or had in the last minute.
 *
 * Only counted here: what is too much, and what is said then, is the business of who asks.  It
 * knows no clock; times are monotonic microseconds, and nothing runs while nobody asks.
 */
#ifndef CAISSON_PROXY_QUOTA_H
#define CAISSON_PROXY_QUOTA_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Zeroed: nothing.  Ends with quota_done(). */
struct quota {
    unsigned requests, streams; /* at the Engine: of `requests` and of `streams` under [limits] */
    size_t body_bytes;          /* of bodies under way, beyond what each of them has for nothing */
    int64_t makes_until_us;     /* the bucket of creates: when it will be full again */
    struct quota_user {
        uid_t uid;
        unsigned connections;
    } * users; /* that have any, in no order */
    size_t user_count, user_room;
};

void quota_done(struct quota *quota);

/* Connections of one user. < 0: no memory. */
int quota_enter(struct quota *quota, uid_t uid);
void quota_leave(struct quota *quota, uid_t uid);
unsigned quota_of(const struct quota *quota, uid_t uid);

/*
 * A bucket of per_minute tokens, which fills in a minute.  _wait() is the time until there is one,
 * 0 when there is; _make() takes it.
 */
int64_t quota_wait_us(const struct quota *quota, int64_t per_minute, int64_t now_us);
void quota_make(struct quota *quota, int64_t per_minute, int64_t now_us);

#endif
