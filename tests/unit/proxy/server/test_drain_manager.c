/* What the manager orders, and when: a clock that the test turns, and workers that do as they are
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/drain_manager.h"
#include "telemetry/stats.h"
#include "telemetry/stats_network.h"
#include "telemetry/stats_server.h"

enum { WORKERS = 2 };

static struct {
	struct timer_wheel wheel;
	struct stats *stats;
	struct drain_manager manager;
	char orders[1024];
	unsigned looks;
} t;

PRINTF_LIKE(1, 2) static void note(const char *format, ...)
{
	size_t len = strlen(t.orders);
	va_list args;

	va_start(args, format);
	vsnprintf(t.orders + len, sizeof t.orders - len, format, args);
	va_end(args);
}

static void expect(const char *orders)
{
	assert_string_equal(t.orders, orders);
	t.orders[0] = 0;
}

static const char *scope_name(enum drain_scope scope)
{
	return scope == DRAIN_INBOUND ? "inbound" : "all";
}

static void order_ask(struct drain_manager *manager, enum drain_scope scope, uint64_t time_ms,
		      bool is_gradual)
{
	(void)manager;
	note("ask %s %u%s;", scope_name(scope), (unsigned)time_ms, is_gradual ? " gradual" : "");
}

static void order_stop(struct drain_manager *manager, enum drain_scope scope)
{
	(void)manager;
	note("stop %s;", scope_name(scope));
}

static void order_leave(struct drain_manager *manager, bool keeps_sockets)
{
	(void)manager;
	note("leave%s;", keeps_sockets ? " sockets" : "");
}

static void order_look(struct drain_manager *manager)
{
	(void)manager;
	t.looks++;
}

static void order_end(struct drain_manager *manager)
{
	(void)manager;
	note("end;");
}

static const struct drain_orders orders = {order_ask, order_stop, order_leave, order_look,
					   order_end};

static void begin(uint64_t min_drain_ms)
{
	const struct drain_times times = {.drain_ms = 10000,
					  .min_drain_ms = min_drain_ms,
					  .parent_shutdown_ms = 30000,
					  .is_gradual = true};

	memset(&t, 0, sizeof t);
	timer_wheel_init(&t.wheel, 1000);
	t.stats = stats_new();
	drain_manager_init(&t.manager, &orders, &times, &t.wheel, t.stats);
	t.manager.worker_count = WORKERS;
}

static void finish(void)
{
	drain_manager_fini(&t.manager);
	assert_true(timer_wheel_next_ms(&t.wheel) == UINT64_MAX);
	stats_free(t.stats);
}

static void pass(uint64_t ms)
{
	timer_wheel_advance(&t.wheel, t.wheel.now_ms + ms);
}

static uint64_t value(struct stat_scope *scope, unsigned id, bool is_gauge)
{
	const uint64_t *words = stats_words(stats_main_shard(t.stats), scope) + id;
	return is_gauge ? words[0] - words[1] : words[0];
}

static uint64_t drain_gauge(unsigned id)
{
	return value(t.manager.scope, id, true);
}

static uint64_t listener_gauge(unsigned id)
{
	return value(t.manager.listener_scope, id, true);
}

/* One worker has 2 of HTTP, the other none of these but a call of Dubbo. */
static void answer_look(void)
{
	struct drain_look http = {.open = 2}, dubbo = {.open = 1};

	http.by_protocol[SERVED_HTTP1] = http.by_wait[SERVED_IDLE_WAIT] = http.by_direction[1] = 2;
	dubbo.by_protocol[SERVED_DUBBO] = dubbo.by_wait[SERVED_BUSY_CALL] = 1;
	drain_manager_seen(&t.manager, &http);
	drain_manager_seen(&t.manager, &dubbo);
}

static void it_ends_when_the_last_worker_is_empty(void **state)
{
	(void)state;
	begin(0);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	expect("leave;");
	drain_manager_worker_left(&t.manager);
	pass(5000);
	expect("");
	drain_manager_worker_left(&t.manager);
	expect("end;");
	pass(100000);
	expect("");
	finish();
}

static void for_the_least_time_all_is_accepted(void **state)
{
	(void)state;
	begin(4000);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_INBOUND);
	expect("ask inbound 4000 gradual;");
	pass(3999);
	expect("");
	assert_int_equal(t.manager.state, DRAIN_ASKING);
	pass(1);
	expect("leave;");
	drain_manager_worker_left(&t.manager);
	drain_manager_worker_left(&t.manager);
	expect("end;");
	finish();
}

static void what_is_left_at_the_deadline_is_looked_at_once_more(void **state)
{
	(void)state;
	begin(0);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	pass(9999);
	answer_look();
	expect("leave;");
	pass(1);
	expect("");
	assert_int_equal(t.manager.state, DRAIN_LAST_LOOK);
	answer_look();
	expect("end;");
	assert_int_equal(value(t.manager.scope, DRAIN_STAT_DEADLINE_CLOSED, false), 3);
	finish();
}

static void a_worker_that_does_not_answer_is_not_waited_for(void **state)
{
	(void)state;
	begin(0);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	pass(10000);
	expect("leave;");
	pass(1000);
	expect("end;");
	finish();
}

static void the_least_time_may_be_longer_than_the_drain(void **state)
{
	(void)state;
	begin(20000);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	pass(19999);
	expect("ask all 20000 gradual;");
	pass(1);
	assert_non_null(strstr(t.orders, "leave;"));
	answer_look();
	assert_non_null(strstr(t.orders, "end;"));
	finish();
}

static void asked_twice_it_ends_at_once(void **state)
{
	(void)state;
	begin(4000);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	expect("ask all 4000 gradual;end;");
	finish();
}

static void a_successor_keeps_the_sockets_and_has_its_own_time(void **state)
{
	(void)state;
	begin(4000);
	drain_manager_end(&t.manager, DRAIN_FOR_SUCCESSOR, DRAIN_ALL);
	expect("leave sockets;");
	pass(29999);
	expect("");
	pass(1);
	answer_look();
	expect("end;");
	finish();
}

static void expect_shown(const char *gauges)
{
	static const struct {
		const char *before;
		unsigned id;
	} parts[] = {
		{"", DRAIN_STAT_CONNECTIONS_OPEN},
		{" open: http1 ", DRAIN_STAT_OPEN_HTTP1},
		{", dubbo ", DRAIN_STAT_OPEN_DUBBO},
		{", tcp ", DRAIN_STAT_OPEN_TCP},
		{"; inbound ", DRAIN_STAT_OPEN_INBOUND},
		{", unspecified ", DRAIN_STAT_OPEN_UNSPECIFIED},
		{"; idle ", DRAIN_STAT_IDLE_WAIT},
		{", busy ", DRAIN_STAT_BUSY_CALL},
		{", not drainable ", DRAIN_STAT_NOT_DRAINABLE},
	};

	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
		note("%s%u", parts[i].before, (unsigned)drain_gauge(parts[i].id));
	expect(gauges);
}

static void looks_are_shown_and_never_overlap(void **state)
{
	(void)state;
	begin(0);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	pass(3000);
	assert_int_equal(t.looks, 1);
	answer_look();
	expect("leave;");
	expect_shown("3 open: http1 2, dubbo 1, tcp 0; inbound 2, unspecified 0; "
		     "idle 2, busy 1, not drainable 0");
	pass(1000);
	assert_int_equal(t.looks, 2);
	drain_manager_seen(&t.manager, &(struct drain_look){0});
	assert_int_equal(drain_gauge(DRAIN_STAT_CONNECTIONS_OPEN), 3);
	drain_manager_seen(&t.manager, &(struct drain_look){0});
	assert_int_equal(drain_gauge(DRAIN_STAT_CONNECTIONS_OPEN), 0);
	finish();
}

static void pass_with_answers(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		pass(1000);
		if (t.manager.is_looking)
			answer_look();
	}
}

static void listeners_that_have_drained_are_looked_at_seldom(void **state)
{
	(void)state;
	begin(4000);
	drain_manager_listeners(&t.manager, DRAIN_INBOUND, true, true);
	pass_with_answers(5);
	drain_manager_listeners(&t.manager, DRAIN_ALL, true, true);
	pass_with_answers(10);
	assert_int_equal(t.looks, 15);
	pass_with_answers(30);
	assert_int_equal(t.looks, 18);
	drain_manager_end(&t.manager, DRAIN_FOR_END, DRAIN_ALL);
	pass_with_answers(3);
	assert_int_equal(t.looks, 21);
	finish();
}

static void a_look_is_told_in_words(void **state)
{
	struct drain_look look = {.open = 5};
	char text[128], small[16];
	(void)state;

	look.by_protocol[SERVED_HTTP1] = 4;
	look.by_protocol[SERVED_TCP] = 1;
	look.by_wait[SERVED_IDLE_WAIT] = 4;
	look.by_wait[SERVED_TCP_END] = 1;
	drain_look_format(&look, text, sizeof text);
	assert_string_equal(text, "5 connections are open: 4 http1, 1 tcp; 4 idle_wait, 1 tcp");
	drain_look_format(&look, small, sizeof small);
	assert_string_equal(small, "5 connections a");
	look = (struct drain_look){.open = 1};
	drain_look_format(&look, text, sizeof text);
	assert_string_equal(text, "1 connection is open");
}

static void listeners_stop_after_the_drain_time(void **state)
{
	(void)state;
	begin(0);
	assert_false(drain_manager_stops_listeners(&t.manager));
	drain_manager_listeners(&t.manager, DRAIN_INBOUND, true, false);
	assert_true(drain_manager_stops_listeners(&t.manager));
	expect("ask inbound 10000 gradual;");
	pass(5000);
	drain_manager_listeners(&t.manager, DRAIN_INBOUND, true, false); /* no time is added */
	expect("");
	drain_manager_listeners(&t.manager, DRAIN_ALL, true, false);
	expect("ask all 10000 gradual;");
	drain_manager_listeners(&t.manager, DRAIN_INBOUND, true, false);
	pass(5000);
	expect("stop inbound;");
	pass(5000);
	expect("stop all;");
	assert_int_equal(t.manager.state, DRAIN_SERVING);
	finish();
}

static void listeners_stop_at_once_or_never(void **state)
{
	(void)state;
	begin(0);
	drain_manager_listeners(&t.manager, DRAIN_ALL, true, true);
	expect("ask all 10000 gradual;");
	pass(20000);
	expect("");
	assert_false(drain_manager_stops_listeners(&t.manager));
	drain_manager_listeners(&t.manager, DRAIN_ALL, false, false);
	drain_manager_listeners(&t.manager, DRAIN_ALL, false, false);
	drain_manager_listeners(&t.manager, DRAIN_INBOUND, false, false);
	expect("stop all;");
	assert_true(drain_manager_stops_listeners(&t.manager));
	finish();
}

static void tell(uint64_t number, enum listener_drain_step step, unsigned chains, unsigned open)
{
	struct listener_drain_event event = {
		.number = number, .step = step, .chains = chains, .look.open = open, .name = "l"};
	drain_manager_version(&t.manager, &event);
}

static void versions_are_counted_until_no_worker_has_any_connection(void **state)
{
	(void)state;
	begin(0);
	tell(1, LISTENER_DRAIN_BEGUN, 0, 3);
	tell(2, LISTENER_DRAIN_BEGUN, 3, 1);
	tell(1, LISTENER_DRAIN_BEGUN, 0, 1);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), 1);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_FILTER_CHAINS_DRAINING), 3);
	tell(1, LISTENER_DRAIN_ENDED, 0, 0);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), 1);
	tell(2, LISTENER_DRAIN_OVERDUE, 3, 1);
	tell(2, LISTENER_DRAIN_ENDED, 3, 0);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_FILTER_CHAINS_DRAINING), 0);
	tell(1, LISTENER_DRAIN_ENDED, 0, 0);
	assert_int_equal(listener_gauge(LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING), 0);
	assert_int_equal(value(t.manager.scope, DRAIN_STAT_DEADLINE_CLOSED, false), 1);
	tell(3, LISTENER_DRAIN_BEGUN, 0, 1); /* the process ends before it does */
	finish();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_when_the_last_worker_is_empty),
		cmocka_unit_test(for_the_least_time_all_is_accepted),
		cmocka_unit_test(what_is_left_at_the_deadline_is_looked_at_once_more),
		cmocka_unit_test(a_worker_that_does_not_answer_is_not_waited_for),
		cmocka_unit_test(the_least_time_may_be_longer_than_the_drain),
		cmocka_unit_test(asked_twice_it_ends_at_once),
		cmocka_unit_test(a_successor_keeps_the_sockets_and_has_its_own_time),
		cmocka_unit_test(looks_are_shown_and_never_overlap),
		cmocka_unit_test(listeners_that_have_drained_are_looked_at_seldom),
		cmocka_unit_test(a_look_is_told_in_words),
		cmocka_unit_test(listeners_stop_after_the_drain_time),
		cmocka_unit_test(listeners_stop_at_once_or_never),
		cmocka_unit_test(versions_are_counted_until_no_worker_has_any_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
