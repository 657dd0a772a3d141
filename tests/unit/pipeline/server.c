/* The private redis-server of the tests one room below, built into these. */
#include "tests/unit/redis/server.c"
