#include "upstream/dns.h"

#include <ares.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "net/loop.h"
#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"

/* A socket of the library. */
struct dns_socket {
	struct dns_socket *next;
	struct dns *dns;
	struct io io;
	struct grave grave;
};

struct dns {
	struct loop *loop;
	ares_channel channel;
	struct dns_socket *sockets;
	struct timer timer;
	struct stats *stats;
	struct stat_scope *scope;
};

struct dns_query {
	struct dns *dns;
	void (*done)(void *owner, const struct dns_answer *answer); /* NULL: cancelled */
	void *owner;
	char *name;
	enum dns_family family;
	bool is_second;   /* the first family had no answer */
	bool is_starting; /* dns_resolve hasn't returned */
	bool is_over;
};

static void bump(const struct dns *dns, unsigned id)
{
	stat_inc(stats_main_shard(dns->stats), dns->scope, id);
}

/* --- sockets and time
 * -------------------------------------------------------------------------------------------- */

static void set_timer(struct dns *dns)
{
	struct timeval longest = {.tv_sec = 60}, wait;

	timer_cancel(&dns->loop->wheel, &dns->timer);
	if (!dns->sockets)
		return;
	ares_timeout(dns->channel, &longest, &wait);
	timer_start(&dns->loop->wheel, &dns->timer,
		    (uint64_t)wait.tv_sec * 1000 + (uint64_t)wait.tv_usec / 1000 + 1);
}

static void on_timer(struct timer *timer)
{
	struct dns *dns = container_of(timer, struct dns, timer);
	ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(dns);
}

static void on_ready(struct io *io, int interest)
{
	struct dns *dns = container_of(io, struct dns_socket, io)->dns;
	ares_socket_t fd = io_fd(io);
	ares_process_fd(dns->channel, interest & IO_READ ? fd : ARES_SOCKET_BAD,
			interest & IO_WRITE ? fd : ARES_SOCKET_BAD);
	set_timer(dns);
}

static void socket_free(struct grave *grave)
{
	free(container_of(grave, struct dns_socket, grave));
}

static void on_socket(void *context, ares_socket_t fd, int readable, int writable)
{
	struct dns *dns = context;
	struct dns_socket **at = &dns->sockets;

	while (*at && io_fd(&(*at)->io) != fd)
		at = &(*at)->next;
	struct dns_socket *s = *at;
	if (!readable && !writable) {
		if (!s)
			return;
		io_watch(dns->loop, &s->io, IO_NONE);
		*at = s->next;
		loop_bury(dns->loop, &s->grave, socket_free);
		return;
	}
	if (!s) {
		s = calloc(1, sizeof *s);
		invariant(s);
		s->dns = dns;
		io_init(&s->io, fd, on_ready);
		*at = s;
	}
	io_watch(dns->loop, &s->io, (readable ? IO_READ : 0) | (writable ? IO_WRITE : 0));
}

/* --- opening --- */

static enum status set_servers(struct dns *dns, const struct dns_config *config)
{
	struct ares_addr_port_node *nodes = calloc(config->resolver_count, sizeof *nodes);
	uint32_t count = 0;

	invariant(nodes);
	for (uint32_t i = 0; i < config->resolver_count; i++) {
		const struct addr *from = &config->resolvers[i];
		struct ares_addr_port_node *node = &nodes[count];
		if (from->family != ADDR_IPV4 && from->family != ADDR_IPV6)
			continue;
		node->family = from->family == ADDR_IPV4 ? AF_INET : AF_INET6;
		memcpy(&node->addr, from->ip, from->family == ADDR_IPV4 ? 4 : 16);
		node->udp_port = node->tcp_port = from->port ? from->port : 53;
		if (count)
			nodes[count - 1].next = node;
		count++;
	}
	int failure = count ? ares_set_servers_ports(dns->channel, nodes) : ARES_SUCCESS;
	free(nodes);
	return failure ? STATUS_INVALID : STATUS_OK;
}

enum status dns_open(struct dns **out, struct loop *loop, struct stats *stats,
		     const struct dns_config *config)
{
	struct dns *dns = calloc(1, sizeof *dns);
	struct ares_options options = {
		.flags = config && config->uses_tcp ? ARES_FLAG_USEVC : 0,
		.timeout = DNS_TIMEOUT_MS,
		.tries = DNS_TRIES,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = dns,
	};

	invariant(dns);
	dns->loop = loop;
	timer_init(&dns->timer, on_timer);
	if (ares_library_init(ARES_LIB_INIT_ALL))
		goto free_dns;
	if (ares_init_options(&dns->channel, &options,
			      ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
				      ARES_OPT_SOCK_STATE_CB))
		goto leave_library;
	if (config && config->resolver_count && set_servers(dns, config))
		goto destroy_channel;
	dns->stats = stats;
	dns->scope = stat_scope_take(stats, &dns_stats, SLICE("dns.cares"));
	*out = dns;
	return STATUS_OK;

destroy_channel:
	ares_destroy(dns->channel);
leave_library:
	ares_library_cleanup();
free_dns:
	free(dns);
	return STATUS_EXHAUSTED;
}

void dns_close(struct dns *dns)
{
	if (!dns)
		return;
	ares_destroy(dns->channel); /* calls the queries back with ARES_EDESTRUCTION, closes the
				       sockets */
	ares_library_cleanup();
	timer_cancel(&dns->loop->wheel, &dns->timer);
	stat_scope_drop(dns->stats, dns->scope);
	free(dns);
}

/* --- queries --- */

static void start(struct dns_query *query);

static void finish(struct dns_query *query, const struct dns_answer *answer)
{
	stat_gauge_dec(stats_main_shard(query->dns->stats), query->dns->scope,
		       DNS_STAT_PENDING_RESOLUTIONS);
	query->is_over = true;
	if (query->done)
		query->done(query->owner, answer);
	if (!query->is_starting) {
		free(query->name);
		free(query);
	}
}

static void finish_failed(struct dns_query *query, int failure)
{
	struct dns_answer answer = {.status = STATUS_EXHAUSTED};

	if (failure == ARES_EDESTRUCTION)
		query->done = NULL;
	if (failure == ARES_ENOTFOUND || failure == ARES_ENODATA || failure == ARES_SUCCESS) {
		answer.status = STATUS_NOT_FOUND;
		bump(query->dns, DNS_STAT_NOT_FOUND);
	} else if (failure == ARES_ETIMEOUT) {
		bump(query->dns, DNS_STAT_TIMEOUTS);
	} else if (failure != ARES_EDESTRUCTION) {
		bump(query->dns, DNS_STAT_GET_ADDR_FAILURE);
	}
	finish(query, &answer);
}

static bool read_node(const struct ares_addrinfo_node *node, struct addr *addr)
{
	if (node->ai_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)node->ai_addr;
		*addr = (struct addr){.family = ADDR_IPV4};
		memcpy(addr->ip, &in->sin_addr, 4);
		return true;
	}
	if (node->ai_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)node->ai_addr;
		*addr = (struct addr){.family = ADDR_IPV6};
		memcpy(addr->ip, &in->sin6_addr, 16);
		return true;
	}
	return false;
}

/* The library may give an address more than once (hosts files do). */
static bool is_known(const struct addr *addrs, uint32_t count, const struct addr *addr)
{
	for (uint32_t i = 0; i < count; i++)
		if (addr_equal(&addrs[i], addr))
			return true;
	return false;
}

static uint32_t read_nodes(const struct ares_addrinfo *result, struct addr *addrs, uint32_t *ttl_s)
{
	uint32_t count = 0;

	*ttl_s = UINT32_MAX;
	for (const struct ares_addrinfo_node *n = result->nodes; n && count < DNS_ADDRESSES_MAX;
	     n = n->ai_next) {
		if (!read_node(n, &addrs[count]) || is_known(addrs, count, &addrs[count]))
			continue;
		count++;
		if (n->ai_ttl > 0 && (uint32_t)n->ai_ttl < *ttl_s)
			*ttl_s = (uint32_t)n->ai_ttl;
	}
	return count;
}

static bool has_second_family(const struct dns_query *query)
{
	return !query->is_second && query->done &&
	       (query->family == DNS_FAMILY_AUTO || query->family == DNS_FAMILY_V4_PREFERRED);
}

static void on_result(void *context, int failure, int timeouts, struct ares_addrinfo *result)
{
	struct dns_query *query = context;
	struct dns_answer answer = {.status = STATUS_OK};
	struct addr *addrs = NULL;

	(void)timeouts;
	if (result && !failure) {
		addrs = malloc(DNS_ADDRESSES_MAX * sizeof *addrs);
		invariant(addrs);
		answer.addrs = addrs;
		answer.count = read_nodes(result, addrs, &answer.ttl_s);
	}
	if (result)
		ares_freeaddrinfo(result);
	if (answer.count) {
		finish(query, &answer);
	} else if (failure != ARES_EDESTRUCTION && has_second_family(query)) {
		query->is_second = true;
		start(query);
	} else {
		finish_failed(query, failure);
	}
	free(addrs);
}

static int family_of(const struct dns_query *query)
{
	switch (query->family) {
	case DNS_FAMILY_AUTO:
		return query->is_second ? AF_INET : AF_INET6;
	case DNS_FAMILY_V4_PREFERRED:
		return query->is_second ? AF_INET6 : AF_INET;
	case DNS_FAMILY_V4_ONLY:
		return AF_INET;
	case DNS_FAMILY_V6_ONLY:
		return AF_INET6;
	case DNS_FAMILY_ALL:
		break;
	}
	return AF_UNSPEC;
}

static void start(struct dns_query *query)
{
	struct ares_addrinfo_hints hints = {.ai_family = family_of(query),
					    .ai_socktype = SOCK_STREAM,
					    .ai_flags = ARES_AI_NOSORT};
	ares_getaddrinfo(query->dns->channel, query->name, NULL, &hints, on_result, query);
}

struct dns_query *dns_resolve(struct dns *dns, struct slice name, enum dns_family family,
			      void (*done)(void *owner, const struct dns_answer *answer),
			      void *owner)
{
	struct dns_query *query = calloc(1, sizeof *query);

	invariant(query);
	*query = (struct dns_query){
		.dns = dns, .done = done, .owner = owner, .family = family, .is_starting = true};
	query->name = strndup(name.data, name.len);
	invariant(query->name);
	bump(dns, DNS_STAT_RESOLVE_TOTAL);
	stat_gauge_inc(stats_main_shard(dns->stats), dns->scope, DNS_STAT_PENDING_RESOLUTIONS);
	start(query);
	set_timer(dns);
	query->is_starting = false;
	if (!query->is_over)
		return query;
	free(query->name);
	free(query);
	return NULL;
}

void dns_cancel(struct dns_query *query)
{
	query->done = NULL;
}
