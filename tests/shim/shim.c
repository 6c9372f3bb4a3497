/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shim: a library to preload that makes the world below a program worse, as a test asks for it
 * while the program runs: the n-th allocation fails, calls are interrupted or do only a byte of
 * their work, the wall clock stands elsewhere.
 *
 * The test and the shim share a page, the file that $CAISSON_SHIM names; tests/lib/shim.py writes
 * it.  The shim counts in it what is allocated and not yet freed, so that a leak shows in any
 * build.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* The fields stand in the order of FIELDS in shim.py. */
struct shim_page {
    int64_t fail_at;         /* allocations until one fails; 0: none does */
    int64_t fail_count;      /* how many fail from there on */
    int64_t failed;          /* allocations that failed */
    int64_t asked;           /* allocations, failed or not */
    int64_t live;            /* pieces of memory that are not freed */
    int64_t interrupt_every; /* of so many calls one is interrupted; 0: none is */
    int64_t interrupted;
    int64_t shorten_every; /* of so many calls one moves a byte at most; 0: none does */
    int64_t calls;
    int64_t wall_offset_s; /* what the wall clock is ahead */
    int64_t spliced;       /* bytes that splice(2) moved into a pipe or out of it */
    int64_t splice_errno;  /* with which it fails instead; 0: it does not */
};

/* glibc's own, below those that are replaced here. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void __libc_free(void *memory);

static struct shim_page idle_page, *page = &idle_page;

__attribute__((constructor)) static void shim_begin(void)
{
    const char *path = getenv("CAISSON_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        page = map;
}

static int64_t add(int64_t *number, int64_t what)
{
    return __atomic_add_fetch(number, what, __ATOMIC_RELAXED);
}

static int64_t get(const int64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

/* ---- memory ---- */

static int allocation_fails(void)
{
    add(&page->asked, 1);
    if (get(&page->fail_at) == 0)
        return 0;
    if (get(&page->fail_at) > 1) {
        add(&page->fail_at, -1);
        return 0;
    }
    if (add(&page->fail_count, -1) <= 0)
        __atomic_store_n(&page->fail_at, 0, __ATOMIC_RELAXED);
    add(&page->failed, 1);
    errno = ENOMEM;
    return 1;
}

static void *count(void *memory)
{
    if (memory)
        add(&page->live, 1);
    return memory;
}

void *malloc(size_t bytes)
{
    return allocation_fails() ? NULL : count(__libc_malloc(bytes));
}

void *calloc(size_t number, size_t bytes)
{
    return allocation_fails() ? NULL : count(__libc_calloc(number, bytes));
}

void *realloc(void *memory, size_t bytes)
{
    if (memory && bytes == 0) { /* glibc frees it */
        free(memory);
        return NULL;
    }
    if (allocation_fails())
        return NULL;
    return memory ? __libc_realloc(memory, bytes) : count(__libc_malloc(bytes));
}

void free(void *memory)
{
    if (memory)
        add(&page->live, -1);
    __libc_free(memory);
}

/* ---- calls ---- */

static int call_is_interrupted(void)
{
    int64_t every = get(&page->interrupt_every), number = add(&page->calls, 1);
    if (every == 0 || number % every != 0)
        return 0;
    add(&page->interrupted, 1);
    errno = EINTR;
    return 1;
}

static size_t shortened(size_t bytes)
{
    int64_t every = get(&page->shorten_every);
    return every && bytes > 1 && get(&page->calls) % every == 0 ? 1 : bytes;
}

ssize_t recv(int fd, void *data, size_t bytes, int flags)
{
    if (call_is_interrupted())
        return -1;
    return syscall(SYS_recvfrom, fd, data, shortened(bytes), flags, NULL, NULL);
}

ssize_t send(int fd, const void *data, size_t bytes, int flags)
{
    if (call_is_interrupted())
        return -1;
    return syscall(SYS_sendto, fd, data, shortened(bytes), flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (call_is_interrupted())
        return -1;
    if (message->msg_iovlen > 0 && shortened(2) == 1)
        return syscall(SYS_sendto, fd, message->msg_iov[0].iov_base,
                       shortened(message->msg_iov[0].iov_len), flags, NULL, 0);
    return syscall(SYS_sendmsg, fd, message, flags);
}

/*
 * A single byte is libevent's, from its signal handler to its loop.  The kernel never interrupts
 * that (the descriptor does not block), and libevent does not try it again: the signal would be
 * lost.
 */
ssize_t write(int fd, const void *data, size_t bytes)
{
    return bytes > 1 && call_is_interrupted() ? -1 : syscall(SYS_write, fd, data, bytes);
}

ssize_t splice(int in, __off64_t *in_offset, int out, __off64_t *out_offset, size_t bytes,
               unsigned flags)
{
    if (call_is_interrupted())
        return -1;
    if (get(&page->splice_errno)) {
        errno = (int) get(&page->splice_errno);
        return -1;
    }
    ssize_t moved = syscall(SYS_splice, in, in_offset, out, out_offset, shortened(bytes), flags);
    if (moved > 0)
        add(&page->spliced, moved);
    return moved;
}

int accept4(int fd, struct sockaddr *address, socklen_t *bytes, int flags)
{
    return call_is_interrupted() ? -1 : (int) syscall(SYS_accept4, fd, address, bytes, flags);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int wait_ms)
{
    if (call_is_interrupted())
        return -1;
    return (int) syscall(SYS_epoll_pwait, fd, events, most, wait_ms, NULL, (size_t) 8);
}

/* ---- the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int rc = (int) syscall(SYS_clock_gettime, clock, ret);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        ret->tv_sec += get(&page->wall_offset_s);
    return rc;
}

int gettimeofday(struct timeval *ret, void *zone)
{
    struct timespec now;
    (void) zone;
    if (clock_gettime(CLOCK_REALTIME, &now) < 0)
        return -1;
    *ret = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
