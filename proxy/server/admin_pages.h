/* The admin pages that have files of their own, and what they share.
 *
 * Thread: main. */
#ifndef SERVER_ADMIN_PAGES_H
#define SERVER_ADMIN_PAGES_H

#include "base/arena.h"
#include "base/status.h"
#include "server/admin.h"

struct regex;

/* "LIVE", "DRAINING" … as Envoy's ServerInfo.State. */
const char *admin_state_name(const struct server *server);

/* The list of pages. */
void admin_fill_index(struct admin_request *request);

/* The regular expression of a query parameter; *regex NULL if there is none. STATUS_INVALID: the
 * answer says why. */
enum status MUST_CHECK admin_regex(struct admin_request *request, struct slice name,
				   struct arena *arena, const struct regex **regex);

bool admin_begin_clusters(struct admin_request *request);
void admin_fill_clusters(struct admin_request *request);
void admin_end_clusters(void *taken);
bool admin_begin_config_dump(struct admin_request *request);
void admin_fill_config_dump(struct admin_request *request);
void admin_end_config_dump(void *taken);
void admin_fill_init_dump(struct admin_request *request);
void admin_fill_listeners(struct admin_request *request);
void admin_fill_logging(struct admin_request *request);
void admin_fill_memory(struct admin_request *request);
void admin_fill_runtime(struct admin_request *request);
void admin_fill_sentinel(struct admin_request *request);
void admin_fill_server_info(struct admin_request *request);

#endif
