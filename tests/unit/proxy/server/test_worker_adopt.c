/* Connections that move between two workers, each with its thread, by listener and filter chain. */
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <envoy/config/listener/v3/listener.pb-c.h>

#include "filters/registry.h"
#include "net/handover.h"
#include "net/served.h"
#include "server/listener.h"
#include "server/worker.h"
#include "server/worker_listener.h"
#include "telemetry/stats_network.h"
#include "xds/yaml_message.h"

enum { MOVES = 60 };

#define HTTP                                                                                       \
	"{name: h, typed_config: {'@type': "                                                       \
	"type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."         \
	"HttpConnectionManager, stat_prefix: h, "                                                  \
	"http_filters: [{name: r, typed_config: {'@type': "                                        \
	"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], "                  \
	"route_config: {name: r, virtual_hosts: [{name: v, domains: ['*'], routes: [{match: "      \
	"{prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]}]}}}"
#define GATE                                                                                       \
	"{name: l, typed_config: {'@type': "                                                       \
	"type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3."                \
	"ConnectionLimit, stat_prefix: l, max_connections: 1}}, "
#define TCP                                                                                        \
	"{name: t, typed_config: {'@type': "                                                       \
	"type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, "             \
	"stat_prefix: t, cluster: abc}}"
#define LISTENER(chain, filters)                                                                   \
	"name: inbound\naddress: {socket_address: {address: 127.0.0.1, port_value: 1}}\n"          \
	"filter_chains: [{name: " chain ", filters: [" filters "]}]\n"

static struct {
	struct loop loop; /* main's */
	struct mailbox mailbox;
	struct stats *stats;
	struct worker *workers[2];
	pthread_t threads[2];
	struct listener *listeners[2]; /* what each has */
	struct arena arena;
	sem_t done;
	int client;
} t;

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
		.stats = t.stats,
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

static void *run(void *worker)
{
	loop_run(&((struct worker *)worker)->loop);
	return NULL;
}

/* --- what is done on a worker's thread, while the test waits */

static void wait_done(void)
{
	while (sem_wait(&t.done))
		assert_int_equal(errno, EINTR);
}

static void on_worker(int worker, void (*fn)(struct worker *worker, void *arg), void *arg)
{
	worker_post(t.workers[worker], fn, arg);
	wait_done();
}

struct move {
	struct handover handover;
	enum status status;
};

static void do_give(struct worker *worker, void *arg)
{
	struct move *move = arg;

	move->status = STATUS_NOT_FOUND;
	if (!list_is_empty(&worker->context.served)) {
		struct served *served =
			container_of(worker->context.served.next, struct served, link);
		move->status = served->type->give(served, NULL, &move->handover);
	}
	sem_post(&t.done);
}

static void do_adopt(struct worker *worker, void *arg)
{
	struct move *move = arg;

	move->status = worker_listener_adopt(worker, &move->handover);
	sem_post(&t.done);
}

static void on_ended(struct accepted_end *end, uint64_t lived_ms)
{
	(void)end;
	assert_true(lived_ms == ACCEPTED_GIVEN_AWAY);
}

/* As if it had been accepted: nothing is bound here. */
static void do_serve(struct worker *worker, void *arg)
{
	static struct accepted_end end = {on_ended};
	const struct filter_chain *chain = &t.listeners[0]->chains[0];
	const struct conn_filter *last = &chain->filters[chain->filter_count - 1];
	struct accepted accepted = {
		.fd = *(int *)arg,
		.remote = {.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 9},
		.local = {.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 1},
		.worker = &worker->context,
		.listener = pin_find(&worker->context.pins, PUBLISHED_LISTENER, 0),
		.chain = &chain->served,
		.end = &end,
	};

	last->type->serve(last->config, &accepted);
	sem_post(&t.done);
}

/* --- life */

static void begin_with(const char *first, const char *second)
{
	int ends[2];

	memset(&t, 0, sizeof t);
	arena_init(&t.arena, 4096);
	t.stats = stats_new();
	assert_int_equal(sem_init(&t.done, 0, 0), 0);
	assert_int_equal(loop_init(&t.loop, NULL), STATUS_OK);
	mailbox_init(&t.mailbox, &t.loop, NULL);
	for (int i = 0; i < 2; i++) {
		struct worker *worker = t.workers[i] = worker_new((unsigned)i, &t.mailbox, t.stats);
		t.listeners[i] = build(i ? second : first);
		assert_non_null(worker);
		worker_apply(worker, &(struct publication_change){PUBLISHED_LISTENER, 0,
								  &t.listeners[i]->published});
		assert_int_equal(pthread_create(&t.threads[i], NULL, run, worker), 0);
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	t.client = ends[1];
	on_worker(0, do_serve, &ends[0]);
}

static void do_stop(struct worker *worker, void *arg)
{
	(void)arg;
	loop_stop(&worker->loop);
}

/* What workers have told main: references that come back. */
static void drop_messages(void)
{
	struct message *message = atomic_exchange(&t.mailbox.newest, NULL);

	while (message) {
		struct message *next = message->next;
		free(message); /* it is the first of what was posted */
		message = next;
	}
}

static void end(void)
{
	close(t.client);
	for (int i = 0; i < 2; i++) {
		worker_post(t.workers[i], do_stop, NULL);
		pthread_join(t.threads[i], NULL);
		worker_free(t.workers[i]);
		listener_free(&t.listeners[i]->published);
	}
	drop_messages();
	loop_fini(&t.loop);
	sem_destroy(&t.done);
	stats_free(t.stats);
	arena_free(&t.arena);
}

static uint64_t counted(int listener, unsigned id)
{
	return stat_value(t.stats, t.listeners[listener]->stats, id);
}

static void say(const char *text, size_t len)
{
	assert_int_equal(send(t.client, text, len, MSG_NOSIGNAL), len);
}

static void expect_hello(void)
{
	char bytes[4096];
	size_t len = 0;

	while (len < 5 || memcmp(bytes + len - 5, "hello", 5)) {
		ssize_t n = recv(t.client, bytes + len, sizeof bytes - len, 0);
		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_memory_equal(bytes, "HTTP/1.1 200 OK\r\n", 17);
}

static const char request[] = "GET / HTTP/1.1\r\nhost: h\r\n\r\n";

/* --- tests */

static void a_connection_moves_between_threads(void **state)
{
	struct move move;

	(void)state;
	begin_with(LISTENER("c", HTTP), LISTENER("c", HTTP));
	for (int i = 0; i < MOVES; i++) {
		size_t cut = (size_t)i % sizeof request;
		cut = cut < sizeof request - 1 ? cut : 0;
		say(request, cut);
		on_worker(i % 2, do_give, &move);
		assert_int_equal(move.status, STATUS_OK);
		on_worker(!(i % 2), do_adopt, &move);
		assert_int_equal(move.status, STATUS_OK);
		handover_fini(&move.handover);
		say(request + cut, sizeof request - 1 - cut);
		expect_hello();
	}
	/* Both listeners have one scope: there is one connection, and none has come to it. */
	assert_int_equal(counted(0, LISTENER_STAT_DOWNSTREAM_CX_ACTIVE), 1);
	assert_int_equal(counted(0, LISTENER_STAT_DOWNSTREAM_CX_DESTROY), 0);
	assert_int_equal(counted(0, LISTENER_STAT_DOWNSTREAM_CX_TOTAL), 0);
	end();
}

/* Nothing is taken: it goes on where it was. */
static void refuse(const char *second, enum status status)
{
	struct move move;

	begin_with(LISTENER("c", HTTP), second);
	on_worker(0, do_give, &move);
	assert_int_equal(move.status, STATUS_OK);
	on_worker(1, do_adopt, &move);
	assert_int_equal(move.status, status);
	assert_true(move.handover.sockets[0].fd >= 0);
	on_worker(0, do_adopt, &move);
	assert_int_equal(move.status, STATUS_OK);
	handover_fini(&move.handover);
	say(request, sizeof request - 1);
	expect_hello();
	end();
}

static void another_chain_refuses(void **state)
{
	(void)state;
	refuse(LISTENER("other", HTTP), STATUS_NOT_FOUND);
}

static void another_protocol_refuses(void **state)
{
	(void)state;
	refuse(LISTENER("c", TCP), STATUS_UNSUPPORTED);
}

static void an_unknown_listener_refuses(void **state)
{
	struct move move;

	(void)state;
	begin_with(LISTENER("c", HTTP), LISTENER("c", HTTP));
	on_worker(0, do_give, &move);
	move.handover.listener[0] = 'x';
	on_worker(1, do_adopt, &move);
	assert_int_equal(move.status, STATUS_NOT_FOUND);
	handover_fini(&move.handover);
	end();
}

static void a_gate_counts_what_is_adopted(void **state)
{
	struct move move, again;
	int ends[2];

	(void)state;
	begin_with(LISTENER("c", HTTP), LISTENER("c", GATE HTTP));
	on_worker(0, do_give, &move);
	on_worker(1, do_adopt, &move);
	assert_int_equal(move.status, STATUS_OK);
	handover_fini(&move.handover);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	on_worker(0, do_serve, &ends[0]);
	on_worker(0, do_give, &move);
	on_worker(1, do_adopt, &move);
	assert_int_equal(move.status, STATUS_UNSUPPORTED); /* there may be one */
	on_worker(1, do_give, &again);
	assert_int_equal(again.status, STATUS_OK);
	on_worker(1, do_adopt, &move);
	assert_int_equal(move.status, STATUS_OK); /* the first has left it */
	handover_fini(&move.handover);
	handover_fini(&again.handover);
	close(ends[1]);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_moves_between_threads),
		cmocka_unit_test(another_chain_refuses),
		cmocka_unit_test(another_protocol_refuses),
		cmocka_unit_test(an_unknown_listener_refuses),
		cmocka_unit_test(a_gate_counts_what_is_adopted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
