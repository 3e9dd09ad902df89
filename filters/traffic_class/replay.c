#include "filters/traffic_class/replay.h"

#include <stdlib.h>

#include "base/shared_load.h"
#include "filters/traffic_class/stored_request.h"
#include "spool/spools.h"
#include "stream/worker_context.h"
#include "upstream/client.h"

enum { ARENA_SIZE = 4096 };

/* What the sending takes of a configuration, with references of its own. */
struct replay_user {
	struct spool_user user;
	struct shared_guard *guard;
	struct shared_load *load;
	struct guard_limits limits;
	uint32_t below, timeout_ms;
	unsigned next_worker; /* the spool's thread's */
};

static struct replay_user *of_user(struct spool_user *user)
{
	return container_of(user, struct replay_user, user);
}

/* --- one request, on its worker --- */

struct replay {
	struct client_call call;
	struct stored_request request;
	struct spool_sending *sending;
	struct replay_user *by; /* the sending's reference */
	struct loop *loop;
	struct arena arena;
	struct grave grave;
	uint64_t begun_ns;
};

static void replay_free(struct grave *grave)
{
	struct replay *replay = container_of(grave, struct replay, grave);

	arena_free(&replay->arena);
	free(replay);
}

static void end(struct replay *replay, enum spool_outcome outcome)
{
	guard_leave(replay->by->guard);
	spool_sent(replay->sending, outcome);
	loop_bury(replay->loop, &replay->grave, replay_free);
}

static bool is_good(const struct client_answer *answer)
{
	return answer->failure == REPLY_NONE && answer->status >= 200 && answer->status < 400;
}

static void on_done(struct client_call *call, const struct client_answer *answer)
{
	struct replay *replay = container_of(call, struct replay, call);

	if (is_good(answer))
		guard_answered(replay->by->guard, (replay->loop->now_ns - replay->begun_ns) / 1000);
	end(replay, is_good(answer) ? SPOOL_ANSWERED : SPOOL_REFUSED);
}

/* The worker ends. */
static void on_cancel(struct scope_item *item)
{
	struct replay *replay = container_of(item, struct replay, call.item);

	client_cancel(&replay->call);
	end(replay, SPOOL_UNTRIED);
}

static void begin(struct worker_context *worker, void *data)
{
	struct spool_sending *sending = data;
	struct replay *replay = calloc(1, sizeof *replay);

	invariant(replay);
	replay->sending = sending;
	replay->by = of_user(sending->user);
	replay->loop = worker->loop;
	replay->begun_ns = worker->loop->now_ns;
	arena_init(&replay->arena, ARENA_SIZE);
	if (stored_request_read(&replay->request, sending->bytes, &replay->arena)) {
		end(replay, SPOOL_SENSELESS);
		return;
	}
	const struct client_request request = {
		.cluster = replay->request.cluster,
		.headers = &replay->request.headers,
		.body = replay->request.body,
		.timeout_ms = replay->by->timeout_ms,
	};
	client_send(&replay->call, worker->upstream, NULL, &replay->arena, &request, on_done);
	if (replay->call.cluster) /* it runs */
		scope_add(client_scope(worker->upstream), &replay->call.item, on_cancel);
}

/* --- on the spool's thread --- */

static bool may_send(struct spool_user *user, uint64_t now_ms)
{
	struct replay_user *own = of_user(user);
	return guard_enter_replay(own->guard, &own->limits, own->below, now_ms);
}

static void give_back(struct spool_user *user)
{
	guard_leave(of_user(user)->guard);
}

static void send_one(struct spool_user *user, struct spool_sending *sending)
{
	struct replay_user *own = of_user(user);

	spool_post(sending->spool, own->next_worker++ % spool_workers(sending->spool), begin,
		   sending);
}

static void user_free(struct spool_user *user)
{
	struct replay_user *own = of_user(user);

	shared_drop(own->guard);
	shared_drop(own->load);
	free(own);
}

struct spool_user *replay_user_new(const struct traffic_class_config *config)
{
	struct replay_user *made = calloc(1, sizeof *made);

	invariant(made);
	made->user = (struct spool_user){
		.may_send = may_send, .send = send_one, .give_back = give_back, .free = user_free};
	atomic_init(&made->user.references, 1);
	made->guard = shared_take(&shared_guard_type, config->name, 0, sizeof *made->guard, NULL);
	made->load = shared_load_take();
	made->limits = config->limits;
	if (made->limits.load)
		made->limits.load = made->load;
	made->below = config->spool->below;
	made->timeout_ms = config->spool->timeout_ms;
	return &made->user;
}
