/* A worker's part in drains, turned by the test: who is accepted last, what a version of a listener
 * leaves behind, and what main hears of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <envoy/config/listener/v3/listener.pb-c.h>

#include "filters/registry.h"
#include "net/served.h"
#include "server/listen_sockets.h"
#include "server/listener.h"
#include "server/server.h"
#include "server/worker.h"
#include "telemetry/stats_network.h"
#include "telemetry/stats_server.h"
#include "xds/yaml_message.h"

enum { DRAIN_MS = 5000, TURNS_MAX = 100000, VERSIONS_MAX = 64, CLIENTS = 5 };

#define HTTP(body)                                                                                 \
	"{name: h, typed_config: {'@type': "                                                       \
	"type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."         \
	"HttpConnectionManager, stat_prefix: h, "                                                  \
	"http_filters: [{name: r, typed_config: {'@type': "                                        \
	"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], "                  \
	"route_config: {name: r, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: "      \
	"{prefix: /}, direct_response: {status: 200, body: {inline_string: " body "}}}]}]}}}"
#define LISTENER(direction, first, rest)                                                           \
	"name: l\nstat_prefix: s\ntraffic_direction: " direction "\n"                              \
	"address: {socket_address: {address: 127.0.0.1, port_value: 1}}\n"                         \
	"filter_chains: [{name: first, filter_chain_match: {source_prefix_ranges: "                \
	"[{address_prefix: 127.0.0.1, prefix_len: 32}]}, filters: [" HTTP(                         \
		first) "]}]\n"                                                                     \
		       "default_filter_chain: {name: rest, filters: [" HTTP(rest) "]}\n"

static struct {
	struct server server; /* what a worker's words need of it */
	struct worker *worker;
	struct arena arena;
	struct listener *versions[VERSIONS_MAX];
	unsigned version_count;
	struct listen_sockets *sockets[2];
	int clients[CLIENTS];
	bool has_ended;
} t;

/* --- main */

static void order_ask(struct drain_manager *manager, enum drain_scope scope, uint64_t time_ms,
		      bool is_gradual)
{
	(void)manager;
	worker_drain_ask(t.worker, scope, time_ms, is_gradual);
}

static void order_stop(struct drain_manager *manager, enum drain_scope scope)
{
	(void)manager;
	worker_drain_stop(t.worker, scope);
}

static void order_leave(struct drain_manager *manager, bool keeps_sockets)
{
	(void)manager;
	worker_drain_leave(t.worker, keeps_sockets);
}

static void order_look(struct drain_manager *manager)
{
	(void)manager;
	worker_drain_look(t.worker);
}

static void order_end(struct drain_manager *manager)
{
	(void)manager;
	t.has_ended = true;
}

static const struct drain_orders orders = {order_ask, order_stop, order_leave, order_look,
					   order_end};

static uint64_t listener_gauge(unsigned id)
{
	const struct drain_manager *manager = &t.server.drains;
	const uint64_t *words =
		stats_words(stats_main_shard(t.server.stats), manager->listener_scope) + id;
	return words[0] - words[1];
}

static uint64_t deadline_closed(void)
{
	const struct drain_manager *manager = &t.server.drains;
	return stats_words(stats_main_shard(t.server.stats),
			   manager->scope)[DRAIN_STAT_DEADLINE_CLOSED];
}

/* What the worker has posted to itself, and told main. */
static void hear(void)
{
	mailbox_drain(&t.worker->mailbox);
	mailbox_drain(&t.server.mailbox);
}

/* --- listeners */

static uint32_t slot_of(const struct config_context *context, enum published_kind kind,
			struct slice name)
{
	(void)context;
	(void)kind;
	(void)name;
	return 0;
}

static bool all_are_known(const struct config_context *context, enum published_kind kind,
			  struct slice name)
{
	(void)context;
	(void)kind;
	(void)name;
	return true;
}

static struct listener *build(const char *text)
{
	const struct config_context context = {
		.stats = t.server.stats,
		.slot = slot_of,
		.is_known = all_are_known,
		.filter_type = filter_type_find,
		.conn_filter_type = conn_filter_type_find,
	};
	struct diag diag = {.path = ""};
	ProtobufCMessage *message = NULL;
	struct listener *listener = NULL;

	if (yaml_message_parse(slice_of(text), "t.yaml",
			       &envoy__config__listener__v3__listener__descriptor, NULL, &t.arena,
			       &message, &diag) ||
	    listener_build((const Envoy__Config__Listener__V3__Listener *)message, &context,
			   &listener, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	return listener;
}

static struct listen_sockets *listen_anew(void)
{
	struct listen_sockets *sockets = calloc(1, sizeof *sockets + sizeof(int));
	struct addr addr;

	assert_non_null(sockets);
	assert_int_equal(addr_parse(SLICE("127.0.0.1:0"), &addr), STATUS_OK);
	sockets->addr_count = sockets->rounds = sockets->worker_count = 1;
	sockets->references = 1000; /* the test's: never closed by others */
	sockets->fds[0] = listen_socket_open(&addr, &(struct listen_options){0});
	assert_true(sockets->fds[0] >= 0);
	return sockets;
}

/* What the worker has in the slot from now on. */
static struct listener *put(uint32_t slot, const char *text, struct listen_sockets *sockets)
{
	struct listener *listener = build(text);

	assert_true(t.version_count < VERSIONS_MAX);
	t.versions[t.version_count++] = listener;
	listener->number = t.version_count;
	listener->sockets = sockets;
	listener->published.slot = slot;
	listener->published.references++; /* the worker's */
	worker_apply(t.worker,
		     &(struct publication_change){PUBLISHED_LISTENER, slot, &listener->published});
	return listener;
}

/* --- clients */

static int dial(const struct listen_sockets *sockets)
{
	struct sockaddr_in name;
	socklen_t len = sizeof name;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(sockets->fds[0], (struct sockaddr *)&name, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, len), 0);
	return fd;
}

/* The kernel has accepted them: they wait. */
static void dial_all(const struct listen_sockets *sockets)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		t.clients[i] = dial(sockets);
}

static void close_clients(void)
{
	for (unsigned i = 0; i < CLIENTS; i++)
		close(t.clients[i]);
}

static void ask(int client)
{
	static const char request[] = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";
	assert_int_equal(send(client, request, sizeof request - 1, MSG_NOSIGNAL),
			 sizeof request - 1);
}

/* All that comes until the connection ends, or the answer is there: whether it is the last. */
static bool is_told_to_leave(int client)
{
	char bytes[4096] = "";
	size_t len = 0;

	for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
		loop_turn(&t.worker->loop, false);
		ssize_t n = recv(client, bytes + len, sizeof bytes - 1 - len, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			usleep(100);
			continue;
		}
		if (n <= 0)
			break;
		len += (size_t)n;
		bytes[len] = 0;
		if (strstr(bytes, "one") || strstr(bytes, "two"))
			return strstr(bytes, "connection: close");
	}
	fail_msg("no answer, but '%.*s'", (int)len, bytes);
	return false;
}

static unsigned served_count(void)
{
	const struct list_node *all = &t.worker->context.served;
	unsigned count = 0;

	for (const struct list_node *n = all->next; n != all; n = n->next)
		count++;
	return count;
}

/* Of those that are served, those that have been left behind. */
static unsigned left_behind_count(void)
{
	const struct list_node *all = &t.worker->context.served;
	unsigned count = 0;

	for (const struct list_node *n = all->next; n != all; n = n->next) {
		struct served *served = container_of(n, struct served, link);
		count += (*served->type->origin(served).chain)->drain != NULL;
	}
	return count;
}

static void accept_all(unsigned count)
{
	for (unsigned turns = 0; served_count() < count; turns++) {
		assert_true(turns < TURNS_MAX);
		loop_turn(&t.worker->loop, false);
		usleep(100);
	}
}

/* The worker's loop isn't turned afterwards: its clock would go back. */
static void pass(uint64_t ms)
{
	timer_wheel_advance(&t.worker->loop.wheel, t.worker->loop.wheel.now_ms + ms);
}

/* --- life */

static int set_up(void **state)
{
	const struct drain_times times = {.drain_ms = DRAIN_MS};
	struct server *server = &t.server;

	(void)state;
	memset(&t, 0, sizeof t);
	arena_init(&t.arena, 4096);
	assert_int_equal(loop_init(&server->loop, server), STATUS_OK);
	mailbox_init(&server->mailbox, &server->loop, server);
	server->stats = stats_new();
	drain_manager_init(&server->drains, &orders, &times, &server->loop.wheel, server->stats);
	server->drains.worker_count = 1;
	t.worker = worker_new(0, &server->mailbox, server->stats);
	assert_non_null(t.worker);
	worker_drain_init(t.worker, DRAIN_MS, false);
	for (unsigned i = 0; i < 2; i++)
		t.sockets[i] = listen_anew();
	return 0;
}

static int tear_down(void **state)
{
	struct server *server = &t.server;

	(void)state;
	worker_free(t.worker);
	mailbox_drain(&server->mailbox);
	for (unsigned i = 0; i < t.version_count; i++) {
		assert_int_equal(t.versions[i]->published.references, 1);
		listener_free(&t.versions[i]->published);
	}
	for (unsigned i = 0; i < 2; i++) {
		close(t.sockets[i]->fds[0]);
		free(t.sockets[i]);
	}
	drain_manager_fini(&server->drains);
	stats_free(server->stats);
	loop_fini(&server->loop);
	arena_free(&t.arena);
	return 0;
}

/* --- tests */

/* A version that is counted under the same name, with other sockets: those that wait in the old
 * ones came to the old version. */
static void those_that_wait_in_sockets_that_are_left_are_served(void **state)
{
	(void)state;
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[0]);
	dial_all(t.sockets[0]);
	put(0, LISTENER("OUTBOUND", "two", "two"), t.sockets[1]);
	assert_int_equal(served_count(), CLIENTS);
	hear();
	assert_int_equal(left_behind_count(), CLIENTS);
	ask(t.clients[0]);
	assert_true(is_told_to_leave(t.clients[0]));
	int other = dial(t.sockets[1]);
	ask(other);
	assert_false(is_told_to_leave(other));
	close(other);
	close_clients();
}

/* When the process ends: the kernel has told them that they are connected. */
static void those_that_wait_when_it_leaves_are_served(void **state)
{
	(void)state;
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[0]);
	loop_turn(&t.worker->loop, false); /* they wait for less than a second from now */
	dial_all(t.sockets[0]);
	for (unsigned i = 0; i < CLIENTS; i++)
		ask(t.clients[i]);
	drain_manager_end(&t.server.drains, DRAIN_FOR_END, DRAIN_ALL);
	assert_int_equal(served_count(), CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++)
		assert_true(is_told_to_leave(t.clients[i]));
	close_clients();
	for (unsigned turns = 0; !t.has_ended; turns++) {
		assert_true(turns < TURNS_MAX);
		loop_turn(&t.worker->loop, false);
		hear();
		usleep(100);
	}
}

/* This process has been replaced: its sockets are the successor's, and so is who waits there,
 * though a version with others comes. */
static void those_that_wait_are_left_to_a_successor(void **state)
{
	(void)state;
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[0]);
	t.worker->shares_sockets = true;
	worker_drain_give_sockets(t.worker);
	dial_all(t.sockets[0]);
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[1]);
	for (unsigned turns = 0; turns < 20; turns++) {
		loop_turn(&t.worker->loop, false);
		usleep(100);
	}
	assert_int_equal(served_count(), 0);
	for (unsigned i = 0; i < CLIENTS; i++) {
		int waiting = accept(t.sockets[0]->fds[0], NULL, NULL);
		assert_true(waiting >= 0);
		close(waiting);
	}
	close_clients();
}

static void what_a_version_leaves_behind_is_told_and_closed_at_the_deadline(void **state)
{
	(void)state;
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[0]);
	dial_all(t.sockets[0]);
	accept_all(CLIENTS);
	put(0, LISTENER("OUTBOUND", "one", "one"), t.sockets[0]);
	hear();
	hear();
	assert_int_equal(left_behind_count(), CLIENTS);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), 1);
	assert_true(t.worker->context.is_asking);
	pass(DRAIN_MS - 1);
	assert_int_equal(served_count(), CLIENTS);
	pass(1);
	assert_int_equal(served_count(), 0);
	hear();
	assert_int_equal(deadline_closed(), CLIENTS);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), 0);
	assert_false(t.worker->context.is_asking);
	close_clients();
}

static void what_the_new_version_serves_too_stays(void **state)
{
	(void)state;
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[0]);
	dial_all(t.sockets[0]);
	accept_all(CLIENTS);
	put(0, LISTENER("INBOUND", "one", "two"), t.sockets[0]);
	hear();
	assert_int_equal(left_behind_count(), 0);
	put(0, LISTENER("INBOUND", "two", "two"), t.sockets[0]);
	hear();
	assert_int_equal(left_behind_count(), CLIENTS);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_FILTER_CHAINS_DRAINING), 1);
	pass(DRAIN_MS);
	hear();
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_FILTER_CHAINS_DRAINING), 0);
	close_clients();
}

/* Two steps in one turn: what counts is where they lead. */
static void versions_of_one_turn_are_one_change(void **state)
{
	(void)state;
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[0]);
	dial_all(t.sockets[0]);
	accept_all(CLIENTS);
	put(0, LISTENER("INBOUND", "two", "one"), t.sockets[0]);
	put(0, LISTENER("INBOUND", "one", "one"), t.sockets[0]);
	hear();
	assert_int_equal(left_behind_count(), 0);
	put(0, LISTENER("INBOUND", "two", "one"), t.sockets[0]);
	put(0, LISTENER("INBOUND", "two", "two"), t.sockets[0]);
	hear();
	assert_int_equal(left_behind_count(), CLIENTS);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_FILTER_CHAINS_DRAINING), 2);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), 0);
	close_clients();
}

/* One that is always there, and notes how often it is looked at. */
static struct {
	struct served served;
	const struct served_chain *chain;
	struct pin listener;
	unsigned looks;
} witness;

static struct served_origin witness_origin(struct served *served)
{
	(void)served;
	witness.looks++;
	return (struct served_origin){&witness.listener, &witness.chain};
}

static void witness_close(struct served *served)
{
	list_remove(&served->link);
}

static void begin_to_witness(void)
{
	static const struct served_type type = {.origin = witness_origin, .close = witness_close};
	static const struct served_chain in_force;

	witness.chain = &in_force;
	served_begin(&witness.served, &type, &t.worker->context.served, &in_force);
}

static void on_ended(struct accepted_end *end, uint64_t lived_ms)
{
	(void)end;
	(void)lived_ms;
}

/* As if it had been accepted; returns the client's end. */
static int serve(uint32_t slot, const struct listener *listener)
{
	static struct accepted_end end = {on_ended};
	const struct filter_chain *chain = &listener->chains[0];
	const struct conn_filter *last = &chain->filters[chain->filter_count - 1];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
			 0);
	struct accepted accepted = {
		.fd = ends[0],
		.remote = {.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 9},
		.local = {.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 1},
		.worker = &t.worker->context,
		.listener = pin_find(&t.worker->context.pins, PUBLISHED_LISTENER, slot),
		.chain = &chain->served,
		.end = &end,
	};
	last->type->serve(last->config, &accepted);
	return ends[1];
}

static void replace(uint32_t from, uint32_t to)
{
	for (uint32_t slot = from; slot < to; slot++)
		put(slot, LISTENER("OUTBOUND", "two", "two"), NULL);
	hear();
	assert_int_equal(left_behind_count(), to);
}

/* What many versions have left is closed in few looks at all connections. */
static void versions_that_end_together_take_one_look(void **state)
{
	enum { LISTENERS = 20, LATER_MS = 50 };
	int clients[LISTENERS];
	(void)state;

	for (uint32_t slot = 0; slot < LISTENERS; slot++)
		clients[slot] = serve(slot, put(slot, LISTENER("INBOUND", "one", "one"), NULL));
	begin_to_witness();
	replace(0, LISTENERS / 2);
	pass(LATER_MS);
	replace(LISTENERS / 2, LISTENERS);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), LISTENERS);
	witness.looks = 0;
	pass(DRAIN_MS - LATER_MS - 1);
	assert_int_equal(witness.looks, 0);
	pass(1);
	assert_int_equal(served_count(), 1 + LISTENERS / 2);
	assert_int_equal(witness.looks, 1);
	pass(2 * LATER_MS); /* not more often than that */
	assert_int_equal(served_count(), 1);
	assert_int_equal(witness.looks, 2);
	hear();
	assert_int_equal(deadline_closed(), LISTENERS);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), 0);
	assert_false(t.worker->context.is_asking);
	for (unsigned i = 0; i < LISTENERS; i++)
		close(clients[i]);
}

#define CHECK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHECK(those_that_wait_in_sockets_that_are_left_are_served),
		CHECK(those_that_wait_are_left_to_a_successor),
		CHECK(those_that_wait_when_it_leaves_are_served),
		CHECK(what_a_version_leaves_behind_is_told_and_closed_at_the_deadline),
		CHECK(what_the_new_version_serves_too_stays),
		CHECK(versions_of_one_turn_are_one_change),
		CHECK(versions_that_end_together_take_one_look),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
