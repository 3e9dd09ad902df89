/* What another process may say on the upgrade's socket: no bytes make the readers look beyond them,
 * or keep more than they were given; what is read is written again and reads the same.
 *
 * The input is a row of datagrams: a little endian length of two bytes, and that many bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "hotrestart/handover.h"
#include "hotrestart/message.h"
#include "hotrestart/passed_sockets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Descriptors here are numbers that nothing is open at. */
enum { NO_FD = 1 << 28 };

static void check_connection(const struct upgrade_message *message)
{
	struct handover first, second;
	struct section_writer out = {0};
	int fds[HANDOVER_SOCKETS];

	for (size_t count = 1; count <= HANDOVER_SOCKETS; count++) {
		fds[0] = fds[1] = NO_FD;
		if (handover_unpack(message, fds, count, &first))
			continue;
		handover_pack(&first, &out);
		struct upgrade_message again = {
			.kind = MESSAGE_CONNECTION, .data = out.data, .len = out.len};
		fds[0] = fds[1] = NO_FD;
		invariant(!handover_unpack(&again, fds, count, &second));
		invariant(first.id == second.id && first.call_count == second.call_count &&
			  first.state_len == second.state_len &&
			  !strcmp(first.listener, second.listener));
		handover_fini(&first);
		handover_fini(&second);
		section_writer_free(&out);
	}
}

static void on_answer(void *arg, const struct handover_answer *answer)
{
	uint64_t *sum = arg;

	for (size_t i = 0; i < answer->id_count; i++)
		*sum += answer->ids[i];
	for (size_t i = 0; i < answer->frames.len; i++)
		*sum += (uint8_t)answer->frames.data[i];
}

static void check_payload(struct upgrade_message *message)
{
	struct passed_sockets sockets = {0};
	enum handover_word word;
	uint64_t connection, sum = 0;

	/* every reader sees every payload: kinds have nothing to do with their bytes */
	check_connection(message);
	if (handover_unpack_answer(message, on_answer, &sum))
		invariant(!sum);
	if (!handover_unpack_word(message, &word, &connection))
		invariant(word <= HANDOVER_SETTLED);
	if (!passed_sockets_take(&sockets, message))
		invariant(sockets.count == message->fd_count);
	passed_sockets_fini(&sockets, false);
}

static void check_section(struct slice bytes)
{
	struct section_reader in;

	section_reader_init(&in, bytes);
	while (section_has_more(&in)) {
		const char *before = in.at;
		switch (*in.at & 3) {
		case 0:
			section_get_number(&in);
			break;
		case 1:
			section_get_double(&in);
			break;
		case 2:
			section_get_text(&in);
			break;
		default:
			section_get_signed(&in);
		}
		invariant(in.is_bad || in.at > before);
		invariant(in.at <= in.end);
	}
}

static void add_record(struct message_reader *reader, struct slice datagram)
{
	int fds[RECORD_FDS_MAX];
	struct record record;
	struct upgrade_message done;

	if (record_read(datagram, &record))
		return;
	for (unsigned i = 0; i < RECORD_FDS_MAX; i++)
		fds[i] = NO_FD + (int)i;
	size_t before = reader->message.len;
	enum status status = message_reader_add(reader, &record, fds, &done);
	if (!status) {
		invariant(done.len == before + record.bytes.len && done.len == record.message_len);
		invariant(done.fd_count <= MESSAGE_LISTENER_FDS_MAX);
		check_payload(&done);
		message_fini(&done);
	}
	invariant(reader->capacity <= 2 * (reader->message.len + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct message_reader reader = {.is_begun = false};
	struct slice rest = slice_make(data, size);

	check_section(rest);
	while (rest.len >= 2) {
		size_t len = (uint8_t)rest.data[0] | (size_t)(uint8_t)rest.data[1] << 8;
		if (len > rest.len - 2)
			len = rest.len - 2;
		/* in memory of its own, so that reading beyond it is seen */
		char *copy = malloc(len ? len : 1);
		invariant(copy);
		if (len)
			memcpy(copy, rest.data + 2, len);
		add_record(&reader, slice_make(copy, len));
		free(copy);
		rest = slice_sub(rest, 2 + len, rest.len);
	}
	message_reader_fini(&reader);
	return 0;
}
