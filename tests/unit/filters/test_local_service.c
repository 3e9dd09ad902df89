/* Connections that have no upstream: a text and the end, or what came, back. */
#include "filter_support.h"

#include <sys/socket.h>
#include <unistd.h>

#include "filters/local_service/local_service.h"
#include "net/served.h"

struct client {
	struct stream_fixture *f;
	struct accepted_end end;
	int fd, ended;
};

static void note_ended(struct accepted_end *end, uint64_t lived_ms)
{
	(void)lived_ms;
	container_of(end, struct client, end)->ended++;
}

static void connect_client(struct client *client, const struct conn_filter_type *type,
			   const char *yaml)
{
	static const struct served_chain chain = {.name = SLICE("chain")};
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	struct config_context context;
	struct diag diag = {0};
	const void *config = NULL;
	int fds[2];

	filter_context(&context, f, &f->arena);
	if (type->config_load(&config, filter_message(&f->arena, type->message, yaml), &context,
			      &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	*client = (struct client){.f = f, .end = {note_ended}, .fd = fds[0]};
	type->serve(config, &(struct accepted){.fd = fds[1],
					       .worker = &f->worker,
					       .listener = &f->pin,
					       .chain = &chain,
					       .end = &client->end});
	loop_turn(&f->loop, false);
}

/* What has come; "(end)" behind it when the connection has ended. */
static const char *received(struct client *client)
{
	static char text[128];
	size_t len = 0;
	ssize_t n;

	loop_turn(&client->f->loop, false);
	while ((n = read(client->fd, text + len, sizeof text - 8 - len)) > 0)
		len += (size_t)n;
	snprintf(text + len, sizeof text - len, "%s", n ? "" : "(end)");
	return text;
}

static void leave(struct client *client)
{
	close(client->fd);
	loop_turn(&client->f->loop, false);
	loop_turn(&client->f->loop, false);
	assert_int_equal(client->ended, 1);
	stream_fixture_free(client->f);
}

static void the_text_and_the_end(void **state)
{
	struct client client;
	(void)state;

	connect_client(&client, &direct_response_filter, "{response: {inline_string: go away}}");
	assert_string_equal(received(&client), "go away");
	shutdown(client.fd, SHUT_WR); /* it was waited for, so that nothing is lost */
	loop_turn(&client.f->loop, false);
	assert_string_equal(received(&client), "(end)");
	leave(&client);
}

static void no_text_is_the_end_alone(void **state)
{
	struct client client;
	(void)state;

	connect_client(&client, &direct_response_filter, "{}");
	shutdown(client.fd, SHUT_WR);
	loop_turn(&client.f->loop, false);
	assert_string_equal(received(&client), "(end)");
	leave(&client);
}

static void what_came_goes_back(void **state)
{
	struct client client;
	(void)state;

	connect_client(&client, &echo_filter, "{}");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(write(client.fd, "hello", 5), 5);
		loop_turn(&client.f->loop, false);
		assert_string_equal(received(&client), "hello");
	}
	shutdown(client.fd, SHUT_WR);
	loop_turn(&client.f->loop, false);
	assert_string_equal(received(&client), "(end)");
	leave(&client);
}

static void a_text_that_is_not_there_is_refused(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	struct config_context context;
	struct diag diag = {0};
	const void *config;
	(void)state;

	filter_context(&context, f, &f->arena);
	assert_int_equal(direct_response_filter.config_load(
				 &config,
				 filter_message(&f->arena, direct_response_filter.message,
						"{response: {filename: /none}}"),
				 &context, &diag),
			 STATUS_INVALID);
	assert_string_equal(diag.path, "response.filename");
	stream_fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_and_the_end),
		cmocka_unit_test(no_text_is_the_end_alone),
		cmocka_unit_test(what_came_goes_back),
		cmocka_unit_test(a_text_that_is_not_there_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
