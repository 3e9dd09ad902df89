/* Headers that filters have changed, in the frame that goes on. */
#include "unit/proxy/codec/dubbo_harness.h"

#include "codec/dubbo_edits.h"
#include "codec/dubbo_reply.h"
#include "codec/dubbo_rewrite.h"
#include "codec/hessian2_write.h"

/* A request of service "s", method "m": its call at the server's end, attachments published. */
struct passage {
	struct end *from, *to, *provider;
	struct call *call;
	struct slice sent; /* the body that went on */
	char *sent_bytes;
};

static struct passage begin_body(struct slice body, uint8_t flag, bool publishes)
{
	struct passage p = {.from = end_open(CODEC_SERVER)};

	p.from->read_attachments = publishes;
	end_feed_frame(p.from, flag, 0, 7, body);
	assert_int_equal(p.from->call_count, 1);
	p.call = p.from->calls;
	if (publishes) {
		assert_true(p.from->attachments_read);
		dubbo_attachments_publish(p.call->headers);
	}
	return p;
}

static struct passage begin_as(const char *method, const char *types, const char *hex,
			       bool publishes)
{
	struct slice rest = from_hex(hex);
	char body[8192];

	int len = snprintf(body, sizeof body, "\0052.0.2\1s\0051.0.0%c%s%c%s", (int)strlen(method),
			   method, (int)strlen(types), types);
	memcpy(body + len, rest.data, rest.len);
	struct passage p = begin_body(slice_make(body, (size_t)len + rest.len), 0xc2, publishes);
	free((void *)rest.data);
	return p;
}

static struct passage begin(const char *types, const char *hex)
{
	return begin_as("m", types, hex, true);
}

/* Sends it on; what a provider's end makes of it is in provider->calls, attachments read. */
static void go(struct passage *p)
{
	p->to = end_open(CODEC_CLIENT);
	forward(p->call, p->to);
	struct slice frame = end_taken(p->to), body;
	frame_at(frame, &body);
	assert_int_equal(frame.len, body.len + 16);
	p->sent_bytes = malloc(body.len);
	memcpy(p->sent_bytes, body.data, body.len);
	p->sent = slice_make(p->sent_bytes, body.len);
	p->provider = end_open(CODEC_SERVER);
	p->provider->read_attachments = true;
	end_feed(p->provider, frame, false);
	assert_int_equal(p->provider->call_count, 1);
	assert_true(p->provider->attachments_read);
}

static void finish(struct passage *p)
{
	dubbo_codec.abandon(&p->call->exchange);
	if (p->provider) {
		dubbo_codec.abandon(&p->provider->calls->exchange);
		end_close(p->provider);
	}
	if (p->to)
		end_close(p->to);
	end_close(p->from);
	free(p->sent_bytes);
	*p = (struct passage){.from = NULL};
}

static struct headers *headers_of(const struct passage *p)
{
	return p->call->headers;
}

static void set(const struct passage *p, const char *name, const char *value)
{
	headers_set(headers_of(p), slice_of(name), slice_of(value));
}

/* All entries in order, as "name=value name=value", '?' for what has no text. */
static void expect_all(const struct passage *p, const char *text)
{
	const struct rpc_head *rpc = p->provider->calls->headers->rpc;
	char all[4096];
	size_t len = 0;

	all[0] = 0;
	for (uint32_t i = 0; i < rpc->attachment_count; i++) {
		const struct rpc_attachment *item = &rpc->attachments[i];
		len += (size_t)snprintf(all + len, sizeof all - len, "%s%.*s=%.*s", i ? " " : "",
					SLICE_FMT(item->name),
					item->value.data ? (int)item->value.len : 1,
					item->value.data ? item->value.data : "?");
	}
	assert_string_equal(all, text);
}

static void expect_body(const struct passage *p, const char *types, const char *hex)
{
	struct slice rest = from_hex(hex);
	char body[8192];
	int len = snprintf(body, sizeof body, "\0052.0.2\1s\0051.0.0\1m%c%s", (int)strlen(types),
			   types);

	memcpy(body + len, rest.data, rest.len);
	assert_slice(p->sent, slice_make(body, (size_t)len + rest.len));
	free((void *)rest.data);
}

/* --- attachments */

static void what_nobody_changed_passes_as_it_came(void **state)
{
	struct passage p = begin("I", "91 48 0161 0131 0141 0132 0161 0133 0162 4e 5a");
	(void)state;

	assert_false(dubbo_may_be_edited(headers_of(&p)));
	set(&p, "a", "9");
	set(&p, "a", "3"); /* and back */
	assert_true(dubbo_may_be_edited(headers_of(&p)));
	go(&p);
	expect_body(&p, "I", "91 48 0161 0131 0141 0132 0161 0133 0162 4e 5a");
	assert_int_equal(p.to->counts.edited_requests, 0);
	finish(&p);

	p = begin_as("m", "", "48 0161 0131 5a", false); /* nobody had asked for them */
	assert_false(dubbo_may_be_edited(headers_of(&p)));
	go(&p);
	expect_body(&p, "", "48 0161 0131 5a");
	finish(&p);
}

static void a_new_one_stands_before_the_end_of_the_map(void **state)
{
	struct passage p = begin("I", "91 48 0161 0131 0162 93 5a");
	(void)state;

	set(&p, "x-new", "v");
	go(&p);
	expect_body(&p, "I", "91 48 0161 0131 0162 93 05782d6e6577 0176 5a");
	assert_int_equal(p.to->counts.edited_requests, 1);
	finish(&p);

	p = begin_as("m", "", "48 0161 0131 5a", false); /* attachments were not read before */
	set(&p, "x-new", "v");
	go(&p);
	expect_all(&p, "a=1 x-new=v");
	finish(&p);

	p = begin("", "48 5a");
	set(&p, "x-new", "");
	go(&p);
	expect_all(&p, "x-new=");
	finish(&p);
}

static void the_end_of_the_map_is_not_its_last_byte(void **state)
{
	/* a value that ends in 'Z', bytes behind the map, and a map in the map */
	struct passage p = begin("", "48 0161 015a 0162 48 0163 015a 5a 5a 5a5a");
	(void)state;

	set(&p, "k", "v");
	go(&p);
	expect_body(&p, "", "48 0161 015a 0162 48 0163 015a 5a 016b 0176 5a 5a5a");
	finish(&p);
}

static void no_map_null_a_ref_and_a_typed_one_become_a_map(void **state)
{
	static const struct {
		const char *types, *before, *after;
	} cases[] = {
		{"", "", "48 016b 0176 5a"},
		{"", "4e", "48 016b 0176 5a"},
		/* the argument's map, whose last byte as a ref looks like an end */
		{"Ljava/util/Map;", "48 0161 0131 5a 51 90",
		 "48 0161 0131 5a 48 0161 0131 016b 0176 5a"},
		/* ref 2, a list of an object and the map: what the map holds are an object and a
		   ref */
		{"Ljava/util/List;", "7a 43 0141 91 0178 60 90 48 0162 60 91 0163 51 91 5a 51 92",
		 "7a 43 0141 91 0178 60 90 48 0162 60 91 0163 51 91 5a"
		 "48 0162 60 91 0163 51 91 016b 0176 5a"},
		{"", "4d 0d6a6176612e7574696c2e547265 0161 0131 5a", "48 0161 0131 016b 0176 5a"},
		/* the name of its type is what the list in it counts in */
		{"", "4d 0154 0161 72 90 91 92 5a", "4d 0154 0161 72 90 91 92 016b 0176 5a"},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct passage p = begin(cases[i].types, cases[i].before);
		set(&p, "k", "v");
		go(&p);
		expect_body(&p, cases[i].types, cases[i].after);
		finish(&p);
	}
}

static void a_set_one_loses_all_that_are_equal_and_no_other_case(void **state)
{
	struct passage p = begin("", "48 016b 0131 014b 0132 0161 0130 016b 0133 5a");
	(void)state;

	set(&p, "k", "9");
	go(&p);
	expect_all(&p, "K=2 a=0 k=9");
	finish(&p);

	p = begin("",
		  "48 0258 59 0131 0258 79 0132 0278 59 0133 0258 79 0134 5a"); /* XY Xy xY Xy */
	set(&p, "xy", "9"); /* the last of any case is what the header spoke for */
	go(&p);
	expect_all(&p, "XY=1 xY=3 Xy=9");
	finish(&p);

	p = begin("", "48 0558 2d466f6f 0131 5a"); /* X-Foo */
	set(&p, "x-foo", "2");
	go(&p);
	expect_all(&p, "X-Foo=2");
	finish(&p);
}

static void a_removed_one_is_gone_in_every_case(void **state)
{
	struct passage p = begin("", "48 016b 0131 014b 0132 0161 0130 016b 0133 5a");
	(void)state;

	headers_remove(headers_of(&p), SLICE("k"));
	go(&p);
	expect_body(&p, "", "48 0161 0130 5a");
	finish(&p);
}

static void values_that_are_no_strings_stay_as_they_are(void **state)
{
	static const char kept[] = "0161 93 0162 d40100 0163 4c0000000100000000 0164 54"
				   "0165 443ff8000000000000 0166 4e 0167 485a 0168 2101"
				   "0169 4a0000000000000000 016a 43 0141 91 0178 60 90"
				   "016c 60 91 016d 5190 90 0176 0161 94";
	char before[512], after[512];
	(void)state;

	snprintf(before, sizeof before, "48 %s 016e 0176 5a", kept);
	snprintf(after, sizeof after, "48 %s 016e 0177 0178 0179 5a", kept);
	struct passage p = begin("", before);
	set(&p, "n", "w");
	set(&p, "x", "y");
	go(&p);
	expect_body(&p, "", after);
	finish(&p);
}

static void what_others_count_in_stays_and_is_overruled(void **state)
{
	/* a: an object with its class, b: another of that class, c: a ref to the first */
	static const char shared[] = "48 0161 43 0141 91 0178 60 90 0162 60 91 0163 5191 5a";
	struct passage p = begin("", shared);
	(void)state;

	headers_remove(headers_of(&p), SLICE("a"));
	go(&p);
	expect_body(&p, "", "48 0161 43 0141 91 0178 60 90 0162 60 91 0163 5191 0161 4e 5a");
	finish(&p);

	p = begin("", shared);
	set(&p, "a", "v");
	go(&p);
	expect_body(&p, "", "48 0161 43 0141 91 0178 60 90 0162 60 91 0163 5191 0161 0176 5a");
	finish(&p);

	p = begin("", shared);
	headers_remove(headers_of(&p), SLICE("c")); /* nothing counts in a ref */
	headers_remove(headers_of(&p), SLICE("b"));
	go(&p);
	expect_body(&p, "", "48 0161 43 0141 91 0178 60 90 0162 60 91 0162 4e 5a");
	finish(&p);

	p = begin("", "48 0161 43 0141 91 0178 60 90 0162 0131 5a");
	headers_remove(headers_of(&p), SLICE("a")); /* nothing behind it counts */
	go(&p);
	expect_body(&p, "", "48 0162 0131 5a");
	finish(&p);
}

static void names_that_mean_something_are_never_made_but_by_prefix(void **state)
{
	static const char *const names[] = {
		"x-envoy-attempt-count", "tri-unknown", "connection", "content-length",
		"transfer-encoding",     "host",        "te",         "x-forwarded-for",
		"x-request-id",          "grpc-timeout"};
	struct passage p = begin("", "48 0161 0131 053a70617468 0178 0468 6f7374 0179 5a");
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(names); i++)
		set(&p, names[i], "v");
	headers_set_id(headers_of(&p), HEADER_METHOD, SLICE("GET"));
	headers_set_id(headers_of(&p), HEADER_SCHEME, SLICE("http"));
	go(&p);
	expect_all(&p, "a=1 :path=x host=y");
	assert_int_equal(p.to->counts.edited_requests, 0);
	finish(&p);

	p = begin("", "48 0161 0131 053a70617468 0178 0468 6f7374 0179 5a");
	set(&p, "attachment::path", "v");
	headers_remove(headers_of(&p), SLICE("attachment:host"));
	set(&p, "attachment:te", "w");
	go(&p);
	expect_all(&p, "a=1 :path=v te=w");
	finish(&p);
}

static void encoded_names_are_found_again(void **state)
{
	/* "a b", "\u00e9", "%" and a CR LF in a value */
	struct passage p = begin("", "48 0361 20 62 0131 01c3a9 0132 0125 0133 0163 04610d0a62 5a");
	(void)state;

	set(&p, "a%20b", "4");
	set(&p, "%c3%a9", "5");
	set(&p, "%25", "6");
	go(&p);
	expect_all(&p, "c=a\r\nb a b=4 \u00e9=5 %=6");
	finish(&p);
}

static void values_of_one_name_are_joined(void **state)
{
	struct passage p = begin("", "48 0161 0131 5a");
	(void)state;

	headers_add(headers_of(&p), SLICE("a"), SLICE("2"));
	headers_add(headers_of(&p), SLICE("b"), SLICE("3"));
	headers_add(headers_of(&p), SLICE("b"), SLICE("4"));
	go(&p);
	expect_all(&p, "a=1,2 b=3,4");
	finish(&p);
}

static void what_is_added_before_somebody_asks_is_an_edit(void **state)
{
	struct passage p = begin("", "48 0161 0131 0162 0132 5a");
	(void)state;

	headers_add(headers_of(&p), SLICE("x-new"), SLICE("1"));
	assert_int_equal(headers_of(&p)->count, headers_of(&p)->rpc->received->count + 1);
	headers_add(headers_of(&p), SLICE("x-new"), SLICE("2"));
	go(&p);
	expect_body(&p, "", "48 0161 0131 0162 0132 05782d6e6577 03312c32 5a");
	finish(&p);

	p = begin("", "48 0161 0131 0162 0132 5a");
	headers_add(headers_of(&p), SLICE("x-new"), SLICE("1"));
	headers_set_id(headers_of(&p), HEADER_X_REQUEST_ID, SLICE("none of its business"));
	set(&p, "a", "9"); /* asks */
	headers_remove(headers_of(&p), SLICE("b"));
	headers_add(headers_of(&p), SLICE("c"), SLICE("3"));
	go(&p);
	expect_all(&p, "a=9 x-new=1 c=3");
	finish(&p);

	p = begin("", "48 0161 0131 0162 0132 5a");
	headers_add(headers_of(&p), SLICE("a"), SLICE("2")); /* asks, for there is one */
	headers_set_id(headers_of(&p), HEADER_PATH, SLICE("/t/n"));
	go(&p);
	assert_slice(p.provider->calls->headers->rpc->service, SLICE("t"));
	expect_all(&p, "b=2 a=1,2");
	finish(&p);
}

static void a_copy_of_the_headers_knows_what_was_edited(void **state)
{
	struct passage p = begin("", "48 0161 0131 0162 0132 0163 0133 5a");
	struct headers copy;
	(void)state;

	headers_remove(headers_of(&p), SLICE("a"));
	set(&p, "b", "9");
	set(&p, "d", "4");
	headers_copy(&copy, headers_of(&p), &p.call->arena);
	p.call->headers = &copy;
	go(&p);
	expect_all(&p, "c=3 b=9 d=4");
	finish(&p);
}

static void an_edited_body_that_goes_again_stays_as_it_is(void **state)
{
	struct passage p = begin("", "48 0161 0131 0162 0132 5a");
	(void)state;

	set(&p, "a", "9");
	set(&p, "c", "3");
	headers_remove(headers_of(&p), SLICE("b"));
	go(&p);
	free(p.call->data);
	p.call->data = malloc(p.sent.len);
	memcpy(p.call->data, p.sent.data, p.sent.len);
	p.call->data_len = p.sent.len;
	struct passage again = {.from = p.from, .call = p.call};
	go(&again);
	assert_slice(again.sent, p.sent);
	expect_all(&again, "a=9 c=3");
	dubbo_codec.abandon(&again.provider->calls->exchange);
	end_close(again.provider);
	end_close(again.to);
	free(again.sent_bytes);
	finish(&p);
}

static void what_was_set_before_attachments_were_read_is_an_edit(void **state)
{
	struct passage p = {.from = end_open(CODEC_SERVER)};
	struct slice body = SLICE("\0052.0.2\1s\0051.0.0\1m\0H\1a\0011\1b\0012\5group\1gZ");
	(void)state;

	p.from->early = SLICE("b");
	p.from->read_attachments = true;
	end_feed_frame(p.from, 0xc2, 0, 7, body);
	p.call = p.from->calls;
	dubbo_attachments_publish(headers_of(&p));
	headers_remove(headers_of(&p), SLICE("a"));
	go(&p);
	expect_all(&p, "group=g b=early");
	finish(&p);

	/* read, but no headers are made of them */
	p = (struct passage){.from = end_open(CODEC_SERVER)};
	p.from->read_attachments = true;
	end_feed_frame(p.from, 0xc2, 0, 7, body);
	p.call = p.from->calls;
	assert_false(dubbo_may_be_edited(headers_of(&p)));
	headers_set(headers_of(&p), SLICE("x"), SLICE("y"));
	go(&p);
	expect_all(&p, "a=1 b=2 group=g x=y");
	finish(&p);
}

/* --- bytes that stay where they are */

/* The body of the call with these edits of its headers, in pieces. */
static void rewrite(struct passage *p, struct slice body, struct buf *out)
{
	struct dubbo_edits edits;

	assert_true(dubbo_edits_find(&edits, headers_of(p), false, &p->call->arena));
	buf_init(out, &p->from->pool);
	buf_append_turn(out, body);
	assert_int_equal(dubbo_rewrite_request(out, DUBBO_HESSIAN2, &edits), STATUS_OK);
	buf_check(out);
}

static void expect_piece(const struct buf_segment **piece, const char *at, size_t len)
{
	assert_non_null(*piece);
	assert_ptr_equal((*piece)->data, at);
	assert_int_equal((*piece)->len, len);
	*piece = (*piece)->next;
}

static void what_is_kept_is_moved_not_copied(void **state)
{
	static const char body[] = "\0052.0.2\1s\0051.0.0\1m\0H\1a\0011\1b\0012\1c\0013Z";
	const size_t len = sizeof body - 1, map = len - 14;
	struct passage p = begin("", "48 0161 0131 0162 0132 0163 0133 5a");
	const struct buf_segment *piece;
	struct buf out;
	(void)state;

	set(&p, "k", "v");
	rewrite(&p, slice_make(body, len), &out);
	piece = out.first;
	expect_piece(&piece, body, len - 1); /* all but the end of the map */
	assert_slice(slice_make(piece->data, piece->len), SLICE("\1k\1vZ"));
	assert_null(piece->next);
	buf_clear(&out);

	headers_remove(headers_of(&p), SLICE("b"));
	rewrite(&p, slice_make(body, len), &out);
	piece = out.first;
	expect_piece(&piece, body, map + 5);
	expect_piece(&piece, body + map + 9, 4);
	assert_slice(slice_make(piece->data, piece->len), SLICE("\1k\1vZ"));
	assert_null(piece->next);
	buf_clear(&out);
	finish(&p);
}

/* A filter of data may have made another body of it: what is known of the one that came is worth
 * nothing then. */
static void a_body_that_was_replaced_is_read_anew(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"91 48 0162 0131 5a", "91 48 0162 0131 016b 0176 5a"}, /* another name */
		{"91 48 0161 5a 5a", NULL},                             /* no map */
		{"c8ff 48 0161 0131 5a", "c8ff 48 0161 0131 016b 0176 5a"},
		{"91 48 0161 0131 0162 0132 5a", "91 48 0161 0131 0162 0132 016b 0176 5a"},
		{"91 4e", "91 48 016b 0176 5a"},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct passage p = begin("I", "91 48 0161 0131 5a");
		struct slice rest = from_hex(cases[i].before);
		assert_non_null(p.call->headers->rpc->plain_map.data);
		size_t head = p.call->headers->rpc->arguments_at;
		p.call->data = realloc(p.call->data, head + rest.len);
		memcpy(p.call->data + head, rest.data, rest.len);
		p.call->data_len = head + rest.len;
		free((void *)rest.data);
		set(&p, "k", "v");
		if (cases[i].after) {
			go(&p);
			expect_body(&p, "I", cases[i].after);
		} else {
			p.to = end_open(CODEC_CLIENT);
			assert_int_equal(forward(p.call, p.to)->reset_events, 1);
		}
		finish(&p);
	}
}

/* --- fields */

/* path s, interface s, version 1.0.0, group g */
#define DISPATCH "0470617468 0173 09696e74657266616365 0173 0776657273696f6e 05312e302e30"
#define GROUP "0567726f7570 0167"

static void expect_fields(const struct passage *p, const char *service, const char *version,
			  const char *method)
{
	const struct rpc_head *rpc = p->provider->calls->headers->rpc;

	assert_slice(rpc->service, slice_of(service));
	assert_slice(rpc->service_version, slice_of(version));
	assert_slice(rpc->method, slice_of(method));
	assert_true(dubbo_attachments_agree(rpc));
}

static void a_rewritten_path_moves_fields_and_attachments(void **state)
{
	struct passage p = begin("I", "91 48 " DISPATCH GROUP "0161 0131 5a");
	(void)state;

	headers_set_id(headers_of(&p), HEADER_PATH, SLICE("/t.U/n"));
	go(&p);
	expect_fields(&p, "t.U", "1.0.0", "n");
	expect_all(&p, "version=1.0.0 group=g a=1 path=t.U interface=t.U");
	finish(&p);

	p = begin_as("m", "I", "91 48 " DISPATCH "5a", false);
	headers_set_id(headers_of(&p), HEADER_PATH, SLICE("/t.U/n?x=1"));
	headers_set_id(headers_of(&p), HEADER_AUTHORITY, SLICE("other"));
	go(&p);
	expect_fields(&p, "t.U", "1.0.0", "n");
	finish(&p);

	p = begin("I",
		  "91 48 0161 0131 5a"); /* without the attachments the fields are what counts */
	headers_set_id(headers_of(&p), HEADER_AUTHORITY, SLICE("t.U"));
	go(&p);
	expect_fields(&p, "t.U", "1.0.0", "m");
	expect_all(&p, "a=1");
	finish(&p);

	p = begin("I", "91 48 " DISPATCH "5a");
	set(&p, "path", "t.U");
	go(&p);
	expect_fields(&p, "t.U", "1.0.0", "m");
	expect_all(&p, "version=1.0.0 path=t.U interface=t.U");
	finish(&p);
}

static void version_and_group_move_alike(void **state)
{
	struct passage p = begin("", "48 " DISPATCH GROUP "5a");
	(void)state;

	headers_set_id(headers_of(&p), HEADER_TRI_SERVICE_VERSION, SLICE("2.0.0"));
	headers_set_id(headers_of(&p), HEADER_TRI_SERVICE_GROUP, SLICE("h"));
	go(&p);
	expect_fields(&p, "s", "2.0.0", "m");
	expect_all(&p, "path=s interface=s version=2.0.0 group=h");
	finish(&p);

	p = begin("", "48 " DISPATCH GROUP "5a");
	headers_remove_id(headers_of(&p), HEADER_TRI_SERVICE_VERSION);
	headers_remove_id(headers_of(&p), HEADER_TRI_SERVICE_GROUP);
	go(&p);
	expect_fields(&p, "s", "0.0.0", "m");
	expect_all(&p, "path=s interface=s version=0.0.0");
	finish(&p);

	p = begin_as("m", "", "48 " DISPATCH "5a", false);
	headers_set_id(headers_of(&p), HEADER_TRI_SERVICE_GROUP, SLICE("h"));
	go(&p);
	expect_all(&p, "path=s interface=s version=1.0.0 group=h");
	finish(&p);

	p = begin("", "48 " DISPATCH GROUP "5a");
	set(&p, "version", "3.0.0"); /* by its own name */
	set(&p, "group", "i");
	go(&p);
	expect_fields(&p, "s", "3.0.0", "m");
	expect_all(&p, "path=s interface=s version=3.0.0 group=i");
	finish(&p);
}

static void deadline_and_application_have_names_of_their_own(void **state)
{
	struct passage p = begin("", "48 0774696d656f7574 0431303030 035f544f c8fa"
				     "1272656d6f74652e6170706c69636174696f6e 0162 5a");
	(void)state;

	assert_int_equal(p.call->headers->rpc->timeout_ms, 250);
	assert_slice(headers_get(headers_of(&p), HEADER_TRI_SERVICE_TIMEOUT), SLICE("250"));
	headers_set_id(headers_of(&p), HEADER_TRI_SERVICE_TIMEOUT, SLICE("100"));
	headers_set_id(headers_of(&p), HEADER_TRI_CONSUMER_APPNAME, SLICE("c"));
	go(&p);
	expect_all(&p, "timeout=100 _TO=100 remote.application=c");
	assert_int_equal(p.provider->calls->headers->rpc->timeout_ms, 100);
	finish(&p);
}

static void callers_say_how_long_they_wait_and_for_whom(void **state)
{
	static const struct {
		const char *hex;
		uint32_t timeout_ms;
	} cases[] = {
		{"48 0774696d656f7574 0431303030 5a", 1000},
		{"48 0774696d656f7574 cbe8 5a", 1000},
		{"48 035f544f 0435303030 5a", 5000},
		{"48 0774696d656f7574 0135 035f544f 0137 5a", 5},
		{"48 0774696d656f7574 0130 035f544f 0137 5a", 7},
		{"48 0774696d656f7574 022d35 5a", 0},
		{"48 0774696d656f7574 0178 5a", 0},
		{"48 0774696d656f7574 4e 5a", 0},
		{"48 0774696d656f7574 143939393939393939393939393939393939393939 5a", 0},
		{"48 0774696d656f7574 0a39393939393939393939 5a", INT32_MAX},
		{"48 0754 696d656f7574 0135 5a", 0}, /* Java asks for the very name */
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct passage p = begin("", cases[i].hex);
		assert_int_equal(p.call->headers->rpc->timeout_ms, cases[i].timeout_ms);
		assert_null(p.call->headers->rpc->tag.data);
		finish(&p);
	}
	struct passage p = begin("", "48 09647562626f2e746167 0467726179"
				     "0f647562626f2e666f7263652e746167 0474727565 5a");
	assert_slice(p.call->headers->rpc->tag, SLICE("gray"));
	assert_true(p.call->headers->rpc->is_tag_forced);
	assert_slice(header_value(headers_find(headers_of(&p), SLICE("dubbo.tag"))), SLICE("gray"));
	finish(&p);
}

/* --- generic calls */

static const char generic_types[] = "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;";

static struct passage begin_generic(const char *hex)
{
	struct slice rest = from_hex(hex);
	char body[1024];
	int len = snprintf(body, sizeof body, "\0052.0.2\1s\0051.0.0\7$invoke\x30%c%s",
			   (int)strlen(generic_types), generic_types);

	memcpy(body + len, rest.data, rest.len);
	struct passage p = begin_body(slice_make(body, (size_t)len + rest.len), 0xc2, true);
	free((void *)rest.data);
	return p;
}

static void a_generic_call_is_one_of_its_method(void **state)
{
	struct passage p = begin_generic("03616464 71075b737472696e67 03696e74"
					 "71075b6f626a656374 91 48 0767656e65726963 0474727565 5a");
	(void)state;

	assert_int_equal(p.call->headers->rpc->kind, RPC_CALL_GENERIC);
	assert_slice(p.call->headers->rpc->method, SLICE("add"));
	assert_slice(headers_get(headers_of(&p), HEADER_PATH), SLICE("/s/add"));
	headers_set_id(headers_of(&p), HEADER_PATH, SLICE("/t/sub"));
	go(&p);
	expect_fields(&p, "t", "1.0.0", "sub");
	assert_non_null(memmem(p.sent.data, p.sent.len, "$invoke", 7));
	expect_all(&p, "generic=true");
	finish(&p);

	p = begin_as("$echo", "Ljava/lang/Object;", "4e 485a", true);
	assert_int_equal(p.call->headers->rpc->kind, RPC_CALL_ECHO);
	assert_slice(headers_get(headers_of(&p), HEADER_PATH), SLICE("/s/$echo"));
	finish(&p);

	p = begin_as("$invoke", "I", "91 485a", true); /* a method that happens to have the name */
	assert_int_equal(p.call->headers->rpc->kind, RPC_CALL_PLAIN);
	finish(&p);
}

static void a_generic_call_without_a_method_is_refused(void **state)
{
	static const char *const firsts[] = {"4e", "90", "00", "0361 2f 62", "", "5200 0161 0162"};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(firsts); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice rest = from_hex(firsts[i]);
		char body[512];
		int len = snprintf(body, sizeof body, "\0052.0.2\1s\0051.0.0\7$invoke\x30%c%s",
				   (int)strlen(generic_types), generic_types);
		memcpy(body + len, rest.data, rest.len);
		end_feed_frame(end, 0xc2, 0, 1, slice_make(body, (size_t)len + rest.len));
		free((void *)rest.data);
		assert_int_equal(end->call_count, 0);
		assert_int_equal(end->counts.undecodable_requests, 1);
		assert_int_equal(end_taken(end).data[3], 40);
		end_close(end);
	}
}

/* --- what can't be edited */

static void what_cannot_be_edited_does_not_go_on(void **state)
{
	static const char *const bodies[] = {"91 48 0161", "40", "91 48 0161 0162", "91 51 90"};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(bodies); i++) {
		struct passage p = begin_as("m", "I", bodies[i], false);
		struct end *to = end_open(CODEC_CLIENT);
		set(&p, "k", "v");
		struct call *call = forward(p.call, to);
		assert_int_equal(call->reset_events, 1);
		assert_int_equal(call->reset_reason, REPLY_BAD_REQUEST);
		assert_int_equal(to->counts.uneditable_messages, 1);
		assert_int_equal(to->dubbo.calls.open, 0);
		assert_int_equal(end_taken(to).len, 0);
		end_close(to);
		finish(&p);
	}
}

/* --- fastjson2 */

static void jsonb_is_edited_alike(void **state)
{
	static const char head[] = "00000006 4e322e302e32 00000002 4a73 00000006 4e312e302e30"
				   "00000002 4a6d 00000002 4a49 00000001 05";
	char hex[512];
	(void)state;

	/* {"a":"1", "b":[1,{"c":null}], "K":2, "path":"s"} */
	snprintf(hex, sizeof hex,
		 "%s 0000001b a6 4a61 4a31 4a62 96 01 a64a63afa5 4a4b 02 4d70617468 4a73 a5", head);
	struct slice body = from_hex(hex);
	assert_int_equal((uint8_t)body.data[body.len - 1], 0xa5);
	((char *)body.data)[43 + 3] = (char)(body.len - 47);
	struct passage p = begin_body(body, 0xd7, true);
	free((void *)body.data);
	set(&p, "k", "9");
	set(&p, "new", "v");
	headers_remove(headers_of(&p), SLICE("a"));
	headers_set_id(headers_of(&p), HEADER_PATH, SLICE("/t/n"));
	headers_set_id(headers_of(&p), HEADER_TRI_SERVICE_VERSION, SLICE("2.0.0"));
	go(&p);
	expect_fields(&p, "t", "2.0.0", "n");
	expect_all(&p, "b=? K=9 new=v path=t");
	finish(&p);

	snprintf(hex, sizeof hex, "%s 00000001 af", head);
	body = from_hex(hex);
	p = begin_body(body, 0xd7, true);
	free((void *)body.data);
	set(&p, "new", "v");
	go(&p);
	expect_all(&p, "new=v");
	finish(&p);
}

/* --- answers */

/* An answer to a call of that version goes through; edit() changes its headers. Returns what the
 * consumer gets, without the frame's header. The caller frees. */
static struct slice answer(const char *version, uint8_t status, const char *hex,
			   void (*edit)(struct headers *headers))
{
	struct end *server = end_open(CODEC_SERVER), *client = end_open(CODEC_CLIENT);
	struct slice payload = from_hex(hex), body;
	char request[64];
	int len = snprintf(request, sizeof request, "%c%s\1s\0051.0.0\1m%c", (int)strlen(version),
			   version, 0);

	request[len++] = 'N';
	end_feed_frame(server, 0xc2, 0, 7, slice_make(request, (size_t)len));
	server->calls->headers->rpc->wants_answer_attachments = true;
	struct call *call = forward(server->calls, client);
	struct dubbo_frame sent = frame_at(end_taken(client), &body);
	end_feed_frame(client, 2, status, sent.id, payload);
	assert_int_equal(call->closed_events, 1);
	edit(call->headers);
	call_send(server->calls, call->headers, slice_make(call->data, call->data_len));
	frame_at(end_taken(server), &body);
	char *copy = malloc(body.len + 1);
	memcpy(copy, body.data, body.len);
	free((void *)payload.data);
	end_close(server);
	end_close(client);
	return slice_make(copy, body.len);
}

static void expect_answer(const char *version, uint8_t status, const char *hex,
			  void (*edit)(struct headers *headers), const char *expected)
{
	struct slice is = answer(version, status, hex, edit), should = from_hex(expected);

	assert_slice(is, should);
	free((void *)is.data);
	free((void *)should.data);
}

static void edit_nothing(struct headers *headers)
{
	(void)headers;
}

static void add_one(struct headers *headers)
{
	headers_set(headers, SLICE("k"), SLICE("v"));
	headers_set(headers, SLICE("x-envoy-upstream-service-time"), SLICE("1"));
}

static void change_all(struct headers *headers)
{
	assert_non_null(headers_find(headers, SLICE("dubbo")));
	headers_remove(headers, SLICE("dubbo"));
	headers_set(headers, SLICE("a"), SLICE("9"));
	headers_remove(headers, SLICE("b"));
}

#define DUBBO_KEY "05647562626f 05322e302e32"

static void answers_of_every_kind_take_attachments(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"90 7990", "93 7990 48 016b 0176" DUBBO_KEY "5a"}, /* the exception: some value */
		{"91 0161", "94 0161 48 016b 0176" DUBBO_KEY "5a"},
		{"92", "95 48 016b 0176" DUBBO_KEY "5a"},
		{"93 7990 485a", "93 7990 48 016b 0176 5a"},
		{"94 0161 48" DUBBO_KEY "5a", "94 0161 48" DUBBO_KEY "016b 0176 5a"},
		{"95 4e", "95 48 016b 0176 5a"},
		/* the value is the map that the attachments are a ref to */
		{"94 48 0161 0131 5a 5190", "94 48 0161 0131 5a 48 0161 0131 016b 0176 5a"},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		expect_answer("2.0.2", 20, cases[i].before, edit_nothing, cases[i].before);
		expect_answer("2.0.2", 20, cases[i].before, add_one, cases[i].after);
	}
	expect_answer("2.0.2", 20, "94 0161 48 0162 91" DUBBO_KEY "0161 0132 5a", change_all,
		      "94 0161 48" DUBBO_KEY "0161 0139 5a");
}

static void an_answer_that_takes_none_stays_as_it_is(void **state)
{
	(void)state;
	expect_answer("2.0.1", 20, "91 0161", add_one, "91 0161"); /* its consumer knows none */
	expect_answer("2.0.100", 20, "92", add_one, "92");
	expect_answer("2.0.2", 70, "0161", add_one, "0161"); /* an error's text */
	expect_answer("2.0.2", 20, "96", add_one, "96");
	expect_answer("2.0.2", 20, "91", add_one, "91"); /* cut */
	expect_answer("2.0.2", 20, "94 0161 48 0161", add_one, "94 0161 48 0161");
}

static void the_proxys_own_answers_take_them_too(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct local_reply local = {.reason = REPLY_BLOCKED, .grpc_status = -1};
	struct headers headers;
	struct slice body;
	struct buf data;
	(void)state;

	end_feed_frame(end, 0xc2, 0, 7, SLICE("\0052.0.2\1s\0051.0.0\1m\0N"));
	struct exchange *exchange = &end->calls->exchange;
	headers_init(&headers, exchange->arena, 4);
	buf_init(&data, &end->pool);
	dubbo_codec.render_reply(exchange, &local, &headers, &data);
	headers_set(&headers, SLICE("x-why"), SLICE("limit"));
	dubbo_codec.send_headers(exchange, &headers, false);
	dubbo_codec.send_data(exchange, &data, true);
	frame_at(end_taken(end), &body);
	assert_true(slice_ends_with(body, SLICE("H\5dubbo\0052.0.2\5x-why\5limitZ")));
	end_close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_changed_passes_as_it_came),
		cmocka_unit_test(a_new_one_stands_before_the_end_of_the_map),
		cmocka_unit_test(the_end_of_the_map_is_not_its_last_byte),
		cmocka_unit_test(no_map_null_a_ref_and_a_typed_one_become_a_map),
		cmocka_unit_test(a_set_one_loses_all_that_are_equal_and_no_other_case),
		cmocka_unit_test(a_removed_one_is_gone_in_every_case),
		cmocka_unit_test(values_that_are_no_strings_stay_as_they_are),
		cmocka_unit_test(what_others_count_in_stays_and_is_overruled),
		cmocka_unit_test(names_that_mean_something_are_never_made_but_by_prefix),
		cmocka_unit_test(encoded_names_are_found_again),
		cmocka_unit_test(values_of_one_name_are_joined),
		cmocka_unit_test(what_is_added_before_somebody_asks_is_an_edit),
		cmocka_unit_test(a_copy_of_the_headers_knows_what_was_edited),
		cmocka_unit_test(what_was_set_before_attachments_were_read_is_an_edit),
		cmocka_unit_test(an_edited_body_that_goes_again_stays_as_it_is),
		cmocka_unit_test(what_is_kept_is_moved_not_copied),
		cmocka_unit_test(a_body_that_was_replaced_is_read_anew),
		cmocka_unit_test(a_rewritten_path_moves_fields_and_attachments),
		cmocka_unit_test(version_and_group_move_alike),
		cmocka_unit_test(deadline_and_application_have_names_of_their_own),
		cmocka_unit_test(callers_say_how_long_they_wait_and_for_whom),
		cmocka_unit_test(a_generic_call_is_one_of_its_method),
		cmocka_unit_test(a_generic_call_without_a_method_is_refused),
		cmocka_unit_test(what_cannot_be_edited_does_not_go_on),
		cmocka_unit_test(jsonb_is_edited_alike),
		cmocka_unit_test(answers_of_every_kind_take_attachments),
		cmocka_unit_test(an_answer_that_takes_none_stays_as_it_is),
		cmocka_unit_test(the_proxys_own_answers_take_them_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
