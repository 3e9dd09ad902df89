/* Golden frames: bytes that real peers wrote, one frame a file of hex digits in tests/vectors. */
#ifndef TEST_GOLDEN_H
#define TEST_GOLDEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"

#define assert_slice(actual, expected)                                                             \
	do {                                                                                       \
		struct slice a_ = (actual), e_ = (expected);                                       \
		assert_int_equal(a_.len, e_.len);                                                  \
		if (e_.len)                                                                        \
			assert_memory_equal(a_.data, e_.data, e_.len);                             \
	} while (0)

/* The bytes that a text of hex digits stands for; blanks don't count. The caller frees .data. */
static inline struct slice from_hex(const char *text)
{
	char *bytes = malloc(strlen(text) / 2 + 1);
	size_t len = 0;
	unsigned byte;

	assert_non_null(bytes);
	for (; *text; text += 2) {
		while (*text == ' ' || *text == '\n')
			text++;
		if (!*text)
			break;
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		bytes[len++] = (char)byte;
	}
	return slice_make(bytes, len);
}

/* A frame of tests/vectors/<folder>. The caller frees .data. */
static inline struct slice golden_of(const char *folder, const char *file)
{
	char path[256];
	snprintf(path, sizeof path, "tests/vectors/%s/%s", folder, file);
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size_t size = (size_t)ftell(f);
	rewind(f);
	char *text = calloc(1, size + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, size, f), size);
	fclose(f);
	struct slice bytes = from_hex(text);
	free(text);
	return bytes;
}

#endif
