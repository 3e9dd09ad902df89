#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/attributes.h"
#include "hotrestart/message.h"

enum { MANY_FDS = 600, MANY_BYTES = 200000 };

/* An open descriptor of its own for each place, so that one that is closed twice or not is seen. */
static int some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* From a cursor into a reader, as sockets would do it. The descriptors that arrive are duplicates.
 */
static enum status carry(struct message_cursor *cursor, struct message_reader *reader,
			 struct upgrade_message *done, unsigned *records)
{
	enum status status = STATUS_AGAIN;

	for (*records = 0; status == STATUS_AGAIN; ++*records) {
		int fds[RECORD_FDS_MAX];
		struct record record;
		assert_false(cursor->is_done);
		message_cursor_peek(cursor, &record);
		for (unsigned i = 0; i < record.fd_count; i++)
			fds[i] = dup(cursor->fds[i]);
		status = message_reader_add(reader, &record, fds, done);
		message_cursor_step(cursor);
	}
	return status;
}

static void a_message_without_bytes_is_one_record(void **state)
{
	struct message_cursor cursor;
	struct message_reader reader = {.is_begun = false};
	struct upgrade_message done;
	unsigned records;

	(void)state;
	message_cursor_init(&cursor, MESSAGE_READY, slice_make(NULL, 0), NULL, 0);
	assert_int_equal(carry(&cursor, &reader, &done, &records), STATUS_OK);
	assert_int_equal(records, 1);
	assert_int_equal(done.kind, MESSAGE_READY);
	assert_int_equal(done.len, 0);
	assert_true(cursor.is_done);
	message_fini(&done);
}

static void bytes_and_descriptors_come_in_batches(void **state)
{
	char *bytes = malloc(MANY_BYTES);
	int fds[MANY_FDS];
	struct message_cursor cursor;
	struct message_reader reader = {.is_begun = false};
	struct upgrade_message done;
	unsigned records;

	(void)state;
	assert_non_null(bytes);
	for (int i = 0; i < MANY_BYTES; i++)
		bytes[i] = (char)(i * 7);
	for (int i = 0; i < MANY_FDS; i++)
		fds[i] = some_fd();
	message_cursor_init(&cursor, MESSAGE_LISTENERS, slice_make(bytes, MANY_BYTES), fds,
			    MANY_FDS);
	assert_int_equal(carry(&cursor, &reader, &done, &records), STATUS_OK);
	assert_int_equal(records, 4);
	assert_int_equal(done.len, MANY_BYTES);
	assert_memory_equal(done.data, bytes, MANY_BYTES);
	assert_int_equal(done.fd_count, MANY_FDS);
	int taken = done.fds[5], closed = done.fds[6];
	done.fds[5] = -1;
	message_fini(&done);
	assert_true(is_open(taken));
	assert_false(is_open(closed));
	close(taken);
	for (int i = 0; i < MANY_FDS; i++)
		close(fds[i]);
	free(bytes);
}

/* More batches of descriptors than of bytes: the last records have no bytes. */
static void few_bytes_with_many_descriptors(void **state)
{
	int fds[MANY_FDS];
	struct message_cursor cursor;
	struct message_reader reader = {.is_begun = false};
	struct upgrade_message done;
	unsigned records;

	(void)state;
	for (int i = 0; i < MANY_FDS; i++)
		fds[i] = some_fd();
	message_cursor_init(&cursor, MESSAGE_LISTENERS, SLICE("x"), fds, MANY_FDS);
	assert_int_equal(carry(&cursor, &reader, &done, &records), STATUS_OK);
	assert_int_equal(records, 3);
	assert_int_equal(done.fd_count, MANY_FDS);
	message_fini(&done);
	for (int i = 0; i < MANY_FDS; i++)
		close(fds[i]);
}

/* Each is added after a good first record of a SECTION of 10 bytes, of which 4 are there; what it
 * carries is closed. */
static void records_that_dont_fit_are_refused(void **state)
{
	static const struct {
		struct record record;
		enum status status;
	} cases[] = {
		/* another one begins */
		{{.kind = MESSAGE_SECTION,
		  .flags = RECORD_FIRST,
		  .message_len = 10,
		  .bytes = {"ab", 2}},
		 STATUS_MALFORMED},
		/* another kind, another length */
		{{.kind = MESSAGE_ANSWER, .message_len = 10, .bytes = {"ab", 2}}, STATUS_MALFORMED},
		{{.kind = MESSAGE_SECTION, .message_len = 11, .bytes = {"ab", 2}},
		 STATUS_MALFORMED},
		/* too many bytes, too few with the last one, none */
		{{.kind = MESSAGE_SECTION, .message_len = 10, .bytes = {"abcdefg", 7}},
		 STATUS_MALFORMED},
		{{.kind = MESSAGE_SECTION,
		  .flags = RECORD_LAST,
		  .message_len = 10,
		  .bytes = {"ab", 2}},
		 STATUS_MALFORMED},
		{{.kind = MESSAGE_SECTION, .message_len = 10}, STATUS_MALFORMED},
		/* a descriptor, where there are none */
		{{.kind = MESSAGE_SECTION, .fd_count = 1, .message_len = 10, .bytes = {"ab", 2}},
		 STATUS_TOO_LARGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct message_reader reader = {.is_begun = false};
		struct upgrade_message done;
		const struct record first = {.kind = MESSAGE_SECTION,
					     .flags = RECORD_FIRST,
					     .message_len = 10,
					     .bytes = SLICE("0123")};
		int fd = cases[i].record.fd_count ? some_fd() : -1;
		assert_int_equal(message_reader_add(&reader, &first, NULL, &done), STATUS_AGAIN);
		assert_int_equal(message_reader_add(&reader, &cases[i].record, &fd, &done),
				 cases[i].status);
		assert_true(fd < 0 || !is_open(fd));
		assert_null(reader.message.data);
	}
}

static void first_records_that_dont_fit_are_refused(void **state)
{
	static const struct {
		struct record record;
		enum status status;
	} cases[] = {
		{{.kind = MESSAGE_READY, .flags = RECORD_LAST},
		 STATUS_MALFORMED}, /* not the first */
		{{.kind = 200, .flags = RECORD_FIRST | RECORD_LAST}, STATUS_MALFORMED},
		{{.kind = MESSAGE_READY, .flags = RECORD_FIRST, .message_len = 1},
		 STATUS_TOO_LARGE},
		{{.kind = MESSAGE_HELLO, .flags = RECORD_FIRST, .message_len = 4097},
		 STATUS_TOO_LARGE},
		{{.kind = MESSAGE_SECTION, .flags = RECORD_FIRST, .message_len = UINT32_MAX},
		 STATUS_TOO_LARGE},
		{{.kind = 200,
		  .flags = RECORD_FIRST | RECORD_OPTIONAL,
		  .message_len = MESSAGE_CONTROL_MAX + 1},
		 STATUS_TOO_LARGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct message_reader reader = {.is_begun = false};
		struct upgrade_message done;
		assert_int_equal(message_reader_add(&reader, &cases[i].record, NULL, &done),
				 cases[i].status);
	}
}

static void a_connection_has_two_descriptors_at_most(void **state)
{
	struct message_reader reader = {.is_begun = false};
	struct upgrade_message done;
	int fds[3] = {some_fd(), some_fd(), some_fd()};
	const struct record two = {
		.kind = MESSAGE_CONNECTION, .flags = RECORD_FIRST, .fd_count = 2, .message_len = 9};
	const struct record one = {.kind = MESSAGE_CONNECTION, .fd_count = 1, .message_len = 9};

	(void)state;
	assert_int_equal(message_reader_add(&reader, &two, fds, &done), STATUS_AGAIN);
	assert_int_equal(message_reader_add(&reader, &one, fds + 2, &done), STATUS_TOO_LARGE);
	for (int i = 0; i < 3; i++)
		assert_false(is_open(fds[i]));
}

/* Of a later release: put together, and passed over by who gets it. */
static void an_optional_unknown_kind_is_read(void **state)
{
	struct message_reader reader = {.is_begun = false};
	struct upgrade_message done;
	const struct record record = {.kind = 200,
				      .flags = RECORD_FIRST | RECORD_LAST | RECORD_OPTIONAL,
				      .message_len = 3,
				      .bytes = SLICE("new")};

	(void)state;
	assert_int_equal(message_reader_add(&reader, &record, NULL, &done), STATUS_OK);
	assert_true(done.kind >= MESSAGE_KIND_COUNT);
	assert_string_equal(message_kind_name(done.kind), "?");
	message_fini(&done);
}

/* Said to be large, but only a byte comes: memory is taken for what comes. */
static void memory_comes_with_the_bytes(void **state)
{
	struct message_reader reader = {.is_begun = false};
	struct upgrade_message done;
	const struct record record = {.kind = MESSAGE_SECTION,
				      .flags = RECORD_FIRST,
				      .message_len = MESSAGE_DATA_MAX,
				      .bytes = SLICE("x")};

	(void)state;
	assert_int_equal(message_reader_add(&reader, &record, NULL, &done), STATUS_AGAIN);
	assert_true(reader.capacity <= 2);
	message_reader_fini(&reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_without_bytes_is_one_record),
		cmocka_unit_test(bytes_and_descriptors_come_in_batches),
		cmocka_unit_test(few_bytes_with_many_descriptors),
		cmocka_unit_test(records_that_dont_fit_are_refused),
		cmocka_unit_test(first_records_that_dont_fit_are_refused),
		cmocka_unit_test(a_connection_has_two_descriptors_at_most),
		cmocka_unit_test(an_optional_unknown_kind_is_read),
		cmocka_unit_test(memory_comes_with_the_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
