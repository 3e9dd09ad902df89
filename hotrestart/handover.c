#include "hotrestart/handover.h"

#include <stdlib.h>

#include <outrigger/hotrestart/v1/upgrade.pb-c.h>

#include "base/attributes.h"

typedef Outrigger__Hotrestart__V1__Connection Connection;
typedef Outrigger__Hotrestart__V1__Connection__Socket Socket;
typedef Outrigger__Hotrestart__V1__Connection__Call Call;
typedef Outrigger__Hotrestart__V1__Answer Answer;
typedef Outrigger__Hotrestart__V1__ConnectionWord ConnectionWord;

static void pack(const ProtobufCMessage *message, struct section_writer *out)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(len ? len : 1);

	invariant(bytes);
	protobuf_c_message_pack(message, bytes);
	section_put_bytes(out, bytes, len);
	free(bytes);
}

static char *or_empty(char *text)
{
	return text ? text : (char *)(uintptr_t)protobuf_c_empty_string;
}

static void fill_socket(const struct handover_socket *from, Socket *to)
{
	outrigger__hotrestart__v1__connection__socket__init(to);
	to->has_descriptor = from->fd >= 0;
	to->is_read_eof = from->is_read_eof;
	to->is_write_shut = from->is_write_shut;
	to->unread = (ProtobufCBinaryData){from->unread_len, (uint8_t *)from->unread};
	to->unsent = (ProtobufCBinaryData){from->unsent_len, (uint8_t *)from->unsent};
}

static void fill_call(const struct handover_call *from, Call *to)
{
	outrigger__hotrestart__v1__connection__call__init(to);
	to->id = from->id;
	to->deadline_ms = from->deadline_ms;
	to->kind = from->kind;
	to->is_one_way = from->is_one_way;
}

void handover_pack(const struct handover *handover, struct section_writer *out)
{
	Connection message = OUTRIGGER__HOTRESTART__V1__CONNECTION__INIT;
	char remote[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX];
	Socket sockets[HANDOVER_SOCKETS], *socket_pointers[HANDOVER_SOCKETS];
	Call *calls = calloc(handover->call_count + 1, sizeof *calls);
	Call **call_pointers = calloc(handover->call_count + 1, sizeof *call_pointers);

	invariant(calls && call_pointers);
	for (int i = 0; i < HANDOVER_SOCKETS; i++) {
		fill_socket(&handover->sockets[i], &sockets[i]);
		socket_pointers[i] = &sockets[i];
	}
	for (size_t i = 0; i < handover->call_count; i++) {
		fill_call(&handover->calls[i], &calls[i]);
		call_pointers[i] = &calls[i];
	}
	addr_format(&handover->remote, remote);
	addr_format(&handover->local, local);
	message.id = handover->id;
	message.protocol = or_empty(handover->protocol);
	message.version = handover->version;
	message.listener = or_empty(handover->listener);
	message.filter_chain = or_empty(handover->filter_chain);
	message.remote = remote;
	message.local = local;
	message.cluster = or_empty(handover->cluster);
	message.host = or_empty(handover->host);
	message.age_ms = handover->age_ms;
	message.requests = handover->requests;
	message.n_sockets = HANDOVER_SOCKETS;
	message.sockets = socket_pointers;
	message.n_calls = handover->call_count;
	message.calls = call_pointers;
	message.state = (ProtobufCBinaryData){handover->state_len, (uint8_t *)handover->state};
	pack(&message.base, out);
	free(calls);
	free(call_pointers);
}

void handover_pack_answer(const struct handover_answer *answer, struct section_writer *out)
{
	Answer message = OUTRIGGER__HOTRESTART__V1__ANSWER__INIT;

	message.connection = answer->connection;
	message.frames = (ProtobufCBinaryData){answer->frames.len,
					       (uint8_t *)(uintptr_t)answer->frames.data};
	message.n_calls = answer->id_count;
	message.calls = (uint64_t *)(uintptr_t)answer->ids;
	pack(&message.base, out);
}

void handover_pack_word(enum handover_word word, uint64_t connection, struct slice reason,
			struct section_writer *out)
{
	ConnectionWord message = OUTRIGGER__HOTRESTART__V1__CONNECTION_WORD__INIT;
	char text[HANDOVER_TEXT_MAX + 1];
	size_t len = reason.len < HANDOVER_TEXT_MAX ? reason.len : HANDOVER_TEXT_MAX;

	if (len)
		memcpy(text, reason.data, len);
	text[len] = 0;
	message.word = (Outrigger__Hotrestart__V1__ConnectionWord__Word)word;
	message.connection = connection;
	message.reason = text;
	pack(&message.base, out);
}

enum status handover_say(int socket, enum handover_word word, uint64_t connection)
{
	struct section_writer payload = {0};
	struct message_cursor cursor;
	struct record record;

	handover_pack_word(word, connection, slice_make(NULL, 0), &payload);
	message_cursor_init(&cursor, MESSAGE_CONNECTION_WORD, slice_make(payload.data, payload.len),
			    NULL, 0);
	message_cursor_peek(&cursor, &record);
	enum status status = record_send(socket, &record, NULL);
	section_writer_free(&payload);
	return status;
}

/* --- in --- */

static bool is_name(const char *text)
{
	return strlen(text) <= HANDOVER_TEXT_MAX;
}

/* "ip:port", or a Unix socket's path, which becomes owned; a peer without a path has "". */
static bool read_address(const char *text, struct addr *addr)
{
	if (strlen(text) >= ADDR_TEXT_MAX)
		return false;
	if (!addr_parse(slice_of(text), addr))
		return true;
	if (text[0] && text[0] != '/' && text[0] != '@')
		return false;
	*addr = (struct addr){.family = ADDR_UNIX, .path = strdup(text)};
	invariant(addr->path);
	return true;
}

static bool is_well_formed(const Connection *message, size_t fd_count)
{
	size_t described = 0;

	if (message->n_sockets > HANDOVER_SOCKETS || !message->n_sockets ||
	    message->n_calls > HANDOVER_CALLS_MAX || !is_name(message->protocol) ||
	    !is_name(message->listener) || !is_name(message->filter_chain) ||
	    !is_name(message->cluster) || !is_name(message->host))
		return false;
	for (size_t i = 0; i < message->n_sockets; i++) {
		const Socket *socket = message->sockets[i];
		described += socket->has_descriptor ? 1 : 0;
		if (socket->unread.len > HANDOVER_BYTES_MAX ||
		    socket->unsent.len > HANDOVER_BYTES_MAX)
			return false;
	}
	return described == fd_count && message->sockets[0]->has_descriptor;
}

static char *copy_bytes(const ProtobufCBinaryData *from, size_t *len)
{
	char *bytes = from->len ? malloc(from->len) : NULL;

	invariant(bytes || !from->len);
	if (from->len)
		memcpy(bytes, from->data, from->len);
	*len = from->len;
	return bytes;
}

static char *copy_text(const char *text)
{
	char *copy = strdup(text);
	invariant(copy);
	return copy;
}

static void copy_calls(const Connection *message, struct handover *handover)
{
	handover->calls = calloc(message->n_calls + 1, sizeof *handover->calls);
	invariant(handover->calls);
	handover->call_count = message->n_calls;
	for (size_t i = 0; i < message->n_calls; i++) {
		const Call *call = message->calls[i];
		handover->calls[i] = (struct handover_call){
			.id = call->id,
			.deadline_ms = call->deadline_ms,
			.kind = (uint8_t)call->kind,
			.is_one_way = call->is_one_way,
		};
	}
}

static void copy_socket(const Socket *from, int *fd, struct handover_socket *to)
{
	to->is_read_eof = from->is_read_eof;
	to->is_write_shut = from->is_write_shut;
	to->unread = copy_bytes(&from->unread, &to->unread_len);
	to->unsent = copy_bytes(&from->unsent, &to->unsent_len);
	if (!from->has_descriptor)
		return;
	to->fd = *fd;
	*fd = -1;
}

static enum status unpack(const Connection *message, int *fds, size_t fd_count,
			  struct handover *handover)
{
	size_t next_fd = 0;

	*handover = (struct handover){.sockets = {{.fd = -1}, {.fd = -1}}};
	if (!is_well_formed(message, fd_count) ||
	    !read_address(message->remote, &handover->remote) ||
	    !read_address(message->local, &handover->local)) {
		handover_fini(handover);
		return STATUS_MALFORMED;
	}
	handover->id = message->id;
	handover->protocol = copy_text(message->protocol);
	handover->version = message->version;
	handover->listener = copy_text(message->listener);
	handover->filter_chain = copy_text(message->filter_chain);
	handover->cluster = copy_text(message->cluster);
	handover->host = copy_text(message->host);
	handover->age_ms = message->age_ms;
	handover->requests = message->requests;
	handover->state = copy_bytes(&message->state, &handover->state_len);
	copy_calls(message, handover);
	for (size_t i = 0; i < message->n_sockets; i++) {
		copy_socket(message->sockets[i], &fds[next_fd], &handover->sockets[i]);
		next_fd += message->sockets[i]->has_descriptor ? 1 : 0;
	}
	return STATUS_OK;
}

enum status handover_unpack(const struct upgrade_message *message, int *fds, size_t fd_count,
			    struct handover *handover)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__connection__descriptor);
	enum status status = STATUS_MALFORMED;

	if (!unpacked)
		return status;
	status = unpack((const Connection *)(const void *)unpacked, fds, fd_count, handover);
	protobuf_c_message_free_unpacked(unpacked, NULL);
	return status;
}

enum status handover_unpack_answer(const struct upgrade_message *message,
				   void (*fn)(void *arg, const struct handover_answer *answer),
				   void *arg)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__answer__descriptor);
	const Answer *said = (const Answer *)(const void *)unpacked;

	if (!said)
		return STATUS_MALFORMED;
	bool is_too_large =
		said->frames.len > HANDOVER_BYTES_MAX || said->n_calls > HANDOVER_CALLS_MAX;
	const struct handover_answer answer = {
		.connection = said->connection,
		.frames = slice_make(said->frames.data, said->frames.len),
		.ids = said->calls,
		.id_count = said->n_calls,
	};
	if (!is_too_large)
		fn(arg, &answer);
	protobuf_c_message_free_unpacked(unpacked, NULL);
	return is_too_large ? STATUS_TOO_LARGE : STATUS_OK;
}

enum status handover_unpack_word(const struct upgrade_message *message, enum handover_word *word,
				 uint64_t *connection)
{
	ProtobufCMessage *unpacked =
		message_unpack(message, &outrigger__hotrestart__v1__connection_word__descriptor);
	const ConnectionWord *said = (const ConnectionWord *)(const void *)unpacked;

	if (!said)
		return STATUS_MALFORMED;
	bool is_known = (int)said->word >= 0 && (int)said->word <= HANDOVER_SETTLED;
	*word = is_known ? (enum handover_word)said->word : HANDOVER_SETTLED;
	*connection = said->connection;
	protobuf_c_message_free_unpacked(unpacked, NULL);
	return is_known ? STATUS_OK : STATUS_UNSUPPORTED;
}
