/* What a Nacos client's thread says to its servers: to the one whose turn it is, with a token if
 * there is an account.
 *
 *   log in ─ token ─> listen, get ─ 401, 403 ─> the token is forgotten, log in, once more
 *
 * Owner: the client. Thread: the client's own, which may wait. Timers: NACOS_REQUEST_TIMEOUT_MS for
 * all but listening, whose time is given; a token is asked for anew when a tenth of its time is
 * left. Limits: NACOS_TEXT_MAX, NACOS_LIST_MAX. */
#ifndef SENTINEL_NACOS_SESSION_H
#define SENTINEL_NACOS_SESSION_H

#include "filters/sentinel/nacos/nacos_client.h"

struct nacos_session {
	const struct nacos_options *options; /* the client's */
	int wake_fd;                         /* readable: what is under way is given up */
	struct nacos_server servers[NACOS_SERVERS_MAX];
	unsigned server_count;
	unsigned server; /* whose turn it is */
	char *token;     /* heap; NULL: none */
	int64_t token_end_ms;
};

/* The options' servers are some. Borrows the options. */
void nacos_session_init(struct nacos_session *session, const struct nacos_options *options,
			int wake_fd);
void nacos_session_fini(struct nacos_session *session);
/* Returns whose turn it was. */
const struct nacos_server *nacos_session_next(struct nacos_session *session);

/* All: STATUS_AGAIN: woken. EACCES: the account may not; STATUS_INVALID: refused otherwise;
 * STATUS_MALFORMED, STATUS_TOO_LARGE: no answer; else the errno of the exchange. */

/* If there is an account, and no token of it that holds. */
enum status MUST_CHECK nacos_session_login(struct nacos_session *session);
/* STATUS_NOT_FOUND: there is none. With STATUS_OK body is to be freed; md5 is its. */
enum status MUST_CHECK nacos_session_get(struct nacos_session *session,
					 const struct nacos_name *name, struct text *body,
					 char md5[static MD5_HEX_SIZE]);
/* Which names of the list changed; hangs: until one did, or for as long as the options say. changes
 * is to be freed. */
enum status MUST_CHECK nacos_session_listen(struct nacos_session *session, struct slice list,
					    bool hangs, uint32_t timeout_ms, struct text *changes);

#endif
