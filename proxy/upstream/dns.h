/* Names to addresses, without blocking: c-ares on main's loop.
 *
 *   dns_resolve(name) ─ hosts file, name servers ─ done(addresses, time to live)
 *
 * Owner: main opens one for the system's name servers and one for each cluster that names its own.
 * Thread: main. Timers: one, for the library's retries. Limits: DNS_ADDRESSES_MAX. */
#ifndef UPSTREAM_DNS_H
#define UPSTREAM_DNS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/slice.h"
#include "base/status.h"
#include "upstream/cluster.h"

struct dns;
struct dns_query;
struct loop;
struct stats;

enum {
	DNS_ADDRESSES_MAX = 1024, /* further ones of an answer are left out */
	DNS_TIMEOUT_MS = 5000,    /* of one try at one server */
	DNS_TRIES = 3,
};

struct dns_answer {
	enum status status;       /* STATUS_OK, STATUS_NOT_FOUND, or another for a failure */
	const struct addr *addrs; /* without ports; valid during the call */
	uint32_t count;
	uint32_t ttl_s; /* the shortest of them; UINT32_MAX for the hosts file */
};

/* The system's name servers, or those given. STATUS when the library can't start. */
enum status MUST_CHECK dns_open(struct dns **dns, struct loop *loop, struct stats *stats,
				const struct dns_config *config);
/* Queries under way are forgotten: done isn't called. NULL: nothing. */
void dns_close(struct dns *dns);

/* done is called once, maybe from within; the query is over then. Returns it for dns_cancel, or
 * NULL when it is over already. */
struct dns_query *dns_resolve(struct dns *dns, struct slice name, enum dns_family family,
			      void (*done)(void *owner, const struct dns_answer *answer),
			      void *owner);
/* done isn't called. */
void dns_cancel(struct dns_query *query);

#endif
