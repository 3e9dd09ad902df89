/* A worker's connections on their way to a successor that the test plays: which go, how many at a
 * time, and what becomes of those that it adopts, refuses or leaves behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "hotrestart/handover.h"
#include "net/served.h"
#include "server/giving.h"
#include "server/server.h"
#include "server/worker.h"
#include "telemetry/stats.h"

enum { MANY = 200, TURNS = 400 };

struct fake {
	struct served served;
	enum status answer;
	uint64_t id;
	unsigned asked, kept;
	bool is_open;
};

static struct {
	struct server server; /* of it, what hears workers */
	struct worker *worker;
	struct stats *stats;
	int peer; /* the successor's end */
	struct message_reader reader;
	struct fake fakes[MANY];
	unsigned count;
	bool is_distrusted;
} t;

static struct giving *giving(void)
{
	return &t.server.upgrade.giving;
}

/* --- connections */

static enum status fake_give(struct served *served, struct relay_sink *relay,
			     struct handover *handover)
{
	struct fake *fake = container_of(served, struct fake, served);
	const struct addr addr = {.family = ADDR_IPV4, .ip = {127, 0, 0, 1}, .port = 1};

	assert_non_null(relay);
	fake->asked++;
	if (fake->answer)
		return fake->answer;
	list_remove(&served->link);
	fake->is_open = false;
	*handover = (struct handover){
		.id = fake->id,
		.remote = addr,
		.local = addr,
		.listener = strdup("l"),
		.sockets = {{.fd = open("/dev/null", O_RDWR | O_CLOEXEC)}, {.fd = -1}},
	};
	assert_true(handover->sockets[0].fd >= 0);
	return STATUS_OK;
}

static void fake_keep(struct served *served)
{
	container_of(served, struct fake, served)->kept++;
}

static void fake_close(struct served *served)
{
	list_remove(&served->link);
	container_of(served, struct fake, served)->is_open = false;
}

static const struct served_type fake_type = {
	.give = fake_give, .keep = fake_keep, .close = fake_close};
static const struct served_type rooted_type = {.close = fake_close};

static struct fake *serve(const struct served_type *type, enum status answer)
{
	struct fake *fake = &t.fakes[t.count++];

	*fake = (struct fake){.served.type = type, .answer = answer, .id = t.count};
	fake->is_open = true;
	list_push_back(&t.worker->context.served, &fake->served.link);
	return fake;
}

/* --- the successor */

static void on_received(struct channel *channel, struct upgrade_message *message)
{
	(void)channel;
	if (!giving_hear(giving(), message))
		t.is_distrusted = true;
}

static void on_closed(struct channel *channel, enum status why)
{
	(void)channel;
	(void)why;
	giving_reclaim(giving());
}

static const struct channel_events events = {on_received, on_closed};

/* Everything that can happen without the successor. */
static void settle(void)
{
	for (int i = 0; i < TURNS; i++) {
		loop_turn(&t.worker->loop, false);
		loop_turn(&t.server.loop, false);
	}
}

/* The ids of what has come. */
static unsigned receive(uint64_t *ids)
{
	char data[RECORD_MAX];
	int fds[RECORD_FDS_MAX];
	struct record record;
	struct upgrade_message message;
	struct handover handover;
	unsigned count = 0;

	settle();
	while (!record_receive(t.peer, data, &record, fds)) {
		assert_int_equal(message_reader_add(&t.reader, &record, fds, &message), STATUS_OK);
		assert_int_equal(message.kind, MESSAGE_CONNECTION);
		assert_int_equal(
			handover_unpack(&message, message.fds, message.fd_count, &handover),
			STATUS_OK);
		ids[count++] = handover.id;
		handover_fini(&handover);
		message_fini(&message);
		settle();
	}
	return count;
}

static void say(enum handover_word word, uint64_t id)
{
	assert_int_equal(handover_say(t.peer, word, id), STATUS_OK);
}

/* --- life */

static unsigned count_fds(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void on_woken(struct loop *loop)
{
	(void)loop;
	mailbox_drain(&t.server.mailbox);
}

static void begin(void)
{
	int ends[2];

	memset(&t, 0, sizeof t);
	assert_int_equal(loop_init(&t.server.loop, &t.server), STATUS_OK);
	t.server.loop.woken = on_woken;
	mailbox_init(&t.server.mailbox, &t.server.loop, &t.server);
	t.stats = stats_new();
	t.worker = worker_new(0, &t.server.mailbox, t.stats);
	assert_non_null(t.worker);
	t.server.upgrade.server = &t.server;
	t.server.upgrade.is_ending = true; /* there is nothing to drain */
	giving_init(giving());
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	channel_init(&t.server.upgrade.giver.channel);
	channel_open(&t.server.upgrade.giver.channel, &t.server.loop, ends[0], &events);
	t.peer = ends[1];
}

static void give_all(void)
{
	giving_begin(giving(), &t.server.upgrade.giver.channel, &t.worker, 1);
}

static void end(void)
{
	settle();
	assert_false(worker_giving_holds(t.worker));
	assert_true(list_is_empty(&giving()->out));
	giving_stop(giving());
	channel_close(&t.server.upgrade.giver.channel);
	message_reader_fini(&t.reader);
	if (t.peer >= 0)
		close(t.peer);
	worker_free(t.worker);
	mailbox_drain(&t.server.mailbox);
	loop_fini(&t.server.loop);
	stats_free(t.stats);
}

static void adopt_all(void)
{
	uint64_t ids[MANY];
	unsigned count;

	while ((count = receive(ids)))
		for (unsigned i = 0; i < count; i++)
			say(HANDOVER_ADOPTED, ids[i]);
}

/* --- tests */

static void those_go_that_may(void **state)
{
	uint64_t ids[MANY];

	(void)state;
	begin();
	serve(&fake_type, STATUS_OK);
	struct fake *stays = serve(&fake_type, STATUS_UNSUPPORTED);
	struct fake *rooted = serve(&rooted_type, STATUS_OK);
	serve(&fake_type, STATUS_OK);
	give_all();
	assert_int_equal(receive(ids), 2);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 4);
	assert_true(stays->is_open && rooted->is_open);
	assert_int_equal(stays->asked, 1);
	/* nobody is left that might: it is over, though two are out */
	assert_false(t.worker->giving.is_on);
	assert_int_equal(giving()->over, 1);
	assert_true(worker_giving_holds(t.worker));
	unsigned fds = count_fds();
	say(HANDOVER_ADOPTED, 1);
	say(HANDOVER_ADOPTED, 4);
	settle();
	assert_int_equal(count_fds(), fds - 2);
	assert_int_equal(giving()->adopted, 2);
	end();
}

static void few_are_out_at_a_time(void **state)
{
	uint64_t ids[MANY];

	(void)state;
	begin();
	for (unsigned i = 0; i < MANY; i++)
		serve(&fake_type, STATUS_OK);
	give_all();
	assert_int_equal(receive(ids), GIVING_OUT_MAX);
	assert_int_equal(t.worker->giving.out, GIVING_OUT_MAX);
	assert_true(t.fakes[MANY - 1].is_open); /* served here meanwhile */
	say(HANDOVER_ADOPTED, ids[0]);
	assert_int_equal(receive(&ids[GIVING_OUT_MAX]), 1);
	for (unsigned i = 1; i <= GIVING_OUT_MAX; i++)
		say(HANDOVER_ADOPTED, ids[i]);
	adopt_all();
	assert_int_equal(giving()->adopted, MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(t.fakes[i].asked, 1);
	end();
}

static void who_is_busy_goes_at_its_boundary(void **state)
{
	uint64_t ids[MANY];

	(void)state;
	begin();
	struct fake *busy = serve(&fake_type, STATUS_AGAIN);
	struct fake *busier = serve(&fake_type, STATUS_AGAIN);
	give_all();
	assert_int_equal(receive(ids), 0);
	assert_int_equal(busy->asked, 1);
	assert_true(t.worker->giving.is_on);
	busy->answer = STATUS_OK;
	settle();
	assert_int_equal(busy->asked, 1); /* nobody has said that it changed */
	t.worker->context.handover.has_boundary = true;
	assert_int_equal(receive(ids), 1);
	assert_int_equal(ids[0], busy->id);
	assert_true(t.worker->giving.is_on);
	worker_giving_end(t.worker, NULL); /* the time is over */
	assert_int_equal(busier->kept, 1);
	settle();
	assert_int_equal(giving()->over, 1);
	say(HANDOVER_ADOPTED, busy->id);
	end();
}

static void who_goes_by_itself_is_not_waited_for(void **state)
{
	(void)state;
	begin();
	struct fake *busy = serve(&fake_type, STATUS_AGAIN);
	give_all();
	settle();
	assert_true(t.worker->giving.is_on);
	fake_close(&busy->served);
	settle();
	assert_false(t.worker->giving.is_on);
	end();
}

/* Nothing listens here: what comes back is closed, and that is all that is left of it. */
static void what_is_refused_comes_back(void **state)
{
	uint64_t ids[MANY];

	(void)state;
	begin();
	unsigned fds = count_fds();
	serve(&fake_type, STATUS_OK);
	serve(&fake_type, STATUS_OK);
	give_all();
	assert_int_equal(receive(ids), 2);
	say(HANDOVER_REFUSED, ids[0]);
	say(HANDOVER_ADOPTED, ids[1]);
	settle();
	assert_int_equal(giving()->returned, 1);
	assert_int_equal(giving()->adopted, 1);
	assert_int_equal(count_fds(), fds);
	end();
}

static void what_a_dead_successor_has_not_adopted_comes_back(void **state)
{
	(void)state;
	begin();
	unsigned fds = count_fds();
	for (unsigned i = 0; i < MANY; i++)
		serve(&fake_type, STATUS_OK);
	give_all();
	settle();
	assert_int_equal(t.worker->giving.out, GIVING_OUT_MAX);
	say(HANDOVER_ADOPTED, 1); /* it dies with all but that unread */
	close(t.peer);
	t.peer = -1;
	settle();
	assert_int_equal(giving()->adopted, 1);
	/* one more went when that was heard, and has come back as well */
	assert_int_equal(giving()->returned, GIVING_OUT_MAX);
	assert_false(t.worker->giving.is_on);
	assert_true(t.fakes[MANY - 1].is_open); /* and no more of them are given */
	assert_int_equal(count_fds(), fds - 2);
	end();
}

static void what_cannot_be_true_is_told(void **state)
{
	uint64_t ids[MANY];

	(void)state;
	for (int word = HANDOVER_ADOPTED; word <= HANDOVER_SETTLED; word++) {
		begin();
		serve(&fake_type, STATUS_OK);
		give_all();
		assert_int_equal(receive(ids), 1);
		say((enum handover_word)word, 4711);
		settle();
		/* a client may go whenever it likes */
		assert_int_equal(t.is_distrusted, word != HANDOVER_CLOSED);
		say(HANDOVER_ADOPTED, ids[0]);
		end();
	}
}

static void the_end_closes_what_is_out(void **state)
{
	uint64_t ids[MANY];

	(void)state;
	begin();
	unsigned fds = count_fds();
	serve(&fake_type, STATUS_OK);
	give_all();
	assert_int_equal(receive(ids), 1);
	giving_stop(giving());
	t.worker->giving.out = 0;
	assert_int_equal(count_fds(), fds);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_go_that_may),
		cmocka_unit_test(few_are_out_at_a_time),
		cmocka_unit_test(who_is_busy_goes_at_its_boundary),
		cmocka_unit_test(who_goes_by_itself_is_not_waited_for),
		cmocka_unit_test(what_is_refused_comes_back),
		cmocka_unit_test(what_a_dead_successor_has_not_adopted_comes_back),
		cmocka_unit_test(what_cannot_be_true_is_told),
		cmocka_unit_test(the_end_closes_what_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
