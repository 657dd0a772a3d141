#include "consumers/rules/value_template.h"

#include "consumers/rules/encode.h"
#include "consumers/rules/python.h"

enum node_kind { NODE_CONSTANT, NODE_FIELD, NODE_TEXT, NODE_ARRAY, NODE_OBJECT };

struct value_template {
    enum node_kind kind;
    enum value_type type; /* of a constant */
    struct slice text;    /* of a constant string or number */
    struct template tpl;  /* NODE_FIELD: one segment; NODE_TEXT */
    struct slice pointer; /* JSON pointer of the string it was */
    struct slice name;    /* as a member of an object */
    const struct value_template *items;
    size_t items_nr;
};

struct compiler {
    struct arena *arena;
    struct value_template_problems *problems;
};

static bool add_problem(struct compiler *c, struct slice pointer,
                        const struct template_problem *problem)
{
    struct value_template_problems *all = c->problems;

    if (all->nr < TEMPLATE_MAX_PROBLEMS)
        all->items[all->nr++] = (struct value_template_problem){pointer, *problem};
    return false;
}

static bool check_segments(struct compiler *c, const struct value_template *node)
{
    for (size_t i = 0; i < node->tpl.segments_nr; i++) {
        const struct segment *segment = &node->tpl.segments[i];
        struct template_problem problem = {
            "E208", segment->offset, segment->length,
            SLICE("[] makes several keys; a value takes the array as it is"), SLICE_ABSENT};

        if (segment->is_fanned_out)
            return add_problem(c, node->pointer, &problem);
    }
    return true;
}

static bool compile_text(struct compiler *c, struct slice text, struct value_template *out)
{
    struct template_problems found = {.nr = 0};

    if (!template_parse(arena_copy(c->arena, text), c->arena, &out->tpl, &found)) {
        for (size_t i = 0; i < found.nr; i++)
            add_problem(c, out->pointer, &found.items[i]);
        return false;
    }
    if (out->tpl.is_constant) {
        out->kind = NODE_CONSTANT;
        out->type = VALUE_STRING;
        out->text = out->tpl.segments_nr ? out->tpl.segments[0].literal : SLICE("");
        return true;
    }
    out->kind = out->tpl.segments_nr == 1 ? NODE_FIELD : NODE_TEXT;
    return check_segments(c, out);
}

/* jansson keeps a double of a real: printed in the fewest digits that read back, 0.1 stays 0.1. */
static struct slice print_number(const json_t *json, struct arena *arena)
{
    char text[PYTHON_FLOAT_BYTES];

    if (json_is_integer(json))
        return arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    return arena_copy(arena, (struct slice){text, python_float(json_real_value(json), text)});
}

static bool compile(struct compiler *c, const json_t *json, struct slice pointer,
                    struct value_template *out);

static bool compile_array(struct compiler *c, const json_t *json, struct value_template *out)
{
    size_t nr = json_array_size(json);
    struct value_template *items = arena_zero(c->arena, nr + 1, sizeof(*items));
    bool ok = true;

    for (size_t i = 0; i < nr; i++)
        ok &= compile(c, json_array_get(json, i),
                      arena_printf(c->arena, "%.*s/%zu", SLICE_ARG(out->pointer), i), &items[i]);
    *out = (struct value_template){
        .kind = NODE_ARRAY, .pointer = out->pointer, .items = items, .items_nr = nr};
    return ok;
}

/* A name as one step of a JSON pointer: ~ and / escaped. */
static struct slice pointer_step(struct arena *arena, struct slice pointer, struct slice name)
{
    struct sink sink;

    sink_init(&sink, arena);
    sink_add(&sink, pointer);
    sink_add_char(&sink, '/');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (c == '~' || c == '/')
            sink_add(&sink, c == '~' ? SLICE("~0") : SLICE("~1"));
        else
            sink_add_char(&sink, c);
    }
    return sink_slice(&sink);
}

static bool compile_object(struct compiler *c, const json_t *json, struct value_template *out)
{
    size_t nr = 0;
    struct value_template *items = arena_zero(c->arena, json_object_size(json) + 1, sizeof(*items));
    const char *key;
    json_t *member;
    bool ok = true;

    json_object_foreach((json_t *)(uintptr_t)json, key, member)
    {
        struct slice name = arena_copy(c->arena, slice_of(key));

        ok &= compile(c, member, pointer_step(c->arena, out->pointer, name), &items[nr]);
        items[nr++].name = name;
    }
    *out = (struct value_template){
        .kind = NODE_OBJECT, .pointer = out->pointer, .items = items, .items_nr = nr};
    return ok;
}

static bool compile(struct compiler *c, const json_t *json, struct slice pointer,
                    struct value_template *out)
{
    *out = (struct value_template){.kind = NODE_CONSTANT, .pointer = pointer};
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return compile_object(c, json, out);
    case JSON_ARRAY:
        return compile_array(c, json, out);
    case JSON_STRING:
        return compile_text(c, (struct slice){json_string_value(json), json_string_length(json)},
                            out);
    case JSON_INTEGER:
    case JSON_REAL:
        out->type = VALUE_NUMBER;
        out->text = print_number(json, c->arena);
        return true;
    case JSON_TRUE:
        out->type = VALUE_TRUE;
        return true;
    case JSON_FALSE:
        out->type = VALUE_FALSE;
        return true;
    case JSON_NULL:
        out->type = VALUE_NULL;
        return true;
    }
    return true;
}

const struct value_template *value_template_parse(const json_t *value, struct arena *arena,
                                                  struct value_template_problems *problems)
{
    struct compiler c = {arena, problems};
    struct value_template *root = arena_zero(arena, 1, sizeof(*root));

    return compile(&c, value, SLICE(""), root) ? root : NULL;
}

void value_template_visit(const struct value_template *value,
                          void (*visit)(const struct segment *segment, struct slice pointer,
                                        void *),
                          void *context)
{
    for (size_t i = 0; i < value->tpl.segments_nr; i++) {
        if (!slice_is_absent(value->tpl.segments[i].text))
            visit(&value->tpl.segments[i], value->pointer, context);
    }
    for (size_t i = 0; i < value->items_nr; i++)
        value_template_visit(&value->items[i], visit, context);
}

/* A value on its way into bytes. */
struct writer {
    const struct render_input *input;
    enum serializer serializer;
    struct sink sink;
    struct render_failure *failure;
};

static enum render_status fail_null(struct writer *w, const struct value_template *node)
{
    *w->failure = (struct render_failure){
        REASON_NULL_FIELD, node->tpl.segments[0].text,
        arena_printf(w->sink.arena, "a null in the text \"%.*s\"", SLICE_ARG(node->tpl.source))};
    return RENDER_FAILED;
}

static enum render_status text_of(struct writer *w, const struct value_template *node,
                                  struct field *out)
{
    struct render_style style = {.is_django = w->serializer != SERIALIZER_RAW};
    struct slice item[1];
    struct texts texts = {item, 0, 1};
    enum render_status status = template_render(&node->tpl, w->input, style, &texts, w->failure);

    if (status == RENDER_OK)
        *out = field_of_text(texts.items[0]);
    return status == RENDER_NULL_DROPPED ? fail_null(w, node) : status;
}

/* What a leaf comes to; containers are written piece by piece. */
static enum render_status leaf_of(struct writer *w, const struct value_template *node,
                                  struct field *out)
{
    if (node->kind == NODE_FIELD)
        return segment_value(&node->tpl.segments[0], w->input, out, w->failure);
    if (node->kind == NODE_TEXT)
        return text_of(w, node, out);
    *out = (struct field){FIELD_PRESENT, node->type, node->text, NULL};
    return RENDER_OK;
}

static enum render_status write_field(struct writer *w, const struct value_template *node,
                                      const struct field *field)
{
    bool is_pickle = w->serializer == SERIALIZER_PICKLE;

    if (!is_pickle && w->serializer != SERIALIZER_MSGPACK) {
        encode_json(&w->sink, field);
        return RENDER_OK;
    }
    if (is_pickle ? pickle_field(&w->sink, field) : msgpack_field(&w->sink, field))
        return RENDER_OK;
    *w->failure = (struct render_failure){
        REASON_BAD_VALUE, node->kind == NODE_FIELD ? node->tpl.segments[0].text : SLICE_ABSENT,
        is_pickle ? SLICE("an integer of more than 4300 digits cannot be pickled")
                  : SLICE("an integer beyond 64 bits has no msgpack")};
    return RENDER_FAILED;
}

static void write_name(struct writer *w, const struct value_template *item, bool is_first)
{
    if (w->serializer == SERIALIZER_PICKLE || w->serializer == SERIALIZER_MSGPACK) {
        if (!slice_is_absent(item->name))
            (w->serializer == SERIALIZER_PICKLE ? pickle_text : msgpack_text)(&w->sink, item->name);
        return;
    }
    if (!is_first)
        sink_add_char(&w->sink, ',');
    if (slice_is_absent(item->name))
        return;
    encode_json_text(&w->sink, item->name);
    sink_add_char(&w->sink, ':');
}

static enum render_status write_items(struct writer *w, const struct value_template *node);

/* A member that is left out takes its name and comma with it. */
static enum render_status write_node(struct writer *w, const struct value_template *node,
                                     bool is_first)
{
    struct field field;
    enum render_status status;

    if (node->kind == NODE_ARRAY || node->kind == NODE_OBJECT) {
        write_name(w, node, is_first);
        return write_items(w, node);
    }
    status = leaf_of(w, node, &field);
    if (status != RENDER_OK)
        return status;
    write_name(w, node, is_first);
    return write_field(w, node, &field);
}

static void begin_container(struct writer *w, bool is_object)
{
    if (w->serializer == SERIALIZER_PICKLE)
        sink_add(&w->sink, is_object ? SLICE("}(") : SLICE("]("));
    else if (w->serializer != SERIALIZER_MSGPACK)
        sink_add_char(&w->sink, is_object ? '{' : '[');
}

/* Of nr items, which begin at `start`. */
static void end_container(struct writer *w, bool is_object, size_t start, size_t nr)
{
    if (w->serializer == SERIALIZER_MSGPACK)
        msgpack_wrap(&w->sink, start, is_object, nr);
    else if (w->serializer != SERIALIZER_PICKLE)
        sink_add_char(&w->sink, is_object ? '}' : ']');
    else if (nr == 0)
        w->sink.len--; /* nothing to mark: an empty container is its opcode alone */
    else
        sink_add_char(&w->sink, is_object ? 'u' : 'e');
}

static enum render_status write_items(struct writer *w, const struct value_template *node)
{
    bool is_object = node->kind == NODE_OBJECT;
    size_t start = w->sink.len, nr = 0;

    begin_container(w, is_object);
    for (size_t i = 0; i < node->items_nr; i++) {
        enum render_status status = write_node(w, &node->items[i], nr == 0);

        if (status == RENDER_FAILED)
            return status;
        nr += status != RENDER_DROPPED;
    }
    end_container(w, is_object, start, nr);
    return RENDER_OK;
}

/* Django's backends store an integer as its digits, whatever the serializer. */
static bool is_bare(const struct writer *w, const struct field *field)
{
    if (w->serializer == SERIALIZER_RAW)
        return field->type == VALUE_STRING;
    return w->serializer != SERIALIZER_JSON && field->type == VALUE_NUMBER &&
           number_is_integer(field->text);
}

static enum render_status write_root(struct writer *w, const struct value_template *value)
{
    bool is_leaf = value->kind != NODE_ARRAY && value->kind != NODE_OBJECT;
    struct field field = {.type = VALUE_OBJECT};
    enum render_status status = is_leaf ? leaf_of(w, value, &field) : RENDER_OK;

    if (status != RENDER_OK)
        return status;
    if (is_bare(w, &field)) {
        sink_add(&w->sink, field.text);
        return RENDER_OK;
    }
    if (w->serializer == SERIALIZER_PICKLE)
        pickle_begin(&w->sink);
    status = is_leaf ? write_field(w, value, &field) : write_items(w, value);
    if (w->serializer == SERIALIZER_PICKLE)
        pickle_end(&w->sink);
    return status;
}

enum render_status value_template_render(const struct value_template *value,
                                         const struct render_input *input,
                                         enum serializer serializer, struct slice *out,
                                         struct render_failure *failure)
{
    struct writer w = {input, serializer, {.arena = input->arena}, failure};
    enum render_status status = RENDER_FAILED;

    if (serializer == SERIALIZER_NONE)
        *failure = (struct render_failure){REASON_BAD_VALUE, SLICE_ABSENT,
                                           SLICE("this cache's serializer cannot be written")};
    else
        status = write_root(&w, value);
    if (status == RENDER_OK)
        *out = sink_slice(&w.sink);
    return status;
}
