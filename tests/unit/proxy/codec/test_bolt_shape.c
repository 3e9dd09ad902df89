/* What a shape says of a message is what a look at it would have said. */
#include "codec/bolt_shape.h"
#include "codec/bolt_fields.h"
#include "codec/bolt_head.h"
#include "support/golden.h"

enum { ROOM = 4096 };

struct message {
	struct bolt_frame frame;
	struct slice payload;
	char bytes[ROOM];
};

/* A SofaRequest with these names and values, by turns, up to NULL; "-" is null. */
static void make(struct message *m, const char *const *texts)
{
	char *to = m->bytes;

	memcpy(to, BOLT_SOFA_REQUEST.data, BOLT_SOFA_REQUEST.len);
	to += BOLT_SOFA_REQUEST.len;
	for (; *texts; texts += 2) {
		bool is_null = !strcmp(texts[1], "-");
		struct rpc_attachment field = {slice_of(texts[0]), is_null ? (struct slice){NULL, 0}
									   : slice_of(texts[1])};
		to = bolt_fields_put(to, &field);
	}
	m->frame = (struct bolt_frame){
		.protocol = 1,
		.type = BOLT_REQUEST,
		.class_len = (uint16_t)BOLT_SOFA_REQUEST.len,
		.headers_len = (uint16_t)(to - m->bytes - (ptrdiff_t)BOLT_SOFA_REQUEST.len),
		.content_len = 7};
	memcpy(to, "content", 7);
	m->payload = slice_make(m->bytes, (size_t)(to - m->bytes) + 7);
}

#define MAKE(m, ...) make(m, (const char *const[]){__VA_ARGS__, NULL})

/* As a real consumer's. */
static void call(struct message *m, const char *method, const char *trace, const char *rpc_id)
{
	MAKE(m, "sofa_head_target_service", "demo.api.DemoService:1.0", "app", "gold",
	     "rpc_trace_context.sofaRpcId", rpc_id, "protocol", "bolt",
	     "rpc_trace_context.sofaTraceId", trace, "service", "demo.api.DemoService:1.0",
	     "rpc_trace_context.sysPenAttrs", "", "sofa_head_method_name", method, "type", "sync");
}

static bool fits(const struct bolt_shape *shape, const struct message *m)
{
	/* a copy of its own size, so that a read beyond it is seen */
	char *copy = malloc(m->payload.len);
	assert_non_null(copy);
	memcpy(copy, m->payload.data, m->payload.len);
	bool does = bolt_shape_fits(shape, copy, m->frame.class_len, m->frame.headers_len);
	free(copy);
	return does;
}

static void learn(struct bolt_shape *shape, const struct message *m)
{
	bolt_shape_learn(shape, m->payload, &m->frame);
}

static void equal_messages_fit(void **state)
{
	static struct bolt_shape shape;
	static struct message m, other;
	(void)state;

	call(&m, "hello", "c0000202179523167631310012105", "0");
	assert_false(fits(&shape, &m));
	learn(&shape, &m);
	assert_true(fits(&shape, &m));
	call(&other, "howdy", "c0000202179523167631310012105", "0");
	assert_false(fits(&shape, &other));
	call(&other, "hello", "c0000202179523167631310022105", "0");
	assert_false(fits(&shape, &other));
}

static void what_differs_varies(void **state)
{
	static struct bolt_shape shape = {0};
	static struct message m;
	(void)state;

	memset(&shape, 0, sizeof shape);
	call(&m, "hello", "c0000202179523167631310012105", "0");
	learn(&shape, &m);
	call(&m, "hello", "c0000202179523167631310022105", "0");
	learn(&shape, &m);
	call(&m, "hello", "another, and longer than those before it", "0");
	assert_true(fits(&shape, &m));
	call(&m, "hello", "", "0");
	assert_true(fits(&shape, &m));
	call(&m, "hello", "-", "0");
	assert_false(fits(&shape, &m));
	call(&m, "hello", "x", "0.1");
	assert_false(fits(&shape, &m));
	learn(&shape, &m);
	assert_true(fits(&shape, &m));
	call(&m, "hello", "y", "0.1.27");
	assert_true(fits(&shape, &m));
	call(&m, "howdy", "y", "0.1.27");
	assert_false(fits(&shape, &m));
}

/* The last entry may vary, too; and names never do. */
static void the_end_may_vary(void **state)
{
	static struct bolt_shape shape;
	static struct message m;
	(void)state;

	memset(&shape, 0, sizeof shape);
	MAKE(&m, "service", "demo.api.DemoService:1.0", "id", "1");
	learn(&shape, &m);
	MAKE(&m, "service", "demo.api.DemoService:1.0", "id", "2");
	learn(&shape, &m);
	MAKE(&m, "service", "demo.api.DemoService:1.0", "id", "333");
	assert_true(fits(&shape, &m));
	MAKE(&m, "service", "demo.api.DemoService:1.0", "id", "333", "more", "4");
	assert_false(fits(&shape, &m));
	MAKE(&m, "service", "demo.api.DemoService:1.0", "no", "333");
	assert_false(fits(&shape, &m));
	MAKE(&m, "service", "demo.api.DemoService:2.0", "id", "333");
	assert_false(fits(&shape, &m));
	learn(&shape, &m);
	assert_false(fits(&shape, &m));
	learn(&shape, &m); /* takes its place */
	assert_true(fits(&shape, &m));
	MAKE(&m, "service", "demo.api.DemoService:1.0", "id", "333");
	assert_false(fits(&shape, &m));
}

/* Each byte of a message changed to each of some others: it fits only if it has the same names. */
static void damage_fits_only_where_values_vary(void **state)
{
	static struct bolt_shape shape;
	static struct message m;
	struct bolt_names names, others;
	unsigned fitting = 0;
	(void)state;

	memset(&shape, 0, sizeof shape);
	call(&m, "hello", "1", "0");
	learn(&shape, &m);
	call(&m, "hello", "22", "0");
	learn(&shape, &m);
	call(&m, "hello", "a trace of some length", "0");
	assert_int_equal(bolt_names_read(m.payload, &m.frame, &names), STATUS_OK);
	for (size_t at = 0; at < m.payload.len - 7; at++) {
		static const unsigned char bits[] = {1, 2, 16, 128, 255};
		for (size_t b = 0; b < sizeof bits; b++) {
			m.bytes[at] = (char)(m.bytes[at] ^ bits[b]);
			if (fits(&shape, &m)) {
				fitting++;
				assert_int_equal(bolt_names_read(m.payload, &m.frame, &others),
						 STATUS_OK);
				assert_slice(others.target, names.target);
				assert_slice(others.method, names.method);
			}
			m.bytes[at] = (char)(m.bytes[at] ^ bits[b]);
		}
	}
	assert_int_equal(fitting, 5 * strlen("a trace of some length"));
	for (uint16_t len = 0; len < m.frame.headers_len; len++) { /* cut short */
		struct message cut = m;
		cut.frame.headers_len = len;
		cut.payload = slice_make(cut.bytes, (size_t)cut.frame.class_len + len);
		assert_false(fits(&shape, &cut));
	}
}

/* Kinds of messages by turns don't replace each other's shape each time. */
static void one_of_two_kinds_stays(void **state)
{
	static struct bolt_shape shape;
	static struct message one, two;
	unsigned found = 0;
	(void)state;

	memset(&shape, 0, sizeof shape);
	MAKE(&one, "service", "demo.api.DemoService:1.0", "id", "1");
	MAKE(&two, "service", "demo.api.DemoService:1.0", "other", "1");
	for (unsigned i = 0; i < 1000; i++) {
		const struct message *m = i % 2 ? &one : &two;
		if (fits(&shape, m))
			found++;
		else
			learn(&shape, m);
	}
	assert_in_range(found, 450, 520);
	for (unsigned i = 0; i < 64; i++) /* what comes alone prevails at last */
		if (!fits(&shape, &one))
			learn(&shape, &one);
	assert_true(fits(&shape, &one));
}

static void what_is_too_much_has_no_shape(void **state)
{
	static struct bolt_shape shape;
	static struct message m;
	static char names[BOLT_SHAPE_ENTRIES + 1][8], value[BOLT_SHAPE_LIMIT];
	const char *texts[2 * BOLT_SHAPE_ENTRIES + 3] = {NULL};
	(void)state;

	memset(&shape, 0, sizeof shape);
	memset(value, 'v', sizeof value - 1);
	MAKE(&m, "service", "demo.api.DemoService:1.0", "long", value);
	learn(&shape, &m);
	assert_false(fits(&shape, &m));

	for (unsigned i = 0; i <= BOLT_SHAPE_ENTRIES; i++) {
		snprintf(names[i], sizeof names[i], "n%u", i);
		texts[2 * i] = names[i];
		texts[2 * i + 1] = "0";
	}
	make(&m, texts);
	learn(&shape, &m);
	assert_false(fits(&shape, &m));

	/* more that varies than there are stretches */
	texts[2 * BOLT_SHAPE_ENTRIES] = NULL;
	make(&m, texts);
	learn(&shape, &m);
	assert_true(fits(&shape, &m));
	for (unsigned i = 0; i < BOLT_SHAPE_STRETCHES - 1; i++)
		texts[4 * i + 1] = "1";
	make(&m, texts);
	learn(&shape, &m);
	assert_true(fits(&shape, &m));
	texts[4 * (BOLT_SHAPE_STRETCHES - 1) + 1] = "1";
	make(&m, texts);
	learn(&shape, &m);
	assert_false(fits(&shape, &m));

	/* a map that is cut short, and null */
	memset(&shape, 0, sizeof shape);
	call(&m, "hello", "1", "0");
	m.frame.headers_len--;
	learn(&shape, &m);
	assert_false(fits(&shape, &m));
	call(&m, "hello", "-", "0");
	learn(&shape, &m);
	assert_false(fits(&shape, &m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_messages_fit),
		cmocka_unit_test(what_differs_varies),
		cmocka_unit_test(the_end_may_vary),
		cmocka_unit_test(damage_fits_only_where_values_vary),
		cmocka_unit_test(one_of_two_kinds_stays),
		cmocka_unit_test(what_is_too_much_has_no_shape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
