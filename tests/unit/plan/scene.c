#include "tests/unit/plan/scene.h"

#include <check.h>

#include "consumers/event/decode.h"
#include "consumers/plan/op_json.h"
#include "consumers/rules/load.h"

void scene_init(struct scene *scene, const char *rules)
{
    struct rule_source source = {.name = SLICE("rules.json")};
    struct diagnostics found;

    memset(scene, 0, sizeof(*scene));
    arena_init(&scene->arena, 1 << 16);
    plan_init(&scene->plan);
    plan_clear(&scene->plan, &scene->arena);
    diagnostics_init(&found);
    source.text = arena_printf(&scene->arena,
                               "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"django\","
                               "\"prefix\":\"p\",\"serializer\":\"json\"},"
                               "\"tenant\":{\"keys\":\"raw\",\"prefix\":\"{tenant}:\"},"
                               "\"raw\":{\"keys\":\"raw\",\"serializer\":\"raw\"}},\"rules\":[%s]}",
                               rules);
    scene->ruleset = load_sources(&source, 1, &found);
    ck_assert_msg(scene->ruleset != NULL, "%s: %.*s", rules,
                  SLICE_ARG(found.nr ? found.items[0].message : SLICE("?")));
    diagnostics_release(&found);
    scene->context = (struct render_context){.ruleset = scene->ruleset,
                                             .plan = &scene->plan,
                                             .arena = &scene->arena,
                                             .counts = scene->counts};
}

void scene_release(struct scene *scene)
{
    ruleset_free(scene->ruleset);
    plan_release(&scene->plan);
    arena_release(&scene->arena);
}

void scene_event(struct scene *scene, const char *json, uint32_t index)
{
    struct record record = {.timestamp_ms = -1, .value = slice_of(json)};
    struct event event;
    struct error err = ERROR_INIT;
    const char *skipped = NULL;
    enum decode_result result = decode_record(&record, NULL, &scene->arena, &event, &skipped, &err);

    /* Not an assertion: libcheck's allocate, and a test counts. */
    if (result != DECODE_EVENT)
        ck_abort_msg("%s: %s", json, err.text);
    render_event(&scene->context, &event, index);
}

static const char *keep(struct scene *scene, struct buffer *out)
{
    const char *copy = arena_text(&scene->arena, buffer_slice(out));

    buffer_release(out);
    return copy;
}

const char *scene_ops(struct scene *scene)
{
    struct buffer out;

    buffer_init(&out);
    for (size_t i = 0; i < scene->plan.ops_nr; i++) {
        if (scene->plan.ops[i].merged_into != OP_LIVE)
            continue;
        op_print_json(&scene->plan.ops[i], &scene->plan, &out);
        buffer_add_char(&out, '\n');
    }
    return keep(scene, &out);
}

const char *scene_failures(struct scene *scene)
{
    struct buffer out;

    buffer_init(&out);
    failures_print_json(scene->plan.failures, scene->plan.failures_nr, &out);
    return keep(scene, &out);
}
