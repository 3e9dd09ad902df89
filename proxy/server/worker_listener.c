#include "server/worker_listener.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/shared_count.h"
#include "net/handover.h"
#include "server/listen_sockets.h"
#include "server/listener.h"
#include "server/worker.h"
#include "server/worker_drain.h"
#include "telemetry/stats_network.h"

struct address_acceptor {
	struct acceptor acceptor;
	struct worker_listener *listener;
	struct addr addr;
	bool is_started;
	bool is_exact; /* connections arrive at this very address: no need to ask for it */
};

struct worker_listener {
	struct accepted_end end; /* of each connection */
	struct worker *worker;
	struct pin *pin;          /* taken */
	struct stat_scope *stats; /* held by the versions: all that it was of have the same */
	struct address_acceptor *acceptors;
	unsigned acceptor_count;
	struct listen_sockets *sockets;
	uint64_t connections; /* open ones of this worker */
	/* Limits that hold for it: the versions' while any is there, and as long as some count. */
	struct shared_count *count, *global_count;
	uint64_t counted, global_counted; /* of connections */
	bool is_removed;
};

static const struct listener *version_of(const struct pin *pin)
{
	return container_of(pin->object, struct listener, published);
}

static const struct listener *config_of(const struct worker_listener *wl)
{
	return version_of(wl->pin);
}

static void free_if_over(struct worker_listener *wl)
{
	if (wl->is_removed && !wl->connections)
		free(wl);
}

static void uncount(struct shared_count *count, uint64_t *counted)
{
	if (!*counted)
		return;
	--*counted;
	shared_count_drop(count);
}

/* False: there are as many as there may be. */
static bool count_in(const struct connection_cap *cap, struct shared_count **count,
		     uint64_t *counted)
{
	if (!cap->count)
		return true;
	if (!shared_count_take(cap->count, cap->max))
		return false;
	*count = cap->count;
	++*counted;
	return true;
}

static void on_ended(struct accepted_end *end, uint64_t lived_ms)
{
	struct worker_listener *wl = container_of(end, struct worker_listener, end);
	struct stats_shard *shard = wl->worker->context.stats;
	const struct stat_scope *scope = wl->stats;

	wl->connections--;
	uncount(wl->count, &wl->counted);
	uncount(wl->global_count, &wl->global_counted);
	stat_gauge_dec(shard, scope, LISTENER_STAT_DOWNSTREAM_CX_ACTIVE);
	if (LIKELY(lived_ms != ACCEPTED_GIVEN_AWAY)) {
		stat_inc(shard, scope, LISTENER_STAT_DOWNSTREAM_CX_DESTROY);
		stat_record(shard, scope, LISTENER_STAT_DOWNSTREAM_CX_LENGTH_MS, lived_ms);
	}
	free_if_over(wl);
}

static void refuse(struct worker_listener *wl, int fd, unsigned stat)
{
	stat_inc(wl->worker->context.stats, wl->stats, stat);
	wl->worker->loop.sys->close(fd);
}

/* A gate, or a chain without a last filter, has refused it: it counts as one that has ended. */
static void end_unserved(struct worker_listener *wl, const struct accepted *accepted)
{
	wl->worker->loop.sys->close(accepted->fd);
	accepted_ended(accepted->end, 0);
}

static void serve(struct worker_listener *wl, const struct filter_chain *chain,
		  struct accepted *accepted)
{
	struct stats_shard *shard = wl->worker->context.stats;

	accepted->chain = &chain->served;
	wl->connections++;
	stat_inc(shard, wl->stats, LISTENER_STAT_DOWNSTREAM_CX_TOTAL);
	stat_gauge_inc(shard, wl->stats, LISTENER_STAT_DOWNSTREAM_CX_ACTIVE);
	for (unsigned i = 0; i < chain->filter_count; i++) {
		const struct conn_filter *filter = &chain->filters[i];
		if (filter->type->admit && !filter->type->admit(filter->config, accepted))
			break;
		if (!filter->type->serve)
			continue;
		filter->type->serve(filter->config, accepted);
		return;
	}
	end_unserved(wl, accepted);
}

static void local_address(const struct address_acceptor *a, int fd, struct addr *local)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;

	*local = a->addr;
	if (!a->is_exact && !getsockname(fd, (struct sockaddr *)&name, &len))
		addr_from_sockaddr(&name, len, local, NULL);
}

static void on_accepted(struct acceptor *acceptor, int fd, const struct addr *remote)
{
	struct address_acceptor *a = container_of(acceptor, struct address_acceptor, acceptor);
	struct worker_listener *wl = a->listener;
	const struct listener *config = config_of(wl);
	struct accepted accepted = {
		.fd = fd,
		.remote = *remote,
		.worker = &wl->worker->context,
		.listener = wl->pin,
		.buffer_limit = config->buffer_limit,
		.end = &wl->end,
	};

	if (remote->family == ADDR_UNIX)
		accepted.remote.path = "";
	local_address(a, fd, &accepted.local);
	const struct filter_chain *chain = listener_match(config, remote, &accepted.local);
	if (!chain) {
		refuse(wl, fd, LISTENER_STAT_NO_FILTER_CHAIN_MATCH);
		return;
	}
	if (!count_in(&config->cap, &wl->count, &wl->counted)) {
		refuse(wl, fd, LISTENER_STAT_DOWNSTREAM_CX_OVERFLOW);
		return;
	}
	if (!count_in(&config->global_cap, &wl->global_count, &wl->global_counted)) {
		uncount(wl->count, &wl->counted);
		refuse(wl, fd, LISTENER_STAT_DOWNSTREAM_GLOBAL_CX_OVERFLOW);
		return;
	}
	serve(wl, chain, &accepted);
}

/* --- connections that were accepted elsewhere */

static struct worker_listener *find_name(const struct worker *worker, struct slice name)
{
	for (uint32_t slot = 0; slot < worker->listener_size; slot++) {
		struct worker_listener *wl = worker->listeners[slot];
		if (wl && slice_equal(wl->pin->object->name, name))
			return wl;
	}
	return NULL;
}

/* The filter that would serve it, if it is one that adopts; gates may refuse. */
static bool admit_adopted(const struct filter_chain *chain, struct accepted *accepted,
			  struct handover *handover)
{
	for (unsigned i = 0; i < chain->filter_count; i++) {
		const struct conn_filter *filter = &chain->filters[i];
		if (filter->type->admit && !filter->type->admit(filter->config, accepted))
			return false;
		if (filter->type->serve)
			return filter->type->adopt &&
			       filter->type->adopt(filter->config, accepted, handover);
	}
	return false;
}

static bool count_in_both(struct worker_listener *wl, const struct listener *config)
{
	if (!count_in(&config->cap, &wl->count, &wl->counted))
		return false;
	if (count_in(&config->global_cap, &wl->global_count, &wl->global_counted))
		return true;
	uncount(wl->count, &wl->counted);
	return false;
}

/* As for one that has come, but it isn't counted as such. */
static bool adopt(struct worker_listener *wl, const struct filter_chain *chain,
		  struct accepted *accepted, struct handover *handover)
{
	wl->connections++;
	stat_gauge_inc(wl->worker->context.stats, wl->stats, LISTENER_STAT_DOWNSTREAM_CX_ACTIVE);
	if (admit_adopted(chain, accepted, handover))
		return true;
	accepted_ended(accepted->end, ACCEPTED_GIVEN_AWAY);
	return false;
}

enum status worker_listener_adopt(struct worker *worker, struct handover *handover)
{
	struct worker_listener *wl = find_name(worker, slice_of(handover->listener));

	if (!wl || handover->sockets[0].fd < 0)
		return STATUS_NOT_FOUND;
	const struct listener *config = config_of(wl);
	struct accepted accepted = {
		.fd = handover->sockets[0].fd,
		.remote = handover->remote,
		.local = handover->local,
		.worker = &worker->context,
		.listener = wl->pin,
		.buffer_limit = config->buffer_limit,
		.end = &wl->end,
		.is_adopted = true,
	};
	const struct filter_chain *chain =
		listener_match(config, &accepted.remote, &accepted.local);
	if (!chain || !slice_equal(chain->served.name, slice_of(handover->filter_chain)))
		return STATUS_NOT_FOUND;
	accepted.chain = &chain->served;
	if (!count_in_both(wl, config))
		return STATUS_EXHAUSTED;
	return adopt(wl, chain, &accepted, handover) ? STATUS_OK : STATUS_UNSUPPORTED;
}

static bool is_wildcard(const struct addr *addr)
{
	static const uint8_t zero[16];
	return addr->family != ADDR_UNIX &&
	       !memcmp(addr->ip, zero, addr->family == ADDR_IPV4 ? 4 : 16);
}

static void stop(struct worker_listener *wl)
{
	for (unsigned i = 0; i < wl->acceptor_count; i++) {
		if (wl->acceptors[i].is_started)
			acceptor_stop(&wl->acceptors[i].acceptor);
		wl->acceptors[i].is_started = false;
	}
}

static void accept_last(struct worker_listener *wl)
{
	for (unsigned i = 0; i < wl->acceptor_count; i++) {
		if (wl->acceptors[i].is_started)
			acceptor_finish(&wl->acceptors[i].acceptor);
		wl->acceptors[i].is_started = false;
	}
}

/* New connections are refused from now on, instead of waiting for an accept that never comes;
 * unless another process accepts. */
static void shut(struct worker_listener *wl)
{
	unsigned w = wl->worker->context.index;

	if (wl->worker->shares_sockets)
		return;
	for (unsigned i = 0; i < wl->acceptor_count; i++) {
		int fd = listen_sockets_fd(wl->sockets, i, w);
		if (fd >= 0)
			shutdown(fd, SHUT_RDWR);
	}
}

static void forget_acceptors(struct worker_listener *wl)
{
	stop(wl);
	free(wl->acceptors);
	wl->acceptors = NULL;
	wl->acceptor_count = 0;
}

static void start(struct worker_listener *wl)
{
	const struct listener *config = config_of(wl);
	unsigned w = wl->worker->context.index;

	wl->sockets = config->sockets;
	if (!wl->sockets)
		return;
	wl->acceptor_count = listen_sockets_places(wl->sockets);
	wl->acceptors = calloc(wl->acceptor_count, sizeof *wl->acceptors);
	invariant(wl->acceptors);
	for (unsigned i = 0; i < wl->acceptor_count; i++) {
		struct address_acceptor *a = &wl->acceptors[i];
		int fd = listen_sockets_fd(wl->sockets, i, w);
		if (fd < 0)
			continue;
		a->listener = wl;
		a->addr = config->addrs[i / wl->sockets->rounds];
		a->is_exact = !is_wildcard(&a->addr) && !config->options.transparent;
		a->is_started = true;
		acceptor_start(&a->acceptor, &wl->worker->loop, fd, on_accepted);
	}
	if (!worker_drain_accepts(wl->worker, config)) {
		stop(wl);
		if (!wl->worker->drains.keeps_sockets)
			shut(wl);
	}
}

static void release_sockets(struct worker *worker, struct listen_sockets *sockets)
{
	if (sockets)
		worker_tell_main(worker, MAIN_SOCKETS_RELEASED, sockets);
}

static struct worker_listener **place(struct worker *worker, uint32_t slot)
{
	if (slot >= worker->listener_size) {
		uint32_t size = slot + 8;
		worker->listeners = realloc(worker->listeners, size * sizeof *worker->listeners);
		invariant(worker->listeners);
		while (worker->listener_size < size)
			worker->listeners[worker->listener_size++] = NULL;
	}
	return &worker->listeners[slot];
}

static void remove_listener(struct worker_listener **place_of)
{
	struct worker_listener *wl = *place_of;

	*place_of = NULL;
	if (!wl->worker->is_over)
		accept_last(wl);
	forget_acceptors(wl);
	release_sockets(wl->worker, wl->sockets);
	pin_drop(wl->pin);
	wl->is_removed = true;
	free_if_over(wl);
}

static struct worker_listener *listener_new(struct worker *worker, struct pin *pin)
{
	struct worker_listener *wl = calloc(1, sizeof *wl);

	invariant(wl);
	wl->end.ended = on_ended;
	wl->worker = worker;
	wl->pin = pin_take(pin);
	wl->stats = config_of(wl)->stats;
	start(wl);
	return wl;
}

/* A version that is counted under the same name. */
static void set_version(struct worker_listener *wl, struct pin *pin)
{
	struct pin *old = wl->pin;
	struct listen_sockets *old_sockets = wl->sockets;
	bool has_others = version_of(pin)->sockets != old_sockets;

	if (has_others && !wl->worker->is_over)
		accept_last(wl); /* for the old version: what waits there is that one's */
	wl->pin = pin_take(pin);
	if (has_others) {
		forget_acceptors(wl);
		start(wl);
	}
	release_sockets(wl->worker, old_sockets);
	pin_drop(old);
}

void worker_listener_update(struct worker *worker, uint32_t slot)
{
	struct worker_listener **at = place(worker, slot);
	struct pin *pin = pin_find(&worker->context.pins, PUBLISHED_LISTENER, slot);
	struct pin *old = *at ? pin_take((*at)->pin) : NULL;

	/* Another address is another name: connections of the old one are counted there till their
	 * end. */
	if (*at && (!pin || version_of(pin)->stats != (*at)->stats))
		remove_listener(at);
	if (pin && *at)
		set_version(*at, pin);
	else if (pin)
		*at = listener_new(worker, pin);
	if (!old)
		return;
	worker_drain_version(worker, old, pin);
	pin_drop(old);
}

void worker_listeners_stop(struct worker *worker, enum drain_scope scope, bool keeps_sockets)
{
	for (uint32_t slot = 0; slot < worker->listener_size; slot++) {
		struct worker_listener *wl = worker->listeners[slot];
		if (!wl || (scope == DRAIN_INBOUND &&
			    config_of(wl)->traffic_direction != LISTENER_INBOUND))
			continue;
		if (keeps_sockets) {
			stop(wl); /* what waits is theirs */
			continue;
		}
		accept_last(wl);
		shut(wl);
	}
}

void worker_listeners_free(struct worker *worker)
{
	for (uint32_t slot = 0; slot < worker->listener_size; slot++)
		if (worker->listeners[slot])
			remove_listener(&worker->listeners[slot]);
	free(worker->listeners);
	worker->listeners = NULL;
	worker->listener_size = 0;
}
