/* SPDX-License-Identifier: Apache-2.0 */
/* ledger: the results file of a batch; see ledger.h. */
#include "ledger.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct ledger {
    int fd;
    char *path;
    bool durable;     /* a file, not a pipe or a terminal */
    json_t *verdicts; /* id -> word */
};

static int remember_line(struct ledger *ledger, const char *text, size_t len, size_t number,
                         struct fault *fault)
{
    json_t *root = json_loadb(text, len, 0, NULL);
    const char *id = json_string_value(json_object_get(root, "id"));
    json_t *verdict = json_object_get(root, "verdict");
    int r = 0;

    if (!json_is_string(verdict))
        r = fault_set(fault, "%s:%zu: this is no result; name another file for --out", ledger->path,
                      number);
    else if (id)
        json_object_set(ledger->verdicts, id, verdict);
    json_decref(root);
    return r;
}

/* Reads what is there and cuts off a last line that has no end. */
static int remember_file(struct ledger *ledger, struct fault *fault)
{
    FILE *file = fdopen(dup(ledger->fd), "r");
    char *line = NULL;
    size_t room = 0, number = 0;
    off_t whole = 0;
    ssize_t len;
    int r = 0;

    if (!file)
        return fault_set(fault, "%s: %s", ledger->path, strerror(errno));
    while (r >= 0 && (len = getline(&line, &room, file)) > 0 && line[len - 1] == '\n') {
        r = remember_line(ledger, line, (size_t) len, ++number, fault);
        whole += len;
    }
    free(line);
    fclose(file);
    if (r >= 0 && ftruncate(ledger->fd, whole) < 0)
        r = fault_set(fault, "%s: %s", ledger->path, strerror(errno));
    return r;
}

int ledger_open(const char *path, struct ledger **ret_ledger, struct fault *fault)
{
    bool is_stdout = !strcmp(path, "-");
    int fd =
        is_stdout ? dup(STDOUT_FILENO) : open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    struct ledger *ledger;
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0) {
        fault_set(fault, "%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    ledger = mem_alloc(sizeof(*ledger));
    *ledger = (struct ledger){
        .fd = fd,
        .path = mem_copy_text(path),
        .durable = !is_stdout && S_ISREG(status.st_mode),
        .verdicts = json_object(),
    };
    if (ledger->durable && remember_file(ledger, fault) < 0) {
        ledger_close(ledger);
        return -1;
    }
    *ret_ledger = ledger;
    return 0;
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    close(ledger->fd);
    free(ledger->path);
    json_decref(ledger->verdicts);
    free(ledger);
}

const char *ledger_verdict(const struct ledger *ledger, const char *id)
{
    return json_string_value(json_object_get(ledger->verdicts, id));
}

static int write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            text += n;
            len -= (size_t) n;
        }
    }
    return 0;
}

int ledger_append(struct ledger *ledger, const char *line, struct fault *fault)
{
    char *whole = mem_format("%s\n", line);
    int r = write_all(ledger->fd, whole, strlen(whole));

    free(whole);
    if (r >= 0 && ledger->durable)
        r = fsync(ledger->fd);
    return r < 0 ? fault_set(fault, "%s: %s", ledger->path, strerror(errno)) : 0;
}
