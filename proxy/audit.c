/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: the JSON lines are written by hand into one bounded buffer and leave it in order.
 *
 * A line is in the log whole or not at all: what a sink takes of a line now, it gets the rest of
 * later, before anything else.  When the buffer is full, whole lines are left out and counted; the
 * next line that finds room follows one that says {"time":...,"lost":N}.
 *
 * Text in strings: printable ASCII and valid UTF-8 stand as they are; quotes and backslashes are
 * escaped; every other byte, be it a control or no UTF-8, is written as the escape \u00NN.
 */
#include "audit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "plain.h"

enum {
    AUDIT_ROOM_BYTES = 1 << 20,  /* lines that wait for the sink */
    AUDIT_LINE_BYTES = 16 << 10, /* above the longest line */
    AUDIT_TEXT_BYTES = 256,      /* of a text that somebody else wrote */
    AUDIT_TEXTS = 5,             /* of these in a line */
    AUDIT_ASKED_BYTES = 4096,    /* of what a body asks for */
    AUDIT_WORD_BYTES = 64,       /* of a word of our own */
    AUDIT_WORDS = 9,             /* of these in a line */
    AUDIT_NUMBERS = 9,           /* numbers in a line */
    AUDIT_NAME_BYTES = 16,       /* of a member, with its punctuation */
    AUDIT_ESCAPE_BYTES = 6,      /* \u00NN */
    AUDIT_NUMBER_BYTES = 20,
    AUDIT_WHO_WORDS = 3,
    AUDIT_WHO_BYTES =
        6 * AUDIT_NAME_BYTES + 3 * AUDIT_NUMBER_BYTES + AUDIT_WHO_WORDS * AUDIT_WORD_BYTES,
    AUDIT_DATE_BYTES = 19,   /* 2026-01-02T03:04:05 */
    AUDIT_LAST_WAIT_MS = 200 /* for the sink, when the log is closed */
};

static_assert(AUDIT_LINE_BYTES >=
                  AUDIT_TEXTS * (AUDIT_NAME_BYTES + AUDIT_TEXT_BYTES * AUDIT_ESCAPE_BYTES) +
                      AUDIT_WORDS * (AUDIT_NAME_BYTES + AUDIT_WORD_BYTES) +
                      AUDIT_NUMBERS * (AUDIT_NAME_BYTES + AUDIT_NUMBER_BYTES) + AUDIT_ASKED_BYTES +
                      AUDIT_NAME_BYTES + 64,
              "the longest line must fit");

/* What the lines of one client have alike, as it was written last. */
struct audit_who {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    const char *words[AUDIT_WHO_WORDS];
    char kept[AUDIT_WHO_WORDS][AUDIT_WORD_BYTES + 1]; /* what stood there; it may be gone */
    size_t bytes;                                     /* of text; 0 while there is none */
    char text[AUDIT_WHO_BYTES];
};

struct audit {
    int fd; /* -1: none */
    bool owns_fd;
    bool regular; /* a plain file: a write never waits for a reader */
    bool failing; /* the last write failed; said once in the log */
    uint64_t lost;
    int64_t second; /* whose date is kept below; lines of one second share it */
    char date[AUDIT_DATE_BYTES + 1];
    struct audit_who who;
    size_t start, end; /* lines that wait, within room */
    char room[AUDIT_ROOM_BYTES];
};

int audit_open(const char *where, struct audit **ret_audit, struct err *err)
{
    int fd = -1;
    bool owns_fd = false;

    if (strcmp(where, "stderr") == 0) {
        fd = STDERR_FILENO;
    } else if (strcmp(where, "stdout") == 0) {
        fd = STDOUT_FILENO;
    } else if (strcmp(where, "none") != 0) {
        fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
        if (fd < 0)
            return err_set(err,
                           "cannot open the audit log '%s': %s; 'audit' must be stderr, "
                           "stdout, none or a file that can be appended to",
                           where, strerror(errno));
        owns_fd = true;
    }

    struct audit *audit = calloc(1, sizeof *audit);
    if (!audit) {
        if (owns_fd)
            close(fd);
        return err_set(err, "cannot open the audit log '%s': out of memory", where);
    }
    struct stat status;
    audit->fd = fd;
    audit->owns_fd = owns_fd;
    audit->regular = fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    audit->second = INT64_MIN;
    *ret_audit = audit;
    return 0;
}

/* Text */

static char *put(char *to, const char *text, size_t bytes)
{
    memcpy(to, text, bytes);
    return to + bytes;
}

#define PUT(to, literal) put(to, literal, sizeof literal - 1)

/* The length of the UTF-8 sequence that starts with a byte above ASCII; 0 when it is none. */
static size_t utf8_bytes(const unsigned char *at, size_t left)
{
    /* The second byte decides about overlong forms, surrogates, and what is above U+10FFFF. The
     * controls U+0080 to U+009F count as invalid, so that no terminal sees them. */
    unsigned char first = at[0], least = 0x80, most = 0xbf;
    size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

    if (first < 0xc2 || first > 0xf4 || left < bytes)
        return 0;
    if (first == 0xc2 || first == 0xe0)
        least = 0xa0;
    else if (first == 0xed)
        most = 0x9f;
    else if (first == 0xf0)
        least = 0x90;
    else if (first == 0xf4)
        most = 0x8f;
    if (at[1] < least || at[1] > most)
        return 0;
    for (size_t i = 2; i < bytes; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    }
    return bytes;
}

static char *put_escape(char *to, unsigned char c)
{
    static const char HEX[] = "0123456789abcdef";
    to = PUT(to, "\\u00");
    *to++ = HEX[c >> 4];
    *to++ = HEX[c & 15];
    return to;
}

/* A JSON string of at most AUDIT_TEXT_BYTES of the text. */
static char *put_string(char *to, const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *) text;
    const unsigned char *end = at + (bytes < AUDIT_TEXT_BYTES ? bytes : AUDIT_TEXT_BYTES);

    *to++ = '"';
    while (at < end) {
        size_t sequence = 1, plain = plain_bytes((const char *) at, (size_t) (end - at));
        if (plain > 0) {
            to = put(to, (const char *) at, plain);
            at += plain;
            continue;
        }
        if (*at >= 0x80)
            sequence = utf8_bytes(at, (size_t) (end - at));
        if (sequence == 0 || *at < 0x20 || *at == 0x7f) {
            to = put_escape(to, *at++);
            continue;
        }
        if (*at == '"' || *at == '\\')
            *to++ = '\\';
        to = put(to, (const char *) at, sequence);
        at += sequence;
    }
    *to++ = '"';
    return to;
}

/* Digits are written two at a time. */
static const char PAIRS[] = "0001020304050607080910111213141516171819"
                            "2021222324252627282930313233343536373839"
                            "4041424344454647484950515253545556575859"
                            "6061626364656667686970717273747576777879"
                            "8081828384858687888990919293949596979899";

static void put_pair(char *to, uint64_t number)
{
    memcpy(to, PAIRS + number % 100 * 2, 2);
}

static char *put_number(char *to, uint64_t number)
{
    unsigned digits = 1;
    for (uint64_t least = 10; number >= least && digits < AUDIT_NUMBER_BYTES; least *= 10)
        digits++;
    char *const end = to + digits, *at = end;
    for (; number >= 10; number /= 100)
        put_pair(at -= 2, number);
    if (at > to)
        *to = (char) ('0' + number);
    return end;
}

/* "2026-01-02T03:04:05" of a Unix time of the years 0 to 9999. */
static void write_date(char date[AUDIT_DATE_BYTES + 1], int64_t second)
{
    struct tm utc;
    time_t when = (time_t) second;

    memcpy(date, "0000-00-00T00:00:00", AUDIT_DATE_BYTES + 1);
    if (!gmtime_r(&when, &utc) || utc.tm_year < -1900 || utc.tm_year > 9999 - 1900)
        return;
    put_pair(date, (unsigned) (utc.tm_year + 1900) / 100);
    const int pairs[] = {utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                         utc.tm_hour,        utc.tm_min,     utc.tm_sec};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        put_pair(date + 2 + 3 * i, (unsigned) pairs[i]); /* each behind a letter */
}

/* The start of every line: {"time":"2026-01-02T03:04:05.678901Z" */
static char *put_time(struct audit *audit, char *to, int64_t time_us)
{
    int64_t second = time_us / 1000000, micros = time_us % 1000000;
    if (micros < 0) {
        micros += 1000000;
        second--;
    }
    if (audit->second != second) {
        write_date(audit->date, second);
        audit->second = second;
    }
    to = put(PUT(to, "{\"time\":\""), audit->date, AUDIT_DATE_BYTES);
    *to++ = '.';
    put_pair(to, (uint64_t) micros / 10000);
    put_pair(to + 2, (uint64_t) micros / 100);
    put_pair(to + 4, (uint64_t) micros);
    return PUT(to + 6, "Z\"");
}

/* A word of our own, which needs no look at its bytes. */
static char *put_word(char *to, const char *word)
{
    char *end = stpcpy(to, word);

    assert(end - to <= AUDIT_WORD_BYTES);
    return PUT(end, "\"");
}

/* What is JSON already. */
static char *put_json(char *to, const char *object)
{
    size_t bytes = strlen(object);

    assert(bytes <= AUDIT_ASKED_BYTES);
    return put(to, object, bytes);
}

/* A member of the line, if there is one. */
#define NAME(name)                   ",\"" name "\":"
#define PUT_JSON(to, name, object)   ((object) ? put_json(PUT(to, NAME(name)), object) : (to))
#define PUT_WORD(to, name, word)     ((word) ? put_word(PUT(to, NAME(name) "\""), word) : (to))
#define PUT_NUMBER(to, name, number) put_number(PUT(to, NAME(name)), (uint64_t) (number))
#define PUT_BYTES(to, name, text, bytes) \
    ((text) ? put_string(PUT(to, NAME(name)), text, bytes) : (to))
#define PUT_TEXT(to, name, text) PUT_BYTES(to, name, text, strlen(text))

/* Lines */

static bool who_is(const struct audit_who *who, const struct audit_record *record,
                   const char *const words[AUDIT_WHO_WORDS])
{
    if (who->bytes == 0 || who->uid != record->uid || who->gid != record->gid ||
        who->pid != record->pid)
        return false;
    for (int i = 0; i < AUDIT_WHO_WORDS; i++) {
        if (who->words[i] != words[i] || (words[i] && strcmp(who->kept[i], words[i]) != 0))
            return false;
    }
    return true;
}

static void who_write(struct audit_who *who, const struct audit_record *record,
                      const char *const words[AUDIT_WHO_WORDS])
{
    char *to = who->text;

    to = PUT_NUMBER(to, "uid", record->uid);
    to = PUT_NUMBER(to, "gid", record->gid);
    to = PUT_NUMBER(to, "pid", record->pid > 0 ? record->pid : 0);
    to = PUT_WORD(to, "listener", record->listener);
    to = PUT_WORD(to, "owner", record->owner);
    to = PUT_WORD(to, "policy", record->policy);
    who->bytes = (size_t) (to - who->text);
    who->uid = record->uid;
    who->gid = record->gid;
    who->pid = record->pid;
    for (int i = 0; i < AUDIT_WHO_WORDS; i++) {
        who->words[i] = words[i];
        strcpy(who->kept[i], words[i] ? words[i] : "");
    }
}

static char *put_who(struct audit *audit, char *to, const struct audit_record *record)
{
    const char *const words[AUDIT_WHO_WORDS] = {record->listener, record->owner, record->policy};

    if (!who_is(&audit->who, record, words))
        who_write(&audit->who, record, words);
    return put(to, audit->who.text, audit->who.bytes);
}

static char *put_record(struct audit *audit, char *to, const struct audit_record *record)
{
    to = put_time(audit, to, record->time_us);
    to = PUT_NUMBER(to, "connection", record->connection);
    to = PUT_NUMBER(to, "request", record->request);
    to = put_who(audit, to, record);
    to = PUT_WORD(to, "method", record->method);
    to = PUT_WORD(to, "operation", record->operation);
    to = PUT_BYTES(to, "target", record->target, record->target_bytes);
    to = PUT_WORD(to, "decision", record->decision);
    to = PUT_WORD(to, "reason", record->reason);
    to = PUT_WORD(to, "ended", record->ended);
    to = PUT_TEXT(to, "field", record->field);
    to = PUT_TEXT(to, "message", record->message);
    to = PUT_JSON(to, "asked", record->asked);
    to = PUT_TEXT(to, "image", record->image);
    to = PUT_WORD(to, "container", record->container);
    to = PUT_TEXT(to, "object", record->object);
    if (record->status > 0)
        to = PUT_NUMBER(to, "status", record->status);
    to = PUT_NUMBER(to, "bytes_in", record->bytes_in);
    to = PUT_NUMBER(to, "bytes_out", record->bytes_out);
    to = PUT_NUMBER(to, "duration_us", record->duration_us > 0 ? record->duration_us : 0);
    return PUT(to, "}\n");
}

static char *put_lost(struct audit *audit, char *to, int64_t time_us)
{
    to = PUT_NUMBER(put_time(audit, to, time_us), "lost", audit->lost);
    audit->lost = 0;
    return PUT(to, "}\n");
}

/*
 * Whether two of the longest lines fit, of which one would say how many were lost.  Lines are moved
 * to the front only when enough was written since, so that a slow sink does not make them costly.
 */
static bool has_room(struct audit *audit)
{
    if (AUDIT_ROOM_BYTES - audit->end >= 2 * AUDIT_LINE_BYTES)
        return true;
    if (audit->start < AUDIT_ROOM_BYTES / 8)
        return false;
    memmove(audit->room, audit->room + audit->start, audit->end - audit->start);
    audit->end -= audit->start;
    audit->start = 0;
    return true;
}

void audit_add(struct audit *audit, const struct audit_record *record)
{
    if (audit->fd < 0)
        return;
    if (!has_room(audit)) {
        audit->lost++;
        return;
    }
    char *to = audit->room + audit->end;
    if (audit->lost > 0)
        to = put_lost(audit, to, record->time_us);
    to = put_record(audit, to, record);
    audit->end = (size_t) (to - audit->room);
}

/* The sink */

static void note_failure(struct audit *audit, int error)
{
    if (!audit->failing)
        log_error("the audit log cannot be written: %s; lines are kept, then counted as lost",
                  strerror(error));
    audit->failing = true;
}

/*
 * How much may be written within wait_ms; 0 for nothing.  Pipes and terminals that we were
 * given are not made non-blocking, as that would change them for everyone who shares them: asking
 * first, and writing no more than a pipe takes whole, comes to the same.
 */
static size_t writable_bytes(const struct audit *audit, size_t wanted, int wait_ms)
{
    if (audit->regular)
        return wanted;
    struct pollfd sink = {.fd = audit->fd, .events = POLLOUT};
    if (poll(&sink, 1, wait_ms) != 1)
        return 0;
    return wanted < PIPE_BUF ? wanted : PIPE_BUF;
}

static void write_lines(struct audit *audit, int wait_ms)
{
    while (audit->start < audit->end) {
        size_t bytes = writable_bytes(audit, audit->end - audit->start, wait_ms);
        if (bytes == 0)
            return;
        ssize_t written = write(audit->fd, audit->room + audit->start, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno != EAGAIN)
            note_failure(audit, errno);
        if (written <= 0)
            return;
        audit->start += (size_t) written;
    }
    audit->start = audit->end = 0;
    if (audit->failing)
        log_info("the audit log can be written again");
    audit->failing = false;
}

static void flush(struct audit *audit, int wait_ms)
{
    if (audit->end > 0)
        write_lines(audit, wait_ms);
    if (audit->end > 0 || audit->lost == 0)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
    audit->end = (size_t) (put_lost(audit, audit->room, now_us) - audit->room);
    write_lines(audit, wait_ms);
}

void audit_flush(struct audit *audit)
{
    flush(audit, 0);
}

void audit_free(struct audit *audit)
{
    if (!audit)
        return;
    flush(audit, AUDIT_LAST_WAIT_MS);
    if (audit->owns_fd)
        close(audit->fd);
    free(audit);
}
