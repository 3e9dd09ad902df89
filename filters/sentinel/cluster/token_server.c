#include "filters/sentinel/cluster/token_server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "filters/sentinel/cluster/token_desk.h"
#include "filters/sentinel/cluster/token_session.h"

enum { BACKLOG = 128 };

void token_server_lock(struct token_server *server)
{
	pthread_mutex_lock(&server->lock);
}

void token_server_unlock(struct token_server *server)
{
	pthread_mutex_unlock(&server->lock);
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t token_server_now_ms(const struct token_server *server)
{
	return server->wall_offset_ms + clock_ms(CLOCK_MONOTONIC);
}

/* --- questions of this process's workers --- */

static void answer(struct token_server *server, struct slice frame, struct token_answer *answer)
{
	struct token_request request;
	struct token_response response = {.status = TOKEN_FAIL};
	struct slice payload;

	server->counts.local++;
	if (token_read_frame(frame, &payload) > 0 && !token_read_request(payload, &request))
		token_arbiter_ask(&server->arbiter, &request, token_server_now_ms(server),
				  &response);
	*answer = (struct token_answer){response.status, response.wait_ms};
}

static void take_question(struct doorbell *bell, struct note *note)
{
	struct token_server *server = container_of(bell, struct token_server, bell);
	struct question *question = container_of(note, struct question, note);
	struct token_answer given = {.status = TOKEN_FAIL};

	token_server_lock(server);
	if (server->is_on)
		answer(server, slice_make(question->frame, question->size), &given);
	token_server_unlock(server);
	token_desk_answer(question, given);
}

/* --- listening --- */

static void on_accepted(struct acceptor *acceptor, int fd, const struct addr *remote)
{
	struct token_server *server = container_of(acceptor, struct token_server, acceptor);

	token_server_lock(server);
	bool has_room = server->session_count < server->wanted.connections_max;
	if (!has_room)
		server->counts.over_limit++;
	token_server_unlock(server);
	if (has_room)
		token_session_open(server, fd, remote);
	else
		close(fd);
}

static void set_state(struct token_server *server, enum token_server_state state)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof own;

	token_server_lock(server);
	server->state = state;
	if (state == TOKEN_SERVER_STARTED &&
	    !getsockname(server->fd, (struct sockaddr *)&own, &len))
		addr_from_sockaddr(&own, len, &server->bound, NULL);
	token_server_unlock(server);
}

static void start(struct token_server *server)
{
	static const struct listen_options options = {.backlog = BACKLOG};
	char text[ADDR_TEXT_MAX];

	addr_format(&server->listens, text);
	server->fd = listen_socket_open(&server->listens, &options);
	if (server->fd < 0) {
		if (!server->tries++)
			log_warn(SENTINEL, "token server: %s: %s", text,
				 status_text((enum status)server->fd));
		uint64_t delay_ms = (uint64_t)TOKEN_BIND_MS * server->tries;
		timer_start(&server->loop.wheel, &server->bind_timer,
			    delay_ms < TOKEN_BIND_MAX_MS ? delay_ms : TOKEN_BIND_MAX_MS);
		set_state(server, TOKEN_SERVER_STARTING);
		return;
	}
	acceptor_start(&server->acceptor, &server->loop, server->fd, on_accepted);
	set_state(server, TOKEN_SERVER_STARTED);
	addr_format(&server->bound, text); /* written by this thread alone */
	log_info(SENTINEL, "token server listens on %s", text);
}

static void on_bind_timer(struct timer *timer)
{
	start(container_of(timer, struct token_server, bind_timer));
}

static void stop(struct token_server *server)
{
	timer_cancel(&server->loop.wheel, &server->bind_timer);
	if (server->fd >= 0) {
		acceptor_stop(&server->acceptor);
		close(server->fd);
	}
	server->fd = -1;
	server->tries = 0;
	set_state(server, TOKEN_SERVER_OFF);
	token_server_lock(server);
	while (!list_is_empty(&server->sessions))
		token_session_close(
			container_of(server->sessions.next, struct token_session, link));
	token_server_unlock(server);
}

/* --- its thread --- */

static bool is_same(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && (a->family == ADDR_NONE || addr_equal(a, b));
}

/* Something is wanted. */
static void on_woken(struct loop *loop)
{
	struct token_server *server = container_of(loop, struct token_server, loop);
	struct addr wanted = {.family = ADDR_NONE};

	token_server_lock(server);
	bool is_stopping = server->is_stopping;
	if (server->is_on)
		wanted = server->wanted.addr;
	token_server_unlock(server);
	if (!is_same(&wanted, &server->listens)) {
		stop(server);
		server->listens = wanted;
		if (wanted.family != ADDR_NONE)
			start(server);
	}
	if (is_stopping)
		loop_stop(loop);
}

static void *run(void *arg)
{
	struct token_server *server = arg;

	loop_run(&server->loop);
	return NULL;
}

static enum status start_thread(struct token_server *server)
{
	sigset_t all, before;

	sigfillset(&all); /* signals are main's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&server->thread, NULL, run, server);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	server->has_thread = !error;
	if (error)
		return STATUS_EXHAUSTED;
	pthread_setname_np(server->thread, "sentinel tokens");
	return STATUS_OK;
}

/* --- main --- */

struct token_server *token_server_new(uint64_t seed)
{
	struct token_server *server = calloc(1, sizeof(*server));

	invariant(server);
	if (loop_init(&server->loop, server)) {
		free(server);
		return NULL;
	}
	server->loop.shares_fds = true; /* a successor of this process may be being started */
	if (doorbell_open(&server->bell, &server->loop, take_question)) {
		loop_fini(&server->loop);
		free(server);
		return NULL;
	}
	server->loop.woken = on_woken;
	server->wall_offset_ms = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_MONOTONIC);
	server->fd = -1;
	timer_init(&server->bind_timer, on_bind_timer);
	pthread_mutex_init(&server->lock, NULL);
	list_init(&server->sessions);
	token_arbiter_init(&server->arbiter, seed);
	return server;
}

void token_server_close(struct token_server *server)
{
	token_server_lock(server);
	server->is_stopping = true;
	server->is_on = false;
	token_server_unlock(server);
	if (server->has_thread) {
		loop_wake(&server->loop);
		pthread_join(server->thread, NULL);
	}
	server->has_thread = false;
	doorbell_rest(&server->bell);
	loop_settle(&server->loop);
}

static void free_question(struct note *note)
{
	free(container_of(note, struct question, note));
}

void token_server_free(struct token_server *server)
{
	if (!server)
		return;
	invariant(server->is_stopping);
	doorbell_close(&server->bell, free_question);
	loop_fini(&server->loop);
	token_arbiter_fini(&server->arbiter);
	pthread_mutex_destroy(&server->lock);
	free((char *)(uintptr_t)server->own_name.data);
	free(server);
}

/* The application is a client of its own server, while that is on. With the lock. */
static void count_own(struct token_server *server)
{
	if (server->own)
		token_arbiter_leave(&server->arbiter, server->own);
	server->own = server->is_on ? token_arbiter_join(&server->arbiter, server->own_name) : NULL;
}

enum status token_server_listen(struct token_server *server, const struct token_listen *listen,
				bool is_on)
{
	enum status status = STATUS_OK;

	if (is_on && !server->has_thread)
		status = start_thread(server);
	token_server_lock(server);
	server->wanted = *listen;
	server->is_on = is_on && !status;
	count_own(server);
	token_server_unlock(server);
	if (server->has_thread)
		loop_wake(&server->loop);
	return status;
}

static void set_own_name(struct token_server *server, struct slice name)
{
	char *copy = malloc(name.len + 1);

	invariant(copy);
	if (name.len)
		memcpy(copy, name.data, name.len);
	free((char *)(uintptr_t)server->own_name.data);
	server->own_name = slice_make(copy, name.len);
	count_own(server);
}

void token_server_serve(struct token_server *server, struct slice own_name,
			const struct slice *names, size_t count)
{
	struct slice *all = calloc(count + 1, sizeof(*all));

	invariant(all);
	all[0] = own_name;
	if (count)
		memcpy(all + 1, names, count * sizeof(*all));
	token_server_lock(server);
	if (!slice_equal(own_name, server->own_name))
		set_own_name(server, own_name);
	token_arbiter_serve(&server->arbiter, all, count + 1);
	token_server_unlock(server);
	free(all);
}
