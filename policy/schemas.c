/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schemas of a policy, as an array.
 */
#include "schemas.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "schema.h"

int schemas_init(struct schemas *schemas)
{
    for (int body = 0; body < BODY_COUNT; body++) {
        schemas->of[body] = NULL;
        if (schema_section(body) && !(schemas->of[body] = schema_new(body)))
            return -1;
    }
    return 0;
}

void schemas_done(struct schemas *schemas)
{
    for (int body = 0; body < BODY_COUNT; body++) {
        schema_free(schemas->of[body]);
        schemas->of[body] = NULL;
    }
}

/* Whether a body is described, and its rules stand in this section. */
static bool is_in(int body, const char *section)
{
    const char *own = schema_section(body);
    return own && strcmp(own, section) == 0;
}

bool schemas_have_section(const char *section)
{
    for (int body = 0; body < BODY_COUNT; body++)
        if (is_in(body, section))
            return true;
    return false;
}

char *schemas_print_sections(char buffer[SCHEMAS_SECTIONS_BYTES])
{
    const char *last = "";
    size_t used = 0;
    buffer[0] = '\0';
    for (int body = 0; body < BODY_COUNT; body++) {
        if (!schema_section(body) || is_in(body, last))
            continue;
        last = schema_section(body);
        used += (size_t) snprintf(buffer + used, SCHEMAS_SECTIONS_BYTES - used, "%s[%s]",
                                  used ? ", " : "", last);
        assert(used < SCHEMAS_SECTIONS_BYTES);
    }
    return buffer;
}

int schemas_set_rule(struct schemas *schemas, const char *section, const char *path,
                     const char *text, const char *origin, struct err *err)
{
    const struct schema *asked[BODY_COUNT];
    size_t count = 0, set = 0;
    for (int body = 0; body < BODY_COUNT; body++) {
        if (!is_in(body, section))
            continue;
        asked[count++] = schemas->of[body];
        if (!schema_has(schemas->of[body], path))
            continue;
        if (schema_set_rule(schemas->of[body], path, text, origin, err) < 0)
            return -1;
        set++;
    }
    assert(count > 0);
    return set > 0 ? 0 : schema_no_such_field(asked, count, path, err);
}

unsigned schemas_own_kinds(const struct schemas *schemas)
{
    unsigned kinds = 0;
    for (int body = 0; body < BODY_COUNT; body++)
        if (schemas->of[body])
            kinds |= schema_own_kinds(schemas->of[body]);
    return kinds;
}

bool schemas_share(const struct schemas *schemas, enum body body, const char *path)
{
    const char *section = schema_section((int) body);
    for (int before = 0; before < (int) body; before++)
        if (is_in(before, section) && schema_has(schemas->of[before], path))
            return true;
    return false;
}

struct each {
    const struct schemas *schemas;
    enum body body;
    schemas_visit *visit;
    void *arg;
};

static void visit_one(void *arg, const struct schema_field *field)
{
    const struct each *each = arg;
    if (!schemas_share(each->schemas, each->body, field->path))
        each->visit(each->arg, each->body, field);
}

void schemas_each(const struct schemas *schemas, schemas_visit *visit, void *arg)
{
    for (int body = 0; body < BODY_COUNT; body++) {
        struct each each = {schemas, (enum body) body, visit, arg};
        if (schemas->of[body])
            schema_each(schemas->of[body], visit_one, &each);
    }
}
