/* Stepping over values that their tags tell the size of, one behind the other: of fixed size,
 * strings of ASCII, objects of the classes met and definitions of others, heads of lists with a
 * count.
 *
 *   p ──────────> last │ HESSIAN2_RUN_BEYOND │ … end    values begin up to `last` and end before
 *                                                       `end`; behind last there is that room
 *
 * Owner: hessian2_skip.c. Thread: the reader's. */
#ifndef CODEC_HESSIAN2_RUN_H
#define CODEC_HESSIAN2_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct hessian2_reader;

enum hessian2_variant {
	HESSIAN2_VARIANT_WORDS, /* on any machine */
	HESSIAN2_VARIANT_SSE2,
	HESSIAN2_VARIANT_AVX2,
};

struct hessian2_run {
	/* Whose bytes these are: classes and types are read into it; its pos means nothing. */
	struct hessian2_reader *reader;
	const uint8_t *p, *last, *end;
	enum status status;  /* of class definitions */
	bool may_contain;    /* else objects and lists end it */
	uint32_t step;       /* so many more come behind the last one, unless the end mark does */
	uint64_t containers; /* objects and lists met */
	uint64_t fields;     /* that they have brought, elements too, and steps */
};

bool hessian2_has_variant(enum hessian2_variant variant);

/* Steps over so many values, up to something else or the end. Returns how many are still to come;
 * sets p, status, containers and fields. The variants differ in speed only. */
uint64_t hessian2_run_by(enum hessian2_variant variant, struct hessian2_run *run, uint64_t pending);

/* The same by the best of them. */
uint64_t hessian2_run(struct hessian2_run *run, uint64_t pending);

#endif
