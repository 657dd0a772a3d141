#include "consumers/base/suggest.h"
#include "consumers/rules/loader.h"

/* Multi-table parents nest; a catalogue that goes round in circles ends here. */
enum { MAX_GENERATIONS = 16 };

static struct declared_model *find_model(const struct loader *loader, struct slice label)
{
    for (size_t i = 0; i < loader->models_nr; i++) {
        if (slice_equals_nocase(loader->models[i].model.label, label))
            return &loader->models[i];
    }
    return NULL;
}

static void load_fields(struct loader *loader, const struct cursor *at, struct model *model)
{
    struct slices fields = {0};
    struct cursor_iter it;
    const struct cursor *field;

    if (!at || !shape_is(loader, at, SHAPE_OBJECT))
        return;
    it = cursor_walk(at);
    while ((field = cursor_next(&it))) {
        fields.items = arena_grow(loader->arena, fields.items, fields.nr, &fields.capacity,
                                  sizeof(*fields.items));
        fields.items[fields.nr++] = arena_copy(loader->arena, field->step.name);
        shape_is(loader, field, SHAPE_STRING);
    }
    model->fields = fields.items;
    model->fields_nr = fields.nr;
}

static void load_model(struct loader *loader, const struct cursor *at)
{
    static const char *const known[] = {"table", "fields", "parents", "m2m"};
    const struct declared_model *earlier = find_model(loader, at->step.name);
    struct declared_model *model;
    struct slices parents = {0}, m2m = {0};

    if (!shape_is(loader, at, SHAPE_OBJECT))
        return;
    if (earlier) {
        report(loader, at, (struct remark){.code = "E106", .on_name = true},
               "model \"%.*s\" is defined twice (first at %.*s:%u)", SLICE_ARG(at->step.name),
               SLICE_ARG(earlier->at->file->name), cursor_line(earlier->at));
        return;
    }
    loader->models = arena_grow(loader->arena, loader->models, loader->models_nr,
                                &loader->models_capacity, sizeof(*loader->models));
    model = &loader->models[loader->models_nr++];
    *model =
        (struct declared_model){.model.label = arena_copy(loader->arena, at->step.name), .at = at};
    shape_known(loader, at, NAMES(known), "in a model");
    shape_text(loader, cursor_member(at, "table"), &model->table);
    shape_texts(loader, cursor_member(at, "parents"), &parents);
    shape_texts(loader, cursor_member(at, "m2m"), &m2m);
    load_fields(loader, cursor_member(at, "fields"), &model->model);
    model->model.parents = parents.items;
    model->model.parents_nr = parents.nr;
    model->m2m = m2m.items;
    model->m2m_nr = m2m.nr;
}

void catalogue_load(struct loader *loader, const struct cursor *models)
{
    struct cursor_iter it;
    const struct cursor *at;

    if (!models || !shape_is(loader, models, SHAPE_OBJECT))
        return;
    it = cursor_walk(models);
    while ((at = cursor_next(&it)))
        load_model(loader, at);
}

void catalogue_finish(struct loader *loader)
{
    struct model *models = arena_zero(loader->arena, loader->models_nr, sizeof(*models));
    struct table *tables = arena_alloc(loader->arena, loader->models_nr * sizeof(*tables));
    size_t tables_nr = 0;

    for (size_t i = 0; i < loader->models_nr; i++) {
        models[i] = loader->models[i].model;
        if (loader->models[i].table.len > 0)
            tables[tables_nr++] = (struct table){loader->models[i].table, models[i].label};
    }
    loader->set->models = models;
    loader->set->models_nr = loader->models_nr;
    loader->set->tables = tables_build(tables, tables_nr, loader->arena);
}

static bool descends(const struct loader *loader, const struct model *model, struct slice label,
                     unsigned generation)
{
    for (size_t i = 0; i < model->parents_nr && generation < MAX_GENERATIONS; i++) {
        const struct declared_model *parent = find_model(loader, model->parents[i]);

        if (slice_equals_nocase(model->parents[i], label))
            return true;
        if (parent && descends(loader, &parent->model, label, generation + 1))
            return true;
    }
    return false;
}

void catalogue_children(struct loader *loader, struct slice label, struct slices *out)
{
    for (size_t i = 0; i < loader->models_nr; i++) {
        const struct model *model = &loader->models[i].model;

        if (slice_equals_nocase(model->label, label) || !descends(loader, model, label, 0))
            continue;
        out->items =
            arena_grow(loader->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
        out->items[out->nr++] = model->label;
    }
}

static bool holds(const struct slice *items, size_t nr, struct slice name)
{
    for (size_t i = 0; i < nr; i++) {
        if (slice_equals(items[i], name))
            return true;
    }
    return false;
}

/* True too when the catalogue cannot tell: a model or a parent without a list of fields. */
static bool may_have(const struct loader *loader, struct slice label,
                     const struct named_field *field, unsigned generation)
{
    const struct declared_model *model = find_model(loader, label);

    if (!model || model->model.fields_nr == 0 ||
        holds(model->model.fields, model->model.fields_nr, field->name) ||
        slice_equals(field->name, SLICE("id")))
        return true;
    if (field->root == FIELD_CHANGED && holds(model->m2m, model->m2m_nr, field->name))
        return true;
    for (size_t i = 0; i < model->model.parents_nr && generation < MAX_GENERATIONS; i++) {
        if (may_have(loader, model->model.parents[i], field, generation + 1))
            return true;
    }
    return false;
}

static void report_field(struct loader *loader, const struct named_field *field,
                         const struct declared_model *model)
{
    struct suggest suggest;

    suggest_init(&suggest, field->name);
    for (size_t i = 0; i < model->model.fields_nr; i++)
        suggest_offer(&suggest, model->model.fields[i]);
    report(loader, field->at,
           (struct remark){.code = "E205",
                           .on_name = field->on_name,
                           .is_inside = field->in_template,
                           .offset = field->offset,
                           .length = field->length,
                           .suggestion = suggest.best,
                           .help = arena_printf(loader->arena, "(catalogue: %.*s:%u)",
                                                SLICE_ARG(model->at->file->name),
                                                cursor_line(model->at))},
           "model \"%.*s\" has no field \"%.*s\"", SLICE_ARG(model->model.label),
           SLICE_ARG(field->name));
}

/*
 * In a template every model of the rule needs the field, or its events would be set aside; a
 * predicate is fine if one of them has it.
 */
static void check_field(struct loader *loader, const struct rule *rule,
                        const struct named_field *field)
{
    const struct declared_model *lacking = NULL;
    size_t lacking_nr = 0;

    for (size_t i = 0; i < rule->models_nr; i++) {
        if (may_have(loader, rule->models[i], field, 0))
            continue;
        lacking_nr++;
        if (!lacking)
            lacking = find_model(loader, rule->models[i]);
    }
    if (lacking && (field->in_template || lacking_nr == rule->models_nr))
        report_field(loader, field, lacking);
}

static bool needs_missing_row(const struct rule *rule, const struct named_field *field)
{
    return (field->root == FIELD_BEFORE && rule->ops == 1u << EVENT_CREATE) ||
           (field->root == FIELD_AFTER && rule->ops == 1u << EVENT_DELETE);
}

/* `{version}` is the event's; a row's own field of that name needs a side. */
static void check_shadowing(struct loader *loader, const struct rule *rule,
                            const struct named_field *field)
{
    struct slice name = field_root_text(field->root);

    if (!field->in_key || field->root == FIELD_ROW || field->root == FIELD_PK)
        return;
    for (size_t i = 0; i < rule->models_nr; i++) {
        const struct declared_model *model = find_model(loader, rule->models[i]);

        if (!model || !holds(model->model.fields, model->model.fields_nr, name))
            continue;
        report(loader, field->at,
               (struct remark){
                   .code = "W414",
                   .is_inside = true,
                   .offset = field->offset,
                   .length = field->length,
                   .help = arena_printf(loader->arena, "write {after.%.*s}", SLICE_ARG(name))},
               "{%.*s} is the event's own, not the field \"%.*s\" of model \"%.*s\"",
               SLICE_ARG(name), SLICE_ARG(name), SLICE_ARG(model->model.label));
        return;
    }
}

/* The type that the catalogue gives a field of the model or of its parents; absent: none. */
static struct slice type_of(const struct loader *loader, struct slice label, struct slice name,
                            unsigned generation)
{
    const struct declared_model *model = find_model(loader, label);
    struct slice type = SLICE_ABSENT;
    const json_t *field;

    if (!model)
        return type;
    field = json_object_get(json_object_get(model->at->json, "fields"),
                            arena_text(loader->arena, name));
    if (json_is_string(field))
        return slice_of(json_string_value(field));
    for (size_t i = 0; i < model->model.parents_nr && generation < MAX_GENERATIONS; i++) {
        if (slice_is_absent(type))
            type = type_of(loader, model->model.parents[i], name, generation + 1);
    }
    return type;
}

static bool is_integer_type(struct slice type)
{
    static const char *const types[] = {"int", "integer", "bigint", "smallint", "auto", "serial"};

    for (size_t i = 0; i < ARRAY_NR(types); i++) {
        if (slice_equals_nocase(type, slice_of(types[i])))
            return true;
    }
    return false;
}

/* A key is taken for an integer unless the catalogue knows better; a field only if it says so. */
static bool is_integer(const struct loader *loader, const struct rule *rule,
                       const struct named_field *field)
{
    bool is_pk = field->root == FIELD_PK;

    for (size_t i = 0; i < rule->models_nr; i++) {
        struct slice type = type_of(loader, rule->models[i], is_pk ? SLICE("id") : field->name, 0);

        if (!(is_pk && slice_is_absent(type)) && !is_integer_type(type))
            return false;
    }
    return rule->models_nr > 0;
}

static bool is_digits(const json_t *json)
{
    const char *text = json_string_value(json);

    return text && *text >= '1' && *text <= '9' && strspn(text, "0123456789") == strlen(text);
}

static void check_integer(struct loader *loader, const struct rule *rule,
                          const struct named_field *field)
{
    bool is_array = json_is_array(field->at->json);
    struct cursor_iter it = cursor_walk(field->at);
    const struct cursor *at = is_array ? cursor_next(&it) : field->at;

    if (field->in_template || !field->on_name || !is_integer(loader, rule, field))
        return;
    while (at) {
        if (is_digits(at->json))
            report(loader, at,
                   (struct remark){.code = "W412",
                                   .help = arena_printf(loader->arena, "write %s",
                                                        json_string_value(at->json))},
                   "a text never equals an integer");
        at = is_array ? cursor_next(&it) : NULL;
    }
}

void catalogue_check(struct loader *loader, const struct rule *rule)
{
    for (size_t i = 0; i < loader->fields_nr; i++) {
        const struct named_field *field = &loader->fields[i];
        bool is_before = field->root == FIELD_BEFORE;

        if (field->root == FIELD_PK || is_before || field->root == FIELD_AFTER)
            check_integer(loader, rule, field);
        if (needs_missing_row(rule, field))
            report(loader, field->at,
                   (struct remark){.code = "E206",
                                   .on_name = field->on_name,
                                   .is_inside = field->in_template,
                                   .offset = field->offset,
                                   .length = field->length},
                   is_before ? "a create has no row before it" : "a delete has no row after it");
        else if (!slice_is_absent(field->name) &&
                 (field->root == FIELD_ROW || field->root == FIELD_AFTER || is_before ||
                  field->root == FIELD_CHANGED))
            check_field(loader, rule, field);
        else
            check_shadowing(loader, rule, field);
    }
}

/* A label that is none of the catalogue's but near to one is a slip; any other is a model apart. */
void catalogue_check_model(struct loader *loader, const struct cursor *at, struct slice label)
{
    struct suggest suggest;

    if (find_model(loader, label))
        return;
    suggest_init(&suggest, label);
    for (size_t i = 0; i < loader->models_nr; i++)
        suggest_offer(&suggest, loader->models[i].model.label);
    if (slice_is_absent(suggest.best))
        return;
    report(loader, at, (struct remark){.code = "E202", .suggestion = suggest.best},
           "the catalogue has no model \"%.*s\"", SLICE_ARG(label));
}
