/* Which protocol first bytes belong to, how many of them it takes to tell, and how long they are
 * waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "manager/sniff.h"
#include "net/conn_filter.h"
#include "support/stream_fixture.h"

static void assert_sniffed(const char *bytes, size_t len, enum sniffed protocol, size_t needs)
{
	size_t asked = 99;
	enum sniffed found = sniff_bytes(slice_make(bytes, len), &asked);

	if (asked != needs || (!needs && found != protocol))
		fail_msg("'%.*s': protocol %d, needs %zu", (int)len, bytes, (int)found, asked);
}

#define SNIFFED(bytes, protocol) assert_sniffed(bytes, sizeof bytes - 1, protocol, 0)
#define NEEDS(bytes, needs) assert_sniffed(bytes, sizeof bytes - 1, SNIFFED_OTHER, needs)

static void each_protocol(void **state)
{
	(void)state;
	SNIFFED("\xda\xbb\xc2\x00", SNIFFED_DUBBO);
	SNIFFED("\x01", SNIFFED_BOLT);
	SNIFFED("\x02\x02\x01\x00", SNIFFED_BOLT);
	SNIFFED("\x16\x03\x01\x02", SNIFFED_TLS);
	SNIFFED("PRI * HTTP/2.0\r\n", SNIFFED_HTTP2);
	SNIFFED("GET / HTTP/1.1\r\n", SNIFFED_HTTP1);
	SNIFFED("G", SNIFFED_HTTP1);
	SNIFFED("m-search * HTTP/1.1", SNIFFED_HTTP1);
	SNIFFED("\r\nGET", SNIFFED_HTTP1); /* RFC 9112 2.2: empty lines before a request */
}

static void what_is_none(void **state)
{
	(void)state;
	SNIFFED("\xda\xba", SNIFFED_OTHER);
	SNIFFED("\x16\x02", SNIFFED_OTHER);
	SNIFFED("\x00\x01", SNIFFED_OTHER);
	SNIFFED(" GET", SNIFFED_OTHER);
	SNIFFED("\x03", SNIFFED_OTHER);
	SNIFFED("\xff\xff", SNIFFED_OTHER);
}

static void too_few(void **state)
{
	(void)state;
	NEEDS("", 1);
	NEEDS("\xda", 2);
	NEEDS("\x16", 2);
	NEEDS("P", 4);
	NEEDS("PR", 4);
	NEEDS("PRI", 4);
	SNIFFED("PO", SNIFFED_HTTP1);
	SNIFFED("PRIX", SNIFFED_HTTP1);
}

/* Whatever comes, no more than SNIFF_BYTES are asked for, and so many always tell. */
static void bounded(void **state)
{
	(void)state;
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			char bytes[SNIFF_BYTES] = {(char)first, (char)second, 'I', ' '};
			size_t needs;
			for (size_t len = 0; len <= SNIFF_BYTES; len++) {
				sniff_bytes(slice_make(bytes, len), &needs);
				assert_true(needs <= SNIFF_BYTES && (!needs || needs > len));
			}
			assert_int_equal(needs, 0);
		}
	}
}

/* --- waiting, on a socket that knows no low mark */

enum { TIMEOUT_MS = 60000, LAST_MS = 1000, SOON_MS = 20 };

static const struct served_chain in_force;
static int found_count, ended_count;
static enum sniffed found_protocol;

static bool found(const void *config, enum sniffed protocol, const struct accepted *accepted)
{
	(void)config;
	found_count++;
	found_protocol = protocol;
	close(accepted->fd);
	return true;
}

static void on_ended(struct accepted_end *end, uint64_t lived_ms)
{
	(void)end;
	(void)lived_ms;
	ended_count++;
}

struct waiting {
	struct stream_fixture *f;
	struct accepted_end end;
	int client;
};

/* "P" has come: of PRI, or of a method. It was looked at until nobody is woken any more. */
static void begin_to_wait(struct waiting *w)
{
	int ends[2];

	found_count = ended_count = 0;
	w->f = stream_fixture_new(NULL, 0);
	w->end.ended = on_ended;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
			 0);
	w->client = ends[1];
	const struct accepted accepted = {
		.fd = ends[0],
		.worker = &w->f->worker,
		.listener = &w->f->pin,
		.chain = &in_force,
		.end = &w->end,
	};
	assert_int_equal(send(w->client, "P", 1, MSG_NOSIGNAL), 1);
	sniff_start(&accepted, TIMEOUT_MS, found, NULL);
	for (int i = 0; i < 3; i++)
		loop_turn(&w->f->loop, false);
	assert_int_equal(found_count, 0);
}

static void say_rest(struct waiting *w)
{
	assert_int_equal(send(w->client, "RI * ", 5, MSG_NOSIGNAL), 5);
}

static void drain(struct waiting *w)
{
	struct list_node *last = w->f->worker.served.prev;
	struct served *served = container_of(last, struct served, link);

	assert_ptr_not_equal(served, &w->f->session_base->served);
	served->type->drain(served);
}

static void end(struct waiting *w)
{
	close(w->client);
	fixture_settle(w->f);
	stream_fixture_free(w->f);
}

static void one_that_begins_while_it_is_drained_is_served_soon(void **state)
{
	struct waiting w;
	(void)state;

	begin_to_wait(&w);
	drain(&w);
	say_rest(&w);
	fixture_advance(w.f, SOON_MS);
	assert_int_equal(found_count, 1);
	assert_int_equal(found_protocol, SNIFFED_HTTP2);
	end(&w);
}

static void one_that_begins_late_is_served_at_the_last_look(void **state)
{
	struct waiting w;
	(void)state;

	begin_to_wait(&w);
	drain(&w);
	fixture_advance(w.f, LAST_MS - 1);
	assert_int_equal(ended_count, 0);
	say_rest(&w);
	fixture_advance(w.f, 1);
	assert_int_equal(found_count, 1);
	assert_int_equal(found_protocol, SNIFFED_HTTP2);
	end(&w);
}

static void one_that_says_too_little_is_closed_by_a_drain(void **state)
{
	struct waiting w;
	char byte;
	(void)state;

	begin_to_wait(&w);
	drain(&w);
	fixture_advance(w.f, LAST_MS - 1);
	assert_int_equal(ended_count, 0);
	fixture_advance(w.f, 1);
	assert_int_equal(ended_count, 1);
	assert_int_equal(found_count, 0);
	assert_true(!recv(w.client, &byte, 1, MSG_DONTWAIT) || errno == ECONNRESET);
	end(&w);
}

static void one_that_says_too_little_is_of_no_protocol_in_the_end(void **state)
{
	struct waiting w;
	(void)state;

	begin_to_wait(&w);
	fixture_advance(w.f, TIMEOUT_MS);
	assert_int_equal(found_count, 1);
	assert_int_equal(found_protocol, SNIFFED_OTHER);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_protocol),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(too_few),
		cmocka_unit_test(bounded),
		cmocka_unit_test(one_that_begins_while_it_is_drained_is_served_soon),
		cmocka_unit_test(one_that_begins_late_is_served_at_the_last_look),
		cmocka_unit_test(one_that_says_too_little_is_closed_by_a_drain),
		cmocka_unit_test(one_that_says_too_little_is_of_no_protocol_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
