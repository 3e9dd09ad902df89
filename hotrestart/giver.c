#include "hotrestart/giver.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <outrigger/hotrestart/v1/upgrade.pb-c.h>

#include "base/log.h"

typedef Outrigger__Hotrestart__V1__Hello Hello;
typedef Outrigger__Hotrestart__V1__Welcome Welcome;
typedef Outrigger__Hotrestart__V1__Refusal Refusal;
typedef Outrigger__Hotrestart__V1__Section SectionMessage;

enum { LAST_WORDS_MS = 1000 }; /* how long an end may take to send what is queued */

static void on_event(struct giver *giver, enum old_event event, const char *why);

/* --- what is said --- */

static void send_refusal_to(int fd, const char *reason)
{
	Refusal message = OUTRIGGER__HOTRESTART__V1__REFUSAL__INIT;
	uint8_t bytes[GIVER_REASON_MAX + 16];
	struct message_cursor cursor;
	struct record record;

	message.reason = (char *)(uintptr_t)reason;
	size_t len = protobuf_c_message_pack(&message.base, bytes);
	message_cursor_init(&cursor, MESSAGE_REFUSAL, slice_make(bytes, len), NULL, 0);
	message_cursor_peek(&cursor, &record);
	if (record_send(fd, &record, NULL))
		log_debug(HOTRESTART, "nobody is there to hear the refusal");
}

static void send_section(void *to, const char *name, uint32_t version, enum section_part part,
			 struct slice bytes)
{
	struct giver *giver = to;
	SectionMessage message = OUTRIGGER__HOTRESTART__V1__SECTION__INIT;

	message.name = (char *)(uintptr_t)name;
	message.version = version;
	message.part = (Outrigger__Hotrestart__V1__SectionPart)part;
	message.data.data = (uint8_t *)(uintptr_t)bytes.data;
	message.data.len = bytes.len;
	channel_send_message(&giver->channel, MESSAGE_SECTION, &message.base, NULL, 0);
}

static void put_warm(void *to, const char *name, uint32_t version, struct slice bytes)
{
	send_section(to, name, version, SECTION_WARM, bytes);
}

static void put_final(void *to, const char *name, uint32_t version, struct slice bytes)
{
	send_section(to, name, version, SECTION_FINAL, bytes);
}

static void put_tail(void *to, const char *name, uint32_t version, struct slice bytes)
{
	send_section(to, name, version, SECTION_TAIL, bytes);
}

static void send_word(struct giver *giver, enum message_kind kind)
{
	channel_send(&giver->channel, kind, slice_make(NULL, 0), NULL, 0);
}

static void send_welcome(struct giver *giver)
{
	Welcome message = OUTRIGGER__HOTRESTART__V1__WELCOME__INIT;
	char release[] = OUTRIGGER_VERSION;

	message.protocol = MESSAGE_PROTOCOL;
	message.release = release;
	message.epoch = giver->options.epoch + 1;
	message.workers = giver->options.workers;
	message.start_wall_ns = giver->options.start_wall_ns;
	channel_send_message(&giver->channel, MESSAGE_WELCOME, &message.base, NULL, 0);
}

/* --- what is done --- */

static const struct channel_events channel_events;

static void turn_away(struct giver *giver)
{
	send_refusal_to(giver->newcomer, giver->state == OLD_GONE ? "this process is ending"
								  : "another upgrade is under way");
	close(giver->newcomer);
	giver->newcomer = -1;
}

static void greet(struct giver *giver)
{
	channel_open(&giver->channel, giver->options.loop, giver->newcomer, &channel_events);
	giver->newcomer = -1;
}

static void dismiss(struct giver *giver, enum old_state from, const char *why)
{
	giver->refusals++;
	if (why != giver->reason)
		snprintf(giver->reason, sizeof giver->reason, "%s",
			 why ? why : "the successor spoke out of turn");
	log_warn(HOTRESTART, "no upgrade, this process goes on (%s): %s", old_state_name(from),
		 giver->reason);
	if (giver->channel.is_open) {
		Refusal message = OUTRIGGER__HOTRESTART__V1__REFUSAL__INIT;
		message.reason = giver->reason;
		channel_send_message(&giver->channel, MESSAGE_REFUSAL, &message.base, NULL, 0);
		channel_close(&giver->channel);
	}
	giver->child = 0;
}

static void offer(struct giver *giver)
{
	const struct giver_options *options = &giver->options;
	struct passed_sockets sockets = {0};

	log_info(HOTRESTART, "a successor is here: passing listeners and state");
	send_welcome(giver);
	options->type->list_sockets(options->owner, &sockets);
	enum status status = passed_sockets_send(&sockets, &giver->channel);
	passed_sockets_fini(&sockets, false);
	if (status) {
		on_event(giver, OLD_ON_LOST, "there are too many listening sockets to pass");
		return;
	}
	sections_export(options->sections, options->section_count, SECTION_WARM, put_warm, giver);
	send_word(giver, MESSAGE_OFFERED);
}

static void finish(struct giver *giver)
{
	const struct giver_options *options = &giver->options;

	sections_export(options->sections, options->section_count, SECTION_FINAL, put_final, giver);
	send_word(giver, MESSAGE_GO);
}

static void stop_listening(struct giver *giver)
{
	if (!giver->is_listening)
		return;
	io_watch(giver->options.loop, &giver->listening, IO_NONE);
	close(io_fd(&giver->listening));
	giver->is_listening = false;
}

static void leave(struct giver *giver)
{
	const struct giver_options *options = &giver->options;

	log_info(HOTRESTART, "the successor is live: finishing what is in flight");
	giver->successes++;
	stop_listening(giver);
	meeting_drop_right(options->meeting, RIGHT_TO_SERVE);
	send_word(giver, MESSAGE_YIELD);
	sections_left(options->sections, options->section_count);
	timer_start(&options->loop->wheel, &giver->tail_timer, GIVER_FIRST_TAIL_MS);
	options->type->leave(options->owner);
}

static void send_tail(struct giver *giver)
{
	const struct giver_options *options = &giver->options;

	if (giver->channel.is_open)
		sections_export(options->sections, options->section_count, SECTION_TAIL, put_tail,
				giver);
}

static void end(struct giver *giver)
{
	uint64_t end_ns = loop_clock_ns() + LAST_WORDS_MS * UINT64_C(1000000);

	timer_cancel(&giver->options.loop->wheel, &giver->tail_timer);
	send_tail(giver);
	while (giver->channel.is_open && channel_queued(&giver->channel) &&
	       loop_clock_ns() < end_ns)
		channel_wait(&giver->channel, 10);
	channel_close(&giver->channel);
	giver->options.type->end(giver->options.owner);
}

static void set_state(struct giver *giver, enum old_state state)
{
	struct timer_wheel *wheel = &giver->options.loop->wheel;
	uint32_t limit_ms = old_state_limit_ms(state);

	if (state == giver->state)
		return;
	log_debug(HOTRESTART, "%s -> %s", old_state_name(giver->state), old_state_name(state));
	giver->state = state;
	timer_cancel(wheel, &giver->timer);
	if (limit_ms)
		timer_start(wheel, &giver->timer, limit_ms);
}

static void on_event(struct giver *giver, enum old_event event, const char *why)
{
	const struct giver_options *options = &giver->options;
	enum old_state from = giver->state;
	struct old_step step = old_step_of(from, event);

	set_state(giver, step.next);
	if (step.actions & OLD_TURN_AWAY)
		turn_away(giver);
	if (step.actions & OLD_TAKE_BACK) {
		sections_taken_back(options->sections, options->section_count);
		options->type->take_back(options->owner);
	}
	if (step.actions & OLD_DISMISS)
		dismiss(giver, from, why);
	if (step.actions & OLD_GREET)
		greet(giver);
	if (step.actions & OLD_OFFER)
		offer(giver);
	if (step.actions & OLD_PARK)
		options->type->park(options->owner);
	if (step.actions & OLD_FINISH)
		finish(giver);
	if (step.actions & OLD_LEAVE)
		leave(giver);
	if (step.actions & OLD_END)
		end(giver);
	if (step.actions & OLD_RECLAIM && options->type->reclaim)
		options->type->reclaim(options->owner);
}

/* --- what is heard --- */

static void on_hello(struct giver *giver, const struct upgrade_message *message)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__hello__descriptor);
	const Hello *hello = (const Hello *)(const void *)unpacked;
	const char *busy = giver->options.type->is_busy(giver->options.owner);
	char why[128];

	if (!hello) {
		on_event(giver, OLD_ON_LOST, "its HELLO can't be read");
		return;
	}
	if (hello->oldest_protocol > MESSAGE_PROTOCOL ||
	    hello->protocol < MESSAGE_PROTOCOL_OLDEST) {
		snprintf(why, sizeof why,
			 "it speaks the upgrade protocols %u to %u, this process %d to %d",
			 hello->oldest_protocol, hello->protocol, MESSAGE_PROTOCOL_OLDEST,
			 MESSAGE_PROTOCOL);
		on_event(giver, OLD_ON_LOST, why);
	} else if (busy) {
		on_event(giver, OLD_ON_LOST, busy);
	} else {
		on_event(giver, OLD_ON_HELLO, NULL);
	}
	protobuf_c_message_free_unpacked(unpacked, NULL);
}

static void on_refusal(struct giver *giver, const struct upgrade_message *message)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__refusal__descriptor);
	const Refusal *refusal = (const Refusal *)(const void *)unpacked;
	char why[GIVER_REASON_MAX];

	snprintf(why, sizeof why, "the successor says: %s",
		 refusal ? refusal->reason : "something that can't be read");
	if (unpacked)
		protobuf_c_message_free_unpacked(unpacked, NULL);
	on_event(giver, OLD_ON_REFUSED, why);
}

static void on_received(struct channel *channel, struct upgrade_message *message)
{
	struct giver *giver = container_of(channel, struct giver, channel);
	char why[64];

	log_debug(HOTRESTART, "heard %s", message_kind_name(message->kind));
	switch (message->kind) {
	case MESSAGE_HELLO:
		on_hello(giver, message);
		break;
	case MESSAGE_READY:
		on_event(giver, OLD_ON_READY, "it says READY when it must not");
		break;
	case MESSAGE_LIVE:
		on_event(giver, OLD_ON_LIVE, "it says LIVE when it must not");
		break;
	case MESSAGE_REFUSAL:
		on_refusal(giver, message);
		break;
	case MESSAGE_CONNECTION_WORD:
		if (giver->state == OLD_LEAVING && giver->options.type->word) {
			giver->options.type->word(giver->options.owner, message);
			break;
		}
		/* fall through */
	default:
		snprintf(why, sizeof why, "it says %s, which is not its to say",
			 message_kind_name(message->kind));
		on_event(giver, OLD_ON_LOST, why);
		channel_close(channel);
	}
}

static void on_closed(struct channel *channel, enum status why)
{
	struct giver *giver = container_of(channel, struct giver, channel);
	char text[160];

	snprintf(text, sizeof text, "the successor is gone: %s", status_text(why));
	on_event(giver, OLD_ON_LOST, text);
}

static const struct channel_events channel_events = {on_received, on_closed};

static void on_connectable(struct io *io, int interest)
{
	struct giver *giver = container_of(io, struct giver, listening);
	struct diag diag = {.line = 0};
	int fd = meeting_accept(io_fd(io));

	(void)interest;
	if (fd < 0)
		return;
	if (meeting_check_peer(fd, &diag)) {
		log_warn_limited(HOTRESTART, "a stranger is at the upgrade socket: %s", diag.text);
		close(fd);
		return;
	}
	giver->newcomer = fd;
	on_event(giver, OLD_ON_CONNECTED, NULL);
}

/* What has come in time, and wasn't read, counts. */
static void on_timeout(struct timer *timer)
{
	struct giver *giver = container_of(timer, struct giver, timer);
	enum old_state late = giver->state;
	char why[96];

	if (giver->channel.is_open)
		channel_wait(&giver->channel, 0);
	if (giver->state != late)
		return;
	snprintf(why, sizeof why, "the successor said nothing for %u ms", old_state_limit_ms(late));
	on_event(giver, OLD_ON_TIMEOUT,
		 late == OLD_WARMED ? "the workers didn't stand still" : why);
}

static void on_tail(struct timer *timer)
{
	struct giver *giver = container_of(timer, struct giver, tail_timer);

	send_tail(giver);
	timer_start(&giver->options.loop->wheel, timer, GIVER_TAIL_MS);
}

/* --- life --- */

void giver_init(struct giver *giver)
{
	*giver = (struct giver){.newcomer = -1, .state = OLD_SERVING};
	channel_init(&giver->channel);
	timer_init(&giver->timer, on_timeout);
	timer_init(&giver->tail_timer, on_tail);
}

enum status giver_listen(struct giver *giver, const struct giver_options *options,
			 struct diag *diag)
{
	giver->options = *options;
	int fd = meeting_listen(options->meeting, diag);
	if (fd < 0)
		return STATUS_INVALID;
	giver->is_listening = true;
	io_init(&giver->listening, fd, on_connectable);
	io_watch(options->loop, &giver->listening, IO_READ);
	return STATUS_OK;
}

void giver_close(struct giver *giver)
{
	if (!giver->options.loop)
		return;
	stop_listening(giver);
	channel_close(&giver->channel);
	timer_cancel(&giver->options.loop->wheel, &giver->timer);
	timer_cancel(&giver->options.loop->wheel, &giver->tail_timer);
}

const char *giver_refusal(const struct giver *giver)
{
	if (!giver->is_listening)
		return giver->state == OLD_LEAVING ? "this process has been replaced"
						   : "this process can't be replaced yet";
	if (giver->state == OLD_GONE)
		return "this process is ending";
	if (giver->state != OLD_SERVING)
		return "an upgrade is under way";
	return giver->options.type->is_busy(giver->options.owner);
}

void giver_called(struct giver *giver, pid_t child)
{
	giver->child = child;
	on_event(giver, OLD_ON_CALL, NULL);
}

void giver_call_failed(struct giver *giver, const char *reason)
{
	on_event(giver, OLD_ON_CALL, NULL);
	on_event(giver, OLD_ON_CHILD_END, reason);
}

void giver_child_ended(struct giver *giver, pid_t child, int status)
{
	char why[96];

	if (child != giver->child)
		return;
	giver->child = 0;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof why, "the successor was killed by signal %d",
			 WTERMSIG(status));
	else
		snprintf(why, sizeof why, "the successor ended with code %d without a word",
			 WEXITSTATUS(status));
	on_event(giver, OLD_ON_CHILD_END, why);
}

void giver_parked(struct giver *giver)
{
	on_event(giver, OLD_ON_PARKED, NULL);
}

void giver_empty(struct giver *giver)
{
	on_event(giver, OLD_ON_EMPTY, NULL);
}

void giver_deadline(struct giver *giver)
{
	on_event(giver, OLD_ON_DEADLINE, NULL);
}

void giver_distrust(struct giver *giver)
{
	log_warn(HOTRESTART, "the successor says what can't be true of a connection");
	channel_close(&giver->channel);
	on_event(giver, OLD_ON_LOST, NULL);
}

void giver_stop(struct giver *giver)
{
	if (giver->options.loop)
		on_event(giver, OLD_ON_STOP, "this process was told to end");
}
