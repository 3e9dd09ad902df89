/* A number as JSON writes it. Pure. */
#ifndef MESSAGE_FORMAT_NUMBER_H
#define MESSAGE_FORMAT_NUMBER_H

#include <stdio.h>
#include <stdlib.h>

#include "base/slice.h"

enum { FORMAT_NUMBER_MAX = 32 };

/* The fewest digits that read back as the same number, which must be finite. Returns what was
 * written to text. */
static inline struct slice format_number_text(double number, char text[FORMAT_NUMBER_MAX])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, FORMAT_NUMBER_MAX, "%.*g", digits, number);
		double read = strtod(text, NULL);
		if (!(read < number) && !(read > number))
			break;
	}
	return slice_of(text);
}

#endif
