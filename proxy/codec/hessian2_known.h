/* The classes whose definitions a worker has met, so that later bodies needn't read them again, nor
 * find the shape of their objects.
 *
 *   definition   C 04 I t e m 92 …     its bytes ─ hash ─> slot {bytes, fields, shape}
 *
 * A definition takes the slot of another; readers that still look at the other's shape find one
 * that says what is so (hessian2_shape.h). A shape that was given up gets another chance every 256
 * bodies. Owner: who embeds it, one a worker; it lives longer than its readers. Thread: its worker.
 * Size: up to HESSIAN2_KNOWN slots of 1/2 KiB. */
#ifndef CODEC_HESSIAN2_KNOWN_H
#define CODEC_HESSIAN2_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

struct hessian2_class;
struct hessian2_reader;

enum {
	HESSIAN2_KNOWN = 64,
	HESSIAN2_KNOWN_USUAL = 4,
	HESSIAN2_KNOWN_SIZE = 191, /* bytes of a definition; longer ones aren't kept */
};

struct hessian2_known_class;

struct hessian2_known {
	struct hessian2_known_class *slots[HESSIAN2_KNOWN];
	/* The class found last after none, one, … of a body: mostly the next body's, too. */
	struct hessian2_known_class *usual[HESSIAN2_KNOWN_USUAL];
};

static inline void hessian2_known_init(struct hessian2_known *known)
{
	*known = (struct hessian2_known){.slots = {NULL}};
}

void hessian2_known_fini(struct hessian2_known *known);

/* The class whose definition begins at pos, which is stepped over, when it is known. */
bool hessian2_known_find(struct hessian2_reader *reader, struct hessian2_class *class);

/* Keeps one that has been read; its definition began at `from` and ends at pos. */
void hessian2_known_keep(const struct hessian2_reader *reader, size_t from,
			 struct hessian2_class *class);

#endif
