/* What stands behind the arguments, in all the forms that Java accepts. */
#include "unit/proxy/codec/dubbo_harness.h"

#include "codec/dubbo_arguments.h"
#include "codec/dubbo_edits.h"
#include "codec/dubbo_jsonb.h"

/* A body: "2.0.2", service "s", version "0.0.0", method "m", then these parameter types and what
 * follows them in hex. */
static struct end *ask(const char *types, const char *hex)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice rest = from_hex(hex);
	char body[4096];

	end->read_attachments = true;
	int len = snprintf(body, sizeof body, "\0052.0.2\1s\0050.0.0\1m%c%s", (int)strlen(types),
			   types);
	memcpy(body + len, rest.data, rest.len);
	end_feed_frame(end, 0xc2, 0, 1, slice_make(body, (size_t)len + rest.len));
	free((void *)rest.data);
	assert_int_equal(end->call_count, 1);
	return end;
}

static void done(struct end *end)
{
	dubbo_codec.abandon(&end->calls->exchange);
	end_close(end);
}

static void expect(const struct end *end, const char *name, const char *text)
{
	struct slice value = SLICE("?");

	assert_true(end->attachments_read);
	assert_true(dubbo_attachment(end->calls->headers, slice_of(name), &value));
	assert_int_equal(!text, !value.data);
	assert_slice(value, slice_of(text));
}

static void expect_absent(const struct end *end, const char *name)
{
	struct slice value;
	assert_false(dubbo_attachment(end->calls->headers, slice_of(name), &value));
}

static void arguments_are_counted_as_java_does(void **state)
{
	static const struct {
		const char *types;
		int count;
	} cases[] = {
		{"", 0},
		{"VZ[BBCDFIJS", 10},
		{"Ljava/lang/String;[I", 2},
		{"[[Ljava/lang/String;[[[JLa;", 3},
		{"Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;", 3},
		{"[", -1},
		{"I[", -1},
		{"L", -1},
		{"Ljava", -1},
		{"X", -1},
		{"I;", -1},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(dubbo_count_arguments(slice_of(cases[i].types)), cases[i].count);
}

static void values_match_as_their_java_text(void **state)
{
	struct end *end = ask("II", "90 91 48"
				    "0161 0478797a77" /* a: xyzw */
				    "0162 d40100"     /* b: 256 */
				    "0163 4c0000000100000000"
				    "0164 54"
				    "0165 443ff8000000000000"
				    "0166 4e"   /* null */
				    "0167 485a" /* a map */
				    "0168 2101" /* binary */
				    "0169 4a0000000000000000"
				    "016a 43 0141 91 0178 60 90" /* an object */
				    "90 0176"                    /* an int for a key: no name */
				    "016b 00"
				    "016c 02c3a9e4b8ad 5a");
	(void)state;

	expect(end, "a", "xyzw");
	expect(end, "b", "256");
	expect(end, "c", "4294967296");
	expect(end, "d", "true");
	expect(end, "e", "1.5");
	expect(end, "f", NULL);
	expect(end, "g", NULL);
	expect(end, "h", NULL);
	expect(end, "i", NULL);
	expect(end, "j", NULL);
	expect(end, "k", "");
	expect(end, "l", "\u00e9\u4e2d");
	expect_absent(end, "m");
	expect_absent(end, "");
	assert_int_equal(end->calls->headers->rpc->attachment_count, 12);
	done(end);
}

static void the_last_of_a_name_wins_and_case_comes_second(void **state)
{
	struct end *end = ask("", "48 016b 0131 014b 0132 016b 0133 0278 59 0134 0278 59 0135 5a");
	(void)state;

	expect(end, "k", "3");
	expect(end, "K", "2");
	expect(end, "Xy", "5");
	assert_int_equal(end->calls->headers->rpc->attachment_count, 5);
	done(end);
}

static void three_get_their_triple_names_and_no_other_becomes_a_header(void **state)
{
	struct end *end = ask("", "48 0567726f7570 026731" /* group: g1 */
				  "0774696d656f7574 cbe8"  /* timeout: 1000 as an int */
				  "0b6170706c69636174696f6e 0461700d0a" /* application: ap CR LF */
				  "053a70617468 0178"                   /* :path */
				  "117472692d736572766963652d67726f7570 0178 5a");
	(void)state;

	assert_slice(headers_get(end->calls->headers, HEADER_TRI_SERVICE_GROUP), SLICE("g1"));
	assert_slice(headers_get(end->calls->headers, HEADER_TRI_SERVICE_TIMEOUT), SLICE("1000"));
	assert_slice(headers_get(end->calls->headers, HEADER_TRI_CONSUMER_APPNAME),
		     SLICE("ap%0D%0A"));
	assert_slice(headers_get(end->calls->headers, HEADER_PATH), SLICE("/s/m"));
	expect(end, ":path", "x");
	expect(end, "tri-service-group", "x");
	assert_int_equal(end->calls->headers->count, 9);
	done(end);
}

static void remote_application_is_preferred(void **state)
{
	struct end *end = ask("", "48 0b6170706c69636174696f6e 0161"
				  "1272656d6f74652e6170706c69636174696f6e 0162 5a");
	(void)state;

	assert_slice(headers_get(end->calls->headers, HEADER_TRI_CONSUMER_APPNAME), SLICE("b"));
	done(end);
}

static void a_map_that_is_a_ref_is_found_in_the_arguments(void **state)
{
	/* arguments: a list of an object and a map; the map has ref 2, its last byte is a 'Z' */
	static const char arguments[] = "7a 43 0141 91 0178 60 90 48 0161 0162 0163 60 91 5a";
	char hex[256];
	(void)state;

	snprintf(hex, sizeof hex, "%s 51 92", arguments);
	struct end *end = ask("Ljava/util/List;", hex);
	expect(end, "a", "b");
	expect(end, "c", NULL);
	done(end);

	static const char *const wrong[] = {"51 90", "51 91", "51 94", "51 c85a", "51 8f", "51"};
	for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
		snprintf(hex, sizeof hex, "%s %s", arguments, wrong[i]);
		end = ask("Ljava/util/List;", hex);
		assert_false(end->attachments_read);
		assert_int_equal(end->calls->headers->rpc->attachment_count, 0);
		done(end);
	}
}

static void none_and_null_are_empty(void **state)
{
	static const char *const empty[] = {"", "4e", "485a", "4d 0161 5a"};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(empty); i++) {
		struct end *end = ask("", empty[i]);
		assert_true(end->attachments_read);
		assert_true(end->calls->headers->rpc->has_attachments);
		assert_int_equal(end->calls->headers->rpc->attachment_count, 0);
		expect_absent(end, "a");
		done(end);
	}
}

static void what_cannot_be_read_is_not_there(void **state)
{
	static const struct {
		const char *types, *hex;
	} cases[] = {
		{"", "48 0161"},             /* cut */
		{"", "48 0161 0162"},        /* no end */
		{"", "48 0161 5a"},          /* a key without value */
		{"", "0161"},                /* no map */
		{"I", ""},                   /* no argument */
		{"II", "90 48"},             /* too few arguments */
		{"I", "90"},                 /* and then it is fine: none */
		{"X", "90 485a"},            /* types that are none */
		{"", "48 01c1a1 0162 5a"},   /* an overlong name */
		{"", "48 0161 02c3ffff 5a"}, /* a broken value */
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = ask(cases[i].types, cases[i].hex);
		bool is_fine = !strcmp(cases[i].hex, "90");
		assert_int_equal(end->attachments_read, is_fine);
		assert_int_equal(end->calls->headers->rpc->has_attachments, is_fine);
		assert_int_equal(end->calls->headers->rpc->attachment_count, 0);
		assert_int_equal(end->calls->data_events, 1);
		/* too late, and nothing changes */
		assert_int_equal(dubbo_read_attachments(end->calls->headers, &end->calls->arena),
				 is_fine);
		done(end);
	}
}

/* Who only reads attachments changes nothing: the body goes on as it came. */
static void reading_is_no_edit(void **state)
{
	struct end *end = ask("", "48 0774696d656f7574 0431303030 0567726f7570 0167 5a");
	(void)state;

	assert_true(end->attachments_read);
	assert_true(headers_has(end->calls->headers, HEADER_TRI_SERVICE_TIMEOUT));
	assert_true(headers_has(end->calls->headers, HEADER_TRI_SERVICE_GROUP));
	assert_false(dubbo_may_be_edited(end->calls->headers));
	headers_set_id(end->calls->headers, HEADER_TRI_SERVICE_GROUP, SLICE("h"));
	assert_true(dubbo_may_be_edited(end->calls->headers));
	done(end);
}

static bool reads_with_entries(unsigned count, size_t value_len)
{
	struct end *end = end_open(CODEC_SERVER);
	char *body = malloc(64 + count * (value_len + 8)), *to = body;
	static const char head[] = "\0052.0.2\1s\0050.0.0\1m\0H";

	memcpy(to, head, sizeof head - 1);
	to += sizeof head - 1;
	for (unsigned i = 0; i < count; i++) {
		*to++ = 4;
		to += sprintf(to, "%04x", i & 0xffff);
		*to++ = 'S';
		*to++ = (char)(value_len >> 8);
		*to++ = (char)value_len;
		memset(to, 'v', value_len);
		to += value_len;
	}
	*to++ = 'Z';
	end->read_attachments = true;
	end_feed_frame(end, 0xc2, 0, 1, slice_make(body, (size_t)(to - body)));
	bool is_read = end->attachments_read;
	assert_int_equal(end->calls->headers->rpc->attachment_count, is_read ? count : 0);
	free(body);
	done(end);
	return is_read;
}

static void number_and_size_are_bounded(void **state)
{
	(void)state;
	assert_true(reads_with_entries(DUBBO_ATTACHMENTS_LIMIT, 10));
	assert_false(reads_with_entries(DUBBO_ATTACHMENTS_LIMIT + 1, 10));
	assert_true(reads_with_entries(1, DUBBO_ATTACHMENTS_BYTES_LIMIT - 10));
	assert_false(reads_with_entries(1, DUBBO_ATTACHMENTS_BYTES_LIMIT - 9));
}

static void fields_and_attachments_may_disagree(void **state)
{
	static const struct {
		const char *hex;
		bool agree;
	} cases[] = {
		{"48 0470617468 0173 5a", true},               /* path: s */
		{"48 0470617468 0178 5a", false},              /* path: x */
		{"48 0470617468 4e 5a", false},                /* path: null */
		{"48 0776657273696f6e 05302e302e30 5a", true}, /* version: 0.0.0 */
		{"48 0776657273696f6e 4e 5a", true},           /* none is 0.0.0 */
		{"48 0776657273696f6e 0131 5a", false},
		{"485a", true},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = ask("", cases[i].hex);
		assert_true(end->attachments_read);
		assert_int_equal(dubbo_attachments_agree(end->calls->headers->rpc), cases[i].agree);
		done(end);
	}
}

static void expect_header(const struct end *end, const char *name, const char *text)
{
	const struct header *h = headers_find(end->calls->headers, slice_of(name));

	if (!text) {
		assert_null(h);
		return;
	}
	assert_non_null(h);
	assert_slice(header_value(h), slice_of(text));
	assert_null(headers_find_next(end->calls->headers, h));
}

/* Name and value by turns, short ASCII or UTF-8 of one unit a byte; NULL ends. */
static struct end *ask_pairs(const char *const *texts)
{
	char hex[2048] = "48";

	for (size_t len = 2; *texts; texts++) {
		size_t units = 0;
		for (const char *c = *texts; *c; c++)
			units += ((unsigned char)*c & 0xc0) != 0x80;
		len += (size_t)sprintf(hex + len, "%02zx", units);
		for (const char *c = *texts; *c; c++)
			len += (size_t)sprintf(hex + len, "%02x", (unsigned char)*c);
		if (!texts[1])
			sprintf(hex + len, "5a");
	}
	return ask("", hex);
}

static void published_attachments_are_headers_that_shadow_none(void **state)
{
	static const char *const pairs[] = {"X-Tag",
					    "blue",
					    "K",
					    "1",
					    "k",
					    "2",
					    "K",
					    "3",
					    "Aa",
					    "1",
					    "AA",
					    "2",
					    ":path",
					    "x",
					    "Host",
					    "x",
					    "tri-service-group",
					    "x",
					    "X-Envoy-Retry-On",
					    "x",
					    "transfer-encoding",
					    "x",
					    "a b",
					    "1",
					    "a%20b",
					    "2",
					    "\u00e9",
					    "\u4e2d",
					    "crlf",
					    "a\r\nb",
					    "x\x01",
					    "",
					    "group",
					    "g",
					    "application",
					    "app",
					    NULL};
	struct end *end = ask_pairs(pairs);
	(void)state;

	assert_true(end->attachments_read);
	dubbo_attachments_publish(end->calls->headers);
	expect_header(end, "x-tag", "blue");
	expect_header(end, "k", "2");
	expect_header(end, "aa", "2");
	expect_header(end, ":path", "/s/m");
	expect_header(end, "attachment::path", "x");
	expect_header(end, "host", NULL);
	expect_header(end, "attachment:host", "x");
	expect_header(end, "tri-service-group", "g");
	expect_header(end, "attachment:tri-service-group", "x");
	expect_header(end, "x-envoy-retry-on", NULL);
	expect_header(end, "attachment:x-envoy-retry-on", "x");
	expect_header(end, "transfer-encoding", NULL);
	expect_header(end, "attachment:transfer-encoding", "x");
	expect_header(end, "a%20b", "1");
	expect_header(end, "a%2520b", "2");
	expect_header(end, "%c3%a9", "\u4e2d");
	expect_header(end, "crlf", "a%0D%0Ab");
	expect_header(end, "x%01", "");
	expect_header(end, "group", "g");
	expect_header(end, "tri-consumer-appname", "app");
	done(end);

	end = ask("", "48 0161 4e 0162 485a 00 0131 5a"); /* null, a map, no name */
	uint32_t before = end->calls->headers->count;
	dubbo_attachments_publish(end->calls->headers);
	headers_ask(end->calls->headers, (struct slice){NULL, 0});
	expect_header(end, "a", "");
	expect_header(end, "b", "");
	assert_int_equal(end->calls->headers->count, before + 2);
	done(end);
}

/* --- plain maps */

static void a_map_of_short_texts_is_kept_as_it_came(void **state)
{
	static const struct {
		const char *types, *hex;
		bool is_plain;
	} cases[] = {
		{"", "48 0161 0131 0162 00 5a", true},
		{"", "485a", true},
		{"I", "91 48 0161 0131 5a", true},
		{"Ljava/lang/String;", "0178 48 0161 0131 5a", true},
		{"", "48 0161 0131 0162 91 5a", false}, /* an int */
		{"", "48 0161 0131 0162 4e 5a", false}, /* null */
		{"", "48 0161 01c3a9 5a", false},       /* not ASCII */
		{"", "48 0161 010a 5a", false},         /* a control character */
		{"", "4d 0174 0161 0131 5a", false},    /* a type */
		{"", "48 0161 53000131 5a", false},     /* a length of two bytes … */
		{"", "48 300161 0131 5a", false},       /* … or in ten bits, though short */
		{"", "4e", false},
		{"", "", false},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = ask(cases[i].types, cases[i].hex);
		const struct rpc_head *rpc = end->calls->headers->rpc;
		assert_true(end->attachments_read);
		assert_int_equal(rpc->plain_map.data != NULL, cases[i].is_plain);
		if (cases[i].is_plain) {
			struct slice bytes = from_hex(strstr(cases[i].hex, "48"));
			assert_slice(rpc->plain_map, bytes);
			free((void *)bytes.data);
		}
		done(end);
	}
}

/* Arguments that are texts are stepped over, whatever stands behind them. */
static void texts_before_the_map_are_stepped_over(void **state)
{
	static const size_t lengths[] = {0, 1, 31, 32, 33, 255, 256, 1000, 1023};
	static const char types[] = "II"; /* nobody compares them */
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(lengths) * 2; i++) {
		size_t len = lengths[i / 2];
		char hex[4 * 1024], *to = hex;
		to += len < 32 ? sprintf(to, "%02zx", len) : sprintf(to, "%04zx", 0x3000 + len);
		for (size_t k = 0; k < len; k++) /* the last character maybe of two bytes */
			to += sprintf(to, i % 2 && k + 1 == len ? "c3a9" : "0a");
		to += sprintf(to, "00 48 0161 0131 0162 %02x", i % 20);
		for (unsigned k = 0; k < i % 20; k++) /* and more or less of a map */
			to += sprintf(to, "62");
		sprintf(to, "5a");
		struct end *end = ask(types, hex);
		expect(end, "a", "1");
		done(end);
	}
}

/* The same headers, in the same order, whichever way they are made. */
static void expect_same_headers(const struct headers *a, const struct headers *b)
{
	assert_int_equal(a->count, b->count);
	assert_memory_equal(a->present, b->present, sizeof a->present);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct header *h = &a->items[i], *g = &b->items[i];
		assert_int_equal(h->id, g->id);
		assert_slice(header_name(h), header_name(g));
		assert_slice(header_value(h), header_value(g));
	}
}

static uint32_t next(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % below;
}

static void plain_maps_give_the_headers_that_any_map_would(void **state)
{
	static const char *const names[] = {
		"a",
		"b",
		"c",
		"A",
		"traceId",
		"traceid",
		"path",
		"interface",
		"group",
		"timeout",
		"host",
		"Connection",
		"te",
		"tri-service-group",
		"x-envoy-retry-on",
		"x-request-id",
		"cookie",
		"user-agent",
		"a b",
		"a%20b",
		":path",
		"content-type",
		"_TO",
		"x_y.z-1",
		"remote.application",
		"grpc-timeout",
		"dubbo.tag",
		"x-forwarded-for",
	};
	uint32_t seed = 1;
	(void)state;

	for (unsigned round = 0; round < 2000; round++) {
		const char *pairs[17];
		unsigned count = 1 + next(&seed, 7), used = 0;
		for (unsigned i = 0; i < count; i++) {
			pairs[used++] = names[next(&seed, COUNT_OF(names))];
			pairs[used++] = next(&seed, 2) ? "v" : "1000";
		}
		pairs[used] = NULL;
		struct end *plain = ask_pairs(pairs), *any = ask_pairs(pairs);
		if (round % 2) { /* one that somebody has set before */
			headers_set(plain->calls->headers, SLICE("b"), SLICE("early"));
			headers_set(any->calls->headers, SLICE("b"), SLICE("early"));
		}
		assert_non_null(plain->calls->headers->rpc->plain_map.data);
		any->calls->headers->rpc->plain_map = (struct slice){NULL, 0};
		dubbo_attachments_publish(plain->calls->headers);
		dubbo_attachments_publish(any->calls->headers);
		headers_ask(plain->calls->headers, (struct slice){NULL, 0});
		headers_ask(any->calls->headers, (struct slice){NULL, 0});
		expect_same_headers(plain->calls->headers, any->calls->headers);
		assert_int_equal(dubbo_may_be_edited(plain->calls->headers), round % 2);
		done(plain);
		done(any);
	}
}

/* Nothing is made of attachments that nobody asks for. */
static void headers_are_made_when_somebody_asks(void **state)
{
	static const struct {
		const char *name;
		bool asks;
	} cases[] = {
		{":path", false},          {"tri-service-group", false},
		{"x-other", false},        {"cookie", false},
		{"trace-id", true},        {"user-agent", true},
		{"traceid", true},         {"x%20y", true},
		{"attachment:host", true}, {"x-request-id", false},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		const char *const pairs[] = {"trace-id", "1", "User-Agent", "u",
					     "traceId",  "2", NULL};
		struct end *end = ask_pairs(pairs);
		struct headers *headers = end->calls->headers;
		dubbo_attachments_publish(headers);
		uint32_t before = headers->count;
		(void)headers_find(headers, slice_of(cases[i].name));
		assert_int_equal(headers->count > before, cases[i].asks);
		expect_header(end, "trace-id", "1");
		expect_header(end, "user-agent", "u");
		assert_slice(headers_get(headers, HEADER_USER_AGENT), SLICE("u"));
		expect_header(end, "traceid", "2");
		assert_false(dubbo_may_be_edited(headers));
		done(end);
	}
}

static void expect_argument(const char *types, const char *hex, unsigned index, const char *text)
{
	struct arena arena;
	struct slice payload = from_hex(hex), value;
	struct rpc_head head = {.protocol = RPC_DUBBO,
				.serialization = 2,
				.param_types = slice_of(types),
				.arguments_at = 1,
				.payload = payload};
	struct headers headers;

	arena_init(&arena, 512);
	headers_init(&headers, &arena, 1);
	headers.rpc = &head;
	assert_int_equal(dubbo_argument(&headers, index, &value), text != NULL);
	if (text)
		assert_slice(value, slice_of(text));
	arena_free(&arena);
	free((void *)payload.data);
}

static void arguments_are_read_by_index(void **state)
{
	static const char types[] = "ILjava/lang/String;[JZLjava/lang/Long;";
	static const char hex[] = "00 92 0161 7ad8e0 54 4c0000000100000000";
	(void)state;

	expect_argument(types, hex, 0, "2");
	expect_argument(types, hex, 1, "a");
	expect_argument(types, hex, 2, NULL); /* a list */
	expect_argument(types, hex, 3, "true");
	expect_argument(types, hex, 4, "4294967296");
	expect_argument(types, hex, 5, NULL);
	expect_argument("I", "00", 0, NULL);
	expect_argument("II", "00 40", 1, NULL);
	expect_argument("X", "00 90", 0, NULL);
	expect_argument("I", "00 4e", 0, NULL);
}

/* --- fastjson2 */

static struct end *ask_jsonb(const char *hex)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice fields = from_hex(
			     "00000006 4e322e302e32 00000002 4a73 00000001 af 00000002 4a6d"
			     "00000002 4a49"),
		     rest = from_hex(hex);
	char *body = malloc(fields.len + rest.len);

	memcpy(body, fields.data, fields.len);
	memcpy(body + fields.len, rest.data, rest.len);
	end->read_attachments = true;
	end_feed_frame(end, 0xd7, 0, 1, slice_make(body, fields.len + rest.len));
	free(body);
	free((void *)fields.data);
	free((void *)rest.data);
	assert_int_equal(end->call_count, 1);
	return end;
}

/* The bytes of a map that fastjson2 2.0.56 wrote. */
static void jsonb_attachments_are_read(void **state)
{
	struct end *end = ask_jsonb("00000001 05 00000036 a6"
				    "7a046be4b8ad 4afc 4a64 b53ff8000000000000 4e647562626f"
				    "4e322e302e32 4a7a af 4a6e 07"
				    "4a75 7c042d4e8765 4a62 b1 4a69 392c a5");
	(void)state;

	expect(end, "k\u4e2d", "\u00fc"); /* its "ASCII" is Latin-1 */
	expect(end, "d", NULL);
	expect(end, "dubbo", "2.0.2");
	expect(end, "z", NULL);
	expect(end, "n", "7");
	expect(end, "u", "\u4e2d\u6587");
	expect(end, "b", "true");
	expect(end, "i", "300");
	done(end);

	static const char *const bad[] = {
		"00000001 05 00000002 a64a",             /* cut name */
		"00000001 05 00000003 a64a61",           /* no value */
		"00000001 05 00000005 a64a614a62",       /* no end */
		"00000001 05 00000004 a6af05a5",         /* a null name */
		"00000001 05 00000005 a64a6192a5",       /* a typed value */
		"00000001 05 00000007 a64a617c0141a5",   /* half a unit */
		"00000001 05 00000008 a64a617c020dd8a5", /* half a pair */
		"00000001 05 00000001 05",               /* no map */
		"00000001 05 00000009 a6a5",             /* a cut block */
		"00000002 05",                           /* a cut argument */
	};
	for (unsigned i = 0; i < COUNT_OF(bad); i++) {
		end = ask_jsonb(bad[i]);
		assert_false(end->attachments_read);
		done(end);
	}
	end = ask_jsonb("00000001 05 00000001 af");
	assert_true(end->attachments_read);
	done(end);
	end = ask_jsonb("00000001 05");
	assert_true(end->attachments_read);
	done(end);
}

static void expect_jsonb(const char *hex, const char *text)
{
	struct slice bytes = from_hex(hex), rest, out;
	struct arena arena;

	arena_init(&arena, 256);
	for (size_t len = 0; len <= bytes.len; len++) {
		rest = slice_sub(bytes, 0, len);
		enum status status = dubbo_jsonb_take_text(&rest, &out, &arena);
		assert_int_equal(status, len == bytes.len ? STATUS_OK : STATUS_MALFORMED);
	}
	assert_int_equal(rest.len, 0);
	assert_slice(out, slice_of(text));
	arena_free(&arena);
	free((void *)bytes.data);
}

static void jsonb_numbers_and_strings_have_their_texts(void **state)
{
	(void)state;
	expect_jsonb("f0", "-16");
	expect_jsonb("00", "0");
	expect_jsonb("2f", "47");
	expect_jsonb("3000", "-2048");
	expect_jsonb("3fff", "2047");
	expect_jsonb("400000", "-262144");
	expect_jsonb("47ffff", "262143");
	expect_jsonb("4880000000", "-2147483648");
	expect_jsonb("d8", "-8");
	expect_jsonb("ef", "15");
	expect_jsonb("c800", "-2048");
	expect_jsonb("d7ff", "2047");
	expect_jsonb("c00000", "-262144");
	expect_jsonb("c7ffff", "262143");
	expect_jsonb("bfffffffff", "-1");
	expect_jsonb("be00000000b2d05e00", "3000000000");
	expect_jsonb("bd80", "-128");
	expect_jsonb("bc8000", "-32768");
	expect_jsonb("49", "");
	expect_jsonb("7902 6162", "ab");
	expect_jsonb("7d04 d83dde00", "\U0001f600");
	expect_jsonb("b0", "false");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_is_no_edit),
		cmocka_unit_test(arguments_are_counted_as_java_does),
		cmocka_unit_test(values_match_as_their_java_text),
		cmocka_unit_test(the_last_of_a_name_wins_and_case_comes_second),
		cmocka_unit_test(three_get_their_triple_names_and_no_other_becomes_a_header),
		cmocka_unit_test(remote_application_is_preferred),
		cmocka_unit_test(a_map_that_is_a_ref_is_found_in_the_arguments),
		cmocka_unit_test(none_and_null_are_empty),
		cmocka_unit_test(what_cannot_be_read_is_not_there),
		cmocka_unit_test(number_and_size_are_bounded),
		cmocka_unit_test(fields_and_attachments_may_disagree),
		cmocka_unit_test(published_attachments_are_headers_that_shadow_none),
		cmocka_unit_test(a_map_of_short_texts_is_kept_as_it_came),
		cmocka_unit_test(texts_before_the_map_are_stepped_over),
		cmocka_unit_test(plain_maps_give_the_headers_that_any_map_would),
		cmocka_unit_test(headers_are_made_when_somebody_asks),
		cmocka_unit_test(arguments_are_read_by_index),
		cmocka_unit_test(jsonb_attachments_are_read),
		cmocka_unit_test(jsonb_numbers_and_strings_have_their_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
