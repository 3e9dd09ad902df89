/* Connection filters that serve a connection themselves, without an upstream: direct_response
 * writes a text and closes, echo sends back what it reads.
 *
 * Owner: the configuration is the listener's, a connection its worker's. Thread: the worker's.
 * Limit: echo stops reading while its output is above the connection's high mark. */
#ifndef FILTERS_LOCAL_SERVICE_H
#define FILTERS_LOCAL_SERVICE_H

#include "net/conn_filter.h"

struct local_service_config {
	struct slice text; /* direct_response's */
	bool is_echo;
};

extern const struct conn_filter_type direct_response_filter; /* config.c */
extern const struct conn_filter_type echo_filter;            /* config.c */

void local_service_serve(const void *config, const struct accepted *accepted);

#endif
