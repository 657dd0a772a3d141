/*
 * console - GET /: a page for people, in one file, made of what /api/status, /api/purges and /api/tail say.
 *
 * The page may run no script and take no style but its own: the policy names them by a number that is new
 * for each answer. It loads nothing from elsewhere and may not be framed.
 */
#ifndef CONSUMERS_SERVICE_CONSOLE_H
#define CONSUMERS_SERVICE_CONSOLE_H

#include "consumers/base/buffer.h"

enum { CONSOLE_POLICY_BYTES = 320 };

/* False when there is no randomness to be had. *policy is the page's Content-Security-Policy. */
bool console_print(struct buffer *page, char policy[CONSOLE_POLICY_BYTES]);

#endif
