/* SPDX-License-Identifier: Apache-2.0 */
/*
 * formats: what the strings of a body look like.
 *
 * Each check returns NULL when the text is well formed, else how it should be: "must be ...".  They
 * hold whatever the policy allows; they are about text that the Engine would read in more than one
 * way, or hand on to something that does.
 */
#ifndef CAISSON_POLICY_FORMATS_H
#define CAISSON_POLICY_FORMATS_H

const char *format_text(const char *text);     /* no control characters */
const char *format_key(const char *text);      /* the same, not empty */
const char *format_word(const char *text);     /* letters, digits and _ . : / - */
const char *format_hostname(const char *text); /* one DNS name of at most 63 bytes */
const char *format_user(const char *text);     /* uid:gid, both in plain decimal */
const char *format_signal(const char *text);   /* SIGTERM, TERM, 15 */
const char *format_keys(const char *text);     /* ctrl-p,ctrl-q */
const char *format_path(const char *text);     /* absolute */
const char *format_target(const char *text);   /* absolute, clean, and not the system's own */
const char *format_env(const char *text);      /* NAME=value or NAME */
const char *format_capability(const char *text);
const char *format_cpuset(const char *text); /* 0-3,5 */
const char *format_ip(const char *text);
const char *format_mac(const char *text);
const char *format_port(const char *text);      /* 80/tcp */
const char *format_host_port(const char *text); /* 8080 or 8080-8090 */
const char *format_image(const char *text);     /* see image.h */
const char *format_tmpfs(const char *text);     /* see tmpfs.h */

#endif
