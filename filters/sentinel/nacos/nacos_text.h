/* What is said to a Nacos server, and what it says: its HTTP interface, version 1.
 *
 *   POST …/auth/users/login     username, password -> accessToken, tokenTtl
 *   POST …/cs/configs/listener  data id ^B group ^B md5 [^B tenant] ^A …
 *                               -> those that changed, when one did or time is over
 *   GET  …/cs/configs?dataId&group&tenant  -> the text; 404: there is none
 *
 * Pure. Texts are appended. */
#ifndef SENTINEL_NACOS_TEXT_H
#define SENTINEL_NACOS_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"
#include "filters/sentinel/nacos/nacos_http.h"
#include "telemetry/text.h"

enum {
	NACOS_PORT = 8848,
	NACOS_SERVERS_MAX = 16,
	NACOS_TOKEN_MAX = 8 << 10,
};

/* "host[:port],http://host[:port]/": how many there are. 0: one of them can't be a server, or there
 * are none, or too many; *wrong is the first that can't. */
unsigned nacos_servers(struct slice list, struct nacos_server servers[NACOS_SERVERS_MAX],
		       struct slice *wrong);

/* Of every request. */
struct nacos_place {
	const struct nacos_server *server;
	struct slice context_path; /* "/nacos" */
	struct slice token;        /* "": none */
};

struct nacos_name {
	struct slice data_id, group, tenant; /* tenant "": public */
};

void nacos_login_request(struct text *out, const struct nacos_place *place, struct slice username,
			 struct slice password);
void nacos_get_request(struct text *out, const struct nacos_place *place,
		       const struct nacos_name *name);

/* One more name of the list that is listened to. md5 "": nothing is known of it. */
void nacos_listen_name(struct text *list, const struct nacos_name *name, struct slice md5);
/* hangs: until something changes, or for about that time. */
void nacos_listen_request(struct text *out, const struct nacos_place *place, struct slice list,
			  uint32_t timeout_ms, bool hangs);

/* The answer to that is the names that changed. False: it is none. */
bool nacos_is_change_list(struct slice body);
/* Whether the name is in such a list. */
bool nacos_has_changed(struct slice body, const struct nacos_name *name);

/* The answer to a login. token: on the heap. False: it is none. */
bool nacos_read_login(struct slice body, char **token, uint64_t *ttl_s);

/* Where a text is kept on disk: below the folder, a name for the servers, one for the tenant, one
 * for the group. Returns owned. */
char *nacos_snapshot_path(struct slice folder, struct slice servers, const struct nacos_name *name);

#endif
