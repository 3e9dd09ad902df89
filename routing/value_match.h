/* A test of one value that an RPC call carries (an argument, an attachment, its application …): by
 * its text, as a number, or whether it is there.
 *
 *   texts     exact, prefix, suffix, contains, regex, one of many      as Java's String.valueOf
 *   numbers   whole ones in [from, to), any in [from, to), remainder   of numbers and decimal texts
 *   others    present (null, lists and objects too), null
 *
 * Where there is no value, nothing matches whatever `invert` says, but for present: false, for
 * present inverted, and for missing_is_empty, which tests "". A list, a map, an object and null are
 * no texts and no numbers: only `invert` makes such a test true for them.
 *
 * Owner: whoever embeds it; what it points at lives in the arena of the pool. Immutable.
 * Thread: any. */
#ifndef ROUTING_VALUE_MATCH_H
#define ROUTING_VALUE_MATCH_H

#include "message/argument_value.h"
#include "routing/name_map.h"
#include "routing/string_matcher.h"
#include "routing/text_pool.h"

struct Outrigger__Config__Route__V1__ValueMatch;

enum value_match_kind {
	VALUE_MATCH_PRESENT,
	VALUE_MATCH_NULL,
	VALUE_MATCH_EXACT, /* with regard to case: `text` */
	VALUE_MATCH_STRING,
	VALUE_MATCH_IN,
	VALUE_MATCH_RANGE,
	VALUE_MATCH_DOUBLE_RANGE,
	VALUE_MATCH_MODULO,
};

/* Texts to be one of: few are compared in turn, many are hashed. */
struct value_set {
	const struct slice *texts;
	uint32_t count;
	bool ignore_case;    /* texts are in lower case then */
	struct name_map map; /* of many */
};

struct value_modulo {
	uint32_t divisor;
	int64_t from, to; /* of the remainder, which is 0 or more */
};

struct value_match {
	uint8_t kind; /* enum value_match_kind */
	bool invert;
	bool missing_is_empty;
	union {
		struct slice text;
		const struct string_matcher *string;
		const struct value_set *set;
		const struct value_modulo *modulo;
		struct {
			int64_t from, to;
		} range;
		struct {
			double from, to;
		} numbers;
	};
};

/* Copies what it needs. STATUS_INVALID and a diag whose path begins inside the message. */
enum status MUST_CHECK value_match_load(
	struct value_match *match, const struct Outrigger__Config__Route__V1__ValueMatch *message,
	struct text_pool *pool, struct diag *diag);

/* One that asks for this text, which is copied. */
struct value_match value_match_exact(struct slice text, struct text_pool *pool);

/* scratch: where a text is made, if the value must be written as one to be compared. */
bool value_match_test(const struct value_match *match, const struct argument_value *value,
		      struct arena *scratch);

/* Whether only certain texts match, so that a map can lead to it: sets *texts and *count. */
bool value_match_texts(const struct value_match *match, const struct slice **texts,
		       uint32_t *count);

/* Decimal digits with a sign, a point and an exponent, all of text; neither hexadecimal nor
 * infinity. */
bool value_number_of_text(struct slice text, double *number);

enum { VALUE_TEXT_SIZE = 24 };

/* The text of the value: as argument_value_text, but whole numbers are written to the buffer. */
struct slice value_text(const struct argument_value *value, char buffer[VALUE_TEXT_SIZE],
			struct arena *scratch);

#endif
