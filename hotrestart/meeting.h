/* Where processes of one service meet: a socket at a path, and a lock file beside it.
 *
 *   PATH        SOCK_SEQPACKET, mode 0600: who has the right to serve listens there
 *   PATH.lock   byte 0: the right to serve    byte 1: the right to upgrade
 *
 *   start:  right to upgrade?  no ─> an upgrade is under way: ends
 *           right to serve?    yes ─> the first of its kind: serves, listens at PATH
 *                              no  ─> somebody serves: dials PATH
 *
 * The locks are those of an open file description (F_OFD_SETLK): the kernel frees them when their
 * holder dies, across PID namespaces, with nothing to clean up. So nobody unlinks what another one
 * listens on, and a successor can tell a dead predecessor from a silent one.
 *
 * Owner: the server. Thread: main. Errors carry their reason in diag. */
#ifndef HOTRESTART_MEETING_H
#define HOTRESTART_MEETING_H

#include <stdbool.h>

#include "base/diag.h"

enum meeting_right {
	RIGHT_TO_SERVE,
	RIGHT_TO_UPGRADE,
};

struct meeting {
	char *path;
	int lock; /* -1: not open */
};

/* Opens (makes) the lock file. STATUS_INVALID: the path is no path for a socket, or the file can't
 * be made. Leaves a meeting that meeting_close may be called with. */
enum status MUST_CHECK meeting_open(struct meeting *meeting, const char *path, struct diag *diag);
/* Rights that are held are free from then on. */
void meeting_close(struct meeting *meeting);

/* STATUS_AGAIN: another process has it. STATUS_OK also if we have it already. */
enum status MUST_CHECK meeting_take_right(const struct meeting *meeting, enum meeting_right right);
void meeting_drop_right(const struct meeting *meeting, enum meeting_right right);
/* Another process has it; true also if that can't be told. */
bool meeting_is_right_taken(const struct meeting *meeting, enum meeting_right right);

/* Listens at the path, in place of what stands there: the right to serve must be held. A
 * descriptor, or a negative status with the reason. */
int meeting_listen(const struct meeting *meeting, struct diag *diag);

/* A connected descriptor, or a negative status: -ENOENT, -ECONNREFUSED: nobody listens yet. */
int meeting_dial(const struct meeting *meeting);

/* A connection that was accepted, or STATUS_AGAIN, or what the system says. */
int meeting_accept(int listening);

/* STATUS_OK: the other end is a process of our own user; else STATUS_INVALID with the reason. */
enum status MUST_CHECK meeting_check_peer(int fd, struct diag *diag);

#endif
