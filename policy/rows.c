/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rows: each table as the texts of its rows, five for each, and as what is no text.
 */
#include "rows.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "operation.h"
#include "types.h"

/* What most rows say is one byte there: the number of a word. */
#define ALLOW  "\1"
#define FORBID "\2"
#define NONE   "\3"
static const char *const words[] = {"", "allow", "forbid", "none"};
enum { WORD_COUNT = sizeof(words) / sizeof(words[0]) };

#define SCHEMA(name, section, prepare, finish) static const char texts_##name[] = ""
#define FIELD(path, type, since, rule, neutral, risk, why) \
    path "\0" rule "\0" neutral "\0" risk "\0" why "\0"
#define SCHEMA_END ;
#include "schemas.def"
#undef SCHEMA
#undef FIELD
#undef SCHEMA_END

struct scalars {
    uint8_t type, since;
};

#define SCHEMA(name, section, prepare, finish)             static const struct scalars scalars_##name[] = {
#define FIELD(path, type, since, rule, neutral, risk, why) {TYPE_ID_##type, since},
#define SCHEMA_END \
    }              \
    ;
#include "schemas.def"
#undef SCHEMA
#undef FIELD
#undef SCHEMA_END

static const struct table {
    const char *texts;
    const struct scalars *scalars;
    size_t count;
} tables[BODY_COUNT] = {
#define SCHEMA(name, section, prepare, finish) \
    [BODY_##name] = {texts_##name, scalars_##name, sizeof(scalars_##name) / sizeof(struct scalars)},
#define FIELD(path, type, since, rule, neutral, risk, why)
#define SCHEMA_END
#include "schemas.def"
#undef SCHEMA
#undef FIELD
#undef SCHEMA_END
};

struct rows rows_begin(int body)
{
    assert(body >= 0 && body < BODY_COUNT);
    return (struct rows){.body = body, .texts = tables[body].texts};
}

size_t rows_count(int body)
{
    return tables[body].count;
}

static const char *text_take(struct rows *rows)
{
    const char *text = rows->texts;
    rows->texts += strlen(text) + 1;
    return (unsigned char) *text < WORD_COUNT ? words[(unsigned char) *text] : text;
}

bool rows_next(struct rows *rows, struct field_row *ret)
{
    const struct table *table = &tables[rows->body];
    if (rows->next == table->count)
        return false;
    ret->type = table->scalars[rows->next].type;
    ret->since = table->scalars[rows->next].since;
    ret->path = text_take(rows);
    ret->rule = text_take(rows);
    ret->neutral = text_take(rows);
    ret->risk = text_take(rows);
    ret->why = text_take(rows);
    rows->next++;
    return true;
}
