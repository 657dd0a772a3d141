/*
 * measure - what the bench programs share: one clock, the CPU of all threads, the peak of memory, and
 * an end with a reason. They are short-lived: errors end them.
 */
#ifndef TESTS_BENCH_MEASURE_H
#define TESTS_BENCH_MEASURE_H

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

/* As consumers/service sets them: both sides of a ratio must have what makes one of them fast. */
enum { MEASURE_KEPT_BYTES = 64 << 20 };

struct moment {
    int64_t ns; /* steady clock */
    double cpu; /* seconds of this process, user and system, all threads */
    double own; /* of the calling thread */
};

_Noreturn static inline void give_up(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static inline double cpu_seconds(const struct timeval *used)
{
    return (double)used->tv_sec + (double)used->tv_usec / 1e6;
}

static inline int64_t steady_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline struct moment moment_now(void)
{
    struct timespec own;
    int64_t ns = steady_ns();
    struct rusage used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    getrusage(RUSAGE_SELF, &used);
    return (struct moment){.own = (double)own.tv_sec + (double)own.tv_nsec / 1e9,
                           .ns = ns,
                           .cpu = cpu_seconds(&used.ru_utime) + cpu_seconds(&used.ru_stime)};
}

static inline double peak_mb(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_maxrss / 1024;
}

static inline void keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, MEASURE_KEPT_BYTES);
    mallopt(M_TRIM_THRESHOLD, MEASURE_KEPT_BYTES);
}

static inline long count_of(const char *text)
{
    char *end;
    long count = strtol(text, &end, 10);

    if (*end != '\0' || count < 1)
        give_up(text, "not a number above 0");
    return count;
}

/* The members that every line has; the caller adds its own and closes the object. */
static inline void print_common(long events, struct moment began, struct moment ended)
{
    printf("{\"events\":%ld,\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"own_cpu_seconds\":%.6f,"
           "\"peak_mb\":%.1f",
           events, (double)(ended.ns - began.ns) / 1e9, ended.cpu - began.cpu,
           ended.own - began.own, peak_mb());
}

#endif
