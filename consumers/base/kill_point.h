/*
 * kill_point - places where a test has the program die by its own hand, as if by SIGKILL, or fail.
 *
 *   kill_point("after-store");
 *   if (fault_point("letters-fatal"))
 *       ...have the library fail...
 *
 * Only a build with KILL_POINTS=1 has them; in any other they are nothing. There the environment variable
 * KILL_POINT=NAME:COUNT names the point and how often it is passed before the process dies. Nothing is
 * flushed, closed or told to anybody: what was not yet done is left undone. FAULT_POINT=NAME:COUNT makes
 * every COUNTth pass of that fault point true. Both may be passed by any thread.
 */
#ifndef CONSUMERS_BASE_KILL_POINT_H
#define CONSUMERS_BASE_KILL_POINT_H

#include <stdbool.h>

#ifdef UNSTALE_KILL_POINTS
void kill_point(const char *name);
bool fault_point(const char *name);
#else
#define kill_point(name) ((void)0)
#define fault_point(name) (false)
#endif

#endif
