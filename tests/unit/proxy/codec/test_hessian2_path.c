/* Values found by their paths: in what stock Dubbo and SOFA wrote, and in what nobody would write.
 */
#include "unit/proxy/codec/dubbo_harness.h"

#include "codec/dubbo_arguments.h"
#include "codec/hessian2.h"
#include "codec/hessian2_path.h"
#include "codec/sofa_hessian.h"
#include "codec/sofa_request.h"
#include "message/argument_path.h"

#include "support/test_arena.h"

static struct argument_path path_of(const char *text)
{
	struct argument_path path;
	struct diag diag = {.text = ""};

	if (!strncmp(text, "types", 5)) {
		path = path_of(arena_printf(&arena, "0%s", text + 5));
		path.argument = ARGUMENT_PATH_TYPES;
		return path;
	}
	if (argument_path_parse(&path, slice_of(text), &arena, &diag))
		fail_msg("%s", diag.text);
	return path;
}

static const char *const kind_names[] = {
	[ARGUMENT_ABSENT] = "absent", [ARGUMENT_NULL] = "null",     [ARGUMENT_BOOL] = "bool",
	[ARGUMENT_INT] = "int",       [ARGUMENT_LONG] = "long",     [ARGUMENT_DOUBLE] = "double",
	[ARGUMENT_DATE] = "date",     [ARGUMENT_STRING] = "string", [ARGUMENT_ENUM] = "enum",
	[ARGUMENT_BINARY] = "binary", [ARGUMENT_LIST] = "list",     [ARGUMENT_MAP] = "map",
	[ARGUMENT_OBJECT] = "object",
};

/* "int 5", "string abc", "null", "enum demo.api.OrderStatus NEW", "date 1700000000123" */
static const char *shown(const struct argument_value *value)
{
	struct slice text = argument_value_text(value, &arena);

	if (value->kind == ARGUMENT_DATE)
		return arena_printf(&arena, "date %lld", (long long)value->integer);
	return arena_printf(&arena, "%s%s%.*s%s%.*s", kind_names[value->kind],
			    value->type.data ? " " : "", SLICE_FMT(value->type),
			    text.data ? " " : "", SLICE_FMT(text));
}

struct row {
	const char *path, *expected; /* "types[0]": among the types by name */
};

/* --- golden calls */

static void expect_dubbo(const char *file, const struct row *rows, size_t count)
{
	struct slice frame = golden(file);
	struct end *end = end_open(CODEC_SERVER);

	end_feed(end, frame, false);
	assert_int_equal(end->call_count, 1);
	struct rpc_head rpc = end->calls->head;
	struct headers headers;
	struct argument_path paths[64];
	const struct argument_path *asked[64];
	struct argument_value values[64];
	assert_true(count <= COUNT_OF(paths));
	headers_init(&headers, &arena, 1);
	headers.rpc = &rpc;
	rpc.payload = slice_sub(frame, DUBBO_HEADER_SIZE, frame.len);
	for (size_t i = 0; i < count; i++) {
		struct argument_path path = path_of(rows[i].path);
		struct argument_value value;
		assert_int_equal(dubbo_argument_value(&headers, &path, &value), STATUS_OK);
		if (strcmp(shown(&value), rows[i].expected))
			fail_msg("%s %s: %s", file, rows[i].path, shown(&value));
		paths[i] = path;
		asked[i] = &paths[i];
	}
	/* and all in one pass */
	dubbo_read_call(&headers, asked, (uint32_t)count, values, false, &arena);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(shown(&values[i]), rows[i].expected);
	end_close(end);
	free((void *)frame.data);
}

static const struct row order_rows[] = {
	{"0", "object demo.api.Order"},
	{"0.id", "string o-\u4e2d\u6587-1"},
	{"0.customerId", "long 9007199254740993"},
	{"0.amount", "double 12.25"},
	{"0.urgent", "bool true"},
	{"0.priority", "int -3"},
	{"0.created", "date 1700000000123"},
	{"0.status", "enum demo.api.OrderStatus NEW"},
	{"0.status.name", "string NEW"},
	{"0.items", "list"},
	{"0.items[0].sku", "string sku-1"},
	{"0.items[1]", "object demo.api.Item"},
	{"0.items[1].qty", "int 70000"},
	{"0.items[1].price", "double -0.001"},
	{"0.items[2]", "absent"},
	{"0.items[2].qty", "absent"},
	{"0.tags", "map"},
	{"0.tags[\"colour\"]", "string blue"},
	{"0.tags.colour", "string blue"},
	{"0.tags.empty", "string "},
	{"0.tags.nul", "null"},
	{"0.tags.none", "absent"},
	{"0.tags[0]", "absent"},
	{"0.note", "null"},
	{"0.note.length", "absent"},
	{"0.blob", "binary"},
	{"0.total", "object java.math.BigDecimal"},
	{"0.total.value", "string 123456789012345678.90"},
	{"0.parent.id", "string parent"},
	{"0.parent.status", "enum demo.api.OrderStatus PAID"},
	{"0.parent.parent", "null"},
	{"0.nothing", "absent"},
	{"0[0]", "absent"},
	{"0[\"id\"]", "absent"},
	{"1", "absent"},
	{"1.id", "absent"},
	{"254", "absent"},
};

static void fields_of_a_dubbo_argument(void **state)
{
	(void)state;
	expect_dubbo("d33-order.req.hex", order_rows, COUNT_OF(order_rows));
	expect_dubbo("d27-order.req.hex", order_rows, COUNT_OF(order_rows));
}

static void other_dubbo_arguments(void **state)
{
	static const struct row add[] = {{"0", "int 3"}, {"1", "int -7"}, {"2", "absent"}};
	static const struct row generic[] = {
		{"0", "map"},
		{"0.customerId", "long 77"},
		{"0[\"customerId\"]", "long 77"},
		{"0.status", "string NEW"},
		{"0.items[0].qty", "int 3"},
		{"1", "absent"},
		{"2", "absent"},
	};
	static const struct row generic_add[] = {{"0", "int 40"}, {"1", "int 2"}, {"2", "absent"}};
	(void)state;

	expect_dubbo("d33-add.req.hex", add, COUNT_OF(add));
	expect_dubbo("d27-add.req.hex", add, COUNT_OF(add));
	expect_dubbo("d33-generic-order.req.hex", generic, COUNT_OF(generic));
	expect_dubbo("d27-generic-order.req.hex", generic, COUNT_OF(generic));
	expect_dubbo("d33-generic-add.req.hex", generic_add, COUNT_OF(generic_add));
}

/* JavaBeanSerializeUtil's descriptors, made by Dubbo 3.3.6. */
static void a_described_argument_is_what_it_describes(void **state)
{
	static const struct row rows[] = {
		{"0", "object demo.api.Order"},
		{"0.id", "string o-\u4e2d\u6587-1"},
		{"0.customerId", "long 9007199254740993"},
		{"0.amount", "double 12.25"},
		{"0.urgent", "bool true"},
		{"0.priority", "int -3"},
		{"0.created", "date 1700000000123"},
		{"0.status", "enum demo.api.OrderStatus NEW"},
		{"0.items", "list"},
		{"0.items[0]", "object demo.api.Item"},
		{"0.items[0].sku", "string sku-1"},
		{"0.items[1].qty", "int 70000"},
		{"0.items[2]", "absent"},
		{"0.tags", "map"},
		{"0.tags.colour", "string blue"},
		{"0.tags[\"colour\"]", "string blue"},
		{"0.tags.nul", "null"},
		{"0.tags.none", "absent"},
		{"0.parent.id", "string parent"},
		{"0.parent.status", "enum demo.api.OrderStatus PAID"},
		{"0.note", "absent"}, /* null, which descriptors leave out */
		{"0.properties", "absent"},
		{"0.id.length", "absent"},
		{"1", "absent"},
	};
	(void)state;

	expect_dubbo("bean-order.req.hex", rows, COUNT_OF(rows));
}

/* The content of a golden Bolt frame of version 1. */
static struct slice golden_content(const char *file)
{
	char path[64];

	snprintf(path, sizeof path, "../bolt/%s", file);
	struct slice frame = golden(path);
	const uint8_t *p = (const uint8_t *)frame.data;
	size_t from = 22u + (size_t)(p[14] << 8 | p[15]) + (size_t)(p[16] << 8 | p[17]);
	struct slice content = arena_slice(&arena, slice_sub(frame, from, frame.len));
	free((void *)frame.data);
	return content;
}

static void expect_sofa(const char *file, const struct row *rows, size_t count)
{
	struct slice content = golden_content(file);

	for (size_t i = 0; i < count; i++) {
		struct argument_path path = path_of(rows[i].path);
		struct argument_value value;
		assert_int_equal(sofa_request_argument(content, &sofa_hessian_grammar, &path,
						       &arena, &value),
				 STATUS_OK);
		if (strcmp(shown(&value), rows[i].expected))
			fail_msg("%s %s: %s", file, rows[i].path, shown(&value));
	}
}

static void fields_of_a_sofa_argument(void **state)
{
	static const struct row add[] = {{"0", "int 3"}, {"1", "int -7"}, {"2", "absent"}};
	static const struct row echo[] = {
		{"0[0]", "int 1"},     {"0[1]", "long 2"},   {"0[2]", "double 3.5"},
		{"0[3]", "bool true"}, {"0[4]", "string s"}, {"0[5]", "null"},
		{"0[6]", "absent"},
	};
	(void)state;

	expect_sofa("sofa-order.req.hex", order_rows, COUNT_OF(order_rows));
	expect_sofa("sofa-add.req.hex", add, COUNT_OF(add));
	expect_sofa("sofa-generic-add.req.hex", (const struct row[]){{"0", "int 40"}}, 1);
	expect_sofa("sofa-echo-list.req.hex", echo, COUNT_OF(echo));
	expect_sofa("sofa-void.req.hex", (const struct row[]){{"0", "absent"}}, 1);
	expect_sofa("sofa-order-null.req.hex", (const struct row[]){{"0", "null"}}, 1);
}

/* Where the call carries them; other calls have none. */
static void types_of_parameters(void **state)
{
	static const struct row sofa_add[] = {
		{"types[0]", "string int"}, {"types[1]", "string int"}, {"types[2]", "absent"},
		{"types[0].a", "absent"},   {"types[0][1]", "absent"},  {"1", "int -7"}};
	static const struct row none[] = {{"types[0]", "absent"}};
	static const struct row generic[] = {{"types", "list"},
					     {"types[0]", "string int"},
					     {"types[1]", "string int"},
					     {"types[2]", "absent"},
					     {"1", "int 2"}};
	static const struct row plain[] = {{"types", "absent"}, {"types[0]", "absent"}};
	(void)state;

	expect_sofa("sofa-add.req.hex", sofa_add, COUNT_OF(sofa_add));
	expect_sofa("sofa-void.req.hex", none, 1);
	expect_sofa("sofa-order.req.hex",
		    (const struct row[]){{"types[0]", "string demo.api.Order"}}, 1);
	expect_dubbo("d33-generic-add.req.hex", generic, COUNT_OF(generic));
	expect_dubbo("d33-add.req.hex", plain, COUNT_OF(plain));
}

/* --- values of our own making; paths go from the first value on */

static enum status read_hex(const char *hex, const char *path_text,
			    const struct hessian2_grammar *grammar, struct argument_value *value)
{
	struct slice bytes = from_hex(hex);
	struct argument_path path = path_of(path_text);
	struct hessian2_reader reader;
	enum status status = STATUS_OK;

	hessian2_init(&reader, arena_slice(&arena, bytes), &arena);
	free((void *)bytes.data);
	reader.grammar = grammar;
	for (uint32_t i = 0; i < path.argument; i++)
		assert_int_equal(hessian2_skip(&reader), STATUS_OK);
	status = hessian2_read_at(&reader, path.steps, path.step_count, value);
	return status;
}

static void leads_to(const char *hex, const char *path, const char *expected)
{
	struct argument_value value;

	assert_int_equal(read_hex(hex, path, &hessian2_grammar, &value), STATUS_OK);
	if (strcmp(shown(&value), expected))
		fail_msg("%s in %s: %s", path, hex, shown(&value));
}

static void sofa_leads_to(const char *hex, const char *path, const char *expected)
{
	struct argument_value value;

	assert_int_equal(read_hex(hex, path, &sofa_hessian_grammar, &value), STATUS_OK);
	if (strcmp(shown(&value), expected))
		fail_msg("%s in %s: %s", path, hex, shown(&value));
}

static void fails(const char *hex, const char *path, enum status status)
{
	struct argument_value value;

	assert_int_equal(read_hex(hex, path, &hessian2_grammar, &value), status);
}

static void keys_compare_by_their_texts(void **state)
{
	(void)state;
	leads_to("48 91 0161 5a", "0[\"1\"]", "string a");
	leads_to("48 e1 0161 5a", "0[\"1\"]", "string a");
	leads_to("48 5c 0161 5a", "0[\"1.0\"]", "string a");
	leads_to("48 54 0161 5a", "0[\"true\"]", "string a");
	leads_to("48 49ffffffff 0161 5a", "0[\"-1\"]", "string a");
	leads_to("48 0131 0161 5a", "0[\"1\"]", "string a");
	leads_to("48 00 0161 5a", "0[\"\"]", "string a");
	leads_to("48 4e 0161 5a", "0[\"null\"]", "absent");
	leads_to("48 91 0161 5a", "0[\"01\"]", "absent");
	leads_to("48 7991 0161 5a", "0[\"1\"]", "absent");
	leads_to("48 01 61 90 91 92 5a", "0.a", "int 0");
	/* a field's name is a string; a character beyond the plane, a key in chunks */
	leads_to("48 43 0145 91 046e616d65 60 0142 90 5a", "0[\"B\"]", "int 0");
	leads_to("48 43 0145 91 046e616d65 60 0142 90 5a", "0.B", "absent");
	leads_to("48 02eda0bdedb880 90 5a", "0[\"\U0001f600\"]", "int 0");
	leads_to("48 52000161 530001 62 90 5a", "0.ab", "int 0");
}

static void of_equal_names_the_last_holds(void **state)
{
	(void)state;
	leads_to("48 0161 90 0162 91 0161 92 0163 93 5a 94", "0.a", "int 2");
	leads_to("48 0161 90 0161 0142 0163 93 5a", "0.a", "string B");
	leads_to("43 0141 93 0161 0162 0161 60 90 91 92", "0.a", "int 2");
	/* what is behind the entry is left out of the class table again */
	leads_to("48 0161 43 0141 91 0161 60 90 0162 43 0142 91 0162 61 91 5a", "0.a.a", "int 0");
	leads_to("48 0161 43 0141 91 0161 60 90 0162 43 0142 91 0162 61 91 5a", "0.b.b", "int 1");
}

static void refs_are_followed(void **state)
{
	/* list, object, its list; then a ref to each */
	static const char hex[] = "79 43 0141 92 0161 0162 60 90 7a 91 92  51 90  51 91  51 92";
	(void)state;

	leads_to(hex, "1", "list");
	leads_to(hex, "1[0].a", "int 0");
	leads_to(hex, "2", "object A");
	leads_to(hex, "2.b[1]", "int 2");
	leads_to(hex, "3[0]", "int 1");
	leads_to("43 0141 91 046e616d65 60 0142 7a 51 90 90", "1[0]",
		 "enum A B"); /* a second time */
	leads_to("43 0141 91 046e616d65 60 0142 48 51 90 90 5a", "1[\"B\"]", "int 0");
	/* an object that holds itself */
	leads_to("43 0141 91 0161 60 51 90", "0.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "object A");
	leads_to("43 0141 91 0161 60 51 90", "0.a.b", "absent");
	/* from a place that is before the class it needs */
	leads_to("48 0161 79 43 0141 91 0161 60 95 5a 51 90", "1.a[0].a", "int 5");
	fails("51 90", "0", STATUS_MALFORMED);
	fails("79 51 92", "0[0]", STATUS_MALFORMED);
	fails("48 51 91 90 5a", "0[\"x\"]", STATUS_MALFORMED);
	sofa_leads_to("56 6e01 4f9141 91 0161 6f90 95 7a 4a00", "1[0].a", "int 5");
	sofa_leads_to("56 6e01 4f9141 91 0161 6f90 95 7a 4b0001", "1.a", "int 5");
	sofa_leads_to("56 6e01 4f9141 91 0161 6f90 95 7a 5200000001", "1.a", "int 5");
}

static void sofa_has_other_tags(void **state)
{
	(void)state;
	sofa_leads_to("67", "0", "double 0.0");
	sofa_leads_to("68", "0", "double 1.0");
	sofa_leads_to("69ff", "0", "double -1.0");
	sofa_leads_to("6a8000", "0", "double -32768.0");
	sofa_leads_to("6b3f000000", "0", "double 0.5");
	sofa_leads_to("443fe0000000000000", "0", "double 0.5");
	sofa_leads_to("77ffffffff", "0", "long -1");
	sofa_leads_to("640000000000000001", "0", "date 1");
	sofa_leads_to("73000161 53000162", "0", "string ab");
	sofa_leads_to("73000161 0162 93", "1", "int 3");
	sofa_leads_to("6200017a 42000161 93", "1", "int 3");
	sofa_leads_to("6200017a 2161 93", "1", "int 3");
	/* a list of a new type, and of the same one again, with no end mark */
	sofa_leads_to("56 740004 5b696e74 6e02 90 91 7a 76 90 92 92 93 94", "1[1]", "int 3");
	sofa_leads_to("56 740004 5b696e74 6e02 90 91 7a 76 90 92 92 93 94", "2", "int 4");
	sofa_leads_to("56 6c00000001 90 7a", "0[0]", "int 0");
	sofa_leads_to("56 90 91 7a", "0[1]", "int 1");
	sofa_leads_to("4d 740001 41 0161 90 7a 4d 7590 0161 91 7a", "1.a", "int 1");
	sofa_leads_to("4d 740001 41 0161 90 7a 4d 5490 0161 91 7a", "1.a", "int 1");
	sofa_leads_to("4d 0161 90 7a", "0.a", "int 0");
}

static void what_is_broken_is_said(void **state)
{
	struct argument_value value;
	(void)state;

	fails("40", "0", STATUS_MALFORMED);
	fails("", "0", STATUS_MALFORMED);
	fails("48 0161", "0.a", STATUS_MALFORMED);
	fails("48 0161 90", "0.a", STATUS_MALFORMED); /* no end */
	fails("79", "0[0]", STATUS_MALFORMED);
	fails("60", "0.a", STATUS_MALFORMED);
	fails("43 0141 91 01", "0.a", STATUS_MALFORMED);
	fails("01c1a1", "0", STATUS_MALFORMED);
	assert_int_equal(read_hex("48", "0", &sofa_hessian_grammar, &value), STATUS_MALFORMED);
	assert_int_equal(read_hex("76 90 91 90", "0", &sofa_hessian_grammar, &value), STATUS_OK);
	assert_int_equal(read_hex("76 90 91 90", "0[0]", &sofa_hessian_grammar, &value),
			 STATUS_MALFORMED); /* no such type */
}

/* Refs that lead to the beginning of a long body again and again. */
static void reading_again_is_bounded(void **state)
{
	char *bytes = malloc(1 << 21), *p = bytes;
	static const struct argument_step step = {.kind = ARGUMENT_STEP_KEY, .name = {"x", 1}};
	struct hessian2_reader reader;
	struct argument_value value;
	(void)state;

	*p++ = 0x58; /* a list of a million small ints */
	memcpy(p, "I\0\x10\0\0", 5);
	p += 5;
	memset(p, 0x90, 1 << 20);
	p += 1 << 20;
	*p++ = 'H';
	for (size_t i = 0; i < 400; i++) {
		memcpy(p, "Q\x90\x90", 3);
		p += 3;
	}
	*p++ = 'Z';
	hessian2_init(&reader, slice_make(bytes, (size_t)(p - bytes)), &arena);
	assert_int_equal(hessian2_skip(&reader), STATUS_OK);
	assert_int_equal(hessian2_read_at(&reader, &step, 1, &value), STATUS_TOO_LARGE);
	free(bytes);
}

/* Element by element: the truth. */
static enum status step_to(struct hessian2_reader *reader, uint32_t index, bool *found)
{
	struct hessian2_container list;
	enum status status = hessian2_enter(reader, &list);

	for (uint32_t i = 0; !status && (*found = hessian2_next(reader, &list)) && i < index; i++)
		status = hessian2_skip(reader);
	return status;
}

static void elements_are_those_stepped_to(void **state)
{
	static const char elements[] =
		"\x91\xc8\x07I\0\1\0\0TN\1x\x7a\x91\x92\x93"
		"HZD\0\0\0\0\0\0\0\0"
		"C\1A\x91\1x\x60\x91\x60\x92\x60\x93\x91\x92\x57\x91Z\x93\x94\x95";
	enum { ELEMENTS = 19 };
	(void)state;

	for (unsigned marked = 0; marked < 2; marked++) {
		struct slice head = marked ? SLICE("\x57") : SLICE("\x58\xa3");
		size_t whole = head.len + sizeof elements - 1 + marked;
		char *bytes = arena_alloc(&arena, whole + 1);
		memcpy(bytes, head.data, head.len);
		memcpy(bytes + head.len, elements, sizeof elements - 1);
		bytes[whole - 1] = marked ? 'Z' : bytes[whole - 1];
		for (size_t len = 1; len <= whole; len++)
			for (uint32_t i = 0; i < ELEMENTS + 3; i++)
				for (uint32_t round = 0; round < 15; round++) {
					uint32_t items = round ? round * 7 : HESSIAN2_ITEMS;
					struct argument_step step = {.kind = ARGUMENT_STEP_INDEX,
								     .index = i};
					struct hessian2_reader fast, slow;
					bool is_found, was_found = false;
					hessian2_init(&fast, slice_make(bytes, len), &arena);
					fast.items_left = items;
					slow = fast;
					enum status status =
						hessian2_descend(&fast, &step, 1, &is_found);
					assert_int_equal(step_to(&slow, i, &was_found), status);
					if (status)
						continue;
					assert_int_equal(is_found, was_found);
					assert_int_equal(fast.pos, slow.pos);
					assert_int_equal(fast.items_left, slow.items_left);
					assert_true(len < whole || round ||
						    is_found == (i < ELEMENTS));
				}
		arena_reset(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_a_dubbo_argument),
		cmocka_unit_test(other_dubbo_arguments),
		cmocka_unit_test(a_described_argument_is_what_it_describes),
		cmocka_unit_test(fields_of_a_sofa_argument),
		cmocka_unit_test(types_of_parameters),
		cmocka_unit_test(keys_compare_by_their_texts),
		cmocka_unit_test(of_equal_names_the_last_holds),
		cmocka_unit_test(refs_are_followed),
		cmocka_unit_test(sofa_has_other_tags),
		cmocka_unit_test(what_is_broken_is_said),
		cmocka_unit_test(reading_again_is_bounded),
		cmocka_unit_test(elements_are_those_stepped_to),
	};
	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
