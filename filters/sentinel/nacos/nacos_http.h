/* One HTTP/1.1 exchange with a Nacos server, on a thread that may wait.
 *
 *   ask ─ name look-up ─ connect ─ send ─ read until the answer is whole ─> status, md5, body
 *          (may hang: the thread's owner doesn't wait for it)      └─ wake_fd: given up
 *
 * A connection for each exchange: there is one in half a minute. Thread: the client's own. Limits:
 * NACOS_HEAD_MAX, the ask's body_max; the ask's timeout for everything behind the look-up. */
#ifndef SENTINEL_NACOS_HTTP_H
#define SENTINEL_NACOS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/md5.h"
#include "base/slice.h"
#include "base/status.h"
#include "telemetry/text.h"

enum { NACOS_HEAD_MAX = 16 << 10 };

struct nacos_server {
	char host[256];
	uint16_t port;
};

struct nacos_ask {
	const struct nacos_server *server;
	struct slice request; /* all of it */
	uint32_t timeout_ms;
	size_t body_max;
	int wake_fd; /* readable: the exchange is given up */
};

struct nacos_answer {
	unsigned status;
	char md5[MD5_HEX_SIZE]; /* Content-MD5; "": none */
	struct text body;       /* freed by who asked */
};

/* STATUS_AGAIN: woken. STATUS_MALFORMED, STATUS_TOO_LARGE: the answer is no HTTP, or too long. Else
 * the errno: refused, timed out; ENOENT: there is no such name. The answer is to be freed in any
 * case. */
enum status MUST_CHECK nacos_exchange(const struct nacos_ask *ask, struct nacos_answer *answer);

/* Pure: the answer, of the bytes that have come. STATUS_AGAIN: there is more to come; is_end: there
 * isn't. The body is what is found behind the head. */
enum status MUST_CHECK nacos_answer_parse(struct slice bytes, bool is_end, size_t body_max,
					  struct nacos_answer *answer);

#endif
