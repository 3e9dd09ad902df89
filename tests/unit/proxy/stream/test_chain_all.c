/* All pairs of filters that continue, buffer or pause at each kind of event, with all shapes of
 * messages and several orders of resuming: whatever they do, each filter and the sink are shown the
 * whole message once and in order, and no pause is left. */
#include <stdlib.h>

#include "probe.h"

enum order {
	ORDER_AT_ONCE,  /* after each event */
	ORDER_LATE,     /* when all has come, a before b */
	ORDER_REVERSED, /* when all has come, b before a */
	ORDERS,
};

enum { COMBINATIONS = 3 * 3 * 2, SHAPES = 6 };

static const char *const shapes[2][SHAPES] = {
	{"H.", "H Dab.", "H Dab Dcd.", "H Dab $ Dcd $ D.", "H Dab T", "H T"},
	{"h.", "h dab.", "h dab dcd.", "h dab $ dcd $ d.", "h dab t", "h t"},
};
static const char *const messages[SHAPES] = {"H.", "Hab.", "Habcd.", "Habcd.", "HabT.", "HT."};

/* What `who` was shown, as one word: "HabT.". */
static const char *message_of(const char *trace, const char *who, char *out)
{
	size_t used = 0, len = strlen(who);

	for (const char *word = trace; *word; word = strchr(word, ' ')) {
		word += *word == ' ';
		size_t word_len = strcspn(word, " ");
		if (!strncmp(word, who, len) && word[len] && strchr("HhDdTt", word[len])) {
			char kind = word[len] & ~0x20;
			const char *open = memchr(word, '(', word_len);
			if (kind != 'D')
				out[used++] = kind;
			for (const char *c = open ? open + 1 : ""; *c && *c != ')'; c++)
				out[used++] = *c;
			if (word[word_len - 1] == '.')
				out[used++] = '.';
		}
		if (!word[word_len])
			break;
	}
	out[used] = 0;
	return out;
}

static bool resume(struct stream_fixture *f, char name, enum direction direction)
{
	if (!f->stream)
		return false;
	unsigned before = f->trace_len;
	filter_resume(probe_find(f->stream, name), direction);
	return f->trace_len != before;
}

static void resume_all(struct stream_fixture *f, enum order order, enum direction direction)
{
	bool is_reversed = order == ORDER_REVERSED;

	for (unsigned i = 0; i < 32; i++) {
		resume(f, is_reversed ? 'b' : 'a', direction);
		resume(f, is_reversed ? 'a' : 'b', direction);
	}
}

static void play(struct stream_fixture *f, const char *steps, enum order order,
		 enum direction direction)
{
	char word[32];
	int used;

	for (; sscanf(steps, " %31s%n", word, &used) == 1; steps += used) {
		probe_play(f, word);
		if (order == ORDER_AT_ONCE)
			resume_all(f, order, direction);
	}
	resume_all(f, order, direction);
}

static void set_script(struct probe *probe, unsigned combination, enum direction direction)
{
	static const char *const headers[] = {"c", "B", "p"};
	static const char *const data[] = {"cccc", "BBBB", "pppp"};
	static const char *const trailers[] = {"c", "p"};
	unsigned first =
		direction == DIRECTION_REQUEST ? PROBE_REQUEST_HEADERS : PROBE_RESPONSE_HEADERS;

	memset(probe->script, 0, sizeof probe->script);
	probe->script[first] = headers[combination % 3];
	probe->script[first + 1] = data[combination / 3 % 3];
	probe->script[first + 2] = trailers[combination / 9];
}

static void check(const char *trace, const char *who, const char *message, const char *what)
{
	char shown[256];

	if (strcmp(message_of(trace, who, shown), message))
		fail_msg("%s: %s was shown %s, not %s\n  %s", what, who, shown, message, trace);
}

static void play_pair(struct stream_fixture *f, const struct probe *a, const struct probe *b,
		      unsigned shape, enum order order, enum direction direction)
{
	bool is_request = direction == DIRECTION_REQUEST;
	unsigned first = is_request ? PROBE_REQUEST_HEADERS : PROBE_RESPONSE_HEADERS;
	char what[128];

	snprintf(what, sizeof what, "a %s %s %s, b %s %s %s, %s, order %d", a->script[first],
		 a->script[first + 1], a->script[first + 2], b->script[first], b->script[first + 1],
		 b->script[first + 2], shapes[direction][shape], order);
	if (!is_request)
		probe_play(f, "H.");
	fixture_take(f);
	play(f, shapes[direction][shape], order, direction);
	if (is_request) {
		if (!f->stream || f->stream->down.read_pauses)
			fail_msg("%s: a pause is left: %s", what, fixture_take(f));
		const char *trace = fixture_take(f);
		check(trace, "a:", messages[shape], what);
		check(trace, "b:", messages[shape], what);
		check(trace, "R:", messages[shape], what);
		probe_play(f, "h.");
		assert_null(f->stream);
	} else {
		const char *trace = fixture_take(f);
		if (f->stream)
			fail_msg("%s: the stream isn't over: %s", what, trace);
		check(trace, "b:", messages[shape], what);
		check(trace, "a:", messages[shape], what);
		check(trace, ">", messages[shape], what);
	}
	fixture_settle(f);
}

static void all_pairs(enum direction direction)
{
	struct probe a = {'a', {0}}, b = {'b', {0}};
	struct chain_entry entries[] = {probe_entry(&a), probe_entry(&b)};
	struct stream_fixture *f = stream_fixture_new(entries, 2);

	for (unsigned i = 0; i < COMBINATIONS * COMBINATIONS; i++) {
		set_script(&a, i % COMBINATIONS, direction);
		set_script(&b, i / COMBINATIONS, direction);
		for (unsigned shape = 0; shape < SHAPES; shape++)
			for (unsigned order = 0; order < ORDERS; order++)
				play_pair(f, &a, &b, shape, (enum order)order, direction);
	}
	stream_fixture_free(f);
}

static void requests_arrive_whole(void **state)
{
	(void)state;
	all_pairs(DIRECTION_REQUEST);
}

static void answers_arrive_whole(void **state)
{
	(void)state;
	all_pairs(DIRECTION_RESPONSE);
}

/* The same conversations, but the client gives up, a filter resets, or answers itself, after any
 * number of steps: nothing is left, and at most one answer is sent. */
static void any_of_them_may_break_off(void **state)
{
	struct probe a = {'a', {0}}, b = {'b', {0}};
	struct chain_entry entries[] = {probe_entry(&a), probe_entry(&b)};
	struct stream_fixture *f = stream_fixture_new(entries, 2);
	(void)state;

	for (unsigned i = 0; i < COMBINATIONS * COMBINATIONS; i++)
		for (unsigned how = 0; how < 3; how++)
			for (unsigned cut = 1; cut < 6; cut++) {
				static const char *const steps[] = {"H", "Dab", "Dcd",
								    "T", "h",   "dx"};
				set_script(&a, i % COMBINATIONS, DIRECTION_REQUEST);
				set_script(&b, i / COMBINATIONS, DIRECTION_RESPONSE);
				for (unsigned step = 0; step < cut; step++)
					probe_play(f, steps[step]);
				assert_non_null(f->stream);
				if (how == 0)
					fixture_reset(f);
				else if (how == 1)
					stream_abort(f->stream, RESPONSE_FLAG_LOCAL_RESET,
						     SLICE("test"));
				else
					filter_reply(probe_find(f->stream, 'a'), REPLY_DENIED);
				resume_all(f, ORDER_LATE, DIRECTION_RESPONSE);
				assert_null(f->stream);
				const char *trace = fixture_take(f);
				const char *head = strstr(trace, ">h");
				assert_true(!head || !strstr(head + 1, ">h"));
				fixture_settle(f);
				assert_int_equal(f->live_streams, 0);
				assert_int_equal(f->loop.pool.blocks_out, 0);
			}
	stream_fixture_free(f);
}

static void set_data_script(struct probe *probe, unsigned combination)
{
	static const char *const letters[] = {"cccc", "BBBB", "pppp"};

	memset(probe->script, 0, sizeof probe->script);
	probe->script[PROBE_REQUEST_DATA] = letters[combination % 3];
	probe->script[PROBE_RESPONSE_DATA] = letters[combination / 3];
}

/* After an upgrade data comes both ways in turns: each way it arrives whole, whatever the filters
 * do with the other. */
static void tunnels_carry_everything_both_ways(void **state)
{
	static const char *const steps[] = {"Dab", "dxy", "$", "Dcd", "dzw", "D.", "d."};
	struct probe a = {'a', {0}}, b = {'b', {0}};
	struct chain_entry entries[] = {probe_entry(&a), probe_entry(&b)};
	struct stream_fixture *f = stream_fixture_new(entries, 2);
	char what[64];
	(void)state;

	for (unsigned i = 0; i < 81 * ORDERS; i++) {
		enum order order = i / 81;
		set_data_script(&a, i % 9);
		set_data_script(&b, i / 9 % 9);
		snprintf(what, sizeof what, "tunnel %u, order %d", i % 81, order);
		probe_play(f, "H S u");
		for (unsigned step = 0; step < COUNT_OF(steps); step++) {
			if (step + 1 == COUNT_OF(steps)) /* its end would end the request, too */
				resume_all(f, order, DIRECTION_REQUEST);
			probe_play(f, steps[step]);
			if (order == ORDER_AT_ONCE) {
				resume_all(f, order, DIRECTION_REQUEST);
				resume_all(f, order, DIRECTION_RESPONSE);
			}
		}
		resume_all(f, order, DIRECTION_RESPONSE);
		const char *trace = fixture_take(f);
		if (f->stream)
			fail_msg("%s: it isn't over: %s", what, trace);
		check(trace, "R:", "Habcd.", what);
		check(trace, ">", "Hxyzw.", what);
		fixture_settle(f);
	}
	stream_fixture_free(f);
}

/* What comes of a conversation in which the first attempts fail between the given steps. */
static void play_retried(struct stream_fixture *f, unsigned shape, unsigned fails_at,
			 enum order order, const char *what)
{
	char word[32];
	const char *steps = shapes[DIRECTION_REQUEST][shape];
	unsigned at = 0;

	for (int used; sscanf(steps, " %31s%n", word, &used) == 1; steps += used) {
		probe_play(f, word);
		probe_play(f, at++ == fails_at ? "S F $ S F $ S" : "S");
		if (order == ORDER_AT_ONCE)
			resume_all(f, order, DIRECTION_REQUEST);
	}
	resume_all(f, order, DIRECTION_REQUEST);
	probe_play(f, "F $ S");
	play(f, "h dab dcd.", order, DIRECTION_RESPONSE);
	const char *trace = fixture_take(f);
	if (f->stream)
		fail_msg("%s: it isn't over: %s", what, trace);
	char shown[256];
	if (strcmp(message_of(trace, "R:", shown), messages[shape]) ||
	    strcmp(message_of(trace, ">", shown), "Habcd."))
		fail_msg("%s, shape %u: %s", what, shape, trace);
	fixture_settle(f);
}

/* Attempts come and go behind the last filter: each filter is shown one request, one answer. */
static void retries_change_nothing_for_filters(void **state)
{
	struct probe a = {'a', {0}}, b = {'b', {0}};
	struct chain_entry entries[] = {probe_entry(&a), probe_entry(&b)};
	struct stream_fixture *f = stream_fixture_new(entries, 2);
	char what[64];
	(void)state;

	for (unsigned i = 0; i < COMBINATIONS * COMBINATIONS; i++) {
		set_script(&a, i % COMBINATIONS, DIRECTION_REQUEST);
		set_script(&b, i / COMBINATIONS, DIRECTION_REQUEST);
		snprintf(what, sizeof what, "retried %u", i);
		for (unsigned shape = 0; shape < SHAPES; shape++)
			for (unsigned fails_at = 0; fails_at < 3; fails_at++)
				play_retried(f, shape, fails_at, (enum order)(i % ORDERS), what);
	}
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_arrive_whole),
		cmocka_unit_test(answers_arrive_whole),
		cmocka_unit_test(any_of_them_may_break_off),
		cmocka_unit_test(tunnels_carry_everything_both_ways),
		cmocka_unit_test(retries_change_nothing_for_filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
