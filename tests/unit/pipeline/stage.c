#include "tests/unit/pipeline/stage.h"

#include <check.h>

#include "consumers/rules/load.h"

enum { NOW_MS = 1795341600 };

struct ruleset *stage_ruleset(const char *rules)
{
    const struct slice names[] = {SLICE("default")};
    struct error err = ERROR_INIT;
    struct diagnostics found;
    char text[4096];
    (void)snprintf(
        text, sizeof(text),
        "{\"version\":1,\"caches\":{\"default\":{\"keys\":\"raw\",\"serializer\":\"raw\"}},"
        "\"rules\":[%s]}",
        rules);
    struct rule_source source = {SLICE("rules.json"), slice_of(text)};
    diagnostics_init(&found);
    struct ruleset *ruleset = load_sources(&source, 1, &found);
    ck_assert_msg(ruleset != NULL, "%s: %.*s", rules,
                  SLICE_ARG(found.nr ? found.items[0].message : SLICE("?")));
    diagnostics_release(&found);
    ck_assert_msg(ruleset_bind_targets(ruleset, names, 1, &err), "%s", err.text);
    return ruleset;
}

void stage_init(struct stage *stage, const char *rules)
{
    memset(stage, 0, sizeof(*stage));
    pipeline_stats_init(&stage->stats);
    stage->rules = rules_handle_new();
    rules_handle_publish(stage->rules, stage_ruleset(rules));
    stage->offsets = offsets_new();
    batch_init(&stage->batch);
}

void stage_release(struct stage *stage)
{
    batch_release(&stage->batch);
    offsets_free(stage->offsets);
    rules_handle_free(stage->rules);
    pipeline_stats_release(&stage->stats);
}

static uint32_t slot_of(struct stage *stage, int32_t partition)
{
    for (uint32_t slot = 0; slot < offsets_nr(stage->offsets); slot++)
        if (offsets_slot(stage->offsets, slot)->partition == partition)
            return slot;
    return offsets_assign(stage->offsets, SLICE("model-events"), partition);
}

static int64_t next_offset(const struct stage *stage, uint32_t slot)
{
    int64_t frontier = offsets_slot(stage->offsets, slot)->frontier;
    int64_t next = frontier == OFFSETS_NONE ? 0 : frontier;
    for (size_t i = 0; i < stage->batch.records_nr; i++)
        next += stage->batch.records[i].mark.slot == slot;
    return next;
}

struct source_record *stage_record(struct stage *stage, int32_t partition, const char *value)
{
    uint32_t slot = slot_of(stage, partition);
    struct source_record record = {
        .record = {.topic = SLICE("model-events"),
                   .partition = partition,
                   .offset = next_offset(stage, slot),
                   .timestamp_ms = NOW_MS,
                   .key = SLICE_ABSENT,
                   .value = value ? slice_of(value) : SLICE_ABSENT},
        .mark = {.slot = slot, .epoch = offsets_slot(stage->offsets, slot)->epoch}};
    record.mark.offset = record.record.offset;
    struct source_record *place = &stage->batch.records[stage->batch.records_nr++];
    *place = record;
    stage->batch.bytes += record.record.value.len;
    return place;
}

struct source_record *stage_event(struct stage *stage, int32_t partition, const char *model,
                                  unsigned pk)
{
    struct slice text = arena_printf(&stage->batch.arena,
                                     "{\"event\":\"post_save\",\"model\":\"%s\",\"pk\":%u,"
                                     "\"created\":true,\"after\":{}}",
                                     model, pk);
    return stage_record(stage, partition, arena_text(&stage->batch.arena, text));
}

void stage_plan(struct stage *stage, int64_t now_ms, size_t max_event_bytes)
{
    struct batch_context context = {.stats = &stage->stats,
                                    .models = &stage->models,
                                    .counts = stage->counts,
                                    .max_event_bytes = max_event_bytes,
                                    .tail = stage->tail,
                                    .now_ms = now_ms};
    batch_plan(&stage->batch, rules_handle_take(stage->rules), &context);
}

int64_t stage_watermark(const struct stage *stage, int32_t partition)
{
    for (uint32_t slot = 0; slot < offsets_nr(stage->offsets); slot++)
        if (offsets_slot(stage->offsets, slot)->partition == partition)
            return offsets_slot(stage->offsets, slot)->watermark;
    return OFFSETS_NONE;
}
