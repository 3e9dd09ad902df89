/* Stepping over values that their tags tell the size of, one behind the other: of fixed size,
 * strings of ASCII, objects of known classes, heads of lists with a count.
 *
 *   p ──────────> last │ HESSIAN2_RUN_BEYOND │ … end    values begin up to `last` and end before
 *                                                       `end`; behind last there is that room
 *
 * Pure function of what the run says. Owner: hessian2_skip.c; what it borrows is the reader's.
 * Thread: the reader's. */
#ifndef CODEC_HESSIAN2_RUN_H
#define CODEC_HESSIAN2_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/hessian2_grammar.h"
#include "codec/hessian2_string.h"

struct hessian2_class;

enum hessian2_variant {
	HESSIAN2_VARIANT_WORDS, /* on any machine */
	HESSIAN2_VARIANT_SSE2,
	HESSIAN2_VARIANT_AVX2,
};

struct hessian2_run {
	const uint8_t *p, *last, *end;
	const struct hessian2_grammar *grammar;
	struct arena *arena;
	struct hessian2_class *classes;
	uint32_t class_count; /* objects of others end the run */
	uint32_t type_count;  /* names of lists' types met: the run goes on counting */
	bool may_contain;     /* else objects and lists end it */
	uint64_t containers;  /* objects and lists met */
	uint64_t fields;      /* that they have brought, elements too */
};

bool hessian2_has_variant(enum hessian2_variant variant);

/* Steps over so many values, up to something else or the end. Returns how many are still to come;
 * sets p, containers and fields. The variants differ in speed only. */
uint64_t hessian2_run_by(enum hessian2_variant variant, struct hessian2_run *run, uint64_t pending);

/* The same by the best of them. */
uint64_t hessian2_run(struct hessian2_run *run, uint64_t pending);

#endif
