/* Streams in memory: a real session and chain, with a codec that writes down what it is told, and a
 * clock that the test turns.
 *
 *   test ─ request events ─> session ─> chain: filters of the test … sink     (sink: as the router)
 *   trace <── codec <── chain <── stream_response_* <── test
 *
 * The trace, one word an event, a '.' behind it for the end of the message:
 *   R:H R:D(abc) R:T   what the sink was shown      >h200 >d(abc) >t >i103   what the codec sent
 *   >abandon >resume   the codec was told           ~pause ~resume ~cancel   the source was told
 *   ended              the stream is complete */
#ifndef SUPPORT_STREAM_FIXTURE_H
#define SUPPORT_STREAM_FIXTURE_H

#include "stream/session.h"

enum { FIXTURE_FILTERS_MAX = 8 };

struct fixture_session;

struct stream_fixture {
	struct loop loop;
	struct worker_context worker;
	struct stats *stats;
	struct pin pin;
	struct session_config config;
	struct chain_entry entries[FIXTURE_FILTERS_MAX + 1];
	struct fixture_session *session;
	struct session *session_base;     /* the session in it */
	struct stream *stream;            /* the last one begun; NULL: none, or over */
	const struct route_table *routes; /* of the streams to come; NULL: none */
	struct arena arena;               /* for what is configured */
	/* The session type's; NULL: replies stay as they are. */
	void (*amend_reply)(struct stream *s, const struct local_reply *reply,
			    struct headers *headers, struct buf *body);
	struct headers *request; /* its head */
	char trace[16384];
	unsigned trace_len;
	uint64_t flags; /* of the last stream that ended */
	char details[128];
	unsigned live_streams;
	int peer;
};

/* The filters, with the sink behind them. entries: borrowed names and configurations. */
struct stream_fixture *stream_fixture_new(const struct chain_entry *entries, unsigned count);
/* Closes what is open; fails the test if a block of memory is left. */
void stream_fixture_free(struct stream_fixture *f);

/* Begins a stream. lines: "GET /path host\nname: value…", or NULL: "GET / h". */
void fixture_headers(struct stream_fixture *f, const char *lines, bool end);
void fixture_data(struct stream_fixture *f, const char *text, bool end);
void fixture_trailers(struct stream_fixture *f);
/* The client gives up. */
void fixture_reset(struct stream_fixture *f);

/* The upstream's answer. 101 opens a tunnel; other 1xx come before the answer. */
void fixture_answer_headers(struct stream_fixture *f, const char *status, bool end);
void fixture_answer_data(struct stream_fixture *f, const char *text, bool end);
void fixture_answer_trailers(struct stream_fixture *f);
/* Makes the test the stream's source, as the router does with each attempt … */
void fixture_set_source(struct stream_fixture *f);
/* … and takes itself back when one has failed and another will follow. */
void fixture_clear_source(struct stream_fixture *f);

/* Time passes: timers fire. */
void fixture_advance(struct stream_fixture *f, uint64_t ms);
/* The end of a turn. */
void fixture_settle(struct stream_fixture *f);

PRINTF_LIKE(2, 3) void fixture_note(struct stream_fixture *f, const char *format, ...);
/* What was noted since the last call. */
const char *fixture_take(struct stream_fixture *f);
struct stream_fixture *fixture_of(const struct stream *s);

/* The response head's fields as "name=value;…", of the last one sent. */
const char *fixture_sent_headers(struct stream_fixture *f);

#endif
