/* The contract of message filters, one conversation a row; test_chain_all.c plays all of them. */
#include "probe.h"

#define RQH PROBE_REQUEST_HEADERS
#define RQD PROBE_REQUEST_DATA
#define RQT PROBE_REQUEST_TRAILERS
#define RSH PROBE_RESPONSE_HEADERS
#define RSD PROBE_RESPONSE_DATA
#define RST PROBE_RESPONSE_TRAILERS

struct row {
	const char *what;
	struct probe a, b;
	const char *steps, *trace;
};

#define A(...)                                                                                     \
	{                                                                                          \
		'a',                                                                               \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define B(...)                                                                                     \
	{                                                                                          \
		'b',                                                                               \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define NONE [RQH] = NULL

static void play(const struct row *row)
{
	struct chain_entry entries[] = {probe_entry(&row->a), probe_entry(&row->b)};
	struct stream_fixture *f = stream_fixture_new(entries, 2);

	probe_play(f, row->steps);
	const char *trace = fixture_take(f);
	if (strcmp(trace, row->trace))
		fail_msg("%s: %s\n  is      %s\n  must be %s", row->what, row->steps, trace,
			 row->trace);
	stream_fixture_free(f);
}

static void play_all(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		play(&rows[i]);
}

static void continuing_filters_see_everything_in_order(void **state)
{
	static const struct row rows[] = {
		{"headers only", A(NONE), B(NONE), "H. h.",
		 "a:H. b:H. R:H. b:h. a:h. >h200. ended"},
		{"with bodies", A(NONE), B(NONE), "H Dab Dc. h dx dy.",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:D(c). b:D(c). R:D(c). "
		 "b:h a:h >h200 b:d(x) a:d(x) >d(x) b:d(y). a:d(y). >d(y). ended"},
		{"with trailers", A(NONE), B(NONE), "H Dab T h dx t",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:T. b:T. R:T. "
		 "b:h a:h >h200 b:d(x) a:d(x) >d(x) b:t. a:t. >t. ended"},
		{"1xx is shown to nobody", A(NONE), B(NONE), "H. i h.",
		 "a:H. b:H. R:H. >i103 b:h. a:h. >h200. ended"},
		{"1xx after the head is dropped", A(NONE), B(NONE), "H. h i d.",
		 "a:H. b:H. R:H. b:h a:h >h200 b:d(). a:d(). >d(). ended"},
		{"data is changed in place", A([RQD] = "a"), B(NONE), "H Dab. h.",
		 "a:H b:H R:H a:D(ab). b:D(ab*). R:D(ab*). b:h. a:h. >h200. ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

static void a_pause_holds_all_that_follows(void **state)
{
	static const struct row rows[] = {
		{"in headers, which end it", A([RQH] = "p"), B(NONE), "H. +a h.",
		 "a:H. b:H. R:H. >resume b:h. a:h. >h200. ended"},
		{"in headers, the body waits unseen", A([RQH] = "p"), B(NONE), "H Dab Dc. +a h.",
		 "a:H b:H R:H a:D(abc). b:D(abc). R:D(abc). >resume b:h. a:h. >h200. ended"},
		{"across turns", A([RQH] = "p"), B(NONE), "H Dab $ Dc $ T $ +a h.",
		 "a:H b:H R:H a:D(abc) b:D(abc) R:D(abc) a:T. b:T. R:T. >resume b:h. a:h. >h200. "
		 "ended"},
		{"in data", A([RQD] = "p"), B(NONE), "H Dab Dc. +a h.",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:D(c). b:D(c). R:D(c). >resume b:h. a:h. "
		 ">h200. ended"},
		{"in trailers", A([RQT] = "p"), B(NONE), "H Dab T +a h.",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:T. b:T. R:T. >resume b:h. a:h. >h200. "
		 "ended"},
		{"again as soon as it is resumed", A([RQH] = "p", [RQD] = "p"), B(NONE),
		 "H Dab. +a +a h.",
		 "a:H b:H R:H a:D(ab). b:D(ab). R:D(ab). >resume b:h. a:h. "
		 ">h200. ended"},
		{"of two filters", A([RQH] = "p"), B([RQH] = "p"), "H Dab. +a +b h.",
		 "a:H b:H a:D(ab). R:H b:D(ab). R:D(ab). >resume b:h. a:h. >h200. ended"},
		{"the second is resumed first: nothing", A([RQH] = "p"), B([RQH] = "p"),
		 "H Dab. +b +a +b h.",
		 "a:H b:H a:D(ab). R:H b:D(ab). R:D(ab). >resume b:h. a:h. >h200. ended"},
		{"of the response", A(NONE), B([RSH] = "p"), "H. S h dx dy. -b",
		 "a:H. b:H. R:H. b:h ~pause a:h >h200 b:d(xy). a:d(xy). >d(xy). ended"},
		{"of the response's data", A([RSD] = "p"), B(NONE), "H. S h dx -a dy.",
		 "a:H. b:H. R:H. b:h a:h >h200 b:d(x) a:d(x) ~pause >d(x) ~resume b:d(y). a:d(y). "
		 ">d(y). ended"},
		{"resuming what isn't paused does nothing", A(NONE), B(NONE), "H +a Dx. -b h.",
		 "a:H b:H R:H a:D(x). b:D(x). R:D(x). b:h. a:h. >h200. ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

static void a_buffering_filter_sees_all_and_passes_on_at_once(void **state)
{
	static const struct row rows[] = {
		{"a whole body", A([RQH] = "b", [RQD] = "bb"), B(NONE), "H Dab Dc De. h.",
		 "a:H a:D(ab) a:D(c) a:D(e). b:H R:H b:D(abce). R:D(abce). b:h. a:h. >h200. ended"},
		{"until trailers", A([RQH] = "b", [RQD] = "b"), B(NONE), "H Dab T h.",
		 "a:H a:D(ab) a:T. b:H R:H b:D(ab) R:D(ab) b:T. R:T. b:h. a:h. >h200. ended"},
		{"both of them", A([RQH] = "b", [RQD] = "b"), B([RQH] = "b"), "H Dab Dc. h.",
		 "a:H a:D(ab) a:D(c). b:H b:D(abc). R:H R:D(abc). b:h. a:h. >h200. ended"},
		{"a body, then a pause at its end", A([RQH] = "b", [RQD] = "bp"), B(NONE),
		 "H Dab Dc. $ +a h.",
		 "a:H a:D(ab) a:D(c). b:H R:H b:D(abc). R:D(abc). >resume b:h. a:h. >h200. ended"},
		{"authorisation before a whole body", A([RQH] = "p"), B([RQH] = "b", [RQD] = "b"),
		 "H Dab $ +a Dc. h.",
		 "a:H b:H a:D(ab) b:D(ab) >resume a:D(c). b:D(c). R:H R:D(abc). b:h. a:h. >h200. "
		 "ended"},
		{"the response's headers until its end", A([RSH] = "b", [RSD] = "b"), B(NONE),
		 "H. h dx dy.",
		 "a:H. b:H. R:H. b:h a:h b:d(x) a:d(x) b:d(y). a:d(y). >h200 "
		 ">d(xy). ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

static void injected_bytes_follow_what_was_shown(void **state)
{
	static const struct row rows[] = {
		{"a body for a message without one", A([RQH] = "I"), B(NONE), "H. h.",
		 "a:H. b:H R:H b:D(+). R:D(+). b:h. a:h. >h200. ended"},
		{"before a body", A([RQH] = "i"), B(NONE), "H Dab. h.",
		 "a:H b:H R:H b:D(+) R:D(+) a:D(ab). b:D(ab). R:D(ab). b:h. a:h. >h200. ended"},
		{"a body for an answer without one", A(NONE), B([RSH] = "I"), "H. h.",
		 "a:H. b:H. R:H. b:h. a:h >h200 a:d(+). >d(+). ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

static void a_reply_from_anywhere_passes_the_response_filters_once(void **state)
{
	static const struct row rows[] = {
		{"from headers", A([RQH] = "r"), B(NONE), "H.",
		 "a:H. b:h a:h >h403 b:d(denied). a:d(denied). >d(denied). ended"},
		{"from the second's headers", A(NONE), B([RQH] = "r"), "H.",
		 "a:H. b:H. b:h a:h >h403 b:d(denied). a:d(denied). >d(denied). ended"},
		{"from data, the rest of the request is dropped", A(NONE), B([RQD] = "r"),
		 "H Dab Dc.",
		 "a:H b:H R:H a:D(ab) b:D(ab) b:h a:h >h403 b:d(denied). "
		 "a:d(denied). >d(denied). >abandon ended"},
		{"from trailers", A([RQT] = "r"), B(NONE), "H Dab T",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:T. b:h a:h >h403 b:d(denied). "
		 "a:d(denied). >d(denied). ended"},
		{"from behind a pause", A([RQH] = "p", [RQD] = "r"), B(NONE), "H Dab. +a",
		 "a:H b:H R:H a:D(ab). b:h a:h >h403 b:d(denied). a:d(denied). >d(denied). ended"},
		{"from behind a pause, which ends", A([RQH] = "p", [RQD] = "r"), B([RSH] = "p"),
		 "H Dab +a $ Dc.", "a:H b:H R:H a:D(ab) b:h >resume"},
		{"of a held body", A([RQH] = "b", [RQD] = "br"), B(NONE), "H Dab Dc.",
		 "a:H a:D(ab) a:D(c). b:h a:h >h403 b:d(denied). a:d(denied). >d(denied). ended"},
		{"instead of an answer: shown to nobody more", A(NONE), B([RSH] = "r"),
		 "H. S h dx.",
		 "a:H. b:H. R:H. b:h ~cancel b:h a:h >h403 b:d(denied). a:d(denied). >d(denied). "
		 "ended"},
		{"in the middle of an answer: the stream is reset", A([RSD] = "r"), B(NONE),
		 "H. S h dx dy.",
		 "a:H. b:H. R:H. b:h a:h >h200 b:d(x) a:d(x) ~cancel >abandon "
		 "ended"},
		{"cancels who makes the answer", A(NONE), B([RQD] = "r"), "H S Dab.",
		 "a:H b:H R:H a:D(ab). b:D(ab). ~cancel b:h a:h >h403 b:d(denied). a:d(denied). "
		 ">d(denied). ended"},
		{"held by a response filter", A([RSH] = "p"), B([RQH] = "r"), "H. $ -a",
		 "a:H. b:H. b:h a:h b:d(denied). >h403 a:d(denied). >d(denied). ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

static void a_reset_from_anywhere_ends_the_stream(void **state)
{
	static const struct row rows[] = {
		{"in headers", A([RQH] = "x"), B(NONE), "H. $", "a:H. >abandon ended"},
		{"in data", A(NONE), B([RQD] = "x"), "H S Dab Dc. $",
		 "a:H b:H R:H a:D(ab) b:D(ab) >abandon ~cancel ended"},
		{"in trailers", A(NONE), B([RQT] = "x"), "H T $",
		 "a:H b:H R:H a:T. b:T. >abandon "
		 "ended"},
		{"in response headers", A([RSH] = "x"), B(NONE), "H. S h $",
		 "a:H. b:H. R:H. b:h a:h >abandon ~cancel ended"},
		{"in response data", A(NONE), B([RSD] = "x"), "H. S h dx dy. $",
		 "a:H. b:H. R:H. b:h a:h >h200 b:d(x) >abandon ~cancel ended"},
		{"in response trailers", A(NONE), B([RST] = "x"), "H. h t $",
		 "a:H. b:H. R:H. b:h a:h >h200 b:t. >abandon ended"},
		{"behind a pause", A([RQH] = "p", [RQD] = "x"), B(NONE), "H Dab $ +a $",
		 "a:H b:H R:H a:D(ab) >abandon ended"},
		{"the client's, while headers are held", A([RQH] = "p"), B(NONE), "H Dab !",
		 "a:H ended"},
		{"the client's, while an answer is held", A(NONE), B([RSH] = "p"), "H. S h dx !",
		 "a:H. b:H. R:H. b:h ~pause ~cancel ended"},
		{"the client's, while a body is held", A([RQH] = "b", [RQD] = "bbb"), B(NONE),
		 "H Dab $ Dab $ !", "a:H a:D(ab) a:D(ab) ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

/* The router keeps what it was given and sends it again: filters see one request and one answer. */
static void a_retry_is_not_seen_by_filters(void **state)
{
	static const struct row rows[] = {
		{"of a held body", A([RQH] = "b", [RQD] = "b"), B(NONE), "H Dab Dc. S F $ S h dx.",
		 "a:H a:D(ab) a:D(c). b:H R:H b:D(abc). R:D(abc). b:h a:h >h200 b:d(x). a:d(x). "
		 ">d(x). ended"},
		{"of a body held until its trailers", A([RQH] = "b", [RQD] = "b"), B(NONE),
		 "H Dab T S F $ S h dx.",
		 "a:H a:D(ab) a:T. b:H R:H b:D(ab) R:D(ab) b:T. R:T. b:h a:h >h200 b:d(x). a:d(x). "
		 ">d(x). ended"},
		{"of a body held by both", A([RQH] = "b", [RQD] = "b"), B([RQH] = "b"),
		 "H Dab Dc. S F S F S h dx.",
		 "a:H a:D(ab) a:D(c). b:H b:D(abc). R:H R:D(abc). b:h a:h >h200 b:d(x). a:d(x). "
		 ">d(x). ended"},
		{"before the body has come", A(NONE), B(NONE), "H S F Dab $ S Dc. h.",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:D(c). b:D(c). R:D(c). b:h. a:h. >h200. "
		 "ended"},
		{"before a held body has come", A(NONE), B([RQD] = "bb"), "H S F Dab Dc $ S D. h.",
		 "a:H b:H R:H a:D(ab) b:D(ab) a:D(c) b:D(c) a:D(). b:D(). R:D(abc). b:h. a:h. "
		 ">h200. ended"},
		{"behind a pause of the request", A([RQD] = "p"), B(NONE),
		 "H Dab S F $ S +a Dc. h.",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) >resume a:D(c). b:D(c). R:D(c). b:h. a:h. "
		 ">h200. ended"},
		{"the answer is held all the same", A([RSH] = "b", [RSD] = "b"), B(NONE),
		 "H. S F S h dx dy.",
		 "a:H. b:H. R:H. b:h a:h b:d(x) a:d(x) b:d(y). a:d(y). >h200 >d(xy). ended"},
		{"the answer is paused: its source is told", A([RSH] = "p"), B(NONE),
		 "H. S F S h dx. -a",
		 "a:H. b:H. R:H. b:h a:h ~pause b:d(x). >h200 a:d(x). >d(x). ended"},
		{"the client gives up during an attempt", A([RQH] = "b"), B(NONE), "H Dab. S F S !",
		 "a:H a:D(ab). b:H R:H b:D(ab). R:D(ab). ~cancel ended"},
		{"the client gives up between two", A([RQH] = "b"), B(NONE), "H Dab. S F !",
		 "a:H a:D(ab). b:H R:H b:D(ab). R:D(ab). ended"},
		{"a filter replies between two", A(NONE), B([RQD] = "cr"), "H Dab S F Dc.",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:D(c). b:D(c). b:h a:h >h403 b:d(denied). "
		 "a:d(denied). >d(denied). ended"},
		{"a filter resets between two", A([RQD] = "cx"), B(NONE), "H Dab S F Dc. $",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) a:D(c). >abandon ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

/* After 101 both directions carry opaque data, each at its own pace, through the same filters. */
static void a_tunnel_flows_both_ways(void **state)
{
	static const struct row rows[] = {
		{"in turns", A(NONE), B(NONE), "H S u Dab dx Dc dy D. d.",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:D(ab) R:D(ab) b:d(x) a:d(x) >d(x) a:D(c) "
		 "b:D(c) R:D(c) b:d(y) a:d(y) >d(y) a:D(). b:D(). R:D(). b:d(). a:d(). >d(). "
		 "ended"},
		{"upstream speaks first", A(NONE), B(NONE), "H S u dx Dab D. dy.",
		 "a:H b:H R:H b:h a:h >h101 b:d(x) a:d(x) >d(x) a:D(ab) b:D(ab) R:D(ab) a:D(). "
		 "b:D(). R:D(). b:d(y). a:d(y). >d(y). ended"},
		{"upstream ends first: the rest of the client's is dropped", A(NONE), B(NONE),
		 "H S u Dab d. Dc",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:D(ab) R:D(ab) b:d(). a:d(). >d(). >abandon "
		 "ended"},
		{"a filter waits before it lets the upgrade pass", A([RQH] = "p"), B(NONE),
		 "H $ +a S u Dab dx D. d.",
		 "a:H b:H R:H >resume b:h a:h >h101 a:D(ab) b:D(ab) R:D(ab) b:d(x) a:d(x) >d(x) "
		 "a:D(). b:D(). R:D(). b:d(). a:d(). >d(). ended"},
		{"bytes that came before the answer", A(NONE), B(NONE), "H Dab S u dx D. d.",
		 "a:H b:H R:H a:D(ab) b:D(ab) R:D(ab) b:h a:h >h101 b:d(x) a:d(x) >d(x) a:D(). "
		 "b:D(). R:D(). b:d(). a:d(). >d(). ended"},
		{"a pause of the request leaves the other way open", A([RQD] = "p"), B(NONE),
		 "H S u Dab Dc dx dy $ +a D. d.",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:d(x) a:d(x) >d(x) b:d(y) a:d(y) >d(y) "
		 "b:D(ab) R:D(ab) a:D(c) b:D(c) R:D(c) >resume a:D(). b:D(). R:D(). b:d(). a:d(). "
		 ">d(). ended"},
		{"a pause of the answer leaves the other way open", A(NONE), B([RSD] = "p"),
		 "H S u dx dy Dab Dc $ -b D. d.",
		 "a:H b:H R:H b:h a:h >h101 b:d(x) ~pause a:D(ab) b:D(ab) R:D(ab) a:D(c) b:D(c) "
		 "R:D(c) a:d(x) >d(x) b:d(y) a:d(y) >d(y) ~resume a:D(). b:D(). R:D(). b:d(). "
		 "a:d(). >d(). ended"},
		{"both ways are paused", A([RQD] = "p"), B([RSD] = "p"),
		 "H S u Dab dx Dc dy -b +a D. d.",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:d(x) ~pause a:d(x) >d(x) b:d(y) a:d(y) >d(y) "
		 "~resume b:D(ab) R:D(ab) a:D(c) b:D(c) R:D(c) >resume a:D(). b:D(). R:D(). b:d(). "
		 "a:d(). >d(). ended"},
		{"the answer's head is held back: so is what follows", A([RSH] = "p"), B(NONE),
		 "H S u dx Dab -a D. d.",
		 "a:H b:H R:H b:h a:h ~pause b:d(x) a:D(ab) b:D(ab) R:D(ab) >h101 a:d(x) >d(x) "
		 "~resume a:D(). b:D(). R:D(). b:d(). a:d(). >d(). ended"},
		{"data is changed on its way", A([RQD] = "a", [RSD] = "a"), B(NONE),
		 "H S u Dab dx D. d.",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:D(ab*) R:D(ab*) b:d(x) a:d(x) >d(x*) a:D(). "
		 "b:D(). R:D(). b:d(). a:d(). >d(). ended"},
		{"the client gives up", A(NONE), B([RSD] = "p"), "H S u Dab dx !",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:D(ab) R:D(ab) b:d(x) ~pause ~cancel ended"},
		{"a filter resets it", A([RSD] = "x"), B(NONE), "H S u Dab dx $",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:D(ab) R:D(ab) b:d(x) a:d(x) >abandon ~cancel "
		 "ended"},
		{"a reply comes too late: it is a reset", A([RQD] = "cr"), B(NONE),
		 "H S u Dab dx Dc",
		 "a:H b:H R:H b:h a:h >h101 a:D(ab) b:D(ab) R:D(ab) b:d(x) a:d(x) >d(x) a:D(c) "
		 "~cancel >abandon ended"},
		{"refused by a filter", A([RQH] = "r"), B(NONE), "H",
		 "a:H b:h a:h >h403 b:d(denied). a:d(denied). >d(denied). >abandon ended"},
	};
	(void)state;
	play_all(rows, COUNT_OF(rows));
}

/* --- limits, pauses as seen from outside --- */

static void held_bodies_have_a_limit(void **state)
{
	static const struct probe request = {'a', {[RQH] = "b", [RQD] = "bb"}};
	static const struct probe response = {'a', {[RSH] = "b", [RSD] = "bb"}};
	struct chain_entry entry = probe_entry(&request);
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	(void)state;

	fixture_headers(f, NULL, false);
	f->stream->buffer_limit = 4;
	fixture_data(f, "abcd", false);
	fixture_take(f);
	fixture_data(f, "e", false);
	assert_string_equal(fixture_take(f), "a:D(e) a:h >h413 a:d(Payload Too Large). "
					     ">d(Payload Too Large). >abandon ended");
	assert_string_equal(f->details, "request_payload_too_large");
	stream_fixture_free(f);

	entry = probe_entry(&response);
	f = stream_fixture_new(&entry, 1);

	fixture_headers(f, NULL, true);
	f->stream->buffer_limit = 4;
	fixture_answer_headers(f, "200", false);
	fixture_answer_data(f, "abcd", false);
	fixture_take(f);
	fixture_answer_data(f, "e", false);
	assert_non_null(strstr(fixture_take(f), ">h500"));
	assert_string_equal(f->details, "response_payload_too_large");
	stream_fixture_free(f);
}

static void a_pause_is_told_to_the_codec_by_count(void **state)
{
	static const struct probe a = {'a', {[RQH] = "p"}}, b = {'b', {[RQH] = "p"}};
	struct chain_entry entries[] = {probe_entry(&a), probe_entry(&b)};
	struct stream_fixture *f = stream_fixture_new(entries, 2);
	(void)state;

	fixture_headers(f, NULL, false);
	assert_int_equal(f->stream->down.read_pauses, 1);
	probe_play(f, "+a");
	assert_int_equal(f->stream->down.read_pauses, 1);
	probe_play(f, "+b");
	assert_int_equal(f->stream->down.read_pauses, 0);
	probe_play(f, "D. h.");
	stream_fixture_free(f);
}

/* A paused stream doesn't hold up its neighbours on the connection. */
static void streams_are_paused_each_by_itself(void **state)
{
	static const struct probe a = {'a', {[RQH] = "p"}};
	struct chain_entry entry = probe_entry(&a);
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	(void)state;

	fixture_headers(f, NULL, true);
	struct stream *first = f->stream;
	fixture_headers(f, NULL, true);
	struct stream *second = f->stream;
	filter_resume(probe_find(second, 'a'), DIRECTION_REQUEST);
	fixture_answer_headers(f, "200", true);
	assert_true(stream_is_open(first));
	f->stream = first;
	fixture_take(f);
	filter_resume(probe_find(first, 'a'), DIRECTION_REQUEST);
	fixture_answer_headers(f, "200", true);
	assert_string_equal(fixture_take(f), "R:H. >resume a:h. >h200. ended");
	stream_fixture_free(f);
}

/* --- timers --- */

static void fire(struct filter *f)
{
	fixture_note(fixture_of(f->stream), "fired");
	filter_resume(f, DIRECTION_REQUEST);
}

static enum filter_status wait_headers(struct filter *f, struct headers *headers, bool end)
{
	(void)headers, (void)end;
	filter_timer_start(f->state, f, 100, fire);
	return FILTER_PAUSE;
}

static const struct filter_type waiting = {
	.name = "waiting",
	.state_size = sizeof(struct filter_timer),
	.request_headers = wait_headers,
};

static void a_timer_fires_once_and_dies_with_the_stream(void **state)
{
	struct chain_entry entry = {.type = &waiting, .name = SLICE("waiting")};
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	(void)state;

	fixture_headers(f, NULL, true);
	fixture_advance(f, 99);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), "fired R:H. >resume");
	fixture_answer_headers(f, "200", true);

	fixture_headers(f, NULL, true);
	fixture_take(f);
	fixture_reset(f);
	fixture_settle(f);
	fixture_advance(f, 1000);
	assert_string_equal(fixture_take(f), "ended");
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(continuing_filters_see_everything_in_order),
		cmocka_unit_test(a_pause_holds_all_that_follows),
		cmocka_unit_test(a_buffering_filter_sees_all_and_passes_on_at_once),
		cmocka_unit_test(injected_bytes_follow_what_was_shown),
		cmocka_unit_test(a_reply_from_anywhere_passes_the_response_filters_once),
		cmocka_unit_test(a_reset_from_anywhere_ends_the_stream),
		cmocka_unit_test(a_retry_is_not_seen_by_filters),
		cmocka_unit_test(a_tunnel_flows_both_ways),
		cmocka_unit_test(held_bodies_have_a_limit),
		cmocka_unit_test(a_pause_is_told_to_the_codec_by_count),
		cmocka_unit_test(streams_are_paused_each_by_itself),
		cmocka_unit_test(a_timer_fires_once_and_dies_with_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
