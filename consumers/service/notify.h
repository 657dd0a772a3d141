/*
 * notify - tells systemd how the service is (Type=notify), in plain datagrams, without a library.
 *
 * Does nothing where $NOTIFY_SOCKET is not set. Source: sd_notify(3).
 */
#ifndef CONSUMERS_SERVICE_NOTIFY_H
#define CONSUMERS_SERVICE_NOTIFY_H

/* One assignment, e.g. "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...". */
void notify_systemd(const char *assignment);

#endif
