/*
 * suggest - the nearest valid name to what somebody typed.
 *
 * Damerau-Levenshtein distance (optimal string alignment); offered when it is at most
 * max(1, length / 3), without regard to ASCII case. Ties go to the first candidate. What is longer
 * than SUGGEST_BYTES_MAX was not typed by a person and gets no suggestion.
 */
#ifndef CONSUMERS_BASE_SUGGEST_H
#define CONSUMERS_BASE_SUGGEST_H

#include "consumers/base/slice.h"

enum { SUGGEST_BYTES_MAX = 96 };

struct suggest {
    struct slice typed;
    struct slice best; /* absent while nothing is near enough */
    unsigned distance; /* of best; one more than allowed while there is none */
};

void suggest_init(struct suggest *suggest, struct slice typed);
void suggest_offer(struct suggest *suggest, struct slice candidate);

#endif
