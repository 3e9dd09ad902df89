#include "did_you_mean.h"

enum {
	MAX_NAME = 64, /* longer names aren't compared */
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters put in, left out, changed, or swapped with their neighbour, that make b of a. */
static size_t distance(struct slice a, struct slice b)
{
	size_t rows[3][MAX_NAME + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t change = a.data[i - 1] != b.data[j - 1];
			row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + change);
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
			    a.data[i - 2] == b.data[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *oldest = before;
		before = last;
		last = row;
		row = oldest;
	}
	return last[b.len];
}

const char *did_you_mean(struct slice text, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t nearest = text.len / 3 + 1;

	if (text.len > MAX_NAME)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct slice name = slice_of(names[i]);
		size_t d = name.len > MAX_NAME ? nearest : distance(text, name);
		if (d < nearest) {
			nearest = d;
			best = names[i];
		}
	}
	return best;
}
