#include "filters/sentinel/nacos/nacos_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/attributes.h"

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void nacos_session_init(struct nacos_session *session, const struct nacos_options *options,
			int wake_fd)
{
	struct slice wrong;

	*session = (struct nacos_session){.options = options, .wake_fd = wake_fd};
	session->server_count = nacos_servers(options->servers, session->servers, &wrong);
	invariant(session->server_count);
}

void nacos_session_fini(struct nacos_session *session)
{
	free(session->token);
}

const struct nacos_server *nacos_session_next(struct nacos_session *session)
{
	const struct nacos_server *server = &session->servers[session->server];

	session->server = (session->server + 1) % session->server_count;
	return server;
}

/* An exchange with the server whose turn it is. Takes the request. */
static enum status ask(struct nacos_session *session, struct text *request, uint32_t timeout_ms,
		       size_t body_max, struct nacos_answer *answer)
{
	const struct nacos_ask ask = {
		.server = &session->servers[session->server],
		.request = text_slice(request),
		.timeout_ms = timeout_ms,
		.body_max = body_max,
		.wake_fd = session->wake_fd,
	};
	enum status status = nacos_exchange(&ask, answer);

	explicit_bzero(request->data, request->len); /* a password, a token */
	text_free(request);
	return status;
}

static struct nacos_place place_of(const struct nacos_session *session)
{
	return (struct nacos_place){
		.server = &session->servers[session->server],
		.context_path = session->options->context_path,
		.token = session->token ? slice_of(session->token) : SLICE(""),
	};
}

static void forget_token(struct nacos_session *session)
{
	free(session->token);
	session->token = NULL;
}

/* What is no 200 is an error; of 403 the token is to blame. */
static enum status judge(struct nacos_session *session, const struct nacos_answer *answer)
{
	if (answer->status == 200)
		return STATUS_OK;
	if (answer->status == 403 || answer->status == 401)
		forget_token(session);
	return answer->status == 403 || answer->status == 401 ? status_of_errno(EACCES)
							      : STATUS_INVALID;
}

enum status nacos_session_login(struct nacos_session *session)
{
	struct text request = {0};
	struct nacos_answer answer;
	uint64_t ttl_s;
	enum status status;

	if (!session->options->username.len ||
	    (session->token && clock_ms() < session->token_end_ms))
		return STATUS_OK;
	forget_token(session);
	const struct nacos_place place = place_of(session);
	nacos_login_request(&request, &place, session->options->username,
			    session->options->password);
	status = ask(session, &request, NACOS_REQUEST_TIMEOUT_MS, NACOS_HEAD_MAX, &answer);
	if (!status)
		status = judge(session, &answer);
	if (!status && !nacos_read_login(text_slice(&answer.body), &session->token, &ttl_s))
		status = STATUS_MALFORMED;
	if (!status)
		session->token_end_ms =
			clock_ms() + (int64_t)(ttl_s < 1000000 ? ttl_s : 1000000) * 900;
	text_free(&answer.body);
	return status;
}

/* What says that it isn't allowed is asked once more with a new token. */
static bool may_log_in(const struct nacos_session *session, enum status status)
{
	return status == status_of_errno(EACCES) && session->options->username.len;
}

static enum status get(struct nacos_session *session, const struct nacos_name *name,
		       struct text *body, char md5[static MD5_HEX_SIZE])
{
	const struct nacos_place place = place_of(session);
	struct text request = {0};
	struct nacos_answer answer;
	enum status status;

	nacos_get_request(&request, &place, name);
	status = ask(session, &request, NACOS_REQUEST_TIMEOUT_MS, NACOS_TEXT_MAX, &answer);
	if (!status)
		status = answer.status == 404 ? STATUS_NOT_FOUND : judge(session, &answer);
	if (!status) {
		md5_hex(text_slice(&answer.body), md5);
		if (answer.md5[0] && strcmp(answer.md5, md5))
			status = STATUS_MALFORMED;
	}
	if (status)
		text_free(&answer.body);
	else
		*body = answer.body;
	return status;
}

enum status nacos_session_get(struct nacos_session *session, const struct nacos_name *name,
			      struct text *body, char md5[static MD5_HEX_SIZE])
{
	enum status status = get(session, name, body, md5);

	if (may_log_in(session, status) && !nacos_session_login(session))
		status = get(session, name, body, md5);
	return status;
}

static enum status hear(struct nacos_session *session, struct slice list, bool hangs,
			uint32_t timeout_ms, struct text *changes)
{
	const struct nacos_place place = place_of(session);
	struct text request = {0};
	struct nacos_answer answer;
	enum status status;

	nacos_listen_request(&request, &place, list, session->options->long_poll_ms, hangs);
	status = ask(session, &request, timeout_ms, NACOS_LIST_MAX, &answer);
	if (!status)
		status = judge(session, &answer);
	if (!status && !nacos_is_change_list(text_slice(&answer.body)))
		status = STATUS_MALFORMED;
	*changes = answer.body;
	return status;
}

enum status nacos_session_listen(struct nacos_session *session, struct slice list, bool hangs,
				 uint32_t timeout_ms, struct text *changes)
{
	enum status status = hear(session, list, hangs, timeout_ms, changes);

	if (!may_log_in(session, status))
		return status;
	text_free(changes);
	status = nacos_session_login(session);
	return status ? status : hear(session, list, hangs, timeout_ms, changes);
}
