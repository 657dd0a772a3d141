/*
 * kill_point - places where a test has the program die by its own hand, as if by SIGKILL.
 *
 *   kill_point("after-store");
 *
 * Only a build with KILL_POINTS=1 has them; in any other they are nothing. There the environment variable
 * KILL_POINT=NAME:COUNT names the point and how often it is passed before the process dies. Nothing is
 * flushed, closed or told to anybody: what was not yet done is left undone.
 */
#ifndef CONSUMERS_BASE_KILL_POINT_H
#define CONSUMERS_BASE_KILL_POINT_H

#ifdef UNSTALE_KILL_POINTS
void kill_point(const char *name);
#else
#define kill_point(name) ((void)0)
#endif

#endif
