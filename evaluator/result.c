/* SPDX-License-Identifier: Apache-2.0 */
/* result: how one run ended, as JSON; see result.h. */
#include "result.h"
#include "capture.h"
#include "job.h"
#include "mem.h"

#include <jansson.h>
#include <stdlib.h>

struct result *result_new(const char *engine, const struct job *job)
{
    struct result *result = mem_alloc(sizeof(*result));

    result->engine = engine;
    result->out = mem_alloc(sizeof(*result->out));
    result->err = mem_alloc(sizeof(*result->err));
    capture_init(result->out, (size_t) job->limits.stdout_bytes);
    capture_init(result->err, (size_t) job->limits.stderr_bytes);
    return result;
}

void result_free(struct result *result)
{
    if (!result)
        return;
    capture_done(result->out);
    capture_done(result->err);
    free(result->out);
    free(result->err);
    free(result);
}

/* Texts of ours may quote what a cut left as no UTF-8: that is then shown as question marks. */
static json_t *text_or_null(const char *text)
{
    json_t *string = text ? json_string(text) : json_null();
    char *plain;

    if (string)
        return string;
    plain = mem_copy_text(text);
    for (char *at = plain; *at; at++) {
        if ((unsigned char) *at > '~')
            *at = '?';
    }
    string = json_string(plain);
    free(plain);
    return string;
}

/* Text where it is UTF-8 (a character that the cap cut in two is left out), else base64. */
static json_t *format_capture(const struct capture *capture)
{
    bool truncated = capture_truncated(capture);
    const char *data = capture->head.data ? (const char *) capture->head.data : "";
    size_t len = capture->head.len;
    size_t whole = truncated ? bytes_utf8_whole(capture->head.data, len) : len;
    json_t *text = json_stringn(data, whole);
    const char *member = "text", *encoding = "utf-8";

    if (!text) {
        struct bytes base64 = {0};

        bytes_append_base64(&base64, capture->head.data, len);
        text = json_stringn((const char *) base64.data, base64.len);
        bytes_done(&base64);
        whole = len;
        member = "b64";
        encoding = "base64";
    }
    return json_pack("{s:o, s:s, s:I, s:I, s:b}", member, text, "encoding", encoding, "bytes",
                     (json_int_t) capture->total_bytes, "kept", (json_int_t) whole, "truncated",
                     truncated);
}

static json_t *format_limits(const struct limits *limits)
{
    json_t *object = json_object();

#define LIMIT(member, standard, least, most) \
    json_object_set_new(object, #member, json_integer(limits->member));
#include "limits.def"
#undef LIMIT
    json_object_set_new(object, "cpus", json_real((double) limits->nano_cpus / 1e9));
    return object;
}

static json_t *format_timing(const struct timing *timing)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "queued_ms", (json_int_t) timing->queued_ms,
                     "create_ms", (json_int_t) timing->create_ms, "start_ms",
                     (json_int_t) timing->start_ms, "run_ms", (json_int_t) timing->run_ms,
                     "delete_ms", (json_int_t) timing->delete_ms, "total_ms",
                     (json_int_t) timing->total_ms);
}

static json_t *format_trouble(const struct trouble *trouble)
{
    if (!trouble->kind)
        return json_null();
    return json_pack("{s:s, s:o, s:b}", "code", trouble->code, "message",
                     text_or_null(trouble->text), "retryable", trouble->retryable);
}

char *result_format(const struct result *result, const struct job *job)
{
    const struct outcome *outcome = &result->outcome;
    json_t *object = json_object();
    json_t *exit_code = outcome->exit_code < 0 ? json_null() : json_integer(outcome->exit_code);
    char *line;

    json_object_set_new(object, "id", text_or_null(job->id));
    json_object_set_new(object, "engine", text_or_null(result->engine));
    json_object_set_new(object, "verdict", json_string(verdict_word(outcome->verdict)));
    json_object_set_new(object, "code", json_string(verdict_code(outcome->verdict)));
    json_object_set_new(object, "detail", text_or_null(outcome->detail));
    json_object_set_new(object, "exit_code", exit_code);
    json_object_set_new(object, "signal", text_or_null(outcome->signal));
    json_object_set_new(object, "stdout", format_capture(result->out));
    json_object_set_new(object, "stderr", format_capture(result->err));
    json_object_set_new(
        object, "usage",
        json_pack("{s:I, s:s}", "wall_ms", (json_int_t) result->timing.run_ms, "source", "engine"));
    json_object_set_new(object, "timing", format_timing(&result->timing));
    json_object_set_new(object, "image", text_or_null(job->image));
    json_object_set_new(object, "limits", format_limits(&job->limits));
    json_object_set_new(object, "error", format_trouble(&outcome->trouble));
    line = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return line;
}
