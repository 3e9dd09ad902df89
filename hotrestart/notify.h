/* What a process tells whoever started it, in systemd's words: datagrams of lines "NAME=value" to
 * the socket that NOTIFY_SOCKET names. A supervisor of our own (hotrestart/supervision.h) listens
 * in the same way, so one word serves both.
 *
 *   READY=1 MAINPID=…          in charge of the service      systemd, supervisor
 *   STOPPING=1                 SIGTERM was heard             systemd
 *   X_OUTRIGGER_REPLACED=1     another process is in charge  supervisor; systemd passes it over
 *
 * Owner: nobody, nothing is kept. Thread: main. Limit: a word waits NOTIFY_WAIT_MS for a listener
 * with a full queue, then it is lost: what matters is said again. */
#ifndef HOTRESTART_NOTIFY_H
#define HOTRESTART_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/diag.h"
#include "base/slice.h"

#define NOTIFY_VARIABLE "NOTIFY_SOCKET"
#define NOTIFY_STOPPING "STOPPING=1"
#define NOTIFY_REPLACED "X_OUTRIGGER_REPLACED=1"

enum { NOTIFY_WAIT_MS = 5, NOTIFY_MAX = 512 };

/* Bits. */
enum notify_word {
	NOTIFY_IS_READY = 1,
	NOTIFY_IS_REPLACED = 2,
};

/* To the socket that the environment names, if it names one. False: its queue is full, say it again
 * later. What else goes wrong the log says. */
bool notify_send(const char *text);
/* To this one: "/path" or "@abstract". */
bool notify_send_to(const char *name, const char *text);

/* "/path" or "@abstract" as an address. False: it is neither, or too long. */
bool notify_address(const char *name, struct sockaddr_un *address, socklen_t *len);

/* A socket that listens under an abstract name of the kernel's choice, which is written to name (at
 * least 32 bytes). Close-on-exec. A descriptor, or a negative status. */
int notify_listen(char *name, size_t size);
/* The name of such a socket. */
enum status MUST_CHECK notify_name_of(int fd, char *name, size_t size);
/* The next datagram's words (bits) and who sent it; 0: of another PID namespace. STATUS_AGAIN:
 * there is none. */
enum status MUST_CHECK notify_receive(int fd, unsigned *words, int *sender);
/* Bits of enum notify_word; lines that aren't known are passed over. */
unsigned notify_parse(struct slice text);

#endif
