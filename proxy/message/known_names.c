#include "message/known_names.h"

#include <stdint.h>

static inline __attribute__((always_inline)) uint64_t load8(const char *p)
{
	uint64_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

static inline __attribute__((always_inline)) uint32_t load4(const char *p)
{
	uint32_t word;
	memcpy(&word, p, sizeof word);
	return word;
}

/* Of n equal lengths; n is a constant after inlining. The tail comes first: names of one length
 * differ there, while many begin alike ("x-envoy-"). */
static inline __attribute__((always_inline)) bool same(const char *a, const char *b, size_t n)
{
	if (n < 4)
		return !memcmp(a, b, n);
	if (n < 8)
		return load4(a + n - 4) == load4(b + n - 4) && load4(a) == load4(b);
	if (load8(a + n - 8) != load8(b + n - 8))
		return false;
	return n <= 16 ? load8(a) == load8(b) : !memcmp(a, b, n - 8);
}

/* With n known at compile time only the names of that length remain. */
static inline __attribute__((always_inline)) enum header_id find_of_length(const char *p, size_t n)
{
#define TRY_NAME(id, text)                                                                         \
	if (n == sizeof(text) - 1 && same(p, text, n))                                             \
		return HEADER_##id;
	KNOWN_PSEUDO_NAMES(TRY_NAME)
	KNOWN_NAMES(TRY_NAME)
#undef TRY_NAME
	return HEADER_OTHER;
}

/* clang-format off */
#define LENGTHS(X) \
	X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15) X(16) X(17) X(18) \
	X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26) X(27) X(28) X(29) X(30) X(31) X(32) X(33) \
	X(34) X(35) X(36) X(37) X(38) X(39) X(40) X(41) X(42)
/* clang-format on */

enum { LONGEST_NAME = 42 };

#define FITS(id, text)                                                                             \
	_Static_assert(sizeof(text) - 1 >= 2 && sizeof(text) - 1 <= LONGEST_NAME,                  \
		       "LENGTHS must reach this name");
KNOWN_PSEUDO_NAMES(FITS)
KNOWN_NAMES(FITS)
#undef FITS

enum header_id known_name_find(struct slice name)
{
	switch (name.len) {
#define CASE_LENGTH(n)                                                                             \
	case n:                                                                                    \
		return find_of_length(name.data, n);
		LENGTHS(CASE_LENGTH)
#undef CASE_LENGTH
	default:
		return HEADER_OTHER;
	}
}

struct slice known_name_text(enum header_id id)
{
	static const struct slice names[HEADER_ID_COUNT] = {
#define NAME_TEXT(id, text) [HEADER_##id] = {text, sizeof(text) - 1},
		KNOWN_PSEUDO_NAMES(NAME_TEXT) KNOWN_NAMES(NAME_TEXT)
#undef NAME_TEXT
	};
	return names[id];
}
