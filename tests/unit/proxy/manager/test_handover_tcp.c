/* Pairs of connections that are given away and adopted: each end gets the bytes that the other has
 * sent, and its end, whatever moves when. */
#include "handover_support.h"

#include "manager/tcp_manager.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_network.h"

enum { RUNS = 12, LENGTH = 1 << 20, FULL = 48 << 20, STEPS = 400000 };

static int begin(void **state)
{
	(void)state;
	handover_begin_test();
	/* Accepted ones inherit it. */
	setsockopt(h.provider, SOL_SOCKET, SO_RCVBUF, &(int){65536}, sizeof(int));
	load(&tcp_proxy_filter, "stat_prefix: t\ncluster: abc\nidle_timeout: 3600s\n");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	turn_both();
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_ACTIVE), 0);
	handover_end_test();
	return 0;
}

static uint64_t counted(unsigned id)
{
	const struct tcp_config *config = h.config;
	return stat_value(f.stats, config->stats, id);
}

/* The other end of the connection that the proxy has opened. */
static int accept_upstream(void)
{
	int fd = -1;

	for (int i = 0; fd < 0; i++) {
		assert_true(i < STEPS);
		turn_and_wait();
		fd = accept4(h.provider, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	}
	return fd;
}

static char *random_bytes(struct random *random, size_t len)
{
	char *bytes = malloc(len);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = random_next(random);
		memcpy(bytes + i, &word, sizeof word);
	}
	return bytes;
}

static void step(struct script *s, struct random *random)
{
	if (random_below(random, 2))
		script_send(s, 1 + random_below(random, 40000));
	if (!s->has_ended && random_below(random, 2))
		script_receive(s, 1 + random_below(random, 40000));
	if (s->len && s->sent == s->len) {
		shutdown(s->fd, SHUT_WR);
		s->len = 0; /* once */
	}
}

static void converse(uint64_t seed, unsigned *moves, unsigned *wholes)
{
	struct random random;

	random_init(&random, seed);
	char *up = random_bytes(&random, LENGTH), *down = random_bytes(&random, LENGTH);
	struct script client = {.bytes = up, .len = LENGTH, .fd = connect_client(&h.sides[0])};
	struct script server = {.bytes = down, .len = LENGTH, .fd = accept_upstream()};
	struct mover mover = {.random = &random, .chance = 10};
	while (newest_served(&h.sides[0])
		       ->type->give(newest_served(&h.sides[0]), NULL, &mover.handover) ==
	       STATUS_AGAIN)
		turn_both(); /* until it is connected */
	assert_true(adopt(&h.sides[0], &mover.handover));
	handover_fini(&mover.handover);
	for (unsigned i = 0; !client.has_ended || !server.has_ended; i++) {
		assert_true(i < STEPS);
		step(&client, &random);
		step(&server, &random);
		turn_both();
		if (client.len && server.len)
			mover_step(&mover);
		else
			mover_finish(&mover);
	}
	assert_int_equal(client.seen_len, LENGTH);
	assert_int_equal(server.seen_len, LENGTH);
	assert_memory_equal(client.seen, down, LENGTH);
	assert_memory_equal(server.seen, up, LENGTH);
	*moves += mover.moves;
	*wholes += mover.wholes;
	script_end(&client);
	script_end(&server);
	free(up);
	free(down);
}

static void both_ends_get_all_bytes_and_the_end(void **state)
{
	unsigned moves = 0, wholes = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= RUNS; seed++)
		converse(seed, &moves, &wholes);
	assert_true(moves > RUNS);
	assert_true(moves > wholes); /* bytes were on their way */
	assert_int_equal(counted(TCP_STAT_DOWNSTREAM_CX_TOTAL), RUNS);
	assert_int_equal(counted(TCP_STAT_DOWNSTREAM_CX_RX_BYTES_TOTAL), RUNS * LENGTH);
	assert_int_equal(counted(TCP_STAT_DOWNSTREAM_CX_TX_BYTES_TOTAL), RUNS * LENGTH);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_TOTAL), RUNS);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_DESTROY), RUNS);
	assert_int_equal(stat_of(CLUSTER_STAT_UPSTREAM_CX_TX_BYTES_TOTAL), RUNS * LENGTH);
	assert_int_equal(h.sides[0].given + h.sides[1].given, moves + RUNS);
}

/* Nobody reads: all buffers are full, and a pipe maybe. */
static size_t fill(int fd, const char *bytes)
{
	size_t sum = 0;

	for (int stuck = 0; stuck < 100; stuck++) {
		ssize_t n = send(fd, bytes + sum, FULL - sum, MSG_NOSIGNAL);
		sum += n > 0 ? (size_t)n : 0;
		stuck = n > 0 ? 0 : stuck;
		turn_both();
	}
	assert_true(sum < FULL);
	return sum;
}

static void a_pair_without_readers_moves_with_what_it_holds(void **state)
{
	struct random random;
	struct handover handover;

	(void)state;
	random_init(&random, 3);
	char *bytes = random_bytes(&random, FULL);
	int client = connect_client(&h.sides[0]), server = accept_upstream();
	size_t sent = fill(client, bytes);
	assert_true(sent > 65536);
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	assert_string_equal(handover.protocol, "tcp");
	assert_string_equal(handover.cluster, "abc");
	assert_true(handover.sockets[1].unsent_len > 0);
	assert_int_equal(handover.sockets[0].unsent_len, 0);
	pass(&handover);
	assert_true(adopt(&h.sides[1], &handover));
	handover_fini(&handover);
	struct script reader = {.fd = server};
	shutdown(client, SHUT_WR);
	for (int i = 0; !reader.has_ended; i++) {
		assert_true(i < STEPS);
		script_receive(&reader, 30000);
		turn_and_wait();
	}
	assert_int_equal(reader.seen_len, sent);
	assert_memory_equal(reader.seen, bytes, sent);
	script_end(&reader);
	close(client);
	turn_both();
	turn_both();
	free(bytes);
}

static void a_host_that_has_gone_isnt_adopted(void **state)
{
	struct handover handover;
	int client = connect_client(&h.sides[0]), server = accept_upstream();

	(void)state;
	turn_both();
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	char *host = handover.host, *cluster = handover.cluster;
	handover.host = handover_text(SLICE("127.0.0.1:1"));
	assert_false(adopt(&h.sides[1], &handover));
	free(handover.host);
	handover.host = host;
	handover.cluster = handover_text(SLICE("other"));
	assert_false(adopt(&h.sides[1], &handover));
	free(handover.cluster);
	handover.cluster = cluster;
	handover.version++;
	assert_false(adopt(&h.sides[1], &handover));
	handover.version--;
	assert_true(adopt(&h.sides[0], &handover));
	handover_fini(&handover);
	close(client);
	close(server);
	for (int i = 0; i < 6; i++)
		turn_both();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_ends_get_all_bytes_and_the_end, begin, finish),
		cmocka_unit_test_setup_teardown(a_pair_without_readers_moves_with_what_it_holds,
						begin, finish),
		cmocka_unit_test_setup_teardown(a_host_that_has_gone_isnt_adopted, begin, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
