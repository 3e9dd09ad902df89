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
		if (!strncmp(word, who, len) && word[len]) {
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_arrive_whole),
		cmocka_unit_test(answers_arrive_whole),
		cmocka_unit_test(any_of_them_may_break_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
