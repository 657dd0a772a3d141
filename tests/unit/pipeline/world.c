/* The mock cluster of the tests one room below, built into these. */
#include "tests/unit/kafka/world.c"
