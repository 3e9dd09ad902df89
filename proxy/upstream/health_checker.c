#include "upstream/health_checker.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/random.h"
#include "net/loop.h"
#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_hosts.h"
#include "upstream/health_session.h"
#include "upstream/host_memory.h"
#include "upstream/host_set.h"

struct health_check {
	struct health_check *next;
	struct health_checker *checker;
	struct host *host; /* a reference */
	struct health health;
	struct health_session session;
	struct timer timer;
	struct grave grave;
	char *authority; /* the session's, owned */
};

static const struct health_check_config *config_of(const struct health_checker *checker)
{
	return &checker->cluster->checks[0];
}

static void bump(const struct health_checker *checker, unsigned id)
{
	stat_inc(stats_main_shard(checker->stats), checker->cluster->health_stats, id);
}

static void show_counts(const struct health_checker *checker)
{
	struct stats_shard *shard = stats_main_shard(checker->stats);
	stat_gauge_set(shard, checker->cluster->health_stats, HEALTH_CHECK_STAT_HEALTHY,
		       checker->healthy);
	stat_gauge_set(shard, checker->cluster->health_stats, HEALTH_CHECK_STAT_DEGRADED,
		       checker->degraded);
}

static void count_flags(struct health_checker *checker, uint32_t flags, uint32_t n)
{
	checker->healthy += flags & HOST_FAILED_ACTIVE_CHECK ? 0 : n;
	checker->degraded += flags & HOST_DEGRADED_ACTIVE_CHECK ? n : 0;
}

/* --- results --- */

static void count_result(const struct health_checker *checker, enum health_result result)
{
	switch (result) {
	case HEALTH_SUCCESS:
	case HEALTH_DEGRADED:
		bump(checker, HEALTH_CHECK_STAT_SUCCESS);
		return;
	case HEALTH_NETWORK:
	case HEALTH_TIMEOUT:
		bump(checker, HEALTH_CHECK_STAT_NETWORK_FAILURE);
		break;
	case HEALTH_PASSIVE:
		bump(checker, HEALTH_CHECK_STAT_PASSIVE_FAILURE);
		break;
	case HEALTH_REFUSED:
	case HEALTH_RETRIABLE:
		break;
	}
	bump(checker, HEALTH_CHECK_STAT_FAILURE);
}

/* True when the host's flags have changed. */
static bool take_result(struct health_check *check, enum health_result result)
{
	struct health_checker *checker = check->checker;
	uint32_t before = host_health(check->host);
	bool was_checked = check->health.is_checked;
	uint32_t after = health_judge(&check->health, config_of(checker), result, before);

	count_result(checker, result);
	checker->unchecked -= !was_checked;
	if (after == before)
		return !was_checked;
	host_health_set(check->host, after & ~before, before & ~after);
	count_flags(checker, before, UINT32_MAX); /* one less */
	count_flags(checker, after, 1);
	show_counts(checker);
	return true;
}

static bool has_traffic(const struct health_checker *checker)
{
	return stat_value(checker->stats, checker->cluster->stats, CLUSTER_STAT_UPSTREAM_CX_TOTAL) >
	       0;
}

static void wait_for_next(struct health_check *check)
{
	struct health_checker *checker = check->checker;
	uint32_t delay =
		health_delay_ms(&check->health, config_of(checker), host_health(check->host),
				has_traffic(checker), checker->random);
	timer_start(&checker->loop->wheel, &check->timer, delay);
}

static void on_done(struct health_session *session, enum health_result result)
{
	struct health_check *check = container_of(session, struct health_check, session);
	struct health_checker *checker = check->checker;
	bool has_changed = take_result(check, result);

	wait_for_next(check);
	if (result == HEALTH_SUCCESS || result == HEALTH_DEGRADED)
		checker->events->succeeded(checker, check->host);
	if (has_changed)
		checker->events->changed(checker);
}

static void on_timer(struct timer *timer)
{
	struct health_check *check = container_of(timer, struct health_check, timer);
	bump(check->checker, HEALTH_CHECK_STAT_ATTEMPT);
	health_session_start(&check->session, config_of(check->checker),
			     &check->checker->cluster->socket);
}

void health_checker_fail(struct health_checker *checker, const struct host *host)
{
	for (struct health_check *check = checker->checks; check; check = check->next) {
		if (check->host != host)
			continue;
		if (take_result(check, HEALTH_PASSIVE))
			checker->events->changed(checker);
		return;
	}
}

/* --- which hosts --- */

/* Where to and under which name: of the endpoint's own settings, the check's, the cluster's, the
 * first that says so. */
static struct addr address_of(const struct health_checker *checker, const struct host *host,
			      const struct endpoint_check *special)
{
	struct addr addr = host->addr;

	if (special && special->addr.family != ADDR_NONE)
		addr = special->addr;
	else if (special && special->port)
		addr.port = special->port;
	else if (config_of(checker)->alt_port)
		addr.port = config_of(checker)->alt_port;
	return addr;
}

static struct slice authority_of(const struct health_checker *checker, const struct host *host,
				 const struct endpoint_check *special)
{
	if (special && special->hostname.len)
		return special->hostname;
	if (config_of(checker)->host.len)
		return config_of(checker)->host;
	return host->hostname_len ? host_hostname(host) : checker->cluster->published.name;
}

/* The session asks by the cluster's current version. */
static void aim(struct health_check *check, const struct endpoint_check *special)
{
	struct health_checker *checker = check->checker;
	struct addr addr = address_of(checker, check->host, special);
	struct slice authority = authority_of(checker, check->host, special);

	free(check->authority);
	check->authority = strndup(authority.data, authority.len);
	invariant(check->authority);
	health_session_init(&check->session, checker->loop, &addr, slice_of(check->authority),
			    on_done);
}

/* Many hosts don't begin in one turn of main, and so never are all due in one either. */
static void start_later(struct health_check *check, uint32_t jitter_ms, uint32_t *begun)
{
	timer_start(&check->checker->loop->wheel, &check->timer,
		    (uint64_t)jitter_ms + (*begun)++ / HEALTH_STARTS_A_MS);
}

/* What is under way goes by a version that may soon be freed: it is asked anew. */
static void aim_anew(struct health_check *check, const struct endpoint_check *special,
		     uint32_t *begun)
{
	bool was_busy = check->session.is_busy;

	health_session_fini(&check->session);
	aim(check, special);
	if (was_busy)
		start_later(check, 0, begun);
}

/* What the process before knew of a new host counts as its first result, once: a host that comes
 * back later is new. True if it did. */
static bool remember(struct health_check *check)
{
	struct health_checker *checker = check->checker;
	struct host_finding *known =
		host_memory_find(checker->memory, checker->cluster->published.name, check->host);

	if (!known || !known->is_checked || !(host_health(check->host) & HOST_FAILED_ACTIVE_CHECK))
		return false;
	known->is_checked = false;
	host_health_set(check->host, known->checked_flags & HOST_CHECKED,
			HOST_CHECKED & ~known->checked_flags);
	check->health = (struct health){
		.successes = known->successes, .failures = known->failures, .is_checked = true};
	return true;
}

/* True: what is known of the host has changed. */
static bool check_start(struct health_checker *checker, struct host *host,
			const struct endpoint_check *special, uint32_t *begun)
{
	struct health_check *check = calloc(1, sizeof *check);

	invariant(check);
	check->checker = checker;
	check->host = host_take(host);
	check->health.is_checked =
		!(host_health(host) & HOST_FAILED_ACTIVE_CHECK); /* passed by a forerunner */
	bool is_known = remember(check);
	checker->unchecked += !check->health.is_checked;
	checker->count++;
	count_flags(checker, host_health(host), 1);
	aim(check, special);
	timer_init(&check->timer, on_timer);
	uint32_t jitter = config_of(checker)->initial_jitter_ms;
	start_later(check, jitter ? random_below(checker->random, jitter) : 0, begun);
	check->next = checker->checks;
	checker->checks = check;
	return is_known;
}

static void check_free(struct grave *grave)
{
	struct health_check *check = container_of(grave, struct health_check, grave);
	host_drop(check->host);
	free(check->authority);
	free(check);
}

/* It may be the one whose result is being taken: it is freed at the end of the turn. */
static void check_stop(struct health_checker *checker, struct health_check *check)
{
	health_session_fini(&check->session);
	timer_cancel(&checker->loop->wheel, &check->timer);
	checker->unchecked -= !check->health.is_checked;
	checker->count--;
	count_flags(checker, host_health(check->host), UINT32_MAX);
	loop_bury(checker->loop, &check->grave, check_free);
}

static void stop_others(struct health_checker *checker, const struct host_set *set, bool all)
{
	for (struct health_check **at = &checker->checks; *at;) {
		struct health_check *check = *at;
		uint32_t index = all ? UINT32_MAX : host_set_find(set, check->host);
		bool stays = index != UINT32_MAX && !(set->checks && set->checks[index] &&
						      set->checks[index]->is_disabled);
		if (stays) {
			at = &check->next;
			continue;
		}
		*at = check->next;
		check_stop(checker, check);
	}
}

/* The endpoint's own settings; NULL: none. */
static const struct endpoint_check *special_of(const struct host_set *set, uint32_t index)
{
	return set->checks ? set->checks[index] : NULL;
}

static struct slice key_of(struct host *const *host)
{
	return slice_make(host, sizeof *host);
}

void health_checker_configure(struct health_checker *checker, const struct cluster *cluster,
			      const struct host_set *set)
{
	bool is_off = !cluster || !cluster->check_count || !set;
	bool is_other = checker->cluster != cluster;
	bool has_changed = false;
	uint32_t begun = 0;
	struct map known;

	stop_others(checker, set, is_off);
	checker->cluster = cluster;
	if (is_off)
		return;
	for (struct health_check *check = checker->checks; is_other && check; check = check->next)
		aim_anew(check, special_of(set, host_set_find(set, check->host)), &begun);
	map_init(&known, NULL);
	for (struct health_check *check = checker->checks; check; check = check->next)
		map_set(&known, key_of(&check->host), check);
	for (uint32_t i = 0; i < set->count; i++) {
		const struct endpoint_check *special = special_of(set, i);
		if (!(special && special->is_disabled) && !map_find(&known, key_of(&set->hosts[i])))
			has_changed |= check_start(checker, set->hosts[i], special, &begun);
	}
	map_free(&known);
	show_counts(checker);
	if (has_changed)
		checker->events->changed(checker);
}

void health_checker_each(const struct health_checker *checker,
			 void (*fn)(void *arg, const struct host *host,
				    const struct health *health),
			 void *arg)
{
	for (const struct health_check *check = checker->checks; check; check = check->next)
		if (check->health.is_checked)
			fn(arg, check->host, &check->health);
}

void health_checker_init(struct health_checker *checker, struct loop *loop, struct random *random,
			 struct stats *stats, const struct health_checker_events *events)
{
	*checker = (struct health_checker){
		.loop = loop, .random = random, .stats = stats, .events = events};
}

void health_checker_fini(struct health_checker *checker)
{
	stop_others(checker, NULL, true);
}
