#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/published.h"

/* A table that notes what it gives back. */
struct fixture {
	struct pin_table table;
	const struct published *back[8];
	unsigned count;
};

static void note(struct pin_table *table, struct published *object)
{
	struct fixture *f = container_of(table, struct fixture, table);
	f->back[f->count++] = object;
}

static void a_version_without_pins_goes_back_at_once(void **state)
{
	struct fixture f = {.count = 0};
	struct published one = {.kind = PUBLISHED_ROUTES}, two = {.kind = PUBLISHED_ROUTES};
	(void)state;

	pin_table_init(&f.table, note);
	assert_null(pin_find(&f.table, PUBLISHED_ROUTES, 3));
	pin_table_set(&f.table, PUBLISHED_ROUTES, 3, &one);
	assert_ptr_equal(pin_find(&f.table, PUBLISHED_ROUTES, 3)->object, &one);
	assert_null(pin_find(&f.table, PUBLISHED_CLUSTER, 3));
	assert_null(pin_find(&f.table, PUBLISHED_ROUTES, 2));
	assert_null(pin_find(&f.table, PUBLISHED_ROUTES, 1000000));
	pin_table_set(&f.table, PUBLISHED_ROUTES, 3, &two);
	assert_int_equal(f.count, 1);
	assert_ptr_equal(f.back[0], &one);
	pin_table_fini(&f.table);
	assert_int_equal(f.count, 2);
	assert_ptr_equal(f.back[1], &two);
}

static void a_pinned_version_outlives_its_retirement(void **state)
{
	struct fixture f = {.count = 0};
	struct published one = {.kind = PUBLISHED_CLUSTER}, two = {.kind = PUBLISHED_CLUSTER};
	(void)state;

	pin_table_init(&f.table, note);
	pin_table_set(&f.table, PUBLISHED_CLUSTER, 0, &one);
	struct pin *stream = pin_take(pin_find(&f.table, PUBLISHED_CLUSTER, 0));
	struct pin *other = pin_take(stream);
	pin_table_set(&f.table, PUBLISHED_CLUSTER, 0, &two);
	assert_int_equal(f.count, 0);
	assert_ptr_equal(stream->object, &one);
	assert_ptr_equal(pin_find(&f.table, PUBLISHED_CLUSTER, 0)->object, &two);
	pin_drop(other);
	assert_int_equal(f.count, 0);
	pin_drop(stream);
	assert_int_equal(f.count, 1);
	assert_ptr_equal(f.back[0], &one);

	struct pin *current = pin_take(pin_find(&f.table, PUBLISHED_CLUSTER, 0));
	pin_drop(current); /* the last pin of what is current gives nothing back */
	assert_int_equal(f.count, 1);
	pin_table_fini(&f.table);
	assert_int_equal(f.count, 2);
}

static void a_slot_can_be_emptied(void **state)
{
	struct fixture f = {.count = 0};
	struct published one = {.kind = PUBLISHED_LISTENER};
	(void)state;

	pin_table_init(&f.table, note);
	pin_table_set(&f.table, PUBLISHED_LISTENER, 5, NULL);
	pin_table_set(&f.table, PUBLISHED_LISTENER, 5, &one);
	pin_table_set(&f.table, PUBLISHED_LISTENER, 5, NULL);
	assert_null(pin_find(&f.table, PUBLISHED_LISTENER, 5));
	assert_int_equal(f.count, 1);
	pin_table_set(&f.table, PUBLISHED_LISTENER, 5, NULL);
	assert_int_equal(f.count, 1);
	pin_table_fini(&f.table);
	assert_int_equal(f.count, 1);
}

static void slots_grow_and_keep_their_objects(void **state)
{
	static struct published objects[500];
	struct fixture f = {.count = 0};
	(void)state;

	pin_table_init(&f.table, note);
	for (uint32_t i = 0; i < 500; i++)
		pin_table_set(&f.table, PUBLISHED_HOST_SET, i * 7, &objects[i]);
	for (uint32_t i = 0; i < 500; i++)
		assert_ptr_equal(pin_find(&f.table, PUBLISHED_HOST_SET, i * 7)->object,
				 &objects[i]);
	for (uint32_t i = 0; i < 500; i++) {
		f.count = 0;
		pin_table_set(&f.table, PUBLISHED_HOST_SET, i * 7, NULL);
		assert_int_equal(f.count, 1);
	}
	pin_table_fini(&f.table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_without_pins_goes_back_at_once),
		cmocka_unit_test(a_pinned_version_outlives_its_retirement),
		cmocka_unit_test(a_slot_can_be_emptied),
		cmocka_unit_test(slots_grow_and_keep_their_objects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
