/* Filters that are discovered: a stream has what is in force when it begins, to its end. */
#include "probe.h"

#include "stream/extension.h"

enum { SLOT = 5 };

/* Another type, with more state than the probe's: marks itself, and checks that its state is its
 * own. */
struct big_state {
	unsigned char bytes[512];
};

static enum filter_status big_request_headers(struct filter *f, struct headers *headers, bool end)
{
	struct big_state *state = f->state;

	(void)headers, (void)end;
	for (size_t i = 0; i < sizeof state->bytes; i++) {
		assert_int_equal(state->bytes[i], 0);
		state->bytes[i] = 0xa5;
	}
	fixture_note(fixture_of(f->stream), "big(%s)", (const char *)f->config);
	return FILTER_CONTINUE;
}

static enum filter_status big_response_headers(struct filter *f, struct headers *headers, bool end)
{
	(void)headers, (void)end;
	fixture_note(fixture_of(f->stream), "big-answer(%s)", (const char *)filter_chain_config(f));
	return FILTER_CONTINUE;
}

static const struct filter_type big_filter = {
	.name = "big",
	.state_size = sizeof(struct big_state),
	.request_headers = big_request_headers,
	.response_headers = big_response_headers,
};

static const struct filter_type other_filter = {.name = "other"};

struct version {
	struct extension extension;
	bool is_given_back;
};

struct bench {
	struct stream_fixture *f;
	struct discovered_filter discovered;
	const struct filter_type *types[2];
	struct version versions[3];
};

static void give_back(struct pin_table *table, struct published *object)
{
	(void)table;
	container_of(extension_of(object), struct version, extension)->is_given_back = true;
}

static struct bench *bench_new(void)
{
	struct bench *b = calloc(1, sizeof *b);
	static const struct probe first = {.name = 'a'};
	struct chain_entry entries[2] = {probe_entry(&first), {.name = SLICE("found")}};

	assert_non_null(b);
	b->types[0] = &probe_filter;
	b->types[1] = &big_filter;
	b->discovered = (struct discovered_filter){SLOT, b->types, 2};
	entries[1].discovered = &b->discovered;
	b->f = stream_fixture_new(entries, 2);
	pin_table_init(&b->f->worker.pins, give_back);
	return b;
}

static void bench_free(struct bench *b)
{
	fixture_settle(b->f);
	pin_table_fini(&b->f->worker.pins);
	stream_fixture_free(b->f);
	free(b);
}

static void put(struct bench *b, unsigned i, const struct filter_type *type, const void *config)
{
	struct extension *extension = &b->versions[i].extension;

	extension->entry =
		(struct chain_entry){.type = type, .config = config, .name = SLICE("found")};
	pin_table_set(&b->f->worker.pins, PUBLISHED_EXTENSION, SLOT, &extension->published);
}

static void answer(struct bench *b)
{
	fixture_set_source(b->f);
	fixture_answer_headers(b->f, "200", true);
	fixture_settle(b->f);
}

static void without_any_it_answers(void **state)
{
	struct bench *b = bench_new();
	(void)state;

	fixture_headers(b->f, NULL, true);
	const char *trace = fixture_take(b->f);
	if (!strstr(trace, ">h500") || strstr(trace, "R:"))
		fail_msg("%s", trace);
	put(b, 0, &other_filter, NULL); /* of none of its types */
	fixture_headers(b->f, NULL, true);
	trace = fixture_take(b->f);
	if (!strstr(trace, ">h500") || strstr(trace, "R:"))
		fail_msg("%s", trace);
	bench_free(b);
}

static void a_stream_keeps_what_it_began_with(void **state)
{
	struct bench *b = bench_new();
	(void)state;

	put(b, 0, &big_filter, "one");
	fixture_headers(b->f, NULL, true);
	assert_non_null(strstr(fixture_take(b->f), "big(one)"));
	put(b, 1, &big_filter, "two");
	fixture_settle(b->f);
	assert_false(b->versions[0].is_given_back);
	answer(b);
	assert_non_null(strstr(fixture_take(b->f), "big-answer(one)"));
	assert_true(b->versions[0].is_given_back);
	fixture_headers(b->f, NULL, true);
	assert_non_null(strstr(fixture_take(b->f), "big(two)"));
	answer(b);
	bench_free(b);
	/* its versions have gone with it */
}

static void types_follow_each_other(void **state)
{
	struct bench *b = bench_new();
	const struct probe second = {.name = 'b'};
	(void)state;

	put(b, 0, &probe_filter, &second);
	fixture_headers(b->f, NULL, true);
	assert_non_null(strstr(fixture_take(b->f), "b:H"));
	answer(b);
	put(b, 1, &big_filter, "big");
	fixture_headers(b->f, NULL, true);
	const char *trace = fixture_take(b->f);
	assert_true(strstr(trace, "big(big)") && !strstr(trace, "b:H"));
	fixture_reset(b->f);
	fixture_settle(b->f);
	put(b, 2, &probe_filter, &second);
	assert_true(b->versions[1].is_given_back);
	fixture_headers(b->f, NULL, true);
	assert_non_null(strstr(fixture_take(b->f), "b:H"));
	answer(b);
	bench_free(b);
}

static void what_a_chain_knows_beforehand(void **state)
{
	const struct filter_type *types[] = {&other_filter, &big_filter};
	const struct discovered_filter discovered = {SLOT, types, 2};
	const struct chain_entry entry = {.name = SLICE("found"), .discovered = &discovered};
	struct chain_config chain;
	(void)state;

	chain_config_init(&chain, &entry, 1);
	assert_true(chain.has_discovered && chain.has_response_headers && !chain.is_single);
	assert_false(chain.has_response_data || chain.has_request_data || chain.has_log);
	assert_true(chain.states_size >= sizeof(struct filter) + sizeof(struct big_state));
	assert_true(discovered_filter_may_be(&discovered, &big_filter));
	assert_false(discovered_filter_may_be(&discovered, &probe_filter));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_any_it_answers),
		cmocka_unit_test(a_stream_keeps_what_it_began_with),
		cmocka_unit_test(types_follow_each_other),
		cmocka_unit_test(what_a_chain_knows_beforehand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
