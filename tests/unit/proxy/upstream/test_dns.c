/* Resolving against a name server of this process: a thread that knows a few names. */
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
#include "upstream/dns.h"
#include "upstream/dns_cluster.h"

/* --- the name server
 * --------------------------------------------------------------------------------------------- */

struct name_server {
	int fd;
	uint16_t port;
	pthread_t thread;
	uint32_t hosts; /* atomic: 10.0.0.1 to 10.0.0.n are the answer for two.test, from the nth
			   backwards */
	unsigned asked; /* atomic */
};

static size_t put_answer(unsigned char *at, uint8_t last)
{
	const unsigned char record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 7, 0, 4, 10, 0, 0, last};
	memcpy(at, record, sizeof record);
	return sizeof record;
}

static void answer(struct name_server *server, unsigned char *message, size_t len,
		   struct sockaddr_in *to)
{
	static const unsigned char known[] = "\3two\4test";
	size_t name_end = 12 + strlen((char *)message + 12) + 1;
	unsigned type = message[name_end + 1];
	uint32_t n = __atomic_load_n(&server->hosts, __ATOMIC_SEQ_CST);
	bool is_known = !memcmp(message + 12, known, sizeof known);

	__atomic_add_fetch(&server->asked, 1, __ATOMIC_SEQ_CST);
	len = name_end + 4; /* without what follows the question */
	message[2] = 0x81;
	message[3] = is_known ? 0x80 : 0x83; /* no such name */
	memset(message + 6, 0, 6);
	if (is_known && type == 1) {
		message[7] = (unsigned char)n;
		for (; n; n--)
			len += put_answer(message + len, (uint8_t)n);
	}
	sendto(server->fd, message, len, 0, (struct sockaddr *)to, sizeof *to);
}

static void *serve(void *context)
{
	struct name_server *server = context;
	unsigned char message[1024];
	struct sockaddr_in from;

	for (;;) {
		socklen_t from_len = sizeof from;
		ssize_t n =
			recvfrom(server->fd, message, 512, 0, (struct sockaddr *)&from, &from_len);
		if (n < 17)
			return NULL; /* told to end by a short message */
		answer(server, message, (size_t)n, &from);
	}
}

/* --- */

struct fixture {
	struct loop loop;
	struct stats *stats;
	struct random random;
	struct name_server server;
	struct addr resolver;
	struct cluster cluster;
	struct plan plan;
	struct dns_cluster names;
	struct assignment *assignment; /* the latest */
	unsigned assigned;
};

static struct fixture f;

static int begin(void **context)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof name;
	(void)context;

	memset(&f, 0, sizeof f);
	assert_int_equal(loop_init(&f.loop, &f), STATUS_OK);
	f.stats = stats_new();
	random_init(&f.random, 3);
	f.server.hosts = 2;
	f.server.fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(bind(f.server.fd, (struct sockaddr *)&name, len), 0);
	assert_int_equal(getsockname(f.server.fd, (struct sockaddr *)&name, &len), 0);
	f.server.port = ntohs(name.sin_port);
	assert_int_equal(pthread_create(&f.server.thread, NULL, serve, &f.server), 0);
	f.resolver =
		(struct addr){.family = ADDR_IPV4, .port = f.server.port, .ip = {127, 0, 0, 1}};

	test_cluster_init(&f.cluster, LB_ROUND_ROBIN);
	f.cluster.type = CLUSTER_STRICT_DNS;
	f.cluster.published.name = f.cluster.stat_name = SLICE("c1");
	f.cluster.dns = (struct dns_config){.family = DNS_FAMILY_V4_ONLY,
					    .refresh_ms = 20,
					    .failure_base_ms = 20,
					    .failure_max_ms = 20,
					    .resolvers = &f.resolver,
					    .resolver_count = 1};
	cluster_take_stats(&f.cluster, f.stats);
	plan_init(&f.plan);
	f.cluster.assignment = &f.plan.assignment;
	return 0;
}

static int end(void **context)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(f.server.port)};
	(void)context;
	sendto(f.server.fd, "end", 3, 0, (struct sockaddr *)&to, sizeof to);
	pthread_join(f.server.thread, NULL);
	close(f.server.fd);
	loop_fini(&f.loop);
	assignment_free(f.assignment);
	cluster_drop_stats(&f.cluster);
	stats_free(f.stats);
	return 0;
}

/* --- one query */

struct result {
	struct dns_answer answer;
	struct addr addrs[8];
	unsigned count;
};

static void on_answer(void *owner, const struct dns_answer *answer)
{
	struct result *result = owner;
	result->answer = *answer;
	result->count++;
	for (uint32_t i = 0; i < answer->count && i < COUNT_OF(result->addrs); i++)
		result->addrs[i] = answer->addrs[i];
}

static void resolve(struct dns *dns, const char *name, enum dns_family family,
		    struct result *result)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	*result = (struct result){.count = 0};
	dns_resolve(dns, slice_of(name), family, on_answer, result);
	while (!result->count) {
		loop_turn(&f.loop, true);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
	assert_int_equal(result->count, 1);
}

static void names_are_resolved(void **context)
{
	struct dns *dns;
	struct result result;
	(void)context;
	assert_int_equal(dns_open(&dns, &f.loop, f.stats, &f.cluster.dns), STATUS_OK);
	resolve(dns, "two.test", DNS_FAMILY_V4_ONLY, &result);
	assert_int_equal(result.answer.status, STATUS_OK);
	assert_int_equal(result.answer.count, 2);
	assert_int_equal(result.answer.ttl_s, 7);
	assert_int_equal(result.addrs[0].ip[3], 2);
	resolve(dns, "two.test", DNS_FAMILY_AUTO,
		&result); /* no IPv6 there: IPv4 is asked for next */
	assert_int_equal(result.answer.count, 2);
	resolve(dns, "two.test", DNS_FAMILY_V6_ONLY, &result);
	assert_int_equal(result.answer.status, STATUS_NOT_FOUND);
	resolve(dns, "three.test", DNS_FAMILY_ALL, &result);
	assert_int_equal(result.answer.status, STATUS_NOT_FOUND);
	resolve(dns, "localhost", DNS_FAMILY_V4_ONLY, &result);
	assert_int_equal(result.answer.count, 1);
	assert_true(addr_is_loopback(&result.addrs[0]));
	/* A query that is cancelled, and one that the end overtakes, stay silent. */
	result.count = 0;
	dns_cancel(dns_resolve(dns, SLICE("two.test"), DNS_FAMILY_V4_ONLY, on_answer, &result));
	dns_resolve(dns, SLICE("two.test"), DNS_FAMILY_V4_ONLY, on_answer, &result);
	dns_close(dns);
	assert_int_equal(result.count, 0);
}

/* --- clusters */

static void on_assign(struct dns_cluster *names, struct assignment *assignment)
{
	(void)names;
	assignment_free(f.assignment);
	f.assignment = assignment;
	f.assigned++;
}

static void await_assignments(unsigned n)
{
	uint64_t deadline_ms = loop_now_ms(&f.loop) + 5000;
	while (f.assigned < n) {
		loop_turn(&f.loop, true);
		assert_true(loop_now_ms(&f.loop) < deadline_ms);
	}
}

static void add_name(const char *name)
{
	struct endpoint *endpoint = plan_endpoint(&f.plan, 0, 3);
	endpoint->addr = (struct addr){.family = ADDR_NONE, .port = 8080};
	endpoint->name = endpoint->hostname = slice_of(name);
}

static void a_cluster_follows_its_names(void **context)
{
	(void)context;
	plan_endpoint(&f.plan, 9, 1); /* an address among the names */
	add_name("two.test");
	plan_locality(&f.plan, 1, 5);
	add_name("nowhere.test");
	add_name("two.test");
	dns_cluster_init(&f.names, &f.loop, &f.random, f.stats, NULL, on_assign);
	dns_cluster_configure(&f.names, &f.cluster);
	await_assignments(1);
	assert_int_equal(f.assignment->endpoint_count, 5);
	assert_int_equal(f.assignment->localities[0].count, 3);
	assert_int_equal(f.assignment->localities[1].first, 3);
	assert_int_equal(f.assignment->localities[1].weight, 5);
	assert_int_equal(f.assignment->endpoints[0].addr.ip[3], 9);
	assert_int_equal(f.assignment->endpoints[1].addr.ip[3], 1); /* in an order of its own */
	assert_int_equal(f.assignment->endpoints[1].addr.port, 8080);
	assert_int_equal(f.assignment->endpoints[2].weight, 3);
	assert_true(slice_equal(f.assignment->endpoints[2].hostname, SLICE("two.test")));

	unsigned asked = __atomic_load_n(&f.server.asked, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&f.server.asked, __ATOMIC_SEQ_CST) < asked + 6)
		loop_turn(&f.loop, true);
	assert_int_equal(f.assigned, 1); /* nothing new, nothing built */
	__atomic_store_n(&f.server.hosts, 3, __ATOMIC_SEQ_CST);
	await_assignments(2);
	assert_true(f.assignment->endpoint_count > 5);
	assert_true(stat_value(f.stats, f.cluster.stats, CLUSTER_STAT_UPDATE_FAILURE) > 0);
	assert_true(stat_value(f.stats, f.cluster.stats, CLUSTER_STAT_UPDATE_NO_REBUILD) > 0);
	dns_cluster_fini(&f.names);
}

static void a_logical_cluster_stays_with_its_address(void **context)
{
	(void)context;
	f.cluster.type = CLUSTER_LOGICAL_DNS;
	add_name("two.test");
	dns_cluster_init(&f.names, &f.loop, &f.random, f.stats, NULL, on_assign);
	dns_cluster_configure(&f.names, &f.cluster);
	await_assignments(1);
	assert_int_equal(f.assignment->endpoint_count, 1);
	assert_int_equal(f.assignment->endpoints[0].addr.ip[3], 2);
	__atomic_store_n(&f.server.hosts, 5, __ATOMIC_SEQ_CST); /* 10.0.0.5 comes first now */
	unsigned asked = __atomic_load_n(&f.server.asked, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&f.server.asked, __ATOMIC_SEQ_CST) < asked + 3)
		loop_turn(&f.loop, true);
	assert_int_equal(f.assigned, 1);
	__atomic_store_n(&f.server.hosts, 1, __ATOMIC_SEQ_CST);
	await_assignments(2);
	assert_int_equal(f.assignment->endpoints[0].addr.ip[3], 1);
	dns_cluster_fini(&f.names);
}

int main(void)
{
#define IN_FIXTURE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		IN_FIXTURE(names_are_resolved),
		IN_FIXTURE(a_cluster_follows_its_names),
		IN_FIXTURE(a_logical_cluster_stays_with_its_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
