/* Connections of calls that are given away and adopted, idle or with calls under way: each call is
 * answered once, with its own answer, whatever moves when. */
#include "handover_support.h"

#include "codec/bolt_frame.h"
#include "codec/dubbo_frame.h"
#include "codec/hessian2_write.h"

enum { RUNS = 40, CALLS = 60, FRAME = 512, STEPS = 200000, NUMBER = 8 };

static const char config[] =
	"stat_prefix: p\nprotocols: [DUBBO, BOLT]\n"
	"http_filters: [%s{name: r, typed_config: {'@type': "
	"type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]\n"
	"rpc_route_config: {name: r, services: [{interface: a.b.C, routes: ["
	"{match: {}, route: {cluster: abc}}]}]}\n";

/* Makes each call a stream. */
#define A_FILTER                                                                                   \
	"{name: b, typed_config: {'@type': "                                                       \
	"type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer, "                     \
	"max_request_bytes: 65536}}, "

/* --- frames: a call holds its number in eight digits, and its answer the same */

static size_t write_dubbo(char *to, unsigned number, bool is_oneway)
{
	struct hessian2_writer w;
	char text[NUMBER + 1];

	snprintf(text, sizeof text, "%08u", number);
	hessian2_writer_init(&w, &h.arena);
	hessian2_write_string(&w, SLICE("2.0.2"));
	hessian2_write_string(&w, SLICE("a.b.C"));
	hessian2_write_string(&w, SLICE("1.0.0"));
	hessian2_write_string(&w, SLICE("m"));
	hessian2_write_string(&w, SLICE("Ljava/lang/String;"));
	hessian2_write_string(&w, slice_of(text));
	hessian2_write_map_begin(&w);
	hessian2_write_string(&w, SLICE("path"));
	hessian2_write_string(&w, SLICE("a.b.C"));
	hessian2_write_map_end(&w);
	struct slice body = hessian2_written(&w);
	dubbo_frame_write(to, &(struct dubbo_frame){number, (uint32_t)body.len,
						    DUBBO_FLAG_REQUEST | DUBBO_HESSIAN2 |
							    (is_oneway ? 0 : DUBBO_FLAG_TWOWAY),
						    0});
	memcpy(to + DUBBO_HEADER_SIZE, body.data, body.len);
	return DUBBO_HEADER_SIZE + body.len;
}

static size_t dubbo_size(struct slice bytes)
{
	struct dubbo_frame frame = {0};

	return dubbo_frame_read(bytes, FRAME, &frame) ? 0 : DUBBO_HEADER_SIZE + frame.body_len;
}

static size_t answer_dubbo(char *to, struct slice call)
{
	struct dubbo_frame frame = {0};
	const char *digits = memmem(call.data, call.len, "0000", 4);

	assert_int_equal(dubbo_frame_read(call, FRAME, &frame), STATUS_OK);
	assert_non_null(digits);
	dubbo_frame_write(to,
			  &(struct dubbo_frame){frame.id, 2 + NUMBER, DUBBO_HESSIAN2, DUBBO_OK});
	to[DUBBO_HEADER_SIZE] = (char)0x91;
	to[DUBBO_HEADER_SIZE + 1] = NUMBER;
	memcpy(to + DUBBO_HEADER_SIZE + 2, digits, NUMBER);
	return DUBBO_HEADER_SIZE + 2 + NUMBER;
}

static unsigned dubbo_id(struct slice answer)
{
	struct dubbo_frame frame = {0};

	assert_int_equal(dubbo_frame_read(answer, FRAME, &frame), STATUS_OK);
	assert_int_equal(frame.status, DUBBO_OK);
	return (unsigned)frame.id;
}

/* Plain Bolt: its class name is the service. */
static size_t write_bolt(char *to, unsigned number, bool is_oneway)
{
	const struct bolt_frame frame = {.id = number,
					 .content_len = NUMBER,
					 .timeout_ms = 30000,
					 .command = BOLT_RPC_REQUEST,
					 .class_len = 5,
					 .protocol = 1,
					 .type = is_oneway ? BOLT_ONEWAY : BOLT_REQUEST,
					 .command_version = 1,
					 .serialization = BOLT_HESSIAN2};
	size_t len = bolt_frame_write(to, &frame);

	return len + (size_t)sprintf(to + len, "a.b.C%08u", number);
}

static size_t bolt_size(struct slice bytes)
{
	struct bolt_frame frame = {0};
	size_t needs;

	return bolt_frame_read(bytes, FRAME, &frame, &needs) ? 0 : needs;
}

static size_t answer_bolt(char *to, struct slice call)
{
	struct bolt_frame frame = {0};
	size_t needs;

	assert_int_equal(bolt_frame_read(call, FRAME, &frame, &needs), STATUS_OK);
	const struct bolt_frame answer = {.id = frame.id,
					  .content_len = NUMBER,
					  .command = BOLT_RPC_ANSWER,
					  .protocol = 1,
					  .type = BOLT_ANSWER,
					  .command_version = 1,
					  .serialization = BOLT_HESSIAN2};
	size_t len = bolt_frame_write(to, &answer);
	memcpy(to + len, call.data + call.len - NUMBER, NUMBER);
	return len + NUMBER;
}

static unsigned bolt_id(struct slice answer)
{
	struct bolt_frame frame = {0};
	size_t needs;

	assert_int_equal(bolt_frame_read(answer, FRAME, &frame, &needs), STATUS_OK);
	assert_int_equal(frame.status, BOLT_OK);
	return frame.id;
}

struct protocol {
	const char *name;
	size_t (*write)(char *to, unsigned number, bool is_oneway);
	size_t (*size)(struct slice bytes);
	size_t (*answer)(char *to, struct slice call);
	unsigned (*id)(struct slice answer);
};

static const struct protocol dubbo = {"dubbo", write_dubbo, dubbo_size, answer_dubbo, dubbo_id};
static const struct protocol bolt = {"bolt", write_bolt, bolt_size, answer_bolt, bolt_id};

/* --- the provider: answers calls in an order of its own */

struct provider_call {
	int fd;
	char bytes[FRAME];
	size_t len;
};

static struct {
	struct provider_call calls[CALLS];
	unsigned count;
	struct {
		int fd;
		char bytes[CALLS * FRAME];
		size_t len;
	} conns[4];
	unsigned conn_count;
} provider;

static void provider_take(const struct protocol *protocol, unsigned i)
{
	ssize_t n = recv(provider.conns[i].fd, provider.conns[i].bytes + provider.conns[i].len,
			 sizeof provider.conns[i].bytes - provider.conns[i].len, 0);
	size_t at = 0, size;

	provider.conns[i].len += n > 0 ? (size_t)n : 0;
	while ((size = protocol->size(
			slice_make(provider.conns[i].bytes + at, provider.conns[i].len - at)))) {
		assert_true(provider.count < CALLS && size <= FRAME);
		struct provider_call *call = &provider.calls[provider.count++];
		*call = (struct provider_call){.fd = provider.conns[i].fd, .len = size};
		memcpy(call->bytes, provider.conns[i].bytes + at, size);
		at += size;
	}
	provider.conns[i].len -= at;
	memmove(provider.conns[i].bytes, provider.conns[i].bytes + at, provider.conns[i].len);
}

static void provider_look(const struct protocol *protocol)
{
	int fd = accept4(h.provider, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		assert_true(provider.conn_count < COUNT_OF(provider.conns));
		provider.conns[provider.conn_count].len = 0;
		provider.conns[provider.conn_count++].fd = fd;
	}
	for (unsigned i = 0; i < provider.conn_count; i++)
		provider_take(protocol, i);
}

static void provider_answer(const struct protocol *protocol, unsigned i)
{
	struct provider_call *call = &provider.calls[i];
	char answer[FRAME];
	size_t len = protocol->answer(answer, slice_make(call->bytes, call->len));

	assert_int_equal(send(call->fd, answer, len, MSG_NOSIGNAL), len);
	*call = provider.calls[--provider.count];
}

static void provider_end(void)
{
	while (provider.conn_count)
		close(provider.conns[--provider.conn_count].fd);
	provider.count = 0;
}

/* Until so many calls have come. */
static void await_calls(const struct protocol *protocol, unsigned count)
{
	for (int i = 0; provider.count < count; i++) {
		assert_true(i < STEPS);
		provider_look(protocol);
		turn_and_wait();
	}
}

/* --- the channel: what a side relays arrives at the other later, in order */

struct relayed {
	struct relayed *next;
	uint64_t connection;
	bool is_settled;
	char *frames;
	size_t len, id_count;
	uint64_t *ids;
};

struct channel {
	struct relay_sink sink;
	struct relayed *first, **last;
	struct side *to;
	unsigned answers;
	uint64_t unconfirmed; /* a connection that has arrived; its giver isn't told yet. 0: none */
};

static struct channel channels[2]; /* of each side */

static struct relayed *push(struct relay_sink *sink, uint64_t connection)
{
	struct channel *channel = container_of(sink, struct channel, sink);
	struct relayed *relayed = calloc(1, sizeof *relayed);

	assert_non_null(relayed);
	relayed->connection = connection;
	*channel->last = relayed;
	channel->last = &relayed->next;
	return relayed;
}

static void on_relayed(struct relay_sink *sink, const struct handover_answer *answer)
{
	struct relayed *relayed = push(sink, answer->connection);

	relayed->len = answer->frames.len;
	relayed->frames = malloc(relayed->len);
	relayed->id_count = answer->id_count;
	relayed->ids = calloc(answer->id_count, sizeof *relayed->ids);
	assert_true(relayed->frames && relayed->ids);
	memcpy(relayed->frames, answer->frames.data, relayed->len);
	memcpy(relayed->ids, answer->ids, answer->id_count * sizeof *relayed->ids);
	container_of(sink, struct channel, sink)->answers += (unsigned)answer->id_count;
}

static void on_settled(struct relay_sink *sink, uint64_t connection)
{
	push(sink, connection)->is_settled = true;
}

static void channels_init(void)
{
	for (int i = 0; i < 2; i++) {
		channels[i] =
			(struct channel){.sink = {on_relayed, on_settled}, .to = &h.sides[!i]};
		channels[i].last = &channels[i].first;
	}
}

/* One message, if there is one. */
static bool channel_step(struct channel *channel)
{
	struct relayed *relayed = channel->first;

	if (!relayed)
		return false;
	channel->first = relayed->next;
	if (!channel->first)
		channel->last = &channel->first;
	if (relayed->is_settled)
		rpc_owed_settled(&channel->to->worker, relayed->connection);
	else
		rpc_owed_answer(&channel->to->worker,
				&(struct handover_answer){
					.connection = relayed->connection,
					.frames = slice_make(relayed->frames, relayed->len),
					.ids = relayed->ids,
					.id_count = relayed->id_count});
	free(relayed->frames);
	free(relayed->ids);
	free(relayed);
	return true;
}

static void confirm(int side)
{
	if (channels[side].unconfirmed)
		rpc_away_adopted(&h.sides[side].worker, channels[side].unconfirmed);
	channels[side].unconfirmed = 0;
}

static void settle_all(void)
{
	for (int i = 0; i < 2; i++) {
		confirm(i);
		while (channel_step(&channels[i]))
			turn_both();
	}
	turn_both();
}

/* --- life */

static void set_up(const char *filters)
{
	handover_begin_test();
	load(&rpc_proxy_filter, arena_printf(&h.arena, config, filters));
	channels_init();
	memset(&provider, 0, sizeof provider);
}

static int begin(void **state)
{
	(void)state;
	set_up("");
	return 0;
}

static int begin_with_streams(void **state)
{
	(void)state;
	set_up(A_FILTER);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	provider_end();
	turn_both();
	handover_end_test();
	return 0;
}

/* --- many calls */

static void arrived(struct mover *mover, int from)
{
	(void)mover;
	assert_int_equal(channels[from].unconfirmed, 0);
	channels[from].unconfirmed = mover->handover.id;
}

static void step(const struct protocol *protocol, struct random *random)
{
	provider_look(protocol);
	if (provider.count && !random_below(random, 3))
		provider_answer(protocol, random_below(random, provider.count));
	turn_both();
	for (int i = 0; i < 2; i++) {
		if (!random_below(random, 4))
			confirm(i);
		if (!random_below(random, 3))
			channel_step(&channels[i]);
	}
}

/* Each call once, with its own number. */
static void check_answers(const struct protocol *protocol, struct slice bytes, uint64_t seed)
{
	bool is_answered[CALLS] = {false};
	unsigned count = 0;
	size_t size;

	for (; (size = protocol->size(bytes)); bytes = slice_sub(bytes, size, bytes.len)) {
		struct slice frame = slice_sub(bytes, 0, size);
		unsigned id = protocol->id(frame);
		char number[NUMBER + 1];
		memcpy(number, frame.data + frame.len - NUMBER, NUMBER);
		number[NUMBER] = 0;
		if (id >= CALLS || is_answered[id] || strtoul(number, NULL, 10) != id)
			fail_msg("seed %lu: call %u has answer '%s'", (unsigned long)seed, id,
				 number);
		is_answered[id] = true;
		count++;
	}
	assert_int_equal(bytes.len, 0);
	assert_int_equal(count, CALLS);
}

static void converse(const struct protocol *protocol, uint64_t seed, unsigned *moves,
		     unsigned *busy)
{
	static char bytes[CALLS * FRAME];
	struct random random;
	struct script script = {.bytes = bytes};
	size_t answer_len = 0;
	char answer[FRAME];

	random_init(&random, seed);
	for (unsigned i = 0; i < CALLS; i++) {
		size_t len = protocol->write(bytes + script.len, i, false);
		answer_len = protocol->answer(answer, slice_make(bytes + script.len, len));
		script.len += len;
	}
	script.fd = connect_client(&h.sides[0]);
	struct mover mover = {.random = &random,
			      .chance = 20,
			      .relays = {&channels[0].sink, &channels[1].sink},
			      .arrived = arrived};
	/* Nothing can be said of a connection before its first bytes have told its protocol. */
	for (unsigned i = 0; script.seen_len < CALLS * answer_len; i++) {
		assert_true(i < STEPS);
		if (random_below(&random, 2))
			script_send(&script, 1 + random_below(&random, 400));
		if (random_below(&random, 3))
			script_receive(&script, 1 + random_below(&random, 400));
		step(protocol, &random);
		if (!channels[mover.at].unconfirmed && !channels[!mover.at].unconfirmed)
			mover_step(&mover);
	}
	mover_finish(&mover);
	settle_all();
	check_answers(protocol, slice_make(script.seen, script.seen_len), seed);
	script_end(&script);
	*moves += mover.moves;
	*busy = channels[0].answers + channels[1].answers;
}

static void many_calls(const struct protocol *protocol)
{
	unsigned moves = 0, busy = 0;

	for (uint64_t seed = 1; seed <= RUNS; seed++)
		converse(protocol, seed, &moves, &busy);
	assert_true(moves > RUNS);
	assert_true(busy > RUNS); /* answers that were relayed */
	assert_int_equal(h.sides[0].given + h.sides[1].given, moves);
}

static void each_dubbo_call_is_answered_once(void **state)
{
	(void)state;
	many_calls(&dubbo);
}

static void each_bolt_call_is_answered_once(void **state)
{
	(void)state;
	many_calls(&bolt);
}

/* --- one by one */

static void say(int fd, struct slice bytes)
{
	assert_int_equal(send(fd, bytes.data, bytes.len, MSG_NOSIGNAL), bytes.len);
	for (int i = 0; i < 3; i++)
		turn_both();
}

static void call(const struct protocol *protocol, int fd, unsigned number, bool is_oneway)
{
	char bytes[FRAME];

	say(fd, slice_make(bytes, protocol->write(bytes, number, is_oneway)));
}

/* The next frame that the consumer gets. */
static struct slice hear(const struct protocol *protocol, int fd)
{
	static char bytes[FRAME];
	size_t size = 0;

	for (int i = 0; !size; i++) {
		assert_true(i < STEPS);
		ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK);
		size = n > 0 ? protocol->size(slice_make(bytes, (size_t)n)) : 0;
		turn_and_wait();
	}
	assert_int_equal(recv(fd, bytes, size, 0), size);
	return slice_make(bytes, size);
}

static void hang_up(int fd)
{
	close(fd);
	for (int i = 0; i < 4; i++)
		turn_both();
}

/* A connection whose calls with these numbers are with the provider. */
static int connect_busy(const struct protocol *protocol, unsigned count)
{
	int client = connect_client(&h.sides[0]);

	for (unsigned i = 0; i < count; i++)
		call(protocol, client, i, false);
	await_calls(protocol, count);
	return client;
}

static void half_a_frame_goes_along(void **state)
{
	struct handover handover;
	char bytes[FRAME];
	size_t len = write_dubbo(bytes, 7, false);
	int client = connect_busy(&dubbo, 1);

	(void)state;
	provider_answer(&dubbo, 0);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 0);
	say(client, slice_make(bytes, 21));
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	assert_string_equal(handover.protocol, "dubbo");
	assert_int_equal(handover.sockets[0].unread_len, 21);
	assert_memory_equal(handover.sockets[0].unread, bytes, 21);
	assert_int_equal(handover.call_count, 0);
	assert_int_equal(handover.requests, 1);
	pass(&handover);
	assert_true(adopt(&h.sides[1], &handover));
	handover_fini(&handover);
	say(client, slice_make(bytes + 21, len - 21));
	await_calls(&dubbo, 1);
	provider_answer(&dubbo, 0);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 7);
	hang_up(client);
}

static void calls_under_way_are_listed(void **state)
{
	struct handover handover;
	int client = connect_busy(&dubbo, 3);

	(void)state;
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_AGAIN);
	assert_int_equal(give(&h.sides[0], &channels[0].sink, &handover), STATUS_OK);
	assert_int_equal(handover.call_count, 3);
	unsigned sum = 0;
	for (int i = 0; i < 3; i++) {
		sum += 1u << handover.calls[i].id;
		assert_int_equal(handover.calls[i].kind, DUBBO_HESSIAN2);
	}
	assert_int_equal(sum, 7);
	assert_int_equal(h.sides[0].open, 1); /* until it is adopted */
	pass(&handover);
	assert_true(adopt(&h.sides[1], &handover));

	provider_answer(&dubbo, 1); /* held, as nobody has said that it was adopted */
	for (int i = 0; i < 20; i++)
		turn_and_wait();
	assert_null(channels[0].first);
	rpc_away_adopted(&h.sides[0].worker, handover.id);
	assert_int_equal(h.sides[0].open, 0);
	assert_non_null(channels[0].first);
	channel_step(&channels[0]);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 1);

	/* A new call goes another way, and comes first. */
	call(&dubbo, client, 9, false);
	await_calls(&dubbo, 3);
	provider_answer(&dubbo, 2);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 9);
	provider_answer(&dubbo, 0);
	provider_answer(&dubbo, 0);
	for (int i = 0; i < 20; i++)
		turn_and_wait();
	settle_all();
	unsigned rest = 1u << dubbo_id(hear(&dubbo, client));
	rest += 1u << dubbo_id(hear(&dubbo, client));
	assert_int_equal(rest, 5);
	handover_fini(&handover);
	hang_up(client);
}

/* The process that had the calls dies. */
static void lost(const struct protocol *protocol, unsigned status)
{
	struct handover handover;
	int client = connect_busy(protocol, 2);

	call(protocol, client, 5, true); /* nobody waits for an answer */
	assert_int_equal(give(&h.sides[0], &channels[0].sink, &handover), STATUS_OK);
	assert_true(adopt(&h.sides[1], &handover));
	rpc_owed_end(&h.sides[1].worker);
	unsigned ids = 0;
	for (int i = 0; i < 2; i++) {
		struct slice answer = hear(protocol, client);
		struct bolt_frame b = {0};
		struct dubbo_frame d = {0};
		size_t needs;
		if (protocol == &dubbo) {
			assert_int_equal(dubbo_frame_read(answer, FRAME, &d), STATUS_OK);
			assert_int_equal(d.status, status);
			assert_int_equal(d.flag, DUBBO_HESSIAN2);
			ids += 1u << d.id;
		} else {
			assert_int_equal(bolt_frame_read(answer, FRAME, &b, &needs), STATUS_OK);
			assert_int_equal(b.status, status);
			assert_int_equal(b.serialization, BOLT_HESSIAN2);
			ids += 1u << b.id;
		}
	}
	assert_int_equal(ids, 3);
	rpc_away_adopted(&h.sides[0].worker, handover.id);
	rpc_away_end(&h.sides[0].worker);
	assert_null(channels[0].first->next); /* settled, and nobody listens */
	channel_step(&channels[0]);
	handover_fini(&handover);
	hang_up(client);
}

static void lost_dubbo_calls_are_answered(void **state)
{
	(void)state;
	lost(&dubbo, DUBBO_CHANNEL_INACTIVE);
}

static void lost_bolt_calls_are_answered(void **state)
{
	(void)state;
	lost(&bolt, BOLT_CONNECTION_CLOSED);
}

static void one_that_is_refused_is_served_on_and_drained(void **state)
{
	struct handover handover;
	struct dubbo_frame frame = {0};
	int client = connect_busy(&dubbo, 2);

	(void)state;
	assert_int_equal(give(&h.sides[0], &channels[0].sink, &handover), STATUS_OK);
	pass(&handover);
	provider_answer(&dubbo, 0);
	for (int i = 0; i < 20; i++)
		turn_and_wait();
	assert_int_equal(rpc_away_return(&h.sides[0].worker, &handover), STATUS_OK);
	handover_fini(&handover);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 0);
	struct slice event = hear(&dubbo, client);
	assert_int_equal(dubbo_frame_read(event, FRAME, &frame), STATUS_OK);
	assert_true(frame.flag & DUBBO_FLAG_EVENT);
	assert_memory_equal(event.data + DUBBO_HEADER_SIZE, "\1R", 2);
	call(&dubbo, client, 8, false); /* it hadn't heard yet */
	await_calls(&dubbo, 2);
	provider_answer(&dubbo, 1);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 8);
	provider_answer(&dubbo, 0);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 1);
	hang_up(client);
}

static void one_whose_calls_have_ended_is_refused(void **state)
{
	struct handover handover;
	int client = connect_busy(&dubbo, 1);

	(void)state;
	assert_int_equal(give(&h.sides[0], &channels[0].sink, &handover), STATUS_OK);
	provider_answer(&dubbo, 0);
	for (int i = 0; i < 20; i++)
		turn_and_wait();
	/* Its session has gone: another one serves it here, and sends what it left. */
	assert_int_equal(rpc_away_return(&h.sides[0].worker, &handover), STATUS_NOT_FOUND);
	assert_int_equal(handover.call_count, 0);
	assert_true(adopt(&h.sides[0], &handover));
	handover_fini(&handover);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 0);
	hang_up(client);
}

static uint64_t voided;

static void note_void(struct worker_context *worker, uint64_t connection)
{
	(void)worker;
	voided = connection;
}

static void a_client_that_leaves_ends_its_calls_elsewhere(void **state)
{
	struct handover handover;
	int client = connect_busy(&dubbo, 2);

	(void)state;
	voided = 0;
	h.sides[1].worker.handover.owed_is_void = note_void;
	assert_int_equal(give(&h.sides[0], &channels[0].sink, &handover), STATUS_OK);
	assert_true(adopt(&h.sides[1], &handover));
	rpc_away_adopted(&h.sides[0].worker, handover.id);
	hang_up(client);
	assert_int_equal(voided, handover.id);
	assert_int_equal(h.sides[1].open, 0);
	rpc_away_void(&h.sides[0].worker, voided);
	settle_all();
	handover_fini(&handover);
}

static void readonly_is_taken_back_where_nobody_drains(void **state)
{
	struct handover handover;
	struct side *old = &h.sides[0];
	int client = connect_busy(&dubbo, 1);

	(void)state;
	provider_answer(&dubbo, 0);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 0);
	old->worker.is_asking = old->worker.is_failing = true; /* /healthcheck/fail */
	newest_served(old)->type->review(newest_served(old));
	assert_memory_equal(hear(&dubbo, client).data + DUBBO_HEADER_SIZE, "\1R", 2);
	assert_int_equal(give(old, NULL, &handover), STATUS_OK);
	assert_true(adopt(&h.sides[1], &handover));
	handover_fini(&handover);
	assert_memory_equal(hear(&dubbo, client).data + DUBBO_HEADER_SIZE, "\1W", 2);
	hang_up(client);
}

static void one_that_has_said_nothing_moves_too(void **state)
{
	struct handover handover;
	int client = connect_client(&h.sides[0]);

	(void)state;
	turn_both();
	assert_int_equal(give(&h.sides[0], NULL, &handover), STATUS_OK);
	pass(&handover);
	assert_true(adopt(&h.sides[1], &handover));
	handover_fini(&handover);
	call(&dubbo, client, 3, false);
	await_calls(&dubbo, 1);
	provider_answer(&dubbo, 0);
	assert_int_equal(dubbo_id(hear(&dubbo, client)), 3);
	hang_up(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_dubbo_call_is_answered_once, begin, finish),
		cmocka_unit_test_setup_teardown(each_bolt_call_is_answered_once, begin, finish),
		{"each_dubbo_call_with_a_stream_is_answered_once", each_dubbo_call_is_answered_once,
		 begin_with_streams, finish, NULL},
		{"each_bolt_call_with_a_stream_is_answered_once", each_bolt_call_is_answered_once,
		 begin_with_streams, finish, NULL},
		cmocka_unit_test_setup_teardown(half_a_frame_goes_along, begin, finish),
		cmocka_unit_test_setup_teardown(calls_under_way_are_listed, begin, finish),
		{"streams_under_way_are_listed", calls_under_way_are_listed, begin_with_streams,
		 finish, NULL},
		cmocka_unit_test_setup_teardown(lost_dubbo_calls_are_answered, begin, finish),
		cmocka_unit_test_setup_teardown(lost_bolt_calls_are_answered, begin, finish),
		{"lost_bolt_calls_with_streams_are_answered", lost_bolt_calls_are_answered,
		 begin_with_streams, finish, NULL},
		cmocka_unit_test_setup_teardown(one_that_is_refused_is_served_on_and_drained, begin,
						finish),
		cmocka_unit_test_setup_teardown(one_whose_calls_have_ended_is_refused, begin,
						finish),
		cmocka_unit_test_setup_teardown(a_client_that_leaves_ends_its_calls_elsewhere,
						begin, finish),
		cmocka_unit_test_setup_teardown(readonly_is_taken_back_where_nobody_drains, begin,
						finish),
		cmocka_unit_test_setup_teardown(one_that_has_said_nothing_moves_too, begin, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
