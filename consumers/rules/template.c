#include "consumers/rules/template.h"

#include "consumers/base/glob.h"
#include "consumers/rules/digest.h"
#include "consumers/rules/encode.h"
#include "consumers/rules/filter.h"

enum { TEMPLATE_STACK_SEGMENTS = 16 };

/* What the rendering of one template and side needs to know everywhere. */
struct scene {
    const struct render_input *input;
    struct render_style style;
    struct arena *arena; /* the input's */
    struct render_failure *failure;
};

const char *reason_text(enum reason reason)
{
    static const char *const texts[] = {
        [REASON_NONE] = "none",
        [REASON_MISSING_FIELD] = "missing_field",
        [REASON_NULL_FIELD] = "null_field",
        [REASON_EMPTY_FIELD] = "empty_field",
        [REASON_ARRAY_FIELD] = "array_field",
        [REASON_MAX_KEYS] = "max_keys",
        [REASON_BAD_EVENT] = "bad_event",
        [REASON_BAD_VALUE] = "bad_value",
        [REASON_TOO_LARGE] = "too_large",
        [REASON_NOT_A_COUNTER] = "not_a_counter",
        [REASON_REDIS_ERROR] = "redis_error",
    };

    return texts[reason];
}

static enum render_status fail(const struct scene *scene, const struct segment *segment,
                               enum reason reason, const char *what)
{
    struct slice detail =
        arena_printf(scene->arena, "field \"%.*s\" %s", SLICE_ARG(segment->text), what);

    *scene->failure = (struct render_failure){reason, segment->text, detail};
    return RENDER_FAILED;
}

static const struct filter *find_default(const struct segment *segment)
{
    for (size_t i = 0; i < segment->filters_nr; i++) {
        if (segment->filters[i].kind == FILTER_DEFAULT)
            return &segment->filters[i];
    }
    return NULL;
}

static const struct filter *find_split(const struct segment *segment)
{
    for (size_t i = 0; i < segment->filters_nr; i++) {
        if (segment->filters[i].kind == FILTER_SPLIT)
            return &segment->filters[i];
    }
    return NULL;
}

static bool needs_value(const struct segment *segment)
{
    for (size_t i = 0; i < segment->filters_nr; i++) {
        if (filter_needs_value(segment->filters[i].kind))
            return true;
    }
    return false;
}

static const struct filter *filters_end(const struct segment *segment)
{
    return segment->filters_nr ? segment->filters + segment->filters_nr : NULL;
}

/*
 * Runs the filters from `from` to before `end`. An empty text counts as absent for `default` where it
 * is one; what stands in for an absent text is not split.
 */
static enum render_status run_range(const struct scene *scene, const struct segment *segment,
                                    const struct filter *from, const struct filter *end,
                                    struct field *field)
{
    bool is_django = scene->style.is_django;

    for (const struct filter *filter = from; filter < end; filter++) {
        const char *why = NULL;

        if (filter->kind == FILTER_SPLIT)
            continue;
        if (filter->kind == FILTER_DEFAULT) {
            if (scene->style.null_is_error && field->type == VALUE_STRING && field->text.len == 0)
                *field = field_of_text(filter->arg);
        } else if (!filter_apply(filter, is_django, scene->arena, field, &why)) {
            return fail(scene, segment, REASON_BAD_VALUE, why);
        }
    }
    return RENDER_OK;
}

static enum render_status run_filters(const struct scene *scene, const struct segment *segment,
                                      const struct filter *from, struct field *field)
{
    return run_range(scene, segment, from, filters_end(segment), field);
}

/* A missing field, or a null where null is an error: {x?} drops, |default:v fills. */
static enum render_status render_absent(const struct scene *scene, const struct segment *segment,
                                        enum reason reason, struct field *field)
{
    const struct filter *filler = find_default(segment);

    if (filler) {
        *field = field_of_text(filler->arg);
        return run_filters(scene, segment, filler + 1, field);
    }
    if (segment->is_optional)
        return RENDER_DROPPED;
    return fail(scene, segment, reason,
                reason == REASON_NULL_FIELD ? "is null" : "is missing from the event");
}

static enum render_status render_null(const struct scene *scene, const struct segment *segment,
                                      struct field *field)
{
    bool is_error = scene->style.null_is_error || needs_value(segment);

    if (is_error || (!scene->style.is_django && (segment->is_optional || find_default(segment))))
        return render_absent(scene, segment, REASON_NULL_FIELD, field);
    if (!scene->style.is_django)
        return RENDER_NULL_DROPPED;
    return run_filters(scene, segment, segment->filters, field);
}

static enum render_status render_container(const struct scene *scene, const struct segment *segment,
                                           const struct field *field)
{
    if (field->type == VALUE_OBJECT)
        return fail(scene, segment, REASON_BAD_VALUE, "is an object; name one of its members");
    return fail(scene, segment, REASON_ARRAY_FIELD,
                "is an array; write [] after it for one key per element");
}

static bool is_container(const struct field *field)
{
    return field->type == VALUE_ARRAY || field->type == VALUE_OBJECT;
}

static enum render_status finish_text(const struct scene *scene, const struct segment *segment,
                                      const struct field *field, struct slice *out)
{
    if (!filter_text(field, scene->style.is_django, out))
        return render_container(scene, segment, field);
    if (out->len == 0 && scene->style.null_is_error) {
        if (segment->is_optional)
            return RENDER_DROPPED;
        return fail(scene, segment, REASON_EMPTY_FIELD, "is empty");
    }
    if (scene->style.is_pattern) {
        char *escaped = arena_bytes(scene->arena, glob_escaped_bytes(*out) + 1);

        *out = (struct slice){escaped, glob_escape(*out, escaped)};
    }
    return RENDER_OK;
}

/* The field is the caller's to lose: filters run in it. */
static enum render_status render_value(const struct scene *scene, const struct segment *segment,
                                       struct field *field, struct slice *out)
{
    enum render_status status = RENDER_OK;

    if (field->state != FIELD_PRESENT)
        status = render_absent(scene, segment, REASON_MISSING_FIELD, field);
    else if (field->type == VALUE_NULL)
        status = render_null(scene, segment, field);
    else if (is_container(field) &&
             (segment->filters_nr == 0 || !filter_takes_container(segment->filters[0].kind)))
        status = render_container(scene, segment, field);
    else if (segment->filters_nr > 0)
        status = run_filters(scene, segment, segment->filters, field);
    return status == RENDER_OK ? finish_text(scene, segment, field, out) : status;
}

/* In place: a field handed up by value costs more than to look it up. */
static void get(const struct scene *scene, const struct segment *segment, struct field *field)
{
    const struct render_input *input = scene->input;

    *field = (struct field){.state = FIELD_MISSING};
    field_fill(field, input->event, input->row, input->side, &segment->path, input->arena);
    /* A key of one column is that column, however it was sent. */
    if (field->type == VALUE_ARRAY && segment->path.root == FIELD_PK &&
        segment->path.parts_nr == 0 && value_nr(field->value) == 1)
        *field = field_of_value(value_at(field->value, 0));
}

/* Nearly all values: the text as it is. */
static bool is_plain(const struct scene *scene, const struct segment *segment,
                     const struct field *field)
{
    return field->state == FIELD_PRESENT &&
           (field->type == VALUE_STRING || field->type == VALUE_NUMBER) && field->text.len > 0 &&
           segment->filters_nr == 0 && !scene->style.is_pattern;
}

static enum render_status render_segment(const struct scene *scene, const struct segment *segment,
                                         struct slice *out)
{
    struct field field;

    get(scene, segment, &field);
    if (is_plain(scene, segment, &field)) {
        /* By halves: a copy of both at once would have to wait for the two writes before it. */
        out->ptr = field.text.ptr;
        out->len = field.text.len;
        return RENDER_OK;
    }
    return render_value(scene, segment, &field, out);
}

static void push(const struct scene *scene, struct texts *out, struct slice text)
{
    out->items = arena_grow(scene->arena, out->items, out->nr, &out->capacity, sizeof(*out->items));
    out->items[out->nr++] = text;
}

/* Literals and values put together in one piece of the arena. */
static struct slice assemble(const struct scene *scene, const struct slice *pieces, size_t nr)
{
    size_t len = 0;
    char *out, *to;

    for (size_t i = 0; i < nr; i++)
        len += pieces[i].len;
    out = to = arena_bytes(scene->arena, len + 1);
    for (size_t i = 0; i < nr; i++) {
        memcpy(to, pieces[i].ptr, pieces[i].len);
        to += pieces[i].len;
    }
    return (struct slice){out, len};
}

/* Worst first: what a fanned out template reports when its elements differ. */
static enum render_status worse(enum render_status a, enum render_status b)
{
    return a > b ? a : b;
}

static struct field element_field(const struct segment *segment, const struct value *element)
{
    const struct field_path *path = &segment->element;

    for (size_t i = 0; i < path->parts_nr && element; i++) {
        const struct field_part *part = &path->parts[i];

        element = slice_is_absent(part->name) ? value_at(element, part->index)
                                              : value_get(element, part->name);
    }
    return field_of_value(element);
}

/* No array where one was to be fanned out: a scalar is an array of one. False: *status says why not. */
static bool fan_as_element(const struct scene *scene, const struct segment *segment,
                           struct field *field, enum render_status *status)
{
    bool is_null = field->state == FIELD_PRESENT && field->type == VALUE_NULL;

    if (field->state == FIELD_PRESENT && field->type == VALUE_OBJECT) {
        *status = fail(scene, segment, REASON_BAD_VALUE, "is an object, not an array");
        return false;
    }
    if (is_null && !scene->style.null_is_error) {
        *status = segment->is_optional ? RENDER_DROPPED : RENDER_NULL_DROPPED;
        if (find_default(segment) == NULL)
            return false;
        *status = RENDER_OK;
        *field = field_of_value(NULL);
    }
    if (!is_null && segment->element.parts_nr > 0)
        *field = field_of_value(NULL);
    return true;
}

/* A template whose texts are one for each element of something. */
struct fan {
    const struct scene *scene;
    const struct template *tpl;
    const struct segment *segment;
    struct slice *pieces; /* the segment's own among them */
    struct texts *out;
    enum render_status status; /* the worst so far */
};

/* The elements that fail do not keep the others back; the first failure is told. */
static void fan_take(struct fan *fan, enum render_status status,
                     const struct render_failure *earlier)
{
    if (status == RENDER_OK)
        push(fan->scene, fan->out, assemble(fan->scene, fan->pieces, fan->tpl->segments_nr));
    else if (status == RENDER_FAILED && fan->status == RENDER_FAILED)
        *fan->scene->failure = *earlier;
    fan->status = worse(fan->status, status);
}

static void fan_element(struct fan *fan, struct field field)
{
    struct render_failure earlier = *fan->scene->failure;
    struct slice *piece = &fan->pieces[fan->segment - fan->tpl->segments];

    fan_take(fan, render_value(fan->scene, fan->segment, &field, piece), &earlier);
}

static void fan_split(struct fan *fan, const struct filter *split, struct field field)
{
    const struct segment *segment = fan->segment;
    struct render_failure earlier = *fan->scene->failure;
    struct slice text, part, *piece = &fan->pieces[segment - fan->tpl->segments];
    enum render_status status = run_range(fan->scene, segment, segment->filters, split, &field);

    if (status == RENDER_OK && !filter_text(&field, fan->scene->style.is_django, &text))
        status = render_container(fan->scene, segment, &field);
    if (status != RENDER_OK) {
        fan_take(fan, status, &earlier);
        return;
    }
    while (filter_split(split, &text, &part)) {
        field = field_of_text(part);
        earlier = *fan->scene->failure;
        status = run_filters(fan->scene, segment, split + 1, &field);
        if (status == RENDER_OK)
            status = finish_text(fan->scene, segment, &field, piece);
        fan_take(fan, status, &earlier);
    }
}

static void fan_field(struct fan *fan, struct field field)
{
    const struct filter *split = find_split(fan->segment);

    if (split && field.state == FIELD_PRESENT && field.type != VALUE_NULL)
        fan_split(fan, split, field);
    else
        fan_element(fan, field);
}

static void fan_digest(struct fan *fan)
{
    const struct scene *scene = fan->scene;
    struct texts texts = {NULL, 0, 0};

    fan->status =
        digest_render(fan->segment->digest, scene->input, scene->style, &texts, scene->failure);
    for (size_t i = 0; i < texts.nr; i++) {
        fan->pieces[fan->segment - fan->tpl->segments] = texts.items[i];
        push(scene, fan->out, assemble(scene, fan->pieces, fan->tpl->segments_nr));
    }
}

static enum render_status fan_out(struct fan *fan)
{
    const struct segment *segment = fan->segment;
    size_t before = fan->out->nr;
    struct field array;

    if (segment->digest) {
        fan_digest(fan);
        return fan->status;
    }
    get(fan->scene, segment, &array);
    if (array.type == VALUE_ARRAY) {
        struct value_iter it = value_walk(array.value);

        while (value_next(&it))
            fan_field(fan, element_field(segment, it.item));
        return fan->status != RENDER_FAILED && fan->out->nr > before ? RENDER_OK : fan->status;
    }
    if (fan_as_element(fan->scene, segment, &array, &fan->status))
        fan_field(fan, array);
    return fan->status;
}

static enum render_status render_digest(const struct scene *scene, const struct segment *segment,
                                        struct slice *out)
{
    struct texts texts = {NULL, 0, 0};
    enum render_status status =
        digest_render(segment->digest, scene->input, scene->style, &texts, scene->failure);

    if (status == RENDER_OK)
        *out = texts.items[0];
    return status;
}

/* Renders every segment but a fanned out one, which is handed back. */
static enum render_status gather(const struct scene *scene, const struct template *tpl,
                                 struct slice *pieces, const struct segment **fanned_out)
{
    for (size_t i = 0; i < tpl->segments_nr; i++) {
        const struct segment *segment = &tpl->segments[i];
        enum render_status status;

        if (slice_is_absent(segment->text)) {
            pieces[i] = segment->literal;
            continue;
        }
        if (segment->is_fanned_out && *fanned_out == NULL) {
            *fanned_out = segment;
            continue;
        }
        status = segment->digest ? render_digest(scene, segment, &pieces[i])
                                 : render_segment(scene, segment, &pieces[i]);
        if (status != RENDER_OK)
            return status;
    }
    return RENDER_OK;
}

enum render_status template_render(const struct template *tpl, const struct render_input *input,
                                   struct render_style style, struct texts *out,
                                   struct render_failure *failure)
{
    struct scene scene = {input, style, input->arena, failure};
    struct slice stack[TEMPLATE_STACK_SEGMENTS], *pieces = stack;
    const struct segment *fanned_out = NULL;
    enum render_status status;

    if (tpl->is_constant) {
        push(&scene, out, tpl->segments_nr ? tpl->segments[0].literal : SLICE(""));
        return RENDER_OK;
    }
    if (tpl->segments_nr > TEMPLATE_STACK_SEGMENTS)
        pieces = arena_alloc(input->arena, tpl->segments_nr * sizeof(*pieces));
    status = gather(&scene, tpl, pieces, &fanned_out);
    if (status != RENDER_OK)
        return status;
    if (fanned_out)
        return fan_out(&(struct fan){&scene, tpl, fanned_out, pieces, out, RENDER_OK});
    push(&scene, out, assemble(&scene, pieces, tpl->segments_nr));
    return RENDER_OK;
}

enum render_status segment_value(const struct segment *segment, const struct render_input *input,
                                 struct field *out, struct render_failure *failure)
{
    struct scene scene = {input, {.is_django = true}, input->arena, failure};
    const struct filter *filler = find_default(segment);

    get(&scene, segment, out);
    if (out->state == FIELD_PRESENT && out->type == VALUE_NULL && !needs_value(segment))
        return RENDER_OK;
    if (out->state != FIELD_PRESENT && filler && slice_equals(filler->arg, SLICE("null")) &&
        filler + 1 == segment->filters + segment->filters_nr) {
        *out = (struct field){.state = FIELD_PRESENT, .type = VALUE_NULL};
        return RENDER_OK;
    }
    if (out->state != FIELD_PRESENT)
        return render_absent(&scene, segment, REASON_MISSING_FIELD, out);
    if (out->type == VALUE_NULL)
        return render_absent(&scene, segment, REASON_NULL_FIELD, out);
    return run_filters(&scene, segment, segment->filters, out);
}
