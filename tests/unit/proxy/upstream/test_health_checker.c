/* Checks on the wire, against a server of this process: a thread that answers every request the
 * same way. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hosts.h"

#include "base/random.h"
#include "net/loop.h"
#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_hosts.h"
#include "upstream/health_checker.h"
#include "upstream/health_session.h"
#include "upstream/host_memory.h"

/* --- the server --- */

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const char *answer; /* atomic: what each request gets; "" closes without one, NULL answers
			       nothing */
	unsigned conns, requests; /* atomic */
	pthread_mutex_t lock;     /* of last */
	char last[4096];          /* the last request */
};

static void serve_conn(struct server *server, int fd)
{
	char buffer[4096];
	ssize_t n;

	__atomic_add_fetch(&server->conns, 1, __ATOMIC_SEQ_CST);
	while ((n = read(fd, buffer, sizeof buffer - 1)) > 0) {
		buffer[n] = 0;
		pthread_mutex_lock(&server->lock);
		memcpy(server->last, buffer, (size_t)n + 1);
		pthread_mutex_unlock(&server->lock);
		__atomic_add_fetch(&server->requests, 1, __ATOMIC_SEQ_CST);
		const char *answer = __atomic_load_n(&server->answer, __ATOMIC_SEQ_CST);
		if (!answer)
			continue;
		if (!*answer || write(fd, answer, strlen(answer)) < 0)
			break;
	}
	close(fd);
}

static void *serve(void *context)
{
	struct server *server = context;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0)
		serve_conn(server, fd);
	return NULL;
}

static void server_start(struct server *server, const char *answer)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof name;

	memset(server, 0, sizeof *server);
	pthread_mutex_init(&server->lock, NULL);
	server->answer = answer;
	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(server->fd >= 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&name, len), 0);
	assert_int_equal(listen(server->fd, 16), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&name, &len), 0);
	server->port = ntohs(name.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

/* Every connection of the client must be closed. */
static void server_stop(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

static void assert_asked(struct server *server, const char *wanted)
{
	pthread_mutex_lock(&server->lock);
	assert_string_equal(server->last, wanted);
	pthread_mutex_unlock(&server->lock);
}

static void server_answer(struct server *server, const char *answer)
{
	__atomic_store_n(&server->answer, answer, __ATOMIC_SEQ_CST);
}

/* --- the checker --- */

struct fixture {
	struct loop loop;
	struct stats *stats;
	struct random random;
	struct cluster cluster;
	struct health_check_config config;
	struct plan plan;
	struct host_set *set;
	struct health_checker checker;
	unsigned changes, successes;
};

static struct fixture f;

static void on_changed(struct health_checker *checker)
{
	(void)checker;
	f.changes++;
}

static void on_succeeded(struct health_checker *checker, struct host *host)
{
	(void)checker;
	(void)host;
	f.successes++;
}

static const struct health_checker_events events = {.changed = on_changed,
						    .succeeded = on_succeeded};

static int begin(void **context)
{
	(void)context;
	memset(&f, 0, sizeof f);
	assert_int_equal(loop_init(&f.loop, &f), STATUS_OK);
	f.stats = stats_new();
	random_init(&f.random, 7);
	test_cluster_init(&f.cluster, LB_ROUND_ROBIN);
	f.config = (struct health_check_config){
		.type = HEALTH_CHECK_HTTP,
		.path = SLICE("/hc"),
		.method = SLICE("GET"),
		.timeout_ms = 500,
		.interval_ms = 20,
		.no_traffic_interval_ms = 20,
		.no_traffic_healthy_interval_ms = 20,
		.unhealthy_interval_ms = 20,
		.unhealthy_edge_interval_ms = 20,
		.healthy_edge_interval_ms = 20,
		.unhealthy_threshold = 1,
		.healthy_threshold = 1,
		.reuses_connection = true,
		.response_buffer_size = 1024,
	};
	f.cluster.checks = &f.config;
	f.cluster.check_count = 1;
	f.cluster.published.name = f.cluster.stat_name = SLICE("c1");
	cluster_take_stats(&f.cluster, f.stats);
	health_checker_init(&f.checker, &f.loop, &f.random, f.stats, &events);
	plan_init(&f.plan);
	return 0;
}

static void add_host(uint16_t port)
{
	plan_endpoint(&f.plan, 0, 1)->addr =
		(struct addr){.family = ADDR_IPV4, .port = port, .ip = {127, 0, 0, 1}};
}

static void configure(void)
{
	struct host_set *old = f.set;
	f.set = host_set_build(&f.plan.assignment, &f.cluster, old, old ? old->generation + 1 : 1);
	health_checker_configure(&f.checker, &f.cluster, f.set);
	host_set_free(old);
}

static int end(void **context)
{
	(void)context;
	health_checker_fini(&f.checker);
	loop_fini(&f.loop);
	host_set_free(f.set);
	cluster_drop_stats(&f.cluster);
	stats_free(f.stats);
	return 0;
}

static uint64_t shown(unsigned id)
{
	return stat_value(f.stats, f.cluster.health_stats, id);
}

/* Turns the loop until the host's flags are these; fails after 5 s. */
static void await_flags(uint32_t index, uint32_t flags)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;

	while (host_health(f.set->hosts[index]) != flags) {
		loop_turn(&f.loop, true);
		if (loop_now_ms(&f.loop) > deadline_ms)
			fail_msg("host %u has flags %x, wanted %x", index,
				 host_health(f.set->hosts[index]), flags);
	}
}

static void await_results(uint64_t n)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;

	while (shown(HEALTH_CHECK_STAT_SUCCESS) + shown(HEALTH_CHECK_STAT_FAILURE) < n) {
		loop_turn(&f.loop, true);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
}

/* Closes the connections before the server waits for their end. */
static void stop(struct server *server)
{
	health_checker_fini(&f.checker);
	server_stop(server);
}

static const char ok[] = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
static const char bad[] = "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";

static void http_follows_the_host(void **context)
{
	struct server server;
	(void)context;
	server_start(&server, ok);
	add_host(server.port);
	configure();
	assert_int_equal(host_health(f.set->hosts[0]), HOST_FAILED_ACTIVE_CHECK);
	assert_false(health_checker_is_warm(&f.checker));
	await_flags(0, 0);
	assert_true(health_checker_is_warm(&f.checker));
	assert_int_equal(shown(HEALTH_CHECK_STAT_HEALTHY), 1);
	assert_asked(&server, "GET /hc HTTP/1.1\r\nhost: c1\r\nuser-agent: Envoy/HC\r\n\r\n");
	await_results(4);
	assert_int_equal(__atomic_load_n(&server.conns, __ATOMIC_SEQ_CST),
			 1); /* one connection for all of them */
	server_answer(&server, bad);
	await_flags(0, HOST_FAILED_ACTIVE_CHECK);
	assert_int_equal(shown(HEALTH_CHECK_STAT_HEALTHY), 0);
	server_answer(&server,
		      "HTTP/1.1 200 OK\r\nx-envoy-degraded: 1\r\ncontent-length: 0\r\n\r\n");
	await_flags(0, HOST_DEGRADED_ACTIVE_CHECK);
	server_answer(&server, ok);
	await_flags(0, 0);
	assert_true(f.successes >= 3);
	assert_true(f.changes >= 4);
	stop(&server);
}

static void http_bodies_and_errors(void **context)
{
	struct server server;
	struct slice wanted = SLICE("pong");
	(void)context;
	f.config.receive = &wanted;
	f.config.receive_count = 1;
	server_start(&server, ok);
	add_host(server.port);
	configure();
	await_results(1);
	assert_int_equal(host_health(f.set->hosts[0]), HOST_FAILED_ACTIVE_CHECK);
	server_answer(&server, "HTTP/1.1 200 OK\r\ntransfer-encoding: "
			       "chunked\r\n\r\n3\r\nxpo\r\n2\r\nng\r\n0\r\n\r\n");
	await_flags(0, 0);
	server_answer(&server, "garbage\r\n\r\n");
	await_flags(0, HOST_FAILED_ACTIVE_CHECK);
	server_answer(&server,
		      "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\npong");
	await_flags(0, 0);
	server_answer(&server, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npong");
	f.config.timeout_ms = 50;
	await_flags(0, HOST_FAILED_ACTIVE_CHECK | HOST_CHECK_TIMEOUT);
	server_answer(&server, "");
	await_results(shown(HEALTH_CHECK_STAT_FAILURE) + shown(HEALTH_CHECK_STAT_SUCCESS) + 2);
	assert_true(shown(HEALTH_CHECK_STAT_NETWORK_FAILURE) >= 3);
	stop(&server);
}

static void refused_connections_fail(void **context)
{
	struct server server;
	(void)context;
	server_start(&server, ok);
	server_stop(&server); /* nobody listens there now */
	add_host(server.port);
	configure();
	await_results(3);
	assert_int_equal(host_health(f.set->hosts[0]), HOST_FAILED_ACTIVE_CHECK);
	assert_true(health_checker_is_warm(&f.checker));
	assert_true(shown(HEALTH_CHECK_STAT_NETWORK_FAILURE) >= 3);
	assert_int_equal(shown(HEALTH_CHECK_STAT_HEALTHY), 0);
}

static void tcp_connects_or_talks(void **context)
{
	struct server server;
	struct slice wanted = SLICE("PONG");
	(void)context;
	f.config.type = HEALTH_CHECK_TCP;
	server_start(&server, "PONG");
	add_host(server.port);
	configure();
	await_flags(0, 0);
	f.config.send = SLICE("PING");
	f.config.receive = &wanted;
	f.config.receive_count = 1;
	await_results(4);
	assert_int_equal(host_health(f.set->hosts[0]), 0);
	assert_asked(&server, "PING");
	server_answer(&server, "PUNG");
	f.config.timeout_ms = 50;
	await_flags(0, HOST_FAILED_ACTIVE_CHECK | HOST_CHECK_TIMEOUT);
	stop(&server);
}

static void hosts_come_and_go(void **context)
{
	struct server a, b;
	(void)context;
	server_start(&a, ok);
	server_start(&b, ok);
	add_host(a.port);
	configure();
	await_flags(0, 0);
	add_host(b.port);
	configure();
	assert_int_equal(host_health(f.set->hosts[0]), 0);
	await_flags(1, 0);
	assert_int_equal(f.checker.count, 2);
	health_checker_fail(&f.checker, f.set->hosts[1]);
	assert_int_equal(host_health(f.set->hosts[1]), HOST_FAILED_ACTIVE_CHECK | HOST_EXCLUDED);
	assert_int_equal(shown(HEALTH_CHECK_STAT_PASSIVE_FAILURE), 1);
	await_flags(1, 0);
	plan_init(&f.plan);
	add_host(b.port);
	configure();
	assert_int_equal(f.checker.count, 1);
	server_stop(&a);
	await_results(shown(HEALTH_CHECK_STAT_SUCCESS) + 2);
	assert_int_equal(shown(HEALTH_CHECK_STAT_HEALTHY), 1);
	stop(&b);
}

/* Each host is asked once it is its turn: main has time between. */
static void many_hosts_do_not_begin_at_once(void **context)
{
	enum { HOSTS = 20 * HEALTH_STARTS_A_MS };
	uint64_t most = 0, before = 0;
	(void)context;
	for (uint16_t i = 0; i < HOSTS; i++) {
		add_host((uint16_t)(i + 1));
		f.plan.endpoints[i].addr.ip[3] = 2; /* nobody listens there */
	}
	f.config.no_traffic_interval_ms = 60000;
	configure();
	uint64_t begin_ms = loop_now_ms(&f.loop);
	while (shown(HEALTH_CHECK_STAT_ATTEMPT) < HOSTS) {
		uint64_t now_ms = loop_now_ms(&f.loop);
		loop_turn(&f.loop, true);
		uint64_t n = shown(HEALTH_CHECK_STAT_ATTEMPT);
		uint64_t passed_ms = loop_now_ms(&f.loop) - now_ms + 1;
		most = (n - before) / passed_ms > most ? (n - before) / passed_ms : most;
		before = n;
	}
	assert_in_range(most, 1, 2 * HEALTH_STARTS_A_MS);
	assert_true(loop_now_ms(&f.loop) - begin_ms >= 19);
}

/* A check under way holds on to nothing of the version before. */
static void another_version_is_asked_by(void **context)
{
	struct server server;
	struct health_check_config *old = malloc(sizeof *old);
	struct cluster next;
	(void)context;
	server_start(&server, NULL);
	assert_non_null(old);
	*old = f.config;
	old->timeout_ms = 60000;
	f.cluster.checks = old;
	add_host(server.port);
	configure();
	while (!__atomic_load_n(&server.requests, __ATOMIC_SEQ_CST))
		loop_turn(&f.loop, false);
	next = f.cluster;
	next.checks = &f.config;
	f.config.path = SLICE("/next");
	f.config.host = SLICE("other");
	health_checker_configure(&f.checker, &next, f.set);
	free(old);
	server_answer(&server, ok);
	await_flags(0, 0);
	assert_asked(&server, "GET /next HTTP/1.1\r\nhost: other\r\nuser-agent: Envoy/HC\r\n\r\n");
	stop(&server);
	f.cluster.checks = &f.config;
}

/* What the process before has found out is the first result; the checks go on. */
static void results_of_a_process_before_count(void **context)
{
	struct host_memory memory;
	struct server server;

	(void)context;
	host_memory_init(&memory);
	struct host_finding *good =
		host_memory_at(&memory, SLICE("c1"), SLICE("127.0.0.1:1"), SLICE(""));
	struct host_finding *failed =
		host_memory_at(&memory, SLICE("c1"), SLICE("127.0.0.1:2"), SLICE(""));
	*good = (struct host_finding){.is_checked = true, .successes = 3};
	*failed = (struct host_finding){.is_checked = true,
					.checked_flags = HOST_FAILED_ACTIVE_CHECK};
	server_start(&server, ok);
	f.checker.memory = &memory;
	add_host(1);
	add_host(2);
	configure();
	assert_true(health_checker_is_warm(&f.checker));
	assert_int_equal(f.changes, 1); /* the tables were built before */
	assert_int_equal(host_health(f.set->hosts[0]), 0);
	assert_int_equal(host_health(f.set->hosts[1]), HOST_FAILED_ACTIVE_CHECK);
	assert_int_equal(shown(HEALTH_CHECK_STAT_HEALTHY), 1);
	add_host(server.port);
	configure();
	assert_false(health_checker_is_warm(&f.checker)); /* nobody knew that one */
	assert_int_equal(f.changes, 1);
	await_flags(2, 0);
	await_flags(0, HOST_FAILED_ACTIVE_CHECK); /* nobody listens there */
	stop(&server);
	host_memory_fini(&memory);
}

/* What was found out is of the host as it was: one that comes back is checked before it serves. */
static void a_host_that_comes_back_isnt_known(void **context)
{
	struct host_memory memory;

	(void)context;
	host_memory_init(&memory);
	struct host_finding *good =
		host_memory_at(&memory, SLICE("c1"), SLICE("127.0.0.1:1"), SLICE(""));
	*good = (struct host_finding){.is_checked = true, .successes = 3};
	f.checker.memory = &memory;
	add_host(1);
	configure();
	assert_int_equal(host_health(f.set->hosts[0]), 0);
	plan_init(&f.plan);
	add_host(2);
	configure();
	plan_init(&f.plan);
	add_host(1);
	configure();
	assert_false(health_checker_is_warm(&f.checker));
	assert_int_equal(host_health(f.set->hosts[0]), HOST_FAILED_ACTIVE_CHECK);
	host_memory_fini(&memory);
}

int main(void)
{
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_FIXTURE(http_follows_the_host),
		IN_FIXTURE(http_bodies_and_errors),
		IN_FIXTURE(refused_connections_fail),
		IN_FIXTURE(tcp_connects_or_talks),
		IN_FIXTURE(hosts_come_and_go),
		IN_FIXTURE(another_version_is_asked_by),
		IN_FIXTURE(many_hosts_do_not_begin_at_once),
		IN_FIXTURE(results_of_a_process_before_count),
		IN_FIXTURE(a_host_that_comes_back_isnt_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
