/*
 * ruleset - the rules as they run: loaded whole, immutable, swapped by a pointer.
 *
 * Built by load.h from JSON files; everything lives in one arena and is freed with it. Rules stand
 * in file order (files in name order). Lookup goes by model and op, so that rules of other models
 * cost nothing however many there are.
 */
#ifndef CONSUMERS_RULES_RULESET_H
#define CONSUMERS_RULES_RULESET_H

#include "consumers/base/error.h"
#include "consumers/event/tables.h"
#include "consumers/rules/rule_test.h"
#include "consumers/rules/template.h"
#include "consumers/rules/value_template.h"

/* In the order a rule executes them. */
enum verb { VERB_BUMP, VERB_REFRESH, VERB_DELETE, VERB_EXPIRE, VERB_PURGE_TAG, VERB_PURGE };

enum { VERB_NR = 6, RULE_MAX_KEYS = 1000, EVENT_MAX_KEYS = 200000, AGAIN_AFTER_MAX_MS = 60000 };

const char *verb_text(enum verb verb);

/* Names of a pattern's operators. NULL past the end. */
const char *operator_name(size_t index);

/* One operator of a pattern: exact literal, {"prefix": ...}, {"numeric": [...]}, ... */
enum test_kind {
    TEST_EXACT,
    TEST_PREFIX,
    TEST_SUFFIX,
    TEST_EQUALS_IGNORE_CASE,
    TEST_WILDCARD,     /* `*` only, `\*` for a literal one; at most 3 */
    TEST_ANYTHING_BUT, /* none of `inner` */
    TEST_NUMERIC,
    TEST_EXISTS
};

enum numeric_op { NUMERIC_EQ, NUMERIC_LT, NUMERIC_LE, NUMERIC_GT, NUMERIC_GE };

struct numeric_bound {
    enum numeric_op op;
    struct slice number; /* decimal text */
};

struct test {
    enum test_kind kind;
    enum value_type type; /* of an exact literal */
    struct slice text;    /* literal, prefix, suffix, wildcard, number text */
    struct numeric_bound bounds[2];
    size_t bounds_nr;
    bool exists;
    const struct test *inner; /* of anything-but */
    size_t inner_nr;
};

/* A path and its alternatives: true when one test holds for the value or an element of it. */
struct predicate {
    struct field_path path;
    const struct test *tests;
    size_t tests_nr;
    unsigned ops; /* of FIELD_OP: bit 1 << enum event_op for each op whose name a test holds for */
    struct slice want; /* compact JSON of the tests as written, for explain */
};

struct pattern;

struct pattern_group {
    const struct pattern *branches; /* $or: one must hold */
    size_t branches_nr;
};

/* All predicates and every $or group must hold. `op` defaults are already written in by the loader. */
struct pattern {
    const struct predicate *predicates;
    size_t predicates_nr;
    const struct pattern_group *groups;
    size_t groups_nr;
};

struct ruleset;

enum cache_keys { CACHE_RAW, CACHE_DJANGO };

struct cache {
    struct slice name;
    enum cache_keys keys;
    struct template prefix;       /* as written */
    const struct slice *versions; /* django: at least one ("1"); raw: none */
    size_t versions_nr;
    const struct template *heads; /* what stands before a key, one for each version */
    const struct template *tails; /* and after it */
    size_t heads_nr;              /* raw: 1 */
    bool hashes_keys;             /* key_function does: no pattern reaches them */
    enum serializer serializer;
    struct slice lock_suffix; /* absent: none declared */
    const struct slice *i18n; /* what keys of pages end in, such as "en-us.UTC"; none: not known */
    size_t i18n_nr;
    struct slice redis; /* name of the target */
    uint64_t redis_hash;
    size_t index;  /* of the cache in its ruleset */
    size_t target; /* of `redis` among the service's targets: ruleset_bind_targets() */
    const struct slice *protect; /* globs, defaults included */
    size_t protect_nr;
    bool allow_broad;
};

enum refresh_if { REFRESH_ALWAYS, REFRESH_EXISTS, REFRESH_MISSING };

enum guard_kind {
    GUARD_NONE,    /* refresh with "guard": false, or a key without {pk}; delete without guard */
    GUARD_VERSION, /* {version}: the explicit version, else the clock */
    GUARD_TEMPLATE
};

struct action {
    enum verb verb;
    const struct rule *rule;
    const struct cache *cache;
    const struct template *targets; /* full keys or patterns: cache prefix and version included */
    size_t targets_nr;              /* one for each written key and cache version */
    struct render_style style;
    int64_t again_after_ms; /* delete; 0: off */
    enum guard_kind guard;  /* refresh, delete */
    struct template guard_template;
    int64_t coalesce_ms, rate, slow_above; /* purge; 0: unset */
    int64_t start;                         /* bump */
    bool to_increment;                     /* bump: "to": "increment" */
    const struct value_template *value;    /* refresh */
    int64_t ttl_ms;                        /* refresh, expire */
    int64_t jitter_ms;                     /* expire */
    bool is_pattern;                       /* purge, expire.pattern */
    enum refresh_if condition;             /* refresh */
};

enum rule_mode { RULE_LIVE, RULE_SHADOW };

struct rule {
    struct slice name;
    struct slice description;
    struct slice file;
    unsigned line; /* of its name */
    size_t index;  /* in the ruleset */
    enum rule_mode mode;
    bool is_enabled;   /* a disabled rule is loaded, checked and never tried */
    bool skip_missing; /* on_missing: "skip" */
    size_t max_keys;   /* per row */
    const struct cache *cache;
    const struct ruleset *ruleset; /* it belongs to, for the catalogue's parents */
    struct pattern when;
    struct pattern unless; /* empty (never matches) when there is none */
    bool has_unless;
    const struct slice *models; /* labels `when` can match, lower case; none: any model */
    size_t models_nr;
    unsigned ops;                 /* bit 1 << enum event_op for each op it can match */
    const struct action *actions; /* bump, refresh, delete, expire, purge_tag, purge */
    size_t actions_nr;
};

struct model {
    struct slice label;
    const struct slice *fields; /* none: the catalogue does not list them */
    size_t fields_nr;
    const struct slice *parents;
    size_t parents_nr;
};

struct rule_index; /* private to ruleset.c */

struct ruleset {
    struct arena arena;
    char hash[17];        /* hexadecimal, of the files' contents */
    struct cache *caches; /* read-only but for ruleset_bind_targets() */
    size_t caches_nr;
    const struct model *models;
    size_t models_nr;
    const struct tables *tables; /* of the catalogue's models, for decode_options */
    const struct rule *rules;
    size_t rules_nr;
    const struct rule_test *tests; /* of the rule files themselves */
    size_t tests_nr;
    size_t files_nr;
    struct rule_index *index;
};

struct rule_list {
    const struct rule *const *rules; /* in file order */
    size_t nr;
};

void ruleset_free(struct ruleset *ruleset);

/*
 * Resolves every cache's `redis` name to its index in names. False when a name is not among them
 * (with the nearest one). To be called before the set is used to execute; explain needs it not.
 */
bool ruleset_bind_targets(struct ruleset *ruleset, const struct slice *names, size_t nr,
                          struct error *err) CHECKED;

/* Builds the index once all rules stand in the ruleset. */
void ruleset_build_index(struct ruleset *ruleset);

/* Enabled rules that this event could match, by model (or parent) and op. */
struct rule_list ruleset_candidates(const struct ruleset *ruleset, const struct event *event,
                                    struct arena *arena);

enum { RULE_MEMO_BYTES = 56 };

/* The label that was looked up last, unless it is long; all zero: none. Of one ruleset. */
struct rule_memo {
    const struct rule_list *lists; /* private to ruleset.c */
    size_t len;
    char label[RULE_MEMO_BYTES];
};

/* The same for one event after the other: those of the model before need no look-up. */
struct rule_list ruleset_candidates_next(const struct ruleset *ruleset, const struct event *event,
                                         struct rule_memo *memo, struct arena *arena);

/* Enabled rules of the event's model or parents, whatever its op: those that match_concerns(). */
struct rule_list ruleset_concerned(const struct ruleset *ruleset, const struct event *event,
                                   struct arena *arena);

/* True when a rule or the catalogue names the model: others count as "other" in metrics. */
bool ruleset_knows_model(const struct ruleset *ruleset, struct slice label);

/* The same for an event name of the application's own. */
bool ruleset_knows_op(const struct ruleset *ruleset, struct slice op);

#endif
