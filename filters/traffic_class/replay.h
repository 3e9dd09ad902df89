/* Sends what was kept, when the pressure has fallen: as requests of the proxy's own, to the cluster
 * that the request would have gone to.
 *
 *   spool's thread: may_send ─ guard_enter_replay      send ─> a worker, each in turn
 *   worker:         stored_request_read ─ client_send ─> answer ─┬─ 2xx, 3xx; a call: ANSWERED
 *                                                                └─ else: REFUSED
 *
 * A one-way call is sent as one that waits for an answer: or nobody would know that it arrived.
 *
 * Owner: the spool (a struct spool_user, counted). Thread: as the drawing says. */
#ifndef FILTERS_TRAFFIC_CLASS_REPLAY_H
#define FILTERS_TRAFFIC_CLASS_REPLAY_H

#include "filters/traffic_class/traffic_class.h"

/* Returns owned, with a reference. It may outlive the configuration. */
struct spool_user *replay_user_new(const struct traffic_class_config *config);

#endif
