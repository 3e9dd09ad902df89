/* The tag of a request, how it goes on, and the wishes that come of it. */
#include "filter_support.h"

#include "filters/lane/lane.h"
#include "message/rpc_head.h"
#include "stream/session.h"
#include "telemetry/stats.h"

static uint64_t counted(struct stream_fixture *f, unsigned id)
{
	return filter_counted(f, &lane_stats, "http.test.lane", id);
}

/* "lane=gray|lane" : the wishes for the stream that is open; "!" : required. */
static const char *wishes(struct stream_fixture *f)
{
	static char text[256];
	struct policy_choice choice = {.is_refused = false};
	const struct filter *filter = &f->stream->filters[0];
	struct policy_facts facts;
	size_t len = 0;

	filter_facts(filter, &facts);
	filter->type->policy->choose(filter->config, &facts, &choice);
	assert_false(choice.is_refused);
	text[0] = 0;
	for (uint32_t i = 0; i < choice.wish_count; i++) {
		const struct label *label = choice.wishes[i].labels;
		assert_int_equal(choice.wishes[i].count, 1);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s", i ? "|" : "",
					SLICE_FMT(label->key));
		if (label->kind == LABEL_STRING)
			len += (size_t)snprintf(text + len, sizeof text - len, "=%.*s",
						SLICE_FMT(label->text));
	}
	snprintf(text + len, sizeof text - len, "%s", choice.is_required ? "!" : "");
	return text;
}

static void a_tag_becomes_wishes(void **state)
{
	static const struct {
		const char *yaml, *request, *wishes;
	} rows[] = {
		{"{}", "GET / h", "lane"},
		{"{}", "GET / h\nx-asm-prefer-tag: gray", "lane=gray|lane"},
		{"{}", "GET / h\ndubbo.tag: gray", "lane=gray|lane"},
		{"{}", "GET / h\nx-asm-prefer-tag: \ndubbo.tag: blue", "lane=blue|lane"},
		{"{}", "GET / h\nx-asm-prefer-tag: a b\ndubbo.tag: blue", "lane=blue|lane"},
		{"{baseline: base}", "GET / h", "lane=base"},
		{"{baseline: base}", "GET / h\nx-asm-prefer-tag: base", "lane=base"},
		{"{baseline: base, label: env}", "GET / h\nx-asm-prefer-tag: v", "env=v|env=base"},
		{"{strict: true}", "GET / h\nx-asm-prefer-tag: gray", "lane=gray!"},
		{"{strict: true}", "GET / h", "lane"},
		{"{default_tag: own}", "GET / h", "lane=own|lane"},
		{"{default_tag: own}", "GET / h\nx-asm-prefer-tag: gray", "lane=gray|lane"},
		{"{tags: [{cookie: env}, {header: x-env}]}", "GET / h\ncookie: env=c",
		 "lane=c|lane"},
		{"{tags: [{cookie: env}, {header: x-env}]}", "GET / h\nx-env: d", "lane=d|lane"},
		{"{tags: [{header: x-env}]}", "GET / h\nx-asm-prefer-tag: gray", "lane"},
		{"{tags: [{argument: '0'}]}", "GET / h", "lane"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = filter_new(&lane_filter, rows[i].yaml);
		fixture_headers(f, rows[i].request, true);
		const char *seen = wishes(f);
		if (strcmp(seen, rows[i].wishes))
			fail_msg("%s of '%s': %s, not %s", rows[i].yaml, rows[i].request, seen,
				 rows[i].wishes);
		fixture_answer_headers(f, "200", true);
		assert_string_equal(fixture_take(f), "R:H. >h200. ended");
		stream_fixture_free(f);
	}
}

static void the_tag_goes_on(void **state)
{
	static const struct {
		const char *yaml, *request, *header, *value;
	} rows[] = {
		{"{}", "GET / h", "x-asm-prefer-tag", "-"},
		{"{}", "GET / h\nx-asm-prefer-tag: gray", "x-asm-prefer-tag", "gray"},
		{"{}", "GET / h\ndubbo.tag: gray", "x-asm-prefer-tag", "-"}, /* it is there */
		{"{default_tag: own}", "GET / h", "x-asm-prefer-tag", "own"},
		{"{default_tag: own}", "GET / h\nx-asm-prefer-tag: a b", "x-asm-prefer-tag", "own"},
		{"{tags: [{cookie: env}, {header: x-env}]}", "GET / h\ncookie: env=c", "x-env",
		 "c"},
		{"{tags: [{cookie: env}], propagate: x-on}", "GET / h\ncookie: env=c", "x-on", "c"},
		{"{tags: [{cookie: env}]}", "GET / h\ncookie: env=c", "env", "-"},
		{"{tags: [{cookie: e}, {header: ':path'}]}", "GET /p h\ncookie: e=c", ":path",
		 "/p"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = filter_new(&lane_filter, rows[i].yaml);
		fixture_headers(f, rows[i].request, true);
		assert_string_equal(filter_asked(f, rows[i].header), rows[i].value);
		fixture_answer_headers(f, "200", true);
		stream_fixture_free(f);
	}
}

static void what_is_no_tag_is_counted(void **state)
{
	struct stream_fixture *f = filter_new(&lane_filter, "{}");
	char lines[256];
	(void)state;

	filter_get(f, "GET / h");
	filter_get(f, "GET / h\nx-asm-prefer-tag: a b");
	filter_get(f, "GET / h\nx-asm-prefer-tag: gray");
	snprintf(lines, sizeof lines, "GET / h\ndubbo.tag: %0*d", LANE_TAG_MAX, 0);
	filter_get(f, lines);
	snprintf(lines, sizeof lines, "GET / h\ndubbo.tag: %0*d", LANE_TAG_MAX + 1, 0);
	filter_get(f, lines);
	assert_int_equal(counted(f, LANE_STAT_TAGGED), 2);
	assert_int_equal(counted(f, LANE_STAT_UNTAGGED), 3);
	assert_int_equal(counted(f, LANE_STAT_TAG_INVALID), 2);
	stream_fixture_free(f);
}

/* --- by trace --- */

#define CORRELATE(more) "{correlate: {trace_header: " more ", name: t}}"

static struct stream_fixture *listener(const char *yaml, bool is_outbound)
{
	struct chain_entry entry = {.type = &lane_filter, .name = SLICE("it")};
	struct stream_fixture *f = stream_fixture_new(&entry, 1);
	struct config_context context;
	struct diag diag = {.line = 0};

	filter_context(&context, f, &f->arena);
	context.is_outbound = is_outbound;
	assert_int_equal(
		lane_filter.config_load(&f->entries[0].config,
					filter_message(&f->arena, lane_filter.message, yaml), false,
					&context, &diag),
		STATUS_OK);
	return f;
}

static const char *wishes_of(struct stream_fixture *f, const char *request)
{
	fixture_headers(f, request, true);
	const char *seen = wishes(f);
	fixture_answer_headers(f, "200", true);
	fixture_settle(f);
	return seen;
}

static void a_trace_keeps_its_tag(void **state)
{
	struct stream_fixture *in = listener(CORRELATE("X-Trace"), false);
	struct stream_fixture *out = listener(CORRELATE("x-trace"), true);
	(void)state;

	assert_string_equal(wishes_of(out, "GET / h\nx-trace: 1"), "lane");
	assert_string_equal(wishes_of(in, "GET / h\nx-trace: 1\nx-asm-prefer-tag: gray"),
			    "lane=gray|lane");
	assert_string_equal(wishes_of(in, "GET / h\nx-trace: 2"), "lane");
	assert_string_equal(wishes_of(in, "GET / h\nx-trace: 1"), "lane"); /* inbound: as it came */
	assert_string_equal(wishes_of(out, "GET / h\nx-trace: 1"), "lane=gray|lane");
	assert_string_equal(wishes_of(out, "GET / h\nx-trace: 2"), "lane");
	assert_string_equal(wishes_of(out, "GET / h\nx-trace: "), "lane");
	assert_string_equal(wishes_of(out, "GET / h\nx-trace: 1\nx-asm-prefer-tag: blue"),
			    "lane=blue|lane");
	fixture_headers(out, "GET / h\nx-trace: 1", true);
	assert_string_equal(filter_asked(out, "x-asm-prefer-tag"), "gray"); /* and goes on */
	fixture_answer_headers(out, "200", true);
	assert_int_equal(counted(out, LANE_STAT_TAG_RECALLED), 2);
	fixture_advance(out, LANE_KEEP_DEFAULT_MS + 1000);
	assert_string_equal(wishes_of(out, "GET / h\nx-trace: 1"), "lane");
	stream_fixture_free(in);
	stream_fixture_free(out);
}

static void trace_headers_are_taken_apart(void **state)
{
	static const struct {
		const char *header, *in, *out;
	} rows[] = {
		{"traceparent", "00-aaaa-01-01", "00-aaaa-77-00"},
		{"b3", "cccc-1-1", "cccc-2-1-1"},
		{"b3", "dddd", "dddd-2"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char yaml[128], request[128];
		snprintf(yaml, sizeof yaml, CORRELATE("%s"), rows[i].header);
		struct stream_fixture *in = listener(yaml, false), *out = listener(yaml, true);
		snprintf(request, sizeof request, "GET / h\n%s: %s\ndubbo.tag: gray",
			 rows[i].header, rows[i].in);
		wishes_of(in, request);
		snprintf(request, sizeof request, "GET / h\n%s: %s", rows[i].header, rows[i].out);
		assert_string_equal(wishes_of(out, request), "lane=gray|lane");
		snprintf(request, sizeof request, "GET / h\n%s: 00-bbbb-77-00", rows[i].header);
		assert_string_equal(wishes_of(out, request), "lane");
		stream_fixture_free(in);
		stream_fixture_free(out);
	}
}

/* --- calls --- */

static bool tag_attachment(struct stream *s, struct slice name, struct slice *text)
{
	(void)s;
	*text = SLICE("gray");
	return slice_equal(name, SLICE("dubbo.tag"));
}

static void calls_carry_attachments(void **state)
{
	struct stream_fixture *f = filter_new(&lane_filter, "{default_tag: own}");
	struct session_type type = *f->config.type;
	(void)state;

	type.attachment = tag_attachment;
	f->config.type = &type;
	assert_string_equal(wishes_of(f, "GET / h"), "lane=gray|lane");
	stream_fixture_free(f);
}

static void bad_configurations_are_refused(void **state)
{
	(void)state;
	filter_refused(&lane_filter, "{tags: [{}]}", "tags[0]", "one of");
	filter_refused(&lane_filter, "{tags: [{header: 'a b'}]}", "tags[0].header", "no name");
	filter_refused(&lane_filter, "{tags: [{header: a}, {cookie: ''}]}", "tags[1].cookie",
		       "empty");
	filter_refused(&lane_filter, "{tags: [{argument: x}]}", "tags[0].argument", "");
	filter_refused(&lane_filter, "{default_tag: 'a b'}", "default_tag", "visible");
	filter_refused(&lane_filter, "{propagate: 'a b'}", "propagate", "name of a header");
	filter_refused(&lane_filter, "{correlate: {}}", "correlate.trace_header", "name");
	filter_refused(&lane_filter, "{correlate: {trace_header: t, max_traces: 0}}",
		       "correlate.max_traces", "from 1");
	filter_refused(&lane_filter, "{correlate: {trace_header: t, keep: -1s}}", "correlate.keep",
		       "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tag_becomes_wishes),
		cmocka_unit_test(the_tag_goes_on),
		cmocka_unit_test(what_is_no_tag_is_counted),
		cmocka_unit_test(a_trace_keeps_its_tag),
		cmocka_unit_test(trace_headers_are_taken_apart),
		cmocka_unit_test(calls_carry_attachments),
		cmocka_unit_test(bad_configurations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
