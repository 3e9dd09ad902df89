/* A token server's connection to one client: frames in, answers out.
 *
 * Owner: the token server, whose list it is in; freed at the end of the turn in which it is closed.
 * Thread: the server's, with its lock but where it says so. */
#ifndef SENTINEL_CLUSTER_TOKEN_SESSION_H
#define SENTINEL_CLUSTER_TOKEN_SESSION_H

#include "filters/sentinel/cluster/token_server.h"

/* Takes the descriptor; takes the lock. */
void token_session_open(struct token_server *server, int fd, const struct addr *remote);
/* Without a word. */
void token_session_close(struct token_session *session);

#endif
