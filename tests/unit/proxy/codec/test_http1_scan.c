/* The scans and the parser's line loops give, many bytes at a time, what they give by byte: for
 * every byte at every place, for heads cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "codec/http1_fields.h"
#include "codec/http1_names.h"
#include "codec/http1_options.h"
#include "codec/http1_scan.h"

enum { MOST_LINES = 64 };

/* A copy without a byte of slack, so that AddressSanitizer sees what is read behind it. */
static struct slice exact_copy(struct slice bytes)
{
	char *exact = malloc(bytes.len ? bytes.len : 1);

	memcpy(exact, bytes.data, bytes.len);
	return slice_make(exact, bytes.len);
}

static void drop(struct slice copy)
{
	free((void *)(uintptr_t)copy.data);
}

static void assert_scans_agree(struct slice bytes, const struct http1_progress *from,
			       uint32_t max_lines)
{
	struct slice copy = exact_copy(bytes);
	struct http1_progress expected = *from, actual = *from;

	assert_int_equal(http1_scan_lines(&actual, copy, max_lines),
			 http1_scan_lines_bytewise(&expected, copy, max_lines));
	assert_int_equal(actual.scanned, expected.scanned);
	assert_int_equal(actual.line_start, expected.line_start);
	assert_int_equal(actual.lines, expected.lines);
	drop(copy);
}

/* --- the line loops */

struct outcome {
	struct http1_head head;
	struct header fields[MOST_LINES];
	enum http1_error error;
};

static void parse(struct outcome *outcome, enum http1_variant variant, struct slice bytes,
		  enum http1_kind kind, uint32_t max_fields)
{
	*outcome = (struct outcome){.head.fields = outcome->fields};
	struct http1_reading r = {
		.head = &outcome->head,
		.bytes = bytes,
		.options = &http1_default_options,
		.kind = kind,
		.max_fields = max_fields,
	};
	outcome->head.bytes = bytes;
	outcome->error = http1_parse_lines_by(variant, &r);
}

static void assert_fields_equal(const struct header *a, const struct header *b)
{
	assert_ptr_equal(a->name, b->name);
	assert_ptr_equal(a->value, b->value);
	assert_int_equal(a->name_len, b->name_len);
	assert_int_equal(a->value_len, b->value_len);
	assert_int_equal(a->id, b->id);
}

static enum http1_error assert_variants_agree(struct slice bytes, enum http1_kind kind,
					      uint32_t max_fields)
{
	struct slice copy = exact_copy(bytes);
	struct outcome expected, actual;

	parse(&expected, HTTP1_BYTEWISE, copy, kind, max_fields);
	for (enum http1_variant variant = HTTP1_SSE2; variant <= HTTP1_AVX2; variant++) {
		if (!http1_has_variant(variant))
			continue;
		parse(&actual, variant, copy, kind, max_fields);
		assert_int_equal(actual.error, expected.error);
		if (expected.error)
			continue;
		assert_int_equal(actual.head.bytes.len, expected.head.bytes.len);
		assert_int_equal(actual.head.field_count, expected.head.field_count);
		assert_int_equal(actual.head.has_host, expected.head.has_host);
		assert_ptr_equal(actual.head.path.data, expected.head.path.data);
		for (uint32_t i = 0; i < expected.head.field_count; i++)
			assert_fields_equal(&actual.fields[i], &expected.fields[i]);
	}
	drop(copy);
	return expected.error;
}

/* Of all kinds of lines; "%" is where a byte is put. */
static const char *const heads[] = {
	"GET /%/path HTTP/1.1\r\nHost: a\r\nX-A%c: b\r\nAccept: */*\r\n\r\nbody",
	"GET /path HTTP/1.1\r\nHost:%a\r\n%: c\r\nAccept%:  */*  \r\n\r\n",
	"HTTP/1.1 200 OK%\r\nserver: origin\r\ncontent-type: text/%html%\r\n\r%\n",
	"HTTP/1.1 200 OK\r\nx-envoy-upstream-service-time: 12%\r\nProxy-Connection%: x\r%\r\n",
	"HTTP/1.1 200 OK\r\nx: a value which is longer than a block %, its end is near%\r\n\r\n",
};

static void every_byte_in_a_head(void **state)
{
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(heads); i++) {
		enum http1_kind kind = heads[i][0] == 'G' ? HTTP1_REQUEST : HTTP1_RESPONSE;
		for (const char *hole = heads[i]; (hole = strchr(hole, '%')); hole++) {
			char text[256];
			size_t len = 0, at = 0;
			for (const char *p = heads[i]; *p; p++) {
				if (p == hole)
					at = len;
				if (*p != '%' || p == hole)
					text[len++] = *p;
			}
			for (int c = 0; c < 256; c++) {
				text[at] = (char)c;
				assert_variants_agree(slice_make(text, len), kind, MOST_LINES);
			}
		}
	}
}

static void heads_cut_anywhere(void **state)
{
	unsigned whole = 0;
	(void)state;

	for (size_t name = 1; name < 50; name += 1 + name / 8) {
		for (size_t value = 0; value < 140; value += 1 + value / 8) {
			char text[400];
			int len = snprintf(text, sizeof text,
					   "HTTP/1.1 200 OK\r\n%.*s:%s%.*s\r\nVia: x\r\n\r\n",
					   (int)name,
					   "N-ame-of-a-field-as-long-as-the-test-likes-it-to-be",
					   value % 3 ? " " : "", (int)value,
					   "value value value value value value value value value "
					   "value value value value value value value value value "
					   "value value value value value value value");
			for (size_t cut = 0; cut <= (size_t)len; cut++)
				whole += !assert_variants_agree(slice_make(text, cut),
								HTTP1_RESPONSE, MOST_LINES);
			assert_variants_agree(slice_make(text, (size_t)len), HTTP1_RESPONSE, 1);
		}
	}
	assert_true(whole > 100);
}

static void random_heads(void **state)
{
	static const char *const parts[] = {
		"Host: a\r\n",
		"x",
		": ",
		"\r\n",
		"Accept-Encoding: gzip, deflate, br\r\n",
		"\t",
		" ",
		"Content-Type: text/plain\r\n",
		"value",
		"X-Name: ",
		"\r\n\r\n",
		"\r",
		"\n",
		"\x7f",
		"x-envoy-expected-rq-timeout-ms: 100\r\n",
		"Te: trailers\r\n",
		"_: \xc3\r\n",
		":",
	};
	unsigned whole = 0;
	uint32_t seed = 1;
	(void)state;

	for (int round = 0; round < 40000; round++) {
		char text[600] = "GET / HTTP/1.1\r\n";
		size_t len = strlen(text);
		seed = seed * 1664525 + 1013904223;
		for (unsigned left = (seed >> 24) % 16; left; left--) {
			seed = seed * 1664525 + 1013904223;
			size_t pick = (seed >> 16) % (seed & 0x8000 ? COUNT_OF(parts) : 6);
			memcpy(text + len, parts[pick], strlen(parts[pick]));
			len += strlen(parts[pick]);
		}
		memcpy(text + len, "\r\n\r\n", 4);
		whole += !assert_variants_agree(slice_make(text, len + 4), HTTP1_REQUEST,
						MOST_LINES);
	}
	assert_true(whole > 1000);
}

/* --- the scan */

static void scans_every_byte_at_every_place(void **state)
{
	struct http1_progress from = {0};
	char bytes[100];
	(void)state;

	for (size_t len = 0; len <= sizeof bytes; len += len < 40 ? 1 : 29) {
		memset(bytes, 'a', sizeof bytes);
		assert_scans_agree(slice_make(bytes, len), &from, MOST_LINES);
		for (size_t at = 0; at < len; at++) {
			for (int c = 0; c < 256; c++) {
				bytes[at] = (char)c;
				assert_scans_agree(slice_make(bytes, len), &from, MOST_LINES);
			}
			bytes[at] = 'a';
		}
	}
}

static void scans_random_heads_in_pieces(void **state)
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
		struct http1_progress from = {0};
		for (size_t cut = len / 3; cut <= len; cut += 1 + len / 5) {
			assert_scans_agree(slice_make(bytes, cut), &from, 1 + seed % 8);
			if (http1_scan_lines(&from, slice_make(bytes, cut), MOST_LINES) !=
			    HTTP1_SCAN_MORE)
				break;
		}
	}
}

static void what_the_results_mean(void **state)
{
	static const struct {
		const char *bytes;
		enum http1_scan_result result;
		unsigned lines, scanned;
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
		{"a\r\nb\r\nc\r\n\r\n", HTTP1_SCAN_FULL, 2, 7},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct http1_progress progress = {0};
		assert_int_equal(http1_scan_lines(&progress, slice_of(rows[i].bytes), 2),
				 rows[i].result);
		assert_int_equal(progress.lines, rows[i].lines);
		assert_int_equal(progress.scanned, rows[i].scanned);
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

static uint64_t first_word(struct slice name)
{
	uint64_t word = 0;

	memcpy(&word, name.data, name.len < 8 ? name.len : 8);
	return word;
}

static bool fits(struct slice name)
{
	return name.len < sizeof http1_name_slots->text;
}

/* For who added a name: a factor for http1_name_hash that gives each a slot of its own. */
static void print_a_factor(void)
{
	for (uint64_t factor = 0x9e3779b97f4a7c15;; factor += 0xbf58476d1ce4e5b2) {
		uint64_t taken[HTTP1_NAME_SLOTS] = {0}, doubles = 0;
		for (enum header_id id = HEADER_FIRST_REGULAR; id < HEADER_ID_COUNT; id++) {
			struct slice name = known_name_text(id);
			if (fits(name))
				doubles += taken[(first_word(name) + name.len) * factor >> 58]++;
		}
		if (doubles)
			continue;
		printf("a factor for http1_name_hash: %#llx\n", (unsigned long long)factor);
		return;
	}
}

static void short_names_have_their_slots(void **state)
{
	bool all = true;
	(void)state;

	for (enum header_id id = HEADER_FIRST_REGULAR; id < HEADER_ID_COUNT; id++) {
		struct slice name = known_name_text(id);
		size_t at = http1_name_hash(first_word(name), name.len);
		if (!fits(name) || http1_name_slots[at].id == id)
			continue;
		printf("slot %zu of http1_name_slots: %s\n", at, name.data);
		all = false;
	}
	if (!all)
		print_a_factor();
	assert_true(all);
}

static void known_names_in_a_head(void **state)
{
	(void)state;

	for (enum header_id id = HEADER_FIRST_REGULAR; id < HEADER_ID_COUNT; id++) {
		struct outcome outcome;
		char text[128];
		int len = snprintf(text, sizeof text, "%s: a value\r\n\r\n%32s",
				   known_name_text(id).data, "");
		for (enum http1_variant variant = 0; variant <= HTTP1_AVX2; variant++) {
			if (!http1_has_variant(variant))
				continue;
			parse(&outcome, variant, slice_make(text, (size_t)len), HTTP1_TRAILERS,
			      MOST_LINES);
			assert_int_equal(outcome.error, HTTP1_ERROR_NONE);
			assert_int_equal(outcome.head.field_count,
					 !http1_is_noted(id) || id == HEADER_CONTENT_TYPE);
			if (outcome.head.field_count)
				assert_int_equal(outcome.fields[0].id, id);
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
		cmocka_unit_test(every_byte_in_a_head),
		cmocka_unit_test(heads_cut_anywhere),
		cmocka_unit_test(random_heads),
		cmocka_unit_test(scans_every_byte_at_every_place),
		cmocka_unit_test(scans_random_heads_in_pieces),
		cmocka_unit_test(what_the_results_mean),
		cmocka_unit_test(names_are_found_in_any_case),
		cmocka_unit_test(short_names_have_their_slots),
		cmocka_unit_test(known_names_in_a_head),
		cmocka_unit_test(every_byte_in_a_name),
		cmocka_unit_test(lowering_leaves_what_follows),
		cmocka_unit_test(targets_hold_printable_ascii),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
