/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account: see account.h. What is all digits is a number, whether or not anybody has it.
 */
#include "account.h"
#include "err.h"
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static bool account_number(const char *text, long *ret_number)
{
    char *end;

    errno = 0;
    *ret_number = strtol(text, &end, 10);
    return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' &&
           *ret_number < UINT32_MAX; /* which would mean "nobody at all" */
}

int account_user(const char *name, uid_t *ret_uid, struct err *err)
{
    const struct passwd *user;
    long number;

    if (account_number(name, &number)) {
        *ret_uid = (uid_t) number;
        return 0;
    }
    user = getpwnam(name);
    if (user == NULL)
        return err_set(err, "there is no user '%s'; a number works always", name);
    *ret_uid = user->pw_uid;
    return 0;
}

int account_group(const char *name, gid_t *ret_gid, struct err *err)
{
    const struct group *group;
    long number;

    if (account_number(name, &number)) {
        *ret_gid = (gid_t) number;
        return 0;
    }
    group = getgrnam(name);
    if (group == NULL)
        return err_set(err, "there is no group '%s'; a number works always", name);
    *ret_gid = group->gr_gid;
    return 0;
}
