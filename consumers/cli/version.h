/*
 * version - which unstale this is and which libraries it runs with.
 */
#ifndef CONSUMERS_CLI_VERSION_H
#define CONSUMERS_CLI_VERSION_H

#include <stdio.h>

void version_print(FILE *out);

#endif
