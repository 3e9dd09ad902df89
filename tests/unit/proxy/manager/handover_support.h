/* Two workers of one thread, between which connections move: each with its loop, its upstream side
 * and its statistics, serving by one configuration. One cluster "abc", whose host is a listening
 * socket of the test.
 *
 *   client ─ socket pair ─> sides[0] <── given away, adopted ──> sides[1] ─> provider: the test
 *
 * Included by tests; the worker fixture is sides[0]'s upstream part. */
#ifndef TEST_HANDOVER_SUPPORT_H
#define TEST_HANDOVER_SUPPORT_H

#include <dirent.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "filters/registry.h"
#include "manager/rpc_away.h"
#include "manager/rpc_manager.h"
#include "manager/rpc_owed.h"
#include "net/conn_handover.h"
#include "net/served.h"
#include "stream/stream.h"
#include "unit/proxy/upstream/worker_fixture.h"
#include "xds/yaml_message.h"

struct side {
	struct loop *loop;
	struct worker_context worker;
	struct accepted_end end;
	unsigned open;  /* connections that it counts */
	unsigned given; /* that it counts no more, though they live */
};

static struct {
	struct loop loop; /* of sides[1] */
	struct pin_table pins;
	struct upstream_worker *upstream;
	struct side sides[2];
	struct published listener;
	struct pin pin;
	struct arena arena;
	const struct conn_filter_type *type;
	const void *config;
	int provider; /* listens */
	unsigned fds; /* open before */
} h;

static inline unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* --- the configuration */

static inline uint32_t h_slot_of(const struct config_context *context, enum published_kind kind,
				 struct slice name)
{
	(void)context;
	(void)kind;
	return (uint32_t)name.len;
}

static inline bool h_is_known(const struct config_context *context, enum published_kind kind,
			      struct slice name)
{
	(void)context;
	return kind == PUBLISHED_CLUSTER && slice_equal(name, SLICE("abc"));
}

static inline void load(const struct conn_filter_type *type, const char *text)
{
	struct config_context context = {
		.arena = &h.arena,
		.stats = f.stats,
		.slot = h_slot_of,
		.is_known = h_is_known,
		.filter_type = filter_type_find,
		.listener_address = SLICE("test"),
	};
	struct diag diag = {.path = ""};
	ProtobufCMessage *message = NULL;

	h.type = type;
	if (yaml_message_parse(slice_of(text), "t.yaml", type->message, NULL, &h.arena, &message,
			       &diag) ||
	    type->config_load(&h.config, message, &context, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
}

/* --- the sides */

static inline void on_ended(struct accepted_end *end, uint64_t lived_ms)
{
	struct side *side = container_of(end, struct side, end);

	assert_true(side->open > 0);
	side->open--;
	side->given += lived_ms == ACCEPTED_GIVEN_AWAY;
}

static inline void side_init(struct side *side, struct loop *loop, struct upstream_worker *upstream,
			     struct stats_shard *stats)
{
	struct worker_context *worker = &side->worker;

	side->loop = loop;
	side->end.ended = on_ended;
	worker->loop = loop;
	worker->upstream = upstream;
	worker->stats = stats;
	worker->config_epoch = 1;
	worker->next_id = (uint64_t)(side - h.sides) << 48;
	random_init(&worker->random, 7);
	list_init(&worker->served);
	list_init(&worker->handover.away);
	list_init(&worker->handover.owed);
	dubbo_heads_init(&worker->dubbo_heads);
	bolt_heads_init(&worker->bolt_heads);
	rpc_call_init_spares(worker);
}

static inline void side_fini(struct side *side)
{
	struct worker_context *worker = &side->worker;

	stream_free_spares(worker);
	rpc_call_free_spares(worker);
	dubbo_heads_fini(&worker->dubbo_heads);
	bolt_heads_fini(&worker->bolt_heads);
	slab_fini(&worker->http_sessions);
	slab_fini(&worker->rpc_sessions);
	slab_fini(&worker->tcp_sessions);
}

static inline void listen_as_provider(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof addr;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	h.provider = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h.provider, (struct sockaddr *)&addr, sizeof addr), 0);
	/* Those that it accepts inherit it. */
	setsockopt(h.provider, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	assert_int_equal(listen(h.provider, 16), 0);
	assert_int_equal(getsockname(h.provider, (struct sockaddr *)&addr, &len), 0);
	make_cluster();
	add_host(ntohs(addr.sin_port));
	publish();
}

static inline void publish_to_other(void)
{
	f.hosts->published.references++;
	f.cluster->published.references++;
	pin_table_set(&h.pins, PUBLISHED_HOST_SET, SLOT, &f.hosts->published);
	upstream_worker_changed(h.upstream, PUBLISHED_HOST_SET, SLOT);
	pin_table_set(&h.pins, PUBLISHED_CLUSTER, SLOT, &f.cluster->published);
	upstream_worker_changed(h.upstream, PUBLISHED_CLUSTER, SLOT);
}

static inline void handover_begin_test(void)
{
	memset(&h, 0, sizeof h);
	h.fds = count_fds();
	fixture_begin();
	assert_int_equal(loop_init(&h.loop, NULL), STATUS_OK);
	pin_table_init(&h.pins, give_back);
	arena_init(&h.arena, 4096);
	struct stats_shard *shard = stats_add_shard(f.stats);
	h.upstream = upstream_worker_new(&h.loop, &h.pins, shard, &f.random);
	side_init(&h.sides[0], &f.loop, f.upstream, stats_main_shard(f.stats));
	side_init(&h.sides[1], &h.loop, h.upstream, shard);
	h.listener.name = SLICE("inbound");
	h.pin = (struct pin){.object = &h.listener, .count = 1};
	listen_as_provider();
	publish_to_other();
}

/* Everything has been closed: nothing is left of it, on either side. */
static inline void handover_end_test(void)
{
	for (int i = 0; i < 2; i++) {
		loop_turn(h.sides[i].loop, false);
		loop_turn(h.sides[i].loop, false);
		assert_int_equal(h.sides[i].open, 0);
		assert_true(list_is_empty(&h.sides[i].worker.served));
		assert_true(list_is_empty(&h.sides[i].worker.handover.away));
		assert_true(list_is_empty(&h.sides[i].worker.handover.owed));
	}
	assert_int_equal(h.pin.count, 1);
	upstream_worker_free(h.upstream);
	loop_settle(&h.loop);
	pin_table_fini(&h.pins);
	arena_free(&h.arena); /* the configuration's scopes are those of f.stats */
	fixture_end();
	loop_fini(&h.loop);
	side_fini(&h.sides[0]);
	side_fini(&h.sides[1]);
	close(h.provider);
	assert_int_equal(count_fds(), h.fds);
}

static inline void turn_both(void)
{
	loop_turn(h.sides[0].loop, false);
	loop_turn(h.sides[1].loop, false);
}

/* Likewise, while something is waited for. */
static inline void turn_and_wait(void)
{
	turn_both();
	usleep(100);
}

/* --- connections */

static inline struct accepted accepted_by(struct side *side, int fd)
{
	static const struct served_chain chain = {.name = SLICE("chain")};
	const struct addr here = {.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 1};

	return (struct accepted){.fd = fd,
				 .remote = here,
				 .local = here,
				 .worker = &side->worker,
				 .listener = &h.pin,
				 .chain = &chain,
				 .end = &side->end};
}

/* A client's connection; its end of it. */
static inline int connect_client(struct side *side)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
			 0);
	/* Soon full: a slow reader leaves bytes unsent. */
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){4096}, sizeof(int));
	struct accepted accepted = accepted_by(side, ends[0]);
	side->open++;
	h.type->serve(h.config, &accepted);
	return ends[1];
}

static inline struct served *newest_served(struct side *side)
{
	assert_false(list_is_empty(&side->worker.served));
	return container_of(side->worker.served.prev, struct served, link); /* the newest */
}

static inline enum status give(struct side *side, struct relay_sink *relay,
			       struct handover *handover)
{
	struct served *served = newest_served(side);
	return served->type->give(served, relay, handover);
}

static inline bool adopt(struct side *side, struct handover *handover)
{
	struct accepted accepted = accepted_by(side, handover->sockets[0].fd);

	assert_string_equal(handover->listener, "inbound");
	assert_string_equal(handover->filter_chain, "chain");
	accepted.is_adopted = true;
	side->open++;
	if (h.type->adopt(h.config, &accepted, handover))
		return true;
	side->open--;
	return false;
}

/* Its descriptor arrives as another number, as from another process. */
static inline void pass(struct handover *handover)
{
	for (int i = 0; i < HANDOVER_SOCKETS; i++) {
		int *fd = &handover->sockets[i].fd;
		if (*fd < 0)
			continue;
		int copy = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
		assert_true(copy >= 0);
		close(*fd);
		*fd = copy;
	}
}

/* --- one connection that moves now and then, by a fixed sequence of chance */

struct mover {
	struct random *random;
	unsigned chance; /* of 100 steps, that it is asked to move; 0: it never moves */
	int at;          /* the side that has it */
	bool is_asked, is_on_its_way;
	struct handover handover;
	unsigned moves, wholes;       /* … those with nothing in its buffers */
	struct relay_sink *relays[2]; /* of each side; NULL: only idle ones move */
	/* Told of a connection that has arrived. May be NULL. */
	void (*arrived)(struct mover *mover, int from);
};

static inline void mover_ask(struct mover *m)
{
	struct relay_sink *relay = random_below(m->random, 2) ? m->relays[m->at] : NULL;
	enum status status = give(&h.sides[m->at], relay, &m->handover);

	m->is_asked = status == STATUS_AGAIN;
	if (m->is_asked)
		return;
	assert_int_equal(status, STATUS_OK);
	pass(&m->handover);
	m->is_on_its_way = true;
	m->moves++;
	m->wholes += !m->handover.sockets[0].unread_len && !m->handover.sockets[0].unsent_len;
}

static inline void mover_arrive(struct mover *m)
{
	int from = m->at;

	m->at = !m->at;
	assert_true(adopt(&h.sides[m->at], &m->handover));
	m->is_on_its_way = false;
	if (m->arrived)
		m->arrived(m, from);
	handover_fini(&m->handover);
}

static inline void mover_keep(struct mover *m)
{
	struct served *served = newest_served(&h.sides[m->at]);

	if (served->type->keep)
		served->type->keep(served);
	m->is_asked = false;
}

/* Between two turns. */
static inline void mover_step(struct mover *m)
{
	if (m->is_on_its_way) {
		if (!random_below(m->random, 3))
			mover_arrive(m);
	} else if (m->is_asked && !random_below(m->random, 8)) {
		mover_keep(m);
	} else if (m->is_asked || random_below(m->random, 100) < m->chance) {
		mover_ask(m);
	}
}

static inline void mover_finish(struct mover *m)
{
	if (m->is_on_its_way)
		mover_arrive(m);
	if (m->is_asked)
		mover_keep(m);
}

/* --- a client that writes a text in pieces and notes what comes */

struct script {
	int fd;
	const char *bytes;
	size_t len, sent;
	char *seen;
	size_t seen_len, room;
	bool has_ended;
};

static inline void script_send(struct script *s, size_t most)
{
	size_t n = s->len - s->sent < most ? s->len - s->sent : most;
	ssize_t sent = n ? send(s->fd, s->bytes + s->sent, n, MSG_NOSIGNAL) : 0;

	if (sent > 0)
		s->sent += (size_t)sent;
}

static inline void script_receive(struct script *s, size_t most)
{
	if (s->room - s->seen_len < most) {
		s->room = (s->room + most) * 2;
		s->seen = realloc(s->seen, s->room);
		assert_non_null(s->seen);
	}
	ssize_t n = recv(s->fd, s->seen + s->seen_len, most, 0);
	if (n > 0)
		s->seen_len += (size_t)n;
	else if (!n && most)
		s->has_ended = true;
	else
		assert_int_equal(errno, EAGAIN);
}

static inline void script_end(struct script *s)
{
	close(s->fd);
	free(s->seen);
	for (int i = 0; i < 4; i++)
		turn_both();
}

#endif
