#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/shared.h"

struct counter {
	_Atomic uint64_t value;
};

static void counter_init(void *state, const void *config)
{
	struct counter *counter = state;
	assert_int_equal(counter->value, 0);
	counter->value = *(const uint64_t *)config;
}

static size_t counter_save(const void *state, uint64_t *words, size_t max)
{
	const struct counter *counter = state;
	assert_true(max > 0);
	words[0] = counter->value;
	return 1;
}

static void counter_restore(void *state, const uint64_t *words, size_t count)
{
	struct counter *counter = state;
	if (count == 1)
		counter->value = words[0];
}

static const struct shared_type counter_type = {"counter", counter_init, counter_save,
						counter_restore};
static const struct shared_type other_type = {"other", counter_init, NULL, NULL};

static struct counter *take(const struct shared_type *type, const char *name, uint64_t hash,
			    uint64_t first)
{
	return shared_take(type, slice_of(name), hash, sizeof(struct counter), &first);
}

static void the_same_name_and_configuration_is_the_same_state(void **state)
{
	(void)state;
	struct counter *a = take(&counter_type, "a", 1, 10);
	struct counter *again = take(&counter_type, "a", 1, 99);

	assert_ptr_equal(a, again);
	assert_int_equal(again->value, 10);
	assert_int_equal((uintptr_t)a % 64, 0);
	struct counter *others[] = {take(&counter_type, "b", 1, 11),
				    take(&counter_type, "a", 2, 12), take(&other_type, "a", 1, 13)};
	assert_int_equal(shared_count(), 4);
	for (uint64_t i = 0; i < 3; i++) {
		assert_ptr_not_equal(a, others[i]);
		assert_int_equal(others[i]->value, 11 + i);
		shared_drop(others[i]);
	}
	assert_int_equal(shared_count(), 1);
	shared_drop(a);
	assert_int_equal(again->value, 10);
	shared_drop(again);
	assert_int_equal(shared_count(), 0);
}

static void a_dropped_state_begins_anew(void **state)
{
	(void)state;
	struct counter *a = take(&counter_type, "a", 1, 1);
	a->value = 50;
	shared_drop(a);
	a = take(&counter_type, "a", 1, 2);
	assert_int_equal(a->value, 2);
	shared_drop(a);
	shared_drop(NULL);
}

static void an_arena_drops_what_was_taken_for_it(void **state)
{
	struct arena old, new;
	uint64_t first = 5;
	(void)state;

	arena_init(&old, 256);
	arena_init(&new, 256);
	struct counter *a = shared_take_for(&old, &counter_type, SLICE("a"), 1, sizeof *a, &first);
	a->value = 77;
	struct counter *b = shared_take_for(&new, &counter_type, SLICE("a"), 1, sizeof *b, &first);
	arena_free(&old);
	assert_ptr_equal(a, b);
	assert_int_equal(b->value, 77);
	arena_free(&new);
	assert_int_equal(shared_count(), 0);
}

struct saved {
	char text[256];
	unsigned count, stop_at;
};

static bool note(void *arg, struct slice type, struct slice name, uint64_t config_hash,
		 const uint64_t *words, size_t count)
{
	struct saved *saved = arg;
	assert_int_equal(count, 1);
	snprintf(saved->text, sizeof saved->text, "%.*s %.*s %u %u", SLICE_FMT(type),
		 SLICE_FMT(name), (unsigned)config_hash, (unsigned)words[0]);
	return ++saved->count != saved->stop_at;
}

static void what_saves_is_saved(void **state)
{
	struct saved saved = {.count = 0};
	(void)state;

	struct counter *a = take(&counter_type, "a", 7, 10), *b = take(&other_type, "b", 1, 11);
	a->value = 30;
	shared_save_all(note, &saved);
	assert_int_equal(saved.count, 1);
	assert_string_equal(saved.text, "counter a 7 30");
	shared_drop(b);
	b = take(&counter_type, "b", 1, 11);
	saved = (struct saved){.stop_at = 1};
	shared_save_all(note, &saved);
	assert_int_equal(saved.count, 1);
	shared_drop(a);
	shared_drop(b);
}

static void a_successor_begins_with_the_words_of_its_predecessor(void **state)
{
	static const uint64_t word = 123, words[2] = {1, 2};
	(void)state;

	shared_restore(SLICE("counter"), SLICE("early"), 1, &word, 1);
	assert_int_equal(shared_count(), 0);
	struct counter *early = take(&counter_type, "early", 1, 5);
	assert_int_equal(early->value, 123);
	struct counter *late = take(&counter_type, "late", 1, 5);
	shared_restore(SLICE("counter"), SLICE("late"), 1, words, 2);
	assert_int_equal(late->value, 5); /* doesn't fit */
	shared_restore(SLICE("counter"), SLICE("late"), 1, &word, 1);
	assert_int_equal(late->value, 123);

	for (unsigned i = 0; i < 50; i++)
		shared_restore(SLICE("counter"), SLICE("never"), i, &word, 1);
	shared_restore_end();
	struct counter *never = take(&counter_type, "never", 1, 5);
	assert_int_equal(never->value, 5);
	assert_int_equal(late->value, 123);
	shared_drop(early);
	shared_drop(late);
	shared_drop(never);
	assert_int_equal(shared_count(), 0);
}

static void *take_and_drop(void *arg)
{
	char name[8];
	(void)arg;
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof name, "n%u", i % 5);
		struct counter *counter = take(&counter_type, name, 1, 0);
		counter->value++;
		shared_drop(counter);
	}
	return NULL;
}

static void threads_may_take_and_drop(void **state)
{
	pthread_t threads[3];
	(void)state;

	struct counter *kept = take(&counter_type, "n0", 1, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_drop, NULL), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(kept->value, 1200);
	shared_drop(kept);
	assert_int_equal(shared_count(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_name_and_configuration_is_the_same_state),
		cmocka_unit_test(a_dropped_state_begins_anew),
		cmocka_unit_test(an_arena_drops_what_was_taken_for_it),
		cmocka_unit_test(what_saves_is_saved),
		cmocka_unit_test(a_successor_begins_with_the_words_of_its_predecessor),
		cmocka_unit_test(threads_may_take_and_drop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
