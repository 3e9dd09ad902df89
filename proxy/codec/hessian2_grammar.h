/* What each tag begins: all in which Hessian2 and the older grammar that SOFA speaks differ.
 *
 *   tag | size - 1 bytes | what its kind and form say        size: fixed bytes, tag and all
 *
 * Constant tables, one a grammar: hessian2_grammar, sofa_hessian_grammar (codec/sofa_hessian.h). */
#ifndef CODEC_HESSIAN2_GRAMMAR_H
#define CODEC_HESSIAN2_GRAMMAR_H

#include <stdint.h>

enum hessian2_kind {
	HESSIAN2_INVALID, /* no value starts with this byte, or no byte is left */
	HESSIAN2_NULL,
	HESSIAN2_BOOL,
	HESSIAN2_INT,
	HESSIAN2_LONG,
	HESSIAN2_DOUBLE,
	HESSIAN2_DATE,
	HESSIAN2_STRING,
	HESSIAN2_BINARY,
	HESSIAN2_LIST,
	HESSIAN2_MAP,
	HESSIAN2_OBJECT,
	HESSIAN2_CLASS, /* a definition; a value follows */
	HESSIAN2_REF,
};

/* What `form` holds, by kind; 0 for the others. */
enum {
	/* double */
	HESSIAN2_IEEE_64 = 0,
	HESSIAN2_IEEE_32 = 1,
	HESSIAN2_WHOLE = 2, /* an integer */
	HESSIAN2_MILLI = 3, /* an int, to be divided by 1000 */
	/* date */
	HESSIAN2_MILLISECONDS = 0,
	HESSIAN2_MINUTES = 1,
	/* string, binary: the chunk's length is an integer */
	HESSIAN2_LAST_CHUNK = 0,
	HESSIAN2_MORE_CHUNKS = 1,
	/* list, map, object, class, ref: bits */
	HESSIAN2_TYPED = 1,         /* a type stands next: a name, or the index of one met before */
	HESSIAN2_MAY_BE_TYPED = 2,  /* a type may stand next (SOFA's marks it) */
	HESSIAN2_TYPE_INDEX = 4,    /* an int value, the index of a type, stands next */
	HESSIAN2_NUMBER_IN_TAG = 8, /* count, class or ref: the tag's own integer */
	HESSIAN2_NUMBER = 16,       /* the same: an int value that stands next */
	HESSIAN2_MAY_BE_COUNTED =
		32,              /* a count may stand next (SOFA's marks it); it says nothing */
	HESSIAN2_MARKED = 64,    /* goes to the end mark */
	HESSIAN2_RAW_NAME = 128, /* of a class: its name's length is an int value */
};

struct hessian2_tag {
	uint8_t kind; /* enum hessian2_kind */
	uint8_t form;
	uint8_t size;
	uint8_t base; /* integers: what the tag itself counts from */
};

/* How a value is stepped over by its tag alone; what is above 0 is its size. */
enum {
	HESSIAN2_STEP_NONE = 0,        /* it isn't */
	HESSIAN2_STEP_TEXT = -1,       /* a string, its length in the tag: below 32 units … */
	HESSIAN2_STEP_LONG_TEXT = -2,  /* … or in ten bits, of the tag and a byte */
	HESSIAN2_STEP_OBJECT = -3,     /* an object, its class in the tag's last four bits … */
	HESSIAN2_STEP_OBJECT_INT = -4, /* … or an int of one byte, maybe */
	HESSIAN2_STEP_LIST = -5,       /* a list whose type and count follow, maybe so short … */
	HESSIAN2_STEP_OTHER_LIST = -6, /* … or are, one or both, in the tag, or without a type */
	HESSIAN2_STEP_CLASS = -7,      /* a class definition */
};

/* Both grammars' ints of one byte that count or are an index: from 0 on, so many. */
enum { HESSIAN2_INT_0 = 0x90, HESSIAN2_INTS = 48 };

struct hessian2_grammar {
	struct hessian2_tag tags[256];
	int8_t steps[256];    /* beside them: what is looked at most lies close together */
	uint8_t alike[256];   /* the bits that tell the tags of its row from all others */
	uint8_t end;          /* marks the end of a list or map */
	uint8_t class_tag;    /* begins a class definition */
	uint8_t object_tag;   /* begins an object, its class is an int value */
	uint8_t map_tag;      /* begins a map without a type */
	uint8_t string_chunk; /* of a string that goes on */
	uint8_t long_tag;     /* of a long as an int32 */
};

/* One row of a grammar, as tags, steps and bits: from … to, kind, form, size, base, step. A row of
 * 2^n tags begins at a multiple of 2^n. */
#define HESSIAN2_TAG_ROW(from, to, kind, form, size, base, step)                                   \
	[from... to] = {HESSIAN2_##kind, form, size, base},
#define HESSIAN2_STEP_ROW(from, to, kind, form, size, base, step) [from... to] = (step),
#define HESSIAN2_ALIKE_ROW(from, to, kind, form, size, base, step)                                 \
	[from... to] = 0xff & ~((from) ^ (to)),

extern const struct hessian2_grammar hessian2_grammar;

#endif
