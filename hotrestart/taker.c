#include "hotrestart/taker.h"

#include <stdio.h>
#include <stdlib.h>

#include <outrigger/hotrestart/v1/upgrade.pb-c.h>

#include "base/log.h"

typedef Outrigger__Hotrestart__V1__Hello Hello;
typedef Outrigger__Hotrestart__V1__Welcome Welcome;
typedef Outrigger__Hotrestart__V1__Refusal Refusal;
typedef Outrigger__Hotrestart__V1__Section SectionMessage;

static void on_event(struct taker *taker, enum new_event event, const char *why);

/* --- what is said --- */

static void send_hello(struct taker *taker)
{
	Hello message = OUTRIGGER__HOTRESTART__V1__HELLO__INIT;
	char release[] = OUTRIGGER_VERSION;

	message.protocol = MESSAGE_PROTOCOL;
	message.oldest_protocol = MESSAGE_PROTOCOL_OLDEST;
	message.release = release;
	channel_send_message(&taker->channel, MESSAGE_HELLO, &message.base, NULL, 0);
}

static void send_refusal(struct taker *taker)
{
	Refusal message = OUTRIGGER__HOTRESTART__V1__REFUSAL__INIT;

	message.reason = taker->reason;
	channel_send_message(&taker->channel, MESSAGE_REFUSAL, &message.base, NULL, 0);
}

/* To one that has died meanwhile: what then is decided here, as if it had died now. */
static void send_word(struct taker *taker, enum message_kind kind)
{
	if (taker->channel.is_open)
		channel_send(&taker->channel, kind, slice_make(NULL, 0), NULL, 0);
	else
		on_event(taker, NEW_ON_LOST, "the process before is gone");
}

/* --- what is done --- */

static void free_final(struct taker *taker)
{
	for (size_t i = 0; i < taker->final_count; i++)
		message_fini(&taker->final[i]);
	free(taker->final);
	taker->final = NULL;
	taker->final_count = taker->final_capacity = taker->final_size = 0;
}

static enum status import(struct taker *taker, const struct upgrade_message *message,
			  struct diag *diag)
{
	const struct taker_options *options = &taker->options;
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__section__descriptor);
	const SectionMessage *section = (const SectionMessage *)(const void *)unpacked;
	enum status status;

	if (!section)
		return diag_set(diag, "a SECTION can't be read");
	/* parts of a later release are skipped, like sections */
	bool is_known = (int)section->part >= 0 && (int)section->part < SECTION_PARTS;
	status = !is_known
			 ? STATUS_OK
			 : sections_import(options->sections, options->section_count,
					   (enum section_part)section->part,
					   slice_of(section->name), section->version,
					   slice_make(section->data.data, section->data.len), diag);
	protobuf_c_message_free_unpacked(unpacked, NULL);
	return status;
}

static void fail(struct taker *taker, const struct diag *diag)
{
	char text[TAKER_REASON_MAX];

	diag_format(diag, text, sizeof text);
	on_event(taker, NEW_ON_FAILED, text);
}

static void install(struct taker *taker)
{
	struct diag diag = {.line = 0};
	enum status status = STATUS_OK;

	for (size_t i = 0; !status && i < taker->final_count; i++)
		status = import(taker, &taker->final[i], &diag);
	free_final(taker);
	if (!status)
		status = taker->options.type->install(taker->options.owner, &diag);
	if (status)
		fail(taker, &diag);
	else
		on_event(taker, NEW_ON_INSTALLED, NULL);
}

static void ask_again(struct taker *taker)
{
	enum status status = meeting_take_right(taker->options.meeting, RIGHT_TO_SERVE);

	if (!status)
		on_event(taker, NEW_ON_RIGHT, NULL);
	else if (!--taker->asks_left)
		on_event(taker, NEW_ON_NO_RIGHT, "the process before took it back, and goes on");
	else
		timer_start(&taker->options.loop->wheel, &taker->timer, TAKER_ASK_MS);
}

static void ask_right(struct taker *taker)
{
	channel_close(&taker->channel);
	if (taker->asks_left) /* it is being asked for */
		return;
	taker->asks_left = TAKER_ASKS;
	ask_again(taker);
}

static void own(struct taker *taker)
{
	if (meeting_take_right(taker->options.meeting, RIGHT_TO_SERVE))
		log_error(HOTRESTART, "the right to serve isn't free, though it was given up");
	passed_sockets_fini(&taker->sockets, true);
	taker->options.type->own(taker->options.owner);
}

static void forget_old(struct taker *taker)
{
	channel_close(&taker->channel);
	sections_predecessor_gone(taker->options.sections, taker->options.section_count);
	taker->options.type->forget_old(taker->options.owner);
}

static void end(struct taker *taker, bool drains)
{
	channel_close(&taker->channel);
	free_final(taker);
	if (!taker->is_waiting)
		taker->options.type->end(taker->options.owner, drains);
}

static void set_state(struct taker *taker, enum new_state state)
{
	struct timer_wheel *wheel = &taker->options.loop->wheel;
	uint32_t limit_ms = new_state_limit_ms(state);

	if (state == taker->state)
		return;
	log_debug(HOTRESTART, "%s -> %s", new_state_name(taker->state), new_state_name(state));
	taker->state = state;
	taker->asks_left = 0;
	timer_cancel(wheel, &taker->timer);
	if (limit_ms && !taker->is_waiting)
		timer_start(wheel, &taker->timer, limit_ms);
}

static void note_failure(struct taker *taker, enum new_state from, const char *why)
{
	snprintf(taker->reason, sizeof taker->reason, "%s",
		 why ? why : "the process before spoke out of turn");
	log_error(HOTRESTART, "this process doesn't take over (%s): %s", new_state_name(from),
		  taker->reason);
}

static void on_event(struct taker *taker, enum new_event event, const char *why)
{
	enum new_state from = taker->state;
	struct new_step step = new_step_of(from, event);

	set_state(taker, step.next);
	if (step.next == NEW_ENDED && from != NEW_ENDED)
		note_failure(taker, from, why);
	if (step.actions & NEW_SAY_HELLO)
		send_hello(taker);
	if (step.actions & NEW_SAY_READY)
		send_word(taker, MESSAGE_READY);
	if (step.actions & NEW_INSTALL)
		install(taker);
	if (step.actions & NEW_SAY_LIVE)
		send_word(taker, MESSAGE_LIVE);
	if (step.actions & NEW_ASK_RIGHT)
		ask_right(taker);
	if (step.actions & NEW_OWN)
		own(taker);
	if (step.actions & NEW_FORGET_OLD)
		forget_old(taker);
	if (step.actions & NEW_SAY_REFUSAL)
		send_refusal(taker);
	if (step.actions & (NEW_END | NEW_DRAIN))
		end(taker, step.actions & NEW_DRAIN);
}

/* --- what is heard --- */

static void on_welcome(struct taker *taker, const struct upgrade_message *message)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__welcome__descriptor);
	const Welcome *welcome = (const Welcome *)(const void *)unpacked;

	if (!welcome || welcome->protocol < MESSAGE_PROTOCOL_OLDEST ||
	    welcome->protocol > MESSAGE_PROTOCOL) {
		on_event(taker, NEW_ON_FAILED, "the WELCOME of the process before can't be read");
	} else {
		taker->epoch = welcome->epoch;
		taker->workers = welcome->workers;
		taker->start_wall_ns = welcome->start_wall_ns;
		log_info(HOTRESTART, "taking over from release %s, epoch %u", welcome->release,
			 welcome->epoch);
	}
	if (unpacked)
		protobuf_c_message_free_unpacked(unpacked, NULL);
}

static void on_listeners(struct taker *taker, struct upgrade_message *message)
{
	if (passed_sockets_take(&taker->sockets, message))
		on_event(taker, NEW_ON_FAILED, "the LISTENERS of the process before can't be read");
}

static void keep_final(struct taker *taker, struct upgrade_message *message)
{
	if (message->len > TAKER_FINAL_MAX - taker->final_size) {
		on_event(taker, NEW_ON_FAILED, "the process before passes too much");
		return;
	}
	if (taker->final_count == taker->final_capacity) {
		taker->final_capacity = taker->final_capacity ? 2 * taker->final_capacity : 16;
		taker->final = realloc(taker->final, taker->final_capacity * sizeof *taker->final);
		invariant(taker->final);
	}
	taker->final[taker->final_count++] = *message;
	taker->final_size += message->len;
	*message = (struct upgrade_message){0};
}

static void on_section(struct taker *taker, struct upgrade_message *message)
{
	struct diag diag = {.line = 0};

	if (taker->state == NEW_READY)
		keep_final(taker, message);
	else if (taker->state == NEW_ADOPTING && import(taker, message, &diag))
		fail(taker, &diag);
	else if (taker->state == NEW_ALONE && import(taker, message, &diag))
		log_warn(HOTRESTART, "%s: %s", diag.path, diag.text);
}

static void on_refusal(struct taker *taker, const struct upgrade_message *message)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__refusal__descriptor);
	const Refusal *refusal = (const Refusal *)(const void *)unpacked;
	char why[TAKER_REASON_MAX];

	snprintf(why, sizeof why, "the process before says: %s",
		 refusal ? refusal->reason : "something that can't be read");
	if (unpacked)
		protobuf_c_message_free_unpacked(unpacked, NULL);
	on_event(taker, NEW_ON_REFUSED, why);
}

static void on_go(struct taker *taker)
{
	/* It may have lost patience, or have died, since: the right to serve tells. All that it
	 * had to say is here. */
	if (taker->state == NEW_READY && channel_is_hung_up(&taker->channel))
		on_event(taker, NEW_ON_LOST, NULL);
	else
		on_event(taker, NEW_ON_GO, NULL);
}

static void on_received(struct channel *channel, struct upgrade_message *message)
{
	struct taker *taker = container_of(channel, struct taker, channel);
	char why[96];

	log_debug(HOTRESTART, "heard %s", message_kind_name(message->kind));
	switch (message->kind) {
	case MESSAGE_REFUSAL:
		on_refusal(taker, message);
		return;
	case MESSAGE_OFFERED:
		on_event(taker, NEW_ON_OFFERED, NULL);
		return;
	case MESSAGE_GO:
		on_go(taker);
		return;
	case MESSAGE_YIELD:
		on_event(taker, NEW_ON_YIELDED, NULL);
		return;
	case MESSAGE_SECTION:
		on_section(taker, message);
		return;
	default:
		break;
	}
	if (taker->state == NEW_ADOPTING && message->kind == MESSAGE_WELCOME) {
		on_welcome(taker, message);
	} else if (taker->state == NEW_ADOPTING && message->kind == MESSAGE_LISTENERS) {
		on_listeners(taker, message);
	} else if (taker->state == NEW_ALONE && taker->options.type->handed &&
		   (message->kind == MESSAGE_CONNECTION || message->kind == MESSAGE_ANSWER ||
		    message->kind == MESSAGE_CONNECTION_WORD)) {
		taker->options.type->handed(taker->options.owner, message);
	} else {
		snprintf(why, sizeof why, "the process before says %s, which it must not now",
			 message_kind_name(message->kind));
		on_event(taker, taker->state < NEW_LIVE ? NEW_ON_FAILED : NEW_ON_LOST, why);
	}
}

static void on_closed(struct channel *channel, enum status why)
{
	struct taker *taker = container_of(channel, struct taker, channel);
	char text[128];

	snprintf(text, sizeof text, "the process before is gone: %s", status_text(why));
	on_event(taker, NEW_ON_LOST, text);
}

static const struct channel_events channel_events = {on_received, on_closed};

static void on_timeout(struct timer *timer)
{
	struct taker *taker = container_of(timer, struct taker, timer);

	if (taker->asks_left)
		ask_again(taker);
	else
		on_event(taker, NEW_ON_TIMEOUT, "the process before said nothing for too long");
}

/* --- life --- */

void taker_init(struct taker *taker)
{
	*taker = (struct taker){.state = NEW_DIALLING};
	channel_init(&taker->channel);
	timer_init(&taker->timer, on_timeout);
}

enum status taker_adopt(struct taker *taker, int fd, const struct taker_options *options,
			struct diag *diag)
{
	taker->options = *options;
	taker->is_used = taker->is_waiting = true;
	channel_open(&taker->channel, options->loop, fd, &channel_events);
	on_event(taker, NEW_ON_CONNECTED, NULL);
	uint64_t end_ns = loop_clock_ns() + new_state_limit_ms(NEW_ADOPTING) * UINT64_C(1000000);
	while (taker->state == NEW_ADOPTING) {
		uint64_t now_ns = loop_clock_ns();
		if (now_ns < end_ns)
			channel_wait(&taker->channel, (int)((end_ns - now_ns) / 1000000) + 1);
		else
			on_event(taker, NEW_ON_TIMEOUT, "the process before passes nothing");
	}
	taker->is_waiting = false;
	return taker->state == NEW_WARMING ? STATUS_OK : diag_set(diag, "%s", taker->reason);
}

void taker_warmed(struct taker *taker)
{
	if (taker->is_used && taker->state == NEW_WARMING)
		on_event(taker, NEW_ON_WARMED, NULL);
}

void taker_failed(struct taker *taker, const char *reason)
{
	if (!taker->is_used || taker->state >= NEW_LIVE)
		return;
	taker->is_waiting = true; /* the caller ends the process */
	on_event(taker, NEW_ON_FAILED, reason);
}

void taker_distrust(struct taker *taker)
{
	log_warn(HOTRESTART, "what the process before hands over can't be read");
	on_event(taker, NEW_ON_LOST, NULL);
}

void taker_close(struct taker *taker)
{
	if (!taker->is_used)
		return;
	timer_cancel(&taker->options.loop->wheel, &taker->timer);
	channel_close(&taker->channel);
	free_final(taker);
	passed_sockets_fini(&taker->sockets, true);
}
