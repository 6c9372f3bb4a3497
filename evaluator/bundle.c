/* SPDX-License-Identifier: Apache-2.0 */
/* bundle: tar, gzip, base64 and the strings that carry them; see bundle.h. */
#include "bundle.h"
#include "bytes.h"
#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <zlib.h>

#define TAR_BLOCK        512
#define TAR_NAME_MAX     100
#define TAR_TIME         946684800 /* fixed, and late enough that no tar finds it implausible */
#define STATUS_NO_UNPACK 125

/*
 * The command of every container.  $@ is the requested environment and the requested command.
 * The loop ends at the first chunk that is empty; env -i drops chunks and mark from what the
 * program can see.  An unpacker that fails must not look like a program that does.
 */
static const char unpack_script[] =
    "i=0;if while eval \"v=\\$D$i\";[ -n \"$v\" ];do printf %s \"$v\";i=$((i+1));done"
    "|base64 -d|tar -xz -C /code -f - &&cd /code;"
    "then exec env -i PATH=\"$PATH\" HOME=/tmp \"$@\" <";
static const char unpack_script_end[] = ";fi;printf %s \"$N\";exit 125";

struct tar_head {
    char name[100], mode[8], uid[8], gid[8], size[12], time[12], sum[8], type, link[100];
    char magic[8], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};

_Static_assert(sizeof(struct tar_head) == TAR_BLOCK, "a tar head is one block");

static void tar_add(struct bytes *tar, const char *name, char type, unsigned mode, const void *data,
                    size_t len)
{
    struct tar_head head = {.type = type, .magic = "ustar  "};
    unsigned sum = 0;

    memcpy(head.name, name, strnlen(name, sizeof(head.name)));
    (void) snprintf(head.mode, sizeof(head.mode), "%07o", mode & 0777);
    (void) snprintf(head.uid, sizeof(head.uid), "%07o", 0);
    (void) snprintf(head.gid, sizeof(head.gid), "%07o", 0);
    (void) snprintf(head.size, sizeof(head.size), "%011zo", len);
    (void) snprintf(head.time, sizeof(head.time), "%011o", TAR_TIME);
    memset(head.sum, ' ', sizeof(head.sum));
    for (size_t i = 0; i < sizeof(head); i++)
        sum += ((const unsigned char *) &head)[i];
    (void) snprintf(head.sum, sizeof(head.sum), "%06o", sum & 0777777);
    bytes_append(tar, &head, sizeof(head));
    bytes_append(tar, data, len);
    bytes_append_zeros(tar, (TAR_BLOCK - len % TAR_BLOCK) % TAR_BLOCK);
}

/* A name that the head cannot hold goes ahead of it as GNU's entry of type L. */
static void tar_add_file(struct bytes *tar, const char *name, unsigned mode, const void *data,
                         size_t len)
{
    if (strlen(name) > TAR_NAME_MAX)
        tar_add(tar, "././@LongLink", 'L', 0, name, strlen(name) + 1);
    tar_add(tar, name, '0', mode, data, len);
}

static void tar_job(struct bytes *tar, const struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++) {
        const struct job_file *file = &job->files[i];

        tar_add_file(tar, file->path, file->mode, file->data, file->len);
    }
    if (job->has_stdin)
        tar_add_file(tar, JOB_STDIN_PATH, 0400, job->stdin_data, job->stdin_len);
    bytes_append_zeros(tar, 2 * TAR_BLOCK);
}

static void gzip(struct bytes *out, const struct bytes *in)
{
    z_stream stream = {.next_in = in->data, .avail_in = (uInt) in->len};
    unsigned char room[16384];
    int r;

    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY))
        abort(); /* only for want of memory */
    do {
        stream.next_out = room;
        stream.avail_out = sizeof(room);
        r = deflate(&stream, Z_FINISH);
        bytes_append(out, room, sizeof(room) - stream.avail_out);
    } while (r == Z_OK);
    deflateEnd(&stream);
}

static void add_take(char ***texts, size_t *count, char *take_text)
{
    *texts = mem_resize(*texts, *count + 2, sizeof(**texts));
    (*texts)[(*count)++] = take_text;
    (*texts)[*count] = NULL;
}

static void add_chunks(struct bundle *bundle, const struct bytes *text)
{
    size_t number = 0;

    for (size_t at = 0; at < text->len; at += BUNDLE_CHUNK) {
        size_t left = text->len - at;
        int len = left < BUNDLE_CHUNK ? (int) left : BUNDLE_CHUNK;

        add_take(&bundle->env, &bundle->env_count,
                 mem_format("D%zu=%.*s", number++, len, (const char *) text->data + at));
    }
    /* ends the chunks even where the image's own environment has such a name */
    add_take(&bundle->env, &bundle->env_count, mem_format("D%zu=", number));
}

static void make_mark(char mark[BUNDLE_MARK_SIZE])
{
    unsigned char random[16];

    if (getrandom(random, sizeof(random), 0) != (ssize_t) sizeof(random))
        abort();
    for (size_t i = 0; i < sizeof(random); i++)
        (void) snprintf(mark + 2 * i, 3, "%02x", random[i]);
}

static int check_files(const struct job *job, struct fault *fault)
{
    int64_t total = 0;

    for (size_t i = 0; i <= job->file_count; i++) {
        bool is_file = i < job->file_count;
        size_t len = is_file ? job->files[i].len : job->stdin_len;

        if ((int64_t) len > job->limits.file_bytes)
            return fault_set(fault, "%.100s has %zu bytes, over limits.file_bytes of %" PRId64,
                             is_file ? job->files[i].path : "stdin", len, job->limits.file_bytes);
        total += (int64_t) (len + 4095) & ~INT64_C(4095);
    }
    if (total > job->limits.tmp_bytes)
        return fault_set(fault,
                         "the files need %" PRId64 " bytes in /code, over limits.tmp_bytes of "
                         "%" PRId64 "; raise it, or send less",
                         total, job->limits.tmp_bytes);
    return 0;
}

/* The sum that the kernel takes, and the longest string against its bound. */
static int check_texts(char *const *texts, size_t count, size_t *total, struct fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(texts[i]);

        if (len > BUNDLE_STRING_MAX)
            return fault_set(fault, "an argument or variable of %zu bytes is over %d: \"%.40s...\"",
                             len, BUNDLE_STRING_MAX, texts[i]);
        *total += len + 1 + sizeof(char *);
    }
    return 0;
}

static int check_bundle(const struct bundle *bundle, struct fault *fault)
{
    size_t total = 0;

    if (check_texts(bundle->cmd, bundle->cmd_count, &total, fault) < 0 ||
        check_texts(bundle->env, bundle->env_count, &total, fault) < 0)
        return -1;
    if (total > BUNDLE_TOTAL_MAX)
        return fault_set(fault, "files, command and environment take %zu bytes packed, over %d",
                         total, BUNDLE_TOTAL_MAX);
    return 0;
}

static void fill_cmd(struct bundle *bundle, const struct job *job)
{
    char *script =
        mem_format("%s%s%s", unpack_script, job->has_stdin ? "/code/" JOB_STDIN_PATH : "/dev/null",
                   unpack_script_end);

    add_take(&bundle->cmd, &bundle->cmd_count, mem_copy_text("sh"));
    add_take(&bundle->cmd, &bundle->cmd_count, mem_copy_text("-c"));
    add_take(&bundle->cmd, &bundle->cmd_count, script);
    add_take(&bundle->cmd, &bundle->cmd_count, mem_copy_text("sh"));
    for (size_t i = 0; i < job->env_count; i++)
        add_take(&bundle->cmd, &bundle->cmd_count, mem_copy_text(job->env[i]));
    for (size_t i = 0; i < job->cmd_count; i++)
        add_take(&bundle->cmd, &bundle->cmd_count, mem_copy_text(job->cmd[i]));
}

int bundle_make(const struct job *job, struct bundle *ret_bundle, struct fault *fault)
{
    struct bundle bundle = {0};
    struct bytes tar = {0}, packed = {0}, text = {0};

    if (check_files(job, fault) < 0)
        return -1;
    tar_job(&tar, job);
    gzip(&packed, &tar);
    bytes_append_base64(&text, packed.data, packed.len);
    make_mark(bundle.mark);
    add_take(&bundle.env, &bundle.env_count, mem_format("N=%s", bundle.mark));
    add_chunks(&bundle, &text);
    fill_cmd(&bundle, job);
    bytes_done(&tar);
    bytes_done(&packed);
    bytes_done(&text);
    if (check_bundle(&bundle, fault) < 0) {
        bundle_done(&bundle);
        return -1;
    }
    *ret_bundle = bundle;
    return 0;
}

void bundle_done(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->cmd_count; i++)
        free(bundle->cmd[i]);
    for (size_t i = 0; i < bundle->env_count; i++)
        free(bundle->env[i]);
    free(bundle->cmd);
    free(bundle->env);
    *bundle = (struct bundle){0};
}

bool bundle_unpack_failed(const struct bundle *bundle, int status, const void *out, size_t len)
{
    return status == STATUS_NO_UNPACK && len == strlen(bundle->mark) &&
           !memcmp(out, bundle->mark, len);
}
