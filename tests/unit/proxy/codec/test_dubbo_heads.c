/* A kept head gives what decoding would have given. */
#include "unit/proxy/codec/dubbo_harness.h"

#include <glob.h>

static void expect_same(const struct call *a, const struct call *b)
{
	const struct rpc_head *x = a->headers->rpc, *y = b->headers->rpc;

	assert_int_equal(a->headers->count, b->headers->count);
	assert_int_equal(a->headers->capacity, b->headers->capacity);
	assert_ptr_equal(b->headers->arena, &b->arena);
	for (uint32_t i = 0; i < a->headers->count; i++) {
		const struct header *h = &a->headers->items[i], *g = &b->headers->items[i];
		assert_int_equal(h->id, g->id);
		assert_slice(header_name(g), header_name(h));
		assert_slice(header_value(g), header_value(h));
		assert_ptr_equal(headers_find_id(b->headers, (enum header_id)g->id), g);
	}
	assert_slice(y->protocol_version, x->protocol_version);
	assert_slice(y->service, x->service);
	assert_slice(y->service_version, x->service_version);
	assert_slice(y->method, x->method);
	assert_slice(y->param_types, x->param_types);
	assert_int_equal(!y->service_version.data, !x->service_version.data);
	assert_int_equal(y->arguments_at, x->arguments_at);
	assert_int_equal(y->serialization, x->serialization);
	assert_int_equal(y->protocol, x->protocol);
	assert_int_equal(y->result, x->result);
	assert_int_equal(y->has_attachments, x->has_attachments);
	assert_int_equal(y->attachment_count, x->attachment_count);
}

static unsigned kept(const struct end *end)
{
	unsigned count = 0;
	for (unsigned i = 0; i < DUBBO_HEAD_SLOTS; i++)
		count += end->heads.slots[i] != NULL;
	return count;
}

static void abandon_all(struct end *end)
{
	for (struct call *call = end->calls; call; call = call->next)
		dubbo_codec.abandon(&call->exchange);
}

static void golden_requests_are_the_same_from_a_kept_head(void **state)
{
	glob_t files;
	unsigned from_kept = 0;
	(void)state;

	assert_int_equal(glob("tests/vectors/dubbo/*[!t].req.hex", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice bytes = golden(strrchr(files.gl_pathv[i], '/') + 1);
		end->read_attachments = true;
		end_feed(end, bytes, false);
		if (end->call_count) {
			bool is_kept = kept(end);
			from_kept += is_kept;
			assert_true(!is_kept || end->calls->headers->rpc->kind != RPC_CALL_GENERIC);
			/* the same head in another block of memory, as a one-way call */
			((char *)bytes.data)[2] ^= 0x40;
			end_feed(end, bytes, false);
			expect_same(end->calls->next, end->calls);
			assert_int_equal(end->calls->headers->rpc->is_oneway,
					 !end->calls->next->headers->rpc->is_oneway);
			assert_slice(slice_make(end->calls->data, end->calls->data_len),
				     slice_sub(bytes, 16, bytes.len));
		}
		abandon_all(end);
		free((void *)bytes.data);
		end_close(end);
	}
	assert_true(from_kept > 34);
	globfree(&files);
}

static size_t body_make(char *body, unsigned service, unsigned method, const char *rest)
{
	char name[64];
	size_t len = 0;
	int n;

	len += (size_t)sprintf(body, "\0052.0.2");
	n = sprintf(name, "com.example.shop.Service%u", service);
	len += (size_t)sprintf(body + len, "%c%s\0050.0.0", n, name);
	n = sprintf(name, "method%u", method);
	len += (size_t)sprintf(body + len, "%c%s\1I%s", n, name, rest);
	return len;
}

static void heads_replace_each_other_and_never_mix(void **state)
{
	static const char *const rests[] = {
		"\x90H", "\x91HZ",
		"\x90H\5some1\x1fxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\5some2\x1f"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\5some3\x1f"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxZ"};
	struct end *end = end_open(CODEC_SERVER);
	uint32_t random = 7;
	(void)state;

	for (unsigned i = 0; i < 20000; i++) {
		char body[512], path[128];
		random = random * 1664525 + 1013904223;
		unsigned service = (random >> 8) % 20, method = (random >> 16) % 20;
		size_t len = body_make(body, service, method, rests[i % COUNT_OF(rests)]);
		end_feed_frame(end, 0xc2, 0, i, slice_make(body, len));
		snprintf(path, sizeof path, "/com.example.shop.Service%u/method%u", service,
			 method);
		assert_slice(headers_get(end->calls->headers, HEADER_PATH), slice_of(path));
		assert_slice(headers_get(end->calls->headers, HEADER_TRI_SERVICE_VERSION),
			     SLICE("0.0.0"));
		assert_slice(end->calls->headers->rpc->param_types, SLICE("I"));
		assert_slice(end->calls->headers->rpc->protocol_version, SLICE("2.0.2"));
		dubbo_codec.abandon(&end->calls->exchange);
		if (end->call_count % 100 == 0)
			while (end->calls) {
				struct call *call = end->calls;
				end->calls = call->next;
				arena_free(&call->arena);
				free(call->data);
				free(call);
			}
	}
	assert_true(kept(end) > DUBBO_HEAD_SLOTS / 2);
	end_close(end);
}

/* What was remembered with a head is found with that head only, though heads replace each other. */
static void a_memo_belongs_to_its_head(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	uint32_t random = 11, found = 0, empty = 0;
	(void)state;

	for (unsigned i = 0; i < 2000; i++) {
		char body[512];
		random = random * 1664525 + 1013904223;
		unsigned service = (random >> 8) % 12, method = (random >> 16) % 12;
		char *mine = (char *)end + service * 12 + method;
		size_t len = body_make(body, service, method, "\x90H");
		end_feed_frame(end, 0xc2, 0, i, slice_make(body, len));
		struct rpc_memo *memo = end->calls->headers->rpc->memo;
		if (memo && memo->of) {
			assert_ptr_equal(memo->of, end);
			assert_ptr_equal(memo->found, mine);
			found++;
		} else if (memo) {
			*memo = (struct rpc_memo){.of = end, .found = mine};
			empty++;
		}
	}
	assert_true(found > 50 && empty > 100);
	abandon_all(end);
	end_close(end);
}

static void what_is_not_plain_is_not_kept(void **state)
{
	static const char *const bodies[] = {
		"05322e302e32 0a612e622e632e642e652e66 05302e302e30 036dc3a9 014990", /* not ASCII
										       */
		"4e 146161616161616161616161616161616161616161 4e 016d 0149 90",      /* nulls */
		"05322e302e32 0173 05302e302e30 016d 0149 90485a", /* a short service */
		"05322e302e32 146161616161616161616161616161616161616161 4e 016d 530001 49 90",
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(bodies); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice body = from_hex(bodies[i]);
		end_feed_frame(end, 0xc2, 0, 1, body);
		end_feed_frame(end, 0xc2, 0, 1, body);
		assert_int_equal(kept(end), 0);
		if (end->call_count == 2)
			expect_same(end->calls->next, end->calls);
		abandon_all(end);
		free((void *)body.data);
		end_close(end);
	}
}

/* The key is right and the strings are cut: nothing is taken for granted but the key's own bytes.
 */
static void a_kept_head_does_not_vouch_for_less(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	char body[512];
	size_t len = body_make(body, 1, 1, "");
	(void)state;

	end_feed_frame(end, 0xc2, 0, 1, slice_make(body, len));
	assert_int_equal(kept(end), 1);
	for (size_t cut = 0; cut < len; cut++)
		end_feed_frame(end, 0xc2, 0, 1, slice_make(body, cut));
	assert_int_equal(end->counts.undecodable_requests, len);
	assert_int_equal(end->call_count, 1);
	end_feed_frame(end, 0xc2, 0, 1, slice_make(body, len));
	assert_int_equal(end->call_count, 2);
	expect_same(end->calls->next, end->calls);
	abandon_all(end);
	end_close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_requests_are_the_same_from_a_kept_head),
		cmocka_unit_test(heads_replace_each_other_and_never_mix),
		cmocka_unit_test(a_memo_belongs_to_its_head),
		cmocka_unit_test(what_is_not_plain_is_not_kept),
		cmocka_unit_test(a_kept_head_does_not_vouch_for_less),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
