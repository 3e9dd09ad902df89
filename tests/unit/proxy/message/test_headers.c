#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/headers.h"

struct fixture {
	struct arena arena;
	struct headers headers;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	arena_init(&f->arena, 1024);
	headers_init(&f->headers, &f->arena, 2);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	free(f);
	return 0;
}

#define ASSERT_SLICE(actual, text)                                                                 \
	do {                                                                                       \
		struct slice actual_ = (actual);                                                   \
		assert_non_null(actual_.data);                                                     \
		assert_int_equal(actual_.len, strlen(text));                                       \
		assert_memory_equal(actual_.data, text, strlen(text));                             \
	} while (0)

/* All that isn't removed as "name=value;", in order. */
static const char *dump(const struct headers *headers, struct arena *arena)
{
	const char *text = "";
	for (struct header *h = NULL; (h = headers_next(headers, h));)
		text = arena_printf(arena, "%s%.*s=%.*s;", text, SLICE_FMT(header_name(h)),
				    SLICE_FMT(header_value(h)));
	return text;
}

static void known_names_are_found_by_id_and_by_text(void **state)
{
	struct fixture *f = *state;
	struct headers *headers = &f->headers;

	headers_add_id(headers, HEADER_METHOD, SLICE("GET"));
	headers_add(headers, SLICE(":path"), SLICE("/a"));
	headers_add(headers, SLICE("x-own"), SLICE("1"));
	headers_add(headers, SLICE("content-length"), SLICE("12"));

	ASSERT_SLICE(headers_get(headers, HEADER_METHOD), "GET");
	ASSERT_SLICE(headers_get(headers, HEADER_PATH), "/a");
	ASSERT_SLICE(headers_get(headers, HEADER_CONTENT_LENGTH), "12");
	ASSERT_SLICE(header_value(headers_find(headers, SLICE(":method"))), "GET");
	ASSERT_SLICE(header_value(headers_find(headers, SLICE("x-own"))), "1");
	assert_null(headers_get(headers, HEADER_HOST).data);
	assert_null(headers_find_id(headers, HEADER_HOST));
	assert_null(headers_find(headers, SLICE("x-owm")));
	assert_string_equal(dump(headers, &f->arena),
			    ":method=GET;:path=/a;x-own=1;content-length=12;");
}

static void an_empty_value_is_a_value(void **state)
{
	struct fixture *f = *state;

	headers_add_id(&f->headers, HEADER_TE, SLICE(""));
	assert_true(headers_has(&f->headers, HEADER_TE));
	assert_non_null(headers_get(&f->headers, HEADER_TE).data);
}

static void repeated_names_are_iterated_in_order(void **state)
{
	struct fixture *f = *state;
	struct headers *headers = &f->headers;

	for (int i = 0; i < 3; i++) {
		headers_add(headers, SLICE("x-a"), slice_of(arena_printf(&f->arena, "a%d", i)));
		headers_add(headers, SLICE("cookie"), slice_of(arena_printf(&f->arena, "c%d", i)));
	}
	const char *names[] = {"x-a", "cookie"};
	for (int n = 0; n < 2; n++) {
		struct header *h = headers_find(headers, slice_of(names[n]));
		for (int i = 0; i < 3; i++, h = headers_find_next(headers, h)) {
			assert_non_null(h);
			assert_int_equal(h->value[1], '0' + i);
		}
		assert_null(h);
	}
	ASSERT_SLICE(headers_get(headers, HEADER_COOKIE), "c0");
}

static void set_replaces_the_first_and_removes_the_others(void **state)
{
	struct fixture *f = *state;
	struct headers *headers = &f->headers;

	headers_add(headers, SLICE("cookie"), SLICE("1"));
	headers_add(headers, SLICE("x-a"), SLICE("1"));
	headers_add(headers, SLICE("cookie"), SLICE("2"));
	headers_add(headers, SLICE("x-a"), SLICE("2"));
	headers_add(headers, SLICE("x-b"), SLICE("3"));
	headers_set(headers, SLICE("x-a"), SLICE("new"));
	headers_set_id(headers, HEADER_COOKIE, SLICE("newer"));
	headers_set(headers, SLICE("x-c"), SLICE("added"));
	headers_set_id(headers, HEADER_VIA, SLICE("me"));
	assert_string_equal(dump(headers, &f->arena),
			    "cookie=newer;x-a=new;x-b=3;x-c=added;via=me;");
}

static void removal_hides_items_from_every_reader(void **state)
{
	struct fixture *f = *state;
	struct headers *headers = &f->headers;

	headers_add(headers, SLICE("via"), SLICE("1"));
	headers_add(headers, SLICE("x-a"), SLICE("1"));
	headers_add(headers, SLICE("via"), SLICE("2"));
	headers_add(headers, SLICE("x-a"), SLICE("2"));
	assert_int_equal(headers_remove(headers, SLICE("via")), 2);
	assert_int_equal(headers_remove(headers, SLICE("via")), 0);
	assert_int_equal(headers_remove_id(headers, HEADER_TE), 0);
	assert_int_equal(headers_remove(headers, SLICE("x-a")), 2);
	assert_int_equal(headers_remove(headers, SLICE("x-a")), 0);
	assert_false(headers_has(headers, HEADER_VIA));
	assert_null(headers_find(headers, SLICE("via")));
	assert_null(headers_next(headers, NULL));
	assert_int_equal(headers_byte_size(headers), 0);

	headers_add(headers, SLICE("via"), SLICE("3"));
	ASSERT_SLICE(headers_get(headers, HEADER_VIA), "3");
	assert_string_equal(dump(headers, &f->arena), "via=3;");
}

static void the_status_is_three_digits(void **state)
{
	static const struct {
		const char *text;
		unsigned status;
	} rows[] = {{"200", 200}, {"099", 99}, {"999", 999}, {"20", 0},
		    {"2000", 0},  {"", 0},     {"2x0", 0},   {"-10", 0}};
	struct fixture *f = *state;

	assert_int_equal(headers_status(&f->headers), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		headers_set_id(&f->headers, HEADER_STATUS, slice_of(rows[i].text));
		assert_int_equal(headers_status(&f->headers), rows[i].status);
	}
}

static void sets_of_names_are_asked_at_once(void **state)
{
	static const struct header_ids first = {{HEADER_ID_BIT(HEADER_PATH, 0), 0}},
				       last = {{HEADER_ID_BIT(HEADER_X_REQUEST_ID, 0),
						HEADER_ID_BIT(HEADER_X_REQUEST_ID, 1)}};
	struct fixture *f = *state;

	headers_add_id(&f->headers, HEADER_X_REQUEST_ID, SLICE("1"));
	assert_false(headers_has_any(&f->headers, &first));
	assert_true(headers_has_any(&f->headers, &last));
	headers_remove_id(&f->headers, HEADER_X_REQUEST_ID);
	assert_false(headers_has_any(&f->headers, &last));
}

static void joined_values(void **state)
{
	struct fixture *f = *state;
	struct headers *headers = &f->headers;

	headers_add(headers, SLICE("x-a"), SLICE("one"));
	struct slice one = headers_get_joined(headers, SLICE("x-a"), &f->arena);
	assert_ptr_equal(one.data, headers->items[0].value);
	headers_add(headers, SLICE("x-a"), SLICE(""));
	headers_add(headers, SLICE("x-a"), SLICE("three"));
	ASSERT_SLICE(headers_get_joined(headers, SLICE("x-a"), &f->arena), "one,,three");
	assert_null(headers_get_joined(headers, SLICE("x-b"), &f->arena).data);
}

static void a_copy_shares_nothing_with_its_source(void **state)
{
	struct fixture *f = *state;
	struct arena other;
	struct headers copy;
	char value[] = "value";

	headers_add(&f->headers, SLICE("x-gone"), SLICE("1"));
	headers_add(&f->headers, SLICE("host"), slice_of(value));
	headers_add(&f->headers, SLICE("x-empty"), SLICE(""));
	headers_remove(&f->headers, SLICE("x-gone"));
	arena_init(&other, 1024);
	headers_copy(&copy, &f->headers, &other);
	value[0] = 'X';
	assert_int_equal(copy.count, 2);
	ASSERT_SLICE(headers_get(&copy, HEADER_HOST), "value");
	assert_int_equal(headers_byte_size(&copy), headers_byte_size(&f->headers));
	headers_add(&copy, SLICE("x-more"), SLICE("1"));
	assert_null(headers_find(&f->headers, SLICE("x-more")));
	arena_free(&other);
}

/* Against the obvious slow version: an array of strings. */
static void random_edits_agree_with_a_plain_list(void **state)
{
	static const char *const names[] = {"via", "host", "x-a", "x-b", "cookie", "x-request-id"};
	struct fixture *f = *state;
	struct {
		int name, value;
	} list[4096];
	int count = 0;

	srand(7);
	for (int step = 0; step < 3000; step++) {
		int name = rand() % (int)COUNT_OF(names), kept = 0, first = -1;
		int op = rand() % 8;
		struct slice value = slice_of(arena_printf(&f->arena, "%d", step));

		for (int i = 0; i < count; i++)
			if (list[i].name == name && first < 0)
				first = i;
		if (op < 5 && count < 40) {
			headers_add(&f->headers, slice_of(names[name]), value);
			list[count].name = name;
			list[count++].value = step;
		} else {
			bool is_set = op % 2;
			if (is_set)
				headers_set(&f->headers, slice_of(names[name]), value);
			else
				headers_remove(&f->headers, slice_of(names[name]));
			for (int i = 0; i < count; i++)
				if (list[i].name != name || (is_set && i == first))
					list[kept++] = list[i];
			count = kept;
			for (int i = 0; is_set && i < count; i++)
				if (list[i].name == name)
					list[i].value = step;
			if (is_set && first < 0) {
				list[count].name = name;
				list[count++].value = step;
			}
		}
		const char *expected = "";
		for (int i = 0; i < count; i++)
			expected = arena_printf(&f->arena, "%s%s=%d;", expected,
						names[list[i].name], list[i].value);
		assert_string_equal(dump(&f->headers, &f->arena), expected);
		if (f->headers.count > 500) { /* removed items keep their place */
			struct headers packed;
			headers_copy(&packed, &f->headers, &f->arena);
			f->headers = packed;
		}
	}
}

static void room_is_asked_for_once(void **state)
{
	struct fixture *f = *state;
	char name[] = "x-000";

	headers_reserve(&f->headers, 300);
	const struct header *items = f->headers.items;
	assert_true(f->headers.capacity >= f->headers.count + 300);
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "x-%03u", i);
		struct slice kept = arena_slice(&f->arena, slice_of(name));
		headers_add_found(&f->headers, known_name_find(kept), kept, SLICE("v"));
	}
	assert_ptr_equal(f->headers.items, items);
	assert_non_null(headers_find(&f->headers, SLICE("x-299")));
	headers_add_found(&f->headers, HEADER_COOKIE, SLICE("cookie"), SLICE("c"));
	assert_int_equal(headers_get(&f->headers, HEADER_COOKIE).len, 1);
}

static unsigned asked;
static const char *left_out;

static void bring(struct headers *headers, struct slice name)
{
	asked++;
	if (name.data && !slice_equal(name, slice_of(left_out)))
		return;
	headers->ask_rest = NULL;
	headers_add(headers, slice_of(left_out), SLICE("rest"));
}

static void leave_out(struct fixture *f, const char *name)
{
	headers_init(&f->headers, &f->arena, 4);
	headers_add(&f->headers, SLICE(":path"), SLICE("/"));
	headers_add(&f->headers, SLICE("x-there"), SLICE("1"));
	f->headers.ask_rest = bring;
	left_out = name;
	asked = 0;
}

static void what_was_left_out_comes_when_it_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct headers *headers = &f->headers, copy;

	leave_out(f, "cookie");
	assert_true(headers_has(headers, HEADER_PATH));
	assert_false(headers_has(headers, HEADER_HOST));
	headers_set_id(headers, HEADER_PATH, SLICE("/x"));
	headers_add_id(headers, HEADER_X_REQUEST_ID, SLICE("id"));
	assert_int_equal(asked, 0);
	assert_false(headers_has(headers, HEADER_ACCEPT));
	headers_add_id(headers, HEADER_ACCEPT, SLICE("a"));
	assert_non_null(headers_find(headers, SLICE("x-there")));
	headers_add(headers, SLICE("x-more"), SLICE("2"));
	assert_true(asked > 0 && headers->ask_rest != NULL);
	assert_string_equal(dump(headers, &f->arena), ":path=/x;x-there=1;x-request-id=id;"
						      "accept=a;x-more=2;cookie=rest;");
	assert_null(headers->ask_rest);

	leave_out(f, "cookie");
	ASSERT_SLICE(headers_get(headers, HEADER_COOKIE), "rest");
	leave_out(f, "cookie");
	headers_add_id(headers, HEADER_COOKIE, SLICE("more"));
	assert_string_equal(dump(headers, &f->arena), ":path=/;x-there=1;cookie=rest;cookie=more;");
	leave_out(f, "cookie");
	headers_set_id(headers, HEADER_COOKIE, SLICE("other"));
	assert_string_equal(dump(headers, &f->arena), ":path=/;x-there=1;cookie=other;");
	leave_out(f, "cookie");
	assert_int_equal(headers_remove_id(headers, HEADER_COOKIE), 1);
	leave_out(f, "x-rest");
	assert_int_equal(headers_remove(headers, SLICE("x-rest")), 1);
	leave_out(f, "x-rest");
	headers_set(headers, SLICE("x-rest"), SLICE("other"));
	ASSERT_SLICE(headers_get_joined(headers, SLICE("x-rest"), &f->arena), "other");
	leave_out(f, "x-rest");
	assert_string_equal(dump(headers, &f->arena), ":path=/;x-there=1;x-rest=rest;");
	leave_out(f, "x-rest");
	headers_copy(&copy, headers, &f->arena);
	assert_non_null(headers_find(&copy, SLICE("x-rest")));
	leave_out(f, "x-rest");
	assert_int_equal(headers_byte_size(headers), 5 + 1 + 7 + 1 + 6 + 4);
	const struct header_ids ids = {
		{HEADER_ID_BIT(HEADER_COOKIE, 0), HEADER_ID_BIT(HEADER_COOKIE, 1)}};
	leave_out(f, "cookie");
	assert_true(headers_has_any(headers, &ids));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(known_names_are_found_by_id_and_by_text, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_empty_value_is_a_value, setup, teardown),
		cmocka_unit_test_setup_teardown(repeated_names_are_iterated_in_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(set_replaces_the_first_and_removes_the_others,
						setup, teardown),
		cmocka_unit_test_setup_teardown(removal_hides_items_from_every_reader, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_status_is_three_digits, setup, teardown),
		cmocka_unit_test_setup_teardown(sets_of_names_are_asked_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(joined_values, setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_shares_nothing_with_its_source, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_was_left_out_comes_when_it_is_asked_for, setup,
						teardown),
		cmocka_unit_test_setup_teardown(room_is_asked_for_once, setup, teardown),
		cmocka_unit_test_setup_teardown(random_edits_agree_with_a_plain_list, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
