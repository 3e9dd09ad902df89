/* An HTTP/1.1 server of this process: a thread that answers each request of many connections the
 * same way, at once or when it is let go. */
#ifndef TESTS_UPSTREAM_HTTP_SERVER_H
#define TESTS_UPSTREAM_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hosts.h"

enum { HTTP_SERVER_CONNS = 32, HTTP_SERVER_TICK_MS = 2 };

struct http_server_conn {
	int fd;
	unsigned owed; /* requests without an answer */
};

struct http_server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const char *answer; /* atomic */
	bool is_held;       /* atomic: no answers for now */
	bool closes_idle;   /* atomic: connections without a request are closed, once */
	bool is_stopping;   /* atomic */
	unsigned accepted, requests, open; /* atomic */
	struct http_server_conn conns[HTTP_SERVER_CONNS];
};

#define SERVER_GET(field) __atomic_load_n(&(field), __ATOMIC_SEQ_CST)
#define SERVER_SET(field, value) __atomic_store_n(&(field), value, __ATOMIC_SEQ_CST)

static inline void http_server_close(struct http_server *server, struct http_server_conn *conn)
{
	close(conn->fd);
	conn->fd = -1;
	__atomic_sub_fetch(&server->open, 1, __ATOMIC_SEQ_CST);
}

static inline void http_server_read(struct http_server *server, struct http_server_conn *conn)
{
	char buffer[4096];
	ssize_t n = read(conn->fd, buffer, sizeof buffer - 1);

	if (n <= 0) {
		http_server_close(server, conn);
		return;
	}
	buffer[n] = 0;
	for (const char *p = buffer; (p = strstr(p, "\r\n\r\n")); p += 4) {
		conn->owed++;
		__atomic_add_fetch(&server->requests, 1, __ATOMIC_SEQ_CST);
	}
}

static inline void http_server_accept(struct http_server *server)
{
	int fd = accept(server->fd, NULL, NULL);

	for (int i = 0; fd >= 0 && i < HTTP_SERVER_CONNS; i++) {
		if (server->conns[i].fd >= 0)
			continue;
		server->conns[i] = (struct http_server_conn){.fd = fd};
		__atomic_add_fetch(&server->accepted, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&server->open, 1, __ATOMIC_SEQ_CST);
		return;
	}
	abort();
}

static inline void http_server_tick(struct http_server *server)
{
	bool closes_idle = SERVER_GET(server->closes_idle), is_held = SERVER_GET(server->is_held);
	const char *answer = SERVER_GET(server->answer);

	for (int i = 0; i < HTTP_SERVER_CONNS; i++) {
		struct http_server_conn *conn = &server->conns[i];
		for (; conn->fd >= 0 && conn->owed && !is_held; conn->owed--)
			if (!*answer || write(conn->fd, answer, strlen(answer)) < 0) {
				http_server_close(server, conn);
				break;
			}
		if (conn->fd >= 0 && !conn->owed && closes_idle)
			http_server_close(server, conn);
	}
	if (closes_idle)
		SERVER_SET(server->closes_idle, false);
}

static inline void *http_server_run(void *context)
{
	struct http_server *server = context;
	struct pollfd polls[HTTP_SERVER_CONNS + 1];

	while (!SERVER_GET(server->is_stopping)) {
		polls[HTTP_SERVER_CONNS] = (struct pollfd){.fd = server->fd, .events = POLLIN};
		for (int i = 0; i < HTTP_SERVER_CONNS; i++)
			polls[i] = (struct pollfd){.fd = server->conns[i].fd, .events = POLLIN};
		poll(polls, HTTP_SERVER_CONNS + 1, HTTP_SERVER_TICK_MS);
		for (int i = 0; i < HTTP_SERVER_CONNS; i++)
			if (server->conns[i].fd >= 0 && polls[i].revents)
				http_server_read(server, &server->conns[i]);
		if (polls[HTTP_SERVER_CONNS].revents)
			http_server_accept(server);
		http_server_tick(server);
	}
	for (int i = 0; i < HTTP_SERVER_CONNS; i++)
		if (server->conns[i].fd >= 0)
			close(server->conns[i].fd);
	return NULL;
}

static inline void http_server_start(struct http_server *server)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof name;

	memset(server, 0, sizeof *server);
	server->answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
	for (int i = 0; i < HTTP_SERVER_CONNS; i++)
		server->conns[i].fd = -1;
	server->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&name, len), 0);
	assert_int_equal(listen(server->fd, 64), 0);
	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&name, &len), 0);
	server->port = ntohs(name.sin_port);
	assert_int_equal(pthread_create(&server->thread, NULL, http_server_run, server), 0);
}

static inline void http_server_stop(struct http_server *server)
{
	SERVER_SET(server->is_stopping, true);
	pthread_join(server->thread, NULL);
	close(server->fd);
}

#endif
