/* A TCP session's state, shared by its files only.
 *
 *   tcp_manager.c: its life     tcp_handover.c: given away, and adopted */
#ifndef MANAGER_TCP_PRIVATE_H
#define MANAGER_TCP_PRIVATE_H

#include "manager/tcp_manager.h"
#include "message/stream_info.h"
#include "net/conn.h"
#include "net/served.h"
#include "stream/worker_context.h"
#include "upstream/upstream_worker.h"

struct tcp_session {
	struct conn down, up;
	struct splice to_up, to_down;
	struct served served;
	const struct tcp_config *config;
	struct worker_context *worker;
	struct pin *listener;
	const struct served_chain *chain;
	struct worker_host *host;       /* held; NULL: none yet */
	struct cluster_worker *cluster; /* of host, which keeps it */
	const struct tcp_cluster *choice;
	struct addr remote, local, up_local;
	struct timer idle_timer, duration_timer;
	uint64_t last_activity_ms;
	uint32_t attempts;
	bool is_up;     /* the upstream connection is open or on its way */
	bool is_joined; /* and was established */
	bool is_over;
	bool is_down_eof, is_up_eof;
	bool is_up_last; /* the upstream's end came last: it closes the connection */
	bool is_reset;   /* one side broke off by RST: so do we */
	struct accepted_end *end;
	struct stream_info info;
};

/* --- tcp_manager.c */

/* A session of the accepted connection, which isn't read yet. */
struct tcp_session *tcp_session_new(const struct tcp_config *config,
				    const struct accepted *accepted);
/* Its upstream side (host and cluster are set) is this open descriptor: bytes flow from now on. */
void tcp_session_go_on(struct tcp_session *t, int up, uint64_t idle_ms);
/* Both connections are DEAD: frees what it holds, at the end of the turn. lived_ms: for the
 * listener. */
void tcp_session_leave(struct tcp_session *t, uint64_t lived_ms);
void tcp_session_free(struct grave *grave);

/* --- tcp_handover.c */

/* served_type's. */
enum status tcp_give(struct served *served, struct relay_sink *relay, struct handover *handover);

#endif
