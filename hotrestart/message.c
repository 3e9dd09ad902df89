#include "hotrestart/message.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/attributes.h"

struct kind {
	const char *name;
	size_t size_max, fds_max;
};

static const struct kind kinds[MESSAGE_KIND_COUNT] = {{"?", 0, 0},
#define MESSAGE_KIND(name, size, fds) {#name, (size), (fds)},
						      MESSAGE_KINDS(MESSAGE_KIND)
#undef MESSAGE_KIND
};

/* Of a later release, marked as one to skip. */
static const struct kind unknown = {"?", MESSAGE_CONTROL_MAX, 0};

static const struct kind *kind_of(unsigned kind)
{
	return kind < MESSAGE_KIND_COUNT ? &kinds[kind] : &unknown;
}

const char *message_kind_name(unsigned kind)
{
	return kind_of(kind)->name;
}

static void close_fds(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void message_fini(struct upgrade_message *message)
{
	close_fds(message->fds, message->fd_count);
	free(message->fds);
	free(message->data);
	*message = (struct upgrade_message){0};
}

ProtobufCMessage *message_unpack(const struct upgrade_message *message,
				 const ProtobufCMessageDescriptor *type)
{
	static const uint8_t nothing[1];
	const void *data = message->len ? (const void *)message->data : nothing;

	return protobuf_c_message_unpack(type, NULL, message->len, data);
}

/* --- out --- */

void message_cursor_init(struct message_cursor *cursor, enum message_kind kind, struct slice bytes,
			 const int *fds, size_t fd_count)
{
	invariant(bytes.len <= kinds[kind].size_max && fd_count <= kinds[kind].fds_max);
	*cursor = (struct message_cursor){.kind = (uint8_t)kind,
					  .rest = bytes,
					  .fds = fds,
					  .fd_count = fd_count,
					  .message_len = (uint32_t)bytes.len};
}

void message_cursor_peek(const struct message_cursor *cursor, struct record *record)
{
	size_t len = cursor->rest.len < RECORD_BYTES_MAX ? cursor->rest.len : RECORD_BYTES_MAX;
	size_t fds = cursor->fd_count < RECORD_FDS_MAX ? cursor->fd_count : RECORD_FDS_MAX;
	bool is_last = len == cursor->rest.len && fds == cursor->fd_count;

	*record = (struct record){
		.kind = cursor->kind,
		.flags = (uint8_t)(cursor->flags | (cursor->is_begun ? 0 : RECORD_FIRST) |
				   (is_last ? RECORD_LAST : 0)),
		.fd_count = (uint8_t)fds,
		.message_len = cursor->message_len,
		.bytes = slice_make(cursor->rest.data, len),
	};
}

void message_cursor_step(struct message_cursor *cursor)
{
	struct record sent;

	message_cursor_peek(cursor, &sent);
	if (sent.bytes.len)
		cursor->rest = slice_sub(cursor->rest, sent.bytes.len, cursor->rest.len);
	if (sent.fd_count)
		cursor->fds += sent.fd_count;
	cursor->fd_count -= sent.fd_count;
	cursor->is_begun = true;
	cursor->is_done = sent.flags & RECORD_LAST;
}

/* --- in --- */

static enum status begin(struct message_reader *reader, const struct record *record)
{
	bool is_unknown = record->kind >= MESSAGE_KIND_COUNT;

	if (!(record->flags & RECORD_FIRST) || (is_unknown && !(record->flags & RECORD_OPTIONAL)))
		return STATUS_MALFORMED;
	if (record->message_len > kind_of(record->kind)->size_max)
		return STATUS_TOO_LARGE;
	reader->is_begun = true;
	reader->message.kind = record->kind;
	reader->message_len = record->message_len;
	return STATUS_OK;
}

static enum status check(struct message_reader *reader, const struct record *record)
{
	enum status status = STATUS_OK;

	if (!reader->is_begun)
		status = begin(reader, record);
	else if (record->flags & RECORD_FIRST || record->kind != reader->message.kind ||
		 record->message_len != reader->message_len)
		status = STATUS_MALFORMED;
	if (status)
		return status;
	size_t left = reader->message_len - reader->message.len;
	bool is_last = record->flags & RECORD_LAST;
	/* a record must bring something, so that a message of many empty ones has an end, too */
	if (record->bytes.len > left || (is_last && record->bytes.len < left) ||
	    (!is_last && !record->bytes.len && !record->fd_count))
		return STATUS_MALFORMED;
	if (record->fd_count > kind_of(record->kind)->fds_max - reader->message.fd_count)
		return STATUS_TOO_LARGE;
	return STATUS_OK;
}

/* Memory comes with the bytes, not with the length that was said. */
static void append(struct message_reader *reader, const struct record *record)
{
	struct upgrade_message *message = &reader->message;
	size_t len = message->len + record->bytes.len;

	if (len > reader->capacity) {
		size_t capacity = 2 * len < reader->message_len ? 2 * len : reader->message_len;
		message->data = realloc(message->data, capacity);
		invariant(message->data);
		reader->capacity = capacity;
	}
	if (record->bytes.len)
		memcpy(message->data + message->len, record->bytes.data, record->bytes.len);
	message->len = len;
}

static void append_fds(struct message_reader *reader, const int *fds, size_t count)
{
	struct upgrade_message *message = &reader->message;

	if (!count)
		return;
	if (message->fd_count + count > reader->fd_capacity) {
		reader->fd_capacity = 2 * (message->fd_count + count);
		message->fds = realloc(message->fds, reader->fd_capacity * sizeof *fds);
		invariant(message->fds);
	}
	memcpy(message->fds + message->fd_count, fds, count * sizeof *fds);
	message->fd_count += count;
}

enum status message_reader_add(struct message_reader *reader, const struct record *record,
			       const int *fds, struct upgrade_message *done)
{
	enum status status = check(reader, record);

	if (status) {
		close_fds(fds, record->fd_count);
		message_reader_fini(reader);
		return status;
	}
	append(reader, record);
	append_fds(reader, fds, record->fd_count);
	if (!(record->flags & RECORD_LAST))
		return STATUS_AGAIN;
	*done = reader->message;
	*reader = (struct message_reader){0};
	return STATUS_OK;
}

void message_reader_fini(struct message_reader *reader)
{
	message_fini(&reader->message);
	*reader = (struct message_reader){0};
}
