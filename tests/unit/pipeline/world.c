/* The mock cluster of the tests one room below, built into these. */
// NOLINTNEXTLINE(bugprone-suspicious-include): one program, one copy of the helper
#include "tests/unit/kafka/world.c"
