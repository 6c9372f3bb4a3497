/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree of fields: built from a table, changed by the policy's rules, walked by judge.c.
 */
#include "schema.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "asked.h"
#include "create.h"
#include "err.h"
#include "field.h"
#include "image.h"
#include "json.h"
#include "judge.h"
#include "label.h"
#include "operation.h"
#include "reason.h"
#include "rows.h"
#include "suggest.h"
#include "types.h"
#include "update.h"

/* ---- the tables ---- */

static const struct schema_table tables[BODY_COUNT] = {
#define FIELD(path, type, since, rule, neutral, risk, why)
#define SCHEMA(name, section, prepare, finish) [BODY_##name] = {section, prepare, finish},
#define SCHEMA_END
#include "schemas.def"
#undef FIELD
#undef SCHEMA
#undef SCHEMA_END
};

const char *schema_section(int body)
{
    assert(body >= 0 && body < BODY_COUNT);
    return tables[body].section;
}

bool schema_names(int body, const char *name, size_t bytes)
{
    struct rows rows = rows_begin(body);
    struct field_row row;
    while (rows_next(&rows, &row))
        if (strlen(row.path) == bytes && memcmp(row.path, name, bytes) == 0 &&
            !memchr(name, '.', bytes))
            return true;
    return false;
}

/* ---- the tree ---- */

/* The place of a path: its field's, or a free one. */
static struct field **paths_place(const struct field_paths *paths, const char *path)
{
    for (size_t at = json_key_hash(path, strlen(path));; at++) {
        struct field **slot = &paths->slots[at & paths->mask];
        if (!*slot || strcmp((*slot)->path, path) == 0)
            return slot;
    }
}

struct field *schema_find(const struct schema *schema, const char *path)
{
    return *paths_place(&schema->paths, path);
}

const struct rule *field_builtin(const struct field *field)
{
    return field->builtin.text ? &field->builtin : &field->rule;
}

const struct field *field_member(const struct field *object, const char *name, size_t bytes)
{
    if (object->member_count == 0)
        return NULL;
    return field_of(json_names_find(&object->names, name, bytes));
}

/* "HostConfig.Mounts[].Type" is a member of "HostConfig.Mounts"; a row stands after its object's.
 */
static struct field *parent_of(struct schema *schema, const struct type *type, const char *path)
{
    char object[160];
    const char *dot = strrchr(path, '.');
    if (!dot || type->traits & TYPE_PARAMETER)
        return &schema->root;
    size_t length = (size_t) (dot - path);
    while (length >= 2 &&
           (memcmp(path + length - 2, "[]", 2) == 0 || memcmp(path + length - 2, "{}", 2) == 0))
        length -= 2;
    assert(length < sizeof(object));
    memcpy(object, path, length);
    object[length] = '\0';
    return schema_find(schema, object);
}

static void field_link(struct field *object, struct field *field)
{
    struct field **end = &object->members;
    while (*end)
        end = &(*end)->next;
    *end = field;
    field->name.place = (uint32_t) object->member_count++;
}

/* None for a bool: false could not be told from nothing. */
static const struct json *safe_value(struct arena *arena, const struct field *field)
{
    const struct rule *rule = &field->rule;
    if (field->type->kind == KIND_BOOL)
        return NULL;
    if (rule->force)
        return rule->force;
    bool is_limit = field->type->traits & TYPE_ZERO && (rule->has_max || rule->has_min);
    return rule->fallback || is_limit ? rule_explicit(arena, rule) : NULL;
}

/*
 * A row without a rule stands for that of a create: see update.def.  The rows of both stand in much
 * the same order, so the next one is looked for behind the last.
 */
static struct field_row row_behind(struct rows *create, const struct field_row *said)
{
    struct field_row row = *said;
    bool again = false;
    while (!said->rule[0] && (!row.rule[0] || strcmp(row.path, said->path) != 0)) {
        if (rows_next(create, &row))
            continue;
        assert(!again);
        again = true;
        *create = rows_begin(BODY_CREATE);
    }
    return row;
}

/* The kinds of JSON whose value that says nothing does so in a field: null, false, 0 or empty. */
static unsigned kinds_of_nothing(const struct field *field)
{
    static const struct json nothings[] = {{.kind = JSON_FALSE},
                                           {.kind = JSON_INTEGER},
                                           {.kind = JSON_STRING, .text = ""},
                                           {.kind = JSON_LIST},
                                           {.kind = JSON_OBJECT}};
    unsigned kinds = 1U << JSON_NULL;
    for (size_t i = 0; i < sizeof(nothings) / sizeof(nothings[0]); i++)
        if (type_fits(field->type, &nothings[i], NULL) && judge_is_neutral(field, &nothings[i]))
            kinds |= 1U << nothings[i].kind;
    return kinds;
}

/* A row that does not parse is a bug; only memory can be short. */
static int field_init(struct schema *schema, const struct field_row *said,
                      const struct field_row *row)
{
    const bool same = said->rule[0] != '\0';
    const struct type *type = type_get((enum type_id) row->type);
    struct field *field = &schema->fields[schema->count];
    struct field *object = parent_of(schema, type, row->path);
    const char *dot = strrchr(row->path, '.');
    struct err err = {{0}};
    assert(object && type_has_members(object->type));
    const char *name = dot ? dot + 1 : row->path;
    *field = (struct field){
        .name = {.text = name, .bytes = (uint32_t) strlen(name)},
        .path = row->path,
        .why = row->why,
        .risk = row->risk,
        .neutral = row->neutral[0] ? row->neutral : NULL,
        .since = row->since,
        .type = type,
        .object = object == &schema->root ? NULL : object,
        .keeps = !same && !said->risk[0],
        .zero_keeps = !same && said->neutral[0],
    };
    schema->count++;
    *paths_place(&schema->paths, field->path) = field;
    field_link(object, field);
    if (rule_parse(&schema->arena, type, type->traits & TYPE_NEVER ? "forbid" : row->rule, NULL,
                   &field->rule, &err) < 0)
        return -1;
    field->safe = safe_value(&schema->arena, field);
    field->open = field->rule.allow;
    field->passes =
        field->open && !field->rule.has_max && !field->rule.has_min && !type_has_members(type);
    field->nothings = kinds_of_nothing(field);
    return 0;
}

static void members_name(struct arena *arena, struct field *object)
{
    if (object->member_count == 0)
        return;
    json_names_init(arena, &object->names, object->member_count);
    for (struct field *member = object->members; member && !arena->failed; member = member->next)
        json_names_add(&object->names, &member->name);
    if (object->type->kind == KIND_OBJECT)
        object->name.inside = &object->names;
}

/* Whether a field that is not there needs no look at all. */
static bool is_quiet(const struct field *field)
{
    const struct rule *rule = &field->rule;
    if (field->keeps)
        return !rule->force_path;
    if (rule->force || rule->force_path || rule->fallback)
        return false;
    for (const struct field *member = field->members; member; member = member->next)
        if (field->type->kind == KIND_OBJECT && !member->quiet)
            return false;
    return field->type->kind == KIND_OBJECT ||
           !(field->safe || rule->has_max || rule->has_min || rule->item_count ||
             field->type->traits & TYPE_REQUIRED);
}

/* After the rules have changed; members stand behind their object. */
static void schema_settle(struct schema *schema)
{
    schema->followers = NULL;
    for (size_t i = schema->count; i-- > 0;) {
        struct field *field = &schema->fields[i];
        field->quiet = is_quiet(field);
        field->unseen = field->quiet && !field->keeps ? field->nothings : 0;
        if (!field->rule.force_path)
            continue;
        field->next_follower = schema->followers;
        schema->followers = field;
    }
}

struct schema *schema_new(int body)
{
    assert(schema_section(body));
    struct rows rows = rows_begin(body), create = rows_begin(BODY_CREATE);
    struct field_row row, behind;
    struct schema *schema = calloc(1, sizeof(*schema));
    struct field *fields = calloc(rows_count(body), sizeof(*fields));
    if (!schema || !fields) {
        free(schema);
        free(fields);
        return NULL;
    }
    schema->table = &tables[body];
    schema->fields = fields;
    schema->root = (struct field){.path = "", .name.text = "", .type = type_get(TYPE_ID_OBJECT)};
    schema->paths.slots = json_slots_take(&schema->arena, rows_count(body), &schema->paths.mask);
    while (!schema->arena.failed && rows_next(&rows, &row)) {
        behind = row_behind(&create, &row);
        if (field_init(schema, &row, &behind) < 0)
            schema->arena.failed = true;
    }
    members_name(&schema->arena, &schema->root);
    for (size_t i = 0; i < schema->count; i++)
        members_name(&schema->arena, &schema->fields[i]);
    schema_settle(schema);
    if (!schema->arena.failed)
        return schema;
    schema_free(schema);
    return NULL;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    arena_done(&schema->arena);
    free(schema->fields);
    free(schema);
}

/* ---- the policy's rules ---- */

int schema_no_such_field(const struct schema *const *schemas, size_t count, const char *path,
                         struct err *err)
{
    struct suggest suggest = {.wrong = path};
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < schemas[k]->count; i++) {
            const struct field *field = &schemas[k]->fields[i];
            if (strcmp(field->name.text, path) == 0 || json_same_key(field->path, path))
                return err_set(err, "there is no field '%.80s'; write %s", path, field->path);
            suggest_offer(&suggest, field->path);
        }
    }
    if (suggest.best)
        return err_set(err, "there is no field '%.80s'; did you mean %s?", path, suggest.best);
    return err_set(err, "there is no field '%.80s'; 'caisson fields' lists them", path);
}

static int no_such_field(const struct schema *schema, const char *path, struct err *err)
{
    return schema_no_such_field(&schema, 1, path, err);
}

/* Another numeric field, reached through objects alone, that is not itself a reference. */
static int check_reference(const struct schema *schema, const struct field *field,
                           const char *target, struct err *err)
{
    const struct field *source = schema_find(schema, target);
    if (!source && field->keeps) /* a create has it: an update cannot name the one or the other */
        return 0;
    if (!source)
        return no_such_field(schema, target, err);
    if (source->type->kind != KIND_NUMBER || source->type->unit != field->type->unit ||
        field->type->traits & TYPE_PARAMETER || strpbrk(target, "[{") || strpbrk(field->path, "[{"))
        return err_set(err, "%s cannot be forced to %s; name a field of the same type", field->path,
                       target);
    if (source == field || source->rule.force_path)
        return err_set(err, "%s is itself forced to another field; name that one", target);
    return 0;
}

static int check_references(const struct schema *schema, const struct field *field,
                            const struct rule *rule, struct err *err)
{
    if (!rule->force_path)
        return 0;
    if (check_reference(schema, field, rule->force_path, err) < 0)
        return -1;
    for (size_t i = 0; i < schema->count; i++) {
        const char *path = schema->fields[i].rule.force_path;
        if (path && strcmp(path, field->path) == 0)
            return err_set(err, "%s is forced to this field; give that one another rule first",
                           schema->fields[i].path);
    }
    return 0;
}

/* What force and default say is held to the rows of its own members. */
static int check_values(struct arena *arena, const struct schema *schema, const struct field *field,
                        const struct rule *rule, struct err *err)
{
    const struct json *values[] = {rule->force, rule->fallback};
    static const struct schema_context context = {.api_minor = 99};
    for (size_t i = 0; i < 2; i++) {
        struct schema_verdict verdict = {0};
        struct judge judge = {
            .schema = schema, .context = &context, .arena = arena, .verdict = &verdict};
        if (values[i] && !judge_value(&judge, field, values[i]))
            return err_set(err, "%s", verdict.message);
    }
    return 0;
}

/* Of a parameter: what no rule lets pass, and what has no values of its own. */
static int check_parameter(const struct field *field, const struct rule *rule, struct err *err)
{
    if (field->type->traits & TYPE_NEVER && !rule->forbid)
        return err_set(err, "%s is always refused: %s; take this line out", field->path,
                       field->why);
    if (field->type->traits & TYPE_PARAMETER && field->type->kind == KIND_OBJECT &&
        (rule->force || rule->fallback))
        return err_set(err, "%s takes allow or forbid", field->path);
    return 0;
}

/*
 * A default does not say what passes, nor does a number of elements, nor a lower bound where 0 is
 * no limit.  Alone they would take away all that the built-in rule holds back.
 */
static int check_opening(const struct field *field, const struct rule *rule, struct err *err)
{
    bool is_number = field->type->kind == KIND_NUMBER;
    bool bounds =
        is_number && (rule->has_max || (rule->has_min && !(field->type->traits & TYPE_ZERO)));
    if (field->open || bounds || rule->forbid || rule->allow || rule->force || rule->force_path ||
        rule->item_count)
        return 0;
    return err_set(err, "%s alone would let everything pass; add %sallow if that is meant",
                   rule->has_max   ? "max"
                   : rule->has_min ? "min"
                                   : "default",
                   is_number                      ? "max, or "
                   : type_has_choice(field->type) ? "one-of, or "
                                                  : "");
}

int schema_set_rule(struct schema *schema, const char *path, const char *text, const char *origin,
                    struct err *err)
{
    struct field *field = schema_find(schema, path);
    struct rule rule;
    if (!field)
        return no_such_field(schema, path, err);
    if (rule_parse(&schema->arena, field->type, text, origin, &rule, err) < 0 ||
        check_parameter(field, &rule, err) < 0 || check_opening(field, &rule, err) < 0 ||
        check_references(schema, field, &rule, err) < 0 ||
        check_values(&schema->arena, schema, field, &rule, err) < 0)
        return -1;
    if (schema->arena.failed)
        return err_set(err, "out of memory");
    if (!field->builtin.text)
        field->builtin = field->rule;
    field->rule = rule;
    schema_settle(schema);
    return 0;
}

unsigned schema_own_kinds(const struct schema *schema)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < schema->count; i++) {
        const struct rule *rule = &schema->fields[i].rule;
        for (size_t k = 0; k < rule->item_count; k++)
            if (rule->items[k].own)
                kinds |= 1u << rule_own_kind(schema->fields[i].type);
    }
    return kinds;
}

bool schema_has(const struct schema *schema, const char *path)
{
    return schema_find(schema, path) != NULL;
}

void schema_each(const struct schema *schema, schema_visit *visit, void *arg)
{
    for (size_t i = 0; i < schema->count; i++) {
        const struct field *field = &schema->fields[i];
        struct schema_field shown = {
            .path = field->path,
            .type = field->type->name,
            .rule = field->rule.text,
            .origin = judge_origin(field),
            .why = field->why,
            .since = field->since,
        };
        visit(arg, &shown);
    }
}

/* ---- judging ---- */

enum {
    JUDGED_BYTES = 16 << 10 /* enough for what most bodies need, so that no memory is asked for */
};

/* `force FIELD`: the walk left a 0 in the place of the value. */
static void resolve_reference(struct judge *judge, const struct field *field,
                              const struct json *body, struct json *out)
{
    const struct json *client = json_at(body, field->path);
    struct json *place = json_at(out, field->path);
    char was[TYPE_TEXT_BYTES], is[TYPE_TEXT_BYTES];
    int64_t number = json_number(json_at(out, field->rule.force_path));
    if (!place)
        return;
    place->number = number;
    if (!judge_is_neutral(field, client) && json_number(client) != number)
        judge_warn(judge, "%s: %s was replaced by %s, as %s (forced, %s)", field->path,
                   type_print(field->type, client, was), type_print_number(field->type, number, is),
                   field->rule.force_path, judge_origin(field));
}

static void resolve_references(struct judge *judge, const struct json *body, struct json *out)
{
    const struct field *field = judge->schema->followers;
    for (; field; field = field->next_follower)
        resolve_reference(judge, field, body, out);
}

/* Whatever was concluded while memory ran short is void: a value that could not be made looks like
 * one that nobody asked for. */
static void end_judgement(struct judge *judge)
{
    struct schema_verdict *verdict = judge->verdict;
    if (judge->arena->failed) {
        schema_verdict_done(verdict);
        judge->refused = false;
        judge_refuse(judge, REASON_OUT_OF_MEMORY, "", "%s", reason_text(REASON_OUT_OF_MEMORY));
    }
    arena_done(judge->arena);
    if (!judge->refused)
        verdict->reason = REASON_NONE;
}

static void write_verdict(struct judge *judge, const struct json *out)
{
    struct schema_verdict *verdict = judge->verdict;
    verdict->body = json_write(judge->arena, out, &verdict->body_bytes);
    if (judge->warnings)
        verdict->warnings = json_write(judge->arena, judge->warnings, NULL);
    if (!verdict->body || (judge->warnings && !verdict->warnings))
        judge->arena->failed = true;
}

/* For the audit log: a body that is refused tells, too, what its client wanted to run. */
static void note_image(const struct json *in, struct schema_verdict *ret)
{
    const char *text = json_text(json_get(in, "Image"));
    char spelt[IMAGE_TEXT_BYTES];
    struct image image;
    if (!text || image_parse(text, &image))
        return;
    image_print(&image, spelt);
    if (strlen(spelt) < sizeof(ret->image))
        strcpy(ret->image, spelt);
}

static void note_name(const struct json *out, struct schema_verdict *ret)
{
    const struct json *name = json_get(out, "Name");
    if (json_is(name, JSON_STRING) && name->size < sizeof(ret->name))
        strcpy(ret->name, name->text);
}

static void judge_body(struct judge *judge, struct json *in)
{
    const struct schema_table *table = judge->schema->table;
    struct json *out = json_new(judge->arena, JSON_OBJECT);
    if (table->prepare)
        table->prepare(judge, in);
    judge->verdict->asked = asked_note(judge->arena, judge->schema, judge->context, in);
    const struct json *sent = judge_field(judge, &judge->schema->root, in);
    if (judge->refused)
        return;
    if (sent)
        json_replace(out, sent);
    resolve_references(judge, in, out);
    if (table->finish && !table->finish(judge, in, out))
        return;
    note_name(out, judge->verdict);
    write_verdict(judge, out);
}

void schema_judge(const struct schema *schema, const struct schema_context *context,
                  const char *body, size_t body_bytes, struct schema_verdict *ret)
{
    _Alignas(max_align_t) char room[JUDGED_BYTES];
    struct arena arena = arena_in(room, sizeof(room));
    struct judge judge = {.schema = schema, .context = context, .arena = &arena, .verdict = ret};
    struct json_fault fault;
    struct json *in =
        json_read_known(&arena, body, body_bytes, context->depth, &schema->root.name, &fault);
    if (in) {
        note_image(in, ret);
        note_name(in, ret);
        judge_body(&judge, in);
    } else {
        judge_refuse(&judge, REASON_BODY_MALFORMED, fault.path, "%s", fault.text);
    }
    end_judgement(&judge);
}

void schema_judge_text(const struct schema *schema, const struct schema_context *context,
                       const char *path, const char *text, struct schema_verdict *ret)
{
    struct arena arena = {0};
    struct judge judge = {.schema = schema, .context = context, .arena = &arena, .verdict = ret};
    const struct json *in = json_new_text(&arena, text);
    const char *sent = json_text(judge_field(&judge, schema_find(schema, path), in));
    if (!judge.refused && sent)
        ret->body = strdup(sent);
    arena.failed |= !judge.refused && !ret->body;
    end_judgement(&judge);
}

void schema_verdict_done(struct schema_verdict *verdict)
{
    free(verdict->body);
    free(verdict->warnings);
    free(verdict->asked);
    verdict->body = verdict->warnings = verdict->asked = NULL;
}
