/* A pair of connections is given away at any time: both sockets, with what waits to be sent to
 * each. */
#include "base/section.h"
#include "manager/tcp_private.h"
#include "net/conn_handover.h"
#include "telemetry/stats_cluster.h"

#define PROTOCOL "tcp" /* of a handover */

enum {
	DOWN_EOF = 1,
	UP_EOF = 2,
	UP_LAST = 4,
	FLAGS = 7,
};

/* What travels beside the sockets. */
struct tcp_state {
	uint64_t idle_ms;
	uint64_t down_read, down_written, up_read, up_written;
	uint32_t attempts;
	uint8_t flags;
};

static void write_state(const struct tcp_session *t, struct section_writer *out)
{
	section_put_number(out, loop_now_ms(t->worker->loop) - t->last_activity_ms);
	section_put_number(out, t->down.bytes_read);
	section_put_number(out, t->down.bytes_written);
	section_put_number(out, t->up.bytes_read);
	section_put_number(out, t->up.bytes_written);
	section_put_number(out, t->attempts);
	section_put_number(out, (t->is_down_eof ? DOWN_EOF : 0u) | (t->is_up_eof ? UP_EOF : 0u) |
					(t->is_up_last ? UP_LAST : 0u));
}

static bool read_state(const struct handover *handover, struct tcp_state *state)
{
	struct section_reader in;

	section_reader_init(&in, slice_make(handover->state, handover->state_len));
	state->idle_ms = section_get_number(&in);
	state->down_read = section_get_number(&in);
	state->down_written = section_get_number(&in);
	state->up_read = section_get_number(&in);
	state->up_written = section_get_number(&in);
	state->attempts = (uint32_t)section_get_number_to(&in, UINT32_MAX);
	state->flags = (uint8_t)section_get_number_to(&in, FLAGS);
	return section_is_done(&in);
}

/* --- giving */

static void describe(const struct tcp_session *t, struct handover *handover)
{
	const struct accepted accepted = {
		.remote = t->remote, .local = t->local, .listener = t->listener, .chain = t->chain};
	char host[ADDR_TEXT_MAX];
	struct section_writer state = {0};

	handover_begin(handover, PROTOCOL, &accepted);
	handover->id = t->info.connection_id;
	handover->cluster = handover_text(t->choice->name);
	handover->host = handover_text(slice_make(host, addr_format(&t->host->host->addr, host)));
	handover->age_ms = (t->worker->loop->now_ns - t->info.times.start_ns) / 1000000;
	write_state(t, &state);
	handover->state = state.data;
	handover->state_len = state.len;
}

static void empty(struct splice *splice)
{
	splice_unload(splice);
	splice_part(splice);
}

static void uncount_up(struct tcp_session *t)
{
	struct stats_shard *shard = t->worker->stats;

	stat_gauge_dec(shard, t->cluster->stats, CLUSTER_STAT_UPSTREAM_CX_ACTIVE);
	stat_gauge_dec(shard, t->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_ACTIVE);
	cluster_worker_drop(t->cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS);
	t->host->active--;
}

enum status tcp_give(struct served *served, struct relay_sink *relay, struct handover *handover)
{
	struct tcp_session *t = container_of(served, struct tcp_session, served);

	(void)relay;
	if (!t->is_joined && !t->is_over)
		return STATUS_AGAIN;
	if (t->is_over || !t->is_up || !conn_may_move(&t->down) || !conn_may_move(&t->up))
		return STATUS_UNSUPPORTED;
	describe(t, handover);
	empty(&t->to_up);
	empty(&t->to_down);
	conn_move_out(&t->down, &handover->sockets[0]);
	conn_move_out(&t->up, &handover->sockets[1]);
	uncount_up(t);
	t->is_up = false;
	t->is_over = true;
	tcp_session_leave(t, ACCEPTED_GIVEN_AWAY);
	return STATUS_OK;
}

/* --- taking */

static const struct tcp_cluster *find_choice(const struct tcp_config *config, const char *name)
{
	for (unsigned i = 0; i < config->cluster_count; i++)
		if (name && slice_equal(config->clusters[i].name, slice_of(name)))
			return &config->clusters[i];
	return NULL;
}

static struct addr address_of(const char *text)
{
	struct addr addr;

	if (addr_parse(slice_of(text), &addr))
		addr = (struct addr){.family = ADDR_UNIX, .path = text};
	return addr;
}

/* NULL: the cluster hasn't it (any more). */
static struct worker_host *find_host(struct cluster_worker *cluster, const char *text)
{
	const struct host_set *set = cluster_worker_hosts(cluster);
	struct addr addr = address_of(text ? text : "");

	if (cluster_worker_config(cluster)->type == CLUSTER_ORIGINAL_DST)
		return cluster_worker_pick(
			cluster,
			&(struct pick){.address = &addr, .attempts = 1, .index = BALANCE_NONE});
	uint32_t index = set ? host_set_find_address(set, &addr) : UINT32_MAX;
	return index == UINT32_MAX ? NULL : worker_host_get(cluster, set->hosts[index]);
}

static void count_up(struct tcp_session *t)
{
	struct stats_shard *shard = t->worker->stats;

	stat_gauge_inc(shard, t->cluster->stats, CLUSTER_STAT_UPSTREAM_CX_ACTIVE);
	stat_gauge_inc(shard, t->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_ACTIVE);
	cluster_worker_take_anyway(t->cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS);
	t->host->active++;
}

static void restore(struct tcp_session *t, const struct handover *handover,
		    const struct tcp_state *state)
{
	uint64_t age_ns = handover->age_ms * 1000000;

	t->info.times.start_ns -= age_ns;
	t->info.start_wall_ns -= age_ns;
	t->info.upstream_remote = &t->host->host->addr;
	t->info.upstream_host_name = host_hostname(t->host->host);
	t->attempts = state->attempts;
	t->is_down_eof = state->flags & DOWN_EOF;
	t->is_up_eof = state->flags & UP_EOF;
	t->is_up_last = state->flags & UP_LAST;
}

static void set_bytes(struct tcp_session *t, const struct tcp_state *state)
{
	t->down.bytes_read = state->down_read;
	t->down.bytes_written = state->down_written;
	t->up.bytes_read = state->up_read;
	t->up.bytes_written = state->up_written;
}

bool tcp_adopt(const void *opaque, const struct accepted *accepted, struct handover *handover)
{
	const struct tcp_config *config = opaque;
	struct handover_socket *sockets = handover->sockets;
	struct tcp_state state;

	if (!handover_is(handover, PROTOCOL) || sockets[1].fd < 0 || handover->call_count ||
	    !read_state(handover, &state))
		return false;
	const struct tcp_cluster *choice = find_choice(config, handover->cluster);
	struct cluster_worker *cluster =
		choice ? cluster_worker_find(accepted->worker->upstream, choice->slot) : NULL;
	struct worker_host *host = cluster ? find_host(cluster, handover->host) : NULL;
	if (!host)
		return false;
	struct tcp_session *t = tcp_session_new(config, accepted);
	t->choice = choice;
	t->info.cluster_name = choice->name;
	t->cluster = cluster;
	t->host = worker_host_hold(host);
	count_up(t);
	restore(t, handover, &state);
	tcp_session_go_on(t, sockets[1].fd, state.idle_ms);
	set_bytes(t, &state);
	conn_load(&t->down, &sockets[0]);
	conn_load(&t->up, &sockets[1]);
	sockets[0].fd = sockets[1].fd = -1;
	return true;
}
