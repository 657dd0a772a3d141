/*
 * api_tail - GET /api/tail: what the pipelines do, as it happens, by long poll.
 *
 *   ?model=M &rule=R &key=GLOB   what is wanted; all of it when left out
 *   &cursor=C                    where the last answer ended; none: begin now
 *   &wait=S                      answer after S seconds (20 at most) if there is nothing; 0: at once
 *
 *   200 {"cursor":"...","broken":false,"missed":0,"unseen":0,"events":[...]}
 *
 * `events` are those of pipeline/tail_note.h. `missed`: events that were wanted and fell out of the ring
 * before this call; `unseen`: events that nobody had the time to look at; `broken`: the cursor is of
 * another process, or was not used for long, so nobody knows what was missed. 400: a filter is too long;
 * 503: too many filters or callers at a time.
 *
 * A call without news is set aside; a thread that runs only while somebody watches takes it up again, so
 * that neither the server's thread nor a pipeline ever waits.
 */
#ifndef CONSUMERS_SERVICE_API_TAIL_H
#define CONSUMERS_SERVICE_API_TAIL_H

#include "consumers/pipeline/tail.h"

struct MHD_Connection;

enum { API_TAIL_WAITING = 32 };

struct api_tail;

struct api_tail *api_tail_new(struct tail *tail); /* borrows it */
/* Calls that wait are answered, later ones at once. Before the daemon is stopped. */
void api_tail_stop(struct api_tail *api);
void api_tail_free(struct api_tail *api);

/* One request. */
struct api_tail_call;

struct api_tail_call *api_tail_call_new(struct api_tail *api, struct MHD_Connection *connection);

/*
 * True: *status and *body are the answer. False: the connection is suspended, and libmicrohttpd asks
 * again. Only from its access handler.
 */
bool api_tail_call_answer(struct api_tail_call *call, unsigned *status, struct buffer *body);
void api_tail_call_free(struct api_tail_call *call);

#endif
