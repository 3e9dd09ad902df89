/* A filter that does what its script says, and writes down what it is shown.
 *
 *   script of one callback, a letter a call, 'c' when it has ended:
 *   c continue   b buffer   p pause   r reply (403)   x reset   i inject "+", continue
 *   I inject "+" as the end, continue   a append "*", continue   B buffer, but not the end */
#ifndef TESTS_UNIT_STREAM_PROBE_H
#define TESTS_UNIT_STREAM_PROBE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/stream_fixture.h"

enum probe_event {
	PROBE_REQUEST_HEADERS,
	PROBE_REQUEST_DATA,
	PROBE_REQUEST_TRAILERS,
	PROBE_RESPONSE_HEADERS,
	PROBE_RESPONSE_DATA,
	PROBE_RESPONSE_TRAILERS,
	PROBE_EVENTS,
};

struct probe {
	char name;
	const char *script[PROBE_EVENTS]; /* NULL: continues */
};

struct probe_state {
	unsigned calls[PROBE_EVENTS];
};

static inline char probe_letter(struct filter *f, enum probe_event event)
{
	const struct probe *probe = f->config;
	struct probe_state *state = f->state;
	const char *script = probe->script[event];
	unsigned i = state->calls[event]++;
	return script && i < strlen(script) ? script[i] : 'c';
}

static inline enum filter_status probe_act(struct filter *f, enum probe_event event,
					   struct buf *data, bool end)
{
	enum direction direction =
		event < PROBE_RESPONSE_HEADERS ? DIRECTION_REQUEST : DIRECTION_RESPONSE;
	struct buf more;
	char letter = probe_letter(f, event);

	switch (letter) {
	case 'b':
		return FILTER_BUFFER;
	case 'B':
		return end ? FILTER_CONTINUE : FILTER_BUFFER;
	case 'p':
		return FILTER_PAUSE;
	case 'r':
		filter_reply(f, REPLY_DENIED);
		return FILTER_REPLIED;
	case 'x':
		stream_abort(f->stream, RESPONSE_FLAG_LOCAL_RESET, SLICE("probe"));
		return FILTER_REPLIED;
	case 'i':
	case 'I':
		buf_init(&more, &filter_worker(f)->loop->pool);
		buf_append_copy(&more, SLICE("+"));
		filter_inject(f, direction, &more, letter == 'I');
		return FILTER_CONTINUE;
	case 'a':
		buf_append_copy(data, SLICE("*"));
		return FILTER_CONTINUE;
	default:
		return FILTER_CONTINUE;
	}
}

static inline char probe_name(const struct filter *f)
{
	return ((const struct probe *)f->config)->name;
}

static inline enum filter_status probe_headers(struct filter *f, enum probe_event event, bool end)
{
	fixture_note(fixture_of(f->stream), "%c:%c%s", probe_name(f),
		     event == PROBE_REQUEST_HEADERS ? 'H' : 'h', end ? "." : "");
	return probe_act(f, event, NULL, end);
}

static inline enum filter_status probe_data(struct filter *f, enum probe_event event,
					    struct buf *data, bool end)
{
	char text[64];
	size_t len = buf_peek(data, text, sizeof text);
	char letter = event == PROBE_REQUEST_DATA ? 'D' : 'd';

	if (data->len > sizeof text)
		fixture_note(fixture_of(f->stream), "%c:%c(%zu)%s", probe_name(f), letter,
			     data->len, end ? "." : "");
	else
		fixture_note(fixture_of(f->stream), "%c:%c(%.*s)%s", probe_name(f), letter,
			     (int)len, text, end ? "." : "");
	return probe_act(f, event, data, end);
}

static inline enum filter_status probe_trailers(struct filter *f, enum probe_event event)
{
	fixture_note(fixture_of(f->stream), "%c:%c.", probe_name(f),
		     event == PROBE_REQUEST_TRAILERS ? 'T' : 't');
	return probe_act(f, event, NULL, true);
}

static enum filter_status probe_request_headers(struct filter *f, struct headers *headers, bool end)
{
	(void)headers;
	return probe_headers(f, PROBE_REQUEST_HEADERS, end);
}

static enum filter_status probe_request_data(struct filter *f, struct buf *data, bool end)
{
	return probe_data(f, PROBE_REQUEST_DATA, data, end);
}

static enum filter_status probe_request_trailers(struct filter *f, struct headers *trailers)
{
	(void)trailers;
	return probe_trailers(f, PROBE_REQUEST_TRAILERS);
}

static enum filter_status probe_response_headers(struct filter *f, struct headers *headers,
						 bool end)
{
	(void)headers;
	return probe_headers(f, PROBE_RESPONSE_HEADERS, end);
}

static enum filter_status probe_response_data(struct filter *f, struct buf *data, bool end)
{
	return probe_data(f, PROBE_RESPONSE_DATA, data, end);
}

static enum filter_status probe_response_trailers(struct filter *f, struct headers *trailers)
{
	(void)trailers;
	return probe_trailers(f, PROBE_RESPONSE_TRAILERS);
}

static const struct filter_type probe_filter = {
	.name = "probe",
	.state_size = sizeof(struct probe_state),
	.request_headers = probe_request_headers,
	.request_data = probe_request_data,
	.request_trailers = probe_request_trailers,
	.response_headers = probe_response_headers,
	.response_data = probe_response_data,
	.response_trailers = probe_response_trailers,
};

static inline struct chain_entry probe_entry(const struct probe *probe)
{
	return (struct chain_entry){.type = &probe_filter, .config = probe, .name = SLICE("probe")};
}

/* The stream's probe of that name. */
static inline struct filter *probe_find(struct stream *s, char name)
{
	for (unsigned i = 0; i < s->filter_count; i++)
		if (s->filters[i].type == &probe_filter && probe_name(&s->filters[i]) == name)
			return &s->filters[i];
	fail_msg("no filter %c", name);
	return NULL;
}

/* Plays a conversation, words with spaces between:
 *   H H. Dabc Dabc. T      the client's request        ! the client gives up
 *   h h. dabc dabc. t      the upstream's answer       i: 103 before it
 *   +a -a                  filter a resumes its request, its response
 *   u                      101 instead: from then on a tunnel
 *   S                      the test becomes the source    $ the turn ends
 *   F                      the attempt failed: S comes again when there is another */
static inline void probe_play(struct stream_fixture *f, const char *steps)
{
	char word[64];
	int used;

	for (; sscanf(steps, " %63s%n", word, &used) == 1; steps += used) {
		size_t len = strlen(word);
		bool end = word[len - 1] == '.';
		if (end)
			word[len - 1] = 0;
		switch (word[0]) {
		case 'H':
			fixture_headers(f, NULL, end);
			break;
		case 'D':
			fixture_data(f, word + 1, end);
			break;
		case 'T':
			fixture_trailers(f);
			break;
		case 'h':
			fixture_answer_headers(f, "200", end);
			break;
		case 'd':
			fixture_answer_data(f, word + 1, end);
			break;
		case 't':
			fixture_answer_trailers(f);
			break;
		case 'u':
			fixture_answer_headers(f, "101", false);
			break;
		case 'i':
			fixture_answer_headers(f, "103", false);
			break;
		case '+':
			filter_resume(probe_find(f->stream, word[1]), DIRECTION_REQUEST);
			break;
		case '-':
			filter_resume(probe_find(f->stream, word[1]), DIRECTION_RESPONSE);
			break;
		case '!':
			fixture_reset(f);
			break;
		case 'S':
			fixture_set_source(f);
			break;
		case 'F':
			fixture_clear_source(f);
			break;
		case '$':
			fixture_settle(f);
			break;
		default:
			fail_msg("what is '%s'?", word);
		}
	}
}

#endif
