/*
 * scene - rules from JSON text and events run through them, for tests of the plan room.
 */
#ifndef TESTS_UNIT_PLAN_SCENE_H
#define TESTS_UNIT_PLAN_SCENE_H

#include "consumers/plan/render.h"

struct scene {
    struct ruleset *ruleset;
    struct arena arena;
    struct plan plan;
    struct rule_count counts[64];
    struct render_context context;
};

/* `rules` is the text of the "rules" array's elements; caches: default (django, prefix p), tenant ({tenant}:), raw. */
void scene_init(struct scene *scene, const char *rules);
void scene_release(struct scene *scene);

/* Renders one event as record `record`. */
void scene_event(struct scene *scene, const char *json, uint32_t record);

/* Live ops as JSON, one a line; from the arena. */
const char *scene_ops(struct scene *scene);

/* The failures as JSON. */
const char *scene_failures(struct scene *scene);

#endif
