/* Short texts by key that threads share, a bounded number of them: a new key takes the place of the
 * one in its set that was written the longest ago.
 *
 *   key ─> set (key mod count) ─> [note][note] … 8 of them
 *
 * A note is guarded by its version, odd while it is written: who reads meanwhile finds nothing, and
 * a second writer gives up. So a note may be missed, but never mixed.
 *
 * Owner: whoever embeds it, last in its struct, or a state of base/shared.h. Thread: any. */
#ifndef BASE_SHARED_NOTES_H
#define BASE_SHARED_NOTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	SHARED_NOTES_WAYS = 8,
	SHARED_NOTE_WORDS = 8,
	SHARED_NOTE_MAX = SHARED_NOTE_WORDS * 8, /* bytes of a text */
};

struct shared_note {
	_Atomic uint64_t version; /* odd: being written */
	_Atomic uint64_t key;     /* 0: free */
	_Atomic uint64_t at_ms;
	_Atomic uint64_t len;
	_Atomic uint64_t words[SHARED_NOTE_WORDS];
};

struct shared_notes {
	uint32_t set_count;
	struct shared_note notes[];
};

/* Bytes for at least `count` notes. */
size_t shared_notes_size(uint32_t count);

/* Of zeroed memory. */
void shared_notes_init(struct shared_notes *notes, uint32_t count);

/* Writes the text and the time down. A text over SHARED_NOTE_MAX isn't
 * kept. */
void shared_notes_put(struct shared_notes *notes, uint64_t key, struct slice text, uint64_t now_ms);

/* Copies the text of at most keep_ms ago to `text`; its length, 0: there is none. */
size_t shared_notes_get(const struct shared_notes *notes, uint64_t key, uint64_t now_ms,
			uint64_t keep_ms, char text[SHARED_NOTE_MAX]);

#endif
