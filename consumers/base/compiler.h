/*
 * compiler - the few attributes we use, named for what they say.
 */
#ifndef CONSUMERS_BASE_COMPILER_H
#define CONSUMERS_BASE_COMPILER_H

#define CHECKED __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NOT_INLINED __attribute__((noinline))
#define NORETURN __attribute__((noreturn))

#define ARRAY_NR(a) (sizeof(a) / sizeof((a)[0]))

#endif
