#include "server/drain_manager.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "base/log.h"
#include "telemetry/stats.h"
#include "telemetry/stats_network.h"
#include "telemetry/stats_server.h"

enum {
	LINE_MS = 10000,     /* a line of the log at the latest, though nothing has changed */
	LAST_LOOK_MS = 1000, /* then a worker that doesn't answer isn't waited for */
	LINE_MAX = 256,
};

/* A version of a listener that has connections left on workers. */
struct drained_version {
	uint64_t number; /* its key */
	unsigned workers, chains;
};

/* --- words --- */

const char *drain_protocol_name(enum served_protocol protocol)
{
	static const char *const names[SERVED_PROTOCOLS] = {"http1", "dubbo", "bolt", "tcp",
							    "other"};
	return names[protocol];
}

const char *drain_wait_name(enum served_wait wait)
{
	static const char *const names[SERVED_WAITS] = {"idle_wait", "busy_call", "tcp",
							"not_drainable"};
	return names[wait];
}

struct words {
	char *text;
	size_t size, len;
};

PRINTF_LIKE(2, 3) static void say(struct words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(words->text + words->len, words->size - words->len, format, args);
	va_end(args);
	words->len +=
		(size_t)n < words->size - words->len ? (size_t)n : words->size - words->len - 1;
}

void drain_look_format(const struct drain_look *look, char *text, size_t size)
{
	struct words words = {text, size, 0};
	const char *before = ": ";

	say(&words, "%u connection%s open", look->open, look->open == 1 ? " is" : "s are");
	for (unsigned i = 0; i < SERVED_PROTOCOLS; i++) {
		if (!look->by_protocol[i])
			continue;
		say(&words, "%s%u %s", before, look->by_protocol[i], drain_protocol_name(i));
		before = ", ";
	}
	before = "; ";
	for (unsigned i = 0; i < SERVED_WAITS; i++) {
		if (!look->by_wait[i])
			continue;
		say(&words, "%s%u %s", before, look->by_wait[i], drain_wait_name(i));
		before = ", ";
	}
}

static uint64_t passed_ms(const struct drain_manager *manager)
{
	return manager->wheel->now_ms - manager->began_ms;
}

/* --- looks --- */

static bool is_any_on(const struct drain_manager *manager)
{
	return drain_manager_is_ending(manager) || manager->sequences[DRAIN_INBOUND].is_asked ||
	       manager->sequences[DRAIN_ALL].is_asked;
}

static void show(struct drain_manager *manager)
{
	struct stats_shard *shard = stats_main_shard(manager->stats);
	const struct drain_look *look = &manager->look;

	stat_gauge_set(shard, manager->scope, DRAIN_STAT_CONNECTIONS_OPEN, look->open);
	for (unsigned i = 0; i < SERVED_PROTOCOLS; i++)
		stat_gauge_set(shard, manager->scope, DRAIN_STAT_OPEN_HTTP1 + 2 * i,
			       look->by_protocol[i]);
	for (unsigned i = 0; i < DRAIN_DIRECTIONS; i++)
		stat_gauge_set(shard, manager->scope, DRAIN_STAT_OPEN_UNSPECIFIED + 2 * i,
			       look->by_direction[i]);
	for (unsigned i = 0; i < SERVED_WAITS; i++)
		stat_gauge_set(shard, manager->scope, DRAIN_STAT_IDLE_WAIT + 2 * i,
			       look->by_wait[i]);
}

static void count_closed(struct drain_manager *manager, uint64_t n)
{
	stat_add(stats_main_shard(manager->stats), manager->scope, DRAIN_STAT_DEADLINE_CLOSED, n);
}

/* A line when something has changed, and now and then: who waits for the end reads why. */
static void log_look(struct drain_manager *manager)
{
	const struct drain_look *look = &manager->look;
	uint64_t now_ms = manager->wheel->now_ms;
	char text[LINE_MAX];

	if (!look->open ||
	    (!memcmp(look, &manager->told, sizeof *look) && now_ms - manager->told_ms < LINE_MS))
		return;
	manager->told = *look;
	manager->told_ms = now_ms;
	drain_look_format(look, text, sizeof text);
	log_info(MAIN, "draining for %" PRIu64 " s: %s", passed_ms(manager) / 1000, text);
}

static void begin_look(struct drain_manager *manager)
{
	if (manager->is_looking)
		return;
	manager->is_looking = true;
	manager->seen_count = 0;
	manager->next = (struct drain_look){0};
	manager->orders->look(manager);
}

static void on_look(struct timer *timer)
{
	struct drain_manager *manager = container_of(timer, struct drain_manager, look_timer);
	bool is_late =
		!drain_manager_is_ending(manager) && manager->wheel->now_ms >= manager->seldom_ms;

	timer_start(manager->wheel, timer, is_late ? DRAIN_LATE_LOOK_MS : DRAIN_LOOK_MS);
	begin_look(manager);
}

/* A drain has begun. Nobody waits for the end of those that don't end the process: when their time
 * is over, they are looked at seldom. */
static void begin_looks(struct drain_manager *manager)
{
	manager->seldom_ms = manager->wheel->now_ms + manager->times.drain_ms;
	timer_start(manager->wheel, &manager->look_timer, DRAIN_LOOK_MS);
}

static void add_look(struct drain_look *to, const struct drain_look *look)
{
	to->open += look->open;
	for (unsigned i = 0; i < SERVED_PROTOCOLS; i++)
		to->by_protocol[i] += look->by_protocol[i];
	for (unsigned i = 0; i < SERVED_WAITS; i++)
		to->by_wait[i] += look->by_wait[i];
	for (unsigned i = 0; i < DRAIN_DIRECTIONS; i++)
		to->by_direction[i] += look->by_direction[i];
}

/* --- the process --- */

static void end(struct drain_manager *manager)
{
	manager->state = DRAIN_OVER;
	timer_cancel(manager->wheel, &manager->step_timer);
	timer_cancel(manager->wheel, &manager->deadline_timer);
	timer_cancel(manager->wheel, &manager->look_timer);
	manager->orders->end(manager);
}

static void end_late(struct drain_manager *manager)
{
	char text[LINE_MAX];

	if (manager->look.open) {
		drain_look_format(&manager->look, text, sizeof text);
		log_warn(MAIN, "the drain time of %" PRIu64 " s is over: %s, and closed now",
			 passed_ms(manager) / 1000, text);
		count_closed(manager, manager->look.open);
	}
	end(manager);
}

void drain_manager_seen(struct drain_manager *manager, const struct drain_look *look)
{
	if (!manager->is_looking)
		return;
	add_look(&manager->next, look);
	if (++manager->seen_count < manager->worker_count)
		return;
	manager->is_looking = false;
	manager->look = manager->next;
	show(manager);
	if (manager->state == DRAIN_LAST_LOOK)
		end_late(manager);
	else if (drain_manager_is_ending(manager))
		log_look(manager);
}

static void leave(struct drain_manager *manager)
{
	timer_cancel(manager->wheel, &manager->step_timer);
	manager->state = DRAIN_LEAVING;
	manager->orders->leave(manager, manager->cause == DRAIN_FOR_SUCCESSOR);
}

static void on_deadline(struct timer *timer)
{
	struct drain_manager *manager = container_of(timer, struct drain_manager, deadline_timer);

	if (manager->state == DRAIN_LAST_LOOK) {
		end_late(manager);
		return;
	}
	if (manager->state == DRAIN_ASKING) /* the least time is all there is */
		leave(manager);
	manager->state = DRAIN_LAST_LOOK;
	timer_start(manager->wheel, timer, LAST_LOOK_MS);
	begin_look(manager);
}

static void on_asked_enough(struct timer *timer)
{
	leave(container_of(timer, struct drain_manager, step_timer));
}

void drain_manager_end(struct drain_manager *manager, enum drain_cause cause,
		       enum drain_scope scope)
{
	const struct drain_times *times = &manager->times;
	bool asks = cause == DRAIN_FOR_END && times->min_drain_ms;
	uint64_t most_ms =
		cause == DRAIN_FOR_SUCCESSOR ? times->parent_shutdown_ms : times->drain_ms;

	if (drain_manager_is_ending(manager)) {
		end(manager);
		return;
	}
	if (asks && most_ms < times->min_drain_ms)
		most_ms = times->min_drain_ms;
	log_info(MAIN, "draining%s",
		 cause == DRAIN_FOR_SUCCESSOR ? ": a successor has the listeners" : "");
	manager->cause = cause;
	manager->began_ms = manager->wheel->now_ms;
	manager->deadline_ms = manager->began_ms + most_ms;
	timer_start(manager->wheel, &manager->deadline_timer, most_ms);
	begin_looks(manager);
	if (!asks) {
		leave(manager);
		return;
	}
	manager->state = DRAIN_ASKING;
	timer_start(manager->wheel, &manager->step_timer, times->min_drain_ms);
	manager->orders->ask(manager, scope, times->min_drain_ms, times->is_gradual);
}

void drain_manager_worker_left(struct drain_manager *manager)
{
	if (++manager->left_count == manager->worker_count && manager->state != DRAIN_OVER)
		end(manager);
}

/* --- /drain_listeners --- */

static bool is_on(const struct drain_manager *manager, enum drain_scope scope)
{
	return manager->sequences[scope].is_asked || manager->sequences[DRAIN_ALL].is_asked;
}

static void stop(struct drain_sequence *sequence)
{
	struct drain_manager *manager = sequence->manager;

	timer_cancel(manager->wheel, &sequence->timer);
	if (sequence->is_stopped || manager->sequences[DRAIN_ALL].is_stopped)
		return;
	sequence->is_stopped = true;
	manager->orders->stop(manager, sequence->scope);
}

static void on_drained(struct timer *timer)
{
	stop(container_of(timer, struct drain_sequence, timer));
}

void drain_manager_listeners(struct drain_manager *manager, enum drain_scope scope, bool graceful,
			     bool skip_exit)
{
	struct drain_sequence *sequence = &manager->sequences[scope];
	bool was_on = is_on(manager, scope);

	if (!was_on) {
		if (!is_any_on(manager))
			manager->began_ms = manager->wheel->now_ms;
		sequence->is_asked = true;
		manager->orders->ask(manager, scope, manager->times.drain_ms,
				     manager->times.is_gradual);
		begin_looks(manager);
	}
	if (skip_exit)
		return;
	if (!graceful)
		stop(sequence);
	else if (!was_on)
		timer_start(manager->wheel, &sequence->timer, manager->times.drain_ms);
}

bool drain_manager_stops_listeners(const struct drain_manager *manager)
{
	for (unsigned i = 0; i < DRAIN_SCOPES; i++)
		if (manager->sequences[i].is_stopped ||
		    timer_is_running(&manager->sequences[i].timer))
			return true;
	return false;
}

/* --- versions of listeners --- */

static struct slice key_of(const uint64_t *number)
{
	return slice_make((const char *)number, sizeof *number);
}

static void show_versions(struct drain_manager *manager)
{
	struct stats_shard *shard = stats_main_shard(manager->stats);

	stat_gauge_set(shard, manager->listener_scope,
		       LISTENER_MANAGER_STAT_TOTAL_LISTENERS_DRAINING, manager->draining_listeners);
	stat_gauge_set(shard, manager->listener_scope,
		       LISTENER_MANAGER_STAT_TOTAL_FILTER_CHAINS_DRAINING,
		       manager->draining_chains);
}

static void version_begun(struct drain_manager *manager, const struct listener_drain_event *event)
{
	struct drained_version *version = map_get(&manager->versions, key_of(&event->number));

	if (!version) {
		version = calloc(1, sizeof *version);
		invariant(version);
		version->number = event->number;
		version->chains = event->chains;
		map_set(&manager->versions, key_of(&version->number), version);
		manager->draining_listeners += !version->chains;
		manager->draining_chains += version->chains;
	}
	version->workers++;
}

static void version_ended(struct drain_manager *manager, const struct listener_drain_event *event)
{
	struct drained_version *version = map_get(&manager->versions, key_of(&event->number));

	invariant(version && version->workers);
	if (--version->workers)
		return;
	manager->draining_listeners -= !version->chains;
	manager->draining_chains -= version->chains;
	map_remove(&manager->versions, key_of(&event->number));
	free(version);
}

void drain_manager_version(struct drain_manager *manager, const struct listener_drain_event *event)
{
	char text[LINE_MAX];

	switch (event->step) {
	case LISTENER_DRAIN_BEGUN:
		version_begun(manager, event);
		break;
	case LISTENER_DRAIN_OVERDUE:
		drain_look_format(&event->look, text, sizeof text);
		log_warn(MAIN,
			 "listener %s: the drain time of %s is over: %s on a worker, and closed "
			 "now",
			 event->name, event->chains ? "filter chains" : "a version", text);
		count_closed(manager, event->look.open);
		break;
	case LISTENER_DRAIN_ENDED:
		version_ended(manager, event);
		break;
	}
	show_versions(manager);
}

/* --- life --- */

void drain_manager_init(struct drain_manager *manager, const struct drain_orders *orders,
			const struct drain_times *times, struct timer_wheel *wheel,
			struct stats *stats)
{
	*manager = (struct drain_manager){
		.orders = orders, .times = *times, .wheel = wheel, .stats = stats};
	manager->scope = stat_scope_take(stats, &drain_stats, SLICE("drain"));
	manager->listener_scope =
		stat_scope_take(stats, &listener_manager_stats, SLICE("listener_manager"));
	timer_init(&manager->step_timer, on_asked_enough);
	timer_init(&manager->deadline_timer, on_deadline);
	timer_init(&manager->look_timer, on_look);
	for (unsigned i = 0; i < DRAIN_SCOPES; i++) {
		manager->sequences[i].manager = manager;
		manager->sequences[i].scope = i;
		timer_init(&manager->sequences[i].timer, on_drained);
	}
	map_init(&manager->versions, NULL);
}

void drain_manager_fini(struct drain_manager *manager)
{
	timer_cancel(manager->wheel, &manager->step_timer);
	timer_cancel(manager->wheel, &manager->deadline_timer);
	timer_cancel(manager->wheel, &manager->look_timer);
	for (unsigned i = 0; i < DRAIN_SCOPES; i++)
		timer_cancel(manager->wheel, &manager->sequences[i].timer);
	for (struct map_entry *e = NULL; (e = map_next(&manager->versions, e));)
		free(e->value);
	map_free(&manager->versions);
	stat_scope_drop(manager->stats, manager->scope);
	stat_scope_drop(manager->stats, manager->listener_scope);
}
