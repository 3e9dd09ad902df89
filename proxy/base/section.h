/* What a process that is replaced passes to its successor, by named sections: the contract between
 * the owners of state (counters, Sentinel's windows, breakers, balancers …) and the hot upgrade.
 *
 *   old: export(WARM), workers run     ─bytes─> new: import(WARM), nothing is configured yet
 *        export(FINAL), workers stand  ─bytes─> import(FINAL), it is, and no request has come
 *        export(TAIL), workers run     ─bytes─> import(TAIL), requests are served
 *        ends                                   predecessor_gone
 *
 * Each owner writes one const struct section_type and one line in server/sections.c. The bytes of a
 * section are its owner's business; the writer and reader below are enough for most. A section the
 * successor doesn't know is skipped, one that the predecessor doesn't send is not imported: both
 * must do. Names never change their meaning.
 *
 * Thread: main, all of it. FINAL: the old one's workers are parked at a turn boundary, with what
 * they have written visible to main; the budget of all sections together is 20 ms. WARM and TAIL:
 * they run, so only what main may read at any time.
 * An export changes nothing that taken_back doesn't undo: the old process may take everything back
 * and go on. */
#ifndef BASE_SECTION_H
#define BASE_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct diag;

enum {
	SECTION_NAME_MAX = 64,
	SECTION_SIZE_MAX = 64 << 20, /* of one section's part; more is not sent, and logged */
};

enum section_part {
	SECTION_WARM,  /* hints, found by name later: before the configuration is loaded */
	SECTION_FINAL, /* what counts: all that isn't in the configuration */
	SECTION_TAIL,  /* what the old one has added since FINAL or the last TAIL, once a second
			  and at its end; only then may an owner move its own mark */
	SECTION_PARTS,
};

/* Growing bytes on the heap. Allocation aborts when it fails. Start with {0}. */
struct section_writer {
	char *data;
	size_t len, capacity;
	bool is_broken; /* something in it is too long to be read: none of it may be sent */
};

struct section_type {
	const char *name; /* "stats", "sentinel.windows": unique, for ever */
	uint32_t version; /* of what export writes; from 1 */
	uint32_t oldest;  /* version that import still reads: at least that of the last release */

	/* Appends to out; nothing appended: nothing is sent. NULL: has no such part. */
	void (*export[SECTION_PARTS])(void *owner, struct section_writer *out);

	/* bytes: borrowed for the call, not to be trusted. Installs all of it or nothing. Any
	 * failure with the reason in diag: in WARM and FINAL the upgrade is refused (the old one
	 * goes on); so what the new configuration simply has no place for is skipped, not refused.
	 * TAIL: it is logged. version: oldest <= version <= type->version is checked before;
	 * another version counts as an unknown section. */
	enum status (*import)(void *owner, enum section_part part, uint32_t version,
			      struct slice bytes, struct diag *diag);

	/* In the old process, when the new one is live: decide nothing any more that is one for
	 * the service (no checks, no token server …). May be NULL. */
	void (*left)(void *owner);
	/* In the old process, which goes on after all; perhaps without a FINAL. May be NULL. */
	void (*taken_back)(void *owner);
	/* In the new one, when the old has ended: what it counted as open is over. May be NULL. */
	void (*predecessor_gone)(void *owner);
};

struct section { /* of this process */
	const struct section_type *type;
	void *owner;
};

/* --- bytes: little endian, numbers as varints (7 bits a byte, low first, at most 10) --- */

void section_writer_free(struct section_writer *out);
void section_put_bytes(struct section_writer *out, const void *data, size_t len);
void section_put_number(struct section_writer *out, uint64_t number);
/* Small negative numbers stay small. */
void section_put_signed(struct section_writer *out, int64_t number);
/* All 64 bits of it, so that it comes back as it was. */
void section_put_double(struct section_writer *out, double number);
/* Length and bytes. */
void section_put_text(struct section_writer *out, struct slice text);

/* Reads in the same order. After the first fault everything reads as 0 and empty, is_bad stays. */
struct section_reader {
	const char *at, *end;
	bool is_bad;
};

void section_reader_init(struct section_reader *in, struct slice bytes);
uint64_t section_get_number(struct section_reader *in);
/* A number up to max; a larger one is a fault. */
uint64_t section_get_number_to(struct section_reader *in, uint64_t max);
/* A count of things that take at least item_size (> 0) bytes each of what is left: more is a
 * fault, so memory for that many may be taken. */
size_t section_get_count(struct section_reader *in, size_t item_size);
int64_t section_get_signed(struct section_reader *in);
double section_get_double(struct section_reader *in);
/* Borrowed from the bytes. */
struct slice section_get_text(struct section_reader *in);

/* Bytes that are left, to loop while there are. False after a fault. */
static inline bool section_has_more(const struct section_reader *in)
{
	return !in->is_bad && in->at < in->end;
}

/* Read to the last byte, without a fault. */
static inline bool section_is_done(const struct section_reader *in)
{
	return !in->is_bad && in->at == in->end;
}

#endif
