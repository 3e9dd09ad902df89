#include "server/upgrade.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "hotrestart/notify.h"
#include "server/admin_json.h"
#include "server/command_centre.h"
#include "server/listen_sockets.h"
#include "server/sections.h"
#include "server/server.h"
#include "server/worker_listener.h"
#include "server/worker_saying.h"
#include "telemetry/stats_server.h"

static struct server *server_of(void *owner)
{
	return ((struct upgrade *)owner)->server;
}

/* --- the process that is replaced --- */

static void list_listener(const struct listen_sockets *from, struct passed_sockets *to)
{
	for (unsigned a = 0; a < from->addr_count; a++) {
		const struct addr *addr = &from->addrs[a];
		bool reuse_port = from->options.reuse_port && addr->family != ADDR_UNIX;
		passed_sockets_begin_group(to);
		for (unsigned i = 0; i < from->rounds * from->worker_count; i++)
			passed_sockets_add(to, PASSED_LISTENER, addr, reuse_port,
					   from->options.transparent,
					   from->fds[a * from->rounds * from->worker_count + i]);
	}
}

static void list_sockets(void *owner, struct passed_sockets *to)
{
	struct server *server = server_of(owner);
	const struct list_node *all = &server->listeners.sockets;

	for (const struct list_node *n = all->next; n != all; n = n->next)
		list_listener(container_of(n, struct listen_sockets, link), to);
	passed_sockets_begin_group(to);
	passed_sockets_add(to, PASSED_ADMIN, &server->admin.addr, false, false, server->admin.fd);
	all = &server->command_centres;
	for (const struct list_node *n = all->next; n != all; n = n->next) {
		const struct command_centre *centre = container_of(n, struct command_centre, link);
		passed_sockets_begin_group(to);
		passed_sockets_add(to, PASSED_COMMAND_CENTRE, &centre->addr, false, false,
				   centre->fd);
	}
}

static void for_command_centres(struct server *server, void (*fn)(struct command_centre *centre))
{
	const struct list_node *all = &server->command_centres;

	for (struct list_node *n = all->next; n != all; n = n->next)
		fn(container_of(n, struct command_centre, link));
}

static void park(void *owner)
{
	struct upgrade *upgrade = owner;
	struct server *server = upgrade->server;

	admin_pause(&server->admin);
	for_command_centres(server, command_centre_pause);
	park_all(&upgrade->park, server->workers, server->worker_count);
}

static void log_failed(enum status status, const struct diag *diag)
{
	if (status)
		log_error(HOTRESTART, "%s: %s", diag->path, diag->text);
}

/* The successor may have written its own id, and address, there. Files or not, it goes on. */
static void resume(struct server *server)
{
	struct diag pid = {.line = 0}, address = {.line = 0};

	for_command_centres(server, command_centre_resume);
	log_failed(server_write_pid(server, &pid), &pid);
	log_failed(admin_resume(&server->admin, &address), &address);
}

static void take_back(void *owner)
{
	struct upgrade *upgrade = owner;

	park_release(&upgrade->park, NULL, NULL);
	if (!upgrade->is_ending)
		resume(upgrade->server);
}

/* Before it might accept once more. */
static void worker_give_sockets(struct worker *worker, void *arg)
{
	(void)arg;
	worker->shares_sockets = true;
	worker_drain_give_sockets(worker);
}

static void leave(void *owner)
{
	struct upgrade *upgrade = owner;
	struct server *server = upgrade->server;

	upgrade->was_replaced = true;
	server->state = SERVER_DRAINING;
	server_show_state(server);
	admin_leave(&server->admin);
	for_command_centres(server, command_centre_stop);
	park_release(&upgrade->park, worker_give_sockets, NULL);
	notify_send(NOTIFY_REPLACED);
	giving_begin(&upgrade->giving, &upgrade->giver.channel, server->workers,
		     server->worker_count);
}

static void hear_word(void *owner, const struct upgrade_message *message)
{
	struct upgrade *upgrade = owner;

	if (!giving_hear(&upgrade->giving, message))
		giver_distrust(&upgrade->giver);
}

static void reclaim(void *owner)
{
	struct upgrade *upgrade = owner;

	log_warn(HOTRESTART, "the successor has gone: what it hasn't adopted is finished here");
	giving_reclaim(&upgrade->giving);
}

static void end_replaced(void *owner)
{
	log_info(HOTRESTART, "nothing is left here: ending");
	server_stop(server_of(owner));
}

static const char *is_busy(void *owner)
{
	const struct upgrade *upgrade = owner;

	if (taker_is_busy(&upgrade->taker))
		return "the process before this one is still finishing what it has";
	if (drain_manager_stops_listeners(&upgrade->server->drains))
		return "its listeners were stopped, or are about to be"; /* in any process */
	return NULL;
}

static const struct giver_type giver_type = {
	.list_sockets = list_sockets,
	.park = park,
	.take_back = take_back,
	.leave = leave,
	.end = end_replaced,
	.word = hear_word,
	.reclaim = reclaim,
	.is_busy = is_busy,
};

static enum status listen_for_successor(struct upgrade *upgrade, struct diag *diag)
{
	struct server *server = upgrade->server;
	const struct giver_options options = {
		.type = &giver_type,
		.owner = upgrade,
		.loop = &server->loop,
		.meeting = &upgrade->meeting,
		.sections = upgrade->sections,
		.section_count = upgrade->section_count,
		.epoch = upgrade->taker.epoch,
		.workers = server->worker_count,
		.start_wall_ns = upgrade->taker.start_wall_ns ? upgrade->taker.start_wall_ns
							      : server->start_wall_ns,
	};

	return giver_listen(&upgrade->giver, &options, diag);
}

/* systemd, or a supervisor, knows from now on that this is the process. */
static void announce(struct upgrade *upgrade)
{
	char text[NOTIFY_MAX];

	snprintf(text, sizeof text, "READY=1\nMAINPID=%ld\nSTATUS=serving, %u upgrades so far\n",
		 (long)getpid(), upgrade->taker.epoch);
	upgrade->is_in_charge = true;
	upgrade->is_announced = notify_send(text);
}

void upgrade_tick(struct upgrade *upgrade)
{
	if (upgrade->is_in_charge && !upgrade->is_announced && !upgrade->was_replaced &&
	    !upgrade->is_ending)
		announce(upgrade);
}

/* --- the process that takes over --- */

static enum status install(void *owner, struct diag *diag)
{
	struct upgrade *upgrade = owner;
	struct server *server = upgrade->server;
	enum status status = server_write_pid(server, diag);

	if (!status)
		status = admin_start(&server->admin, diag);
	if (status)
		return status;
	command_centres_start(server);
	listener_manager_complete(&server->listeners);
	stat_gauge_set(stats_main_shard(server->stats), server->scope,
		       SERVER_STAT_HOT_RESTART_EPOCH, upgrade->taker.epoch);
	server_go_live(server);
	return STATUS_OK;
}

static void worker_own_sockets(struct worker *worker, void *arg)
{
	(void)arg;
	worker->shares_sockets = false;
}

static void own(void *owner)
{
	struct upgrade *upgrade = owner;
	struct server *server = upgrade->server;
	struct diag diag = {.line = 0};

	for (unsigned i = 0; i < server->worker_count; i++)
		worker_post(server->workers[i], worker_own_sockets, NULL);
	adopting_begin(&upgrade->adopting, &upgrade->taker.channel, server->workers,
		       server->worker_count);
	log_info(HOTRESTART, "this process has taken over");
	if (listen_for_successor(upgrade, &diag))
		log_error(HOTRESTART, "no successor can take over: %s: %s", diag.path, diag.text);
	announce(upgrade);
}

static void forget_old(void *owner)
{
	struct upgrade *upgrade = owner;

	log_info(HOTRESTART, "the process before has ended: %llu of its connections live on here",
		 (unsigned long long)upgrade->adopting.connections);
	adopting_end(&upgrade->adopting);
	meeting_drop_right(&upgrade->meeting, RIGHT_TO_UPGRADE);
}

static void end_refused(void *owner, bool drains)
{
	struct upgrade *upgrade = owner;
	struct server *server = upgrade->server;

	upgrade->has_failed = true;
	if (drains)
		server_drain(server);
	else
		server_stop(server);
}

static void handed(void *owner, struct upgrade_message *message)
{
	struct upgrade *upgrade = owner;

	if (!adopting_hear(&upgrade->adopting, message))
		taker_distrust(&upgrade->taker);
}

static const struct taker_type taker_type = {
	.install = install,
	.own = own,
	.forget_old = forget_old,
	.end = end_refused,
	.handed = handed,
};

/* The one that serves may not listen yet, or end just now: then the right to serve is free, and -1
 * is the answer. */
static enum status dial(struct upgrade *upgrade, int *fd, struct diag *diag)
{
	uint64_t end_ns = loop_clock_ns() + UPGRADE_DIAL_MS * UINT64_C(1000000);

	for (;;) {
		*fd = meeting_dial(&upgrade->meeting);
		if (*fd >= 0)
			return meeting_check_peer(*fd, diag);
		if (!meeting_take_right(&upgrade->meeting, RIGHT_TO_SERVE))
			return STATUS_OK;
		if (loop_clock_ns() >= end_ns)
			return diag_set(diag, "the process that serves doesn't answer: %s",
					status_text((enum status) * fd));
		poll(NULL, 0, 20);
	}
}

static enum status be_first(struct upgrade *upgrade, struct diag *diag)
{
	if (upgrade->server->options->is_upgrade)
		return diag_at(diag, "--upgrade", "no process serves at '%s'",
			       upgrade->meeting.path);
	meeting_drop_right(&upgrade->meeting, RIGHT_TO_UPGRADE);
	return STATUS_OK;
}

static enum status take_over(struct upgrade *upgrade, struct diag *diag)
{
	struct server *server = upgrade->server;
	int fd;
	enum status status = dial(upgrade, &fd, diag);
	const struct taker_options options = {
		.type = &taker_type,
		.owner = upgrade,
		.loop = &server->loop,
		.meeting = &upgrade->meeting,
		.sections = upgrade->sections,
		.section_count = upgrade->section_count,
	};

	if (status) {
		if (fd >= 0)
			server->loop.sys->close(fd);
		return status;
	}
	if (fd < 0)
		return be_first(upgrade, diag);
	status = taker_adopt(&upgrade->taker, fd, &options, diag);
	server->listeners.passed = &upgrade->taker.sockets;
	return status;
}

/* --- life --- */

void upgrade_init(struct upgrade *upgrade, struct server *server)
{
	*upgrade = (struct upgrade){.server = server, .meeting.lock = -1, .launch.directory = -1};
	giver_init(&upgrade->giver);
	taker_init(&upgrade->taker);
	park_init(&upgrade->park);
	giving_init(&upgrade->giving);
	adopting_init(&upgrade->adopting);
}

static enum status begin(struct upgrade *upgrade, struct diag *diag)
{
	const struct options *options = upgrade->server->options;
	enum status status = meeting_open(&upgrade->meeting, options->upgrade_socket, diag);

	if (status)
		return status;
	status = meeting_take_right(&upgrade->meeting, RIGHT_TO_UPGRADE);
	if (!status)
		status = meeting_take_right(&upgrade->meeting, RIGHT_TO_SERVE);
	else if (status == STATUS_AGAIN)
		return diag_at(diag, "--upgrade-socket", "another upgrade is under way at '%s'",
			       options->upgrade_socket);
	if (status == STATUS_AGAIN)
		return take_over(upgrade, diag);
	if (status)
		return diag_at(diag, "--upgrade-socket", "cannot lock: %s", status_text(status));
	return be_first(upgrade, diag);
}

enum status upgrade_begin(struct upgrade *upgrade, struct diag *diag)
{
	struct server *server = upgrade->server;

	if (!server->options->upgrade_socket || server->options->mode != MODE_SERVE)
		return STATUS_OK;
	upgrade->is_on = server->loop.shares_fds = true;
	launch_save(&upgrade->launch, server->options->argv);
	upgrade->section_count = server_sections(server, upgrade->sections, UPGRADE_SECTIONS_MAX);
	enum status status = begin(upgrade, diag);
	upgrade->has_failed = status != STATUS_OK;
	return status;
}

void upgrade_refuse(struct upgrade *upgrade, const struct diag *diag)
{
	char text[TAKER_REASON_MAX];

	if (!upgrade_is_taking(upgrade))
		return;
	upgrade->has_failed = true;
	diag_format(diag, text, sizeof text);
	taker_failed(&upgrade->taker, text);
}

void upgrade_warmed(struct upgrade *upgrade)
{
	taker_warmed(&upgrade->taker);
}

void upgrade_live(struct upgrade *upgrade)
{
	struct diag diag = {.line = 0};

	if (upgrade->is_on && listen_for_successor(upgrade, &diag))
		log_error(HOTRESTART, "no successor can take over: %s: %s", diag.path, diag.text);
	announce(upgrade);
}

/* A supervisor's children are its own: it starts the successor, too. */
static enum status spawn(struct upgrade *upgrade, pid_t *child, struct diag *diag)
{
	pid_t supervisor = upgrade->server->options->supervisor;

	*child = 0;
	if (!supervisor || getppid() != supervisor) { /* which may have died, and left this one */
		log_info(HOTRESTART, "starting a successor: %s",
			 upgrade->launch.path ? upgrade->launch.path : "?");
		return launch_spawn(&upgrade->launch, child, diag);
	}
	if (kill(supervisor, SIGUSR2))
		return diag_set(diag, "the supervisor can't be called: %s",
				status_text(status_of_errno(errno)));
	return STATUS_OK;
}

enum status upgrade_start(struct upgrade *upgrade, struct diag *diag)
{
	const char *refusal =
		upgrade->is_on ? giver_refusal(&upgrade->giver) : "there is no --upgrade-socket";
	pid_t child;

	if (refusal)
		return diag_set(diag, "%s", refusal);
	if (spawn(upgrade, &child, diag)) {
		giver_call_failed(&upgrade->giver, diag->text);
		return STATUS_INVALID;
	}
	giver_called(&upgrade->giver, child);
	return STATUS_OK;
}

void upgrade_reap(struct upgrade *upgrade)
{
	pid_t child;
	int status;

	while ((child = waitpid(-1, &status, WNOHANG)) > 0)
		giver_child_ended(&upgrade->giver, child, status);
}

void upgrade_on_parked(struct upgrade *upgrade)
{
	if (park_is_complete(&upgrade->park))
		giver_parked(&upgrade->giver);
}

/* Who is left is asked to leave. */
void upgrade_on_giving_over(struct upgrade *upgrade)
{
	struct giving *giving = &upgrade->giving;
	struct drain_manager *drains = &upgrade->server->drains;

	if (!giving_end_one(giving))
		return;
	log_info(HOTRESTART, "%llu connections live on at the successor's, %llu have come back",
		 (unsigned long long)giving->adopted, (unsigned long long)giving->returned);
	if (!upgrade->is_ending && !drain_manager_is_ending(drains))
		drain_manager_end(drains, DRAIN_FOR_SUCCESSOR, DRAIN_ALL);
}

void upgrade_on_saying(struct upgrade *upgrade, struct worker_saying *saying)
{
	struct channel *channel =
		saying->to_successor ? &upgrade->giver.channel : &upgrade->taker.channel;

	channel_send(channel, saying->kind, slice_make(saying->payload.data, saying->payload.len),
		     NULL, 0);
	worker_saying_free(saying);
}

bool upgrade_on_drained(struct upgrade *upgrade)
{
	if (!upgrade->was_replaced)
		return false;
	giver_empty(&upgrade->giver);
	return true;
}

void upgrade_on_drain(struct upgrade *upgrade)
{
	if (upgrade->was_replaced)
		return;
	if (upgrade->is_in_charge && !upgrade->is_ending)
		notify_send(NOTIFY_STOPPING);
	giver_stop(&upgrade->giver); /* what that takes back goes on as long as the drain */
	upgrade->is_ending = true;
}

void upgrade_stop(struct upgrade *upgrade)
{
	upgrade->is_ending = true;
	park_release(&upgrade->park, NULL, NULL);
	giver_stop(&upgrade->giver);
	giver_close(&upgrade->giver);
	giving_stop(&upgrade->giving);
	taker_close(&upgrade->taker);
}

void upgrade_fini(struct upgrade *upgrade)
{
	adopting_fini(&upgrade->adopting);
	park_fini(&upgrade->park);
	meeting_close(&upgrade->meeting);
	launch_free(&upgrade->launch);
}

/* --- /upgrade --- */

static void put_state(struct admin_request *request)
{
	const struct upgrade *upgrade = &request->server->upgrade;
	const struct giver *giver = &upgrade->giver;

	text_printf(&request->body,
		    "{\n \"is_possible\": %s,\n \"state\": ", upgrade->is_on ? "true" : "false");
	text_add_json(&request->body, slice_of(old_state_name(giver->state)));
	text_printf(&request->body, ",\n \"epoch\": %u,\n \"refused\": %llu,\n \"last_refusal\": ",
		    upgrade->taker.epoch, (unsigned long long)giver->refusals);
	text_add_json(&request->body, slice_of(giver->reason));
	text_printf(&request->body, ",\n \"predecessor_is_there\": %s\n}\n",
		    taker_is_busy(&upgrade->taker) ? "true" : "false");
	request->content_type = "application/json";
}

void admin_fill_upgrade(struct admin_request *request)
{
	struct diag diag = {.line = 0};

	if (!slice_equal(request->method, SLICE("POST"))) {
		put_state(request);
		return;
	}
	if (upgrade_start(&request->server->upgrade, &diag)) {
		request->status = 409;
		text_printf(&request->body, "no upgrade: %s\n", diag.text);
		return;
	}
	request->status = 202;
	text_add(&request->body, SLICE("a successor was started; GET /upgrade says how it goes\n"));
}
