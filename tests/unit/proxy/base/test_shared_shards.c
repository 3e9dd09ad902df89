#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/shared_shards.h"

enum { COUNT = 4, A = 2, B = 4, FENCED = SHARED_SHARD_FENCED };

static struct shared_shards *new_shards(void)
{
	static const uint32_t count = COUNT;
	struct shared_shards *shards = calloc(1, shared_shards_size(count));
	shared_shards_type.init(shards, &count);
	return shards;
}

static uint64_t version_of(const struct shared_shards *shards)
{
	return shared_shards_version(shared_shards_now(shards));
}

static uint64_t word_of(const struct shared_shards *shards, uint32_t shard)
{
	return shared_shards_word(shards, shared_shards_now(shards), shard);
}

/* What a unit does with a write. */
static bool enter(struct shared_shards *shards, uint32_t shard, uint64_t owner, unsigned *slot)
{
	uint64_t now = shared_shards_now(shards);

	return shared_shards_word(shards, now, shard) == owner &&
	       shared_shards_enter(shards, now, slot);
}

static void versions_only_grow(void **state)
{
	struct shared_shards *shards = new_shards();
	const uint64_t all_a[COUNT] = {A, A, A, A}, some_b[COUNT] = {A, A, B, B};
	(void)state;

	assert_int_equal(version_of(shards), 0);
	assert_int_equal(shared_shards_adopt(shards, 3, all_a), SHARED_SHARDS_NEWER);
	assert_int_equal(shared_shards_adopt(shards, 3, all_a), SHARED_SHARDS_SAME);
	assert_int_equal(shared_shards_adopt(shards, 3, some_b), SHARED_SHARDS_DIFFERENT);
	assert_int_equal(shared_shards_adopt(shards, 2, some_b), SHARED_SHARDS_OLDER);
	assert_int_equal(word_of(shards, 2), A);
	assert_int_equal(shared_shards_adopt(shards, 9, some_b), SHARED_SHARDS_NEWER);
	assert_int_equal(word_of(shards, 2), B);
	assert_int_equal(version_of(shards), 9);
	free(shards);
}

static void nothing_enters_by_what_was_in_force(void **state)
{
	struct shared_shards *shards = new_shards();
	const uint64_t words[COUNT] = {A, A, A, A};
	unsigned slot;
	(void)state;

	shared_shards_adopt(shards, 1, words);
	uint64_t now = shared_shards_now(shards);
	shared_shards_adopt(shards, 2, words);
	assert_false(shared_shards_enter(shards, now, &slot));
	assert_int_equal(shared_shards_drained(shards), 2);
	assert_true(shared_shards_enter(shards, shared_shards_now(shards), &slot));
	free(shards);
}

static void writes_enter_what_is_theirs(void **state)
{
	struct shared_shards *shards = new_shards();
	const uint64_t words[COUNT] = {A, A | FENCED, B, B | FENCED};
	unsigned slot;
	(void)state;

	assert_false(enter(shards, 0, A, &slot)); /* nobody's yet */
	shared_shards_adopt(shards, 1, words);
	assert_true(enter(shards, 0, A, &slot));
	assert_false(enter(shards, 1, A, &slot));
	assert_false(enter(shards, 2, A, &slot));
	assert_true(enter(shards, 2, B, &slot));
	assert_false(enter(shards, 3, B, &slot));
	free(shards);
}

static void a_version_is_drained_when_older_writes_are_over(void **state)
{
	struct shared_shards *shards = new_shards();
	const uint64_t words[COUNT] = {A, A, A, A};
	unsigned first, second, third;
	(void)state;

	shared_shards_adopt(shards, 5, words);
	assert_int_equal(shared_shards_drained(shards), 5);
	assert_int_equal(shared_shards_news(shards), 5);
	assert_int_equal(shared_shards_news(shards), 0);
	assert_true(enter(shards, 0, A, &first));
	shared_shards_adopt(shards, 6, words);
	assert_true(enter(shards, 0, A, &second));
	shared_shards_adopt(shards, 8, words);
	assert_true(enter(shards, 0, A, &third));
	assert_int_equal(shared_shards_drained(shards), 5);
	shared_shards_leave(shards, second);
	assert_int_equal(shared_shards_drained(shards), 5);
	assert_int_equal(shared_shards_news(shards), 0);
	shared_shards_leave(shards, first);
	assert_int_equal(shared_shards_drained(shards), 8); /* the third is of this version */
	assert_int_equal(shared_shards_news(shards), 3);
	free(shards);
}

static void a_long_write_keeps_its_version_undrained(void **state)
{
	struct shared_shards *shards = new_shards();
	const uint64_t words[COUNT] = {A, A, A, A};
	unsigned slow, quick;
	(void)state;

	shared_shards_adopt(shards, 1, words);
	assert_true(enter(shards, 0, A, &slow));
	for (uint64_t version = 2; version < 100; version++) { /* more versions than slots */
		shared_shards_adopt(shards, version, words);
		assert_true(enter(shards, 0, A, &quick));
		assert_int_equal(shared_shards_drained(shards), 1);
		shared_shards_leave(shards, quick);
	}
	shared_shards_leave(shards, slow);
	uint64_t drained = shared_shards_drained(shards);
	assert_true(drained >= SHARED_SHARDS_SLOTS && drained <= 99);
	shared_shards_adopt(shards, 100, words);
	assert_int_equal(shared_shards_drained(shards), 100);
	free(shards);
}

static void a_successor_begins_with_the_words(void **state)
{
	struct shared_shards *shards = new_shards(), *successor = new_shards();
	const uint64_t words[COUNT] = {A, B, A | FENCED, B};
	uint64_t saved[COUNT + 1];
	(void)state;

	shared_shards_adopt(shards, 7, words);
	assert_int_equal(shared_shards_type.save(shards, saved, COUNT), 0);
	assert_int_equal(shared_shards_type.save(shards, saved, COUNT + 1), COUNT + 1);
	shared_shards_type.restore(successor, saved, COUNT);
	assert_int_equal(version_of(successor), 0);
	shared_shards_type.restore(successor, saved, COUNT + 1);
	assert_int_equal(version_of(successor), 7);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(word_of(successor, i), words[i]);
	free(shards);
	free(successor);
}

/* --- two units and a shard that goes to and fro between them, in threads --- */

struct town {
	struct shared_shards *units[2]; /* as two processes would have them */
	_Atomic int inside[2];          /* writes of shard 0 under way at each */
	_Atomic bool is_over;
	_Atomic unsigned wrong, writes;
};

struct citizen {
	struct town *town;
	unsigned unit;
	pthread_t thread;
};

static void *write_on(void *arg)
{
	struct citizen *c = arg;
	struct town *town = c->town;
	unsigned slot;

	while (!atomic_load(&town->is_over)) {
		if (!enter(town->units[c->unit], 0, c->unit ? B : A, &slot)) {
			sched_yield();
			continue;
		}
		atomic_fetch_add(&town->inside[c->unit], 1);
		if (atomic_load(&town->inside[!c->unit]))
			atomic_fetch_add(&town->wrong, 1);
		atomic_fetch_add(&town->writes, 1);
		atomic_fetch_sub(&town->inside[c->unit], 1);
		shared_shards_leave(town->units[c->unit], slot);
	}
	return NULL;
}

static void no_write_is_accepted_by_two(void **state)
{
	struct town town = {.units = {new_shards(), new_shards()}};
	struct citizen citizens[4];
	uint64_t words[COUNT] = {A, A, A, A}, version = 1;
	(void)state;

	shared_shards_adopt(town.units[0], version, words);
	shared_shards_adopt(town.units[1], version, words);
	for (unsigned i = 0; i < 4; i++) {
		citizens[i] = (struct citizen){.town = &town, .unit = i & 1};
		pthread_create(&citizens[i].thread, NULL, write_on, &citizens[i]);
	}
	for (unsigned move = 0; move < 60; move++) {
		unsigned from = move & 1;
		words[0] |= FENCED;
		version++;
		shared_shards_adopt(town.units[!from], version, words);
		shared_shards_adopt(town.units[from], version, words);
		while (shared_shards_drained(town.units[from]) < version)
			sched_yield();
		words[0] = from ? A : B;
		version++;
		shared_shards_adopt(town.units[move & 2 ? from : !from], version, words);
		shared_shards_adopt(town.units[move & 2 ? !from : from], version, words);
		unsigned seen = atomic_load(&town.writes);
		while (atomic_load(&town.writes) < seen + 3)
			sched_yield();
	}
	atomic_store(&town.is_over, true);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(citizens[i].thread, NULL);
	assert_int_equal(atomic_load(&town.wrong), 0);
	free(town.units[0]);
	free(town.units[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_only_grow),
		cmocka_unit_test(nothing_enters_by_what_was_in_force),
		cmocka_unit_test(writes_enter_what_is_theirs),
		cmocka_unit_test(a_version_is_drained_when_older_writes_are_over),
		cmocka_unit_test(a_long_write_keeps_its_version_undrained),
		cmocka_unit_test(a_successor_begins_with_the_words),
		cmocka_unit_test(no_write_is_accepted_by_two),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
