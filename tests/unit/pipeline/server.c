/* The private redis-server of the tests one room below, built into these. */
// NOLINTNEXTLINE(bugprone-suspicious-include): one program, one copy of the helper
#include "tests/unit/redis/server.c"
