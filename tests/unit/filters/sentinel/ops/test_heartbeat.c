#include "ops_support.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "filters/sentinel/ops/heartbeat.h"

static void the_request_is_that_of_java_s_sender(void **state)
{
	struct text out = {0};
	(void)state;

	heartbeat_request(&out,
			  &(struct heartbeat_options){.application = SLICE("démo app&x"),
						      .hostname = SLICE("vm-1"),
						      .ip = SLICE("192.0.2.2")},
			  SLICE("dash"), 8720, t0);
	assert_slice(text_slice(&out),
		     "POST /registry/machine HTTP/1.1\r\n"
		     "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
		     "Host: dash\r\nContent-Length: 99\r\nConnection: close\r\n\r\n"
		     "app=d%C3%A9mo+app%26x&hostname=vm-1&app_type=0&port=8720&v=1.8.9&ip=192.0.2.2"
		     "&version=1700000000000");
	text_free(&out);
}

static void dashboards_are_listed_as_in_java(void **state)
{
	struct dashboard found[HEARTBEAT_DASHBOARDS_MAX];
	char many[512] = "";
	(void)state;

	assert_int_equal(heartbeat_dashboards(SLICE(" a:8080, http://b ,,c:1/,https://d:1,:9,e:x,"
						    "f:70000"),
					      found),
			 3);
	assert_slice(found[0].host, "a");
	assert_int_equal(found[0].port, 8080);
	assert_slice(found[1].host, "b");
	assert_int_equal(found[1].port, 80);
	assert_slice(found[2].host, "c");
	assert_int_equal(found[2].port, 1);
	for (int i = 0; i < 40; i++)
		strcat(many, "h:1,");
	assert_int_equal(heartbeat_dashboards(slice_of(many), found), HEARTBEAT_DASHBOARDS_MAX);
	assert_int_equal(heartbeat_dashboards(SLICE(""), found), 0);
	assert_null(heartbeat_start(&(struct heartbeat_options){.dashboards = SLICE(" , ")}));
}

/* --- sending --- */

static int listen_here(uint16_t *port)
{
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof own;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0 && !bind(fd, (struct sockaddr *)&own, len) && !listen(fd, 8));
	assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
	*port = ntohs(own.sin_port);
	return fd;
}

static bool comes(int fd, int wait_ms)
{
	struct pollfd ask = {.fd = fd, .events = POLLIN};
	return poll(&ask, 1, wait_ms) > 0;
}

static struct heartbeat *start(const char *dashboards, uint32_t first_ms)
{
	return heartbeat_start(&(struct heartbeat_options){.dashboards = slice_of(dashboards),
							   .application = SLICE("demo"),
							   .hostname = SLICE("vm"),
							   .ip = SLICE("192.0.2.2"),
							   .first_ms = first_ms,
							   .interval_ms = 20});
}

static void every_dashboard_is_told_again_and_again(void **state)
{
	uint16_t a_port, b_port;
	int a = listen_here(&a_port), b = listen_here(&b_port);
	char list[64], bytes[1024];
	(void)state;

	snprintf(list, sizeof list, "127.0.0.1:%u,127.0.0.1:1,localhost:%u", a_port, b_port);
	struct heartbeat *heartbeat = start(list, 1);
	assert_false(comes(a, 100)); /* the command centre has no port yet */
	heartbeat_set_port(heartbeat, 8719);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 2; i++) {
			int listener = i ? b : a;
			assert_true(comes(listener, 5000));
			int fd = accept(listener, NULL, NULL);
			ssize_t n = recv(fd, bytes, sizeof bytes - 1, 0);
			assert_true(n > 0);
			bytes[n] = 0;
			assert_non_null(strstr(bytes, "&port=8719&"));
			assert_int_equal(send(fd, "HTTP/1.1 200 OK\r\n\r\n", 19, 0), 19);
			close(fd);
		}
	heartbeat_stop(heartbeat);
	close(a);
	close(b);
}

/* It neither answers nor reads: stopping doesn't wait for it. */
static void a_dashboard_that_hangs_holds_up_nobody(void **state)
{
	uint16_t port;
	int fd = listen_here(&port);
	char list[64];
	(void)state;

	snprintf(list, sizeof list, "127.0.0.1:%u", port);
	struct heartbeat *heartbeat = start(list, 1);
	heartbeat_set_port(heartbeat, 8719);
	assert_true(comes(fd, 5000));
	heartbeat_stop(heartbeat);
	int peer = accept(fd, NULL, NULL);
	struct pollfd ask = {.fd = peer, .events = POLLRDHUP};
	assert_int_equal(poll(&ask, 1, HEARTBEAT_TIMEOUT_MS), 1); /* given up at once */
	close(peer);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_is_that_of_java_s_sender),
		cmocka_unit_test(dashboards_are_listed_as_in_java),
		cmocka_unit_test(every_dashboard_is_told_again_and_again),
		cmocka_unit_test(a_dashboard_that_hangs_holds_up_nobody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
