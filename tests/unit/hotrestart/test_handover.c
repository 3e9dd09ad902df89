#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "base/attributes.h"
#include "hotrestart/handover.h"

static struct addr address(const char *text)
{
	struct addr addr;

	if (addr_parse(slice_of(text), &addr))
		addr = (struct addr){.family = ADDR_UNIX, .path = text};
	return addr;
}

static struct upgrade_message message_of(const struct section_writer *out, enum message_kind kind)
{
	return (struct upgrade_message){.kind = (uint8_t)kind, .data = out->data, .len = out->len};
}

static struct handover_call calls[] = {
	{.id = UINT64_MAX, .deadline_ms = 1500, .kind = 130, .is_one_way = false},
	{.id = 0, .is_one_way = true},
};

/* Borrows all of it; never handover_fini. Its descriptors stand for numbers only. */
static struct handover a_connection(void)
{
	static char dubbo[] = "dubbo", in[] = "in", chain[] = "c", unread[] = "abc\0d",
		    unsent[] = "tail", state[] = "\x01\x02";
	struct handover handover = {
		.id = 7,
		.protocol = dubbo,
		.version = 3,
		.listener = in,
		.filter_chain = chain,
		.remote = address("10.1.2.3:4567"),
		.local = address("[2001:db8::1]:20880"),
		.age_ms = 86400000,
		.requests = 12,
		.sockets = {{.fd = 100,
			     .is_read_eof = true,
			     .unread = unread,
			     .unread_len = 5,
			     .unsent = unsent,
			     .unsent_len = 4},
			    {.fd = -1}},
		.calls = calls,
		.call_count = COUNT_OF(calls),
		.state = state,
		.state_len = 2,
	};
	return handover;
}

static void a_connection_arrives_as_it_was(void **state)
{
	struct handover from = a_connection(), to;
	struct section_writer out = {0};
	int fds[1] = {-1}; /* what is passed is passed by number: none is open here */

	(void)state;
	handover_pack(&from, &out);
	struct upgrade_message message = message_of(&out, MESSAGE_CONNECTION);
	assert_int_equal(handover_unpack(&message, fds, 1, &to), STATUS_OK);
	assert_int_equal(to.id, 7);
	assert_string_equal(to.protocol, "dubbo");
	assert_int_equal(to.version, 3);
	assert_string_equal(to.listener, "in");
	assert_string_equal(to.filter_chain, "c");
	assert_string_equal(to.cluster, "");
	assert_true(addr_equal(&to.remote, &from.remote));
	assert_true(addr_equal(&to.local, &from.local));
	assert_int_equal(to.age_ms, 86400000);
	assert_int_equal(to.requests, 12);
	assert_true(to.sockets[0].is_read_eof);
	assert_false(to.sockets[0].is_write_shut);
	assert_int_equal(to.sockets[0].unread_len, 5);
	assert_memory_equal(to.sockets[0].unread, "abc\0d", 5);
	assert_int_equal(to.sockets[0].unsent_len, 4);
	assert_memory_equal(to.sockets[0].unsent, "tail", 4);
	assert_int_equal(to.sockets[1].fd, -1);
	assert_int_equal(to.call_count, 2);
	for (int i = 0; i < 2; i++) {
		assert_true(to.calls[i].id == calls[i].id);
		assert_int_equal(to.calls[i].deadline_ms, calls[i].deadline_ms);
		assert_int_equal(to.calls[i].kind, calls[i].kind);
		assert_int_equal(to.calls[i].is_one_way, calls[i].is_one_way);
	}
	assert_int_equal(to.state_len, 2);
	assert_memory_equal(to.state, "\x01\x02", 2);
	handover_fini(&to);
	section_writer_free(&out);
}

static void descriptors_go_to_their_sockets(void **state)
{
	struct handover from = a_connection(), to;
	struct section_writer out = {0};
	int fds[2] = {1000001, 1000002}; /* no descriptors */

	(void)state;
	from.sockets[1].fd = 101;
	handover_pack(&from, &out);
	struct upgrade_message message = message_of(&out, MESSAGE_CONNECTION);
	assert_int_equal(handover_unpack(&message, fds, 2, &to), STATUS_OK);
	assert_int_equal(to.sockets[0].fd, 1000001);
	assert_int_equal(to.sockets[1].fd, 1000002);
	assert_int_equal(fds[0], -1);
	assert_int_equal(fds[1], -1);
	to.sockets[0].fd = to.sockets[1].fd = -1;
	handover_fini(&to);
	section_writer_free(&out);
}

static void unix_addresses_are_owned(void **state)
{
	struct handover from = a_connection(), to;
	struct section_writer out = {0};
	int fds[1] = {-1};

	(void)state;
	from.remote = address("");
	from.local = address("/run/service.sock");
	handover_pack(&from, &out);
	struct upgrade_message message = message_of(&out, MESSAGE_CONNECTION);
	assert_int_equal(handover_unpack(&message, fds, 1, &to), STATUS_OK);
	memset(out.data, 'x', out.len);
	assert_string_equal(to.remote.path, "");
	assert_string_equal(to.local.path, "/run/service.sock");
	handover_fini(&to);
	section_writer_free(&out);
}

/* Says one descriptor: 0 and 2 come, and are left alone. */
static void descriptors_must_be_as_said(void **state)
{
	struct handover from = a_connection(), to;
	struct section_writer out = {0};
	int fds[2] = {1000001, 1000002};

	(void)state;
	handover_pack(&from, &out);
	struct upgrade_message message = message_of(&out, MESSAGE_CONNECTION);
	assert_int_equal(handover_unpack(&message, fds, 0, &to), STATUS_MALFORMED);
	assert_int_equal(handover_unpack(&message, fds, 2, &to), STATUS_MALFORMED);
	assert_int_equal(fds[0], 1000001);
	assert_int_equal(fds[1], 1000002);
	section_writer_free(&out);
	/* the client's socket isn't there, the upstream's is */
	from.sockets[0].fd = -1;
	from.sockets[1].fd = 101;
	handover_pack(&from, &out);
	message = message_of(&out, MESSAGE_CONNECTION);
	assert_int_equal(handover_unpack(&message, fds, 1, &to), STATUS_MALFORMED);
	section_writer_free(&out);
}

static void cut_messages_are_refused_or_read(void **state)
{
	struct handover from = a_connection(), to;
	struct section_writer out = {0};

	(void)state;
	handover_pack(&from, &out);
	for (size_t len = 0; len < out.len; len++) {
		char *copy = malloc(len ? len : 1);
		int fds[1] = {-1};
		assert_non_null(copy);
		if (len)
			memcpy(copy, out.data, len);
		struct upgrade_message message = {
			.kind = MESSAGE_CONNECTION, .data = copy, .len = len};
		if (!handover_unpack(&message, fds, 1, &to))
			handover_fini(&to);
		free(copy);
	}
	section_writer_free(&out);
}

static void limits_hold(void **state)
{
	struct handover from = a_connection(), to;
	struct section_writer out = {0};
	char *large = calloc(1, HANDOVER_BYTES_MAX + 1), name[HANDOVER_TEXT_MAX + 2];
	int fds[1] = {-1};

	(void)state;
	assert_non_null(large);
	from.sockets[0].unread = large;
	from.sockets[0].unread_len = HANDOVER_BYTES_MAX + 1;
	handover_pack(&from, &out);
	struct upgrade_message message = message_of(&out, MESSAGE_CONNECTION);
	assert_int_equal(handover_unpack(&message, fds, 1, &to), STATUS_MALFORMED);
	section_writer_free(&out);

	from = a_connection();
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = 0;
	from.listener = name;
	handover_pack(&from, &out);
	message = message_of(&out, MESSAGE_CONNECTION);
	assert_int_equal(handover_unpack(&message, fds, 1, &to), STATUS_MALFORMED);
	section_writer_free(&out);
	free(large);
}

struct seen {
	unsigned count;
	uint64_t connection, id;
	size_t len;
};

static void on_answer(void *arg, const struct handover_answer *answer)
{
	struct seen *seen = arg;

	seen->count++;
	seen->connection = answer->connection;
	seen->len = answer->frames.len;
	assert_int_equal(answer->id_count, 2);
	seen->id = answer->ids[1];
}

static void answers_and_words_arrive(void **state)
{
	static const uint64_t ids[] = {3, UINT64_MAX};
	const struct handover_answer answer = {
		.connection = 9, .frames = SLICE("frames"), .ids = ids, .id_count = 2};
	struct section_writer out = {0};
	struct seen seen = {.count = 0};
	enum handover_word word;
	uint64_t connection;

	(void)state;
	handover_pack_answer(&answer, &out);
	struct upgrade_message message = message_of(&out, MESSAGE_ANSWER);
	assert_int_equal(handover_unpack_answer(&message, on_answer, &seen), STATUS_OK);
	assert_int_equal(seen.count, 1);
	assert_int_equal(seen.connection, 9);
	assert_int_equal(seen.len, 6);
	assert_true(seen.id == UINT64_MAX);
	section_writer_free(&out);

	for (int w = HANDOVER_ADOPTED; w <= HANDOVER_SETTLED; w++) {
		handover_pack_word((enum handover_word)w, 42, SLICE("because"), &out);
		message = message_of(&out, MESSAGE_CONNECTION_WORD);
		assert_int_equal(handover_unpack_word(&message, &word, &connection), STATUS_OK);
		assert_int_equal(word, w);
		assert_int_equal(connection, 42);
		section_writer_free(&out);
	}
	message = (struct upgrade_message){.data = (char[]){0x08, 99}, .len = 2};
	assert_int_equal(handover_unpack_word(&message, &word, &connection), STATUS_UNSUPPORTED);
	message = (struct upgrade_message){.data = (char[]){0x08}, .len = 1};
	assert_int_equal(handover_unpack_word(&message, &word, &connection), STATUS_MALFORMED);
	assert_int_equal(handover_unpack_answer(&message, on_answer, &seen), STATUS_MALFORMED);
	assert_int_equal(seen.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connection_arrives_as_it_was),
		cmocka_unit_test(descriptors_go_to_their_sockets),
		cmocka_unit_test(unix_addresses_are_owned),
		cmocka_unit_test(descriptors_must_be_as_said),
		cmocka_unit_test(cut_messages_are_refused_or_read),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(answers_and_words_arrive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
