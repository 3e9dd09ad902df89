/* A pattern, a NUL, a substitution, a NUL, a text: what a configuration and a peer together can do.
 * Whatever compiles must match within its limits, and agree with itself. */
#include <stdlib.h>

#include "base/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice next_part(struct slice *rest)
{
	size_t end = slice_find_char(*rest, 0, 0);
	struct slice part = slice_sub(*rest, 0, end);

	*rest = slice_sub(*rest, end + (end < rest->len), rest->len);
	return part;
}

static void use(const struct regex *regex, struct slice substitution, struct slice text,
		struct arena *arena)
{
	struct slice groups[REGEX_GROUPS_MAX];

	enum status whole = regex_try_match(regex, text);
	invariant(whole == STATUS_OK || whole == STATUS_NOT_FOUND || whole == STATUS_TOO_LARGE);
	enum status part = regex_find(regex, text, groups, REGEX_GROUPS_MAX);
	invariant(whole != STATUS_OK || part != STATUS_NOT_FOUND);
	for (unsigned i = 0; part == STATUS_OK && i < REGEX_GROUPS_MAX; i++)
		invariant(!groups[i].data ||
			  (groups[i].data >= text.data && groups[i].len <= text.len));
	struct slice result = regex_replace_all(regex, text, substitution, arena);
	invariant(result.len <= REGEX_RESULT_MAX || result.data == text.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make(data, size);
	struct slice pattern = next_part(&rest), substitution = next_part(&rest);
	const struct regex *regex;
	struct diag diag = {0};
	struct arena arena;

	if (!size || size > 4096)
		return 0;
	arena_init(&arena, 4096);
	enum status status =
		regex_compile(pattern, REGEX_MATCH | REGEX_REPLACE, &arena, &regex, &diag);
	if (status == STATUS_OK)
		use(regex, substitution, rest, &arena);
	else
		invariant(diag_is_set(&diag));
	arena_free(&arena);
	return 0;
}
