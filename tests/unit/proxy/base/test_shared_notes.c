#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/shared_notes.h"

static struct shared_notes *new_notes(uint32_t count)
{
	struct shared_notes *notes = calloc(1, shared_notes_size(count));
	shared_notes_init(notes, count);
	return notes;
}

static const char *get(const struct shared_notes *notes, uint64_t key, uint64_t now_ms)
{
	static char text[SHARED_NOTE_MAX + 1];
	text[shared_notes_get(notes, key, now_ms, 100, text)] = 0;
	return text;
}

static void notes_are_found_until_they_are_old(void **state)
{
	struct shared_notes *notes = new_notes(64);
	(void)state;

	assert_string_equal(get(notes, 7, 10), "");
	shared_notes_put(notes, 7, slice_of("gray"), 10);
	shared_notes_put(notes, 0, slice_of("zero"), 10);
	assert_string_equal(get(notes, 7, 110), "gray");
	assert_string_equal(get(notes, 7, 111), "");
	assert_string_equal(get(notes, 0, 10), "zero");
	assert_string_equal(get(notes, 8, 10), "");
	shared_notes_put(notes, 7, slice_of("blue"), 111);
	assert_string_equal(get(notes, 7, 111), "blue");
	free(notes);
}

static void texts_have_a_length(void **state)
{
	struct shared_notes *notes = new_notes(8);
	char text[SHARED_NOTE_MAX + 2];
	(void)state;

	memset(text, 'x', sizeof text);
	shared_notes_put(notes, 1, slice_make(text, SHARED_NOTE_MAX), 1);
	assert_int_equal(strlen(get(notes, 1, 1)), SHARED_NOTE_MAX);
	shared_notes_put(notes, 2, slice_make(text, SHARED_NOTE_MAX + 1), 1);
	assert_string_equal(get(notes, 2, 1), "");
	free(notes);
}

static void the_oldest_goes(void **state)
{
	struct shared_notes *notes = new_notes(1); /* one set */
	char text[16];
	(void)state;

	for (unsigned i = 1; i <= SHARED_NOTES_WAYS + 1; i++) {
		snprintf(text, sizeof text, "n%u", i);
		shared_notes_put(notes, i, slice_of(text), i);
	}
	assert_string_equal(get(notes, 1, 20), "");
	assert_string_equal(get(notes, 2, 20), "n2");
	assert_string_equal(get(notes, SHARED_NOTES_WAYS + 1, 20), "n9");
	free(notes);
}

struct writer {
	struct shared_notes *notes;
	unsigned seed;
	pthread_t thread;
};

/* A text is one letter, as often as the key says: a mixed one shows. */
static void *write_and_read(void *arg)
{
	struct writer *w = arg;
	char text[SHARED_NOTE_MAX];

	for (unsigned i = 0; i < 20000; i++) {
		uint64_t key = 1 + (i * 7 + w->seed) % 12;
		size_t len = (size_t)key * 5;
		memset(text, 'a' + (int)((i + w->seed) % 26), len);
		shared_notes_put(w->notes, key, slice_make(text, len), i);
		key = 1 + (i * 5 + w->seed) % 12;
		len = shared_notes_get(w->notes, key, i, UINT64_MAX / 2, text);
		if (len && len != (size_t)key * 5)
			return w;
		for (size_t at = 1; at < len; at++)
			if (text[at] != text[0])
				return w;
	}
	return NULL;
}

static void threads_never_see_a_mixed_text(void **state)
{
	struct writer writers[3];
	void *wrong;
	struct shared_notes *notes = new_notes(1);
	(void)state;

	for (unsigned i = 0; i < 3; i++) {
		writers[i] = (struct writer){.notes = notes, .seed = i * 3};
		pthread_create(&writers[i].thread, NULL, write_and_read, &writers[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(writers[i].thread, &wrong);
		assert_null(wrong);
	}
	free(notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notes_are_found_until_they_are_old),
		cmocka_unit_test(texts_have_a_length),
		cmocka_unit_test(the_oldest_goes),
		cmocka_unit_test(threads_never_see_a_mixed_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
