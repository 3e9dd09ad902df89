#include "stream/session_handover.h"

/* --- leaving */

/* It may go on elsewhere, now or at its next boundary. */
static bool may_leave(const struct session *session)
{
	const struct codec *codec = session->codec;

	return session->config->type->write_state && session->leaving != SESSION_GIVEN &&
	       conn_may_move(&session->conn) && !session->is_closing && !session->is_draining &&
	       !session->has_reserve && !codec->is_failed && !codec->must_close;
}

static void hold(struct session *session)
{
	if (session->leaving != SESSION_LEAVES)
		return;
	session->leaving = SESSION_LEAVES_HELD;
	conn_read_pause(&session->conn);
}

void session_leave_on(struct session *session)
{
	if (session->stream_count)
		return;
	hold(session);
	session->worker->handover.has_boundary = true;
}

/* A request that comes in parts is read to its end. */
static bool is_receiving(const struct session *session)
{
	const struct list_node *all = &session->streams;

	for (const struct list_node *n = all->next; n != all; n = n->next)
		if (!container_of(n, struct stream, link)->down.is_received)
			return true;
	return false;
}

static enum status leave_later(struct session *session)
{
	if (session->leaving == SESSION_STAYS)
		session->leaving = SESSION_LEAVES;
	if (session->codec->type->is_multiplexed && !is_receiving(session))
		hold(session);
	return STATUS_AGAIN;
}

void session_keep(struct served *served)
{
	struct session *session = container_of(served, struct session, served);
	bool was_held = session->leaving == SESSION_LEAVES_HELD;

	if (session->leaving == SESSION_GIVEN)
		return;
	session->leaving = SESSION_STAYS;
	if (was_held)
		conn_read_resume(&session->conn);
}

/* --- giving */

bool session_describe(struct session *session, struct handover *handover)
{
	uint64_t now_ms = loop_now_ms(session->worker->loop);
	struct accepted accepted = {.listener = session->listener, .chain = session->chain};
	struct section_writer state = {0};

	section_put_number(&state, (uint32_t)now_ms - session->waits_since_ms);
	section_put_number(&state, session->is_head_begun);
	const char *protocol = session->config->type->write_state(session, &state);
	if (!protocol) {
		section_writer_free(&state);
		return false;
	}
	addr_unpack(session->remote, &accepted.remote);
	addr_unpack(session->local, &accepted.local);
	handover_begin(handover, protocol, &accepted);
	handover->id = session->id;
	handover->age_ms = now_ms - session->start_ms;
	handover->requests = session->request_count;
	handover->state = state.data;
	handover->state_len = state.len;
	return true;
}

enum status session_give(struct served *served, struct relay_sink *relay, struct handover *handover)
{
	struct session *session = container_of(served, struct session, served);

	if (!may_leave(session))
		return STATUS_UNSUPPORTED;
	if (session->stream_count && relay && session->config->type->give_busy) {
		enum status status = session->config->type->give_busy(session, relay, handover);
		return status == STATUS_AGAIN ? leave_later(session) : status;
	}
	if (session->stream_count)
		return leave_later(session);
	if (!session_describe(session, handover))
		return STATUS_UNSUPPORTED;
	conn_move_out(&session->conn, &handover->sockets[0]);
	session_given(session);
	return STATUS_OK;
}

/* --- taking */

bool session_adopt(struct session *session, struct codec *codec, const struct handover *handover)
{
	struct section_reader in;
	uint64_t now_ms = loop_now_ms(session->worker->loop);

	session->codec = codec;
	section_reader_init(&in, slice_make(handover->state, handover->state_len));
	session->waits_since_ms = (uint32_t)(now_ms - section_get_number_to(&in, UINT32_MAX));
	session->is_head_begun = section_get_number_to(&in, 1);
	if (!session->config->type->read_state(session, &in) || !section_is_done(&in))
		return false;
	session->start_ms = now_ms - handover->age_ms;
	session->request_count = (uint32_t)handover->requests;
	conn_load(&session->conn, &handover->sockets[0]);
	return true;
}

void session_disown(struct session *session)
{
	struct pin *listener = session->listener;

	conn_exchange(&session->conn, -1, session->conn.transport);
	conn_close(&session->conn, false);
	session->codec->type->close(session->codec);
	addr_packed_free(session->remote);
	addr_packed_free(session->local);
	pin_drop(listener);
}
