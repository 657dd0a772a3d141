/*
 * scripts - the Lua that runs inside Redis, as it is sent and as it is called.
 *
 * A script is compare.lua, one of the others and each.lua: it does its work for several ops in one call
 * and tells by their places which of them failed (see each.lua). Those that shrink or guard carry
 * `#!lua flags=allow-oom` where the server knows it (Redis 7, every Valkey); Redis 6.2 does not know the
 * line, and lets a script that has written go on at full memory, which these make use of.
 *
 * The texts are embedded at build from scripts/ as NAME[] and NAME_len.
 */
#ifndef CONSUMERS_REDIS_SCRIPTS_H
#define CONSUMERS_REDIS_SCRIPTS_H

#include <stdbool.h>

#include "consumers/base/buffer.h"
#include "consumers/base/compiler.h"

extern const char script_compare[];
extern const size_t script_compare_len;
extern const char script_each[];
extern const size_t script_each_len;
extern const char script_bump[];
extern const size_t script_bump_len;
extern const char script_refresh[];
extern const size_t script_refresh_len;
extern const char script_guarded_delete[];
extern const size_t script_guarded_delete_len;
extern const char script_expire[];
extern const size_t script_expire_len;

enum script_name { SCRIPT_BUMP, SCRIPT_REFRESH, SCRIPT_GUARDED_DELETE, SCRIPT_EXPIRE };

enum { SCRIPT_NR = 4, SCRIPT_SHA_BYTES = 40 };

/* The most ops in one call, which holds Redis for some 5 us each. */
enum { SCRIPT_OPS_MAX = 32 };

struct script {
    struct buffer text;
    char sha[SCRIPT_SHA_BYTES]; /* lower-case hexadecimal, as EVALSHA takes it */
};

/* Both variants of each: [0] for servers without script flags, [1] with. */
struct scripts {
    struct script of[2][SCRIPT_NR];
};

void scripts_init(struct scripts *scripts);
void scripts_release(struct scripts *scripts);

const struct script *scripts_get(const struct scripts *scripts, enum script_name name,
                                 bool has_flags);

/* What a call for several ops answers where some of them failed. */
struct script_failures {
    uint64_t sum;                    /* of the numbers of the others */
    uint32_t places[SCRIPT_OPS_MAX]; /* counted from 1, rising */
    size_t nr;
};

/* False: no script of ours answers that for so many ops. */
bool script_failures_read(struct script_failures *failures, struct slice text,
                          uint32_t ops_nr) CHECKED;

#endif
