/* What a filter may do with its stream beside answering: another route, something that ends with
 * it. */
#include "../../filters/filter_support.h"

#include "routing/route.h"

static struct {
	struct slice before, unasked, after;
	struct scope_item item;
	unsigned cancels;
} seen;

static enum filter_status move(struct filter *f, struct headers *headers, bool end)
{
	(void)end;
	seen.before = filter_route(f)->name;
	headers_set_id(headers, HEADER_PATH, SLICE("/b"));
	seen.unasked = filter_route(f)->name;
	filter_clear_route(f);
	seen.after = filter_route(f)->name;
	return FILTER_CONTINUE;
}

static void a_route_is_looked_up_anew_when_asked_to_be(void **state)
{
	static const struct filter_type mover = {.name = "mover", .request_headers = move};
	const struct chain_entry entry = {.type = &mover, .name = SLICE("mover")};
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	(void)state;

	filter_routes(f,
		      "[{name: a, match: {prefix: /a}, route: {cluster: c1}}, "
		      "{name: b, match: {prefix: /b}, route: {cluster: c1}}]",
		      NULL);
	fixture_headers(f, "GET /a h", true);
	assert_true(slice_equal(seen.before, SLICE("a")));
	assert_true(slice_equal(seen.unasked, SLICE("a")));
	assert_true(slice_equal(seen.after, SLICE("b")));
	fixture_answer_headers(f, "200", true);
	stream_fixture_free(f);
}

static void cancel(struct scope_item *item)
{
	assert_ptr_equal(item, &seen.item);
	seen.cancels++;
}

static void hang(struct filter *f)
{
	scope_add(filter_scope(f), &seen.item, cancel);
}

static void what_hangs_on_the_scope_ends_with_the_stream(void **state)
{
	static const struct filter_type starter = {.name = "starter", .open = hang};
	const struct chain_entry entry = {.type = &starter, .name = SLICE("starter")};
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	(void)state;

	fixture_headers(f, NULL, true);
	assert_int_equal(seen.cancels, 0);
	fixture_answer_headers(f, "200", true);
	fixture_settle(f);
	assert_int_equal(seen.cancels, 1);
	stream_fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_is_looked_up_anew_when_asked_to_be),
		cmocka_unit_test(what_hangs_on_the_scope_ends_with_the_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
