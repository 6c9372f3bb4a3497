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

const char *format_text(const char *text);      /* no control characters */
const char *format_key(const char *text);       /* the same, not empty */
const char *format_word(const char *text);      /* letters, digits and _ . : / - */
const char *format_hostname(const char *text);  /* one DNS name of at most 63 bytes */
const char *format_user(const char *text);      /* uid:gid, both in plain decimal */
const char *format_group(const char *text);     /* a gid in plain decimal */
const char *format_security(const char *text);  /* no-new-privileges or KEY=VALUE */
const char *format_sysctl(const char *text);    /* letters, digits and _ . - */
const char *format_signal(const char *text);    /* SIGTERM, TERM, 15 */
const char *format_keys(const char *text);      /* ctrl-p,ctrl-q */
const char *format_path(const char *text);      /* absolute */
const char *format_folder(const char *text);    /* the same, and not the system's own /proc */
const char *format_host_path(const char *text); /* absolute and clean */
const char *format_relative(const char *text);  /* of clean parts, not absolute */
const char *format_cgroup(const char *text);    /* of clean parts */
const char *format_source(const char *text);    /* a clean path of the host, or a name */
const char *format_network_name(const char *text);
const char *format_volume_name(const char *text);
const char *format_container_ref(const char *text); /* a container's name or id */
const char *format_bind(const char *text);          /* source:target or source:target:mode */
const char *format_container(const char *text);     /* a container, perhaps with ":more" */
const char *format_target(const char *text);        /* absolute, clean, and not the system's own */
const char *format_env(const char *text);           /* NAME=value or NAME */
const char *format_capability(const char *text);
const char *format_cpuset(const char *text); /* 0-3,5 */
const char *format_ip(const char *text);
const char *format_subnet(const char *text); /* 10.1.0.0/16 */
const char *format_mac(const char *text);
const char *format_port(const char *text);      /* 80/tcp */
const char *format_host_port(const char *text); /* 8080 or 8080-8090 */
const char *format_image(const char *text);     /* see image.h */
const char *format_tmpfs(const char *text);     /* see tmpfs.h */

/* Of query parameters. */
const char *format_timestamp(const char *text); /* 1700000000 or 1700000000.5 */
const char *format_condition(const char *text); /* of a wait */
const char *format_usage(const char *text);     /* of the disk */
const char *format_name(const char *text);      /* of a container */
const char *format_platform(const char *text);  /* linux/amd64 */
const char *format_builder(const char *text);
const char *format_ps(const char *text); /* -eo pid,comm */

/* "TERM" for SIGTERM, TERM and 15; another text as it is.  Static, or the text. */
const char *format_signal_name(const char *text);

#endif
