#include "base/shared_notes.h"

#include <string.h>

static uint32_t sets_for(uint32_t count)
{
	uint32_t sets = (count + SHARED_NOTES_WAYS - 1) / SHARED_NOTES_WAYS;
	return sets ? sets : 1;
}

size_t shared_notes_size(uint32_t count)
{
	return sizeof(struct shared_notes) +
	       (size_t)sets_for(count) * SHARED_NOTES_WAYS * sizeof(struct shared_note);
}

void shared_notes_init(struct shared_notes *notes, uint32_t count)
{
	notes->set_count = sets_for(count);
}

/* 0 is the mark of a free note. */
static uint64_t key_of(uint64_t key)
{
	return key ? key : 1;
}

static size_t set_of(const struct shared_notes *notes, uint64_t key)
{
	return (size_t)(key % notes->set_count) * SHARED_NOTES_WAYS;
}

static uint64_t load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static void store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

size_t shared_notes_get(const struct shared_notes *notes, uint64_t key, uint64_t now_ms,
			uint64_t keep_ms, char text[SHARED_NOTE_MAX])
{
	uint64_t words[SHARED_NOTE_WORDS];

	key = key_of(key);
	const struct shared_note *note = &notes->notes[set_of(notes, key)];
	for (unsigned i = 0; i < SHARED_NOTES_WAYS; i++, note++) {
		uint64_t version = load(&note->version);
		if (version & 1 || load(&note->key) != key)
			continue;
		uint64_t at_ms = load(&note->at_ms), len = load(&note->len);
		for (unsigned w = 0; w < SHARED_NOTE_WORDS; w++)
			words[w] = load(&note->words[w]);
		if (load(&note->version) != version || len > SHARED_NOTE_MAX)
			return 0;
		if (now_ms > at_ms && now_ms - at_ms > keep_ms)
			return 0;
		memcpy(text, words, len);
		return len;
	}
	return 0;
}

/* The key's own note, else the oldest of its set. */
static struct shared_note *choose(struct shared_notes *notes, uint64_t key)
{
	struct shared_note *note = &notes->notes[set_of(notes, key)], *oldest = note;

	for (unsigned i = 0; i < SHARED_NOTES_WAYS; i++, note++) {
		if (load(&note->key) == key)
			return note;
		if (load(&note->at_ms) < load(&oldest->at_ms))
			oldest = note;
	}
	return oldest;
}

void shared_notes_put(struct shared_notes *notes, uint64_t key, struct slice text, uint64_t now_ms)
{
	uint64_t words[SHARED_NOTE_WORDS] = {0};

	if (text.len > SHARED_NOTE_MAX)
		return;
	memcpy(words, text.data, text.len);
	key = key_of(key);
	struct shared_note *note = choose(notes, key);
	uint64_t version = load(&note->version);
	if (version & 1 ||
	    !atomic_compare_exchange_strong_explicit(&note->version, &version, version + 1,
						     memory_order_acquire, memory_order_relaxed))
		return;
	store(&note->key, key);
	store(&note->at_ms, now_ms);
	store(&note->len, text.len);
	for (unsigned w = 0; w < SHARED_NOTE_WORDS; w++)
		store(&note->words[w], words[w]);
	store(&note->version, version + 2);
}
