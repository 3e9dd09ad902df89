/* Every variant of the scans gives what the byte-wise one gives, for every byte at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "codec/http1_names.h"
#include "codec/http1_scan.h"

enum { MOST_ENDS = 64 };

typedef enum http1_scan_result scan_function(struct http1_lines *lines, struct slice bytes);

struct outcome {
	enum http1_scan_result result;
	struct http1_lines lines;
	uint32_t ends[MOST_ENDS];
};

static void run(struct outcome *outcome, scan_function *scan, struct slice bytes,
		const struct http1_lines *from)
{
	char *exact = malloc(bytes.len ? bytes.len : 1);

	memcpy(exact, bytes.data, bytes.len);
	*outcome = (struct outcome){.lines = *from};
	outcome->lines.ends = outcome->ends;
	outcome->result = scan(&outcome->lines, slice_make(exact, bytes.len));
	free(exact);
}

static void assert_variants_agree(struct slice bytes, const struct http1_lines *from)
{
	scan_function *variants[] = {http1_scan_lines, http1_scan_lines_sse2,
				     http1_scan_has_avx2() ? http1_scan_lines_avx2
							   : http1_scan_lines_sse2};
	struct outcome expected, actual;

	run(&expected, http1_scan_lines_bytewise, bytes, from);
	for (unsigned i = 0; i < COUNT_OF(variants); i++) {
		run(&actual, variants[i], bytes, from);
		assert_int_equal(actual.result, expected.result);
		assert_int_equal(actual.lines.scanned, expected.lines.scanned);
		assert_int_equal(actual.lines.line_start, expected.lines.line_start);
		assert_int_equal(actual.lines.count, expected.lines.count);
		assert_memory_equal(actual.ends, expected.ends, sizeof expected.ends);
	}
}

static void every_byte_at_every_place(void **state)
{
	struct http1_lines from = {.max = MOST_ENDS};
	char bytes[200];
	(void)state;

	for (size_t len = 0; len <= sizeof bytes; len += len < 70 ? 1 : 43) {
		memset(bytes, 'a', sizeof bytes);
		assert_variants_agree(slice_make(bytes, len), &from);
		for (size_t at = 0; at < len; at += len < 70 ? 1 : 3) {
			for (int c = 0; c < 256; c++) {
				bytes[at] = (char)c;
				assert_variants_agree(slice_make(bytes, len), &from);
			}
			bytes[at] = 'a';
		}
	}
}

static void line_ends_across_blocks(void **state)
{
	(void)state;

	for (size_t first = 0; first < 140; first++) {
		for (size_t second = 0; second < 70; second += 3) {
			char bytes[400];
			size_t len = 0;
			memset(bytes, 'x', sizeof bytes);
			len += first;
			memcpy(bytes + len, "\r\n", 2);
			len += 2 + second;
			memcpy(bytes + len, "\r\n\r\nbody\0\n", 10);
			len += 10;
			struct http1_lines from = {.max = MOST_ENDS};
			for (size_t cut = 0; cut <= len; cut += cut + 8 < len ? 2 : 1)
				assert_variants_agree(slice_make(bytes, cut), &from);
			from.max = 1;
			assert_variants_agree(slice_make(bytes, len), &from);
		}
	}
}

static void random_heads_in_pieces(void **state)
{
	static const char alphabet[] = "ab: \t\r\n\r\n\r\n\x01\x7f\xc3";
	uint32_t seed = 1;
	(void)state;

	for (int round = 0; round < 20000; round++) {
		char bytes[160];
		seed = seed * 1664525 + 1013904223;
		size_t len = 1 + (seed >> 24) % sizeof bytes;
		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525 + 1013904223;
			unsigned pick = seed >> 24;
			bytes[i] = pick < 200 ? 'k' : alphabet[pick % (sizeof alphabet - 1)];
			if (i && bytes[i - 1] == '\r' && pick & 1)
				bytes[i] = '\n';
		}
		struct http1_lines from = {.max = MOST_ENDS};
		struct outcome outcome;
		for (size_t cut = len / 3; cut <= len; cut += 1 + len / 5) {
			assert_variants_agree(slice_make(bytes, cut), &from);
			run(&outcome, http1_scan_lines, slice_make(bytes, cut), &from);
			if (outcome.result != HTTP1_SCAN_MORE)
				break;
			from.scanned = outcome.lines.scanned;
			from.line_start = outcome.lines.line_start;
		}
	}
}

static void what_the_results_mean(void **state)
{
	static const struct {
		const char *bytes;
		enum http1_scan_result result;
		unsigned count, scanned;
	} rows[] = {
		{"a: b\r\n\r\n", HTTP1_SCAN_END, 1, 6},
		{"a: b\r\nc: d\r\n", HTTP1_SCAN_MORE, 2, 12},
		{"a: b\r", HTTP1_SCAN_MORE, 0, 4},
		{"a: b\n", HTTP1_SCAN_ENDING, 0, 4},
		{"a: b\rc\r\n", HTTP1_SCAN_ENDING, 0, 4},
		{"a: \x02\r\n", HTTP1_SCAN_CONTROL, 0, 3},
		{"a:\tb\r\n\r\n", HTTP1_SCAN_END, 1, 6},
		{"\r\n", HTTP1_SCAN_END, 0, 0},
		{"a: \x7f\r\n", HTTP1_SCAN_CONTROL, 0, 3},
		{"a: \xff\r\n\r\n", HTTP1_SCAN_END, 1, 6},
		{"a\r\n\r\n\n\x01", HTTP1_SCAN_END, 1, 3},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct http1_lines from = {.max = MOST_ENDS};
		struct outcome outcome;
		run(&outcome, http1_scan_lines, slice_of(rows[i].bytes), &from);
		assert_int_equal(outcome.result, rows[i].result);
		assert_int_equal(outcome.lines.count, rows[i].count);
		assert_int_equal(outcome.lines.scanned, rows[i].scanned);
	}
}

/* --- names */

static void assert_names_agree(const char *line, size_t len, size_t readable)
{
	char *exact = malloc(readable);
	size_t fast_len = len, slow_len = len;

	memcpy(exact, line, readable);
	enum header_id fast = http1_name_find(exact, exact + readable, &fast_len);
	enum header_id slow = http1_name_find_bytewise(exact, &slow_len);
	assert_int_equal(fast, slow);
	if (slow != HEADER_REMOVED)
		assert_int_equal(fast_len, slow_len);
	free(exact);
}

static void names_are_found_in_any_case(void **state)
{
	(void)state;

	for (enum header_id id = HEADER_FIRST_REGULAR; id < HEADER_ID_COUNT; id++) {
		struct slice text = known_name_text(id);
		char line[128];
		for (unsigned upper = 0; upper < 3; upper++) {
			memset(line, '.', sizeof line);
			memcpy(line, text.data, text.len);
			for (size_t i = 0; i < text.len; i++)
				if (line[i] >= 'a' && line[i] <= 'z' && (upper + i) % 3 == 0)
					line[i] = (char)(line[i] - 0x20);
			line[text.len] = ':';
			for (size_t slack = 0; slack < 40; slack++) {
				size_t len = text.len + 1;
				assert_int_equal(http1_name_find(line, line + len + slack, &len),
						 id);
				assert_int_equal(len, text.len);
				assert_names_agree(line, text.len + 1, text.len + 1 + slack);
			}
		}
	}
}

static void every_byte_in_a_name(void **state)
{
	char line[96];
	(void)state;

	for (size_t name_len = 1; name_len < 60; name_len += 1 + name_len / 20) {
		for (size_t at = 0; at < name_len; at++) {
			for (int c = 0; c < 256; c++) {
				if (c < ' ' || c == 0x7f) /* the scan stops at these */
					continue;
				memset(line, 'n', sizeof line);
				line[name_len] = ':';
				line[at] = (char)c;
				assert_names_agree(line, name_len + 2, name_len + 2);
				assert_names_agree(line, name_len + 2, sizeof line);
			}
		}
	}
	memset(line, 'n', sizeof line);
	assert_names_agree(line, 20, sizeof line);
	line[30] = ':'; /* of the next line */
	assert_names_agree(line, 20, sizeof line);
}

static void lowering_leaves_what_follows(void **state)
{
	(void)state;

	for (size_t len = 1; len < 70; len++) {
		char fast[96], slow[96];
		for (size_t i = 0; i < sizeof fast; i++)
			fast[i] = slow[i] = (char)(i * 7 + len * 31);
		http1_name_lower(fast, len);
		http1_name_lower_bytewise(slow, len);
		assert_memory_equal(fast, slow, sizeof fast);
	}
}

static void targets_hold_printable_ascii(void **state)
{
	(void)state;

	for (size_t len = 1; len < 40; len++) {
		char text[64];
		for (size_t at = 0; at < len; at++) {
			for (int c = 0; c < 256; c++) {
				memset(text, 'p', sizeof text);
				text[at] = (char)c;
				if (c == 0x7f) /* the scan stops there */
					continue;
				bool expected = http1_is_all(slice_make(text, len), HTTP1_TARGET);
				assert_int_equal(
					http1_is_target(slice_make(text, len), text + sizeof text),
					expected);
				assert_int_equal(http1_is_target(slice_make(text, len), text + len),
						 expected);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_at_every_place),
		cmocka_unit_test(line_ends_across_blocks),
		cmocka_unit_test(random_heads_in_pieces),
		cmocka_unit_test(what_the_results_mean),
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(every_byte_in_a_name),
		cmocka_unit_test(lowering_leaves_what_follows),
		cmocka_unit_test(targets_hold_printable_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
